"""Regions that were carried as a whole: the flow follows what the tool did, even where outlines would tell less."""

from __future__ import annotations

import numpy as np
import pytest

from maskgan.editing.carrying import Carried, carried_offsets
from maskgan.editing.flows import jacobian
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import Motion, flow_between
from maskgan.labels import Label

SIZE = 256
MIDDLE = np.array([128.0, 120.0])
TURN = np.deg2rad(25)
#: Linear part and shift of what is done to a region about its middle.
MOTIONS = {
    "moved": (np.eye(2), (14, -9)),
    "moved by parts of a pixel": (np.eye(2), (3.4, 0.7)),
    "enlarged": (1.4 * np.eye(2), (0, 0)),
    "shrunk": (0.7 * np.eye(2), (5, 0)),
    "turned": (np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]]), (0, 6)),
    "sheared": (np.array([[1, 0.3], [0, 1]]), (0, 0)),
}


def matrix_of(linear: np.ndarray, shift: tuple[float, float]) -> np.ndarray:
    """What takes points about MIDDLE to where they are then, (2, 3)."""
    return np.c_[linear, MIDDLE + shift - linear @ MIDDLE]


def face() -> np.ndarray:
    """A disc for a nose, which looks the same however it is turned, in an oval of skin with a brow."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    mask = np.where(((x - 128) / 90) ** 2 + ((y - 128) / 110) ** 2 < 1, Label.SKIN, Label.BACKGROUND).astype(np.uint8)
    mask[(x - MIDDLE[0]) ** 2 + (y - MIDDLE[1]) ** 2 < 24**2] = Label.NOSE
    mask[40:50, 100:150] = Label.L_BROW
    return mask


def carried_to(matrix: np.ndarray) -> np.ndarray:
    """The face with its nose there, as the canvas lays it down: by the nearest pixel."""
    before = face()
    after = np.where(before == Label.NOSE, np.uint8(Label.SKIN), before)
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    u, v = np.linalg.inv(matrix[:, :2]) @ (np.stack([x.ravel(), y.ravel()]) - matrix[:, 2:])
    after.ravel()[(u - MIDDLE[0]) ** 2 + (v - MIDDLE[1]) ** 2 < 24**2] = Label.NOSE
    return after


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_flow_follows_the_transform_that_was_handed_over(motion: str) -> None:
    matrix = matrix_of(*MOTIONS[motion])
    before, after = face(), carried_to(matrix)
    told = carried_offsets(before, after, [Carried((128, 120), (Label.NOSE,), matrix)])
    flow = flow_between(before, after, told)
    inside = after == Label.NOSE
    y, x = np.nonzero(inside)
    source = np.linalg.inv(matrix[:, :2]) @ (np.stack([x, y]) + 0.5 - matrix[:, 2:])
    true = (source - 0.5 - np.stack([x, y])).T
    assert np.isfinite(told[inside]).mean() > 0.95  # but for pixels on the outline
    assert np.abs(flow[inside] - true).max() < 1
    assert jacobian(flow).min() > 0
    assert not flow[222:].any() and not flow[:, :20].any()  # nothing moves far from it
    assert not (unknown_after(before, after, flow) & inside).any()


def test_a_turn_that_the_outline_does_not_show_is_followed_all_the_same() -> None:
    matrix = matrix_of(*MOTIONS["turned"])
    before, after = face(), carried_to(matrix)
    told = carried_offsets(before, after, [Carried((128, 120), (Label.NOSE,), matrix)])
    known = np.isfinite(told[..., 0]) & (after == Label.NOSE)
    assert np.abs(flow_between(before, after) - told)[known].max() > 5
    assert np.abs(flow_between(before, after, told) - told)[known].max() < 1


def test_what_the_mask_does_not_show_is_not_told() -> None:
    matrix = matrix_of(np.eye(2), (0, -68))
    before, after = face(), carried_to(matrix)
    after[before == Label.L_BROW] = Label.L_BROW  # which is locked, or was painted over it
    told = carried_offsets(before, after, [Carried((128, 120), (Label.NOSE,), matrix)])
    own = after == Label.NOSE
    assert own.any() and np.array_equal(np.unique(told[own], axis=0), [[0, 68]])
    assert np.isnan(told[after == Label.L_BROW]).all()


def test_transforms_that_follow_each_other_add_up() -> None:
    first, second = matrix_of(1.2 * np.eye(2), (6, 0)), np.array([[1.0, 0, 0], [0, 1, 12]])
    both = np.c_[first[:, :2], first[:, 2] + second[:, 2]]
    masks = face(), carried_to(first), carried_to(both)
    motion = Motion.none(masks[0])
    for before, after, matrix in zip(masks, masks[1:], (first, second), strict=False):
        motion = motion.to(after, carried_offsets(before, after, [Carried((128, 120), (Label.NOSE,), matrix)]))
    at_once = carried_offsets(masks[0], masks[2], [Carried((128, 120), (Label.NOSE,), both)])
    own = np.isfinite(at_once[..., 0]) & (masks[2] == Label.NOSE)
    assert np.abs(motion.flow - at_once)[own].max() < 1


@pytest.mark.parametrize(
    ("at", "matrix", "says"),
    [
        ((3, 3), np.eye(2, 3), "not on the mask"),
        ((128, 900), np.eye(2, 3), "not on the mask"),
        ((-1, 120), np.eye(2, 3), "not on the mask"),
        ((128, 120), np.zeros((2, 3)), "too far"),
        ((128, 120), 50 * np.eye(2, 3), "too far"),
        ((128, 120), np.array([[1.0, 0, 0], [0, 0.01, 0]]), "too far"),
        ((128, 120), np.array([[-1.0, 0, 256], [0, 1, 0]]), "too far"),
        ((128, 120), np.array([[1.0, 0, np.nan], [0, 1, 0]]), "no usable place"),
        ((128, 120), np.array([[1.0, 0, 1e9], [0, 1, 0]]), "no usable place"),
        ((128, 120), np.eye(3), "no usable place"),
    ],
)
def test_what_no_flow_can_follow_is_refused_in_a_sentence(at: tuple[int, int], matrix: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=rf"^A region .*{says}.*; undo, and move it again\.$"):
        carried_offsets(face(), face(), [Carried(at, (Label.NOSE,), matrix)])


def test_a_region_that_left_the_picture_tells_nothing() -> None:
    matrix = np.array([[1.0, 0, 5000], [0, 1, 0]])
    assert np.isnan(carried_offsets(face(), face(), [Carried((128, 120), (Label.NOSE,), matrix)])).all()
