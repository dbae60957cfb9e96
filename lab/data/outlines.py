"""Hats whose outlines were drawn by hand, on top of label maps made by machine.

The mattes that label maps of photos come from end where a hat leaves the head: of wide brims and high crowns they say
background, or hair below the line where the label of the hat was cut. `hat_outlines.json` holds, by the id of a photo,
one polygon around all that is hat: x and y by turns, in pixels of a face of 256 px.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from lab.data.faces import FaceWithMask, Sample
from maskgan.labels import IGNORE, Label

#: What lies in front of a hat, or is in its shadow.
_IN_FRONT = (Label.NOSE, Label.L_EYE, Label.R_EYE, Label.EYE_G, Label.MOUTH, Label.U_LIP, Label.L_LIP)


@cache
def hat_outlines() -> dict[str, np.ndarray]:
    """The polygons (n, 2) float32 by id, in pixels of a face of 256 px."""
    text = Path(__file__).with_name("hat_outlines.json").read_text(encoding="utf-8")
    return {id: np.float32(values).reshape(-1, 2) for id, values in json.loads(text).items()}


def whole_hat(face: FaceWithMask, sample: Sample) -> FaceWithMask:
    """The face with its hat labelled as it was outlined by hand, where it was; the outline itself is open (255)."""
    outline = hat_outlines().get(sample.id)
    if outline is None:
        return face
    size = face.mask.shape[0]
    points = np.round(outline * size / 256).astype(np.int32)
    inside = cv2.fillPoly(np.zeros_like(face.mask), [points], 1) > 0
    edge = cv2.polylines(np.zeros_like(face.mask), [points], True, 1, max(3, round(4 * size / 256))) > 0
    edge[[0, -1]], edge[:, [0, -1]] = False, False  # where the picture ends, the hat goes on
    free = ~np.isin(face.mask, _IN_FRONT)
    mask = np.where(face.mask == Label.HAT, IGNORE, face.mask)
    mask = np.where(inside & free, np.uint8(Label.HAT), mask)
    return FaceWithMask(face.image, np.where(edge & free, np.uint8(IGNORE), mask).astype(np.uint8))
