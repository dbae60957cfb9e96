"""Style copy: lips, hair, skin tone or the whole look of one face on another.

Figure 1 of the paper shows it both ways. `copy_style` keeps the target's shapes and takes the source's style;
`copy_geometry` keeps the target's look and takes the source's shapes.

With a style per region (`maskgan.networks.region_style`) any set of regions can be copied. Of hair, brows, skin, lips,
irises, clothes and the background their colour is what a style shows while the shapes stay: it is measured on the
source (of lips: in relation to the skin) and moved to (`recolouring.py`), which is evener than what the network makes
of it. The network tells the rest: codes come from the source, without its residue, which is tied to places in the
source's picture; the target's residue is left out as well, because its light and shadows are in the photo already. The
network's picture is not shown itself: the photo is changed by the difference between G(mixed style) and G(own style),
smoothed within each class, so that the photo keeps its own strands, pores and light, and no generated texture appears.
Darkening multiplies (a highlight on something dark is darker than on something light), lightening adds (multiplied,
what is dark would look metallic). With one style vector for the whole face the whole vector is mixed, and the regions
only limit where the picture may change.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import feathered
from maskgan.editing.borrowed_glasses import lent_shapes
from maskgan.editing.borrowing import borrowed, with_borrowed
from maskgan.editing.compositing import Overlay
from maskgan.editing.dressing import beneath, default_looks, dressed, finished
from maskgan.editing.edit import Edit, Face
from maskgan.editing.matting import hair_matte
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.recolouring import (
    classes_with,
    going_along,
    lips_on,
    part_matte,
    recolour,
    recolour_part,
    usual_colour,
)
from maskgan.editing.skin import SKIN
from maskgan.labels import BROWS, EYES, LIPS, MIRRORED_PAIRS, Label
from maskgan.quick_edits.regions import class_region
from maskgan.styles import RegionStyle

#: Width of the feather around a copied region, in pixels of a 256 px crop.
_FEATHER = 3.0

#: Sigma of the smoothing of the copied change of colour, in pixels of a 256 px crop.
_SMOOTH = 5.0

#: Added to numerator and denominator of a ratio of colours (0..255), against division by zero.
_DARK = 20.0

#: Hair of a smaller share of the crop is none: a few pixels at the edge of a bald head tell no colour.
LEAST_HAIR = 0.002


class Region(NamedTuple):
    """A set of classes that users choose as one."""

    title: str
    classes: tuple[Label, ...]


#: Classes whose colour alone is copied, those together that have one colour.
COLOURED = tuple(
    classes_with(label) for label in (Label.CLOTH, Label.SKIN, Label.U_LIP, Label.L_EYE, Label.L_BROW, Label.HAIR)
)

_TONED, _LIPS, _BROWS, _HAIR = (classes_with(label) for label in (Label.SKIN, Label.U_LIP, Label.L_BROW, Label.HAIR))

#: Regions by name. Left and right belong together.
REGIONS: dict[str, Region] = {
    "lips": Region("Lips (make-up)", LIPS),
    "hair": Region("Hair colour", (Label.HAIR,)),
    "skin": Region("Skin tone", SKIN),
    "brows": Region("Brows", BROWS),
    "eyes": Region("Eyes", EYES),
    "clothes": Region("Clothes", (Label.CLOTH,)),
    "accessories": Region("Hat, glasses, jewels", (Label.HAT, Label.EYE_G, Label.EAR_R, Label.NECK_L)),
    "background": Region("Background", (Label.BACKGROUND,)),
    "everything": Region("Everything", tuple(Label)),
}


def classes_of(regions: Collection[str]) -> list[int]:
    """Class ids of regions by name, in ascending order.

    Raises ValueError for no regions and for names that are not in REGIONS.
    """
    if not regions:
        raise ValueError("Choose at least one region to copy.")
    for name in regions:
        if name not in REGIONS:
            raise ValueError(f"There is no region {name!r}; choose from {', '.join(REGIONS)}.")
    return sorted({int(label) for name in regions for label in REGIONS[name].classes})


def missing_regions(target: Face, source: Face, regions: Sequence[str]) -> list[str]:
    """Names of the chosen regions that cannot be copied because one of the two faces has no pixel of them."""
    in_target, in_source = _lenders(target.mask, source.mask)
    return [name for name in regions if not any(c in in_target and c in in_source for c in classes_of([name]))]


def _lenders(target_mask: np.ndarray, source_mask: np.ndarray) -> tuple[set[int], dict[int, int]]:
    """The target's classes, and for each class the source's class that gives its style: the class itself, or its mirror
    image when the source lacks it (one ear is often hidden)."""
    present = _present(source_mask)
    lenders = {c: c for c in present}
    for a, b in MIRRORED_PAIRS:
        for wanted, other in ((int(a), int(b)), (int(b), int(a))):
            if wanted not in present and other in present:
                lenders[wanted] = other
    return _present(target_mask), lenders


def _present(mask: np.ndarray) -> set[int]:
    """Ids of the classes that a mask shows enough of to tell its style."""
    few = {int(Label.HAIR)} if (mask == Label.HAIR).mean() < LEAST_HAIR else set()
    return {int(c) for c in np.unique(mask)} - few


def _recoloured(
    photo: np.ndarray, own: np.ndarray, mixed: np.ndarray, mask: np.ndarray, copied: list[int]
) -> np.ndarray:
    """The photo with the change of colour from `own` to `mixed`, all (S, S, 3) float32 in 0..255.

    Smoothed within each class, with skin and its parts as one: across borders it would leave halos.
    """
    scale = len(photo) / 256
    groups = [copied, [c for c in copied if c in SKIN], *([c] for c in copied if c not in SKIN)]
    smooth = np.dstack([own, mixed])  # S, S, 6
    for number, group in enumerate(groups):  # the first, with all classes, covers the feathered border
        inside = class_region(mask, group)
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
        strength: 0 (no change) to 1.

    Regions that one of the faces lacks are skipped (see `missing_regions`); pixels away from the copied regions
    are not changed.

    Raises:
        ValueError: no region is chosen, none of them is on both faces, or the strength is out of range.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength goes from 0 to 1, not {strength:g}.")
    present, lenders = _lenders(target.mask, source.mask)
    lenders = {c: lenders[c] for c in classes_of(regions) if c in present and c in lenders}
    if not lenders:
        names = ", ".join(REGIONS[name].title for name in regions)
        raise ValueError(f"Nothing can be copied: one of the two faces has no such part ({names}).")
    target, source = pipeline.refresh(target), pipeline.refresh(source)
    regional = isinstance(target.style, RegionStyle)
    colours = _colours_of(target, source, lenders) if regional else {}
    drawn = {label: lender for label, lender in lenders.items() if not any(label in group for group in colours)}
    grounds = regional and drawn.pop(Label.BACKGROUND, None) is not None
    weight, crop = np.zeros(target.mask.shape, np.float32), target.crop
    if strength and drawn:
        weight = _weight_of(target, drawn)
        crop = _in_style(pipeline, target, source, drawn, strength, weight)
    if strength and grounds:
        share = _weight_of(target, [Label.BACKGROUND])
        crop = _with_ground(crop, share, target, source, strength)
        weight = np.maximum(weight, share)
    for group, colour in colours.items():
        # Before skin and a background in other colours single hairs are told no more.
        matte = part_matte(target.crop, target.mask, group) if group in (_BROWS, _HAIR) else None
        crop, share = recolour_part(crop, target.mask, group[0], colour, strength, measured=True, matte=matte)
        weight = np.maximum(weight, share * bool(strength))
    # Colours go as far as their share does, which is in the crop already.
    over = (weight > 0).astype(np.float32)
    return Edit(target, crop, weight > 0, weight, Overlay(crop, over, np.ones_like(over)))


def _weight_of(target: Face, labels: Collection[int]) -> np.ndarray:
    """How far each pixel takes the style of its class, (S, S) float32 in 0..1."""
    weight = feathered(class_region(target.mask, list(labels)), _FEATHER * len(target.mask) / 256)
    return _behind_hair(weight, target.crop, target.mask) if Label.BACKGROUND in labels else weight


def _with_ground(crop: np.ndarray, share: np.ndarray, target: Face, source: Face, strength: float) -> np.ndarray:
    """The crop (S, S, 3) uint8 with a background in the colours of the source's: their mean and their variety.

    Leaves in the grey of a wall would turn violet wherever they are not green, if they were as colourful as before.
    """
    labs = [to_oklab(face.crop[face.mask == Label.BACKGROUND]) for face in (target, source)]
    own, other = (float(np.sqrt(((lab - lab.mean(0))[:, 1:] ** 2).sum(1).mean())) for lab in labs)
    colour = tuple(from_oklab(labs[1].mean(0)).clip(0, 255))
    return recolour(crop, share, colour, strength, variety=min(1.0, other / max(own, 1e-6)))


def _behind_hair(weight: np.ndarray, photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Weights (S, S) float32 of a background, which is seen between the strands at the edge of hair, too."""
    hair = (mask == Label.HAIR).astype(np.uint8)
    if not hair.any():
        return weight
    through = 1 - hair_matte(photo, mask).share
    _, nearest = cv2.distanceTransformWithLabels(hair, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    of_pixel = np.zeros(nearest.max() + 1, mask.dtype)
    of_pixel[nearest[hair == 0]] = mask[hair == 0]
    edge = (hair > 0) & (of_pixel[nearest] == Label.BACKGROUND)
    return np.where(edge, through, np.where(mask == Label.BACKGROUND, weight * through, weight)).astype(np.float32)


def _colours_of(target: Face, source: Face, labels: Collection[int]) -> dict[tuple[Label, ...], tuple[int, int, int]]:
    """The colours, R, G, B, that the groups of `COLOURED` that have one of the labels get on the target.

    They are the source's. Only lips differ from the skin that they are copied to as they do from their own (`lips_on`),
    and go along with skin that gets another tone, as brows do with a darker one.
    """
    found = {}
    for group in COLOURED:
        if any(label in labels for label in group):
            usual = usual_colour(source.crop, source.mask, group)
            if usual is not None:
                found[group] = usual
    if _LIPS in found and _TONED not in found:
        lips, skin = (usual_colour(source.crop, source.mask, group) for group in (_LIPS, _TONED))
        onto = usual_colour(target.crop, target.mask, _TONED)
        if lips is not None and skin is not None and onto is not None:
            found[_LIPS] = lips_on(lips, skin, onto)
    if _TONED in found:
        copied = [label for group in found for label in group]
        found |= going_along(target.crop, target.mask, found[_TONED], copied)
    return {group: tuple(from_oklab(colour).clip(0, 255)) for group, colour in found.items()}


def _in_style(
    pipeline: MaskGANPipeline,
    target: Face,
    source: Face,
    lenders: dict[int, int],
    strength: float,
    weight: np.ndarray,
) -> np.ndarray:
    """The target's crop (S, S, 3) uint8 with what the network tells of the lenders' style, by weights (S, S)."""
    own_style = target.style.without_residue(lenders)
    mixed_style = own_style.take_classes(source.style, lenders, strength)
    own, mixed = (pipeline.generate(target.mask, style) for style in (own_style, mixed_style))
    photo = target.crop.astype(np.float32)
    blended = photo + weight[..., None] * (_recoloured(photo, own, mixed, target.mask, list(lenders)) - photo)
    return np.where(weight[..., None] > 0, blended.round().clip(0, 255), target.crop).astype(np.uint8)


def copy_geometry(pipeline: MaskGANPipeline, target: Face, source: Face, redraw: bool = False) -> Edit:
    """The target in the source's shapes; figure 1's other direction.

    The target's photo is moved to them, and where it cannot show much of hair, clothes or a hat, the source's are seen
    in its colours (`borrowing.py`); glasses that it lacks are the wardrobe's (`borrowed_glasses.py`), and teeth, ears
    and jewels those of every edit (`dressing.py`); what is left is painted. `redraw` has the network draw the whole
    face, as the paper does.
    """
    if redraw:
        return pipeline.edit(target, source.mask, keep_untouched=False)
    target = pipeline.refresh(target)
    shapes = lent_shapes(source.mask, target.mask)
    looks = default_looks(target, shapes.mask)
    looks.pop(Label.HAT, None)  # it is the source's
    edit = pipeline.edit(dressed(pipeline, target, looks), beneath(target, shapes.beneath, looks))
    lent = borrowed(edit, source)
    clad = with_borrowed(edit, source, lent)
    # Ends of the own hair would hang beside the other's.
    return finished(clad, shapes.mask, looks, by_hand=(), ends=Label.HAIR not in lent)
