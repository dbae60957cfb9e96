"""Augmentation for face parsing: what a phone, a web page or a bad lamp does to a portrait.

Every function takes and returns a `FaceWithMask` (uint8 RGB and label map) and draws only from the
generator it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from lab.data.faces import FaceWithMask, Sample, load
from maskgan.labels import IGNORE, Label


def affine(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Small turn, scale, shift and shear; the picture continues by reflection, as the detector's crops do."""
    size = face.mask.shape[0]
    angle, shear = random.normal(0, 7), random.normal(0, 0.04)
    scale = np.exp(random.normal(0.0, 0.10))
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), angle, scale)
    matrix[0, 1] += shear
    matrix[:, 2] += random.normal(0, 0.035, 2) * size - [shear * size / 2, 0]
    kwargs = {"borderMode": cv2.BORDER_REFLECT_101}
    image = cv2.warpAffine(face.image, matrix, (size, size), flags=cv2.INTER_LINEAR, **kwargs)
    mask = cv2.warpAffine(face.mask, matrix, (size, size), flags=cv2.INTER_NEAREST, **kwargs)
    return FaceWithMask(image, mask)


def light_and_colour(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Exposure, contrast, gamma, white balance, saturation, a light from one side, now and then grey."""
    size = face.mask.shape[0]
    x = face.image.astype(np.float32) / 255
    x = x ** np.exp(random.normal(0, 0.30))
    x = (x - 0.5) * np.exp(random.normal(0, 0.20)) + 0.5 + random.normal(0, 0.07)
    x = x * np.exp(random.normal(0, 0.10, 3)).astype(np.float32)
    grey = x.mean(2, keepdims=True)
    saturation = 0.0 if random.random() < 0.08 else np.exp(random.normal(0, 0.35))
    x = grey + (x - grey) * saturation
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


class Accessories:
    """Puts glasses, hats, earrings and necklaces of rendered heads on other faces.

    Both sets are aligned by the same rule, so that an accessory lands about where it belongs. Labels follow
    the paint order of CelebAMask-HQ: eyes and brows stay on top of glasses.
    """

    worn = (Label.EYE_G, Label.HAT, Label.EAR_R, Label.NECK_L)

    def __init__(self, donors: Sequence[Sample], per_class: int = 60) -> None:
        self.donors: dict[Label, list[FaceWithMask]] = {label: [] for label in self.worn}
        for sample in donors:
            face = load(replace(sample, whole_lenses=False))  # the lens as one piece, to be put on others
            for label in self.worn:
                if np.count_nonzero(face.mask == label) > 24 and len(self.donors[label]) < per_class:
                    self.donors[label].append(face)

    def __call__(self, face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
        label = self.worn[int(random.choice(len(self.worn), p=(0.25, 0.15, 0.4, 0.2)))]
        if not self.donors[label] or (face.mask == label).any():
            return face
        donor = self.donors[label][int(random.integers(len(self.donors[label])))]
        size = face.mask.shape[0]
        if donor.mask.shape[0] != size:
            return face
        shift = np.array([[1, 0, random.normal(0, 2)], [0, 1, random.normal(0, 2)]], np.float32)
        picture = cv2.warpAffine(donor.image, shift, (size, size), borderMode=cv2.BORDER_REFLECT_101)
        picture = np.roll(picture, int(random.integers(3)), 2) if random.random() < 0.5 else picture
        piece = cv2.warpAffine((donor.mask == label).astype(np.uint8), shift, (size, size), flags=cv2.INTER_NEAREST)
        if label == Label.EAR_R:  # only earrings that touch an ear; others would float beside the head
            ears = np.isin(face.mask, (Label.L_EAR, Label.R_EAR)).astype(np.uint8)
            count, pieces = cv2.connectedComponents(piece)
            near = cv2.dilate(ears, np.ones((9, 9), np.uint8)) > 0
            piece = np.isin(pieces, [i for i in range(1, count) if near[pieces == i].any()]).astype(np.uint8)
        alpha = piece.astype(np.float32)
        if label == Label.EYE_G:  # lenses let most of the face through
            rim = piece - cv2.erode(piece, np.ones((5, 5), np.uint8))
            alpha = np.where(rim > 0, 1.0, piece * random.uniform(0.0, 0.5)).astype(np.float32)
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.6)[..., None]
        image = (face.image * (1 - alpha) + picture * alpha).astype(np.uint8)
        over = piece > 0
        if label == Label.EYE_G:
            over &= ~np.isin(face.mask, (Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW))
        if label == Label.NECK_L:  # only where there is a neck to wear it
            over &= np.isin(face.mask, (Label.NECK, Label.SKIN, Label.CLOTH))
            image = np.where(over[..., None], image, face.image)
        mask = np.where(over, np.uint8(label), face.mask)
        return FaceWithMask(image, mask)


def tighten_eyes(face: FaceWithMask, sample: Sample, pixels: int) -> FaceWithMask:
    """Shrink the eyes' labels of a photo by `pixels`; what they give up goes to the nearest other class.

    For labels that a face mesh drew: they follow the lids' outer edge, CelebAMask-HQ the visible eye.
    """
    if pixels < 1 or sample.whole_lenses:  # rendered eyes are exact
        return face
    eyes = np.isin(face.mask, (Label.L_EYE, Label.R_EYE)).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    rim = (eyes > 0) & (cv2.erode(eyes, kernel, iterations=pixels) == 0)
    if not rim.any():
        return face
    _, nearest = cv2.distanceTransformWithLabels(eyes, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    values = np.zeros(nearest.max() + 1, np.uint8)
    values[nearest[eyes == 0]] = face.mask[eyes == 0]
    return FaceWithMask(face.image, np.where(rim, values[nearest], face.mask).astype(np.uint8))


class ForParsing:
    """The whole chain for `train_parser.py`; a class, so that it can be sent to the loader's processes."""

    def __init__(self, accessories: Accessories | None) -> None:
        self.accessories = accessories

    def __call__(self, face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
        if self.accessories is not None and random.random() < 0.3:
            face = self.accessories(face, random)
        face = affine(face, random)
        if random.random() < 0.2:
            face = occlude(face, random)
        if random.random() < 0.85:
            face = light_and_colour(face, random)
        return degrade(face, random)
