"""Regions that a tool carried elsewhere on a mask as a whole: where the photo's pixels went is known, not guessed.

told = carried_offsets(before, after, [Carried(at, classes, matrix)])
motion = Motion.none(before).to(after, told)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.flows import grown
from maskgan.labels import IGNORE, Label
from maskgan.quick_edits.regions import class_region

#: How much a region may grow or shrink on its way, in any direction.
MAX_SCALE = 6.0

#: Coordinates of a region that was carried away stay within so many pixels.
MAX_PLACE = 1e4

#: What moves with a region beyond its outline, in pixels of a picture of 256 px: lashes, the shadow of a lip.
_AROUND = 2.0

#: What that may be; features beside a region are regions of their own.
_SURFACES = (Label.BACKGROUND, Label.SKIN, Label.HAIR, Label.HAT, Label.NECK, Label.CLOTH)

_OUTSIDE = cv2.BORDER_CONSTANT


class Carried(NamedTuple):
    """A region and where it went.

    at: (x, y), a pixel of the mask before; classes: the region is what of them hangs together with that pixel, also
    across corners; matrix: (2, 3) float, from a point (x, y) of it to where that is now, in pixels from the corner of
    the picture (the middle of its first pixel is 0.5, 0.5).
    """

    at: tuple[int, int]
    classes: tuple[int, ...]
    matrix: np.ndarray

    def check(self, mask: np.ndarray) -> None:
        """Raises ValueError unless the region is on the mask (H, W) before and a flow can follow where it went."""
        (x, y), (height, width) = self.at, mask.shape
        if not (0 <= x < width and 0 <= y < height and mask[y, x] in self.classes):
            raise ValueError("A region was moved that is not on the mask; undo, and move it again.")
        if self.matrix.shape != (2, 3) or not (np.abs(self.matrix) <= MAX_PLACE).all():  # NaN is no number either
            raise ValueError("A region was moved to no usable place; undo, and move it again.")
        sizes = np.linalg.svd(self.matrix[:, :2], compute_uv=False)
        turned_over = np.linalg.det(self.matrix[:, :2]) <= 0
        if turned_over or sizes.max() > MAX_SCALE or sizes.min() < 1 / MAX_SCALE:
            raise ValueError("A region was scaled or turned too far; undo, and move it again.")

    def region(self, mask: np.ndarray) -> np.ndarray:
        """Which pixels (H, W) bool of the mask before are of it."""
        inside = class_region(mask, self.classes).astype(np.uint8)
        _, numbers = cv2.connectedComponents(inside, connectivity=8)
        return numbers == numbers[self.at[::-1]]


def carried_offsets(before: np.ndarray, after: np.ndarray, carried: Iterable[Carried]) -> np.ndarray:
    """Where the photo's pixels come from, as far as regions that were carried say it.

    Args:
        before: the mask from which, and
        after: the mask to which they were carried, (H, W) class ids of one size.
        carried: the regions; of two in one place the last one counts.

    What a region brings is told only where the mask after agrees with it: not where something else lies over it, or
    was locked.

    Returns:
        (H, W, 2) float32, offset (x, y) in pixels from each pixel to the one that it shows; NaN where nothing is told.

    Raises:
        ValueError: a region is not on the mask, or its matrix is none that a flow can follow.
    """
    told = np.full((*before.shape, 2), np.nan, np.float32)
    margin = _AROUND * max(before.shape) / 256
    placed = []
    for each in carried:
        each.check(before)
        region = each.region(before)
        window = _reached(region, each.matrix, int(margin) + 2)
        if window is None:
            continue
        y, x = (axis.astype(np.float32) for axis in np.mgrid[window])
        back = cv2.invertAffineTransform(each.matrix.astype(np.float64))
        x_from, y_from = ((row[0] * (x + 0.5) + row[1] * (y + 0.5) + row[2] - 0.5).astype(np.float32) for row in back)
        arrived = cv2.remap(before, x_from, y_from, cv2.INTER_NEAREST, borderMode=_OUTSIDE, borderValue=IGNORE)
        here = cv2.remap(region.astype(np.uint8), x_from, y_from, cv2.INTER_NEAREST, borderMode=_OUTSIDE, borderValue=0)
        agrees = arrived == after[window]
        own = (here > 0) & agrees
        around = grown(own, margin) & agrees & class_region(arrived, _SURFACES)
        shift = np.dstack([x_from - x, y_from - y])
        told[window][around] = shift[around]
        placed.append((window, own, shift))
    for window, own, shift in placed:
        told[window][own] = shift[own]
    return told


def _reached(region: np.ndarray, matrix: np.ndarray, margin: int) -> tuple[slice, slice] | None:
    """The part of the picture in which a region (H, W) and what is around it may be now; None: it left the picture."""
    rows, columns = (np.flatnonzero(region.any(axis)) for axis in (1, 0))
    corners = [(x, y, 1.0) for x in (columns[0], columns[-1] + 1) for y in (rows[0], rows[-1] + 1)]
    places = np.array(corners) @ matrix.T
    low, high = np.floor(places.min(0)) - margin, np.ceil(places.max(0)) + margin
    sides = region.shape[::-1]
    left, top = (max(0, int(low[k])) for k in (0, 1))
    right, bottom = (min(sides[k], int(high[k])) for k in (0, 1))
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


__all__ = ["MAX_PLACE", "MAX_SCALE", "Carried", "carried_offsets"]
