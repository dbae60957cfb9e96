"""The palette, exact decoding, mirroring and foreign class orders of label maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from maskgan.labels import (
    DISPLAY_NAMES,
    FACE_PARSING_ORDER,
    IGNORE,
    NUM_CLASSES,
    PALETTE,
    PART_NAMES,
    Label,
    check_mask,
    colourise,
    decode,
    flip,
    flip_planes,
    from_face_parsing_order,
    one_hot,
    uses_face_parsing_order,
)


def face_mask(size: int = 64) -> np.ndarray:
    """A plain drawing of a face with every part where parts are."""
    mask = np.zeros((size, size), np.uint8)

    def box(label: Label, x0: float, y0: float, x1: float, y1: float) -> None:
        mask[int(y0 * size) : int(y1 * size), int(x0 * size) : int(x1 * size)] = label

    box(Label.CLOTH, 0.1, 0.92, 0.9, 1)
    box(Label.NECK, 0.35, 0.8, 0.65, 0.94)
    box(Label.HAIR, 0.15, 0.05, 0.85, 0.5)
    box(Label.SKIN, 0.25, 0.2, 0.75, 0.85)
    box(Label.R_EAR, 0.2, 0.4, 0.25, 0.55)
    box(Label.L_EAR, 0.75, 0.4, 0.8, 0.55)
    box(Label.R_BROW, 0.3, 0.33, 0.45, 0.37)
    box(Label.L_BROW, 0.55, 0.33, 0.7, 0.37)
    box(Label.R_EYE, 0.32, 0.41, 0.43, 0.46)
    box(Label.L_EYE, 0.57, 0.41, 0.68, 0.46)
    box(Label.NOSE, 0.45, 0.42, 0.55, 0.62)
    box(Label.U_LIP, 0.4, 0.67, 0.6, 0.70)
    box(Label.MOUTH, 0.4, 0.70, 0.6, 0.72)
    box(Label.L_LIP, 0.4, 0.72, 0.6, 0.76)
    return mask


def test_the_ids_and_colours_of_celebamask_hq():
    assert NUM_CLASSES == len(PART_NAMES) == len(DISPLAY_NAMES) == len(PALETTE) == 19
    assert [PART_NAMES[i] for i in (3, 4, 10, 13, 16, 18)] == ["eye_g", "l_eye", "mouth", "hair", "neck_l", "cloth"]
    assert PALETTE[Label.SKIN].tolist() == [204, 0, 0]
    assert PALETTE[Label.HAT].tolist() == [255, 51, 153]
    assert len({tuple(colour) for colour in PALETTE.tolist()}) == 19


def test_decode_undoes_colourise_for_every_class():
    mask = np.random.default_rng(0).integers(0, NUM_CLASSES, (40, 30)).astype(np.uint8)
    np.testing.assert_array_equal(decode(colourise(mask)), mask)


def test_decode_refuses_a_colour_one_step_off_and_says_where():
    picture = colourise(face_mask())
    picture[5, 7, 0] ^= 1
    with pytest.raises(ValueError, match=r"x=7, y=5"):
        decode(picture)


def test_unlabelled_pixels_are_grey_and_belong_to_no_plane():
    mask = np.array([[0, IGNORE]], np.uint8)
    assert colourise(mask)[0, 1].tolist() == [128, 128, 128]
    planes = one_hot(mask)
    assert planes.shape == (1, 19, 1, 2)
    assert planes.sum(1).tolist() == [[[1.0, 0.0]]]


def test_one_hot_of_a_batch_has_the_plane_of_each_id():
    mask = np.random.default_rng(0).integers(0, NUM_CLASSES, (2, 8, 8)).astype(np.uint8)
    np.testing.assert_array_equal(one_hot(mask).argmax(1).numpy(), mask)


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (np.zeros((4, 4, 3), np.uint8), "one plane"),
        (np.zeros((0, 4), np.uint8), "one plane"),
        (np.zeros((4, 4), np.float32), "whole numbers"),
        (np.zeros((4, 4), bool), "whole numbers"),
        (np.full((4, 4), 19, np.uint8), "outside 0..18"),
        (np.full((4, 4), -1), "outside 0..18"),
        (np.full((4, 4), IGNORE, np.uint8), "outside 0..18"),
    ],
)
def test_what_is_no_mask_is_refused_with_the_reason(mask, says):
    with pytest.raises(ValueError, match=says):
        check_mask(mask)


def test_flip_swaps_left_and_right_parts_and_nothing_else():
    mask = face_mask()
    mirrored = flip(mask)
    # The drawing is symmetric to a pixel or so: the subject's left eye is on the picture's right, before and after.
    for picture in (mask, mirrored):
        assert np.argwhere(picture == Label.L_EYE)[:, 1].mean() > 32 > np.argwhere(picture == Label.R_EYE)[:, 1].mean()
    assert (mirrored == Label.HAIR).sum() == (mask == Label.HAIR).sum()
    np.testing.assert_array_equal(flip(mirrored), mask)


def test_flip_is_the_same_for_tensors_and_batches():
    mask = np.random.default_rng(0).integers(0, NUM_CLASSES, (2, 5, 6)).astype(np.uint8)
    tensor = flip(torch.from_numpy(mask))
    assert tensor.dtype == torch.uint8
    np.testing.assert_array_equal(tensor.numpy(), flip(mask))


def test_face_parsing_ids_are_told_apart_and_converted():
    mask = face_mask()
    foreign = np.argsort(np.array(FACE_PARSING_ORDER))[mask].astype(np.uint8)
    assert (foreign == 10).sum() == (mask == Label.NOSE).sum()  # 10 is the nose over there
    assert uses_face_parsing_order(foreign)
    assert not uses_face_parsing_order(mask)
    np.testing.assert_array_equal(from_face_parsing_order(foreign), mask)


def test_an_empty_mask_counts_as_ours():
    assert not uses_face_parsing_order(np.zeros((8, 8), np.uint8))


def test_flipped_planes_are_those_of_the_flipped_mask() -> None:
    mask = np.random.default_rng(0).integers(0, NUM_CLASSES, (2, 5, 7)).astype(np.uint8)
    planes = one_hot(torch.from_numpy(mask))
    assert torch.equal(flip_planes(planes), one_hot(torch.from_numpy(flip(mask))))


def test_the_data_sets_own_colour_of_the_right_brow_is_read():
    """CelebAMask-HQ's `g_color.py` paints it (255, 204, 204)."""
    mask = face_mask(64)
    picture = colourise(mask)
    picture[mask == Label.R_BROW] = (255, 204, 204)
    np.testing.assert_array_equal(decode(picture), mask)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32])
def test_a_class_id_compares_with_arrays_as_its_number(dtype: type) -> None:
    values = np.array([[0, 13, 14], [18, 5, 13]], dtype)
    for compared in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal):
        np.testing.assert_array_equal(compared(values, Label.HAIR), compared(values, 13))
        np.testing.assert_array_equal(compared(Label.HAIR, values), compared(13, values))
    np.testing.assert_array_equal(values == Label.HAIR, [[False, True, False], [False, False, True]])
    assert {Label.HAIR: "hair"}[values[0, 1]] == "hair"


def test_a_class_id_in_a_sum_is_a_large_number() -> None:
    """A mask of bytes would run over where it stood for one."""
    np.testing.assert_array_equal(np.full(2, 250, np.uint8) + Label.HAIR, [263, 263])
    np.testing.assert_array_equal(np.maximum.reduce([np.uint8(3), Label.HAIR]), 13)
