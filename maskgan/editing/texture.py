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

import functools
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import replaced, thrice
from maskgan.editing.flows import grown
from maskgan.editing.likeness import (
    AROUND,
    LIGHT,
    TURNS,
    UNLIKE,
    Places,
    best_shifts,
    cells_seen,
    costs_of,
    expected_direction,
    features_of,
    features_seen,
    luminance,
    seen_through,
    shrunk,
    tensor_of,
    views_of,
)
from maskgan.labels import Label
from maskgan.sizes import NETWORK_SIZE

#: Classes whose detail is a texture; of the others (eyes, brows, jewellery) it is their drawing.
TEXTURED = (Label.SKIN, Label.HAIR, Label.NECK, Label.CLOTH, Label.HAT, Label.BACKGROUND, Label.NOSE)

#: Detail is what a Gaussian blur of so many pixels takes away, in pixels of a picture of `NETWORK_SIZE`.
DETAIL = 1.5

#: A background has neither strands nor pores: what makes it this photo's is coarser. How many times, by class.
_COARSER = {Label.BACKGROUND: 4.0}

#: Around hair single hairs lie in the background so far (in the same pixels), which belong to no other place of it.
_STRAY = 16.0

#: A quarter of a class has less energy than some; what has so many times that is no texture: a thing in a background, a
#: wrinkle in skin, which copied side by side would be a maze.
_THING = {Label.BACKGROUND: 4.0, Label.SKIN: 4.0}

#: Side of the cells in which places are compared, in the same pixels.
_CELL = 4

#: Fewer cells are no source.
_FEWEST = 24

#: How much weaker or stronger detail may get with the light of the place that it comes to.
_STRENGTH = (0.75, 1.15)

#: How much detail may be strengthened where it is weaker than what is usual within so many cells.
_MOST, _NEAR = 1.5, 5.0


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
    sources: (g, g) bool, cells that get detail and cells to take it from; views: how many of `views_of` are searched;
    coarser, thing: see `_COARSER` and `_THING`.
    """

    own: np.ndarray
    inner: np.ndarray
    targets: np.ndarray
    sources: np.ndarray
    views: int
    coarser: float
    thing: float

    @classmethod
    def of(
        cls, label: Label, mask: np.ndarray, unknown: np.ndarray, wanting: np.ndarray, cells: int, fine: float
    ) -> _Region | None:
        own = mask == label
        targets = shrunk((own & wanting).astype(np.float32), cells) > 0
        if targets.sum() < _FEWEST:
            return None
        inner = own & ~grown(~own, 2 * fine)
        sources = shrunk((inner & ~grown(unknown, 2 * fine)).astype(np.float32), cells) > 0.9
        if label == Label.BACKGROUND:
            airy = shrunk(grown(mask == Label.HAIR, _STRAY * fine / DETAIL).astype(np.float32), cells) > 0
            if (sources & ~airy).sum() >= _FEWEST:
                sources = sources & ~airy
        # Only hair has a direction to follow; of the others the picture and its mirror image are enough.
        views = 2 + len(TURNS) if label == Label.HAIR else 2
        if sources.sum() < _FEWEST:
            return None
        return cls(own, inner, targets, sources, views, _COARSER.get(label, 1.0), _THING.get(label, np.inf))


class Grain(NamedTuple):
    """Where painted pixels take their detail from, at any resolution.

    cells: side of the grid that the pieces are given in; share: (n, n) float32, how strongly it is added.
    """

    cells: int
    pieces: tuple[_Piece, ...]
    share: np.ndarray

    @classmethod
    def planned(
        cls,
        painted: np.ndarray,
        photo: np.ndarray,
        unknown: np.ndarray,
        mask: np.ndarray,
        finished: np.ndarray | None = None,
    ) -> Grain | None:
        """For painted pixels, that of known pixels of their class; None where there is nothing to take it from.

        Args:
            painted: (n, n, 3) float32 in 0..255, n a multiple of 4.
            photo: the moved photo, (n, n, 3) uint8 or float32.
            unknown: (n, n) bool.
            mask: the edited mask, (n, n).
            finished: (n, n) bool, what needs none of what is unknown.

        The same arguments give the same grain. Where paint has detail of its own less is added, so that the energy of
        both together is what is usual in the class close by.
        """
        n = len(mask)
        cells, fine = n // _CELL, DETAIL * n / NETWORK_SIZE
        wanting = unknown if finished is None else unknown & ~finished
        regions = [region for label in TEXTURED if (region := _Region.of(label, mask, unknown, wanting, cells, fine))]
        if not regions:
            return None
        both = replaced(photo.astype(np.float32), painted, unknown)
        light = luminance(both)
        tensor = tensor_of(light, cells)
        features = features_of(light, both, tensor)
        views = views_of(cells)[: max(region.views for region in regions)]
        seen_features = np.stack([features_seen(features, view) for view in views])
        share, pieces = np.zeros(mask.shape, np.float32), []
        details = {coarser: fine_detail(both, coarser * fine) for coarser in {region.coarser for region in regions}}
        energies = {coarser: shrunk(np.square(luminance(detail)), cells) for coarser, detail in details.items()}
        for region in regions:
            detail, brought = details[region.coarser], energies[region.coarser]
            energy = brought
            if region.coarser > 1:  # so coarse that outlines reach far into it
                energy = shrunk(np.square(_detail_within(light, region.own, region.coarser * fine)), cells)
            targets = Places.where(region.targets, features)
            sources = region.sources
            telling, most = sources, np.inf
            if np.isfinite(region.thing):
                most = region.thing * np.sort(brought[sources])[np.count_nonzero(sources) // 4]
                calm = sources & (brought <= most)
                sources = calm if calm.sum() >= _FEWEST else sources
            # Skin is as rough beside wrinkles as they may be; far from its things a background is even.
            usual = _around(np.minimum(energy, most), telling if region.coarser == 1 else sources, _NEAR)
            expected = expected_direction(tensor, shrunk(region.own.astype(np.float32), cells))
            targets.features[:, 3:] = expected[targets.rows, targets.columns]
            ways = slice(region.views)
            sources = np.stack([cells_seen(sources.astype(np.float32), view) > 0.9 for view in views[ways]])
            shifts = best_shifts(targets, sources, seen_features[ways])
            found = _pieces(targets, shifts, sources, seen_features[ways], region.coarser) if len(shifts) else []
            if not found:
                continue
            moved = _moved(detail, np.float32([[1, 0, 0], [0, 1, 0]]) * cells / n, cells, found)
            painted_there = shrunk((region.inner & unknown).astype(np.float32), cells)
            has = _around(energy, painted_there, 1.5)
            gets = _around(shrunk(np.square(luminance(moved)), cells), painted_there, 1.5) + 1e-3
            more = np.sqrt(((usual - has) / gets).clip(0, _MOST**2))
            # A strip that is all outline gets none: nothing says how much would be right.
            more *= (cv2.GaussianBlur(painted_there, (0, 0), 1.5) / 0.15).clip(0, 1)
            wanted = region.own & wanting
            share[wanted] = cv2.resize(more, (n, n), interpolation=cv2.INTER_LINEAR)[wanted]
            pieces += found
        return cls(cells, tuple(pieces), share) if pieces else None

    def of(self, picture: np.ndarray, to_cells: np.ndarray) -> np.ndarray:
        """The detail (h, w, 3) float32 to add, times `share`, to a picture (h, w, 3) uint8 whose known pixels have it.

        to_cells: (2, 3), pixels of the picture -> cells of the grid, both from the corner of the first.
        """
        cell = 1 / np.sqrt(abs(np.linalg.det(to_cells[:, :2])))  # in pixels of the picture
        picture = picture.astype(np.float32)

        def moved(coarser: float) -> np.ndarray:
            detail = fine_detail(picture, coarser * DETAIL * cell / _CELL)
            return _moved(detail, to_cells, self.cells, [piece for piece in self.pieces if piece.coarser == coarser])

        return functools.reduce(np.add, map(moved, {piece.coarser for piece in self.pieces}))


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


def _detail_within(light: np.ndarray, own: np.ndarray, sigma: float) -> np.ndarray:
    """The detail (n, n) float32 of a class, `own` (n, n) bool, of a luminance (n, n), whatever is beside it."""
    planes = np.dstack([light * own, own]).astype(np.float32)
    smooth = planes - fine_detail(planes, sigma)
    return planes[..., 0] - smooth[..., 0] * own / np.maximum(smooth[..., 1], 1e-3)


def _pieces(
    targets: Places, shifts: np.ndarray, sources: np.ndarray, features: np.ndarray, coarser: float
) -> list[_Piece]:
    """The targets in pieces, each by the best of the shifts (K, 3)."""
    cells = sources.shape[1]
    costs = costs_of(targets, shifts, sources, features)
    around, smooth = (2 * AROUND + 1,) * 2, np.zeros(costs.shape, np.float32)
    for own, result in zip(costs, smooth, strict=True):  # one place takes after its surroundings
        plane = np.zeros((cells, cells), np.float32)
        plane[targets.rows, targets.columns] = own
        result[:] = cv2.boxFilter(plane, -1, around, normalize=False)[targets.rows, targets.columns]
    chosen = smooth.argmin(0)
    served = costs[chosen, np.arange(len(chosen))] < UNLIKE
    # Dark paint has weaker detail than a light source.
    x, y, view = shifts[chosen].T
    rows, columns = (targets.rows + y).clip(0, cells - 1), (targets.columns + x).clip(0, cells - 1)
    lights = (values + 16 * LIGHT for values in (targets.features[:, 0], features[view, rows, columns, 0]))
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
        move = views_of(cells)[view] @ [[1, 0, x], [0, 1, y], [0, 0, 1]]
        corner = np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], np.float64)
        size = int(right - left), int(bottom - top)
        weight = here @ corner - [[0, 0, piece.left], [0, 0, piece.top], [0, 0, 0]]
        weight = seen_through(piece.weight, weight, size, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
        moved = seen_through(detail, back @ move @ here @ corner, size, cv2.INTER_CUBIC, cv2.BORDER_REFLECT)
        result[top:bottom, left:right] += thrice(weight) * moved
    return result
