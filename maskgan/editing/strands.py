"""Hair that an edit cuts ends in single strands, and not in a line: the photo's own hair goes on a little beyond it.

A network draws the ends of hair as a soft dark edge, and a mask's outline is a pair of scissors. Of the hair that was
there before, strands of different lengths are laid over the paint below the hair that stays.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.flows import grown, warp_mask, warp_picture, warped_mask, window_of
from maskgan.labels import EARS, Label
from maskgan.quick_edits.locks import strand_ends
from maskgan.quick_edits.regions import class_region

#: What hair hangs before.
_BEHIND = (Label.BACKGROUND, Label.CLOTH, Label.NECK, *EARS)

#: In pixels of a picture of 256 px: how long strands are at most, over how much each of them fades, how far into the
#: hair that stays paint reaches, and how small a part of hair is that was not cut.
_LONGEST, _FADES, _PAINTED, _SMALL = 11.0, 7.0, 3.0, 4.0

#: Steps along the table of strands for each of these pixels; how long strands are in the middle and how much longer and
#: shorter they can be, and how long they are at least, in parts of the longest.
_STEP, _LONG, _LONGER, _AT_LEAST = 0.034, 0.6, 0.5, 0.35

#: How far strands lean towards the middle, in parts of their length, at the sides of the picture and up to which part
#: of its width from its middle.
_LEAN, _WITHIN = 0.35, 1 / 6


def with_ends(
    crop: np.ndarray, mask: np.ndarray, photo: np.ndarray, own: np.ndarray, flow: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """An edited crop (S, S, 3) uint8 whose cut hair ends in strands, and how far each pixel changed, (S, S) float32.

    mask: (S, S), the edited mask; photo: (S, S, 3) uint8 and own: (S, S), the photo and its mask; flow: (S, S, 2), how
    the photo moved.
    """
    changed = np.zeros(mask.shape, np.float32)
    cut = (own == Label.HAIR) & (mask != Label.HAIR)
    lost = (warp_mask(own, flow) == Label.HAIR) & class_region(mask, _BEHIND) if cut.any() else cut
    if not lost.any():
        return crop, changed
    scale = len(mask) / 256
    near = window_of(lost, int((_LONGEST + 2 * _SMALL) * scale) + 2)
    kept = (warped_mask(own, flow, near) == Label.HAIR) & (mask[near] == Label.HAIR)
    out = np.arange(mask.shape[1])[near[1]] / scale - 128
    changed[near] = _strands(lost[near], kept, out, scale)
    if not changed.any():
        return crop, changed
    moved = warp_picture(photo, flow)[near].astype(np.float32)
    share = changed[near][..., None]
    result = crop.copy()
    laid = (crop[near] + share * (moved - crop[near])).round().clip(0, 255)
    result[near] = np.where(share > 0, laid, crop[near]).astype(np.uint8)
    return result, changed


def _strands(lost: np.ndarray, kept: np.ndarray, out: np.ndarray, scale: float) -> np.ndarray:
    """How far hair is seen, (h, w) float32 in 0..1, below and beside what was `lost` of it, where hair was `kept`, both
    (h, w) bool. out: how far (w,) columns lie from the picture's middle, in pixels of one of 256 px; scale: pixels to
    those."""
    small = np.ones((2 * round(_SMALL * scale) + 1,) * 2, np.uint8)
    large = cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_OPEN, small) > 0
    lost = lost & grown(large, 2 * _SMALL * scale)
    alpha = (kept & grown(large, _PAINTED * scale)).astype(np.float32)
    below, lean = kept, _LEAN * (out / (256 * _WITHIN)).clip(-1, 1)
    at, ends = strand_ends()
    for row in range(1, int(_LONGEST * scale) + 1):
        below = np.vstack([np.zeros_like(below[:1]), below[:-1]]) & lost
        long = _LONG + _LONGER * np.interp(_STEP * (out + lean * row / scale), at, ends)
        left = _LONGEST * long.clip(_AT_LEAST, 1) - row / scale
        alpha = np.where(below, (left / _FADES).clip(0, 1), alpha)
    # Strands are soft across too.
    return cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 0.35 * scale) * (alpha > 0)
