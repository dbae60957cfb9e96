"""Backgrounds that are completed in pieces of themselves, and how that meets what is painted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from maskgan.editing.completion import Completion
from maskgan.editing.compositing import Patch
from maskgan.editing.continuing import with_plain_ground_gone_on, with_uneven_ground_completed
from maskgan.editing.faces import Alignment
from maskgan.editing.windows import Window
from maskgan.labels import Label

N = 256
HOLE = (slice(60, 150), slice(30, 110))


def bricks(side: int, pixels: int) -> np.ndarray:
    """A wall of bricks (side, side, 3) float32, whose pattern comes again every 4 and 2 times `pixels`."""
    y, x = np.mgrid[:side, :side] // pixels
    joint = (y % 2 == 0) & ((x + 2 * (y // 2 % 2)) % 4 == 0)
    return np.where(joint[..., None], (200.0, 190, 180), (150.0, 70, 50)).astype(np.float32)


@pytest.fixture(scope="module")
def wall() -> np.ndarray:
    """A wall, (256, 256, 3) float32, above a lawn that is as uneven; both are in focus."""
    random = np.random.default_rng(0)
    picture = bricks(N, 8) + random.normal(0, 1.5, (N, N, 1)).astype(np.float32)
    grass = random.normal(0, 40, (N - 190, N, 1)).astype(np.float32)
    picture[190:] = (60.0, 120, 40) + cv2.GaussianBlur(grass, (0, 0), 1.5)[..., None]
    return picture.round().clip(0, 255)


@pytest.fixture(scope="module")
def hole() -> np.ndarray:
    inside = np.zeros((N, N), bool)
    inside[HOLE] = True
    return inside


def to_cells(completion: Completion, side: int) -> np.ndarray:
    return np.float32([[1, 0, 0], [0, 1, 0]]) * completion.cells / side


def test_a_pattern_goes_on_without_a_seam(wall: np.ndarray, hole: np.ndarray) -> None:
    photo = np.where(hole[..., None], np.float32(0), wall)
    fog = cv2.GaussianBlur(photo, (0, 0), 12)  # what a network might paint
    completion = Completion.planned(photo, fog, ~hole, hole)
    assert completion.found[hole[::2, ::2]].all() and not completion.found[~hole[::2, ::2]].any()
    moved, there = completion.moved(photo, to_cells(completion, N))
    assert np.allclose(there[hole], 1, atol=0.51) and (there[hole] == 1).mean() > 0.9
    inner = cv2.erode(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    off = abs(moved - wall).max(-1)[inner]
    assert np.mean(off < 8) > 0.9  # joint for joint
    assert np.mean(abs(fog - wall).max(-1)[inner] < 8) < 0.1


def test_only_what_is_known_is_taken(wall: np.ndarray, hole: np.ndarray) -> None:
    person = np.zeros((N, N), bool)
    person[50:, 110:170] = True
    photo = np.where(person[..., None], np.float32((255, 0, 255)), wall)
    known = ~hole & ~person
    completion = Completion.planned(np.where(hole[..., None], 0, photo), photo, known, hole)
    places = np.argwhere(completion.found)
    columns, rows = (places[:, ::-1] + completion.shift[completion.found]).T.astype(int)
    assert known[2 * rows, 2 * columns].all()
    moved, _ = completion.moved(photo, to_cells(completion, N))
    inner = cv2.erode(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert not (abs(moved - (255, 0, 255)).max(-1)[inner] < 60).any()


def test_grass_is_not_taken_for_a_wall_far_above_it(wall: np.ndarray, hole: np.ndarray) -> None:
    completion = Completion.planned(np.where(hole[..., None], 0, wall), wall, ~hole, hole)
    places = np.argwhere(completion.found)
    rows = places[:, 0] + completion.shift[completion.found][:, 1]
    assert (rows < 190 / 2).mean() > 0.98


def test_a_larger_picture_gets_its_own_detail(wall: np.ndarray, hole: np.ndarray) -> None:
    completion = Completion.planned(np.where(hole[..., None], 0, wall), wall, ~hole, hole)
    large = cv2.resize(wall, (2 * N, 2 * N), interpolation=cv2.INTER_NEAREST)
    large[1::2] *= 0.8  # stripes that the small one does not have
    detail = completion.of(large.astype(np.uint8), to_cells(completion, 2 * N))
    inner = cv2.erode(cv2.resize(hole.astype(np.uint8), (2 * N, 2 * N)), np.ones((9, 9), np.uint8)) > 0
    bricks_only = inner & (np.arange(2 * N)[:, None] < 300)
    striped = abs(detail[1:] - detail[:-1])[bricks_only[1:]].mean()
    smooth = cv2.resize(wall, (2 * N, 2 * N), interpolation=cv2.INTER_LINEAR)
    plain = completion.of(smooth.astype(np.uint8), to_cells(completion, 2 * N))
    assert striped > 3 * abs(plain[1:] - plain[:-1])[bricks_only[1:]].mean()
    assert not detail[:100].any()  # far from the hole


def test_nothing_is_made_of_nothing(wall: np.ndarray, hole: np.ndarray) -> None:
    known = np.zeros((N, N), bool)
    known[100:110, 120:130] = True
    assert Completion.planned(wall, wall, known, hole) is None


def test_the_same_is_found_on_any_number_of_threads(wall: np.ndarray, hole: np.ndarray) -> None:
    found = []
    before = cv2.getNumThreads(), torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            cv2.setNumThreads(threads)
            torch.set_num_threads(threads)
            found.append(Completion.planned(np.where(hole[..., None], 0, wall), wall, ~hole, hole).shift)
    finally:
        cv2.setNumThreads(before[0])
        torch.set_num_threads(before[1])
    assert all(np.array_equal(found[0], other) for other in found[1:])


def painted(wall: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a network might paint of a wall behind a head, the photo, and the mask."""
    mask = np.full((N, N), Label.BACKGROUND, np.uint8)
    mask[100:, 110:170] = Label.SKIN
    photo = np.where(hole[..., None], 0, wall)
    photo[mask == Label.SKIN] = (210, 160, 140)
    return cv2.GaussianBlur(photo, (0, 0), 12), photo, mask


def test_a_large_hole_in_an_uneven_background_is_completed(wall: np.ndarray, hole: np.ndarray) -> None:
    fog, photo, mask = painted(wall, hole)
    picture, ground = with_uneven_ground_completed(fog, photo, hole, mask)
    whole = picture + ground.of(photo.astype(np.uint8), to_cells(ground, N)) * ground.share[..., None]
    inner = cv2.erode(hole.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert abs(whole - wall)[inner].mean() < 0.35 * abs(fog - wall)[inner].mean()
    assert np.array_equal(picture[mask == Label.SKIN], fog[mask == Label.SKIN])
    assert not ground.share[~hole].any()
    far = cv2.dilate(hole.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    assert np.array_equal(picture[far], fog[far])


@pytest.mark.parametrize("scale", [1, 3])
def test_a_patch_brings_the_wall_in_the_photos_own_size(wall: np.ndarray, hole: np.ndarray, scale: int) -> None:
    fog, photo, mask = painted(wall, hole)
    patch = Patch.joined(fog, photo, hole, mask, Window.whole(N))
    plain = Patch.joined(fog, photo, hole, mask, Window.whole(N), complete=False)
    assert patch.ground is not None and plain.ground is None
    size = (scale * N, scale * N)
    large, whole = (cv2.resize(p, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8) for p in (photo, wall))
    inner = cv2.erode(cv2.resize(hole.astype(np.uint8), size), np.ones((9 * scale,) * 2, np.uint8)) > 0
    off, before = (
        abs(each.over(large, Alignment.whole_picture(size)).astype(int) - whole)[inner].mean()
        for each in (patch, plain)
    )
    assert off < 0.35 * before
    outside = cv2.dilate(cv2.resize(hole.astype(np.uint8), size), np.ones((13 * scale,) * 2, np.uint8)) == 0
    assert np.array_equal(patch.over(large, Alignment.whole_picture(size))[outside], large[outside])


def test_a_plain_background_and_a_narrow_hole_are_left_to_the_paint(wall: np.ndarray, hole: np.ndarray) -> None:
    fog, photo, mask = painted(wall, hole)
    plain = np.full_like(photo, 140)
    narrow = hole & (np.arange(N) < 42)
    for own, unknown in ((plain, hole), (photo, narrow)):
        picture, ground = with_uneven_ground_completed(fog, own, unknown, mask)
        assert ground is None and picture is fog


@pytest.fixture(scope="module")
def blurred() -> np.ndarray:
    """Spots (256, 256, 3) float32 that are out of focus."""
    spots = np.random.default_rng(1).uniform(0, 255, (8, 8, 3)).astype(np.float32)
    return cv2.GaussianBlur(cv2.resize(spots, (N, N), interpolation=cv2.INTER_CUBIC), (0, 0), 8).clip(0, 255).round()


def strongest(shown: np.ndarray, hole: np.ndarray) -> float:
    """The strongest step from pixel to pixel in a hole."""
    inner = cv2.erode(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return float(np.percentile(abs(np.diff(shown, axis=1)).max(-1)[inner[:, 1:]], 99.5))


def test_soft_things_in_a_grainy_background_are_completed_without_edges(hole: np.ndarray, blurred: np.ndarray) -> None:
    grainy = (blurred + np.random.default_rng(2).normal(0, 5, (N, N, 1))).clip(0, 255).astype(np.float32)
    fog, photo, mask = painted(grainy, hole)
    picture, ground = with_uneven_ground_completed(fog, photo, hole, mask)
    assert ground is not None
    pieces, _ = ground.moved(photo, to_cells(ground, N))
    pieces, truth, picture = (cv2.GaussianBlur(each, (0, 0), 2) for each in (pieces, grainy, picture))
    assert strongest(pieces, hole) > 1.5 * strongest(truth, hole) > strongest(picture, hole)


def test_colours_of_a_background_that_is_out_of_focus_go_on(hole: np.ndarray, blurred: np.ndarray) -> None:
    """Pieces of it would end in edges. What is beside the hole goes on without a step, and itself stays as it is."""
    fog, photo, mask = painted(blurred, hole)
    picture = with_plain_ground_gone_on(fog, photo, hole, mask)
    assert with_uneven_ground_completed(picture, photo, hole, mask) == (picture, None)
    assert strongest(picture, hole) < 1.2 * strongest(blurred, hole)
    assert abs(picture - blurred)[hole].mean() < 0.6 * abs(fog - blurred)[hole].mean()
    rim = hole & ~(cv2.erode(hole.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    assert abs(picture - blurred)[rim & (np.arange(N) < 100)].mean() < 4
    beside = (cv2.dilate(hole.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~hole & (np.arange(N) < 100)
    assert abs(picture - photo)[beside].max() < 0.01 < abs(fog - photo)[beside].max()


def test_a_background_in_focus_keeps_its_contrast(wall: np.ndarray, hole: np.ndarray) -> None:
    fog, photo, mask = painted(wall, hole)
    picture, ground = with_uneven_ground_completed(fog, photo, hole, mask)
    picture = picture + ground.of(photo.astype(np.uint8), to_cells(ground, N)) * ground.share[..., None]
    inner = cv2.erode(hole.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    kept, lost = (shown[inner].std() / wall[inner].std() for shown in (picture, fog))
    assert 0.85 < kept < 1.15 and lost < 0.6


def test_few_large_pieces_fill_a_hole(wall: np.ndarray, hole: np.ndarray) -> None:
    completion = Completion.planned(np.where(hole[..., None], 0, wall), wall, ~hole, hole)
    ways, counts = np.unique(completion.shift[completion.found], axis=0, return_counts=True)
    assert len(ways) < 16 and np.sort(counts)[-4:].sum() > 0.6 * counts.sum()
    seams = completion.seams()
    assert 0.1 < seams[completion.found].mean() < 0.7
