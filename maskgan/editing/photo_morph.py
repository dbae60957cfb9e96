"""Faces between two photos: both are moved to the mask between them and blended, and only the rest is painted.

The published method draws such a face from the mask and a style, so that neither end is the person any more. Here the
face at an end is that photo; between the ends each photo's pixels lie where the mask wants them (`warping.py`), the
nearer one counts more, and the network fills what neither can show. Beyond an end its photo is moved on alone. With a
hat or a scarf at an end the face alone is moved; around it one photo gives way to the other from the inside outwards.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.edit import Face
from maskgan.editing.faces import Alignment
from maskgan.editing.flows import warp_picture
from maskgan.editing.morphing import Morph
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import flow_between
from maskgan.editing.windows import Window
from maskgan.labels import EARS, FACE_PARTS, Label
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.regions import class_region

#: Classes whose colours are matched as one, since each is small or may be hidden at one end.
_AS_ONE = ((Label.SKIN, Label.NOSE, *EARS, Label.NECK), (Label.U_LIP, Label.L_LIP))

#: Pixels of a class that both ends need for their colours to be matched, as a share of the face.
_ENOUGH = 0.0005

#: How what one photo knows fades into what only the other knows, in pixels of a face of 256 px.
_FADE = 5.0

#: How much of a face's picture a hat or a scarf takes up at least, and from where to where on the way it gives way.
_HEADWEAR, _FROM, _TO = 0.02, 0.19, 0.81

#: How far from the face its surroundings end, over which part of that way they change at once, and how far around the
#: face, and how softly, they change with it: as shares of the side but the second.
_AROUND, _AT_ONCE, _BESIDE, _SOFT = 0.38, 0.5, 0.06, 0.02

#: Colours are compared on a grid of so many cells in a row, which have no texture; a cell counts in full where both
#: photos show this share of it.
_GRID, _SURE = 64, 0.5


class _Moved(NamedTuple):
    """A photo moved to a mask: picture (S, S, 3) float32 in 0..255, and where (S, S) it does not show that mask."""

    picture: np.ndarray
    unknown: np.ndarray


def face_between(
    morph: Morph, faces: tuple[Face, Face], mask: np.ndarray, t: float, style: str = "blend", size: int | None = None
) -> np.ndarray:
    """The face (S, S, 3) uint8 RGB in the shapes of a mask at place t of a morph, made of the photos of its ends.

    Args:
        faces: those at t = 0 and t = 1, of one size, whose crops are shown; their own masks say where what is.
        mask: (S, S), from `morph.mask_at(t)` or near there.
        t: from T_MIN to T_MAX; beyond 0..1 the nearer photo is moved on.
        style: whose pixels are seen, "a", "b" or "blend" (see `Morph.style_at`).
        size: another side than that of the faces' crops, in pixels: smaller is faster.

    Raises:
        ValueError: as `Morph.style_at`.
    """
    look = morph.style_at(t, style)
    share = {"a": 0.0, "b": 1.0}.get(style, min(max(t, 0.0), 1.0))
    size = size or len(faces[0].crop)
    mask = _resized(mask, size)
    ends = [(face, weight) for face, weight in zip(faces, (1 - share, share), strict=True) if weight > 0]
    if any(_wears_headwear(face.mask) for face in faces):
        return _dissolved([face for face, _ in ends], mask, share, size)
    moved = [_to_mask(face, mask, size) for face, _ in ends]
    if len(moved) == 1:
        both, unknown = moved[0]
    else:
        both, unknown = _blended(*moved, mask, share)
    below = both.round().clip(0, 255).astype(np.uint8)
    if not unknown.any():
        return below
    pipeline = morph.pipeline
    if pipeline.engine.kept:
        window = Window.around(unknown, size)
    else:
        window = Window.whole(min(size, pipeline.engine.drawing_size or size))
    # Neighbours in a strip or a GIF have to be alike, so that no pieces are taken from here and there.
    patch = pipeline.paint(mask, look, window.picture(below), unknown, window, complete=False)
    return patch.over(below, Alignment.whole_picture(mask.shape))


def _resized(mask: np.ndarray, size: int) -> np.ndarray:
    return mask if len(mask) == size else resize_mask(mask, (size, size), smooth=True)


def _to_mask(face: Face, mask: np.ndarray, size: int) -> _Moved:
    """A face moved to a mask (size, size)."""
    crop, own = _crop(face, size), _resized(face.mask, size)
    flow = flow_between(own, mask)
    return _Moved(warp_picture(crop, flow).astype(np.float32), unknown_after(own, mask, flow))


def _crop(face: Face, size: int) -> np.ndarray:
    """The crop of a face, (size, size, 3) uint8."""
    if len(face.crop) == size:
        return face.crop
    smaller = len(face.crop) > size
    return cv2.resize(face.crop, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def _wears_headwear(mask: np.ndarray) -> bool:
    return bool((mask == Label.HAT).mean() >= _HEADWEAR)


def _dissolved(faces: list[Face], mask: np.ndarray, share: float, size: int) -> np.ndarray:
    """One face (size, size, 3) uint8, or two, of which `share` (0..1) is how far on the way to the second.

    There is no hat between a hat and hair: only the parts of the face are moved to the mask (size, size), and blended.
    What lies around them goes along, whole. Both pictures at once would be a double exposure: the second spreads from
    the face outwards.
    """
    moved = []
    for face in faces:
        both = (_resized(face.mask, size), mask)
        flow = flow_between(*(np.where(class_region(each, FACE_PARTS), each, np.uint8(0)) for each in both))
        moved.append(warp_picture(_crop(face, size), flow).astype(np.float32))
    if len(moved) == 1:
        return moved[0].round().clip(0, 255).astype(np.uint8)
    way = min(max((share - _FROM) / (_TO - _FROM), 0.0), 1.0)
    parts = class_region(mask, FACE_PARTS)
    away = cv2.distanceTransform((~parts).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / size
    of_b = ((way * (1 + _AT_ONCE) - (away / _AROUND).clip(0, 1)) / _AT_ONCE).clip(0, 1)
    with_face = cv2.GaussianBlur((1 - away / _BESIDE).clip(0, 1), (0, 0), _SOFT * size)
    of_b = (of_b + with_face * (smoothstep(way) - of_b))[..., None]
    return (moved[0] + of_b * (moved[1] - moved[0])).round().clip(0, 255).astype(np.uint8)


def _blended(a: _Moved, b: _Moved, mask: np.ndarray, share: float) -> _Moved:
    """Both ends in one picture, `share` (0..1) of b; unknown is what neither shows."""
    first, second = _in_common_colours(a, b, mask, share)
    weights = [part * _certain(end.unknown, _FADE * len(mask) / 256) for part, end in ((1 - share, a), (share, b))]
    of_b = (weights[1] / (weights[0] + weights[1] + 1e-6))[..., None]
    return _Moved(first + of_b * (second - first), a.unknown & b.unknown)


def _certain(unknown: np.ndarray, reach: float) -> np.ndarray:
    """Weight (S, S) float32: 0 in what is unknown, rising to 1 over `reach` pixels."""
    distance = cv2.distanceTransform((~unknown).astype(np.uint8), cv2.DIST_L2, 3)
    return (distance / reach).clip(0, 1).astype(np.float32)


def _in_common_colours(a: _Moved, b: _Moved, mask: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures with the colours of each class moved to what lies between them.

    Without it, what only one of them shows would stand out against what both do: with a seam along its border, since
    light differs from place to place, unless the colours meet there. So the difference is that of the nearest places
    which both show, and farther away that of ever larger surroundings.
    """
    shifts = np.zeros((2, *a.picture.shape), np.float32)
    known = ~a.unknown & ~b.unknown
    apart = b.picture - a.picture
    done: set[int] = set()
    for label in np.unique(mask).tolist():
        group = next((tuple(map(int, group)) for group in _AS_ONE if label in group), (label,))
        if label in done:
            continue
        done.update(group)
        inside = class_region(mask, group)
        seen = inside & known
        if seen.sum() < _ENOUGH * mask.size:
            continue
        weighted = cv2.merge([*cv2.split(cv2.copyTo(apart, seen.view(np.uint8))), seen.astype(np.float32)])
        difference = _spread(cv2.resize(weighted, (_GRID, _GRID), interpolation=cv2.INTER_AREA))
        difference = cv2.resize(difference, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)[inside]
        shifts[0][inside] = share * difference
        shifts[1][inside] = (share - 1) * difference
    sigma = 1.5 * len(mask) / 256
    return tuple(
        end.picture + cv2.GaussianBlur(shift, (0, 0), sigma) for end, shift in zip((a, b), shifts, strict=True)
    )


def _spread(weighted: np.ndarray) -> np.ndarray:
    """Values (h, w, C) everywhere from values times weights, with the weights last (h, w, C + 1): where they are small,
    those of larger surroundings (the pull-push of Gortler et al., The Lumigraph, 1996)."""
    height, width = weighted.shape[:2]
    values, weight = weighted[..., :-1], weighted[..., -1:]
    own = values / np.maximum(weight, 1e-6)
    if max(height, width) == 1:
        return own
    size = (-(-width // 2), -(-height // 2))
    # An odd line gets an empty partner, so that each coarse cell is a mean of 2 x 2.
    even = np.pad(weighted, ((0, height % 2), (0, width % 2), (0, 0)))
    around = _spread(cv2.resize(even, size, interpolation=cv2.INTER_AREA))
    around = cv2.resize(around, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)[:height, :width]
    sure = np.minimum(weight / _SURE, 1)
    return around + sure * (own - around)
