"""Reading picture files as uint8 RGB, and uint8 RGB <-> tensors.

`photo` is (H, W, 3) uint8 RGB, upright, in sRGB. Networks see float32 NCHW in [-1, 1]. These are the
only functions of the project that convert between the two.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import cv2
import numpy as np
from PIL import Image

from maskgan.colour_profiles import to_srgb

if TYPE_CHECKING:
    from torch import Tensor

Source = str | PathLike[str] | bytes | BinaryIO

#: Larger pictures are refused before they are decoded: 64 MP is 200 MB of RGB.
MAX_PIXELS = 64_000_000

#: Smallest usable side in pixels; a face needs more.
MIN_SIDE = 32

#: Longest side in pixels (OpenCV draws no longer ones), and how many times the other side one may be.
MAX_SIDE, MAX_PROPORTION = 32_000, 20

#: Raster formats only: Pillow would start other programs for EPS and the like. None whose header may name another size
#: than what is decoded, as an icon's does of the picture inside.
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA", "HEIF")

#: Brands of ISO media files whose pictures are HEVC, and the one of Canon's RAW files.
_HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"}
_CR3_BRAND = b"crx "

#: How RAW files start that are no TIFF: Olympus, Panasonic, Fuji, Sigma. Canon's CR2 is one, with its name in it.
_RAW_STARTS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb")

#: Tags of TIFF pages: what they are a smaller version of, the size of their tiles, and the version of the DNG format.
_SUBFILE_TYPE, _TILE_SIZE, _DNG_VERSION = 254, (322, 323), 50706

#: Side of the largest tile that a TIFF smaller than it may have; it is decoded whole.
_USUAL_TILE = 1024

#: Rows of pictures of unusual depth are converted so many pixels at a time, for 8 bytes are needed for each.
_PIXELS_AT_ONCE = 1_000_000

_ORIENTATION = 0x0112

#: What turns a picture upright, by its EXIF orientation.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

#: File name suffixes by which pictures in a folder are recognised, in any case.
PICTURE_SUFFIXES = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif",
    ".avifs", ".jp2", ".j2k", ".jpx", ".jpf", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".heic", ".heics", ".heif",
    ".heifs", ".hif",
}  # fmt: skip

#: What Pillow's decoders raise on damaged files.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


class BadPhoto(ValueError):  # noqa: N818
    """The file cannot be used as a photo; the message says why and what to do, in one sentence."""


def read_bytes(source: Source, error: type[ValueError]) -> bytes:
    """All bytes of a path, a bytes object or an open binary file; raises `error` when it cannot be read."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, PathLike)):
        path = Path(source)
        if not path.exists():
            raise error(f"There is no file {path}; check the name.")
        try:
            return path.read_bytes()
        except OSError as cause:
            raise error(f"{path} cannot be read ({cause.strerror}); check that it is a file you may open.") from cause
    return source.read()


def open_image(source: Source, *, max_pixels: int = MAX_PIXELS, error: type[ValueError] = BadPhoto) -> Image.Image:
    """Open and decode the first frame of a picture file, in the file's own mode; of a TIFF, its first whole page.

    The number of pixels and the sides are checked from the header, before anything is decoded.
    Raises `error` with one sentence when the file is no picture, is damaged, is too large, or is a RAW file.
    """
    data = read_bytes(source, error)
    brands = _brands(data)
    if _CR3_BRAND in brands or data.startswith(_RAW_STARTS) or (data[:2] == b"II" and data[8:10] == b"CR"):
        raise error(_RAW)
    heic = bool(brands & _HEIC_BRANDS)
    if heic and not _reads_heic():
        raise error("HEIC pictures need pi-heif (pip install pi-heif); install it, or save the photo as JPEG or PNG.")
    too_large = f"more than {max_pixels / 1e6:.3g} million pixels; make it smaller and try again."
    Image.init()
    try:
        image = Image.open(io.BytesIO(data), formats=[name for name in _FORMATS if name in Image.OPEN])
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as cause:
        raise error(f"The picture has {too_large}") from cause
    except _DECODER_ERRORS as cause:
        if heic:
            raise error("The HEIC picture cannot be decoded; save the photo as JPEG or PNG and try again.") from cause
        raise error("This file is not a picture; use a JPEG, PNG or WebP file.") from cause
    if image.format == "TIFF":
        _seek_whole_page(image, error)
        _check_tiles(image, error)
    width, height = image.size
    if width * height > max_pixels:
        raise error(f"The picture has {width} x {height} pixels, {too_large}")
    if max(image.size) > min(MAX_SIDE, MAX_PROPORTION * min(image.size)):
        raise error(
            f"The picture has {width} x {height} pixels; crop it: a side may have at most {MAX_SIDE} pixels, and at "
            f"most {MAX_PROPORTION} times as many as the other."
        )
    try:
        image.load()
    except _DECODER_ERRORS as cause:
        raise error("The picture file is damaged or cut short; copy or export it again.") from cause
    return image


#: For files that cameras write before there is a picture.
_RAW = "This is a camera's RAW file; develop it and save the photo as JPEG, PNG or TIFF."


def _brands(data: bytes) -> set[bytes]:
    """The brands of an ISO media file (HEIC, AVIF, CR3), the major one and those that it is compatible with."""
    if data[4:8] != b"ftyp":
        return set()
    size = min(int.from_bytes(data[:4], "big"), 4096)
    return {data[8:12], *(data[start : start + 4] for start in range(16, size - 3, 4))}


def _reads_heic() -> bool:
    """Whether pi-heif, the decoder of HEIC without parts under the GPL, is there; Pillow knows it from then on."""
    try:
        from pi_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True


def _seek_whole_page(image: Image.Image, error: type[ValueError]) -> None:
    """Go to the first page of a TIFF that is no smaller version of another; RAW files built on TIFF have none."""
    if _DNG_VERSION in image.tag_v2:
        raise error(_RAW)
    try:
        for page in range(min(image.n_frames, 100)):
            image.seek(page)
            if not image.tag_v2.get(_SUBFILE_TYPE, 0) & 1:
                return
    except _DECODER_ERRORS as cause:
        raise error("The picture file is damaged or cut short; copy or export it again.") from cause
    raise error(_RAW)


def _check_tiles(image: Image.Image, error: type[ValueError]) -> None:
    """Refuse a TIFF page in tiles that are larger than the picture: each is decoded whole, whatever is seen of it."""
    sides = (image.tag_v2.get(tag) for tag in _TILE_SIZE)
    for side, pixels in zip(sides, image.size, strict=True):
        if side is not None and not (isinstance(side, int) and side <= max(_USUAL_TILE, pixels + _USUAL_TILE)):
            raise error("The TIFF has tiles that are larger than the picture; export it again.")


def orientation(image: Image.Image) -> Image.Transpose | None:
    """What turns a picture as its EXIF (or XMP) says it is to be shown; other tags are not looked at."""
    try:
        return _UPRIGHT.get(image.getexif().get(_ORIENTATION))
    except _DECODER_ERRORS:  # broken EXIF: nothing is known
        return None


def as_photo(image: Image.Image, *, upright: bool = True) -> np.ndarray:
    """A decoded picture of any mode -> (H, W, 3) uint8 sRGB, over white, turned as its EXIF says if `upright`."""
    turn = orientation(image) if upright else None
    if turn is not None:
        image = image.transpose(turn)
    return np.array(_over_white(to_srgb(_to_8_bit(image))))  # H, W, 3


def read_photo(source: Source, *, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read a picture file of any usual format as a photo (H, W, 3) uint8 RGB.

    EXIF orientation and colour profile are applied (upright, sRGB); of animations the first frame is read; CMYK,
    palette and 16-bit pictures are converted, transparency is composited over white.
    Raises BadPhoto with one sentence for people.
    """
    image = open_image(source, max_pixels=max_pixels)
    if min(image.size) < MIN_SIDE:
        width, height = image.size
        raise BadPhoto(
            f"The picture has only {width} x {height} pixels; use one with at least {MIN_SIDE} pixels on each side."
        )
    try:
        return as_photo(image)
    except _DECODER_ERRORS as cause:
        raise BadPhoto("The picture file is damaged or of an unknown kind; save it as JPEG or PNG.") from cause


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float greyscale to 8 bits (Pillow's own `convert` clips instead)."""
    if image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image)
    rows = max(1, _PIXELS_AT_ONCE // values.shape[1])
    parts = [slice(top, top + rows) for top in range(0, len(values), rows)]

    def finite(part: slice) -> np.ndarray:
        return np.nan_to_num(values[part].astype(np.float64))

    peak = max(finite(part).max() for part in parts)
    # Files do not state their white level: take the smallest usual range that contains the brightest value.
    white = next((limit for limit in (1, 255, 65535) if peak <= limit), peak)
    if image.mode.startswith("I;16"):
        white = 65535
    elif image.mode == "I":
        white = max(white, 255)
    grey = np.empty(values.shape, np.uint8)
    for part in parts:
        grey[part] = (finite(part) / white * 255).round().clip(0, 255)
    result = Image.fromarray(grey)
    result.info = image.info
    return result


def _over_white(image: Image.Image) -> Image.Image:
    """Any mode -> RGB, transparency composited over white."""
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def differs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where (H, W) bool two pictures (H, W, C) differ; NumPy takes many times as long along a short last axis."""
    unlike = cv2.split((one != other).view(np.uint8))
    return functools.reduce(np.bitwise_or, unlike).view(bool)


def to_tensor(image: np.ndarray) -> Tensor:
    """uint8 RGB (H, W, 3) or (N, H, W, 3) -> float32 (N, 3, H, W) in [-1, 1]; one picture has N = 1."""
    import torch

    batch = torch.from_numpy(np.ascontiguousarray(image))
    if batch.ndim == 3:
        batch = batch[None]
    return batch.permute(0, 3, 1, 2).float().div(127.5).sub(1).contiguous()  # N, 3, H, W


def to_uint8(tensor: Tensor) -> np.ndarray:
    """Float (3, H, W) or (N, 3, H, W) in [-1, 1] -> uint8 RGB (H, W, 3) or (N, H, W, 3), rounded and clipped."""
    import torch

    image = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return image.movedim(-3, -1).cpu().contiguous().numpy()
