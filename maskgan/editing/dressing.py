"""Edits in which some classes have a look (`looks.py`).

`edit_with_looks` is `MaskGANPipeline.edit` with looks for some classes. Looks belong to no weights: references are
encoded by the pipeline at hand when they are first used.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import cv2
import numpy as np

from maskgan.editing.beards import beard_of, with_beard, without_beard
from maskgan.editing.compositing import Layers
from maskgan.editing.ears import with_ears
from maskgan.editing.edit import Edit, Face
from maskgan.editing.flows import grown, window_of
from maskgan.editing.glasses import are_dark, draw_glasses
from maskgan.editing.hairdressing import Hairpieces, seen_of
from maskgan.editing.hat_grain import HatGrain
from maskgan.editing.jewels import draw_jewels
from maskgan.editing.looks import LOOKS, Look, looks_for, wearing
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.painted_hair import hairpieces_for
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.recolouring import (
    classes_with,
    going_along,
    lips_on,
    parse_colour,
    part_matte,
    recolour_part,
    usual_colour,
)
from maskgan.editing.rough import shown_first_to
from maskgan.editing.sideburns import instead_of_sideburns
from maskgan.editing.smiling import with_folds
from maskgan.editing.strands import with_ends
from maskgan.editing.teeth import opens, with_teeth
from maskgan.editing.tones import Tone
from maskgan.editing.transplants import likeness, transplant
from maskgan.editing.warping import Motion
from maskgan.images import differs, read_photo
from maskgan.labels import NUM_CLASSES, Label, check_mask
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import ON_PAINT, Worn
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.silhouettes import WARDROBE, silhouette, wardrobe
from maskgan.snapshots import Weights
from maskgan.styles import RegionStyle, Style

#: Classes that are drawn over the picture, so that the network paints what lies beneath them.
DRAWN = (Label.EYE_G, Label.EAR_R, Label.NECK_L)

#: Share of a photo below which a class is no example of how it looks.
HARDLY = 0.0006

#: Up to how many times as large a class is no new thing.
_MOVED = 2

#: How far a hat reaches beyond what was painted, as a share of the side, before its shadow fades, as far again.
_NEAR = 0.04

#: Share of a hairpiece in a pixel from which on what lies beneath it is not painted.
_SEEN = 0.5

#: How far beside painted hair's hairpiece, as a share of the side, no other hair is painted.
_OPEN = 0.06

#: Half the width of a rim beside a hairpiece in which no hair is painted, as a share of the side.
_RIM = 0.016

#: How far under a hat, as a share of the side, hair goes where what sticks out beside the hat goes.
_UNDER = 0.016


@cache
def reference_picture(name: str) -> np.ndarray:
    """The picture of an entry of the wardrobe, (h, w, 3) uint8 RGB, laid out as its mask."""
    return read_photo(WARDROBE / f"{name}.jpg")


_STYLES: WeakKeyDictionary[Weights, dict[str, Style]] = WeakKeyDictionary()


def reference_style(pipeline: MaskGANPipeline, name: str) -> Style:
    """The style of a reference by the pipeline's network, encoded once for as long as its weights are held."""
    styles = _STYLES.setdefault(pipeline.weights, {})
    if name not in styles:
        top = int(wardrobe()[name].get("top", 0))
        crop, mask = (np.ascontiguousarray(plane[top:]) for plane in (reference_picture(name), silhouette(name).mask))
        styles[name] = pipeline.encode_style(crop, mask)
    return styles[name]


def dressed(pipeline: MaskGANPipeline, face: Face, looks: Mapping[Label, Look]) -> Face:
    """A face whose style has the references' codes for the classes of these looks; the face itself where none has one.

    Codes come without a residue, since a reference's places mean nothing here. A style that does not tell classes
    apart stays as it is.
    """
    face = pipeline.refresh(face)
    style = face.style
    for label, look in looks.items():
        if look.reference is not None and isinstance(style, RegionStyle):
            theirs = reference_style(pipeline, look.reference)
            style = style.take_classes(theirs, {int(label): int(label)}, 1.0).without_residue([int(label)])
    if style is face.style:
        return face
    worn = replace(face, style=style)
    vars(worn)["tone"] = face.tone  # which it is not asked for anew
    return worn


def _areas(mask: np.ndarray) -> np.ndarray:
    """How many pixels (19,) of each class a mask (H, W) uint8 has."""
    return cv2.calcHist([mask], [0], None, [NUM_CLASSES], [0, NUM_CLASSES]).ravel()


def default_looks(face: Face, mask: np.ndarray) -> dict[Label, Look]:
    """Looks for classes of a mask that the face's own photo has no example of.

    A speck of the photo's mask that was moved is nothing that somebody put on.
    """
    looks: dict[Label, Look] = {}
    wanted, area = _areas(mask), _areas(face.mask)
    for label in (Label.EYE_G, Label.EAR_R, Label.NECK_L, Label.HAT):
        if area[label] > HARDLY * face.mask.size or wanted[label] <= _MOVED * area[label]:
            continue
        if label == Label.EYE_G:
            looks[label] = LOOKS["dark_glasses" if are_dark(mask) else "horn_glasses"]
        elif label == Label.HAT:
            hats = [look for look in looks_for(Label.HAT) if look.colour is None]
            try:
                looks[label] = max(hats, key=lambda look: likeness(mask, silhouette(look.reference)))
            except QuickEditImpossible:  # nothing of a face tells where a hat would lie: the network paints it
                continue
        else:
            looks[label] = LOOKS["gold_jewel"]
    return looks


def looks_on(
    face: Face, mask: np.ndarray, looks: Mapping[Label, Look] | None = None, motion: Motion | None = None
) -> dict[Label, Look]:
    """Looks by class for an edit: these, and what they leave open: `default_looks`, and hairpieces for painted hair.

    motion: how the photo's pixels move, guessed from the masks when None.
    """
    looks = default_looks(face, mask) | dict(looks or {})
    worn = () if _worn(looks) else hairpieces_for(face, mask, motion)
    return looks | {Label.HAIR: wearing(worn, looks.get(Label.HAIR))} if worn else looks


def beneath(face: Face, mask: np.ndarray, looks: Mapping[Label, Look]) -> np.ndarray:
    """The mask without what is laid over the picture and covers it anyway: there the photo's own classes."""
    laid = [
        label
        for label, look in looks.items()
        if look.material or (label == Label.HAT and (look.reference or look.lender))
    ]
    mask = without_beard(mask, face.mask)
    over = class_region(mask, laid)
    for worn in _worn(looks):
        seen = seen_of(mask, face.mask, worn)
        if seen is not None:
            hair = mask == Label.HAIR
            covered = hair & (cv2.dilate(seen.alpha, np.ones((3, 3), np.uint8)) > _SEEN)
            # Nor a rim of new hair that its soft edge would leave below it.
            rim = (hair & ~covered & (face.mask != Label.HAIR)).astype(np.uint8)
            wide = cv2.morphologyEx(rim, cv2.MORPH_OPEN, np.ones((2 * round(_RIM * len(mask)) + 1,) * 2, np.uint8))
            if worn.part in ON_PAINT:  # what it leaves open between its strands and below its ends is no hair
                beside = cv2.distanceTransform((~covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
                covered |= hair & (face.mask != Label.HAIR) & (beside < _OPEN * len(mask))
            covered |= rim > wide
            strip = instead_of_sideburns(seen, mask, face.mask, worn)
            mask = np.where(strip, mask.dtype.type(Label.SKIN), mask)  # its soft edges lie over skin
            covered &= ~strip
            over |= covered & (face.mask != Label.HAT)  # a hat that is taken off would show between the strands
    below = np.where(over, face.mask, mask).astype(mask.dtype)
    if Label.HAT in laid:  # what is left of hair beside a hat may be thin, and would count as no change
        own = face.mask == Label.HAIR
        gone = grown(own & (mask == Label.BACKGROUND), _UNDER * len(mask))
        below[gone & own & (mask == Label.HAT)] = Label.BACKGROUND
    return below


def _worn(looks: Mapping[Label, Look]) -> tuple[Worn, ...]:
    return looks[Label.HAIR].worn if Label.HAIR in looks else ()


def edit_with_looks(
    pipeline: MaskGANPipeline,
    face: Face,
    mask: np.ndarray,
    looks: Mapping[Label, Look] | None = None,
    original_mask: np.ndarray | None = None,
    **options: Any,
) -> Edit:
    """An edit in which some classes have a look, and ears, teeth and things that the photo lacks are the wardrobe's.

    Args:
        face: from `pipeline.prepare`.
        mask: (S, S) class ids; a mask of another square size is scaled.
        looks: by class, for that class and those that change their colour with it; what the photo has no example of
            gets one by itself (see `default_looks`).
        original_mask: (S, S) class ids, what the user started from, when not `face.mask`.
        options: further arguments of `MaskGANPipeline.edit`.

    Raises:
        ValueError: when a mask is no label map.
    """
    face = pipeline.refresh(face)
    mask, original = (
        each if each is None or each.shape == face.mask.shape else resize_mask(each, face.mask.shape, smooth=True)
        for each in (check_mask(mask), None if original_mask is None else check_mask(original_mask))
    )
    if original is not None and (original != face.mask).any():
        face = pipeline.with_mask(face, original)
        options["motion"] = None  # which led away from the other mask
    by_hand = set(looks or {})
    try:
        looks = looks_on(face, mask, looks, options.get("motion"))
        bearded = beard_of(mask, face.mask) is not None
        if not looks and not bearded and not opens(mask, face.mask):
            return finished(pipeline.edit(face, mask, **options), mask, looks, by_hand)
        motion = options.get("motion")
        if motion is not None and (_worn(looks) or bearded) and not motion.flow.any():
            options["motion"] = None  # from hair that only lies over the photo nothing moves back to what is beneath it
        with shown_first_to(None):  # a picture without them, or without teeth, would be no rough one
            edit = pipeline.edit(dressed(pipeline, face, looks), beneath(face, mask, looks), **options)
        return finished(edit, mask, looks, by_hand)
    except QuickEditImpossible:
        if by_hand:
            raise
        return pipeline.edit(face, mask, **options)  # no face that a look could be fitted to


def dressed_up(edit: Edit, mask: np.ndarray, worn: tuple[Worn, ...]) -> Edit:
    """An edit whose face wears hairpieces, as far as its mask (S, S) has them."""
    hairpieces = Hairpieces(worn, mask, edit.face.mask, edit.face.crop)
    crop, region = hairpieces.on(edit.crop)
    if crop is edit.crop:
        return edit
    region = np.maximum(edit.region, np.where(region > 0, region.clip(1 / 255, 1), 0))
    changed = edit.changed | (mask != edit.face.mask)
    return replace(edit, crop=crop, changed=changed, region=region, change=Layers(edit.change, hairpieces))


def _touched(region: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The connected pieces of a region (S, S) bool that have a pixel of `new` (S, S) bool."""
    _, pieces = cv2.connectedComponents(region.astype(np.uint8))
    return region & np.isin(pieces, np.unique(pieces[region & new]))


def _in_tone(crop: np.ndarray, before: np.ndarray, tone: Tone | None) -> np.ndarray:
    """A crop (S, S, 3) uint8 in which what differs from `before` has the tone of its photo, None for one in colour."""
    if tone is None or crop is before:
        return crop
    painted = tone.apply(crop.astype(np.float32)).round().astype(np.uint8)
    return np.where((crop != before).any(-1, keepdims=True), painted, crop)


def _colour_on(face: Face, look: Look) -> tuple[int, int, int]:
    """The colour, R, G, B, that a look with one has on a face: of lips, in relation to the skin."""
    colour = parse_colour(look.colour)
    onto = None if look.skin is None else usual_colour(face.crop, face.mask, classes_with(Label.SKIN))
    if onto is None:
        return colour
    lips, skin = (to_oklab(np.array(each)) for each in (colour, parse_colour(look.skin)))
    return tuple(from_oklab(lips_on(lips, skin, onto)).clip(0, 255))


def _with_what_goes_along(
    before: np.ndarray, crop: np.ndarray, mask: np.ndarray, looks: Mapping[Label, Look]
) -> tuple[np.ndarray, np.ndarray]:
    """A crop (S, S, 3) uint8 whose skin has got another tone since `before`, with lips and brows that go along unless
    they have looks of their own, and how far each pixel was changed, (S, S) float32."""
    region, onto = np.zeros(mask.shape, np.float32), usual_colour(crop, mask, classes_with(Label.SKIN))
    for group, wanted in ({} if onto is None else going_along(before, mask, onto, looks)).items():
        # On skin in their own tone single hairs are told no more.
        matte = part_matte(before, mask, group) if Label.L_BROW in group else None
        colour = tuple(from_oklab(wanted).clip(0, 255))
        crop, changed = recolour_part(crop, mask, group[0], colour, measured=True, matte=matte)
        region = np.maximum(region, changed)
    return crop, region


def finished(
    edit: Edit,
    mask: np.ndarray,
    looks: Mapping[Label, Look],
    by_hand: Collection[Label] | None = None,
    ends: bool = True,
) -> Edit:
    """An edit with the looks of its mask (S, S) laid over it: pixels of references, drawn things, colours.

    by_hand: classes whose looks somebody chose (all of them when None), so that they bring colour into a photo that
    has none; the others take its tone. ends: whether hair of the photo that was cut ends in strands.
    """
    of_head = without_beard(mask, edit.face.mask)
    edit = dressed_up(edit, of_head, _worn(looks))
    face, tone = edit.face, edit.face.tone
    crop, drawn = edit.crop, np.zeros(mask.shape, np.float32)
    if ends and edit.motion is not None and not _worn(looks):
        crop, drawn = with_ends(crop, of_head, face.crop, face.mask, edit.motion.flow)
    hair = looks.get(Label.HAIR)
    bearded = partial(
        with_beard, photo=face.crop, colour=_colour_on(face, hair) if hair is not None and hair.colour else None
    )
    for with_parts in (with_ears, with_teeth, bearded):
        whole, changed = with_parts(crop, mask, face.mask)
        crop, drawn = _in_tone(whole, crop, tone), np.maximum(drawn, changed)
    lit, folded = with_folds(crop, mask, face.mask)
    crop, region = _in_tone(lit, crop, tone), np.maximum(drawn, folded)
    new = mask != edit.face.mask
    put_on = np.zeros(mask.shape, bool)
    done: set[Label] = set()
    for label, look in sorted(looks.items(), key=lambda item: item[0] in DRAWN):  # what is drawn lies on top
        if label in done or not (mask == label).any():
            continue
        before = crop
        if label == Label.HAT and (look.lender or (look.reference and new[mask == label].any())):
            if look.lender:
                lent = look.lender.shape, look.lender.picture
            else:
                lent = silhouette(look.reference), reference_picture(look.reference)
            laid, changed = transplant(crop, mask, *lent)
            # Nothing reaches far beyond what was painted, nor to specks elsewhere that the parser took for this class.
            put_on = hat = mask == label if look.lender else _touched(mask == label, new)
            box = window_of(hat, math.ceil(2 * _NEAR * len(mask)) + 1)
            away = cv2.distanceTransform((~hat[box]).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
            near = np.zeros(mask.shape, np.float32)
            near[box] = (2 - away / (_NEAR * len(mask))).clip(0, 1)
            mixed = crop[box] + near[box][..., None] * (laid[box].astype(np.float32) - crop[box])
            crop, changed = crop.copy(), changed * near
            crop[box] = mixed.round().astype(np.uint8)
            region, drawn = np.maximum(region, changed), np.maximum(drawn, changed)
        if look.colour is not None:
            of = of_head if label == Label.HAIR else mask  # a beard has it already
            crop, changed = recolour_part(crop, of, label, _colour_on(face, look), measured=look.measured)
            region = np.maximum(region, changed)
            done.update(classes_with(label))
            if Label.SKIN in classes_with(label):
                crop, changed = _with_what_goes_along(before, crop, mask, looks)
                region = np.maximum(region, changed)
        if look.material is not None and new[mask == label].any():
            if label == Label.EYE_G:
                crop, changed = draw_glasses(crop, mask, look.material)
            else:
                crop, changed = draw_jewels(crop, mask, label, look.material)
            region, drawn = np.maximum(region, changed), np.maximum(drawn, changed)
        if by_hand is not None and label not in by_hand:
            crop = _in_tone(crop, before, tone)
    if crop is edit.crop:
        return edit
    touched = differs(crop, edit.crop)
    # A little more than what changed, so that its soft edge is resampled whole into the photo.
    over = cv2.dilate(touched.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    # The photo's own detail stays where a part was only recoloured, and none of it where something was drawn.
    edit = replace(edit.laid_over(crop, over, region, 1 - drawn), changed=edit.changed | new)
    return replace(edit, change=Layers(edit.change, HatGrain.of(crop, put_on))) if put_on.any() else edit
