"""The middle of a wide hole in a background: single things are out of focus in it, textures and patterns are not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgan.editing.completion import Completion
from maskgan.editing.continuing import with_uneven_ground_completed
from maskgan.editing.ground_detail import Detail
from maskgan.editing.out_of_focus import middle_out_of_focus
from maskgan.labels import Label

N = 256
HOLE = (slice(70, 190), slice(60, 170))


@pytest.fixture(scope="module")
def hole() -> np.ndarray:
    inside = np.zeros((N, N), bool)
    inside[HOLE] = True
    return inside


def kitchen(things: int = 90) -> np.ndarray:
    """A light wall, (256, 256, 3) float32, with small dark things on it here and there, and a floor."""
    random = np.random.default_rng(6)
    picture = np.full((N, N, 3), 215, np.float32)
    picture[200:] = (120, 90, 70)
    for x, y in random.integers(4, 186, (things, 2)):
        picture[y : y + 7, x : x + 5] = random.uniform(20, 110, 3)
    return (picture + random.normal(0, 1.5, (N, N, 1))).clip(0, 255).astype(np.float32)


def leaves() -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, 90, (N, N, 3)).astype(np.float32)
    return (cv2.GaussianBlur(noise, (0, 0), 0.8) * (1, 1.4, 0.7) + (60, 100, 40)).clip(0, 255).astype(np.float32)


def bricks() -> np.ndarray:
    y, x = np.mgrid[:N, :N] // 8
    joint = (y % 2 == 0) & ((x + 2 * (y // 2 % 2)) % 4 == 0)
    wall = np.where(joint[..., None], (200.0, 190, 180), (150.0, 70, 50))
    return (wall + np.random.default_rng(8).normal(0, 1.5, (N, N, 1))).astype(np.float32)


def calm_of(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    shown = np.where(hole[..., None], np.float32(0), photo)
    completion = Completion.planned(shown, cv2.GaussianBlur(shown, (0, 0), 12), ~hole, hole)
    away = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    return middle_out_of_focus(completion, shown, photo, ~hole, away, Detail.of(shown, ~hole))[0]


def test_only_single_things_are_out_of_focus_and_only_far_from_what_is_known(hole: np.ndarray) -> None:
    calm = calm_of(kitchen(), hole)
    middle = cv2.erode(hole.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    beside = hole & ~(cv2.erode(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0)
    assert calm[middle].mean() > 0.8 > 0.05 > calm[beside].max() and not calm[~hole].any()
    for wall in (leaves(), bricks()):
        assert calm_of(wall, hole)[hole].mean() < 0.05


def test_small_things_are_not_shown_again_in_the_middle(hole: np.ndarray) -> None:
    photo = np.where(hole[..., None], np.float32(0), kitchen(250))
    mask = np.full((N, N), Label.BACKGROUND, np.uint8)
    picture, ground = with_uneven_ground_completed(cv2.GaussianBlur(photo, (0, 0), 12), photo, hole, mask)
    middle = cv2.erode(hole.astype(np.uint8), np.ones((31, 31), np.uint8)) > 0
    moved, _ = ground.moved(photo, np.float32([[1, 0, 0], [0, 1, 0]]) * ground.cells / N)
    pieces, shown = (each[middle].min(-1) for each in (moved, picture))
    assert (pieces < 120).mean() > 0.05 and not (shown < 120).any()
    assert ground.share[middle].mean() < 0.2 < ground.share[hole & ~middle].max()
