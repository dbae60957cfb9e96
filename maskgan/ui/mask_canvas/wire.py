"""What travels between Python and the mask canvas, and the checks on what comes back.

A label map travels as base64 of byte pairs (class id, run length - 1) in row order: a face of 256 x 256
takes a few kilobytes instead of 87. Nothing that a browser sends is trusted: `read` looks at every field.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from maskgan.editing.carrying import Carried
from maskgan.labels import NUM_CLASSES, check_mask

#: Longest data URL of a photo that the browser may send back, in characters (a 512 px JPEG takes about 200,000).
_PHOTO_LIMIT = 8_000_000
_REQUIRED = {"id", "width", "height", "mask"}
_OPTIONAL = {"original", "photo", "stroke", "instead", "version", "locked", "moved"}

#: Numbers of a move beyond this are none that a region may have.
_FAR = 1e9

#: A hand moves a region, and its twin on the other side of the face.
_MOST_MOVED = 2


class Moved(NamedTuple):
    """What the canvas tells of its mask: mask: (H, W) uint8, the one from which it moved regions, and how it did."""

    mask: np.ndarray
    regions: tuple[Carried, ...]


def encode_runs(mask: np.ndarray) -> str:
    """Label map (H, W) uint8 -> base64 text of (class id, run length - 1) byte pairs."""
    flat = mask.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    lengths = np.diff(ends, prepend=0)
    pieces = (lengths + 255) >> 8  # a run longer than 256 goes as several pairs
    pairs = np.full((int(pieces.sum()), 2), 255, np.uint8)
    pairs[:, 0] = np.repeat(flat[ends - 1], pieces)
    pairs[np.cumsum(pieces) - 1, 1] = (lengths - 1) & 255
    return base64.b64encode(pairs).decode("ascii")


def decode_runs(text: str, size: tuple[int, int]) -> np.ndarray:
    """The inverse of `encode_runs` for a mask of `size` (height, width).

    Raises ValueError with one sentence when the text is anything else.
    """
    count = size[0] * size[1]
    if len(text) > 4 * math.ceil(2 * count / 3):
        raise ValueError("The canvas sent a mask that is too long for its size; reload the page.")
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("The canvas sent a mask that is not base64; reload the page.") from error
    if len(raw) % 2:
        raise ValueError("The canvas sent half a run at the end of the mask; reload the page.")
    labels, runs = np.frombuffer(raw, np.uint8).reshape(-1, 2).T
    lengths = runs.astype(np.int64) + 1
    if lengths.sum() != count:
        raise ValueError(
            f"The canvas sent {int(lengths.sum())} pixels where {size[1]} x {size[0]} were expected; reload the page."
        )
    if (labels >= NUM_CLASSES).any():
        raise ValueError(f"The canvas sent class ids above {NUM_CLASSES - 1}; reload the page.")
    return np.repeat(labels, lengths).reshape(size)


def encode_photo(crop: np.ndarray) -> str:
    """Face picture (H, W, 3) uint8 RGB -> JPEG data URL."""
    file = io.BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def payload(
    mask: np.ndarray,
    original: np.ndarray | None = None,
    photo_crop: np.ndarray | None = None,
    id: int = 0,
    version: int | None = None,
) -> dict[str, Any]:
    """See `MaskCanvas.payload`."""
    mask = check_mask(mask)
    height, width = mask.shape
    value: dict[str, Any] = {"id": int(id), "width": width, "height": height, "mask": encode_runs(mask)}
    if original is not None:
        original = check_mask(original)
        if original.shape != mask.shape:
            raise ValueError(f"The original mask has the shape {original.shape}, the mask {mask.shape}.")
        value["original"] = encode_runs(original)
    if photo_crop is not None:
        value["photo"] = encode_photo(photo_crop)
    if version is not None:
        value["version"] = version
    return value


def _whole_number(value: dict[str, Any], field: str, low: int, high: int) -> int:
    number = value[field]
    if type(number) is not int or not low <= number <= high:
        raise ValueError(f"The canvas sent no usable {field}; reload the page.")
    return number


def number(value: dict[str, Any]) -> int:
    """See `MaskCanvas.number`; 0 for a message that tells none."""
    return _whole_number(value, "stroke", 0, 2**53) if "stroke" in value else 0


def read(value: Any, expected_size: tuple[int, int], expected_id: int) -> np.ndarray | None:
    """See `MaskCanvas.read`."""
    if not value:
        raise ValueError("There is no mask on the canvas yet; load a photo first.")
    if not isinstance(value, dict):
        raise ValueError("The canvas sent something that is not a mask message; reload the page.")
    if not _REQUIRED <= value.keys() <= _REQUIRED | _OPTIONAL:
        raise ValueError("The canvas sent a message with missing or unknown fields; reload the page.")
    face = _whole_number(value, "id", 0, 2**53)
    width = _whole_number(value, "width", 1, 4096)
    height = _whole_number(value, "height", 1, 4096)
    for field in ("stroke", "version"):
        if field in value:
            _whole_number(value, field, 0, 2**53)
    locked = value.get("locked", [])
    usable = isinstance(locked, list) and len(locked) <= NUM_CLASSES
    if not usable or not all(type(label) is int and 0 <= label < NUM_CLASSES for label in locked):
        raise ValueError("The canvas sent no usable locks; reload the page.")
    for field in ("mask", "original", "photo"):
        if field in value and not isinstance(value[field], str):
            raise ValueError(f"The canvas sent no usable {field}; reload the page.")
    photo = value.get("photo", "")
    if photo and (len(photo) > _PHOTO_LIMIT or not photo.startswith("data:image/")):
        raise ValueError("The canvas sent no usable photo; reload the page.")
    if face != expected_id:
        return None
    if (height, width) != tuple(expected_size):
        raise ValueError(
            f"The canvas sent a mask of {width} x {height}, but this face has "
            f"{expected_size[1]} x {expected_size[0]}; reload the page."
        )
    if "original" in value:
        decode_runs(value["original"], (height, width))
    moved_regions(value, (height, width))
    return decode_runs(value["mask"], (height, width))


def moved_regions(value: dict[str, Any], size: tuple[int, int]) -> Moved | None:
    """See `MaskCanvas.moved`."""
    told = value.get("moved")
    if told is None:
        return None
    usable = isinstance(told, dict) and told.keys() == {"from", "regions"} and isinstance(told["from"], str)
    if not usable or not isinstance(told["regions"], list) or not 1 <= len(told["regions"]) <= _MOST_MOVED:
        raise ValueError("The canvas sent no usable move of a region; reload the page.")
    before = decode_runs(told["from"], size)
    regions = tuple(_carried(region) for region in told["regions"])
    for region in regions:
        region.check(before)
    return Moved(before, regions)


def _carried(region: Any) -> Carried:
    if isinstance(region, dict) and region.keys() == {"at", "classes", "matrix"}:
        at, classes, matrix = region["at"], region["classes"], region["matrix"]
        lists = all(isinstance(each, list) for each in (at, classes, matrix))
        if lists and len(at) == 2 and 1 <= len(classes) <= NUM_CLASSES and len(matrix) == 6:
            whole = all(type(number) is int and 0 <= number < 4096 for number in (*at, *classes))
            if whole and max(classes) < NUM_CLASSES and all(type(number) in (int, float) for number in matrix):
                numbers = [max(-_FAR, min(_FAR, number)) for number in matrix]  # whole numbers may be of any length
                return Carried(tuple(at), tuple(classes), np.array(numbers, np.float64).reshape(2, 3))
    raise ValueError("The canvas sent no usable move of a region; reload the page.")
