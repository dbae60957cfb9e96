"""Pictures for the page: small enough for the screen here, the full quality in downloads."""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image

from maskgan.editing.edit import Edit
from maskgan.editing.faces import Alignment, DetectedFace
from maskgan.mask_files import write_mask
from maskgan.provenance import encode_picture
from maskgan.snapshots import Weights

#: Long side of the full photo on the page, in pixels.
SCREEN_SIDE = 1024
THUMBNAIL_SIDE = 112


def shrink(picture: np.ndarray, side: int) -> np.ndarray:
    """A picture (H, W, 3) uint8 scaled down to a long side of at most `side`; never scaled up."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def photos_for_screen(edit: Edit, seamless: bool, unedited: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The photo (H, W, 3) `unedited`, and after an edit of it or of a later state, at most SCREEN_SIDE long.

    The face is pasted into the shrunk photo, so that a stroke on a 12-megapixel photo costs no more than on a small.
    """
    photo, alignment = edit.face.photo, edit.face.alignment
    before = shrink(photo, SCREEN_SIDE)
    scale = np.array([[before.shape[1] / photo.shape[1]], [before.shape[0] / photo.shape[0]]])
    small = Alignment(alignment.matrix * scale, before.shape[:2])
    return shrink(unedited, SCREEN_SIDE), edit.change.onto(before, small, seamless)


def face_thumbnails(photo: np.ndarray, faces: tuple[DetectedFace, ...]) -> list[np.ndarray]:
    """Each face of a photo as (THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3) uint8 RGB."""
    return [Alignment.from_face(face, photo.shape[:2]).crop(photo, THUMBNAIL_SIDE) for face in faces]


def png(picture: np.ndarray, weights: Weights | None) -> bytes:
    """(H, W, 3) uint8 RGB -> PNG whose metadata names the weights that drew in it (None: not edited).

    Compressed for speed rather than size: somebody waits while a 12-megapixel photo is packed.
    """
    return encode_picture(picture, weights, "PNG", compress_level=1)


def webp(picture: np.ndarray, weights: Weights | None = None) -> bytes:
    """(H, W, 3) uint8 RGB -> lossless WebP for the screen: half the time of a PNG and a fifth smaller.

    Its metadata names the weights, since a picture can be saved from the screen too.
    """
    return encode_picture(picture, weights, "WEBP", lossless=True, quality=0, method=0)


def jpeg(picture: np.ndarray, weights: Weights | None = None) -> bytes:
    """(H, W, 3) uint8 RGB -> JPEG for large pictures on the screen; its metadata names the weights."""
    return encode_picture(picture, weights, "JPEG", quality=92, subsampling=0)


def thumbnail(picture: np.ndarray) -> bytes:
    """(H, W, 3) uint8 RGB -> a JPEG with a long side of at most THUMBNAIL_SIDE."""
    file = io.BytesIO()
    Image.fromarray(shrink(picture, THUMBNAIL_SIDE)).save(file, "JPEG", quality=88)
    return file.getvalue()


def mask_png(mask: np.ndarray) -> bytes:
    """Label map (H, W) -> indexed PNG whose pixel values are class ids."""
    file = io.BytesIO()
    write_mask(file, mask)
    return file.getvalue()
