"""Things of somebody else's photo on this one: a hat's own felt and straw, fitted to the place that the mask gives it.

The lender's face is bent onto this one as for the shape itself (quick_edits/silhouettes.py), and the thing's pixels
come with it; where the outlines differ, the nearest pixels of the thing go on. Its light stays the lender's.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from maskgan.blending import nearest_of
from maskgan.labels import Label
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.frame import fit_frame
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.silhouettes import Silhouette

#: How far a hat's shadow falls on what lies below it, in frame units.
_SHADOW = 0.16

#: Lifts (frame units) and sizes that are tried when a shape is found again in a mask.
_LIFTS, _SIZES = np.linspace(-0.5, 0.1, 9), (0.94, 1.0, 1.06)

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


def _overlap(mine: np.ndarray, theirs: np.ndarray, cols: np.ndarray, rows: np.ndarray) -> float:
    worn = cv2.remap(theirs, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0
    return float((worn & mine).sum() / max((worn | mine).sum(), 1))


def _found(mask: np.ndarray, shape: Silhouette) -> tuple[float, tuple[Silhouette, float, float] | None]:
    """How well the outlines of a shape meet those in a mask (S, S), and by which candidate, lift and size they do."""
    small = Scene(resize_mask(mask, (_SEARCH, _SEARCH)))
    few = small.where(shape.label)
    best, found = 0.0, None
    for candidate in (shape, shape.mirrored):
        for lift in _LIFTS:
            x, y = candidate.places(small, small.y - lift)
            for size in _SIZES:
                cols, rows = candidate.scene.frame.to_pixels(x * size, y * size)
                overlap = _overlap(few, candidate.distance, cols, rows)
                if overlap > best:
                    best, found = overlap, (candidate, lift, size)
    return best, found


def likeness(mask: np.ndarray, shape: Silhouette) -> float:
    """Intersection over union of what a mask (S, S) has of a shape's class with the shape, where they meet best."""
    return _found(mask, shape)[0]


def fit(mask: np.ndarray, shape: Silhouette) -> Fit:
    """Find a shape of the wardrobe again in a mask (S, S), as a quick edit laid it in, or somebody painted it.

    Tried are the shape and its mirror image, a few lifts and sizes; where none is like what is there, the extents of
    both are brought to meet.
    """
    scene = Scene(mask)
    mine = mask == shape.label
    met, found = _found(mask, shape)
    if found is not None and met > _ALIKE:
        candidate, lift, size = found
        x, y = candidate.places(scene, scene.y - lift)
        cols, rows = candidate.scene.frame.to_pixels(x * size, y * size)
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


def gone_on(picture: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 in which a thing `inside` (h, w) bool goes on beyond its outline by its nearest pixels.

    They are taken from a little within it, where none of the ground shows.
    """
    return nearest_of(picture, cv2.erode(inside.astype(np.uint8), np.ones((5, 5), np.uint8), borderValue=1) > 0)


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
    stuff = gone_on(their_picture, shape.mask == label)
    stuff = cv2.remap(stuff, where.cols, where.rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    scale = len(mask) / 256
    soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 0.7 * scale)
    alpha = ((soft - 0.15) / 0.7).clip(0, 1)

    result = picture.astype(np.float32)
    changed = alpha.copy()
    if label == Label.HAT:
        unit = fit_frame(mask).unit
        below = np.roll(inside.astype(np.float32), round(0.5 * _SHADOW * unit), axis=0)
        shade = 0.5 * cv2.GaussianBlur(below, (0, 0), _SHADOW / 2 * unit)
        shade[class_region(mask, (Label.BACKGROUND, Label.CLOTH)) | (shade < 0.01)] = 0
        result = result * (1 - shade[..., None])
        changed = np.maximum(changed, shade)
    result = result + alpha[..., None] * (stuff - result)
    return np.where(changed[..., None] > 0, result.round().clip(0, 255), picture).astype(np.uint8), changed
