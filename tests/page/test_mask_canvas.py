"""The mask canvas in a real browser: every tool, undo, moved regions, and what Python hears of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from maskgan.editing.carrying import carried_offsets
from maskgan.labels import Label

pytest.importorskip("gradio")

from canvas_page import CENTRE, Message, Painter, disc, face_mask, painting


@pytest.fixture
def painter(canvas_server: tuple[str, list[Message]], canvas_window: Any) -> Iterator[Painter]:
    with painting(canvas_server, canvas_window) as somebody:
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
