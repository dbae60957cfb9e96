"""Quick edits of what is put on and taken off: glasses, hats, scarves, earrings, necklaces."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from drawn_faces import FACE, area, around_frame, draw_face, extent

from maskgan.editing.dressing import beneath
from maskgan.editing.looks import LOOKS
from maskgan.editing.unknown import unknown_after
from maskgan.editing.warping import flow_between
from maskgan.labels import BROWS, EARS, EYES, Label
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible


def apply(name: str, mask: np.ndarray, times: int = 1) -> np.ndarray:
    for _ in range(times):
        mask = QUICK_EDITS[name].apply(mask)
    return mask


def test_clear_glasses_lie_beneath_eyes_and_brows():
    mask = draw_face()
    edited = apply("glasses", mask)
    top = np.isin(mask, (*EYES, *BROWS))
    assert np.array_equal(edited[top], mask[top])
    around = cv2.dilate(np.isin(mask, EYES).astype(np.uint8), np.ones((5, 5))) > 0
    assert (edited[around & ~top] == Label.EYE_G).all()


@pytest.mark.parametrize("worn", ["glasses", "sunglasses"])
def test_arms_of_glasses_lead_over_hair_to_ears_that_are_seen_and_else_end_where_hair_begins(worn):
    mask = draw_face()
    lock = (mask == Label.SKIN) & (np.arange(256) > extent(mask, Label.SKIN)[1] - 4)
    mask[lock] = Label.HAIR
    edited = apply(worn, mask)
    for ear, inner in ((Label.R_EAR, 1), (Label.L_EAR, 0)):
        arm = edited[extent(mask, ear)[2] :, extent(mask, ear)[inner]] == Label.EYE_G
        assert arm.any(), "it ends at the ear"
    assert (edited[lock] == Label.EYE_G).any()
    mask[np.isin(mask, EARS)] = Label.HAIR
    edited = apply(worn, mask)
    assert (edited[mask == Label.SKIN] == Label.EYE_G).any() and (edited[lock] == Label.HAIR).all()


@pytest.mark.parametrize("shape", [variant.name for variant in QUICK_EDITS["hat"].variants])
def test_a_thin_brim_over_long_hair_stays_in_one_piece(shape):
    mask = draw_face(512, scale=0.75, shift=(0, 0.1), extra=("long hair",))
    hat = QUICK_EDITS["hat"].apply(mask, 1.0, shape) == Label.HAT
    _, _, stats, _ = cv2.connectedComponentsWithStats(hat.astype(np.uint8))
    assert stats[1:, cv2.CC_STAT_AREA].max() > 0.99 * hat.sum()


def test_dark_glasses_off_gives_the_eyes_back_on_their_own_sides():
    dark = apply("sunglasses", draw_face())
    assert area(dark, *EYES) == 0
    edited = apply("remove_glasses", dark)
    for label, expected in ((Label.R_EYE, 128 - 30), (Label.L_EYE, 128 + 30)):
        x0, x1, y0, y1 = extent(edited, label)
        assert abs((x0 + x1) / 2 - expected) < 6 and abs((y0 + y1) / 2 - 120) < 6


@pytest.mark.parametrize("style", ["cap", "beanie"])
def test_hair_beside_a_hat_ends_below_it(style: str) -> None:
    """Big hair stood beside a cap as blocks that were cut level, and in points where the slope met its outline; beside
    a beanie as a lobe that reached far above its brim."""
    mask = draw_face(512)
    big = np.zeros_like(mask)
    cv2.ellipse(big, (256, 230), (225, 215), 0, 0, 360, 1, -1)
    mask[(big > 0) & (mask == Label.BACKGROUND)] = Label.HAIR
    after = QUICK_EDITS["hat"].apply(mask, 1.0, style)
    hat, hair = after == Label.HAT, after == Label.HAIR
    rows, columns = np.nonzero(hat)
    left, right = columns.min(), columns.max()
    beside = hair & ~np.logical_or.accumulate(hat)
    for side in (np.s_[:, : left + 1], np.s_[:, right:]):
        # Farther out it begins lower, and never above the brim, also where a beanie bulges out beyond that.
        tops = beside[side].argmax(0)[beside[side].any(0)]
        assert tops.size and tops.min() > rows.max() - 24
    head = hat | (after != Label.BACKGROUND)
    lobes = cv2.morphologyEx(head.astype(np.uint8), cv2.MORPH_OPEN, np.ones((21, 21), np.uint8)) > 0
    assert (beside & ~lobes)[: rows.max() + 30].sum() < 150


def test_a_necklace_leads_behind_the_neck_and_not_over_the_shoulders() -> None:
    mask = draw_face(512)
    x, y = around_frame(mask)
    neck = mask == Label.NECK
    shoulders = (mask != Label.SKIN) & (y > y[neck].min() + 0.55 * np.ptp(y[neck])) & ~np.isin(mask, FACE)
    mask[shoulders] = Label.NECK
    chain = QUICK_EDITS["necklace"].apply(mask) == Label.NECK_L
    assert np.ptp(x[chain]) < 0.5 * np.ptp(x[shoulders])
    low = QUICK_EDITS["necklace"].apply(np.where(y > 1.75, Label.NECK, mask).astype(np.uint8)) == Label.NECK_L
    for each in (chain, low):
        assert y[each].max() < y.max() - 0.01, "its pendant is whole, or there is none"
    for side in (-1, 1):
        end = chain & (side * x > side * x[chain].mean() + 0.4 * np.ptp(x[chain]))
        assert y[end].mean() < y[chain].mean() - 0.05, "it rises beside the neck"


def test_a_hat_that_sat_on_thick_hair_is_smaller_on_a_head_without() -> None:
    """A beret stood out far beyond a bald head."""
    hairy = draw_face(512)
    around = cv2.dilate((hairy == Label.HAIR).astype(np.uint8), np.ones((61, 61), np.uint8)) > 0
    hairy[around & (hairy == Label.BACKGROUND)] = Label.HAIR
    bald = np.where(hairy == Label.HAIR, Label.BACKGROUND, hairy).astype(np.uint8)

    def wide(mask: np.ndarray, style: str) -> int:
        left, right, _, _ = extent(QUICK_EDITS["hat"].apply(mask, 1.0, style), Label.HAT)
        return right - left

    assert wide(bald, "beret") < 0.93 * wide(hairy, "beret")
    assert abs(wide(bald, "beanie") - wide(hairy, "beanie")) < 8


@pytest.mark.parametrize("thing", ["glasses", "earrings", "necklace", "hat"])
def test_taking_off_what_was_put_on(thing):
    mask = draw_face()
    worn = apply(thing, mask)
    with pytest.raises(QuickEditImpossible, match="already"):
        apply(thing, worn)
    bare = apply(f"remove_{thing}", worn)
    label = {"glasses": Label.EYE_G, "earrings": Label.EAR_R, "necklace": Label.NECK_L, "hat": Label.HAT}[thing]
    assert area(bare, label) == 0
    assert (bare != mask).mean() < (0.06 if thing == "hat" else 0.02)
    with pytest.raises(QuickEditImpossible, match="no "):
        apply(f"remove_{thing}", bare)


def test_below_a_scarf_come_hair_ears_neck_and_sloping_shoulders():
    before = draw_face(extra=("scarf",))
    x, y = around_frame(before)
    edited = apply("remove_hat", before)
    assert not area(edited, Label.HAT)
    for label, least in ((Label.HAIR, 0.3), (Label.L_EAR, 0.05), (Label.R_EAR, 0.05), (Label.NECK, 0.2)):
        assert area(edited, label) > least * (256 / 4) ** 2 and not area(before, label) * (label != Label.NECK), label
    for label in FACE:
        assert area(edited, label) >= area(before, label)
    beside = (abs(x) > 1.5) & (y < 1.7)
    assert set(np.unique(edited[beside])) == {Label.BACKGROUND}
    top = [y[(edited == Label.CLOTH) & (abs(abs(x) - out) < 0.05)].min() for out in (0.8, 1.1, 1.4)]
    assert y[before == Label.CLOTH].min() < top[0] < top[1] < top[2]
    # No gap between temples, hair and ears.
    assert not ((edited == Label.BACKGROUND) & (abs(x) < 0.9) & (y > -1) & (y < 0.5)).any()


@pytest.mark.parametrize("name", ["hairstyle", "longer_hair", "more_volume", "fringe"])
def test_hair_under_a_scarf_is_left_alone(name):
    mask = draw_face(extra=("scarf",))
    cv2.ellipse(mask, (128, 60), (50, 30), 0, 0, 360, int(Label.HAIR), -1)
    with pytest.raises(QuickEditImpossible, match="scarf"):
        apply(name, mask)


def test_a_wide_brim_is_no_scarf():
    mask = draw_face(extra=("brim",))
    x, y = around_frame(mask)
    assert ((mask == Label.HAT) & (y > 0.6) & (abs(x) < 2)).sum() > 0.3 * (256 / 4) ** 2  # it hangs as low as a scarf
    assert area(apply("hairstyle", mask), Label.HAIR) != area(mask, Label.HAIR)
    edited = apply("remove_hat", mask)
    assert not area(edited, Label.HAT)
    assert not (np.isin(edited, (Label.HAIR, Label.L_EAR, Label.R_EAR)) & (abs(x) > 1.4)).any()
    for label in (Label.NECK, Label.CLOTH):
        assert np.array_equal(edited == label, mask == label), label


@pytest.mark.parametrize("fringe, cut", [(False, False), (True, True)])
def test_the_ends_of_a_fringe_below_a_hat_give_way_to_short_hair(fringe: bool, cut: bool):
    """How they would go on nothing tells; locks beside the face do."""
    mask = draw_face(extra=("hat",))
    x, y = around_frame(mask)
    hair = mask == Label.HAIR
    mask[hair] = Label.HAT
    mask[(mask == Label.HAT) & (abs(x) > 0.8) & (y > -0.6)] = Label.HAIR  # at the temples
    if fringe:
        mask[(mask == Label.SKIN) & (abs(x) < 0.4) & (y < -0.55)] = Label.HAIR
    assert 0.01 < (mask == Label.HAIR).mean() < 0.04
    edited, _, worn = QUICK_EDITS["remove_hat"].move(mask)
    assert not area(edited, Label.HAT) and [each.name for each in worn] == ["swept_back"] * cut


def test_one_bare_ear_gets_the_only_earring():
    edited = apply("earrings", draw_face(without=(Label.R_EAR,)))
    assert extent(edited, Label.EAR_R)[0] > 128


@pytest.mark.parametrize("style", [variant.name for variant in QUICK_EDITS["hat"].variants])
def test_no_brim_runs_on_to_the_border_of_a_wide_picture(style):
    mask = draw_face(512, scale=0.45, shift=(0, 0.1))
    hat = QUICK_EDITS["hat"].apply(mask, 1.0, style) == Label.HAT
    assert not hat[:, :20].any() and not hat[:, -20:].any()


def test_hair_at_the_temples_stays_beneath_a_wide_brim():
    mask = draw_face(512, extra=("long hair",))
    edited = QUICK_EDITS["hat"].apply(mask, 1.0, "straw")
    x, y = around_frame(mask)
    temples = (mask == Label.HAIR) & (abs(x) < 1.1) & (y > -0.6) & (y < 0.2)
    assert not (edited[temples] == Label.BACKGROUND).any()


def test_a_thin_rim_of_hair_that_sticks_out_beside_a_hat_goes_with_the_rest() -> None:
    """Dark dashes of it stayed along the crown."""
    mask = draw_face(512)
    hair = mask == Label.HAIR
    upper, edited = np.indices(mask.shape)[0] < 140, mask.copy()
    depth = cv2.distanceTransform((mask != Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    edited[hair & upper] = Label.HAT
    edited[hair & upper & (depth < 4)] = Label.BACKGROUND
    rim = hair & (edited == Label.BACKGROUND)
    assert 300 < rim.sum() < 3000
    below = beneath(SimpleNamespace(mask=mask), edited, {Label.HAT: LOOKS["straw_hat"]})
    changed = unknown_after(mask, below, flow_between(mask, below))
    assert changed[rim].mean() > 0.95
    kept = np.where(edited == Label.HAT, mask, edited).astype(np.uint8)
    assert unknown_after(mask, kept, flow_between(mask, kept))[rim].mean() < 0.5, "thin rims are no change else"
    assert ((below == Label.HAIR) & (edited == Label.HAT)).any(), "what lies well under the hat stays"
