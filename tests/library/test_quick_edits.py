"""Quick edits: every edit does what its name says, on faces of any tilt, size and completeness."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import FACE, area, draw_face, extent

from maskgan.editing.warping import flow_between
from maskgan.labels import BROWS, EYES, MOUTH, NUM_CLASSES, Label, flip
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible
from maskgan.quick_edits.frame import fit_frame


def apply(name: str, mask: np.ndarray, times: int = 1) -> np.ndarray:
    for _ in range(times):
        mask = QUICK_EDITS[name].apply(mask)
    return mask


#: edit, what the face needs for it, classes that must grow, classes that must shrink
GROWTH = [
    ("open_mouth", (), (Label.MOUTH,), ()),
    ("close_mouth", ("open",), (), (Label.MOUTH,)),
    ("smile", (), (Label.MOUTH,), (Label.SKIN,)),
    ("fuller_lips", (), (Label.U_LIP, Label.L_LIP), (Label.SKIN,)),
    ("thinner_lips", (), (Label.SKIN,), (Label.U_LIP, Label.L_LIP)),
    ("bigger_eyes", (), EYES, (Label.SKIN,)),
    ("smaller_eyes", (), (Label.SKIN,), EYES),
    ("thicker_brows", (), BROWS, (Label.SKIN,)),
    ("thinner_brows", (), (Label.SKIN,), BROWS),
    ("wider_nose", (), (Label.NOSE,), (Label.SKIN,)),
    ("narrower_nose", (), (Label.SKIN,), (Label.NOSE,)),
    ("slimmer_face", (), (Label.BACKGROUND,), (Label.SKIN,)),
    ("rounder_face", (), (Label.SKIN,), (Label.BACKGROUND,)),
    ("hairstyle", (), (Label.HAIR,), (Label.BACKGROUND,)),
    ("longer_hair", (), (Label.HAIR,), (Label.BACKGROUND,)),
    ("shorter_hair", ("long hair",), (Label.BACKGROUND,), (Label.HAIR,)),
    ("more_volume", (), (Label.HAIR,), (Label.BACKGROUND,)),
    ("fringe", (), (Label.HAIR,), (Label.SKIN,)),
    ("higher_forehead", (), (Label.SKIN,), (Label.HAIR,)),
    ("beard", (), (Label.HAIR,), (Label.SKIN,)),
    ("glasses", (), (Label.EYE_G,), (Label.SKIN,)),
    ("sunglasses", (), (Label.EYE_G,), EYES),
    ("remove_glasses", ("glasses",), (Label.SKIN,), (Label.EYE_G,)),
    ("hat", (), (Label.HAT,), (Label.HAIR,)),
    ("remove_hat", ("hat",), (Label.HAIR, Label.SKIN), (Label.HAT,)),
    ("earrings", (), (Label.EAR_R,), ()),
    ("necklace", (), (Label.NECK_L,), (Label.NECK,)),
]


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize(("name", "extra", "grow", "shrink"), GROWTH, ids=[row[0] for row in GROWTH])
def test_the_right_classes_grow_and_shrink(name, extra, grow, shrink, size):
    mask = draw_face(size, extra=extra)
    before = mask.copy()
    edited = QUICK_EDITS[name].apply(mask)
    assert np.array_equal(mask, before), "the caller's mask must stay as it is"
    assert edited.shape == mask.shape and edited.dtype == np.uint8 and edited.max() < NUM_CLASSES
    for label in grow:
        assert area(edited, label) > area(mask, label) + 40, label
    for label in shrink:
        assert area(edited, label) < area(mask, label) - 40, label


def test_every_edit_is_covered_and_described():
    covered = {row[0] for row in GROWTH} | {"raised_brows", "remove_earrings", "remove_necklace"}
    assert covered == set(QUICK_EDITS)
    for name, edit in QUICK_EDITS.items():
        assert edit.name == name and edit.label and edit.help.endswith(".") and "\n" not in edit.help


def test_smile_lifts_the_corners():
    edited = apply("smile", draw_face())
    rows, cols = np.nonzero(np.isin(edited, MOUTH))
    corners = np.concatenate([rows[cols <= cols.min() + 2], rows[cols >= cols.max() - 2]]).mean()
    assert corners < rows[abs(cols - 128) < 4].mean() - 4
    x0, x1, *_ = extent(draw_face(), *MOUTH)
    assert cols.max() - cols.min() > x1 - x0 + 6


def test_raised_brows_go_up_and_eyes_stay():
    mask = draw_face()
    edited = apply("raised_brows", mask)
    assert extent(edited, *BROWS)[2] < extent(mask, *BROWS)[2] - 6
    assert np.array_equal(np.isin(edited, EYES), np.isin(mask, EYES))


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("smile", MOUTH),
        ("open_mouth", MOUTH),
        ("close_mouth", ()),
        ("bigger_eyes", EYES),
        ("thicker_brows", BROWS),
        ("raised_brows", BROWS),
        ("wider_nose", (Label.NOSE,)),
        ("fringe", (Label.HAIR,)),
        ("shorter_hair", (Label.HAIR,)),
        ("more_volume", (Label.HAIR,)),
        ("higher_forehead", (Label.HAIR,)),
        ("earrings", (Label.L_EAR, Label.R_EAR)),
        ("necklace", (Label.NECK,)),
        ("remove_hat", ()),
    ],
)
def test_impossible_edits_say_so_in_one_sentence(name, without):
    with pytest.raises(QuickEditImpossible) as failure:
        apply(name, draw_face(without=without))
    assert str(failure.value).endswith(".") and "\n" not in str(failure.value)


def test_masks_without_a_face_are_refused():
    for name in QUICK_EDITS:
        with pytest.raises(QuickEditImpossible):
            apply(name, np.zeros((256, 256), np.uint8))


@pytest.mark.parametrize("strength", [-1, float("nan"), float("inf")])
def test_strength_must_be_a_sensible_number(strength):
    with pytest.raises(ValueError, match="strength"):
        QUICK_EDITS["smile"].apply(draw_face(), strength)


def test_no_strength_no_change_and_more_strength_more_change():
    mask = draw_face()
    for name in ("smile", "open_mouth", "bigger_eyes", "thicker_brows", "longer_hair", "fringe", "slimmer_face"):
        changed = [(QUICK_EDITS[name].apply(mask, s) != mask).sum() for s in (0, 0.4, 1.0)]
        assert changed[0] == 0 < changed[1] < changed[2], name


@pytest.mark.parametrize("tilt", [-60, -25, 0, 25, 60, 180])
def test_frame_follows_the_face(tilt):
    frame = fit_frame(draw_face(tilt=tilt, scale=0.7, without=(Label.L_EYE, Label.NOSE)))
    assert abs(np.angle(frame.axis * np.exp(-1j * np.deg2rad(tilt)), deg=True)) < 4
    assert abs(frame.unit - 0.7 * 64) < 0.1 * 64
    assert abs(frame.origin - (128 + 0.47 * 256j)) < 6


@pytest.mark.parametrize("name", ["smile", "glasses", "hat", "longer_hair", "earrings", "slimmer_face"])
def test_tilt_turns_the_edit_with_the_face(name):
    upright, tilted = (apply(name, draw_face(scale=0.6, tilt=t)) for t in (0, 30))
    centre = (128, 0.47 * 256)
    turned = cv2.warpAffine(upright, cv2.getRotationMatrix2D(centre, -30, 1), (256, 256), flags=cv2.INTER_NEAREST)
    inside = np.hypot(*(np.indices((256, 256)) - np.array([120, 128])[:, None, None])) < 115
    assert (turned != tilted)[inside].mean() < 0.06


@pytest.mark.parametrize("name", [n for n in QUICK_EDITS if not n.startswith("remove_")])
def test_mirrored_faces_give_mirrored_edits(name):
    mask = draw_face(extra=("open",), shift=(0.03, 0))
    edited, mirrored = apply(name, mask), flip(apply(name, flip(mask)))
    assert (edited != mirrored).mean() < 0.01


def random_faces(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(7)
    parts = [k for k in Label if k not in (Label.BACKGROUND, Label.SKIN)]
    return [
        draw_face(
            size=int(random.choice([128, 192])),
            tilt=float(random.uniform(-50, 50)),
            scale=float(random.uniform(0.3, 1.5)),
            shift=tuple(random.uniform(-0.35, 0.35, 2)),
            without=tuple(random.choice(parts, int(random.integers(0, 7)), replace=False)),
            extra=tuple(
                random.choice(["long hair", "glasses", "open", "hat"], int(random.integers(0, 4)), replace=False)
            ),
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("name", list(QUICK_EDITS))
def test_any_face_any_number_of_times(name):
    """Valid ids, no hole in the face, and no runaway: repeated edits settle and keep the main parts."""
    done = 0
    for mask in random_faces(12):
        edited = mask
        try:
            for _ in range(5):
                edited = QUICK_EDITS[name].apply(edited)
                done += 1
        except QuickEditImpossible:
            pass
        assert edited.shape == mask.shape and edited.dtype == np.uint8 and edited.max() < NUM_CLASSES
        if name != "slimmer_face":
            assert not (np.isin(mask, FACE) & (edited == Label.BACKGROUND)).any()
        for label in (Label.SKIN, Label.NOSE):
            assert area(edited, label) >= 0.25 * area(mask, label)
    assert done or name in ("remove_earrings", "remove_necklace")


@pytest.mark.parametrize("name", ["smile", "open_mouth", "bigger_eyes", "thicker_brows", "wider_nose", "slimmer_face"])
def test_repeated_edits_reach_a_limit(name):
    many = apply(name, draw_face(), times=8)
    assert (apply(name, many) != many).mean() < 0.004
    assert np.isin(many, MOUTH).any() and extent(many, *MOUTH)[3] < extent(many, Label.SKIN)[3]


VARIANTS = [(name, variant.name) for name, edit in QUICK_EDITS.items() for variant in edit.variants]

#: What a quick edit with variants brings or takes away.
SUBJECT = {
    "hairstyle": Label.HAIR,
    "longer_hair": Label.HAIR,
    "more_volume": Label.HAIR,
    "fringe": Label.HAIR,
    "beard": Label.HAIR,
    "glasses": Label.EYE_G,
    "sunglasses": Label.EYE_G,
    "hat": Label.HAT,
    "earrings": Label.EAR_R,
}


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_variant_shapes_its_class_and_spares_the_features(name, variant):
    mask = draw_face(extra=("long hair",) if name == "hairstyle" else ())
    edited = QUICK_EDITS[name].apply(mask, 1.0, variant)
    assert edited.dtype == np.uint8 and edited.shape == mask.shape
    assert (np.isin(edited, SUBJECT[name]) != np.isin(mask, SUBJECT[name])).sum() > 40
    features = np.isin(mask, (Label.NOSE, *MOUTH) if name == "sunglasses" else (*EYES, *MOUTH))
    assert np.array_equal(edited[features & (edited != Label.EYE_G)], mask[features & (edited != Label.EYE_G)])
    if name != "sunglasses":
        assert np.array_equal(edited[features], mask[features])
    assert not (np.isin(mask, FACE) & (edited == Label.BACKGROUND)).any()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_mirrored_faces_give_mirrored_variants(name, variant):
    mask = draw_face(extra=("long hair",) if name == "hairstyle" else (), shift=(0.03, 0))
    edited = QUICK_EDITS[name].apply(mask, 1.0, variant)
    mirrored = flip(QUICK_EDITS[name].apply(flip(mask), 1.0, variant))
    assert (edited != mirrored).mean() < 0.015  # the ends of long hair are not mirrored


def test_variants_differ_and_the_first_is_the_edit_itself():
    for name, edit in QUICK_EDITS.items():
        if edit.variants:
            mask = draw_face(extra=("long hair",) if name == "hairstyle" else ())
            shapes = [edit.apply(mask, 1.0, variant.name) for variant in edit.variants]
            assert np.array_equal(shapes[0], edit.apply(mask))
            assert all((a != b).any() for i, a in enumerate(shapes) for b in shapes[:i]), name


def test_an_unknown_variant_is_told_with_those_there_are():
    with pytest.raises(ValueError, match="beanie"):
        QUICK_EDITS["hat"].apply(draw_face(), 1.0, "crown")
    with pytest.raises(ValueError, match="none"):
        QUICK_EDITS["smile"].apply(draw_face(), 1.0, "broad")


@pytest.mark.parametrize(("strength", "tallest"), [(1.0, 0.22), (2.0, 0.32)])
def test_an_opened_mouth_is_wider_than_tall_and_has_lips_all_around(strength, tallest):
    mask = draw_face(512)
    edited = QUICK_EDITS["open_mouth"].apply(mask, strength)
    x0, x1, y0, y1 = extent(edited, Label.MOUTH)
    assert 0.1 < (y1 - y0 + 1) / fit_frame(mask).unit < tallest
    assert x1 - x0 > 1.5 * (y1 - y0)
    around = cv2.dilate((edited == Label.MOUTH).astype(np.uint8), np.ones((3, 3))) > 0
    assert np.isin(edited[around], MOUTH).all()


def test_lids_stay_as_they_are_under_raised_brows(face_mask):
    after, moved, _ = QUICK_EDITS["raised_brows"].move(face_mask)
    flow = flow_between(face_mask, after, moved)
    lids = cv2.dilate(np.isin(face_mask, EYES).astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(flow[lids]).max() < 0.5
    assert np.median(flow[np.isin(after, BROWS), 1]) > 2


def test_the_corners_of_a_mouth_that_opens_stay_where_closed_lips_end():
    mask = draw_face(512)
    before, after = (extent(each, *MOUTH) for each in (mask, QUICK_EDITS["open_mouth"].apply(mask)))
    grown = (before[0] - after[0], after[1] - before[1])
    assert min(grown) > 0.02 * (before[1] - before[0]) and max(grown) < 0.1 * (before[1] - before[0])


def test_irises_stay_round_in_smaller_eyes_whose_lids_cover_them(face_mask):
    after, moved, _ = QUICK_EDITS["smaller_eyes"].move(face_mask)
    flow = flow_between(face_mask, after, moved)
    for eye in EYES:
        left, right, top, bottom = extent(after, eye)
        assert bottom - top < 0.85 * (np.subtract(*extent(face_mask, eye)[3:1:-1]))
        column, row = (left + right) // 2, (top + bottom) // 2
        reach = (bottom - top) // 5
        across = flow[row, column + reach, 0] - flow[row, column - reach, 0]
        down = flow[row + reach, column, 1] - flow[row - reach, column, 1]
        assert across > 0.1 and abs(down - across) < 0.12 * 2 * reach


def test_brows_rise_from_behind_glasses_whose_rims_stay():
    mask = draw_face(512, extra=("glasses",))
    brow = np.isin(mask, BROWS)
    mask[np.roll(brow, 24, axis=0) & (mask == Label.SKIN)] = Label.EYE_G  # glasses that reach up to the brows
    after, moved, _ = QUICK_EDITS["raised_brows"].move(mask)
    assert np.array_equal(after == Label.EYE_G, mask == Label.EYE_G)
    flow = flow_between(mask, after, moved)
    rims = cv2.dilate((mask == Label.EYE_G).astype(np.uint8), np.ones((5, 5))) > 0
    assert np.abs(flow[rims]).max() < 0.5
    assert extent(after, *BROWS)[2] < extent(mask, *BROWS)[2] - 6
