"""What an edit leaves unknown when the photo's pixels have moved, so that it is painted."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.flows import warp_mask
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import flow_between
from maskgan.labels import EYES, Label
from maskgan.quick_edits import QUICK_EDITS


def test_single_hairs_beside_lost_hair_are_painted_away_and_the_face_stays() -> None:
    before = np.full((256, 256), Label.SKIN, np.uint8)
    before[:, :60], before[:, 60:100] = Label.BACKGROUND, Label.HAIR
    after = np.where(before == Label.HAIR, Label.BACKGROUND, before)
    unknown = unknown_after(before, after, np.zeros((256, 256, 2), np.float32))
    assert unknown[:, 52:60].all() and not unknown[:, :46].any()
    assert not unknown[:, 106:].any()
    # A lock that thin has no such surroundings.
    before[:, 40:60], before[:, 60:66], before[:, 66:100] = Label.BACKGROUND, Label.HAIR, Label.BACKGROUND
    after = np.where(before == Label.HAIR, Label.BACKGROUND, before)
    assert not unknown_after(before, after, np.zeros((256, 256, 2), np.float32))[:, :54].any()


@pytest.mark.parametrize(("shown", "wider", "painted"), [(2, 12, True), (2, 3, False), (14, 34, False)])
def test_an_open_mouth_shows_nothing_of_one_that_hardly_opened(shown: int, wider: int, painted: bool) -> None:
    """Teeth that are drawn out to several times their height look broken; those of an open mouth go on."""
    before, after = (np.full((256, 256), Label.SKIN, np.uint8) for _ in range(2))
    for mask, height in ((before, shown), (after, wider)):
        mask[160 - height // 2 : 160 + (height + 1) // 2, 90:160] = Label.MOUTH
    flow = flow_between(before, after)
    lost = unknown_after(before, after, flow) & (after == Label.MOUTH)
    middle = lost[158:162, 110:140]
    assert middle.all() if painted else not middle.any()


def test_a_closed_mouth_shows_nothing_of_its_teeth(face_mask: np.ndarray) -> None:
    """Pressed together by the flow they were a white line between the lips."""
    open_mouth = QUICK_EDITS["open_mouth"].apply(face_mask)
    after, moved, _ = QUICK_EDITS["close_mouth"].move(open_mouth)
    flow = flow_between(open_mouth, after, moved)
    pressed = warp_mask(open_mouth, flow) == Label.MOUTH
    assert pressed.any() and not (after == Label.MOUTH).any()
    unknown = unknown_after(open_mouth, after, flow)
    assert unknown[pressed].all()
    # Half closed it shows them still.
    half, moved, _ = QUICK_EDITS["close_mouth"].move(open_mouth, 0.5)
    unknown = unknown_after(open_mouth, half, flow_between(open_mouth, half, moved))
    assert unknown[half == Label.MOUTH].mean() < 0.3


def test_eyes_behind_glasses_that_come_off_stay_the_persons_own() -> None:
    """They were painted with the rest, in another colour."""
    bare = draw_face(256)
    before = QUICK_EDITS["glasses"].apply(bare)
    after, moved, _ = QUICK_EDITS["remove_glasses"].move(before)
    unknown = unknown_after(before, after, flow_between(before, after, moved))
    eyes = np.isin(bare, EYES)
    inner = cv2.erode(eyes.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2) > 0
    assert inner.any() and not unknown[inner].any()
    assert unknown[(before == Label.EYE_G) & (after != Label.EYE_G)].mean() > 0.9


def test_what_is_drawn_out_too_far_is_unknown() -> None:
    flow = np.zeros((64, 64, 2), np.float32)
    rows = np.arange(64, dtype=np.float32)
    flow[..., 1] = (np.interp(rows, [0, 20, 44, 63], [0, 31, 33, 63]) - rows)[:, None]
    mask = np.full((64, 64), Label.SKIN, np.uint8)
    unknown = unknown_after(mask, mask, flow)
    assert unknown[24:40].all() and not unknown[:16].any()


def test_what_would_come_from_beyond_the_picture_is_unknown() -> None:
    mask = np.zeros((256, 256), np.uint8)
    flow = np.zeros((256, 256, 2), np.float32)
    flow[:40, 60:200, 1] = -12 * (1 - np.linspace(0, 1, 40)[:, None])
    unknown = unknown_after(mask, mask, flow)
    from_above = np.arange(256)[:, None] + flow[..., 1] < 0
    assert unknown[from_above & (np.arange(256)[:, None] + flow[..., 1] < -1)].all()
    assert not unknown[~from_above].any()


@pytest.mark.parametrize("side, far", [(60, True), (5, False)])
def test_the_shadow_of_hair_that_is_gone_from_the_skin_is_painted_over(side: int, far: bool) -> None:
    before = np.full((256, 256), Label.SKIN, np.uint8)
    before[:100] = Label.HAIR
    after = before.copy()
    after[100 - side : 100, 100 : 100 + side] = Label.SKIN
    unknown = unknown_after(before, after, np.zeros((256, 256, 2), np.float32))
    assert unknown[106, 100 + side // 2] == far
    assert not unknown[110:].any() and not unknown[60, 60]


@pytest.mark.parametrize("end, painted", [(111, True), (161, False)])
def test_skin_from_the_shadow_of_hair_is_painted_where_it_comes_to_lie_away_from_it(end: int, painted: bool) -> None:
    """Skin beside hair is drawn out to where that was, fivefold, or little."""
    before = np.full((256, 256), Label.SKIN, np.uint8)
    before[:, :101] = Label.HAIR
    after = np.full((256, 256), Label.SKIN, np.uint8)
    after[:, :61] = Label.HAIR
    columns = np.arange(256)
    flow = np.zeros((256, 256, 2), np.float32)
    flow[..., 0] = np.interp(columns, [61, end], [101, end]) - columns
    flow[:, :61] = (40, 0)
    flow[:, end:] = 0
    unknown = unknown_after(before, after, flow)
    assert (columns[80] + flow[130, 80, 0] < 107) == painted and unknown[130, 80] == painted
    assert not unknown[130, end:].any()


def test_skin_beside_hair_stays_when_something_moves_far_from_both() -> None:
    mask = np.full((256, 256), Label.SKIN, np.uint8)
    mask[:, :100] = Label.HAIR
    flow = np.zeros((256, 256, 2), np.float32)
    flow[100:140, 137:180] = (20, 0)
    assert not unknown_after(mask, mask, flow)[:, :130].any(), "the hair lies beyond what is looked at"
