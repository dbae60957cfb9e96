"""Style copy: lips, hair, skin tone or the whole look of one face on another.

Figure 1 of the paper shows it both ways. `copy_style` keeps the target's shapes and takes the source's style;
`copy_geometry` keeps the target's style and takes the source's shapes.

With a style per region (`maskgan.networks.region_style`) any choice of regions can be copied: their codes come from the
source, without its residue, which is tied to places in the source's picture; the target's residue is left out beside
it, for its light and shadows are in the photo already. What the network then draws is not shown itself: the photo is
moved by the difference between G(mixed style) and G(own style), smoothed within each class, so that the photo keeps
its own strands, pores and light, and no generated texture gets in. Darkening multiplies (a highlight on dark hair is
darker than on white hair), lightening adds (multiplied, dark hair would become metal). With one style vector for the
whole face the whole vector is mixed, and the regions only say where the picture may change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import feathered
from maskgan.editing.pipeline import Edit, Face, MaskGANPipeline
from maskgan.labels import MIRRORED_PAIRS, Label

#: How far a copied region fades into its surroundings, in pixels of a 256 px crop.
_FEATHER = 3.0

#: The copied change of colour is smoothed over this many pixels (sigma) of a 256 px crop.
_SMOOTH = 5.0

#: Added to both sides of a ratio of colours (0..255), so that black divides by something.
_DARK = 20.0


class Region(NamedTuple):
    """Classes that people think of as one thing."""

    title: str
    classes: tuple[Label, ...]


_SKIN = (Label.SKIN, Label.NOSE, Label.L_EAR, Label.R_EAR, Label.NECK)

#: What can be chosen, by name. Left and right go together.
REGIONS: dict[str, Region] = {
    "lips": Region("Lips (make-up)", (Label.U_LIP, Label.L_LIP)),
    "hair": Region("Hair colour", (Label.HAIR,)),
    "skin": Region("Skin tone", _SKIN),
    "brows": Region("Brows", (Label.L_BROW, Label.R_BROW)),
    "eyes": Region("Eyes", (Label.L_EYE, Label.R_EYE)),
    "clothes": Region("Clothes", (Label.CLOTH,)),
    "accessories": Region("Hat, glasses, jewels", (Label.HAT, Label.EYE_G, Label.EAR_R, Label.NECK_L)),
    "background": Region("Background", (Label.BACKGROUND,)),
    "everything": Region("Everything", tuple(Label)),
}


def classes_of(regions: Collection[str]) -> list[int]:
    """Class ids of regions by name, in ascending order.

    Raises ValueError when there is none, or one that is not in REGIONS.
    """
    if not regions:
        raise ValueError("Choose at least one region to copy.")
    for name in regions:
        if name not in REGIONS:
            raise ValueError(f"There is no region {name!r}; choose from {', '.join(REGIONS)}.")
    return sorted({int(label) for name in regions for label in REGIONS[name].classes})


def missing_regions(target: Face, source: Face, regions: Sequence[str]) -> list[str]:
    """Names of the chosen regions of which one of the two faces has no pixel, so that nothing is copied there."""
    in_target, in_source = _lenders(target.mask, source.mask)
    return [name for name in regions if not any(c in in_target and c in in_source for c in classes_of([name]))]


def _lenders(target_mask: np.ndarray, source_mask: np.ndarray) -> tuple[set[int], dict[int, int]]:
    """Classes of the target, and for every class the class of the source that lends its style: itself or its mirror
    image (one ear is often hidden)."""
    there = {int(c) for c in np.unique(source_mask)}
    lenders = {c: c for c in there}
    for a, b in MIRRORED_PAIRS:
        for wanted, other in ((int(a), int(b)), (int(b), int(a))):
            if wanted not in there and other in there:
                lenders[wanted] = other
    return {int(c) for c in np.unique(target_mask)}, lenders


def _recoloured(
    photo: np.ndarray, own: np.ndarray, mixed: np.ndarray, mask: np.ndarray, copied: list[int]
) -> np.ndarray:
    """The photo with the change of colour from `own` to `mixed`, all (S, S, 3) float32 in 0..255.

    Smoothed within each class, skin and its parts as one: across a border, one's change would be the other's halo.
    """
    scale = len(photo) / 256
    groups = [copied, [c for c in copied if c in _SKIN], *([c] for c in copied if c not in _SKIN)]
    smooth = np.dstack([own, mixed])  # S, S, 6
    for number, group in enumerate(groups):  # the first, all of them, is for the feathered border
        inside = np.isin(mask, group)
        share = inside.astype(np.float32)
        near = cv2.GaussianBlur(share, (0, 0), _SMOOTH * scale)[..., None] + 1e-3
        blurred = np.dstack(
            [cv2.GaussianBlur(picture * share[..., None], (0, 0), _SMOOTH * scale) for picture in (own, mixed)]
        )
        smooth = np.where(inside[..., None] | (number == 0), blurred / near, smooth)
    own, mixed = (cv2.GaussianBlur(part, (0, 0), scale) for part in (smooth[..., :3], smooth[..., 3:]))
    return np.where(mixed < own, photo * (mixed + _DARK) / (own + _DARK), photo + mixed - own)


def copy_style(
    pipeline: MaskGANPipeline, target: Face, source: Face, regions: Collection[str], strength: float = 1.0
) -> Edit:
    """The target with the style of the source in the chosen regions; its shapes stay.

    Args:
        target, source: from `pipeline.prepare`.
        regions: names from REGIONS.
        strength: 0 (the target as it is) to 1.

    Regions that one of the faces lacks are left out (see `missing_regions`); pixels away from the copied regions
    are the photo's own.

    Raises:
        ValueError: when no region is chosen, none of them is on both faces, or the strength is out of range.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength goes from 0 to 1, not {strength:g}.")
    there, lenders = _lenders(target.mask, source.mask)
    lenders = {c: lenders[c] for c in classes_of(regions) if c in there and c in lenders}
    if not lenders:
        names = ", ".join(REGIONS[name].title for name in regions)
        raise ValueError(f"Nothing can be copied: one of the two faces has no such part ({names}).")
    inside = np.isin(target.mask, list(lenders))
    weight = feathered(inside, _FEATHER * len(inside) / 256) if strength else np.zeros(inside.shape, np.float32)
    target, source = pipeline.own(target), pipeline.own(source)
    own_style = target.style.without_residue(lenders)
    mixed_style = own_style.take_classes(source.style, lenders, strength)
    own, mixed = (pipeline.generate(target.mask, style) for style in (own_style, mixed_style))
    photo = target.crop.astype(np.float32)
    blended = photo + weight[..., None] * (_recoloured(photo, own, mixed, target.mask, list(lenders)) - photo)
    crop = np.where(weight[..., None] > 0, blended.round().clip(0, 255), target.crop).astype(np.uint8)
    return Edit(target, crop, weight > 0, weight, np.ones(weight.shape, np.float32))


def copy_geometry(pipeline: MaskGANPipeline, target: Face, source: Face) -> Edit:
    """The shapes of the source in the style of the target: the other direction of figure 1."""
    return pipeline.edit(target, source.mask, keep_untouched=False)
