"""Glasses of a face whose shapes another one takes are the wardrobe's, with two lenses over the face's own eyes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.borrowed_glasses import lent_shapes
from maskgan.editing.edit import Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import copy_geometry
from maskgan.images import read_photo
from maskgan.labels import EYES, Label
from maskgan.mask_files import read_mask
from maskgan.quick_edits import QUICK_EDITS

EXAMPLES = Path(__file__).parents[2] / "examples"


def lens_count(mask: np.ndarray) -> int:
    """Lenses that show as pieces of their own when bridge and arms are left out."""
    glass = np.isin(mask, (Label.EYE_G, *EYES)).astype(np.uint8)
    opened = cv2.morphologyEx(glass, cv2.MORPH_OPEN, np.ones((len(mask) // 20,) * 2, np.uint8))
    return sum(area > 0.002 * mask.size for area in cv2.connectedComponentsWithStats(opened)[2][1:, cv2.CC_STAT_AREA])


@pytest.fixture(scope="module")
def pane() -> np.ndarray:
    """A face whose glasses the parser sees as one pane."""
    mask = draw_face(512)
    rows, columns = np.nonzero(np.isin(mask, EYES))
    place = np.s_[rows.min() - 20 : rows.max() + 40, columns.min() - 30 : columns.max() + 31]
    glass = np.zeros(mask.shape, bool)
    glass[place] = True
    mask[glass & np.isin(mask, (Label.SKIN, Label.NOSE))] = Label.EYE_G
    assert lens_count(mask) == 1
    return mask


@pytest.mark.parametrize("dark", [False, True])
def test_a_pane_becomes_glasses_of_the_wardrobe(pane: np.ndarray, dark: bool) -> None:
    mask = np.where(np.isin(pane, EYES), Label.EYE_G, pane).astype(np.uint8) if dark else pane
    shapes = lent_shapes(mask, draw_face(512))
    assert lens_count(shapes.mask) == 2 and not (shapes.beneath == Label.EYE_G).any()
    assert np.isin(shapes.mask, EYES).any() != dark and np.isin(shapes.beneath, EYES).any()
    away = shapes.mask != Label.EYE_G
    if not dark:
        np.testing.assert_array_equal(shapes.mask[away], shapes.beneath[away])


def test_the_likest_are_chosen() -> None:
    bare = draw_face(512)
    for variant in QUICK_EDITS["glasses"].variants:
        worn = QUICK_EDITS["glasses"].apply(bare, 1.0, variant.name)
        chosen = lent_shapes(worn, bare).mask == Label.EYE_G
        theirs = worn == Label.EYE_G
        assert (chosen & theirs).sum() > 0.9 * (chosen | theirs).sum(), variant.name


def test_own_glasses_and_masks_without_any_or_without_a_face_stay(pane: np.ndarray) -> None:
    bare, odd = draw_face(512), np.full((64, 64), Label.EYE_G, np.uint8)
    for mask, own in ((bare, bare), (pane, QUICK_EDITS["glasses"].apply(bare)), (odd, np.zeros_like(odd))):
        shapes = lent_shapes(mask, own)
        assert shapes.mask is mask and shapes.beneath is mask


def test_copied_shapes_show_glasses_drawn_over_the_face(pipeline: MaskGANPipeline) -> None:
    def face(name: str) -> Face:
        photo, mask = (EXAMPLES / kind / f"{name}.{end}" for kind, end in (("images", "jpg"), ("masks", "png")))
        return pipeline.face_with(read_photo(photo), read_mask(mask))

    source, target = face("portrait_03"), face("portrait_05")
    shapes = lent_shapes(source.mask, target.mask)
    edit = copy_geometry(pipeline, target, source)
    below = pipeline.edit(target, shapes.beneath).crop
    frame = cv2.dilate((shapes.mask == Label.EYE_G).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    changed = (edit.crop != below).any(-1)
    assert changed[frame].mean() > 0.2
    dark = edit.crop.mean(-1) < 60
    assert lens_count(shapes.mask) == 2 and (dark & changed & frame).sum() > 0.02 * frame.sum()
    assert edit.photo.shape == target.photo.shape and (edit.photo != target.photo).any()
