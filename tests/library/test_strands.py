"""Hair that an edit cuts ends in strands of the photo's own hair."""

from __future__ import annotations

import numpy as np
import pytest

from maskgan.editing.strands import with_ends
from maskgan.labels import Label
from maskgan.sizes import CROP_SIZE

PAINT, HAIR = 200, 60


def cut_at(row: int, behind: Label = Label.BACKGROUND) -> tuple[np.ndarray, ...]:
    """A broad lock of hair, cut at a row: painted crop, mask, photo, its mask and a flow of nothing."""
    own = np.full((CROP_SIZE, CROP_SIZE), behind, np.uint8)
    own[:400, 150:350] = Label.HAIR
    mask = own.copy()
    mask[row:][mask[row:] == Label.HAIR] = behind
    photo = np.full((CROP_SIZE, CROP_SIZE, 3), HAIR, np.uint8)
    return np.full_like(photo, PAINT), mask, photo, own, np.zeros((CROP_SIZE, CROP_SIZE, 2), np.float32)


def test_strands_of_different_lengths_go_on_below_the_cut_and_nothing_else_changes():
    paint, *rest = cut_at(250)
    crop, changed = with_ends(paint, *rest)
    ends = (crop[250:, 160:340, 0] < 130).argmin(0)
    assert ends.max() <= 24 and ends.std() > 2.5 and np.abs(np.diff(ends)).max() > 3
    assert (crop[246:249, 160:340] < 75).all(), "the hair above them is the photo's, not paint"
    assert not changed[280:].any() and np.array_equal(crop[changed == 0], paint[changed == 0])
    outside = np.ones(changed.shape, bool)
    outside[:, 150:350] = False
    assert not changed[outside].any(), "and only where there was hair"


def test_strands_lean_towards_the_face():
    _, changed = with_ends(*cut_at(250))

    def moved(columns: slice) -> int:
        """How many columns to the right strands lie 8 rows further down."""
        upper, lower = changed[254], changed[262]
        alike = {by: np.corrcoef(upper[columns], np.roll(lower, -by)[columns])[0, 1] for by in range(-6, 7)}
        return max(alike, key=alike.__getitem__)

    assert 1 <= moved(np.s_[160:215]) <= 4 and -4 <= moved(np.s_[290:340]) <= -1


@pytest.mark.parametrize("behind", [Label.SKIN, Label.HAT])
def test_hair_that_gives_way_to_a_forehead_or_a_hat_leaves_no_strands(behind):
    paint, *rest = cut_at(250, behind)
    assert with_ends(paint, *rest)[0] is paint


def test_hair_that_stays_is_left_alone():
    paint, _, photo, own, flow = cut_at(250)
    assert with_ends(paint, own, photo, own, flow)[0] is paint
    sliver = own.copy()
    sliver[397:] = Label.BACKGROUND
    assert with_ends(paint, sliver, photo, own, flow)[0] is paint
