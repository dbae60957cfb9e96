"""Small solids in the light, of which glasses and jewellery are drawn.

Frames, hoops and chains are a pixel or three wide at a network's resolution, and no network of this size draws them;
their shape is all in the mask and their material is simple. So they are shaded from that shape: the distance to the
outline gives a rounded surface, the surface its normals, and a light from above left does the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

#: The light comes from above left, and a little from the front.
LIGHT = np.array((-0.45, -0.7, 0.55), np.float32) / np.linalg.norm((-0.45, -0.7, 0.55))


class Material(NamedTuple):
    """What ornaments are made of.

    colour: R, G, B 0..255 in full light; gloss: 0 (matt) to 1 (polished metal); width: of a frame, in distances
    between the eyes; lens: R, G, B of tinted lenses, or None for clear ones; opacity: of tinted lenses; mottled: how
    much darker and lighter a frame is in spots (natural logarithm).
    """

    colour: tuple[int, int, int]
    gloss: float
    width: float = 0.03
    lens: tuple[int, int, int] | None = None
    opacity: float = 0.95
    mottled: float = 0.0


class Layer(NamedTuple):
    """Something drawn: picture (S, S, 3) float32 in 0..255 over another with alpha (S, S) float32 in 0..1."""

    picture: np.ndarray
    alpha: np.ndarray

    def over(self, below: np.ndarray) -> np.ndarray:
        """Lay it over a picture (S, S, 3) uint8; pixels without alpha stay as they are."""
        mixed = below + self.alpha[..., None] * (self.picture - below.astype(np.float32))
        return np.where(self.alpha[..., None] > 0, mixed.round().clip(0, 255), below).astype(np.uint8)


def distance_to(inside: np.ndarray, smooth: float = 1.5) -> np.ndarray:
    """Signed distance to an outline (S, S) in pixels, smooth over its stairs, positive inside.

    smooth: sigma of that in half pixels.
    """
    size = inside.shape[1], inside.shape[0]
    fine = cv2.resize(inside.astype(np.float32), (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)
    fine = (cv2.GaussianBlur(fine, (0, 0), smooth) > 0.5).astype(np.uint8)
    signed = cv2.distanceTransform(fine, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - fine, cv2.DIST_L2, 5)
    return cv2.GaussianBlur(cv2.resize(signed, size, interpolation=cv2.INTER_AREA) / 2, (0, 0), 0.7)


def normals_of(height: np.ndarray) -> np.ndarray:
    """Normals (S, S, 3) of a surface of this height (S, S), in pixels."""
    slope_x, slope_y = (
        cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125),
    )
    normal = np.dstack([-slope_x, -slope_y, np.ones_like(height)])
    return normal / np.linalg.norm(normal, axis=2, keepdims=True)


def lit(normals: np.ndarray, material: Material) -> np.ndarray:
    """A surface with these normals (S, S, 3) in the light: (S, S, 3) float32."""
    toward = (normals @ LIGHT).clip(0, 1)[..., None]
    glint = toward ** (6 + 40 * material.gloss)
    body = np.array(material.colour, np.float32)
    # Polished things show bright and dark surroundings instead of an even light.
    dull, bright = 0.45 + 0.65 * toward, 0.25 + 1.1 * toward**1.5
    return body * (dull + material.gloss * (bright - dull)) + 190 * (0.25 + 0.75 * material.gloss) * glint


def rounded(distance: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Height (S, S) in pixels of a surface that is round across: a half circle over each outline."""
    share = (1 - distance.clip(0) / radius).clip(0, 1)
    return radius * np.sqrt(1 - share**2)
