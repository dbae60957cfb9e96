"""Beards: hair that was painted onto a face, as hairs of its own, and hair that only falls over one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from conftest import draw_face as picture_of
from drawn_faces import around_frame, draw_face

from maskgan.editing.beards import beard_of, edited_beneath, with_beard, without_beard
from maskgan.editing.dressing import edit_with_looks, looks_on
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import LIPS, Label
from maskgan.quick_edits import QUICK_EDITS

SIZE = 256


def bearded(own: np.ndarray, low: float = 3.0, middle: float = 3.0) -> np.ndarray:
    """A mask with a beard below the mouth, down to a row and out to a column of the frame."""
    x, y = around_frame(own)
    mask = own.copy()
    mask[np.isin(own, (Label.SKIN, Label.NECK)) & (y > 1.25) & (y < low) & (abs(x) < middle)] = Label.HAIR
    return mask


@pytest.fixture(scope="module")
def face() -> tuple[np.ndarray, np.ndarray]:
    own = draw_face(SIZE)
    return own, picture_of(own)


def test_hair_on_a_chin_is_a_beard_and_hair_beside_a_face_is_none(face: tuple[np.ndarray, np.ndarray]) -> None:
    own, _ = face
    mask = bearded(own)
    beard = beard_of(mask, own)
    assert np.array_equal(beard, mask != own) and beard.sum() > 500
    assert np.array_equal(without_beard(mask, own), own)
    x, y = around_frame(own)
    moustache = own.copy()
    moustache[(own == Label.SKIN) & (abs(x) < 0.35) & (y > 0.78) & (y < 0.95)] = Label.HAIR
    assert np.array_equal(beard_of(moustache, own), moustache != own)
    longer = draw_face(SIZE, extra=("long hair",))
    fringe = own.copy()
    fringe[(own == Label.SKIN) & (y < -0.5)] = Label.HAIR
    for other in (own, longer, fringe):
        assert beard_of(other, own) is None and without_beard(other, own) is other
    both = beard_of(np.where(mask != own, mask, longer), own)
    assert both[(mask != own) & (abs(x) < 0.5) & (own == Label.SKIN)].all() and not both[abs(x) > 1.1].any()


def test_a_lock_that_falls_over_a_cheek_is_no_beard() -> None:
    own = draw_face(SIZE, extra=("long hair",))
    x, y = around_frame(own)
    lock = own.copy()
    lock[(own == Label.SKIN) & (x > 0.72) & (y > 0)] = Label.HAIR
    assert (lock != own).sum() > 100 and beard_of(lock, own) is None


def test_a_mask_without_a_face_has_no_beard() -> None:
    own = np.zeros((64, 64), np.uint8)
    mask = own.copy()
    mask[20:40, 20:40] = Label.HAIR
    assert beard_of(mask, own) is None


def test_a_beard_is_hairs_in_the_colour_of_the_hair_in_the_light_of_the_face(
    face: tuple[np.ndarray, np.ndarray],
) -> None:
    own, photo = face
    photo = photo.copy()
    photo[own == Label.HAIR] = (60, 45, 35)
    skin = np.isin(own, (Label.SKIN, Label.NECK))
    x, _ = around_frame(own)
    photo[skin] = np.where(x[..., None] < 0, (220, 170, 150), (110, 85, 75))[skin]  # lit from one side
    mask = bearded(own, low=1.7)
    crop, changed = with_beard(photo, mask, own, photo)
    region = mask != own
    inner = region & (changed > 0.7)
    assert inner.sum() > 0.4 * region.sum()
    assert np.array_equal(crop[changed == 0], photo[changed == 0])
    light, dark = (crop[inner & side].mean(0) for side in (x < -0.3, x > 0.3))
    assert (light < 110).all() and (dark < 0.85 * light).all() and light[0] > light[2]
    assert crop[inner].astype(float).std(0).min() > 3, "hairs, no plate"
    rows, columns = np.nonzero(changed > 0.05)
    edge = np.nonzero(region)
    assert rows.max() <= edge[0].max() + 0.3 * SIZE / 4 and rows.min() >= edge[0].min() - 4
    assert not changed[own == Label.L_EYE].any() and len(columns) > 0
    # What else is painted moves no hair.
    more, _ = with_beard(photo, bearded(own, low=1.7, middle=0.5), own, photo)
    deep = (abs(x) < 0.15) & inner
    assert np.abs(more[deep].astype(int) - crop[deep]).mean() < 4


def test_a_beard_is_thin_beside_the_soul_patch_and_towards_bare_skin_not_along_the_jaw(
    face: tuple[np.ndarray, np.ndarray],
) -> None:
    own, photo = face
    x, y = around_frame(own)
    mask = QUICK_EDITS["beard"].apply(own)
    beard = beard_of(mask, own)
    _, changed = with_beard(photo, mask, own, photo)
    lips = np.isin(own, LIPS)
    low, wide = y[lips].max(), x[lips].max()
    level = beard & (y > low + 0.12) & (y < low + 0.22)
    patch, bare = (
        changed[level & (abs(x) > a * wide) & (abs(x) < b * wide)].mean() for a, b in ((-1, 0.1), (0.5, 0.75))
    )
    assert patch > bare + 0.15
    outline = cv2.dilate((own == Label.BACKGROUND).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    jaw = changed[beard & outline & (y > 0.8)].mean()
    above = ~beard & (own == Label.SKIN) & (y < 0.9)
    cheek = changed[beard & (cv2.dilate(above.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0) & (abs(x) > 0.5)].mean()
    assert jaw > cheek + 0.25 and changed[beard].max() > 0.9
    corner = beard & (abs(x) > wide) & (abs(x) < wide + 0.1)
    assert all((corner & (abs(y - row) < 0.02)).any() for row in np.arange(y[lips].mean(), low + 0.2, 0.04)), "joined"


def test_a_beard_whose_colour_nothing_tells_is_dark() -> None:
    own = draw_face(SIZE, without=(Label.HAIR, Label.L_BROW, Label.R_BROW))
    photo = np.full((SIZE, SIZE, 3), (205, 160, 140), np.uint8)
    mask = bearded(own, low=1.7)
    crop, changed = with_beard(photo, mask, own, photo)
    assert crop[(mask != own) & (changed > 0.8)].mean() < 80
    copper, _ = with_beard(photo, mask, own, photo, (190, 90, 40))
    assert copper[(mask != own) & (changed > 0.8)].mean(0)[0] > 2 * copper[(mask != own) & (changed > 0.8)].mean(0)[2]


def test_quick_edits_see_the_face_beneath_a_beard_which_comes_along(face: tuple[np.ndarray, np.ndarray]) -> None:
    own, _ = face
    mask = bearded(own)
    beard = beard_of(mask, own)
    for name in ("smile", "hairstyle", "slimmer_face"):
        edited, moved, worn = edited_beneath(QUICK_EDITS[name], mask, own)
        bare = QUICK_EDITS[name].move(own)
        assert np.array_equal(without_beard(edited, own)[~beard], bare.mask[~beard]) and worn == bare.worn
        assert np.array_equal(moved, bare.moved, equal_nan=True)
        assert (beard_of(edited, own) & beard).sum() > 0.8 * beard.sum(), name
    goatee = edited_beneath(QUICK_EDITS["beard"], mask, own, variant="goatee").mask
    assert np.array_equal(goatee, QUICK_EDITS["beard"].apply(own, variant="goatee")), "in place of the other"


def test_beneath_a_beard_the_photo_stays_and_no_hairpiece_takes_its_place(
    pipeline: MaskGANPipeline, face: tuple[np.ndarray, np.ndarray]
) -> None:
    own, photo = face
    face = pipeline.face_with(photo, own)
    _, y = around_frame(face.mask)
    mask = bearded(face.mask)
    assert beard_of(mask, face.mask) is not None and Label.HAIR not in looks_on(face, mask)
    edit = edit_with_looks(pipeline, face, mask)
    beard = beard_of(mask, face.mask)
    assert (edit.crop != face.crop).any(-1)[beard].mean() > 0.5
    assert np.array_equal(edit.crop[y < 0.5], face.crop[y < 0.5])
    assert edit.changed[beard].all() and edit.region[beard].mean() > 0.3
    undone = edit_with_looks(pipeline, face, face.mask, motion=edit.motion)
    assert np.array_equal(undone.crop, face.crop)
