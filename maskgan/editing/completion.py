"""An uneven background goes on where hair or a hat was taken away: pieces of it as they are in the photo, close by.

What lies behind a head no network can know, and where there are things in the background it paints their average.
Here the hole is filled so that every part of it looks like some part of the photo's own background (Wexler et al.,
"Space-Time Completion of Video", PAMI 2007): patches of the hole look for the most similar known ones (PatchMatch,
Barnes et al., SIGGRAPH 2009), those tell the hole's colours, and so again, from coarse to fine. At the coarsest the
hole is filled from its edge inwards first. Places take what they need by a few shifts that many share (He and Sun, ECCV
2012; see `pieces.py`), so that whole pieces of the photo are moved, at any resolution.

Colours are rounded to whole numbers after each step and numbers that stand for chance are a hash of their place, so
that the same arguments give the same pieces everywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import nearest_of
from maskgan.editing.abandoning import go_on
from maskgan.editing.chance import chance
from maskgan.editing.likeness import shrunk
from maskgan.editing.pieces import far_off, in_pieces
from maskgan.editing.texture import DETAIL, fine_detail
from maskgan.sizes import NETWORK_SIZE

#: How far patches reach from their middle, in cells.
_REACH = 2

#: Levels, each with twice the cells of the one before, and how often patches are sought at each.
_SEARCHES = (8, 3, 1)

#: Cells that are known to so much are known, and belong to the hole from so much on.
_KNOWN, _HOLE = 0.9, 0.02

#: A source's patch is known to more than so much.
_SEEN = 0.5

#: Fewer patches are no source.
_FEWEST = 30

#: What it counts, beside the patches themselves, that the network's paint of two places differs, and within how many
#: cells that is averaged, since it has streaks and fog of its own.
_GUIDED, _WITHIN = 0.3, 5

#: What a cell of the hole counts when patches are compared, beside a known one; and one that was filled from the edge.
_OWN, _FILLED = (1, 2), (4, 5)

#: How much less a patch tells with each cell that it lies further inside the hole.
_INSIDE = 1.3

#: Pixels that are moved at once, which OpenCV takes as a row.
_AT_ONCE = 2**14

_STEPS = tuple((y, x) for y in range(-_REACH, _REACH + 1) for x in range(-_REACH, _REACH + 1))


class Completion(NamedTuple):
    """Where a hole takes its pixels from, at any resolution.

    shift: (g, g, 2) float32, how far to the right and below of a cell of the hole that lies, in cells; found: (g, g)
    bool, the cells that have a source; share: (n, n) float32, how much of it is wanted.
    """

    shift: np.ndarray
    found: np.ndarray
    share: np.ndarray

    @classmethod
    def planned(
        cls, picture: np.ndarray, painted: np.ndarray, known: np.ndarray, hole: np.ndarray
    ) -> Completion | None:
        """For a hole in a picture; None where too little is known.

        Args:
            picture: (n, n, 3) float32 in 0..255, n a multiple of 64; only what is known of it counts.
            painted: (n, n, 3) float32, what a network made of it: places that it paints alike are alike.
            known: (n, n) bool, what may be taken.
            hole: (n, n) bool, what is to be filled; what is neither is another thing, which is not looked at.

        Raises:
            Abandoned: see `maskgan.editing.abandoning`.
        """
        n = len(picture)
        cells = n // 4 if n > NETWORK_SIZE else n // 2
        below: _Search | None = None
        for level, searches in enumerate(_SEARCHES):
            go_on()
            grid = _Grid.of(picture, painted, known, hole, cells >> (len(_SEARCHES) - 1 - level))
            if len(grid.sources) < _FEWEST:
                return None
            search = _Search(grid, below, level)
            for number in range(searches):
                search.improve(thorough=number == 0)
                search.vote()
            below = search
        return cls(*below.shifts(), hole.astype(np.float32))

    @property
    def cells(self) -> int:
        """Side of the grid."""
        return len(self.found)

    def seams(self) -> np.ndarray:
        """The cells (g, g) bool close to which others take their pixels from elsewhere."""
        meet = np.zeros(self.found.shape, np.uint8)
        ways = np.dstack([self.shift, self.found])
        for one, other in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
            differ = (ways[one] != ways[other]).any(-1)
            meet[one] |= differ
            meet[other] |= differ
        return cv2.dilate(meet, np.ones((3, 3), np.uint8)) > 0

    def of(self, picture: np.ndarray, to_cells: np.ndarray, wanted: np.ndarray | None = None) -> np.ndarray:
        """The detail (h, w, 3) float32 to add, times `share`, to a picture (h, w, 3) uint8 whose known pixels have it.

        to_cells, wanted: as for `moved`. Detail is what a Gaussian blur of `DETAIL` pixels of the planned picture takes
        away.
        """
        size = self.cells / len(self.share) / np.sqrt(abs(np.linalg.det(to_cells[:, :2])))  # of a planned pixel
        return self.moved(fine_detail(picture.astype(np.float32), DETAIL * size), to_cells, wanted)[0]

    def moved(
        self, picture: np.ndarray, to_cells: np.ndarray, wanted: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the hole shows of a picture (h, w, 3) float32, and where it shows something, (h, w) float32 in 0..1.

        Args:
            to_cells: (2, 3), pixels of the picture -> cells of the grid, both from the corner of the first.
            wanted: (h, w) bool, all without it; what is not wanted is 0.

        Each pixel is told by the four cells around it, so that one piece goes over into the next.
        """
        result, there = np.zeros(picture.shape, np.float32), np.zeros(picture.shape[:2], np.float32)
        back = np.linalg.inv(to_cells[:, :2]).astype(np.float32)
        rows, columns = np.nonzero(np.ones_like(there) if wanted is None else wanted)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE], columns[start : start + _AT_ONCE]
            y, x = (places.astype(np.float32) for places in part)
            across, down = (a * (x + 0.5) + b * (y + 0.5) + c - 0.5 for a, b, c in to_cells.astype(np.float32))
            left, top = np.floor(across), np.floor(down)
            total, weights = np.zeros((len(x), picture.shape[2]), np.float32), np.zeros(len(x), np.float32)
            for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = (1 - abs(left + column - across)) * (1 - abs(top + row - down))
                cell = tuple((v.astype(np.int32)).clip(0, self.cells - 1) for v in (top + row, left + column))
                weight *= self.found[cell]
                shift = self.shift[cell] @ back.T
                places = (x + shift[:, 0])[None], (y + shift[:, 1])[None]
                told = cv2.remap(picture, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)[0]
                total += weight[:, None] * told
                weights += weight
            result[part], there[part] = total / np.maximum(weights, 1e-3)[:, None], weights
        return result, there


class _Grid(NamedTuple):
    """A level of g x g cells.

    colours: (g, g, 3), of what is known, and beside it its nearest, guide: (g, g, 3), the network's paint, both in
    whole numbers; hole, known: (g, g) bool; sources, targets: rows and columns (N, 2) of the middles of patches;
    source_of, target_of: (g, g), their numbers, -1 elsewhere; weights: (N, P) of the cells of targets' patches.
    """

    colours: np.ndarray
    guide: np.ndarray
    hole: np.ndarray
    known: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    source_of: np.ndarray
    target_of: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, picture: np.ndarray, painted: np.ndarray, known: np.ndarray, hole: np.ndarray, side: int) -> _Grid:
        share = shrunk(known.astype(np.float32), side)
        colours = shrunk(picture * known[..., None].astype(np.float32), side) / np.maximum(share, 1e-6)[..., None]
        missing = shrunk(hole.astype(np.float32), side) > _HOLE
        good = (share > _KNOWN) & ~missing
        inside = cv2.boxFilter(good.astype(np.float32), -1, (2 * _REACH + 1,) * 2, borderType=cv2.BORDER_CONSTANT)
        source = good & (inside > _SEEN)
        square = np.ones((2 * _REACH + 1,) * 2, np.uint8)
        target = (cv2.dilate(missing.astype(np.uint8), square) > 0) & (missing | good)
        sources, targets = np.argwhere(source), np.argwhere(target)
        own, beside = _OWN
        weights = _patches((beside * good + own * missing).astype(np.float32)[..., None], targets)
        colours = colours.round().astype(np.float32)
        colours = nearest_of(colours, good) if good.any() else colours
        guide = cv2.blur(shrunk(painted, side), (_WITHIN, _WITHIN)).round().astype(np.float64)
        numbers = _numbers(source), _numbers(target)
        return cls(colours, guide, missing, good, sources, targets, *numbers, weights)


class _Search:
    """The sources that targets look like, and the colours that follow from that.

    Args:
        grid: the level.
        below: the search at the level before.
        level: its number, for what stands for chance.
    """

    def __init__(self, grid: _Grid, below: _Search | None, level: int) -> None:
        self.grid, self.level, self.calls = grid, level, 0
        self.likes = _patches(grid.colours, grid.sources)  # M, 3 P
        self.says = _patches(grid.known.astype(np.float32)[..., None], grid.sources)  # M, P
        self.weights = np.repeat(grid.weights, 3, axis=1)
        self.counts = self.weights.sum(1, dtype=np.float64)
        self.found = (self._random(len(grid.targets)) * len(grid.sources)).astype(np.int64)
        if below is None:
            self.colours = _from_the_edge(grid, self.likes)
        else:
            self._take_over(below)
        self.cost = np.zeros(len(grid.targets))
        # Patches that lie deep in the hole know little.
        away = cv2.distanceTransform(grid.hole.astype(np.uint8), cv2.DIST_C, 3).astype(np.int64)
        powers = np.cumprod(np.full(len(grid.hole) + 1, 1 / _INSIDE))
        self.trust = powers[away[tuple(grid.targets.T)].clip(0, len(grid.hole))]

    def _take_over(self, below: _Search) -> None:
        """Colours and sources of the level with half the cells."""
        grid, side = self.grid, len(self.grid.hole)
        larger = cv2.resize(below.colours, (side, side), interpolation=cv2.INTER_LINEAR)
        self.colours = np.where(grid.hole[..., None], larger.round(), grid.colours).astype(np.float32)
        own = below.grid.target_of[tuple(grid.targets.T // 2)]
        shift = below.grid.sources[below.found[own]] - below.grid.targets[own]
        likely = self._source_at(grid.targets + 2 * np.where(own[:, None] >= 0, shift, 0))
        self.found = np.where(likely >= 0, likely, self.found)

    def improve(self, thorough: bool) -> None:
        """Better sources for all targets: what serves a neighbour, and chance ever closer to the best (PatchMatch)."""
        grid = self.grid
        self.wanted = _patches(self.colours, grid.targets)
        self.cost = self._costs(np.arange(len(grid.targets)), self.found)
        for steps in ((4, 2, 1), (1,)) if thorough else ((1,),):
            for step in steps:
                for way in ((0, step), (0, -step), (step, 0), (-step, 0)):
                    beside = _at(grid.target_of, grid.targets + way)
                    place = grid.sources[self.found[beside]] - way
                    self._try(np.where(beside >= 0, self._source_at(place), -1))
            radius = len(grid.hole) / 2
            while radius >= 1:
                chance = np.stack([self._random(len(grid.targets)) for _ in range(2)], 1)
                away = np.floor((2 * chance - 1) * radius + 0.5).astype(np.int64)
                self._try(self._source_at(grid.sources[self.found] + away))
                radius /= 2

    def vote(self) -> None:
        """The hole's colours as the mean of what all patches over a cell say of it."""
        grid, side = self.grid, len(self.grid.hole)
        usual = np.sort(self.cost)[len(self.cost) // 2] + 1
        weight = self.trust / (1 + np.square(self.cost / usual))
        total = np.zeros((side + 2 * _REACH, side + 2 * _REACH, 4))
        says = self.likes[self.found].astype(np.float64)
        trusted = self.says[self.found] * weight[:, None]
        rows, columns = grid.targets.T + _REACH
        for number, (y, x) in enumerate(_STEPS):
            own = says[:, 3 * number : 3 * number + 3]
            total[rows + y, columns + x, :-1] += own * trusted[:, number, None]
            total[rows + y, columns + x, -1] += trusted[:, number]
        total = total[_REACH:-_REACH, _REACH:-_REACH]
        mean = np.floor(total[..., :-1] / np.maximum(total[..., -1:], 1e-12) + 0.5)
        self.colours = np.where((total[..., -1:] > 0) & grid.hole[..., None], mean, self.colours).astype(np.float32)

    def shifts(self) -> tuple[np.ndarray, np.ndarray]:
        """Shifts of the cells of the hole, and which have one, see `in_pieces`."""
        grid = self.grid
        inside = grid.hole[tuple(grid.targets.T)]
        shifts = (grid.sources[self.found] - grid.targets)[inside]
        return in_pieces(grid.colours, grid.known, grid.hole, self.colours, shifts)

    def _try(self, found: np.ndarray) -> None:
        """Take other sources (N,), -1 for none, where they are better."""
        new = np.flatnonzero((found >= 0) & (found != self.found))
        costs = self._costs(new, found[new])
        better = costs < self.cost[new]
        self.found[new[better]], self.cost[new[better]] = found[new[better]], costs[better]

    def _costs(self, targets: np.ndarray, sources: np.ndarray) -> np.ndarray:
        """Mean squared difference, in grey levels, of the patches of targets (n,) and sources (n,), and what being far
        away costs."""
        away = self.likes[sources]
        away -= self.wanted[targets]
        like = np.einsum("ij,ij,ij->i", away, away, self.weights[targets]) / self.counts[targets]
        sources, targets = self.grid.sources[sources], self.grid.targets[targets]
        guide = self.grid.guide[tuple(sources.T)] - self.grid.guide[tuple(targets.T)]
        return like + _GUIDED * np.square(guide).sum(1) / 3 + far_off(sources - targets, len(self.grid.hole))

    def _source_at(self, places: np.ndarray) -> np.ndarray:
        """Numbers of the sources at rows and columns (N, 2), -1 where none is."""
        return _at(self.grid.source_of, places)

    def _random(self, count: int) -> np.ndarray:
        """Numbers in [0, 1) (count,), others each time."""
        self.calls += 1
        return chance(self.level * 1000003 + self.calls * 40503, count)


def _from_the_edge(grid: _Grid, likes: np.ndarray) -> np.ndarray:
    """Colours (g, g, 3) with the hole filled ring by ring, by the middles of the patches that look like it."""
    filled, whole = _FILLED
    colours, known, todo = grid.colours.astype(np.float64), whole * grid.known.astype(np.float64), grid.hole.copy()
    likes = likes.astype(np.float64)
    squares = np.square(likes)
    guides = grid.guide[tuple(grid.sources.T)]
    while todo.any():
        ring = todo & (cv2.dilate(known, np.ones((3, 3), np.uint8)) > 0)
        ring = ring if ring.any() else todo
        places = np.argwhere(ring)
        wanted, weights = _patches(colours, places), np.repeat(_patches(known[..., None], places), 3, axis=1)
        like = weights @ squares.T - 2 * (weights * wanted) @ likes.T  # less what is the same for all sources
        like /= np.maximum(weights.sum(1, keepdims=True), 1)
        guide = guides[None] - grid.guide[ring][:, None]
        like += _GUIDED * np.square(guide).sum(2) / 3 + far_off(grid.sources[None] - places[:, None], len(todo))
        colours[ring] = grid.colours[tuple(grid.sources[like.argmin(1)].T)]
        todo &= ~ring
        known[ring] = filled
    return colours.astype(np.float32)


def _patches(planes: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Patches (N, P C) around rows and columns (N, 2) of planes (g, g, C), mirrored beyond their edges."""
    padded = np.pad(planes, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="symmetric")
    width = padded.shape[1]
    middles = (places[:, 0] + _REACH) * width + places[:, 1] + _REACH
    steps = np.array([y * width + x for y, x in _STEPS])
    return padded.reshape(-1, planes.shape[2])[middles[:, None] + steps].reshape(len(places), -1)


def _at(numbers: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Numbers (g, g) at rows and columns (N, 2), -1 beyond the edges."""
    inside = ((places >= 0) & (places < len(numbers))).all(1)
    rows, columns = np.where(inside[:, None], places, 0).T
    return np.where(inside, numbers[rows, columns], -1)


def _numbers(where: np.ndarray) -> np.ndarray:
    """The places of a plane (g, g) bool numbered row by row, -1 elsewhere."""
    numbers = np.full(where.shape, -1, np.int64)
    numbers[where] = np.arange(np.count_nonzero(where))
    return numbers


def _eroded(where: np.ndarray, reach: int) -> np.ndarray:
    """A plane (g, g) bool less `reach` cells at its edges, and at those of the picture."""
    square = np.ones((2 * reach + 1,) * 2, np.uint8)
    return cv2.erode(where.astype(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0
