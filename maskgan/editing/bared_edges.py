"""The edge of a face, a neck or clothes that comes to light before a background that does, too: even, and soft.

Of an edge that it has to invent on both of its sides a network knows little: it draws a dark line along it, as of the
hair that lay there, and the edge itself is the mask's, a stair. Here skin keeps up to its edge the colours that it has
farther inside, and goes over into the background as sharp things do in a photo.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import averaged_within, nearest_of, replaced, smoothstep
from maskgan.editing.flows import grown, window_of
from maskgan.labels import EARS, Label
from maskgan.quick_edits.regions import class_region

#: Classes that keep their colours up to their edge, each its own; and those whose edge is soft: hair ends in strands.
_EVEN, _SOFT = (Label.SKIN, Label.NECK), (Label.SKIN, Label.NECK, *EARS, Label.CLOTH)

#: How far from the background skin has the colours from farther inside, and within how far these are averaged; in
#: pixels of a crop of 256 px.
_RIM, _NEAR = 6.0, 1.5

#: How much of what a network draws there stays.
_DRAWN = 0.15

#: How far beyond what is unknown paint is laid over, in pixels of a crop of 256 px.
_FEATHER = 3.0

#: How far beside an edge its colours are those farther from it, how far the stair is smoothed, and how wide the edge
#: is; in pixels of a crop of 256 px.
_BESIDE, _SMOOTH, _WIDE = 1.25, 1.5, 0.9


def with_even_edges(
    picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray, scale: float
) -> np.ndarray:
    """Painted skin and clothes whose edge before painted background is even.

    Args:
        picture, photo, unknown, mask: (n, n, ...), as for `paint_colours.in_colours_of_the_photo`.
        scale: painted pixels to a pixel of a crop of 256 px.

    Returns a picture (n, n, 3) float32; only paint within a few pixels of such an edge is changed.
    """
    bared = (mask == Label.BACKGROUND) & unknown
    if not bared.any():
        return picture
    reach = max(_RIM, 2 * _BESIDE)
    edge = grown(bared, reach * scale) & unknown & class_region(mask, _SOFT)
    if not edge.any():
        return picture
    box = window_of(edge, round((reach + 3 * _NEAR) * scale) + 1)
    touched = grown(unknown[box], _FEATHER * scale)
    own = replaced(photo[box].astype(np.float32), picture[box], unknown[box])
    result = picture.copy()
    result[box] = _soft(
        _even(picture[box], own, bared[box], touched, mask[box], scale), bared[box], touched, mask[box], scale
    )
    return result


def _even(
    picture: np.ndarray, seen: np.ndarray, bared: np.ndarray, touched: np.ndarray, mask: np.ndarray, scale: float
) -> np.ndarray:
    """A picture (h, w, 3) float32 in which skin has, where it is `touched` (h, w) and close to `bared` (h, w)
    background, the colours that are `seen` (h, w, 3) float32 farther inside."""
    away = cv2.distanceTransform((~bared).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scale
    rim = away < _RIM
    weight = (1 - _DRAWN) * (1 - smoothstep((away / _RIM - 0.6) / 0.4))
    result = picture.copy()
    for label in _EVEN:
        region = mask == label
        wanted, inside = region & rim & touched, region & ~rim
        if wanted.any() and inside.any():
            colours = nearest_of(averaged_within(seen, inside, _NEAR * scale), inside)
            colours = cv2.GaussianBlur(colours, (0, 0), _NEAR * scale)
            result += (weight * wanted)[..., None] * (colours - picture)
    return result


def _soft(picture: np.ndarray, bared: np.ndarray, touched: np.ndarray, mask: np.ndarray, scale: float) -> np.ndarray:
    """A picture (h, w, 3) float32 whose edge between `bared` (h, w) background and what is before it is no stair."""
    before = class_region(mask, _SOFT)
    reach = _BESIDE * scale
    band = grown(before & touched, 2 * reach) & grown(bared, 2 * reach) & (before | bared) & touched
    band &= ~grown(~(before | (mask == Label.BACKGROUND)), reach)
    back, front = bared & ~grown(~bared, reach), before & ~grown(~before, reach)
    if not (band.any() and back.any() and front.any()):
        return picture
    share = cv2.GaussianBlur((mask == Label.BACKGROUND).astype(np.float32), (0, 0), _SMOOTH * scale)
    # A straight edge that was smoothed so far rises by 1 over this many pixels.
    share = ((share - 0.5) * np.float32(np.sqrt(2 * np.pi) * _SMOOTH / _WIDE) + 0.5).clip(0, 1)[..., None]
    mixed = share * nearest_of(picture, back) + (1 - share) * nearest_of(picture, front)
    return replaced(picture, mixed.astype(np.float32), band)
