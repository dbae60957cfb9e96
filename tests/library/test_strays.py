"""Strands of hair over a forehead that no mask holds, and how they go with the hair."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face, hair_over_a_neck

from maskgan.editing.strays import carried_hair, hair_over_neck, stray_hair, stray_strands, without_slivers
from maskgan.labels import BROWS, Label

SIZE = 512
SKIN, HAIR = (214, 170, 150), (40, 30, 26)

Masks = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def masks() -> Masks:
    """A face whose hair hangs over one half of its forehead, and the same face without that."""
    after = draw_face(SIZE)
    before = after.copy()
    fringe = np.zeros(after.shape, bool)
    fringe[:205, 262:345] = True
    before[fringe & (after == Label.SKIN)] = Label.HAIR
    return before, after


def picture(mask: np.ndarray, hair: tuple[int, ...] = HAIR) -> np.ndarray:
    """A photo (S, S, 3) uint8 of such a face."""
    colours = np.full((19, 3), 150, np.uint8)
    colours[Label.SKIN], colours[Label.HAIR] = SKIN, hair
    grain = np.random.default_rng(0).normal(0, 3, (*mask.shape, 1))
    return (colours[mask] + grain).round().clip(0, 255).astype(np.uint8)


def with_lock(photo: np.ndarray, hair: tuple[int, ...] = HAIR) -> tuple[np.ndarray, np.ndarray]:
    """A photo with a half transparent lock beside the fringe, and where it hangs."""
    where = np.zeros(photo.shape[:2], np.uint8)
    cv2.line(where, (262, 150), (238, 185), 1, 14)
    mixed = (0.5 * photo + 0.5 * np.array(hair)).astype(np.uint8)
    return np.where(where[..., None] > 0, mixed, photo), where > 0


@pytest.mark.parametrize("hair", [HAIR, (252, 250, 246)], ids=["dark", "white"])
def test_a_lock_beside_hair_that_goes_is_found_and_clean_skin_is_not(masks: Masks, hair: tuple[int, ...]) -> None:
    before, after = masks
    photo, lock = with_lock(picture(before, hair), hair)
    lock &= before == Label.SKIN
    found = stray_hair(photo, before, after)
    assert found[lock].mean() > 0.85
    assert not found[cv2.dilate(lock.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0].any()
    assert not found[before != Label.SKIN].any()
    assert not stray_hair(picture(before, hair), before, after).any(), "no lock, no strays"


def test_a_lock_that_came_along_with_hair_that_moved_far_is_found(masks: Masks) -> None:
    """Somebody's shapes drew the hair up, and what hung from it down over the forehead."""
    mask, _ = masks
    photo, lock = with_lock(picture(mask))
    lock &= mask == Label.SKIN
    flow = np.zeros((*mask.shape, 2), np.float32)
    flow[..., 1] = 30
    found = carried_hair(photo, mask, mask, flow)
    assert found[lock].mean() > 0.85 and not found[mask != Label.SKIN].any()
    assert not found[cv2.dilate(lock.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0].any()
    assert not carried_hair(photo, mask, mask, flow / 2).any(), "hair that moved a little keeps its own"
    torn = photo.copy()
    torn[164:169] = picture(mask)[164:169]
    assert carried_hair(torn, mask, mask, flow)[lock & (np.arange(SIZE)[:, None] > 172)].mean() > 0.8
    assert not carried_hair(picture(mask), mask, mask, flow).any()


def test_a_lock_stays_where_its_hair_does_and_where_it_is_another(masks: Masks) -> None:
    before, after = masks
    photo, _ = with_lock(picture(before))
    assert not stray_hair(photo, before, before).any()
    away, lock = with_lock(picture(before))
    away = np.where(lock[..., None], picture(before), photo)
    away[150:180, 180:196] = HAIR  # a mole on the other side of the forehead, not beside what is lost
    assert not stray_hair(away, before, after).any()


def test_a_lock_that_hangs_over_a_brow_goes_with_its_part_of_the_brow(masks: Masks) -> None:
    before, after = masks
    brow, top = before == Label.L_BROW, int(np.nonzero(before == Label.L_BROW)[0].min())
    before = np.where((before == Label.HAIR) & (np.arange(SIZE) > 260) & (after == Label.SKIN), Label.SKIN, before)
    before[: top - 14][masks[0][: top - 14] == Label.HAIR] = Label.HAIR
    photo, where = picture(before), np.zeros(before.shape, np.uint8)
    photo[np.isin(before, BROWS)] = HAIR
    assert not stray_hair(photo, before, after).any(), "a brow below hair that goes stays"
    cv2.line(where, (300, top - 20), (300, top + 8), 1, 14)
    over = (where > 0) & (before == Label.SKIN)
    photo[over] = HAIR
    found = stray_hair(photo, before, after)
    part = brow & (abs(np.arange(SIZE) - 300) < 7)
    assert found[over].mean() > 0.8 and found[part].mean() > 0.5
    assert not found[brow & (np.arange(SIZE) > 330)].any() and not found[~np.isin(before, (Label.SKIN, *BROWS))].any()


def test_hair_in_the_colour_of_the_skin_tells_nothing(masks: Masks) -> None:
    before, after = masks
    near = tuple(value - 20 for value in SKIN)
    photo, _ = with_lock(picture(before, near))
    assert not stray_hair(photo, before, after).any()


@pytest.mark.parametrize("tip", [(235, 235, 240), (25, 25, 30)], ids=["cloth", "band"])
def test_the_tip_of_a_white_scarf_with_a_black_band_that_the_mask_calls_skin_goes_with_it(tip: tuple[int, ...]) -> None:
    after = draw_face(SIZE)
    skin, scarf = after == Label.SKIN, np.zeros(after.shape, bool)
    scarf[:130] = True
    before = np.where(scarf & (skin | (after == Label.HAIR)), Label.HAT, after)
    photo = picture(before)
    photo[before == Label.HAT] = (235, 235, 240)
    photo[60:112][before[60:112] == Label.HAT] = (25, 25, 30)
    clean = stray_hair(photo, before, after)
    where = np.zeros(after.shape, np.uint8)
    cv2.fillConvexPoly(where, np.array([(225, 128), (287, 128), (256, 170)]), 1)
    photo[where > 0] = tip
    found = stray_hair(photo, before, after)
    tip_there = (where > 0) & skin & ~scarf
    assert not clean[tip_there].any() and found[tip_there].mean() > 0.85
    assert not found[cv2.dilate(where, np.ones((25, 25), np.uint8)) == 0].any()


def test_a_sliver_of_skin_between_what_is_painted_is_painted_too_and_the_rest_is_not(masks: Masks) -> None:
    before, after = masks
    skin = after == Label.SKIN
    unknown = np.zeros(before.shape, bool)
    unknown[110:205, 250:345] = True
    unknown[150:160] = False
    found = without_slivers(unknown, before, after)
    assert found[152:158, 262:330][skin[152:158, 262:330]].all()
    assert not (found & ~unknown)[:, :230].any() and not (found & ~unknown)[260:].any()
    assert (without_slivers(unknown, before, before) == unknown).all()


def test_a_face_without_eyes_has_no_forehead(masks: Masks) -> None:
    before, after = (np.where(np.isin(mask, (Label.L_EYE, Label.R_EYE)), Label.SKIN, mask) for mask in masks)
    photo, _ = with_lock(picture(before))
    assert not stray_hair(photo, before, after).any()


@pytest.mark.parametrize("hair", [HAIR, (252, 250, 246)], ids=["dark", "white"])
def test_hair_on_a_neck_that_the_mask_counts_to_it_goes_with_the_hair_beside_it(hair: tuple[int, ...]) -> None:
    photo, lock, before, after = hair_over_a_neck(SIZE, hair)
    found = hair_over_neck(photo, before, after)
    assert found[lock].mean() > 0.8
    assert not found[cv2.dilate(lock.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0].any()
    clean = photo.copy()
    clean[lock] = SKIN
    assert not hair_over_neck(clean, before, after).any(), "no lock, no strays"


def test_what_lies_on_a_neck_stays_where_the_hair_does_and_away_from_it() -> None:
    photo, lock, before, after = hair_over_a_neck()
    assert not hair_over_neck(photo, before, before).any()
    middle = np.roll(lock, 256 - int(np.flatnonzero(lock.any(0)).mean()), axis=1)
    photo[lock], photo[middle] = SKIN, HAIR
    assert not hair_over_neck(photo, before, after).any(), "a thing on the neck that touches no hair"


def in_the_air(even: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A photo of long hair before a wall, even or not, with strands beside it that the mask does not hold, where these
    are, its mask, and that of shorter hair."""
    before = draw_face(SIZE, scale=0.7, extra=("long hair",))
    after = before.copy()
    below = np.indices(before.shape)[0] > 250
    after[below & (before == Label.HAIR)] = Label.BACKGROUND
    photo, strands = picture(before), np.zeros(before.shape, np.uint8)
    right = int(np.flatnonzero((before == Label.HAIR)[380]).max())
    for drop in (0, 40):
        cv2.line(strands, (right - 6, 330 + drop), (right + 50, 370 + drop), 1, 3)
    if not even:
        leaves = np.random.default_rng(1).integers(0, 255, (SIZE // 8, SIZE // 8, 3), np.uint8)
        leaves = cv2.resize(leaves, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
        photo = np.where((before == Label.BACKGROUND)[..., None], leaves, photo)
    strands = (strands > 0) & (before == Label.BACKGROUND)
    return np.where(strands[..., None], np.uint8(HAIR), photo), strands, before, after


def test_strands_in_the_air_go_with_the_hair_from_before_an_even_wall() -> None:
    photo, strands, before, after = in_the_air()
    found = stray_strands(photo, before, after)
    assert strands.sum() > 200 and found[strands].mean() > 0.95
    near = cv2.dilate(strands.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    edge = cv2.dilate((before == Label.HAIR).astype(np.uint8), np.ones((73, 73), np.uint8)) > 0
    assert not (found & ~near & ~edge).any(), "the wall stays"
    assert not found[before != Label.BACKGROUND].any()
    assert not stray_strands(photo, before, before).any(), "hair that stays keeps them"


def with_long_lock(drop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As `in_the_air`, but with one thick lock, which begins at the hair and ends so far below."""
    photo, strands, before, after = in_the_air()
    photo[strands] = photo[5, 5]
    right = int(np.flatnonzero((before == Label.HAIR)[330]).max())
    lock = np.zeros(before.shape, np.uint8)
    cv2.line(lock, (right - 6, 300), (right + 100, 300 + drop), 1, 11)
    lock = (lock > 0) & (before == Label.BACKGROUND)
    return np.where(lock[..., None], np.uint8(HAIR), photo), lock, before, after


def test_a_lock_that_hangs_far_beyond_its_mask_goes_with_the_hair() -> None:
    photo, lock, before, after = with_long_lock(drop=110)
    found = stray_strands(photo, before, after)
    assert found[lock].mean() > 0.95
    beside = cv2.dilate(lock.astype(np.uint8), np.ones((21, 21), np.uint8)) > 0
    near = cv2.dilate((before == Label.HAIR).astype(np.uint8), np.ones((73, 73), np.uint8)) > 0
    assert lock[~near].sum() > 500 and not (found & ~beside & ~near).any(), "the wall stays"
    photo, shelf, before, after = with_long_lock(drop=-110)
    assert shelf[~near].sum() > 500 and not stray_strands(photo, before, after)[shelf & ~near].any(), "no hair rises"


def test_nothing_of_an_uneven_background_is_taken_for_strands() -> None:
    photo, _, before, after = in_the_air(even=False)
    assert not stray_strands(photo, before, after).any()


def test_a_strand_goes_as_a_whole_also_where_the_wall_behind_its_end_is_rough() -> None:
    """Its end stayed in the air."""
    photo, others, before, after = in_the_air()
    photo[others] = photo[5, 5]
    right = int(np.flatnonzero((before == Label.HAIR)[340]).max())
    rough = np.random.default_rng(2).integers(-45, 46, (SIZE // 4, SIZE // 4, 1))
    wall = (np.arange(SIZE)[None] > right + 44) & (before == Label.BACKGROUND)
    photo = np.where(wall[..., None], photo + np.kron(rough, np.ones((4, 4, 1), int)), photo).clip(0, 255)
    for long, goes in ((78, True), (140, False)):  # what is longer is a line of the wall
        strand = np.zeros(before.shape, np.uint8)
        cv2.line(strand, (right - 6, 340), (right + long, 350), 1, 3)
        strand = (strand > 0) & (before == Label.BACKGROUND)
        found = stray_strands(np.where(strand[..., None], HAIR, photo).astype(np.uint8), before, after)
        end = strand & (np.arange(SIZE)[None] > right + 50)
        assert end.sum() > 60 and (found[end].mean() > 0.95 if goes else found[end].mean() < 0.3)
