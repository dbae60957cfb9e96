"""Keeping what the user did not touch: joins a generated face to the photo without a visible seam.

The published method redraws the whole face, so identity and background drift with every edit; its authors
advise to blend the untouched part back. Here every pixel belongs to one of three zones:

* far from the edit the photo's own pixels, bit for bit;
* near the edit, same class as before: photo + G(edited) - G(original), so that the photo's own detail stays and
  only what the edit changes (a shadow, the light on a cheek) is added;
* class changed: G(edited), shifted to the photo's colours by what G got wrong on the same class nearby.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

#: Sizes in pixels of a 256 px crop; scaled with the crop.
_FEATHER, _JOIN, _COLOUR = 10.0, 1.5, 14.0


class Composite(NamedTuple):
    """crop: (S, S, 3) uint8; region: (S, S) float32 blend weight, 0 = untouched; detail: (S, S) float32, the
    share of the photo's own fine detail that is kept."""

    crop: np.ndarray
    region: np.ndarray
    detail: np.ndarray


def keep_untouched(
    photo: np.ndarray, original: np.ndarray, edited: np.ndarray, before: np.ndarray, after: np.ndarray
) -> Composite:
    """Composite an edit into a crop.

    Args:
        photo: the crop, (S, S, 3) uint8 RGB.
        original: G(original mask) and
        edited: G(edited mask), (S, S, 3) float32 in 0..255.
        before: original mask and
        after: edited mask, (S, S).
    """
    scale = photo.shape[0] / 256
    changed = before != after
    if not changed.any():
        nothing = np.zeros(before.shape, np.float32)
        return Composite(photo.copy(), nothing, 1 - nothing)
    source = photo.astype(np.float32)
    distance = cv2.distanceTransform((~changed).astype(np.uint8), cv2.DIST_L2, 5) / scale
    ramp = (1 - distance / _FEATHER).clip(0, 1)
    region = ramp * ramp * (3 - 2 * ramp)
    fresh = cv2.GaussianBlur(changed.astype(np.float32), (0, 0), _JOIN * scale)
    fresh = np.maximum(changed, (2 * fresh).clip(0, 1)).astype(np.float32)[..., None]

    nearby = source + edited - original
    new = edited + _colour_error(source - original, before, after, changed, _COLOUR * scale)
    mixed = nearby + fresh * (new - nearby)
    crop = source + region[..., None] * (mixed - source)
    crop = np.where(region[..., None] > 0, crop.round().clip(0, 255), photo).astype(np.uint8)
    return Composite(crop, region.astype(np.float32), 1 - fresh[..., 0])


def _colour_error(
    error: np.ndarray, before: np.ndarray, after: np.ndarray, changed: np.ndarray, sigma: float
) -> np.ndarray:
    """What G gets wrong about each class, carried into the changed pixels that now have that class.

    A normalised convolution per class over the pixels that kept it; falls back to the class's mean far away and
    to zero for a class that the photo does not have. Smooth by nature, it is worked out at a quarter of the size.
    """
    size = before.shape[0]
    small = (max(size // 4, 1),) * 2
    carried = np.zeros_like(error)
    for label in np.unique(after[changed]):
        known = (before == label).astype(np.float32)
        target = changed & (after == label)
        if known.sum() < 16:
            continue
        mean = error[known > 0].mean(0)
        both = np.dstack([(error - mean) * known[..., None], known])  # S, S, 4
        both = cv2.GaussianBlur(cv2.resize(both, small, interpolation=cv2.INTER_AREA), (0, 0), sigma * small[0] / size)
        near = both[..., :3] / (both[..., 3:] + 0.02)
        near = cv2.resize(near, (size, size), interpolation=cv2.INTER_LINEAR)
        carried[target] = (mean + near)[target]
    return carried
