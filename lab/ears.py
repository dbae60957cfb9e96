"""An ear for the wardrobe, cut out of a photo of somebody seen from the front."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.ears import beside_ear
from maskgan.editing.transplants import gone_on
from maskgan.labels import Label
from maskgan.quick_edits.ears import ear_places, edge_of_face
from maskgan.quick_edits.scene import Scene

#: Pixels to a frame unit of the face that wears the ear when it is cut out, twice as many as are kept, and what is
#: kept around it in frame units.
_FINE, _AROUND = 440, 0.06

#: The upper end of an ear in the frame, and how far its inner part goes on behind the face, in frame units.
_TOP, _BEHIND = -0.02, 0.1


def ear_of(photo: np.ndarray, mask: np.ndarray, polygon: np.ndarray, size: float) -> tuple[np.ndarray, dict[str, list]]:
    """The picture of an ear, (h, w, 3) uint8 with nothing but ear in it, and `outline`, `box` and `skin` of its entry
    in the wardrobe (see `maskgan.quick_edits.ears.Ear`).

    photo: (H, H, 3) uint8; mask: (S, S) of the same face; polygon: (N, 2) x and y of the ear's outline on the left side
    of the picture, in pixels of the mask; size: its height in frame units when it is worn.
    """
    scene = Scene(mask)
    u, v = ear_places(scene, -1)
    edge, slope = edge_of_face(scene, -1)
    places = (polygon @ (1, 1j) - scene.frame.origin) / scene.frame.axis
    outline = np.stack([-places.real - edge - slope * places.imag, places.imag], 1)
    inner, top = float(outline[:, 0].min()), float(outline[:, 1].min())
    scale = size / (float(outline[:, 1].max()) - top)
    worn = (outline - (inner, top)) * scale + (0, _TOP)
    (left, upper), (right, lower) = worn.min(0) - _AROUND, worn.max(0) + _AROUND
    width, height = 2 * round((right - left) * _FINE / 2), 2 * round((lower - upper) * _FINE / 2)
    # Each pixel's u and v on the lender's face, then its pixel in the photo.
    us = (left + (np.arange(width) + 0.5) / _FINE) / scale + inner
    vs = (upper - _TOP + (np.arange(height) + 0.5) / _FINE) / scale + top
    down = np.repeat(vs[:, None], width, 1)
    cols, rows = scene.frame.to_pixels(-(us[None] + edge + slope * down), down)
    step = len(photo) / len(mask)
    cols, rows = ((plane + 0.5) * step - 0.5 for plane in (cols, rows))
    picture = cv2.remap(photo, cols.astype(np.float32), rows.astype(np.float32), cv2.INTER_CUBIC)
    inside = np.zeros((height, width), np.uint8)
    points = (worn - (left, upper)) * _FINE - 0.5
    cv2.fillPoly(inside, [np.rint(points * 16).astype(np.int32)], 1, shift=4)
    skin = (mask == Label.SKIN) & beside_ear(u, v)
    small = cv2.resize(photo, mask.shape[::-1], interpolation=cv2.INTER_AREA)
    # What lies behind the face is no part of the ear that is seen.
    behind = worn[:, 0] < 0.25 * (worn[:, 0].max() - worn[:, 0].min())
    worn[behind, 0] -= _BEHIND
    entry = {
        "outline": worn.round(3).tolist(),
        "box": [round(float(value), 4) for value in (left, upper, left + width / _FINE, upper + height / _FINE)],
        "skin": np.median(small[skin], axis=0).round(1).tolist(),
    }
    picture = gone_on(picture, inside > 0)
    return cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA), entry
