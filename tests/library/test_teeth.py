"""Teeth in mouths that edits open: a row from a photo where the own ones never showed, the own ones where they did."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import draw_face as draw_picture
from drawn_faces import draw_face

from lab.teeth import fit_colours, main, teeth_and_skin, teeth_of
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.oklab import to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.teeth import teeth, with_teeth
from maskgan.labels import LIPS, Label, flip
from maskgan.mask_files import resize_mask
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.scene import Scene
from maskgan.sizes import CROP_SIZE

SKINS = [(214, 170, 140), (96, 62, 44)]


def photo_of(mask: np.ndarray, skin: tuple[int, int, int] = SKINS[0]) -> np.ndarray:
    photo = np.full((*mask.shape, 3), skin, np.uint8)
    photo[np.isin(mask, LIPS)] = (170, 80, 80)
    photo[mask == Label.MOUTH] = (120, 200, 120)  # what no mouth looks like
    return photo


@pytest.fixture(scope="module")
def open_mouth() -> np.ndarray:
    return draw_face(CROP_SIZE, scale=0.8, extra=("open",))


@pytest.fixture(scope="module")
def closed() -> np.ndarray:
    return draw_face(CROP_SIZE, scale=0.8)


def laid(own: np.ndarray, edit: str, skin: tuple[int, int, int] = SKINS[0]) -> tuple[np.ndarray, np.ndarray, Scene]:
    """OKLab of a crop with teeth, where they lie alone, and the scene."""
    mask = QUICK_EDITS[edit].apply(own)
    crop, changed = with_teeth(photo_of(mask, skin), mask, own)
    return to_oklab(crop), (mask == Label.MOUTH) & (changed > 0.95), Scene(mask)


@pytest.mark.parametrize("skin", SKINS)
@pytest.mark.parametrize("edit", ["smile", "open_mouth"])
def test_a_mouth_that_opens_has_light_teeth_above_and_is_dark_at_the_corners(closed, edit, skin):
    lab, inside, scene = laid(closed, edit, skin)
    light = lab[..., 0]
    middle = inside & (abs(scene.x - np.median(scene.x[inside])) < 0.25)
    rows = scene.y[middle]
    upper = middle & (scene.y > rows.min() + 0.04) & (scene.y < rows.min() + 0.1)
    assert np.median(light[upper]) > 0.45 and abs(lab[upper][:, 1]).max() < 0.06, "nothing of the green beneath"
    assert np.median(light[upper]) > to_oklab(np.array(skin))[0] - 0.1
    corners = inside & (abs(scene.x) > abs(scene.x[inside]).max() - 0.04)
    assert light[corners].mean() < 0.6 * np.median(light[upper])
    gaps = np.abs(np.diff(np.where(upper, light, np.nan), axis=1))
    assert np.nanmax(gaps) > 0.01, "teeth are apart"


def test_a_mouth_open_wide_is_dark_below_its_teeth(closed):
    wide = QUICK_EDITS["open_mouth"].apply(QUICK_EDITS["open_mouth"].apply(closed))
    crop, _ = with_teeth(photo_of(wide), wide, closed)
    scene, light = Scene(wide), to_oklab(crop)[..., 0]
    inside = (wide == Label.MOUTH) & (abs(scene.x) < 0.1)
    top, bottom = scene.y[inside].min(), scene.y[inside].max()
    assert bottom - top > 1.5 * teeth().height
    upper, below = (light[inside & (abs(scene.y - at) < 0.02)].mean() for at in (top + 0.08, bottom - 0.06))
    assert upper > 2 * below


def test_mirrored_faces_get_mirrored_teeth_and_nothing_else_changes(closed):
    mask = QUICK_EDITS["smile"].apply(closed)
    photo = photo_of(mask)
    crop, changed = with_teeth(photo, mask, closed)
    other, _ = with_teeth(photo[:, ::-1].copy(), flip(mask), flip(closed))
    assert np.abs(other[:, ::-1].astype(int) - crop).mean(where=changed[..., None] > 0) < 3
    assert np.array_equal(crop[changed == 0], photo[changed == 0])
    assert changed[mask == Label.MOUTH].mean() > 0.85 and changed.mean() < 0.05


def test_lips_that_stay_where_they_are_get_no_teeth(open_mouth, closed):
    for mask, own in ((open_mouth, open_mouth), (closed, closed), (closed, open_mouth)):
        photo = photo_of(mask)
        crop, changed = with_teeth(photo, mask, own)
        assert crop is photo and not changed.any()


@pytest.mark.parametrize("width", [1, 3, 9, 25])
def test_a_dot_between_the_lips_is_no_mouth_to_fit_teeth_to(closed, width):
    mask = closed.copy()
    rows, columns = np.nonzero(np.isin(closed, LIPS))
    row, column = round(rows.mean()), round(columns.mean())
    mask[row : row + 2, column : column + width] = Label.MOUTH
    photo = photo_of(mask)
    crop, changed = with_teeth(photo, mask, closed)
    assert crop.shape == photo.shape and (width > 9 or not changed.any())
    alone = np.where(np.isin(mask, LIPS), Label.SKIN, mask).astype(np.uint8)
    assert with_teeth(photo, alone, closed)[0].dtype == np.uint8


def test_a_mouth_that_is_moved_or_scaled_as_a_whole_stays_as_it_is(open_mouth):
    rows, columns = np.nonzero(np.isin(open_mouth, (*LIPS, Label.MOUTH)))
    whole = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    piece = open_mouth[whole]
    for scale, down in ((1.0, 20), (1.6, 10)):
        large = resize_mask(piece, (round(piece.shape[0] * scale), round(piece.shape[1] * scale)))
        mask = np.where(np.isin(open_mouth, (*LIPS, Label.MOUTH)), Label.SKIN, open_mouth).astype(np.uint8)
        top, left = rows.min() + down, round(columns.mean() - large.shape[1] / 2)
        part = mask[top : top + large.shape[0], left : left + large.shape[1]]
        np.copyto(part, large, where=np.isin(large, (*LIPS, Label.MOUTH)))
        photo = photo_of(mask)
        crop, changed = with_teeth(photo, mask, open_mouth)
        assert crop is photo and not changed.any(), scale


def test_own_teeth_are_not_drawn_out_and_below_them_it_is_dark(open_mouth):
    mask, moved, _ = QUICK_EDITS["open_mouth"].move(open_mouth)
    scene, was = Scene(mask), Scene(open_mouth)
    column = int(np.median(np.nonzero(open_mouth == Label.MOUTH)[1]))
    before, after = (np.flatnonzero(each[:, column] == Label.MOUTH) for each in (open_mouth, mask))
    assert len(after) > 1.7 * len(before)
    source = after + moved[after, column, 1]
    assert np.isfinite(source).all() and (np.diff(source) > 0).all()
    upper = slice(2, round(0.6 * len(before)))
    assert 1 / 1.4 < np.diff(source)[upper].min() <= np.diff(source)[upper].max() < 1.05
    photo = photo_of(mask)
    crop, changed = with_teeth(photo, mask, open_mouth)
    assert not changed[after[upper], column].any() and changed[after[-8], column] > 0.9
    assert to_oklab(crop[after[-8], column])[0] < 0.5 < to_oklab(crop[after[3], column])[0]
    assert scene.unit == pytest.approx(was.unit, rel=0.05)


def test_edits_show_them(pipeline: MaskGANPipeline, closed):
    face = pipeline.with_mask(pipeline.prepare(draw_picture(closed, 3), None), closed)
    mask = QUICK_EDITS["smile"].apply(closed)
    edit = edit_with_looks(pipeline, face, mask)
    expected, changed = with_teeth(edit.crop, mask, closed)
    sure = changed > 0.999
    assert sure.any() and np.abs(edit.crop[sure].astype(int) - expected[sure]).max() <= 2


def test_a_row_is_cut_out_of_a_photo(open_mouth):
    scene = Scene(open_mouth)
    inside = open_mouth == Label.MOUTH
    photo = photo_of(open_mouth)
    rows, columns = np.nonzero(inside)
    middle, right = columns.mean(), columns.max() - 6
    top, bottom = rows.min() + 2, rows.max() - 4
    photo[top - 6 : bottom + 6, : columns.max()] = (236, 230, 214)
    polygon = np.array([(middle, top), (right, top), (right, bottom - 6), (middle, bottom)], np.float32)
    picture, entry = teeth_of(photo, open_mouth, polygon, 0.7)
    assert np.abs(picture.astype(int) - (236, 230, 214)).max() < 3
    assert entry["height"] == pytest.approx((bottom - top) / scene.unit, rel=0.02)
    edges = np.array(entry["edges"])
    assert edges[0] == pytest.approx((0, 0), abs=1e-3) and edges[-1, 0] == pytest.approx(
        (right - middle) / scene.unit, rel=0.02
    )
    assert edges[-1, 1] < 0 and entry["bend"] == 0.7


def test_the_colour_of_teeth_is_fitted_by_that_of_the_skin(open_mouth, tmp_path, capsys):
    wide = QUICK_EDITS["open_mouth"].apply(open_mouth)
    faces = []
    for light in (60, 110, 160, 210):
        photo = photo_of(wide, (light, round(0.8 * light), round(0.7 * light)))
        photo[wide == Label.MOUTH] = 100 + light // 2
        faces.append(teeth_and_skin(photo, wide))
    slope, start, error = fit_colours(np.array(faces))["lightness"]
    low, high = (to_oklab(np.full(3, 100 + light // 2))[0] for light in (60, 210))
    assert start + slope * faces[0][1, 0] == pytest.approx(low, abs=0.02)
    assert start + slope * faces[-1][1, 0] == pytest.approx(high, abs=0.02) and error < 0.02
    assert teeth_and_skin(photo, np.where(wide == Label.MOUTH, Label.L_LIP, wide).astype(np.uint8)) is None
    assert main([str(tmp_path / "nowhere")]) == 2 and "\n" not in capsys.readouterr().err.strip()
