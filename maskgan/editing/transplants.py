"""Things of somebody else's photo on this one: a hat's own felt and straw, fitted to the place that the mask gives it.

The lender's face is bent onto this one as for the shape itself (quick_edits/silhouettes.py), and the thing's pixels
come with it; where the outlines differ, the nearest pixels of the thing go on. Its light stays the lender's.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from maskgan.blending import BLURRED, mirrored_beyond, nearest_of
from maskgan.editing.flows import window_of
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.labels import Label
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.frame import fit_frame
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.silhouettes import Silhouette

#: How far a hat's shadow falls on what lies below it, in frame units.
_SHADOW = 0.16

#: Lifts (frame units) and sizes that are tried when a shape is found again in a mask.
_LIFTS, _SIZES = np.linspace(-0.5, 0.1, 9), (0.94, 1.0, 1.06, 1.13)

#: In pixels of a picture of 256: how far within its outline a thing shows none of the ground, and how far beyond that
#: it goes on as its mirror image.
_WITHIN, _MIRRORED = 1.25, 12.0

#: Side in pixels at which it is looked for.
_SEARCH = 80

#: Shapes that are alike to less than this are taken for different ones.
_ALIKE = 0.7


@dataclass(frozen=True, eq=False)
class Lender:
    """A face of another photo that lends the pixels of its hat.

    picture: (S, S, 3) uint8 RGB; mask: (S, S) class ids; packed: the picture as a JPEG file, which `picture` is read
    from, so that it is the same whenever it is read again.
    """

    picture: np.ndarray
    mask: np.ndarray
    packed: bytes

    @classmethod
    def of(cls, picture: np.ndarray, mask: np.ndarray) -> Lender:
        """The lender of a crop (S, S, 3) uint8 RGB and its mask (S, S)."""
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=92)
        return cls.read(file.getvalue(), mask)

    @classmethod
    def read(cls, packed: bytes, mask: np.ndarray) -> Lender:
        """A lender again; raises ValueError when the bytes are no JPEG file of the mask's size, or it has no hat."""
        if not (mask == Label.HAT).any():
            raise ValueError("There is no hat to lend.")
        try:
            with Image.open(io.BytesIO(packed), formats=["JPEG"]) as picture:
                if picture.size != mask.shape[::-1] or picture.mode != "RGB":
                    raise ValueError("The lender's picture and mask differ.")
                return cls(np.array(picture), mask, packed)
        except (OSError, SyntaxError) as problem:
            raise ValueError("The lender's picture cannot be read.") from problem

    @cached_property
    def shape(self) -> Silhouette:
        """The shape of the hat."""
        return Silhouette(self.mask, Label.HAT)


class Fit(NamedTuple):
    """Where a reference's thing lies in a mask: columns and rows of the reference for each pixel, (S, S) float32."""

    cols: np.ndarray
    rows: np.ndarray


class _Found(NamedTuple):
    """How well the outlines of a shape and of one in a mask meet, and by which of its mirror image, lift and size."""

    overlap: float = 0.0
    mirrored: bool = False
    lift: float = 0.0
    size: float = 1.0


#: What was found in the last masks, by the shapes' own: an edit asks for several shapes, for one of them again, and
#: once more when it is undone.
_FOUND: LastingCache[_Found] = LastingCache(2048, lambda found: 1)


def _found(mask: np.ndarray, shape: Silhouette) -> _Found:
    """Where a shape meets what a mask (S, S) has of its class best; of no overlap where it has nothing."""
    small = resize_mask(mask, (_SEARCH, _SEARCH))
    return _FOUND.get(shape.mask, fingerprint(small, int(shape.label)), lambda: _looked_for(small, shape))


@lru_cache(maxsize=8)
def _scene_of(packed: bytes) -> Scene:
    """The scene in the bytes of a mask (80, 80), in which several shapes are looked for."""
    return Scene(np.frombuffer(packed, np.uint8).reshape(_SEARCH, _SEARCH))


#: Shapes as the last faces would wear them; at most so many bytes.
_WORN: LastingCache[tuple[np.ndarray, np.ndarray]] = LastingCache(2**23, lambda worn: worn[0].nbytes)


def _as_worn(shape: Silhouette, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Where a face would wear a shape, lift by lift, size by size, as bits of (N, S, S) bool, and on how many pixels
    (N,): which depends on the place of the face and no stroke of hair or a hat."""

    def found() -> tuple[np.ndarray, np.ndarray]:
        sizes = np.float32(_SIZES)[:, None, None]
        x = shape.across(scene)
        y = shape.down(scene, scene.y - _LIFTS[:, None, None])[:, None]
        # All lifts and sizes below each other in one picture: far fewer calls.
        places = shape.scene.frame.to_pixels(x * sizes, y * sizes)  # lifts, sizes, S, S
        cols, rows = (place.reshape(-1, _SEARCH) for place in places)
        distance = cv2.remap(shape.distance, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        worn = distance > 0
        return np.packbits(worn), np.count_nonzero(worn.reshape(-1, _SEARCH * _SEARCH), axis=1)

    return _WORN.get(shape.mask, fingerprint(int(shape.label), scene.frame, scene.cheeks, scene.chin), found)


def _looked_for(small: np.ndarray, shape: Silhouette) -> _Found:
    scene = _scene_of(small.tobytes())
    few = scene.where(shape.label)
    area, best = np.count_nonzero(few), _Found()
    for candidate in (shape, shape.mirrored):
        worn, areas = _as_worn(candidate, scene)
        worn = np.unpackbits(worn).view(bool).reshape(-1, *few.shape)
        both = np.count_nonzero(worn & few, axis=(1, 2))
        overlaps = both / np.maximum(areas + area - both, 1)
        at = int(overlaps.argmax())
        if overlaps[at] > best.overlap:
            lift, size = _LIFTS[at // len(_SIZES)], _SIZES[at % len(_SIZES)]
            best = _Found(float(overlaps[at]), candidate is not shape, float(lift), size)
    return best


def likeness(mask: np.ndarray, shape: Silhouette) -> float:
    """Intersection over union of what a mask (S, S) has of a shape's class with the shape, where they meet best."""
    return _found(mask, shape).overlap


def fit(mask: np.ndarray, shape: Silhouette) -> Fit:
    """Find a shape of the wardrobe again in a mask (S, S), as a quick edit laid it in, or somebody painted it.

    Tried are the shape and its mirror image, a few lifts and sizes; where none is like what is there, the extents of
    both are brought to meet.
    """
    scene = Scene(mask)
    mine = mask == shape.label
    found = _found(mask, shape)
    if found.overlap > _ALIKE:
        candidate = shape.mirrored if found.mirrored else shape
        x, y = candidate.places(scene, scene.y - found.lift)
        cols, rows = candidate.scene.frame.to_pixels(x * found.size, y * found.size)
    else:
        candidate = shape
        extents = []
        for one, inside in ((scene, mine), (shape.scene, shape.mask == shape.label)):
            extents.append([np.percentile(one.x[inside], (0.5, 99.5)), np.percentile(one.y[inside], (0.5, 99.5))])
        (across, down), (their_across, their_down) = extents
        cols, rows = shape.scene.frame.to_pixels(
            their_across[0] + (scene.x - across[0]) * np.ptp(their_across) / max(np.ptp(across), 1e-3),
            their_down[0] + (scene.y - down[0]) * np.ptp(their_down) / max(np.ptp(down), 1e-3),
        )
    if candidate is not shape:
        cols = np.float32(shape.mask.shape[1] - 1) - cols
    return Fit(cols, rows)


#: Pictures of the last lenders whose things go on beyond their outlines.
_GONE_ON: LastingCache[np.ndarray] = LastingCache(2**24, lambda picture: picture.nbytes)


def gone_on(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 in which a thing `inside` (h, w) bool goes on beyond its outline.

    It does so as its mirror image, and far from it by its nearest pixels, from a little within it, where none of the
    ground shows.
    """
    scale = len(picture) / 256
    surely = (
        cv2.erode(inside.astype(np.uint8), np.ones((2 * round(_WITHIN * scale) + 1,) * 2, np.uint8), borderValue=1) > 0
    )

    def going_on() -> np.ndarray:
        if not surely.any():
            return picture
        reach = round(_MIRRORED * scale)
        near = cv2.distanceTransform((~surely).astype(np.uint8), cv2.DIST_L2, 5) < reach
        return (
            mirrored_beyond(nearest_of(picture, surely).astype(np.float32), surely, near, reach)
            .round()
            .astype(np.uint8)
        )

    return _GONE_ON.get(picture, fingerprint(surely), going_on)


def transplant(
    picture: np.ndarray, mask: np.ndarray, shape: Silhouette, their_picture: np.ndarray, where: Fit | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A picture (S, S, 3) uint8 in whose mask (S, S) the shape's class shows the pixels of its lender.

    shape: of the lender's mask (h, w); their_picture: (h, w, 3) uint8; where: from `fit`, if it is known.
    Returns the new picture and where it changed, (S, S) float32.
    """
    label = shape.label
    inside = mask == label
    if not inside.any():
        return picture.copy(), np.zeros(mask.shape, np.float32)
    where = where or fit(mask, shape)
    scale, unit = len(mask) / 256, fit_frame(mask).unit if label == Label.HAT else 0.0
    soft, shadow, lower = 0.7 * scale, _SHADOW / 2 * unit, round(0.5 * _SHADOW * unit)
    # Nothing changes farther away than both are blurred.
    box = window_of(inside, lower + math.ceil(BLURRED * max(soft, shadow)) + 1)
    inside, below = inside[box].astype(np.float32), picture[box]
    stuff = cv2.remap(
        gone_on(their_picture, shape.mask == shape.label),
        np.ascontiguousarray(where.cols[box]),
        np.ascontiguousarray(where.rows[box]),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    alpha = ((cv2.GaussianBlur(inside, (0, 0), soft) - 0.15) / 0.7).clip(0, 1)

    laid, part = below.astype(np.float32), alpha
    if label == Label.HAT:
        lowered = np.zeros_like(inside)
        lowered[lower:] = inside[: len(inside) - lower]
        shade = 0.5 * cv2.GaussianBlur(lowered, (0, 0), shadow)
        shade[class_region(mask[box], (Label.BACKGROUND, Label.CLOTH)) | (shade < 0.01)] = 0
        laid = laid * (1 - shade[..., None])
        part = np.maximum(alpha, shade)
    laid = laid + alpha[..., None] * (stuff - laid)
    result, changed = picture.copy(), np.zeros(mask.shape, np.float32)
    result[box] = np.where(part[..., None] > 0, laid.round().clip(0, 255), below)
    changed[box] = part
    return result, changed
