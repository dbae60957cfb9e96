"""Smiles: cheeks that rise with the mouth, and the folds beside it."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import around_frame, draw_face

from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.flows import moves
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.smiling import with_folds
from maskgan.editing.warping import Motion, flow_between
from maskgan.labels import MOUTH, Label
from maskgan.quick_edits import QUICK_EDITS

SIZE = 256
OWN = draw_face(SIZE)
GREY = np.full((SIZE, SIZE, 3), 150, np.uint8)
X, Y = around_frame(OWN)
CHEEKS = (abs(abs(X) - 0.6) < 0.08) & (abs(Y - 0.6) < 0.08)


def test_cheeks_rise_with_a_smile_and_what_is_not_skin_stays() -> None:
    mask, moved, _ = QUICK_EDITS["smile"].move(OWN)
    flow = flow_between(OWN, mask, moved)
    up = flow[..., 1][CHEEKS]
    assert up.min() > 0.02 * SIZE / 4 and up.max() < 0.12 * SIZE / 4, "they come from below"
    outwards = flow[..., 0] * np.sign(X)
    assert outwards[CHEEKS].max() < 0
    still = ~np.isin(OWN, (Label.SKIN, *MOUTH)) & (mask == OWN)
    far = still & ((Y < 0.2) | (abs(X) > 1.05))
    assert far.sum() > 1000 and np.abs(flow[far]).max() < 0.6
    half = QUICK_EDITS["smile"].move(OWN, 0.5)
    less = flow_between(OWN, half.mask, half.moved)[..., 1][CHEEKS]
    assert 0.3 * up.mean() < less.mean() < 0.7 * up.mean()


def test_a_turned_head_rises_its_cheeks_around_its_mouth() -> None:
    turned = draw_face(SIZE, shift=(0.05, 0))
    turned[np.isin(turned, (Label.SKIN,)) & (around_frame(turned)[0] < -0.75)] = Label.BACKGROUND
    mask, moved, _ = QUICK_EDITS["smile"].move(turned)
    flow = flow_between(turned, mask, moved)
    x, y = around_frame(turned)
    near = (abs(x - 0.6) < 0.08) & (abs(y - 0.6) < 0.08) & (mask == Label.SKIN)
    assert near.any() and (flow[..., 1][near] > 0).all()


@pytest.mark.parametrize("tilt", [0.0, 20.0])
def test_folds_are_darker_and_cheeks_are_not_where_a_mask_smiles(tilt: float) -> None:
    own = draw_face(SIZE, tilt)
    x, y = around_frame(own)
    mask = QUICK_EDITS["smile"].apply(own)
    crop, changed = with_folds(GREY, mask, own)
    folds = (abs(abs(x) - 0.5) < 0.08) & (abs(y - 0.85) < 0.1) & (mask == Label.SKIN)
    light = crop.astype(float).mean(-1)
    assert light[folds].mean() < 145 and light[mask == Label.SKIN].max() > 151
    dark = crop[folds].mean(0)
    assert dark[0] > dark[1] > dark[2], "shaded skin is redder"
    assert np.array_equal(crop[changed == 0], GREY[changed == 0]) and not changed[mask != Label.SKIN].any()
    assert not changed[y < 0].any()
    half, _ = with_folds(GREY, QUICK_EDITS["smile"].apply(own, 0.5), own)
    assert 150 - half[folds].mean() < 0.75 * (150 - crop[folds].mean())


def test_what_is_no_smile_has_no_folds() -> None:
    smiling = QUICK_EDITS["smile"].apply(OWN)
    others = [QUICK_EDITS[name].apply(OWN) for name in ("open_mouth", "fuller_lips", "hairstyle")]
    for mask, own in ((OWN, OWN), (OWN, smiling), *((other, OWN) for other in others)):
        crop, changed = with_folds(GREY, mask, own)
        assert crop is GREY and not changed.any()
    empty = np.zeros((64, 64), np.uint8)
    lips = empty.copy()
    lips[30:40, 20:40] = Label.U_LIP
    assert with_folds(GREY[:64, :64], lips, empty)[1].sum() == 0, "no face"


def test_an_edit_that_smiles_has_folds_and_its_photo_keeps_its_detail(pipeline: MaskGANPipeline) -> None:
    rng = np.random.default_rng(1)
    photo = np.clip(150 + 12 * rng.standard_normal(GREY.shape), 0, 255).astype(np.uint8)
    face = pipeline.face_with(photo, OWN)
    mask, moved, _ = QUICK_EDITS["smile"].move(face.mask)
    motion = Motion.none(face.mask).to(mask, moved)
    edit = edit_with_looks(pipeline, face, mask, motion=motion)
    x, y = around_frame(face.mask)
    folds = (abs(abs(x) - 0.5) < 0.08) & (abs(y - 0.85) < 0.1) & (mask == Label.SKIN)
    assert edit.crop[folds].mean() < face.crop[folds].mean() - 4 and edit.region[folds].all()
    assert edit.photo.std() > 0.9 * photo.std()
    still = (edit.region == 0) & ~moves(motion.flow)
    assert still.mean() > 0.4 and np.array_equal(edit.crop[still], face.crop[still])
