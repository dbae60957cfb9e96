"""Where hair that was painted over a forehead shows a hairpiece.

A hairpiece (`hairpieces.py`) hangs there so that it ends where the paint does: every column of it is moved down or up
to the paint's lower end, and stretched where it is too short for what was painted.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import Label
from maskgan.quick_edits.scene import Scene, ramp
from maskgan.quick_edits.silhouettes import Silhouette

#: y in the frame above which a forehead lies, and the upper half of a head; how far both reach beside the middle of the
#: face, in half faces.
_FOREHEAD, _HEAD, _TEMPLES = -0.1, -0.6, 1.15

#: In how many columns what was painted is measured.
_COLUMNS = 29

#: How far (frame units) the wearer's own hair beside what was painted turns into the hairpiece.
_JOINS = 0.2

#: How far (frame units) below the upper end of the lender's hair, or of the lender's picture, its strands begin, and
#: how long they are at least.
_CROWN, _SHORTEST = 0.06, 0.3

#: How thick (frame units) hair that was painted has to be somewhere, and how large in square units, to be a fringe.
_THICK, _LARGE = 0.32, 0.3

#: How far (frame units) above it hair, a hat or the ground is looked for, and below how much of it some has to be.
_ABOVE, _HANGS = 0.12, 0.5


def painted_over(scene: Scene, hair: np.ndarray) -> np.ndarray:
    """What of hair (H, W) bool lies over the forehead of a scene without it, or above the head: (H, W) bool."""
    left, right = scene.cheeks
    beside = abs(scene.x - (left + right) / 2) < _TEMPLES * (right - left) / 2
    forehead = scene.where(Label.SKIN) & (scene.y < _FOREHEAD)
    return hair & beside & (forehead | (scene.where(Label.BACKGROUND) & (scene.y < _HEAD)))


def is_fringe(scene: Scene, painted: np.ndarray) -> bool:
    """Whether much of what was painted (H, W) bool lies over a forehead, and hangs from above it.

    A little is the hairline's, which follows by moving the hair, and what is apart from hair is none that falls.
    """
    painted = painted & scene.where(Label.SKIN)
    if np.count_nonzero(painted) < _LARGE * scene.unit**2:
        return False
    depth = cv2.distanceTransform(painted.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    if 2 * depth.max() < _THICK * scene.unit:
        return False
    skin = scene.where(Label.SKIN) & ~painted
    upper = painted & ~np.roll(painted, 1, axis=0)
    bare = upper & np.roll(skin, max(1, round(_ABOVE * scene.unit)), axis=0)
    return bool(np.count_nonzero(bare) <= (1 - _HANGS) * np.count_nonzero(upper))


def drawn_to(scene: Scene, shape: Silhouette, painted: np.ndarray) -> np.ndarray:
    """y to look up (H, W) so that a shape's hair ends where what was painted (H, W) bool does.

    Where it is too short to begin above the paint it is stretched from its ends on up.
    """
    (left, right), (their_left, their_right) = scene.cheeks, shape.scene.cheeks
    middle, half = (left + right) / 2, (right - left) / 2
    grid = np.linspace(-_TEMPLES, _TEMPLES, _COLUMNS)
    top, low = scene.envelope(painted, middle + half * grid)
    at, upper, edge = (np.interp(grid, shape.edges[0], each) for each in shape.edges)
    height = (right - left) / (their_right - their_left)
    upper, edge = np.maximum(upper, shape.top) * height, np.minimum(edge, 0.0) * height
    long = np.maximum(edge - upper - _CROWN, _SHORTEST)
    stretch = np.maximum(1.0, (low - top + _JOINS) / long)
    q = (scene.x - middle) / half
    end, begins, more = (np.interp(q, at, each) for each in (low, edge, stretch))
    return begins + (scene.y - end) / np.where(scene.y < end, more, 1.0)


def share_of(scene: Scene, painted: np.ndarray) -> np.ndarray:
    """How far each pixel may show hair that hangs where it was painted (H, W) bool: (H, W) float32 in 0..1.

    It does so a little way over the wearer's own hair, which it grows out of.
    """
    away = cv2.distanceTransform((~painted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    head = (scene.face | scene.where(Label.HAIR) | painted).astype(np.float32)
    head = cv2.GaussianBlur(head, (0, 0), max(0.5, 0.03 * scene.unit))
    return ((1 - ramp(away, 0.0, _JOINS)) * ramp(head, 0.3, 0.6)).astype(np.float32)
