"""Mask files: written as indexed PNG of class ids, read from the formats that common tools write.

A mask is a label map (H, W) uint8 with ids 0..18 (`labels.Label`).
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from os import PathLike
from typing import BinaryIO, Literal

import cv2
import numpy as np
from PIL import Image

from maskgan.images import MAX_PIXELS, Source, open_image
from maskgan.labels import (
    NUM_CLASSES,
    PALETTE,
    check_mask,
    decode,
    from_face_parsing_order,
    uses_face_parsing_order,
)

#: Larger masks than this are enlarged without smoothing, which would take seconds.
SMOOTH_SIDE = 1024

Order = Literal["auto", "celebamask", "face-parsing"]


class BadMask(ValueError):  # noqa: N818
    """The file cannot be used as a mask; the message says why and what to do, in one sentence."""


def write_mask(target: str | PathLike[str] | BinaryIO, mask: np.ndarray) -> None:
    """Write a label map (H, W) as an indexed PNG: pixel values are class ids, the palette gives them colours."""
    image = Image.fromarray(check_mask(mask))
    image.putpalette(PALETTE.tobytes())
    image.save(target, format="PNG")


def read_mask(
    source: Source, size: tuple[int, int] | None = None, *, order: Order = "auto", max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Read a mask file as a label map (H, W) uint8.

    Accepts indexed PNG and greyscale pictures of class ids, and RGB(A) pictures in the palette's colours.

    size: (height, width) of the result. A mask of another resolution with equal proportions is resized, along
        smooth borders where it is enlarged (see `resize_mask`).
    order: class order of the ids. "auto" recognises face-parsing.PyTorch ids by the layout of the
        parts, converts them and warns; masks in this project's palette are never converted.
    max_pixels: larger files are refused before they are decoded.
    Raises BadMask with one sentence for people.
    """
    image = open_image(source, max_pixels=max_pixels, error=BadMask)
    if image.format in ("JPEG", "MPO"):
        raise BadMask("JPEG blurs class ids along every edge, so it cannot hold a mask; save the mask as PNG.")
    try:
        mask, own_colours = _ids(image)
    except ValueError as cause:
        raise BadMask(str(cause)) from cause
    if order == "face-parsing":
        mask = from_face_parsing_order(mask)
    elif order == "auto" and not own_colours and _looks_like_face_parsing(mask):
        warnings.warn(
            "The mask's ids look like face-parsing.PyTorch's and were converted to the CelebAMask-HQ order "
            "(order='celebamask' keeps them as they are).",
            stacklevel=2,
        )
        mask = from_face_parsing_order(mask)
    return mask if size is None else resize_mask(mask, size, smooth=True)


def resize_mask(mask: np.ndarray, size: tuple[int, int], smooth: bool = False) -> np.ndarray:
    """A label map (H, W) at (height, width), without new classes.

    The nearest pixel counts; `smooth` enlarges along smooth borders instead, each pixel to the class with the largest
    share of it, up to SMOOTH_SIDE. Raises BadMask when the proportions differ.
    """
    (h, w), (height, width) = mask.shape, size
    if (h, w) == (height, width):
        return mask
    if abs(h * width / (w * height) - 1) > 0.01:
        raise BadMask(
            f"The mask has {w} x {h} pixels, but {width} x {height} (or a size of the same proportions) is needed; "
            "use the mask that belongs to this picture."
        )
    if smooth and height > h and width > w and max(size) <= SMOOTH_SIDE:
        result, most = np.zeros(size, mask.dtype), np.full(size, -np.inf, np.float32)
        for label in np.flatnonzero(np.bincount(mask.ravel())):
            own = (mask == label).astype(np.float32)
            share = cv2.resize(own, (width, height), interpolation=cv2.INTER_CUBIC)
            result[share > most] = label
            np.maximum(most, share, out=most)
        return result
    return mask[nearest(height, h)[:, None], nearest(width, w)]


def nearest(size: int, source: int) -> np.ndarray:
    """For each of `size` pixels in a row the one of `source` pixels on the same length that lies there, (size,)."""
    return ((np.arange(size) + 0.5) * source / size).astype(int)


def _looks_like_face_parsing(mask: np.ndarray) -> bool:
    step = max(1, max(mask.shape) // 256)  # 256 px are enough to see the layout
    return uses_face_parsing_order(mask[::step, ::step])


def _ids(image: Image.Image) -> tuple[np.ndarray, bool]:
    """Class ids (H, W) of a mask picture, and whether it has this project's palette."""
    if image.mode == "P":
        return _indexed_ids(image)
    if image.mode in ("RGBA", "LA", "PA"):
        if image.getextrema()[-1][0] < 255:
            raise BadMask("The mask has transparent pixels, which are no class; save it without transparency.")
        image = image.convert("L" if image.mode == "LA" else "RGB")
    if image.mode == "RGB":
        picture = np.asarray(image)
        grey = (picture == picture[..., :1]).all() and picture.max() < NUM_CLASSES
        return (check_mask(picture[..., 0]), False) if grey else (decode(picture), True)
    if image.mode in ("1", "CMYK", "YCbCr", "LAB", "HSV", "F"):
        raise BadMask(
            f"A picture of mode {image.mode} cannot hold class ids; save the mask as an indexed, grey or RGB PNG."
        )
    return check_mask(np.asarray(image)), False


def _indexed_ids(image: Image.Image) -> tuple[np.ndarray, bool]:
    """Ids of an indexed picture: by colour when its palette is this project's in any order, else the indices."""
    indices = np.asarray(image)
    used = np.unique(indices)
    ids, palette = np.zeros(256, np.uint8), np.zeros((256, 3), np.uint8)
    colours = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    palette[: len(colours)] = colours
    if used.max() < NUM_CLASSES and (palette[used] == PALETTE[used]).all():
        return indices.astype(np.uint8), True
    if palette[used].any():  # else nothing has a colour
        with suppress(ValueError):  # the colours are others
            ids[used] = decode(palette[used][None])[0]
            return ids[indices], True
    return check_mask(indices), False
