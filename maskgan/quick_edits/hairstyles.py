"""Quick edits that put on somebody else's hair: hairstyles and longer hair; fringes are in `fringe.py`."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from maskgan.labels import EARS, EYES, Label
from maskgan.quick_edits.edit import QuickEdit, shapes
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hair import hold_face, morphed
from maskgan.quick_edits.hairpieces import (
    STEEPLY,
    Part,
    Worn,
    across,
    brim_of,
    coverage,
    dome,
    hairpiece,
    hairpieces,
    head_top,
    is_bald,
    lowered_to,
)
from maskgan.quick_edits.regions import signed_distance
from maskgan.quick_edits.scarves import need_open_hair
from maskgan.quick_edits.scene import Scene, ramp
from maskgan.quick_edits.silhouettes import UNTOUCHED, silhouette
from maskgan.quick_edits.uncovering import fill_holes, reveal, with_specks

#: y (frame units) down to which hair has to hang for more of it to be added below, instead of other hair in its place.
_TO_THE_EARS = 0.3

#: Between which rows, how far out, in parts of half the face's width, and how wide (frame units) hair is that falls
#: beside an ear.
_AT_EARS, _BESIDE_FACE, _WIDE_ENOUGH = (0.0, 0.3), 0.9, 0.2

#: Hair that ends nearer than this (frame units) to the picture's lower edge cannot be seen to be longer.
_LEAST = 0.35

#: y of the hairline from which on down it is a fringe's, which another hairstyle need not have.
_FRINGES = -0.9

#: How far (frame units) above the line of a hairpiece's fringe the head is covered where the piece has a gap, and how
#: wide gaps are between it and the face.
_ROOTS, _TEMPLES = 0.12, 0.6

#: How wide (frame units) the ends of hair are at least that is drawn, and of a hairpiece, which brings its own.
_RAGS, _TIPS = 0.3, 0.12

#: How wide (frame units) is what is seen of an ear at least.
_SLIVER = 0.14

#: How far hair lies before the lower face, in from its edge: by parts of half the face's width between these rows, less
#: and less, and by so much (frame units) along the jaw.
_BEFORE, _LOWER, _RIM = 0.2, (0.1, 0.8), 0.05

#: y above whose value a hairpiece ends that is short, from where to where sideburns grow, and, in parts of half the
#: face's width, from where on and how far out at both ends.
SHORT, _SIDEBURNS, _WIDE = 0.45, (-0.75, 0.35), (0.8, 1.15)

#: y of the brows' ends, above which the edge of sideburns slants outwards, and how much.
_BROWS, _SLANTS = -0.28, 0.3

#: Over how much (frame units) the upper outer corner of such hair is round.
_ROUNDED = 0.4

#: y of the lower end of hair from which on down it has no sideburns: what of it hangs there lies before the face. From
#: where on a strip is there instead, at the eyes and at the temples' points, how far out at its upper end, in parts of
#: half the face's width, and y of those points.
_LONG, _STRIP, _POINT = 0.5, (0.95, 0.87, 1.15), -0.4

#: Between which parts of half the face's width the temples lie, and how much of them a fringe covers at least.
_TEMPLE, _COVERED = (0.5, 0.75), 0.3


def longer_hair(scene: Scene, strength: float, style: str = "long_straight") -> None:
    """Hair down both sides of the face, behind it and over the shoulders: somebody's long hair.

    Hair that falls beside the ears stays, and the lower part of the other is added to it; shorter hair, and hair that
    is tied back, gives way to all of it. `style` names the hairpiece.
    """
    need_open_hair(scene)
    hair = scene.where(Label.HAIR)
    _, middle, half = across(scene)
    outer = hair & (abs(scene.x - middle) > 0.45 * half)
    bottom = float(np.percentile(scene.y[outer], 98)) if outer.any() else -0.5
    longest = hairpiece(style).silhouette.length
    end = min(bottom + strength * max(0.7, longest - bottom), 3.0)
    if bottom > float(scene.y.max()) - _LEAST:
        raise QuickEditImpossible("This hair already hangs to the edge of the picture; try another Hairstyle.")
    if (bottom < _TO_THE_EARS or not _hangs(scene, hair)) and not scene.where(Label.HAT).any():
        wear_hair(scene, strength, style, keeps_hairline=True)
        return
    worn = Worn(style, Part.LENGTH, end).facing(scene)
    region = coverage(scene, worn).alpha > 0.5
    region |= scene.where(*EARS) & (scene.y < end)  # no ear peeps out
    scene.paint(
        region,
        Label.HAIR,
        over=(Label.BACKGROUND, Label.CLOTH, Label.NECK, Label.NECK_L, Label.EAR_R, *EARS),
    )
    _close_beside_jaw(scene, end)
    scene.worn.append(worn)
    hold_face(scene)


def _close_beside_jaw(scene: Scene, end: float) -> None:
    """Nothing shines through between the jaw and hair that hangs down to `end`."""
    _, middle, half = across(scene)
    body = scene.where(Label.HAIR, Label.NECK, *EARS) | scene.face
    beside = (abs(scene.x - middle) < 1.6 * half) & (scene.y > -0.5) & (scene.y < end)
    gap = morphed(scene, body, cv2.MORPH_CLOSE, 0.35) & beside
    scene.paint(gap, Label.HAIR, over=(Label.BACKGROUND,))


def wear_hair(scene: Scene, strength: float, style: str, keeps_hairline: bool = False) -> None:
    """The whole hair in the shape of somebody else's, hairline and fringe with it; below strength 1 part of the way.

    `keeps_hairline`: the forehead does not become higher.
    """
    need_open_hair(scene)
    hair = scene.where(Label.HAIR)
    shape = silhouette(style).facing(scene)
    way = min(strength, 1.0)
    lower = lowered_to(scene, shape, *(() if keeps_hairline else (_FRINGES,)))
    worn = Worn(style, Part.WHOLE, 1 + lower).facing(scene) if style in hairpieces() else None
    if worn is None and is_bald(scene):
        raise QuickEditImpossible("There is too little hair here for this; choose another Hairstyle.")
    if worn is not None:
        fitted = signed_distance(coverage(scene, worn).alpha > 0.5) / scene.unit
    else:
        fitted = shape.fitted(scene)
        if shape.is_cut_off:
            fitted = np.where(dome(scene, shape) > 0.5, fitted, -1)
    wanted = way * fitted + (1 - way) * signed_distance(hair) / scene.unit > 0
    q, _, half = across(scene)
    # Nowhere above the hairline does the bare head come out, nor between the hair and the temples; but beside a
    # hairpiece, which has strands of its own there, the temples themselves do.
    at, _, edge = shape.edges_on(scene)
    hairline = np.interp(q, at, edge) + lower
    if worn is None:
        above = scene.y < np.where(abs(q) > 0.8, -0.1, np.minimum(-0.1, hairline))
        beside = above | ((abs(q) > 0.8) & (scene.y < 0))
        wanted |= _head(scene, 0.14) & (scene.y < hairline) & (abs(q) < 1.1)
        wanted |= _head(scene, 0.08) & hair & ~scene.face & above
        wanted |= morphed(scene, wanted | scene.face, cv2.MORPH_CLOSE, 0.35) & hair & ~scene.face & beside
    else:
        wanted |= _head(scene, 0.14) & (scene.y < hairline - _ROOTS) & (abs(q) < 1.1)
    # What lies before the lower face belongs to no hairstyle: it comes from a cheek that is wider than the lender's.
    depth = cv2.distanceTransform(scene.face.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    wanted &= ~((depth > _RIM + _BEFORE * half * (1 - ramp(scene.y, *_LOWER))) & (scene.y > _LOWER[0]))
    rags = _RAGS if worn is None else _TIPS
    wanted &= (scene.y < 0.3) | morphed(scene, wanted, cv2.MORPH_OPEN, rags)  # no rags at the tips
    if worn is None:  # no notches in a fringe; those of a hairpiece are its own, and show skin
        wanted |= morphed(scene, wanted, cv2.MORPH_CLOSE, 0.3) & scene.face & (scene.y < -0.2)
    # No lock hangs in an eye.
    eyes = scene.where(*EYES)
    wanted &= ~(scene.around(eyes, 0.15) & scene.face) if eyes.any() else True
    wanted &= ~_beside_hat(scene)
    lowest = float(np.percentile(scene.y[wanted], 97)) if wanted.any() else 0.0
    for label in EARS:  # no ear peeps out
        ear = scene.where(label)
        if (wanted & ear).sum() > 0.5 * ear.sum():
            wanted |= ear
    if worn is not None and lowest < SHORT and hair.any():
        wanted |= hair & before_ears(scene.y, abs(q), hangs_before_face(scene, hair))
    temples = np.zeros_like(wanted)
    if worn is not None:
        temples = morphed(scene, wanted | scene.face, cv2.MORPH_CLOSE, _TEMPLES) & ~scene.face
        temples &= (abs(q) < 1) & (scene.y < 0)
    removed = with_specks(scene, hair & ~wanted) & ~wanted
    hidden = [label for label in EARS if not scene.where(label).any()]
    if removed.any():
        reveal(scene, removed, ears_from=min(lowest, 0.1) - 0.3)
        scene.mask[removed & temples] = Label.SKIN
    hat = scene.where(Label.HAT)
    scene.paint(wanted & ~scene.where(*UNTOUCHED) & ~hat, Label.HAIR)
    for label in hidden:  # nor does a sliver of one that was hidden
        ear = scene.where(label)
        if not morphed(scene, ear, cv2.MORPH_OPEN, _SLIVER).any():
            scene.uncover(ear, (Label.HAIR, Label.SKIN, Label.BACKGROUND, Label.NECK))
    _close_beside_jaw(scene, lowest)
    if worn is not None:
        scene.worn.append(worn)
    scene.smooth(cv2.dilate((wanted & ~hair).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    fill_holes(scene, removed)
    if worn is None:
        hold_face(scene)
    else:  # it lies over the photo, of which nothing moves
        scene.tell(np.ones(scene.mask.shape, bool), scene.x, scene.y)


def _head(scene: Scene, hair: float) -> np.ndarray:
    """(H, W) bool: the upper head under hair of this thickness, down to below the eyes."""
    q, _, half = across(scene)
    base, top = 0.05, head_top(scene) - hair
    width = 1 + 0.65 * hair / half
    dome = (abs(q) / width) ** 2.3 + (np.maximum(base - scene.y, 0) / (base - top)) ** 2.3 < 1
    return dome & (scene.y < base)


def hangs_before_face(scene: Scene, hair: np.ndarray) -> bool:
    """Whether hair (H, W) bool, at the sides of the face, is long, or a fringe, and no sideburns."""
    out = abs(across(scene)[0])
    temples = (out > _TEMPLE[0]) & (out < _TEMPLE[1]) & (scene.y > 2 * _BROWS) & (scene.y < _BROWS)
    covered = np.count_nonzero(temples & hair) > _COVERED * np.count_nonzero(temples)
    return bool(covered or np.percentile(scene.y[hair], 98) > _LONG)


def before_ears(y: np.ndarray, out: np.ndarray, long: bool) -> np.ndarray:
    """(H, W) bool: where hair is before and above the ears; a short hairpiece brings none.

    y: in frame units; out: how far from the middle of the face, in parts of half its width; long: whether what hangs
    before the face are no sideburns, which stay. In its place there is a strip beside the face, narrower downwards.
    """
    (top, bottom), (inner, outer) = _SIDEBURNS, _WIDE
    if long:
        (low, inner, outer), left = _STRIP, np.clip((bottom - y) / (bottom - top), 0, 1)
        inner = np.interp(y, (top, _POINT, 0), (1.0, inner, low))
        outer = low + (outer - low) * left
    else:
        inner = inner + _SLANTS * np.maximum(0, _BROWS - y)
    outer = outer - (outer - 1) * (1 - np.clip((y - top) / _ROUNDED, 0, 1)) ** 2
    return (y > top) & (y < bottom) & (out > inner) & (out < outer)


def _beside_hat(scene: Scene) -> np.ndarray:
    """(H, W) bool: above the lower edge of a hat, which presses hair down, and beside it above a line that falls from
    there."""
    hat = brim_of(scene)
    if hat is None:
        return np.zeros(scene.mask.shape, bool)
    brim, beside = hat
    return scene.y < brim + STEEPLY * beside


def _hangs(scene: Scene, hair: np.ndarray) -> bool:
    """Whether hair (H, W) bool falls at a side of the face, where more of it can be added below, and is not cropped or
    tied back there."""
    q, _, _ = across(scene)
    low, high = _AT_EARS
    beside = hair & (scene.y > low) & (scene.y < high)
    widths = [np.count_nonzero(beside & (side * q > _BESIDE_FACE)) / (scene.unit**2 * (high - low)) for side in (-1, 1)]
    return max(widths) > _WIDE_ENOUGH


#: Hairstyles in the order of their menu.
_STYLES = (
    *("long_waves", "long_straight", "long_curls", "long_layered", "braids", "shoulder", "bob", "fringe_bob", "pixie"),
    *("tousled", "afro", "swept", "curtain", "side_part", "swept_back", "textured", "cropped", "tied_back"),
)

_first = partial(wear_hair, style=_STYLES[0])

#: In the order of their buttons.
EDITS = (
    QuickEdit(
        *("hairstyle", "Hairstyle", "Puts on another hairstyle, in the colours of this person's hair.", "Hair", _first),
        shapes(wear_hair, *_STYLES),
    ),
    QuickEdit(
        *("longer_hair", "Longer hair", "Lets hair fall down both sides.", "Hair", longer_hair),
        shapes(longer_hair, "long_straight", "long_waves", "long_curls", "long_layered", "shoulder"),
    ),
)
