"""Where hair that was painted onto a face is a beard: over the cheeks, the lips and the chin, and not from above."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import EARS, LIPS, Label
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.scene import Scene

#: y in the frame from which on down hair on a face is a beard's; area (square units) below which it is a speck.
_BELOW, _SPECK = 0.12, 0.004

#: How near (half faces) to the middle of the face a piece lies at least, or with how little of its edge it joins other
#: hair or an ear: a lock that falls over a cheek does so all along.
_MIDDLE, _JOINS = 0.65, 0.25

#: How far (half faces) beside the middle a beard hangs before the neck, and below which row (frame units).
_HANGS, _CHIN = 0.8, 1.2

#: What a beard grows on, and what it hangs before.
_SKIN, _BEFORE = (Label.SKIN, *LIPS, Label.MOUTH), (Label.NECK, Label.CLOTH)


def painted_beard(scene: Scene, hair: np.ndarray) -> np.ndarray:
    """What of hair (H, W) bool is a beard that a scene, the photo's, does not have: (H, W) bool."""
    painted = hair & ~scene.where(Label.HAIR)
    grown = painted & scene.where(*_SKIN) & (scene.y > _BELOW)
    result = np.zeros(hair.shape, bool)
    if not grown.any():
        return result
    square, q = np.ones((3, 3), np.uint8), abs(across(scene)[0])
    other = (hair & ~grown) | scene.where(Label.HAIR, *EARS)
    hanging = painted & scene.where(*_BEFORE) & (q < _HANGS) & (scene.y > _CHIN)
    joined = grown & (cv2.dilate((other & ~hanging).astype(np.uint8), square) > 0)
    count, pieces = cv2.connectedComponents(grown.astype(np.uint8))
    areas, joins = (np.bincount(pieces[where], minlength=count) for where in (grown, joined))
    for number in range(1, count):
        if areas[number] < _SPECK * scene.unit**2:
            continue
        piece = pieces == number
        edge = piece & ~(cv2.erode(piece.astype(np.uint8), square) > 0)
        if np.median(q[piece]) < _MIDDLE or joins[number] < _JOINS * np.count_nonzero(edge):
            result |= piece
    if result.any():
        _, pieces = cv2.connectedComponents((result | hanging).astype(np.uint8))
        result = np.isin(pieces, np.unique(pieces[result]))
    return result
