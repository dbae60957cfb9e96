"""Several people in one photo: each face keeps its own work, and the photo has all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_pipeline, told_by
from PIL import Image
from strokes import message, painted

pytest.importorskip("gradio")

import gradio as gr

from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.provenance import DIGITAL_SOURCE_TYPE
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.pictures import shrink
from maskgan.ui.session import Session

LOOK = Look()
FIRST = gr.SelectData(None, {"index": 0, "value": None})


@pytest.fixture(scope="module")
def tab() -> PaintTab:
    pipeline = tiny_pipeline()
    with gr.Blocks():
        return PaintTab(pipeline, Examples(pipeline))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo (512, 1024) of two people side by side."""
    people = [shrink(read_photo(FOLDER / "people" / f"person_0{number}.jpg"), 512) for number in (1, 2)]
    path = tmp_path_factory.mktemp("photos") / "two.png"
    Image.fromarray(np.hstack(people)).save(path)
    return path


@pytest.fixture
def session(tab: PaintTab, two: Path) -> Session:
    session = tab.picker.open_photo(Session(), str(two), *vars(LOOK).values())[tab.session]
    assert len(session.opened.faces) == 2
    return session


def paint(tab: PaintTab, session: Session, label: Label, row: int) -> Session:
    mask = session.mask.copy()
    mask[row : row + 40, 200:300] = label
    return tab.finish_stroke(session, message(session, mask), LOOK)[tab.session]


def switch(tab: PaintTab, session: Session, index: int, on_canvas: np.ndarray | None = None) -> dict[Any, Any]:
    told = message(session, session.mask if on_canvas is None else on_canvas)
    chosen = gr.SelectData(None, {"index": index, "value": None})
    return tab._told(tab.picker.choose_face)(session, told, chosen, *vars(LOOK).values())


def half(session: Session) -> slice:
    """Columns of the photo in which the open face lies."""
    x = session.opened.faces[session.opened.chosen].box[0]
    return slice(0, 512) if x < 512 else slice(512, 1024)


def saved_photo(tab: PaintTab, session: Session) -> Image.Image:
    return Image.open(tab.photo_file(session, False))


def test_an_edit_of_the_second_face_starts_from_the_edited_photo(tab: PaintTab, session: Session, two: Path) -> None:
    photo = np.array(Image.open(two))
    first = half(session)
    session = paint(tab, session, Label.HAT, 100)
    one = np.array(saved_photo(tab, session))
    assert (one[:, first] != photo[:, first]).any()
    session = switch(tab, session, 1)[tab.session]
    second = half(session)
    assert second != first and np.array_equal(session.opened.face.photo, one)
    assert np.array_equal(session.opened.unedited, photo)
    untouched = saved_photo(tab, session)
    assert np.array_equal(np.array(untouched), one) and told_by(untouched)["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    session = paint(tab, session, Label.CLOTH, 300)
    both = np.array(saved_photo(tab, session))
    assert np.array_equal(both[:, first], one[:, first]) and (both[:, second] != one[:, second]).any()
    before, after = (np.array(Image.open(path)).astype(int) for path in _photos(tab, session))
    assert np.abs(before - photo).mean() < 2 and np.abs(after - both).mean() < 2  # JPEG


def _photos(tab: PaintTab, session: Session) -> tuple[str, str]:
    return tab.refresh(session, Look("photo"))[tab.photo_result]["value"]


def test_each_face_is_as_it_was_left(tab: PaintTab, session: Session) -> None:
    session = paint(tab, session, Label.HAT, 100)
    session = tab.choose_look(session, {"part": "Hat", "look": "#2040c0"}, LOOK)[tab.session]
    one, id_one, labels = session.mask, session.opened.id, [step.label for step in session.history]
    session = switch(tab, session, 1)[tab.session]
    assert [step.label for step in session.history] == ["Original"] and not session.looks
    session = paint(tab, session, Label.CLOTH, 300)
    two, id_two = session.mask, session.opened.id
    both = np.array(saved_photo(tab, session))
    updates = switch(tab, session, 0)
    session = updates[tab.session]
    assert session.opened.id == id_one and np.array_equal(session.mask, one)
    assert [step.label for step in session.history] == labels and Label.HAT in session.looks
    assert np.array_equal(MaskCanvas.read(updates[tab.canvas], one.shape, id_one), one)
    assert np.array_equal(np.array(saved_photo(tab, session)), both)
    assert not updates[tab.earlier]["visible"]  # the other face is above, not among the photos before
    # A reset of this face leaves the other's work.
    own = session.opened.face.mask
    session = tab.choose_look(session, {"part": "Hat", "look": ""}, LOOK)[tab.session]
    session = tab.finish_stroke(session, message(session, own), LOOK)[tab.session]
    now = np.array(saved_photo(tab, session))
    assert np.array_equal(now, session.opened.face.photo) and (now != session.opened.unedited).any()
    session = switch(tab, session, 1)[tab.session]
    assert session.opened.id == id_two and np.array_equal(session.mask, two)
    assert np.array_equal(session.opened.face.photo, session.opened.unedited)


def test_a_face_is_left_with_a_stroke_whose_event_has_not_come_yet(tab: PaintTab, session: Session) -> None:
    """Gradio's page holds an event of the canvas back while the one before it is answered, but no click elsewhere."""
    first, stroke = session.opened.id, painted(session, Label.HAT)
    other = switch(tab, session, 1, on_canvas=stroke)[tab.session]
    assert other.opened.id != first
    late = tab.paint(other, {**message(session, stroke), "stroke": 2}, LOOK)
    assert late == gr.skip(), "it is about the face that was left"
    back = switch(tab, other, 0)[tab.session]
    assert back.opened.id == first and np.array_equal(back.mask, stroke)
    assert [step.label for step in back.history] == ["Original", "Painted: hat"]
    expected = tab.paint(session, message(session, stroke), LOOK)[tab.session]
    assert np.array_equal(back.edit.crop, expected.edit.crop)
    of_another = switch(tab, other, 0, on_canvas=other.mask)[tab.session]
    assert np.array_equal(of_another.mask, stroke)


def test_both_faces_come_back_after_another_photo(tab: PaintTab, session: Session) -> None:
    session = paint(tab, session, Label.HAT, 100)
    session = switch(tab, session, 1)[tab.session]
    session = paint(tab, session, Label.CLOTH, 300)
    both, second = np.array(saved_photo(tab, session)), session.opened.id
    updates = tab.open_face(session, tab.example_faces.open(0), LOOK)
    assert len(updates[tab.earlier]["value"]) == 1  # one photo
    session = tab.reopen_photo(updates[tab.session], FIRST, LOOK)[tab.session]
    assert session.opened.id == second and np.array_equal(np.array(saved_photo(tab, session)), both)


def test_an_unedited_upload_can_be_opened_again(tab: PaintTab, session: Session) -> None:
    updates = tab.open_face(session, tab.example_faces.open(0), LOOK)
    assert updates[tab.earlier]["value"][0][1] == "two"
    again = tab.reopen_photo(updates[tab.session], FIRST, LOOK)[tab.session]
    assert again.opened.id == session.opened.id and not again.edit.region.any()
