"""Short hair that goes on down to the ears, where long hair of the wearer hung before them.

A lender's short hair ends in sideburns of its own, or above them, and brings nothing to where another face's long hair
came down before the ears. That hair is cut there too, and the short hair goes on: in its colours close by, with strands
copied from it, thinner towards its ends.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import averaged_within, nearest_of, smoothstep
from maskgan.editing.strands_in_black import with_strands_in_black
from maskgan.labels import Label
from maskgan.quick_edits.hairpieces import Coverage, Part, Worn, across
from maskgan.quick_edits.hairstyles import SHORT, before_ears, hangs_before_face
from maskgan.quick_edits.locks import tips

#: Share of a hairpiece in a pixel from which on that shows its colours.
_SOLID = 0.85

#: Short hair that goes on down to the ears: how soft its edges are, between which rows it ends, and within how much its
#: colour is told, all in frame units.
_THIN, _ENDS, _EVENLY = 0.03, (0.0, 0.3), 0.12


def instead_of_sideburns(where: Coverage, mask: np.ndarray, own: np.ndarray, worn: Worn) -> np.ndarray:
    """Where (S, S) bool a short hairpiece goes on down to the ears, in place of the wearer's long hair that hung there.

    where: its coverage, from `seen_of` with the same mask, own (both (S, S)) and worn.
    """
    scene, hair = where.scene, own == Label.HAIR
    there = where.alpha > 0.5
    short = worn.part == Part.WHOLE and there.any() and np.percentile(scene.y[there], 97) < SHORT
    if not short or not hair.any() or not hangs_before_face(scene, hair):
        return np.zeros(mask.shape, bool)
    return hair & (mask == Label.HAIR) & before_ears(scene.y, abs(across(scene)[0]), True)


def down_to_ears(where: Coverage, hair: np.ndarray, strip: np.ndarray) -> tuple[Coverage, np.ndarray]:
    """A short hairpiece that goes on down a strip (S, S) bool, from `instead_of_sideburns`, thinner and thinner.

    where: its coverage; hair: (S, S, 3) float32, its pixels in the wearer's colours. Returns both anew.
    """
    scene, solid = where.scene, where.alpha > _SOLID
    if not (strip & ~solid).any() or not solid.any():
        return where, hair
    soft = cv2.GaussianBlur((strip | solid).astype(np.float32), (0, 0), max(0.6, _THIN * scene.unit))
    ends = 1 - smoothstep((scene.y + tips(scene.x) / 2 - _ENDS[0]) / (_ENDS[1] - _ENDS[0]))
    reach = max(1, round(2 * _THIN * scene.unit))
    near = cv2.dilate(strip.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    share = near * smoothstep((soft - 0.2) / 0.6) * ends * (1 - where.alpha)
    share[share < 0.01] = 0
    bare = (share > 0) & ~solid
    even = averaged_within(hair, solid, _EVENLY * scene.unit)
    even = cv2.GaussianBlur(nearest_of(even, solid), (0, 0), _EVENLY * scene.unit)
    whole = (solid | bare).astype(np.float32)
    further = with_strands_in_black(np.where(bare[..., None], even, hair), bare.astype(np.float32), whole, scene.unit)
    alpha = (where.alpha + share).astype(np.float32)
    mixed = where.alpha[..., None] * hair + share[..., None] * further
    mixed = np.where(share[..., None] > 0, mixed / np.maximum(alpha, 1e-3)[..., None], hair)
    return where._replace(alpha=alpha), mixed
