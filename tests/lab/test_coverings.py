"""What is drawn on faces for the parser: scarves, hands, wide brims, strands and bare scalps."""

from __future__ import annotations

import numpy as np
from conftest import draw_face
from labelled_faces import drawn

from lab.data import brims, hands, head_coverings, strands
from lab.data.faces import FaceWithMask
from maskgan.labels import IGNORE, Label


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
