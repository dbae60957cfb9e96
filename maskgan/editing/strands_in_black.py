"""Strands for hair that was all black on its lender's photo, or that goes on beyond it: copies of those beside."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from maskgan.editing.tones import LUMA

#: How coarse strands are that go on in black (frame units).
_STRAND = 0.12

#: Copies of strands are looked for in so many cells along the side; how often at most; how much of a cell shows strands
#: that can be copied, and lacks some.
_CELLS, _MOST_COPIES, _MOSTLY, _PARTLY = 64, 6, 0.6, 0.2


def with_strands_in_black(hair: np.ndarray, black: np.ndarray, alpha: np.ndarray, unit: float) -> np.ndarray:
    """Hair (S, S, 3) float32 with strands also where the lender's was `black` (S, S): copies of those beside.

    Black hair needs none there; in a lighter colour an even place would be a plate. What is so much darker than light
    hair is in shade, where strands differ in lightness in parts of it.
    """
    known, bare = (black < 0.05) & (alpha > 0.9), (black > 0.05) & (alpha > 0)
    if known.sum() < 0.1 * bare.sum() or not bare.any():
        return hair
    light = np.maximum(hair @ LUMA, 1.0).astype(np.float32)
    soft = cv2.GaussianBlur(np.dstack([light * known, known.astype(np.float32)]), (0, 0), max(0.8, _STRAND * unit))
    strands = np.where(known, light * soft[..., 1] / np.maximum(soft[..., 0], 1e-3), 1.0).clip(0.5, 2.0)
    strands = np.log(strands).astype(np.float32)
    strands = np.where(known, strands, 0)
    for rows, columns, there in _copies(known, bare):
        strands[there] = strands[rows, columns]
    return (hair * np.exp(strands * black)[..., None]).astype(np.float32)


def _copies(known: np.ndarray, bare: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """What is `known` (S, S) bool, shifted so that it covers as much as it can of what is `bare` (S, S) bool, and again
    for what is left: rows and columns (n,) of copied pixels, and where (S, S) bool they come to lie.

    A shift turns no strand, as a mirror would. Near ones count more. They are looked for in cells of a sixty-fourth of
    the side.
    """
    size, left = len(known), bare & ~known
    cell = max(1, size // _CELLS)
    places = np.argwhere(np.ones((2 * _CELLS + 1,) * 2)) - _CELLS
    nearness = (1 - np.hypot(*places.T) / (2 * _CELLS)).reshape((2 * _CELLS + 1,) * 2)
    few = _in_cells(known) > _MOSTLY
    for _ in range(_MOST_COPIES):
        wanted = _in_cells(left) > _PARTLY
        if not wanted.any():
            return
        padded = np.pad(few.astype(np.float32), _CELLS)
        overlap = cv2.matchTemplate(padded, wanted.astype(np.float32), cv2.TM_CCORR).round()
        down, right = np.unravel_index((overlap * nearness).argmax(), overlap.shape)
        down, right = ((int(way) - _CELLS) * cell for way in (down, right))
        rows, columns = np.nonzero(left)
        inside = (rows + down >= 0) & (rows + down < size) & (columns + right >= 0) & (columns + right < size)
        rows, columns = rows[inside], columns[inside]
        seen = known[rows + down, columns + right]
        there = np.zeros_like(left)
        there[rows[seen], columns[seen]] = True
        if not there.any():
            return
        yield rows[seen] + down, columns[seen] + right, there
        left = left & ~there


def _in_cells(region: np.ndarray) -> np.ndarray:
    """How much of each cell (`_CELLS`, `_CELLS`) float32 a region (S, S) bool covers."""
    return cv2.resize(region.astype(np.float32), (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
