"""Hair drawn in towards the head, with its own strands and edge: a map of the picture.

Seen from the middle of the head, hair lies in each direction between where the face ends and its own outline. The
outline is moved in, and hair is pressed together between the two. What it bares is what lies beside it.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import EARS, Label
from maskgan.quick_edits.hairpieces import across, head_top
from maskgan.quick_edits.scene import Scene, ramp

#: Directions around the head, and over how many of them outlines are smoothed.
_DIRECTIONS, _SMOOTH = 120, 2.0

#: y of the middle of the head, from which directions are seen.
_MIDDLE = -0.3

#: How thick the closest hair is, in frame units, and which part of the way to it strength 1 goes.
_CLOSEST, _WAY = 0.1, 0.5

#: Hair is pressed to no less than this part of its thickness at a time.
_PRESSED = 0.4

#: How far beside hair its surroundings tell what it bares, in parts of how far it was drawn in.
_FOLLOWS = 3.0

#: Shares of the way up between which directions are no longer to the side, and over how much of the height (frame
#: units) hair is drawn in less and less above where it is cut.
_SIDES, _FADES = (0.3, 0.75), 0.5

#: How near, as a weight in 0..1, directions are in which the picture cuts hair off.
_CORNER = 0.02

#: Pieces of hair below this share of it are specks.
_SPECK = 0.03

#: What is less than this, in frame units, is no change.
_LEAST = 0.02


def draw_in(scene: Scene, strength: float) -> None:
    """Draw hair in towards the head from all around; when it lies close already, nothing changes."""
    _draw_in(scene, _CLOSEST, min(_WAY * strength, 1.0), np.ones(_DIRECTIONS), np.float32(1))


def draw_in_sides(scene: Scene, thick: float, strength: float, lowest: float) -> None:
    """Draw hair in at the sides of the head, above y = `lowest`, to this thickness; all lengths in frame units."""
    upwards = -np.sin(2 * np.pi * ((np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS - 0.5))
    share = 1 - ramp(scene.y, lowest - _FADES, lowest)
    _draw_in(scene, thick, min(strength, 1.0), 1 - ramp(upwards, *_SIDES), share)


def _draw_in(scene: Scene, closest: float, way: float, directions: np.ndarray, share: np.ndarray) -> None:
    """Draw hair in, part of the `way` (0..1) to being `closest` thick, in proportion to a weight of each direction
    (_DIRECTIONS,) and to `share` (H, W), 1 where it is done."""
    _, middle, half = across(scene)
    x, y = scene.x - middle, scene.y - _MIDDLE
    radius = np.hypot(x, y)
    face = scene.face | scene.where(*EARS, Label.HAT)
    # The bare head, down to the ears.
    top = _MIDDLE - head_top(scene)
    head = (abs(x) / (half + 0.05)) ** 2.3 + (np.maximum(-y, 0) / top) ** 2.3 < 1
    inner = _smooth(_farthest(x, y, radius, face))
    bare = np.maximum(_smooth(_farthest(x, y, radius, head & (y < 0))), inner)
    seen, whole, cut = _outlines(x, y, radius, _without_specks(scene.where(Label.HAIR)))
    whole, cut = seen + directions * (whole - seen), directions * cut
    seen, outer = np.maximum(_smooth(seen), bare), np.maximum(_smooth(whole), bare)
    shift = way * np.maximum(outer - bare - closest, 0)
    shift = _smooth(directions * np.minimum(shift, (1 - _PRESSED) * (outer - inner)))
    if shift.max() < _LEAST:
        return
    inner, seen, outer, shift, cut = (_around(x, y, line) for line in (inner, seen, outer, shift, _smooth(cut)))
    after = outer - shift
    hair = np.clip(radius - inner, 0, None) * (seen - after) / np.maximum(after - inner, 1e-3)
    ground = shift * (1 - ramp(radius, after, after + _FOLLOWS * shift + 1e-3))
    more = share * np.where(radius < after, hair, ground)
    grow = 1 + more / np.maximum(radius, 1e-3)
    source = middle + x * grow, _MIDDLE + y * grow
    moved = abs(more) * scene.unit > 0.25
    # What is not hair stays where it is outside of the hair's outline.
    moved &= (radius < after) | scene.where(Label.HAIR)
    scene.mask = np.where(moved, scene.warped(*source), scene.mask)
    # Nor does a corner stay where the picture cut hair off.
    over = moved & (radius > after) & ((cut > _CORNER) | _beyond(scene, *source))
    scene.paint(over, Label.BACKGROUND, over=(Label.HAIR,))
    scene.tell(np.ones(radius.shape, bool), scene.x, scene.y)
    scene.tell((radius < after) | scene.where(Label.HAIR), *source)
    scene.forget(scene.where(Label.BACKGROUND))


def _without_specks(hair: np.ndarray) -> np.ndarray:
    """Hair (H, W) bool without small pieces."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(hair.astype(np.uint8))
    areas = stats[:, cv2.CC_STAT_AREA]
    return hair & (areas[pieces] >= _SPECK * hair.sum())


def _bins(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The direction (H, W) from 0 to _DIRECTIONS in which each place lies."""
    return (np.arctan2(y, x) / (2 * np.pi) + 0.5) * _DIRECTIONS


def _farthest(x: np.ndarray, y: np.ndarray, radius: np.ndarray, region: np.ndarray) -> np.ndarray:
    """How far a region (H, W) bool reaches in each direction (_DIRECTIONS,), 0 where it does not lie."""
    found = np.zeros(_DIRECTIONS)
    bins = _bins(x[region], y[region]).astype(int) % _DIRECTIONS
    np.maximum.at(found, bins, radius[region])
    return found


def _outlines(x: np.ndarray, y: np.ndarray, radius: np.ndarray, hair: np.ndarray) -> tuple[np.ndarray, ...]:
    """How far hair (H, W) bool is seen in each direction; how far it reaches, which is round from side to side where
    the picture cuts it off; and where (1, else 0) that is. (_DIRECTIONS,) each."""
    seen = _farthest(x, y, radius, hair)
    edge = hair.copy()
    edge[1:-1, 1:-1] = False
    cut = _farthest(x, y, radius, edge) > 0
    if cut.all() or not cut.any():
        return seen, seen, np.zeros(_DIRECTIONS)
    places = np.arange(_DIRECTIONS)
    whole = np.interp(places, places[~cut], seen[~cut], period=_DIRECTIONS)
    return seen, np.where(cut, np.maximum(seen, whole), seen), cut.astype(float)


def _smooth(line: np.ndarray) -> np.ndarray:
    """Values of the directions (_DIRECTIONS,) under a small Gaussian."""
    reach = int(3 * _SMOOTH) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / _SMOOTH) ** 2)
    return np.convolve(np.pad(line, reach, mode="wrap"), kernel / kernel.sum(), mode="valid")


def _around(x: np.ndarray, y: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Values of the directions (_DIRECTIONS,) at each place (H, W), linear between the directions' middles."""
    middles = np.arange(_DIRECTIONS) + 0.5
    return np.interp(_bins(x, y), middles, line, period=_DIRECTIONS).astype(np.float32)


def _beyond(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which frame points x, y (H, W) lie outside of the picture."""
    cols, rows = scene.frame.to_pixels(x, y)
    height, width = scene.mask.shape
    return (cols < 0) | (rows < 0) | (cols > width - 1) | (rows > height - 1)
