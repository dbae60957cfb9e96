"""How far each pixel of a photo is hair, and which colour the hair in it has.

A mask draws an outline; hair ends in strands. What a pixel's colour tells depends on what hair and the things beside
it look like there: their means and covariances are measured close by, where the mask is sure (as in Bayesian matting,
Chuang et al., CVPR 2001), and the direction in which they differ most for their spread (Fisher's linear discriminant)
tells the share. Where they hardly differ the mask's outline decides.

Masks also take walls, hands and clothes beside hair for hair. What lies at the edge of it, has colours and texture that
the hair beside the face does not have, and those of what is known to be something else, is not hair.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.oklab import to_oklab
from maskgan.labels import EARS, Label
from maskgan.quick_edits.regions import class_region

#: Beside hair: classes that mostly have one colour close by. All others are one more group.
_BESIDE = ((Label.SKIN, Label.NOSE, *EARS, Label.NECK), (Label.CLOTH,))

#: In pixels of a crop of 256 px: how far inside and outside of the mask's edge the colours decide; sigma within which
#: colours are measured for that, and to find what is no hair further inside; how far away something counts as beside.
_INSIDE, _OUTSIDE, _AROUND, _WIDE, _NEAR = 6.0, 7.0, 9.0, 28.0, 5.0

#: Variance of colours (0..1) that is taken for noise, and how much the mask's outline weighs beside colours.
_NOISE, _OUTLINE = 4e-4, 3.0

#: A share below the first is none, above the second all.
_NONE, _ALL = 0.2, 0.8

#: Squared Mahalanobis distance to the hair's colours from which on a pixel is none, when it is so many times as far
#: from them as from something else's.
_STRANGE, _TIMES = 14.0, 4.0

#: Cells in which the colours of hair and others are compared, along a side.
_CELLS = 64

#: In parts of the picture's side: hair so near to the skin of the face is hair.
_SURE = 0.12

#: Share of the sure hair that has a colour which is the hair's own; difference from it (in OKLab, hues twice) that may
#: be another thing's; which part of that, and which difference at most, is that of a cell from what it looks like.
_OWN, _UNLIKE, _PART, _LIKE = 0.05, 0.05, 0.33, 0.1

#: What a distance of a side adds to a difference of colours; how often what was found tells of more.
_FARTHER, _ROUNDS = 0.15, 5

#: How many cells have to look like it.
_FEW = 3

_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


#: The hair of the last photos, for strokes that follow; at most so many bytes. Nobody changes it.
_HAIR_OF: LastingCache[np.ndarray] = LastingCache(2**23, lambda found: found.nbytes)


class Matte(NamedTuple):
    """share: how far each pixel is hair, (S, S) float32 in 0..1; part: the hair's own colour in it, (S, S, 3) float32
    in 0..255, the photo's where nothing else is in the pixel."""

    share: np.ndarray
    part: np.ndarray


def _area(planes: np.ndarray, side: int) -> np.ndarray:
    """Planes (h, w) or (h, w, C) float32 at another side by means over what falls together."""
    if planes.ndim == 2:
        return cv2.resize(planes, (side, side), interpolation=cv2.INTER_AREA)
    four = [np.ascontiguousarray(planes[..., k : k + 4]) for k in range(0, planes.shape[2], 4)]
    return np.dstack([cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA) for part in four])


def _linear(planes: np.ndarray, side: int) -> np.ndarray:
    """As `_area`, for a side that is larger: in between linearly."""
    if planes.ndim == 2:
        return cv2.resize(planes, (side, side), interpolation=cv2.INTER_LINEAR)
    four = [np.ascontiguousarray(planes[..., k : k + 4]) for k in range(0, planes.shape[2], 4)]
    return np.dstack([cv2.resize(part, (side, side), interpolation=cv2.INTER_LINEAR) for part in four])


# ---------------------------------------------------------------- what masks wrongly call hair


def own_hair(photo: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Where (S, S) bool a photo (S, S, 3) uint8 RGB has hair of what its mask (S, S) calls so."""
    return _HAIR_OF.get(photo, fingerprint(mask), lambda: _hair_alone(_half(photo.astype(np.float32) / 255), mask))


def _half(colours: np.ndarray) -> np.ndarray:
    return _area(colours, max(16, len(colours) // 2))


def _hair_alone(half: np.ndarray, mask: np.ndarray) -> np.ndarray:
    wrong = _no_hair(255 * half, mask).astype(np.uint8)
    return (mask == Label.HAIR) & (cv2.resize(wrong, mask.shape, interpolation=cv2.INTER_NEAREST) == 0)


def _no_hair(colours: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Cells (n, n) bool of a photo that its mask takes for hair and that are something else.

    colours: (s, s, 3) float32 in 0..255, the photo at half its size; mask: (S, S).
    """
    side = min(_CELLS, len(colours) // 4)
    nothing = np.zeros((side, side), bool)
    lab = (to_oklab(colours) * (1, 2, 2)).astype(np.float32)
    inside = _area((mask == Label.HAIR).astype(np.float32), len(colours))
    share = _area(inside, side)
    skin = _area(class_region(mask, (Label.SKIN, Label.NOSE)).astype(np.float32), side) > 0.5
    hair = share > 0.5
    if not hair.any() or hair.all() or not skin.any():
        return nothing
    away = cv2.distanceTransform((~skin).astype(np.uint8), cv2.DIST_L2, 5)
    sure = hair & (away < _SURE * side)
    rows = np.flatnonzero(skin.any(1))
    above = np.arange(side)[:, None] < rows[0] + 0.6 * (rows[-1] - rows[0])
    if (sure & above).any():
        sure &= above
    if not sure.any():
        return hair
    looks = np.where(hair[..., None], _looks(lab, inside, share), _looks(lab, 1 - inside, 1 - share))
    found, own = looks[hair], looks[sure]
    least = max(1, int(_OWN * len(own)))
    unlike = np.sort(_differences(found, own), axis=1)[:, :least].mean(1)
    maybe, told = np.argwhere(hair)[unlike > _UNLIKE], np.argwhere(~hair)
    unlike, found = unlike[unlike > _UNLIKE], found[unlike > _UNLIKE]
    nearest = np.full((len(maybe), _FEW), 9.0, np.float32)
    for _ in range(_ROUNDS):
        if not len(maybe) or not len(told):
            break
        farther = _FARTHER / side * _differences(maybe.astype(np.float32), told.astype(np.float32))
        like = np.sort(_differences(found, looks[told[:, 0], told[:, 1]]) + farther, axis=1)[:, :_FEW]
        nearest = np.sort(np.hstack([nearest, like]), axis=1)[:, :_FEW]
        difference = nearest.mean(1)
        other = (difference < _PART * unlike) & (difference < _LIKE)
        told = maybe[other]
        nothing[told[:, 0], told[:, 1]] = True
        maybe, unlike, found, nearest = (values[~other] for values in (maybe, unlike, found, nearest))
    # Not what lies amid hair, such as its lights.
    _, pieces = cv2.connectedComponents((nothing | ~hair).astype(np.uint8))
    return nothing & np.isin(pieces, np.unique(pieces[~hair]))


def _looks(lab: np.ndarray, weight: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Means of colours (s, s, 3) by weights (s, s) in each cell, and how their lightness varies, (n, n, 4); total: the
    means (n, n) of the weights."""
    planes = np.dstack([lab, lab[..., 0] ** 2]) * weight[..., None]
    means = _area(planes, len(total)) / np.maximum(total, 1e-6)[..., None]
    means[..., 3] = np.sqrt(np.maximum(means[..., 3] - means[..., 0] ** 2, 0))
    return means


def _differences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distances (n, m) between points (n, C) and (m, C)."""
    squares = sum((one[:, None, k] - other[None, :, k]) ** 2 for k in range(one.shape[1]))
    return np.sqrt(squares)


# ---------------------------------------------------------------- matte


def _means(moments: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Means (n, n, 3) and covariances (n, n, 6) near each cell of moments (n, n, 10): weight, colours, products."""
    near = cv2.GaussianBlur(moments, (0, 0), sigma)
    near += 1e-4 * moments.mean((0, 1)) + 1e-9  # where there is none near, those of all
    near = near[..., 1:] / near[..., :1]
    mean = near[..., :3]
    return mean, near[..., 3:] - np.dstack([mean[..., i] * mean[..., j] for i, j in _PAIRS])


def _inverse(covariance: np.ndarray) -> np.ndarray:
    """Inverses (n, n, 6) of symmetric matrices (n, n, 6), both by _PAIRS; some noise is added to their diagonals."""
    a, b, c, d, e, f = np.moveaxis(covariance, -1, 0) + np.array((1, 0, 0, 1, 0, 1))[:, None, None] * _NOISE
    of_a, of_b, of_c = d * f - e * e, c * e - b * f, b * e - c * d
    minors = of_a, of_b, of_c, a * f - c * c, b * c - a * e, a * d - b * b
    return (np.dstack(minors) / (a * of_a + b * of_b + c * of_c)[..., None]).astype(np.float32)


def _strangeness(colours: np.ndarray, where: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Squared Mahalanobis distances (n,) from what is near of those of colours (s, s, 3) that are `where` (s, s)."""
    planes = _linear(np.dstack([mean, _inverse(covariance)]), len(colours))[where]
    red, green, blue = (colours[where] - planes[:, :3]).T
    a, b, c, d, e, f = planes[:, 3:].T
    return a * red**2 + d * green**2 + f * blue**2 + 2 * (b * red * green + c * red * blue + e * green * blue)


def hair_matte(photo: np.ndarray, mask: np.ndarray) -> Matte:
    """The matte of the hair of a photo (S, S, 3) uint8 RGB by its mask (S, S); its arrays cannot be written.

    The last ones are at hand: one colour after another is tried on the same hair.
    """
    return _matte_of(photo.tobytes(), mask.astype(np.uint8).tobytes(), len(mask))


@lru_cache(maxsize=4)
def _matte_of(photo: bytes, mask: bytes, size: int) -> Matte:
    pixels = np.frombuffer(photo, np.uint8).reshape(size, size, 3)
    matte = _matte(pixels, np.frombuffer(mask, np.uint8).reshape(size, size))
    for plane in matte:
        plane.flags.writeable = False
    return matte


def _matte(photo: np.ndarray, mask: np.ndarray) -> Matte:
    size, unit, colours = len(mask), len(mask) / 256, photo.astype(np.float32) / 255
    half = _half(colours)
    side = min(_CELLS, len(half) // 4)
    hair = _hair_alone(half, mask)
    if not hair.any():
        return Matte(np.zeros(mask.shape, np.float32), photo.astype(np.float32))
    inner, outer = (cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (hair, ~hair))
    depth = (inner.clip(0, size) - outer.clip(0, size)) / unit  # positive in hair
    features = np.dstack([np.ones_like(half[..., 0]), half, *(half[..., i] * half[..., j] for i, j in _PAIRS)])

    def moments(where: np.ndarray) -> np.ndarray:
        return _area(features * _area(where.astype(np.float32), len(half))[..., None], side)

    scale = side / 256  # of sigmas
    own = moments(depth > _INSIDE if (depth > _INSIDE).any() else hair)
    mean, covariance = _means(own, _AROUND * scale)
    # What its colours tell further inside is told by half the pixels in a row.
    within = _area(hair.astype(np.float32), len(half)) > 0
    strange = _strangeness(half, within, *_means(own, _WIDE * scale))
    within[within] = strange > _STRANGE
    strange, foreign = strange[strange > _STRANGE], np.zeros(np.count_nonzero(within), np.float32)
    edge = (depth > -_OUTSIDE) & (depth < _INSIDE)
    share, ground = np.ones(np.count_nonzero(edge), np.float32), np.zeros((np.count_nonzero(edge), 3), np.float32)
    outline = 0.5 + depth[edge] / (_INSIDE + _OUTSIDE)
    groups = [class_region(mask, group) & ~hair for group in _BESIDE]
    for group in (*groups, ~hair & ~np.logical_or.reduce(groups)):
        if not group.any():
            continue
        sure, there = group & (depth < -_OUTSIDE), _area(group.astype(np.float32), side)
        theirs = moments(sure if sure.any() else group)
        line, difference = _line(mean, covariance, *_means(theirs, _AROUND * scale))
        planes = _linear(np.dstack([line, difference, _beside(there, _NEAR * scale, 4)]), size)[edge]
        told = (planes[:, :3] * colours[edge]).sum(-1) + planes[:, 3] + planes[:, 4] * outline
        told = 1 - planes[:, 8] * (1 - ((told - _NONE) / (_ALL - _NONE)).clip(0, 1))
        ground[told < share] = planes[told < share, 5:8]
        share = np.minimum(share, told)
        familiar = _strangeness(half, within, *_means(theirs, _WIDE / 2 * scale))
        around = _linear(_beside(there, _WIDE / 2 * scale, 8), len(half))[within]
        unlike, like = ((strange - often) / _STRANGE for often in (_STRANGE, _TIMES * familiar))
        foreign = np.maximum(foreign, unlike.clip(0, 1) * like.clip(0, 1) * around)
    low, high = (2 * depth[edge] / _INSIDE - 1).clip(0, 1), (2 + 2 * depth[edge] / _OUTSIDE).clip(0, 1)
    whole, part, strangers = hair.astype(np.float32), photo.astype(np.float32), np.zeros(half.shape[:2], np.float32)
    whole[edge], strangers[within] = share.clip(low, high), foreign
    whole *= 1 - _linear(strangers, size)
    part[edge] = (part[edge] + 255 * (1 - whole[edge, None]) * ground).clip(0, 255)
    return Matte(whole, part)


def _beside(there: np.ndarray, sigma: float, often: float) -> np.ndarray:
    """How much of something lies beside each cell: so often its share (n, n) of the cells near, at most 1."""
    return (often * cv2.GaussianBlur(there, (0, 0), sigma)).clip(0, 1)


def _line(
    mean: np.ndarray, covariance: np.ndarray, their_mean: np.ndarray, their_covariance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What tells hair from something else in each cell: (n, n, 5), factors of red, green, blue, 1 and of the outline,
    whose sum is the hair's share; and the difference between the two, (n, n, 3)."""
    difference = mean - their_mean
    a, b, c, d, e, f = np.moveaxis(_inverse(covariance + their_covariance), -1, 0)
    red, green, blue = np.moveaxis(difference, -1, 0)
    way = (a * red + b * green + c * blue, b * red + d * green + e * blue, c * red + e * green + f * blue)
    way = np.dstack(way)
    clear = (way * difference).sum(-1, keepdims=True) + _OUTLINE
    rest = -(way * their_mean).sum(-1, keepdims=True)
    return np.concatenate([way, rest, np.full_like(rest, _OUTLINE)], -1) / clear, difference
