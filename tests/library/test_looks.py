"""Looks: what is drawn lies where the mask says, references bring their own pixels, and the rest stays the photo's."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from conftest import draw_face, draw_mask
from drawn_faces import draw_face as frontal_face

from maskgan.editing.borrowed_looks import look_named, look_of
from maskgan.editing.dressing import default_looks, dressed, edit_with_looks, finished, reference_picture
from maskgan.editing.edit import Face
from maskgan.editing.glasses import are_dark, draw_glasses, lenses
from maskgan.editing.jewels import draw_jewels
from maskgan.editing.looks import LOOKS, looks_for, looks_with, plain_colour
from maskgan.editing.oklab import to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.recolouring import classes_with
from maskgan.editing.transplants import Lender, gone_on, likeness, transplant
from maskgan.labels import BROWS, Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.silhouettes import WARDROBE, silhouette, wardrobe
from maskgan.sizes import CROP_SIZE

EYES = (Label.L_EYE, Label.R_EYE)
HATS = [name for name, entry in wardrobe().items() if entry["kind"] == "hat"]


@pytest.fixture(scope="module")
def mask() -> np.ndarray:
    """A front view with ears, as large as a face crop."""
    mask = draw_mask(CROP_SIZE)
    for x, label in ((0.235, Label.R_EAR), (0.765, Label.L_EAR)):
        centre = round(x * CROP_SIZE), round(0.52 * CROP_SIZE)
        cv2.ellipse(mask, centre, (round(0.035 * CROP_SIZE), round(0.08 * CROP_SIZE)), 0, 0, 360, int(label), -1)
    return mask


@pytest.fixture(scope="module")
def face(pipeline: MaskGANPipeline, mask: np.ndarray) -> Face:
    return pipeline.with_mask(pipeline.prepare(draw_face(mask, 3), None), mask)


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return np.full((CROP_SIZE, CROP_SIZE, 3), 150, np.uint8)


def worn(mask: np.ndarray, name: str, variant: str | None = None) -> np.ndarray:
    return QUICK_EDITS[name].apply(mask, 1.0, variant)


def test_the_wardrobe_names_source_and_licence_of_every_person_and_is_small() -> None:
    for entry in wardrobe().values():
        if "id" in entry:
            assert entry["licence"] in ("CC0 1.0", "MIT") and entry["source"] and entry["attribution"]
            assert (WARDROBE / f"{entry['name']}.{'jpg' if entry['kind'] in ('ear', 'teeth') else 'png'}").is_file()
        else:
            assert len(entry["outline"]) >= 6
    masks = sum(path.stat().st_size for path in WARDROBE.glob("*.png"))
    assert masks + len(json.dumps(list(wardrobe().values()))) < 100_000
    assert max(path.stat().st_size for path in WARDROBE.glob("*.jpg")) < 60_000


def test_every_look_is_one_thing_for_known_classes() -> None:
    for name, look in LOOKS.items():
        assert look.name == name and look.title and look.labels
        assert look.swatch.startswith("#") and len(look.swatch) == 7
        assert look.colour or look.material or look.reference
        if look.reference is not None:
            shape = silhouette(look.reference)
            assert reference_picture(look.reference).shape[:2] == shape.mask.shape
    for label in (Label.HAIR, Label.U_LIP, Label.R_EYE, Label.EYE_G, Label.HAT, Label.EAR_R, Label.NECK_L, Label.CLOTH):
        assert len(looks_for(label)) >= 3, label


@pytest.mark.parametrize("name", ["glasses", "sunglasses"])
def test_clear_lenses_keep_the_eyes_and_dark_ones_hide_them(mask: np.ndarray, grey: np.ndarray, name: str) -> None:
    picture = grey.copy()
    picture[np.isin(mask, EYES)] = (20, 60, 90)
    look = LOOKS["dark_glasses" if name == "sunglasses" else "horn_glasses"]
    after = worn(mask, name)
    assert are_dark(after) == (name == "sunglasses")
    result, changed = draw_glasses(picture, after, look.material)
    eyes = np.isin(mask, EYES) & lenses(after)[0]
    if name == "glasses":
        assert abs(result[eyes].astype(int) - picture[eyes]).mean() < 40
    else:
        inner = eyes & (changed > 0.9)
        assert inner.any() and result[inner].max() < 130 and result[inner].mean() < 60
    assert np.array_equal(result[changed == 0], picture[changed == 0])
    frame = result.astype(int).sum(-1) < 240
    assert frame.sum() > 200 and not frame[round(0.7 * CROP_SIZE) :].any()


@pytest.mark.parametrize("name", ["round_glasses", "square_glasses"])
def test_a_lens_goes_on_behind_the_brow_that_lies_on_it(name: str) -> None:
    """The mask has a brow there: the lens was cut along it, and a round one had corners."""
    bare = frontal_face(512)
    for label in BROWS:
        brow = bare == label
        bare[brow] = Label.SKIN
        bare[np.roll(brow, 14, axis=0) & (bare == Label.SKIN)] = label
    clear, dark = (QUICK_EDITS[edit].apply(bare, 1.0, name) for edit in ("glasses", "sunglasses"))
    whole, cut = lenses(dark)[0], (clear == Label.EYE_G) & lenses(dark)[0]
    assert cut.sum() < 0.93 * whole.sum()
    glass, thin = lenses(clear)
    assert (glass & whole).sum() > 0.93 * (glass | whole).sum()
    count, _ = cv2.connectedComponents((glass | thin).astype(np.uint8))
    assert thin.any() and count == 2, "bridge and arms are joined to the lenses"


@pytest.mark.parametrize("variant", ["drop", "hoop", "stud"])
def test_earrings_are_lit_from_above_left(mask: np.ndarray, grey: np.ndarray, variant: str) -> None:
    after = worn(mask, "earrings", variant)
    region = after == Label.EAR_R
    result, changed = draw_jewels(grey, after, Label.EAR_R, LOOKS["gold_jewel"].material)
    assert region.any() and changed[region].mean() > 0.5
    assert result[region][:, 0].mean() > result[region][:, 2].mean() + 15, "gold is yellow"
    assert result[region].max() > 170 and result[region].min() < 110
    assert np.array_equal(result[changed == 0], grey[changed == 0])


@pytest.mark.parametrize("name", HATS)
def test_a_hat_is_found_again_and_brings_its_own_pixels(mask: np.ndarray, grey: np.ndarray, name: str) -> None:
    after = worn(mask, "hat", name)
    shape, photo = silhouette(name), reference_picture(name)
    assert likeness(after, shape) > 0.85
    result, changed = transplant(grey, after, shape, photo)
    hat = after == Label.HAT
    theirs = photo[shape.mask == Label.HAT]
    assert abs(result[hat].mean(0) - theirs.mean(0)).max() < 30
    assert result[hat].std() > 0.5 * theirs.std()
    assert np.array_equal(result[changed == 0], grey[changed == 0])


def test_a_thing_goes_on_beyond_its_outline_as_its_mirror_image_and_without_the_ground() -> None:
    """Its last pixels stood beyond it as the teeth of a comb."""
    y, x = np.mgrid[:256, :256]
    inside = x < 120
    stripes = np.where((x + y) // 6 % 2 > 0, 200, 60)[..., None].repeat(3, 2).astype(np.uint8)
    picture = np.where(inside[..., None], stripes, (0, 255, 0)).astype(np.uint8)
    result = gone_on(picture, inside)
    assert np.array_equal(result[:, :118], picture[:, :118])
    beyond = result[20:-20, 121:127].astype(int)
    assert np.ptp(beyond, axis=2).max() < 30, "none of the ground"
    changes = abs(np.diff(beyond[..., 0], axis=1)).max(1)
    assert (changes > 60).mean() > 0.5, "stripes are slanted there too, and not level"


def test_each_hat_is_told_from_the_others(face: Face, mask: np.ndarray) -> None:
    for name in HATS:
        assert default_looks(face, worn(mask, "hat", name))[Label.HAT].reference == name


def test_what_the_photo_lacks_gets_a_look_and_what_it_has_keeps_its_own(face: Face, mask: np.ndarray) -> None:
    assert default_looks(face, mask) == {}
    assert default_looks(face, worn(mask, "glasses")) == {Label.EYE_G: LOOKS["horn_glasses"]}
    assert default_looks(face, worn(mask, "sunglasses")) == {Label.EYE_G: LOOKS["dark_glasses"]}


def test_a_necklace_that_is_put_on_is_gold_where_a_parser_took_a_pattern_for_one() -> None:
    assert looks_with({}, "necklace", None) == {Label.NECK_L: LOOKS["gold_jewel"]}


def test_a_speck_that_moves_is_no_new_jewel(pipeline: MaskGANPipeline, mask: np.ndarray) -> None:
    """A dark lock that was read as an earring became a gold one when the face was made slimmer."""
    speckled, moved, ring = mask.copy(), mask.copy(), mask.copy()
    cv2.circle(speckled, (100, 300), 5, int(Label.EAR_R), -1)
    cv2.ellipse(moved, (112, 300), (6, 5), 0, 0, 360, int(Label.EAR_R), -1)
    cv2.circle(ring, (100, 305), 14, int(Label.EAR_R), -1)
    face = pipeline.with_mask(pipeline.prepare(draw_face(mask, 3), None), speckled)
    assert default_looks(face, moved) == {}
    assert default_looks(face, ring) == {Label.EAR_R: LOOKS["gold_jewel"]}


def test_the_shadow_of_a_hat_has_no_edge(pipeline: MaskGANPipeline, mask: np.ndarray) -> None:
    """It was cut off as far from the hat as its own soft edge may reach."""
    even = np.full((*mask.shape, 3), 180, np.uint8)
    face = pipeline.with_mask(pipeline.prepare(even, None), mask)
    after = worn(mask, "hat", "beanie")
    edit = edit_with_looks(pipeline, face, after)
    column = edit.crop[:, 256].astype(int).mean(-1)
    below = np.flatnonzero(after[:, 256] == Label.HAT).max() + 6
    shadow = column[below : below + 60]
    assert shadow[0] < 160 and abs(shadow[-1] - 180) < 3
    assert np.abs(np.diff(shadow)).max() < 6


def test_a_new_hat_leaves_a_speck_elsewhere_that_was_read_as_hat(pipeline: MaskGANPipeline, mask: np.ndarray) -> None:
    speckled = mask.copy()
    speckled[-8:, -8:] = Label.HAT
    face = pipeline.with_mask(pipeline.prepare(draw_face(mask, 3), None), speckled)
    edited = speckled.copy()
    cv2.ellipse(edited, (256, 90), (90, 40), 0, 0, 360, int(Label.HAT), -1)
    crop = edit_with_looks(pipeline, face, edited).crop
    assert (crop[90, 256] != face.crop[90, 256]).any()
    assert np.array_equal(crop[-120:], face.crop[-120:])


def test_glasses_are_drawn_over_the_photo_itself(pipeline: MaskGANPipeline, face: Face, mask: np.ndarray) -> None:
    after = worn(mask, "glasses")
    edit = edit_with_looks(pipeline, face, after)
    expected, _ = draw_glasses(face.crop, after, LOOKS["horn_glasses"].material)
    assert np.array_equal(edit.crop, expected)
    assert np.array_equal(edit.changed, after != mask)
    photo = edit.photo
    far = edit.region == 0
    assert np.array_equal(photo[far], face.photo[far]) and far.mean() > 0.6
    assert (photo != face.photo).any()


def test_a_colour_alone_recolours_without_any_edit(pipeline: MaskGANPipeline, face: Face, mask: np.ndarray) -> None:
    edit = edit_with_looks(pipeline, face, mask, {Label.HAIR: plain_colour(Label.HAIR, "#b03020")})
    hair = mask == Label.HAIR
    assert (edit.crop != face.crop).any(-1)[hair].mean() > 0.8
    assert edit.crop[hair][:, 0].mean() > edit.crop[hair][:, 2].mean() + 30
    assert np.array_equal(edit.photo[edit.region == 0], face.photo[edit.region == 0])
    assert not (edit.crop != face.crop)[mask == Label.MOUTH].any()


def test_no_look_and_no_edit_give_the_photo(pipeline: MaskGANPipeline, face: Face, mask: np.ndarray) -> None:
    edit = edit_with_looks(pipeline, face, mask)
    assert np.array_equal(edit.photo, face.photo) and not edit.changed.any()
    assert finished(edit, mask, {}) is edit


def test_a_reference_lends_its_code_for_its_class_alone(pipeline: MaskGANPipeline, face: Face) -> None:
    style = dressed(pipeline, face, {Label.HAT: LOOKS["straw_hat"]}).style
    others = [int(label) for label in Label if label != Label.HAT]
    assert np.array_equal(style.codes[:, others], face.style.codes[:, others])
    assert not np.array_equal(style.codes[:, Label.HAT], face.style.codes[:, Label.HAT])
    assert not style.residue[:, Label.HAT].any()
    assert dressed(pipeline, face, {Label.HAIR: LOOKS["blond_hair"]}) is face


def test_one_colour_goes_for_both_lips(face: Face) -> None:
    look = plain_colour(Label.L_LIP, "a01030")
    assert look.labels == (Label.U_LIP, Label.L_LIP) and look.swatch == "#a01030"
    with pytest.raises(ValueError, match="hexadecimal"):
        plain_colour(Label.HAIR, "reddish")


# ---------------------------------------------------------------- taken from another photo


def test_a_part_gets_the_colour_that_it_has_on_another_photo(
    pipeline: MaskGANPipeline, face: Face, mask: np.ndarray
) -> None:
    light = np.linspace(0.85, 1.1, mask.shape[1])[None, :, None]
    colours = {Label.HAIR: (150, 75, 30), Label.U_LIP: (190, 40, 70), Label.CLOTH: (200, 190, 60)}
    for label, colour in colours.items():
        inside = np.isin(mask, [int(each) for each in classes_with(label)])
        other = np.where(inside[..., None], colour * light, face.crop).astype(np.uint8)
        look = look_of(other, mask, label)
        assert look_named(label, look.name) == look
        edit = edit_with_looks(pipeline, face, mask, dict.fromkeys(look.labels, look))
        wanted, own, got = (to_oklab(picture[inside].mean(0)) for picture in (other, face.crop, edit.crop))
        assert np.linalg.norm(got - wanted) < 0.03 < 0.1 < np.linalg.norm(own - wanted)


def test_lips_of_light_skin_differ_from_dark_skin_as_they_do_from_their_own(
    pipeline: MaskGANPipeline, face: Face, mask: np.ndarray
) -> None:
    inside, skin = np.isin(mask, (Label.U_LIP, Label.L_LIP)), np.isin(mask, classes_with(Label.SKIN))
    colours = {"theirs": ((225, 180, 160), (205, 90, 90)), "mine": ((110, 70, 50), (105, 60, 50))}
    theirs, mine = (
        np.where(inside[..., None], lips, np.where(skin[..., None], around, face.crop)).astype(np.uint8)
        for around, lips in colours.values()
    )
    look = look_of(theirs, mask, Label.U_LIP)
    assert look_named(Label.U_LIP, look.name) == look
    target = replace(face, crop=mine, photo=mine)
    edit = edit_with_looks(pipeline, target, mask, dict.fromkeys(look.labels, look))
    (light, red), (dark, _) = (to_oklab(np.array(each)) for each in colours.values())
    got = to_oklab(edit.crop[inside].mean(0))
    assert got[0] < dark[0] and got[1] > dark[1] + 0.4 * (red - light)[1]


def test_brows_are_not_lighter_than_skin_that_gets_darker(pipeline: MaskGANPipeline) -> None:
    mask = frontal_face(CROP_SIZE)
    photo = np.full((*mask.shape, 3), 150, np.uint8)
    photo[np.isin(mask, (*classes_with(Label.SKIN), *BROWS))] = (206, 160, 138)
    hairs = np.isin(mask, BROWS) & (np.arange(CROP_SIZE) % 12 < 6)
    photo[hairs] = (120, 88, 70)
    face = pipeline.with_mask(pipeline.prepare(photo, None), mask)
    looks = {Label.SKIN: look_named(Label.SKIN, "colour_6b4530")}
    hairs = cv2.erode(hairs.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    crop = edit_with_looks(pipeline, face, mask, looks).crop
    light = to_oklab(crop)[..., 0]
    assert light[hairs].mean() < light[mask == Label.SKIN].mean() - 0.08
    looks[Label.L_BROW] = LOOKS["blond_brows"]
    blond = to_oklab(edit_with_looks(pipeline, face, mask, looks).crop)[..., 0]
    assert blond[hairs].mean() > light[hairs].mean() + 0.1, "a look of their own stays"


@pytest.mark.parametrize(("skin", "lighter"), [("#4a2e20", False), ("#f0c8a8", True)])
def test_lips_go_along_with_skin_that_gets_another_tone_unless_they_have_a_look(
    pipeline: MaskGANPipeline, skin: str, lighter: bool
) -> None:
    """They were left pink on dark skin, and black on light skin."""
    mask = frontal_face(CROP_SIZE)
    photo = np.full((*mask.shape, 3), 150, np.uint8)
    photo[np.isin(mask, classes_with(Label.SKIN))] = (176, 128, 104)
    lips = np.isin(mask, classes_with(Label.U_LIP))
    photo[lips] = (150, 88, 84)
    face = pipeline.with_mask(pipeline.prepare(photo, None), mask)
    looks = {Label.SKIN: look_named(Label.SKIN, f"colour_{skin[1:]}")}
    core = cv2.erode(lips.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    before, after = (
        to_oklab(crop[core]).mean(0) for crop in (photo, edit_with_looks(pipeline, face, mask, looks).crop)
    )
    assert (after[0] - before[0] > 0.05) if lighter else (before[0] - after[0] > 0.1)
    assert after[1] > 0.01, "they are still redder than grey"
    looks[Label.U_LIP] = LOOKS["red_lips"]
    painted = edit_with_looks(pipeline, face, mask, looks).crop[core].mean(0)
    alone = edit_with_looks(pipeline, face, mask, {Label.U_LIP: LOOKS["red_lips"]}).crop[core].mean(0)
    assert np.abs(painted - alone).max() < 8, "a look of their own stays"


def test_glasses_get_the_frame_and_the_lenses_of_another_photo(face: Face, mask: np.ndarray) -> None:
    for name, quick, is_dark in (("horn_glasses", "glasses", False), ("dark_glasses", "sunglasses", True)):
        worn_mask = worn(mask, quick)
        picture, _ = draw_glasses(face.crop, worn_mask, LOOKS[name].material)
        look = look_of(picture, worn_mask, Label.EYE_G)
        assert look_named(Label.EYE_G, look.name) == look
        assert (look.material.lens is not None) == is_dark
        assert np.mean(look.material.colour) < 90


def test_a_hat_brings_its_pixels_from_another_photo(pipeline: MaskGANPipeline, face: Face, mask: np.ndarray) -> None:
    hat = worn(mask, "hat", "trilby")
    theirs = np.where((hat == Label.HAT)[..., None], np.uint8((20, 160, 60)), face.crop)
    look = look_of(theirs, hat, Label.HAT)
    lender = look.lender
    again = look_named(Label.HAT, look.name, {look.name: Lender.read(lender.packed, lender.mask)})
    crops = [edit_with_looks(pipeline, face, hat, {Label.HAT: each}).crop for each in (look, again)]
    assert np.array_equal(*crops)
    inside = cv2.erode((hat == Label.HAT).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert np.abs(np.median(crops[0][inside], axis=0) - (20, 160, 60)).max() < 12


@pytest.mark.parametrize("name", ["mean_12", "frame_101010_red", "jewel_#aa00aa", "hat_0123", "nobody"])
def test_a_look_that_nobody_took_is_refused(name: str) -> None:
    with pytest.raises((ValueError, LookupError)):
        look_named(Label.HAT if name.startswith("hat") else Label.EYE_G, name)


def test_what_a_photo_does_not_show_is_said(face: Face, mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"^There is no hat to be seen on holiday; choose another photo\.$"):
        look_of(face.crop, mask, Label.HAT, "holiday")
    with pytest.raises(ValueError, match=r"\.$"):
        Lender.read(b"no JPEG", worn(mask, "hat"))


@pytest.mark.parametrize("slope", [0.0, 0.8])
def test_a_necklace_is_a_string_of_equal_beads_along_its_chain(slope: float) -> None:
    mask = draw_mask(512)
    mask[mask == Label.NECK_L] = Label.NECK
    x = np.arange(512)
    line = 330 + slope * (x - 256)
    across = abs(np.arange(512)[:, None] - line) / np.hypot(1, slope)
    mask[(across < 5) & (abs(x - 256) < 120)] = Label.NECK_L
    picture = np.full((512, 512, 3), 90, np.uint8)
    drawn, changed = draw_jewels(picture, mask, Label.NECK_L, LOOKS["pearl_jewel"].material)
    assert np.array_equal(drawn[changed == 0], picture[changed == 0])
    count, _, sizes, places = cv2.connectedComponentsWithStats((drawn.min(-1) > 200).astype(np.uint8))
    beads = sizes[1:, cv2.CC_STAT_AREA]
    long = 240 * np.hypot(1, slope)
    assert long / 11 < count - 1 < long / 7 and np.percentile(beads, 90) < 1.6 * np.percentile(beads, 10)
    steps = np.linalg.norm(np.diff(places[1:][places[1:, 0].argsort()], axis=0), axis=1)
    assert abs(steps[1:-1] - np.median(steps)).max() < 2, "as far apart where the chain is steep"


def test_a_necklace_in_the_shade_of_a_chin_is_darker() -> None:
    """It shone as if it lay on the picture."""
    mask = draw_mask(512)
    mask[mask == Label.NECK_L] = Label.NECK
    mask[400:, 150:360] = Label.NECK
    mask[450:458, 190:320] = Label.NECK_L
    material, bright = LOOKS["gold_jewel"].material, []
    for shade in (1.0, 0.5):
        picture = np.full((512, 512, 3), (200, 150, 130), np.float32)
        picture[mask == Label.NECK] *= shade
        drawn, changed = draw_jewels(picture.astype(np.uint8), mask, Label.NECK_L, material)
        bright.append(drawn[(changed > 0.95) & (mask == Label.NECK_L)].mean())
    assert 0.45 < bright[1] / bright[0] < 0.75


@pytest.mark.parametrize("collar", [True, False])
def test_a_necklace_leads_under_a_collar_and_does_not_come_out_again(collar: bool) -> None:
    mask = draw_mask(512)
    mask[mask == Label.NECK_L] = Label.NECK
    mask[400:, 110:400] = Label.NECK
    mask[450:458, 120:390] = Label.NECK_L
    picture = np.full((512, 512, 3), (200, 150, 130), np.uint8)
    picture[400:, 110:140] = (40, 40, 60)
    picture[445:465, 250:253] = 250  # a gleam
    if collar:
        picture[400:, 140:180] = picture[400:, 330:] = (225, 225, 230)
    _, changed = draw_jewels(picture, mask, Label.NECK_L, LOOKS["gold_jewel"].material)
    touched = (changed > 0.5).any(0)
    assert touched[186:240].all() and touched[260:320].all()
    assert touched[:172].any() == touched[340:].any() == (not collar)


def test_a_gold_jewels_shadows_are_gold_and_not_green() -> None:
    mask = draw_mask(512)
    mask[300:360, 200:260] = Label.EAR_R
    drawn, _ = draw_jewels(np.full((512, 512, 3), 90, np.uint8), mask, Label.EAR_R, LOOKS["gold_jewel"].material)
    inside = drawn[303:357, 203:257].reshape(-1, 3).astype(float)
    dark = inside[inside.sum(1) <= np.percentile(inside.sum(1), 5)].mean(0)
    assert dark.sum() < 0.7 * np.median(inside, axis=0).sum()
    body = np.array(LOOKS["gold_jewel"].material.colour)
    assert dark[0] / dark[1] > 1.05 * body[0] / body[1] and dark[2] / dark[0] < 0.95 * body[2] / body[0]
