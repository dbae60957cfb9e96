"""OKLab (Ottosson, 2020), a space of colours whose lightness is about what people see."""

from __future__ import annotations

import numpy as np

_TO_LMS = np.array(
    [
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    ],
    np.float32,
)


def to_oklab(rgb: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) in 0..255 -> OKLab (..., 3) float32: lightness 0..1, a and b about -0.4..0.4."""
    value = np.asarray(rgb, np.float32) / 255
    linear = np.where(value > 0.04045, ((value + 0.055) / 1.055) ** 2.4, value / 12.92)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """OKLab (..., 3) -> sRGB (..., 3) float32, in 0..255 but for colours that no screen shows."""
    linear = (lab @ np.linalg.inv(_TO_LAB).T.astype(np.float32)) ** 3 @ np.linalg.inv(_TO_LMS).T.astype(np.float32)
    return 255 * np.where(linear > 0.0031308, 1.055 * linear.clip(0) ** (1 / 2.4) - 0.055, 12.92 * linear)
