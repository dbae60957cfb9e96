"""Edits made of the photo: how paint fits, and what stays the photo's own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from conftest import draw_face, draw_mask

from maskgan.editing.compositing import Overlay, Patch, Retouch, warp_photo, warp_window
from maskgan.editing.continuing import with_forehead_gone_on, with_plain_ground_gone_on
from maskgan.editing.faces import Alignment
from maskgan.editing.flows import grown, warp_picture
from maskgan.editing.tones import LUMA
from maskgan.editing.windows import Window
from maskgan.labels import Label

SIZE = 512


def square(size: int, top: int, left: int, side: int) -> np.ndarray:
    inside = np.zeros((size, size), bool)
    inside[top : top + side, left : left + side] = True
    return inside


def turned(photo_side: int, side: float, degrees: float) -> Alignment:
    """A crop of a photo, in its middle, turned."""
    x = side * np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    y = np.array([-x[1], x[0]])
    centre = np.array([photo_side / 2, photo_side / 2])
    return Alignment(np.column_stack((x, y, centre - (x + y) / 2)), (photo_side, photo_side))


@pytest.fixture
def photo() -> np.ndarray:
    return draw_face(draw_mask(SIZE))


# --- Paint ---------------------------------------------------------------------------------------------------------


def flat(value: float, size: int = 256) -> np.ndarray:
    return np.full((size, size, 3), value, np.float32)


def test_where_the_network_drew_nothing_is_the_photo_and_colours_are_told_by_what_it_drew() -> None:
    mask, drawn = np.full((256, 256), Label.NECK, np.uint8), (slice(32, 160), slice(64, 224))
    photo = flat(120)
    photo[:, 240:] = 20  # of another colour, which the network is not shown
    unknown = square(256, 80, 120, 30)
    patch = Patch.joined(np.full((128, 160, 3), 90, np.float32), photo, unknown, mask, Window.whole(256), drawn=drawn)
    outside = np.ones((256, 256), bool)
    outside[drawn] = False
    assert np.array_equal(patch.picture[outside], photo[outside]) and not patch.alpha[outside].any()
    assert np.abs(patch.picture[unknown] - 120).max() < 1


def test_painted_hair_has_no_colours_that_the_photos_hair_lacks() -> None:
    """A green seam, as of a background that shines through; its light stays."""
    mask = np.full((256, 256), Label.HAIR, np.uint8)
    photo = np.random.default_rng(0).normal((60, 42, 30), 3, (256, 256, 3)).clip(0, 255).astype(np.uint8)
    unknown = square(256, 100, 100, 60)
    painted = photo.astype(np.float32)
    painted[120:124, 100:160] = (50, 110, 40)
    picture = Patch.joined(painted, photo, unknown, mask, Window.whole(256)).picture
    seam = picture[121, 110:150].mean(0)
    assert seam[0] > seam[1] > seam[2]  # brown
    assert seam @ (0.299, 0.587, 0.114) == pytest.approx(85, abs=6)
    assert np.abs(picture[110, 110:150].mean(0) - photo[110, 110:150].mean(0)).max() < 3


@pytest.mark.parametrize("size", [128, 320])
def test_a_plain_wall_goes_on_behind_hair_that_was_removed(size: int) -> None:
    """Fog in the middle of a large hole gives way to the wall's own light and grain; beside stripes paint stays."""
    mask = np.full((size, size), Label.BACKGROUND, np.uint8)
    unknown = square(size, size // 8, size // 5, size * 3 // 5)
    shade = np.linspace(150, 190, size)[None, :, None] * np.float32((0.8, 0.9, 1.0))
    grain = np.random.default_rng(0).normal(0, 4, (size, size, 1))
    wall = np.broadcast_to(shade + grain, (size, size, 3)).round().astype(np.uint8)
    fog = flat(110, size) + 30 * np.sin(np.arange(size) / 9)[:, None, None]
    painted = np.where(unknown[..., None], fog, wall).astype(np.float32)
    patch = Patch.joined(painted, wall, unknown, mask, Window(0, 0, 1, size))
    inner = square(size, size // 4, size // 3, size // 3)
    assert np.abs(cv2.GaussianBlur(patch.picture, (0, 0), 4) - shade)[inner].max() < 6
    result = patch.over(np.where(unknown[..., None], 0, wall).astype(np.uint8), Alignment.whole_picture((size, size)))
    assert 0.6 < (result[inner] - cv2.blur(result, (9, 9))[inner].astype(float)).std() / 3.9 < 1.4

    stripes = (wall + np.random.default_rng(1).normal(0, 8, (size, size, 1))).clip(0, 255).astype(np.uint8)
    stripes[np.arange(size) % 64 < 32] //= 3
    patch = Patch.joined(painted, stripes, unknown, mask, Window(0, 0, 1, size))
    assert (patch.picture[inner] @ LUMA).std() > 15, "waves of the paint"


@pytest.mark.parametrize("lower", [False, True])
def test_a_painted_forehead_is_in_the_light_of_the_skin_below_it_and_the_chin_is_not(lower: bool) -> None:
    """It keeps a part of its wrinkles, and the shadow of the hair above it."""
    mask = np.full((256, 256), Label.SKIN, np.uint8)
    mask[180:190, 80:170] = Label.NOSE
    mask[:40] = Label.HAIR
    unknown = square(256, 200 if lower else 40, 60, 50)
    unknown[40:110, 60:110] |= not lower
    light = 160 + 30 * np.linspace(0, 1, 256)[None, :, None] * np.ones((256, 1, 3), np.float32)
    photo = np.where((mask == Label.HAIR)[..., None], 40, light).astype(np.uint8)
    wrinkles = 6 * np.sin(np.arange(256) * 1.5)[:, None, None]
    away = cv2.distanceTransform((unknown | (mask == Label.HAIR)).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    dark = 50 * (away / 8).clip(0, 1)[..., None]  # it begins as what it sees beside it
    painted = np.where(unknown[..., None], light - dark + wrinkles, photo).astype(np.float32)
    drawn = with_forehead_gone_on(painted, photo, unknown, mask)
    if lower:
        assert np.array_equal(drawn, painted)
        return
    missing = (light - drawn)[60:92, 75:95]
    assert abs(missing.mean()) < 5
    assert (missing - cv2.blur(missing, (1, 13)))[6:-6].std() == pytest.approx(0.35 * 6 / 2**0.5, rel=0.2)
    assert (light - drawn)[41:43, 70:100].mean() > 38
    beside = grown(unknown, 5) & ~unknown & (mask == Label.SKIN)
    assert abs((drawn - photo)[beside]).max() < 5, "the edge of the paint is laid over it"
    assert abs((drawn - painted)[190:]).max() < 1


def test_no_edge_runs_across_a_painted_forehead_at_the_height_of_the_brows() -> None:
    """Hair hung down to the eyes: its shadow, which a network goes on with, ends softly."""
    mask = np.full((256, 256), Label.SKIN, np.uint8)
    mask[110:118, 140:180], mask[150:160, 140:180] = Label.L_BROW, Label.L_EYE
    unknown = square(256, 40, 60, 105)
    photo = np.full((256, 256, 3), 180, np.uint8)
    painted = np.where(unknown[..., None], np.float32(120), photo).astype(np.float32)
    drawn = with_forehead_gone_on(painted, photo, unknown, mask)[:, 80:120].mean((1, 2))
    assert abs(drawn[60:105] - 180).max() < 6 and abs(drawn[143:] - painted[143:, 80:120].mean((1, 2))).max() < 6
    assert 0.5 < abs(np.diff(drawn[60:140])).max() < 4


def test_the_outline_of_what_is_painted_in_front_of_a_plain_wall_is_soft() -> None:
    mask = np.full((SIZE, SIZE), Label.BACKGROUND, np.uint8)
    mask[200:, 256:] = Label.HAIR
    unknown = square(SIZE, 200, 100, 300)
    wall = flat(180, SIZE)
    painted = np.where((mask == Label.HAIR)[..., None], flat(40, SIZE), flat(140, SIZE))
    drawn = with_plain_ground_gone_on(painted, wall, unknown, mask)
    across = drawn[300, 248:264, 0]
    assert across[0] == pytest.approx(180, abs=1) and across[-1] == 40
    assert np.abs(np.diff(across)).max() < 0.7 * 140, "no step from pixel to pixel"
    assert (drawn == painted)[~grown(unknown, 17)].all()
    hair = mask == Label.HAIR
    assert (drawn == painted)[hair & ~unknown].all() and (drawn == wall)[
        grown(unknown, 9) & ~grown(hair | unknown, 9)
    ].all()


@pytest.mark.parametrize("skin, orange", [((205, 185, 175), True), ((220, 160, 130), False)])
def test_painted_teeth_are_less_coloured_than_the_skin_and_gums_stay_red(skin: tuple[int, ...], orange: bool) -> None:
    mask = np.full((128, 128), Label.SKIN, np.uint8)
    mask[50:80, 40:90] = Label.MOUTH
    photo = np.full((128, 128, 3), skin, np.uint8)
    painted = np.broadcast_to(np.float32(skin), photo.shape).copy()
    painted[50:80, 40:90] = teeth = np.float32((250, 220, 180))
    painted[50:80, 70:90] = gums = np.float32((150, 70, 75))
    patch = Patch.joined(painted, photo, mask == Label.MOUTH, mask, Window(0, 0, 1, 128))
    drawn = patch.picture[55:75, 45:60].reshape(-1, 3)
    assert np.abs(patch.picture[55:75, 75:85] - gums).max() < 3
    assert np.abs(drawn @ LUMA - teeth @ LUMA).max() < 3, "as light as before"
    assert (np.ptp(drawn, axis=1).max() < 0.7 * np.ptp(teeth)) == orange


def test_painted_clothes_are_in_the_colours_of_those_beside_them() -> None:
    """A white collar and a dark jacket: what is painted above either is no grey between; its folds stay."""
    mask = np.full((256, 256), Label.BACKGROUND, np.uint8)
    mask[60:] = Label.CLOTH
    unknown = square(256, 60, 0, 100) | square(256, 60, 100, 100) | square(256, 60, 156, 100)
    photo = np.full((256, 256, 3), 240, np.uint8)
    photo[:, 128:] = (30, 32, 40)
    folds = 12 * np.sin(np.arange(256) * 1.2)[:, None, None]
    painted = np.where(unknown[..., None], 120 + folds, photo).astype(np.float32)
    picture = Patch.joined(painted, photo, unknown, mask, Window.whole(256)).picture
    for columns, wanted in ((slice(20, 90), photo[200, 20]), (slice(166, 236), photo[200, 200])):
        part = picture[80:140, columns].reshape(-1, 3)
        assert np.abs(part.mean(0) - wanted).max() < 12 and part.std(0).min() > 4
    near = picture[157, 40] - painted[157, 40]
    assert np.abs(near).max() < 0.5 * np.abs(picture[100, 40] - painted[100, 40]).max(), "beside what it sees"


@pytest.mark.parametrize("known", [0, 40])
def test_painted_ears_are_in_the_light_and_colours_of_the_cheek_unless_they_show_their_own(known: int) -> None:
    mask = np.full((128, 128), Label.SKIN, np.uint8)
    mask[40:90, 100:120] = Label.L_EAR
    mask[:, 120:] = Label.BACKGROUND
    skin, orange = (226, 190, 176), np.float32((210, 130, 60))
    photo = np.full((128, 128, 3), skin, np.uint8)
    unknown = mask == Label.L_EAR
    unknown[40 : 40 + known, 100:120] = False
    photo[40 : 40 + known, 100:120] = orange
    painted = np.broadcast_to(np.float32(skin), photo.shape).copy()
    painted[40:90, 100:120] = orange
    painted[60:70, 106:112] *= 0.6  # a fold
    drawn = Patch.joined(painted, photo, unknown, mask, Window(0, 0, 1, 128)).picture
    if known:
        assert np.abs(drawn[84, 110] - orange).max() < 4
        return
    assert np.abs(drawn[50, 110] / skin - 0.88).max() < 0.05
    assert drawn[65, 109].mean() < 0.75 * drawn[50, 110].mean()


def test_paint_takes_the_colours_of_its_class_around() -> None:
    """The network draws hair 30 too dark and skin right; painted hair is lifted by 30, painted skin is not."""
    mask = np.full((256, 256), Label.SKIN, np.uint8)
    mask[:, 128:] = Label.HAIR
    hair = (mask == Label.HAIR)[..., None]
    unknown = square(256, 100, 90, 76)
    painted, photo = np.where(hair, flat(60), flat(200)), np.where(hair, flat(90), flat(200))
    patch = Patch.joined(painted, photo, unknown, mask, Window.whole(256))
    inner = square(256, 102, 92, 72)
    assert np.abs(patch.picture[inner & (mask == Label.HAIR)] - 90).max() < 1
    assert np.abs(patch.picture[inner & (mask == Label.SKIN)] - 200).max() < 1


@pytest.mark.parametrize("light", [0.6, 1.3])
def test_a_painted_shadow_gets_its_share_of_the_light_that_is_missing(light: float) -> None:
    """The photo is darker or lighter than painted. The shadow in it becomes neither black nor grey."""
    mask = np.full((256, 256), Label.NECK, np.uint8)
    unknown, shadow = square(256, 90, 90, 76), square(256, 115, 115, 26)
    painted = np.where(shadow[..., None], flat(60), flat(150))
    patch = Patch.joined(painted, flat(150 * light), unknown, mask, Window.whole(256), complete=False)
    assert np.abs(patch.picture[square(256, 120, 120, 16)] - 60 * light).max() < 3
    assert np.abs(patch.picture[unknown & ~square(256, 105, 105, 46)] - 150 * light).max() < 3


def test_a_class_that_the_photo_lacks_is_taken_as_painted() -> None:
    mask = np.full((256, 256), Label.SKIN, np.uint8)
    mask[100:150, 100:150] = Label.HAT
    patch = Patch.joined(flat(50), flat(200), mask == Label.HAT, mask, Window.whole(256))
    assert (patch.picture[mask == Label.HAT] == 50).all()


def test_paint_fades_out_within_a_few_pixels() -> None:
    unknown = square(256, 100, 100, 50)
    alpha = Patch.joined(flat(0), flat(0), unknown, np.zeros((256, 256), np.uint8), Window.whole(256)).alpha
    away = cv2.distanceTransform((~unknown).astype(np.uint8), cv2.DIST_L2, 5)
    assert (alpha[unknown] == 1).all() and (alpha[away >= 3] == 0).all()
    assert ((alpha > 0) & (alpha < 1))[(away > 0.5) & (away < 2.5)].all()


@pytest.mark.parametrize("alignment", [Alignment.whole_picture((700, 700)), turned(700, 400, 20)])
def test_a_patch_covers_its_place_and_nothing_else(alignment: Alignment) -> None:
    photo = np.full((700, 700, 3), 100, np.uint8)
    window = Window(0.25, 0.25, 0.5, 256)
    alpha = np.zeros((256, 256), np.float32)
    alpha[64:192, 64:192] = 1
    result = Patch(flat(220), alpha, window).over(photo, alignment)
    y, x = np.mgrid[:700, :700] + 0.5
    u, v = alignment.to_crop(np.stack([x.ravel(), y.ravel()], 1), 1).T.reshape(2, 700, 700)
    away = np.maximum(abs(u - 0.5), abs(v - 0.5))  # the patch reaches to 0.125
    margin = 2 / 256
    assert (result[away < 0.125 - margin] == 220).all()
    assert (result[away > 0.125 + margin] == 100).all()
    assert (photo == 100).all()


# --- The photo -----------------------------------------------------------------------------------------------------


def swirl(size: int) -> np.ndarray:
    """A smooth flow in the middle of a crop."""
    y, x = (np.mgrid[:size, :size] - size / 2) / size
    strength = np.clip(1 - np.hypot(x, y) / 0.3, 0, 1)[..., None] ** 2
    return (strength * np.dstack([-y, x]) * 0.5 * size).astype(np.float32)


def test_a_photo_is_moved_like_its_crop() -> None:
    photo = cv2.GaussianBlur(draw_face(draw_mask(900)), (0, 0), 4)
    alignment = turned(900, 600, 15)
    flow = swirl(SIZE)
    moved = warp_photo(photo, alignment, flow)
    expected = warp_picture(alignment.crop(photo, SIZE), flow)
    error = np.abs(alignment.crop(moved, SIZE).astype(int) - expected)
    assert error.max() <= 6 and np.abs(expected.astype(int) - alignment.crop(photo, SIZE)).max() > 30
    outside = np.hypot(*(np.mgrid[:900, :900] - 450)) > 0.31 * 600
    assert np.array_equal(moved[outside], photo[outside])


def test_a_window_finer_than_the_crop_is_cut_out_of_the_photo() -> None:
    photo = cv2.GaussianBlur(draw_face(draw_mask(1500)), (0, 0), 3)
    alignment = Alignment.whole_picture(photo.shape[:2])
    window = Window(0.25, 0.375, 0.3125, 256)
    flow = swirl(SIZE)
    still = warp_window(photo, alignment, 0 * flow, window)
    expected = alignment.window(*window[:3]).crop(photo, 256)
    assert np.abs(still.astype(int) - expected).max() <= 1
    moved = warp_window(photo, alignment, flow, window)
    whole = alignment.window(*window[:3]).crop(warp_photo(photo, alignment, flow), 256)
    assert np.abs(moved.astype(int) - whole).mean() < 1.5
    assert np.abs(moved.astype(int) - still).mean() > 5


def test_an_edit_without_flow_and_paint_is_the_photo(photo: np.ndarray) -> None:
    alignment = Alignment.whole_picture(photo.shape[:2])
    assert np.array_equal(Retouch(None).onto(photo, alignment), photo)
    assert np.array_equal(warp_photo(photo, alignment, np.zeros((SIZE, SIZE, 2), np.float32)), photo)


def test_what_moves_by_less_than_a_small_photo_can_show_is_the_photo() -> None:
    photo = draw_face(draw_mask(64))
    flow = np.zeros((SIZE, SIZE, 2), np.float32)
    flow[100:104, 100:104] = 0.05
    assert np.array_equal(Retouch(flow).onto(photo, Alignment.whole_picture(photo.shape[:2])), photo)


def test_pixels_that_neither_move_nor_are_painted_are_bit_identical(photo: np.ndarray) -> None:
    flow = swirl(SIZE)
    alpha = np.zeros((256, 256), np.float32)
    alpha[20:60, 30:80] = 1
    patch = Patch(flat(10), alpha, Window(0.0, 0.5, 0.5, 256))
    result = Retouch(flow, (patch,)).onto(photo, Alignment.whole_picture(photo.shape[:2]))
    still = ~flow.any(-1)
    still[274:318, 28:82] = False
    assert still.mean() > 0.5 and np.array_equal(result[still], photo[still])
    assert (result[278:314, 34:78] == 10).all()


def test_an_overlay_is_pasted_by_its_weights(photo: np.ndarray) -> None:
    region = square(SIZE, 100, 100, 200).astype(np.float32)
    overlay = Overlay(np.full_like(photo, 7), region, np.zeros((SIZE, SIZE), np.float32))
    result = overlay.onto(photo, Alignment.whole_picture(photo.shape[:2]))
    assert np.array_equal(result[region == 0], photo[region == 0])
    assert np.abs(result[110:290, 110:290].astype(int) - 7).max() <= 1
