"""Accessories that faces are given: pieces of other photos and renders, and drawn ones."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import draw_face, draw_mask
from labelled_faces import data, drawn, with_ears, with_glasses

from lab.data import accessories
from lab.data.accessories import Accessories
from lab.data.faces import FaceWithMask
from maskgan.labels import Label


def test_accessories_of_rendered_heads_land_on_other_faces(tmp_path: Path) -> None:
    donor = draw_mask(64)
    donor[4:14, 16:48] = Label.HAT
    worn = Accessories(data(tmp_path, FaceWithMask(draw_face(donor), donor), rendered=True))
    face = drawn()
    hats = [worn.put_on(face, Label.HAT, np.random.default_rng(seed)) for seed in range(10)]
    for result in hats:
        assert (result.mask == Label.HAT).sum() > 100
        assert np.array_equal(result.mask[result.mask != Label.HAT], face.mask[result.mask != Label.HAT])
        assert (result.image[result.mask == Label.HAT] != face.image[result.mask == Label.HAT]).any()


def test_hats_come_from_photos_of_wearers_and_from_no_others(tmp_path: Path) -> None:
    worn = draw_mask(64)
    worn[4:14, 16:48] = Label.HAT
    wearers = data(tmp_path / "hats", FaceWithMask(draw_face(worn), worn))
    others = data(tmp_path / "bare", drawn())
    of_photos = Accessories([], wearers=[*others, *wearers])
    assert len(of_photos.donors[Label.HAT]) == 1
    assert not any(of_photos.donors[label] for label in (Label.EYE_G, Label.EAR_R, Label.NECK_L))
    assert (of_photos.put_on(drawn(), Label.HAT, np.random.default_rng(0)).mask == Label.HAT).sum() > 100


@pytest.mark.parametrize("size", [128, 256])
@pytest.mark.parametrize("label", [Label.EAR_R, Label.NECK_L, Label.EYE_G])
def test_earrings_necklaces_and_glasses_are_drawn_where_they_are_worn(label: Label, size: int) -> None:
    face, worn = with_ears(size), Accessories([])
    where = {
        Label.EAR_R: np.isin(face.mask, (Label.L_EAR, Label.R_EAR)),
        Label.NECK_L: face.mask == Label.NECK,
        Label.EYE_G: np.isin(face.mask, (Label.L_EYE, Label.R_EYE)),
    }[label]
    near = cv2.dilate(where.astype(np.uint8), np.ones((size // 3, size // 3))) > 0
    seen = 0
    for seed in range(12):
        result = worn.put_on(face, label, np.random.default_rng(seed))
        new = result.mask != face.mask
        assert (result.mask[new] == label).all()
        assert new[near].sum() >= 0.8 * new.sum() and new.mean() < 0.25
        if label == Label.EYE_G:
            kept = np.isin(face.mask, (Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW))
            assert not new[kept].any()
        seen += bool(new.sum() >= 4)
        assert (result.image[new] != face.image[new]).any(-1).mean() > 0.3 if new.any() else True
    assert seen >= 8


def test_one_face_wears_no_second_pair_of_what_it_wears() -> None:
    face = with_glasses()
    for seed in range(8):
        result = Accessories([])(face, np.random.default_rng(seed))
        assert ((result.mask == Label.EYE_G) <= (face.mask == Label.EYE_G)).all()


def test_pieces_hang_by_the_middle_of_their_top() -> None:
    face = drawn(64)
    mask = face.mask.copy()
    mask[30:40, 4:8] = mask[30:45, 56:60] = Label.EAR_R
    mask[1, 1] = Label.EAR_R  # a speck
    pieces = accessories.pieces_of(FaceWithMask(face.image, mask), Label.EAR_R)
    assert sorted(int(piece.shape.sum()) for piece in pieces) == [40, 60]
    for piece in pieces:
        assert piece.anchor == (3.5, 2.0)
