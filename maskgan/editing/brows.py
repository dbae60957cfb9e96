"""How far each pixel is the hair of brows, and which colour that has.

Skin shows between the hairs of brows, so that a mask's outline tells little: recoloured as a whole they look stuck on.
The colour of the skin goes on beneath them from around, that of their hairs is told by their darkest, and a pixel's
place between both is the hairs' share of it (`over`: Porter and Duff, SIGGRAPH 1984).
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import feathered, smoothstep
from maskgan.editing.flows import grown
from maskgan.editing.matting import Matte
from maskgan.editing.tones import LUMA
from maskgan.labels import BROWS, EYES, Label
from maskgan.quick_edits.regions import class_region

#: In pixels of a crop of 256 px: how far hairs lie beyond a mask's brows, how far from these and from eyes skin shows
#: its own colour, and sigma within which that is told.
_EDGE, _CLEAR, _AROUND = 3.0, 2.0, 6.0

#: Share of brows, the darkest, that tells the colour of their hairs.
_DARKEST = 0.25

#: A share below the first is none, above the second all.
_NONE, _ALL = 0.12, 0.85

#: Difference of hairs and skin, in parts of the skin's colour, up to which it tells nothing, and from which on it tells
#: the share; and the share without it.
_ALIKE, _CLEARLY, _UNTOLD = 0.2, 0.6, 0.5


def brow_matte(photo: np.ndarray, mask: np.ndarray) -> Matte:
    """The brows of a crop (S, S, 3) uint8 RGB with its mask (S, S)."""
    photo, scale = photo.astype(np.float32), len(mask) / 256
    brows = class_region(mask, BROWS)
    skin = class_region(mask, (Label.SKIN, Label.NOSE)) & ~grown(class_region(mask, (*BROWS, *EYES)), _CLEAR * scale)
    if not brows.any() or not skin.any():
        return Matte(brows.astype(np.float32), photo)
    planes = np.dstack([photo, np.ones_like(photo[..., :1])]) * skin[..., None].astype(np.float32)
    mean = planes.sum((0, 1)) / np.count_nonzero(skin)
    around = cv2.GaussianBlur(planes, (0, 0), _AROUND * scale) + 1e-3 * mean
    behind = around[..., :3] / around[..., 3:]
    light = photo[brows] @ LUMA
    hairs = photo[brows][light <= np.quantile(light, _DARKEST)].mean(0)
    way = hairs - behind
    length = np.maximum(np.square(way).sum(-1), 1.0)
    told = ((photo - behind) * way).sum(-1) / length
    unlike = np.sqrt(length / np.maximum(np.square(behind).sum(-1), 1.0))
    clear = smoothstep((unlike - _ALIKE) / (_CLEARLY - _ALIKE))
    share = ((told - _NONE) / (_ALL - _NONE)).clip(0, 1)
    share = (clear * share + (1 - clear) * _UNTOLD) * feathered(brows, _EDGE * scale)
    own = hairs + photo - (behind + share[..., None] * way)  # with what no mixture of both explains
    return Matte(share.astype(np.float32), np.where(share[..., None] > 0, own, photo).clip(0, 255).astype(np.float32))
