"""Which hairpiece a fringe that somebody painted shows.

What a network draws there is a plate of lines, since little of a photo tells how hair would fall over a forehead.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.edit import Face
from maskgan.editing.matting import own_hair
from maskgan.editing.tones import LUMA
from maskgan.labels import Label
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import Part, Worn
from maskgan.quick_edits.painted_hair import is_fringe, painted_over
from maskgan.quick_edits.scene import Scene

#: Hairpieces for hair whose strands lie side by side, and for hair of curls, or cropped.
STRAIGHT, CURLY = "fringe_bob", "long_curls"

#: Share of a photo below which hair that was painted over skin is no fringe.
_LITTLE = 0.003

#: Width (frame units) of the finest strands that are looked at, and around how far their directions are compared.
_STRAND, _AROUND = 0.012, 0.12

#: Coherence of the directions below which hair is curly, and how far within its outline they tell, in frame units.
_COHERENT, _WITHIN = 0.5, 0.1


def coherence(photo: np.ndarray, hair: np.ndarray, unit: float) -> float:
    """How much strands of hair lie side by side: 0 where they go every way, 1 where all are parallel close by.

    It is the mean coherence of the structure tensor (Bigun and Granlund, 1987), weighted by contrast.

    Args:
        photo: (H, W, 3) uint8 RGB.
        hair: (H, W) bool.
        unit: of the face's frame, in pixels.

    Hair that is all outline has none: 0.
    """
    size = 2 * max(1, round(_WITHIN * unit)) + 1
    inner = cv2.erode(hair.astype(np.uint8), np.ones((size, size), np.uint8)).astype(np.float32)
    light = cv2.GaussianBlur((photo @ LUMA).astype(np.float32), (0, 0), max(0.5, _STRAND * unit))
    down, across = np.gradient(light)
    xx, yy, xy = (
        cv2.GaussianBlur(each * inner, (0, 0), _AROUND * unit) for each in (across**2, down**2, across * down)
    )
    parallel = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    return float((parallel * inner).sum() / max(float(((xx + yy) * inner).sum()), 1e-6))


def fringe_for(face: Face, mask: np.ndarray) -> Worn | None:
    """The hairpiece for hair that a mask (S, S) has over the forehead of a face; None where that is hardly any."""
    hair = mask == Label.HAIR
    if np.count_nonzero(hair & (face.mask == Label.SKIN)) < _LITTLE * mask.size:
        return None
    try:
        scene = Scene(face.mask)
    except QuickEditImpossible:  # nothing of a face tells where its forehead is: the network paints it
        return None
    if not is_fringe(scene, painted_over(scene, hair)):
        return None
    parallel = coherence(face.crop, own_hair(face.crop, face.mask), scene.unit)
    return Worn(STRAIGHT if parallel > _COHERENT else CURLY, Part.PAINTED).facing(scene)
