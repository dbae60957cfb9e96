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
from maskgan.quick_edits.scene import Scene, smooth_curve
from maskgan.quick_edits.silhouettes import WARDROBE, wardrobe

#: The side of the picture on which each ear is.
SIDES = ((-1, Label.R_EAR), (1, Label.L_EAR))

#: Area (square frame units) from which on an ear shows.
_SHOWS = 0.05

#: Rows (frame units) at which the edge of the face is measured, and over how many.
_UPPER, _LOWER, _ROWS = 0.1, 0.7, 0.1


#: At how many heights an ear's width is measured, and at how many places of each piece of its outline.
_HEIGHTS, _BETWEEN = 13, 20

#: How far (frame units) a mask's ear lies elsewhere at most, and how it is stretched down and outwards, in parts.
_ASIDE, _TALL, _WIDE = 0.4, (0.75, 1.6), (0.6, 2.5)

#: Share of a mask's ear that the wardrobe's covers at least, with an edge (frame units) around it.
_ALIKE, _EDGE = 0.5, 0.02


class Ear(NamedTuple):
    """outline: (N, 2) places u, v; box: u, v of the picture's upper left and lower right corner; skin: (3,) colour of
    the cheek beside it in 0..255; picture: (h, w, 3) uint8 RGB, of an ear on the right side of a picture."""

    outline: np.ndarray
    box: tuple[float, float, float, float]
    skin: np.ndarray
    picture: np.ndarray

    @property
    def heights(self) -> np.ndarray:
        """v (13,) from its upper to its lower end."""
        return np.linspace(self.outline[:, 1].min(), self.outline[:, 1].max(), _HEIGHTS)

    @property
    def width(self) -> np.ndarray:
        """How far out it reaches, u (13,), at its `heights`."""
        ends = np.stack([self.outline, np.roll(self.outline, -1, axis=0)], 1)
        between = np.linspace(0, 1, _BETWEEN)
        u, v = ((1 - between) * ends[:, 0, axis, None] + between * ends[:, 1, axis, None] for axis in (0, 1))
        return reaches(u.ravel(), v.ravel(), self.heights)


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


def fitted(u: np.ndarray, v: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Which places u, v (H, W) of the wardrobe's ear lie where a mask has an ear (H, W) bool, drawn to fill that.

    u, v: the places in the mask, from `ear_places`. None where the mask's ear lies elsewhere, or has no ear's shape.
    """
    heights, width = ear().heights, ear().width
    low, high = np.percentile(v[region], (1, 99))
    if abs(low - heights[0]) > _ASIDE or not -_ASIDE / 2 < np.median(u[region]) < _ASIDE:
        return None
    tall = (high - low) / (heights[-1] - heights[0])
    if _TALL[0] < tall < _TALL[1]:  # else hair covers some of it
        v = heights[0] + (v - low) / tall
    stretch = (reaches(u[region], v[region], heights) / width).clip(*_WIDE)
    u = np.where(u > 0, u / np.interp(v, heights, stretch), u)
    inside = u[region] <= np.interp(v[region], heights, width) + _EDGE
    return (u, v) if inside.mean() >= _ALIKE else None


def reaches(u: np.ndarray, v: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """The largest of u (n,) at heights (k,) of v (n,), smoothed."""
    number = np.rint((v - heights[0]) / (heights[1] - heights[0])).astype(int).clip(0, len(heights) - 1)
    far = np.full(len(heights), -np.inf)
    np.maximum.at(far, number, u)
    seen = np.isfinite(far)
    return smooth_curve(np.interp(heights, heights[seen], far[seen]))


def ear_region(scene: Scene, side: int) -> np.ndarray:
    """(H, W) bool: the ear at a side, as far as nothing lies before it; its inner part lies behind the face."""
    at, slope = edge_of_face(scene, side)
    u, v = ear().outline.T
    return scene.polygon(side * (u + at + slope * v), v)
