"""The mask canvas: what travels, refused messages, and painting in a real browser."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from maskgan.labels import PALETTE, Label

pytest.importorskip("gradio")

import gradio as gr

from maskgan import canvas
from maskgan.canvas import CLASS_KEYS
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.mask_canvas.wire import decode_runs, encode_runs

SCRIPTS = Path(canvas.__file__).parent
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


def test_the_scripts_share_nothing_that_changes() -> None:
    """They are one function body: a variable of one file would be a variable of all."""
    scripts = [script.read_text(encoding="utf-8") for script in sorted(SCRIPTS.glob("*.js"))]
    assert len(scripts) > 5 and all(script in MaskCanvas().js_on_load for script in scripts)
    assert not [line for script in scripts for line in re.findall(r"^(?:let|var)\b.*", script, re.MULTILINE)]


# ---------------------------------------------------------------- what travels


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (256, 256), (512, 512)])
def test_runs_round_trip(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for mask in (
        np.zeros(size, np.uint8),
        rng.integers(0, 19, size, np.uint8),
        np.repeat(rng.integers(0, 19, (size[0], 1), np.uint8), size[1], 1),
    ):
        assert np.array_equal(decode_runs(encode_runs(mask), size), mask)


def test_a_payload_reads_back_and_is_small() -> None:
    mask = face_mask()
    value = MaskCanvas.payload(mask, mask, np.zeros((SIZE, SIZE, 3), np.uint8), 5)
    assert len(value["mask"]) < mask.size / 8
    assert value["photo"].startswith("data:image/jpeg;base64,")
    assert np.array_equal(MaskCanvas.read(value, mask.shape, 5), mask)


def test_a_message_about_an_earlier_face_is_stale() -> None:
    value = MaskCanvas.payload(face_mask(), id=4)
    assert MaskCanvas.read(value, (SIZE, SIZE), 5) is None


def pairs(*runs: tuple[int, int]) -> str:
    return base64.b64encode(bytes(v for label, length in runs for v in (label, length - 1))).decode()


GOOD: dict[str, Any] = {"id": 1, "width": 20, "height": 10, "mask": pairs((3, 200)), "stroke": 2}


def test_the_good_message_of_the_next_test_is_good() -> None:
    assert (MaskCanvas.read(GOOD, (10, 20), 1) == 3).all()


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"id": True},
        {"id": -1},
        {"id": None},
        {"width": 20.0},
        {"width": 10, "height": 20},
        {"width": 2**40},
        {"height": 0},
        {"stroke": "2"},
        {"stroke": -1},
        {"mask": None},
        {"mask": [3] * 200},
        {"mask": "no base64!"},
        {"mask": "ünïcödé="},
        {"mask": ""},
        {"mask": base64.b64encode(b"\x03").decode()},
        {"mask": pairs((3, 199))},
        {"mask": pairs((3, 201))},
        {"mask": pairs((3, 199), (19, 1))},
        {"mask": pairs((255, 200))},
        {"mask": "A" * 10_000_000},
        {"original": pairs((3, 199))},
        {"original": 5},
        {"photo": "https://elsewhere.example/a.png"},
        {"photo": ["data:image/png"]},
        {"extra": 1},
    ],
)
def test_forged_messages_are_refused_in_one_sentence(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^The canvas sent .*\.$"):
        MaskCanvas.read({**GOOD, **change}, (10, 20), 1)


@pytest.mark.parametrize("value", [None, "", {}, [], "mask", 7, [GOOD], {"id": 1}])
def test_things_that_are_no_message_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        MaskCanvas.read(value, (10, 20), 1)


def test_payload_refuses_masks_that_do_not_fit_together() -> None:
    with pytest.raises(ValueError, match="shape"):
        MaskCanvas.payload(face_mask(), face_mask()[:-1])
    with pytest.raises(ValueError, match="ids outside"):
        MaskCanvas.payload(np.full((4, 4), 19, np.uint8))


def test_every_class_has_its_own_key() -> None:
    assert set(CLASS_KEYS) == set(Label)
    assert len(set(CLASS_KEYS.values()) | set("BELFIVMPZ")) == 19 + 9


# ---------------------------------------------------------------- in the browser


class Message(NamedTuple):
    """What Python received: the mask, or None when it is not face 1's, and the number of strokes that have ended.

    One click is told twice, as it falls and as it ends, unless Python was too busy for the first.
    """

    mask: np.ndarray | None
    stroke: int


class Painter:
    """Drives the canvas of one page in mask coordinates and sees what Python received."""

    def __init__(self, page: Any, received: list[Message]) -> None:
        self.page = page
        self.received = received

    def call(self, expression: str) -> Any:
        return self.page.evaluate(f"document.querySelector('#canvas .mask-canvas').maskCanvas.{expression}")

    def mask(self) -> np.ndarray:
        return np.array(self.call("getMask()"), np.uint8).reshape(SIZE, SIZE)

    def to(self, x: float, y: float, steps: int = 1) -> None:
        left, top = self.call(f"canvasToClient({x}, {y})")
        self.page.mouse.move(left, top, steps=steps)

    def drag(self, *points: tuple[float, float]) -> None:
        # A click elsewhere may have scrolled the canvas out of the window, where a mouse cannot reach it.
        self.page.locator(".mc-stage").scroll_into_view_if_needed()
        self.to(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.to(*point, steps=6)
        self.page.mouse.up()

    def click(self, x: float, y: float) -> None:
        self.drag((x, y))

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
    """A page whose canvas can be painted on."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.wait_for_selector("#canvas .mask-canvas.mc-ready")
    return page


def build_app(received: list[Message]) -> gr.Blocks:
    original = face_mask()
    quick = original.copy()
    quick[100:104, 40:80] = Label.MOUTH
    photo = PALETTE[original]

    def follow(value: Any) -> None:
        received.append(Message(MaskCanvas.read(value, (SIZE, SIZE), 1), value["stroke"]))

    with gr.Blocks() as demo:
        with gr.Column() as column:
            canvas = MaskCanvas(MaskCanvas.payload(original, original, photo, 1), elem_id="canvas")
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
        canvas.input(follow, canvas, trigger_mode="always_last", show_progress="hidden")
    return demo


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, list[Message]]]:
    received: list[Message] = []
    demo = build_app(received)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield url, received
    demo.close()


@pytest.fixture
def painter(server: tuple[str, list[Message]], browser: Any) -> Iterator[Painter]:
    url, received = server
    received.clear()
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    page = open_page(context, url)
    page.locator(".mc-stage").focus()
    yield Painter(page, received)
    context.close()
    assert not errors


def disc(x: float, y: float, size: float) -> np.ndarray:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 <= (size / 2) ** 2


@pytest.mark.browser
def test_a_brush_dab_is_an_exact_disc_and_reaches_python(painter: Painter) -> None:
    painter.call("setClass(14)")
    painter.call("setSize(11)")
    painter.click(30.5, 100.5)
    expected = face_mask()
    expected[disc(30.5, 100.5, 11)] = Label.HAT
    assert np.array_equal(painter.mask(), expected)
    painter.wait_until_python_has(expected)


@pytest.mark.browser
def test_a_long_stroke_has_no_gaps_and_previews_before_it_ends(painter: Painter) -> None:
    painter.call("setClass(13)")
    painter.call("setSize(5)")
    painter.to(5.5, 110.5)
    painter.page.mouse.down()
    painter.to(60.5, 110.5, steps=2)
    painter.wait_until_python_has(painter.mask())
    painter.to(120.5, 110.5, steps=2)
    painter.page.mouse.up()
    expected = face_mask()
    expected[108:113, 5:121] = Label.HAIR
    got = painter.mask()
    assert np.array_equal(got[108:113, 6:120], expected[108:113, 6:120])
    assert np.array_equal(got[:108], expected[:108]) and np.array_equal(got[113:], expected[113:])
    painter.wait_until_python_has(got)


@pytest.mark.browser
def test_undo_redo_reset_and_eraser(painter: Painter) -> None:
    original = face_mask()
    painter.call("setSize(9)")
    painter.press("t")
    painter.click(40.5, 70.5)
    one = painter.mask()
    painter.click(70.5, 104.5)
    two = painter.mask()
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), one)
    painter.wait_until_python_has(one)
    painter.press("Control+z", "Control+z")
    assert np.array_equal(painter.mask(), original)
    painter.press("Control+y", "Control+Shift+z")
    assert np.array_equal(painter.mask(), two)
    painter.press("e")
    painter.drag((30.5, 70.5), (50.5, 70.5))
    expected = two.copy()
    expected[60:80] = original[60:80]
    assert np.array_equal(painter.mask(), expected)
    painter.page.click("[data-do=reset]")
    assert np.array_equal(painter.mask(), original)
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), expected)


@pytest.mark.browser
def test_fill_lasso_and_pick(painter: Painter) -> None:
    expected = face_mask()
    painter.press("h", "f")
    painter.click(CENTRE, 66)
    expected[expected == Label.NOSE] = Label.HAIR
    assert np.array_equal(painter.mask(), expected)
    painter.press("c", "l")
    for corner in ((10, 100), (20, 100), (20, 110), (10, 110), (10, 100)):
        painter.click(*corner)
    expected[100:110, 10:20] = Label.CLOTH
    assert np.array_equal(painter.mask(), expected)
    painter.drag((110, 20), (120, 20), (120, 30), (110, 30), (110, 21))
    expected[20:30, 110:120] = Label.CLOTH
    assert (painter.mask() != expected).sum() <= 10  # a hand-drawn edge passes between pixel centres
    painter.press("i")
    painter.click(CENTRE + 16, 53)
    assert painter.call("classId") == Label.L_EYE and painter.call("tool") == "lasso"
    painter.page.keyboard.down("Alt")
    painter.click(CENTRE, 90)
    painter.page.keyboard.up("Alt")
    assert painter.call("classId") == Label.U_LIP


@pytest.mark.browser
def test_mirror_paints_the_other_class_about_the_axis_of_the_face(painter: Painter) -> None:
    assert painter.call("mirrorSum") == 2 * CENTRE
    painter.call("setSize(7)")
    painter.press("3", "m")
    painter.click(CENTRE + 16.5, 64.5)
    expected = face_mask()
    expected[disc(CENTRE + 16.5, 64.5, 7)] = Label.L_EYE
    expected[disc(CENTRE - 15.5, 64.5, 7)] = Label.R_EYE
    assert np.array_equal(painter.mask(), expected)


@pytest.mark.browser
def test_a_region_moves_whole_and_its_place_is_filled(painter: Painter) -> None:
    painter.press("v")
    painter.drag((CENTRE, 90), (CENTRE + 4, 98))
    expected = face_mask()
    lips = np.isin(expected, (Label.U_LIP, Label.L_LIP))
    moved = np.where(lips, expected, 0)
    expected[lips] = Label.SKIN
    moved = np.roll(moved, (8, 4), (0, 1))
    expected[moved > 0] = moved[moved > 0]
    assert np.array_equal(painter.mask(), expected)
    painter.press("ArrowRight")
    painter.press("+", "+", "+", "+")
    bigger = painter.mask()
    assert (bigger == Label.U_LIP).sum() > (expected == Label.U_LIP).sum()
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), expected)  # the nudge and the scaling were one step
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), face_mask())


@pytest.mark.browser
def test_a_moved_face_part_never_leaves_a_hole_to_the_background(painter: Painter) -> None:
    painter.call("setSize(19)")
    painter.press("0")
    painter.click(CENTRE + 16.5, 66.5)  # background right below the eye, nearer than any skin
    painter.press("v")
    background = (painter.mask() == Label.BACKGROUND).sum()
    painter.drag((CENTRE + 16, 53), (CENTRE + 16, 100))
    assert (painter.mask() == Label.BACKGROUND).sum() == background
    assert (painter.mask() == Label.L_EYE).sum() == (face_mask() == Label.L_EYE).sum()


@pytest.mark.browser
def test_hiding_the_canvas_loses_nothing(painter: Painter) -> None:
    painter.click(40.5, 80.5)
    painted = painter.mask()
    painter.page.click("#hide")
    painter.page.wait_for_selector("#canvas", state="detached")
    painter.page.click("#reveal")
    painter.page.wait_for_selector("#canvas .mask-canvas.mc-ready")
    assert np.array_equal(painter.mask(), painted)
    painter.page.locator(".mc-stage").focus()
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), face_mask())


@pytest.mark.browser
def test_both_eyes_move_apart_with_mirror_on(painter: Painter) -> None:
    painter.press("v", "m")
    painter.drag((CENTRE + 16, 53), (CENTRE + 20, 50))
    original, got = face_mask(), painter.mask()
    for label, shift in ((Label.L_EYE, 4), (Label.R_EYE, -4)):
        assert np.array_equal(got == label, np.roll(original == label, (-3, shift), (0, 1)))


@pytest.mark.browser
def test_python_updates_add_an_undo_step_and_echoes_do_nothing(painter: Painter) -> None:
    page = painter.page
    painter.click(40.5, 80.5)
    painted = painter.mask()
    assert (painted != face_mask()).any()
    painter.wait_until_python_has(painted)
    painter.wait_until(lambda: painter.received[-1].stroke == 1, "the end of the stroke was never told")
    before = len(painter.received)
    page.click("#echo")
    page.wait_for_function("document.querySelector('#echoes input').value === '1'")
    assert np.array_equal(painter.mask(), painted) and len(painter.received) == before
    page.click("#quick")
    page.wait_for_function("document.querySelector('#canvas .mask-canvas').maskCanvas.getMask().includes(10)")
    assert len(painter.received) == before
    painter.to(20, 20)
    page.locator(".mc-stage").focus()
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), painted)
    painter.wait_until_python_has(painted)
    page.click("#other")
    page.wait_for_function("document.querySelector('#canvas .mask-canvas').maskCanvas.id === 2")
    assert np.array_equal(painter.mask(), face_mask())
    assert page.locator("[data-do=undo]").is_disabled()
    painter.click(40.5, 80.5)
    painter.wait_until(lambda: painter.received[-1].mask is None, "Python took face 2 for face 1, which it has open")


@pytest.mark.browser
def test_keys_leave_other_fields_alone(painter: Painter) -> None:
    painter.click(40.5, 80.5)
    painted = painter.mask()
    box = painter.page.locator("#elsewhere textarea, #elsewhere input").first
    box.click()
    painter.to(30, 30)  # even with the pointer over the canvas
    painter.page.keyboard.type("ev[")
    painter.press("Control+z")
    assert painter.call("tool") == "brush"
    assert np.array_equal(painter.mask(), painted)
    painter.page.locator(".mc-stage").focus()
    size = painter.call("size")
    painter.press("e", "]")
    assert painter.call("tool") == "eraser" and painter.call("size") > size


@pytest.mark.browser
def test_zoom_keeps_the_brush_under_the_pointer(painter: Painter) -> None:
    painter.call("setSize(3)")
    painter.call("setClass(14)")
    painter.page.locator(".mc-stage").hover()  # waits until it stands still
    painter.to(100, 100)
    painter.page.keyboard.down("Control")
    painter.page.mouse.wheel(0, -400)
    painter.page.keyboard.up("Control")
    painter.page.wait_for_function("document.querySelector('.mc-fit').textContent !== '100%'")
    painter.click(100.5, 100.5)
    expected = face_mask()
    expected[disc(100.5, 100.5, 3)] = Label.HAT
    assert np.array_equal(painter.mask(), expected)


@pytest.mark.browser
def test_classes_in_the_mask_come_first(painter: Painter) -> None:
    names = painter.page.locator(".mc-present .mc-class span").all_inner_texts()
    assert "Hair" in names and "Hat" not in names
    painter.press("t")
    painter.click(20.5, 100.5)
    assert "Hat" in painter.page.locator(".mc-present .mc-class span").all_inner_texts()


@pytest.mark.browser
def test_two_fingers_zoom_and_paint_nothing_on_a_phone(server: tuple[str, list[Message]], browser: Any) -> None:
    url, received = server
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = open_page(context, url)
    painter = Painter(page, received)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    devtools = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [
            dict(zip("xy", painter.call(f"canvasToClient({x}, {y})"), strict=True), id=i)
            for i, (x, y) in enumerate(points)
        ]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    page.locator(".mc-stage").scroll_into_view_if_needed()
    touch("touchStart", (50, 60))
    touch("touchStart", (50, 60), (70, 60))
    touch("touchMove", (40, 60), (80, 60))
    touch("touchEnd")
    assert page.locator(".mc-fit").inner_text() != "100%"
    assert np.array_equal(painter.mask(), face_mask())
    painter.call("setSize(9)")
    painter.call("setClass(14)")
    touch("touchStart", (50.5, 60.5))
    touch("touchEnd")
    expected = face_mask()
    expected[disc(50.5, 60.5, 9)] = Label.HAT
    assert np.array_equal(painter.mask(), expected)
    context.close()
