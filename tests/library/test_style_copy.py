"""Style copy in the library: where it changes pixels, what it leaves alone, and what it says when it cannot."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask

from maskgan.editing.edit import Edit, Face
from maskgan.editing.oklab import to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.recolouring import usual_colour
from maskgan.editing.style_copy import REGIONS, copy_geometry, copy_style, missing_regions
from maskgan.labels import BROWS, MIRRORED_PAIRS, Label
from maskgan.sizes import CROP_SIZE
from maskgan.styles import VectorStyle

LIPS = (Label.U_LIP, Label.L_LIP)


def face_of(pipeline: MaskGANPipeline, seed: int, shift: float = 0.0, without: tuple[int, ...] = ()) -> Face:
    mask = draw_mask(CROP_SIZE, shift)
    mask[np.isin(mask, without)] = Label.SKIN
    face = pipeline.with_mask(pipeline.prepare(draw_face(mask, seed), None), mask)
    # Untrained networks give nearly the same codes for every face: far apart, they show.
    torch.manual_seed(seed)
    return replace(face, style=face.style._replace(codes=5 * torch.randn_like(face.style.codes)))


@pytest.fixture(scope="module")
def target(pipeline: MaskGANPipeline) -> Face:
    return face_of(pipeline, 1)


@pytest.fixture(scope="module")
def source(pipeline: MaskGANPipeline) -> Face:
    return face_of(pipeline, 2, shift=0.04)


def around(mask: np.ndarray, classes: tuple[int, ...], pixels: int) -> np.ndarray:
    return cv2.dilate(np.isin(mask, classes).astype(np.uint8), np.ones((2 * pixels + 1, 2 * pixels + 1))) > 0


def test_no_strength_gives_the_target_bit_for_bit(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    edit = copy_style(pipeline, target, source, ["everything"], 0.0)
    assert np.array_equal(edit.crop, target.crop) and np.array_equal(edit.photo, target.photo)


def test_lips_change_the_lips_and_nothing_else(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    edit = copy_style(pipeline, target, source, ["lips"])
    outside = ~around(target.mask, LIPS, 6)
    assert np.array_equal(edit.crop[outside], target.crop[outside])
    assert np.array_equal(edit.photo[outside], target.photo[outside])
    assert (edit.crop != target.crop)[np.isin(target.mask, LIPS)].mean() > 0.5
    assert edit.face is target


def test_more_strength_changes_more(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    hair = target.mask == Label.HAIR
    changes = [
        np.abs(copy_style(pipeline, target, source, ["hair"], strength).crop.astype(int) - target.crop)[hair].mean()
        for strength in (0.0, 0.3, 1.0)
    ]
    assert changes[0] == 0 < changes[1] < changes[2]


def test_the_colour_of_hair_is_measured_and_the_network_is_not_asked(
    pipeline: MaskGANPipeline, target: Face, source: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = source.crop.copy()
    red[source.mask == Label.HAIR] = (140, 40, 30)
    monkeypatch.setattr(MaskGANPipeline, "generate", lambda *_: pytest.fail("the network was asked"))
    edit = copy_style(pipeline, target, replace(source, crop=red), ["hair"])
    found, wanted = (
        usual_colour(picture, mask, (Label.HAIR,)) for picture, mask in ((edit.crop, target.mask), (red, source.mask))
    )
    assert np.linalg.norm(usual_colour(target.crop, target.mask, (Label.HAIR,)) - wanted) > 0.1
    assert np.linalg.norm(found - wanted) < 0.03


def painted(face: Face, skin: tuple[int, int, int], lips: tuple[int, int, int]) -> Face:
    """A face whose skin and lips have these colours, with some noise."""
    crop = face.crop.copy()
    for classes, colour in ((REGIONS["skin"].classes, skin), (LIPS, lips)):
        there = np.isin(face.mask, classes)
        crop[there] = np.array(colour) + np.random.default_rng(0).integers(-3, 4, (there.sum(), 3))
    return replace(face, crop=crop, photo=crop)


def mean(crop: np.ndarray, mask: np.ndarray, classes: tuple[int, ...]) -> np.ndarray:
    inside = cv2.erode(np.isin(mask, classes).astype(np.uint8), np.ones((5, 5))) > 0
    return to_oklab(crop[inside]).mean(0)


def skin_and_lips(edit: Edit) -> tuple[np.ndarray, np.ndarray]:
    skin, lips = (mean(edit.crop, edit.face.mask, classes) for classes in (REGIONS["skin"].classes, LIPS))
    return skin, lips


LIGHT, DARK = ((226, 178, 152), (198, 112, 108)), ((96, 62, 46), (88, 50, 42))


@pytest.mark.parametrize("own, theirs", [(LIGHT, DARK), (DARK, LIGHT)])
def test_lips_are_copied_in_relation_to_the_skin(
    pipeline: MaskGANPipeline, target: Face, source: Face, own: tuple, theirs: tuple
) -> None:
    target, source = painted(target, *own), painted(source, *theirs)
    skin, lips = skin_and_lips(copy_style(pipeline, target, source, ["lips"]))
    wanted, theirs = (to_oklab(np.array(colour)) for colour in theirs[::-1])
    # Dark skin has lips that are nearly as light; on light skin they are as light as lips there.
    related = wanted[0] / theirs[0] if skin[0] < theirs[0] else 0.82
    assert lips[0] / skin[0] == pytest.approx(related, abs=0.03)
    assert (lips[1] > skin[1]) == (wanted[1] > theirs[1])


@pytest.mark.parametrize("colour", [(98, 66, 52), (150, 96, 92), (190, 70, 120)])
def test_lips_of_dark_skin_are_darker_than_light_skin_and_no_more_coloured_than_they_were(
    pipeline: MaskGANPipeline, target: Face, source: Face, colour: tuple[int, int, int]
) -> None:
    target, source = painted(target, *LIGHT), painted(source, (96, 62, 46), colour)
    skin, lips = skin_and_lips(copy_style(pipeline, target, source, ["lips"]))
    own, theirs = to_oklab(np.array(colour)), to_oklab(np.array((96, 62, 46)))
    assert 0.75 * skin[0] < lips[0] < 0.95 * skin[0]
    assert np.linalg.norm(lips[1:] - skin[1:]) < np.linalg.norm(own[1:] - theirs[1:]) + 0.02


@pytest.mark.parametrize("own, theirs", [(LIGHT, DARK), (DARK, LIGHT)])
def test_lips_go_along_with_skin_that_gets_another_tone(
    pipeline: MaskGANPipeline, target: Face, source: Face, own: tuple, theirs: tuple
) -> None:
    target, source = painted(target, *own), painted(source, *theirs)
    skin, lips = skin_and_lips(copy_style(pipeline, target, source, ["skin"]))
    assert skin[0] == pytest.approx(to_oklab(np.array(theirs[0]))[0], abs=0.03)
    before = [to_oklab(np.array(colour))[0] for colour in own]
    related = before[1] / before[0] if skin[0] < before[0] else 0.82
    assert lips[0] / skin[0] == pytest.approx(related, abs=0.03)
    both = copy_style(pipeline, target, source, ["skin", "lips"])  # all is the source's then
    assert mean(both.crop, target.mask, LIPS)[0] == pytest.approx(to_oklab(np.array(theirs[1]))[0], abs=0.03)


@pytest.mark.parametrize("own, theirs", [(LIGHT, DARK), (DARK, LIGHT)])
def test_brows_get_darker_with_the_skin_and_else_stay(
    pipeline: MaskGANPipeline, target: Face, source: Face, own: tuple, theirs: tuple
) -> None:
    target, source = painted(target, *own), painted(source, *theirs)
    brows = np.isin(target.mask, BROWS)
    crop = np.where(brows[..., None], (np.array(own[0]) * 0.7).astype(np.uint8), target.crop)
    target = replace(target, crop=crop)
    edit = copy_style(pipeline, target, source, ["skin"])
    skin, after = mean(edit.crop, target.mask, REGIONS["skin"].classes), mean(edit.crop, target.mask, BROWS)
    before = mean(crop, target.mask, BROWS)
    assert (after[0] < before[0] - 0.1 and after[0] < skin[0]) if own == LIGHT else after[0] > before[0] - 0.02


def test_a_background_in_other_colours_is_seen_between_strands_and_leaves_no_rim_beside_hair(
    pipeline: MaskGANPipeline, target: Face, source: Face
) -> None:
    """A mask's hair is a little wider than hair; that rim stayed grey, and got the colour of other hair."""
    hair, size = (target.mask == Label.HAIR).astype(np.uint8), np.ones((9, 9), np.uint8)
    ground, others = target.mask == Label.BACKGROUND, ~np.isin(target.mask, (Label.HAIR, Label.BACKGROUND))
    solid = cv2.erode(hair, size) > 0
    rim = (hair > 0) & ~solid & (cv2.dilate(ground.astype(np.uint8), size) > 0)
    rim &= cv2.dilate(others.astype(np.uint8), np.ones((31, 31), np.uint8)) == 0
    crop = target.crop.copy()
    crop[ground | rim], crop[solid] = (150, 152, 155), (50, 36, 28)
    target = pipeline.with_mask(replace(target, crop=crop, photo=crop), target.mask)
    region = copy_style(pipeline, target, source, ["background"]).region
    assert rim.sum() > 100 and region[rim].mean() > 0.8
    deep = cv2.erode(solid.astype(np.uint8), size) > 0
    assert region[deep].max() < 0.05 and region[ground].mean() > 0.9


def test_a_colourful_background_in_the_grey_of_a_wall_has_no_other_hues(
    pipeline: MaskGANPipeline, target: Face, source: Face
) -> None:
    """What was not green between green leaves turned violet."""
    rng, crops = np.random.default_rng(0), []
    for face, colours in ((target, [(60, 120, 30), (130, 128, 125)]), (source, [(150, 146, 140), (156, 152, 147)])):
        crop, ground = face.crop.copy(), face.mask == Label.BACKGROUND
        crop[ground] = np.array(colours, np.uint8)[rng.integers(0, 2, ground.sum())]
        crops.append(replace(face, crop=crop, photo=crop))
    target, source = crops
    ground = cv2.erode((target.mask == Label.BACKGROUND).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    shown = to_oklab(copy_style(pipeline, target, source, ["background"]).crop[ground])
    wall = to_oklab(source.crop[source.mask == Label.BACKGROUND])
    assert np.hypot(*to_oklab(target.crop[ground])[:, 1:].T).max() > 0.1
    assert np.hypot(*(shown - wall.mean(0))[:, 1:].T).max() < 0.015
    assert abs(shown.mean(0) - wall.mean(0)).max() < 0.02
    assert shown[:, 0].std() > 0.03  # leaves are seen


def test_a_few_pixels_of_hair_are_none(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    """Hair got the colour of the wall behind a bald head."""
    bald = source.mask.copy()
    bald[bald == Label.HAIR] = Label.BACKGROUND
    bald[:5, 250:270] = Label.HAIR
    source = replace(source, mask=bald)
    assert missing_regions(target, source, ["hair", "lips"]) == ["hair"]
    assert missing_regions(source, target, ["hair"]) == ["hair"]
    edit = copy_style(pipeline, target, source, ["hair", "lips"])
    assert np.array_equal(edit.crop, copy_style(pipeline, target, source, ["lips"]).crop)


def test_one_vector_of_style_is_the_network_s(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    seen = []
    engine = SimpleNamespace(
        generate=lambda mask, style: seen.append(style) or np.full((*mask.shape, 3), 90.0, np.float32)
    )
    engine.refresh = lambda face: face
    faces = [
        replace(face, style=VectorStyle(torch.full((1, 8), float(n)))) for n, face in enumerate((target, source), 1)
    ]
    copy_style(engine, *faces, ["hair"], 0.5)
    assert [style.vector[0, 0].item() for style in seen] == [1.0, 1.5]


def test_left_and_right_are_in_one_region() -> None:
    for region in REGIONS.values():
        for a, b in MIRRORED_PAIRS:
            assert (a in region.classes) == (b in region.classes)


def test_the_mirror_image_lends_its_style_where_a_side_is_hidden(pipeline: MaskGANPipeline, target: Face) -> None:
    source = face_of(pipeline, 2, without=(Label.L_BROW,))
    edit = copy_style(pipeline, target, source, ["brows"])
    for side in (Label.L_BROW, Label.R_BROW):
        assert (edit.crop != target.crop)[target.mask == side].any()


def test_what_one_face_lacks_is_left_out_and_said(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    assert missing_regions(target, source, ["lips", "accessories"]) == ["accessories"]
    both = copy_style(pipeline, target, source, ["lips", "accessories"])
    assert np.array_equal(both.crop, copy_style(pipeline, target, source, ["lips"]).crop)
    with pytest.raises(ValueError, match=r"^Nothing can be copied: .* \(Hat, glasses, jewels\)\.$"):
        copy_style(pipeline, target, source, ["accessories"])


@pytest.mark.parametrize("regions, strength", [([], 1.0), (["beard"], 1.0), (["lips"], 1.5), (["lips"], -0.1)])
def test_wrong_choices_get_one_sentence(
    pipeline: MaskGANPipeline, target: Face, source: Face, regions: list[str], strength: float
) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        copy_style(pipeline, target, source, regions, strength)


def test_mixed_styles_take_the_chosen_codes_and_no_residue(target: Face, source: Face) -> None:
    own = target.style.without_residue([Label.HAIR])
    mixed = own.take_classes(source.style, {Label.HAIR: Label.HAIR}, 1.0)
    others = [c for c in range(19) if c != Label.HAIR]
    assert torch.equal(mixed.codes[:, Label.HAIR], source.style.codes[:, Label.HAIR])
    assert torch.equal(mixed.codes[:, others], target.style.codes[:, others])
    assert not mixed.residue[:, Label.HAIR].any()
    assert torch.equal(mixed.residue[:, others], target.style.residue[:, others])
    assert torch.equal(own.codes, target.style.codes) and torch.equal(own.residue, mixed.residue)


def test_a_global_style_vector_is_mixed_whole() -> None:
    target, source = VectorStyle(torch.zeros(1, 8)), VectorStyle(torch.ones(1, 8))
    assert target.without_residue([Label.HAIR]) is target
    mixed = target.take_classes(source, {Label.HAIR: Label.HAIR}, 0.25)
    assert torch.equal(mixed.vector, torch.full((1, 8), 0.25))


def test_shapes_come_from_the_source_and_style_from_the_target(
    pipeline: MaskGANPipeline, target: Face, source: Face
) -> None:
    edit = copy_geometry(pipeline, target, source, redraw=True)
    expected = pipeline.generate(source.mask, target.style).round().clip(0, 255).astype(np.uint8)
    assert np.array_equal(edit.crop, expected)
    same_shapes = replace(source, style=target.style)
    assert np.array_equal(copy_geometry(pipeline, target, same_shapes, redraw=True).crop, expected)


def test_shapes_are_made_of_the_target_s_photo(pipeline: MaskGANPipeline, target: Face, source: Face) -> None:
    edit = copy_geometry(pipeline, target, source)
    assert np.array_equal(edit.crop, pipeline.edit(target, source.mask).crop)
    still = edit.region == 0
    assert np.array_equal(edit.crop[still], target.crop[still])
