"""Where hair that was painted around a head, above, beside and below it, shows a hairpiece.

Above the eyes a place is told by its angle and its distance from the middle of the face, below them by its height and
its distance from the middle line. Along every such line the lender's hair is laid to where the wearer's, with what was
painted, begins and ends, so that its strands follow the outline that was painted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.labels import EARS, Label
from maskgan.quick_edits.locks import tips
from maskgan.quick_edits.scene import Scene, ramp, smooth_curve
from maskgan.quick_edits.silhouettes import Silhouette

#: Lines from the top of a head (an angle, in radians above the eyes) down its sides (a height, in parts of that of the
#: chin), how many, and over how many of them hair's inner and outer end are smoothed.
_ALONG, _SMOOTH = np.linspace(-np.pi / 2, 2.6, 84), 1.5

#: Hair beside the skin of a face lies farther from the middle than this, in half faces, and lower than this, in units.
_CHEEK, _FOREHEAD = 0.55, -0.1

#: How far (frame units) the wearer's own hair beside what was painted turns into the hairpiece.
_JOINS = 0.2

#: Least and most that a hairpiece is stretched outwards.
_PRESSED, _STRETCHED = 0.6, 3.0

#: From which height on long hair is stretched down, and which part of the lender's reaches that far.
_EARS, _WHOLE = 0.1, 0.95

#: y in the frame below which hair has ends; how much smoother (frame units) than what was painted they are, how far
#: above it they are, and over which way they thin out.
_ENDS, _EVEN, _ABOVE, _THIN = 0.3, 0.06, 0.05, (-0.16, 0.02)

#: How soft (frame units) the sides of hair are.
_SOFT = 0.015

#: How thick (frame units) hair that was painted has to be somewhere, how far from the wearer's own, and how large in
#: square units, to be more than that with more volume.
_THICK, _FAR, _LARGE = 0.2, 0.35, 0.25


class _Hair(NamedTuple):
    """Where hair begins and ends, (84,) each, in half faces from the middle, and the last line that has any."""

    inner: np.ndarray
    outer: np.ndarray
    last: float


def painted_around(scene: Scene, hair: np.ndarray) -> np.ndarray:
    """What of hair (H, W) bool lies around the head of a scene without it, not over its forehead: (H, W) bool."""
    left, right = scene.cheeks
    beside = abs(scene.x - (left + right) / 2) > _CHEEK * (right - left) / 2
    skin = scene.where(Label.SKIN) & beside & (scene.y > _FOREHEAD)
    return hair & (skin | scene.where(Label.BACKGROUND, Label.NECK, Label.CLOTH, *EARS))


def is_much(scene: Scene, painted: np.ndarray) -> bool:
    """Whether what was painted (H, W) bool around a head is more than its own hair, or its outline, grown."""
    if np.count_nonzero(painted) < _LARGE * scene.unit**2:
        return False
    depth = cv2.distanceTransform(painted.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    if 2 * depth.max() < _THICK * scene.unit:
        return False
    own = scene.where(Label.HAIR)
    if not own.any():
        return True
    away = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return bool(away[painted].max() >= _FAR * scene.unit)


def places_around(scene: Scene, shape: Silhouette, painted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows (H, W) float32 in the lender's picture of hair that lies as was painted (H, W) bool."""
    side, along, out = _lines(scene)
    x, y = np.zeros(painted.shape, np.float32), np.zeros(painted.shape, np.float32)
    left, right = shape.scene.cheeks
    middle, half = (left + right) / 2, (right - left) / 2
    for hand in (-1, 1):
        here = side == hand
        own = _hair(here, along, out, painted | scene.where(Label.HAIR))
        new, theirs = _hair(here, along, out, painted), _hair_of(shape, hand)
        if own is None or new is None or theirs is None:
            continue
        line, reach = along[here], _WHOLE * shape.length / shape.scene.chin
        longer = max(new.last - _EARS, reach - _EARS) / (reach - _EARS)
        place = np.where(line > _EARS, _EARS + (line - _EARS) / longer, line)
        inner, outer = (np.interp(line, _ALONG, each) for each in (own.inner, own.outer))
        their_inner, their_outer = (np.interp(place, _ALONG, each) for each in (theirs.inner, theirs.outer))
        scale = ((outer - inner) / np.maximum(their_outer - their_inner, 0.05)).clip(_PRESSED, _STRETCHED)
        far = their_outer + (out[here] - outer) / scale
        above = place < 0
        x[here] = middle + hand * half * np.where(above, far * np.cos(place), far)
        y[here] = np.where(above, far * np.sin(place) * half, place * shape.scene.chin)
    return shape.scene.frame.to_pixels(x, y)


def share_around(scene: Scene, painted: np.ndarray) -> np.ndarray:
    """How far each pixel may show hair that lies as was painted (H, W) bool: (H, W) float32 in 0..1.

    It does so a little way over the wearer's own hair, and ends below in locks and strands.
    """
    away = cv2.distanceTransform((~painted).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    hair = (painted | scene.where(Label.HAIR)).astype(np.float32)
    soft = cv2.GaussianBlur(hair, (0, 0), max(0.5, _SOFT * scene.unit))
    share = (1 - ramp(away, 0.0, _JOINS)) * ramp(soft, 0.2, 0.6)
    columns = np.flatnonzero(painted.any(0))
    if len(columns):
        height, width = painted.shape
        lowest = (height - 1 - painted[::-1].argmax(0))[columns]
        lowest = np.interp(np.arange(width), columns, lowest).astype(np.float32)
        lowest = cv2.GaussianBlur(lowest[None], (0, 0), _EVEN * scene.unit)[0]
        below = (np.arange(height)[:, None] - lowest[None]) / scene.unit - tips(scene.x) + _ABOVE
        share *= np.where(scene.y > _ENDS, 1 - ramp(below, *_THIN), 1)
    return share.astype(np.float32)


def _lines(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each pixel (H, W) its side (-1 left in the picture, 1 right), its line, and how far out it is on that."""
    left, right = scene.cheeks
    middle, half = (left + right) / 2, (right - left) / 2
    beside, up = abs(scene.x - middle) / half, np.maximum(-scene.y, 0) / half
    along = np.where(scene.y < 0, -np.arctan2(up, np.maximum(beside, 1e-6)), scene.y / scene.chin)
    return np.where(scene.x < middle, -1, 1), along, np.hypot(beside, up)


def _hair(here: np.ndarray, along: np.ndarray, out: np.ndarray, hair: np.ndarray) -> _Hair | None:
    """Where hair (H, W) bool of a side lies, from what `_lines` gives; None for hardly any."""
    hair = hair & here
    number = np.rint((along[hair] - _ALONG[0]) / (_ALONG[1] - _ALONG[0])).astype(int)
    far, within = out[hair], number < len(_ALONG)
    inner, outer = np.full(len(_ALONG), np.inf), np.full(len(_ALONG), -np.inf)
    np.minimum.at(inner, number[within], far[within])
    np.maximum.at(outer, number[within], far[within])
    seen = np.isfinite(inner)
    if np.count_nonzero(seen) < 3:
        return None
    ends = (smooth_curve(np.interp(_ALONG, _ALONG[seen], each[seen]), _SMOOTH) for each in (inner, outer))
    return _Hair(*ends, float(_ALONG[seen].max()))


@lru_cache(maxsize=64)
def _hair_of(shape: Silhouette, hand: int) -> _Hair | None:
    """Where the hair of a shape lies at one side of the lender's head."""
    side, along, out = _lines(shape.scene)
    return _hair(side == hand, along, out, shape.distance > 0)
