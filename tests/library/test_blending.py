"""A region that goes on beyond its outline."""

import numpy as np

from maskgan.blending import mirrored_beyond


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
