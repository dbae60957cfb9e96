"""Which places of a picture are like which others, on a coarse grid of cells: where paint may take its detail from.

Places are compared by lightness, colour and the direction of edges, in the picture as it is, mirrored and turned. A few
shifts that many places share lead from places to their likes (He and Sun, "Statistics of Patch Offsets for Image
Completion", ECCV 2012).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.tones import LUMA
from maskgan.sizes import NETWORK_SIZE

#: How many shifts a class's pieces may have at most, and how many are tried for them.
_SHIFTS, _POOL = 16, 100

#: Energy below which an edge is none, and how far a place without edges looks for a direction: sigmas in cells, shares.
_NO_EDGE, _SURROUNDINGS = 1e2, ((1.5, 1.0), (6.0, 0.05), (16.0, 0.01))

#: By how many degrees the picture is turned to find more sources.
TURNS = (-60, -30, 30, 60, 90)

#: What a shift costs that leads to no source, and what another one has to gain.
UNLIKE, _WORTH = 8.0, 0.02

#: Weights of lightness and colour (in 0..255) beside the direction of strands (in -1..1) when places are compared.
LIGHT, _COLOUR = 1 / 24, 1 / 16

#: How far around a cell is looked, in cells.
AROUND = 2


def luminance(picture: np.ndarray) -> np.ndarray:
    return picture @ LUMA


def shrunk(planes: np.ndarray, cells: int) -> np.ndarray:
    return cv2.resize(planes, (cells, cells), interpolation=cv2.INTER_AREA)


def tensor_of(light: np.ndarray, cells: int) -> np.ndarray:
    """Structure tensor (cells, cells, 3) of a luminance (n, n): (cos, sin) of twice its angle times its strength, and
    that strength."""
    smooth = cv2.GaussianBlur(light, (0, 0), 1.2 * len(light) / NETWORK_SIZE)
    x, y = (cv2.Scharr(smooth, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
    return shrunk(cv2.merge([x * x - y * y, 2 * x * y, x * x + y * y]), cells)


def _direction(tensor: np.ndarray) -> np.ndarray:
    """(cos, sin) of twice the angle (..., 2), times the coherence in 0..1, of tensors (..., 3)."""
    return tensor[..., :2] / (tensor[..., 2:] + _NO_EDGE)


def expected_direction(tensor: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Direction (g, g, 2) of a class (g, g), where it has hardly any of its own that of its surroundings."""
    own = tensor * where[..., None]
    return _direction(sum(share * cv2.GaussianBlur(own, (0, 0), sigma) for sigma, share in _SURROUNDINGS))


def features_of(light: np.ndarray, picture: np.ndarray, tensor: np.ndarray) -> np.ndarray:
    """What is compared, (g, g, 5) float32: lightness, two colour differences, direction; of a picture (n, n, 3)."""
    cells = len(tensor)
    colour, lightness = shrunk(picture, cells), shrunk(light, cells)[..., None]
    direction = _direction(cv2.GaussianBlur(tensor, (0, 0), 1))
    planes = np.dstack([LIGHT * lightness, _COLOUR * (colour[..., ::2] - lightness), direction])
    return cv2.blur(planes.astype(np.float32), (AROUND + 1,) * 2)


@cache
def views_of(cells: int) -> list[np.ndarray]:
    """Ways to see a picture: matrices (3, 3) from points of the view to points of the picture, in cells.

    The picture itself, its mirror image, and the picture turned about its middle.
    """
    views = [np.eye(3), np.array([[-1.0, 0, cells], [0, 1, 0], [0, 0, 1]])]
    for angle in TURNS:
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        about = cells / 2 * np.array([1 - cos + sin, 1 - sin - cos])
        views.append(np.array([[cos, -sin, about[0]], [sin, cos, about[1]], [0, 0, 1]]))
    return views


def cells_seen(planes: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Planes (g, g, ...) float32 seen in a view, 0 beyond their edges."""
    return seen_through(planes, view, planes.shape[1::-1], cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)


def features_seen(features: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Features (g, g, 5) seen in a view, with the directions that they have there."""
    parts = (slice(3), 3, 4)  # OpenCV rounds places to 1/32 where it is given two planes at once
    seen = np.dstack([cells_seen(np.ascontiguousarray(features[..., part]), view) for part in parts])
    cos, sin = seen[..., 3].copy(), seen[..., 4].copy()
    if np.linalg.det(view) < 0:
        seen[..., 4] = -sin
    else:
        double = 2 * np.arctan2(view[1, 0], view[0, 0])
        seen[..., 3] = cos * np.cos(double) + sin * np.sin(double)
        seen[..., 4] = sin * np.cos(double) - cos * np.sin(double)
    return seen


def _scattered(count: int) -> np.ndarray:
    """The numbers below `count` in a scattered order, by multiplicative hashing (Knuth, TAOCP 3, section 6.4).

    It takes the place of a random order, so that other languages can follow it.
    """
    return np.argsort(np.arange(count, dtype=np.uint32) * np.uint32(2654435769))


class Places(NamedTuple):
    """Places of a class, in cells: what is compared (N, 5), rows and columns (N,) each."""

    features: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def where(cls, chosen: np.ndarray, features: np.ndarray) -> Places:
        rows, columns = np.nonzero(chosen)
        return cls(features[rows, columns], rows, columns)

    def some(self, count: int) -> Places:
        """At most `count` of them."""
        if len(self.rows) <= count:
            return self
        picked = _scattered(len(self.rows))[:count]
        return Places(*(values[picked] for values in self))


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared distance of features (..., 5); NumPy takes several times as long for arrays with a short last axis."""
    return sum(np.square(one[..., part] - other[..., part]) for part in range(one.shape[-1]))


def costs_of(targets: Places, shifts: np.ndarray, sources: np.ndarray, features: np.ndarray) -> np.ndarray:
    """How unlike the places are from which shifts (K, 3) take the targets' detail: (K, N) float32.

    sources: (V, g, g) bool, and features (V, g, g, 5): of the picture seen in each of the `views_of`.
    """
    count = sources.shape[1]
    columns = targets.columns + shifts[:, :1]
    rows = targets.rows + shifts[:, 1:2]
    within = (columns >= 0) & (columns < count) & (rows >= 0) & (rows < count)
    columns, rows = columns.clip(0, count - 1), rows.clip(0, count - 1)
    places = (shifts[:, 2:] * count + rows) * count + columns
    costs = _distance(features.reshape(-1, features.shape[-1]).take(places, 0), targets.features)
    costs = np.minimum(costs, UNLIKE / 2)
    costs[~(within & sources.ravel().take(places))] = UNLIKE
    return costs


def _different(shifts: np.ndarray, cells: int) -> np.ndarray:
    """The different ones of shifts (K, 3) on a grid of so many cells, in order: as numbers, since rows take longer."""
    sides, least = (2 * cells, 2 * cells, 2 + len(TURNS)), np.array([cells, cells, 0])  # they lead to either side
    numbers = np.unique(np.ravel_multi_index((shifts + least).T, sides))
    return np.stack(np.unravel_index(numbers, sides), 1) - least


def best_shifts(targets: Places, sources: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The few shifts (K, 3) int (columns, rows, view) that serve the targets best, chosen greedily."""
    places = [Places.where(*seen).some(2 * _POOL) for seen in zip(sources, features, strict=True)]
    asked = targets.some(_POOL)
    pool = []
    for view, place in enumerate(places):
        if not len(place.rows):
            continue
        distance = _distance(asked.features[:, None], place.features[None])
        for near in np.argpartition(distance, min(2, distance.shape[1] - 1), axis=1)[:, :2].T:
            shift = np.stack([place.columns[near] - asked.columns, place.rows[near] - asked.rows], 1)
            pool.append(np.column_stack([shift, np.full(len(shift), view)]))
    pool = _different(np.concatenate(pool), sources.shape[1])
    pool = pool[_scattered(len(pool))[: 2 * _POOL]]
    costs = costs_of(targets.some(4 * _POOL), pool, sources, features)
    best, chosen = np.full(costs.shape[1], UNLIKE, np.float32), []
    for _ in range(_SHIFTS):
        gains = np.maximum(best - costs, 0).mean(1)
        winner = int(gains.argmax())
        if gains[winner] < _WORTH:
            break
        chosen.append(winner)
        best = np.minimum(best, costs[winner])
    return pool[chosen]


def seen_through(planes: np.ndarray, matrix: np.ndarray, size: tuple[int, int], way: int, border: int) -> np.ndarray:
    """Planes seen through a matrix (3, 3) from the result's points to theirs; size: (width, height)."""
    matrix = matrix[:2].copy()
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5  # OpenCV's origin is the first pixel's centre
    return cv2.warpAffine(planes, matrix, size, flags=way | cv2.WARP_INVERSE_MAP, borderMode=border)
