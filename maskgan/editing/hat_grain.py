"""The fine texture of a hat that is put on, in photos with more pixels than its picture has.

A hat of the wardrobe, or of another photo, has no detail finer than a pixel of the crop, and in a photo of twice the
resolution it is soft beside a sharp face. What is missing continues what is there: fine noise, as felt, yarn and straw
have it, as strong as the hat's own texture varies in the next coarser octave, and as much weaker as the face's own
detail is weaker there. So the hat is as sharp as the photo, and in a soft one little is added. On photos of scarves at
768 px whose detail was taken away it usually varies by 0.78 of what it did, and with this by 1.00 (five photos, which
the strength was fitted to); on eight others by 0.86 and 0.99.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import thrice
from maskgan.editing.chance import chance
from maskgan.editing.faces import Alignment, resample
from maskgan.editing.flows import window_of
from maskgan.editing.likeness import luminance

#: The largest side of a crop in which texture is made, and how many times as large as the hat's picture it is at least.
_FINEST, _LEAST = 1024, 1.25

#: The octave whose strength is known, and where the finest begins: blurs, in pixels of the hat's picture and of the
#: photo.
_KNOWN, _FINE = (1.0, 2.0), 0.5

#: How far around texture varies as much, how far within its outline that is the hat's own, and how soft its edge is, in
#: pixels of the hat's picture.
_AROUND, _WITHIN, _SOFT = 8.0, 3, 1.4

#: Where the face lies in the crop whose detail tells how sharp the photo is: middle and half axes (x, y), as shares.
_FACE = (0.5, 0.6), (0.13, 0.2)

#: How many times as strong as usual detail noise is: of detail some is much stronger than that, of noise less.
_STRONG = 2.0

#: Added to light (0..255) before its logarithm; and to the square of that.
_DIM, _LITTLE = 8.0, 1e-5


class HatGrain(NamedTuple):
    """Fine texture as a change of a photo, made at the photo's own resolution.

    amount: (S, S) float32, how much the logarithm of light varies in the finest octave of a hat's picture, 0 beside it.
    """

    amount: np.ndarray

    @classmethod
    def of(cls, crop: np.ndarray, hat: np.ndarray) -> HatGrain:
        """For a `hat` (S, S) bool as a crop (S, S, 3) uint8 shows it."""
        box = window_of(hat, 4 * round(_AROUND))
        amount, own = np.zeros(hat.shape, np.float32), hat[box].astype(np.uint8)
        inner = cv2.erode(own, np.ones((2 * _WITHIN + 1,) * 2, np.uint8), borderValue=1)
        soft = (2 * cv2.GaussianBlur(own.astype(np.float32), (0, 0), _SOFT) - 1).clip(0, 1)
        amount[box] = soft * _usual(_octave(_light(crop[box]), *_KNOWN), inner, _AROUND)
        return cls(amount)

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """The photo (H, W, 3) uint8 in which the crop lies at `alignment` with it; `seamless` changes nothing."""
        size = len(self.amount)
        side = min(round(alignment.side), _FINEST)
        rows, columns = window_of(self.amount > 0, 0)
        part = alignment.photo_window((columns.start - 1, rows.start - 1, columns.stop + 1, rows.stop + 1), size)
        if part is None or side < _LEAST * size:
            return photo
        lighter = self.lighter(alignment.crop(photo, side))
        shape = part[0].stop - part[0].start, part[1].stop - part[1].start
        lighter = resample(lighter[..., None], alignment.from_window(part, side), shape, fade=True).reshape(shape)
        result = photo.copy()
        result[part] = (photo[part] * thrice(np.exp(lighter))).round().clip(0, 255)
        return result

    def lighter(self, crop: np.ndarray) -> np.ndarray:
        """How much lighter each pixel of a larger crop (n, n, 3) uint8 gets, (n, n) float32, natural logarithm."""
        side, size = len(crop), len(self.amount)
        larger = side / size
        fine = _FINE, _FINE * larger
        light, amount = _light(crop), cv2.resize(self.amount, (side, side), interpolation=cv2.INTER_LINEAR)
        face = _of_face(side) & (amount == 0)
        finest, known = (_octave(light, *blurs)[face] for blurs in (fine, [larger * sigma for sigma in _KNOWN]))
        sharp = min(1.0, _level(finest) / _level(known)) if face.any() else 0.0
        return _STRONG * sharp * amount * _noise(side, *fine)


def _light(picture: np.ndarray) -> np.ndarray:
    """The logarithm of the light of a picture (h, w, 3) uint8, (h, w) float32."""
    return np.log(luminance(picture.astype(np.float32)) + np.float32(_DIM))


def _octave(plane: np.ndarray, narrow: float, wide: float) -> np.ndarray:
    """What of a plane (h, w) float32 is as fine as between two Gaussian blurs, in pixels."""
    return cv2.GaussianBlur(plane, (0, 0), narrow) - cv2.GaussianBlur(plane, (0, 0), wide)


def _level(detail: np.ndarray) -> float:
    """How much detail (N,) usually varies: a geometric mean, which edges count little for."""
    return float(np.exp(np.log(np.square(detail) + _LITTLE).mean() / 2))


def _usual(detail: np.ndarray, where: np.ndarray, reach: float) -> np.ndarray:
    """How much detail (h, w) float32 usually varies around each pixel, `where` (h, w) uint8 tells; see `_level`."""
    planes = np.dstack([np.log(np.square(detail) + np.float32(_LITTLE)), np.ones_like(detail)]) * where[..., None]
    planes = cv2.GaussianBlur(planes, (0, 0), reach) + 1e-3 * planes.mean((0, 1))
    return np.exp(planes[..., 0] / np.maximum(planes[..., 1], 1e-6) / 2)


def _of_face(side: int) -> np.ndarray:
    """Where the face lies in a crop, (side, side) bool."""
    (x, y), (across, down) = _FACE
    places = (np.arange(side) + 0.5) / side
    return np.square((places[None] - x) / across) + np.square((places[:, None] - y) / down) < 1


@lru_cache(maxsize=2)
def _noise(side: int, narrow: float, wide: float) -> np.ndarray:
    """Noise (side, side) float32 of an octave that varies by 1; read-only."""
    noise = chance(side, side * side).astype(np.float32).reshape(side, side)
    noise = _octave(noise, narrow, wide)
    noise /= noise.std()
    noise.setflags(write=False)
    return noise
