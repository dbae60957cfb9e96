"""How far each pixel of a photo is skin: also through glasses, and between the hairs of brows and of a hairline.

A mask gives such a pixel to what lies in front. Skin that gets another tone would end there in a rim of the old one,
and look out of glasses as it was.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import softened
from maskgan.editing.brows import brow_matte
from maskgan.editing.matting import Matte, hair_matte
from maskgan.editing.oklab import to_oklab
from maskgan.labels import BROWS, EARS, Label
from maskgan.quick_edits.regions import class_region

#: Classes that are skin.
SKIN = (Label.SKIN, Label.NOSE, *EARS, Label.NECK)

#: In pixels of a crop of 256 px: sigma within which the skin's own colour is told, its edges left out by so much; how
#: far hair is looked through beyond the skin's edge; where that ends.
_AROUND, _EDGE, _DEEP, _END = 10.0, 2, 8.0, 12.0

#: Difference from the skin around (in OKLab, hues twice) that is behind glass for certain, and from which on it is not.
_ALIKE, _UNLIKE = 0.12, 0.2


def skin_matte(photo: np.ndarray, mask: np.ndarray, edge: float) -> Matte:
    """The skin of a crop (S, S, 3) uint8 RGB with its mask (S, S); its colour in a pixel is the photo's.

    edge: how soft the skin's edge is, in pixels of a crop of 256 px.
    """
    scale, own = len(mask) / 256, photo.astype(np.float32)
    skin = class_region(mask, SKIN)
    if not skin.any():
        return Matte(np.zeros(mask.shape, np.float32), own)
    brows, hair = class_region(mask, BROWS), mask == Label.HAIR
    away = cv2.distanceTransform((~skin).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scale
    # Where brows and hair begin skin does not end: an edge there would keep a rim of the old tone.
    share = softened(skin | brows | (hair & (away < _END)), edge * scale)
    if (mask == Label.EYE_G).any():
        share = np.maximum(share, _behind_glass(own, mask, skin, scale))
    if brows.any():
        share *= 1 - brow_matte(photo, mask).share
    if hair.any():
        share *= np.where(hair, ((_END - away) / (_END - _DEEP)).clip(0, 1), 1)
        share *= np.where(away < _END, 1 - hair_matte(photo, mask).share, 1)
    return Matte(share.astype(np.float32), own)


def _behind_glass(photo: np.ndarray, mask: np.ndarray, skin: np.ndarray, scale: float) -> np.ndarray:
    """How far each pixel (S, S) float32 in 0..1 is skin behind glasses: what looks like the skin around them."""
    glass = (mask == Label.EYE_G).astype(np.float32)
    lab = to_oklab(photo)
    sure = cv2.erode(skin.astype(np.uint8), np.ones((2 * _EDGE + 1,) * 2, np.uint8)).astype(np.float32)
    sums = cv2.GaussianBlur(np.dstack([lab * sure[..., None], sure]), (0, 0), _AROUND * scale)
    away = (lab - sums[..., :3] / (sums[..., 3:] + 1e-4)) * (1, 2, 2)
    share = glass * ((_UNLIKE - np.linalg.norm(away, axis=-1)) / (_UNLIKE - _ALIKE)).clip(0, 1)
    return glass * cv2.GaussianBlur(share.astype(np.float32), (0, 0), 0.7 * scale)
