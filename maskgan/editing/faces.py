"""Faces in photos: detection, alignment as in CelebA-HQ, and pasting an edited crop back.

Points are (x, y) in pixels with the picture's corner at (0, 0), so the centre of the first pixel is
at (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.cascade import Octaves, find_faces

#: Side of the smallest face's box that is looked for, in pixels of the photo.
_MIN_FACE = 24

#: Which way up a photo is, is seen on its large faces: long sides of a first and a second look, and the smallest faces
#: there, all in pixels of the look.
_LOOKS = ((320, 32), (1280, 32))

#: Long side at which turned photos are looked through that show small faces only.
_TURNED_SIDE = 2560

#: A square picture is a face crop already when no corner of the crop that its face asks for is further away from the
#: picture's own, in sides. Crops by other detectors' points differ by up to 0.07.
_ALIGNED_WITHIN = 0.08

#: In which order a photo is turned: quarter turns counterclockwise, as `np.rot90` counts them.
_QUARTERS = (0, 1, 3, 2)


@dataclass(frozen=True, eq=False)
class DetectedFace:
    """One face of a photo, in photo pixels.

    box: (x, y, width, height); confidence: 0..1; points: (5, 2) float64, image-left eye, image-right
    eye, nose, image-left mouth corner, image-right mouth corner, as seen when the face is upright.
    """

    box: tuple[int, int, int, int]
    confidence: float
    points: np.ndarray

    @property
    def quarters(self) -> int:
        """How many quarter turns counterclockwise (`np.rot90`) of the photo put the face upright: 0, 1, 2 or 3."""
        left_eye, right_eye, _, left_mouth, right_mouth = self.points
        x, y = left_mouth + right_mouth - left_eye - right_eye
        return round(np.arctan2(-x, y) / (np.pi / 2)) % 4

    def turned(self, quarters: int, photo_size: tuple[int, int]) -> DetectedFace:
        """Where the face lies when its photo of (height, width) is turned by `np.rot90(photo, quarters)`."""
        x, y, width, height = self.box
        corners = _turn_points(np.array([[x, y], [x + width, y + height]], np.float64), quarters, photo_size)
        low, high = corners.min(0), corners.max(0)
        box = tuple(int(value) for value in (*low, *(high - low)))
        return DetectedFace(box, self.confidence, _turn_points(self.points, quarters, photo_size))


def _turn_points(points: np.ndarray, quarters: int, photo_size: tuple[int, int]) -> np.ndarray:
    """Points (N, 2) of a photo of (height, width) -> where they lie after `np.rot90(photo, quarters)`."""
    height, width = photo_size
    for _ in range(quarters % 4):
        points = np.column_stack((points[:, 1], width - points[:, 0]))
        height, width = width, height
    return points


def detect_faces(photo: np.ndarray) -> list[DetectedFace]:
    """Find the faces of a photo (H, W, 3) uint8 RGB, largest first; an empty list when none is found.

    The photo may lie on its side or stand on its head (`DetectedFace.quarters` tells); all its faces are looked for the
    same way up, that of its largest ones, and upright where it has upright ones. Upright, a face is found from 24 px of
    the photo's own pixels on, whatever else is in the photo; turned, from 24 px or a hundredth of the long side on.
    """
    photo_size = photo.shape[:2]
    octaves = Octaves(photo)
    quarters = _quarters(octaves)
    if quarters is None:
        looks = ((0, max(photo_size)), *((turn, _TURNED_SIDE) for turn in _QUARTERS[1:]))
    else:
        looks = ((quarters, max(photo_size)),)
    for turn, side in looks:
        turned = octaves.turned(turn, side) if turn or side < max(photo_size) else octaves
        found = find_faces(turned, _MIN_FACE)
        if len(found.boxes):
            break
    scale = max(photo_size) / max(turned.height, turned.width)
    turned_size = photo_size if turn % 2 == 0 else photo_size[::-1]
    faces = []
    for (left, top, right, bottom), score, points in zip(found.boxes * scale, found.scores, found.points, strict=True):
        x, y = max(0, round(left)), max(0, round(top))
        face = DetectedFace((x, y, round(right) - x, round(bottom) - y), float(score), points * scale)
        faces.append(face.turned(-turn % 4, turned_size))
    return sorted(faces, key=lambda face: face.box[2] * face.box[3], reverse=True)


def _quarters(octaves: Octaves) -> int | None:
    """How a photo has to be turned for its larger faces to be upright; None where it has no larger ones."""
    for side, smallest in _LOOKS:
        for quarters in _QUARTERS:
            if len(find_faces(octaves.turned(quarters, side), smallest).boxes):
                return quarters
        if side >= max(octaves.height, octaves.width):
            break
    return None


def upright(photo: np.ndarray, faces: list[DetectedFace]) -> tuple[np.ndarray, list[DetectedFace], int]:
    """A photo and its faces, both turned so that the largest face is upright, and by how many degrees clockwise."""
    quarters = faces[0].quarters if faces else 0
    if quarters == 0:
        return photo, faces, 0
    turned = [face.turned(quarters, photo.shape[:2]) for face in faces]
    return np.ascontiguousarray(np.rot90(photo, quarters)), turned, -90 * quarters % 360


@dataclass(frozen=True, eq=False)
class Alignment:
    """Similarity transform (rotation, scale, shift) between a square crop and its photo.

    matrix: (2, 3) float64, maps points of the unit square (the crop, any resolution) to photo pixels.
    photo_size: (height, width) of the photo.
    """

    matrix: np.ndarray
    photo_size: tuple[int, int]

    @classmethod
    def from_face(cls, face: DetectedFace, photo_size: tuple[int, int]) -> Alignment:
        """The CelebA-HQ / FFHQ crop (Karras et al., 2018, appendix C) from eye centres and mouth corners."""
        left_eye, right_eye, _, left_mouth, right_mouth = face.points
        eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
        eye_to_eye, eye_to_mouth = right_eye - left_eye, mouth - eyes
        x = eye_to_eye + np.array((eye_to_mouth[1], -eye_to_mouth[0]))  # the mouth's direction turned by 90 degrees
        length = max(2.0 * np.hypot(*eye_to_eye), 1.8 * np.hypot(*eye_to_mouth))
        x = x / max(np.hypot(*x), 1e-6) * length
        y = np.array((-x[1], x[0]))
        centre = eyes + 0.1 * eye_to_mouth
        return cls(np.column_stack((2 * x, 2 * y, centre - x - y)), tuple(photo_size))

    @classmethod
    def whole_picture(cls, photo_size: tuple[int, int]) -> Alignment:
        """The smallest centred square that contains the whole photo."""
        height, width = photo_size
        side = max(height, width)
        matrix = np.array([[side, 0, (width - side) / 2], [0, side, (height - side) / 2]])
        return cls(matrix, (height, width))

    @classmethod
    def of_face(cls, face: DetectedFace, photo_size: tuple[int, int]) -> Alignment:
        """The crop of a face: the whole picture where that is such a crop already, as those of CelebA-HQ and FFHQ."""
        crop, (height, width) = cls.from_face(face, photo_size), photo_size
        if height != width:
            return crop
        corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64)
        aligned = np.abs(crop.to_photo(corners, 1) / width - corners).max() <= _ALIGNED_WITHIN
        return cls.whole_picture(photo_size) if aligned else crop

    @property
    def is_whole_picture(self) -> bool:
        """Whether the crop is the whole photo, a square."""
        height, width = self.photo_size
        return height == width and np.array_equal(self.matrix, self.whole_picture(self.photo_size).matrix)

    @property
    def side(self) -> float:
        """Side of the crop in photo pixels."""
        return float(np.hypot(*self.matrix[:, 0]))

    def to_photo(self, points: np.ndarray, size: int = 256) -> np.ndarray:
        """Points (N, 2) in pixels of a crop of `size` -> photo pixels."""
        return np.asarray(points, np.float64) / size @ self.matrix[:, :2].T + self.matrix[:, 2]

    def to_crop(self, points: np.ndarray, size: int = 256) -> np.ndarray:
        """Photo points (N, 2) -> pixels of a crop of `size`."""
        return (np.asarray(points, np.float64) - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T * size

    def crop(self, photo: np.ndarray, size: int = 256) -> np.ndarray:
        """The aligned face (size, size, 3) uint8 RGB, antialiased; beyond its borders the photo is reflected."""
        if photo.shape[:2] != tuple(self.photo_size):
            raise ValueError(
                f"The alignment is of a {self.photo_size} photo, this one is {photo.shape[:2]} (height, width)."
            )
        matrix = self.matrix * (1 / size, 1 / size, 1)  # crop pixels -> photo pixels
        return _resample(photo, matrix, (size, size), cv2.BORDER_REFLECT, cv2.INTER_CUBIC)

    def window(self, left: float, top: float, side: float) -> Alignment:
        """Where a square part of the crop lies; its corner and side are in fractions of the crop's side."""
        corner = self.matrix @ (left, top, 1)
        return Alignment(np.column_stack((self.matrix[:, :2] * side, corner)), self.photo_size)

    def photo_window(self, box: tuple[float, float, float, float], size: int) -> tuple[slice, slice] | None:
        """Rows and columns of the photo that hold a box (left, top, right, bottom) of a crop of `size`.

        None when the photo has no pixel of it.
        """
        left, top, right, bottom = box
        corners = self.to_photo(np.array([[left, top], [right, top], [left, bottom], [right, bottom]]), size)
        low = np.maximum(np.floor(corners.min(0)), 0).astype(int)
        high = np.minimum(np.ceil(corners.max(0)), self.photo_size[::-1]).astype(int)
        return None if (high <= low).any() else (slice(low[1], high[1]), slice(low[0], high[0]))

    def from_window(self, window: tuple[slice, slice], size: int) -> np.ndarray:
        """(2, 3): pixels of a part of the photo -> pixels of a crop of `size`."""
        to_crop = cv2.invertAffineTransform(self.matrix) * size
        return _then_shift(to_crop, *(to_crop[:, :2] @ (window[1].start, window[0].start)))


def part_seen(matrix: np.ndarray, size: tuple[int, int], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a source of `shape` (h, w, ...) that `resample` looks at for a matrix and a size."""
    height, width = size
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ matrix.T
    limits = np.array(shape[1::-1])
    low = np.clip(np.floor(corners.min(0)) - 2, 0, limits - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 2, low + 1, limits).astype(int)
    (left, top), (right, bottom) = low.tolist(), high.tolist()
    return slice(top, bottom), slice(left, right)


def resample(source: np.ndarray, matrix: np.ndarray, size: tuple[int, int], fade: bool = False) -> np.ndarray:
    """Planes (h, w, C) float32 seen through a matrix (2, 3) from the result's pixels to theirs, (height, width, C).

    Cubic and continued at the borders; `fade` is linear and 0 beyond them, so that it ends where the source ends.
    """
    if fade:
        return _resample(source, matrix, size, cv2.BORDER_CONSTANT, cv2.INTER_LINEAR)
    return _resample(source, matrix, size, cv2.BORDER_REPLICATE, cv2.INTER_CUBIC)


def _then_shift(matrix: np.ndarray, x: float, y: float) -> np.ndarray:
    return matrix + np.array([[0, 0, x], [0, 0, y]])


def _resample(
    source: np.ndarray, matrix: np.ndarray, size: tuple[int, int], border: int, interpolation: int
) -> np.ndarray:
    """Picture of (height, width) = size whose point p shows `source` at matrix @ p, without aliasing.

    When shrinking, the visible part is first reduced by an area mean, so that the cost depends on that part and not on
    the size of the photo.
    """
    height, width = size
    rows, columns = part = part_seen(matrix, size, source.shape)
    source = source[part]
    matrix = _then_shift(matrix, -columns.start, -rows.start)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))  # source pixels per pixel of the result
    finer = 2 if scale > 1 else 1  # shrinking: warp at twice the size, then a 2 x 2 mean
    if scale > finer:
        seen = np.array(source.shape[1::-1])
        shrunk = np.maximum(1, np.ceil(seen * finer / scale)).astype(int)
        source = cv2.resize(source, tuple(shrunk.tolist()), interpolation=cv2.INTER_AREA)
        matrix = matrix * (shrunk / seen)[:, None]
    matrix = matrix * (1 / finer, 1 / finer, 1)
    matrix = _then_shift(matrix, *(matrix[:, :2].sum(1) / 2 - 0.5))  # OpenCV's origin is the first pixel's centre
    flags = cv2.WARP_INVERSE_MAP | interpolation
    out = cv2.warpAffine(source, matrix, (width * finer, height * finer), flags=flags, borderMode=border)
    return out if finer == 1 else cv2.resize(out, (width, height), interpolation=cv2.INTER_AREA)


def paste_back(
    photo: np.ndarray,
    alignment: Alignment,
    crop: np.ndarray,
    region: np.ndarray | None = None,
    detail: float | np.ndarray = 1.0,
    seamless: bool = False,
) -> np.ndarray:
    """Put an edited crop back into its photo and return the new photo (H, W, 3) uint8 RGB.

    crop: (S, S, 3) uint8 RGB in the frame of `alignment`.
    region: (S, S) blend weight 0..1; None blends the whole crop with a feathered edge.
    detail: share 0..1 of the photo's detail finer than the crop that is kept, a number or a map (S, S); at 1 an
        unedited crop reproduces the photo, at 0 the result has the crop's resolution.
    seamless: match the colours at the region's border by gradient-domain cloning (Perez et al., 2003).
    Pixels with weight 0 equal the photo's bit for bit.
    """
    size = crop.shape[0]
    if region is None:
        region = feathered_square(size)
    rows, columns = (np.flatnonzero(np.any(region > 0, axis=axis)) for axis in (1, 0))
    if rows.size == 0:
        return photo.copy()
    # The window of the photo that can change: one crop pixel more than the region, for the interpolation.
    window = alignment.photo_window((columns[0] - 1, rows[0] - 1, columns[-1] + 2, rows[-1] + 2), size)
    if window is None:
        return photo.copy()
    original = alignment.crop(photo, size)
    to_crop = alignment.from_window(window, size)
    shape = window[0].stop - window[0].start, window[1].stop - window[1].start

    def up(plane: np.ndarray, fade: bool = False) -> np.ndarray:
        return resample(plane.astype(np.float32), to_crop, shape, fade)

    # Linear with a border of 0, so that weights stay within 0..1 and end with the region.
    weight = up(region, fade=True)[..., None]  # h, w, 1
    before = photo[window].astype(np.float32)
    # photo + up(crop) - up(original), minus the share of the photo's detail that is not kept
    after = before + up(crop.astype(np.float32) - original)
    if not np.all(np.asarray(detail) == 1):
        lost = 1 - up(np.broadcast_to(np.asarray(detail), region.shape))[..., None]
        after -= lost * (before - up(original))
    if seamless:
        after = _clone(before, after, weight[..., 0] > 0)
    blended = (before + weight * (after - before)).round().clip(0, 255).astype(np.uint8)
    result = photo.copy()
    result[window] = np.where(weight > 0, blended, photo[window])
    return result


def feathered_square(size: int, edge: float = 0.08) -> np.ndarray:
    """Blend weight (size, size) float32: 1 inside, falling smoothly to 0 over `edge` of the side."""
    ramp = smoothstep(np.minimum(np.arange(size), np.arange(size)[::-1]) / (edge * size))
    return np.outer(ramp, ramp).astype(np.float32)


def _clone(before: np.ndarray, after: np.ndarray, inside: np.ndarray, solve_side: int = 400) -> np.ndarray:
    """Gradients of `after` inside the region with the colours of `before` at its border; pictures (h, w, 3) float32.

    The correction that cloning adds to `after` is a smooth field, so it is solved at low resolution and enlarged.
    """
    height, width = inside.shape
    scale = min(1.0, solve_side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in (before, after)]
    inside = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    # Padding by two pixels: OpenCV's solver does not allow regions that touch the border.
    target, source = (
        np.pad(picture.round().clip(0, 255).astype(np.uint8), ((2, 2), (2, 2), (0, 0)), mode="edge")
        for picture in small
    )
    mask = np.pad(inside, 2).astype(np.uint8) * 255
    x, y, w, h = cv2.boundingRect(mask)
    if w == 0:
        return after
    cloned = cv2.seamlessClone(source, target, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    added = (cloned.astype(np.float32) - source)[2:-2, 2:-2]
    return after + cv2.resize(added, (width, height), interpolation=cv2.INTER_LINEAR)
