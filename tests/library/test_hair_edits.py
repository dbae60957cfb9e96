"""Quick edits of hair: what hair covers, what shows where it was cut, and what stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import FACE, area, around_frame, draw_face, extent

from maskgan.editing.flows import warp_mask
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import flow_between
from maskgan.labels import BROWS, EARS, EYES, MOUTH, Label
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible
from maskgan.quick_edits.frame import fit_frame
from maskgan.quick_edits.hairpieces import Part, Worn, coverage
from maskgan.quick_edits.scene import Scene


def apply(name: str, mask: np.ndarray, times: int = 1) -> np.ndarray:
    for _ in range(times):
        mask = QUICK_EDITS[name].apply(mask)
    return mask


def test_long_hair_covers_ears_and_never_the_face_below_hair_that_stays():
    edited = apply("longer_hair", draw_face())
    assert area(edited, Label.L_EAR, Label.R_EAR) == 0
    assert extent(edited, Label.HAIR)[3] > 240
    mask = draw_face(extra=("bob",))
    edited = apply("longer_hair", mask)
    face = np.isin(mask, FACE)
    assert np.array_equal(edited[face], mask[face])
    assert extent(edited, Label.HAIR)[3] > 240


def test_cut_hair_uncovers_ears_on_their_own_sides():
    edited = apply("shorter_hair", draw_face(extra=("long hair",)), times=2)
    assert extent(edited, Label.R_EAR)[1] < 128 < extent(edited, Label.L_EAR)[0]
    assert extent(edited, Label.HAIR)[3] < 150


def test_an_afterthought_fringe_can_be_taken_back():
    mask = draw_face()
    fringe = apply("fringe", mask)
    assert np.array_equal(np.isin(fringe, EYES + BROWS), np.isin(mask, EYES + BROWS))
    open_again = apply("higher_forehead", fringe)
    assert area(open_again, Label.SKIN) > 0.95 * area(mask, Label.SKIN)


def test_half_the_strength_hangs_hair_half_as_low():
    mask = draw_face()
    ends = [extent(QUICK_EDITS["longer_hair"].apply(mask, strength), Label.HAIR)[3] for strength in (0.3, 0.6, 0.9)]
    assert ends[0] < ends[1] - 8 < ends[2] - 16


def test_a_fringe_under_a_hat_leaves_the_hat_alone():
    mask = draw_face(extra=("hat",))
    after, moved, _ = QUICK_EDITS["fringe"].move(mask)
    assert np.isnan(moved[mask == Label.HAT]).all() and (after[mask == Label.HAT] == Label.HAT).all()


CUTS = [("shorter_hair", None), *(("hairstyle", variant.name) for variant in QUICK_EDITS["hairstyle"].variants)]


SHORT = [cut for cut in CUTS if not (cut[1] or "").startswith(("long_", "shoulder", "fringe_bob", "bob", "braids"))]


@pytest.mark.parametrize(("name", "cut"), CUTS)
def test_no_background_shows_through_a_head_whose_hair_was_cut(name, cut):
    mask = draw_face(scale=0.8, extra=("long hair",))
    edited = QUICK_EDITS[name].apply(mask, 1.0, cut)
    _, y = around_frame(mask)
    outside = np.pad((edited == Label.BACKGROUND).astype(np.uint8), 1, constant_values=1)
    cv2.floodFill(outside, None, (0, 0), 2)
    assert not ((outside[1:-1, 1:-1] == 1) & (y < 0.5)).any()


@pytest.mark.parametrize(("name", "cut"), SHORT)
def test_hair_that_was_cut_ends_in_a_round_head(name, cut):
    mask = draw_face(scale=0.6, shift=(0, 0.15), extra=("long hair",))
    hair = QUICK_EDITS[name].apply(mask, 1.0, cut) == Label.HAIR
    widths = hair.sum(1)[np.flatnonzero(hair.any(1))]
    unit = fit_frame(mask).unit
    assert not hair[0].any(), "it does not reach up to the border"
    assert widths[int(0.25 * unit)] > 0.6 * unit, "nor does it end in a pillar"


def test_a_neck_that_comes_to_light_widens_from_the_jaw_to_the_shoulders():
    mask = draw_face(scale=0.7, without=(Label.CLOTH,), extra=("long hair",))
    edited = QUICK_EDITS["shorter_hair"].apply(mask)
    x, y = around_frame(mask)
    widths = [np.ptp(x[(edited == Label.NECK) & (abs(y - at) < 0.03)]) for at in (1.75, 1.9, 2.1)]
    assert widths[0] <= widths[1] + 0.05 and widths[1] < widths[2]
    beside_the_jaw = (edited == Label.NECK) & (mask == Label.HAIR) & (y < 1.3)
    assert not beside_the_jaw.any()


@pytest.mark.parametrize("cut", ["long_straight", "long_waves", "bob"])
def test_long_hair_lies_along_a_wide_jaw_and_not_before_it(cut):
    mask = draw_face(512)
    chin, row = extent(mask, Label.SKIN)[3], np.arange(512)[:, None]
    wide = cv2.dilate((mask == Label.SKIN).astype(np.uint8), np.ones((1, 61), np.uint8)) > 0
    wide &= (row > 300) & (row <= chin) & (mask != Label.SKIN) & ~np.isin(mask, FACE)
    mask[wide] = Label.SKIN
    face = np.isin(mask, FACE)
    edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, cut)
    depth = cv2.distanceTransform(face.astype(np.uint8), cv2.DIST_L2, 5) / fit_frame(mask).unit
    _, y = around_frame(mask)
    covered = face & (edited == Label.HAIR)
    assert covered.any() and depth[covered & (y > 0.8)].max(initial=0) < 0.1


def test_no_lock_hangs_into_an_eye():
    for name, cut in CUTS:
        mask = draw_face(512)
        edited = QUICK_EDITS[name].apply(mask, 1.0, cut)
        near = cv2.dilate(np.isin(mask, EYES).astype(np.uint8), np.ones((19, 19))) > 0
        assert not ((edited == Label.HAIR) & (mask == Label.SKIN) & near).any(), cut


@pytest.mark.parametrize(
    ("name", "variant"), [("hairstyle", "fringe_bob"), ("longer_hair", "long_straight"), ("longer_hair", "shoulder")]
)
def test_hair_that_covers_a_cheek_does_not_push_the_face_in(name, variant):
    mask = draw_face(512)
    after, moved, _ = QUICK_EDITS[name].move(mask, 1.0, variant)
    flow = flow_between(mask, after, moved)
    assert not flow[np.isin(mask, (*EYES, *MOUTH, Label.NOSE))].any()
    cheeks = (after == Label.SKIN) & (mask == Label.SKIN)
    assert (np.abs(flow[cheeks]).max(-1) < 0.5).mean() > 0.95


@pytest.mark.parametrize("style", [variant.name for variant in QUICK_EDITS["longer_hair"].variants])
def test_long_hair_spreads_downwards_and_has_no_wings_at_the_temples(style):
    mask = draw_face(512, scale=0.7, extra=("bob",))
    edited = QUICK_EDITS["longer_hair"].apply(mask, 1.0, style)
    x, y = around_frame(mask)
    new = (edited == Label.HAIR) & (mask != Label.HAIR)
    temples = np.abs(x[new & (y > -0.9) & (y < -0.6)])
    assert temples.max(initial=0) < 1.4


@pytest.mark.parametrize("style", [variant.name for variant in QUICK_EDITS["longer_hair"].variants])
def test_nothing_shines_through_between_long_hair_and_the_jaw(style):
    edited = QUICK_EDITS["longer_hair"].apply(draw_face(512, scale=0.7), 1.0, style)
    behind = (edited == Label.BACKGROUND).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(np.pad(behind, 1, constant_values=1))
    assert (np.delete(stats[:, cv2.CC_STAT_AREA], [0, pieces[0, 0]]) < 12).all()  # all of it is one with the border


def test_specks_of_clothes_beside_hair_that_was_cut_go_with_it():
    """A parser takes loose strands for clothes."""
    mask = draw_face(512, extra=("long hair",))
    edge = np.nonzero(mask[380:400] == Label.HAIR)[1].min()
    mask[380:386, edge - 12 : edge - 4] = mask[390:396, edge + 4 : edge + 10] = Label.CLOTH
    for edit, style in (("shorter_hair", None), ("hairstyle", "pixie")):
        edited = QUICK_EDITS[edit].apply(mask, 1.0, style)
        assert not (edited[375:400, edge - 15 : edge + 15] == Label.CLOTH).any(), edit
        assert (edited == Label.CLOTH).sum() > 0.95 * (mask == Label.CLOTH).sum(), edit


def test_cut_hair_ends_in_locks_and_not_along_a_ruler():
    mask = draw_face(512, extra=("long hair",))
    wide = cv2.dilate((mask == Label.HAIR).astype(np.uint8), np.ones((1, 121), np.uint8)) > 0
    mask[wide & (mask == Label.BACKGROUND)] = Label.HAIR
    hair = QUICK_EDITS["shorter_hair"].apply(mask) == Label.HAIR
    side = np.array([np.flatnonzero(row)[0] for row in hair[200:300, :256]])
    first = int(side.min())
    assert np.ptp(side) >= 3
    tips = np.array([np.flatnonzero(column)[-1] for column in hair[:, first + 8 : first + 60].T])
    smooth = np.polyval(np.polyfit(np.arange(len(tips)), tips, 3), np.arange(len(tips)))
    assert np.abs(tips - smooth).max() > 1.5


@pytest.mark.parametrize("tilt", [0, 15])
def test_short_hair_is_drawn_in_with_its_own_edge_instead_of_being_cut(tilt):
    mask = draw_face(512, tilt, scale=0.8)
    after, moved, _ = QUICK_EDITS["shorter_hair"].move(mask)
    flow = flow_between(mask, after, moved)
    assert area(after, Label.HAIR) < 0.9 * area(mask, Label.HAIR)
    unknown = unknown_after(mask, after, flow)
    assert not unknown[after != Label.BACKGROUND].any(), "the photo shows all of the hair"
    ground = (mask == Label.BACKGROUND) & (after == Label.BACKGROUND)
    beside = cv2.dilate((after == Label.HAIR).astype(np.uint8), np.ones((17, 17), np.uint8)) > 0
    assert np.abs(flow[ground & ~beside]).max() < 0.3, "the background stays"
    held = np.isin(mask, (*FACE, Label.NECK, Label.CLOTH))
    assert np.abs(flow[held]).mean() < 0.1 and np.array_equal(after[held], mask[held])
    rim = (mask == Label.BACKGROUND) & (cv2.dilate((mask == Label.HAIR).astype(np.uint8), np.ones((5, 5))) > 0)
    assert warp_mask(rim.astype(np.uint8), flow).sum() > 0.6 * rim.sum(), "what is beside the hair came with it"


def test_hair_that_the_picture_cuts_off_is_round_when_it_is_drawn_in():
    mask = draw_face(512, shift=(0, -0.09))
    assert (mask[0] == Label.HAIR).any()
    after = QUICK_EDITS["shorter_hair"].apply(mask)
    assert not (after[0] == Label.HAIR).any()
    _, y = around_frame(mask)
    head = ((after == Label.HAIR) | (after == Label.SKIN)) & (y < -0.7)
    hull = cv2.convexHull(np.argwhere(head).astype(np.int32))
    assert head.sum() > 0.99 * cv2.contourArea(hull), "it has no corner"
    widths = head.sum(1)[np.flatnonzero(head.any(1))]
    assert widths[0] < 0.35 * widths[40], "and is not flat"


def test_hair_that_lies_close_stays():
    mask = draw_face(512, scale=0.8)
    for _ in range(8):
        mask = QUICK_EDITS["shorter_hair"].apply(mask)
    assert area(mask, Label.HAIR) > 0
    assert np.array_equal(QUICK_EDITS["shorter_hair"].apply(mask), mask)


def test_long_hair_that_is_cut_keeps_its_own_edge_at_the_sides_and_its_crown():
    mask = draw_face(512, scale=0.6, extra=("long hair",))
    mask[np.isin(mask, (Label.HAIR,))] = Label.BACKGROUND
    x, y = around_frame(mask)
    wide = (abs(x) < 1.7) & (y > -0.4) & (y < 3.0) | (x**2 / 1.7**2 + (y + 0.4) ** 2 / 1.4**2 < 1) & (y < 0)
    mask[wide & (mask == Label.BACKGROUND)] = Label.HAIR
    after, moved, _ = QUICK_EDITS["shorter_hair"].move(mask)
    flow = flow_between(mask, after, moved)
    rim = (mask == Label.BACKGROUND) & (cv2.dilate((mask == Label.HAIR).astype(np.uint8), np.ones((5, 5))) > 0)
    rim &= abs(y) < 0.3
    came = (warp_mask(rim.astype(np.uint8), flow) > 0) & ~unknown_after(mask, after, flow)
    assert came.sum() > 0.4 * rim.sum(), "what is beside the hair came with it"
    assert np.abs(x[came]).max() < 1.6
    assert np.abs(flow[(y < -1.3) & (abs(x) < 0.5)]).max() < 0.2, "the crown stays"
    assert np.abs(flow[np.isin(mask, FACE)]).mean() < 0.1


def test_hair_that_sweeps_over_a_temple_is_not_cut_level_by_a_higher_forehead():
    mask = draw_face(512, scale=0.8, extra=("long hair",))
    x, y = around_frame(mask)
    mask[(mask == Label.SKIN) & (x < -0.45 - 0.6 * (y + 0.6)) & (y > -1.2) & (y < 0.4)] = Label.HAIR
    after = apply("higher_forehead", mask)
    border = (after[:-1] == Label.SKIN) & (after[1:] == Label.HAIR) & (abs(x[1:] + 0.75) < 0.2)
    border &= y[1:] < 0.4
    rows = np.bincount(np.nonzero(border)[0], minlength=len(mask))
    assert rows.sum() > 5 > rows.max(), "no straight line"
    assert np.array_equal(np.isin(after, EYES + BROWS), np.isin(mask, EYES + BROWS))


@pytest.mark.parametrize("cut", CUTS)
def test_no_background_shows_between_the_face_and_an_ear_before_which_hair_hung(cut):
    mask = draw_face()
    y, x = np.mgrid[:256, :256]
    left, _, top, bottom = extent(mask, Label.L_EAR)
    ear = mask == Label.L_EAR
    mask[ear] = Label.BACKGROUND
    moved = np.roll(ear, 22, axis=1)  # an ear that lies farther back
    mask[moved] = Label.L_EAR
    before = (x > left - 4) & (x < left + 22) & (y > top) & (y < bottom) & np.isin(mask, (Label.BACKGROUND, Label.SKIN))
    mask[before & (mask == Label.BACKGROUND)] = Label.HAIR
    lock = mask == Label.HAIR
    edited = QUICK_EDITS[cut[0]].apply(mask, 1.0, cut[1])
    inner = before & lock & (y > top + 8) & (y < bottom - 8)
    assert inner.sum() > 100 and not (edited[inner] == Label.BACKGROUND).any()


def test_a_gap_that_closes_beside_the_jaw_is_hair_or_neck_and_no_second_cheek():
    """A raised shoulder and a lock that stays enclose a place beside the jaw where hair was cut."""
    mask = draw_face(extra=("long hair",))
    x, y = around_frame(mask)
    mask[(x > 0.9) & (y > 0.75) & np.isin(mask, (Label.BACKGROUND, Label.HAIR))] = Label.CLOTH
    edited = QUICK_EDITS["shorter_hair"].apply(mask)
    new = (edited == Label.SKIN) & (mask == Label.HAIR)
    gap = (x > 0.3) & (x < 0.9) & (y > 0.6) & (y < 1.7) & (mask == Label.HAIR) & (edited != Label.HAIR)
    assert gap.sum() > 60 and not (edited[gap] == Label.BACKGROUND).any()
    assert new[y > 0.6].sum() < 0.15 * gap.sum()


@pytest.mark.parametrize("style", [variant.name for variant in QUICK_EDITS["longer_hair"].variants])
def test_longer_hair_in_place_of_short_hair_leaves_the_forehead_as_high_as_it_is(style):
    mask = draw_face(512)
    x, y = fit_frame(mask).coordinates(mask.shape)
    mask[(mask == Label.SKIN) & (y < -0.85)] = Label.HAIR
    edited = QUICK_EDITS["longer_hair"].apply(mask, 1.0, style)
    before, after = (np.percentile(y[(each == Label.SKIN) & (abs(x) < 0.3) & (y < -0.2)], 4) for each in (mask, edited))
    assert after > before - 0.12


def test_shoulders_that_come_out_from_behind_hair_slope_down():
    mask = draw_face(512, extra=("long hair",))
    _, y = fit_frame(mask).coordinates(mask.shape)
    mask[(y > 2.0) & (mask == Label.BACKGROUND)] = Label.CLOTH
    mask[400:, 480:] = Label.CLOTH  # something high at the picture's side
    edited = apply("shorter_hair", mask, times=2)
    fresh = (edited == Label.CLOTH) & (mask == Label.HAIR)
    columns = np.flatnonzero(fresh.sum(0) > 3)
    tops = np.array([y[fresh[:, column], column].min() for column in columns])
    left = columns < 256
    assert left.sum() > 30
    outer, inner = tops[left][:10].mean(), tops[left][-10:].mean()
    assert outer > inner + 0.1


@pytest.mark.parametrize("style", ["long_waves", "pixie", "side_part"])
def test_no_hairstyle_rises_above_a_hat_that_is_worn(style):
    mask = draw_face(512, extra=("hat",))
    edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, style)
    hat = mask == Label.HAT
    assert (edited[hat] == Label.HAT).mean() > 0.99
    rows = np.indices(mask.shape)[0]
    lower = np.where(hat.any(0), (rows * hat).max(0), 0).max()  # its lower edge is level
    assert not (edited[: lower - 16] == Label.HAIR).any()
    assert (edited == Label.HAIR).any()


@pytest.mark.parametrize("style", ["long_waves", "long_straight"])
def test_a_forehead_that_comes_to_light_has_no_tufts_below_the_new_hairline(style: str) -> None:
    """Below a fringe that hung aslant, hair filled what lay between the new hairline and the face that was seen."""
    mask = draw_face(512)
    scene = Scene(mask)
    fringe = (mask == Label.SKIN) & (scene.y < -0.62 + 0.5 * np.maximum(scene.x, 0)) & (scene.y < -0.3)
    mask[fringe & (abs(scene.x) < 0.75)] = Label.HAIR
    after = Scene(mask)
    QUICK_EDITS["hairstyle"].variant(style).draw(after, 1.0)
    piece = coverage(Scene(mask), after.worn[0]).alpha > 0.5
    close = cv2.dilate(piece.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    tufts = (after.mask == Label.HAIR) & ~close & (scene.y < -0.4) & (abs(scene.x) < 0.6)
    assert tufts.sum() < 40


def bald(seam: float = 0.0) -> np.ndarray:
    """A face of 512 px without hair above its forehead, or with a seam of it as wide as that share of the unit."""
    mask = draw_face(512)
    x, y = fit_frame(mask).coordinates(mask.shape)
    top = y[mask == Label.SKIN].min()
    mask[(mask == Label.HAIR) & ((y < top - seam) | (abs(x) < 0.5))] = Label.BACKGROUND
    return mask


def test_a_fringe_needs_hair_above_the_forehead():
    assert (apply("fringe", draw_face(512)) == Label.HAIR).any()
    with pytest.raises(QuickEditImpossible, match="no hair above this forehead"):
        apply("fringe", bald(0.4))
    with pytest.raises(QuickEditImpossible, match="too little hair"):
        QUICK_EDITS["hairstyle"].apply(bald(), 1.0, "tied_back")


def test_a_seam_of_hair_does_not_grow_over_a_bald_head():
    mask = draw_face(512)
    x, y = fit_frame(mask).coordinates(mask.shape)
    near = cv2.dilate(np.isin(mask, FACE).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    mask[(mask == Label.HAIR) & ~near & (abs(x) < 0.8)] = Label.BACKGROUND
    new = (apply("more_volume", mask) == Label.HAIR) & (mask != Label.HAIR)
    assert new.sum() > 200, "hair at the sides grows"
    assert not new[(abs(x) < 0.5) & (y < -0.8)].any()


@pytest.mark.parametrize("style", ["long_straight", "long_waves", "side_part", "swept_back", "textured"])
def test_other_hair_meets_a_bald_head_that_leans_back(style):
    mask = draw_face(512)
    _, y = fit_frame(mask).coordinates(mask.shape)
    mask[mask == Label.HAIR] = Label.BACKGROUND
    mask[(mask == Label.SKIN) & (y < -1.0)] = Label.BACKGROUND  # there is little of it above the brows
    head = np.isin(mask, FACE)
    for name in ("hairstyle", "longer_hair") if style.startswith("long") else ("hairstyle",):
        edited = QUICK_EDITS[name].apply(mask, 1.0, style)
        for column in range(200, 313, 8):
            top = np.flatnonzero(head[:, column])[0]
            assert (edited[top - 4 : top + 12, column] == Label.HAIR).all(), "no wall shines through"


@pytest.mark.parametrize("style", ["long_straight", "shoulder", "swept_back", "textured"])
@pytest.mark.parametrize("wide", [1.0, 1.2])
def test_another_hairstyle_leaves_the_forehead_as_high_as_it_is(style, wide):
    mask = draw_face(512)
    x, y = fit_frame(mask).coordinates(mask.shape)
    mask[(mask == Label.SKIN) & (y < -1.0)] = Label.HAIR
    cheek = (abs(x) < wide * 0.95) & (abs(y) < 0.8) & np.isin(mask, (Label.HAIR, Label.BACKGROUND, *EARS))
    mask[cheek] = Label.SKIN
    edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, style)
    before, after = (np.percentile(y[(each == Label.SKIN) & (abs(x) < 0.3) & (y < -0.2)], 4) for each in (mask, edited))
    assert after > before - 0.12


def test_what_hangs_before_the_face_are_no_sideburns():
    mask = draw_face(512, extra=("long hair",))
    x, y = fit_frame(mask).coordinates(mask.shape)
    left, right = Scene(mask).cheeks
    out = abs(x - (left + right) / 2) / ((right - left) / 2)
    lock = (out > 0.82) & (out < 0.92) & (y > -0.1) & (y < 0.3)
    mask[lock] = Label.HAIR
    for style in ("tousled", "textured", "swept_back"):
        edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, style)
        assert (edited[lock] == Label.SKIN).mean() > 0.9
        assert (edited[(abs(out - 1) < 0.02) & (y > -0.2) & (y < 0) & (mask == Label.HAIR)] == Label.HAIR).mean() > 0.7
        assert not ((edited == Label.SKIN) & (mask == Label.HAIR) & (out > 1.06)).any(), "no skin beside the head"


@pytest.mark.parametrize("style", ["tousled", "textured", "swept", "swept_back", "side_part", "curtain"])
def test_short_hair_gets_thinner_down_to_the_ears_and_ends_in_strands(style):
    mask = draw_face(512, scale=0.7)
    mask[mask == Label.HAIR] = Label.BACKGROUND
    scene = Scene(mask)
    alpha = coverage(scene, Worn(style, Part.WHOLE, 1.0, False)).alpha
    left, right = scene.cheeks
    beside = np.maximum(left - scene.x, scene.x - right)
    assert alpha[(beside > 0.35) & (scene.y > -0.2)].max() < 0.1
    assert alpha[(beside > 0.15) & (scene.y > 0.05)].max() < 0.1


@pytest.mark.parametrize("narrow", [1.0, 0.85])
def test_a_bob_curls_below_the_jaw_on_both_sides_in_one_piece(narrow: float) -> None:
    """Its thin curl was cut off as a rag at one side, and what was below it hung in the air."""
    mask = draw_face(512, extra=("long hair",))
    turn = np.float32([[narrow, 0, 256 * (1 - narrow)], [0, 1, 0]])
    mask = cv2.warpAffine(mask, turn, (512, 512), flags=cv2.INTER_NEAREST)
    edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, "bob")
    _, _, sizes, _ = cv2.connectedComponentsWithStats((edited == Label.HAIR).astype(np.uint8))
    assert sizes[1:, cv2.CC_STAT_AREA].max() > 0.995 * (edited == Label.HAIR).sum()
    scene = Scene(edited)
    low = (edited == Label.HAIR) & (scene.y > scene.chin - 0.45)
    assert all((low & (side * scene.x > 0)).sum() > 0.05 * scene.unit**2 for side in (-1, 1))


@pytest.mark.parametrize("style", ["bob", "long_waves", "shoulder", "pixie"])
def test_no_sliver_of_an_ear_comes_out_between_other_hair_and_the_face(style: str) -> None:
    for wide in (0.88, 0.94, 1.0, 1.06):
        mask = draw_face(512, extra=("long hair",))
        turn = np.float32([[wide, 0, 256 * (1 - wide)], [0, 1, 0]])
        mask = cv2.warpAffine(mask, turn, (512, 512), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
        mask[np.isin(mask, EARS)] = Label.HAIR
        edited = QUICK_EDITS["hairstyle"].apply(mask, 1.0, style)
        for label in EARS:
            ear = (edited == label).astype(np.uint8)
            assert not ear.any() or cv2.erode(ear, np.ones((5, 5), np.uint8)).any(), (wide, label)
