"""The arms of glasses that are taken off: a parser ends glasses where they leave the face, and gives the rest to the
skin, hair and ear below.

An arm is a thin line, lighter or darker than what lies above and below it, that goes on from the glasses outwards. The
path of most contrast is found by dynamic programming (Viterbi), a column at a time; it ends where the contrast does.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.flows import grown
from maskgan.editing.tones import LUMA
from maskgan.labels import Label

#: As shares of the side: the thickest line, the blur of the photo's grain, how far within the glasses a path begins,
#: half the width of an arm at most, and how far beyond it paint reaches.
_THICK, _GRAIN, _WITHIN, _HALF, _PAINTED = 0.03, 0.002, 0.03, 0.014, 0.008

#: How far an arm reaches at most, in halves of the width of the glasses.
_REACH = 0.75

#: Contrast (0..255) from which on a line goes on, how much more counts at most, and what a step up or down costs.
_CONTRAST, _MOST, _STEP = 12.0, 30.0, 3.0

#: What an arm's contrast adds up to at least, in columns of `_CONTRAST` above `_CONTRAST`.
_LEAST = 4

#: Which part of the contrast in the middle of an arm there is all over it.
_EDGE = 0.35


def frames_left(photo: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where (S, S) bool arms of glasses that are taken off would stay beside the face.

    photo: (S, S, 3) uint8; before, after: (S, S), its mask, and the edited one.
    """
    worn, left = before == Label.EYE_G, np.zeros(before.shape, bool)
    if not worn.any() or (after == Label.EYE_G).any():
        return left
    contrast = _contrast(photo)
    for ear, way in ((Label.R_EAR, -1), (Label.L_EAR, 1)):  # the picture is turned so that each arm leads to the right
        left[:, ::way] |= _arm(contrast[:, ::way], worn[:, ::way], (before == ear)[:, ::way])
    return grown(left, _PAINTED * len(left)) & ~worn


def _contrast(photo: np.ndarray) -> np.ndarray:
    """How much darker or lighter than what is above and below it a thin level line is: (S, S) float32 of 0..255."""
    light = cv2.GaussianBlur((photo.astype(np.float32) @ LUMA).astype(np.float32), (0, 0), _GRAIN * len(photo))
    upright = np.ones((round(_THICK * len(photo)) | 1, 1), np.uint8)
    dark = cv2.morphologyEx(light, cv2.MORPH_CLOSE, upright) - light
    return np.maximum(dark, light - cv2.morphologyEx(light, cv2.MORPH_OPEN, upright))


def _arm(contrast: np.ndarray, worn: np.ndarray, ear: np.ndarray) -> np.ndarray:
    """Where (S, S) bool an arm goes on from the right end of glasses that are `worn` (S, S) bool, to that side's `ear`
    (S, S) bool; contrast: (S, S) float32."""
    size, arm = len(worn), np.zeros(worn.shape, bool)
    columns = np.flatnonzero(worn.any(0))
    within = round(_WITHIN * size)
    first, end = max(columns[-1] - within, 0), columns[-1] + round(_REACH * (columns[-1] - columns[0]) / 2)
    beside = np.flatnonzero(ear[:, first:].any(0))
    if len(beside):
        end = min(end, max(columns[-1] + within, first + int(np.median(beside))))
    part = slice(first, min(end, size - 1) + 1)
    contrast, glasses = contrast[:, part], worn[:, part]
    gain = np.minimum(contrast - _CONTRAST, _MOST)
    score = np.where(glasses[:, : within + 1].any(1), np.float32(0), np.float32(-1e6))
    scores, steps = [score], []
    for column in range(1, gain.shape[1]):
        above, below = np.r_[np.float32(-1e6), score[:-1]], np.r_[score[1:], np.float32(-1e6)]
        ways = np.stack([score, above - _STEP, below - _STEP])
        best = ways.argmax(0)
        score = ways[best, np.arange(size)] + gain[:, column]
        scores.append(score)
        steps.append(np.array([0, -1, 1])[best])
    last = min(within, len(scores) - 1)
    column, row = np.unravel_index(np.argmax(scores[last:]), (len(scores) - last, size))
    path = [(row, column + last)]
    while path[-1][1] > 0:
        row, column = path[-1]
        path.append((row + steps[column - 1][row], column - 1))
    path = [(row, column) for row, column in path if not glasses[row, column]]
    if sum(gain[place] for place in path) < _LEAST * _CONTRAST:
        return arm
    half = round(_HALF * size)
    for row, column in path:
        least = _EDGE * contrast[row, column]
        for down in (-1, 1):
            for place in range(row, row + down * (half + 1), down):
                if not 0 <= place < size or contrast[place, column] < least:
                    break
                arm[place, first + column] = True
    return arm
