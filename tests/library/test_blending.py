"""Pixels that are chosen by a region, and a region that goes on beyond its outline."""

import numpy as np
import pytest

from maskgan.blending import median_colour, mirrored_beyond, pixels_of, replaced


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_pixels_are_chosen_and_replaced_where_a_region_is(kind: type) -> None:
    random = np.random.default_rng(0)
    picture, other = random.uniform(0, 255, (2, 30, 40, 3)).astype(kind)
    where = random.random((30, 40)) < 0.4
    before = picture.copy()
    part = slice(3, 21), slice(5, 33)  # not in one piece in memory
    for of in (slice(None), part):
        result = replaced(picture[of], other[of], where[of])
        assert np.array_equal(result, np.where(where[of][..., None], other[of], picture[of])) and result.dtype == kind
        assert np.array_equal(pixels_of(picture[of], where[of]), picture[of][where[of]])
    assert np.array_equal(picture, before)


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_the_median_colour_is_that_of_numpy(count: int) -> None:
    pixels = np.random.default_rng(count).normal(0, 50, (count, 3)).astype(np.float32)
    assert np.array_equal(median_colour(pixels), np.median(pixels, axis=0))


def test_a_texture_goes_on_as_its_mirror_image() -> None:
    picture = np.random.default_rng(0).uniform(0, 255, (40, 60, 3)).astype(np.float32)
    inside, wanted = np.zeros((2, 40, 60), bool)
    inside[:, :30], wanted[:, 30:45] = True, True
    result = mirrored_beyond(picture, inside, wanted, 30)
    assert np.array_equal(result[~wanted], picture[~wanted])
    # A pixel beyond the outline shows the one that is as far before it.
    assert np.abs(result[5:-5, 30:45] - picture[5:-5, 14:29][:, ::-1]).max() < 1


def test_beyond_a_narrow_region_its_nearest_pixels_go_on() -> None:
    picture = np.zeros((20, 40, 3), np.float32)
    picture[:, 8:10] = 7
    inside, wanted = np.zeros((2, 20, 40), bool)
    inside[:, 8:10], wanted[:, 10:30] = True, True
    assert (mirrored_beyond(picture, inside, wanted, 30)[wanted] == 7).all()


def test_without_any_of_the_region_near_by_the_picture_stays() -> None:
    picture = np.ones((20, 80, 3), np.float32)
    inside, wanted = np.zeros((2, 20, 80), bool)
    inside[:, :4], wanted[:, 60:] = True, True
    assert np.array_equal(mirrored_beyond(picture, inside, wanted, 10), picture)
