"""Numbers that stand for chance and are the same whenever the same things are done, in Python and on the page."""

from __future__ import annotations

import numpy as np


def chance(start: int, count: int) -> np.ndarray:
    """Numbers in [0, 1), (count,) float64, that follow from `start`: mulberry32 (Ettinger, public domain)."""
    mixed = np.uint32(start & 0xFFFFFFFF) + np.arange(1, count + 1, dtype=np.uint32) * np.uint32(0x6D2B79F5)
    mixed = (mixed ^ (mixed >> 15)) * (mixed | np.uint32(1))
    mixed = mixed ^ (mixed + (mixed ^ (mixed >> 7)) * (mixed | np.uint32(61)))
    return (mixed ^ (mixed >> 14)) / 2.0**32
