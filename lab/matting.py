"""Hair or a hat cut out of a photo with its strands: an alpha matte and the colours that it alone has.

Closed-form matting (Levin, Lischinski and Weiss, TPAMI 2008) between what the parser is sure of, foreground colours by
multi-level estimation (Germer et al., 2020), both from the package pymatting; then what matting cannot know is put
right: where hair and ground look alike the edge follows the parser's outline, and colours that the hair does not have
further inside are the ground's. Sizes are in pixels of a picture of 512.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np

from maskgan.blending import mirrored_beyond
from maskgan.labels import BROWS, EARS, EYES, MOUTH, Label

#: How far inside and outside of the parser's edge the matte is looked for.
_INSIDE, _OUTSIDE = 9, 16

#: What lies so near to skin is hair for sure only where its colour is nearer to hair's than by this share.
_NEAR_SKIN, _LIKE_SKIN = 45, 0.3

#: Differences of colour (0..255) at which the matte begins to tell more than the outline, and after how many it alone.
_ALIKE, _CLEAR = 28, 40


class Cutout(NamedTuple):
    """colours (S, S, 3) uint8 RGB, of hair alone; alpha (S, S) float32 in 0..1."""

    colours: np.ndarray
    alpha: np.ndarray


def _disc(radius: float) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * round(radius) + 1,) * 2)


def _away(region: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, 5)


def _mean(picture: np.ndarray, weight: np.ndarray, sigma: float) -> np.ndarray:
    """Mean of a picture (S, S, 3) close to each pixel by weights (S, S)."""
    total = cv2.GaussianBlur((picture * weight[..., None]).astype(np.float32), (0, 0), sigma)
    return total / np.maximum(cv2.GaussianBlur(weight.astype(np.float32), (0, 0), sigma), 1e-4)[..., None]


def trimap(photo: np.ndarray, mask: np.ndarray, sure: np.ndarray, label: Label) -> np.ndarray:
    """What is of a class (1), what is not (0), and what the matte decides (0.5): (S, S) float64.

    photo: (S, S, 3) uint8; mask: (S, S) class ids; sure: (S, S) float32, the parser's probability of it.
    """
    scale = len(photo) / 512
    picture = photo.astype(np.float64) / 255
    hair, skin = mask == label, mask == Label.SKIN
    inner = (cv2.erode(hair.astype(np.uint8), _disc(_INSIDE * scale), borderValue=1) > 0) & (sure > 0.9)
    if skin.any():
        own = np.median(picture[hair], axis=0)
        way = np.median(picture[skin], axis=0) - own
        if np.linalg.norm(way) > 0.25:  # a fringe through which the forehead shows
            inner &= ~((_away(skin) < _NEAR_SKIN * scale) & ((picture - own) @ way / (way @ way) > _LIKE_SKIN))
    outer = cv2.dilate(hair.astype(np.uint8), _disc(_OUTSIDE * scale)) == 0
    parts = np.isin(mask, (*EYES, *BROWS, *MOUTH, Label.NOSE, Label.EYE_G)).astype(np.uint8)
    outer |= cv2.dilate(parts, _disc(2 * scale)) > 0
    outer |= (sure < 0.02) & (cv2.dilate(hair.astype(np.uint8), _disc(10 * scale)) == 0)
    return np.where(outer, 0.0, np.where(inner, 1.0, 0.5))


def cut_out(
    photo: np.ndarray,
    mask: np.ndarray,
    sure: np.ndarray,
    label: Label = Label.HAIR,
    bottom: float | None = None,
    evened: float = 0.0,
    ears: np.ndarray | None = None,
    mirrored: Literal["left", "right"] | None = None,
    without: np.ndarray | None = None,
) -> Cutout:
    """The hair of a photo, or what has another label.

    Args:
        photo: (S, S, 3) uint8 RGB.
        mask: (S, S) class ids.
        sure: (S, S) float32 in 0..1, the parser's probability of the label.
        bottom: share of the height at which the hair is made to end in tips, where what lies below cannot be told
            from it.
        evened: share of the large differences of light and colour that is taken away, for hair in two colours.
        ears: (S, S) bool, an ear that shows in the hair, which is to be covered: the hair beside it goes on there.
        without: (S, S) bool, what is none of it, though parser and matte take it for it.
        mirrored: the side of the picture whose hair the other one gets, too, for a head that is turned a little.

    Raises:
        ModuleNotFoundError: pymatting is not installed.
        ValueError: the mask has no hair.
    """
    from pymatting import estimate_alpha_cf, estimate_foreground_ml

    if not (mask == label).any():
        raise ValueError(f"This picture has no {label.name.lower()} to cut out.")
    size, scale = len(photo), len(photo) / 512
    picture = photo.astype(np.float64) / 255
    alpha = estimate_alpha_cf(picture, trimap(photo, mask, sure, label))
    colours = 255 * estimate_foreground_ml(picture, alpha)

    hair = (mask == label).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(hair)
    hair = pieces == 1 + stats[1:, cv2.CC_STAT_AREA].argmax()
    core = cv2.erode(hair.astype(np.uint8), np.ones((15, 15))) > 0
    beyond = _away(hair) / scale
    lab = cv2.cvtColor((colours / 255).astype(np.float32), cv2.COLOR_RGB2LAB)
    low, high = np.percentile(lab[core], (1, 99), axis=0)
    odd = (np.maximum(np.maximum(low - lab, lab - high), 0) / (12, 7, 7)).max(-1)
    odd = (odd - 0.3).clip(0, 1)
    kept = (1 - (1.3 * (beyond - 1.5) / 10).clip(0, 1) * (sure < 0.5)) * (1 - odd * ((beyond + 2) / 3).clip(0, 1))
    alpha = alpha * np.where(beyond > 0, kept, 1) * (1 - odd * (sure < 0.6))

    ground, inside = (beyond > 12).astype(np.float32), core.astype(np.float32)
    wide = 14 * scale
    differs = abs(_mean(photo, ground, wide) - _mean(photo, inside, wide)).max(-1)
    trusted = ((differs - _ALIKE) / _CLEAR).clip(0, 1)
    alone = np.minimum(cv2.GaussianBlur(ground, (0, 0), wide), cv2.GaussianBlur(inside, (0, 0), wide)) < 0.003
    trusted[alone | (_away(mask == Label.SKIN) < 25 * scale)] = 1
    outline = cv2.GaussianBlur(hair.astype(np.float32), (0, 0), 5 * scale)
    outline = cv2.GaussianBlur((4 * (outline - 0.5) + 0.35).clip(0, 1), (0, 0), 1.2 * scale)
    alpha = trusted * alpha + (1 - trusted) * outline
    alpha = ((alpha - 0.06) / 0.88).clip(0, 1)
    if bottom is not None:
        at = np.arange(size) / scale
        tips = 3.3 * np.sin(at / 4.7) + 2.7 * np.sin(at / 1.9 + 1) + 2 * np.sin(at / 1.1 + 2)
        left = bottom * size + tips[None] * scale - np.arange(size)[:, None]
        alpha = alpha * (left / (0.035 * size)).clip(0, 1)
    bare = cv2.dilate(np.isin(mask, (*EARS, Label.EAR_R)).astype(np.uint8), _disc(2.5 * scale)).astype(np.float32)
    alpha = (alpha * (1 - cv2.GaussianBlur(bare, (0, 0), 1.2 * scale)) * (bare == 0)).astype(np.float32)

    # Thin and odd places take the colours of the hair around them.
    weight = (alpha > 0.75) * (1 - odd)
    around = np.zeros(colours.shape, np.float32)
    total = np.zeros((size, size), np.float32)
    for sigma, share in ((1.5, 1), (5, 1e-2), (20, 1e-4), (60, 1e-6)):
        around += share * cv2.GaussianBlur((colours * weight[..., None]).astype(np.float32), (0, 0), sigma * scale)
        total += share * cv2.GaussianBlur(weight.astype(np.float32), (0, 0), sigma * scale)
    own = (((alpha - 0.2) / 0.5).clip(0, 1) * (1 - odd))[..., None]
    colours = colours * own + around / np.maximum(total, 1e-12)[..., None] * (1 - own)
    if evened:
        lab = cv2.cvtColor((colours / 255).clip(0, 1).astype(np.float32), cv2.COLOR_RGB2LAB)
        mean = (lab * alpha[..., None]).sum((0, 1)) / alpha.sum()
        lab -= evened * (_mean(lab, alpha, 24 * scale) - mean)
        colours = 255 * cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_LAB2RGB)
    if ears is not None:
        soft = cv2.GaussianBlur(ears.astype(np.float32), (0, 0), scale)
        near = cv2.dilate(ears.astype(np.uint8), _disc(2 * scale)) > 0
        covered = mirrored_beyond(colours.astype(np.float32), (alpha > 0.9) & ~near, near, round(40 * scale))
        colours += soft[..., None] * (covered - colours)
        alpha = np.maximum(alpha, soft)
    if without is not None:
        alpha *= 1 - cv2.GaussianBlur(without.astype(np.float32), (0, 0), scale)
    if mirrored is not None:
        side = slice(0, size // 2) if mirrored == "left" else slice(size - size // 2, size)
        for plane in (colours, alpha):
            plane[:, ::-1][:, side] = plane[:, side]
    return Cutout(colours.round().clip(0, 255).astype(np.uint8), alpha)
