"""Straight edges of a background that go on in a hole of it."""

import cv2
import numpy as np
import pytest

from maskgan.editing.continuing import with_plain_ground_gone_on, with_uneven_ground_completed
from maskgan.editing.ground_lines import GroundLines
from maskgan.labels import Label

SIDE = 256


def wall(side: int = SIDE, *, slope: float = 0.0) -> np.ndarray:
    """Two walls of different colours, (side, side, 3) float32, that meet at a quarter of the picture's width."""
    y, x = np.mgrid[:side, :side]
    right = x + slope * (y - side / 2) > side / 4
    photo = np.where(right[..., None], (170.0, 120.0, 70.0), (215.0, 205.0, 190.0)).astype(np.float32)
    grain = np.random.default_rng(3).normal(0, 2, (side, side, 1))
    return cv2.GaussianBlur(photo, (0, 0), 1.0) + grain.astype(np.float32)


def person(side: int = SIDE, *, hole: tuple[float, float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where (side, side) bool a person stands, what is known around them, and a hole.

    hole: its first and last row and column, as parts of the side.
    """
    y, x = np.mgrid[:side, :side] / side
    body = (np.hypot((x - 0.6) / 0.3, (y - 0.6) / 0.4) < 1) | ((y > 0.85) & (x > 0.1))
    missing = (y >= hole[0]) & (y < hole[1]) & (x >= hole[2]) & (x < hole[3]) & ~body
    return body, ~missing & (cv2.dilate(body.astype(np.uint8), np.ones((7, 7))) == 0), missing


@pytest.mark.parametrize("side", [SIDE, 2 * SIDE])
@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_an_edge_goes_on_down_to_the_person(side: int, slope: float) -> None:
    photo = wall(side, slope=slope)
    _, known, hole = person(side, hole=(0.3, 1.0, 0.1, 0.7))
    lines = GroundLines.carried_on(np.where(hole[..., None], 0, photo), known, hole)
    assert lines is not None
    drawn = hole & (lines.weight > 0.9)
    assert drawn.sum() > 0.3 * side * 0.04 * side, "a strip of the hole"
    off = np.abs(lines.over(np.zeros_like(photo)) - photo).max(-1)
    assert off[drawn].mean() < 8 and off[hole].mean() < 15
    assert (lines.weight[~hole] == 0).all()


def test_an_edge_is_seen_up_to_a_hole_whose_border_halves_cells() -> None:
    """At twice the painted side a cell is two pixels wide: one that is half hole and half known parts neither."""
    side = 2 * SIDE
    photo = wall(side)
    for first in (154, 155):
        _, known, hole = person(side, hole=((first - 0.5) / side, 1.0, 0.1, 0.7))
        assert hole.any(1).argmax() == first
        lines = GroundLines.carried_on(np.where(hole[..., None], 0, photo), known, hole)
        assert lines is not None, f"no edge enters the hole at row {first}"
        assert lines.weight[first + 3, side // 4] > 0.9


def test_an_edge_that_is_seen_on_both_sides_is_joined() -> None:
    photo = wall().transpose(1, 0, 2)
    _, known, hole = person(hole=(0.1, 0.4, 0.1, 0.3))
    lines = GroundLines.carried_on(np.where(hole[..., None], 0, photo), known, hole)
    off = np.abs(lines.over(np.zeros_like(photo)) - photo).max(-1)
    assert off[hole].mean() < 5


def test_an_edge_ends_in_a_corner() -> None:
    """The corner of a picture frame is hidden."""
    y, x = np.mgrid[:SIDE, :SIDE]
    photo = np.where(((x < 120) & (y < 120))[..., None], (90, 60, 40), 200).astype(np.float32)
    hole = (abs(x - 120) < 30) & (abs(y - 120) < 30)
    lines = GroundLines.carried_on(np.where(hole[..., None], 0, photo), ~hole, hole)
    assert np.abs(lines.over(np.zeros_like(photo)) - photo)[hole].mean() < 8
    assert lines.weight[135:].max() == 0 and lines.weight[:, 135:].max() == 0, "it goes on beyond the corner"


def test_an_edge_that_would_end_in_the_open_is_not_drawn() -> None:
    """A bar comes into the hole from above, and below it there is nothing but the wall."""
    y, x = np.mgrid[:SIDE, :SIDE]
    photo = np.where(((abs(x - 120) < 15) & (y < 60))[..., None], (90, 60, 40), 200).astype(np.float32)
    hole = (abs(x - 120) < 40) & (y >= 60) & (y < 230)
    seen = np.where(hole[..., None], 0, photo)
    assert GroundLines.carried_on(seen, ~hole, hole) is None
    another_thing = seen.copy()
    another_thing[y >= 230] = (30, 90, 30)  # before which nobody sees the bar
    assert GroundLines.carried_on(another_thing, ~hole, hole) is not None


def test_an_edge_ends_where_something_is_before_it() -> None:
    """Beside the lower half of the hole one sees a sofa, which the edge between the walls goes on behind."""
    photo = wall()
    _, known, hole = person(hole=(0.3, 1.0, 0.2, 0.7))
    seen = np.where(hole[..., None], 0, photo)
    seen[150:] = np.where(hole[150:, :, None], 0, (40, 60, 110))
    whole, cut = (GroundLines.carried_on(given, known, hole) for given in (np.where(hole[..., None], 0, photo), seen))
    assert (whole.weight[170:] > 0.9).sum() > 300 and whole.weight[140] == pytest.approx(cut.weight[140])
    assert cut.weight[170:].max() == 0


def test_a_lock_of_hair_is_no_edge() -> None:
    """A dark stripe that is seen on a short way does not go on; one that is seen on a long way does."""
    y, x = np.mgrid[:SIDE, :SIDE]
    photo = np.where((abs(x - 120) < 3)[..., None], (50, 40, 30), 200).astype(np.float32)
    hole = (abs(x - 120) < 40) & (y > 60)
    for first, goes_on in ((0, True), (40, False)):
        seen = np.where(hole[..., None], 0, photo)
        seen[:first] = 200
        assert (GroundLines.carried_on(seen, ~hole, hole) is not None) == goes_on


def test_bricks_are_no_edges() -> None:
    """Their joints are straight, but what lies beside them changes all along."""
    y, x = np.mgrid[:SIDE, :SIDE] // 5
    joint = (y % 3 == 0) | ((x + 3 * (y // 3 % 2)) % 6 == 0)
    photo = np.where(joint[..., None], (190, 180, 170), (140, 70, 50)).astype(np.float32)
    _, known, hole = person(hole=(0.1, 0.5, 0.2, 0.7))
    assert GroundLines.carried_on(np.where(hole[..., None], 0, photo), known, hole) is None


def test_leaves_and_plain_grounds_have_no_lines() -> None:
    _, known, hole = person(hole=(0.3, 1.0, 0.1, 0.7))
    plain = np.full((SIDE, SIDE, 3), 128, np.float32)
    leaves = np.random.default_rng(1).normal(120, 300, (SIDE, SIDE, 3))
    for photo in (plain, cv2.GaussianBlur(leaves, (0, 0), 3).astype(np.float32).clip(0, 255)):
        assert GroundLines.carried_on(photo, known, hole) is None


def test_what_is_painted_between_lines_is_plain() -> None:
    """Two walls are no uneven ground: each goes on up to the edge between them, which stays sharp."""
    photo = wall()
    body, _, hole = person(hole=(0.3, 1.0, 0.1, 0.7))
    mask = np.where(body, Label.SKIN, Label.BACKGROUND).astype(np.uint8)
    known = ~hole & (cv2.dilate(body.astype(np.uint8), np.ones((7, 7))) == 0)
    lines = GroundLines.carried_on(np.where(hole[..., None], 0, photo), known, hole)
    fog = np.full_like(photo, 140)
    shown = np.where(hole[..., None], 0, photo)
    with_lines, without = (with_plain_ground_gone_on(fog, shown, hole, mask, given) for given in (lines, None))
    inner = cv2.erode(hole.astype(np.uint8), np.ones((9, 9))) > 0
    off, before = (np.abs(picture - photo)[inner].mean() for picture in (with_lines, without))
    assert off < 8 and off < 0.6 * before, (off, before)
    picture, ground = with_uneven_ground_completed(with_lines, shown, hole, mask, lines)
    assert np.abs(picture - photo)[inner].mean() < 10
    assert ground is None or (ground.share[lines.weight > 0.9] < 0.2).all()
    assert (picture[body] == fog[body]).all()
