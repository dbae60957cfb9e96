"""Recolouring: the colour that was asked for, the photo's own shading, and nothing beyond the part."""

from __future__ import annotations

import numpy as np
import pytest

from maskgan.editing.irises import find_irises, irises, within_irises
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.recolouring import parse_colour, part_matte, recolour, recolour_part, usual_colour
from maskgan.labels import Label


def shaded_grey(size: int = 64, level: float = 120, contrast: float = 30) -> np.ndarray:
    """A grey picture with bright and dark strands, (S, S, 3) uint8."""
    strands = level + contrast * np.sin(np.arange(size) / 2.0)
    return np.repeat(np.tile(strands, (size, 1))[..., None], 3, axis=2).round().astype(np.uint8)


def middle(size: int = 64) -> np.ndarray:
    inside = np.zeros((size, size), bool)
    inside[size // 4 : -size // 4, size // 4 : -size // 4] = True
    return inside


def test_oklab_of_known_colours():
    assert np.allclose(to_oklab(np.array([255, 255, 255])), [1, 0, 0], atol=2e-3)
    assert np.allclose(to_oklab(np.array([255, 0, 0])), [0.628, 0.225, 0.126], atol=2e-3)
    colours = np.random.default_rng(0).integers(0, 256, (100, 3))
    assert np.allclose(from_oklab(to_oklab(colours)), colours, atol=0.6)


@pytest.mark.parametrize("colour", [(180, 60, 40), (60, 90, 160), (90, 60, 40), (200, 170, 120)])
def test_grey_becomes_the_colour_and_keeps_its_strands(colour):
    photo = shaded_grey()
    inside = middle()
    result = recolour(photo, inside.astype(np.float32), colour)
    assert abs(to_oklab(result[inside]).mean(0) - to_oklab(np.array(colour))).max() < 0.015
    before, after = (to_oklab(picture[inside])[:, 0] for picture in (photo, result))
    assert np.corrcoef(before, after)[0, 1] > 0.97
    assert after.std() > 0.3 * before.std()


def test_pixels_outside_stay_as_they_are():
    photo = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    mask = np.where(middle(), Label.HAIR, Label.BACKGROUND).astype(np.uint8)
    result, share = recolour_part(photo, mask, Label.HAIR, (200, 30, 30))
    assert (result[share > 0.9] != photo[share > 0.9]).any()
    assert np.array_equal(result[share == 0], photo[share == 0])
    far = np.ones((64, 64), bool)
    far[13:-13, 13:-13] = False
    assert not share[far].any()


def test_black_hair_becomes_blond_with_light_and_shade():
    photo = shaded_grey(level=28, contrast=14)
    mask = np.full((64, 64), Label.HAIR, np.uint8)
    result, _ = recolour_part(photo, mask, Label.HAIR, parse_colour("#d0ad74"))
    light = to_oklab(result)[..., 0]
    assert light.mean() > 0.55 and light.std() > 0.04
    assert result[..., 0].mean() > result[..., 2].mean() + 25


def test_hair_has_the_contrast_of_hair_that_is_as_light():
    """Black hair varies by half as much as blond does."""
    mask, spread = np.full((64, 64), Label.HAIR, np.uint8), {}
    photo = shaded_grey(level=30, contrast=12)
    for name, colour in (("black", "#1c1816"), ("brown", "#4e3222"), ("blond", "#d0ae87")):
        result, _ = recolour_part(photo, mask, Label.HAIR, parse_colour(colour))
        light = to_oklab(result)[..., 0]
        spread[name] = np.median(light) - np.quantile(light, 0.05)
    assert spread["blond"] > 1.5 * spread["brown"] > 1.5 * spread["black"] > 0.03
    cloth, _ = recolour_part(photo, np.full_like(mask, Label.CLOTH), Label.CLOTH, parse_colour("#d0ae87"))
    assert np.median(to_oklab(cloth)[..., 0]) - np.quantile(to_oklab(cloth)[..., 0], 0.05) < spread["blond"] - 0.05


def test_hair_that_becomes_lighter_is_dark_at_its_roots_and_no_other():
    mask = np.full((256, 256), Label.HAIR, np.uint8)
    mask[200:] = Label.SKIN
    photo = np.full((256, 256, 3), 40, np.uint8)
    photo += np.random.default_rng(2).integers(0, 6, photo.shape, np.uint8)
    for colour, dark in (("#d0ae87", True), ("#1c1816", False)):
        light = to_oklab(recolour_part(photo, mask, Label.HAIR, parse_colour(colour))[0])[..., 0]
        roots, lengths = light[194:198].mean(), light[40:120].mean()
        assert (roots < 0.93 * lengths) == dark and (dark or abs(roots - lengths) < 0.02)


def test_strands_of_grey_hair_hardly_differ_in_hue():
    photo, mask = shaded_grey(level=60, contrast=25), np.full((64, 64), Label.HAIR, np.uint8)
    photo[..., 2] = photo[..., 2] // 2  # the darker the less yellow
    hues = {}
    for name, colour in (("grey", "#a9a6a1"), ("copper", "#a8653c")):
        result, _ = recolour_part(photo, mask, Label.HAIR, parse_colour(colour))
        hues[name] = to_oklab(result)[..., 1:].std((0, 1)).max()
    assert hues["grey"] < 0.6 * hues["copper"]


def test_lips_hardly_become_lighter_by_what_is_put_on_them():
    mask = np.full((64, 64), Label.U_LIP, np.uint8)
    mask[32:] = Label.L_LIP
    light = {}
    for level in (60, 190):
        photo = shaded_grey(level=level, contrast=8)
        result, _ = recolour_part(photo, mask, Label.U_LIP, parse_colour("#a81830"))
        light[level] = to_oklab(photo)[..., 0].mean(), to_oklab(result)[..., 0].mean()
    wanted = to_oklab(np.array(parse_colour("#a81830")))[0]
    before, after = light[60]
    assert before < after < before + 0.5 * (wanted - before)
    assert light[190][1] == pytest.approx(wanted, abs=0.02)


def test_what_skin_reflects_stays_as_much_when_it_becomes_lighter():
    mask = np.full((64, 64), Label.SKIN, np.uint8)
    photo = np.full((64, 64, 3), (96, 62, 46), np.uint8)
    photo += np.random.default_rng(0).integers(0, 8, photo.shape, np.uint8)
    photo[20:30, 20:30] = (168, 140, 126)  # a highlight
    light, _ = recolour_part(photo, mask, Label.SKIN, (226, 178, 152), measured=True)
    shine, around = (to_oklab(light[part].mean((0, 1)))[0] for part in (np.s_[22:28, 22:28], np.s_[40:60, 40:60]))
    before, beside = (to_oklab(photo[part].mean((0, 1)))[0] for part in (np.s_[22:28, 22:28], np.s_[40:60, 40:60]))
    assert shine**3 - around**3 == pytest.approx(before**3 - beside**3, rel=0.2)
    assert around < shine < 0.93  # not white
    cloth, _ = recolour_part(photo, np.full_like(mask, Label.CLOTH), Label.CLOTH, (226, 178, 152), measured=True)
    assert to_oklab(cloth[25, 25])[0] > shine + 0.03  # dyed cloth has a highlight of its own colour


@pytest.mark.parametrize(("label", "read"), [(Label.SKIN, True), (Label.CLOTH, False)])
def test_a_lighter_colour_is_read_as_that_of_skin_in_full_light_and_a_darker_one_as_it_is(label, read):
    photo, mask = shaded_grey(level=110, contrast=12), np.full((64, 64), label, np.uint8)
    light = {}
    for colour in ((236, 200, 172), (70, 45, 32)):
        result, _ = recolour_part(photo, mask, label, colour)
        light[colour] = to_oklab(result)[..., 0].mean() - to_oklab(np.array(colour))[0]
    lighter, darker = light.values()
    assert abs(darker) < 0.03 and (lighter < -0.06 if read else abs(lighter) < 0.03)


def test_no_strength_no_change_and_half_of_it_half_way():
    photo, share = shaded_grey(), middle().astype(np.float32)
    whole = recolour(photo, share, (180, 60, 40)).astype(float)
    half = recolour(photo, share, (180, 60, 40), 0.5)
    assert np.array_equal(recolour(photo, share, (180, 60, 40), 0), photo)
    assert abs(half - (photo + whole) / 2).max() <= 1
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="strength"):
            recolour(photo, share, (0, 0, 0), strength)


def test_both_lips_go_together_and_skin_takes_its_parts_along():
    mask = np.zeros((64, 64), np.uint8)
    mask[10:30], mask[30:40], mask[40:50] = Label.SKIN, Label.U_LIP, Label.L_LIP
    mask[14:20, 20:40] = Label.NOSE
    photo = shaded_grey()
    lips, _ = recolour_part(photo, mask, Label.L_LIP, (180, 30, 50))
    assert (lips[33:47] != photo[33:47]).any(-1).all() and np.array_equal(lips[12:26], photo[12:26])
    skin, _ = recolour_part(photo, mask, Label.SKIN, (120, 80, 60))
    assert (skin[12:26] != photo[12:26]).any(-1).all() and np.array_equal(skin[34:48], photo[34:48])


def test_a_part_that_is_not_there_changes_nothing():
    photo = shaded_grey()
    result, share = recolour_part(photo, np.zeros((64, 64), np.uint8), Label.HAIR, (200, 0, 0))
    assert np.array_equal(result, photo) and not share.any()


def test_the_iris_is_found_in_its_eye_and_the_white_stays_white():
    rows, cols = np.indices((128, 128))
    eyes = np.zeros((128, 128), bool)
    mask = np.zeros((128, 128), np.uint8)
    photo = np.full((128, 128, 3), 230, np.uint8)
    for label, x in ((Label.R_EYE, 40), (Label.L_EYE, 88)):
        lid = ((cols - x) / 12) ** 2 + ((rows - 60) / 5) ** 2 < 1
        eyes |= lid
        mask[lid] = label
        photo[(np.hypot(cols - x - 3, rows - 60) < 4.5) & lid] = 60
    share = irises(photo, eyes, 48)
    dark = (photo[..., 0] == 60) & eyes
    assert share[dark].mean() > 0.7 and share[eyes & (photo[..., 0] == 230)].mean() < 0.15
    result, _ = recolour_part(photo, mask, Label.L_EYE, (80, 130, 190))
    assert result[61, 94, 2] > result[61, 94, 0] + 15
    assert abs(result[60, 80].astype(int) - 230).max() < 10


def large_eyes() -> tuple[np.ndarray, np.ndarray]:
    """A photo of two dark brown irises in white eyes, each with a light that it mirrors, and its mask."""
    rows, cols = np.indices((256, 256))
    mask, photo = np.zeros((256, 256), np.uint8), np.full((256, 256, 3), (205, 160, 140), np.uint8)
    for label, x in ((Label.R_EYE, 64), (Label.L_EYE, 192)):
        eye = ((cols - x) / 30) ** 2 + ((rows - 128) / 14) ** 2 < 1
        mask[eye], photo[eye] = label, 225
        photo[(np.hypot(cols - x, rows - 128) < 12) & eye] = (50, 35, 28)
        photo[(np.hypot(cols - x + 4, rows - 124) < 2) & eye] = 250
    return photo, mask


def test_irises_of_another_colour_have_a_pupil_a_rim_and_what_they_mirror():
    photo, mask = large_eyes()
    result, _ = recolour_part(photo, mask, Label.L_EYE, parse_colour("#5b88b0"))
    light = to_oklab(result)[..., 0]
    for x in (64, 192):
        pupil, inner, rim = light[130, x], light[132:136, x - 6 : x + 7].mean(), light[129, x + 10]
        assert pupil < 0.6 * inner and rim < 0.85 * inner
        assert result[134, x, 2] > result[134, x, 0] + 15, "blue"
        assert (result[124, x - 4] > 235).all(), "the light stays"
        assert light[118:121, x].mean() < light[135:138, x].mean(), "the lid's shadow"
    dim = (photo * 0.5).astype(np.uint8)
    darker, _ = recolour_part(dim, mask, Label.L_EYE, parse_colour("#5b88b0"))
    assert darker[134, 64].mean() < 0.85 * result[134, 64].mean(), "in the light that the white is in"


def test_where_an_iris_is_dark_follows_its_place():
    photo, mask = large_eyes()
    eyes = mask > 0
    found = find_irises(photo, eyes, 128)
    assert sorted((round(iris.column / 4), round(iris.row / 4)) for iris in found) == [(16, 32), (48, 32)]
    darker = within_irises(photo, eyes, 128)
    assert not darker[~eyes].any() and darker[128, 64] > 0.7 > 0.45 > darker[134, 64]


def test_brows_are_no_plates_on_dark_skin_and_let_a_dark_tint_through():
    rng = np.random.default_rng(5)
    mask = np.full((256, 256), Label.SKIN, np.uint8)
    for label, x in ((Label.R_BROW, 70), (Label.L_BROW, 180)):
        mask[100:112, x - 30 : x + 30] = label
    brows = mask != Label.SKIN
    for level, colour in ((70, "#a87a56"), (190, "#221c1a")):
        photo = np.full((256, 256, 3), level, np.uint8)
        photo[brows] = (0.55 * level + rng.normal(0, 4, (brows.sum(), 1))).clip(0, 255).astype(np.uint8)
        result, _ = recolour_part(photo, mask, Label.L_BROW, parse_colour(colour))
        inside = np.zeros_like(brows)
        inside[103:109, 50:90] = True
        after, before, skin, wanted = (
            float(np.median(to_oklab(each)[..., 0]))
            for each in (result[inside], photo[inside], photo[~brows], np.array([[parse_colour(colour)]]))
        )
        if level == 70:
            assert before < after < 0.93 * skin < wanted
        else:
            assert wanted + 0.02 < after < before


def test_eyes_are_recoloured_by_their_irises_alone():
    mask = np.zeros((64, 64), np.uint8)
    mask[28:34, 10:26], mask[28:34, 40:56] = Label.R_EYE, Label.L_EYE
    share = part_matte(shaded_grey(), mask, (Label.L_EYE, Label.R_EYE)).share
    assert 0 < (share > 0.5).sum() < 0.7 * (mask > 0).sum()


@pytest.mark.parametrize("text", ["", "#12", "red", "#12345g", None])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ValueError, match="hexadecimal"):
        parse_colour(text)


def test_colours_are_read_with_and_without_the_sign():
    assert parse_colour("#c4622d") == parse_colour("C4622D") == (196, 98, 45)
    assert parse_colour("#f80") == (255, 136, 0)


def haired(hairs: tuple[int, ...], skin: tuple[int, ...], size: int = 256) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo of brows, single hairs 2 px wide with as much skin between them, its mask, and where hairs are."""
    mask = np.full((size, size), Label.SKIN, np.uint8)
    mask[100:116, 60:110], mask[100:116, 150:200] = Label.R_BROW, Label.L_BROW
    mask[130:140, 70:100], mask[130:140, 160:190] = Label.R_EYE, Label.L_EYE
    there = np.isin(mask, (Label.L_BROW, Label.R_BROW)) & (np.arange(size) % 4 < 2)
    return np.where(there[..., None], hairs, skin).astype(np.uint8), mask, there


@pytest.mark.parametrize("skin", [(220, 175, 150), (120, 75, 55)], ids=["light", "dark"])
def test_of_brows_the_hairs_change_and_not_the_skin_between_them(skin: tuple[int, ...]) -> None:
    photo, mask, hairs = haired((35, 25, 20), skin)
    result, share = recolour_part(photo, mask, Label.L_BROW, (150, 120, 95), measured=True)
    between = np.isin(mask, (Label.L_BROW, Label.R_BROW)) & ~hairs
    assert abs(result[between].astype(int) - photo[between]).max() < 6 and share[between].max() < 0.1
    assert abs(to_oklab(result[hairs]).mean(0) - to_oklab(np.array((150, 120, 95)))).max() < 0.03
    assert np.array_equal(result[:90], photo[:90])
    assert abs(usual_colour(photo, mask, [Label.L_BROW]) - to_oklab(np.array((35, 25, 20)))).max() < 0.02


def test_brows_that_hardly_differ_from_the_skin_get_an_even_share() -> None:
    photo, mask, _ = haired((208, 166, 142), (220, 175, 150))
    share = part_matte(photo, mask, (Label.L_BROW, Label.R_BROW)).share
    assert 0.4 < share[102:114, 64:106].mean() < 0.6 and share[102:114, 64:106].std() < 0.1
