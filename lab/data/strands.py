"""Hair before the face, and scalps without any, for face parsing: what label maps made by machine get wrong.

Pure functions of the face and the generator, as in `lab/data/augment.py`. Strands across a brow and fringes that let
the forehead through are skin in such labels, as blond ones often are; CelebAMask-HQ calls both hair. A bald crown is
skin, and a parser that has seen few takes it for a hat.
"""

from __future__ import annotations

import cv2
import numpy as np

from lab.data.faces import FaceWithMask
from lab.data.grounds import blend
from maskgan.labels import BROWS, EYES, IGNORE, Label

#: What hair that falls forward may hide.
_FOREHEAD = (Label.SKIN, *BROWS, *EYES, Label.NOSE, Label.EYE_G, IGNORE)
#: Pixels of a drawing per pixel of the face.
_FINE = 2
#: How much of a pixel's surroundings strands hide where people draw hair, and where nobody would.
_HAIR, _NONE = 0.3, 0.1


def _brow(mask: np.ndarray) -> tuple[float, float, float] | None:
    """The middle column between the eyes, their row and their distance in pixels; None where there are not two."""
    middles = []
    for eye in EYES:
        rows, cols = np.nonzero(mask == eye)
        if len(rows) < 10:
            return None
        middles.append((cols.mean(), rows.mean()))
    (x, y), (u, v) = middles
    apart = float(np.hypot(x - u, y - v))
    return ((x + u) / 2, (y + v) / 2, apart) if apart > 0.08 * mask.shape[0] else None


def _roots(mask: np.ndarray, eyes: float) -> np.ndarray:
    """Points (n, 2) x, y of the hairline on the forehead: hair above the row of the eyes, by the face."""
    size = mask.shape[0]
    near = cv2.dilate((mask == Label.SKIN).astype(np.uint8), np.ones((5, 5), np.uint8), iterations=max(1, size // 128))
    rows, cols = np.nonzero((near > 0) & (mask == Label.HAIR))
    above = rows < eyes - 0.06 * size
    return np.stack([cols[above], rows[above]], 1).astype(np.float64)


def _lock(root: np.ndarray, heading: float, length: float, random: np.random.Generator) -> np.ndarray:
    """The middle line (20, 2) of a lock that begins at `root` (x, y) and falls, `heading` from straight down."""
    t = np.linspace(0, 1, 20)
    bow, turn = random.normal(0, 0.25), heading * (1 - random.uniform(0, 0.8) * t)
    steps = np.stack([np.sin(turn + bow * t), np.cos(turn + bow * t)], 1) * length / 19
    return root + np.cumsum(steps, 0) - steps[0]


def fringe(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Strands of the face's own hair across forehead and brows: a few, a lock, or a fringe that lets skin through.

    Where strands hide more than a third of what is around a pixel it is hair; where they are few, nobody knows (255). A
    face without hair above its forehead comes back as it is.
    """
    mask, size = face.mask, face.mask.shape[0]
    hair, found = mask == Label.HAIR, _brow(mask)
    if found is None or hair.mean() < 0.03 or (mask == Label.HAT).any():
        return face
    middle, eyes, apart = found
    roots = _roots(mask, eyes)
    if len(roots) < 20:
        return face
    kind = random.random()
    if kind < 0.35:  # a few locks
        locks, each, down = int(random.integers(1, 6)), int(random.integers(3, 25)), random.uniform(-0.4, 0.5)
    else:  # a fringe, thin or thick
        locks, each, down = int(random.integers(12, 50)), int(random.integers(3, 22)), random.uniform(-0.55, 0.25)
    sweep, spread = random.normal(0, 0.5), random.uniform(0.05, 0.35)
    part = middle + random.normal(0, 0.6) * apart  # hair falls to both sides of a parting
    colours = face.image[hair].astype(np.float32)
    bright = random.uniform(0.85, 1.25)
    if random.random() < 0.3:  # as light as the skin: blond, grey
        skin = np.median(face.image[mask == Label.SKIN], 0) if (mask == Label.SKIN).any() else colours.mean(0)
        colours = colours + (skin * random.uniform(0.8, 1.15) - colours.mean(0)) * random.uniform(0.5, 1)
    fine = _FINE if size <= 300 else 1
    paint = np.zeros((size * fine, size * fine, 4), np.float32)
    thick = max(1, round(fine * size / 256 * random.uniform(0.3, 1.1)))
    for root in roots[random.integers(0, len(roots), locks)]:
        end = eyes + down * apart + random.normal(0, 0.12) * apart
        length = max(end - root[1], 0.15 * apart) * random.uniform(0.8, 1.15)
        side = np.clip((root[0] - part) / apart, -1, 1) * abs(sweep) if random.random() < 0.5 else sweep
        line = _lock(root, side + random.normal(0, 0.15), length, random)
        tone = colours[int(random.integers(len(colours)))] * bright
        width = apart * random.uniform(0.03, spread)
        taper = np.linspace(1, random.uniform(0, 0.7), len(line))[:, None]
        for _ in range(each):
            away = random.normal(0, 0.5) * width
            wave = random.normal(0, 0.02) * apart * np.sin(np.linspace(0, random.uniform(1, 6), len(line)))[:, None]
            strand = line + (np.array([away, 0.0]) + wave * np.array([1.0, 0.0])) * taper
            strand = strand[: int(random.integers(len(line) // 2, len(line) + 1))]
            colour = np.clip(tone * random.uniform(0.65, 1.3), 0, 255)
            shift = np.round(strand * fine * 16).astype(np.int32)
            cv2.polylines(paint, [shift], False, (*colour.tolist(), 1.0), thick, cv2.LINE_8, 4)
    paint = cv2.resize(paint, (size, size), interpolation=cv2.INTER_AREA)
    allowed = np.isin(mask, _FOREHEAD) | hair
    share = paint[..., 3] * allowed * random.uniform(0.6, 1.0)
    share = cv2.GaussianBlur(share, (0, 0), 0.35 * size / 256)
    dark = cv2.GaussianBlur(
        cv2.warpAffine(share, np.float32([[1, 0, 0], [0, 1, 0.01 * size]]), (size, size)), (0, 0), 2
    )
    below = face.image * (1 - random.uniform(0, 0.35) * dark * allowed)[..., None]
    image = blend(below, paint[..., :3] / np.maximum(paint[..., 3:], 1e-3), share[..., None])
    dense = cv2.GaussianBlur(share, (0, 0), 1.8 * size / 256)
    reach = np.isin(mask, _FOREHEAD)
    mask = np.where(reach & (dense > _NONE), IGNORE, mask)
    return FaceWithMask(image, np.where(reach & (dense > _HAIR), Label.HAIR, mask).astype(np.uint8))


def bare_scalp(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """The face bald on top, or nearly so: skin of the forehead, round and shining, in place of short hair.

    What is left at the sides stays hair. Only for hair that ends above the ears' lobes; others come back as they are.
    """
    mask, size = face.mask, face.mask.shape[0]
    hair, skin, found = mask == Label.HAIR, mask == Label.SKIN, _brow(mask)
    if found is None or not 0.02 < hair.mean() < 0.16 or (mask == Label.HAT).any():
        return face
    middle, eyes, apart = found
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    if (hair & (rows > eyes + 0.9 * apart)).sum() > 0.1 * hair.sum():
        return face
    forehead = skin & (rows < eyes - 0.35 * apart)
    if forehead.sum() < 0.004 * mask.size:
        return face
    tone = np.median(face.image[forehead], 0).astype(np.float32)
    lowest = eyes - random.uniform(-0.1, 0.7) * apart
    rim = lowest + 0.15 * apart * cv2.resize(random.standard_normal((1, 5)).astype(np.float32), (size, 1))
    bald = hair & (rows < rim)
    if not bald.any():
        return face
    top = float(rows[bald].min())
    height = np.clip((eyes - rows) / max(eyes - top, 1), 0, 1)
    half = max(float(np.abs(cols[bald] - middle).max()), 1.0)
    round_off = np.sqrt(np.clip(1 - 0.8 * ((cols - middle) / half) ** 2, 0.05, 1)) * np.sqrt(
        np.clip(1.05 - height**3, 0.05, 1)
    )
    light = random.uniform(0.92, 1.06) * (1 - random.uniform(0.1, 0.6) * (1 - round_off))
    light = light * (1 + random.normal(0, 0.15) * (cols - middle) / half)
    gleam_at = (middle + random.normal(0, 0.4) * half, top + random.uniform(0.2, 0.6) * (eyes - top))
    gleam = np.exp(-(((cols - gleam_at[0]) / (0.35 * half)) ** 2 + ((rows - gleam_at[1]) / (0.2 * half)) ** 2))
    grain = 1 + 0.04 * cv2.GaussianBlur(random.standard_normal((size, size)).astype(np.float32), (0, 0), size / 256)
    drawn = tone * (light * grain)[..., None] + random.uniform(0, 60) * gleam[..., None]
    reach = cv2.dilate(bald.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=max(1, size // 85))  # and its roots
    reach = reach & (bald | (rows < rim) & (skin | (mask == IGNORE)))
    share = cv2.GaussianBlur(reach.astype(np.float32), (0, 0), random.uniform(0.8, 3) * size / 256)
    share = share * (hair | skin | (mask == IGNORE)) * random.uniform(0.8, 1)  # stubble shimmers through
    outside = cv2.GaussianBlur((mask == Label.BACKGROUND).astype(np.float32), (0, 0), 0.6 * size / 256)
    share = share * (1 - outside)
    image = blend(face.image, drawn, share[..., None])
    open_ = hair & (share > 0.15)
    labelled = np.where(open_, IGNORE, mask)
    return FaceWithMask(image, np.where(bald & (share > 0.7), Label.SKIN, labelled).astype(np.uint8))
