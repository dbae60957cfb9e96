"""What a quick edit is: a function on a scene, with the name and the texts of its button."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from maskgan.labels import check_mask
from maskgan.quick_edits.hairpieces import Worn
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.silhouettes import wardrobe

#: Upper limit of the strength; larger changes would not look like a face.
MAX_STRENGTH = 2.0


class Moved(NamedTuple):
    """mask: (H, W) uint8, the edited mask; moved: (H, W, 2) float32, offset (x, y) in pixels from each pixel to the
    pixel of the photo that it shows, NaN where the edit does not define one; worn: hairpieces that it puts on."""

    mask: np.ndarray
    moved: np.ndarray
    worn: tuple[Worn, ...] = ()


@dataclass(frozen=True)
class Variant:
    """One of the shapes that an edit offers."""

    name: str
    label: str
    draw: Callable[[Scene, float], None] = field(repr=False)


@dataclass(frozen=True)
class QuickEdit:
    """One named edit: `label` is the text of its button, `help` the tooltip, `group` the heading above its buttons.

    `variants` are the shapes to choose from, if any; the first one is what `draw` draws.
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
        the mask is not a label map, the strength is negative or not finite, or the variant is unknown.
        """
        return self.move(mask, strength, variant).mask

    def move(self, mask: np.ndarray, strength: float = 1.0, variant: str | None = None) -> Moved:
        """Return the edited copy of a label map and where the photo's pixels move, for `maskgan.editing.warping`.

        Arguments and errors as for `apply`.
        """
        mask = check_mask(mask)
        if not math.isfinite(strength) or strength < 0:
            raise ValueError(f"The strength of a quick edit must be a number from 0 to {MAX_STRENGTH:g}.")
        if strength == 0:
            return Moved(mask, np.full((*mask.shape, 2), np.nan, np.float32))
        draw = self.draw if variant is None else self.variant(variant).draw
        scene = Scene(mask)
        draw(scene, min(float(strength), MAX_STRENGTH))
        return Moved(scene.mask, scene.moved, tuple(scene.worn))


def shapes(draw: Callable[..., None], *names: str) -> tuple[Variant, ...]:
    """Variants that draw in the shapes of the wardrobe's entries of these names."""
    return tuple(Variant(name, wardrobe()[name]["title"], partial(draw, style=name)) for name in names)
