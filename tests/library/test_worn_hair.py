"""How hair that is put on ends, how distinct its strands are, and that it covers the head."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.hairdressing import put_on
from maskgan.editing.tones import LUMA
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.hairpieces import Part, Worn, coverage
from maskgan.quick_edits.scene import Scene

SIZE = 512
OWN = draw_face(SIZE)


@pytest.mark.parametrize("style", ["long_waves", "long_straight", "long_layered", "shoulder"])
def test_long_hair_ends_rounded_at_both_sides_of_the_face_and_not_level(style: str) -> None:
    scene = Scene(OWN)
    alpha = coverage(scene, Worn(style, Part.WHOLE)).alpha
    middle = float(scene.frame.to_pixels(sum(scene.cheeks) / 2, scene.chin)[0])
    rows = np.arange(SIZE)[:, None] * (alpha > 0.5)
    hangs = (alpha[SIZE - round(0.6 * scene.unit) :] > 0.5).any(0)
    for side in (-1, 1):
        columns = np.flatnonzero(hangs & ((np.arange(SIZE) - middle) * side > 0))
        assert len(columns) > 0.3 * scene.unit
        ends = cv2.GaussianBlur(rows[:, columns].max(0).astype(np.float32)[None], (0, 0), 4)[0]
        tenth = max(1, len(columns) // 10)
        inner, outer = (ends[:tenth].mean(), ends[-tenth:].mean())[:: side or 1]
        lowest = ends[len(columns) // 3 : -len(columns) // 3].mean()
        assert lowest > outer + 0.1 * scene.unit and lowest > inner + 0.05 * scene.unit
        assert lowest < SIZE - 0.05 * scene.unit, "above the picture's edge"


def _strands(picture: np.ndarray, where: np.ndarray) -> float:
    light = np.log(picture @ LUMA + 12).astype(np.float32)
    return float((light - cv2.GaussianBlur(light, (0, 0), 3))[where].std())


def test_strands_of_other_hair_are_as_distinct_as_the_wearers() -> None:
    """White strands beside dark ones, and the same colours in broad locks."""
    mask = QUICK_EDITS["hairstyle"].apply(OWN, 1.0, "bob")
    worn, hair = Worn("bob", Part.WHOLE), OWN == Label.HAIR
    varies = {}
    for name, period in (("strands", 6), ("locks", 90)):
        grey = 135 + 75 * np.sin(2 * np.pi * np.arange(SIZE) / period)
        photo = np.full((SIZE, SIZE, 3), (205, 160, 140), np.uint8)
        photo[hair] = np.broadcast_to(grey[None, :, None], photo.shape)[hair].astype(np.uint8)
        result, changed = put_on(photo, mask, photo, OWN, worn)
        new = cv2.erode(((changed > 0.99) & ~hair & (mask == Label.HAIR)).astype(np.uint8), np.ones((9, 9))) > 0
        assert new.sum() > 3000
        varies[name] = _strands(result, new)
        assert np.array_equal(result[changed == 0], photo[changed == 0])
    assert varies["strands"] > 1.4 * varies["locks"]


@pytest.mark.parametrize("style", ["afro", "cropped", "bob"])
def test_hair_covers_the_upper_head_of_a_face_whose_hairline_has_receded(style: str) -> None:
    own = draw_face(SIZE, scale=0.75)
    scene = Scene(own)
    eyes = round(scene.frame.origin.imag)
    rows = np.r_[eyes - (eyes - np.arange(eyes)) / 1.25, eyes:SIZE].round().astype(int)
    own = own[rows]  # with a high upper head
    own[(own == Label.HAIR) & ((scene.x / 0.8) ** 2 + (scene.y + 0.4) ** 2 < 1.5**2) & (scene.y < 0)] = Label.SKIN
    mask = QUICK_EDITS["hairstyle"].apply(own, 1.0, style)
    for column in scene.frame.to_pixels(np.linspace(-0.5, 0.5, 7), np.zeros(7))[0].astype(int):
        labels = mask[: SIZE // 2, column]
        hair = labels == Label.HAIR
        first, count = int(hair.argmax()), np.count_nonzero(hair)
        assert np.count_nonzero(labels[:first] == Label.SKIN) <= 0.08 * scene.unit, "no scalp above it"
        assert count > 0.3 * scene.unit and hair[first : first + count].mean() > 0.95
