"""A visitor of the page in Chromium, with tiny random networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from canvas_hand import CanvasHand, sources

pytest.importorskip("gradio")

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.serving.guard import Guard
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import Examples

PATIENCE = 120_000  # ms; only a page that never answers takes as long


@pytest.fixture(scope="module", name="url")
def the_url(pipeline: MaskGANPipeline) -> Iterator[str]:
    demo = build_app(pipeline, Examples(pipeline))
    demo.guard = Guard("127.0.0.1")  # with its policy on what a page may load
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    yield address
    demo.close()


class Visitor(CanvasHand):
    """One person with a browser of their own; collects what a page should never do."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        context.setdefault("viewport", {"width": 1280, "height": 720})
        self.context = browser.new_context(**context)
        super().__init__(self.context.new_page())
        self.page.set_default_timeout(PATIENCE)
        self.problems: list[str] = []
        host = urlsplit(url).netloc

        def watch_request(request: Any) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in ("data", "blob") and parts.netloc != host:
                self.problems.append(f"a request left this computer: {request.url}")

        def watch_console(message: Any) -> None:
            # Early Gradio 6 reports the end of its own event stream as an error.
            if message.type == "error" and "AbortError" not in message.text:
                self.problems.append(f"console: {message.text}")

        self.context.on("request", watch_request)
        self.page.on("console", watch_console)
        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.goto(url)
        self.page.wait_for_selector("#canvas .mask-canvas.mc-ready")
        self.page.wait_for_selector("#face-result img")

    def upload(self, path: Path) -> None:
        """Drop a photo and wait until its mask is on the canvas."""
        self.another_face(lambda: self.page.set_input_files("#upload input[type=file]", str(path)))

    def choose_example(self, index: int) -> None:
        self.another_face(lambda: self.page.locator("#examples button.thumbnail-item").nth(index).click())

    def shown(self) -> list[str]:
        """Addresses of the two pictures of the slider."""
        return sources(self.page, "#face-result img")

    def wait_for_result(self, other_than: list[str] | None = None) -> list[str]:
        """Until the slider shows pictures other than these (None: until before and after are the same)."""
        for _ in range(PATIENCE // 100):
            shown = self.shown()
            if len(shown) == 2 and ((shown[0] == shown[1]) if other_than is None else set(shown) != set(other_than)):
                return shown
            self.page.wait_for_timeout(100)
        raise AssertionError("the result never followed")

    def download(self, button: str, folder: Path) -> Path:
        with self.page.expect_download() as info:
            self.page.click(button)
        path = folder / info.value.suggested_filename
        info.value.save_as(path)
        return path

    def leave(self) -> None:
        problems = list(self.problems)  # what closing cuts off is no problem
        self.context.close()
        assert not problems


@pytest.fixture(name="visitor")
def a_visitor(browser: Any, url: str) -> Iterator[Visitor]:
    person = Visitor(browser, url)
    yield person
    person.leave()


def away_from(mask: np.ndarray, distance: int) -> np.ndarray:
    """Pixels farther than `distance` from every True pixel."""
    near = mask.copy()
    for axis in (0, 1):
        near = np.logical_or.reduce([np.roll(near, shift, axis) for shift in range(-distance, distance + 1)])
    return ~near
