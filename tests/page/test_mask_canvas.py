"""The mask canvas: what travels, refused messages, and painting in a real browser."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskgan.editing.carrying import carried_offsets
from maskgan.labels import Label

pytest.importorskip("gradio")

from canvas_page import CENTRE, SIZE, Message, Painter, disc, face_mask, painting

from maskgan import canvas
from maskgan.canvas import CLASS_KEYS
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.mask_canvas.wire import decode_runs, encode_runs

SCRIPTS = Path(canvas.__file__).parent


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

REGION: dict[str, Any] = {"at": [4, 5], "classes": [3], "matrix": [1.2, 0, -2, 0, 1.2, 1.5]}
MOVED: dict[str, Any] = {"from": pairs((3, 200)), "regions": [REGION]}
FORGED_REGIONS: list[dict[str, Any]] = [
    {"at": [4]},
    {"at": [4.5, 5]},
    {"at": [True, 5]},
    {"at": {"x": 4}},
    {"classes": []},
    {"classes": [19]},
    {"classes": [3] * 20},
    {"classes": "3"},
    {"matrix": [1, 0, 0, 0, 1]},
    {"matrix": [1, 0, "0", 0, 1, 0]},
    {"matrix": [1, 0, None, 0, 1, 0]},
    {"matrix": [[1, 0, 0], [0, 1, 0]]},
    {"more": 1},
]


def test_the_good_messages_of_the_next_test_are_good() -> None:
    assert (MaskCanvas.read(GOOD, (10, 20), 1) == 3).all()
    assert (MaskCanvas.read({**GOOD, "moved": MOVED}, (10, 20), 1) == 3).all()
    before, (region,) = MaskCanvas.moved({**GOOD, "moved": MOVED}, (10, 20))
    assert (before == 3).all() and region.at == (4, 5) and region.classes == (3,)
    assert region.matrix.tolist() == [[1.2, 0, -2], [0, 1.2, 1.5]]


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
        {"moved": []},
        {"moved": {"regions": [REGION]}},
        {"moved": {**MOVED, "from": pairs((3, 199))}},
        {"moved": {**MOVED, "from": 5}},
        {"moved": {**MOVED, "regions": []}},
        {"moved": {**MOVED, "regions": [REGION] * 3}},
        {"moved": {**MOVED, "regions": [None]}},
        *({"moved": {**MOVED, "regions": [{**REGION, **change}]}} for change in FORGED_REGIONS),
    ],
)
def test_forged_messages_are_refused_in_one_sentence(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^The canvas sent .*\.$"):
        MaskCanvas.read({**GOOD, **change}, (10, 20), 1)


@pytest.mark.parametrize(
    "change",
    [
        {"at": [4, 10]},
        {"at": [400, 5]},
        {"classes": [4]},
        {"matrix": [1, 0, float("nan"), 0, 1, 0]},
        {"matrix": [1, 0, 10**400, 0, 1, 0]},
        {"matrix": [1, 0, float("inf"), 0, 1, 0]},
        {"matrix": [0, 0, 0, 0, 0, 0]},
        {"matrix": [-1, 0, 20, 0, 1, 0]},
        {"matrix": [1e-9, 0, 0, 0, 1, 0]},
        {"matrix": [900, 0, 0, 0, 900, 0]},
    ],
)
def test_moves_that_cannot_be_are_refused_in_one_sentence(change: dict[str, Any]) -> None:
    forged = {**GOOD, "moved": {**MOVED, "regions": [{**REGION, **change}]}}
    with pytest.raises(ValueError, match=r"^A region was .*; undo, and move it again\.$"):
        MaskCanvas.read(forged, (10, 20), 1)


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
    assert len(set(CLASS_KEYS.values()) | set("ABEFILMOPSUVZ")) == 19 + 13


# ---------------------------------------------------------------- in the browser


@pytest.fixture
def painter(canvas_server: tuple[str, list[Message]], browser: Any) -> Iterator[Painter]:
    with painting(canvas_server, browser) as somebody:
        somebody.page.locator(".mc-stage").focus()
        yield somebody


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
    painter.wait_until_python_has(got)
    check_told(painter, got, (Label.L_EYE, Label.R_EYE))
    painter.press("+", "+", "+", "ArrowUp")  # of the same regions: all of it is told from where they were grabbed
    painter.wait_until_python_has(painter.mask())
    check_told(painter, painter.mask(), (Label.L_EYE, Label.R_EYE))
    bigger = painter.mask()
    painter.press("b")
    painter.click(CENTRE, 100.5)
    painter.wait_until_python_has(painter.mask())
    assert painter.received[-1].moved is None  # a stroke of the brush moves nothing
    painter.press("Control+z")
    painter.wait_until_python_has(bigger)
    check_told(painter, bigger, (Label.L_EYE, Label.R_EYE))


def check_told(painter: Painter, mask: np.ndarray, moved: tuple[Label, ...]) -> None:
    """What Python was told last explains every pixel of these classes on the mask."""
    before, regions = painter.received[-1].moved
    assert np.array_equal(before, face_mask()) and len(regions) == len(moved)
    offsets = carried_offsets(before, mask, regions)
    assert np.isfinite(offsets[np.isin(mask, moved)]).all() and np.abs(np.nan_to_num(offsets)).max() > 2


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
def test_classes_in_the_mask_come_first(painter: Painter) -> None:
    names = painter.page.locator(".mc-present .mc-class span").all_inner_texts()
    assert "Hair" in names and "Hat" not in names
    painter.press("t")
    painter.click(20.5, 100.5)
    assert "Hat" in painter.page.locator(".mc-present .mc-class span").all_inner_texts()
