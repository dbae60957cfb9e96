"""What training does to faces: pure functions; pictures and label maps move together, labels follow the paint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import draw_mask
from labelled_faces import data, drawn, same, with_ears, with_glasses

from lab.data import augment, brims, grounds, hands, head_coverings, part_changes, strands
from lab.data.accessories import Accessories
from lab.data.faces import FaceWithMask, Sample
from maskgan.labels import IGNORE, Label

WORN = (Label.EYE_G, Label.HAT, Label.EAR_R, Label.NECK_L)


CHANGES = {
    "frame": lambda face, random: augment.frame(face, random, face.mask.shape[0]),
    "light": augment.light_and_colour,
    "degrade": augment.degrade,
    "occlude": augment.occlude,
    "grounds": grounds.Grounds([]),
    "hair": part_changes.recolour_hair,
    "clothes": part_changes.redress,
    "shoulders": part_changes.bare_shoulders,
    "scarves": head_coverings.veil,
    "hands": hands.hand,
    "brims": brims.brimmed_hat,
    "fringes": strands.fringe,
    "scalps": strands.bare_scalp,
    "accessories": Accessories([]),
    "chain": augment.ForParsing(64, Accessories([]), grounds.Grounds([])),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_augmentations_are_pure_and_make_valid_faces(change) -> None:
    face = drawn()
    image, mask = face.image.copy(), face.mask.copy()
    differs = False
    for seed in range(6):
        once, again = (change(face, np.random.default_rng(seed)) for _ in range(2))
        assert same(once, again)
        assert once.image.shape == image.shape and once.image.dtype == np.uint8
        assert once.mask.dtype == np.uint8 and set(np.unique(once.mask)) <= {*np.unique(mask), *WORN, IGNORE}
        differs = differs or not same(once, face)
    assert differs and np.array_equal(face.image, image) and np.array_equal(face.mask, mask)


def test_light_and_blur_leave_the_mask_and_occluders_ignore_what_they_hide() -> None:
    face = drawn()
    for seed in range(4):
        assert np.array_equal(augment.light_and_colour(face, np.random.default_rng(seed)).mask, face.mask)
        assert np.array_equal(augment.degrade(face, np.random.default_rng(seed)).mask, face.mask)
        hidden = augment.occlude(face, np.random.default_rng(seed))
        assert np.array_equal(hidden.mask[hidden.mask != IGNORE], face.mask[hidden.mask != IGNORE])
        far = cv2.dilate((hidden.mask == IGNORE).astype(np.uint8), np.ones((11, 11))) == 0
        assert np.abs(hidden.image[far].astype(int) - face.image[far]).max() <= 1


@pytest.mark.parametrize(("side", "size"), [(128, 128), (256, 128), (128, 256), (512, 128)])
def test_a_frame_moves_image_and_mask_together(side: int, size: int) -> None:
    mask = draw_mask(side)
    flat = FaceWithMask(np.repeat(mask[..., None] * 13, 3, 2), mask)  # the picture is its own mask
    for zoomed in (0.0, 1.0):
        moved = augment.frame(flat, np.random.default_rng(1), size, zoomed)
        assert moved.mask.shape == (size, size)
        level = cv2.morphologyEx(moved.image[..., 0], cv2.MORPH_GRADIENT, np.ones((3, 3))) == 0
        inner = cv2.erode(level.astype(np.uint8), np.ones((5, 5))) > 0
        assert inner.mean() > 0.1
        assert (moved.image[..., 0][inner] == moved.mask[inner] * 13).mean() > 0.99


def test_zoomed_frames_show_less_of_the_face_in_more_pixels() -> None:
    face = drawn(128)
    noses = []
    for zoomed in (0.0, 1.0):
        frames = [augment.frame(face, np.random.default_rng(seed), 128, zoomed) for seed in range(24)]
        noses.append(np.mean([(frame.mask == Label.NOSE).sum() for frame in frames]))
    assert noses[1] > 1.3 * noses[0]


def test_an_enlarged_mask_has_the_same_shapes_with_smooth_outlines() -> None:
    face = drawn(64)
    large = augment.enlarge(face, 4)
    assert large.mask.shape == large.image.shape[:2] == (256, 256)
    whole = draw_mask(256)
    blocks = cv2.resize(face.mask, (256, 256), interpolation=cv2.INTER_NEAREST_EXACT)
    assert (large.mask == whole).mean() > (blocks == whole).mean()


def test_another_ground_leaves_the_person_and_the_mask_alone() -> None:
    face = drawn(128)
    inside = cv2.erode((face.mask != Label.BACKGROUND).astype(np.uint8), np.ones((9, 9))) > 0
    deep = cv2.erode((face.mask == Label.BACKGROUND).astype(np.uint8), np.ones((15, 15))) > 0
    for seed in range(5):
        put = grounds.Grounds([])(face, np.random.default_rng(seed))
        assert np.array_equal(put.mask, face.mask)
        assert np.array_equal(put.image[inside], face.image[inside])
        assert (put.image[deep] != face.image[deep]).any(-1).mean() > 0.8


def test_grounds_come_from_other_photos_too(tmp_path: Path) -> None:
    red = FaceWithMask(np.full((64, 64, 3), (250, 3, 5), np.uint8), draw_mask(64))
    backs = grounds.Grounds(data(tmp_path, red))
    pictures = [backs.picture(32, np.random.default_rng(seed)) for seed in range(20)]
    assert all(picture.shape == (32, 32, 3) and picture.dtype == np.uint8 for picture in pictures)
    assert any((picture == (250, 3, 5)).all() for picture in pictures)


def test_hair_and_clothes_change_only_where_they_are() -> None:
    face = drawn(128)
    for change, label in ((part_changes.recolour_hair, Label.HAIR), (part_changes.redress, Label.CLOTH)):
        changed = change(face, np.random.default_rng(0))
        near = cv2.dilate((face.mask == label).astype(np.uint8), np.ones((7, 7))) > 0
        assert np.array_equal(changed.mask, face.mask)
        assert np.array_equal(changed.image[~near], face.image[~near])
        assert (changed.image[face.mask == label] != face.image[face.mask == label]).any(-1).mean() > 0.5


def test_bare_shoulders_have_the_necks_colour_and_label() -> None:
    face = drawn(128)
    bare = [part_changes.bare_shoulders(face, np.random.default_rng(seed)) for seed in range(8)]
    for result in bare:
        new = result.mask != face.mask
        assert (face.mask[new] == Label.CLOTH).all() and (result.mask[new] == Label.NECK).all()
        inner = cv2.erode(new.astype(np.uint8), np.ones((7, 7))) > 0
        neck = face.image[face.mask == Label.NECK].mean(0)
        assert not inner.any() or np.abs(result.image[inner].mean(0) - neck).max() < 60
    assert any((result.mask != face.mask).any() for result in bare)


def test_dark_lenses_cover_the_eyes_and_light_ones_leave_them() -> None:
    face, eyes = with_glasses(), (Label.L_EYE, Label.R_EYE)
    kinds = set()
    for seed in range(20):
        tinted = part_changes.tint_lenses(face, np.random.default_rng(seed))
        new = tinted.mask != face.mask
        assert not new.any() or new[np.isin(face.mask, (*eyes, Label.L_BROW, Label.R_BROW, Label.SKIN))].any()
        kinds.add(tuple(np.unique(tinted.mask[np.isin(face.mask, eyes)])))
        assert (tinted.image != face.image).any()
    assert (Label.EYE_G,) in kinds and eyes in kinds
    bare = drawn(128)
    assert part_changes.tint_lenses(bare, np.random.default_rng(0)) is bare


def test_tightened_eyes_lose_their_rim_to_the_skin_around() -> None:
    face = drawn(128)
    sample = Sample("f", Path("f.jpg"), Path("f.png"))
    tight = augment.tighten_eyes(face, sample, 1)
    for eye in (Label.L_EYE, Label.R_EYE):
        before, after = face.mask == eye, tight.mask == eye
        assert 0 < after.sum() < before.sum() and not (after & ~before).any()
        assert (tight.mask[before & ~after] == Label.SKIN).all()
    eyes = np.isin(face.mask, (Label.L_EYE, Label.R_EYE))
    assert np.array_equal(tight.mask[~eyes], face.mask[~eyes]) and np.array_equal(tight.image, face.image)
    assert augment.tighten_eyes(face, sample, 0) is face
    assert augment.tighten_eyes(face, replace(sample, whole_lenses=True), 1) is face


def test_what_lies_under_the_ears_of_a_photo_is_ignored_but_ears_stay() -> None:
    face = with_ears()
    photo = Sample("f", Path("f.jpg"), Path("f.png"))
    open_ = augment.forget_lobes(face, photo)
    new = open_.mask != face.mask
    assert new.any() and (open_.mask[new] == IGNORE).all() and new.mean() < 0.02
    assert not new[np.isin(face.mask, (Label.L_EAR, Label.R_EAR))].any()
    assert augment.forget_lobes(face, replace(photo, whole_lenses=True)) is face
    assert not (augment.forget_lobes(drawn(128), photo).mask == IGNORE).any()


def test_sharp_pictures_take_the_place_of_small_ones_for_some_faces(tmp_path: Path) -> None:
    large = drawn(128)
    cv2.imwrite(str(tmp_path / "f.png"), large.image[..., ::-1])
    face = drawn(64)
    samples = [Sample(f"f{number}", Path("f.jpg"), Path("f.png"), sharp=tmp_path / "f.png") for number in range(40)]
    results = [augment.sharpened(face, sample, often=0.5, side=128) for sample in samples]
    sharp = [result for result in results if result is not face]
    assert 8 < len(sharp) < 32
    assert np.array_equal(sharp[0].image, large.image)
    assert np.array_equal(sharp[0].mask, augment.enlarge(face, 2).mask)
    assert augment.sharpened(face, replace(samples[0], sharp=None), often=1.0) is face
