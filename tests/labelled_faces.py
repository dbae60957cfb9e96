"""Drawn faces with their masks, as the lab loads them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from conftest import draw_face, draw_mask

from lab.data.faces import FaceWithMask, Sample, find_samples
from maskgan.labels import Label


def drawn(size: int = 64) -> FaceWithMask:
    mask = draw_mask(size)
    return FaceWithMask(draw_face(mask), mask)


def with_ears(size: int = 128) -> FaceWithMask:
    mask = draw_mask(size)
    for label, x in ((Label.R_EAR, 0.23), (Label.L_EAR, 0.77)):
        cv2.ellipse(mask, (round(x * size), size // 2), (size // 30, size // 12), 0, 0, 360, int(label), -1)
    return FaceWithMask(draw_face(mask), mask)


def with_glasses(size: int = 128) -> FaceWithMask:
    face = drawn(size)
    mask = face.mask.copy()
    for x in (0.38, 0.62):
        lens = np.zeros_like(mask)
        cv2.ellipse(lens, (round(x * size), round(0.45 * size)), (size // 9, size // 14), 0, 0, 360, 1, -1)
        mask[(lens > 0) & ~np.isin(mask, (Label.L_EYE, Label.R_EYE))] = Label.EYE_G
    return FaceWithMask(draw_face(mask), mask)


def same(first: FaceWithMask, second: FaceWithMask) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


def data(folder: Path, face: FaceWithMask, rendered: bool = False) -> list[Sample]:
    """A folder with one face."""
    for name, picture in (("images", face.image[..., ::-1]), ("masks", face.mask)):
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "r0.png"), picture)
    if rendered:
        (folder / "params.jsonl").write_text("{}\n")
    return find_samples(folder)
