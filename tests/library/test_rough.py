"""What an edit shows before it is ready: the same picture but for fine detail, once, and only where it is one."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.edit import Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.rough import rough_picture, show_first, shown_first_to
from maskgan.editing.texture import Grain
from maskgan.images import read_photo
from maskgan.labels import Label

PHOTO = Path(__file__).parents[2] / "examples/images/portrait_01.jpg"


@pytest.fixture(scope="module")
def face(studio: MaskGANPipeline) -> Face:
    return studio.prepare(read_photo(PHOTO))


def painted(mask: np.ndarray, label: Label) -> np.ndarray:
    mask = mask.copy()
    cv2.line(mask, (130, 90), (150, 150), int(label), 24)
    return mask


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The masks for which grain has been planned."""
    masks: list[np.ndarray] = []
    plan = Grain.planned

    def noting(*arguments: np.ndarray) -> Grain | None:
        masks.append(arguments[3])
        return plan(*arguments)

    monkeypatch.setattr(Grain, "planned", staticmethod(noting))
    return masks


def test_a_rough_picture_comes_before_fine_detail_and_is_the_edits_own_but_for_that(
    studio: MaskGANPipeline, face: Face, planned: list[np.ndarray]
) -> None:
    studio.painted.clear()
    shown: list[np.ndarray] = []

    def show(picture: np.ndarray) -> None:
        assert not planned
        shown.append(picture)

    mask = painted(face.mask, Label.SKIN)
    with shown_first_to(show):
        edit = edit_with_looks(studio, face, mask)
    assert len(shown) == 1 and len(planned) == 1
    differ = (shown[0] != edit.crop).any(-1)
    assert differ.any() and not differ[edit.region == 0].any()
    difference = np.abs(shown[0].astype(int) - edit.crop)[edit.region > 0]
    change = np.abs(face.crop.astype(int) - edit.crop)[edit.region > 0]
    assert difference.mean() < 0.1 * change.mean()


def test_whoever_wants_no_more_than_a_rough_picture_pays_for_no_more(
    studio: MaskGANPipeline, face: Face, planned: list[np.ndarray]
) -> None:
    studio.painted.clear()
    mask = painted(face.mask, Label.SKIN)
    rough = rough_picture(lambda: edit_with_looks(studio, face, mask).crop)
    assert (rough != face.crop).any() and not planned
    edit = edit_with_looks(studio, face, mask)  # goes on with what was painted
    assert len(planned) == 1 and (edit.crop != rough).any()
    edit_with_looks(studio, face, mask)
    assert len(planned) == 1


def test_an_edit_that_something_is_laid_over_shows_nothing_without_it(studio: MaskGANPipeline, face: Face) -> None:
    mask = face.mask.copy()
    cv2.ellipse(mask, (256, 60), (150, 60), 0, 0, 360, int(Label.HAT), -1)
    shown: list[np.ndarray] = []
    with shown_first_to(shown.append):
        edit = edit_with_looks(studio, face, mask)
        assert not shown
        show_first(lambda: edit.crop)  # which the end of the edit may do
        show_first(lambda: face.crop)
    assert len(shown) == 1 and shown[0] is edit.crop
    assert rough_picture(lambda: face.crop) is face.crop


def test_nothing_is_shown_where_nobody_waits() -> None:
    def picture() -> np.ndarray:
        raise AssertionError("made in vain")

    show_first(picture)
    with shown_first_to(None):
        show_first(picture)


def test_planned_grain_keeps_nothing_that_it_was_planned_from(studio: MaskGANPipeline, face: Face) -> None:
    (patch,) = studio.edit(face, painted(face.mask, Label.SKIN)).change.patches
    assert patch.planned is not None and patch.planned.grain is patch.grain is patch.planned.grain
    assert patch.planned._plan is None


def test_paint_goes_to_another_process_with_its_grain(
    studio: MaskGANPipeline, face: Face, planned: list[np.ndarray]
) -> None:
    studio.painted.clear()
    (patch,) = studio.edit(face, painted(face.mask, Label.SKIN)).change.patches
    sent = pickle.loads(pickle.dumps(patch))
    assert len(planned) == 1 and sent.grain is not None
    np.testing.assert_array_equal(sent.grain.share, patch.grain.share)
