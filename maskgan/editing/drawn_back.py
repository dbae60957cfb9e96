"""The edge of hair that draws back before a background that stays where it is.

The edge comes along with the hair, strands and all, and with it what shines through from where it was. How far a pixel
of it is hair (`matting.py`) tells how much of it stays, over what is painted behind it (Porter and Duff, "Compositing
Digital Images", SIGGRAPH 1984).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import nearest_of
from maskgan.editing.flows import grown, moves, places_of
from maskgan.editing.matting import hair_matte
from maskgan.editing.warping import EDGE
from maskgan.labels import Label

#: In pixels of a picture of 256 px: how far inside of the outline of hair something else may show.
_INSIDE = 3.0

#: Around hair that is gone, so much is painted; what differs by more than that from how the hair beside it moves was
#: behind it.
_LOST, _TORN = 4.0, 1.0

#: Over so much the edge thins out: what is as dark as hair, beside it, is none.
_THINS_OUT = 2.0

#: What is hair to less than this shows something else.
_HAIR = 0.9


class DrawnBack(NamedTuple):
    """What lies beside hair that drew back, (S, S) each.

    bared: bool, where hair was and the background stays; behind: bool, where something is painted behind the edge, and
    in place of what is bared and its surroundings; share: float32 in 0..1, how much of each pixel of the edge is hair
    that came along, 0 elsewhere.
    """

    bared: np.ndarray
    behind: np.ndarray
    share: np.ndarray

    @classmethod
    def of(
        cls, photo: np.ndarray, before: np.ndarray, after: np.ndarray, arrived: np.ndarray, flow: np.ndarray
    ) -> DrawnBack:
        """Of a photo (S, S, 3) uint8 with its mask (S, S) and an edited one; arrived: the mask as its pixels have moved
        by the flow (S, S, 2)."""
        scale, ground = len(before) / 256, after == Label.BACKGROUND
        nothing = cls(*(np.zeros(before.shape, kind) for kind in (bool, bool, np.float32)))
        hair, gone = (region & (arrived == Label.HAIR) for region in (after == Label.HAIR, ground))
        if not hair.any() or not gone.any():
            return nothing
        away = flow - nearest_of(flow, hair)
        bared = gone & (cv2.magnitude(*cv2.split(away)) > _TORN * scale)
        moving = moves(flow)
        edge = ground & (arrived == Label.BACKGROUND) & moving & grown(hair, EDGE * scale)
        edge &= grown(bared, EDGE * scale)
        if not edge.any():
            return nothing
        inner = hair & moving & grown(edge, _INSIDE * scale)
        matte = hair_matte(photo, before).share
        matte = cv2.remap(matte, *places_of(flow), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        outside = cv2.distanceTransform((~hair).astype(np.uint8), cv2.DIST_L2, 5) / scale
        matte = matte * ((EDGE - outside) / _THINS_OUT).clip(0, 1)
        share = np.where(edge | inner, matte, np.float32(0))
        lost = grown(bared, _LOST * scale) & ground & ~grown(hair, scale)
        return cls(bared, edge | lost | (inner & (share < _HAIR)), share)
