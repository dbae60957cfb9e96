"""A visitor of the page without a server in Chromium, its static server, and what the app makes of the same edits."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from canvas_hand import PACKED, CanvasHand, unpacked
from PIL import Image

pytest.importorskip("onnxruntime")

from maskgan.editing.beards import without_beard
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import Alignment
from maskgan.editing.looks import Look
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import Motion
from maskgan.images import read_photo
from maskgan.labels import Label

SIZE = 512  # of a crop
PATIENCE = 200  # seconds; a busy machine is ten times as slow as an idle one

#: Runs a function of one list in the page; arrays in the list, and in what it returns, are on the way as texts.
_SCRIPT = """async (given) => {
  const kinds = { uint8: Uint8Array, float32: Float32Array };
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const read = (value) => (value?.packed === undefined ? value : new kinds[value.kind](bytes(value.packed).buffer));
  const told = (value) => {
    if (Array.isArray(value)) return value.map(told);
    if (!ArrayBuffer.isView(value)) return value;
    const kind = value instanceof Float32Array ? "float32" : "uint8";
    return { kind, packed: (%s)(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)) };
  };
  return told(await (%s)(given.map(read)));
}"""

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "photo_01.jpg"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


class Site:
    """The folder under a static server, which can be stopped."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(_Quiet, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """May be called again."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class Visitor(CanvasHand):
    """One page of a site; waits by asking, since the page forbids the evaluation of text that Playwright waits with."""

    selector = ".mask-canvas"

    def __init__(self, page: Any, url: str) -> None:
        super().__init__(page)
        self.errors: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.context.on("request", lambda request: self.asked.append(request.url))
        self.visit(url)

    def visit(self, url: str) -> None:
        self.page.goto(url)
        # Without headers for threads the page is loaded twice, the second time by its service worker.
        self.wait(self.page.locator("#drop").is_visible, "the page")

    def wait(self, condition: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            said = self.page.locator("#message").inner_text()
            assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}; the page says {said!r}, {self.errors}"
            time.sleep(0.1)

    def open(self, photo: Path) -> None:
        self.page.evaluate("delete document.querySelector('#canvas').dataset.matrix")
        self.page.locator("#file").set_input_files(photo)
        self.wait(lambda: self.page.locator("#canvas[data-matrix]:not(.opening *)").count(), "the face")

    def matrix(self) -> np.ndarray:
        text = self.page.locator("#canvas").get_attribute("data-matrix")
        return np.array([float(number) for number in text.split()]).reshape(2, 3)

    def paint(self, label: Label, size: int, *points: tuple[int, int]) -> None:
        self.call(f"setClass({int(label)})")
        self.call(f"setSize({size})")
        self.drag(*points, steps=3)
        self.wait_for_drawing()

    def wait_for_drawing(self) -> None:
        self.wait(lambda: self.page.locator("#result:not(.busy)").count(), "the drawing")

    def choose_look(self, part: str, name: str) -> None:
        """By its swatch, or any colour `#rrggbb` by the picker."""
        bar = self.page.locator("#looks")
        bar.locator("select").select_option(part)
        if name.startswith("#"):
            bar.locator("input").fill(name)
        else:
            bar.locator(f"[data-look={name}]").click()
        self.wait_for_drawing()

    def picture(self, which: str) -> np.ndarray:
        url = self.page.evaluate("(which) => document.querySelector(`#compare .${which}`).toDataURL()", which)
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB"))

    def save(self, button: str) -> Path:
        with self.page.expect_download(timeout=PATIENCE * 1000) as download:
            self.page.locator(button).click()
        return download.value.path()

    def run(self, script: str, *given: Any) -> Any:
        """What a script of the page's makes of these things: `async ([...]) => ...`; arrays (uint8, float32) arrive as
        typed arrays, and those that it returns as flat arrays."""

        def told(value: Any) -> Any:
            if not isinstance(value, np.ndarray):
                return value
            assert value.dtype in (np.uint8, np.float32)
            return {"kind": value.dtype.name, "packed": base64.b64encode(np.ascontiguousarray(value)).decode()}

        def read(value: Any) -> Any:
            if isinstance(value, list):
                return [read(part) for part in value]
            return unpacked(value["packed"]).view(value["kind"]) if isinstance(value, dict) else value

        return read(self.page.evaluate(_SCRIPT % (PACKED, script), [told(value) for value in given]))

    def begin_anew(self) -> None:
        """The photo's own mask, and hair as it is on the photo."""
        self.page.locator("#looks select").select_option("Hair")
        own = self.page.locator("#looks > button")
        if own.is_enabled():
            own.click()
        self.call("reset()")
        self.wait_for_drawing()

    def scrolls_sideways(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


@functools.cache
def pipeline_of(folder: Path) -> MaskGANPipeline:
    """The app's pipeline on the same files, which takes seconds to open."""
    return MaskGANPipeline.load(folder)


def edited_in_python(
    folder: Path,
    visitor: Visitor,
    photo: Path,
    original: np.ndarray,
    moved: np.ndarray | None = None,
    looks: dict[Label, Look] | None = None,
    motions: Sequence[tuple[np.ndarray, np.ndarray]] = (),
) -> Edit:
    """What the app makes of the visitor's mask in these looks; `moved`: what the quick edit to it hands over;
    `motions`: masks on the way to it, and what their quick edits hand over."""
    pipeline, picture = pipeline_of(folder), read_photo(photo)
    alignment = Alignment(visitor.matrix(), picture.shape[:2])
    crop = alignment.crop(picture, SIZE)
    style = pipeline.encode_style(crop, original)
    face = Face(picture, crop, original, np.ones(original.shape, np.float32), style, alignment)
    mask, motion = visitor.mask(), Motion.none(original)
    for between, told in motions:
        motion = motion.to(between, told)
    return edit_with_looks(pipeline, face, mask, looks, motion=motion.to(without_beard(mask, original), moved))


def levels(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other).max())


def check_alike(one: np.ndarray, edit: Edit, alignment: Alignment, below: np.ndarray) -> None:
    """`one` is what an edit made of the picture `below`, within two levels; strands of hair and the like may come from
    another of several like places, where a level more or less in the photo decides, if there are as many of them."""
    patches = edit.change.patches
    other, smooth = (
        edit.change._replace(patches=those).onto(below, alignment)
        for those in (patches, tuple(patch._replace(planned=None) for patch in patches))
    )
    grained = cv2.dilate((other != smooth).any(-1).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert np.abs(one.astype(int) - other)[~grained].max() <= 2
    strength, expected = (int(np.abs(picture.astype(int) - smooth)[grained].sum()) for picture in (one, other))
    assert strength == pytest.approx(expected, rel=0.15) and grained.mean() < 0.3
