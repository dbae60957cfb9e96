"""Augmentation for face parsing: what a phone, a web page or a bad lamp does to a portrait.

Every function takes and returns a `FaceWithMask` (uint8 RGB and label map) and draws only from the
generator it is given.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from lab.data import brims, hands, head_coverings, part_changes, strands
from lab.data.accessories import Accessories
from lab.data.faces import FaceWithMask, Sample, read_picture
from lab.data.fill import enlarged
from lab.data.grounds import Grounds
from lab.data.outlines import doubtful_forehead, whole
from maskgan.labels import EARS, EYES, IGNORE, Label


def frame(face: FaceWithMask, random: np.random.Generator, size: int, zoomed: float = 0.3) -> FaceWithMask:
    """Small turn, scale, shift and shear -> (size, size); the picture continues by reflection, as the detector's do.

    `zoomed` is the share that shows a window of the face, up to 2.2 times as large: what a parser sees of a crop with
    more pixels.
    """
    side = face.mask.shape[0]
    zoom = np.exp(random.normal(0.0, 0.12))
    shift = random.normal(0, 0.035, 2)
    if random.random() < zoomed:
        zoom = np.exp(random.uniform(np.log(1.2), np.log(2.2)))
        shift = random.uniform(-0.5, 0.5, 2) * (zoom - 1)
    angle = random.uniform(-30, 30) if random.random() < 0.1 else random.normal(0, 7)
    scale = zoom * size / side
    if scale > 1.3:
        face = enlarge(face, 2)
    elif scale < 0.7:
        face = FaceWithMask(
            cv2.resize(face.image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
            cv2.resize(face.mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_NEAREST_EXACT),
        )
    side = face.mask.shape[0]
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, zoom * size / side)
    shear = random.normal(0, 0.04)
    matrix[0, 1] += shear
    matrix[:, 2] += shift * size + size / 2 - side / 2 - [shear * side / 2, 0]
    kwargs = {"borderMode": cv2.BORDER_REFLECT_101}
    image = cv2.warpAffine(face.image, matrix, (size, size), flags=cv2.INTER_LINEAR, **kwargs)
    mask = cv2.warpAffine(face.mask, matrix, (size, size), flags=cv2.INTER_NEAREST, **kwargs)
    return FaceWithMask(image, mask)


def enlarge(face: FaceWithMask, times: int) -> FaceWithMask:
    """A face `times` as large, with outlines that are smooth, not made of squares."""
    size = face.mask.shape[0] * times
    image = cv2.resize(face.image, (size, size), interpolation=cv2.INTER_CUBIC)
    return FaceWithMask(image, enlarged(face.mask, size))


def light_and_colour(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Exposure, contrast, gamma, white balance, saturation, a light from one side, now and then grey."""
    size = face.mask.shape[0]
    curve = (np.arange(256) / 255) ** np.exp(random.normal(0, 0.30))
    curve = (curve - 0.5) * np.exp(random.normal(0, 0.20)) + 0.5 + random.normal(0, 0.07)
    table = (curve[:, None] * np.exp(random.normal(0, 0.10, 3))).astype(np.float32)
    x = np.stack([table[face.image[..., channel], channel] for channel in range(3)], 2)
    grey = x.mean(2, keepdims=True)
    saturation = 0.0 if random.random() < 0.12 else np.exp(random.normal(0, 0.35))
    x = grey + (x - grey) * np.float32(saturation)
    if random.random() < 0.35:
        direction = random.normal(0, 1, 2)
        direction /= np.linalg.norm(direction) + 1e-6
        rows, cols = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j].astype(np.float32)
        ramp = 1 + random.uniform(0.2, 0.7) * (rows * direction[0] + cols * direction[1])
        x = x * ramp[..., None].astype(np.float32)
    return FaceWithMask((x.clip(0, 1) * 255).astype(np.uint8), face.mask)


def degrade(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Blur, low resolution, sensor noise and JPEG."""
    image, size = face.image, face.mask.shape[0]
    if random.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 2.0))
    if random.random() < 0.25:
        small = int(size * random.uniform(0.3, 0.8))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    if random.random() < 0.3:
        noise = random.standard_normal(image.shape, dtype=np.float32) * random.uniform(2, 14)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if random.random() < 0.3:
        _, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(25, 90))])
        image = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return FaceWithMask(image, face.mask)


def occlude(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """A blob of one colour or of another part of the picture in front of the face; what it hides is ignored."""
    size = face.mask.shape[0]
    count = int(random.integers(4, 9))
    angles = np.sort(random.uniform(0, 2 * np.pi, count))
    radii = random.uniform(0.5, 1.0, count) * size * random.uniform(0.06, 0.20)
    centre = random.uniform(0.1, 0.95, 2) * size
    points = np.stack([centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)], 1)
    blob = np.zeros((size, size), np.uint8)
    cv2.fillPoly(blob, [points.astype(np.int32)], 255)
    if random.random() < 0.5:
        filling = np.broadcast_to(random.integers(0, 256, 3), face.image.shape)
    else:
        filling = np.roll(face.image, tuple(random.integers(size // 4, size // 2, 2)), (0, 1))[::-1]
    alpha = (cv2.GaussianBlur(blob, (0, 0), 1.0) / 255.0)[..., None]
    image = (face.image * (1 - alpha) + filling * alpha).astype(np.uint8)
    return FaceWithMask(image, np.where(blob > 0, IGNORE, face.mask).astype(np.uint8))


def tighten_eyes(face: FaceWithMask, sample: Sample, pixels: int) -> FaceWithMask:
    """Shrink the eyes' labels of a photo by `pixels`; what they give up goes to the nearest other class.

    For labels that a face mesh drew: they follow the lids' outer edge, CelebAMask-HQ the visible eye.
    """
    if pixels < 1 or sample.whole_lenses:  # rendered eyes are exact
        return face
    eyes = np.isin(face.mask, EYES).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    rim = (eyes > 0) & (cv2.erode(eyes, kernel, iterations=pixels) == 0)
    if not rim.any():
        return face
    _, nearest = cv2.distanceTransformWithLabels(eyes, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(nearest.max() + 1, np.uint8)
    values[nearest[eyes == 0]] = face.mask[eyes == 0]
    return FaceWithMask(face.image, np.where(rim, values[nearest], face.mask).astype(np.uint8))


def forget_lobes(face: FaceWithMask, sample: Sample) -> FaceWithMask:
    """Ignore what lies under the ears of a photo, where an earring may hang that nobody labelled."""
    if sample.whole_lenses or (face.mask == Label.EAR_R).any():  # rendered: labelled
        return face
    size = face.mask.shape[0]
    near = np.zeros_like(face.mask)
    for ear in EARS:
        rows, cols = np.nonzero(face.mask == ear)
        if len(rows) > 0.0004 * face.mask.size:
            centre = (int(cols[rows >= np.quantile(rows, 0.93)].mean()), int(rows.max() + 0.015 * size))
            cv2.circle(near, centre, round(0.035 * size), 1, -1)
    hidden = (near > 0) & np.isin(face.mask, (Label.HAIR, Label.NECK, Label.CLOTH, Label.BACKGROUND, Label.SKIN))
    return FaceWithMask(face.image, np.where(hidden, IGNORE, face.mask).astype(np.uint8))


def sharpened(face: FaceWithMask, sample: Sample, often: float = 0.4, side: int = 512) -> FaceWithMask:
    """The face in more pixels (`side`) where there is such a picture, for a share `often` of the samples by their id.

    A parser must know both: what is sharp, and what is blurred when enlarged.
    """
    if sample.sharp is None or zlib.crc32(sample.id.encode()) % 1000 >= 1000 * often:
        return face
    image = read_picture(sample.sharp)
    times = max(1, side // face.mask.shape[0])
    face = enlarge(face, times) if times > 1 else face
    size = face.mask.shape[::-1]
    if image.shape[1::-1] != size:
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return FaceWithMask(image, face.mask)


@dataclass(frozen=True)
class Corrections:
    """What is put right in a face as it is loaded.

    See `lab/data/outlines.py`, `tighten_eyes`, `forget_lobes` and `sharpened`.
    """

    tighten_eyes: int = 0
    sharp: bool = True

    def __call__(self, face: FaceWithMask, sample: Sample) -> FaceWithMask:
        face = doubtful_forehead(whole(face, sample), sample)
        face = forget_lobes(tighten_eyes(face, sample, self.tighten_eyes), sample)
        return sharpened(face, sample) if self.sharp else face


class ForParsing:
    """The whole chain for `train_parser.py` -> (size, size); a class, so that it can be sent to the loader's processes.

    Args:
        size: side of the result in pixels.
        accessories: puts on what faces do not wear.
        grounds: puts them before other grounds.
    """

    def __init__(self, size: int, accessories: Accessories | None = None, grounds: Grounds | None = None) -> None:
        self.size, self.accessories, self.grounds = size, accessories, grounds

    def __call__(self, face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
        if self.grounds is not None and random.random() < 0.4:
            face = self.grounds(face, random)
        for change, often in (
            (part_changes.bare_shoulders, 0.08),
            (part_changes.redress, 0.3),
            (part_changes.recolour_hair, 0.3),
            (part_changes.tint_lenses, 0.2),
            (strands.bare_scalp, 0.04),
            (strands.fringe, 0.12),
            (head_coverings.veil, 0.08),
            (brims.brimmed_hat, 0.1),
            (hands.hand, 0.14),
        ):
            if random.random() < often:
                face = change(face, random)
        if self.accessories is not None and random.random() < 0.45:
            face = self.accessories(face, random)
        face = frame(face, random, self.size)
        if random.random() < 0.2:
            face = occlude(face, random)
        if random.random() < 0.85:
            face = light_and_colour(face, random)
        return degrade(face, random)
