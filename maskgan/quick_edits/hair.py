"""Quick edits of the hair around the head; what lies over the forehead is in `fringe.py`."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from maskgan.labels import BROWS, EARS, EYES, Label
from maskgan.quick_edits.closer import draw_in, draw_in_sides
from maskgan.quick_edits.ears import SIDES, ear_region, ear_shows
from maskgan.quick_edits.edit import QuickEdit, shapes
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import (
    Part,
    Worn,
    across,
    coverage,
    dome,
    hairpiece,
    hairpieces,
    head_top,
    is_bald,
    length_of,
    locks,
    lowered_to,
    tips,
)
from maskgan.quick_edits.regions import signed_distance
from maskgan.quick_edits.scarves import need_open_hair
from maskgan.quick_edits.scene import Scene, ramp, smooth_curve
from maskgan.quick_edits.silhouettes import UNTOUCHED, silhouette

#: Hair up to this area (square frame units), a bald head's with a rim or a seam of it, has no volume to gain.
_THIN = 0.5

#: How wide (frame units) hair is at least that gains volume, and how far from the middle, in parts of half the face's
#: width, a bald head has a rim of it.
_FULL, _RIM = 0.1, 0.6

#: y (frame units) down to which hair has to hang for more of it to be added below, instead of other hair in its place.
_TO_THE_EARS = 0.3

#: Hair that ends nearer than this (frame units) to the picture's lower edge cannot be seen to be longer.
_LEAST = 0.35

#: Share of the picture below which clothes are too little to tell where the shoulders go on.
_SHIRT = 0.006

#: How steeply hair falls beside a hat that is worn over it.
_FALLS = 0.8

#: How steeply shoulders slope down that no clothes show.
_SLOPE = 0.5

#: How far (frame units) the side of hair that was cut goes in and out.
_WAVY = 0.04

#: How far (frame units) below the ends of hair that is cut it is drawn in.
_DRAWN = 0.3

#: How far (frame units) strands of hair that was drawn in stand out from it.
_STRAY = 0.12

#: y of the hairline from which on down it is a fringe's, which another hairstyle need not have.
_FRINGES = -0.9

#: How far (frame units) above the line of a hairpiece's fringe the head is covered where the piece has a gap, and how
#: wide gaps are between it and the face.
_ROOTS, _TEMPLES = 0.12, 0.6

#: Down to which row (frame units) a forehead reaches, and from which on the face gets narrower.
_FOREHEAD, _JAW = -0.4, 0.5

#: At how many heights the edge of an ear is measured.
_EAR_STEPS = 17

#: y above whose value a hairpiece ends that is short, from where to where sideburns grow, and, in parts of half the
#: face's width, from where on and how far out at both ends.
_SHORT, _SIDEBURNS, _WIDE = 0.45, (-0.75, 0.35), (0.8, 1.15)

#: y of the brows' ends, above which the edge of sideburns slants outwards, and how much.
_BROWS, _SLANTS = -0.28, 0.3

#: Over how much (frame units) the upper outer corner of such hair is round.
_ROUNDED = 0.4

#: y of the lower end of hair from which on down it has no sideburns: what of it hangs there lies before the face. From
#: where on a strip of it stays at the eyes and at its upper end, and how far out there, in parts of half the face's
#: width.
_LONG, _STRIP = 0.5, (0.95, 0.8, 1.15)

#: Between which parts of half the face's width the temples lie, and how much of them a fringe covers at least.
_TEMPLE, _COVERED = (0.5, 0.75), 0.3

#: How far (frame units) strands that a parser takes for something else lie from hair.
_BESIDE = 0.35


def _has_hair(scene: Scene) -> bool:
    return bool(scene.where(Label.HAIR).sum() > 0.15 * scene.unit**2)


def need_hair(scene: Scene) -> np.ndarray:
    """Where the hair is (H, W); raises QuickEditImpossible when the mask has hardly any."""
    if not _has_hair(scene):
        raise QuickEditImpossible("This mask has hardly any hair; paint some first.")
    return scene.where(Label.HAIR)


def brow_line(scene: Scene) -> float:
    """y of the brows' upper edge, or where it usually is."""
    brows = scene.where(*BROWS)
    return float(np.clip(np.percentile(scene.y[brows], 3), -0.65, -0.25)) if brows.any() else -0.36


def _head(scene: Scene, hair: float) -> np.ndarray:
    """(H, W) bool: the upper head under hair of this thickness, down to below the eyes."""
    q, _, half = across(scene)
    base, top = 0.05, head_top(scene) - hair
    width = 1 + 0.65 * hair / half
    dome = (abs(q) / width) ** 2.3 + (np.maximum(base - scene.y, 0) / (base - top)) ** 2.3 < 1
    return dome & (scene.y < base)


def longer_hair(scene: Scene, strength: float, style: str = "long_straight") -> None:
    """Hair down both sides of the face, behind it and over the shoulders: somebody's long hair.

    Hair that reaches the ears stays, and the lower part of the other is added to it; shorter hair gives way to all of
    it. `style` names the hairpiece.
    """
    need_open_hair(scene)
    hair = scene.where(Label.HAIR)
    _, middle, half = across(scene)
    outer = hair & (abs(scene.x - middle) > 0.45 * half)
    bottom = float(np.percentile(scene.y[outer], 98)) if outer.any() else -0.5
    longest = length_of(hairpiece(style).silhouette)
    end = min(bottom + strength * max(0.7, longest - bottom), 3.0)
    if bottom > float(scene.y.max()) - _LEAST:
        raise QuickEditImpossible("This hair already hangs to the edge of the picture; try another Hairstyle.")
    if bottom < _TO_THE_EARS and not scene.where(Label.HAT).any():
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


def morphed(scene: Scene, region: np.ndarray, operation: int, width: float) -> np.ndarray:
    """A region (H, W) opened or closed with a disc of this width in frame units; gaps to the picture's edge stay."""
    size = max(3, int(width * scene.unit) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    border = cv2.BORDER_REPLICATE if operation == cv2.MORPH_OPEN else cv2.BORDER_CONSTANT
    wide = cv2.copyMakeBorder(region.astype(np.uint8), size, size, size, size, border, value=0)
    return cv2.morphologyEx(wide, operation, disc)[size:-size, size:-size] > 0


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
    q, middle, half = across(scene)
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
    wanted &= ~((abs(scene.x - middle) < 0.8 * half) & (scene.y > 0.1) & scene.face)
    wanted &= (scene.y < 0.3) | morphed(scene, wanted, cv2.MORPH_OPEN, 0.3)  # no rags at the tips
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
    if worn is not None and lowest < _SHORT and hair.any():
        wanted |= hair & _before_ears(scene.y, abs(q), _hangs_before_face(scene, hair))
    temples = np.zeros_like(wanted)
    if worn is not None:
        temples = morphed(scene, wanted | scene.face, cv2.MORPH_CLOSE, _TEMPLES) & ~scene.face
        temples &= (abs(q) < 1) & (scene.y < 0)
    removed = _with_specks(scene, hair & ~wanted) & ~wanted
    if removed.any():
        reveal(scene, removed, ears_from=min(lowest, 0.1) - 0.3)
        scene.mask[removed & temples] = Label.SKIN
    hat = scene.where(Label.HAT)
    scene.paint(wanted & ~scene.where(*UNTOUCHED) & ~hat, Label.HAIR)
    _close_beside_jaw(scene, lowest)
    if worn is not None:
        scene.worn.append(worn)
    scene.smooth(cv2.dilate((wanted & ~hair).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    _fill_holes(scene, removed)
    if worn is None:
        hold_face(scene)
    else:  # it lies over the photo, of which nothing moves
        scene.tell(np.ones(scene.mask.shape, bool), scene.x, scene.y)


def _hangs_before_face(scene: Scene, hair: np.ndarray) -> bool:
    """Whether hair (H, W) bool, at the sides of the face, is long, or a fringe, and no sideburns."""
    out = abs(across(scene)[0])
    temples = (out > _TEMPLE[0]) & (out < _TEMPLE[1]) & (scene.y > 2 * _BROWS) & (scene.y < _BROWS)
    covered = np.count_nonzero(temples & hair) > _COVERED * np.count_nonzero(temples)
    return bool(covered or np.percentile(scene.y[hair], 98) > _LONG)


def _before_ears(y: np.ndarray, out: np.ndarray, long: bool) -> np.ndarray:
    """(H, W) bool: where a wearer's own hair stays before and above the ears; a short hairpiece brings none.

    y: in frame units; out: how far from the middle of the face, in parts of half its width; long: whether what hangs
    before the face are no sideburns. Of such hair a strip beside the face stays, narrower downwards.
    """
    (top, bottom), (inner, outer) = _SIDEBURNS, _WIDE
    if long:
        (low, inner, outer), left = _STRIP, np.clip((bottom - y) / (bottom - top), 0, 1)
        inner, outer = low + (inner - low) * np.clip(y / top, 0, 1), low + (outer - low) * left
    else:
        inner = inner + _SLANTS * np.maximum(0, _BROWS - y)
    outer = outer - (outer - 1) * (1 - np.clip((y - top) / _ROUNDED, 0, 1)) ** 2
    return (y > top) & (y < bottom) & (out > inner) & (out < outer)


def _beside_hat(scene: Scene) -> np.ndarray:
    """(H, W) bool: above the lower edge of a hat, which presses hair down, and beside it above a line that falls from
    there."""
    hat = scene.part(Label.HAT)
    if hat is None:
        return np.zeros(scene.mask.shape, bool)
    grid = np.linspace(scene.x[hat].min(), scene.x[hat].max(), 41)
    _, brim = scene.envelope(hat, grid)
    beside = np.maximum(0, np.maximum(grid[0] - scene.x, scene.x - grid[-1]))
    return scene.y < np.interp(scene.x, grid, brim) + _FALLS * beside


def hold_face(scene: Scene) -> None:
    """Tell that nothing but hair moves: hair that covers a cheek does not push it in."""
    scene.tell(~scene.where(Label.HAIR, Label.BACKGROUND), scene.x, scene.y)


def _with_specks(scene: Scene, removed: np.ndarray) -> np.ndarray:
    """Hair that is `removed` (H, W) with the specks of clothes beside it, for which a parser takes loose strands."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(scene.where(Label.CLOTH).astype(np.uint8))
    small = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < _SHIRT * removed.size)
    near = np.unique(pieces[scene.around(removed, _BESIDE)]) if removed.any() and count > 1 else small[:0]
    return removed | np.isin(pieces, np.intersect1d(small, near[near > 0]))


def _fill_holes(scene: Scene, removed: np.ndarray) -> None:
    """Give pieces of background that skin, ears and hair enclose where hair was `removed` (H, W) the class around;
    beside the jaw, that is hair or neck, and above the brows skin."""
    background = scene.where(Label.BACKGROUND)
    _, pieces = cv2.connectedComponents(background.astype(np.uint8), connectivity=4)
    open_air = np.unique(np.r_[pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    enclosed = np.unique(pieces[background & removed & ~np.isin(pieces, open_air)])
    enclosed = background & np.isin(pieces, enclosed)
    forehead = (scene.y < _FOREHEAD) & (abs(across(scene)[0]) < 0.8)
    scene.uncover(enclosed & forehead, (Label.SKIN,))
    scene.uncover(enclosed & ~forehead & (scene.y < _JAW), (Label.SKIN, Label.HAIR, *EARS))
    scene.uncover(enclosed & (scene.y >= _JAW), (Label.HAIR, Label.NECK))


def reveal(scene: Scene, removed: np.ndarray, ears_from: float) -> None:
    """Fill where hair was cut away with what lies behind it: face, ears, neck, clothes, background."""
    q, middle, half = across(scene)
    shirt = scene.where(Label.CLOTH)
    neck = scene.where(Label.NECK)
    low, high = scene.extent(neck, scene.chin, scene.chin + 0.2, 0.0)
    scene.mask[removed] = Label.BACKGROUND
    if shirt.mean() > _SHIRT:
        # Shoulders are alike on both sides and slope down outwards, also where they were not seen.
        out = abs(scene.x - middle)
        edges = np.linspace(out[shirt].min(), out[shirt].max() + 1e-3, 25)
        bins = np.digitize(out[shirt], edges) - 1
        top = np.full(len(edges), np.inf)
        np.minimum.at(top, bins, scene.y[shirt])
        top = smooth_curve(np.minimum.accumulate(top[-2::-1])[::-1], 1.5)
        collar = np.interp(out, edges[:-1], top) + 0.5 * np.maximum(0, out - edges[-1])
        collar -= 0.25 * np.clip(1.4 - out / half, 0, 1) ** 2  # up to the neck
        beside = np.maximum(0, out - 0.6 * half)  # no shoulder is higher than beside a short neck
        highest = scene.chin - 0.1 + _SLOPE * beside**2 / (beside + 0.4)
        scene.mask[removed & (scene.y > np.maximum(collar, highest))] = Label.CLOTH
    if neck.any():
        # The neck comes out from behind the jaw and widens into the shoulders.
        wider = 0.9 * np.maximum(0, scene.y - scene.chin - 0.1) ** 1.3
        behind, seen = 0.6 * half, ramp(scene.y, scene.chin - 0.3, scene.chin + 0.25)
        left = middle - behind - wider + seen * min(0.0, low - middle + behind)
        right = middle + behind + wider + seen * max(0.0, high - middle - behind)
        column = (scene.x > left) & (scene.x < right)
        below = removed & column & (scene.y > scene.chin - 0.4) & (scene.mask == Label.BACKGROUND)
        scene.mask[below] = Label.NECK
    scene.mask[removed & scene.face & (scene.y > -1.2)] = Label.SKIN
    nose = scene.part(Label.NOSE)
    turned = float(q[nose].mean()) if nose is not None else 0.0
    for side, label in SIDES:
        if ear_shows(scene, label):
            scene.paint(removed & _before_ear(scene, side, label), Label.SKIN, over=(Label.BACKGROUND,))
            continue
        if side * turned > 0.3:
            continue  # the ear lies behind a turned face
        ear = ear_region(scene, side) & (scene.y > ears_from)
        scene.paint(ear & removed, label, over=(Label.BACKGROUND, Label.NECK))
    scene.smooth(removed)


def _before_ear(scene: Scene, side: int, label: Label) -> np.ndarray:
    """(H, W) bool: what lies between the middle of the face and an ear that is seen at a side."""
    ear, out = scene.where(label), side * scene.x
    low, high = scene.y[ear].min(), scene.y[ear].max()
    steps = np.linspace(low, high, _EAR_STEPS)
    inner = np.full(_EAR_STEPS, np.inf)
    place = np.floor((scene.y[ear] - low) / (high - low) * (_EAR_STEPS - 1) + 0.5).astype(int)
    np.minimum.at(inner, place, out[ear])
    seen = np.isfinite(inner)
    return (scene.y > low) & (scene.y < high) & (out > 0) & (out < np.interp(scene.y, steps[seen], inner[seen]))


def shorter_hair(scene: Scene, strength: float) -> None:
    """Long hair to the jaw, half-long hair to the ears, short hair closer to the head."""
    hair = need_hair(scene)
    _, middle, half = across(scene)
    top = float(np.percentile(scene.y[hair], 0.5))
    bottom = float(np.percentile(scene.y[hair], 98))
    if bottom <= 0.5:
        draw_in(scene, strength)
        return
    strength = min(strength, 1.3)
    goal, width = (1.05, half + 0.42) if bottom > 1.5 else (0.12, half + 0.2)
    cut = bottom + strength * (goal - bottom)
    ceiling = top - 0.5  # the crown stays as it is, a bun above it too
    draw_in_sides(scene, width - half, strength, cut + _DRAWN)
    hair, width = scene.where(Label.HAIR), width + _STRAY
    out = abs(scene.x - middle)
    shoulder = -0.55  # above this row the kept hair is a dome
    sides = width - (0.25 if bottom > 1.5 else 0.1) * ramp(scene.y, cut - 0.5, cut) ** 2
    dome = (out / width) ** 2.4 + (np.maximum(shoulder - scene.y, 0) / max(shoulder - ceiling, 0.3)) ** 2.4
    # Locks end at heights of their own, and no ruler draws their outline.
    ends = cut - 0.35 * (out / width) ** 5 + 0.5 * tips(scene.x)
    sides = sides + _WAVY * ramp(scene.y, shoulder, shoulder + 0.4) * locks(0.35 * scene.y)
    kept = (scene.y < ends) & np.where(scene.y < shoulder, dome < 1, out < sides)
    # Slits of background between strands go with the hair, and so do earrings that showed through it.
    size = max(3, int(0.15 * scene.unit) | 1)
    solid = cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)) > 0
    removed = ~kept & (hair | (solid & scene.where(Label.BACKGROUND)))
    for side, label in SIDES:
        if not ear_shows(scene, label):
            removed |= scene.where(Label.EAR_R) & (side * (scene.x - middle) > 0)
    removed = _with_specks(scene, removed)
    reveal(scene, removed, ears_from=cut - 0.3)
    _fill_holes(scene, removed)
    hold_face(scene)


def more_volume(scene: Scene, strength: float) -> None:
    """Hair stands out further all around."""
    need_open_hair(scene)
    hair = need_hair(scene)
    full = morphed(scene, hair, cv2.MORPH_OPEN, _FULL)
    if is_bald(scene):  # nothing grows on its top
        full &= abs(across(scene)[0]) > _RIM
    if full.sum() <= _THIN * scene.unit**2:
        raise QuickEditImpossible("This hair is too thin to stand out; choose a Hairstyle.")
    _, middle, half = across(scene)
    bottom = float(np.percentile(scene.y[hair], 98))
    # Less at the tips, so that short hair does not end in wings.
    grow = 0.2 * strength * scene.unit * (1 - 0.9 * ramp(scene.y, bottom - 0.8, bottom))
    # A limit around the head: hair never fills the whole picture, however often it grows.
    below = scene.y > -0.45
    wide = half + (0.5 if scene.where(Label.HAT).any() else 0.8)  # no wings beside a hat
    limit = ((scene.x - middle) / wide) ** 2 + ((scene.y + 0.45) / np.where(below, bottom + 0.7, 2.0)) ** 2 < 1
    near = signed_distance(full) > -grow
    # Hair grows away from the head, not down over the neck.
    outside = (abs(scene.x - middle) > 0.85 * half) | (scene.y < -0.5)
    scene.paint(near & limit & outside, Label.HAIR, over=(Label.BACKGROUND, *EARS, Label.CLOTH))
    ring = near & ~hair & limit & scene.where(Label.HAIR, Label.BACKGROUND)
    scene.smooth(ring)
    hold_face(scene)


#: Hairstyles in the order of their menu.
_STYLES = (
    *("long_waves", "long_straight", "long_curls", "long_layered", "shoulder", "fringe_bob", "pixie", "tousled"),
    *("swept", "curtain", "side_part", "swept_back", "textured", "tied_back"),
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
    QuickEdit("shorter_hair", "Shorter hair", "Cuts to the jaw, then to the ears.", "Hair", shorter_hair),
    QuickEdit("more_volume", "More volume", "Makes the hair stand out all around.", "Hair", more_volume),
)
