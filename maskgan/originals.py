"""The file that a photo came in, so that a result can be given back as the same kind of file.

An edit is made of 8-bit sRGB without transparency. Here it is carried into the file's own pixels: what the edit did not
touch keeps its wide gamut, its transparency and its 16 bits; JPEG stays JPEG with the tables it came with.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from PIL import ExifTags, Image, JpegImagePlugin

from maskgan.blending import over_channels
from maskgan.colour_profiles import Profile, profile_from
from maskgan.images import (
    MAX_PIXELS,
    BadPhoto,
    Source,
    as_photo,
    differs,
    open_image,
    orientation,
    read_bytes,
    read_photo,
)
from maskgan.provenance import png_that_tells, save_picture
from maskgan.quick_edits.regions import box_of
from maskgan.snapshots import Weights

#: "safe" keeps EXIF without the place, the maker's notes and the thumbnail, "all" only leaves out the thumbnail, which
#: would show the unedited face, "none" keeps nothing but the colour profile.
Metadata = Literal["safe", "all", "none"]

#: Formats that lose detail anyway, and are given back as JPEG.
_LOSSY = ("JPEG", "MPO", "HEIF", "AVIF")

#: Change of a pixel in sRGB levels from which on it no longer keeps what sRGB cannot hold of the file's own colour.
_NEW_COLOUR = 48

#: EXIF of a TIFF stands between tags about its pixels; these ones are about the photo.
_ABOUT_THE_PHOTO = {0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298, ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}

_ORIENTATION, _MAKER_NOTE, _WIDTH, _HEIGHT, _XMP = 0x0112, 0x927C, 0xA002, 0xA003, 0x02BC


class Encoded(NamedTuple):
    """A result as a file: its bytes, the suffix of its name, and what could not stay as it was, as sentences."""

    content: bytes
    suffix: str
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Original:
    """A photo's file: its bytes, and by how many quarter turns counterclockwise the photo was turned after reading."""

    data: bytes
    quarters: int = 0

    def turned(self, quarters: int) -> Original:
        """The file of a photo that was turned by `np.rot90(photo, quarters)`."""
        return replace(self, quarters=(self.quarters + quarters) % 4)

    def encode(
        self,
        result: np.ndarray,
        weights: Weights | None,
        *,
        form: Literal["JPEG", "PNG"] | None = None,
        quality: int | None = None,
        metadata: Metadata = "safe",
    ) -> Encoded:
        """A result as the kind of file that the photo came in.

        Args:
            result: the edited photo (H, W, 3) uint8 RGB.
            weights: those that drew in it, None where nobody did; the file says so.
            form: of the file. Unless it is given, JPEG, HEIC and AVIF become JPEG, all others PNG.
            quality: of a JPEG, 1 to 95. Unless it is given, a JPEG keeps its own tables, and others get 95.
            metadata: what is kept of the file's EXIF.

        Raises:
            ValueError: when the result has another size than the photo.
        """
        with open_image(self.data, max_pixels=max(MAX_PIXELS, result.shape[0] * result.shape[1])) as image:
            form = form or ("JPEG" if image.format in _LOSSY else "PNG")
            return _encode(image, self, result, weights, form, quality, metadata)


def read_original(source: Source, *, max_pixels: int = MAX_PIXELS) -> tuple[np.ndarray, Original]:
    """A photo as `read_photo` reads it, and the file that it came in.

    Raises BadPhoto with one sentence for people.
    """
    data = read_bytes(source, BadPhoto)
    return read_photo(data, max_pixels=max_pixels), Original(data)


def _encode(
    image: Image.Image,
    original: Original,
    result: np.ndarray,
    weights: Weights | None,
    form: str,
    quality: int | None,
    metadata: Metadata,
) -> Encoded:
    notes: list[str] = []
    turn = orientation(image)
    own = _own_pixels(original.data, image)
    own, before = (np.rot90(pixels, original.quarters) for pixels in (_turned(own, turn), as_photo(image)))
    if before.shape != result.shape:
        raise ValueError("The result has another size than the photo; save it with the photo that it was made from.")
    icc = image.info.get("icc_profile")
    if own.shape[:2] != before.shape[:2]:  # a TIFF of 16 bits that is stored lying
        own, icc = before, None
        notes.append("The photo had 16 bits a channel and is saved with 8.")
    profile = profile_from(icc)
    grey = own.shape[-1] in (1, 2)
    if grey and (result != result[..., :1]).any():
        notes.append("The photo was grey and is now saved in colour.")
        alpha = own[..., 1:]
        colours = (
            np.repeat(own[..., :1], 3, -1) if profile is None else before.astype(own.dtype) * own.dtype.type(_unit(own))
        )
        own, grey = np.concatenate((colours, alpha), -1), False
        if profile is not None and profile.mode == "L":
            icc = profile = None
    if image.mode == "CMYK":
        notes.append("The photo was CMYK and is saved in RGB.")
        own, icc, profile = before, None, None
    if form == "JPEG" and (own.shape[-1] in (2, 4) or own.dtype != np.uint8):
        notes.append("JPEG has no transparency and no 16 bits; PNG would have kept them.")
        own, icc, profile = before, None, None
    pixels = _carried(own, before, result, profile)
    exif = _exif(image, pixels.shape[:2], metadata)
    options: dict[str, Any] = {name: value for name, value in (("icc_profile", icc), ("exif", exif)) if value}
    if "dpi" in image.info and image.format in ("JPEG", "MPO", "PNG"):
        options["dpi"] = image.info["dpi"]
    if form == "JPEG":
        file = io.BytesIO()
        if quality is None and image.format in ("JPEG", "MPO"):
            tables = _jpeg_tables(image)
        else:
            tables = {"quality": quality or 95, "subsampling": 0 if (quality or 95) >= 90 else 2}
        save_picture(file, _plane(pixels), weights, "JPEG", **tables, **options)
        return Encoded(file.getvalue(), ".jpg", tuple(notes))
    if pixels.dtype == np.uint16:  # Pillow writes no colours of 16 bits
        order = {1: [0], 2: [0, 0, 0, 1], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[-1]]
        content = cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]))[1].tobytes()
        return Encoded(png_that_tells(content, weights, icc, exif), ".png", tuple(notes))
    file = io.BytesIO()
    save_picture(file, _plane(pixels), weights, "PNG", compress_level=1, **options)
    return Encoded(file.getvalue(), ".png", tuple(notes))


def _unit(pixels: np.ndarray) -> int:
    """What one level of 8 bits is in these pixels."""
    return 257 if pixels.dtype == np.uint16 else 1


def _plane(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def _turned(pixels: np.ndarray, turn: Image.Transpose | None) -> np.ndarray:
    """Pixels (H, W, ...) as `Image.transpose(turn)` would have them."""
    if turn is None:
        return pixels
    T = Image.Transpose  # noqa: N806
    return {
        T.FLIP_LEFT_RIGHT: lambda: pixels[:, ::-1],
        T.FLIP_TOP_BOTTOM: lambda: pixels[::-1],
        T.ROTATE_180: lambda: np.rot90(pixels, 2),
        T.ROTATE_90: lambda: np.rot90(pixels),
        T.ROTATE_270: lambda: np.rot90(pixels, 3),
        T.TRANSPOSE: lambda: pixels.swapaxes(0, 1),
        T.TRANSVERSE: lambda: np.rot90(pixels, 2).swapaxes(0, 1),
    }[turn]()


def _own_pixels(data: bytes, image: Image.Image) -> np.ndarray:
    """A decoded file's pixels (H, W, C) uint8 or uint16: grey, RGB, each perhaps with alpha; not yet upright."""
    deep = image.mode.startswith("I;16") or (
        image.mode in ("RGB", "RGBA", "LA", "I")
        and ((image.format == "PNG" and data[24] == 16) or (image.format == "TIFF" and 16 in image.tag_v2.get(258, ())))
    )
    if deep:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is not None and pixels.dtype == np.uint16:
            if pixels.ndim == 2:
                return pixels[..., None]
            order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[2]]
            return pixels[..., order] if image.mode != "LA" else pixels[..., [0, 3]]
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "LA", "1") else "RGBA")
    elif image.mode in ("1", "L"):
        image = image.convert("L")
    elif image.mode not in ("RGB", "CMYK"):
        return as_photo(image, upright=False)
    pixels = np.asarray(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _carried(own: np.ndarray, before: np.ndarray, after: np.ndarray, profile: Profile | None) -> np.ndarray:
    """An edit of a photo, `before` -> `after` (H, W, 3) uint8 sRGB, done to the file's own pixels (H, W, C)."""
    out, window = own.copy(), box_of(differs(before, after))
    if window[0].stop == 0:
        return out
    old, new = before[window], after[window]
    change = over_channels(np.maximum, cv2.absdiff(np.ascontiguousarray(new), np.ascontiguousarray(old)))[..., None]
    kept = (1 - change / _NEW_COLOUR).clip(0, 1)
    channels = 1 if own.shape[-1] in (1, 2) else 3
    if profile is not None and profile.mode == ("L" if channels == 1 else "RGB"):
        old, new = (np.asarray(profile.from_srgb(Image.fromarray(np.ascontiguousarray(part)))) for part in (old, new))
        old, new = (part.reshape(*part.shape[:2], -1) for part in (old, new))
    else:
        old, new = old[..., :channels], new[..., :channels]
    unit, mine = _unit(own), own[window][..., :channels].astype(np.float32)
    if own.shape[-1] in (2, 4):  # what is seen is the colour over white
        alpha = own[window][..., -1:].astype(np.float32) / (255 * unit)
        values = mine + (new.astype(np.float32) - old) * unit / np.maximum(alpha, 1e-3)
    else:
        values = new * np.float32(unit) + kept * (mine - old * np.float32(unit))
    values = values.round().clip(0, 255 * unit).astype(own.dtype)
    out[window][..., :channels] = np.where(change > 0, values, own[window][..., :channels])
    return out


def _jpeg_tables(image: Image.Image) -> dict[str, Any]:
    """The quantisation tables and the subsampling that a JPEG came with, so that untouched blocks lose nothing."""
    sampling = JpegImagePlugin.get_sampling(image)
    tables: dict[str, Any] = {"qtables": image.quantization}
    return tables if sampling < 0 else tables | {"subsampling": sampling}


def _exif(image: Image.Image, size: tuple[int, int], metadata: Metadata) -> bytes | None:
    """What is kept of a file's EXIF, for an upright picture of (height, width); tags that cannot be written are not."""
    if metadata == "none":
        return None
    try:
        found = image.getexif()
        tags = {tag: value for tag, value in found.items() if image.format != "TIFF" or tag in _ABOUT_THE_PHOTO}
        parts = {ifd: dict(found.get_ifd(ifd)) for ifd in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo) if ifd in tags}
    except (OSError, SyntaxError, ValueError, KeyError, TypeError):  # broken EXIF: nothing is known
        return None
    for tag in (_ORIENTATION, _XMP, ExifTags.IFD.Interop):
        tags.pop(tag, None)
    camera = parts.get(ExifTags.IFD.Exif, {})
    camera.pop(ExifTags.IFD.Interop, None)
    if metadata == "safe":
        parts.pop(ExifTags.IFD.GPSInfo, None)
        tags.pop(ExifTags.IFD.GPSInfo, None)
        camera.pop(_MAKER_NOTE, None)
    if _WIDTH in camera and _HEIGHT in camera:
        camera[_HEIGHT], camera[_WIDTH] = size
    kept = Image.Exif()
    for tag, value in tags.items():
        if tag in parts:
            kept[tag] = {inner: content for inner, content in parts[tag].items() if _writable({tag: {inner: content}})}
        elif _writable({tag: value}):
            kept[tag] = value
    return kept.tobytes() if len(kept) else None


def _writable(tags: dict[int, Any]) -> bool:
    exif = Image.Exif()
    exif.update(tags)
    try:
        exif.tobytes()
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, ArithmeticError, AttributeError, struct.error):
        return False
    return True
