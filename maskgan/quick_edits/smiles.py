"""What smiles do to faces, measured on people who were photographed both without and with one (`python -m lab.smile`).

Lips get wider and thinner, the upper one stays nearly straight, and the lower one goes down in the middle. Cheeks rise
and go outwards, the skin beside nose and mouth folds, which is darker, and that of the cheeks is lighter.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.quick_edits.scene import Scene

#: The file with the measured smile.
SMILE = Path(__file__).parents[1] / "wardrobe" / "smile.json"


class Smile(NamedTuple):
    """The usual smile that shows teeth.

    wider: of how much wider the mouth gets, in parts; lines: (4, n), how far the lips' lines (see `MouthLines`) move
    down in frame units, from the middle of the mouth to its corner; step: between the places of a grid over half a
    face (see `places`), which has `shift`, (rows, columns, 2) float32: where skin comes from, in frame units outwards
    and down, and `light`, (rows, columns) float32: how much lighter it gets, natural logarithm.
    """

    wider: float
    lines: np.ndarray
    step: float
    shift: np.ndarray
    light: np.ndarray

    @property
    def rise(self) -> float:
        """By how much (frame units) the corners of the mouth rise."""
        return -float(self.lines[1:3, -1].mean())

    def line(self, number: int, t: np.ndarray) -> np.ndarray:
        """How far a line of the lips moves down at t (N,), from -1 at one corner of the mouth to 1 at the other."""
        return np.interp(abs(t), np.linspace(0, 1, self.lines.shape[1]), self.lines[number])

    def at(self, values: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Values of the grid, (rows, columns) or (rows, columns, 2), at places u, v (H, W); 0 beyond it."""
        columns, rows = ((abs(axis) / self.step).astype(np.float32) for axis in (u, v))
        return cv2.remap(values, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)


@cache
def usual_smile() -> Smile:
    """The smile that was measured."""
    read = json.loads(SMILE.read_text(encoding="utf-8"))
    shift, light = (np.array(read[name], np.float32) / 1000 for name in ("shift", "light"))
    return Smile(read["wider"], np.array(read["lines"]), read["step"], shift, light)


def places(scene: Scene, centre: float, row: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a face lie in the smile's grid: u, v (H, W).

    centre, row: x of the middle of the mouth and its y, in the frame. u is 0 on the line from between the eyes through
    the mouth and 1 at the side of the face, negative to the left; v is 0 at the eyes and 1 at the mouth. On the
    side that a turned head shows more of, u is 1 where the side of a face from the front would be.
    """
    v = scene.y / row
    across = scene.x - centre * v.clip(0, 1.5)
    left, right = scene.cheeks
    usual = (right - left) / 2
    halves = (float(np.clip(half, 0.2, usual)) for half in (centre - left, right - centre))
    return across / np.where(across < 0, *halves), v
