"""Fine detail of the photo for painted pixels: strands of this person's hair, the grain of their skin.

A network that paints what is unknown answers with the mean of what might be there wherever it cannot know, so the
finest detail of paint is weaker than the photo's. The photo has more of it close by: of the same class, often with
the strands running the same way. As in contextual residual aggregation (HiFill, Yi et al., CVPR 2020), where each
painted place takes its detail from is decided at low resolution, and the residual is moved at full resolution. What
is moved comes in whole pieces, by a few shifts that many places share (He and Sun, "Statistics of Patch Offsets for
Image Completion", ECCV 2012), since an average of several places would be as smooth as the paint. Pieces may also come
from the picture turned, so that strands go on in the direction that they have, or from its mirror image, since a face
has two like sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.tones import LUMA
from maskgan.editing.warping import grown
from maskgan.labels import Label
from maskgan.sizes import NETWORK_SIZE

#: Classes whose detail is a texture; of the others (eyes, brows, jewellery) it is their drawing.
TEXTURED = (Label.SKIN, Label.HAIR, Label.NECK, Label.CLOTH, Label.HAT, Label.BACKGROUND, Label.NOSE)

#: Detail is what a Gaussian blur of so many pixels takes away, in pixels of a picture of `NETWORK_SIZE`.
DETAIL = 1.5

#: A background has neither strands nor pores: what makes it this photo's is coarser. How many times, by class.
_COARSER = {Label.BACKGROUND: 4.0}

#: Side of the cells in which places are compared, and how far around a cell is looked, in the same pixels and in cells.
_CELL, _AROUND = 4, 2

#: How many shifts a class's pieces may have at most, and how many are tried for them.
_SHIFTS, _POOL = 16, 100

#: Energy below which an edge is none, and how far a place without edges looks for a direction: sigmas in cells, shares.
_NO_EDGE, _SURROUNDINGS = 1e2, ((1.5, 1.0), (6.0, 0.05), (16.0, 0.01))

#: By how many degrees the picture is turned to find more sources.
_TURNS = (-60, -30, 30, 60, 90)

#: What a shift costs that leads to no source, what another one has to gain, and how few cells are no source.
_UNLIKE, _WORTH, _FEWEST = 8.0, 0.02, 24

#: How much weaker or stronger detail may get with the light of the place that it comes to.
_STRENGTH = (0.75, 1.15)

#: How much detail may be strengthened where it is weaker than what is usual within so many cells.
_MOST, _NEAR = 1.5, 5.0

#: Weights of lightness and colour (in 0..255) beside the direction of strands (in -1..1) when places are compared.
_LIGHT, _COLOUR = 1 / 24, 1 / 16


def _luminance(picture: np.ndarray) -> np.ndarray:
    return picture @ LUMA


def _shrunk(planes: np.ndarray, cells: int) -> np.ndarray:
    return cv2.resize(planes, (cells, cells), interpolation=cv2.INTER_AREA)


def _tensor(light: np.ndarray, cells: int) -> np.ndarray:
    """Structure tensor (cells, cells, 3) of a luminance (n, n): (cos, sin) of twice its angle times its strength, and
    that strength."""
    smooth = cv2.GaussianBlur(light, (0, 0), 1.2 * len(light) / NETWORK_SIZE)
    x, y = (cv2.Scharr(smooth, cv2.CV_32F, *d) for d in ((1, 0), (0, 1)))
    return _shrunk(cv2.merge([x * x - y * y, 2 * x * y, x * x + y * y]), cells)


def _direction(tensor: np.ndarray) -> np.ndarray:
    """(cos, sin) of twice the angle (..., 2), times the coherence in 0..1, of tensors (..., 3)."""
    return tensor[..., :2] / (tensor[..., 2:] + _NO_EDGE)


def _expected_direction(tensor: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Direction (g, g, 2) of a class (g, g), where it has hardly any of its own that of its surroundings."""
    own = tensor * where[..., None]
    return _direction(sum(share * cv2.GaussianBlur(own, (0, 0), sigma) for sigma, share in _SURROUNDINGS))


def _features(light: np.ndarray, picture: np.ndarray, tensor: np.ndarray) -> np.ndarray:
    """What is compared, (g, g, 5) float32: lightness, two colour differences, direction; of a picture (n, n, 3)."""
    cells = len(tensor)
    colour, lightness = _shrunk(picture, cells), _shrunk(light, cells)[..., None]
    direction = _direction(cv2.GaussianBlur(tensor, (0, 0), 1))
    planes = np.dstack([_LIGHT * lightness, _COLOUR * (colour[..., ::2] - lightness), direction])
    return cv2.blur(planes.astype(np.float32), (_AROUND + 1,) * 2)


@cache
def _views(cells: int) -> list[np.ndarray]:
    """Ways to see a picture: matrices (3, 3) from points of the view to points of the picture, in cells.

    The picture itself, its mirror image, and the picture turned about its middle.
    """
    views = [np.eye(3), np.array([[-1.0, 0, cells], [0, 1, 0], [0, 0, 1]])]
    for angle in _TURNS:
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        about = cells / 2 * np.array([1 - cos + sin, 1 - sin - cos])
        views.append(np.array([[cos, -sin, about[0]], [sin, cos, about[1]], [0, 0, 1]]))
    return views


def _cells_seen(planes: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Planes (g, g, ...) float32 seen in a view, 0 beyond their edges."""
    return _seen(planes, view, planes.shape[1::-1], cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)


def _features_seen(features: np.ndarray, view: np.ndarray) -> np.ndarray:
    """Features (g, g, 5) seen in a view, with the directions that they have there."""
    parts = (slice(3), 3, 4)  # OpenCV rounds places to 1/32 where it is given two planes at once
    seen = np.dstack([_cells_seen(np.ascontiguousarray(features[..., part]), view) for part in parts])
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


class _Cells(NamedTuple):
    """Places of a class, in cells: what is compared (N, 5), rows and columns (N,) each."""

    features: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def where(cls, chosen: np.ndarray, features: np.ndarray) -> _Cells:
        rows, columns = np.nonzero(chosen)
        return cls(features[rows, columns], rows, columns)

    def some(self, count: int) -> _Cells:
        """At most `count` of them."""
        if len(self.rows) <= count:
            return self
        picked = _scattered(len(self.rows))[:count]
        return _Cells(*(values[picked] for values in self))


def _distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Squared distance of features (..., 5); NumPy's `sum` over a short last axis takes several times as long."""
    squares = np.square(one - other)
    return sum(squares[..., part] for part in range(squares.shape[-1]))


def _costs(targets: _Cells, shifts: np.ndarray, sources: np.ndarray, features: np.ndarray) -> np.ndarray:
    """How unlike the places are from which shifts (K, 3) take the targets' detail: (K, N) float32.

    sources: (V, g, g) bool, and features (V, g, g, 5): of the picture seen in each of the `_views`.
    """
    count = sources.shape[1]
    columns = targets.columns + shifts[:, :1]
    rows = targets.rows + shifts[:, 1:2]
    view = np.broadcast_to(shifts[:, 2:], rows.shape)
    within = (columns >= 0) & (columns < count) & (rows >= 0) & (rows < count)
    columns, rows = columns.clip(0, count - 1), rows.clip(0, count - 1)
    costs = _distance(features[view, rows, columns], targets.features)
    costs = np.minimum(costs, _UNLIKE / 2)
    costs[~(within & sources[view, rows, columns])] = _UNLIKE
    return costs


def _shifts(targets: _Cells, sources: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The few shifts (K, 3) int (columns, rows, view) that serve the targets best, chosen greedily."""
    places = [_Cells.where(*seen).some(2 * _POOL) for seen in zip(sources, features, strict=True)]
    asked = targets.some(_POOL)
    pool = []
    for view, place in enumerate(places):
        if not len(place.rows):
            continue
        distance = _distance(asked.features[:, None], place.features[None])
        for near in np.argpartition(distance, min(2, distance.shape[1] - 1), axis=1)[:, :2].T:
            shift = np.stack([place.columns[near] - asked.columns, place.rows[near] - asked.rows], 1)
            pool.append(np.column_stack([shift, np.full(len(shift), view)]))
    pool = np.unique(np.concatenate(pool), axis=0)
    pool = pool[_scattered(len(pool))[: 2 * _POOL]]
    costs = _costs(targets.some(4 * _POOL), pool, sources, features)
    best, chosen = np.full(costs.shape[1], _UNLIKE, np.float32), []
    for _ in range(_SHIFTS):
        gains = np.maximum(best - costs, 0).mean(1)
        winner = int(gains.argmax())
        if gains[winner] < _WORTH:
            break
        chosen.append(winner)
        best = np.minimum(best, costs[winner])
    return pool[chosen]


class _Piece(NamedTuple):
    """Places that take their detail by one shift: weight (h, w) on the grid from row `top`, column `left` on.

    coarser: how many times `DETAIL` is taken for detail.
    """

    top: int
    left: int
    weight: np.ndarray
    shift: tuple[int, int, int]
    coarser: float


class _Region(NamedTuple):
    """A class of which some is painted and enough is known.

    own, inner: (n, n) bool, all of it, and that where detail is the class's own and not its outline's; targets,
    sources: (g, g) bool, cells that get detail and cells to take it from; views: how many of the `_views` are searched;
    coarser: see `_COARSER`.
    """

    own: np.ndarray
    inner: np.ndarray
    targets: np.ndarray
    sources: np.ndarray
    views: int
    coarser: float

    @classmethod
    def of(cls, label: Label, mask: np.ndarray, unknown: np.ndarray, cells: int, fine: float) -> _Region | None:
        own = mask == label
        targets = _shrunk((own & unknown).astype(np.float32), cells) > 0
        if targets.sum() < _FEWEST:
            return None
        inner = own & ~grown(~own, 2 * fine)
        sources = _shrunk((inner & ~grown(unknown, 2 * fine)).astype(np.float32), cells) > 0.9
        # Only hair has a direction to follow; of the others the picture and its mirror image are enough.
        views = 2 + len(_TURNS) if label == Label.HAIR else 2
        if sources.sum() < _FEWEST:
            return None
        return cls(own, inner, targets, sources, views, _COARSER.get(label, 1.0))


class Grain(NamedTuple):
    """Where painted pixels take their detail from, at any resolution.

    cells: side of the grid that the pieces are given in; share: (n, n) float32, how strongly it is added.
    """

    cells: int
    pieces: tuple[_Piece, ...]
    share: np.ndarray

    @classmethod
    def planned(cls, painted: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray) -> Grain | None:
        """For painted pixels, that of known pixels of their class; None where there is nothing to take it from.

        Args:
            painted: (n, n, 3) float32 in 0..255, n a multiple of 4.
            photo: the moved photo, (n, n, 3) uint8 or float32.
            unknown: (n, n) bool.
            mask: the edited mask, (n, n).

        The same arguments give the same grain. Where paint has detail of its own less is added, so that the energy of
        both together is what is usual in the class close by.
        """
        n = len(mask)
        cells, fine = n // _CELL, DETAIL * n / NETWORK_SIZE
        regions = [region for label in TEXTURED if (region := _Region.of(label, mask, unknown, cells, fine))]
        if not regions:
            return None
        both = np.where(unknown[..., None], painted, photo).astype(np.float32)
        light = _luminance(both)
        tensor = _tensor(light, cells)
        features = _features(light, both, tensor)
        views = _views(cells)[: max(region.views for region in regions)]
        seen_features = np.stack([_features_seen(features, view) for view in views])
        share, pieces = np.zeros(mask.shape, np.float32), []
        for region in regions:
            detail = fine_detail(both, region.coarser * fine)
            energy = _shrunk(np.square(_luminance(detail)), cells)
            targets = _Cells.where(region.targets, features)
            usual = _around(energy, region.sources, _NEAR)
            expected = _expected_direction(tensor, _shrunk(region.own.astype(np.float32), cells))
            targets.features[:, 3:] = expected[targets.rows, targets.columns]
            ways = slice(region.views)
            sources = region.sources.astype(np.float32)
            sources = np.stack([_cells_seen(sources, view) > 0.9 for view in views[ways]])
            shifts = _shifts(targets, sources, seen_features[ways])
            found = _pieces(targets, shifts, sources, seen_features[ways], region.coarser) if len(shifts) else []
            if not found:
                continue
            moved = _moved(detail, np.float32([[1, 0, 0], [0, 1, 0]]) * cells / n, cells, found)
            painted_there = _shrunk((region.inner & unknown).astype(np.float32), cells)
            has = _around(energy, painted_there, 1.5)
            gets = _around(_shrunk(np.square(_luminance(moved)), cells), painted_there, 1.5) + 1e-3
            more = np.sqrt(((usual - has) / gets).clip(0, _MOST**2))
            # A strip that is all outline gets none: nothing says how much would be right.
            more *= (cv2.GaussianBlur(painted_there, (0, 0), 1.5) / 0.15).clip(0, 1)
            wanted = region.own & unknown
            share[wanted] = cv2.resize(more, (n, n), interpolation=cv2.INTER_LINEAR)[wanted]
            pieces += found
        return cls(cells, tuple(pieces), share) if pieces else None

    def of(self, picture: np.ndarray, to_cells: np.ndarray) -> np.ndarray:
        """The detail (h, w, 3) float32 to add, times `share`, to a picture (h, w, 3) uint8 whose known pixels have it.

        to_cells: (2, 3), pixels of the picture -> cells of the grid, both from the corner of the first.
        """
        cell = 1 / np.sqrt(abs(np.linalg.det(to_cells[:, :2])))  # in pixels of the picture
        picture, result = picture.astype(np.float32), np.zeros(picture.shape, np.float32)
        for coarser in {piece.coarser for piece in self.pieces}:
            detail = fine_detail(picture, coarser * DETAIL * cell / _CELL)
            result += _moved(detail, to_cells, self.cells, [piece for piece in self.pieces if piece.coarser == coarser])
        return result


def _around(energy: np.ndarray, where: np.ndarray, sigma: float) -> np.ndarray:
    """Mean energy (g, g) around each cell over the cells `where` (g, g) bool or weight; far from them, of them all."""
    where = where.astype(np.float32)
    mean = float((energy * where).sum() / (where.sum() + 1e-6))
    near, weight = (cv2.GaussianBlur(plane, (0, 0), sigma) for plane in (energy * where, where))
    return (near + 0.02 * mean) / (weight + 0.02)


def fine_detail(picture: np.ndarray, sigma: float) -> np.ndarray:
    """What a Gaussian blur takes away from a picture (h, w, 3) float32; sigma in pixels."""
    shrink = int(sigma // 2)
    if shrink < 2:
        return picture - cv2.GaussianBlur(picture, (0, 0), sigma)
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (-(-width // shrink), -(-height // shrink)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / shrink)
    return picture - cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _pieces(
    targets: _Cells, shifts: np.ndarray, sources: np.ndarray, features: np.ndarray, coarser: float
) -> list[_Piece]:
    """The targets in pieces, each by the best of the shifts (K, 3)."""
    cells = sources.shape[1]
    costs = _costs(targets, shifts, sources, features)
    around, smooth = (2 * _AROUND + 1,) * 2, np.zeros(costs.shape, np.float32)
    for own, result in zip(costs, smooth, strict=True):  # one place takes after its surroundings
        plane = np.zeros((cells, cells), np.float32)
        plane[targets.rows, targets.columns] = own
        result[:] = cv2.boxFilter(plane, -1, around, normalize=False)[targets.rows, targets.columns]
    chosen = smooth.argmin(0)
    served = costs[chosen, np.arange(len(chosen))] < _UNLIKE
    # Dark paint has weaker detail than a light source.
    x, y, view = shifts[chosen].T
    rows, columns = (targets.rows + y).clip(0, cells - 1), (targets.columns + x).clip(0, cells - 1)
    lights = (values + 16 * _LIGHT for values in (targets.features[:, 0], features[view, rows, columns, 0]))
    strength = np.ones((cells, cells), np.float32)
    strength[targets.rows, targets.columns] = np.divide(*lights).clip(*_STRENGTH)
    planes, squares = {}, np.zeros((cells, cells), np.float32)
    for number in np.unique(chosen[served]):
        members = served & (chosen == number)
        plane = np.zeros((cells, cells), np.float32)
        plane[targets.rows[members], targets.columns[members]] = 1
        planes[number] = cv2.GaussianBlur(plane, (0, 0), 0.6)
        squares += planes[number] ** 2
    # Where two pieces meet, their mean would be weaker than either.
    strength /= np.sqrt(np.maximum(squares, 0.1))
    pieces = []
    for number, plane in planes.items():
        rows, columns = (np.flatnonzero(plane.any(axis)) for axis in (1, 0))
        part = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        shift = tuple(int(value) for value in shifts[number])
        pieces.append(_Piece(int(rows[0]), int(columns[0]), (plane * strength)[part], shift, coarser))
    return pieces


def _moved(detail: np.ndarray, to_cells: np.ndarray, cells: int, pieces: Sequence[_Piece]) -> np.ndarray:
    """The sum of the pieces, each of the detail (h, w, 3) at its source; `to_cells` as for `Grain.of`."""
    result = np.zeros(detail.shape, np.float32)
    here = np.vstack([to_cells, (0, 0, 1)])
    back = np.linalg.inv(here)
    height, width = detail.shape[:2]
    for piece in pieces:
        tall, wide = piece.weight.shape
        ends = np.array([(piece.left + x, piece.top + y, 1) for x in (-1, wide + 1) for y in (-1, tall + 1)])
        ends = (ends @ back.T)[:, :2]
        left, top = np.maximum(np.floor(ends.min(0)), 0).astype(int)
        right, bottom = np.minimum(np.ceil(ends.max(0)), (width, height)).astype(int)
        if right <= left or bottom <= top:
            continue
        x, y, view = piece.shift
        move = _views(cells)[view] @ [[1, 0, x], [0, 1, y], [0, 0, 1]]
        corner = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
        size = int(right - left), int(bottom - top)
        weight = here @ corner - [[0, 0, piece.left], [0, 0, piece.top], [0, 0, 0]]
        weight = _seen(piece.weight, weight, size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        moved = _seen(detail, back @ move @ here @ corner, size, cv2.INTER_CUBIC, cv2.BORDER_REFLECT)
        result[top:bottom, left:right] += weight[..., None] * moved
    return result


def _seen(planes: np.ndarray, matrix: np.ndarray, size: tuple[int, int], way: int, border: int) -> np.ndarray:
    """Planes seen through a matrix (3, 3) from the result's points to theirs; size: (width, height)."""
    matrix = matrix[:2].copy()
    matrix[:, 2] += matrix[:, :2].sum(1) / 2 - 0.5  # OpenCV's origin is the first pixel's centre
    return cv2.warpAffine(planes, matrix, size, flags=way | cv2.WARP_INVERSE_MAP, borderMode=border)
