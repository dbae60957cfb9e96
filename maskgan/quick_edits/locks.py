"""How hair ends: in locks, and in strands of their own length."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

#: How far (frame units) the ends of long hair reach below and above the line to which it is worn.
TIPS = 0.13

#: How far single strands do beyond that, and how wide one is, in frame units.
LOOSE, _STRAND = 0.09, 0.02


def tips(x: np.ndarray) -> np.ndarray:
    """How far (frame units) hair ends above and below a line, at places along it."""
    return TIPS * locks(x) + LOOSE * _strands(x)


def locks(x: np.ndarray) -> np.ndarray:
    """How far locks end above and below a line, about -1..1: waves whose lengths have no common measure."""
    return (np.sin(5.3 * x + 0.4) + np.sin(13.9 * x + 2.1) + 0.8 * np.sin(31.7 * x + 4.0)) / 2.8


def _strands(x: np.ndarray) -> np.ndarray:
    """How far single strands end above and below where their lock does, about -1..1, for places in frame units."""
    return np.interp(x, *strand_ends())


@cache
def strand_ends() -> tuple[np.ndarray, np.ndarray]:
    """Places in frame units, and how far strands there end above and below where their lock does, about -1..1."""
    at = np.arange(-5, 5, _STRAND)
    fine = np.random.default_rng(5).uniform(-1, 1, (2, len(at)))
    fine[1] = cv2.GaussianBlur(fine[1][None], (0, 0), 3)[0] * 3
    return at, fine.mean(0)
