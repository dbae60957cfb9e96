"""Irises: where they lie in the eyes of a photo, and how light is spread within one of another colour."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.oklab import to_oklab
from maskgan.labels import Label

#: Diameter of an iris: 11.7 mm of the 63 mm between the eyes.
_IRIS = 0.19

#: Of an iris, in parts of its radius: how far the pupil reaches, how much darker it is, and over how much it ends; the
#: same of the rim, from where on; over how much below the upper lid it is in shadow, and how much darker; how much
#: lighter and darker its fibres are.
_PUPIL, _RIM, _LID, _FIBRES = (0.38, 0.8, 0.16), (0.72, 0.45, 0.3), (0.45, 0.5), 0.07

#: Lightness (OKLab) of the white of eyes in full light, and pixels of it at least.
_WHITE, _FEW_WHITE = 0.8, 20


class Iris(NamedTuple):
    """An iris: its piece of the eyes (S, S) bool, column and row of its centre, and its radius, in pixels."""

    eye: np.ndarray
    column: float
    row: float
    radius: float


def find_irises(photo: np.ndarray, eyes: np.ndarray, apart: float) -> list[Iris]:
    """The irises in the eyes.

    photo: (S, S, 3) uint8; eyes: (S, S) bool, one piece per eye; apart: pixels between the eyes' centres.
    """
    radius = max(1.5, _IRIS / 2 * apart)
    grey = cv2.GaussianBlur(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 0.3 * radius)
    found = []
    count, pieces = cv2.connectedComponents(eyes.astype(np.uint8))
    size = round(2 * radius) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)).astype(np.float32)
    for piece in range(1, count):
        own = pieces == piece
        if own.sum() < 0.3 * radius**2:
            continue
        # The disc over which the eye is darkest; what of it the lids hide counts neither way.
        dark = np.where(own, grey[own].max() - grey, 0)
        score = cv2.filter2D(dark, -1, disc) * own
        row, column = np.unravel_index(score.argmax(), score.shape)
        found.append(Iris(own, float(column), float(row), radius))
    return found


def irises(photo: np.ndarray, eyes: np.ndarray, apart: float) -> np.ndarray:
    """How far each pixel is an iris, (S, S) float32 in 0..1; arguments as for `find_irises`."""
    rows, cols = np.indices(eyes.shape)
    share = np.zeros(eyes.shape, np.float32)
    radius = max(1.5, _IRIS / 2 * apart)
    for own, column, row, _ in find_irises(photo, eyes, apart):
        away = np.hypot(rows - row, cols - column)
        share = np.maximum(share, own * ((radius - away) / (0.25 * radius) + 0.5).clip(0, 1))
    return cv2.GaussianBlur(share, (0, 0), 0.12 * radius + 0.3) * cv2.dilate(eyes.astype(np.uint8), np.ones((3, 3)))


def within_irises(photo: np.ndarray, eyes: np.ndarray, apart: float) -> np.ndarray:
    """How much darker than its colour an iris is, in parts, (S, S) float32: at its pupil, its rim, below the lid, and
    between its fibres."""
    rows, cols = np.indices(eyes.shape, np.float32)
    darker = np.zeros(eyes.shape, np.float32)
    pupil, rim, lid = _PUPIL, _RIM, _LID
    for own, column, row, radius in find_irises(photo, eyes, apart):
        x, y = (cols - column) / radius, (rows - row) / radius
        out, angle = np.hypot(x, y), np.arctan2(y, x)
        light = 1 - pupil[1] * smoothstep((pupil[0] - out) / pupil[2] + 0.5)
        light *= 1 - rim[1] * smoothstep((out - rim[0]) / rim[2])
        below = np.cumsum(own, axis=0) / radius  # from the upper lid down
        light *= 1 - lid[1] * np.exp(-below / lid[0])
        fibres = np.sin(13 * angle + 4 * out) + 0.6 * np.sin(29 * angle - 7 * out + 1)
        light *= 1 + _FIBRES * fibres * smoothstep((out - pupil[0]) / 0.2) * (1 - smoothstep((out - 0.8) / 0.2))
        near = own & (out < 1.5)
        darker[near] = (1 - light)[near]
    return darker


def eyes_apart(mask: np.ndarray) -> float:
    """Pixels between the centres of a mask's eyes."""
    centres = [np.argwhere(mask == label).mean(0) for label in (Label.L_EYE, Label.R_EYE) if (mask == label).any()]
    return float(np.hypot(*(centres[0] - centres[1]))) if len(centres) == 2 else 0.245 * len(mask)


def light_of_eyes(photo: np.ndarray, eyes: np.ndarray, share: np.ndarray) -> float:
    """How light the white of the eyes (S, S) bool of a photo (S, S, 3) uint8 is, in parts of that in full light."""
    white = eyes & (share < 0.1)
    if np.count_nonzero(white) < _FEW_WHITE:
        return 1.0
    return float(np.clip(np.quantile(to_oklab(photo[white])[:, 0], 0.75) / _WHITE, 0.5, 1.0))
