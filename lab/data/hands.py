"""Hands at the face, for face parsing: a cheek in a palm, fingers in the hair, a fist under the chin.

Pure functions of the face and the generator, as in `lab/data/augment.py`. Portraits with a hand in them are few, and a
parser that has not seen one takes it for hair or for the face. CelebAMask-HQ has no class for hands: they are
background, and a sleeve is clothes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from lab.data.faces import FaceWithMask
from lab.data.grounds import blend, texture
from maskgan.labels import IGNORE, Label

_FEATURES = (Label.L_EYE, Label.R_EYE, Label.NOSE, Label.L_BROW, Label.R_BROW)
#: Pixels of a drawing per pixel of the face.
_FINE = 2


@dataclass(frozen=True)
class _Limb:
    """One round part of a hand: `joints` (n, 2) x, y and `widths` (n,), both in lengths of the hand."""

    joints: np.ndarray
    widths: np.ndarray
    nail: bool = False


def _fingers(random: np.random.Generator) -> list[_Limb]:
    """Thumb, palm and fingers of a hand that points up from its wrist at (0, 0), one unit long when stretched."""
    bent = random.uniform(0, 1)  # 0 stretched, 1 a fist
    fan = random.uniform(0.02, 0.16)
    lean = random.normal(0, 0.25)
    width = random.uniform(0.085, 0.115)
    nails = random.random() < 0.6
    limbs = []
    for number, length in enumerate((0.42, 0.48, 0.45, 0.35)):
        base = np.array([(number - 1.5) * 0.105, 0.5 - 0.03 * abs(number - 1.3)])
        angle = (number - 1.5) * fan + lean + random.normal(0, 0.05)
        joints, at = [base], base
        for share in (0.45, 0.3, 0.25):
            shown = 1 - bent * random.uniform(0.3, 0.9)  # foreshortened
            at = at + length * share * shown * np.array([np.sin(angle), np.cos(angle)])
            joints.append(at)
            angle += random.normal(0, 0.15) * (1 + bent)
        widths = width * np.array([1.0, 0.98, 0.9, 0.72]) * (1 - 0.12 * (number == 3))
        limbs.append(_Limb(np.array(joints), widths, nails))
    order = limbs if random.random() < 0.5 else limbs[::-1]
    palm = _Limb(np.array([(0.0, 0.02), (0.01, 0.2), (0.0, 0.36)]), np.array([0.27, 0.38, 0.40]))
    angle = random.uniform(0.2, 1.1)
    start = np.array([-0.16, 0.16])
    middle = start + 0.2 * np.array([-np.sin(angle), np.cos(angle)])
    angle -= random.uniform(0, 0.8)
    end = middle + 0.18 * np.array([-np.sin(angle), np.cos(angle)])
    thumb = _Limb(np.array([start, middle, end]), width * np.array([1.5, 1.15, 0.85]), nails)
    return [palm, thumb, *order] if random.random() < 0.5 else [palm, *order, thumb]


def _drawn(limb: _Limb, place: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The limb's outline (h, w) uint8 of 0 and 1; `place` (2, 3) brings its coordinates to pixels."""
    drawing = np.zeros(shape, np.uint8)
    scale = float(np.hypot(*place[:, 0]))
    steps = np.linspace(0, len(limb.joints) - 1, 14 * (len(limb.joints) - 1))
    points = np.stack([np.interp(steps, range(len(limb.joints)), limb.joints[:, axis]) for axis in (0, 1)], 1)
    points = points @ place[:, :2].T + place[:, 2]
    for (x, y), width in zip(points, np.interp(steps, range(len(limb.widths)), limb.widths), strict=True):
        cv2.circle(drawing, (round(float(x)), round(float(y))), max(1, round(float(width) * scale / 2)), 1, -1)
    return drawing


def _light(drawing: np.ndarray, light: np.ndarray, depth: float) -> np.ndarray:
    """How bright something round is (h, w) float32 about 1, lit from `light` (x, y) and dark towards its rim."""
    inside = cv2.distanceTransform(drawing, cv2.DIST_L2, 5)
    widest = inside.max() + 1e-6
    height = np.sqrt(np.clip(1 - (1 - np.clip(inside / (0.8 * widest), 0, 1)) ** 2, 0, 1))
    height = cv2.GaussianBlur(height, (0, 0), max(1.0, 0.08 * widest))
    slope = [cv2.Sobel(height, cv2.CV_32F, *axes, ksize=3, scale=widest / 8) for axes in ((1, 0), (0, 1))]
    lit = -(slope[0] * light[0] + slope[1] * light[1])
    return (1 - depth + depth * height + 0.6 * depth * np.clip(lit, -1, 1)).astype(np.float32)


def _grain(size: int, coarse: int, random: np.random.Generator) -> np.ndarray:
    values = random.standard_normal((coarse, coarse)).astype(np.float32)
    return cv2.resize(values, (size, size), interpolation=cv2.INTER_CUBIC)


def _placed(face: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, float]:
    """Where a hand touches a face (H, W) bool: the (2, 3) matrix from its own lengths to pixels, and its length."""
    rows, cols = np.nonzero(face)
    middle = np.array([cols.mean(), rows.mean()])
    half = np.array([np.ptp(cols) / 2, np.ptp(rows) / 2])
    length = float(np.ptp(rows)) * random.uniform(0.65, 1.0)
    side = random.choice((-1.0, 1.0))
    around = random.uniform(-0.6, 1.45)  # from beside the brow to under the chin
    if random.random() < 0.2:
        around = random.uniform(-1.2, -0.5)  # or in the hair above it
    touch = middle + half * random.uniform(0.85, 1.35) * np.array([side * np.cos(around), np.sin(around)])
    heading = side * random.normal(-0.35, 0.45)  # of the fingers, from straight up, towards the face
    if random.random() < 0.15:
        heading += side * random.uniform(-1.2, -0.4)
    along = np.array([np.sin(heading), -np.cos(heading)])
    across = np.array([np.cos(heading), np.sin(heading)]) * (side if random.random() < 0.8 else -side)
    wrist = touch - along * length * random.uniform(0.35, 0.95)
    return np.stack([across * length, along * length, wrist], 1), length


def _with_nail(colour: np.ndarray, limb: _Limb, place: np.ndarray, tone: np.ndarray, varnished: bool) -> np.ndarray:
    """The colours (H, W, 3) of a finger with a nail at its end; `place` brings the limb to pixels."""
    middle = place[:, :2] @ (limb.joints[-1] * 0.85 + limb.joints[-2] * 0.15) + place[:, 2]
    along = place[:, :2] @ (limb.joints[-1] - limb.joints[-2])
    length = float(np.hypot(*place[:, 1]))
    sides = [2 * share * float(limb.widths[-1]) * length * _FINE for share in (0.5, 0.33)]
    nail = np.zeros([side * _FINE for side in colour.shape[:2]], np.uint8)
    turn = float(np.degrees(np.arctan2(along[1], along[0])))
    cv2.ellipse(nail, ((middle * _FINE).tolist(), sides, turn), 1, -1)
    share = cv2.resize(nail.astype(np.float32), colour.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None]
    return colour * (1 - share) + share * (np.array((200, 30, 50)) if varnished else tone * (1.12, 1.05, 1.08) + 12)


def _sleeved(place: np.ndarray, size: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where a sleeve would be (H, W) bool, and what it is made of (H, W, 3)."""
    cuff = place[:, 2] + place[:, 1] * random.uniform(-0.5, -0.05)
    rows, cols = np.mgrid[:size, :size]
    below = (cols - cuff[0]) * place[0, 1] + (rows - cuff[1]) * place[1, 1] < 0
    stuff = texture(size, random) if random.random() < 0.4 else random.uniform(0, 255, 3)
    return below, np.broadcast_to(stuff, (size, size, 3))


def _under_hair(
    face: FaceWithMask, drawn: FaceWithMask, place: np.ndarray, random: np.random.Generator
) -> FaceWithMask:
    """A hand that was drawn at a face, its fingers now run through the hair: strands of it lie over their ends."""
    size = face.mask.shape[0]
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    along = place[:, 1] / (place[:, 1] @ place[:, 1])
    reach = (cols - place[0, 2]) * along[0] + (rows - place[1, 2]) * along[1]  # 0 at the wrist, 1 at the tips
    stripes = random.standard_normal((max(2, size // 24), size // 2)).astype(np.float32)
    stripes = cv2.resize(stripes, (size, size), interpolation=cv2.INTER_CUBIC)
    turn = cv2.getRotationMatrix2D((size / 2, size / 2), float(random.normal(0, 25)), 1.0)
    stripes = cv2.warpAffine(stripes, turn, (size, size), borderMode=cv2.BORDER_REFLECT_101)
    over = 1 / (1 + np.exp(-4 * (stripes + 6 * (reach - random.uniform(0.55, 1.0)))))
    over = cv2.GaussianBlur((over * (face.mask == Label.HAIR)).astype(np.float32), (0, 0), 0.4 * size / 256)
    mask = np.where((over > 0.35) & (face.mask == Label.HAIR), IGNORE, drawn.mask)
    mask = np.where((over > 0.6) & (face.mask == Label.HAIR), Label.HAIR, mask)
    return FaceWithMask(blend(drawn.image, face.image, over[..., None]), mask.astype(np.uint8))


def hand(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """The face behind a drawn hand of its own skin's colour, whose forearm wears a sleeve every other time.

    A face without skin, or whose eyes, brows and nose it would hide by more than a tenth, comes back as it is.
    """
    skin, size = face.mask == Label.SKIN, face.mask.shape[0]
    if skin.mean() < 0.02:
        return face
    place, length = _placed(skin, random)
    tone = np.median(face.image[skin], 0) * np.exp(random.normal(0, 0.12)) * np.exp(random.normal(0, 0.03, 3))
    light, depth = random.normal(0, 0.7, 2), random.uniform(0.25, 0.6)
    mottled = 1 + 0.05 * _grain(size, 9, random) + random.uniform(0, 0.03) * _grain(size, size // 2, random)
    mottled = mottled * (1 + 0.3 * depth)
    skew = random.normal(0, 0.4)
    arm = _Limb(np.array([(skew, -1.6), (skew / 4, -0.35), (0.0, 0.06)]), np.array([0.42, 0.31, 0.26]))
    picture = np.zeros((size, size, 3), np.float32)  # of the hand on black
    cover, sleeve = np.zeros((size, size), np.float32), np.zeros((size, size), bool)
    for number, limb in enumerate([arm, *_fingers(random)]):
        drawing = _drawn(limb, place * _FINE, (size * _FINE, size * _FINE))
        share = cv2.resize(drawing.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        bright = cv2.resize(_light(drawing, light, depth), (size, size), interpolation=cv2.INTER_AREA)
        colour = np.broadcast_to(tone, picture.shape)
        if number == 0 and random.random() < 0.5:
            below, stuff = _sleeved(place, size, random)
            sleeve, colour = below & (share > 0.5), np.where(below[..., None], stuff, colour)
        elif limb.nail and random.random() < 0.7:
            colour = _with_nail(colour, limb, place, tone, bool(random.random() < 0.2))
        dark = cv2.GaussianBlur(share, (0, 0), 0.02 * length)[..., None]  # a limb's shadow on what it touches
        picture = picture * (1 - 0.35 * dark) * (1 - share[..., None])
        picture += colour * (bright * mottled * share)[..., None]
        cover = np.maximum(cover, share)
        sleeve &= (number == 0) | (share < 0.5)
    shown = cover > 0.5
    features = np.isin(face.mask, _FEATURES)
    if not shown.any() or (shown & features).sum() > 0.1 * features.sum():
        return face
    shift = np.float32([[1, 0, -light[0] * 0.03 * length], [0, 1, abs(light[1]) * 0.03 * length]])
    shadow = cv2.GaussianBlur(cv2.warpAffine(cover, shift, (size, size)), (0, 0), random.uniform(0.015, 0.06) * length)
    below = face.image * (1 - random.uniform(0.1, 0.6) * shadow[..., None])
    soft = cv2.GaussianBlur(cover, (0, 0), 0.5 * size / 256) * (cover > 0)
    image = blend(below, picture / np.maximum(cover, 1e-3)[..., None], soft[..., None])
    mask = np.where(shown, np.uint8(Label.BACKGROUND), face.mask)
    drawn = FaceWithMask(image, np.where(sleeve, np.uint8(Label.CLOTH), mask))
    return _under_hair(face, drawn, place, random) if random.random() < 0.4 else drawn
