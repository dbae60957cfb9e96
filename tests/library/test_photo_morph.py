"""Faces between two photos are made of both."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import draw_face, draw_mask

from maskgan.editing import compositing
from maskgan.editing.edit import Face
from maskgan.editing.flows import grown
from maskgan.editing.morphing import T_MAX, T_MIN, Morph
from maskgan.editing.photo_morph import _blended, _Moved, face_between
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import FACE_PARTS, Label
from maskgan.sizes import CROP_SIZE


@pytest.fixture(scope="module")
def faces(pipeline: MaskGANPipeline) -> tuple[Face, Face]:
    """Two faces in other colours, the second a little to the right."""
    masks = draw_mask(CROP_SIZE), draw_mask(CROP_SIZE, shift=0.04)
    return tuple(pipeline.face_with(draw_face(mask, seed), mask) for seed, mask in enumerate(masks))


@pytest.fixture(scope="module")
def morph(pipeline: MaskGANPipeline, faces: tuple[Face, Face]) -> Morph:
    return Morph.between(pipeline, *(face.mask for face in faces), *(face.style for face in faces))


def test_each_end_is_the_photo_itself(morph: Morph, faces: tuple[Face, Face]) -> None:
    for t, face in enumerate(faces):
        for style in ("blend", "ab"[t]):
            assert np.array_equal(face_between(morph, faces, morph.mask_at(t), t, style), face.crop)


def test_between_them_parts_lie_between_and_so_do_their_colours(morph: Morph, faces: tuple[Face, Face]) -> None:
    """Of the drawn masks the one half way is known; the tiny MaskVAE has learned nothing."""
    middle = draw_mask(CROP_SIZE, shift=0.02)
    skin = (middle == Label.SKIN) & (faces[0].mask == Label.SKIN) & (faces[1].mask == Label.SKIN)
    ends = [face.crop[skin].mean(0) for face in faces]
    for t in (0.25, 0.5, 0.75):
        face = face_between(morph, faces, middle, t)
        expected = (1 - t) * ends[0] + t * ends[1]
        assert face[skin].mean(0) == pytest.approx(expected, abs=4)
    # The nose came along: its colour is where the mask has it, not where either photo has it.
    nose = (middle == Label.NOSE) & (faces[0].mask != Label.NOSE)
    lent = [face.crop[face.mask == Label.NOSE].mean(0) for face in faces]
    assert face_between(morph, faces, middle, 0.5)[nose].mean(0) == pytest.approx((lent[0] + lent[1]) / 2, abs=12)


def test_neighbours_are_alike(morph: Morph, faces: tuple[Face, Face]) -> None:
    middle = draw_mask(CROP_SIZE, shift=0.02)
    frames = [face_between(morph, faces, middle, t).astype(int) for t in (0.4, 0.45, 0.5)]
    steps = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    whole = np.abs(faces[0].crop.astype(int) - faces[1].crop).mean()
    assert max(steps) < 0.15 * whole


def test_no_pieces_of_a_background_jump_about_in_a_strip(
    morph: Morph, faces: tuple[Face, Face], monkeypatch: pytest.MonkeyPatch
) -> None:
    completed: list[Any] = []
    monkeypatch.setattr(compositing, "with_uneven_ground_completed", lambda *given: (completed.append(given), None))
    mask = faces[0].mask.copy()
    mask[:200] = Label.BACKGROUND  # which neither photo can show
    assert (face_between(morph, faces, mask, 0.5) != faces[0].crop)[:200].any() and not completed


def test_a_hat_gives_way_to_what_the_other_photo_shows_without_a_double_exposure(
    morph: Morph, faces: tuple[Face, Face], monkeypatch: pytest.MonkeyPatch
) -> None:
    crop, mask = faces[0].crop.copy(), faces[0].mask.copy()
    top = np.flatnonzero((mask == Label.SKIN).any(1))[0]
    mask[40 : top + 10, 130:380], crop[40 : top + 10, 130:380] = Label.HAT, (250, 20, 20)
    pair = (replace(faces[0], crop=crop, mask=mask), faces[1])
    monkeypatch.setattr(MaskGANPipeline, "paint", lambda *given: pytest.fail("nothing is painted"))
    middle = draw_mask(CROP_SIZE, shift=0.02)
    assert np.array_equal(face_between(morph, pair, mask, 0), crop)
    assert np.array_equal(face_between(morph, pair, faces[1].mask, 1), faces[1].crop)
    around = ~grown(np.isin(middle, FACE_PARTS), 60)  # where nothing moves
    first, second = (own[around].astype(float) for own in (crop, faces[1].crop))
    apart = np.square(second - first).sum(-1)
    plain = apart > 60**2
    shares = {}
    for t in (0.2, 0.5, 0.8):
        shown = face_between(morph, pair, middle, t)[around]
        shares[t] = (((shown - first) * (second - first)).sum(-1) / np.maximum(apart, 1))[plain]
    assert np.abs(shares[0.2]).max() < 0.1 and np.abs(shares[0.8] - 1).max() < 0.1
    assert ((shares[0.5] > 0.2) & (shares[0.5] < 0.8)).mean() < 0.7
    assert (shares[0.5] > 0.8).any() and (shares[0.5] < 0.2).any(), "the second spreads from the face"
    frames = [face_between(morph, pair, middle, t).astype(int) for t in (0.4, 0.45, 0.5)]
    whole = np.abs(crop.astype(int) - faces[1].crop).mean()
    assert max(np.abs(b - a).mean() for a, b in pairwise(frames)) < 0.15 * whole


def test_beyond_an_end_its_photo_is_moved_on_alone(morph: Morph, faces: tuple[Face, Face]) -> None:
    further = draw_mask(CROP_SIZE, shift=-0.02)
    beyond = face_between(morph, faces, further, T_MIN)
    assert np.array_equal(beyond, face_between(morph, faces, further, 0, "a"))
    assert np.array_equal(face_between(morph, faces, further, T_MAX), face_between(morph, faces, further, 1, "b"))
    assert (beyond == face_between(morph, (faces[0], faces[0]), further, 0)).all()


def test_another_size_shows_the_same_face(morph: Morph, faces: tuple[Face, Face]) -> None:
    small = face_between(morph, faces, faces[0].mask, 0.0, size=256)
    assert small.shape == (256, 256, 3)
    halves = faces[0].crop.reshape(256, 2, 256, 2, 3).mean((1, 3))
    assert np.abs(small - halves).mean() < 2


def test_a_style_that_is_not_there_is_named(morph: Morph, faces: tuple[Face, Face]) -> None:
    with pytest.raises(ValueError, match="no style 'c'"):
        face_between(morph, faces, faces[0].mask, 0.5, "c")


@pytest.mark.parametrize("size", [64, 256, 500])
def test_what_only_one_photo_shows_meets_the_rest_without_a_seam(size: int) -> None:
    """Light from the left in one photo and from above in the other: no shift of all skin by one colour meets both."""
    y, x = np.mgrid[:size, :size] / size
    light = [np.repeat(plane[..., None], 3, 2).astype(np.float32) for plane in (90 + 100 * x, 200 - 120 * y)]
    hidden = [(x - 0.3) ** 2 + (y - 0.3) ** 2 < 0.02, (x - 0.75) ** 2 + (y - 0.6) ** 2 < 0.02]
    ends = [_Moved(np.where(gone[..., None], 255, own), gone) for own, gone in zip(light, hidden, strict=True)]
    for share in (0.25, 0.5, 0.75):
        blended = _blended(*ends, np.full((size, size), Label.SKIN, np.uint8), share)
        wanted = (1 - share) * light[0] + share * light[1]
        assert np.abs(blended.picture - wanted).max() < 8 and not blended.unknown.any()
        known = ~(hidden[0] | hidden[1])
        assert np.abs(blended.picture - wanted)[known].mean() < 0.5
