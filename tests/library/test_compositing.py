"""Keeping what was not touched: which pixels stay, which take new content, and no seam between them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskgan.editing.compositing import keep_untouched
from maskgan.labels import Label

SIZE = 256


@pytest.fixture
def edited_mask(face_mask: np.ndarray) -> np.ndarray:
    mask = face_mask.copy()
    mask[185:200, 100:150] = Label.MOUTH
    return mask


def distance_to(changed: np.ndarray) -> np.ndarray:
    return cv2.distanceTransform((~changed).astype(np.uint8), cv2.DIST_L2, 5)


def flat(value: float) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), value, np.float32)


def test_no_change_gives_the_photo_itself(face_photo, face_mask) -> None:
    result = keep_untouched(face_photo, flat(10), flat(200), face_mask, face_mask)
    assert np.array_equal(result.crop, face_photo)
    assert not result.region.any() and (result.detail == 1).all()


def test_far_pixels_are_bit_identical_however_wrong_the_network_is(face_photo, face_mask, edited_mask) -> None:
    noise = np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype(np.float32)
    result = keep_untouched(face_photo, *noise, face_mask, edited_mask)
    changed = face_mask != edited_mask
    distance = distance_to(changed)
    assert np.array_equal(result.crop[result.region == 0], face_photo[result.region == 0])
    assert (result.region[distance > 11] == 0).all()  # grows only near the change
    assert (result.region[changed] == 1).all()
    assert (result.crop[changed] != face_photo[changed]).any(-1).mean() > 0.9


def test_the_region_falls_with_the_distance(face_photo, face_mask, edited_mask) -> None:
    result = keep_untouched(face_photo, flat(10), flat(20), face_mask, edited_mask)
    distance = distance_to(face_mask != edited_mask)
    rings = [result.region[(distance > d - 0.5) & (distance <= d + 0.5)].mean() for d in range(1, 12)]
    assert rings == sorted(rings, reverse=True) and rings[0] > 0.9 and rings[-1] == 0


def test_near_the_edit_only_what_the_edit_changes_is_added(face_photo, face_mask) -> None:
    edited_mask = face_mask.copy()
    edited_mask[203:211, 112:144] = Label.MOUTH  # on the chin, where the photo has no outline
    result = keep_untouched(face_photo, flat(100), flat(100), face_mask, edited_mask)  # G draws the same twice
    changed = face_mask != edited_mask
    near = (distance_to(changed) > 5) & (result.region > 0)
    assert near.sum() > 100
    assert np.array_equal(result.crop[near], face_photo[near])  # photo + G(edited) - G(original) = photo
    assert (result.detail[near] > 0.99).all() and (result.detail[changed] == 0).all()


def test_a_light_that_the_edit_adds_reaches_its_surroundings(face_mask, edited_mask) -> None:
    photo = np.full((SIZE, SIZE, 3), 120, np.uint8)
    result = keep_untouched(photo, flat(60), flat(80), face_mask, edited_mask)
    distance = distance_to(face_mask != edited_mask)
    ring = (distance > 5) & (distance <= 6)
    expected = 120 + result.region[ring][:, None] * 20
    assert np.abs(result.crop[ring] - expected).max() <= 0.5


def test_changed_pixels_take_new_content_in_the_photos_colours(face_mask, edited_mask) -> None:
    """G draws hair 30 too dark; where hair is painted anew its picture is lifted by those 30."""
    edited_mask = face_mask.copy()
    edited_mask[110:130, 108:148] = Label.HAIR  # a fringe over skin
    changed = edited_mask != face_mask
    assert changed.sum() > 300
    photo = np.where((face_mask == Label.HAIR)[..., None], 90, 200).astype(np.uint8).repeat(3, 2)
    original = np.where((face_mask == Label.HAIR)[..., None], 60, 200).astype(np.float32).repeat(3, 2)
    edited = np.where((edited_mask == Label.HAIR)[..., None], 60, 200).astype(np.float32).repeat(3, 2)
    result = keep_untouched(photo, original, edited, face_mask, edited_mask)
    assert np.abs(result.crop[changed].astype(int) - 90).max() <= 1


def test_a_class_lends_its_colours_from_far_away(face_mask) -> None:
    after = face_mask.copy()
    after[244:254, 120:136] = Label.HAIR  # on the clothes, far from the hair
    assert not (face_mask[244 - 52 :, 120 - 52 : 136 + 52] == Label.HAIR).any()
    hair = (face_mask == Label.HAIR)[..., None]
    photo = np.where(hair, 90, 200).astype(np.uint8).repeat(3, 2)
    original = np.where(hair, 60, 200).astype(np.float32).repeat(3, 2)
    edited = np.where((after == Label.HAIR)[..., None], 60, 200).astype(np.float32).repeat(3, 2)
    crop = keep_untouched(photo, original, edited, face_mask, after).crop
    assert np.abs(crop[after != face_mask].astype(int) - 90).max() <= 1


def test_a_class_that_the_photo_lacks_is_taken_as_drawn(face_photo, face_mask) -> None:
    edited_mask = face_mask.copy()
    edited_mask[20:60, 90:160] = Label.HAT
    drawn = flat(50)
    drawn[20:60, 90:160] = (200, 30, 140)
    result = keep_untouched(face_photo, flat(50), drawn, face_mask, edited_mask)
    assert (result.crop[edited_mask == Label.HAT] == (200, 30, 140)).all()


def test_no_ghost_of_an_outline_that_is_gone(face_mask) -> None:
    """The hairline goes up; strands that hang below the old one in the photo go with it."""
    forehead = np.zeros((SIZE, SIZE), bool)
    forehead[30:80, 108:148] = True
    after = np.where(forehead & (face_mask == Label.HAIR), Label.SKIN, face_mask).astype(np.uint8)
    changed = after != face_mask
    hair = (face_mask == Label.HAIR)[..., None]
    strands = cv2.dilate(hair.astype(np.uint8), np.ones((7, 7)))[..., None] > 0
    photo = np.where(strands, 40, 200).astype(np.uint8).repeat(3, 2)
    original = np.where(hair, 40, 190).astype(np.float32).repeat(3, 2)
    edited = np.where((after == Label.HAIR)[..., None], 40, 190).astype(np.float32).repeat(3, 2)
    crop = keep_untouched(photo, original, edited, face_mask, after).crop
    column = crop[40:100, 128, 0].astype(int)  # from the bared skin across the old hairline to the forehead
    assert changed[40:45, 128].all() and (photo[40:100, 128, 0] == 40).any()
    assert column.min() > 190 and column.max() <= 201


def test_colours_are_not_read_off_the_neighbour(face_mask) -> None:
    """Skin beside hair is dark in the photo: skin that is drawn anew elsewhere is not darkened by it."""
    after = face_mask.copy()
    after[face_mask == Label.HAIR] = Label.SKIN
    strands = cv2.dilate((face_mask == Label.HAIR).astype(np.uint8), np.ones((7, 7)))[..., None] > 0
    photo = np.where(strands, 40, 200).astype(np.uint8).repeat(3, 2)
    crop = keep_untouched(photo, flat(190), flat(190), face_mask, after).crop
    assert np.abs(crop[after != face_mask].astype(int) - 200).max() <= 1


def test_there_is_no_seam_where_the_region_ends(face_mask, edited_mask) -> None:
    photo = np.full((SIZE, SIZE, 3), 120, np.uint8)
    result = keep_untouched(photo, flat(60), flat(140), face_mask, edited_mask)
    changed = face_mask != edited_mask
    crop = result.crop.astype(int)
    for axis in (0, 1):
        steps = np.abs(np.diff(crop, axis=axis)).max(-1)
        inner = np.minimum(*(np.take(distance_to(changed), range(a, SIZE - 1 + a), axis) for a in (0, 1)))
        assert steps[inner > 2].max() <= 20  # a jump of 80 is spread over the feather


@pytest.mark.parametrize("size", [128, 512])
def test_zones_scale_with_the_crop(size: int, face_mask, edited_mask) -> None:
    rows = np.arange(size) * SIZE // size
    before, after = (mask[np.ix_(rows, rows)] for mask in (face_mask, edited_mask))
    photo = np.full((size, size, 3), 120, np.uint8)
    grey = np.full((size, size, 3), 60, np.float32)
    region = keep_untouched(photo, grey, grey + 20, before, after).region
    reach = distance_to(before != after)[region > 0].max() * SIZE / size
    assert 8 < reach <= 10


def test_nothing_given_is_modified(face_photo, face_mask, edited_mask) -> None:
    given = (face_photo, flat(10), flat(200), face_mask, edited_mask)
    copies = [array.copy() for array in given]
    keep_untouched(*given)
    assert all(np.array_equal(array, copy) for array, copy in zip(given, copies, strict=True))
