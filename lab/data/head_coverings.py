"""Scarves, hoods and turbans on people who wear their hair open, for face parsing.

Pure functions of the face and the generator, as in `lab/data/augment.py`. Few portraits show a covered head, and a
parser that has not seen one takes the cloth for hair. As in CelebAMask-HQ what covers the head is a hat, and what
hangs below the chin is clothes.
"""

from __future__ import annotations

import cv2
import numpy as np

from lab.data.faces import FaceWithMask
from lab.data.grounds import blend, plain, smooth_noise, texture
from maskgan.labels import EARS, IGNORE, Label

_FACE = (
    *(Label.SKIN, Label.NOSE, Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW),
    *(Label.MOUTH, Label.U_LIP, Label.L_LIP, Label.EYE_G),
)
#: What cloth may cover beside the hair; the borders between classes that nobody labelled, too.
_AROUND = (Label.BACKGROUND, Label.CLOTH, Label.NECK, Label.EAR_R, IGNORE)


def _stuff(size: int, random: np.random.Generator) -> np.ndarray:
    """A cloth (size, size, 3) uint8: of one colour, woven, striped or printed."""
    if random.random() < 0.5:
        stuff = np.broadcast_to(random.uniform(0, 255, 3) * random.uniform(0.05, 1), (size, size, 3))
        stuff = stuff + random.standard_normal((size, size, 1)) * random.uniform(0, 9)
    else:
        stuff = texture(size, random) if random.random() < 0.5 else plain(size, random)
    if random.random() < 0.3:
        figure = smooth_noise(size, int(random.integers(12, max(13, size // 4))), random) > random.uniform(0, 1.2)
        stuff = np.where(figure[..., None], random.uniform(0, 255, 3), stuff)
    return np.clip(stuff, 0, 255).astype(np.uint8)


def _folds(face: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """How light falls on cloth around a face (H, W) bool -> (H, W, 1) float32 about 1: folds that run around it."""
    size = face.shape[0]
    away = cv2.distanceTransform((~face).astype(np.uint8), cv2.DIST_L2, 5) / size
    phase = away * random.uniform(20, 90) + smooth_noise(size, int(random.integers(3, 9)), random) * random.uniform(
        0.5, 3
    )
    folds = np.sin(phase) * random.uniform(0, 0.35) * (1 + 0.5 * smooth_noise(size, 5, random))
    light = 1 + folds + smooth_noise(size, 3, random) * random.uniform(0, 0.25)
    rim = 1 - random.uniform(0, 0.5) * np.exp(-away / random.uniform(0.005, 0.02))  # shadow where it leaves the face
    return (light * rim).clip(0.2, 1.8).astype(np.float32)[..., None]


def veil(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """The face in a scarf, a hood or a turban: cloth where the hair was and a little around it.

    Hair may show between the face and the cloth, and ears below a turban. A face without hair, or whose hair is
    less than 6 % of the picture, comes back as it is.
    """
    hair, size = face.mask == Label.HAIR, face.mask.shape[0]
    shown = np.isin(face.mask, _FACE)
    if hair.mean() < 0.06 or not shown.any():
        return face
    rows = np.arange(size)[:, None]
    skin = np.nonzero((face.mask == Label.SKIN).any(1))[0]
    if not len(skin):
        return face
    brow, chin = skin.min() + 0.35 * np.ptp(skin), skin.max()
    turban = random.random() < 0.4
    around = 1 + 2 * int(size * random.uniform(0.01, 0.04))
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (around, around))
    cover = hair if turban else hair | np.isin(face.mask, EARS)
    if not turban and random.random() < 0.7:  # it goes under the chin as well
        cover = cover | (face.mask == Label.NECK)
        cover = cover | ((face.mask == Label.CLOTH) & (rows < chin + random.uniform(0, 0.3) * size))
    grown = cv2.dilate(cover.astype(np.uint8), near) > 0
    cover = cover | (grown & np.isin(face.mask, _AROUND))
    hung = random.random() < 0.4  # not clinging to the head
    if hung:
        hull = cv2.convexHull(np.argwhere(cover)[:, ::-1].astype(np.int32))
        cover = (cv2.fillConvexPoly(np.zeros_like(face.mask), hull, 1) > 0) & (cover | np.isin(face.mask, _AROUND))
    if turban:
        cover &= rows < brow + random.uniform(0, 0.25) * np.ptp(skin) + 0.03 * size * smooth_noise(size, 3, random)
    inside = 1 + 2 * int(size * random.uniform(0, 0.05))
    if random.random() < 0.5:  # some hair between the face and the cloth
        rim = cv2.dilate(shown.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (inside, inside))) > 0
        cover &= ~(rim & hair & (rows < brow + 0.2 * size))
    elif random.random() < 0.5:  # or it covers some of the forehead
        forehead = cv2.dilate(cover.astype(np.uint8), near) > 0
        cover |= forehead & (face.mask == Label.SKIN) & (rows < brow)
    if not cover.any():
        return face
    shading = _folds(shown & ~cover, random)
    if random.random() < 0.3:  # the light of what was there, without its strands
        light = cv2.cvtColor(face.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        light = cv2.GaussianBlur(light, (0, 0), size / 40)
        shading = shading * (light / (light[cover].mean() + 1)).clip(0.5, 1.6)[..., None]
    stuff = _stuff(size, random)
    if not hung and stuff.mean() < 60:  # a dark cap of the hair's own shape might as well be hair
        stuff = 255 - stuff
    edge = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), size / 320)[..., None]
    image = blend(face.image, stuff * shading, edge)
    mask = np.where(cover, np.where(rows > chin, Label.CLOTH, Label.HAT), face.mask)
    mask = np.where(cover & (np.abs(rows - chin) < 0.03 * size), IGNORE, mask)
    if not turban:  # what is left of the hair hangs out of it, or would be covered: nobody knows
        mask = np.where((mask == Label.HAIR) & (rows > brow), IGNORE, mask)
    return FaceWithMask(image, mask.astype(np.uint8))
