"""Half a row of teeth for the wardrobe, cut out of a photo of somebody who smiles, seen from the front."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import nearest_of
from maskgan.editing.oklab import to_oklab
from maskgan.quick_edits.scene import Scene

#: Pixels to a frame unit that are kept, and how much is kept around the row in frame units.
_KEPT, _AROUND = 192, 0.05

#: How far within the row's outline its pixels are sure, in frame units.
_WITHIN = 0.004

#: Percentile of the lightness of the row that light teeth have.
_LIGHT = 80


def teeth_of(
    photo: np.ndarray, mask: np.ndarray, polygon: np.ndarray, bend: float
) -> tuple[np.ndarray, dict[str, object]]:
    """The picture of half a row of teeth, (h, w, 3) uint8, and `edges`, `box`, `height`, `bend` and `colour` of its
    entry in the wardrobe (see `maskgan.editing.teeth.Teeth`).

    photo: (H, H, 3) uint8; mask: (S, S) of the same face; polygon: (N, 2) x and y of the outline of the upper teeth on
    the right side of the picture, in pixels of the mask, from the middle of the row at the lip to its middle at the
    edges of the teeth; bend: how much higher than in the middle the edges lie, per distance squared in frame units.
    """
    scene = Scene(mask)
    places = (polygon @ (1, 1j) - scene.frame.origin) / scene.frame.axis
    outline = np.stack([places.real - places.real[-1], places.imag - places.imag[-1]], 1)
    box = left, top, right, bottom = (
        *(0.0, float(outline[:, 1].min())),
        *(float(axis.max()) + _AROUND for axis in outline.T),
    )
    columns, lines = round((right - left) * _KEPT), round((bottom - top) * _KEPT)
    fine = 4
    us = left + (np.arange(fine * columns) + 0.5) / (fine * _KEPT)
    vs = top + (np.arange(fine * lines) + 0.5) / (fine * _KEPT)
    cols, rows = scene.frame.to_pixels(us[None] + places.real[-1], vs[:, None] + places.imag[-1])
    step = len(photo) / len(mask)
    cols, rows = ((np.broadcast_to(plane, (len(vs), len(us))) + 0.5) * step - 0.5 for plane in (cols, rows))
    picture = cv2.remap(photo, cols.astype(np.float32), rows.astype(np.float32), cv2.INTER_CUBIC)
    inside = np.zeros(picture.shape[:2], np.uint8)
    points = (outline - (left, top)) * (fine * _KEPT) - 0.5
    cv2.fillPoly(inside, [np.rint(points * 16).astype(np.int32)], 1, shift=4)
    deep = cv2.distanceTransform(cv2.copyMakeBorder(inside, 0, 0, 1, 0, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5)[:, 1:]
    picture = nearest_of(picture, deep > _WITHIN * fine * _KEPT)
    lab = to_oklab(picture[inside > 0])
    colour = np.percentile(lab[:, 0], _LIGHT), *np.median(lab[:, 1:], axis=0)
    height = -float(outline[0, 1])
    entry = {
        "edges": outline[: outline[:, 0].argmax() : -1].round(4).tolist(),
        "box": [round(value, 4) for value in box],
        "height": round(height, 4),
        "bend": bend,
        "colour": [round(float(value), 4) for value in colour],
    }
    return cv2.resize(picture, (columns, lines), interpolation=cv2.INTER_AREA), entry
