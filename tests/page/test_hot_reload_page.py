"""The page while its weights are exchanged, and what `app.py` does with a folder of weights."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import draw_face, draw_mask, tiny_pipeline
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr

import app as command
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import copy_style
from maskgan.labels import Label
from maskgan.serving.guard import Guard
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import publish
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import Examples
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session
from maskgan.ui.weights_line import WeightsNews, news

LOOK = Look()


def published(weights: Path, seed: int, stage: str = "train_ebst") -> Path:
    about = {"stage": stage, "step": seed}
    return publish(weights, f"step-{seed:07d}", tiny_pipeline(seed).save, about)


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    published(tmp_path / "run" / "weights", 1)
    serving = Serving(tiny_pipeline(0), tmp_path / "run")
    serving.poll()
    return serving


@pytest.fixture
def examples(serving: Serving, tmp_path: Path) -> Examples:
    """One drawn face, so that nothing has to be found in a photo."""
    folder = tmp_path / "examples"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    mask = draw_mask(256)
    Image.fromarray(draw_face(mask)).save(folder / "images" / "portrait.jpg", quality=95)
    Image.fromarray(mask).save(folder / "masks" / "portrait.png")
    return Examples(serving, folder)


@pytest.fixture
def tab(serving: Serving, examples: Examples) -> PaintTab:
    with gr.Blocks():
        return PaintTab(serving, examples)


def stroke(session: Session) -> dict[str, Any]:
    """Clothes in the middle of a cheek, which no pixels of the photo can be moved to show: they have to be painted."""
    mask = session.opened.face.mask.copy()
    assert (mask[300:330, 160:200] == Label.SKIN).all()
    mask[300:330, 160:200] = Label.CLOTH
    return {**MaskCanvas.payload(mask, id=session.opened.id), "stroke": 1}


def test_the_next_stroke_is_drawn_by_the_new_weights_alone(tab: PaintTab, serving: Serving, tmp_path: Path) -> None:
    session = tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]
    face = session.opened.face
    before = tab.paint(session, stroke(session), LOOK)
    assert "train_ebst, step 1" in before[tab.made_by] and "AI-edited" in before[tab.made_by]
    published(tmp_path / "run" / "weights", 2)
    serving.poll()
    after = tab.paint(before[tab.session], stroke(session), LOOK)
    assert "train_ebst, step 2" in after[tab.made_by] and serving.current().weights.hash in after[tab.made_by]
    new = serving.current()
    expected = new.edit(new.with_mask(face, face.mask), after[tab.session].mask)
    assert np.array_equal(after[tab.session].edit.crop, expected.crop)
    assert not np.array_equal(before[tab.session].edit.crop, expected.crop)


def test_nothing_is_called_edited_that_is_not(tab: PaintTab) -> None:
    updates = tab.open_face(Session(), tab.example_faces.open(0), LOOK)
    assert "AI-edited" not in updates[tab.made_by] and "step 1" in updates[tab.made_by]


def test_a_style_is_copied_with_codes_of_one_network(examples: Examples, serving: Serving) -> None:
    old, new = serving.current(), tiny_pipeline(2)
    target = examples.face(0)
    source = old.with_mask(target, np.roll(target.mask, 5, 1))
    expected = copy_style(new, new.refresh(target), new.refresh(source), ["hair"])
    edit = copy_style(new, target, source, ["hair"])
    assert np.array_equal(edit.crop, expected.crop) and edit.weights is new.weights


def test_the_line_tells_of_refused_and_of_newer_weights(tab: PaintTab, serving: Serving, tmp_path: Path) -> None:
    weights = tmp_path / "run" / "weights"
    session = tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]
    assert news(serving, session) == ""
    (published(weights, 2) / "dmn" / "config.json").unlink()
    serving.poll()
    assert "config.json is missing. The page goes on with" in news(serving, session)
    published(weights, 3, stage="<b>x</b>")
    serving.poll()
    line = news(serving, session)
    assert "Newer weights" in line and "step 3" in line and "<b>" not in line
    assert news(serving, tab.refresh(session, LOOK)[tab.session]) == ""


def test_a_line_that_is_shown_is_not_sent_again(tab: PaintTab, serving: Serving) -> None:
    with gr.Blocks():
        line = WeightsNews(serving)
    assert line.look(Session(), "") == line.look(Session(), None) == gr.skip()
    serving.refused = "The weights x were refused: y is missing."
    shown = line.look(Session(), "")
    assert shown["visible"] is True and "y is missing" in shown["value"]
    assert line.look(Session(), shown["value"]) == gr.skip()
    serving.refused = None
    assert line.look(Session(), shown["value"])["visible"] is False


def test_only_a_page_whose_weights_may_change_asks_for_news(examples: Examples, serving: Serving) -> None:
    def timers(served: MaskGANPipeline | Serving) -> int:
        return sum(isinstance(block, gr.Timer) for block in build_app(served, examples).blocks.values())

    assert timers(serving) == timers(serving.current()) + 1


# ---------------------------------------------------------------- app.py


def test_a_run_is_followed_and_a_plain_folder_only_when_asked(tmp_path: Path, tiny_weights: Path) -> None:
    published(tmp_path / "run" / "weights", 1)
    for folder in (tmp_path / "run", tmp_path / "run" / "weights"):
        serving = command.serving_of(folder, watch=False, device="cpu")
        assert serving.folder == folder and serving.current().weights.step == 1
    assert command.serving_of(tiny_weights, watch=False, device="cpu").folder is None
    assert command.serving_of(tiny_weights, watch=True, device="cpu").folder == tiny_weights


def test_damaged_weights_stop_a_start_unless_better_ones_may_come(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled, load = tiny_pipeline(0), MaskGANPipeline.load
    monkeypatch.setattr(
        MaskGANPipeline, "load", lambda folder, device: bundled if folder is None else load(folder, device)
    )
    (tmp_path / "run").mkdir()
    with pytest.raises(SystemExit, match="no MaskGAN weights"):
        command.serving_of(tmp_path / "run", watch=False, device="cpu")
    assert command.serving_of(tmp_path / "run", watch=True, device="cpu").current() is bundled
    (published(tmp_path / "run" / "weights", 1) / "dmn" / "config.json").unlink()
    serving = command.serving_of(tmp_path / "run", watch=False, device="cpu")
    assert serving.current() is bundled and serving.folder is not None
    with pytest.raises(SystemExit, match="--weights"):
        command.serving_of(None, watch=True, device="cpu")


# ---------------------------------------------------------------- Chromium


@pytest.mark.browser
def test_the_page_tells_what_happens_to_its_weights(
    browser: Any, serving: Serving, examples: Examples, tmp_path: Path
) -> None:
    demo = build_app(serving, examples)
    demo.guard = Guard("127.0.0.1")
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.set_default_timeout(120_000)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    weights = tmp_path / "run" / "weights"
    try:
        serving.start(seconds=0.1)
        page.goto(url)
        page.wait_for_selector("#face-result img")
        page.locator("#made-by summary", has_text="Not edited yet").click()
        page.locator("#made-by").get_by_text("step 1").wait_for()
        assert page.locator("#weights-news").count() == 0 or not page.locator("#weights-news").is_visible()
        (published(weights, 2) / "dmn" / "config.json").unlink()
        page.get_by_text("refused").wait_for()
        published(weights, 3)
        page.get_by_text("Newer weights serve now").wait_for()
        page.locator("#quick-longer_hair, .quick-buttons button").first.click()
        page.locator("#made-by").get_by_text("AI-edited").wait_for()
        page.locator("#made-by").get_by_text("step 3").wait_for(state="attached")
        page.get_by_text("Newer weights serve now").wait_for(state="hidden")
        time.sleep(0.1)
        assert [text for text in problems if "AbortError" not in text] == []
    finally:
        serving.stop()
        page.close()
        demo.close()
