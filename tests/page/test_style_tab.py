"""The Style copy tab: its handlers with tiny networks, and one visit in a real browser with the bundled weights."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tiny_pipeline, told_by
from PIL import ExifTags, Image

pytest.importorskip("gradio")

import gradio as gr

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label
from maskgan.serving.guard import Guard
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session
from maskgan.ui.style.tab import StyleTab

PATIENCE = 120_000  # ms
STYLE = ("style", ["skin", "hair"], 1.0)


@pytest.fixture(scope="module")
def tab() -> StyleTab:
    pipeline = tiny_pipeline()
    for name, layer in pipeline.dmn.named_modules():
        if name.endswith("base_colour"):  # untrained, styles would differ too little to be seen
            torch.nn.init.normal_(layer.weight, std=20)
    with gr.Blocks():
        return StyleTab(pipeline, Examples(pipeline))


@pytest.fixture
def opened(tab: StyleTab) -> tuple[Session, Session]:
    started = tab.start(Session(), Session(), Session())
    return started[tab.source.session], started[tab.target.session]


def test_source_and_target_are_two_faces_with_their_own_ids(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    source, target = opened
    assert source.opened.id != target.opened.id
    assert not np.array_equal(source.opened.face.crop, target.opened.face.crop)
    assert tab.start(*opened, Session()) == gr.skip()  # work that is there stays


def test_the_result_is_the_target_in_the_style_of_the_source(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    updates = tab.update(*opened, *STYLE)
    before, after = (np.array(Image.open(path)) for path in updates[tab.result])
    target = opened[1].opened.face
    assert np.array_equal(before, target.crop)
    changed = (before != after).any(-1)
    assert changed.any() and not changed[target.mask == Label.L_EYE].all()
    assert updates[tab.strength]["interactive"] is True
    shapes = tab.update(*opened, "shapes", [], 1.0)
    redrawn = tab.update(*opened, "redrawn", [], 1.0)
    assert shapes[tab.result][1] != redrawn[tab.result][1]
    assert shapes[tab.strength]["interactive"] is False and shapes[tab.regions]["interactive"] is False


def test_no_region_is_answered_in_a_sentence(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    with pytest.warns(UserWarning, match=r"^Choose at least one region to copy\.$"):
        assert tab.update(*opened, "style", [], 1.0).keys() == {tab.why_not}


def test_swap_twice_is_as_before(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    once = tab.swap(*opened)
    assert once[tab.source.session].opened is opened[1].opened
    twice = tab.swap(once[tab.source.session], once[tab.target.session])
    assert twice[tab.source.session].opened is opened[0].opened


def test_a_corrected_mask_reads_the_style_anew_and_late_strokes_are_dropped(
    tab: StyleTab, opened: tuple[Session, Session]
) -> None:
    source, target = opened
    mask = source.opened.face.mask.copy()
    mask[100:140, 100:140] = Label.HAIR
    message = {**MaskCanvas.payload(mask, id=source.opened.id), "stroke": 1}
    corrected = tab.source.correct_mask(source, message)[tab.source.session]
    assert np.array_equal(corrected.opened.face.mask, mask) and corrected.opened.id == source.opened.id
    assert not np.array_equal(corrected.opened.face.style.codes, source.opened.face.style.codes)
    assert tab.target.correct_mask(target, message) == gr.skip()


def test_the_grid_has_a_row_per_source_and_a_column_per_target(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    names = [path.stem for path in tab.example_faces.paths]
    grid = tab.draw_matrix(*opened, *STYLE, ["Source above", names[0]], names[:3])[tab.matrix]
    with Image.open(grid) as picture:
        assert picture.size == (4 * 192, 3 * 192) and "DigitalSourceType" in told_by(picture)


def test_a_jpeg_is_downloaded_as_one_and_its_result_says_so_also_from_the_paint_tab(
    tab: StyleTab, opened: tuple[Session, Session], tmp_path: Path
) -> None:
    """As the kind of file that the target came in, without its place; what was drawn is told, also once painted on."""
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "somebody"
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (1.0, 2.0, 3.0)}
    Image.open(FOLDER / "photo_01.jpg").save(tmp_path / "holiday.jpg", quality=66, exif=exif)
    target = tab.target.picker.open_photo(Session(), str(tmp_path / "holiday.jpg"))[tab.target.session]
    path = Path(tab.photo_file(opened[0], target, *STYLE))
    result = Image.open(path)
    assert path.name == "holiday_style.jpg" and result.format == "JPEG"
    assert result.quantization == Image.open(tmp_path / "holiday.jpg").quantization
    kept = result.getexif()
    assert kept[ExifTags.Base.Copyright] == "somebody" and ExifTags.IFD.GPSInfo not in kept
    assert "DigitalSourceType" in told_by(result)

    with gr.Blocks():
        paint = PaintTab(tab.serving, tab.example_faces)
    face, mask = tab.result_face(opened[0], target, *STYLE)
    session = paint.open_face(Session(), face, Look(), mask)[paint.session]
    assert not session.edit.changed.any()
    for file in (paint.photo_file(session, False), paint.face_file(session)):
        assert "DigitalSourceType" in told_by(Image.open(file))
    assert Image.open(paint.photo_file(session, False)).format == "JPEG"


def test_the_result_can_be_painted_on(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    result, mask = tab.result_face(*opened, *STYLE)
    target = opened[1].opened
    assert result.id != target.id and result.face.photo.shape == target.face.photo.shape
    assert np.array_equal(mask, target.face.mask) and result.face.mask is mask
    assert (result.face.crop != target.face.crop).any()


def test_a_result_with_nothing_changed_is_not_for_the_paint_tab(tab: StyleTab, opened: tuple[Session, Session]) -> None:
    nothing = ("style", ["lips"], 0.0)
    assert "nothing changed" in tab.update(*opened, *nothing)[tab.why_not]
    with pytest.raises(ValueError, match="nothing changed"):
        tab.result_face(*opened, *nothing)
    with pytest.warns(UserWarning, match="region") as told:
        assert tab.update(*opened, "style", [], 1.0) == {tab.why_not: str(told[0].message)}
    assert tab.update(*opened, *STYLE)[tab.why_not] == ""


def test_what_is_sent_to_paint_stays_marked_and_puts_the_open_face_aside(
    tab: StyleTab, opened: tuple[Session, Session]
) -> None:
    with gr.Blocks():
        paint = PaintTab(tab.serving, tab.example_faces)
    session = paint.picker.open_photo(Session(), str(FOLDER / "photo_01.jpg"), "face", True, False)[paint.session]
    result, mask = tab.result_face(*opened, *STYLE)
    updates = paint.receive(session, result, mask, Look())
    sent = updates[paint.session]
    assert updates[paint.earlier]["value"][0][1] == "photo_01" and "AI-edited" in updates[paint.made_by]
    for path in (paint.photo_file(sent, False), paint.face_file(sent), updates[paint.face_result]["value"][1]):
        with Image.open(path) as picture:
            assert "DigitalSourceType" in told_by(picture)
    with Image.open(io.BytesIO(result.source.data)) as kept:  # and so does what a browser keeps of it
        assert "DigitalSourceType" in told_by(kept) and np.array_equal(np.array(kept), result.face.photo)
    # Sent again, it is another face; what was painted on the first is put aside too.
    again = paint.receive(sent, *tab.result_face(*opened, *STYLE), Look())[paint.session]
    assert [left.opened.name for left in again.left] == ["photo_01", sent.opened.name]


@pytest.mark.browser
def test_a_visit_on_the_bundled_weights(browser: Any) -> None:
    pipeline = MaskGANPipeline.load(device="cpu")
    demo = build_app(pipeline, Examples(pipeline))
    demo.guard = Guard("127.0.0.1")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(PATIENCE)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    page.get_by_role("tab", name="Style copy").click()
    picture = page.locator("#style-result img").last
    picture.wait_for()
    first = picture.get_attribute("src")
    page.get_by_label("Lips (make-up)").focus()
    page.keyboard.press("Space")
    page.wait_for_function(
        "first => [...document.querySelectorAll('#style-result img')].at(-1).src !== first", arg=first
    )
    second = picture.get_attribute("src")
    page.click("#style-swap")
    page.wait_for_function(
        "second => [...document.querySelectorAll('#style-result img')].at(-1).src !== second", arg=second
    )
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_function("document.documentElement.scrollWidth <= 390")
    page.click("#style-send")
    page.wait_for_selector("#canvas .mask-canvas.mc-ready")
    assert not problems
    page.close()
    demo.close()
