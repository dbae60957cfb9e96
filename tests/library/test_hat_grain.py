"""The fine texture of hats that are put on: as strong as the photo is sharp, and nowhere else."""

import cv2
import numpy as np
import pytest

from maskgan.editing.faces import Alignment
from maskgan.editing.hat_grain import HatGrain

SIZE, SIDE = 128, 256


def cloth(side: int) -> np.ndarray:
    """Something of wool, (side, side, 3) uint8."""
    threads = np.random.default_rng(7).normal(0, 1, (side, side)).astype(np.float32)
    octaves = (cv2.GaussianBlur(threads, (0, 0), sigma) * sigma for sigma in (0.6, 1.2, 2.4))
    return (np.float32((90, 110, 160)) * np.exp(0.15 * sum(octaves))[..., None]).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def hat() -> np.ndarray:
    region = np.zeros((SIZE, SIZE), np.uint8)
    return cv2.ellipse(region, (64, 30), (46, 24), 0, 0, 360, 1, -1) > 0


def worn(photo: np.ndarray, hat: np.ndarray) -> tuple[np.ndarray, np.ndarray, HatGrain]:
    """A photo (SIDE, SIDE, 3) whose hat has no more detail than its crop, where that is, and its texture."""
    crop = cv2.resize(photo, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    inside = cv2.resize(hat.astype(np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) > 0
    return np.where(inside[..., None], soft, photo), inside, HatGrain.of(crop, hat)


def finest(photo: np.ndarray, inside: np.ndarray) -> float:
    """How much the light of a photo varies within a pixel or two, well inside a region."""
    light = np.log(photo.astype(np.float32).mean(-1) + 8)
    detail = cv2.GaussianBlur(light, (0, 0), 0.5) - cv2.GaussianBlur(light, (0, 0), 1)
    return float(detail[cv2.erode(inside.astype(np.uint8), np.ones((9, 9))) > 0].std())


def test_what_a_hat_s_picture_is_too_coarse_for_comes_back(hat: np.ndarray) -> None:
    photo = cloth(SIDE)
    lacking, inside, grain = worn(photo, hat)
    result = grain.onto(lacking, Alignment.whole_picture((SIDE, SIDE)))
    assert finest(lacking, inside) < 0.7 * finest(photo, inside)
    assert 0.75 < finest(result, inside) / finest(photo, inside) < 1.25
    beside = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0
    assert np.array_equal(result[beside], lacking[beside])
    assert np.array_equal(result, grain.onto(lacking, Alignment.whole_picture((SIDE, SIDE))))


def test_a_soft_photo_gets_little(hat: np.ndarray) -> None:
    lacking, inside, grain = worn(cloth(SIDE), hat)
    soft = np.where(inside[..., None], lacking, cv2.GaussianBlur(lacking, (0, 0), 2.5))
    alignment = Alignment.whole_picture((SIDE, SIDE))
    added = [np.abs(grain.onto(each, alignment).astype(int) - each)[inside].mean() for each in (lacking, soft)]
    assert added[1] < 0.5 * added[0]


def test_a_photo_no_larger_than_the_crop_stays(hat: np.ndarray) -> None:
    lacking, _, grain = worn(cloth(SIDE), hat)
    small = cv2.resize(lacking, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    assert grain.onto(small, Alignment.whole_picture((SIZE, SIZE))) is small
    beyond = Alignment(np.array([[SIDE, 0, 2 * SIDE], [0, SIDE, 0]], np.float64), (SIDE, SIDE))
    assert grain.onto(lacking, beyond) is lacking, "what lies beyond the photo"
