"""How the border of a face and its neck moved, where a chin or a jaw was painted longer or shorter.

A brush leaves ends that overhang and gaps, at which no point of an outline finds where it came from. Chin and neck are
one skin, though, and only their border with its shadow moves, down or up. So it is told column by column and smoothed.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.flows import grown
from maskgan.labels import EYES, Label
from maskgan.quick_edits.regions import class_region, largest_piece

#: As shares of the picture's side: how far a border moves at most, the sigma that it is smoothed by, and from how far
#: on it has moved.
_FARTHEST, _SMOOTH, _MOVED = 0.09, 0.022, 0.006

#: As shares of the picture's side: how far above and below the border's two places nothing else tells how it moved, and
#: how far from hair, clothes and what else lies there these do.
_AROUND, _BESIDE = 0.012, 0.006


#: Share of eyes and nose that changes from which on a face moved as a whole.
_WHOLE = 0.2

#: Classes that are one skin.
ONE_SKIN = (Label.SKIN, Label.NECK)

_FEATURES = (*EYES, Label.NOSE)


class Chin(NamedTuple):
    """The border of a face and its neck that moved.

    columns: (N,) int, consecutive; rows: (N,) int, the face's last row in each after the edit; shift: (N,) float32, how
    many pixels lower it came from; zone: (H, W) bool, between where it was and where it is, with a margin.
    """

    columns: np.ndarray
    rows: np.ndarray
    shift: np.ndarray
    zone: np.ndarray


def moved_chin(before: np.ndarray, after: np.ndarray) -> Chin | None:
    """The border of face and neck, where an edit from one mask (H, W) to another moved it.

    None when it stayed, when it moved very far, and when the face moved as a whole or became another one.
    """
    side = max(before.shape)
    skins = class_region(after, ONE_SKIN)
    swapped = (before != after) & class_region(before, ONE_SKIN) & skins
    if np.count_nonzero(swapped) < (_SMOOTH * side) ** 2 or _another_face(before, after):
        return None
    skin = largest_piece(before == Label.SKIN)
    height, width = before.shape
    own = height - 1 - skin[::-1].argmax(0)  # the last row of each column
    below = before[np.minimum(own + 1, height - 1), np.arange(width)]
    bordered = skin.any(0) & (below == Label.NECK)
    rows, far = np.arange(height)[:, None], _FARTHEST * side
    near = (after == Label.SKIN) & (abs(rows - own) <= far)
    came = np.where(near.any(0), height - 1 - near[::-1].argmax(0), own)
    moved = np.where(near.any(0), came - own, far + 1)
    touched = bordered & swapped.any(0) & (abs(moved) > _MOVED * side)
    if not touched.any() or (abs(moved[touched]) > far).any():
        return None
    sigma = _SMOOTH * side
    margin = int(2 * sigma) + 1
    columns = np.flatnonzero(touched)
    columns = np.arange(max(0, columns[0] - margin), min(width, columns[-1] + margin + 1))
    columns = columns[bordered[columns]]
    if columns[-1] - columns[0] >= len(columns):  # hair or a hand lies between
        return None
    told = np.where(touched, moved, 0)[columns].astype(np.float32)
    weights = cv2.GaussianBlur(np.ones((1, len(columns)), np.float32), (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    smooth = (cv2.GaussianBlur(told[None], (0, 0), sigma, borderType=cv2.BORDER_CONSTANT) / weights)[0]
    own, came = own[columns], came[columns]
    first, last = np.minimum(own, np.minimum(came, own + told)), np.maximum(own, np.maximum(came, own + told))
    zone, around = np.zeros(before.shape, bool), _AROUND * side
    zone[:, columns] = (rows >= first - around) & (rows <= last + around)
    zone &= ~grown(~skins, _BESIDE * side)
    return Chin(columns, (own + smooth).round().astype(int).clip(0, height - 1), -smooth, zone)


def _another_face(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether so much of eyes and nose changed between two masks (H, W) that more than a chin moved."""
    features = class_region(before, _FEATURES) | class_region(after, _FEATURES)
    return np.count_nonzero(features & (before != after)) > _WHOLE * np.count_nonzero(features)
