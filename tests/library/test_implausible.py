"""What a parser takes for a hat beside a head is none, nor for hair below or earrings; what is worn stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import area, draw_face

from maskgan.editing.implausible import without_covered_neck, without_implausible
from maskgan.labels import NUM_CLASSES, Label

STRAY = np.s_[150:190, 4:30]


def planes_of(mask: np.ndarray, second: Label = Label.BACKGROUND) -> np.ndarray:
    """Probabilities: the mask's classes, with a second one wherever there is a hat."""
    planes = np.zeros((NUM_CLASSES, *mask.shape), np.float32)
    np.put_along_axis(planes, mask[None].astype(int), 0.6, 0)
    planes[second][mask == Label.HAT] = 0.4
    return planes


def with_stray(mask: np.ndarray) -> np.ndarray:
    mask = mask.copy()
    mask[STRAY] = Label.HAT
    return mask


def test_where_no_hat_is_worn_nothing_is_one() -> None:
    bare = draw_face(extra=("long hair",))
    planes = planes_of(with_stray(bare))
    before = planes.copy()
    found = without_implausible(planes).argmax(0)
    assert not area(found, Label.HAT)
    bare[STRAY] = Label.BACKGROUND  # what is the second likeliest there
    np.testing.assert_array_equal(found, bare)
    np.testing.assert_array_equal(planes, before)


def test_a_worn_hat_stays_and_small_pieces_beside_it_go() -> None:
    for worn in ("hat", "scarf"):
        mask = draw_face(extra=(worn,))
        cv2.rectangle(mask, (2, 2), (12, 8), int(Label.BACKGROUND), -1)
        stray = mask.copy()
        cv2.rectangle(stray, (4, 4), (9, 7), int(Label.HAT), -1)
        planes = planes_of(stray)
        np.testing.assert_array_equal(without_implausible(planes).argmax(0), mask)
        alone = planes_of(mask)
        assert without_implausible(alone) is alone


def test_crumbs_of_hair_below_the_face_are_none_unless_the_parser_is_sure_of_them() -> None:
    mask = draw_face(extra=("scarf",))
    rows = np.nonzero(np.isin(mask, (Label.U_LIP, Label.L_LIP)))[0]
    size, below = len(mask), int(rows.mean()) + len(mask) // 8
    for sure, height, goes in ((0.5, 4, True), (0.7, 4, False), (0.5, size // 4, False)):
        crumbs = mask.copy()
        crumbs[below : below + height, : size // 6] = Label.HAIR
        planes = planes_of(mask)
        planes[:, crumbs == Label.HAIR] *= (1 - sure) / planes[:, crumbs == Label.HAIR].sum(0)
        planes[Label.HAIR][crumbs == Label.HAIR] = sure
        found = without_implausible(planes)
        if goes:
            np.testing.assert_array_equal(found.argmax(0), mask)
        else:
            assert found is planes


@pytest.mark.parametrize("label", [Label.EAR_R, Label.NECK_L])
def test_specks_that_the_parser_is_nowhere_sure_of_are_no_jewellery(label: Label) -> None:
    mask = draw_face()
    eyes = np.nonzero(np.isin(mask, (Label.L_EYE, Label.R_EYE)))[0]
    size, ears, row = len(mask), (mask == Label.L_EAR) | (mask == Label.R_EAR), int(eyes.mean())
    left, right = (np.nonzero(ears)[1].min() - 4, np.nonzero(ears)[1].max() + 1)
    below, above = row + size // 8, row - size // 8

    def found(*pieces: tuple[int, int, float]) -> list[bool]:
        planes = planes_of(mask)
        planes[mask[None] == np.arange(NUM_CLASSES)[:, None, None]] = 0.1
        for y, x, sure in pieces:
            planes[label][y : y + 4, x : x + 4] = 0.3
            planes[label][y + 1, x + 1] = sure
        before = planes.copy()
        ids = without_implausible(planes).argmax(0)
        np.testing.assert_array_equal(planes, before)
        kept = [bool((ids[y : y + 4, x : x + 4] == label).all()) for y, x, _ in pieces]
        for (y, x, _), stays in zip(pieces, kept, strict=True):
            assert stays or (ids[y : y + 4, x : x + 4] == mask[y : y + 4, x : x + 4]).all()
        return kept

    assert found((below, left, 0.7)) == [False]
    assert found((below, left, 0.9)) == [True]
    assert found((below, left, 0.9), (below, right, 0.7)) == [True, True]
    assert found((below, left, 0.9), (below, right, 0.5)) == [True, False]
    assert found((above, left, 0.9), (below, right, 0.7)) == [False, False]


def test_pictures_without_a_face_are_left_alone() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[10:30, 10:50] = Label.HAT
    planes = planes_of(mask)
    assert without_implausible(planes) is planes


def test_the_folds_of_a_dark_scarf_below_the_chin_are_no_neck() -> None:
    mask = draw_face(extra=("scarf",))
    mask[mask == Label.NECK] = Label.HAT
    rows, columns = np.nonzero(mask == Label.SKIN)
    fold = np.s_[rows.max() + 4 : rows.max() + 12, columns.min() + 30 : columns.max() - 30]
    covered = mask.copy()
    covered[fold] = Label.NECK
    crop = np.full((*mask.shape, 3), (40, 36, 52), np.uint8)
    crop[np.isin(mask, (Label.SKIN, Label.NOSE))] = (200, 160, 140)
    np.testing.assert_array_equal(without_covered_neck(crop, covered)[fold], Label.HAT)
    np.testing.assert_array_equal(without_covered_neck(crop, covered) != covered, covered == Label.NECK)
    shaded = crop.copy()
    shaded[fold] = (100, 78, 68)  # by the chin
    for photo, seen in ((shaded, covered), (crop, mask), (crop, np.where(mask == Label.HAT, 17, covered))):
        assert without_covered_neck(photo, seen) is seen
