"""The matte of hair: strands beyond the mask, no rim of the old colour, no walls or hands that a mask calls hair."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgan.editing.matting import hair_matte
from maskgan.editing.recolouring import recolour_part
from maskgan.labels import Label

SIZE, WALL, SKIN, HAIR = 256, (222, 219, 212), (168, 112, 82), (152, 148, 146)


def head(hair: tuple[int, int, int] = HAIR) -> tuple[np.ndarray, np.ndarray]:
    """A face below a ring of hair in strands before a wall, (S, S, 3) uint8, and its mask (S, S)."""
    rows, cols = np.indices((SIZE, SIZE))
    away = np.hypot(cols - 128, 1.0 * (rows - 140))
    mask = np.full((SIZE, SIZE), Label.BACKGROUND, np.uint8)
    mask[(away < 100) & (rows < 190)] = Label.HAIR
    mask[away < 68] = Label.SKIN
    photo = np.full((SIZE, SIZE, 3), WALL, np.float32)
    photo[away < 68] = SKIN
    inside = mask == Label.HAIR
    photo[inside] = np.array(hair) + 14 * np.sin(away[inside] * 1.9)[:, None]
    photo += np.random.default_rng(0).normal(0, 3, photo.shape)
    return photo.clip(0, 255).round().astype(np.uint8), mask


def test_a_strand_that_the_mask_missed_is_hair():
    photo, mask = head()
    mask[:44] = np.where(mask[:44] == Label.HAIR, Label.BACKGROUND, mask[:44])  # the upper 4 of its 60 rows
    photo[40:44, 60:200] = WALL
    photo[40:44, 126:130] = HAIR
    share = hair_matte(photo, mask).share
    assert share[41:44, 127:129].min() > 0.6 > 0.1 > share[41:44, 100:120].max()
    assert share[60, 128] == 1


def test_grey_hair_that_becomes_dark_leaves_no_rim_beside_skin():
    """Though the mask ends within the hair, skin is as light as it, and some skin counts as hair elsewhere."""
    photo, mask = head()
    true = mask == Label.HAIR
    shifted = np.roll(true, 4, axis=1) & (mask != Label.BACKGROUND)
    mask[true] = np.where(shifted[true], Label.HAIR, Label.SKIN)
    mask[shifted & ~true] = Label.HAIR
    share = hair_matte(photo, mask).share
    inner = np.hypot(*(np.indices(mask.shape) - np.array([140, 128])[:, None, None]))
    for ring, hairy in (((69, 76), True), ((60, 67), False)):
        there = (inner > ring[0]) & (inner < ring[1]) & (np.indices(mask.shape)[0] < 150)
        assert (share[there].mean() > 0.85) if hairy else (share[there].mean() < 0.1)


def test_only_the_strand_changes_where_it_shares_a_pixel_with_the_wall():
    photo, mask = head((60, 45, 36))
    soft = cv2.GaussianBlur(photo, (0, 0), 1.5)
    result, share = recolour_part(soft, mask, Label.HAIR, (20, 18, 17))
    rim = (share > 0.3) & (share < 0.7) & (np.indices(mask.shape)[0] < 100)
    outer = rim & (np.hypot(*(np.indices(mask.shape) - np.array([140, 128])[:, None, None])) > 90)
    assert outer.sum() > 50
    # A mixture of the wall with black is as much darker as the strand in it.
    change = (soft.astype(float) - result)[outer].mean(1) / share[outer]
    assert abs(change - change.mean()).mean() < 8 and 10 < change.mean() < 45


@pytest.mark.parametrize("what", ["wall", "hand"])
def test_walls_and_hands_that_the_mask_calls_hair_keep_their_colour(what):
    photo, mask = head((58, 42, 34))
    taken = np.zeros_like(mask, bool)
    taken[96:190, 200:] = True
    taken &= mask == Label.BACKGROUND
    mask[taken] = Label.HAIR
    if what == "hand":
        photo[taken] = photo[140, 128]
    result, share = recolour_part(photo, mask, Label.HAIR, (190, 90, 30))
    deep = cv2.erode(taken.astype(np.uint8), np.ones((9, 9))) > 0
    assert share[deep].max() < 0.15 and share[deep].mean() < 0.01
    assert np.array_equal(result[share == 0], photo[share == 0])
    assert share[60, 128] == 1  # and hair is still hair


def test_hair_that_becomes_light_towards_its_ends_is_hair_all_over():
    """Its ends are nearer to the wall's colour than to the roots'."""
    photo, mask = head((58, 42, 34))
    rows = np.indices(mask.shape)[0]
    ends = ((rows - 110) / 80).clip(0, 1)[..., None] * (mask == Label.HAIR)[..., None]
    photo = (photo + ends * (np.array((205, 170, 120)) - photo)).round().astype(np.uint8)
    deep = cv2.erode((mask == Label.HAIR).astype(np.uint8), np.ones((19, 19))) > 0
    assert hair_matte(photo, mask).share[deep].min() > 0.95


def test_no_hair_is_none_and_all_hair_is_all():
    photo, mask = head()
    assert not hair_matte(photo, np.zeros_like(mask)).share.any()
    assert (hair_matte(photo, np.full_like(mask, Label.HAIR)).share == 1).all()


def test_the_last_matte_is_at_hand_for_the_same_picture_alone():
    photo, mask = np.full((64, 64, 3), 60, np.uint8), np.zeros((64, 64), np.uint8)
    mask[10:40, 10:50], mask[40:60, 20:40] = Label.HAIR, Label.SKIN
    photo[mask == Label.HAIR] = 200
    first = hair_matte(photo, mask)
    assert hair_matte(photo.copy(), mask.copy()) is first and not first.share.flags.writeable
    mask[10:20] = Label.BACKGROUND
    assert hair_matte(photo, mask) is not first and hair_matte(photo, mask).share[:4].max() == 0
