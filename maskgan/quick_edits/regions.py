"""Boolean regions (H, W) of label maps."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from maskgan.labels import Label

#: To compare with each of so many classes takes less time than to look all up in a table.
_FEW = 5


def class_region(mask: np.ndarray, labels: Iterable[Label]) -> np.ndarray:
    """(H, W) bool: pixels of any of these classes (by OpenCV, since NumPy takes far longer, and np.isin longest)."""
    labels = tuple(labels)
    if 0 < len(labels) <= _FEW:
        region = mask == labels[0]
        for label in labels[1:]:
            region |= mask == label
        return region
    table = np.zeros(256, np.uint8)
    table[list(labels)] = 1
    return cv2.LUT(mask.astype(np.uint8, copy=False), table).view(bool)


def box_of(region: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around a boolean (H, W) region, empty ones around nothing."""
    left, top, width, height = cv2.boundingRect(region.view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def largest_piece(region: np.ndarray) -> np.ndarray:
    """The largest connected piece of a boolean (H, W) region."""
    box, result = box_of(region), np.zeros_like(region)
    part = np.ascontiguousarray(region[box])
    if part.size:
        _, pieces, stats, _ = cv2.connectedComponentsWithStats(part.view(np.uint8), connectivity=8)
        result[box] = pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    return result


def signed_distance(region: np.ndarray) -> np.ndarray:
    """Distance in pixels to the region's border, positive inside; (H, W) float32."""
    inside = region.astype(np.uint8)
    if not inside.any():
        return np.full(region.shape, -1e4, np.float32)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    if inside.all():
        return np.full(region.shape, 1e4, np.float32)
    return cv2.distanceTransform(inside, cv2.DIST_L2, 5) - outside
