"""Other grounds behind people, for face parsing: a parser must not learn that people stand before plain blue.

Pure functions of the face and the generator, as in `lab/data/augment.py`.
"""

from __future__ import annotations

import string
from collections.abc import Sequence

import cv2
import numpy as np

from lab.data.faces import FaceWithMask, Sample, load
from maskgan.labels import Label

_FONTS = (
    *(cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX),
    *(cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_HERSHEY_PLAIN),
)
_LETTERS = tuple(string.ascii_letters + string.digits)


def blend(below: np.ndarray, above: np.ndarray, share: np.ndarray) -> np.ndarray:
    """`above` over `below`, pictures (H, W, 3), where `share` (H, W, 1) is 1 -> uint8."""
    share = share.astype(np.float32)
    return np.clip(below + (above.astype(np.float32) - below) * share, 0, 255).astype(np.uint8)


def plain(size: int, random: np.random.Generator) -> np.ndarray:
    """A ramp between two colours (size, size, 3) uint8; every other time both are dark."""
    ends = random.uniform(0, 255, (2, 3)) * (random.uniform(0.02, 0.3) if random.random() < 0.5 else 1)
    ends[1] = ends[0] + (ends[1] - ends[0]) * random.uniform(0, 1)
    angle = random.uniform(0, 2 * np.pi)
    rows, cols = np.mgrid[-0.5 : 0.5 : size * 1j, -0.5 : 0.5 : size * 1j].astype(np.float32)
    share = (rows * np.sin(angle) + cols * np.cos(angle) + 0.5).clip(0, 1)[..., None]
    return blend(np.float32(ends[0]), np.float32(ends[1]), share)


def smooth_noise(size: int, coarse: int, random: np.random.Generator) -> np.ndarray:
    """Noise (size, size) float32 of unit deviation at its `coarse` bumps across, smooth between them."""
    values = random.standard_normal((coarse, coarse)).astype(np.float32)
    return cv2.resize(values, (size, size), interpolation=cv2.INTER_CUBIC)


def texture(size: int, random: np.random.Generator) -> np.ndarray:
    """Noise of several scales between two or three colours (size, size, 3) uint8: foliage, plaster, cloth, fur."""
    noise = np.zeros((size, size), np.float32)
    fall = random.uniform(0.5, 1.1)  # how much weaker half the scale is
    stretch = np.exp(random.normal(0, 0.5))
    for octave in range(2, int(np.log2(size))):
        side = 2**octave
        shape = (max(2, round(side * stretch)), max(2, round(side / stretch)))
        coarse = random.standard_normal(shape).astype(np.float32)
        noise += fall**octave * cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    noise = noise / (noise.std() + 1e-6)
    colours = random.uniform(0, 255, (3, 3))
    if random.random() < 0.4:  # leaves: greens and browns in light and shadow
        colours = np.array([(20, 30, 10), (70, 100, 35), (170, 190, 110)]) * random.uniform(0.5, 1.4, (3, 1))
    share = np.clip(noise * random.uniform(0.15, 0.8) + 0.5, 0, 1) * 255
    ramp = np.stack([np.interp(np.arange(256), (0, 127, 255), colours[:, channel]) for channel in range(3)], 1)
    return ramp.clip(0, 255).astype(np.uint8)[share.astype(np.uint8)]


def lettering(picture: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Lines of letters across a copy of a picture (H, W, 3) uint8."""
    picture = np.ascontiguousarray(picture).copy()
    size = picture.shape[0]
    colour = [int(value) for value in random.integers(0, 256, 3)]
    scale, font = size / 256 * np.exp(random.uniform(np.log(0.4), np.log(4))), _FONTS[int(random.integers(len(_FONTS)))]
    thickness = max(1, round(scale * random.uniform(1, 5)))
    y = random.uniform(0, 40 * scale)
    while y < size + 30 * scale:
        text = "".join(random.choice(_LETTERS, int(random.integers(3, 24))))
        place = (int(random.uniform(-0.3, 0.5) * size), int(y))
        cv2.putText(picture, text, place, font, scale, colour, thickness, cv2.LINE_AA)
        y += scale * random.uniform(28, 60)
    return picture


def window(image: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """A random square of a picture, enlarged to (size, size, 3) and varied: mirrored, blurred, tinted or darkened."""
    side = int(random.integers(min(image.shape[:2]) // 5, min(image.shape[:2]) + 1))
    y, x = (int(random.integers(0, length - side + 1)) for length in image.shape[:2])
    picture = cv2.resize(image[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), size / 256 * random.uniform(1, 8))
    picture = np.roll(picture, int(random.integers(3)), 2) if random.random() < 0.5 else picture
    picture = np.rot90(picture, int(random.integers(4)))
    return cv2.convertScaleAbs(picture, alpha=random.uniform(0.1, 0.6)) if random.random() < 0.3 else picture


def matte(mask: np.ndarray) -> np.ndarray:
    """How far each pixel is the ground's: (H, W) float32 in 0..1, from the label map; 255 beside the person is not."""
    ground = (mask == Label.BACKGROUND).astype(np.uint8)
    shrunk = cv2.erode(ground, np.ones((3, 3), np.uint8))
    return cv2.GaussianBlur(shrunk.astype(np.float32), (0, 0), 1.2 * mask.shape[0] / 256)


class Grounds:
    """Puts people on other grounds: parts of other photos, ramps, textures, lettering on any of these."""

    def __init__(self, photos: Sequence[Sample]) -> None:
        self.photos = list(photos)

    def __call__(self, face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
        if (face.mask == Label.BACKGROUND).mean() < 0.1:
            return face
        share = matte(face.mask)[..., None]
        ground = self.picture(face.mask.shape[0], random)
        return FaceWithMask(blend(face.image, ground, share), face.mask)

    def picture(self, size: int, random: np.random.Generator) -> np.ndarray:
        """A ground (size, size, 3) uint8."""
        kind = random.random()
        if kind < 0.5 and self.photos:
            ground = window(load(self.photos[int(random.integers(len(self.photos)))]).image, size, random)
        else:
            ground = plain(size, random) if kind < 0.65 else texture(size, random)
        return lettering(ground, random) if random.random() < 0.25 else ground
