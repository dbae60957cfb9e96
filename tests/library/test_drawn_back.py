"""The edge of hair that draws back, over what is painted behind it."""

from __future__ import annotations

import cv2
import numpy as np
from drawn_faces import draw_face

from maskgan.editing.drawn_back import DrawnBack
from maskgan.editing.flows import disc, grown, moves, warp_mask, warp_picture
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import Motion
from maskgan.labels import Label

SIZE = 512
HAIR, WALL, DOOR = (40, 30, 26), (210, 205, 200), (60, 110, 70)


def drawn_back(by: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo (S, S, 3) uint8 of a face before a wall, with a door on the right, its mask, and one with less hair."""
    before = draw_face(SIZE, scale=0.7, extra=("long hair",))
    around = cv2.dilate((before == Label.BACKGROUND).astype(np.uint8), disc(by)) > 0
    after = np.where(around & (before == Label.HAIR), np.uint8(Label.BACKGROUND), before)
    photo = np.full((SIZE, SIZE, 3), WALL, np.uint8)
    photo[:, SIZE // 2 :] = DOOR
    photo[before == Label.HAIR] = HAIR
    return cv2.GaussianBlur(photo, (0, 0), 2), before, after


def test_hair_keeps_its_own_edge_and_nothing_shows_through_from_where_it_was() -> None:
    photo, before, after = drawn_back(20)
    flow = Motion.none(before).to(after).flow
    bared, behind, share = DrawnBack.of(photo, before, after, warp_mask(before, flow), flow)
    ground = after == Label.BACKGROUND
    near = behind & grown(after == Label.HAIR, 4) & ground & ~bared & moves(flow)
    assert near.sum() > 1000
    assert not bared[~ground].any() and bared[grown(before == Label.BACKGROUND, 4) & (before == Label.HAIR)].any()
    near[:, 240:] = False
    near[400:] = False
    dark = 1 - warp_picture(photo, flow)[..., 0] / WALL[0]
    strands, wall = near & (dark > 0.25), near & (dark < 0.04)
    assert strands.sum() > 50 and wall.sum() > 50
    assert share[strands].mean() > 0.3, "strands stay"
    assert share[wall].mean() < 0.1, "the wall is painted"
    assert share.max() <= 1 and not share[~(behind | (after == Label.HAIR))].any()


def test_hair_that_is_cut_or_hardly_moves_has_no_such_edge() -> None:
    photo, before, after = drawn_back(3)
    flow = Motion.none(before).to(after).flow
    assert not DrawnBack.of(photo, before, after, warp_mask(before, flow), flow).behind.any()
    after = np.where(np.arange(SIZE)[:, None] > 300, np.where(before == Label.HAIR, 0, before), before).astype(np.uint8)
    still = np.zeros((SIZE, SIZE, 2), np.float32)
    assert not DrawnBack.of(photo, before, after, before, still).share.any()


def test_a_background_that_can_be_seen_stays_bit_for_bit(studio: MaskGANPipeline) -> None:
    photo, before, after = drawn_back(20)
    face = studio.face_with(photo, before)
    edit = studio.edit(face, after)
    ground = (before == Label.BACKGROUND) & (after == Label.BACKGROUND)
    far = ground & ~grown(before == Label.HAIR, 40)
    assert far.sum() > 20000 and np.array_equal(edit.crop[far], photo[far])
    # Where hair was, the door begins where it did: not drawn towards the head.
    gone = (before == Label.HAIR) & ~grown(after != Label.BACKGROUND, 12) & (np.arange(SIZE) > 300)
    assert gone.sum() > 500 and abs(np.median(edit.crop[gone], axis=0) - DOOR).max() < 25
