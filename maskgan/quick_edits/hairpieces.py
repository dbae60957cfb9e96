"""Hairpieces: the hair of the wardrobe's people with every strand of its edge, and where another face wears it.

A hairpiece is cut out of its lender's photo with an alpha matte (lab/prepare_wardrobe.py), so that single strands,
tips and gaps come with it. Worn is all of it, or only what lies over the forehead (a fringe), or only what hangs down
below the wearer's own hair, or only as much of it as was painted over the forehead (`painted_fringe.py`) or
around the head (`hair_around.py`). Here is where it lies and which classes it changes; `editing/hairdressing.py` lays
its pixels over a picture, in the colours of the wearer's own hair.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from maskgan.labels import EYES, FACE_PARTS, MOUTH, Label
from maskgan.mask_files import read_mask
from maskgan.quick_edits.hair_around import places_around, share_around
from maskgan.quick_edits.locks import TIPS, locks, tips
from maskgan.quick_edits.painted_fringe import drawn_to, share_of
from maskgan.quick_edits.scene import Scene, ramp
from maskgan.quick_edits.silhouettes import WARDROBE, Silhouette, wardrobe

#: Where the hair over the forehead begins to be the lender's, and is so, in frame units above the hairline.
_ROOTS, _GROWN = 0.45, 0.05

#: How far (frame units) from the picture's lower edge hair ends, half as far from its sides.
_EDGE = 0.24

#: How much lower (frame units) hair may begin than the lender's, and how far above its beginning nothing moves then.
_LOWER, _CROWN = 0.5, 0.6

#: y in the frame from which on down hair falls beside the forehead, and does not begin over it; and where it stays.
_FALLING, _STAYS = -0.8, 0.8

#: How far (frame units) hair reaches above the top of a forehead, and how much higher it is drawn for that at most.
_OVER, _HIGHER = 0.22, 1.8

#: Over which part beside the middle, in parts of half the face's width, hair that begins lower does so less and less.
_BESIDES = (0.75, 1.4)

#: Half the width of what is above the middle of the face, and how thick hair is there at least on a head that is not
#: bald, in frame units.
_MIDDLE, _SEAM = 0.3, 0.13

#: How far (frame units) hair begins below the top of a bald head at least, and within which part of half the face's
#: width.
_MEETS, _MEETING = 0.28, 0.7

#: y of the brows in the frame.
_BROWS = -0.36

#: How far (frame units) hair that is cut off by the side of the lender's picture goes on beyond it.
_BEYOND = 0.15

#: How far below the upper edge of the lender's picture, as a share of its side, the outline tells how hair goes on.
_SLOPE = 0.06

#: Between which heights (frame units) above the picture's lower edge hair hangs that ends there, how wide it is at
#: least, and how much shorter than in its middle it is at its outer and its inner side.
_LOW, _NARROW, _SHORTER = (0.6, 0.2), 0.15, (0.45, 0.25)

#: y above whose value hair ends that is short; between which rows it gets thinner, and how thick it is there beside the
#: head; all in frame units.
_SHORT, _TAPERS, _THICK = 0.1, (-0.8, 0.12), (0.6, 0.03)

#: Longer hair leaves the wearer's own outline between these rows (frame units), by so much in the end.
_SPREADS, _SPREAD = (-0.5, 0.8), 1.0

#: How steeply hair falls beside a hat, from under whose edge it comes.
STEEPLY = 2.5


class Part(str, Enum):
    """Which part of a hairpiece is worn."""

    WHOLE = "whole"
    FRINGE = "fringe"
    LENGTH = "length"
    FOREHEAD = "forehead"
    AROUND = "around"


#: Parts that lie where hair was painted.
ON_PAINT = (Part.FOREHEAD, Part.AROUND)

#: How a hairpiece's name ends by whether it is mirrored.
_WAYS = {None: "", False: ".plain", True: ".mirrored"}


class Worn(NamedTuple):
    """A hairpiece on a face.

    name: an entry of the wardrobe of kind hair; size: of a fringe, how much of the way from hairline to brows it hangs
    down, 1 as the lender's; of a length, the y of its end in the frame of the wearer's face; of a whole one, 1 and how
    much lower (frame units) it begins over the forehead; of hair that was painted, 1; mirrored: whether it is its
    mirror image, None for what the face asks for.
    """

    name: str
    part: Part
    size: float = 1.0
    mirrored: bool | None = None

    def __str__(self) -> str:
        return f"{self.name}.{self.part.value}.{self.size:.2f}{_WAYS[self.mirrored]}"

    def facing(self, scene: Scene) -> Worn:
        """It with the side to which this face leans, which stays when the edit has changed the face's hair."""
        piece = hairpiece(self.name)
        return self._replace(mirrored=piece.facing(scene) is not piece)

    @classmethod
    def parse(cls, text: str) -> Worn:
        """What `str` made of one; raises ValueError for anything else."""
        name, part, size = text.split(".", 2)
        way = next(way for way in (True, False, None) if size.endswith(_WAYS[way]))
        worn = cls(name, Part(part), float(size.removesuffix(_WAYS[way])), way)
        if name not in hairpieces() or not 0 <= worn.size <= 4 or str(worn) != text:
            raise ValueError("no such hairpiece")
        return worn


@dataclass(frozen=True, eq=False)
class Hairpiece:
    """Hair of a person: `colours` (n, n, 3) uint8 RGB, `alpha` (n, n) float32 in 0..1, and the label map (h, h) that
    it lies in, whose hair is where alpha is above one half."""

    colours: np.ndarray
    alpha: np.ndarray
    silhouette: Silhouette

    @cached_property
    def mirrored(self) -> Hairpiece:
        """The hairpiece seen in a mirror."""
        flipped = (np.ascontiguousarray(plane[:, ::-1]) for plane in (self.colours, self.alpha))
        return Hairpiece(*flipped, self.silhouette.mirrored)

    def crown(self, cols: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """How far places above the picture belong to hair that its upper edge cut off: (H, W) float32 in 0..1.

        cols, rows: the places (H, W) in pixels of the picture. The hair's outline goes on as the parabola through its
        widths at the edge and a little below it.
        """
        below = round(_SLOPE * len(self.alpha))
        edge, lower = (np.flatnonzero(self.alpha[row] > 0.5) for row in (0, below))
        if not len(edge) or not len(lower):
            return np.zeros(cols.shape, np.float32)
        half, wider = np.ptp(edge) / 2, max(np.ptp(lower), 1.01 * np.ptp(edge)) / 2
        height = below * half**2 / (wider**2 - half**2)
        inside = 1 + rows / height - ((cols - (edge[0] + edge[-1]) / 2) / half) ** 2
        return ramp(inside * half, -0.01 * len(self.alpha), 0.01 * len(self.alpha)).astype(np.float32)

    def facing(self, scene: Scene) -> Hairpiece:
        """The hairpiece, or its mirror image, so that it leans to the side to which the face does."""
        return self if self.silhouette.facing(scene) is self.silhouette else self.mirrored


class Coverage(NamedTuple):
    """Where a face wears a hairpiece, all (H, W) float32.

    alpha: how far each pixel belongs to it, 0..1; cols, rows: its place in the lender's picture; above: 1 that falls to
    0 where all hair ends.
    """

    scene: Scene
    alpha: np.ndarray
    cols: np.ndarray
    rows: np.ndarray
    above: np.ndarray
    piece: Hairpiece


@cache
def hairpieces() -> tuple[str, ...]:
    """The names of the wardrobe's hairpieces."""
    return tuple(name for name in wardrobe() if (WARDROBE / f"{name}.webp").is_file())


@cache
def hairpiece(name: str) -> Hairpiece:
    """A hairpiece by its name."""
    with Image.open(WARDROBE / f"{name}.webp") as image:
        picture = np.asarray(image.convert("RGBA"))
    mask = read_mask(WARDROBE / f"{name}.png", order="celebamask")
    alpha = picture[..., 3].astype(np.float32) / 255
    return Hairpiece(np.ascontiguousarray(picture[..., :3]), alpha, Silhouette(mask, Label.HAIR))


def coverage(scene: Scene, worn: Worn, painted: np.ndarray | None = None) -> Coverage:
    """Where a face wears a hairpiece; the scene's hair is what the face has without it.

    painted: where (H, W) bool a part of `ON_PAINT` was painted, at least one pixel; only those ask for it.

    Raises QuickEditImpossible where the mask has no face.
    """
    piece = hairpiece(worn.name)
    if worn.mirrored is None:
        piece = piece.facing(scene)
    elif worn.mirrored:
        piece = piece.mirrored
    shape = piece.silhouette
    y = scene.y
    if worn.part == Part.FRINGE:
        y = y + (1 - worn.size) * np.clip(_BROWS - hairline(scene), 0.3, 1.0)
    elif worn.part == Part.LENGTH:
        y = hanging(scene, shape, worn.size)
    elif worn.part == Part.FOREHEAD:
        y = drawn_to(scene, shape, painted)
    elif worn.part == Part.WHOLE:
        y = _over_head(scene, shape)
        if worn.size > 1:
            y = _drawn_down(scene, shape, worn.size - 1, y)
    if worn.part == Part.AROUND:
        cols, rows = places_around(scene, shape, painted)
    else:
        cols, rows = shape.scene.frame.to_pixels(*shape.places(scene, y))
    scale = len(piece.alpha) / len(shape.mask)
    cols, rows = (cols + 0.5) * scale - 0.5, (rows + 0.5) * scale - 0.5
    # Hair that the lender's picture cut off goes on beyond it as its own mirror image, a little way at the sides.
    alpha = cv2.remap(piece.alpha, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    beyond = np.maximum(-cols, cols - (len(piece.alpha) - 1)) / (scale * shape.scene.unit)
    alpha = np.where(rows < 0, piece.crown(cols, rows), alpha)
    alpha = alpha * _share(scene, shape, worn, painted) * (1 - ramp(beyond, 0.0, _BEYOND))
    above = _above_tips(scene, worn, alpha)
    alpha = alpha * above
    features = scene.where(*EYES, *MOUTH, Label.NOSE, Label.EYE_G)
    alpha *= 1 - cv2.GaussianBlur(features.astype(np.float32), (0, 0), max(0.5, 0.01 * scene.unit))
    return Coverage(scene, np.where(features, 0, alpha).astype(np.float32), cols, rows, above, piece)


def _above_tips(scene: Scene, worn: Worn, alpha: np.ndarray) -> np.ndarray:
    """1 above the tips of a hairpiece, falling to 0 over them: (H, W) float32; alpha: (H, W), the hair that goes on.

    Hair also ends before the picture's lower and side edges, beyond which the photo may go on.
    """
    height, width = scene.mask.shape
    across, down = (np.arange(n) / scene.unit for n in (width, height))
    shorter = _rounded(scene, alpha)
    below = (down[-1] - down)[:, None] + (tips(across - across.mean()) - shorter)[None]
    beside = np.minimum(across, across[-1] - across)[None] + 0.25 * TIPS * locks(down - down.mean())[:, None]
    inside = ramp(below, _EDGE / 4, _EDGE) * ramp(beside, _EDGE / 4, _EDGE / 2)
    if worn.part == Part.LENGTH:
        inside = inside * (1 - ramp(scene.y - worn.size - tips(scene.x) + shorter, -0.12, 0.04))
    return inside.astype(np.float32)


def _rounded(scene: Scene, alpha: np.ndarray) -> np.ndarray:
    """How much shorter (frame units) hair (H, W) that hangs down to the picture's lower edge is at each column (W,): at
    either side of the face its middle hangs lowest."""
    height, width = alpha.shape
    band = slice(max(0, height - round(_LOW[0] * scene.unit)), max(1, height - round(_LOW[1] * scene.unit)))
    there, columns = alpha[band].max(0).astype(np.float64), np.arange(width)
    middle = float(scene.frame.to_pixels(sum(scene.cheeks) / 2, scene.chin)[0])
    shorter = np.zeros(width)
    for side in (-1, 1):
        of = columns * side > middle * side
        wide = there[of].sum()
        if wide < _NARROW * scene.unit:
            continue
        centre = (there * columns)[of].sum() / wide
        half = np.sqrt(3 * (there * (columns - centre) ** 2)[of].sum() / wide)  # of hair that is as dense all along
        out = ((columns - centre) * side / half).clip(-1, 1)
        shorter[of] = (np.where(out > 0, *_SHORTER) * out**2)[of]
    return shorter


def hairline(scene: Scene) -> float:
    """y of the hairline above the middle of the face, or of the upper end of a face that shows none."""
    _, middle, _ = across(scene)
    near = abs(scene.x - middle) < _MIDDLE
    forehead = scene.where(Label.SKIN) & near & (scene.y < -0.2)
    if forehead.any():
        return float(np.percentile(scene.y[forehead], 2))
    return float(scene.y[scene.face & near].min()) if (scene.face & near).any() else -1.0


def is_bald(scene: Scene) -> bool:
    """Whether a head without a hat has no hair, or a seam of it, above the middle of the forehead."""
    _, middle, _ = across(scene)
    near = abs(scene.x - middle) < _MIDDLE
    hair = scene.where(Label.HAIR) & near & (scene.y < hairline(scene) + _SEAM)
    seam = np.count_nonzero(hair) < 2 * _MIDDLE * _SEAM * scene.unit**2
    return bool(seam and not (scene.where(Label.HAT) & near).any())


def lowered_to(scene: Scene, shape: Silhouette, lowest: float = 0.0) -> float:
    """How much lower (frame units) a shape's hair has to begin over the forehead for it not to be higher than it is.

    Nor is it above a bald head that leans back. lowest: y of the hairline from which on down it is a fringe's, which
    other hair need not have.
    """
    own, (at, _, edge) = hairline(scene), shape.edges_on(scene)
    lower = own - float(np.interp(np.linspace(-_MIDDLE, _MIDDLE, 7), at, edge).min()) if own < lowest else 0.0
    _, middle, half = across(scene)
    grid = np.linspace(-_MEETING, _MEETING, 29)
    head = (scene.face | scene.where(Label.HAIR, Label.HAT)) & (scene.y < 0)
    if head.any():
        top, _ = scene.envelope(head, middle + half * grid)
        lower = max(lower, float((top - np.interp(grid, at, edge)).max()) + _MEETS)
    return round(float(np.clip(lower, 0, _LOWER)), 2)


def _over_head(scene: Scene, shape: Silhouette) -> np.ndarray:
    """y to look up (H, W) for a shape's hair to cover the upper head of a face whose hairline has receded.

    What lies above its lower edge is drawn up, where it would end below the forehead or hardly above it.
    """
    if shape.is_cut_off or not scene.face.any():
        return scene.y
    (q, _, _), (at, upper, lower) = across(scene), shape.edges_on(scene)
    middle = np.linspace(-_MIDDLE, _MIDDLE, 7)
    top, first = (float(np.interp(middle, at, edge).mean()) for edge in (upper, np.minimum(lower, _FALLING)))
    wanted = float(scene.y[scene.face].min()) - _OVER
    if wanted >= top:
        return scene.y
    lower = np.interp(q, at, np.minimum(lower, _FALLING))
    higher = min((first - wanted) / (first - top), _HIGHER)
    return np.where(scene.y < lower, lower + (scene.y - lower) / higher, scene.y)


def _drawn_down(scene: Scene, shape: Silhouette, by: float, y: np.ndarray) -> np.ndarray:
    """y to look up (H, W), `y` (H, W) so far, when a shape's hair begins lower by `by` over the forehead.

    Neither its outline moves nor what lies beside the head and the cheeks.
    """
    q, _, _ = across(scene)
    at, upper, lower = shape.edges_on(scene)
    lower = np.minimum(lower, _FALLING)
    upper, lower = np.interp(q, at, np.maximum(upper, lower - _CROWN)), np.interp(q, at, lower)
    by = by * (1 - ramp(abs(q), *_BESIDES))
    return y - by * ramp(y, upper, lower + by) * (1 - ramp(y, lower + by, _STAYS))


def hanging(scene: Scene, shape: Silhouette, end: float) -> np.ndarray:
    """y to look up (H, W) when the hair of a shape is stretched or pressed from the ears down to end at `end`."""
    ears, longest = 0.2, shape.length
    return np.where(scene.y > ears, ears + (scene.y - ears) * (longest - ears) / max(end - ears, 0.2), scene.y)


def across(scene: Scene) -> tuple[np.ndarray, float, float]:
    """x seen from the middle of the face in half faces (H, W), that middle, and half the face's width."""
    left, right = scene.cheeks
    middle, half = (left + right) / 2, (right - left) / 2
    return (scene.x - middle) / half, middle, half


def _share(scene: Scene, shape: Silhouette, worn: Worn, painted: np.ndarray | None) -> np.ndarray:
    """How far each pixel may show the hairpiece when only this part of it is worn: (H, W) float32 in 0..1."""
    if worn.part == Part.FOREHEAD:
        return share_of(scene, painted)
    if worn.part == Part.AROUND:
        return share_around(scene, painted)
    q, middle, half = across(scene)
    if worn.part == Part.FRINGE:
        first = hairline(scene)
        over = ramp(scene.y, first - _ROOTS, first - _GROWN) * (1 - ramp(scene.y, 0.0, 0.25))
        head = scene.where(*FACE_PARTS, Label.HAIR).astype(np.float32)
        head = cv2.GaussianBlur(head, (0, 0), max(0.5, 0.03 * scene.unit))
        return (over * (1 - ramp(abs(q), 0.92, 1.12)) * ramp(head, 0.5, 0.95)).astype(np.float32)
    if worn.part == Part.WHOLE:
        share = dome(scene, shape) if shape.is_cut_off else np.ones(scene.mask.shape, np.float32)
        return share if shape.bottom > _SHORT else (share * _tapered(scene)).astype(np.float32)
    own = scene.where(Label.HAIR)
    outer = own & (abs(scene.x - middle) > 0.45 * half)
    bottom = float(np.percentile(scene.y[outer], 96)) if outer.any() else -0.5
    # The new hair lies behind the wearer's own, but over its edge, which has some of the old ground in it.
    core = cv2.distanceTransform(own.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    core = ramp(core, 0.08, 0.22)
    away = cv2.distanceTransform((~(own | scene.face)).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    reach = _SPREAD * ramp(scene.y, *_SPREADS) + 0.3 * tips(scene.x)
    share = 1 - core * (1 - ramp(scene.y, bottom - 0.9, bottom - 0.25))
    if (hat := brim_of(scene)) is not None:
        brim, beside = hat
        reach = np.minimum(reach, away + (scene.y - brim) / STEEPLY - beside + 0.3 * tips(scene.x))
    return (share * (1 - ramp(away - reach, -0.06, 0.02))).astype(np.float32)


def brim_of(scene: Scene) -> tuple[np.ndarray, np.ndarray] | None:
    """y of the lower edge of a hat at the x of each pixel, which goes on level beside it, and how far (frame units)
    beside it the pixel is, (H, W) each; None where there is none."""
    hat = scene.part(Label.HAT)
    if hat is None:
        return None
    grid = np.linspace(scene.x[hat].min(), scene.x[hat].max(), 41)
    _, brim = scene.envelope(hat, grid)
    return np.interp(scene.x, grid, brim), np.maximum(0, np.maximum(grid[0] - scene.x, scene.x - grid[-1]))


def _tapered(scene: Scene) -> np.ndarray:
    """How far short hair is seen beside a head, where it gets thinner down to the ears: (H, W) float32.

    It does so in locks and strands, as long hair ends.
    """
    _, middle, half = across(scene)
    (low, high), (thick, thin) = _TAPERS, _THICK
    left = np.clip((high - scene.y) / (high - low), 0, 1)
    reach = thin + (thick - thin) * left**1.5 + 0.5 * tips(scene.x) * ramp(left, 1.0, 0.6)
    return 1 - ramp(abs(scene.x - middle) - half - reach, -0.05, 0.03)


def dome(scene: Scene, shape: Silhouette) -> np.ndarray:
    """A round head of hair where the lender's picture cut off its upper end: (H, W) float32, 1 within it.

    Hair is about as thick above the head as beside it.
    """
    _, _, half = across(scene)
    cols, rows = shape.scene.frame.to_pixels(*shape.places(scene))
    hair = cv2.remap(shape.distance, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0
    left, right = scene.extent(hair, -0.7, 0.1, 1.2 * half)
    reach = max((right - left) / 2, half + 0.1)
    top = head_top(scene) - max(0.42, 0.95 * (reach - half))
    base = -0.45
    beside = abs(scene.x - (left + right) / 2) / reach
    up = np.maximum(base - scene.y, 0) / (base - top)
    radius = (beside**2.2 + up**2.2) ** (1 / 2.2) + 0.012 * locks(scene.x)
    return np.where(scene.y > base, 1, 1 - ramp(radius, 0.97, 1.03)).astype(np.float32)


def head_top(scene: Scene) -> float:
    """y of the top of the bare head."""
    return float(np.clip(scene.y[scene.face].min(), -1.55, -1.2)) if scene.face.any() else -1.3
