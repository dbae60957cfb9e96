"""Which pieces of what is known a hole is filled with, so that they are few and large and meet where it is not seen.

Each part of the hole takes its colours by one of some shifts (He and Sun, "Statistics of Patch Offsets for Image
Completion", ECCV 2012). A part likes shifts that fit what is known beside it, and two parts beside each other like
shifts that tell the same of both: what all like best is sought by belief propagation (Komodakis and Tziritas, "Image
Completion Using Efficient Belief Propagation via Priority Scheduling and Dynamic Pruning", TIP 2007).

Costs are whole numbers, so that the same arguments give the same pieces everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.likeness import shrunk

#: Scenes change from top to bottom: how much less a step to the side counts for how far off a source is, how far, as
#: part of the picture's side, costs nothing, and what the square of more costs, in squared grey levels.
_SIDEWAYS, _CLOSE, _FAR = 0.5, 0.15, 10000.0

#: How many shifts are tried at most of those that many places have, and for parts that none of these serves.
_SHIFTS, _MORE = 24, 12

#: What two parts may differ by at most in what they tell of each other, and a cell in what is told of it, in squared
#: grey levels; what a cell costs that is known, but not where the shift leads.
_SEAM, _DIFFERENT, _GAP = 20000.0, 6000.0, 600.0

#: What the colours that patches told beforehand count beside what is known.
_LIKELY = 0.15

#: What serving a cell is worth, and what its difference from those colours takes of that.
_SERVED, _UNLIKE = 6000.0, 0.5

#: How often messages are passed.
_ROUNDS = 7

#: What is more than any cost.
_NEVER = 1e7

_INNER = tuple((y, x) for y in (0, 1) for x in (0, 1))
_AROUND = tuple((y, x) for y in range(-1, 3) for x in range(-1, 3))


def far_off(shift: np.ndarray, side: int) -> np.ndarray:
    """What shifts (..., 2) of rows and columns cost, on a grid of that side, in squared grey levels."""
    y, x = np.moveaxis(shift, -1, 0) / side
    return _FAR * np.square(np.maximum(np.sqrt(y * y + (_SIDEWAYS * x) ** 2) - _CLOSE, 0))


def in_pieces(
    colours: np.ndarray, known: np.ndarray, hole: np.ndarray, likely: np.ndarray, shifts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The shift (g, g, 2) float32 of each cell of a hole, x and y in cells, and which cells (g, g) bool have one. The
    four cells of a part, which is a square, have the same.

    Args:
        colours: (g, g, 3) float32 in whole numbers 0..255, of cells that are known.
        known, hole: (g, g) bool.
        likely: (g, g, 3) float32, what the colours of the hole may be.
        shifts: (N, 2), rows and columns in cells, of places in the hole that found something like them.
    """
    parts = _Parts(colours, known, hole, likely)
    for way in _commonest(shifts, len(hole)):
        parts.offer(way)
    for way in parts.serving():
        parts.offer(way)
    half = len(hole) // 2
    shift, found = np.zeros((half, half, 2), np.float32), np.zeros((half, half), bool)
    if parts.ways:
        chosen, served = parts.chosen()
        places = tuple(parts.places.T)
        found[places] = served
        shift[places] = np.array(parts.ways)[chosen][:, ::-1]
    shift, found = (plane.repeat(2, axis=0).repeat(2, axis=1) for plane in (shift, found))
    return shift, found & hole


class _Parts:
    """The parts of a hole and what they may take; arguments as for `in_pieces`.

    Attributes:
        places: (N, 2), rows and columns on the grid of parts; ways: the shifts, rows and columns in cells.
    """

    def __init__(self, colours: np.ndarray, known: np.ndarray, hole: np.ndarray, likely: np.ndarray) -> None:
        self.side = side = len(hole)
        half = side // 2
        self.places = np.argwhere(_by_fours(hole).any(-1))
        # No shift leads out of a margin as wide as the picture.
        self.width = 3 * side
        margin = ((side, side), (side, side))
        self.known = np.pad(known, margin).ravel()
        self.colours = np.pad(colours.astype(np.float32), (*margin, (0, 0))).reshape(-1, 3)
        corners = (2 * self.places + side) @ (self.width, 1)
        self.inner = corners[:, None] + [y * self.width + x for y, x in _INNER]
        self.around = corners[:, None] + [y * self.width + x for y, x in _AROUND]
        self.missing = np.pad(hole, margin).ravel()[self.inner]
        self.likely = np.pad(likely.astype(np.float32), (*margin, (0, 0))).reshape(-1, 3)[self.inner]
        seen = self.known[self.around]
        self.edge = np.flatnonzero(seen.any(1))
        self.around, self.seen = self.around[self.edge], seen[self.edge]
        self.beside = self.colours[self.around]
        self.lost = np.ones(len(self.places), bool)
        self.ways: list[tuple[int, int]] = []
        self.tells: list[np.ndarray] = []
        self.costs: list[np.ndarray] = []
        self.whole = _by_fours(known).all(-1), shrunk(colours, half).round(), shrunk(likely, half).round()

    def offer(self, way: tuple[int, int]) -> None:
        """A shift, unless it serves nothing that none serves yet."""
        step = way[0] * self.width + way[1]
        serves = (self.known[self.inner + step] | ~self.missing).all(1)
        if way in self.ways or not (serves & self.lost).any():
            return
        tells = self.colours[self.inner + step]
        unlike = np.minimum(np.square(tells - self.likely).sum(-1), _DIFFERENT).sum(1, dtype=np.float64)
        costs = _LIKELY * unlike + 4 * far_off(np.array(way), self.side)
        there = self.known[self.around + step] & self.seen
        unlike = np.minimum(np.square(self.colours[self.around + step] - self.beside).sum(-1), _DIFFERENT)
        costs[self.edge] += (unlike * there).sum(1) + _GAP * (self.seen & ~there).sum(1)
        self.ways.append(way)
        self.tells.append(tells.reshape(len(tells), -1))
        self.costs.append(np.where(serves, costs.round(), _NEVER).astype(np.float32))

    def serving(self) -> list[tuple[int, int]]:
        """Shifts that serve most of what none of those offered serves, on a coarser grid."""
        if self.ways:
            self.lost = np.min(self.costs, axis=0) >= _NEVER
        known, colours, likely = self.whole
        side = len(known) // 2
        lost = np.zeros(known.shape, bool)
        lost[tuple(self.places[self.lost].T)] = True
        lost, known = np.argwhere(_by_fours(lost).any(-1)), _by_fours(known).all(-1)
        if not len(lost):
            return []
        colours, likely = shrunk(colours, side).round(), shrunk(likely, side).round()
        ways = np.argwhere(np.ones((2 * side - 1,) * 2, bool)) - (side - 1)
        places = lost[None] + ways[:, None]
        inside = ((places >= 0) & (places < side)).all(-1)
        places = np.where(inside, places[..., 0] * side + places[..., 1], 0)
        serves = inside & known.ravel()[places]
        colours, own = colours.reshape(-1, 3), likely[tuple(lost.T)]
        unlike = np.square(colours).sum(1)[:, None] + np.square(own).sum(1) - 2 * (colours @ own.T)
        unlike = unlike[places, np.arange(len(lost))]
        worth = np.maximum(_SERVED - _UNLIKE * unlike - far_off(ways, side)[:, None], 1) * serves
        result = []
        for _ in range(_MORE):
            total = worth.sum(1)
            best = int(total.argmax())
            if total[best] <= 0:
                break
            result.append((4 * int(ways[best, 0]), 4 * int(ways[best, 1])))
            worth[:, serves[best]] = 0
        return result

    def chosen(self) -> tuple[np.ndarray, np.ndarray]:
        """The number (N,) of the shift of each part, and which parts (N,) bool it serves."""
        half = self.side // 2
        numbers = np.full((half + 1, half + 1), -1)
        numbers[tuple(self.places.T)] = np.arange(len(self.places))
        pairs = []
        for down, right in ((0, 1), (1, 0)):
            other = numbers[self.places[:, 0] + down, self.places[:, 1] + right]
            pairs.append((np.flatnonzero(other >= 0), other[other >= 0]))
        costs, tells = np.stack(self.costs, 1), np.stack(self.tells, 1)
        believed = costs.copy()
        messages = [[np.zeros((len(one), len(self.ways)), np.float32) for _ in range(2)] for one, _ in pairs]
        seams = _seams(tells, pairs)
        for _ in range(_ROUNDS):
            for pair, both, seam in zip(pairs, messages, seams, strict=True):
                for way in (0, 1):
                    sender, receiver = pair[way], pair[1 - way]
                    says = believed[sender] - both[1 - way]
                    new = (says[:, :, None] + seam).min(1)
                    new -= new.min(1, keepdims=True)
                    new = np.floor((new + both[way]) / 2)
                    believed[receiver] += new - both[way]
                    both[way] = new
        chosen = believed.argmin(1)
        return chosen, costs[np.arange(len(chosen)), chosen] < _NEVER


def _seams(tells: np.ndarray, pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """What each two shifts cost (M, K, K) side by side, for pairs of parts; tells: (N, K, C), what shifts tell."""
    squares = np.square(tells).sum(-1)
    unlike = squares[:, :, None] + squares[:, None] - 2 * (tells @ tells.transpose(0, 2, 1))
    return [np.minimum(unlike[one] + unlike[other], _SEAM) for one, other in pairs]


def _commonest(shifts: np.ndarray, side: int) -> list[tuple[int, int]]:
    """Shifts (N, 2) on a grid of that side that most have, or nearly; no two of them are neighbours."""
    count = np.zeros((2 * side, 2 * side), np.float32)
    np.add.at(count, tuple((shifts + side).T), 1)
    near = cv2.boxFilter(count, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    result = []
    for _ in range(_SHIFTS):
        row, column = np.unravel_index(near.argmax(), near.shape)
        if near[row, column] <= 0:
            break
        part = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
        down, right = np.unravel_index(count[part].argmax(), count[part].shape)
        result.append((int(part[0].start + down) - side, int(part[1].start + right) - side))
        near[part] = 0
    return result


def _by_fours(plane: np.ndarray) -> np.ndarray:
    """A plane (g, g) as (g / 2, g / 2, 4)."""
    half = len(plane) // 2
    return plane.reshape(half, 2, half, 2).transpose(0, 2, 1, 3).reshape(half, half, 4)
