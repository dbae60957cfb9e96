"""Label maps of photos mended by outlines that were drawn by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from labelled_faces import data, drawn, same

from lab import evaluate_parser
from lab.data import outlines
from lab.data.faces import FaceWithMask
from maskgan.labels import IGNORE, Label


def test_hats_are_labelled_as_they_were_outlined_at_every_size(tmp_path: Path) -> None:
    [sample] = data(tmp_path, drawn(64))
    face = drawn(64)
    assert outlines.whole_hat(face, sample) is face
    id, outline = "syn_1166", outlines.outlines("hats")["syn_1166"]
    for size in (128, 256, 512):
        face = drawn(size)
        mask = face.mask.copy()
        mask[-8:, :8] = Label.HAT  # a label of a hat where there is none
        whole = outlines.whole_hat(FaceWithMask(face.image, mask), replace(sample, id=id))
        assert whole.image is face.image
        hat = whole.mask == Label.HAT
        area = cv2.contourArea(outline) / 256**2
        features = np.isin(face.mask, (Label.NOSE, Label.L_EYE, Label.R_EYE, Label.MOUTH))
        assert 0.7 * area < hat.mean() < area and (whole.mask[-8:, :8] == IGNORE).all()
        assert np.array_equal(whole.mask[features], face.mask[features])


def test_what_lies_above_the_end_of_a_fringe_is_hair_but_for_eyes_and_background(tmp_path: Path) -> None:
    [sample] = data(tmp_path, drawn(64))
    plain = drawn(64)
    assert outlines.whole_fringe(plain, sample) is plain
    id, line = "uk_25429", outlines.outlines("fringes")["uk_25429"]
    for size in (128, 256, 512):
        face = drawn(size)
        whole = outlines.whole_fringe(face, replace(sample, id=id))
        new = whole.mask != face.mask
        assert set(np.unique(whole.mask[new])) == {Label.HAIR, IGNORE}
        assert set(np.unique(face.mask[new])) <= {Label.SKIN, Label.L_BROW, Label.R_BROW, IGNORE}
        assert np.nonzero(new)[0].max() <= (line[:, 1].max() + 6) * size / 256
        middle = whole.mask[round(80 * size / 256), round(128 * size / 256)]
        assert middle == Label.HAIR


def test_skin_above_the_brows_of_the_hairs_colour_is_left_open_in_photos(tmp_path: Path) -> None:
    [sample] = data(tmp_path, drawn(64))
    face = drawn(128)
    brows = np.nonzero(np.isin(face.mask, (Label.L_BROW, Label.R_BROW)))[0]
    assert same(outlines.doubtful_forehead(face, sample), face)  # all of it has the cheeks' colour
    rows, cols = np.mgrid[:128, :128]
    fringe = (face.mask == Label.SKIN) & (rows < brows.min() - 2) & (cols < 64)
    assert fringe.sum() > 50
    image = face.image.copy()
    image[fringe] = np.median(image[face.mask == Label.HAIR], 0)
    blond = FaceWithMask(image, face.mask)
    result = outlines.doubtful_forehead(blond, sample)
    inner = cv2.erode(fringe.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (result.mask[inner] == IGNORE).all()
    assert np.array_equal(
        result.mask[(cols > 66) | (rows > brows.max())], face.mask[(cols > 66) | (rows > brows.max())]
    )
    assert outlines.doubtful_forehead(blond, replace(sample, whole_lenses=True)) is blond


def test_every_outline_is_within_the_picture_and_fringes_go_from_left_to_right(tmp_path: Path) -> None:
    for kind in ("hats", "fringes"):
        for id, outline in outlines.outlines(kind).items():
            assert len(outline) >= 6 and outline.min() >= 0 and outline.max() <= 256, id
    for id, outline in outlines.outlines("hats").items():
        assert cv2.contourArea(outline) > 0.03 * 256**2, id
    for id, line in outlines.outlines("fringes").items():
        assert (np.diff(line[:, 0]) > 0).all() and np.ptp(line[:, 0]) > 60, id
    [sample] = data(tmp_path, drawn(64))
    assert outlines.outlined_odds([sample, replace(sample, id="uk_25429")]).tolist() == [1, 4]


def test_photos_with_outlines_are_a_truth_of_their_own_for_parsers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [plain] = data(tmp_path, drawn(64))
    mended = replace(plain, id="uk_25429")
    monkeypatch.setattr(evaluate_parser, "find_samples", lambda folder, split: [plain, mended])
    blocks = evaluate_parser.truths(tmp_path / "photos", "val")
    assert blocks == {"photos val, machine": [plain], "photos val, outlined": [mended]}
