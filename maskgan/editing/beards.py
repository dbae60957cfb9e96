"""Beards where hair was painted onto a face: short hairs, each drawn, in the colours and the light of that face.

Masks give a beard to the skin, so that a network that learned from them has never drawn one, and makes a plate of it.
A beard is many like hairs: here each has its place in the face's frame, whatever is painted, grows the way hairs do
there, and is thinner towards the edge of what was painted, beside the lower lip and below the nose. How dense they are,
which way they go and how light they are drifts over the face: hairs that differ one by one alone look like fur.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.flows import warp_mask, window_of
from maskgan.editing.hair_colours import colours_of_hair
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.scenes import scene_of
from maskgan.editing.tones import LUMA
from maskgan.labels import LIPS, Label
from maskgan.quick_edits.edit import Moved, QuickEdit
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.painted_beard import painted_beard
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene

#: Side of the cells (frame units) each of which a hair grows in.
_APART = 0.014

#: Length of hairs (frame units), shortest and longest, and how much longer below the chin.
_LENGTH, _HANGS = (0.05, 0.11), 1.8

#: How far (radians) hairs differ in direction, and bend.
_ASTRAY, _BENT = 0.5, 0.9

#: How far (frame units) from skin without a beard one gets full, how much farther on a cheek, and how many hairs grow
#: at the edge.
_FULL, _ON_CHEEKS, _SPARSE = 0.11, 0.14, 0.15

#: How long hairs at that edge are, and how far they cover, in parts of those of a full beard.
_YOUNG, _FINE = 0.4, 0.5

#: How much less grows beside the soul patch and in the groove below the nose.
_BARE, _GROOVE = 0.85, 0.4

#: Side (frame units) of places that differ in how dense hairs are (in parts), where they go (radians) and how light
#: they are (natural logarithm), and by how much, to either side.
_PLACES, _THICK, _TURNED, _TONED = 0.11, 0.25, 0.5, 0.25

#: How far a hair covers what lies beneath it in the middle of it, and how much does the shade between hairs.
_COVERS, _SHADE = 0.45, 0.55

#: How much lighter and darker hairs are (natural logarithm), and how much darker it is between them.
_LIGHTS, _BETWEEN = 0.5, 0.72

#: How much of that red, green and blue have, and by how much a beard is warmer than the hair of the head (natural
#: logarithm).
_HUES, _WARMER = np.float32((1.1, 1.0, 0.9)), np.float32((0.03, 0.0, -0.06))

#: Within how far (frame units) the light of the face is told, and how much of its variation shows in a beard.
_AROUND, _LIT = 0.14, 0.8

#: R, G, B of a beard below a bald head whose brows are hidden.
_DARK = (58, 46, 38)

#: Where the last beards are, for edits that follow; at most so many bytes.
_FOUND: LastingCache[np.ndarray] = LastingCache(2**23, lambda found: found.nbytes)

#: The usual colours of the last photos' hair, for strokes that follow.
_COLOURS: LastingCache[np.ndarray] = LastingCache(64, lambda found: 1)

#: How many points of a hair are drawn to a pixel of its length.
_STEPS = 1.5


def with_beard(
    crop: np.ndarray,
    mask: np.ndarray,
    own: np.ndarray,
    photo: np.ndarray,
    colour: tuple[int, int, int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """An edited crop (S, S, 3) uint8 with the beard that its mask has, and how far each pixel changed, (S, S) float32.

    mask, own: (S, S), the edited and the photo's own mask; photo: (S, S, 3) uint8, the crop as it was; colour: R, G, B
    that the hair was given; without it the beard has that of the photo's hair, of a bald head's brows.
    """
    nothing = np.zeros(mask.shape, np.float32)
    region = beard_of(mask, own)
    if region is None:
        return crop, nothing
    base = _usual_colour(photo, own) if colour is None else np.float32(colour)
    scene = scene_of(own)
    box, covered, light, full = _drawn(scene, region)
    luma = cv2.GaussianBlur((crop @ LUMA).astype(np.float32), (0, 0), _AROUND * scene.unit)
    skin = (own == Label.SKIN) & ~region
    usual = np.median(luma[skin]) if skin.any() else np.median(luma[region])
    lit = (luma[box] / max(float(usual), 1.0)).clip(0.4, 1.5) ** _LIT
    alpha = 1 - np.exp(-covered)
    hairs = base * (np.exp(light[..., None] * _HUES + _WARMER) * lit[..., None])
    shade = base * (_BETWEEN * lit)[..., None]
    mixed = crop[box].astype(np.float32)
    under = _SHADE * full
    mixed += under[..., None] * (shade - mixed)
    mixed += alpha[..., None] * (hairs - mixed)
    share = (1 - (1 - under) * (1 - alpha)).astype(np.float32)
    share[share < 1 / 255] = 0
    result, changed = crop.copy(), nothing
    result[box] = np.where(share[..., None] > 0, mixed.round().clip(0, 255), crop[box])
    changed[box] = share
    return result, changed


def _usual_colour(photo: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The colour (3,) float32 in 0..255 of a photo's hair, dark where nothing tells it."""

    def found() -> np.ndarray:
        colours = colours_of_hair(photo, own)
        if colours is None:
            return np.float32(_DARK)
        return from_oklab(np.median(to_oklab(colours), axis=0)).clip(0, 255).astype(np.float32)

    return _COLOURS.get(photo, fingerprint(own), found)


def beard_of(mask: np.ndarray, own: np.ndarray) -> np.ndarray | None:
    """Where (S, S) bool a mask (S, S) has a beard that the photo's own mask (S, S) does not have; None for nowhere."""
    hair = mask == Label.HAIR
    if not (hair & (own != Label.HAIR)).any():
        return None
    found = _FOUND.get(own, fingerprint(hair), lambda: _found(own, hair))
    return found if found.any() else None


def without_beard(mask: np.ndarray, own: np.ndarray) -> np.ndarray:
    """A mask (S, S) without the beard that the photo's own mask (S, S) does not have: there as that has it."""
    beard = beard_of(mask, own)
    return mask if beard is None else np.where(beard, own, mask).astype(mask.dtype)


def edited_beneath(
    edit: QuickEdit, mask: np.ndarray, own: np.ndarray, strength: float = 1.0, variant: str | None = None
) -> Moved:
    """What a quick edit makes of a mask (S, S) without its beard, to which that comes along.

    own: (S, S), the photo's own mask; the others, and what is raised, as for `QuickEdit.move`, which knows of no beards
    and would take one for hair of the head.
    """
    beard = beard_of(mask, own)
    moved = edit.move(without_beard(mask, own), strength, variant)
    if beard is None or edit.name == "beard":  # which takes its place
        return moved
    came = warp_mask(beard.astype(np.uint8), np.nan_to_num(moved.moved)) > 0
    for seen in (moved.mask, own):
        came &= class_region(seen, (Label.SKIN, Label.NECK, Label.CLOTH))
    return moved._replace(mask=np.where(came, np.uint8(Label.HAIR), moved.mask))


def _found(own: np.ndarray, hair: np.ndarray) -> np.ndarray:
    try:
        return painted_beard(scene_of(own), hair)
    except QuickEditImpossible:  # nothing of a face tells where a beard grows
        return np.zeros(hair.shape, bool)


def _hash(columns: np.ndarray, rows: np.ndarray, number: int) -> np.ndarray:
    """Numbers in 0..1 (N,) float32 that stand for chance, of whole columns and rows (N,)."""
    with np.errstate(over="ignore"):
        value = columns.astype(np.uint32) * np.uint32(0x9E3779B1) ^ rows.astype(np.uint32) * np.uint32(0x85EBCA77)
        value ^= np.uint32(number * 0x27D4EB2F & 0xFFFFFFFF)
        value = (value ^ value >> np.uint32(15)) * np.uint32(0x2C1B3C6D)
        value = (value ^ value >> np.uint32(12)) * np.uint32(0x297A2D39)
        value ^= value >> np.uint32(15)
    return (value >> np.uint32(8)).astype(np.float32) / np.float32(2**24)


def _drift(x: np.ndarray, y: np.ndarray, number: int) -> np.ndarray:
    """Numbers in -1..1 (N,) that change smoothly over the frame points x, y (N,), and stand for chance."""
    x, y = x / _PLACES, y / _PLACES
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    along, down = smoothstep(x - left), smoothstep(y - top)
    rows = []
    for row in (top, top + 1):
        first, second = _hash(left, row, number), _hash(left + 1, row, number)
        rows.append(first + (second - first) * along)
    return 2 * (rows[0] + (rows[1] - rows[0]) * down) - 1


def _drawn(scene: Scene, region: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns that hairs of a beard `region` (S, S) bool reach, and there how often they cover each pixel, how
    light they are (natural logarithm), and how full it is, (h, w) float32 each."""
    unit, size = scene.unit, region.shape
    full = _fullness(scene, region)
    rows, columns = np.nonzero(region)
    x, y = scene.x[rows, columns], scene.y[rows, columns]
    low, high = np.floor([x.min() / _APART, y.min() / _APART]), np.ceil([x.max() / _APART, y.max() / _APART])
    down, right = np.mgrid[int(low[1]) : int(high[1]) + 1, int(low[0]) : int(high[0]) + 1]
    down, right = down.ravel(), right.ravel()
    chance = [_hash(right, down, number) for number in range(7)]
    x, y = (right + chance[0]) * _APART, (down + chance[1]) * _APART
    column, row = (np.floor(place + 0.5).astype(int) for place in scene.frame.to_pixels(x, y))
    inside = (column >= 0) & (row >= 0) & (column < size[1]) & (row < size[0])
    inside[inside] = region[row[inside], column[inside]]
    grown = np.zeros(len(x), np.float32)
    grown[inside] = full[row[inside], column[inside]]
    grown *= 1 - _THICK * (1 + _drift(x, y, 7))
    keep = inside & (chance[2] < _SPARSE + (1 - _SPARSE) * grown)
    x, y, grown, chance = x[keep], y[keep], grown[keep], [each[keep] for each in chance]
    angle = _ways(scene, x, y) + _ASTRAY * (2 * chance[3] - 1) + _TURNED * _drift(x, y, 8)
    bend = _BENT * (2 * chance[4] - 1)
    short, long = _LENGTH
    length = (short + (long - short) * chance[5]) * (_YOUNG + (1 - _YOUNG) * grown)
    dense = _FINE + (1 - _FINE) * grown
    length *= 1 + (_HANGS - 1) * smoothstep((y - scene.chin + 0.2) / 0.4)
    light = _LIGHTS * (2 * chance[6] - 1) + _TONED * _drift(x, y, 9)
    steps = max(2, int(np.ceil(_STEPS * unit * float(length.max()))))
    reach = int(np.ceil(unit * float(length.max()))) + 2
    box = tuple(slice(at.start, min(at.stop, side)) for at, side in zip(window_of(region, reach), size, strict=True))
    top_row, first_column = (at.start for at in box)
    high, wide = full[box].shape
    sums = np.zeros((2, high * wide))
    for step in range(steps):
        along = (step + 0.5) / steps
        way = angle + bend * (along - 0.5)
        covers = _COVERS * dense * (1 - along**2) * length * unit / steps
        places = scene.frame.to_pixels(x + along * length * np.cos(way), y + along * length * np.sin(way))
        left, top = (np.floor(place).astype(int) for place in places)
        part_x, part_y = places[0] - left, places[1] - top
        for over, beyond in ((0, 0), (1, 0), (0, 1), (1, 1)):
            weight = abs(1 - over - part_x) * abs(1 - beyond - part_y) * covers
            at_x, at_y = left + over, top + beyond
            seen = (at_x >= 0) & (at_y >= 0) & (at_x < size[1]) & (at_y < size[0])
            at = ((at_y - top_row) * wide + at_x - first_column)[seen]
            sums[0] += np.bincount(at, weight[seen], sums.shape[1])
            sums[1] += np.bincount(at, (weight * light)[seen], sums.shape[1])
    covered, light = sums.reshape(2, high, wide).astype(np.float32)
    return box, covered, light / np.maximum(covered, 1e-3), full[box]


def _fullness(scene: Scene, region: np.ndarray) -> np.ndarray:
    """How full a beard `region` (S, S) bool of a scene, the photo's, is: (S, S) float32 in 0..1.

    Less towards skin without a beard, not along the outline of the face.
    """
    bare = scene.where(Label.SKIN, Label.NECK, Label.NOSE, *LIPS) & ~region
    deep = cv2.distanceTransform((~bare).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    cheek = smoothstep((abs(across(scene)[0]) - 0.45) / 0.3) * (1 - smoothstep((scene.y - 1.2) / 0.3))
    full = smoothstep(deep / (_FULL + cheek * np.clip(deep[region].max() - _FULL, 0, _ON_CHEEKS)))
    lips = scene.where(*LIPS, Label.MOUTH)
    if lips.any():
        (left, right), (top, low) = np.percentile(scene.x[lips], (1, 99)), np.percentile(scene.y[lips], (2, 98))
        beside = abs(2 * scene.x - left - right) / max(right - left, 1 / scene.unit)
        below = (scene.y - low) / max(scene.chin - low, 0.2)
        full = full * (1 - _BARE * np.exp(-(((beside - 0.6) / 0.36) ** 2) - ((below - 0.12) / 0.3) ** 2))
        full = full * (1 - _GROOVE * np.exp(-((beside / 0.14) ** 2)) * (scene.y < top))
    return np.where(region, full, 0).astype(np.float32)


def _ways(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The direction (N,) that hairs at frame points x, y (N,) grow in, in radians from the frame's x to its y.

    Beside the nose outwards, on the cheeks down and a little back, below the mouth down.
    """
    _, middle, half = across(scene)
    lips = scene.where(*LIPS, Label.MOUTH)
    mouth = float(scene.y[lips].mean()) if lips.any() else 1.0
    out = (x - middle) / half
    above = smoothstep((mouth - y + 0.05) / 0.2) * (1 - smoothstep((abs(out) - 0.45) / 0.25))
    right = 0.35 * out + above * 1.6 * np.tanh(out / 0.12)
    return np.arctan2(np.ones_like(right), right)
