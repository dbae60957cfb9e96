"""MaskGANPipeline on pictures that are face crops already, whatever their size."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from conftest import draw_face, draw_mask

from maskgan.editing.engine import most_probable
from maskgan.editing.faces import Alignment
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.mask_files import resize_mask
from maskgan.sizes import CROP_SIZE, NETWORK_SIZE


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (300, 200), (97, 180)])
def test_aligned_pictures_keep_their_size(pipeline: MaskGANPipeline, size: tuple[int, int]) -> None:
    height, width = size
    photo = draw_face(draw_mask(512))[:height, :width]
    mask = pipeline.parse_picture(photo)
    assert mask.shape == size and mask.max() <= 18
    assert np.array_equal(pipeline.edit_picture(photo, mask), photo)
    edited = mask.copy()
    rows, columns = slice(height // 2, height // 2 + 20), slice(width // 2, width // 2 + 20)
    edited[rows, columns] = (edited[rows, columns] + 1) % 19
    result = pipeline.edit_picture(photo, edited)
    assert result.shape == photo.shape and not np.array_equal(result[rows, columns], photo[rows, columns])
    assert np.array_equal(result[: height // 4], photo[: height // 4])
    redrawn = pipeline.edit_picture(photo, edited, keep_untouched=False)
    assert redrawn.shape == photo.shape and (redrawn[: height // 4] != photo[: height // 4]).any()


@pytest.mark.parametrize("shape", [(32, 24_000), (24_000, 40), (700, 1500)])
def test_a_long_picture_takes_no_square_of_its_long_side(shape: tuple[int, int], pipeline: MaskGANPipeline) -> None:
    height, width = shape
    photo = np.full((height, width, 3), 90, np.uint8)
    photo[:, : width // 2] = 200
    tracemalloc.start()
    mask = pipeline.parse_picture(photo)
    pipeline.face_with(photo, mask)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert mask.shape == shape
    assert peak < 40e6  # a square of 24,000 pixels takes 576 MB


@pytest.mark.parametrize("shape", [(200, 900), (900, 333), (100, 37), (512, 512), (1300, 1299)])
def test_the_mask_of_a_picture_is_that_of_the_square_around_it(
    shape: tuple[int, int], pipeline: MaskGANPipeline
) -> None:
    random = np.random.default_rng(0)
    photo = random.integers(0, 255, (*shape, 3), np.uint8)
    (height, width), side = shape, max(shape)
    top, left = (side - height) // 2, (side - width) // 2
    mask = pipeline.parse_picture(photo)
    face = pipeline.face_with(photo, mask)

    square = np.pad(mask, ((top, side - height - top), (left, side - width - left)), mode="edge")
    np.testing.assert_array_equal(face.mask, resize_mask(square, (CROP_SIZE, CROP_SIZE), smooth=True))
    crop = Alignment.whole_picture(shape).crop(photo, NETWORK_SIZE)
    ids, _ = most_probable(pipeline._probabilities(crop), min(side, 1024))
    square = resize_mask(ids, (side, side))
    np.testing.assert_array_equal(mask, square[top : top + height, left : left + width])
