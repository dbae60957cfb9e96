"""What training does to faces: pure functions; pictures and label maps move together, labels follow the paint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import draw_face, draw_mask

from lab.data import accessories, augment, brims, grounds, hands, head_coverings, outlines, part_changes, strands
from lab.data.accessories import Accessories
from lab.data.faces import FaceWithMask, Sample, find_samples
from maskgan.labels import IGNORE, Label

WORN = (Label.EYE_G, Label.HAT, Label.EAR_R, Label.NECK_L)


def drawn(size: int = 64) -> FaceWithMask:
    mask = draw_mask(size)
    return FaceWithMask(draw_face(mask), mask)


def with_ears(size: int = 128) -> FaceWithMask:
    mask = draw_mask(size)
    for label, x in ((Label.R_EAR, 0.23), (Label.L_EAR, 0.77)):
        cv2.ellipse(mask, (round(x * size), size // 2), (size // 30, size // 12), 0, 0, 360, int(label), -1)
    return FaceWithMask(draw_face(mask), mask)


def with_glasses(size: int = 128) -> FaceWithMask:
    face = drawn(size)
    mask = face.mask.copy()
    for x in (0.38, 0.62):
        lens = np.zeros_like(mask)
        cv2.ellipse(lens, (round(x * size), round(0.45 * size)), (size // 9, size // 14), 0, 0, 360, 1, -1)
        mask[(lens > 0) & ~np.isin(mask, (Label.L_EYE, Label.R_EYE))] = Label.EYE_G
    return FaceWithMask(draw_face(mask), mask)


def same(first: FaceWithMask, second: FaceWithMask) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


def data(folder: Path, face: FaceWithMask, rendered: bool = False) -> list[Sample]:
    """A folder with one face."""
    for name, picture in (("images", face.image[..., ::-1]), ("masks", face.mask)):
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "r0.png"), picture)
    if rendered:
        (folder / "params.jsonl").write_text("{}\n")
    return find_samples(folder)


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


def test_accessories_of_rendered_heads_land_on_other_faces(tmp_path: Path) -> None:
    donor = draw_mask(64)
    donor[4:14, 16:48] = Label.HAT
    worn = Accessories(data(tmp_path, FaceWithMask(draw_face(donor), donor), rendered=True))
    face = drawn()
    hats = [worn.put_on(face, Label.HAT, np.random.default_rng(seed)) for seed in range(10)]
    for result in hats:
        assert (result.mask == Label.HAT).sum() > 100
        assert np.array_equal(result.mask[result.mask != Label.HAT], face.mask[result.mask != Label.HAT])
        assert (result.image[result.mask == Label.HAT] != face.image[result.mask == Label.HAT]).any()


def test_hats_come_from_photos_of_wearers_and_from_no_others(tmp_path: Path) -> None:
    worn = draw_mask(64)
    worn[4:14, 16:48] = Label.HAT
    wearers = data(tmp_path / "hats", FaceWithMask(draw_face(worn), worn))
    others = data(tmp_path / "bare", drawn())
    of_photos = Accessories([], wearers=[*others, *wearers])
    assert len(of_photos.donors[Label.HAT]) == 1
    assert not any(of_photos.donors[label] for label in (Label.EYE_G, Label.EAR_R, Label.NECK_L))
    assert (of_photos.put_on(drawn(), Label.HAT, np.random.default_rng(0)).mask == Label.HAT).sum() > 100


def test_a_veil_is_a_hat_above_the_chin_and_clothes_below_and_leaves_the_face() -> None:
    face = drawn(128)
    chin = np.nonzero((face.mask == Label.SKIN).any(1))[0].max()
    rows = np.arange(128)[:, None]
    lost, hats, hung = [], 0, 0
    for seed in range(30):
        result = head_coverings.veil(face, np.random.default_rng(seed))
        hat = result.mask == Label.HAT
        hats += bool(hat.sum() > 100)
        assert not (hat & (rows > chin)).any()
        new = result.mask != face.mask
        assert set(np.unique(result.mask[new])) <= {Label.HAT, Label.CLOTH, IGNORE}
        assert (result.image[hat] != face.image[hat]).any(-1).mean() > 0.9
        features = np.isin(face.mask, (Label.L_EYE, Label.R_EYE, Label.NOSE, Label.U_LIP, Label.L_LIP, Label.MOUTH))
        assert np.array_equal(result.mask[features], face.mask[features])
        lost.append((hat & (face.mask == Label.HAIR)).sum() / (face.mask == Label.HAIR).sum())
        hung += bool((hat & (face.mask == Label.BACKGROUND)).any())
    assert hats >= 28 and np.mean(lost) > 0.3 and hung >= 20
    bald = FaceWithMask(face.image, np.where(face.mask == Label.HAIR, Label.SKIN, face.mask).astype(np.uint8))
    assert head_coverings.veil(bald, np.random.default_rng(0)) is bald


def test_hands_have_the_skins_colour_and_are_background_with_sleeves_of_cloth() -> None:
    face = drawn(128)
    skin = np.median(face.image[face.mask == Label.SKIN], 0)
    features = np.isin(face.mask, (Label.L_EYE, Label.R_EYE, Label.NOSE, Label.L_BROW, Label.R_BROW))
    shown, sleeves = [], 0
    for seed in range(40):
        result = hands.hand(face, np.random.default_rng(seed))
        new = result.mask != face.mask
        assert set(np.unique(result.mask[new & (face.mask != Label.HAIR)])) <= {Label.BACKGROUND, Label.CLOTH}
        assert set(np.unique(result.mask[new])) <= {Label.BACKGROUND, Label.CLOTH, IGNORE}  # strands lie over fingers
        assert (new & features).sum() <= 0.1 * features.sum()
        hand = new & (result.mask == Label.BACKGROUND)
        if hand.sum() > 100:  # over hair, face, neck or clothes
            shown.append(np.median(result.image[hand], 0) / skin)
        unclothed = FaceWithMask(face.image, np.where(face.mask == Label.CLOTH, 0, face.mask).astype(np.uint8))
        sleeves += bool((hands.hand(unclothed, np.random.default_rng(seed)).mask == Label.CLOTH).sum() > 50)
    assert len(shown) >= 20 and 2 <= sleeves <= 20  # forearms often lie beyond the picture
    assert (np.abs(np.log(np.median(shown, 0))) < 0.25).all()
    faceless = FaceWithMask(face.image, np.full_like(face.mask, Label.HAIR))
    assert hands.hand(faceless, np.random.default_rng(0)) is faceless


def test_fingers_run_through_hair_whose_strands_lie_over_their_ends() -> None:
    face = drawn(128)
    hair = face.mask == Label.HAIR
    over = 0
    for seed in range(60):
        result = hands.hand(face, np.random.default_rng(seed))
        changed = hair & (result.image != face.image).any(-1)
        over += bool((changed & (result.mask == IGNORE)).sum() > 10 and (hair & (result.mask == 0)).sum() > 10)
        assert not ((result.mask == IGNORE) & ~hair).any()
    assert over >= 3


def test_a_wide_brim_is_a_hat_around_the_head_and_leaves_the_eyes() -> None:
    face = drawn(128)
    eyes = np.isin(face.mask, (Label.L_EYE, Label.R_EYE, Label.NOSE))
    ground, drawn_hats = face.mask == Label.BACKGROUND, 0
    beside = 0
    for seed in range(40):
        result = brims.brimmed_hat(face, np.random.default_rng(seed))
        hat, new = result.mask == Label.HAT, result.mask != face.mask
        assert set(np.unique(result.mask[new])) <= {Label.HAT, IGNORE}
        assert set(np.unique(face.mask[new & (result.mask == IGNORE)])) <= {Label.HAIR}
        assert (hat & eyes).sum() <= 0.02 * eyes.sum()
        if hat.any():
            drawn_hats += 1
            assert (result.image[hat] != face.image[hat]).any(-1).mean() > 0.9
            beside += bool((hat & ground).sum() > 0.03 * face.mask.size)
    assert drawn_hats >= 30 and beside >= 25
    hatted = FaceWithMask(face.image, np.where(face.mask == Label.HAIR, Label.HAT, face.mask).astype(np.uint8))
    assert brims.brimmed_hat(hatted, np.random.default_rng(0)) is hatted
    eyeless = FaceWithMask(face.image, np.full_like(face.mask, Label.SKIN))
    assert brims.brimmed_hat(eyeless, np.random.default_rng(0)) is eyeless


def test_strands_before_the_forehead_are_hair_of_the_hairs_colour() -> None:
    face = drawn(128)
    tone = np.median(face.image[face.mask == Label.HAIR], 0).mean()
    skin = np.median(face.image[face.mask == Label.SKIN], 0).mean()
    nearer, changed = [], 0
    for seed in range(40):
        result = strands.fringe(face, np.random.default_rng(seed))
        new = result.mask != face.mask
        assert set(np.unique(result.mask[new])) <= {Label.HAIR, IGNORE}
        assert not (new & np.isin(face.mask, (Label.HAIR, Label.BACKGROUND, Label.MOUTH, Label.CLOTH))).any()
        strand = new & (result.mask == Label.HAIR) & (face.mask == Label.SKIN)
        if strand.sum() > 30:
            changed += 1
            nearer.append(abs(result.image[strand].mean() - tone) < abs(result.image[strand].mean() - skin))
    assert changed >= 20 and np.mean(nearer) > 0.5
    bald = FaceWithMask(face.image, np.where(face.mask == Label.HAIR, Label.SKIN, face.mask).astype(np.uint8))
    assert strands.fringe(bald, np.random.default_rng(0)) is bald


def short_haired(size: int = 128) -> FaceWithMask:
    """A drawn face with hair only above its eyes."""
    face = drawn(size)
    rows = np.arange(size)[:, None]
    mask = np.where((face.mask == Label.HAIR) & (rows > 0.45 * size), Label.BACKGROUND, face.mask).astype(np.uint8)
    return FaceWithMask(draw_face(mask), mask)


def test_a_bare_scalp_has_the_foreheads_colour_and_is_skin() -> None:
    face = short_haired()
    skin = np.median(face.image[face.mask == Label.SKIN], 0)
    bald = []
    for seed in range(20):
        result = strands.bare_scalp(face, np.random.default_rng(seed))
        new = result.mask != face.mask
        assert set(np.unique(result.mask[new])) <= {Label.SKIN, IGNORE}
        assert set(np.unique(face.mask[new])) <= {Label.HAIR}
        scalp = new & (result.mask == Label.SKIN)
        if scalp.sum() > 100:
            bald.append(np.median(result.image[scalp], 0) / skin)
    assert len(bald) >= 15 and (np.abs(np.log(np.median(bald, 0))) < 0.35).all()
    long_haired = drawn(128)
    assert strands.bare_scalp(long_haired, np.random.default_rng(0)) is long_haired


def test_hats_are_labelled_as_they_were_outlined_at_every_size(tmp_path: Path) -> None:
    [sample] = data(tmp_path, drawn(64))
    face = drawn(64)
    assert outlines.whole_hat(face, sample) is face
    id, outline = "syn_1166", outlines.outlines("hats")["syn_1166"]
    for size in (128, 256, 512):
        face = drawn(size)
        mask = face.mask.copy()
        mask[-8:, :8] = Label.HAT  # a label of a hat where there is none
        whole = outlines.whole_hat(FaceWithMask(face.image, mask), replace(sample, id=id))
        assert whole.image is face.image
        hat = whole.mask == Label.HAT
        area = cv2.contourArea(outline) / 256**2
        features = np.isin(face.mask, (Label.NOSE, Label.L_EYE, Label.R_EYE, Label.MOUTH))
        assert 0.7 * area < hat.mean() < area and (whole.mask[-8:, :8] == IGNORE).all()
        assert np.array_equal(whole.mask[features], face.mask[features])


def test_what_lies_above_the_end_of_a_fringe_is_hair_but_for_eyes_and_background(tmp_path: Path) -> None:
    [sample] = data(tmp_path, drawn(64))
    plain = drawn(64)
    assert outlines.whole_fringe(plain, sample) is plain
    id, line = "uk_25429", outlines.outlines("fringes")["uk_25429"]
    for size in (128, 256, 512):
        face = drawn(size)
        whole = outlines.whole_fringe(face, replace(sample, id=id))
        new = whole.mask != face.mask
        assert set(np.unique(whole.mask[new])) == {Label.HAIR, IGNORE}
        assert set(np.unique(face.mask[new])) <= {Label.SKIN, Label.L_BROW, Label.R_BROW, IGNORE}
        assert np.nonzero(new)[0].max() <= (line[:, 1].max() + 6) * size / 256
        middle = whole.mask[round(80 * size / 256), round(128 * size / 256)]
        assert middle == Label.HAIR


def test_skin_above_the_brows_of_the_hairs_colour_is_left_open_in_photos(tmp_path: Path) -> None:
    [sample] = data(tmp_path, drawn(64))
    face = drawn(128)
    brows = np.nonzero(np.isin(face.mask, (Label.L_BROW, Label.R_BROW)))[0]
    assert same(outlines.doubtful_forehead(face, sample), face)  # all of it has the cheeks' colour
    rows, cols = np.mgrid[:128, :128]
    fringe = (face.mask == Label.SKIN) & (rows < brows.min() - 2) & (cols < 64)
    assert fringe.sum() > 50
    image = face.image.copy()
    image[fringe] = np.median(image[face.mask == Label.HAIR], 0)
    blond = FaceWithMask(image, face.mask)
    result = outlines.doubtful_forehead(blond, sample)
    inner = cv2.erode(fringe.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (result.mask[inner] == IGNORE).all()
    assert np.array_equal(
        result.mask[(cols > 66) | (rows > brows.max())], face.mask[(cols > 66) | (rows > brows.max())]
    )
    assert outlines.doubtful_forehead(blond, replace(sample, whole_lenses=True)) is blond


def test_every_outline_is_within_the_picture_and_fringes_go_from_left_to_right(tmp_path: Path) -> None:
    for kind in ("hats", "fringes"):
        for id, outline in outlines.outlines(kind).items():
            assert len(outline) >= 6 and outline.min() >= 0 and outline.max() <= 256, id
    for id, outline in outlines.outlines("hats").items():
        assert cv2.contourArea(outline) > 0.03 * 256**2, id
    for id, line in outlines.outlines("fringes").items():
        assert (np.diff(line[:, 0]) > 0).all() and np.ptp(line[:, 0]) > 60, id
    [sample] = data(tmp_path, drawn(64))
    assert outlines.outlined_odds([sample, replace(sample, id="uk_25429")]).tolist() == [1, 4]


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("label", [Label.EAR_R, Label.NECK_L, Label.EYE_G])
def test_earrings_necklaces_and_glasses_are_drawn_where_they_are_worn(label: Label, size: int) -> None:
    face, worn = with_ears(size), Accessories([])
    where = {
        Label.EAR_R: np.isin(face.mask, (Label.L_EAR, Label.R_EAR)),
        Label.NECK_L: face.mask == Label.NECK,
        Label.EYE_G: np.isin(face.mask, (Label.L_EYE, Label.R_EYE)),
    }[label]
    near = cv2.dilate(where.astype(np.uint8), np.ones((size // 3, size // 3))) > 0
    seen = 0
    for seed in range(12):
        result = worn.put_on(face, label, np.random.default_rng(seed))
        new = result.mask != face.mask
        assert (result.mask[new] == label).all()
        assert new[near].sum() >= 0.8 * new.sum() and new.mean() < 0.25
        if label == Label.EYE_G:
            kept = np.isin(face.mask, (Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW))
            assert not new[kept].any()
        seen += bool(new.sum() >= 4)
        assert (result.image[new] != face.image[new]).any(-1).mean() > 0.3 if new.any() else True
    assert seen >= 8


def test_one_face_wears_no_second_pair_of_what_it_wears() -> None:
    face = with_glasses()
    for seed in range(8):
        result = Accessories([])(face, np.random.default_rng(seed))
        assert ((result.mask == Label.EYE_G) <= (face.mask == Label.EYE_G)).all()


def test_pieces_hang_by_the_middle_of_their_top() -> None:
    face = drawn(64)
    mask = face.mask.copy()
    mask[30:40, 4:8] = mask[30:45, 56:60] = Label.EAR_R
    mask[1, 1] = Label.EAR_R  # a speck
    pieces = accessories.pieces_of(FaceWithMask(face.image, mask), Label.EAR_R)
    assert sorted(int(piece.shape.sum()) for piece in pieces) == [40, 60]
    for piece in pieces:
        assert piece.anchor == (3.5, 2.0)


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
