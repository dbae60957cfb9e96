"""Where hair that was painted onto a face is a beard: over the cheeks, the lips and the chin, and not from above."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import EARS, LIPS, Label
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.scene import Scene

#: y in the frame from which on down hair on a face is a beard's.
_BELOW = 0.12

#: Share of a painted piece that lies there at least; area (square units) below which it is a speck.
_ON_FACE, _SPECK = 0.7, 0.004

#: How near (half faces) to the middle of the face a piece lies at least, or with how little of its edge it may join the
#: wearer's own hair: a lock that falls over a cheek does so all along.
_MIDDLE, _JOINS = 0.75, 0.25

#: What a beard grows on, and may hang before.
_SKIN = (Label.SKIN, Label.NECK, *LIPS, Label.MOUTH)


def painted_beard(scene: Scene, hair: np.ndarray) -> np.ndarray:
    """What of hair (H, W) bool is a beard that a scene, the photo's, does not have: (H, W) bool."""
    own = scene.where(Label.HAIR)
    painted = hair & ~own
    result = np.zeros(hair.shape, bool)
    if not painted.any():
        return result
    grows = scene.where(*_SKIN) & (scene.y > _BELOW)
    if not (painted & grows).any():
        return result
    beside = cv2.dilate((own | scene.where(*EARS)).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    q = abs(across(scene)[0])
    count, pieces = cv2.connectedComponents(painted.astype(np.uint8))
    areas, on_face, joined = (
        np.bincount(pieces[where], minlength=count) for where in (painted, painted & grows, painted & beside)
    )
    for number in range(1, count):
        if areas[number] < _SPECK * scene.unit**2 or on_face[number] < _ON_FACE * areas[number]:
            continue
        piece = pieces == number
        edge = piece & ~(cv2.erode(piece.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        if np.median(q[piece]) < _MIDDLE or joined[number] < _JOINS * np.count_nonzero(edge):
            result |= piece
    return result
