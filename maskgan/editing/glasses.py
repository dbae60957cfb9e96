"""Glasses drawn on a picture from their place in the mask, as `solids.py` shades them."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.solids import Layer, Material, distance_to, lit, normals_of, rounded
from maskgan.labels import Label
from maskgan.quick_edits.frame import fit_frame
from maskgan.quick_edits.lenses import found_again
from maskgan.quick_edits.regions import class_region, largest_piece
from maskgan.quick_edits.scene import Scene

#: Sigma in half pixels of the smoothing of outlines of lenses, and of bridge and arms.
_EVEN, _EVEN_BARS = 3.0, 2.2

#: Of frames: width (in distances between the eyes) of a wire, and from which on they are of horn; in parts of it how
#: much thicker that is above, thinner below and thicker at the hinges; where those lie on a lens (out, down) and how
#: far they reach; how much of its front is flat; the greatest width of bridge and arms in frame units.
_WIRE, _ABOVE, _BELOW, _CORNER, _HINGE, _FLAT, _BARS = (0.016, 0.03), 0.4, 0.2, 0.4, (0.85, -0.6, 0.2), 0.45, 0.042

#: What frames show of the sky, of 255: where they look up, and where they look forward.
_SKY_ABOVE, _SKY_BEFORE = 95.0, 30.0

#: Of lenses: how far down they show the sky; where right of their middle a streak of light lies, how wide it is and how
#: far down it reaches, and how far it leans; R, G, B of the sky and light of the streak on dark ones.
_HORIZON, _STREAK, _LEANS, _SKY, _GLINT = 0.35, (-0.55, 0.32, 0.6), 0.7, (40, 44, 50), 34.0

#: Share of clear lenses' own light everywhere, of the sky's and of the streak's; how dark they are at the frame, and
#: over how much (frame units).
_CLEAR, _CLEAR_SKY, _CLEAR_STREAK, _EDGE, _EDGE_WIDE = 0.02, 0.06, 0.09, 0.3, 0.035

#: How dark the shadow of glasses is.
_SHADOW = 0.5

#: Within how many pixels a lens in the mask and its outline do not meet, and the area (square frame units) below which
#: what is beside it is no bar.
_RIM, _SPECK = 2, 0.005

_EYES = (Label.L_EYE, Label.R_EYE)
_BENEATH_LENSES = (*_EYES, Label.L_BROW, Label.R_BROW)


def lenses(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lenses of a mask (H, W), with the eyes and brows that lie on them, and bridge and arms, both (H, W) bool."""
    region, scene = mask == Label.EYE_G, Scene(mask)
    unit = scene.unit
    size = max(3, round(0.15 * unit) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    on_them = class_region(mask, _BENEATH_LENSES)
    near = cv2.dilate(region.astype(np.uint8), kernel) > 0
    opened = cv2.morphologyEx((region | (on_them & near)).astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0
    glass, rims = np.zeros(mask.shape, np.uint8), np.zeros(mask.shape, bool)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(opened.astype(np.uint8))
    for piece in range(1, count):
        inside = (pieces == piece) & region
        if stats[piece, cv2.CC_STAT_AREA] < 0.06 * unit**2 or inside.sum() < 0.03 * unit**2:
            continue
        whole = found_again(scene, inside)
        if whole is not None:
            glass[whole] = 1
            rims |= inside & (cv2.dilate(whole.astype(np.uint8), np.ones((2 * _RIM + 1,) * 2, np.uint8)) > 0)
            continue
        points = np.argwhere(largest_piece(cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0))
        cv2.fillConvexPoly(glass, cv2.convexHull(points[:, ::-1].astype(np.int32)), 1)
    thin = region & (glass == 0) & ~rims
    if rims.any():  # bars go on to the lenses
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(thin.astype(np.uint8))
        thin &= stats[numbers, cv2.CC_STAT_AREA] >= _SPECK * unit**2
        joints = cv2.dilate(thin.astype(np.uint8), np.ones((4 * _RIM + 1,) * 2, np.uint8)) > 0
        thin |= joints & (rims | (glass > 0))
    return glass > 0, thin


def are_dark(mask: np.ndarray) -> bool:
    """Whether the glasses of a mask hide the eyes."""
    glass, _ = lenses(mask)
    return bool(glass.any()) and np.isin(mask[glass], [int(label) for label in _EYES]).mean() < 0.02


def _on_lenses(glass: np.ndarray) -> np.ndarray:
    """Where each pixel lies on its lens, (S, S, 3) float32: from its middle to the right and down, and away from the
    other one, -1 to 1 in it, clipped beyond; 0 where there is none in its column."""
    count, numbers, stats, centres = cv2.connectedComponentsWithStats(glass.astype(np.uint8))
    places = np.zeros((*glass.shape, 3), np.float32)
    rows, columns = np.indices(glass.shape, np.float32)
    middle = centres[1:, 0].mean() if count > 1 else 0.0
    for number in range(1, count):
        left, top, wide, high = (float(value) for value in stats[number, :4])
        right = ((columns - left - (wide - 1) / 2) / (wide / 2)).clip(-1, 1)
        down = ((rows - top - (high - 1) / 2) / (high / 2)).clip(-1, 1)
        side = 1.0 if centres[number, 0] >= middle else -1.0
        own = numbers == number
        places[own] = np.dstack([right, down, side * right])[own]
    return places


def _reflected(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What lenses mirror at places (S, S, 3) on them: how much of the sky, and of a bright streak, (S, S) in 0..1."""
    right, down = places[..., 0], places[..., 1]
    sky = smoothstep((_HORIZON - down) / 1.2)
    across = (right + _LEANS * down - _STREAK[0]) / _STREAK[1]
    return sky, np.exp(-(across**2)) * smoothstep((_STREAK[2] - down) / 1.3)


def _spots(shape: tuple[int, int], unit: float) -> np.ndarray:
    """Spots of tortoiseshell, (S, S) float32, about -1 to 1: waves that have no common measure."""
    y, x = (axis / unit for axis in np.indices(shape, np.float32))
    return (np.sin(19 * x + 7 * y + 1) * np.sin(13 * y - 11 * x + 2) + 0.5 * np.sin(41 * x + 29 * y)).astype(np.float32)


def _frame_surface(normals: np.ndarray, down: np.ndarray, material: Material) -> np.ndarray:
    """A frame's surface with these normals (S, S, 3), so far `down` (S, S) on its lens: (S, S, 3) float32.

    Polished horn is dark and shows the bright sky on all that looks up, and on its flat front the less the lower.
    """
    up = (-normals[..., 1]).clip(0, 1)
    sky = _SKY_ABOVE * up**1.5 + _SKY_BEFORE * normals[..., 2] ** 4 * (0.5 - 0.5 * down)
    return lit(normals, material) + (0.4 + 0.6 * material.gloss) * sky[..., None]


def draw_glasses(picture: np.ndarray, mask: np.ndarray, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """A picture (S, S, 3) uint8 with the glasses that its mask (S, S) asks for.

    The picture is what is seen through the lenses. Returns the new picture and where it changed, (S, S) float32.
    """
    glass, thin = lenses(mask)
    if not glass.any() and not thin.any():
        return picture.copy(), np.zeros(mask.shape, np.float32)
    unit = fit_frame(mask).unit
    distance, places = distance_to(glass, _EVEN), _on_lenses(glass)
    _, down, out = np.moveaxis(places, -1, 0)
    # Horn is thicker above, and at the hinges; thin metal is a wire.
    usual = max(1.1, material.width * unit)
    sturdy = float(smoothstep(np.float64((material.width - _WIRE[0]) / (_WIRE[1] - _WIRE[0]))))
    hinge = np.exp(-((out - _HINGE[0]) ** 2 + (down - _HINGE[1]) ** 2) / _HINGE[2])
    thicker = _ABOVE * smoothstep((0.2 - down) / 0.9) - _BELOW * smoothstep(down) + _CORNER * hinge
    width = (usual * (1 + sturdy * thicker)).astype(np.float32)
    across = width / 2 - abs(distance - width / 2)  # the frame lies inside the outline
    rim, inner = (across + 0.5).clip(0, 1), (distance - width + 0.5).clip(0, 1)
    bars = distance_to(thin, _EVEN_BARS)
    bars_width = min(usual * (1 + 0.3 * sturdy), _BARS * unit)
    # Bridge and arms are as thick as the frame, along the middle of what the mask gives them.
    reach = max(3, round(0.08 * unit) | 1)
    ridge = cv2.dilate(bars, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    middle = bars - (ridge - bars_width / 2).clip(0)
    bar = (middle + 0.5).clip(0, 1) if thin.any() else np.zeros_like(rim)
    frame = np.maximum(rim, bar)

    shadow = cv2.GaussianBlur(np.roll(frame, round(0.06 * unit), axis=0), (0, 0), max(0.8, 0.035 * unit))
    if material.lens is not None:
        shade = np.roll(inner, round(0.04 * unit), axis=0)
        shadow = np.maximum(shadow, cv2.GaussianBlur(shade, (0, 0), max(0.8, 0.05 * unit)))
    shadow *= class_region(
        mask, [int(label) for label in Label if label not in (Label.BACKGROUND, Label.HAIR, Label.HAT)]
    )
    shadow[shadow < 0.02] = 0
    result = Layer(np.zeros(picture.shape, np.float32), _SHADOW * shadow).over(picture)

    sky, streak = _reflected(places)
    if material.lens is not None:
        tint = np.array(material.lens, np.float32) * (1 + 0.35 * down[..., None])
        tint = tint + sky[..., None] * np.float32(_SKY) + _GLINT * streak[..., None]
        below_rim = (distance - width / 2 + 0.5).clip(0, 1)  # or a line of skin would shine between both
        result = Layer(tint, below_rim * material.opacity).over(result)
    else:
        edge = _EDGE * np.exp(-(distance - width).clip(0) / (_EDGE_WIDE * unit))
        result = Layer(np.zeros(picture.shape, np.float32), inner * edge).over(result)
        mirrored = _CLEAR + _CLEAR_SKY * sky + _CLEAR_STREAK * streak
        result = Layer(np.full(picture.shape, 245, np.float32), inner * mirrored).over(result)
    bevel = np.maximum(width / 2 * (1 - _FLAT * sturdy), 0.8)
    height = np.maximum(rounded(across, bevel), rounded(middle, max(0.8, bars_width / 2)))
    surface = _frame_surface(normals_of(height), down, material)
    if material.mottled:
        surface *= np.exp(material.mottled * _spots(mask.shape, unit))[..., None]
    result = Layer(surface, frame).over(result)
    return result, np.maximum.reduce([frame, inner, shadow]).astype(np.float32)
