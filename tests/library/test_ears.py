"""Ears that come to light where hair was cut: somebody's ears, in the colours of this face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_faces import around_frame, draw_face

from lab.ears import ear_of
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.ears import with_ears
from maskgan.editing.oklab import to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import EARS, Label, flip
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.ears import ear, ear_places, ear_region, edge_of_face, fitted
from maskgan.quick_edits.scene import Scene
from maskgan.sizes import CROP_SIZE

SKINS = [(214, 170, 140), (96, 62, 44)]


def cut(mask: np.ndarray) -> np.ndarray:
    for _ in (1, 2):
        mask = QUICK_EDITS["shorter_hair"].apply(mask)
    return mask


def photo_of(mask: np.ndarray, skin: tuple[int, int, int]) -> np.ndarray:
    photo = np.full((*mask.shape, 3), (120, 140, 170), np.uint8)
    photo[np.isin(mask, (Label.SKIN, Label.NECK, *EARS))] = skin
    photo[mask == Label.HAIR] = (40, 30, 25)
    return photo


@pytest.fixture(scope="module")
def own() -> np.ndarray:
    return draw_face(CROP_SIZE, scale=0.8, extra=("long hair",))


@pytest.fixture(scope="module")
def mask(own: np.ndarray) -> np.ndarray:
    return cut(own)


@pytest.mark.parametrize("tilt", [0, -12])
def test_an_ear_is_wide_above_and_has_a_lobe_and_no_gap_to_the_cheek(tilt):
    mask = draw_face(CROP_SIZE, tilt, scale=0.8, extra=("long hair",))
    after = cut(mask)
    x, y = around_frame(mask)
    for label in EARS:
        region = after == label
        above, below = (np.ptp(x[region & (abs(y - at) < 0.03)]) for at in (0.15, 0.62))
        assert above > 1.6 * below > 0.08
        beside = cv2.dilate(region.astype(np.uint8), np.ones((3, 25), np.uint8)) > 0
        assert not (beside & (after == Label.BACKGROUND) & (abs(x) < 0.97) & (abs(y - 0.4) < 0.2)).any()


def test_mirrored_faces_get_mirrored_ears(own, mask):
    _, y = around_frame(own)
    one, other = (np.isin(each, EARS) & (y > 0.25) for each in (cut(flip(own)), flip(mask)))  # below the ends of hair
    assert (one != other).sum() <= 0.05 * one.sum()


@pytest.mark.parametrize("skin", SKINS)
def test_a_new_ear_has_the_colours_of_the_cheek_and_shows_its_folds(own, mask, skin):
    before = photo_of(mask, skin)
    crop, changed = with_ears(before, mask, own)
    assert np.array_equal(crop[changed == 0], before[changed == 0])
    cheek = to_oklab(np.array([skin], np.float32))[0]
    for label in EARS:
        inner = cv2.erode((mask == label).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        lab = to_oklab(crop[inner])
        assert np.abs(np.median(lab, 0) - cheek).max() < 0.08
        assert lab[:, 0].std() > 0.05 * cheek[0], "it is no disc of one colour"


@pytest.mark.parametrize(("tall", "wide"), [(1.0, 1.0), (1.3, 1.7), (0.85, 0.7)])
def test_the_wardrobes_ear_is_drawn_to_fill_an_ear_of_another_size(mask, tall: float, wide: float) -> None:
    """Beyond its outline its picture holds nothing but stripes."""
    scene = Scene(mask)
    u, v = ear_places(scene, 1)
    top = ear().heights[0]
    region = scene.polygon(*_stretched(scene, wide, tall)) & ~scene.face & (u > 0)
    out, down = fitted(u, v, region)
    width = np.interp(down, ear().heights, ear().width)
    middle = region & (abs(down - np.median(ear().heights)) < 0.2)
    assert (out[region] <= width[region] + 0.03).mean() > 0.95
    assert np.percentile(out[middle] / width[middle], 99) > 0.9, "it reaches to the outer edge"
    assert down[region].min() == pytest.approx(top, abs=0.05) and np.array_equal(out[u <= 0], u[u <= 0])
    if tall == wide == 1.0:
        assert np.abs(out - u)[region].max() < 0.06 and np.abs(down - v)[region].max() < 0.03


def _stretched(scene: Scene, wide: float, tall: float) -> tuple[np.ndarray, np.ndarray]:
    """The wardrobe's ear on the right side of a picture, stretched outwards and down: its outline in the frame."""
    at, slope = edge_of_face(scene, 1)
    u, v = ear().outline.T
    v = v.min() + tall * (v - v.min())
    return wide * u + at + slope * v, v


def test_ears_that_the_photo_shows_stay(own):
    shown = draw_face(CROP_SIZE, scale=0.8)
    more = np.where(cv2.dilate((shown == Label.L_EAR).astype(np.uint8), np.ones((5, 5))) > 0, Label.L_EAR, shown)
    photo = photo_of(shown, SKINS[0])
    assert np.array_equal(with_ears(photo, more.astype(np.uint8), shown)[0], photo)
    assert with_ears(photo, own, own)[0] is photo


def test_an_ear_painted_far_from_the_face_is_left_to_the_network(own):
    elsewhere = own.copy()
    elsewhere[20:110, 20:60] = Label.R_EAR
    assert not with_ears(photo_of(own, SKINS[0]), elsewhere, own)[1].any()


def test_ears_in_a_black_and_white_photo_are_grey(pipeline: MaskGANPipeline, own, mask):
    grey = np.repeat(photo_of(own, SKINS[0])[..., :1], 3, -1)
    face = pipeline.face_with(grey, own)
    edit = edit_with_looks(pipeline, face, mask)
    ears = np.isin(mask, EARS)
    assert np.ptp(edit.crop[ears].astype(int), axis=-1).max() <= 2 and edit.crop[ears].std() > 5


def test_an_ear_for_the_wardrobe_is_cut_out_of_a_photo():
    mask = draw_face(256, scale=0.9)
    photo = np.kron(photo_of(mask, SKINS[0]), np.ones((3, 3, 1), np.uint8))
    photo[np.kron(mask == Label.R_EAR, np.ones((3, 3), bool))] = (200, 60, 60)
    outline, _ = cv2.findContours((mask == Label.R_EAR).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    picture, entry = ear_of(photo, mask, outline[0][:, 0], 0.7)
    assert np.abs(picture.astype(int) - (200, 60, 60)).max() < 12, "nothing but ear is in it"
    assert np.abs(np.array(entry["skin"]) - SKINS[0]).max() < 3
    low, high = (np.array(entry["outline"])[:, 1].min(), np.array(entry["outline"])[:, 1].max())
    assert high - low == pytest.approx(0.7, abs=0.02)


def test_the_ear_of_the_wardrobe_fits_its_box():
    u, v = ear().outline.T
    left, top, right, bottom = ear().box
    assert top < v.min() and v.max() < bottom and u.max() < right and left < u.max()
    scene = Scene(draw_face(CROP_SIZE, scale=0.8))
    for side in (-1, 1):
        assert ear_region(scene, side).sum() > 0.1 * scene.unit**2
