"""Skin that a mask gives to what lies in front of it: behind glasses, between hairs of brows and of a hairline."""

from __future__ import annotations

import cv2
import numpy as np
from drawn_faces import draw_face

from maskgan.editing.recolouring import part_matte
from maskgan.editing.skin import SKIN, skin_matte
from maskgan.labels import BROWS, Label

TONE, FRAME, HAIR, BROW = (205, 160, 135), (25, 20, 20), (45, 35, 30), (60, 45, 38)


def drawn(*extra: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A face, its mask, and where its picture shows skin although the mask says something else."""
    mask = draw_face(256, extra=extra)
    photo = np.full((256, 256, 3), (120, 140, 125), np.float32)
    photo[np.isin(mask, SKIN)] = TONE
    for label, colour in ((Label.HAIR, HAIR), (Label.CLOTH, (60, 80, 150)), (Label.U_LIP, (150, 70, 70))):
        photo[mask == label] = colour
    photo[np.isin(mask, (Label.L_EYE, Label.R_EYE))] = (90, 90, 95)
    photo[np.isin(mask, BROWS)] = TONE
    hairs = np.isin(mask, BROWS) & (np.arange(256) % 8 < 4)
    photo[hairs] = BROW
    glass = (mask == Label.EYE_G).astype(np.uint8)
    lens = cv2.erode(glass, np.ones((9, 9), np.uint8)) > 0
    photo[glass > 0], photo[lens] = FRAME, TONE
    return np.clip(photo, 0, 255).astype(np.uint8), mask, lens


def test_skin_is_seen_through_glass_and_not_in_frames_or_dark_lenses() -> None:
    photo, mask, lens = drawn("glasses")
    share = skin_matte(photo, mask, 1.6).share
    inner = cv2.erode(lens.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    frame = (mask == Label.EYE_G) & (cv2.dilate(lens.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    assert share[inner].mean() > 0.95 and share[frame].mean() < 0.1
    assert (share[np.isin(mask, (Label.L_EYE, Label.R_EYE))] < 0.9).all()
    photo[lens] = FRAME
    assert skin_matte(photo, mask, 1.6).share[inner].max() < 0.05


def test_skin_shows_between_the_hairs_of_brows() -> None:
    photo, mask, _ = drawn()
    share = skin_matte(photo, mask, 1.6).share
    brows = np.isin(mask, BROWS)
    hairs = brows & (photo == BROW).all(-1)
    assert share[brows & ~hairs].mean() > 0.7 and share[hairs].mean() < 0.3


def test_skin_has_no_edge_where_brows_and_hair_begin() -> None:
    photo, mask, _ = drawn()
    share = skin_matte(photo, mask, 1.6).share
    for front, least in ((np.isin(mask, BROWS), 0.95), (mask == Label.HAIR, 0.9)):
        rim = (mask == Label.SKIN) & (cv2.dilate(front.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        assert rim.sum() > 50 and share[rim].mean() > least


def test_forehead_that_a_mask_calls_hair_is_skin_and_hair_is_not() -> None:
    photo, mask, _ = drawn()
    size = len(mask)
    called = mask.copy()
    rows = np.nonzero(mask[:, size // 2] == Label.SKIN)[0]
    strip = np.zeros(mask.shape, bool)
    strip[rows[0] : rows[0] + 5, size // 2 - 20 : size // 2 + 20] = True
    strip &= mask == Label.SKIN
    called[strip] = Label.HAIR
    share = skin_matte(photo, called, 1.6).share
    assert share[strip].mean() > 0.6
    deep = cv2.distanceTransform((~np.isin(called, SKIN)).astype(np.uint8), cv2.DIST_L2, 5) > 13
    assert not share[deep & (called == Label.HAIR)].any()
    assert share[cv2.erode((mask == Label.HAIR).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0].max() < 0.2


def test_what_has_no_skin_has_none() -> None:
    photo, mask, _ = drawn()
    mask = np.where(np.isin(mask, SKIN), Label.BACKGROUND, mask).astype(np.uint8)
    assert not part_matte(photo, mask, SKIN).share.any()
