"""Hats with wide brims, drawn on people who wear none, for face parsing.

Pure functions of the face and the generator, as in `lab/data/augment.py`. Hats that are taken from other faces fit
closely, and their brims end at the picture they come from; a parser that has seen no more says background of a straw
hat's brim. A hat here is two ellipses and a crown: the brim, the opening that the head goes into, and what stands on
it. Seen from below the brim is a ring around the face; seen from above it crosses the forehead.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lab.data.faces import FaceWithMask
from lab.data.grounds import blend, plain, smooth_noise, texture
from maskgan.labels import BROWS, EARS, EYES, IGNORE, Label

_HEAD = (
    *(Label.SKIN, Label.NOSE, Label.MOUTH, Label.U_LIP, Label.L_LIP, Label.EYE_G),
    *(*EYES, *BROWS, *EARS, Label.EAR_R),
)
#: Straw and felt as they are sold, RGB; others are of any colour.
_STRAW = ((222, 196, 140), (200, 165, 105), (235, 222, 190), (160, 118, 70), (240, 236, 226), (120, 84, 50))
_FELT = ((92, 64, 44), (40, 36, 36), (130, 110, 88), (176, 150, 118), (28, 34, 52), (88, 26, 30), (205, 196, 180))


@dataclass(frozen=True)
class _Hat:
    """A brimmed hat at a head; everything (H, W).

    x, y: coordinates in the hat, about the middle of its opening, in half widths of the head, y downwards.
    brim, opening, crown: bool, the ellipses filled.
    out: how far out on the brim, 0 at the opening and 1 at the edge.
    around: the angle on the brim.
    """

    x: np.ndarray
    y: np.ndarray
    brim: np.ndarray
    opening: np.ndarray
    crown: np.ndarray
    out: np.ndarray
    around: np.ndarray


def _head(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, float] | None:
    """The middle between the eyes (x, y), the unit vector (x, y) from the right eye to the left, half the head's width
    there and how far above it the forehead ends, in pixels; None where two eyes cannot be seen."""
    middles = []
    for eye, brow in zip((Label.R_EYE, Label.L_EYE), (Label.R_BROW, Label.L_BROW), strict=True):
        rows, cols = np.nonzero((mask == eye) | (mask == brow))
        if len(rows) < 10:
            return None
        middles.append(np.array([cols.mean(), rows.mean()]))
    across = middles[1] - middles[0]
    length = float(np.hypot(*across))
    if length < 0.1 * mask.shape[0]:
        return None
    across = across / length
    middle = (middles[0] + middles[1]) / 2
    rows, cols = np.nonzero(np.isin(mask, _HEAD))
    along = (cols - middle[0]) * across[0] + (rows - middle[1]) * across[1]
    down = (rows - middle[1]) * across[0] - (cols - middle[0]) * across[1]
    beside = np.abs(along[np.abs(down) < 0.3 * length])
    return middle, across, float(np.quantile(beside, 0.98)), float(-np.quantile(down, 0.01))


def _shape(face: FaceWithMask, from_below: bool, random: np.random.Generator) -> _Hat | None:
    """A hat for a face; see `_Hat`. None where a face is not seen from the front."""
    found = _head(face.mask)
    if found is None:
        return None
    middle, across, half, forehead = found
    size = face.mask.shape[0]
    turn = random.normal(0, 0.09)
    across = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ across
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    wide = np.exp(random.uniform(np.log(1.35), np.log(2.6)))
    flat = random.uniform(0.35, 0.95) if from_below else random.uniform(0.08, 0.3)
    low = random.uniform(0.35, 0.8) * forehead if from_below else random.uniform(0.45, 0.85) * forehead
    hair = face.mask == Label.HAIR
    inner = random.uniform(1.0, 1.2)
    # The opening's nearer edge crosses the forehead: its upper arc seen from below, the brim's lower arc from above.
    lift = low + half * (-flat * inner * 0.9 if from_below else flat * wide)
    centre = middle - lift * np.array([-across[1], across[0]]) + random.normal(0, 0.04) * half * across
    x = ((cols - centre[0]) * across[0] + (rows - centre[1]) * across[1]) / half
    y = ((rows - centre[1]) * across[0] - (cols - centre[0]) * across[1]) / half
    curl = random.normal(0, 0.12) if from_below else random.uniform(-0.05, 0.35)  # a cowboy's brim goes up at its sides
    bent = y + curl * np.clip(np.abs(x) - 0.9, 0, None) ** 2
    if random.random() < 0.5:  # soft brims wave
        waves = random.uniform(0.02, 0.1) * smooth_noise(size, int(random.integers(3, 7)), random)
        bent = bent + waves * np.clip(np.abs(x), 0, 1)
    ring = np.hypot(x / wide, bent / (flat * wide))
    hole = np.hypot(x / inner, bent / (flat * inner))
    out = np.clip((hole - 1) * inner / (wide - inner), 0, 1)
    narrow, above = random.uniform(0.55, 1.05), -y[(hair | np.isin(face.mask, _HEAD)) & (np.abs(x) < 1.2)]
    tall = max(random.uniform(0.6, 1.6), float(np.quantile(above, 0.995)) + 0.06)  # nothing of the head stands above it
    up = np.clip(-y / tall, 0, 1)
    sides = inner * (1 + (narrow - 1) * up ** random.uniform(0.8, 2))
    sides = sides * np.sqrt(np.clip(1 - up ** random.uniform(4, 14), 0, 1))
    dent = random.uniform(0, 0.25) * tall * np.exp(-((x / 0.35) ** 2)) if random.random() < 0.4 else 0
    crown = (y < 0) & (-y < tall - dent) & (np.abs(x) < sides)
    return _Hat(x, y, ring < 1, hole < 1, crown, out, np.arctan2(bent / flat, x))


def _stuff(hat: _Hat, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray | None]:
    """What a hat is made of (H, W, 3) float32, and where one can see through it (H, W) bool."""
    size = hat.x.shape[0]
    kind = random.random()
    named = _STRAW if kind < 0.55 else _FELT
    colour = np.array(named[int(random.integers(len(named)))], np.float32) * np.exp(random.normal(0, 0.12, 3))
    if random.random() < 0.15:
        colour = random.uniform(0, 255, 3)
    if kind < 0.55:  # straw: rows around the head, woven across
        on_crown = hat.crown & ~(hat.brim & (hat.y > 0))
        along = np.where(on_crown, hat.y * 1.2, hat.out + 1.2)
        spin = np.where(on_crown, hat.x * 1.5, hat.around)
        rows, spokes = np.exp(random.uniform(np.log(4), np.log(45))), random.uniform(20, 160)
        weave = np.sin(2 * np.pi * along * rows) * random.uniform(0.2, 1)
        weave = weave + np.sin(spin * spokes + random.uniform(0, 3) * np.floor(along * rows)) * random.uniform(0, 1)
        weave = weave + smooth_noise(size, size // 2, random) * random.uniform(0.1, 0.8)
        holes = weave < -0.7 if random.random() < 0.2 else None
        if random.random() < 0.25:  # open work: canes that cross
            canes, slant = random.uniform(15, 50), random.uniform(4, 20)
            crossing = [np.abs(np.sin(spin * canes + sign * along * slant)) for sign in (1, -1)]
            lattice = np.minimum(*crossing) + 0.1 * smooth_noise(size, size // 8, random)
            holes = (lattice > random.uniform(0.3, 0.6)) & (hat.out > random.uniform(0, 0.3))
            weave = weave - 2 * lattice
        return colour * np.clip(1 + random.uniform(0.03, 0.2) * weave, 0.2, 2)[..., None], holes
    if kind < 0.85:  # felt
        mottled = smooth_noise(size, int(random.integers(4, 20)), random) * random.uniform(0, 0.06)
        fine = random.standard_normal((size, size)).astype(np.float32) * random.uniform(0, 0.06)
        return colour * (1 + mottled + fine)[..., None], None
    stuff = texture(size, random) if random.random() < 0.6 else plain(size, random)
    return stuff.astype(np.float32), None


def brimmed_hat(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """The face in a hat with a wide brim, of straw, felt or cloth, that shades the forehead.

    What remains of the hair above the brim, where no hat would leave any, is left open (255). A face whose two eyes
    cannot be seen, or that wears a hat, comes back as it is.
    """
    mask, size = face.mask, face.mask.shape[0]
    if (mask == Label.HAT).any():
        return face
    from_below = random.random() < 0.55
    hat = _shape(face, from_below, random)
    if hat is None:
        return face
    hair, head = mask == Label.HAIR, np.isin(mask, _HEAD)
    if from_below:
        # Under the opening's upper arc is the head; the brim's far side passes behind head, neck and most hair.
        near = hat.opening | (hat.y > 0)
        before = head | (mask == Label.NECK) | (mask == Label.CLOTH)
        loose = 9.0 if random.random() < 0.5 else random.uniform(1.0, 1.5)  # how far out hair hangs before the brim
        before |= hair & ((np.abs(hat.x) < loose) | (hat.y > random.uniform(0.6, 1.6)))
        before |= (mask == IGNORE) & (np.abs(hat.x) < 1.2)
        cover = hat.brim & ~(near & before)
        cover |= hat.crown & ~hat.brim
        cover |= hat.opening & (hat.y < 0) & ~before
    else:
        cover = hat.brim | hat.crown
    features = np.isin(mask, (*EYES, Label.NOSE))
    if not cover.any() or (cover & features).sum() > 0.02 * features.sum():
        return face
    stuff, holes = _stuff(hat, random)
    band = hat.crown & ~hat.brim & (hat.y > -random.uniform(0.15, 0.5))
    if random.random() < 0.5 and band.any():
        stuff = np.where(band[..., None], random.uniform(0, 255, 3) * random.uniform(0.1, 1), stuff)
    light = 1 + 0.2 * smooth_noise(size, 3, random) * random.random()
    side = random.normal(0, 0.25)
    rounded = np.sqrt(np.clip(1 - (hat.x / 1.25) ** 2, 0, 1))
    on_crown = hat.crown & ~(hat.brim & (hat.y > 0)) if not from_below else hat.crown & ~hat.brim
    light = light * np.where(on_crown, 0.55 + 0.5 * rounded + side * hat.x * 0.5, 1 + side * hat.x * 0.4)
    if from_below:  # its underside is in its own shadow, most so at the head
        dark = random.uniform(0.3, 1.0)
        light = light * np.where(hat.brim, dark + (1 - dark) * 0.5 * hat.out, 1)
    else:
        light = light * np.where(hat.brim & (hat.out < 0.12), 0.75, 1)
    rim = hat.brim & (hat.out > 1 - random.uniform(0.02, 0.08))
    light = light * np.where(rim, random.uniform(0.6, 1.35), 1)
    light = cv2.GaussianBlur(light.astype(np.float32), (0, 0), size / 200)
    drawn = np.clip(stuff * light[..., None] * random.uniform(0.6, 1.15), 0, 255)
    share = cover.astype(np.float32)
    if holes is not None:
        share = np.where(holes & hat.brim & ~(hair | head), share * random.uniform(0.05, 0.7), share).astype(np.float32)
    soft = cv2.GaussianBlur(share, (0, 0), random.uniform(0.4, 0.9) * size / 256)[..., None]
    fall = np.float32([[1, 0, random.normal(0, 0.02) * size], [0, 1, random.uniform(0.01, 0.12) * size]])
    shadow = cv2.warpAffine(cover.astype(np.float32), fall, (size, size))
    shadow = cv2.GaussianBlur(shadow, (0, 0), random.uniform(0.006, 0.04) * size) * (head | hair | (mask == Label.NECK))
    shadow = cv2.GaussianBlur(shadow, (0, 0), 0.6 * size / 256)
    below = face.image * (1 - random.uniform(0.1, 0.65) * shadow[..., None])
    image = blend(below, drawn, soft)
    labelled = np.where(cover, np.uint8(Label.HAT), mask)
    left = (labelled == Label.HAIR) & (hat.y < 0) & ~hat.opening
    return FaceWithMask(image, np.where(left, np.uint8(IGNORE), labelled).astype(np.uint8))
