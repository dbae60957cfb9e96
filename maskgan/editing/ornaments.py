"""Glasses and jewellery drawn on a picture from their place in the mask, as small solids in the light.

Frames, hoops and chains are a pixel or three wide at a network's resolution, and no network of this size draws them;
their shape is all in the mask and their material is simple. So they are shaded from that shape: the distance to the
outline gives a rounded surface, the surface its normals, and a light from above left does the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.oklab import to_oklab
from maskgan.editing.tones import LUMA
from maskgan.labels import EARS, Label
from maskgan.quick_edits.frame import fit_frame
from maskgan.quick_edits.lenses import found_again
from maskgan.quick_edits.regions import class_region, largest_piece
from maskgan.quick_edits.scene import Scene

#: The light comes from above left, and a little from the front.
_LIGHT = np.array((-0.45, -0.7, 0.55), np.float32) / np.linalg.norm((-0.45, -0.7, 0.55))

#: Of the room that a jewel mirrors: light from below and above, how much darker the band between is, how small the
#: window is; and how much richer the colour of metal is in its shadows.
_DIM, _BRIGHT, _BAND, _WINDOW, _RICHER = 0.55, 1.15, 0.42, 14.0, 0.9

#: Sigma in pixels of the smoothing of a jewel's normals.
_SMOOTH = 0.8

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

#: Within how many pixels a lens in the mask and its outline do not meet, and the area (square frame units) below which
#: what is beside it is no bar.
_RIM, _SPECK = 2, 0.005

_EYES = (Label.L_EYE, Label.R_EYE)
_BENEATH_LENSES = (*_EYES, Label.L_BROW, Label.R_BROW)


class Material(NamedTuple):
    """What ornaments are made of.

    colour: R, G, B 0..255 in full light; gloss: 0 (matt) to 1 (polished metal); width: of a frame, in distances
    between the eyes; lens: R, G, B of tinted lenses, or None for clear ones; opacity: of tinted lenses; mottled: how
    much darker and lighter a frame is in spots (natural logarithm).
    """

    colour: tuple[int, int, int]
    gloss: float
    width: float = 0.03
    lens: tuple[int, int, int] | None = None
    opacity: float = 0.95
    mottled: float = 0.0


class Layer(NamedTuple):
    """Something drawn: picture (S, S, 3) float32 in 0..255 over another with alpha (S, S) float32 in 0..1."""

    picture: np.ndarray
    alpha: np.ndarray

    def over(self, below: np.ndarray) -> np.ndarray:
        """Lay it over a picture (S, S, 3) uint8; pixels without alpha stay as they are."""
        mixed = below + self.alpha[..., None] * (self.picture - below.astype(np.float32))
        return np.where(self.alpha[..., None] > 0, mixed.round().clip(0, 255), below).astype(np.uint8)


def _distance(inside: np.ndarray, smooth: float = 1.5) -> np.ndarray:
    """Signed distance to an outline (S, S) in pixels, smooth over its stairs, positive inside.

    smooth: sigma of that in half pixels.
    """
    size = inside.shape[1], inside.shape[0]
    fine = cv2.resize(inside.astype(np.float32), (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)
    fine = (cv2.GaussianBlur(fine, (0, 0), smooth) > 0.5).astype(np.uint8)
    signed = cv2.distanceTransform(fine, cv2.DIST_L2, 5) - cv2.distanceTransform(1 - fine, cv2.DIST_L2, 5)
    return cv2.GaussianBlur(cv2.resize(signed, size, interpolation=cv2.INTER_AREA) / 2, (0, 0), 0.7)


def _normals(height: np.ndarray) -> np.ndarray:
    """Normals (S, S, 3) of a surface of this height (S, S), in pixels."""
    slope_x, slope_y = (
        cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=0.125),
    )
    normal = np.dstack([-slope_x, -slope_y, np.ones_like(height)])
    return normal / np.linalg.norm(normal, axis=2, keepdims=True)


def _lit(normals: np.ndarray, material: Material) -> np.ndarray:
    """A surface with these normals (S, S, 3) in the light: (S, S, 3) float32."""
    toward = (normals @ _LIGHT).clip(0, 1)[..., None]
    glint = toward ** (6 + 40 * material.gloss)
    body = np.array(material.colour, np.float32)
    # Polished things show bright and dark surroundings instead of an even light.
    dull, bright = 0.45 + 0.65 * toward, 0.25 + 1.1 * toward**1.5
    return body * (dull + material.gloss * (bright - dull)) + 190 * (0.25 + 0.75 * material.gloss) * glint


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
    window = np.exp(_WINDOW * (mirrored @ _LIGHT - 1))[..., None]
    richer = (body / body.mean()) ** (_RICHER * (1 - room).clip(0, 1))
    metal = body * room * richer + window * (0.35 * body + 150)
    share = material.gloss**2
    return _lit(normals, material) * (1 - share) + metal * share


def _rounded(distance: np.ndarray, radius: np.ndarray | float) -> np.ndarray:
    """Height (S, S) in pixels of a surface that is round across: a half circle over each outline."""
    share = (1 - distance.clip(0) / radius).clip(0, 1)
    return radius * np.sqrt(1 - share**2)


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
    return _lit(normals, material) + (0.4 + 0.6 * material.gloss) * sky[..., None]


def draw_glasses(picture: np.ndarray, mask: np.ndarray, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """A picture (S, S, 3) uint8 with the glasses that its mask (S, S) asks for.

    The picture is what is seen through the lenses. Returns the new picture and where it changed, (S, S) float32.
    """
    glass, thin = lenses(mask)
    if not glass.any() and not thin.any():
        return picture.copy(), np.zeros(mask.shape, np.float32)
    unit = fit_frame(mask).unit
    distance, places = _distance(glass, _EVEN), _on_lenses(glass)
    _, down, out = np.moveaxis(places, -1, 0)
    # Horn is thicker above, and at the hinges; thin metal is a wire.
    usual = max(1.1, material.width * unit)
    sturdy = float(smoothstep(np.float64((material.width - _WIRE[0]) / (_WIRE[1] - _WIRE[0]))))
    hinge = np.exp(-((out - _HINGE[0]) ** 2 + (down - _HINGE[1]) ** 2) / _HINGE[2])
    thicker = _ABOVE * smoothstep((0.2 - down) / 0.9) - _BELOW * smoothstep(down) + _CORNER * hinge
    width = (usual * (1 + sturdy * thicker)).astype(np.float32)
    across = width / 2 - abs(distance - width / 2)  # the frame lies inside the outline
    rim, inner = (across + 0.5).clip(0, 1), (distance - width + 0.5).clip(0, 1)
    bars = _distance(thin, _EVEN_BARS)
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
    height = np.maximum(_rounded(across, bevel), _rounded(middle, max(0.8, bars_width / 2)))
    surface = _frame_surface(_normals(height), down, material)
    if material.mottled:
        surface *= np.exp(material.mottled * _spots(mask.shape, unit))[..., None]
    result = Layer(surface, frame).over(result)
    return result, np.maximum.reduce([frame, inner, shadow]).astype(np.float32)


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
    distance = _distance(region)
    alpha = (distance + 0.6).clip(0, 1)
    # Each piece is as round as it is thick where it is thickest nearby.
    reach = max(3, round(0.05 * len(mask)) | 1)
    radius = cv2.dilate(distance, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))).clip(1.0)
    radius = cv2.GaussianBlur(radius, (0, 0), reach / 4)  # or its steps would be seen in the light
    normals = cv2.GaussianBlur(_normals(_rounded(distance, radius)), (0, 0), _SMOOTH)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    if label == Label.NECK_L:
        normals, alpha = _beads(region, distance, normals, alpha)
        alpha *= _before_collars(region, _bare(picture, mask))
    surface = _polished(normals, material) * _light(picture, mask)[..., None]
    fall = cv2.GaussianBlur(np.roll(alpha, (round(0.006 * len(mask)), 1), (0, 1)), (0, 0), 0.006 * len(mask))
    fall = np.where(fall < 0.02, 0, fall) * (mask != Label.BACKGROUND)
    result = Layer(np.zeros(picture.shape, np.float32), 0.4 * fall).over(picture)
    return Layer(surface, alpha).over(result), np.maximum(alpha, fall).astype(np.float32)
