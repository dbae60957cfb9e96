"""Choosing a face: alike in the Paint tab and wherever else a face is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr

from maskgan.editing.faces import Alignment, DetectedFace
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.face_input import FaceInput
from maskgan.ui.face_picker import FacePicker
from maskgan.ui.interpolate.mask_input import MaskInput
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session

PHOTO = FOLDER / "photo_01.jpg"


@pytest.fixture(scope="module", params=["Paint", "Style copy", "Interpolate"])
def where(request: pytest.FixtureRequest, pipeline: MaskGANPipeline) -> tuple[FacePicker, tuple[Any, ...]]:
    """A picker, and what else its handlers are given."""
    examples = Examples(pipeline)
    with gr.Blocks():
        if request.param == "Paint":
            return PaintTab(pipeline, examples).picker, ("face", True, False)
        if request.param == "Interpolate":
            return MaskInput("a", "A", pipeline, examples).picker, ()
        return FaceInput("source", "Source", pipeline, examples).picker, ()


def select(index: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": index, "value": None})


def choose(where: tuple[FacePicker, Any], session: Session, index: int) -> Any:
    """A click on one of several faces; the Paint tab is told what is on the canvas too, nothing here."""
    picker, values = where
    return picker.choose_face(session, select(index), *values)


@pytest.fixture
def two_faces(pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every photo has the face of PHOTO twice, the second a little to the right."""
    face = pipeline.detect(read_photo(PHOTO))[0]
    shifted = DetectedFace(face.box, 0.9, np.add(face.points, (30, 0)))
    monkeypatch.setattr(pipeline, "detect", lambda photo: [face, shifted])


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the page says without a warning."""
    said: list[str] = []
    monkeypatch.setattr(gr, "Info", said.append)
    return said


def test_one_face_is_opened_without_a_word(where: tuple[FacePicker, Any], notes: list[str]) -> None:
    picker, values = where
    updates = picker.open_photo(Session(), str(PHOTO), *values)
    assert updates[picker.session].opened.name == "photo_01" and updates[picker.upload] is None
    assert updates[picker.faces]["visible"] is False and not notes


@pytest.mark.usefixtures("two_faces")
def test_several_faces_are_announced_and_shown(where: tuple[FacePicker, Any], notes: list[str]) -> None:
    picker, values = where
    updates = picker.open_photo(Session(), str(PHOTO), *values)
    assert notes == ["2 faces were found; click another one to edit it."]
    assert len(updates[picker.faces]["value"]) == 2 and updates[picker.faces]["selected_index"] == 0
    other = choose(where, updates[picker.session], 1)[picker.session]
    assert other.opened.chosen == 1 and other.opened.name == "photo_01"


@pytest.mark.usefixtures("two_faces")
def test_the_open_face_is_not_opened_again(where: tuple[FacePicker, Any]) -> None:
    picker, values = where
    session = picker.open_photo(Session(), str(PHOTO), *values)[picker.session]
    assert choose(where, session, 0) == gr.skip()


@pytest.mark.parametrize("index", [-1, 1])
def test_a_face_of_an_earlier_photo_is_answered_in_a_sentence(where: tuple[FacePicker, Any], index: int) -> None:
    picker, values = where
    session = picker.open_photo(Session(), str(PHOTO), *values)[picker.session]
    with pytest.warns(UserWarning, match=r"^This face is not in the photo that is open; drop its photo again\.$"):
        assert choose(where, session, index) == gr.skip()
    with pytest.warns(UserWarning, match=r"^No face is open"):
        assert choose(where, Session(), index) == gr.skip()


@pytest.mark.parametrize("index", [-1, 99])
def test_an_example_that_is_none_is_answered_in_a_sentence(where: tuple[FacePicker, Any], index: int) -> None:
    picker, values = where
    with pytest.warns(UserWarning, match="no such example"):
        assert picker.choose_example(Session(), select(index), *values) == gr.skip()


def test_a_bad_file_withdraws_the_offer_of_the_photo_before(where: tuple[FacePicker, Any], tmp_path: Path) -> None:
    picker, values = where
    Image.effect_noise((120, 90), 50).save(tmp_path / "noise.png")
    (tmp_path / "letter.png").write_text("no picture")
    with pytest.warns(UserWarning, match="whole picture"):
        offered = picker.open_photo(Session(), str(tmp_path / "noise.png"), *values)
    waiting = offered[picker.session]
    assert waiting.pending is not None and offered[picker.whole]["visible"] is True
    whole = picker.use_whole_picture(waiting, *values)[picker.session]
    assert whole.opened.name == "noise" and whole.pending is None
    with pytest.warns(UserWarning, match="not a picture"):
        updates = picker.open_photo(waiting, str(tmp_path / "letter.png"), *values)
    assert updates[picker.session].pending is None and updates[picker.whole]["visible"] is False
    with pytest.warns(UserWarning, match="drop it again"):
        assert picker.use_whole_picture(updates[picker.session], *values) == gr.skip()


def test_the_people_come_first_where_the_app_shows_them_and_are_read_like_photos(pipeline: MaskGANPipeline) -> None:
    examples = Examples(pipeline, people=True)
    assert [path.parent.name for path in examples.paths[:7]] == ["people"] * 6 + ["images"]
    opened = examples.open(0)
    assert opened.name == "person_01" and opened.face.photo.shape == (1024, 1024, 3)
    assert opened.face.alignment != Alignment.whole_picture((1024, 1024))  # cut out, not taken whole
    assert not any(path.parent.name == "people" for path in Examples(pipeline).paths)
