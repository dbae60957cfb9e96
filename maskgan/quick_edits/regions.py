"""Boolean regions (H, W) of label maps."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from maskgan.labels import NUM_CLASSES, Label


def class_region(mask: np.ndarray, labels: Iterable[Label]) -> np.ndarray:
    """(H, W) bool: pixels of any of these classes (a table look-up: np.isin is ten times slower)."""
    table = np.zeros(NUM_CLASSES, bool)
    table[list(labels)] = True
    return table[mask]


def largest_piece(region: np.ndarray) -> np.ndarray:
    """The largest connected piece of a boolean (H, W) region."""
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    return pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax() if len(stats) > 1 else region.copy()


def signed_distance(region: np.ndarray) -> np.ndarray:
    """Distance in pixels to the region's border, positive inside; (H, W) float32."""
    inside = region.astype(np.uint8)
    if not inside.any():
        return np.full(region.shape, -1e4, np.float32)
    outside = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    if inside.all():
        return np.full(region.shape, 1e4, np.float32)
    return cv2.distanceTransform(inside, cv2.DIST_L2, 5) - outside
