"""Somebody's ear beside another face: its outline in the mask, and where its picture lies.

The wardrobe (`silhouettes.py`) has an ear of a person seen from the front. Its places are u, outwards from the edge of
the face at the height of the ears, and v, down from the line of the eyes, both in frame units.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.silhouettes import WARDROBE, wardrobe

#: The side of the picture on which each ear is.
SIDES = ((-1, Label.R_EAR), (1, Label.L_EAR))

#: Area (square frame units) from which on an ear shows.
_SHOWS = 0.05

#: Rows (frame units) at which the edge of the face is measured, and over how many.
_UPPER, _LOWER, _ROWS = 0.1, 0.7, 0.1


class Ear(NamedTuple):
    """outline: (N, 2) places u, v; box: u, v of the picture's upper left and lower right corner; skin: (3,) colour of
    the cheek beside it in 0..255; picture: (h, w, 3) uint8 RGB, of an ear on the right side of a picture."""

    outline: np.ndarray
    box: tuple[float, float, float, float]
    skin: np.ndarray
    picture: np.ndarray


@cache
def ear() -> Ear:
    """The ear of the wardrobe."""
    entry: dict[str, Any] = wardrobe()["ear"]
    picture = read_photo(WARDROBE / "ear.jpg")
    return Ear(np.array(entry["outline"]), tuple(entry["box"]), np.array(entry["skin"], np.float32), picture)


def ear_shows(scene: Scene, label: Label) -> bool:
    """Whether a mask has this ear, and not only specks of it."""
    return bool(scene.where(label).sum() > _SHOWS * scene.unit**2)


def edge_of_face(scene: Scene, side: int) -> tuple[float, float]:
    """How far the face reaches to a side at y = 0, and by how much farther at y = 1."""
    upper, lower = (side * scene.extent(scene.face, y - _ROWS, y + _ROWS, 1.0)[side > 0] for y in (_UPPER, _LOWER))
    slope = (lower - upper) / (_LOWER - _UPPER)
    return upper - slope * _UPPER, slope


def ear_places(scene: Scene, side: int) -> tuple[np.ndarray, np.ndarray]:
    """u and v (H, W) of each pixel for the ear at a side (-1 left in the picture, 1 right)."""
    at, slope = edge_of_face(scene, side)
    return side * scene.x - at - slope * scene.y, scene.y


def ear_region(scene: Scene, side: int) -> np.ndarray:
    """(H, W) bool: the ear at a side, as far as nothing lies before it; its inner part lies behind the face."""
    at, slope = edge_of_face(scene, side)
    u, v = ear().outline.T
    return scene.polygon(side * (u + at + slope * v), v)
