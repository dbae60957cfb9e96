"""How fine a background is drawn around each place of it: out of focus, in focus, or a texture all over."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.likeness import luminance, shrunk
from maskgan.editing.texture import fine_detail
from maskgan.sizes import NETWORK_SIZE

#: Cells to a window's side: what is smaller than one is texture.
CELLS = 64

#: Within how many painted pixels light differs, and how much it does at least (0..255).
_FOCUS, _LEAST = 1.0, 0.5


class Detail(NamedTuple):
    """How much light differs within `_FOCUS` painted pixels.

    energy: (g, g) float32, the mean square of that in each cell, in squared grey levels; share: (g, g) float32, how
    much of the cell is known.
    """

    energy: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, photo: np.ndarray, known: np.ndarray) -> Detail:
        """Of what is `known` (n, n) bool of a photo (n, n, 3)."""
        planes = np.dstack([luminance(photo.astype(np.float32)) * known, known]).astype(np.float32)
        smooth = planes - fine_detail(planes, _FOCUS * len(known) / NETWORK_SIZE)
        detail = planes[..., 0] - smooth[..., 0] / np.maximum(smooth[..., 1], 1e-3)
        share, energy = (shrunk(plane, CELLS) for plane in (planes[..., 1], np.square(detail) * planes[..., 1]))
        return cls(energy / np.maximum(share, 1e-6) + _LEAST**2, share)

    def usual(self, reach: float) -> np.ndarray:
        """How much light usually differs (0..255) around each cell, (g, g); reach: sigma, in cells.

        A geometric mean tells: what is out of focus has edges here and there, too, and a texture has detail all over.
        """
        return np.exp(around(np.log(self.energy), self.share, reach)[..., 0] / 2)

    def strongest(self, reach: float) -> np.ndarray:
        """A mean (g, g) in which what differs most counts most, that of the squares; as for `usual`."""
        return np.sqrt(around(self.energy, self.share, reach)[..., 0])


def around(planes: np.ndarray, share: np.ndarray, reach: float) -> np.ndarray:
    """Means (g, g, C) of planes (g, g, C) around cells of which that share (g, g) is known; far from it, of all.

    reach: sigma, in cells.
    """
    planes = np.dstack([planes, np.ones_like(share)]) * share[..., None]
    planes = cv2.GaussianBlur(planes, (0, 0), reach) + 1e-3 * planes.mean((0, 1))
    return planes[..., :-1] / planes[..., -1:]


def enlarged(planes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Planes (g, g, ...) at the size (height, width) of a square picture."""
    return cv2.resize(planes, shape, interpolation=cv2.INTER_LINEAR)
