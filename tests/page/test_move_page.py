"""Regions moved on the page, with the bundled weights: the picture shows the photo's own pixels where they are put."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from canvas_hand import CanvasHand, sources
from PIL import Image

pytest.importorskip("gradio")

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import MOUTH, Label
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import Examples

pytestmark = pytest.mark.browser

PATIENCE = 120_000  # ms; only a page that never answers takes as long
_PIXELS = """async (which) => {
  const picture = document.querySelector(`#face-result .${which}`);
  await picture.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL();
}"""


class Person(CanvasHand):
    """Somebody with the Move tool in front of a face."""

    def picture(self, which: str) -> np.ndarray:
        """What the result shows, (H, W, 3)."""
        _, _, content = self.page.evaluate(_PIXELS, which).partition(",")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))

    def after(self, act: Any) -> np.ndarray:
        """The picture that something leads to, once the history has it too."""
        shown, steps = self.shown(), self.page.locator("#history button.thumbnail-item").count()
        act()
        self.page.wait_for_function(
            """([shown, steps]) => {
              const url = document.querySelector("#face-result .after").getAttribute("src");
              return url !== shown && document.querySelectorAll("#history button.thumbnail-item").length > steps;
            }""",
            arg=[shown, steps],
        )
        return self.picture("after")

    def shown(self) -> str:
        return sources(self.page, "#face-result .after")[0]

    def wait_until_shown(self, picture: np.ndarray) -> None:
        """Until the result is this picture (H, W, 3); its address may differ, for it may have come ahead."""
        limit = time.monotonic() + PATIENCE / 1000
        while not np.array_equal(self.picture("after"), picture):
            assert time.monotonic() < limit, "the picture never came back"
            self.page.wait_for_timeout(100)


@pytest.fixture(scope="module")
def person(browser: Any) -> Iterator[Person]:
    pipeline = MaskGANPipeline.load()
    demo = build_app(pipeline, Examples(pipeline))
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    try:
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.wait_for_selector("#canvas .mask-canvas.mc-ready")
        page.wait_for_selector("#face-result img")
        person = Person(page)
        person.another_face(lambda: page.locator("#examples button.thumbnail-item").nth(1).click())
        person.call("setTool('move')")
        yield person
    finally:
        context.close()
        demo.close()


def middle_of(region: np.ndarray) -> tuple[float, float]:
    """A point (x, y) near the middle of a region (H, W) that is inside of it."""
    distance = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(distance.argmax(), region.shape)
    return column + 0.5, row + 0.5


def inner(region: np.ndarray) -> np.ndarray:
    return cv2.erode(region.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def test_an_eye_and_then_a_mouth_take_their_own_pixels_along_and_undo_brings_each_back(person: Person) -> None:
    original, photo = person.mask(), person.picture("before").astype(int)
    eye = original == Label.L_EYE
    x, y = middle_of(eye)
    picture = person.after(lambda: person.drag((x, y), (x + 6, y - 8)))
    there = np.roll(eye, (-8, 6), (0, 1))
    assert np.array_equal(person.mask() == Label.L_EYE, there)
    assert np.abs(picture - np.roll(photo, (-8, 6), (0, 1)))[inner(there)].mean() < 4  # it comes as a WebP
    assert np.abs(picture - photo)[inner(there)].mean() > 8
    with_eye = picture

    mouth = np.isin(original, MOUTH)
    x, y = middle_of(mouth)
    person.drag((x, y), (x, y))  # holds it
    person.page.locator("#canvas .mc-stage").focus()
    picture = person.after(lambda: [person.page.keyboard.press("+") for _ in range(5)])
    bigger = person.mask()
    scale = 1.05**5
    assert np.isin(bigger, MOUTH).sum() == pytest.approx(mouth.sum() * scale**2, rel=0.05)
    rows, columns = np.nonzero(mouth)
    centre = (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2
    matrix = np.array([[scale, 0, centre[0] * (1 - scale)], [0, scale, centre[1] * (1 - scale)]])
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5  # between middles of pixels
    wanted = cv2.warpAffine(photo.astype(np.float32), matrix, photo.shape[1::-1], flags=cv2.INTER_CUBIC)
    assert np.abs(picture - wanted)[inner(np.isin(bigger, MOUTH))].mean() < 4
    assert np.abs(picture - np.roll(photo, (-8, 6), (0, 1)))[inner(there)].mean() < 4  # the eye is where it was put

    person.call("undo()")
    person.wait_until_shown(with_eye)
    person.call("redo()")
    person.wait_until_shown(picture)
    assert np.array_equal(person.mask(), bigger)
