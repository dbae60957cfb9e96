"""Quick edits: one click changes the mask, drawn from the mask's own geometry.

    from maskgan.quick_edits import QUICK_EDITS
    mask = QUICK_EDITS["smile"].apply(mask)

Every edit is a pure function on label maps (H, W) uint8 0..18 of any size, for faces tilted in any way. An edit
that is applied again goes on until a natural limit and then leaves the mask as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from maskgan.labels import check_mask
from maskgan.quick_edits import accessories, features, hair, mouth
from maskgan.quick_edits.scene import QuickEditImpossible, Scene
from maskgan.quick_edits.silhouettes import wardrobe

__all__ = ["QUICK_EDITS", "Moved", "QuickEdit", "QuickEditImpossible", "Variant"]

#: Strengths above this are cut: they would leave what a face can look like.
MAX_STRENGTH = 2.0


class Moved(NamedTuple):
    """mask: (H, W) uint8, the edited mask; moved: (H, W, 2) float32, x and y from a pixel to the one of the photo that
    it shows, in pixels, NaN where the edit does not know."""

    mask: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True)
class Variant:
    """One of the shapes in which an edit can be had."""

    name: str
    label: str
    draw: Callable[[Scene, float], None] = field(repr=False)


@dataclass(frozen=True)
class QuickEdit:
    """One named edit: `label` goes on its button, `help` is its one-line tooltip, `group` sorts buttons.

    `variants`, where there are any, are the shapes to choose from; the first is what `draw` draws.
    """

    name: str
    label: str
    help: str
    group: str
    draw: Callable[[Scene, float], None] = field(repr=False)
    variants: tuple[Variant, ...] = field(default=(), repr=False)

    def variant(self, name: str) -> Variant:
        """A variant by its name; raises ValueError when the edit has none of that name."""
        for variant in self.variants:
            if variant.name == name:
                return variant
        names = ", ".join(variant.name for variant in self.variants) or "none"
        raise ValueError(f"{self.label} has no variant {name!r}; choose from: {names}.")

    def apply(self, mask: np.ndarray, strength: float = 1.0, variant: str | None = None) -> np.ndarray:
        """Return the edited copy of a label map.

        mask: (H, W) integer class ids 0..18. strength: 0 (no change) .. 2, where 1 is a clear natural change.
        variant: name of one of `variants`, None for the first.
        Returns (H, W) uint8. Raises QuickEditImpossible when the mask lacks what the edit needs, ValueError when
        the mask is no label map, the strength no number or the variant unknown.
        """
        return self.move(mask, strength, variant).mask

    def move(self, mask: np.ndarray, strength: float = 1.0, variant: str | None = None) -> Moved:
        """Like `apply`, and which of the photo's pixels go where, for `maskgan.editing.warping`."""
        mask = check_mask(mask)
        if not math.isfinite(strength) or strength < 0:
            raise ValueError(f"The strength of a quick edit must be a number from 0 to {MAX_STRENGTH:g}.")
        if strength == 0:
            return Moved(mask, np.full((*mask.shape, 2), np.nan, np.float32))
        draw = self.draw if variant is None else self.variant(variant).draw
        scene = Scene(mask)
        draw(scene, min(float(strength), MAX_STRENGTH))
        return Moved(scene.mask, scene.moved)


def _shapes(draw: Callable[..., None], *names: str) -> tuple[Variant, ...]:
    """Variants that draw in the shapes of the wardrobe's entries of these names."""
    return tuple(Variant(name, wardrobe()[name]["title"], partial(draw, style=name)) for name in names)


_EDITS = (
    QuickEdit("smile", "Smile", "Lifts the corners of the mouth and shows some teeth.", "Mouth", mouth.smile),
    QuickEdit("open_mouth", "Open mouth", "Parts the lips.", "Mouth", mouth.open_mouth),
    QuickEdit("close_mouth", "Close mouth", "Brings the lips together.", "Mouth", mouth.close_mouth),
    QuickEdit("fuller_lips", "Fuller lips", "Makes both lips thicker.", "Mouth", mouth.fuller_lips),
    QuickEdit("thinner_lips", "Thinner lips", "Makes both lips thinner.", "Mouth", mouth.thinner_lips),
    QuickEdit("bigger_eyes", "Bigger eyes", "Opens both eyes wider.", "Eyes and brows", features.bigger_eyes),
    QuickEdit("smaller_eyes", "Smaller eyes", "Narrows both eyes.", "Eyes and brows", features.smaller_eyes),
    QuickEdit("thicker_brows", "Thicker brows", "Makes both brows bushier.", "Eyes and brows", features.thicker_brows),
    QuickEdit("thinner_brows", "Thinner brows", "Makes both brows finer.", "Eyes and brows", features.thinner_brows),
    QuickEdit("raised_brows", "Raised brows", "Lifts both brows.", "Eyes and brows", features.raised_brows),
    QuickEdit("slimmer_face", "Slimmer face", "Draws cheeks and jaw in.", "Face", features.slimmer_face),
    QuickEdit("rounder_face", "Rounder face", "Fills cheeks and jaw out.", "Face", features.rounder_face),
    QuickEdit("wider_nose", "Wider nose", "Widens the wings of the nose.", "Face", features.wider_nose),
    QuickEdit("narrower_nose", "Narrower nose", "Narrows the wings of the nose.", "Face", features.narrower_nose),
    QuickEdit(
        *("longer_hair", "Longer hair", "Lets hair fall down both sides.", "Hair", hair.longer_hair),
        _shapes(hair.longer_hair, "long_straight", "long_wavy", "long_layered", "curls", "braids", "shoulder"),
    ),
    QuickEdit(
        *("shorter_hair", "Shorter hair", "Cuts to the jaw, then to the ears.", "Hair", hair.shorter_hair),
        (
            Variant("cut", "Cut", hair.shorter_hair),
            *_shapes(hair.wear_hair, "bob", "fringe_bob", "crew_cut", "quiff", "short_curls", "tied_back"),
        ),
    ),
    QuickEdit(
        *("more_volume", "More volume", "Makes the hair stand out all around.", "Hair", hair.more_volume),
        (Variant("own", "As it is", hair.more_volume), *_shapes(hair.wear_hair, "long_wavy", "curls", "afro")),
    ),
    QuickEdit("fringe", "Fringe", "Brings hair over the forehead.", "Hair", hair.fringe),
    QuickEdit(
        "higher_forehead", "Higher forehead", "Takes a fringe and the hairline back.", "Hair", hair.higher_forehead
    ),
    QuickEdit(
        *("glasses", "Glasses", "Puts on clear glasses.", "Accessories", accessories.glasses),
        _shapes(accessories.glasses, "rectangular_glasses", "round_glasses", "cat_eye_glasses", "square_glasses"),
    ),
    QuickEdit(
        *("sunglasses", "Sunglasses", "Puts on dark glasses.", "Accessories", accessories.sunglasses),
        _shapes(accessories.sunglasses, "square_glasses", "aviators", "round_glasses", "cat_eye_glasses"),
    ),
    QuickEdit("remove_glasses", "No glasses", "Takes glasses off.", "Accessories", accessories.remove_glasses),
    QuickEdit(
        *("hat", "Hat", "Puts on a hat or a cap.", "Accessories", accessories.hat),
        _shapes(accessories.hat, "beanie", "trilby", "bowler", "straw", "cap"),
    ),
    QuickEdit("remove_hat", "No hat", "Takes a hat off.", "Accessories", accessories.remove_hat),
    QuickEdit(
        *("earrings", "Earrings", "Puts an earring on each visible ear.", "Accessories", accessories.earrings),
        (
            Variant("drop", "Drop", accessories.earrings),
            Variant("hoop", "Hoop", partial(accessories.earrings, style="hoop")),
            Variant("stud", "Stud", partial(accessories.earrings, style="stud")),
        ),
    ),
    QuickEdit("remove_earrings", "No earrings", "Takes earrings off.", "Accessories", accessories.remove_earrings),
    QuickEdit("necklace", "Necklace", "Lays a chain around the neck.", "Accessories", accessories.necklace),
    QuickEdit("remove_necklace", "No necklace", "Takes a necklace off.", "Accessories", accessories.remove_necklace),
)

#: Every edit by name, in the order in which buttons should be shown.
QUICK_EDITS: dict[str, QuickEdit] = {edit.name: edit for edit in _EDITS}
