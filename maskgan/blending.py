"""Blend weights in 0..1 that fall smoothly from a region to what surrounds it."""

from __future__ import annotations

import cv2
import numpy as np


def smoothstep(t: np.ndarray) -> np.ndarray:
    """3 t^2 - 2 t^3 of any array, clipped to 0..1 before: level at both ends."""
    t = np.clip(t, 0, 1)
    return t * t * (3 - 2 * t)


def feathered(inside: np.ndarray, reach: float) -> np.ndarray:
    """A region (H, W) bool -> weight (H, W) float32: 1 inside, falling smoothly to 0 over `reach` pixels around."""
    if not inside.any():
        return np.zeros(inside.shape, np.float32)
    distance = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 5)
    return smoothstep(1 - distance / reach).astype(np.float32)
