"""What a parser says of a face that cannot be, or hardly: hats beside heads, crumbs of hair, specks of jewellery.

The dark back of a seat is taken for a hat, the folds of a scarf for hair, which would take another colour with it, the
edge of an earlobe in the light for an earring, and that of a collar for a necklace.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from maskgan.editing.engine import most_probable
from maskgan.editing.tones import LUMA
from maskgan.labels import BROWS, EYES, FACE_PARTS, LIPS, Label
from maskgan.quick_edits.regions import class_region

#: Share of the head above the brows that is hat at least where one is worn.
_WORN = 0.1

#: Area of a piece of a hat, in that of its largest, below which it is none.
_PIECE = 0.1

#: Area of hair below the lips, in that of the picture, and its mean probability, below which it is none.
_CRUMB, _DOUBTFUL = 0.01, 0.55

#: Share of the picture that a scarf fills at least, and a neck below one at most that can be some of it; how light that
#: is beside the skin at most: in the shadow of a chin a neck is half as light.
_SCARF, _SLIVER, _DARK = 0.08, 0.02, 0.4

#: Largest probability in a piece of jewellery from which on it is some: by itself, or beside such a one.
_SURE, _LIKELY = 0.8, 0.6

_HEAD = (*FACE_PARTS, Label.HAIR, Label.HAT)


def without_implausible(planes: np.ndarray) -> np.ndarray:
    """Class probabilities (19, S, S) of which no pixel says what cannot be; the planes themselves where none does.

    A hat lies on the head above the brows; where nearly none is there, nothing is one. Of a hat that is worn, pieces
    count that are not small beside its largest. Hair that lies below the lips by itself, in a small piece, and is
    doubtful, is none. Where no brow, eye or lip is found nothing is known of the place of the face. Earrings and
    necklaces hang below the eyes, and the parser is sure of one piece of them at least.
    """
    ids = most_probable(planes, planes.shape[1])[0]  # in a third of the time of `argmax`
    for without in (
        *(_without_stray_hats, _without_crumbs_of_hair),
        *(partial(_without_specks, label=label) for label in (Label.EAR_R, Label.NECK_L)),
    ):
        better = without(planes, ids)
        if better is not planes:
            planes, ids = better, most_probable(better, planes.shape[1])[0]
    return planes


def _without_stray_hats(planes: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Planes (19, S, S), here and below with the class (S, S) uint8 of each pixel's largest one."""
    hats = ids == Label.HAT
    rows, columns = np.nonzero(class_region(ids, (*EYES, *BROWS)))
    if not hats.any() or not len(rows):
        return planes
    crown = np.zeros_like(hats)
    crown[: rows.min(), columns.min() : columns.max() + 1] = True
    if (hats & crown).sum() < _WORN * (crown & class_region(ids, _HEAD)).sum():
        stray = np.ones_like(hats)
    else:
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(hats.astype(np.uint8))
        areas = stats[:, cv2.CC_STAT_AREA]
        small = areas < _PIECE * areas[1:].max()
        small[0] = False
        if not small.any():
            return planes
        stray = cv2.dilate(small[numbers].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        stray &= ~hats | small[numbers]
    planes = planes.copy()
    planes[Label.HAT][stray] = 0
    return planes


def _without_crumbs_of_hair(planes: np.ndarray, ids: np.ndarray) -> np.ndarray:
    rows, _ = np.nonzero(class_region(ids, LIPS))
    if not len(rows):
        return planes
    _, numbers, stats, _ = cv2.connectedComponentsWithStats((ids == Label.HAIR).astype(np.uint8))
    below = (stats[:, cv2.CC_STAT_TOP] > rows.mean()) & (stats[:, cv2.CC_STAT_AREA] < _CRUMB * ids.size)
    below[0] = False
    crumbs = [n for n in np.flatnonzero(below) if planes[Label.HAIR][numbers == n].mean() < _DOUBTFUL]
    if not crumbs:
        return planes
    planes = planes.copy()
    planes[Label.HAIR][np.isin(numbers, crumbs)] = 0
    return planes


def _without_specks(planes: np.ndarray, ids: np.ndarray, label: Label) -> np.ndarray:
    """Without pieces of jewellery of a class that the parser is nowhere sure of, or that lie above the eyes."""
    eyes, _ = np.nonzero(class_region(ids, EYES))
    count, numbers, stats, _ = cv2.connectedComponentsWithStats((ids == label).astype(np.uint8))
    if count == 1:
        return planes
    most = np.zeros(count, planes.dtype)
    own = numbers > 0
    np.maximum.at(most, numbers[own], planes[label][own])
    if len(eyes):
        most[stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT] <= eyes.mean()] = 0
    most[0] = 0
    specks = most < (_LIKELY if most.max() >= _SURE else _SURE)
    specks[0] = False
    if not specks.any():
        return planes
    planes = planes.copy()
    planes[label][specks[numbers]] = 0
    return planes


def without_covered_neck(crop: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A mask (S, S) of a crop (S, S, 3) uint8 RGB in which the folds of a dark scarf below the chin are no neck.

    A neck that comes to light would have their colour, and keep them.
    """
    neck = mask == Label.NECK
    if not 0 < neck.mean() < _SLIVER or (mask == Label.HAT).mean() < _SCARF:
        return mask
    skin = crop[mask == Label.SKIN]
    if not len(skin) or np.median(crop[neck] @ LUMA) > _DARK * np.median(skin @ LUMA):
        return mask
    return np.where(neck, np.uint8(Label.HAT), mask)
