"""Copied shapes: what a photo cannot show of them is the other photo's, in the colours of the first."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.borrowing import borrowed, with_borrowed
from maskgan.editing.edit import Face
from maskgan.editing.oklab import to_oklab
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import copy_geometry
from maskgan.labels import Label
from maskgan.sizes import CROP_SIZE

BLACK, BLOND, CLOTH, SKIN = (40, 32, 28), (200, 170, 110), (60, 80, 150), (205, 160, 135)


def face_of(pipeline: MaskGANPipeline, hair: tuple[int, ...], cloth: tuple[int, ...], *extra: str) -> Face:
    """A face whose hair and clothes are striped, 8 pixels wide."""
    mask = draw_face(CROP_SIZE, extra=extra)
    picture = np.full((*mask.shape, 3), (120, 140, 125), np.float32)
    for label, colour in ((Label.HAIR, hair), (Label.CLOTH, cloth), (Label.HAT, (170, 30, 40))):
        picture[mask == label] = colour
    stripes = 1 + 0.25 * np.sign(np.sin(np.arange(CROP_SIZE) * np.pi / 8))[None, :, None]
    worn = np.isin(mask, (Label.HAIR, Label.CLOTH))
    picture = np.where(worn[..., None], picture * stripes, picture)
    picture[np.isin(mask, [label for label in Label if Label.SKIN <= label <= Label.L_LIP] + [Label.NECK])] = SKIN
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    return pipeline.with_mask(pipeline.prepare(picture, None), mask)


@pytest.fixture(scope="module")
def short(pipeline: MaskGANPipeline) -> Face:
    return face_of(pipeline, BLOND, CLOTH)


@pytest.fixture(scope="module")
def long(pipeline: MaskGANPipeline) -> Face:
    return face_of(pipeline, BLACK, (150, 60, 60), "long hair")


def inner(mask: np.ndarray, label: Label, pixels: int = 8) -> np.ndarray:
    return cv2.erode((mask == label).astype(np.uint8), np.ones((2 * pixels + 1,) * 2, np.uint8)) > 0


def test_long_hair_is_the_others_in_the_own_colour(pipeline: MaskGANPipeline, short: Face, long: Face) -> None:
    painted = pipeline.edit(short, long.mask)
    assert borrowed(painted, long) == [Label.HAIR]
    edit = copy_geometry(pipeline, short, long)
    hair = inner(long.mask, Label.HAIR)
    light = to_oklab(edit.crop[hair])[:, 0]
    theirs = to_oklab(long.crop[hair])[:, 0]
    assert np.corrcoef(light, theirs)[0, 1] > 0.9  # its strands lie where they were
    own = to_oklab(short.crop[inner(short.mask, Label.HAIR)]).mean(0)
    assert np.abs(to_oklab(edit.crop[hair]).mean(0) - own).max() < 0.12
    far = cv2.distanceTransform((long.mask != Label.HAIR).astype(np.uint8), cv2.DIST_L2, 5) > 0.03 * CROP_SIZE + 3
    assert np.array_equal(edit.crop[far], painted.crop[far])
    still = edit.region == 0
    assert np.array_equal(edit.crop[still], short.crop[still])
    # In the photo too, which is this crop, but for what resampling rounds.
    assert np.abs(edit.photo.astype(int) - edit.crop)[hair].mean() < 2


def test_clothes_and_hats_are_the_others_too(pipeline: MaskGANPipeline, short: Face) -> None:
    bare = replace(short, mask=np.where(short.mask == Label.CLOTH, Label.BACKGROUND, short.mask).astype(np.uint8))
    other = face_of(pipeline, BLACK, (150, 60, 60), "hat")
    edit = pipeline.edit(bare, other.mask)
    assert borrowed(edit, other)[:2] == [Label.CLOTH, Label.HAT]
    result = with_borrowed(edit, other, borrowed(edit, other)).crop
    for label in (Label.CLOTH, Label.HAT):  # this face has neither: the others keep their colours
        assert np.abs(result.astype(int) - other.crop)[inner(other.mask, label)].max() <= 1


def test_what_the_photo_shows_is_its_own(pipeline: MaskGANPipeline, short: Face, long: Face) -> None:
    edit = pipeline.edit(long, short.mask)  # hair that is there is cut
    assert borrowed(edit, short) == [Label.CLOTH]  # which the hair hid
    cut = with_borrowed(edit, short, borrowed(edit, short))
    assert np.array_equal(cut.crop[inner(short.mask, Label.HAIR)], edit.crop[inner(short.mask, Label.HAIR)])
    same = pipeline.edit(short, short.mask)
    assert borrowed(same, short) == [] and with_borrowed(same, short, borrowed(same, short)) is same
    other = draw_face(CROP_SIZE, extra=("bob",))
    painted = pipeline.edit(short, other)  # not the shape of the one that lends
    assert borrowed(painted, long) == []
    redrawn = copy_geometry(pipeline, short, long, redraw=True)
    assert np.array_equal(redrawn.crop, pipeline.edit(short, long.mask, keep_untouched=False).crop)


def test_painted_over_it_ends_where_the_mask_does(pipeline: MaskGANPipeline, short: Face, long: Face) -> None:
    mask = long.mask.copy()
    mask[-130:, :200][mask[-130:, :200] == Label.HAIR] = Label.BACKGROUND
    painted = pipeline.edit(short, mask)
    edit = with_borrowed(painted, long, borrowed(painted, long))
    gone = cv2.distanceTransform((mask != Label.HAIR).astype(np.uint8), cv2.DIST_L2, 5) > 0.03 * CROP_SIZE + 1
    gone &= long.mask == Label.HAIR
    assert gone.any() and np.array_equal(edit.crop[gone], painted.crop[gone])
    assert (edit.crop != painted.crop)[inner(mask, Label.HAIR)].mean() > 0.8


def test_a_mask_without_a_face_lends_too(pipeline: MaskGANPipeline, short: Face, long: Face) -> None:
    faceless = np.where(np.isin(long.mask, (Label.HAIR, Label.BACKGROUND)), long.mask, Label.HAIR).astype(np.uint8)
    lender = replace(long, mask=faceless)
    assert (copy_geometry(pipeline, short, lender).crop != short.crop).any()


def test_ears_of_other_shapes_are_those_of_every_edit_and_own_hair_ends_beside_no_borrowed_hair(
    pipeline: MaskGANPipeline, short: Face, long: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut: list[Face] = []

    def green(crop: np.ndarray, mask: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        new = np.isin(mask, (Label.L_EAR, Label.R_EAR)) & (own != mask)
        return np.where(new[..., None], np.uint8((0, 255, 0)), crop), new.astype(np.float32)

    def ends(crop: np.ndarray, mask: np.ndarray, photo: np.ndarray, *more: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cut.append(photo)
        return crop, np.zeros(mask.shape, np.float32)

    monkeypatch.setattr("maskgan.editing.dressing.with_ears", green)
    monkeypatch.setattr("maskgan.editing.dressing.with_ends", ends)
    rows, columns = np.nonzero(short.mask == Label.SKIN)
    mask = cv2.ellipse(
        short.mask.copy(), (int(columns.max()), int(rows.mean())), (12, 24), 0, 0, 360, int(Label.L_EAR), -1
    )
    for face, source in ((short, long), (long, replace(short, mask=mask))):
        edit = copy_geometry(pipeline, face, source)
        assert (edit.crop[source.mask == Label.L_EAR] == (0, 255, 0)).all() and edit.motion is not None
    assert (source.mask == Label.L_EAR).any()
    assert len(cut) == 1 and cut[0] is long.crop
