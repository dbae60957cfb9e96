"""A page with the mask canvas and a result that is painted in the colours of the classes, and who paints on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import gradio as gr
import numpy as np
from canvas_hand import CanvasHand

from maskgan.labels import PALETTE, Label
from maskgan.ui.kit import saved
from maskgan.ui.mask_canvas import MaskCanvas, ResultView
from maskgan.ui.mask_canvas.wire import Moved
from maskgan.ui.pictures import png

SIZE = 128
PATIENCE = 60_000  # ms; a busy machine takes seconds for what is nothing to an idle one
CENTRE = 60  # the face's axis runs through the middle of this column, not of the picture


def face_mask() -> np.ndarray:
    """A face of boxes, symmetric about column CENTRE."""
    mask = np.zeros((SIZE, SIZE), np.uint8)

    def box(label: Label, x0: int, y0: int, x1: int, y1: int) -> None:
        mask[y0:y1, x0:x1] = label

    box(Label.HAIR, CENTRE - 40, 8, CENTRE + 41, 40)
    box(Label.SKIN, CENTRE - 32, 24, CENTRE + 33, 116)
    for side, eye, brow in ((-1, Label.R_EYE, Label.R_BROW), (1, Label.L_EYE, Label.L_BROW)):
        middle = CENTRE + 16 * side
        box(eye, middle - 6, 50, middle + 7, 56)
        box(brow, middle - 8, 42, middle + 9, 45)
    box(Label.NOSE, CENTRE - 5, 56, CENTRE + 6, 78)
    box(Label.U_LIP, CENTRE - 12, 88, CENTRE + 13, 92)
    box(Label.L_LIP, CENTRE - 12, 92, CENTRE + 13, 97)
    return mask


class Message(NamedTuple):
    """What Python received: the mask, or None when it is not face 1's, the number of strokes that have ended, and the
    regions that were moved to get there."""

    mask: np.ndarray | None
    stroke: int
    moved: Moved | None


class Painter(CanvasHand):
    """Drives the canvas of one page in mask coordinates and sees what Python received."""

    def __init__(self, page: Any, received: list[Message]) -> None:
        super().__init__(page)
        self.received = received

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_until(self, condition: Callable[[], bool], otherwise: str) -> None:
        deadline = time.monotonic() + PATIENCE / 1000
        while not condition():
            assert time.monotonic() < deadline, f"{otherwise}; Python received {len(self.received)} messages"
            self.page.wait_for_timeout(50)

    def wait_until_python_has(self, mask: np.ndarray) -> None:
        self.wait_until(
            lambda: bool(self.received) and np.array_equal(self.received[-1].mask, mask),
            "Python never received the mask that the canvas shows",
        )


def open_page(context: Any, url: str) -> Any:
    """A page whose canvas can be painted on, and which is laid out as it will stay: nothing moves under the mouse."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.wait_for_selector("#canvas .mask-canvas.mc-ready")
    page.wait_for_selector("#result .mask-result.mr-ready", state="visible")
    page.evaluate("document.fonts.ready")
    return page


def _build_app(received: list[Message]) -> gr.Blocks:
    original = face_mask()
    quick = original.copy()
    quick[100:104, 40:80] = Label.MOUTH
    photo = PALETTE[original]

    def pictures(mask: np.ndarray) -> tuple[str, str]:
        return tuple(saved(png(picture, None), "picture.png") for picture in (photo, PALETTE[mask]))

    def follow(value: Any) -> Any:
        mask = MaskCanvas.read(value, (SIZE, SIZE), 1)
        received.append(Message(mask, value["stroke"], MaskCanvas.moved(value, (SIZE, SIZE))))
        return gr.skip() if mask is None else pictures(mask)

    with gr.Blocks() as demo:
        with gr.Column() as column:
            canvas = MaskCanvas(MaskCanvas.payload(original, original, photo, 1), elem_id="canvas")
        result = ResultView("canvas", label="Face", elem_id="result")
        gr.Textbox(elem_id="elsewhere")
        for name, visible in (("hide", False), ("reveal", True)):
            gr.Button(name, elem_id=name).click(partial(gr.update, visible=visible), outputs=column)
        gr.Button("quick", elem_id="quick").click(
            lambda: MaskCanvas.payload(quick, id=1), outputs=canvas, show_progress="hidden"
        )
        gr.Button("other", elem_id="other").click(
            lambda: MaskCanvas.payload(original, original, photo, 2), outputs=canvas, show_progress="hidden"
        )
        echoes = gr.Number(0, elem_id="echoes")
        gr.Button("echo", elem_id="echo").click(
            lambda value, count: (value, count + 1), [canvas, echoes], [canvas, echoes], show_progress="hidden"
        )
        for event in (canvas.input, canvas.release):
            event(follow, canvas, result, trigger_mode="always_last", show_progress="hidden")
        demo.load(lambda: pictures(original), None, result)
    return demo


@contextmanager
def serving() -> Iterator[tuple[str, list[Message]]]:
    """The page's address, and what Python has received from it."""
    received: list[Message] = []
    demo = _build_app(received)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        yield url, received
    finally:
        demo.close()


@contextmanager
def painting(server: tuple[str, list[Message]], visit: Any) -> Iterator[Painter]:
    """Somebody new in front of the page, in a browser context whose storage is empty again afterwards; no script on it
    may fail."""
    url, received = server
    received.clear()
    errors: list[str] = []

    def note(error: Any) -> None:
        errors.append(str(error.error))

    visit.on("weberror", note)
    page = open_page(visit, url)
    try:
        yield Painter(page, received)
    finally:
        try:
            page.evaluate("localStorage.clear(); sessionStorage.clear()")
        finally:
            page.close()
            visit.clear_cookies()
            visit.remove_listener("weberror", note)
    assert not errors


def disc(x: float, y: float, size: float) -> np.ndarray:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 <= (size / 2) ** 2
