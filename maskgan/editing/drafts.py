"""A quick draft of an edit that goes on from another one: only what differs between their masks is painted.

An edit is made of the photo as a whole, so that one mask gives one picture, however people got there. After a dozen
strokes that takes several times as long as the first one did, and of a large photo it is painted finer than the screen
shows it. Until it is there a draft will do: the picture of the edit before serves as the photo, so that a stroke costs
what it costs on an unedited face of a small photo.
"""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np

from maskgan.editing.compositing import Retouch
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import Alignment
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.sizes import NETWORK_SIZE

#: An edit costs much when all its windows together are larger than this window, as sides in painted pixels.
_MUCH = NETWORK_SIZE

#: An edit is painted finer than its draft where a crop's side spans more pixels of the photo than this many of its own.
_FINER = 1.25

_FACES: WeakKeyDictionary[Edit, Face] = WeakKeyDictionary()


def worth_drafting(pipeline: MaskGANPipeline, edit: Edit, before: np.ndarray, mask: np.ndarray) -> bool:
    """Whether `draft` makes something of these, and that sooner than the edit itself is made."""
    if not isinstance(edit.change, Retouch) or not pipeline.engine.kept:
        return False
    own = edit.face.mask
    if np.array_equal(before, mask) or ((mask == own) & (before != own)).any():
        return False
    finer = edit.face.alignment.side > _FINER * len(mask)
    return finer or sum(patch.window.pixels**2 for patch in edit.change.patches) > _MUCH**2


def draft(pipeline: MaskGANPipeline, edit: Edit, before: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """A picture (S, S, 3) uint8 RGB of a face in the shapes of a mask, from that of an edit before.

    Args:
        edit: of the same face, by any pipeline.
        before: (S, S) class ids, the mask of that edit.
        mask: (S, S) class ids, the edited mask.

    Returns None where a draft is not quicker than the edit itself, or cannot be made: the edit before was a small one
    of a small photo, redrew the face, or has something laid over it; or some of the photo comes back, which a draft
    would paint.

    Raises:
        ValueError: the mask is not a label map.
        Abandoned: see `maskgan.editing.abandoning`.
    """
    if not worth_drafting(pipeline, edit, before, mask):
        return None
    return pipeline.edit(_as_photo(pipeline, edit, before), mask).crop


def _as_photo(pipeline: MaskGANPipeline, edit: Edit, mask: np.ndarray) -> Face:
    """The face as an edit left it, as if its picture were a photo; its style is that of the true one."""
    face = _FACES.get(edit)
    if face is None or face.weights is not pipeline.weights or not np.array_equal(face.mask, mask):
        style, alignment = pipeline.refresh(edit.face).style, Alignment.whole_picture(mask.shape)
        face = _FACES[edit] = replace(
            edit.face, photo=edit.crop, crop=edit.crop, mask=mask, style=style, alignment=alignment,
            weights=pipeline.weights,
        )  # fmt: skip
        vars(face)["tone"] = edit.face.tone  # of the true photo, and known already
    return face
