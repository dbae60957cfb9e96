"""Hats that nobody wears: what a parser takes for one beside heads, such as the dark back of a seat."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import BROWS, EYES, FACE_PARTS, Label

#: Share of the head above the brows that is hat at least where one is worn.
_WORN = 0.1

#: Area of a piece of a hat, in that of its largest, below which it is none.
_PIECE = 0.1

_HEAD = (*FACE_PARTS, Label.HAIR, Label.HAT)


def without_stray_hats(planes: np.ndarray) -> np.ndarray:
    """Class probabilities (19, S, S) of which no pixel says hat where there is none.

    A hat lies on the head above the brows; where nearly none is there, nothing is one. Of a hat that is worn, pieces
    count that are not small beside its largest. Where no brow or eye is found the planes come back as they are.
    """
    ids = planes.argmax(0)
    hats = ids == Label.HAT
    rows, columns = np.nonzero(np.isin(ids, (*EYES, *BROWS)))
    if not hats.any() or not len(rows):
        return planes
    crown = np.zeros_like(hats)
    crown[: rows.min(), columns.min() : columns.max() + 1] = True
    if (hats & crown).sum() < _WORN * (crown & np.isin(ids, _HEAD)).sum():
        stray = np.ones_like(hats)
    else:
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(hats.astype(np.uint8))
        areas = stats[:, cv2.CC_STAT_AREA]
        small = areas < _PIECE * areas[1:].max()
        small[0] = False
        if not small.any():
            return planes
        stray = cv2.dilate(small[numbers].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        stray &= ~hats | small[numbers]
    planes = planes.copy()
    planes[Label.HAT][stray] = 0
    return planes
