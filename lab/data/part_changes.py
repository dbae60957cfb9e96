"""Other hair, clothes, lenses and shoulders on the same people, for face parsing.

Pure functions of the face and the generator, as in `lab/data/augment.py`.
"""

from __future__ import annotations

import cv2
import numpy as np

from lab.data.faces import FaceWithMask
from lab.data.grounds import blend, lettering, plain, texture
from maskgan.labels import Label

_EYES = (Label.L_EYE, Label.R_EYE)
_BROWS = (Label.L_BROW, Label.R_BROW)


def _soft(where: np.ndarray) -> np.ndarray:
    """(H, W) bool -> (H, W, 1) float32 with an edge of about a pixel of 256."""
    return cv2.GaussianBlur(where.astype(np.float32), (0, 0), 0.8 * where.shape[0] / 256)[..., None]


def recolour_hair(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Hair of another colour, from black to bleached or dyed; light and strands stay."""
    hair = face.mask == Label.HAIR
    if not hair.any():
        return face
    lab = cv2.cvtColor(face.image, cv2.COLOR_RGB2LAB).astype(np.float32)
    mean = lab[hair].mean(0)
    lightness = random.uniform(15, 220)
    colour = np.array([lightness, *(128 + random.normal(0, 1, 2) * (25 if random.random() < 0.3 else 8) + (3, 8))])
    contrast = np.exp(random.normal(0, 0.3))
    changed = (lab - mean) * np.float32((contrast, 0.5, 0.5)) + np.float32(colour)
    changed = cv2.cvtColor(changed.clip(0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)
    share = _soft(hair)
    return FaceWithMask(blend(face.image, changed, share), face.mask)


def redress(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Clothes of another cloth: a texture, stripes or a ramp, printed now and then, under the folds' light."""
    cloth = face.mask == Label.CLOTH
    if not cloth.any():
        return face
    size = face.mask.shape[0]
    stuff = texture(size, random) if random.random() < 0.6 else plain(size, random)
    stuff = lettering(stuff, random) if random.random() < 0.15 else stuff
    if random.random() < 0.2:
        rows, cols = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
        across = rows * random.normal() + cols * random.normal()
        stripes = np.sin(across * random.uniform(30, 200)) > random.uniform(-0.8, 0.8)
        stuff = np.where(stripes[..., None], stuff, random.integers(0, 256, 3)).astype(np.uint8)
    light = cv2.cvtColor(face.image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    folds = ((light + 20) / (light[cloth].mean() + 20)).clip(0.3, 2)[..., None] ** random.uniform(0.2, 1)
    share = _soft(cloth) * random.uniform(0.7, 1)
    return FaceWithMask(blend(face.image, stuff * folds.astype(np.float32), share), face.mask)


def bare_shoulders(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Skin in place of the clothes, all of them or down to a random neckline; CelebAMask-HQ calls it neck."""
    cloth, neck = face.mask == Label.CLOTH, face.mask == Label.NECK
    if not cloth.any() or np.count_nonzero(neck) < 100:
        return face
    size = face.mask.shape[0]
    if random.random() < 0.6:  # a neckline: straight, round or pointed, about the neck's middle
        rows, cols = np.mgrid[0 : 1 : size * 1j, 0 : 1 : size * 1j]
        middle = np.nonzero(neck)[1].mean() / size
        depth = random.uniform(0.8, 1.1) - random.uniform(0, 1.2) * np.abs(cols - middle) ** random.uniform(0.8, 2.5)
        cloth &= rows < depth
    light = cv2.GaussianBlur(cv2.cvtColor(face.image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), size / 60)
    shading = (light / (light[cloth].mean() + 1) if cloth.any() else light).clip(0.6, 1.4)[..., None]
    shading = shading ** random.uniform(0, 0.6)
    grain = random.standard_normal((size, size, 1), dtype=np.float32) * random.uniform(0, 4)
    skin = np.float32(face.image[neck].mean(0) * np.exp(random.normal(0, 0.06, 3))) * shading + grain
    share = _soft(cloth)
    image = blend(face.image, skin.clip(0, 255), share)
    return FaceWithMask(image, np.where(cloth, Label.NECK, face.mask).astype(np.uint8))


def tint_lenses(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Sunglasses of clear glasses: lenses tinted, half or wholly opaque; where they are dark, they cover the eyes."""
    glasses = np.isin(face.mask, (Label.EYE_G, *_EYES))
    if np.count_nonzero(face.mask == Label.EYE_G) < 0.004 * face.mask.size:
        return face
    size = face.mask.shape[0]
    lenses = np.zeros_like(face.mask)
    # Brow or rim may cut a lens: what is close together is one hull.
    near = cv2.morphologyEx(glasses.astype(np.uint8), cv2.MORPH_OPEN, np.ones((max(2, size // 85),) * 2, np.uint8))
    for outline in cv2.findContours(near, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]:
        if cv2.contourArea(outline) > 0.002 * face.mask.size:
            cv2.fillConvexPoly(lenses, cv2.convexHull(outline), 1)
    lenses = (lenses > 0) & np.isin(face.mask, (Label.EYE_G, Label.SKIN, *_EYES, *_BROWS))
    opacity = random.uniform(0.15, 1.0)
    colour = random.uniform(0, 70, 3) if random.random() < 0.7 else random.uniform(20, 230, 3)
    ramp = np.linspace(1, random.uniform(0.4, 1.0), size)[:, None, None]
    share = _soft(lenses) * opacity * ramp
    image = blend(face.image, np.float32(colour), share)
    mask = face.mask
    if opacity > 0.75:
        mask = np.where(lenses, Label.EYE_G, mask)
    elif opacity > 0.5:  # people would disagree
        mask = np.where(lenses & np.isin(mask, (*_EYES, *_BROWS)), 255, mask)
    return FaceWithMask(image, mask.astype(np.uint8))
