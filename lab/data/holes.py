"""Holes to learn filling from: what an editor would have to draw anew, out of a face's own mask.

The photo warped to an edited mask leaves pixels unknown: thin bands along borders that moved, parts that were not
there, what a brush went over. A hole is a pure function of a mask and a random generator.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from maskgan import labels
from maskgan.labels import Label

#: Parts that an edit redraws together, and how often relative to each other.
PARTS: dict[tuple[Label, ...], float] = {
    (Label.HAIR,): 5.0,
    (Label.MOUTH, Label.U_LIP, Label.L_LIP): 5.0,
    (Label.L_EYE, Label.R_EYE): 3.0,
    (Label.L_BROW, Label.R_BROW): 3.0,
    (Label.HAT,): 3.0,
    (Label.EYE_G,): 2.0,
    (Label.NOSE,): 2.0,
    (Label.EAR_R,): 2.0,
    (Label.L_EYE, Label.L_BROW): 1.5,
    (Label.R_EYE, Label.R_BROW): 1.5,
    (Label.L_EAR, Label.R_EAR): 1.5,
    (Label.SKIN,): 1.0,
    (Label.U_LIP,): 1.0,
    (Label.L_LIP,): 1.0,
    (Label.NECK_L,): 1.0,
    (Label.NECK,): 0.7,
    (Label.CLOTH,): 0.7,
    (Label.BACKGROUND,): 0.3,
}
_PARTS = list(PARTS)
_SHARES = np.array(list(PARTS.values())) / sum(PARTS.values())

#: The side that widths in pixels are meant for; on others they grow with it.
_SIDE = 256


def dilated(plane: np.ndarray, radius: float) -> np.ndarray:
    """A bool plane (S, S) grown by `radius` pixels."""
    if not plane.any():
        return plane
    return cv2.distanceTransform((~plane).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius


def some_parts(mask: np.ndarray, random: np.random.Generator) -> list[tuple[Label, ...]]:
    """One to three groups of parts, those of them that the mask has."""
    drawn = random.choice(len(_PARTS), random.integers(1, 4), p=_SHARES)
    return [_PARTS[number] for number in drawn if np.isin(mask, _PARTS[number]).any()]


def hidden_parts(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Whole parts, dilated by 1 to 13 px, mostly little: as if they were new."""
    hole = np.zeros(mask.shape, bool)
    for parts in some_parts(mask, random):
        hole |= dilated(np.isin(mask, parts), (1 + 12 * random.random() ** 2) * len(mask) / _SIDE)
    return hole


def bands(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Bands of 6 to 36 px along the borders of parts."""
    hole = np.zeros(mask.shape, bool)
    for parts in some_parts(mask, random):
        plane = np.isin(mask, parts)
        inner = cv2.erode(plane.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        hole |= dilated(plane & ~inner, random.uniform(3, 18) * len(mask) / _SIDE)
    return hole


def reshaped(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Another face's shapes: the mask, at times mirrored, with its borders moved smoothly by 1 to 6 % of the side."""
    size = len(mask)
    other = labels.flip(mask) if random.random() < 0.3 else mask
    coarse = random.standard_normal((2, int(random.integers(3, 9)), int(random.integers(3, 9)))).astype(np.float32)
    shift = np.stack([cv2.resize(plane, (size, size), interpolation=cv2.INTER_CUBIC) for plane in coarse])
    shift *= random.uniform(0.01, 0.06) * size / max(float(np.abs(shift).max()), 1e-6)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    return cv2.remap(
        np.ascontiguousarray(other), columns + shift[1], rows + shift[0], cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip


def unknown_after_reshape(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """What no pixel of the photo tells when some parts, or all, come from other shapes: bands where borders moved."""
    before = reshaped(mask, random)
    changed = before != mask
    if random.random() < 0.6:
        moved = [label for parts in some_parts(mask, random) for label in parts]
        changed &= np.isin(mask, moved) | np.isin(before, moved)
    return dilated(changed, random.uniform(1, 5) * len(mask) / _SIDE)


def strokes(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """One to three free strokes of a brush of 6 to 34 px."""
    size = len(mask)
    hole = np.zeros(mask.shape, np.uint8)
    for _ in range(random.integers(1, 4)):
        place, width = random.random(2) * size, max(2, round(random.uniform(6, 34) * size / _SIDE))
        for _ in range(random.integers(1, 8)):
            towards = (place + random.normal(0, 24 * size / _SIDE, 2)).clip(0, size - 1)
            cv2.line(hole, _point(place), _point(towards), 1, width)
            place = towards
    return hole > 0


def _point(place: Sequence[float]) -> tuple[int, int]:
    return int(place[0]), int(place[1])


#: What makes a hole, and how often; the rest, one in eight, is the whole picture, as the paper redraws it.
KINDS = ((hidden_parts, 0.35), (bands, 0.12), (unknown_after_reshape, 0.28), (strokes, 0.125))


def hole(mask: np.ndarray, random: np.random.Generator, everything: float = 0.125) -> np.ndarray:
    """A hole (S, S) bool in the picture of a label map (S, S) uint8: never empty, with a chance `everything`."""
    if random.random() < everything:
        return np.ones(mask.shape, bool)
    shares = np.array([share for _, share in KINDS])
    kind = KINDS[int(random.choice(len(KINDS), p=shares / shares.sum()))][0]
    found = kind(mask, random)
    if not found.any() or random.random() < 0.1:
        found = found | strokes(mask, random)
    return found
