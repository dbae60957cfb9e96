"""Earrings and necklaces drawn on a picture from their place in the mask, as `solids.py` shades them."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.oklab import to_oklab
from maskgan.editing.solids import LIGHT, Layer, Material, distance_to, lit, normals_of, rounded
from maskgan.editing.tones import LUMA
from maskgan.labels import EARS, Label
from maskgan.quick_edits.regions import class_region

#: Of the room that a jewel mirrors: light from below and above, how much darker the band between is, how small the
#: window is; and how much richer the colour of metal is in its shadows.
_DIM, _BRIGHT, _BAND, _WINDOW, _RICHER = 0.55, 1.15, 0.42, 14.0, 0.9

#: Sigma in pixels of the smoothing of a jewel's normals.
_SMOOTH = 0.8

#: What tells the light on a jewel; which percentile of its lightness the light parts of a face have; sigma within which
#: it is told, as a share of the side, and what share of skin there tells it; how dark it is at most, and which part of
#: that jewels are less bright.
_BARE = (Label.SKIN, Label.NOSE, Label.NECK, *EARS)
_LIGHT_PARTS, _AROUND, _FEW, _DIMMEST, _DARKER = 75, 0.02, 0.05, 0.35, 0.85

#: Over how many columns the direction of a chain's ends is measured, and sigma within which it is told elsewhere, as a
#: share of the side.
_END, _EVENLY = 12, 0.012

#: What a neck shows that is no skin but a collar: sigma within which its colour is told, as a share of the side; how
#: light it is at least, and how much of skin's colour it has at most, in parts of the face's; how colourful a face is
#: that tells. Each from where on and how far on it is so altogether.
_TOLD, _COLLAR_LIGHT, _COLLAR_COLOUR, _TELLING = 0.006, (0.65, 0.1), (0.55, -0.2), (0.03, 0.015)

#: How wide half a collar is at least, as a share of the side.
_COLLAR_WIDE = 0.004


def _polished(normals: np.ndarray, material: Material) -> np.ndarray:
    """A jewel's surface with these normals (S, S, 3) in a room that it mirrors as far as it is glossy: float32.

    The room is bright above and dim below, with a dark band low between and a window from where the light comes. What
    is mirrored twice, in the shadows, has more of the metal's colour.
    """
    body = np.array(material.colour, np.float32)
    mirrored = 2 * normals[..., 2:] * normals - (0, 0, 1)
    up = -mirrored[..., 1]
    room = _DIM + (_BRIGHT - _DIM) * smoothstep((up + 0.3) / 0.9) - _BAND * np.exp(-(((up + 0.45) / 0.18) ** 2))
    room = room.clip(0.05)[..., None]
    window = np.exp(_WINDOW * (mirrored @ LIGHT - 1))[..., None]
    richer = (body / body.mean()) ** (_RICHER * (1 - room).clip(0, 1))
    metal = body * room * richer + window * (0.35 * body + 150)
    share = material.gloss**2
    return lit(normals, material) * (1 - share) + metal * share


def _beads(
    region: np.ndarray, distance: np.ndarray, normals: np.ndarray, alpha: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Normals (S, S, 3) and alpha (S, S) of a necklace as a string of beads along its chain.

    region: (S, S) bool, the necklace, a chain from left to right with maybe a pendant; distance, normals, alpha: of its
    outline, which what is thicker than the chain keeps.
    """
    columns = np.flatnonzero(region.any(0))
    if len(columns) < 2:
        return normals, alpha
    thick = region[:, columns].sum(0)
    upper = region[:, columns].argmax(0)
    # Thicker where it is steep, and not where something hangs from it.
    steep = np.gradient(cv2.GaussianBlur(upper[None].astype(np.float32), (0, 0), _EVENLY * len(region))[0])
    half = np.minimum(thick, np.median(thick / np.sqrt(1 + steep**2)) * np.sqrt(1 + steep**2)) / 2
    every, own = np.arange(len(region)), upper + half - 0.5
    middle, some = np.interp(every, columns, own), min(_END, len(own) - 1)
    for first, second in ((0, some), (-1, -1 - some)) if some else ():  # straight on beyond both ends
        beyond = every < columns[0] if first == 0 else every > columns[-1]
        rise = (own[second] - own[first]) / (columns[second] - columns[first])
        middle[beyond] += rise * (every[beyond] - columns[first])
    middle = cv2.GaussianBlur(middle[None].astype(np.float32), (0, 0), _EVENLY * len(region))[0]
    slope = np.gradient(middle)
    step = np.sqrt(1 + slope**2)
    radius = max(1.5, float(np.median(distance[:, columns].max(0))))
    below = np.arange(len(region))[:, None] - middle[None]
    out = below / step
    along = (np.cumsum(step, dtype=np.float64) + out * slope) / (2 * radius) % 1 * 2 * radius - radius
    away = np.hypot(along, out)
    bead = (radius + 0.5 - away).clip(0, 1) * (distance > -1)
    thread = (0.3 * radius + 0.5 - abs(out)).clip(0, 1) * (distance > -1)
    pendant = alpha * (out > 1.3 * radius)
    x, y = (along - out * slope) / (step * radius), (along * slope + out) / (step * radius)
    beads = np.dstack([x, y, np.sqrt((1 - x * x - y * y).clip(0.05))])
    beads /= np.linalg.norm(beads, axis=2, keepdims=True)
    alpha = np.maximum(np.maximum(bead, thread), pendant)
    return np.where((pendant > 0)[..., None], normals, beads).astype(np.float32), alpha.astype(np.float32)


def _light(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """How much light falls where a jewel hangs, (S, S) float32, 1 as on the light parts of the face.

    The skin around it tells: it is less below a chin and at the sides of a neck.
    """
    luma = picture.astype(np.float32) @ LUMA
    skin, face = class_region(mask, _BARE), mask == Label.SKIN
    if not face.any():
        return np.ones(mask.shape, np.float32)
    lit = max(1.0, float(np.percentile(luma[face], _LIGHT_PARTS)))
    planes = np.dstack([luma * skin, skin]).astype(np.float32)
    around = cv2.GaussianBlur(planes, (0, 0), _AROUND * len(mask))
    told = around[..., 1] > _FEW
    light = np.where(told, around[..., 0] / np.maximum(around[..., 1], _FEW) / lit, 1.0)
    return (1 - _DARKER * (1 - light.clip(_DIMMEST, 1))).astype(np.float32)


def _bare(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """How far each pixel of a picture (S, S, 3) uint8 may be skin, (S, S) float32 in 0..1.

    Parsers take white collars for necks. A collar is about as light as a face, or lighter, and has little of its
    colour; skin in light and shade has a colour in proportion to its lightness.
    """
    skin = mask == Label.SKIN
    lab = to_oklab(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), _TOLD * len(mask)))
    if not skin.any():
        return np.ones(mask.shape, np.float32)
    light, *colour = lab[skin].mean(0)
    colourful = max(float(np.hypot(*colour)), 1e-3)
    relative = lab[..., 0] / max(light, 1e-3)
    like = lab[..., 1:] @ (np.float32(colour) / colourful**2) / np.maximum(relative, 0.05)
    collar = 1.0
    for value, (start, reach) in ((relative, _COLLAR_LIGHT), (like, _COLLAR_COLOUR), (colourful, _TELLING)):
        collar = collar * np.clip((value - start) / reach, 0, 1)
    return (1 - collar).astype(np.float32)


def _before_collars(region: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """How far a necklace, `region` (S, S) bool, is seen in each pixel, (S, S) float32, where skin is `bare` (S, S).

    Where a collar begins it leads under it, and nothing of it comes out again beyond.
    """
    length = region.sum(0)
    covered = (length > 0) & ((bare * region).sum(0) < 0.5 * length)
    wide = np.ones((1, 2 * round(_COLLAR_WIDE * len(region)) + 1), np.uint8)
    covered = cv2.morphologyEx(covered[None].astype(np.uint8), cv2.MORPH_OPEN, wide)[0] > 0  # a gleam is no collar
    runs = np.cumsum(np.diff(covered, prepend=covered[:1]))
    longest = np.bincount(runs, (length > 0) & ~covered).argmax()
    return bare * ((runs == longest) | (covered & (abs(runs - longest) == 1)))


def draw_jewels(
    picture: np.ndarray, mask: np.ndarray, label: Label, material: Material
) -> tuple[np.ndarray, np.ndarray]:
    """A picture (S, S, 3) uint8 with the earrings or the necklace (`label`) that its mask (S, S) asks for.

    A necklace lies under what is a collar. Returns the new picture and where it changed, (S, S) float32.
    """
    region = mask == label
    if not region.any():
        return picture.copy(), np.zeros(mask.shape, np.float32)
    distance = distance_to(region)
    alpha = (distance + 0.6).clip(0, 1)
    # Each piece is as round as it is thick where it is thickest nearby.
    reach = max(3, round(0.05 * len(mask)) | 1)
    radius = cv2.dilate(distance, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))).clip(1.0)
    radius = cv2.GaussianBlur(radius, (0, 0), reach / 4)  # or its steps would be seen in the light
    normals = cv2.GaussianBlur(normals_of(rounded(distance, radius)), (0, 0), _SMOOTH)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    if label == Label.NECK_L:
        normals, alpha = _beads(region, distance, normals, alpha)
        alpha *= _before_collars(region, _bare(picture, mask))
    surface = _polished(normals, material) * _light(picture, mask)[..., None]
    fall = cv2.GaussianBlur(np.roll(alpha, (round(0.006 * len(mask)), 1), (0, 1)), (0, 0), 0.006 * len(mask))
    fall = np.where(fall < 0.02, 0, fall) * (mask != Label.BACKGROUND)
    result = Layer(np.zeros(picture.shape, np.float32), 0.4 * fall).over(picture)
    return Layer(surface, alpha).over(result), np.maximum(alpha, fall).astype(np.float32)
