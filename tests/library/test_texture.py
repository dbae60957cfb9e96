"""Painted pixels take fine detail of their class from the photo, at the photo's own resolution."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgan.editing.compositing import Patch
from maskgan.editing.faces import Alignment
from maskgan.editing.texture import Grain, fine_detail
from maskgan.editing.windows import Window
from maskgan.labels import Label

N = 256


def strands(angle: float, size: int = N, seed: int = 0, strength: float = 30.0) -> np.ndarray:
    """A grey picture (size, size, 3) float32 of noise drawn out in a direction, as hair is."""
    noise = np.random.default_rng(seed).normal(0, 1, (2 * size, 2 * size)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=12, sigmaY=0.6)
    turn = cv2.getRotationMatrix2D((size, size), angle, 1)
    noise = cv2.warpAffine(noise, turn, (2 * size, 2 * size), flags=cv2.INTER_CUBIC)
    noise = noise[size // 2 : size // 2 + size, size // 2 : size // 2 + size]
    return np.repeat((110 + strength * noise / noise.std())[..., None], 3, 2).clip(0, 255).astype(np.float32)


def energy(picture: np.ndarray, where: np.ndarray) -> float:
    return float(np.square(fine_detail(picture.astype(np.float32), 1.5))[where].mean())


def direction(picture: np.ndarray, where: np.ndarray) -> float:
    """Of the gradients in a region: +1 all across columns, -1 all across rows."""
    light = picture.astype(np.float32).mean(2)
    x, y = (np.square(cv2.Scharr(light, cv2.CV_32F, *d))[where].mean() for d in ((1, 0), (0, 1)))
    return float((x - y) / (x + y))


@pytest.fixture
def hole() -> np.ndarray:
    unknown = np.zeros((N, N), bool)
    unknown[90:170, 80:150] = True
    return unknown


def smooth(photo: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(photo, (0, 0), 4)


def test_smooth_paint_gets_as_much_detail_as_the_photo_has_and_all_else_stays(hole: np.ndarray) -> None:
    photo, mask = strands(20), np.full((N, N), Label.HAIR, np.uint8)
    below = photo.round().astype(np.uint8)
    patch = Patch.joined(smooth(photo), below, hole, mask, Window.whole(N))
    whole = Alignment.whole_picture((N, N))
    inside = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0
    plain, detailed = (p.over(below, whole) for p in (patch._replace(planned=None), patch))
    known = energy(below, ~hole)
    assert energy(plain, inside) < 0.1 * known
    assert 0.6 * known < energy(detailed, inside) < 1.4 * known
    assert (detailed[patch.alpha == 0] == below[patch.alpha == 0]).all()


def test_strands_go_on_in_the_direction_that_the_paint_has(hole: np.ndarray) -> None:
    photo = np.hstack([strands(90)[:, : N // 2], strands(0)[:, N // 2 :]])
    mask = np.full((N, N), Label.HAIR, np.uint8)
    left, right = hole.copy(), np.zeros_like(hole)
    left[:, 118:] = False
    right[90:170, 150:200] = True
    unknown = left | right
    paint = cv2.addWeighted(photo, 0.4, smooth(photo), 0.6, 0)
    grain = Grain.planned(paint, photo, unknown, mask)
    assert grain is not None
    known = np.where(unknown[..., None], 110, photo).astype(np.uint8)
    added = grain.of(known, np.float32([[1, 0, 0], [0, 1, 0]]) / 4) * grain.share[..., None]
    assert direction(added, left) > 0.5
    assert direction(added, right) < -0.5


@pytest.mark.parametrize("angle", [60, 90, 120])
def test_strands_are_turned_where_none_go_that_way(hole: np.ndarray, angle: int) -> None:
    """All known strands go one way, the paint hints at another."""
    photo, mask = strands(0), np.full((N, N), Label.HAIR, np.uint8)
    paint = smooth(photo) + 0.4 * (strands(angle, seed=3) - 110)
    grain = Grain.planned(paint, photo, hole, mask)
    known = np.where(hole[..., None], 110, photo).astype(np.uint8)
    added = grain.of(known, np.float32([[1, 0, 0], [0, 1, 0]]) / 4)
    inside = cv2.erode(hole.astype(np.uint8), np.ones((15, 15))) > 0

    def along(picture: np.ndarray) -> complex:
        light = picture.astype(np.float32).mean(2)
        x, y = (cv2.Scharr(light, cv2.CV_32F, *d)[inside] for d in ((1, 0), (0, 1)))
        return complex((x * x - y * y).sum(), 2 * (x * y).sum()) / float((x * x + y * y).sum())

    wanted = along(strands(angle, seed=3))
    assert abs(wanted) > 0.6
    assert (along(added) * wanted.conjugate()).real > 0.35


def test_paint_that_has_its_own_detail_gets_none(hole: np.ndarray) -> None:
    photo, mask = strands(20), np.full((N, N), Label.HAIR, np.uint8)
    grain = Grain.planned(strands(20, seed=1, strength=45), photo, hole, mask)
    assert grain is None or grain.share[hole].mean() < 0.15


@pytest.mark.parametrize(
    ("label", "known"),
    [
        pytest.param(Label.HAIR, Label.BACKGROUND, id="nothing known of the class"),
        pytest.param(Label.L_EYE, Label.L_EYE, id="a class that is no texture"),
    ],
)
def test_there_may_be_nothing_to_take_detail_from(hole: np.ndarray, label: Label, known: Label) -> None:
    mask = np.where(hole, label, known).astype(np.uint8)
    assert Grain.planned(smooth(strands(20)), strands(20), hole, mask) is None


def test_the_photo_s_detail_comes_at_its_own_resolution(hole: np.ndarray) -> None:
    """A photo four times as fine as the paint: its grain holds what the paint's pixels could not even show."""
    photo = strands(35, size=4 * N)
    unknown = cv2.resize(hole.astype(np.uint8), (4 * N, 4 * N), interpolation=cv2.INTER_NEAREST) > 0
    small = cv2.resize(photo, (N, N), interpolation=cv2.INTER_AREA)
    mask = np.full((N, N), Label.HAIR, np.uint8)
    patch = Patch.joined(smooth(small), small, hole, mask, Window.whole(N))
    below = photo.round().astype(np.uint8)
    whole = Alignment.whole_picture((4 * N, 4 * N))
    inside = cv2.erode(unknown.astype(np.uint8), np.ones((33, 33))) > 0
    plain, detailed = (p.over(below, whole) for p in (patch._replace(planned=None), patch))
    assert energy(plain, inside) < 0.02 * energy(below, ~unknown)
    assert energy(detailed, inside) > 0.3 * energy(below, ~unknown)


def test_one_edit_has_one_answer(hole: np.ndarray) -> None:
    photo, mask = strands(20), np.full((N, N), Label.HAIR, np.uint8)
    first, second = (Patch.joined(smooth(photo), photo, hole, mask, Window.whole(N)) for _ in range(2))
    whole, below = Alignment.whole_picture((N, N)), photo.astype(np.uint8)
    assert (first.over(below, whole) == second.over(below, whole)).all()


@pytest.mark.parametrize(("label", "least", "most"), [(Label.BACKGROUND, 0.35, 1.5), (Label.HAIR, 0.0, 0.1)])
def test_a_background_gets_coarser_shapes_than_hair_does(
    hole: np.ndarray, label: Label, least: float, most: float
) -> None:
    """Leaves of some twelve pixels: of a background they go on, of hair they are no strands."""
    noise = cv2.GaussianBlur(np.random.default_rng(5).standard_normal((N, N)), (0, 0), 4)
    photo = np.repeat((110 + 30 * noise / noise.std())[..., None], 3, 2).clip(0, 255).astype(np.float32)
    mask = np.full((N, N), label, np.uint8)
    paint = cv2.GaussianBlur(photo, (0, 0), 16)
    grain = Grain.planned(paint, photo, hole, mask)
    known = np.where(hole[..., None], 110, photo).astype(np.uint8)
    added = np.zeros_like(photo)
    if grain is not None:
        added = grain.of(known, np.float32([[1, 0, 0], [0, 1, 0]]) / 4) * grain.share[..., None]
    inside = cv2.erode(hole.astype(np.uint8), np.ones((15, 15))) > 0
    assert least < added[inside].std() / photo[~hole].std() < most


def test_single_hairs_beside_the_head_do_not_come_up_in_the_sky_below() -> None:
    side = 512
    random = np.random.default_rng(5)
    photo = 170 + random.normal(0, 4, (side, side, 1)) * np.ones(3)
    mask = np.full((side, side), Label.BACKGROUND, np.uint8)
    mask[:256, 154:307] = Label.HAIR
    photo[mask == Label.HAIR] = 50
    for _ in range(40):
        ends = [(int(310 + random.integers(24)), int(random.integers(256))) for _ in range(2)]
        cv2.line(photo, *ends, (60, 60, 60), 1)
    photo = photo.clip(0, 255).astype(np.uint8)
    hole = np.zeros((side, side), bool)
    hole[280:] = True
    grain = Grain.planned(np.full((side, side, 3), 170, np.float32), photo, hole, mask)
    to_cells = np.array([[1, 0, 0], [0, 1, 0]]) * grain.cells / side
    added = grain.of(photo, to_cells) * grain.share[..., None]
    assert added[350:].std() == pytest.approx(4, rel=0.2)


def test_the_grain_of_a_wall_reaches_up_to_a_head() -> None:
    """However dark that is: its outline is no detail of the wall."""
    grains = np.random.default_rng(4).normal(0, 12, (N, N, 1)).astype(np.float32)
    wall = 200 + cv2.GaussianBlur(grains, (0, 0), 1.5)[..., None] * np.ones(3, np.float32) * 3
    away = np.hypot(*(np.indices((N, N)) - N / 2))
    mask = np.where(away < 60, Label.SKIN, Label.BACKGROUND).astype(np.uint8)
    photo = np.where((away < 60)[..., None], np.float32(40), wall)
    unknown = (away >= 60) & (away < 85)
    paint = np.where((away < 60)[..., None], photo, np.float32(200))
    share = Grain.planned(paint, photo, unknown, mask).share
    beside, far = ((away > near) & (away < near + 6) for near in (66, 77))
    assert share[beside].mean() > 0.6 * share[far].mean() > 0.3
