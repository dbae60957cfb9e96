"""Strokes of the page in Chromium that follow each other, and their pictures: in order, whatever arrives first."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import numpy as np
import pytest
from paint_tab import random_pipeline  # noqa: F401  (a fixture)
from PIL import Image
from visitor import PATIENCE, Visitor, a_visitor, the_url  # noqa: F401  (fixtures)

pytest.importorskip("gradio")

from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.edit import Edit, Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label
from maskgan.ui.examples import Examples
from maskgan.ui.paint import ahead, showing

pytestmark = pytest.mark.browser


def shown_by(visitor: Visitor, picture: np.ndarray) -> bool:
    """Whether the page's result is this picture, pixel for pixel."""
    address = visitor.shown()[1]
    file = base64.b64decode(address.partition(",")[2]) if address.startswith("data:") else httpx.get(address).content
    return np.array_equal(Image.open(io.BytesIO(file)), picture)


def wait_until(page: Any, sentence: str, is_so: Callable[[], bool]) -> None:
    """Waits for what does not show in the page's elements."""
    limit = time.monotonic() + PATIENCE / 1000
    while not is_so():
        assert time.monotonic() < limit, f"never was {sentence}"
        page.wait_for_timeout(50)


def test_a_preview_that_is_the_end_is_drawn_once_and_no_slow_result_covers_a_newer_one(
    visitor: Visitor, pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, drawn, go_on = visitor.page, [], threading.Event()

    def edit(pipeline: Any, face: Any, mask: np.ndarray, *rest: Any, **named: Any) -> Any:
        drawn.append(mask)
        if len(drawn) == 2:
            assert go_on.wait(60), "the slow edit was never let go"
        return edit_with_looks(pipeline, face, mask, *rest, **named)

    def until(sentence: str, is_so: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE / 1000
        while not is_so():
            assert time.monotonic() < limit, f"never was {sentence}"
            page.wait_for_timeout(50)

    def seen() -> list[np.ndarray]:
        """All pictures that were shown, in their order."""
        files = page.evaluate(
            """() => Promise.all(seen.map(async (url) => {
              const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
              return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
            }))"""
        )
        return [np.array(Image.open(io.BytesIO(base64.b64decode(file)))) for file in files]

    visitor.choose_example(1)
    visitor.wait_for_result()
    face = Examples(pipeline).open(1).face
    monkeypatch.setattr(showing, "edit_with_looks", edit)
    page.evaluate(
        """() => {
          window.seen = [];
          const picture = document.querySelector("#face-result .after");
          new MutationObserver(() => seen.push(picture.src)).observe(picture, { attributeFilter: ["src"] });
        }"""
    )
    # Lifted where the preview was drawn: nothing is left to draw.
    visitor.call("setTool('brush')")
    visitor.call(f"setClass({int(Label.HAT)})")
    visitor.call("setSize(24)")
    visitor.settle()
    visitor.to(200.5, 300.5)
    page.mouse.down()
    until("a preview", lambda: bool(page.evaluate("seen.length")))
    page.mouse.up()
    page.wait_for_selector("#history img")  # the server has heard of the end
    first = visitor.mask()
    assert len(drawn) == 1 and np.array_equal(drawn[0], first)

    # A preview that takes long, and an end that does not.
    visitor.settle()
    visitor.to(260.5, 300.5)
    page.mouse.down()
    until("a second preview", lambda: len(drawn) == 2)
    visitor.to(330.5, 300.5, steps=3)
    with page.expect_response(lambda answer: "/queue/join" in answer.url):
        page.mouse.up()
    page.wait_for_timeout(1000)  # for an end that does not wait
    go_on.set()
    last = visitor.mask()
    page.wait_for_function("document.querySelectorAll('#history img').length === 3")
    masks = [first, drawn[1], last]
    assert len(drawn) == 3 and all(map(np.array_equal, drawn, masks))
    shown = seen()
    edits = [edit_with_looks(pipeline, face, mask).crop for mask in masks]
    # Each as a JPEG first, where it was not its event that drew it; a preview that is not the end never exactly.
    order = [int(np.argmin([np.abs(picture - edit.astype(int)).mean() for edit in edits])) for picture in shown]
    assert order == sorted(order) and set(order) == {0, 1, 2}
    exact = [number for number, picture in zip(order, shown, strict=True) if np.array_equal(picture, edits[number])]
    assert exact == [0, 2] and np.array_equal(shown[-1], edits[2])


def test_a_picture_that_arrives_after_a_newer_one_is_not_shown(
    visitor: Visitor, pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visitor.page
    monkeypatch.setattr(ahead, "_PATIENCE", PATIENCE / 1000)
    visitor.choose_example(2)
    visitor.wait_for_result()
    face = Examples(pipeline).open(2).face

    def crop(mask: np.ndarray, **options: Any) -> np.ndarray:
        return edit_with_looks(pipeline, face, mask, **options).crop

    shows, until = partial(shown_by, visitor), partial(wait_until, page)

    # The first stroke's picture is held up on its way, the second one's is not.
    page.evaluate(
        """() => {
          const own = window.fetch;
          window.fetch = async (...request) => {
            const answer = await own(...request);
            if (window.letGo || !String(request[0].url ?? request[0]).includes("component_server")) return answer;
            await new Promise((resolve) => (window.letGo = resolve));
            setTimeout(() => (window.arrived = true), 500);
            return answer;
          };
        }"""
    )
    visitor.stroke(Label.HAT, (200.5, 60.5), (240.5, 60.5))
    until("the first picture on its way", lambda: page.evaluate("Boolean(window.letGo)"))
    first = visitor.mask()
    visitor.stroke(Label.CLOTH, (250.5, 400.5), (280.5, 400.5))
    second = visitor.mask()
    of_second = crop(second)
    until("the second picture", lambda: shows(of_second))
    page.evaluate("letGo()")
    until("the first picture there", lambda: page.evaluate("Boolean(window.arrived)"))
    assert shows(of_second) and not np.array_equal(first, second)

    # An answer of an event that knows no more than what was shown before the last picture.
    red = "data:image/gif;base64,R0lGODlhAQABAPAAAP8AAAAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
    page.evaluate(
        """([file, face]) => document.dispatchEvent(new CustomEvent("mask-result-ahead", {
          detail: { canvas: "canvas", file, path: "/red/face.webp", order: `${face} ${window.maskCanvasMessages + 1}` },
        }))""",
        [red, visitor.call("id")],
    )
    assert visitor.shown()[1] == red
    page.evaluate("document.addEventListener('mask-result-shown', () => (window.told = true))")
    page.click("#keep input")
    until("the answer there", lambda: page.evaluate("Boolean(window.told)"))
    assert visitor.shown()[1] == red
    visitor.stroke(Label.HAT, (300.5, 60.5), (340.5, 60.5))
    of_third = crop(visitor.mask(), keep_untouched=False)
    until("the third picture", lambda: shows(of_third))


def test_a_draft_is_shown_until_its_edit_is_there_which_is_made_once(
    visitor: Visitor, pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, drafted = visitor.page, threading.Event()
    monkeypatch.setattr(ahead, "_PATIENCE", PATIENCE / 1000)
    visitor.choose_example(3)
    visitor.wait_for_result()
    face = Examples(pipeline).open(3).face
    grey = np.full(face.crop.shape, 127, np.uint8)
    drafts: list[bytes] = []  # their masks: on a busy machine the stroke is drafted before its end, too
    edits: list[bytes] = []

    def draft(pipeline: MaskGANPipeline, edit: Edit, before: np.ndarray, mask: np.ndarray) -> np.ndarray:
        drafts.append(mask.tobytes())
        return grey

    def edit(pipeline: MaskGANPipeline, face: Face, mask: np.ndarray, *told: Any, **named: Any) -> Edit:
        assert drafted.wait(60), "the draft was never shown"
        edits.append(mask.tobytes())
        return edit_with_looks(pipeline, face, mask, *told, **named)

    monkeypatch.setattr(showing, "worth_drafting", lambda *told: True)
    monkeypatch.setattr(showing, "draft", draft)
    monkeypatch.setattr(showing, "edit_with_looks", edit)

    shows, until = partial(shown_by, visitor), partial(wait_until, page)

    visitor.stroke(Label.CLOTH, (200.5, 60.5), (240.5, 60.5))
    until("the draft", lambda: shows(grey))
    assert page.locator("#history img").count() == 0
    drafted.set()
    exact = edit_with_looks(pipeline, face, visitor.mask()).crop
    until("the edit", lambda: shows(exact))
    assert visitor.shown()[1].startswith("data:"), "ahead of its event"
    page.wait_for_function("document.querySelectorAll('#history button.thumbnail-item').length === 2")
    assert shows(exact) and edits == [visitor.mask().tobytes()]
    assert drafts[-1] == edits[0] and len(set(drafts)) == len(drafts)


def test_a_stroke_is_told_before_what_people_do_elsewhere_next(visitor: Visitor) -> None:
    page = visitor.page
    visitor.choose_example(1)
    visitor.wait_for_result()
    page.evaluate(
        """() => {
          const own = window.fetch;
          window.fetch = (...request) => {
            const ahead = String(request[0].url ?? request[0]).includes("component_server");
            return ahead ? new Promise((resolve) => (window.letGo = () => resolve(own(...request)))) : own(...request);
          };
          window.letAllGo = () => { window.fetch = own; window.letGo(); };
        }"""
    )
    try:
        visitor.stroke(Label.HAT, (200.5, 60.5), (240.5, 60.5))
        page.wait_for_function("Boolean(window.letGo)")
        assert page.locator("#history button.thumbnail-item").count() < 2
        page.locator("h2.step").first.click()  # its picture ahead has not come, and does not
        page.wait_for_function("document.querySelectorAll('#history button.thumbnail-item').length === 2")
    finally:
        page.evaluate("letAllGo()")
