"""Masks survive files exactly, from every tool that keeps them exact; the rest is refused with the reason."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from PIL import Image
from test_labels import face_mask

from maskgan.labels import FACE_PARSING_ORDER, PALETTE, Label, colourise
from maskgan.mask_files import BadMask, read_mask, resize_mask, write_mask


def png(image: Image.Image | np.ndarray, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(buffer, form, **options)
    return buffer.getvalue()


def indexed(mask: np.ndarray, palette: np.ndarray) -> bytes:
    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette(palette.astype(np.uint8).tobytes())
    return png(image)


@pytest.fixture(autouse=True)
def _no_unexpected_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def test_written_masks_hold_ids_show_colours_and_read_back(tmp_path):
    mask = np.random.default_rng(0).integers(0, 19, (50, 40)).astype(np.uint8)
    write_mask(tmp_path / "m.png", mask)
    with Image.open(tmp_path / "m.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), mask)
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), colourise(mask))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), mask)


def test_write_refuses_ids_that_do_not_exist():
    with pytest.raises(ValueError, match=r"0\.\.18"):
        write_mask(io.BytesIO(), np.full((4, 4), 19, np.uint8))


def test_grey_and_coloured_pictures():
    mask = face_mask()
    coloured = colourise(mask)
    for data in (
        png(mask),
        png(mask.astype(np.uint16)),
        png(np.dstack((mask, mask, mask))),
        png(coloured),
        png(coloured, "BMP"),
        png(np.dstack((coloured, np.full_like(mask, 255)))),
        png(coloured, "WEBP", lossless=True),
    ):
        np.testing.assert_array_equal(read_mask(data), mask)


def test_indexed_by_another_palette_order_is_read_by_colour():
    mask = face_mask()
    order = np.random.default_rng(0).permutation(19)
    shuffled = np.argsort(order)[mask].astype(np.uint8)
    np.testing.assert_array_equal(read_mask(indexed(shuffled, PALETTE[order])), mask)


def test_masks_in_the_official_colours_are_read_in_colour_and_indexed():
    mask = face_mask()
    official = PALETTE.copy()
    official[Label.R_BROW] = (255, 204, 204)  # as CelebAMask-HQ's own g_color.py has it
    assert (mask == Label.R_BROW).any()
    for data in (png(official[mask]), indexed(mask, official), indexed(mask[::-1], official)):
        assert set(np.unique(read_mask(data))) == set(np.unique(mask))
    np.testing.assert_array_equal(read_mask(indexed(mask, official)), mask)
    shuffled = np.random.default_rng(0).permutation(19)
    np.testing.assert_array_equal(read_mask(indexed(np.argsort(shuffled)[mask], official[shuffled])), mask)


def test_indexed_by_foreign_colours_is_read_by_index():
    mask = face_mask()
    np.testing.assert_array_equal(read_mask(indexed(mask, np.random.default_rng(0).integers(1, 50, (19, 3)))), mask)
    np.testing.assert_array_equal(read_mask(indexed(mask, np.zeros((19, 3)))), mask)


def test_face_parsing_ids_are_converted_with_a_warning_or_as_told():
    mask = face_mask()
    foreign = np.argsort(np.array(FACE_PARSING_ORDER))[mask].astype(np.uint8)
    with pytest.warns(UserWarning, match=r"face-parsing\.PyTorch"):
        np.testing.assert_array_equal(read_mask(png(foreign)), mask)
    np.testing.assert_array_equal(read_mask(png(foreign), order="celebamask"), foreign)
    np.testing.assert_array_equal(read_mask(png(foreign), order="face-parsing"), mask)
    # In our colours the ids are certain, whatever the layout looks like.
    np.testing.assert_array_equal(read_mask(png(colourise(foreign))), foreign)


def test_other_resolution_is_resized_without_new_ids():
    mask = face_mask(64)
    twice = np.kron(mask, np.ones((2, 2), np.uint8))
    np.testing.assert_array_equal(read_mask(png(twice), (64, 64)), mask)
    np.testing.assert_array_equal(read_mask(png(mask), (128, 128)), twice)
    assert resize_mask(np.zeros((300, 400), np.uint8), (150, 201)).shape == (150, 201)  # rounded by a pixel


def test_other_proportions_are_refused_with_both_sizes():
    with pytest.raises(BadMask, match=r"64 x 64 .* 48 x 64"):
        read_mask(png(face_mask(64)), (64, 48))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (png(colourise(face_mask()), "JPEG"), "JPEG"),
        (png(np.full((8, 8), 19, np.uint8)), "0..18"),
        (png(np.full((8, 8), 255, np.uint8)), "0..18"),
        (indexed(np.full((8, 8), 40, np.uint8), np.full((64, 3), 7)), "0..18"),
        (png(np.full((8, 8, 3), 200, np.uint8)), "palette"),
        (png(np.zeros((8, 8, 4), np.uint8)), "transparent"),
        (png(Image.new("1", (8, 8))), "indexed, grey or RGB"),
        (png(Image.new("F", (8, 8)), "TIFF"), "indexed, grey or RGB"),
        (b"no picture", "not a picture"),
        (png(face_mask())[:-40], "damaged"),
    ],
)
def test_bad_masks_are_refused_in_one_sentence(data, says):
    with pytest.raises(BadMask, match=says) as caught:
        read_mask(data)
    assert "\n" not in str(caught.value)


def test_a_smoothed_mask_is_refused_not_guessed():
    blurred = np.asarray(Image.fromarray(colourise(face_mask())).resize((70, 70), Image.Resampling.BILINEAR))
    with pytest.raises(BadMask, match="without smoothing"):
        read_mask(png(blurred))
