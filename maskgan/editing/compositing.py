"""Keeping what the user did not touch: joins a generated face to the photo without a visible seam.

The published method redraws the whole face, so identity and background drift with every edit; its authors
advise to blend the untouched part back. Here every pixel belongs to one of three zones:

* far from the edit the photo's own pixels, bit for bit;
* near the edit, same class as before: photo + G(edited) - G(original), so that the photo's own detail stays and
  only what the edit changes (a shadow, the light on a cheek) is added;
* class changed, or an outline of the photo that the edit takes away: G(edited), shifted to the photo's colours by
  what G got wrong on the same class nearby.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import feathered

#: Sizes in pixels of a 256 px crop; scaled with the crop.
_FEATHER, _JOIN, _BORDER, _COLOUR = 10.0, 1.5, 4.0, 14.0


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
    nothing = np.zeros(before.shape, np.float32)
    whole = Composite(photo.copy(), nothing, 1 - nothing)
    rows, columns = (np.flatnonzero((before != after).any(axis)) for axis in (1, 0))
    if rows.size == 0:
        return whole
    # Only the surroundings that colours are read from; most edits are small.
    margin = round((_FEATHER + 3 * _COLOUR) * scale)
    window = tuple(slice(max(0, at[0] - margin), at[-1] + 1 + margin) for at in (rows, columns))
    # Classes that lie farther away still lend what G gets wrong about them.
    far = [label for label in np.unique(after[window]) if not (before[window] == label).any()]
    far_error = {label: (photo[there] - original[there]).mean(0) for label in far if (there := before == label).any()}
    parts = _composite(*(array[window] for array in (photo, original, edited, before, after)), scale, far_error)
    for array, part in zip(whole, parts, strict=True):
        array[window] = part
    return whole


def _composite(
    photo: np.ndarray,
    original: np.ndarray,
    edited: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    scale: float,
    far_error: dict[int, np.ndarray],
) -> Composite:
    """The same for arrays of any height and width in which something changed."""
    changed = before != after
    source = photo.astype(np.float32)
    stale = _lost_borders(before, after, changed, _BORDER * scale)
    redrawn = changed | stale
    around_stale = feathered(stale, (_FEATHER - _BORDER) * scale)  # ends where the feather ends
    region = np.maximum(feathered(changed, _FEATHER * scale), around_stale)
    fresh = cv2.GaussianBlur(changed.astype(np.float32), (0, 0), _JOIN * scale)
    fresh = np.maximum(changed, (2 * fresh).clip(0, 1))
    fresh = np.maximum(fresh, around_stale).astype(np.float32)[..., None]

    nearby = source + edited - original
    carried = _colour_error(source - original, before, after, redrawn, fresh[..., 0] > 0, scale)
    for label, error in far_error.items():
        carried[after == label] = error
    new = edited + carried
    mixed = nearby + fresh * (new - nearby)
    crop = source + region[..., None] * (mixed - source)
    crop = np.where(region[..., None] > 0, crop.round().clip(0, 255), photo).astype(np.uint8)
    return Composite(crop, region, 1 - fresh[..., 0])


def _near(inside: np.ndarray, reach: float) -> np.ndarray:
    side = 2 * round(reach) + 1
    return cv2.dilate(inside.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


def _lost_borders(before: np.ndarray, after: np.ndarray, changed: np.ndarray, reach: float) -> np.ndarray:
    """Pixels (S, S) that kept their class but lie on a border that is gone.

    Masks meet pictures only within a pixel or three, and strands and shadows cross the border: kept, they would
    stand as a ghost of the old outline in the middle of what is new.
    """
    lost = np.zeros_like(changed)
    for label in np.unique(before[changed]):
        lost |= _near(before == label, reach) & ~_near(after == label, reach)
    return lost & ~changed & ~_near(_borders(before) & _borders(after) & ~changed, reach / 2)


def _borders(mask: np.ndarray) -> np.ndarray:
    """Pixels (S, S) with a neighbour of another class."""
    square = np.ones((3, 3), np.uint8)
    return cv2.dilate(mask, square) != cv2.erode(mask, square)


def _colour_error(
    error: np.ndarray, before: np.ndarray, after: np.ndarray, redrawn: np.ndarray, wanted: np.ndarray, scale: float
) -> np.ndarray:
    """What G gets wrong about each class, carried into the wanted pixels that now have that class.

    A normalised convolution per class over the pixels that kept it, borders left out where enough remains, since
    they hold some of the neighbour's colour; falls back to the class's mean far away and to zero for a class that
    the photo does not have. Smooth by nature, it is worked out at a quarter of the size.
    """
    height, width = before.shape
    small = (max(width // 4, 1), max(height // 4, 1))  # OpenCV's order
    sigma = _COLOUR * scale / 4
    carried = np.zeros_like(error)
    for label in np.unique(after[wanted]):
        known = before == label
        if known.sum() < 16:
            continue
        pure = known & ~redrawn & ~_near(~known, _BORDER * scale)
        if pure.sum() > 0.3 * known.sum():
            known = pure
        target = wanted & (after == label)
        mean = error[known].mean(0)
        share = cv2.resize(known.astype(np.float32), small, interpolation=cv2.INTER_AREA)[..., None]
        total = cv2.resize(error * known[..., None], small, interpolation=cv2.INTER_AREA)  # s, s, 3
        both = cv2.GaussianBlur(np.dstack([total - mean * share, share]), (0, 0), sigma)  # s, s, 4
        near = both[..., :3] / (both[..., 3:] + 0.02)
        near = cv2.resize(near, (width, height), interpolation=cv2.INTER_LINEAR)
        carried[target] = mean + near[target]
    return carried
