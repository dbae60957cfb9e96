"""What is painted: once, where it is needed, as fine as the photo, and no longer kept than that."""

from __future__ import annotations

import gc
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask, drawn_face

from maskgan.editing.edit import Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import Motion
from maskgan.labels import Label
from maskgan.sizes import CROP_SIZE


@pytest.fixture(scope="module")
def face(pipeline: MaskGANPipeline) -> Face:
    return drawn_face(pipeline)


def counting(pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch) -> tuple[MaskGANPipeline, list[int]]:
    """A pipeline of the same networks, and the sides of what it draws, one after the other."""
    own, drawn = MaskGANPipeline.over(pipeline.engine), []
    draw = own.engine.draw

    def counted(mask: np.ndarray, *rest: object) -> np.ndarray:
        drawn.append(len(mask))
        return draw(mask, *rest)

    monkeypatch.setattr(own.engine, "draw", counted)
    return own, drawn


def test_an_edit_elsewhere_leaves_paint_as_it_is(
    pipeline: MaskGANPipeline, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, drawn = counting(pipeline, monkeypatch)
    mask = face.mask.copy()
    mask[20:50, 230:260] = Label.HAT
    first = own.edit(face, mask)
    assert drawn == [128]
    mask[440:470, 60:90] = Label.HAT
    both = own.edit(face, mask)
    assert drawn == [128, 128] and len(both.change.patches) == 2
    top = np.s_[:200]
    assert (
        np.array_equal(both.crop[top], first.crop[top])
        and (both.crop[430:480, 50:100] != face.crop[430:480, 50:100]).any()
    )
    own.edit(face, mask)
    assert len(drawn) == 2  # nothing new
    brighter = replace(face, style=face.style.scale_residue(torch.zeros(1)))
    own.edit(brighter, mask)
    assert len(drawn) == 4  # another style paints anew
    own.painted.clear()
    again = own.edit(face, mask)
    assert len(drawn) == 6 and np.array_equal(again.crop, both.crop)


def test_paint_stays_where_what_moves_around_it_goes_on_elsewhere(
    pipeline: MaskGANPipeline, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As hair beside a cheek that moves with a mouth."""
    own, drawn = counting(pipeline, monkeypatch)
    mask = face.mask.copy()
    mask[20:50, 230:260] = mask[150:180, 230:260] = Label.HAT
    flow = np.zeros((*mask.shape, 2), np.float32)
    flow[:, 160:300, 0] = 0.5  # one change that has both in it
    first = own.edit(face, mask, motion=Motion(mask, flow))
    assert drawn == [128, 128]
    further = flow.copy()
    further[110:, 160:300, 0] = 3  # which the window at the top shows too
    second = own.edit(face, mask, motion=Motion(mask, further))
    assert drawn == [128] * 3
    assert np.array_equal(second.crop[:100], first.crop[:100]) and (second.crop[110:] != first.crop[110:]).any()


def test_paint_is_kept_no_longer_than_the_photo(pipeline: MaskGANPipeline, face: Face) -> None:
    own = MaskGANPipeline.over(pipeline.engine)
    mine, other = (replace(face, photo=face.photo.copy()) for _ in range(2))
    mask = face.mask.copy()
    mask[20:50, 230:260] = Label.HAT
    for one in (mine, other):
        own.edit(one, mask)
    assert len(own.painted) == 2
    del mine, one
    gc.collect()
    assert len(own.painted) == 1
    own.edit(other, mask)
    assert len(own.painted) == 1


def test_a_finer_photo_is_painted_finer(pipeline: MaskGANPipeline) -> None:
    photo = draw_face(draw_mask(1600))
    mask = draw_mask(CROP_SIZE)
    face = pipeline.with_mask(pipeline.prepare(photo, None), mask)
    after = mask.copy()
    after[20:60, 230:290] = Label.HAT
    edit = pipeline.edit(face, after)
    (window,) = (patch.window for patch in edit.change.patches)
    assert window.pixels > round(window.side * CROP_SIZE)  # finer than the crop, no finer than the photo
    assert window.pixels <= round(window.side * 1600)
    away = np.ones(photo.shape[:2], bool)
    away[:260, 600:1000] = False
    assert np.array_equal(edit.photo[away], photo[away])
    assert (edit.photo[80:180, 730:890] != photo[80:180, 730:890]).any(-1).mean() > 0.5
