"""Looks taken from another photo: its hair colour, its lipstick, its frames, the felt of its hat.

Parts that are only coloured give their colour; glasses and jewellery give the material that they are drawn
in; a hat lends its own pixels. All but a hat are written in the look's name, from which `look_named` makes it again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import cv2
import numpy as np

from maskgan.editing import looks
from maskgan.editing.looks import Look
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.recolouring import classes_with, parse_colour, usual_colour
from maskgan.editing.solids import Material
from maskgan.editing.transplants import Lender
from maskgan.labels import DISPLAY_NAMES, LIPS, Label
from maskgan.quick_edits.regions import class_region

#: Share of a picture below which a part shows too little to go by; jewels are small.
_TOO_LITTLE, _TOO_LITTLE_OF_A_JEWEL = 0.0005, 0.00005

#: Width of thin light frames and of others, as in the bundled looks.
_THIN, _THICK = 0.016, 0.034

#: A frame lies within this share of the picture's side from the outline of glasses; lenses that are darker than this
#: share of the skin's lightness are tinted.
_EDGE, _TINTED = 0.01, 0.65

_JEWELS = (Label.EAR_R, Label.NECK_L)


def look_of(picture: np.ndarray, mask: np.ndarray, label: Label, whose: str = "another photo") -> Look:
    """What a class of a face, and those that go with it, looks like.

    Args:
        picture: the face's crop, (S, S, 3) uint8 RGB.
        mask: (S, S) class ids.
        label: the class; of a pair one is enough, as an ear is often hidden.
        whose: the photo's name, for people.

    Raises:
        ValueError: the face shows too little of it.
    """
    group = [int(each) for each in classes_with(label)]
    inside = class_region(mask, group)
    least = _TOO_LITTLE_OF_A_JEWEL if label in _JEWELS else _TOO_LITTLE
    if inside.mean() < least:
        raise ValueError(f"There is no {DISPLAY_NAMES[label].lower()} to be seen on {whose}; choose another photo.")
    if label == Label.HAT:
        return hat_of(Lender.of(picture, mask))
    if label == Label.EYE_G:
        return look_named(label, _frame_name(picture, mask, inside))
    lab = to_oklab(picture[inside])
    if label in _JEWELS:  # what shines, not the skin that shows through
        return look_named(label, f"jewel_{_digits(_brightest(lab))}")
    usual = usual_colour(picture, mask, [Label(each) for each in group])
    name = f"mean_{_digits(lab.mean(0) if usual is None else usual)}"
    skin = usual_colour(picture, mask, classes_with(Label.SKIN)) if label in LIPS else None
    return look_named(label, name if skin is None else f"{name}_{_digits(skin)}")


def hat_of(lender: Lender) -> Look:
    """The look of a hat that brings the lender's pixels."""
    colour = f"#{_digits(to_oklab(lender.picture[lender.mask == Label.HAT]).mean(0))}"
    name = f"hat_{hashlib.sha256(lender.packed).hexdigest()[:16]}"
    return Look(name, "As on another photo", (Label.HAT,), colour, lender=lender)


def look_named(label: Label, name: str, lenders: Mapping[str, Lender] | None = None) -> Look:
    """The look for a class that has this name: a bundled one, a colour, or one that was taken from a photo.

    lenders: of hats, by the looks' names. Raises ValueError when there is no such look for the class.
    """
    kind, _, rest = name.partition("_")
    if kind == "jewel" and label in _JEWELS and re.fullmatch(r"[0-9a-f]{6}", rest):
        return Look(name, "As on another photo", _JEWELS, f"#{rest}", material=Material(parse_colour(rest), 1.0))
    if kind == "frame" and label == Label.EYE_G and (found := re.fullmatch(r"([0-9a-f]{6})_(clear|[0-9a-f]{6})", rest)):
        return _frame(name, *found.groups())
    if kind == "hat" and label == Label.HAT and lenders and name in lenders:
        return hat_of(lenders[name])
    return looks.look_named(label, name)


# ---------------------------------------------------------------- glasses


def _frame_name(picture: np.ndarray, mask: np.ndarray, inside: np.ndarray) -> str:
    lab = to_oklab(picture)
    skin = class_region(mask, (Label.SKIN, Label.NOSE))
    skin_lab = lab[skin].mean(0) if skin.any() else np.array((0.7, 0.03, 0.04))
    # The frame lies along the outline; where it is thin, skin lies there too.
    deep = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    edge = lab[inside & (deep <= _EDGE * len(mask))]
    away = np.linalg.norm(edge - skin_lab, axis=1)
    frame = edge[away >= np.median(away)].mean(0)
    lens = np.median(lab[inside & (deep > _EDGE * len(mask))], axis=0) if (deep > _EDGE * len(mask)).any() else skin_lab
    return f"frame_{_digits(frame)}_{_digits(lens) if lens[0] < _TINTED * skin_lab[0] else 'clear'}"


def _frame(name: str, frame: str, lens: str) -> Look:
    colour = parse_colour(frame)
    light = to_oklab(np.array(colour))[0] > 0.6
    tint = None if lens == "clear" else parse_colour(lens)
    material = Material(colour, 0.9 if light else 0.4, _THIN if light else _THICK, tint)
    return Look(name, "As on another photo", (Label.EYE_G,), f"#{frame}", material=material)


# ---------------------------------------------------------------- colours


def _brightest(lab: np.ndarray) -> np.ndarray:
    """The mean of the lighter half of colours (n, 3) in OKLab."""
    return lab[lab[:, 0] >= np.median(lab[:, 0])].mean(0)


def _digits(lab: np.ndarray) -> str:
    return "{:02x}{:02x}{:02x}".format(*from_oklab(lab).round().clip(0, 255).astype(int))
