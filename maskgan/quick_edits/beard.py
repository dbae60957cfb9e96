"""Beards, as hair of the mask; `editing/beards.py` draws them. Masks of photos give a beard to the skin."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from maskgan.labels import MOUTH, Label
from maskgan.quick_edits.edit import QuickEdit, Variant
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hair import hold_face
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.scene import Scene

#: How far (frame units) a moustache reaches beside the mouth and below its corners, and how far below the nose it
#: begins, in parts of the upper lip, in the middle and at its ends.
_BESIDE, _CORNERS, _UNDER_NOSE = 0.1, 0.06, (0.15, 0.95)

#: Upper lips are taken for at least so high (frame units).
_UPPER_LIP = 0.08

#: How far (frame units) below the lower lip a beard begins, and how far before the neck it hangs.
_BELOW_LIP, _ON_NECK = 0.06, 0.09

#: How much (frame units) of a moustache beside the mouth goes on down to a full beard.
_JOINED = 0.07

#: Half the width of a goatee, in parts of half the face's, and how much of the way from the lip to the chin it covers.
_GOATEE, _DOWN = 0.34, 1.2

#: y (frame units) where a full beard begins before the ears, and how hollow its upper edge is.
_EARS, _HOLLOW = 0.15, 1.7

#: How much (square frame units) of hair around a mouth is a beard.
_WORN = 0.02


def beard(scene: Scene, strength: float, style: str = "full") -> None:
    """A full beard, a goatee or a moustache, on skin alone."""
    mouth = scene.part(*MOUTH)
    if mouth is None:
        raise QuickEditImpossible("This mask has no mouth; paint lips first.")
    x, y = scene.x, scene.y
    left, right = np.percentile(x[mouth], (1, 99))
    top, low = np.percentile(y[mouth], (2, 98))
    corners, middle, wide = float(y[mouth].mean()), (left + right) / 2, (right - left) / 2 + _BESIDE
    nose = scene.part(Label.NOSE)
    nostrils = min(float(np.percentile(y[nose], 97)), top - _UPPER_LIP) if nose is not None else top - 3 * _UPPER_LIP
    if (scene.where(Label.HAIR) & (abs(x - middle) < wide) & (y > nostrils) & (y < scene.chin)).sum() > (
        _WORN * scene.unit**2
    ):
        raise QuickEditImpossible("This face wears a beard already; paint skin over it to take it off.")
    hold_face(scene)
    size = 0.6 + 0.4 * strength
    out = abs(x - middle) / wide
    first = nostrils + (top - nostrils) * (_UNDER_NOSE[0] + (_UNDER_NOSE[1] - _UNDER_NOSE[0]) * out**2)
    region = (out < 1) & (y > first) & (y < corners + _CORNERS)
    below = y > low + _BELOW_LIP
    q, _, half = across(scene)
    if style == "goatee":
        across_chin, down = (x - middle) / (_GOATEE * half * size), (y - low) / (_DOWN * (scene.chin - low))
        region |= below & (across_chin**2 + down**2 < 1)
    elif style == "full":
        beside = wide / half
        rises = np.clip((abs(q) - beside) / max(1 - beside, 0.1), 0, 1.3)
        line = corners - (corners - _EARS) * rises**_HOLLOW + 0.3 * (1 - min(size, 1))
        region |= below | ((abs(q) > beside) & (y > line))
        region |= (out > 1 - _JOINED / wide) & (y > corners)
    skin = scene.where(Label.SKIN)
    away = cv2.distanceTransform((~(skin & (y > corners))).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    hanging = scene.where(Label.NECK) & (away < _ON_NECK * size * scene.unit) & (y > low)
    scene.paint(region & (skin | hanging), Label.HAIR)


#: In the order of their buttons.
EDITS = (
    QuickEdit(
        *("beard", "Beard", "Lets a beard grow, in the colour of the hair.", "Hair", beard),
        (
            Variant("full", "Full", beard),
            Variant("goatee", "Goatee", partial(beard, style="goatee")),
            Variant("moustache", "Moustache", partial(beard, style="moustache")),
        ),
    ),
)
