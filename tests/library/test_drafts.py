"""Drafts of strokes: as good as the same, at the cost of a first stroke, and none where the photo comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgan.editing.compositing import Retouch
from maskgan.editing.drafts import draft, worth_drafting
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import Alignment
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label

PHOTO = Path(__file__).parents[2] / "examples/images/portrait_02.jpg"


@pytest.fixture(scope="module")
def face(studio: MaskGANPipeline) -> Face:
    return studio.prepare(read_photo(PHOTO))


def stroke(mask: np.ndarray, label: Label, start: tuple[int, int], end: tuple[int, int]) -> np.ndarray:
    mask = mask.copy()
    cv2.line(mask, start, end, int(label), 20)
    return mask


@pytest.fixture(scope="module")
def strokes(face: Face) -> list[np.ndarray]:
    """Masks after hair was painted down the left side of the picture, stroke by stroke, and over the forehead."""
    masks = [face.mask]
    for top in range(180, 420, 60):
        masks.append(stroke(masks[-1], Label.HAIR, (70, top), (100, top + 60)))
    return [*masks[1:], stroke(masks[-1], Label.HAIR, (230, 150), (280, 170))]


@pytest.fixture(scope="module")
def edits(studio: MaskGANPipeline, face: Face, strokes: list[np.ndarray]) -> list[Edit]:
    return [studio.edit(face, mask) for mask in strokes]


def painted(edit: Edit) -> int:
    """Pixels that the network painted for an edit."""
    assert isinstance(edit.change, Retouch)
    return sum(patch.window.pixels**2 for patch in edit.change.patches)


def test_a_draft_looks_like_the_edit_and_paints_less(
    studio: MaskGANPipeline, strokes: list[np.ndarray], edits: list[Edit], monkeypatch: pytest.MonkeyPatch
) -> None:
    sides: list[int] = []
    draw = studio.engine.draw
    monkeypatch.setattr(studio.engine, "draw", lambda mask, *more: sides.append(len(mask)) or draw(mask, *more))
    made = draft(studio, edits[-2], strokes[-2], strokes[-1])
    assert 0 < sum(side**2 for side in sides) < painted(edits[-1]) / 2
    new = strokes[-1] != strokes[-2]
    off = np.abs(made.astype(int) - edits[-1].crop).mean(-1)
    stroke_did = np.abs(edits[-1].crop.astype(int) - edits[-2].crop).mean(-1)
    assert off.mean() < 1 and off[new].mean() < stroke_did[new].mean() / 3
    far = cv2.distanceTransform((~new).astype(np.uint8), cv2.DIST_L2, 5) > 100
    assert far.any() and np.array_equal(made[far], edits[-2].crop[far])


def test_nothing_is_drafted_that_is_quick_anyway_or_that_the_photo_shows(
    studio: MaskGANPipeline, face: Face, strokes: list[np.ndarray], edits: list[Edit]
) -> None:
    assert painted(edits[0]) <= 256**2 < painted(edits[-1])
    assert draft(studio, edits[0], strokes[0], strokes[1]) is None
    large = replace(edits[0].face, alignment=Alignment.whole_picture((1024, 1024)))  # painted finer than on the screen
    assert worth_drafting(studio, replace(edits[0], face=large), strokes[0], strokes[1])
    assert not worth_drafting(studio, replace(edits[0], face=large), strokes[1], strokes[1])
    erased = strokes[-1].copy()
    erased[180:220, 50:120] = face.mask[180:220, 50:120]
    assert (erased != strokes[-1]).any() and draft(studio, edits[-1], strokes[-1], erased) is None
    redrawn = studio.edit(face, strokes[-1], keep_untouched=False)
    assert draft(studio, redrawn, strokes[-1], stroke(strokes[-1], Label.HAIR, (300, 150), (320, 160))) is None
