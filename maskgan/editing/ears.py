"""Ears that an edit brings to light, where the photo shows none: those of the wardrobe, in the colours of the cheek.

A network that hardly ever saw the ears of somebody with long hair paints a disc there.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.labels import EARS, Label
from maskgan.quick_edits.ears import SIDES, Ear, ear, ear_places, ear_shows, fitted
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.scene import Scene

#: How much of the ear's own variation of colour stays, and of lightness.
_HUES, _LIGHTS = 0.45, 0.9

#: The cheek beside an ear: rows and how far in from the edge of the face, in frame units; and how many pixels of it
#: tell its colour at least.
_ROWS, _IN, _FEW = (0.1, 0.8), 0.45, 30

#: How far (frame units) in from its outer edge the skin tells the light beside an ear.
_RIM = 0.15


def with_ears(crop: np.ndarray, mask: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An edited crop (S, S, 3) uint8 whose new ears are somebody's, and how far each pixel changed, (S, S) float32.

    mask, own: (S, S), the edited and the photo's own mask.
    """
    changed = np.zeros(mask.shape, np.float32)
    new = [label for label in EARS if ((mask == label) & (own != label)).any()]
    if not new:
        return crop, changed
    try:
        scene, before = Scene(mask), Scene(own)
    except QuickEditImpossible:
        return crop, changed
    result = crop.astype(np.float32)
    for side, label in SIDES:
        region = mask == label
        if label not in new or ear_shows(before, label) or not ear_shows(scene, label):
            continue
        places = fitted(*ear_places(scene, side), region)
        colour = _cheek(crop, scene, side)
        if colour is None or places is None:
            continue
        soft = cv2.GaussianBlur(region.astype(np.float32), (0, 0), 0.7 * len(mask) / 256)
        alpha = ((soft - 0.15) / 0.7).clip(0, 1)
        laid = _in_colours(_seen(*places, ear()), ear().skin, colour)
        result += alpha[..., None] * (laid - result)
        changed = np.maximum(changed, alpha)
    return np.where(changed[..., None] > 0, result.round().clip(0, 255), crop).astype(np.uint8), changed


def _seen(u: np.ndarray, v: np.ndarray, piece: Ear) -> np.ndarray:
    """The picture of an ear where its places u, v (H, W) lie, (H, W, 3) uint8."""
    left, top, right, bottom = piece.box
    height, width = piece.picture.shape[:2]
    columns = (u - left) * np.float32(width / (right - left)) - 0.5
    rows = (v - top) * np.float32(height / (bottom - top)) - 0.5
    places = columns.astype(np.float32), rows.astype(np.float32)
    return cv2.remap(piece.picture, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def beside_ear(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Which places u, v (H, W) (see `ear_places`) of the skin tell the colour of the ear, (H, W) bool."""
    return (u > -_IN) & (v > _ROWS[0]) & (v < _ROWS[1])


def _cheek(crop: np.ndarray, scene: Scene, side: int) -> np.ndarray | None:
    """The colour (3,) in 0..255 of the cheek beside an ear; None where little of it is seen."""
    u, v = ear_places(scene, side)
    skin = scene.where(Label.SKIN)
    skin = cv2.erode(skin.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    skin &= beside_ear(u, v)
    if skin.any():
        skin &= u > np.percentile(u[skin], 98) - _RIM
    return np.median(crop[skin], axis=0).astype(np.float32) if skin.sum() >= _FEW else None


def _in_colours(picture: np.ndarray, theirs: np.ndarray, own: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) in 0..255 of skin whose usual colour is `theirs` (3,), made that of `own` (3,); float32."""
    lab, theirs, own = to_oklab(picture), to_oklab(theirs[None])[0], to_oklab(own[None])[0]
    share = own[0] / max(float(theirs[0]), 1e-3)
    light = own[0] + _LIGHTS * share * (lab[..., 0] - theirs[0])
    hues = own[1:] + _HUES * min(share, 1.0) ** 2 * (lab[..., 1:] - theirs[1:])
    return from_oklab(np.dstack([light, hues]).astype(np.float32)).clip(0, 255)
