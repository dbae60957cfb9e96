"""Arms of glasses that the mask gives to skin, hair and ears are found when the glasses are taken off."""

import cv2
import numpy as np
import pytest
from drawn_faces import in_glasses

from maskgan.editing.frames_left import frames_left
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS

SIZE = 512


@pytest.mark.parametrize("arms", [(30, 28, 30), (250, 245, 240)], ids=["dark", "light"])
def test_arms_beside_the_face_are_found(arms: tuple[int, int, int]) -> None:
    photo, mask, there = in_glasses(SIZE, arms)
    after = QUICK_EDITS["remove_glasses"].apply(mask)
    found = frames_left(photo, mask, after)
    assert found[there].mean() > 0.9
    away = cv2.distanceTransform((~(there | (mask == Label.EYE_G))).astype(np.uint8), cv2.DIST_L2, 5)
    assert not (found & (away > 12)).any() and not (found & (mask == Label.EYE_G)).any()


def test_nothing_is_found_where_no_arm_is_or_glasses_stay() -> None:
    photo, mask, _ = in_glasses(SIZE, None)
    after = QUICK_EDITS["remove_glasses"].apply(mask)
    assert not frames_left(photo, mask, after).any()
    photo, mask, _ = in_glasses(SIZE, (30, 28, 30))
    half = after.copy()
    half[:, : SIZE // 2] = mask[:, : SIZE // 2]
    assert not frames_left(photo, mask, half).any() and not frames_left(photo, after, after).any()


def test_glasses_that_the_picture_cuts_off_are_no_problem() -> None:
    photo, mask, _ = in_glasses(SIZE, (30, 28, 30))
    for shift in (-150, 150):
        moved = np.roll(mask, shift, axis=1)
        after = np.where(moved == Label.EYE_G, Label.SKIN, moved)
        assert frames_left(np.roll(photo, shift, axis=1), moved, after).shape == mask.shape
