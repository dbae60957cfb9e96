"""The Interpolate tab with random networks and the bundled MaskVAE: its handlers, and the real page in Chromium."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from conftest import tiny_pipeline, tiny_pipeline_of_faces, told_by
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr
from visitor import Visitor

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label, colourise
from maskgan.mask_files import read_mask, write_mask
from maskgan.serving.guard import Guard
from maskgan.serving.hot_reload import Serving
from maskgan.sizes import CROP_SIZE
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import Examples
from maskgan.ui.interpolate.state import MorphState
from maskgan.ui.interpolate.tab import RANDOM, InterpolateTab
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session

LOOK = Look()


@pytest.fixture(scope="module")
def pipeline() -> MaskGANPipeline:
    return tiny_pipeline_of_faces()


@pytest.fixture(scope="module")
def serving(pipeline: MaskGANPipeline) -> Serving:
    return Serving(pipeline)


@pytest.fixture(scope="module")
def tabs(serving: Serving) -> tuple[InterpolateTab, PaintTab]:
    examples = Examples(serving)
    with gr.Blocks():
        with gr.Tabs() as all_tabs:
            with gr.Tab("Paint", id="paint"):
                paint = PaintTab(serving, examples)
            with gr.Tab("Interpolate") as own:
                tab = InterpolateTab(serving, examples)
        tab.connect(own, paint, all_tabs)
    return tab, paint


@pytest.fixture(scope="module")
def tab(tabs: tuple[InterpolateTab, PaintTab]) -> InterpolateTab:
    return tabs[0]


@pytest.fixture
def ends(tab: InterpolateTab) -> tuple[Session, Session]:
    return tab.a.show(tab.example_faces.open(0))[tab.a.session], tab.b.show(tab.example_faces.open(1))[tab.b.session]


@pytest.fixture
def state(tab: InterpolateTab, ends: tuple[Session, Session]) -> MorphState:
    return tab.change_ends(*ends, 0.0, "a", False)[tab.state]


def select(index: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": index, "value": None})


def picture(path: str) -> np.ndarray:
    return np.array(Image.open(path))


def test_the_first_visit_shows_the_paint_tabs_photo_and_an_example(tabs: tuple[InterpolateTab, PaintTab]) -> None:
    tab, paint = tabs
    painted = paint.open_face(Session(), paint.example_faces.open(2), LOOK)[paint.session]
    updates = tab.start(Session(), Session(), painted)
    assert updates[tab.a.session].opened is painted.opened
    assert updates[tab.b.session].opened.name == tab.example_faces.paths[1].stem
    assert tab.start(updates[tab.a.session], updates[tab.b.session], painted) == gr.skip()


def test_both_ends_show_their_own_masks(tab: InterpolateTab, ends: tuple[Session, Session]) -> None:
    for t, end in zip((0.0, 1.0), ends, strict=True):
        updates = tab.change_ends(*ends, t, "a", False)
        assert np.array_equal(updates[tab.state].mask, end.mask)
        assert np.array_equal(picture(updates[tab.mask]), colourise(end.mask))
        with Image.open(updates[tab.face]) as face:
            assert "DigitalSourceType" in told_by(face)


def test_a_move_decodes_once_and_encodes_nothing(
    tab: InterpolateTab, state: MorphState, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, calls = tab.pipeline, []
    for owner, name in ((pipeline.mask_vae, "encode"), (pipeline.mask_vae, "decode"), (pipeline.dmn, "encode_style")):
        inner = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *args, i=inner, n=name, **kw: calls.append(n) or i(*args, **kw))
    inner_generate = pipeline.dmn.generate
    monkeypatch.setattr(pipeline.dmn, "generate", lambda *a, **kw: calls.append("generate") or inner_generate(*a, **kw))
    updates = tab.scrub(state, 0.3, "blend", True)
    assert sorted(calls) == ["decode", "generate"]
    expected = tab._morph(state).face_at(0.3, "blend")
    assert np.array_equal(picture(updates[tab.face]), expected)


def test_what_is_painted_and_the_photos_own_mask_can_both_be_taken(tabs: tuple[InterpolateTab, PaintTab]) -> None:
    tab, paint = tabs
    session = paint.open_face(Session(), paint.example_faces.open(0), LOOK)[paint.session]
    mask = session.mask.copy()
    mask[:40] = Label.HAT
    session = paint.paint(session, MaskCanvas.payload(mask, id=session.opened.id), LOOK)[paint.session]
    taken = tab.b.take_painted(session)[tab.b.session]
    assert np.array_equal(taken.mask, mask) and taken.opened is session.opened
    assert np.array_equal(tab.b.take_photo(session)[tab.b.session].mask, session.opened.face.mask)


def test_a_mask_file_keeps_the_face_for_its_style(
    tab: InterpolateTab, ends: tuple[Session, Session], tmp_path: Path
) -> None:
    mask = np.rot90(ends[1].mask).copy()
    write_mask(tmp_path / "m.png", mask)
    loaded = tab.b.load_mask(ends[1], str(tmp_path / "m.png"))[tab.b.session]
    assert np.array_equal(loaded.mask, mask) and loaded.opened is ends[1].opened
    state = tab.change_ends(ends[0], loaded, 1.0, "b", False)[tab.state]
    assert np.array_equal(state.mask, mask) and state.line.style_b is ends[1].opened.face.style


def test_a_stroke_changes_the_mask_and_not_the_style(tab: InterpolateTab, ends: tuple[Session, Session]) -> None:
    mask = ends[0].mask.copy()
    mask[100:120, 100:120] = Label.HAIR
    message = MaskCanvas.payload(mask, id=ends[0].opened.id)
    painted = tab.a.correct_mask(ends[0], message)[tab.a.session]
    assert np.array_equal(painted.mask, mask) and painted.opened is ends[0].opened
    assert tab.a.correct_mask(ends[1], message) == gr.skip()  # of another face


def test_the_strip_has_as_many_frames_as_asked_and_leads_the_slider(tab: InterpolateTab, state: MorphState) -> None:
    frames = tab.draw_strip(state, 5, "blend", False)[tab.strip]["value"]
    assert len(frames) == 5
    first = picture(frames[0])
    assert first.shape == (240, 120, 3)
    assert tab.choose_frame(5, select(1))[tab.t] == 0.25


def test_random_masks_are_new_at_every_press_and_one_can_be_chosen(tab: InterpolateTab, state: MorphState) -> None:
    once = tab.draw_near(state, 1.0, "a", False)[tab.state]
    again = tab.draw_near(once, 1.0, "a", False)[tab.state]
    assert len(once.near) == RANDOM and not np.array_equal(once.near[0], again.near[0])
    chosen = tab.choose_near(again, "a", False, select(2))
    assert np.array_equal(chosen[tab.state].mask, again.near[2])
    assert np.array_equal(picture(chosen[tab.mask]), colourise(again.near[2]))


@pytest.mark.parametrize("style, end", [("a", 0), ("b", 1)])
def test_the_paint_tab_gets_the_mask_on_the_face_of_the_style(
    tab: InterpolateTab, state: MorphState, ends: tuple[Session, Session], style: str, end: int
) -> None:
    shown = tab.scrub(state, 0.4, style, False)[tab.state]
    opened, mask = tab.shown_face(shown)
    assert opened is ends[end].opened
    assert np.array_equal(mask, tab._morph(state).mask_at(0.4))


def test_an_end_with_nothing_changed_is_not_for_the_paint_tab(
    tab: InterpolateTab, state: MorphState, ends: tuple[Session, Session]
) -> None:
    for t, style, name in ((0.0, "a", "A"), (0.0, "blend", "A"), (1.0, "blend", "B"), (1.0, "b", "B")):
        updates = tab.scrub(state, t, style, False)
        assert f"face {name} with nothing changed" in updates[tab.why_not]
        with pytest.raises(ValueError, match="nothing changed"):
            tab.shown_face(updates[tab.state])
    for t, style, redraw in ((0.0, "b", False), (0.4, "blend", False), (0.0, "blend", True)):
        assert tab.scrub(state, t, style, redraw)[tab.why_not] == ""
    with pytest.raises(ValueError, match="Choose a mask at A"):
        tab.shown_face(MorphState())


@pytest.mark.parametrize("redraw", [False, True])
def test_a_blended_face_goes_to_the_paint_tab_as_it_is_seen(
    tab: InterpolateTab, state: MorphState, redraw: bool
) -> None:
    updates = tab.scrub(state, 0.6, "blend", redraw)
    opened, mask = tab.shown_face(updates[tab.state])
    assert np.array_equal(opened.face.crop, picture(updates[tab.face]))
    assert np.array_equal(opened.face.mask, mask)
    assert opened.id not in {end.id for end in state.ends}


def test_paint_keeps_the_mark_of_a_blended_face_and_the_work_on_a_face_that_is_sent_back(
    tabs: tuple[InterpolateTab, PaintTab], state: MorphState
) -> None:
    tab, paint = tabs
    blended = paint.receive(Session(), *tab.shown_face(tab.scrub(state, 0.6, "blend", False)[tab.state]), LOOK)[
        paint.session
    ]
    with Image.open(paint.photo_file(blended, False)) as photo:
        assert "DigitalSourceType" in told_by(photo)
    opened, mask = tab.shown_face(tab.scrub(state, 0.4, "a", False)[tab.state])
    session = paint.open_face(blended, opened, LOOK)[paint.session]
    session = paint.choose_look(session, {"part": "Skin", "look": "#806050"}, LOOK)[paint.session]
    back = paint.receive(session, opened, mask, LOOK)[paint.session]
    assert back.opened.id == opened.id and np.array_equal(back.mask, mask)
    assert [step.label for step in back.history] == ["Original", "Skin: #806050", "From another tab"]


def test_files_hold_the_frames(tab: InterpolateTab, state: MorphState) -> None:
    with zipfile.ZipFile(tab.sequence_file("PNG set", state, 4, "a", False, "masks")) as archive:
        assert archive.namelist() == [f"mask_{i:03d}.png" for i in range(4)]
        last = read_mask(io.BytesIO(archive.read("mask_003.png")), order="celebamask")
    assert np.array_equal(last, state.line.mask_b)
    with zipfile.ZipFile(tab.sequence_file("PNG set", state, 3, "b", True, "faces")) as archive:
        middle = np.array(Image.open(io.BytesIO(archive.read("face_001.png"))))
    assert np.array_equal(middle, tab._morph(state).face_at(0.5, "b"))
    with zipfile.ZipFile(tab.sequence_file("PNG set", state, 3, "a", False, "faces")) as archive:
        first = np.array(Image.open(io.BytesIO(archive.read("face_000.png"))))
    assert np.array_equal(first, state.ends[0].face.crop)  # the photo itself
    with av.open(tab.sequence_file("MP4", state, 4, "blend", False, "faces")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 4
    assert Image.open(tab.sequence_file("GIF", state, 4, "a", False, "masks")).size == (CROP_SIZE, CROP_SIZE)


def test_newer_weights_get_latents_of_their_own(tabs: tuple[InterpolateTab, PaintTab], state: MorphState) -> None:
    tab, _ = tabs
    newer = tiny_pipeline(seed=5)
    former, tab.serving = tab.serving, Serving(newer)
    try:
        renewed = tab.scrub(state, 0.5, "a", False)[tab.state]
    finally:
        tab.serving = former
    assert renewed.line.weights is newer.weights is not state.line.weights
    assert renewed.ends == state.ends
    assert np.array_equal(renewed.line.mask_a, state.line.mask_a)


def test_what_cannot_be_done_changes_nothing(
    tab: InterpolateTab, state: MorphState, ends: tuple[Session, Session]
) -> None:
    assert tab.change_ends(Session(), ends[1], 0.0, "a", False) == gr.skip()
    assert tab.scrub(MorphState(), 0.5, "a", False) == gr.skip()
    assert tab.scrub(state, 7.0, "a", False) == gr.skip()
    assert tab.scrub(state, 0.5, "z", False) == gr.skip()
    assert tab.draw_near(MorphState(), 1.0, "a", False) == gr.skip()
    assert tab.choose_near(replace(state, near=()), "a", False, select(0)) == gr.skip()
    assert tab.a.take_photo(Session()) == gr.skip()
    with pytest.raises(gr.Error, match="Choose a mask"):
        tab.sequence_file("GIF", MorphState(), 5, "a", False, "faces")


def test_weights_without_a_mask_vae_say_so_in_one_line(pipeline: MaskGANPipeline) -> None:
    without = MaskGANPipeline(pipeline.dmn, pipeline.parser)
    app = build_app(without, Examples(without))
    texts = [block.value for block in app.blocks.values() if getattr(block, "elem_id", None) == "morph-missing"]
    assert len(texts) == 1 and "no MaskVAE" in texts[0]
    assert not any(getattr(block, "elem_id", None) == "morph-t" for block in app.blocks.values())


# --- the real page ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(pipeline: MaskGANPipeline) -> Iterator[str]:
    demo = build_app(pipeline, Examples(pipeline))
    demo.guard = Guard("127.0.0.1")
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    yield address
    demo.close()


def until_other(visitor: Visitor, selector: str, before: str) -> str:
    visitor.page.wait_for_function(
        "([selector, before]) => { const image = document.querySelector(selector); "
        "return image && image.src !== before && image.complete; }",
        arg=[selector, before],
    )
    return visitor.page.locator(selector).get_attribute("src")


@pytest.mark.browser
@pytest.mark.slow
def test_in_the_browser_the_slider_moves_both_pictures_and_paint_gets_the_mask(
    browser: Any, url: str, tmp_path: Path
) -> None:
    visitor = Visitor(browser, url)
    page = visitor.page
    original = visitor.mask()
    page.get_by_role("tab", name="Interpolate").click()
    page.wait_for_selector("#morph-strip img")
    face, mask = (page.locator(f"#morph-{name} img").get_attribute("src") for name in ("face", "mask"))

    page.locator("#morph-t input[type=range]").focus()  # by keyboard alone
    page.keyboard.press("End")
    until_other(visitor, "#morph-mask img", mask)
    beyond = until_other(visitor, "#morph-face img", face)
    page.click("#morph-mark-Inner")
    until_other(visitor, "#morph-face img", beyond)
    assert page.locator("#morph-t input[type=number]").input_value() == "0.4"

    file = visitor.download("#morph-save-mp4", tmp_path)
    with av.open(str(file)) as video:
        assert sum(1 for _ in video.decode(video=0)) == 9

    page.click("#morph-mark-A")
    page.wait_for_selector("#morph-send[aria-disabled=true]")
    page.click("#morph-send", force=True)  # it says why not, and stays here
    reason = page.locator("#morph-send-why-not").inner_text()
    assert "nothing changed" in reason and reason == page.locator("#morph-send").get_attribute("title")
    assert page.locator("#morph-t").is_visible()
    page.click("#morph-mark-Inner")
    page.wait_for_selector("#morph-send:not([aria-disabled])")

    page.click("#morph-send")
    applied = visitor.wait_for_mask(other_than=original)
    assert applied.shape == (CROP_SIZE, CROP_SIZE) and (applied != original).mean() > 0.01
    assert page.locator("#morph-t").is_hidden()
    visitor.leave()
