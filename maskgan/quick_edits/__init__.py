"""Quick edits: one click changes the mask, computed from the mask's own geometry.

    from maskgan.quick_edits import QUICK_EDITS
    mask = QUICK_EDITS["smile"].apply(mask)

Every edit is a pure function on label maps (H, W) uint8 0..18 of any size, for faces at any tilt. Applied repeatedly,
an edit continues to a natural limit and then leaves the mask unchanged.

A new edit is a function and an entry in the `EDITS` of one module.
"""

from __future__ import annotations

from maskgan.quick_edits import accessories, beard, features, fringe, hair, hairstyles, mouth
from maskgan.quick_edits.edit import Moved, QuickEdit, Variant
from maskgan.quick_edits.frame import QuickEditImpossible

__all__ = ["NOT_IN_PHOTOS", "QUICK_EDITS", "Moved", "QuickEdit", "QuickEditImpossible", "Variant"]

#: What photos' masks do not have: there a beard is skin.
NOT_IN_PHOTOS = ("beard",)

#: Every edit by name, in the order of the buttons.
QUICK_EDITS: dict[str, QuickEdit] = {
    edit.name: edit
    for module in (mouth, features, hairstyles, hair, fringe, beard, accessories)
    for edit in module.EDITS
}
