"""Straight edges of a background go on in a hole of it: frames of doors and windows, pillars, ledges, backs of chairs.

What lies behind a head nobody sees, but an edge that runs straight up to the hole (`straight_lines.py`) runs on in it,
and whoever looks at the picture sees where it does not. An edge that is seen at both ends of its way through the hole
joins them; one that is seen at one end goes on until it meets a person, the picture's border, or another edge. Where it
would end in the open, it does so in a corner with another one, or is not drawn (compare Sun et al., "Image Completion
with Structure Propagation", SIGGRAPH 2005). What is drawn is the edge's own cross-section: the median of what is seen
of it close by, at each distance from it.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import membrane, replaced, smoothstep
from maskgan.editing.likeness import shrunk
from maskgan.editing.straight_lines import SHORT, Line, edges_of, lines_of, seen_cells, whole
from maskgan.sizes import NETWORK_SIZE

#: What cells are.
_OTHER, _KNOWN, _HOLE = 0, 1, 2

#: Cells within which a line that begins at a hole is seen, and gaps that it may have.
_BEGINS, _GAP = 5, 4

#: Both ends of what is joined are seen at least so far; how far a cross-section is looked at, and from where on.
_JOINED, _LOOKED, _FROM = 6, 24, 2

#: Half the width of what is drawn, that within which it differs from its sides, and where it goes over into them.
_WIDTH, _CORE, _SOFT = 8, 4, 4.0

#: The contrast of an edge (0..255) at least; how many times what it is uneven by along its way that is, and how many
#: times what either side deviates by there, as bricks do; and the first of these times the length, in cells, of what is
#: seen.
_CONTRAST, _EVEN, _ALONE, _CLEAR = 20.0, 8.0, 5.0, 450.0

#: How far beyond a hole, and beside a line, its sides go on; colours (0..255) that differ by more are another thing's.
_PAST, _ASIDE, _OTHERS = 4, 5.0, 40.0

#: How far beside a line what is known tells of what lies on its side, and along how many cells another thing does.
_BEYOND, _LONG = 24, 6

#: How few cells of its sides may be known, and how far from a line others are the same one, as part of the width.
_SIDES, _SAME = 2.0, 0.9

#: What its two sides differ by, as part of the contrast, where it is a stripe, such as a lock of hair, and how far one
#: is seen that is not joined.
_ALIKE, _STRIPE = 0.3, 28

#: The sine of the largest angle at which a line runs along another.
_ALONG = 0.125

#: How far from a line, in cells, a background is taken for one that has lines, and beyond which it is not.
_REACH = (32.0, 96.0)


class GroundLines(NamedTuple):
    """What lines show in a hole.

    colours: (n, n, 3) float32 in 0..255, of what is drawn by weight (n, n) float32 in 0..1; between: (n, n, 3) float32,
    the colours between that; near: (n, n) float32 in 0..1, where the background has lines.
    """

    colours: np.ndarray
    weight: np.ndarray
    between: np.ndarray
    near: np.ndarray

    @classmethod
    def carried_on(cls, photo: np.ndarray, known: np.ndarray, hole: np.ndarray) -> GroundLines | None:
        """The lines of a background that go on in a hole of it; None where none does.

        Args:
            photo: (n, n, 3) float32 in 0..255, n a multiple of 4.
            known: (n, n) bool, what of the background can be seen, without outlines of others.
            hole: (n, n) bool, what cannot. The rest is what lies before it.
        """
        n = len(hole)
        cells = n // 2 if n > NETWORK_SIZE else n
        share, missing = (shrunk(region.astype(np.float32), cells) for region in (known, hole))
        state = _state(share, missing)
        seen = seen_cells(photo, known, share)
        lines = lines_of(*edges_of(seen, share, missing), cells)
        runs = [run for line in lines for run in _runs_of(line, state, seen, photo, known)]
        runs = _chosen([_agreeing(run, runs, state, seen) for run in runs])
        if not runs:
            return None
        colours, weight = _drawn(runs, hole, cells)
        away = cv2.distanceTransform((weight < 0.5).astype(np.uint8), cv2.DIST_L2, 5) * NETWORK_SIZE / n
        near = smoothstep((_REACH[1] - away) / np.ptp(_REACH)).astype(np.float32)
        drawn = hole & (weight > 0.9)
        between = _between(replaced(photo, colours, drawn), known | drawn, cells // 2)
        return cls(colours, weight, between, near)

    def over(self, picture: np.ndarray) -> np.ndarray:
        """A picture (n, n, 3) float32 of a hole with the lines, and what is between them, where it has lines."""
        picture = picture + self.near[..., None] * (self.between - picture)
        return picture + self.weight[..., None] * (self.colours - picture)


def _state(known: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """What cells (g, g) are of which such shares, (g, g) float32 in 0..1, are known and belong to a hole.

    A cell that is half of both is the hole's: between a hole and what is known beside it lies nothing else.
    """
    return np.where(known + hole > 0.5, np.where(hole >= known, _HOLE, _KNOWN), _OTHER)


class _Section(NamedTuple):
    """What lies across a line.

    colours: (4 W + 1, 3) float32, each half cell, of which those from `low` to `high` (in cells beside the line) are
    known; clear: how many times its contrast is what it is uneven by, times its length; stripe: whether both sides are
    alike.
    """

    colours: np.ndarray
    low: float
    high: float
    clear: float
    stripe: bool


class _Run(NamedTuple):
    """The way of a line through a hole, from place `start` to `end`.

    before, behind: what is seen of it there, None for nothing; length: how far, in cells; loose: whether the end that
    is not seen lies in the open.
    """

    line: Line
    start: float
    end: float
    before: _Section | None
    behind: _Section | None
    length: int
    loose: bool

    @property
    def joined(self) -> bool:
        return self.before is not None and self.behind is not None

    def ending(self, place: float) -> _Run:
        """This one, up to a place where its end that is not seen is."""
        return self._replace(end=place) if self.behind is None else self._replace(start=place)

    def holds(self, place: float, beyond: float = 0.0) -> bool:
        return self.start - beyond <= place <= self.end + beyond


def _runs_of(line: Line, state: np.ndarray, seen: np.ndarray, photo: np.ndarray, known: np.ndarray) -> list[_Run]:
    """The line's ways through the hole; state: (g, g), of each cell `_HOLE`, `_KNOWN` or `_OTHER`; seen: (g, g, 3)."""
    cells = len(state)
    half = int(1.5 * cells)
    x, y = (whole(v) for v in line.at(np.arange(-half, half + 1)))
    inside = (x >= 0) & (x < cells) & (y >= 0) & (y < cells)
    kinds = np.where(inside, state[y.clip(0, cells - 1), x.clip(0, cells - 1)], _OTHER)
    changes = np.diff((kinds == _HOLE).astype(int), prepend=0, append=0)
    result = []
    for start, stop in zip(np.flatnonzero(changes > 0), np.flatnonzero(changes < 0), strict=True):
        if stop - start < 3:
            continue
        sections, lengths = [], []
        for place, step in ((start - 1, -1), (stop, 1)):
            begins, length = _seen_from(line, kinds, place - half, step, half)
            lengths.append(length)
            sections.append(_section(line, begins, step, length, photo, known, cells) if length >= _JOINED else None)
        if None in sections or sum(section.clear for section in sections) < _CLEAR:
            best = int(lengths[1] > lengths[0])
            own = sections[best]
            if own is None or own.clear < _CLEAR or lengths[best] < (_STRIPE if own.stripe else SHORT):
                continue
            sections[1 - best], lengths[1 - best] = None, 0
        loose = False
        for own, other, place, step in ((0, 1, start - 1, -1), (1, 0, stop, 1)):
            if sections[own] is None and 0 <= place < len(kinds) and kinds[place] == _KNOWN:
                loose = _goes_on(line, place - half + _PAST * step, sections[other], seen)
        result.append(_Run(line, start - half, stop - 1 - half, *sections, sum(lengths), loose))
    return result


def _goes_on(line: Line, place: int, section: _Section, seen: np.ndarray) -> bool:
    """Whether cells (g, g, 3) show at a place of a line what lies on one of its sides, no other thing before both."""
    beside = np.float32([-_ASIDE, _ASIDE])
    x, y = (whole(v).clip(0, len(seen) - 1) for v in line.at(place, beside))
    sides = section.colours[(2 * (beside.clip(section.low, section.high) + _WIDTH)).astype(int)]
    return bool(np.abs(seen[y, x].mean(0) - sides).max(1).min() < _OTHERS)


def _agreeing(run: _Run, runs: list[_Run], state: np.ndarray, seen: np.ndarray) -> _Run:
    """A run that ends where what is known beside it, cells (g, g, 3), is not what lies on that side of its line.

    Another thing is before it there. A side tells along which no other line runs.
    """
    if run.joined:
        return run
    section, step = (run.before, 1) if run.before else (run.behind, -1)
    last = len(state) - 1
    for side, wanted in ((-1, section.colours[0]), (1, section.colours[-1])):
        if run.end < run.start or any(other.line is not run.line and _along(run, other, side) for other in runs):
            continue
        places = np.arange(run.start, run.end + 1)[::step]
        x, y = (whole(v) for v in run.line.at(places[:, None], side * np.arange(_WIDTH, _BEYOND + 1)))
        inside = (x >= 0) & (x <= last) & (y >= 0) & (y <= last)
        there = inside & (state[y.clip(0, last), x.clip(0, last)] == _KNOWN)
        nearest = np.arange(len(places)), there.argmax(1)
        unlike = np.abs(seen[y.clip(0, last)[nearest], x.clip(0, last)[nearest]] - wanted)
        off = there.any(1) & (unlike.max(1) > _OTHERS)
        long = np.convolve(off, np.ones(_LONG, int)) == _LONG
        if long.any():
            run = run.ending(places[long.argmax()] - step * _LONG)
    return run


def _along(run: _Run, other: _Run, side: int) -> bool:
    """Whether another one runs along a run on that side of it."""
    sine = run.line.cos * other.line.sin - run.line.sin * other.line.cos
    x, y = other.line.at((other.start + other.end) / 2)
    beside = side * (x * run.line.cos + y * run.line.sin - run.line.away)
    return abs(sine) < _ALONG and 0 <= beside < _BEYOND


def _seen_from(line: Line, kinds: np.ndarray, place: int, step: int, half: int) -> tuple[int, int]:
    """The place from which on a line that begins beside a hole is seen, and how far, in cells."""
    begins, length, gap = place, 0, 0
    while 0 <= place + half < len(kinds) and kinds[place + half] == _KNOWN:
        if line.has(place):
            begins = begins if length else place
            length, gap = length + 1, 0
        else:
            gap += 1
            if gap > (_GAP if length else _BEGINS):
                break
        place += step
    return begins, length


def _section(
    line: Line, begins: int, step: int, length: int, photo: np.ndarray, known: np.ndarray, cells: int
) -> _Section | None:
    """What lies across a line that is seen from a place on, so far; None without enough of it, or without contrast."""
    unit = len(photo) / cells
    length = min(length, _LOOKED)
    beside = np.arange(-2 * _WIDTH, 2 * _WIDTH + 1) / 2
    places = begins + step * (_FROM + np.arange(length))
    x, y = ((v + 0.5) * unit - 0.5 for v in line.at(places[None], beside[:, None]))
    inside = (x > -0.5) & (x < len(photo) - 0.5) & (y > -0.5) & (y < len(photo) - 0.5)
    there = inside & (_sampled(known, x, y) > 0.9)
    colours = _sampled(photo, x, y)
    enough = there.sum(1) >= max(3, length // 3)
    middle = len(beside) // 2
    if not enough[middle]:
        return None
    low = middle - int(np.argmin(np.r_[enough[middle::-1], False])) + 1
    high = middle + int(np.argmin(np.r_[enough[middle:], False])) - 1
    section, off, deviates = np.zeros((len(beside), 3), np.float32), [], ([], [])
    for k in range(low, high + 1):
        own = colours[k, there[k]]
        section[k] = np.sort(own, axis=0)[len(own) // 2]
        if abs(beside[k]) <= _CORE:
            off.append(np.abs(own - section[k]).max(1))
            if abs(beside[k]) >= 1:
                deviates[int(beside[k] > 0)].append(own.std(0).max())
    section[:low], section[high + 1 :] = section[low], section[high]
    core = section[max(low, middle - 2 * _CORE) : min(high, middle + 2 * _CORE) + 1]
    contrast = float((core.max(0) - core.min(0)).max())
    off = np.sort(np.concatenate(off))
    clear = contrast / max(float(off[len(off) // 2]), 0.1)
    if min(-beside[low], beside[high]) < _SIDES or contrast < _CONTRAST or clear < _EVEN:
        return None
    if contrast < _ALONE * max(np.mean(side) for side in deviates):
        return None
    stripe = bool(np.abs(section[low] - section[high]).max() < _ALIKE * contrast)
    return _Section(section, float(beside[low]), float(beside[high]), clear * length, stripe)


def _sampled(planes: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Planes (n, n, ...) float32 or bool at places (h, w), linearly and exactly; beyond edges as at them."""
    last = len(planes) - 1
    x, y = x.clip(0, last), y.clip(0, last)
    left, top = np.minimum(x.astype(int), last - 1), np.minimum(y.astype(int), last - 1)
    right, lower = ((v - start).reshape(*v.shape, *[1] * (planes.ndim - 2)) for v, start in ((x, left), (y, top)))
    upper_row = planes[top, left] * (1 - right) + planes[top, left + 1] * right
    lower_row = planes[top + 1, left] * (1 - right) + planes[top + 1, left + 1] * right
    return (upper_row * (1 - lower) + lower_row * lower).astype(np.float32)


def _chosen(runs: list[_Run]) -> list[_Run]:
    """Those of the runs that are drawn, and how far, the clearest first."""
    runs = sorted(runs, key=lambda run: -run.length)
    result: list[_Run] = []
    for run in (run for run in runs if run.joined):
        if not _covered(run, result):
            result.append(run)
    single = [run for run in runs if not run.joined]
    for run in single:
        ends = [place for other in result if (place := _meeting(run, other, 2.0)) is not None]
        if not ends and run.loose:
            ends = [place for other in single if (place := _meeting(run, other, 0.0)) is not None]
            if not ends:
                continue
        if ends:
            run = run.ending(min(ends) if run.behind is None else max(ends))
        if run.end - run.start >= 3 and not _covered(run, result):
            result.append(run)
    return result


def _meeting(run: _Run, other: _Run, beyond: float) -> float | None:
    """The place on a run at which it meets another, or would so far beyond its ends."""
    places = None if run.line is other.line else run.line.crossing(other.line)
    return places[0] if places and run.holds(places[0]) and other.holds(places[1], beyond) else None


def _covered(run: _Run, others: list[_Run]) -> bool:
    """Whether one of the others shows a run beside it."""
    x, y = run.line.at((run.start + run.end) / 2)
    for line, start, end, *_ in others:
        sine = line.cos * run.line.sin - line.sin * run.line.cos
        place = y * line.cos - x * line.sin
        beside = abs(x * line.cos + y * line.sin - line.away)
        if abs(sine) < _ALONG and beside < _SAME * _WIDTH and start <= place <= end:
            return True
    return False


def _drawn(runs: list[_Run], hole: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Colours (n, n, 3) and weights (n, n) float32 of what runs show in a hole (n, n) bool, the first ones on top."""
    n = len(hole)
    rows, columns = np.nonzero(hole)
    y, x = ((v.astype(np.float32) + 0.5) * (cells / n) - 0.5 for v in (rows, columns))
    colours, weight = np.zeros((len(x), 3), np.float32), np.zeros(len(x), np.float32)
    for run in reversed(runs):
        cos, sin = np.float32(run.line.cos), np.float32(run.line.sin)
        beside, place = x * cos + y * sin - np.float32(run.line.away), y * cos - x * sin
        own = np.flatnonzero((np.abs(beside) < _WIDTH) & (place > run.start - 4) & (place < run.end + 4))
        beside, place = beside[own], place[own]
        told, there, total = np.zeros((len(own), 3), np.float32), np.zeros(len(own), np.float32), 0.0
        along = ((place - run.start) / max(run.end - run.start, 1)).clip(0, 1)
        for section, share in ((run.before, 1 - along), (run.behind, along)):
            if section is None:
                continue
            share = share if run.joined else np.ones_like(share)
            at = 2 * (beside + _WIDTH)
            low = np.minimum(at.astype(int), 4 * _WIDTH - 1)
            part = (at - low)[:, None]
            told += share[:, None] * (section.colours[low] * (1 - part) + section.colours[low + 1] * part)
            softly = smoothstep((beside - section.low) / min(_SOFT, -section.low))
            there += share * softly * smoothstep((section.high - beside) / min(_SOFT, section.high))
            total += share
        # What is seen goes on seamlessly; an end in a hole is cut off.
        there *= (place - run.start + (1 if run.before is None else 4)).clip(0, 1)
        there *= (run.end - place + (1 if run.behind is None else 4)).clip(0, 1)
        colours[own] += there[:, None] * (told - colours[own])
        weight[own] += there * (1 - weight[own])
    planes = np.zeros((n, n, 4), np.float32)
    # Above nothing a colour is its own, however little there is of it.
    planes[rows, columns, :3] = colours / np.maximum(weight, 1e-3)[:, None]
    planes[rows, columns, 3] = weight
    return planes[..., :3], planes[..., 3]


def _between(picture: np.ndarray, known: np.ndarray, cells: int) -> np.ndarray:
    """The colours (n, n, 3) float32 of a picture (n, n, 3) where it is known, (n, n) bool, and elsewhere those around.

    A membrane on a grid of cells: no colour crosses a line.
    """
    share = known.astype(np.float32)
    planes = shrunk(np.dstack([picture * share[..., None], share]), cells)
    there = planes[..., 3:] > 0.5
    between = cv2.GaussianBlur(membrane(cv2.GaussianBlur(planes, (0, 0), 1) * there), (0, 0), 1)
    return cv2.resize(between, known.shape[::-1], interpolation=cv2.INTER_LINEAR)
