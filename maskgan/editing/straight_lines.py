"""Straight edges close to a hole of a picture, and the lines that they lie on.

A Hough transform (Duda and Hart, CACM 1972) of the pixels close to the hole finds them, each of which votes for lines
in its own direction only (O'Gorman and Clowes, IJCAI 1973). All is told in cells, some pixels wide.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.likeness import shrunk

#: Within how many cells of a hole edges are sought, at which scale, and how many grey levels a cell they differ by.
_AROUND, _FINE, _LEAST = 64, 1.6, 2.0

#: How many directions of lines there are, by how many of them an edge may be off, and what strength (in grey levels a
#: cell) counts in its vote at most.
_WAYS, _OFF, _STRONG = 180, 3, 25.0

#: Parts of a grey level that strengths are told in, so that what is equally strong is so wherever it is worked out.
_STEPS = 64

#: How far from a line its edges lie, in cells, at first and then, by what angle they are off, and how few they may be.
_BESIDE, _TURNED, SHORT = (2.5, 1.5, 1.5), np.radians(8), 14

#: How many lines there are at most, and among how many.
_MOST, _TRIED = 14, 42

#: The sine of the least angle at which lines cross.
_CROSSING = 0.25


class Line(NamedTuple):
    """The points with x cos + y sin = away, in cells; a place on it is y cos - x sin.

    first, seen: (N,) bool, places, from the first on, that have an edge.
    """

    cos: float
    sin: float
    away: float
    first: int
    seen: np.ndarray

    def has(self, place: int) -> bool:
        return 0 <= place - self.first < len(self.seen) and bool(self.seen[place - self.first])

    def at(self, place: np.ndarray | float, beside: np.ndarray | float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """x and y of places, and of what lies so far beside them."""
        away = self.away + beside
        return away * self.cos - place * self.sin, away * self.sin + place * self.cos

    def crossing(self, other: Line) -> tuple[float, float] | None:
        """The place on this line and on another at which they cross; None for lines with almost the same direction."""
        sine = self.cos * other.sin - self.sin * other.cos
        if abs(sine) < _CROSSING:
            return None
        x = (self.away * other.sin - other.away * self.sin) / sine
        y = (self.cos * other.away - other.cos * self.away) / sine
        return y * self.cos - x * self.sin, y * other.cos - x * other.sin


def seen_cells(photo: np.ndarray, known: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The colours (g, g, 3) float32 of a photo's cells, of which that share (g, g) is known."""
    planes = np.dstack([shrunk(photo * known[..., None].astype(np.float32), len(share)), share])
    planes = cv2.GaussianBlur(planes, (0, 0), _FINE)
    return planes[..., :3] / np.maximum(planes[..., 3:], 1e-3)


def edges_of(
    seen: np.ndarray, share: np.ndarray, missing: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns, rows, angles across (0..pi) and strengths (grey levels a cell) of the edges close to a hole, (N,) each.

    The strongest change of colours counts (Di Zenzo, CVGIP 1986), where it is stronger than on both sides.
    """
    x, y = (np.stack([cv2.Scharr(plane, cv2.CV_32F, *way) for plane in cv2.split(seen)]) for way in ((1, 0), (0, 1)))
    across, both, down = (x * x).sum(0), (x * y).sum(0), (y * y).sum(0)
    strength = np.sqrt((across + down) / 2 + np.sqrt(np.square((across - down) / 2) + both * both)) / 32
    strength = whole(strength * _STEPS) / _STEPS
    angle = 0.5 * np.arctan2(2 * both, across - down)
    near = cv2.dilate((missing > 0.5).astype(np.uint8), np.ones((2 * _AROUND + 1,) * 2, np.uint8)) > 0
    inner = cv2.erode((share > 0.9).astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    inner[[0, -1]], inner[:, [0, -1]] = False, False
    rows, columns = np.nonzero(near & inner & (strength > _LEAST))
    angle, own = angle[rows, columns], strength[rows, columns]
    right, lower = whole(np.cos(angle)), whole(np.sin(angle))
    thin = (own >= strength[rows + lower, columns + right]) & (own > strength[rows - lower, columns - right])
    return columns[thin], rows[thin], angle[thin] % np.pi, own[thin]


def lines_of(
    columns: np.ndarray, rows: np.ndarray, angles: np.ndarray, strengths: np.ndarray, cells: int
) -> list[Line]:
    """Lines that edges lie on, see `edges_of`, those first that most do; no edge lies on two."""
    worth = whole(np.sqrt(np.minimum(strengths, _STRONG)) * _STEPS) / _STEPS
    half = int(1.5 * cells)
    ways = (whole(angles * _WAYS / np.pi)[:, None] + np.arange(-_OFF, _OFF + 1)) % _WAYS
    theta = ways * np.pi / _WAYS
    votes = whole(columns[:, None] * np.cos(theta) + rows[:, None] * np.sin(theta)) + half + ways * 2 * half
    worths = np.repeat(worth, 2 * _OFF + 1)
    room = np.bincount(votes.ravel(), worths, minlength=_WAYS * 2 * half)
    left, result = np.ones(len(rows), bool), []
    for _ in range(_TRIED):
        best = int(room.argmax())
        if room[best] < SHORT or len(result) == _MOST:
            break
        angle, away = best // (2 * half) * np.pi / _WAYS, float(best % (2 * half) - half)
        for reach in _BESIDE:
            beside = np.abs(columns * np.cos(angle) + rows * np.sin(angle) - away)
            turned = np.abs((angles - angle + np.pi / 2) % np.pi - np.pi / 2)
            own = left & (beside <= reach) & (turned < _TURNED)
            if np.count_nonzero(own) < SHORT:
                break
            angle, away = _fitted(columns[own], rows[own], worth[own])
        gone = left & ((votes == best).any(1) | own)
        left &= ~gone
        np.subtract.at(room, votes[gone].ravel(), np.repeat(worth[gone], 2 * _OFF + 1))
        room[best] = 0
        if np.count_nonzero(own) >= SHORT:
            cos, sin = float(np.cos(angle)), float(np.sin(angle))
            places = whole(rows[own] * cos - columns[own] * sin)
            first = int(places.min()) - 1
            seen = np.zeros(int(places.max()) - first + 2, bool)
            for step in (-1, 0, 1):
                seen[places - first + step] = True
            result.append(Line(cos, sin, away, first, seen))
    return result


def whole(values: np.ndarray) -> np.ndarray:
    """The nearest whole numbers, halves up."""
    return np.floor(values + 0.5).astype(int)


def _fitted(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """The angle across (0..pi) and distance from the origin of the line through points (N,), by total least squares."""
    total = weight.sum()
    middle = (weight * x).sum() / total, (weight * y).sum() / total
    x, y = x - middle[0], y - middle[1]
    turned = np.arctan2(2 * (weight * x * y).sum(), (weight * (x * x - y * y)).sum())
    angle = float(turned / 2 + np.pi / 2) % np.pi
    return angle, float(middle[0] * np.cos(angle) + middle[1] * np.sin(angle))
