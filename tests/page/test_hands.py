"""What hands expect of the canvas and of the result beside it: one view for both, keys, wheel, fingers, pen, locks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from maskgan.labels import PALETTE, Label

pytest.importorskip("gradio")

from canvas_hand import PACKED, unpacked
from canvas_page import CENTRE, SIZE, Message, Painter, disc, face_mask, painting

pytestmark = pytest.mark.browser


@pytest.fixture
def painter(canvas_server: tuple[str, list[Message]], canvas_window: Any) -> Iterator[Painter]:
    """Somebody whose focus is nowhere yet."""
    with painting(canvas_server, canvas_window) as somebody:
        somebody.page.wait_for_selector("#result img.after[src]")
        yield somebody


def shown_result(painter: Painter) -> np.ndarray:
    """The pixels of the picture that stands for now, (SIZE, SIZE, 3)."""
    pixels = painter.page.evaluate(
        f"""async () => {{
          const picture = document.querySelector("#result .after");
          await picture.decode();
          const context = new OffscreenCanvas(picture.naturalWidth, picture.naturalHeight).getContext("2d");
          context.drawImage(picture, 0, 0);
          const {{ data }} = context.getImageData(0, 0, picture.naturalWidth, picture.naturalHeight);
          return ({PACKED})(data);
        }}"""
    )
    return unpacked(pixels).reshape(SIZE, SIZE, 4)[..., :3]


def place_of(painter: Painter, picture: str) -> tuple[float, ...]:
    """Where the client sees two far points of the face: on the canvas, or on the picture of the result itself."""
    if picture == "canvas":
        return (*painter.call("canvasToClient(0, 0)"), *painter.call(f"canvasToClient({SIZE}, {SIZE})"))
    box = painter.page.locator(f"#result .{picture}").evaluate(
        "element => { const b = element.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; }"
    )
    return tuple(box)


def seen_in_the_middle(painter: Painter, picture: str) -> tuple[float, float]:
    """The point of the face in the middle of a pane."""
    pane = painter.page.locator(".mc-stage" if picture == "canvas" else ".mask-result").bounding_box()
    left, top, right, bottom = place_of(painter, picture)
    x, y = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    return (x - left) / (right - left) * SIZE, (y - top) / (bottom - top) * SIZE


# ---------------------------------------------------------------- the result


def test_strokes_on_the_result_are_strokes_on_the_mask_and_change_the_picture(painter: Painter) -> None:
    painter.call("setClass(14)")
    painter.call("setSize(11)")
    painter.drag((30.5, 100.5), on="result")
    expected = face_mask()
    expected[disc(30.5, 100.5, 11)] = Label.HAT
    assert np.array_equal(painter.mask(), expected)
    painter.wait_until_python_has(expected)
    painter.wait_until(
        lambda: np.array_equal(shown_result(painter), PALETTE[expected]), "the result never showed the stroke"
    )
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), face_mask())


def test_the_wheel_zooms_canvas_and_result_together_to_the_cursor(painter: Painter) -> None:
    page = painter.page
    for pane, place in (("canvas", ".mc-stage"), ("result", ".mask-result")):
        page.locator(place).scroll_into_view_if_needed()
        painter.call("fit()")
        painter.to(100, 40, on=pane)
        before = painter.call(f"{pane}ToClient(100, 40)")
        page.mouse.wheel(0, -400)
        page.wait_for_function("document.querySelector('.mc-fit').textContent !== '100%'")
        assert painter.call(f"{pane}ToClient(100, 40)") == pytest.approx(
            before, abs=3
        )  # a mouse stands on whole pixels
        page.evaluate("() => new Promise(requestAnimationFrame)")
        middles = [seen_in_the_middle(painter, picture) for picture in ("canvas", "before", "after")]
        assert middles[0] == pytest.approx(middles[1], abs=0.5) and middles[1] == pytest.approx(middles[2])
    # Space pans both, and paints nothing.
    page.keyboard.down("Space")
    painter.drag((60, 60), (70, 60))
    page.keyboard.up("Space")
    page.evaluate("() => new Promise(requestAnimationFrame)")
    moved = [seen_in_the_middle(painter, picture) for picture in ("canvas", "after")]
    assert moved[0] == pytest.approx(moved[1], abs=0.5) and moved[0][0] < middles[0][0] - 5
    assert np.array_equal(painter.mask(), face_mask())


def test_the_wheel_sizes_the_brush_with_ctrl_or_alt_or_where_it_is_wanted_so(painter: Painter) -> None:
    page = painter.page
    page.locator(".mc-stage").hover()
    sizes = [painter.call("size")]

    def turn() -> None:
        page.mouse.wheel(0, -100)
        painter.wait_until(lambda: painter.call("size") > sizes[-1], "the brush never grew")
        sizes.append(painter.call("size"))

    for key in ("Control", "Alt"):
        page.keyboard.down(key)
        turn()
        page.keyboard.up(key)
    painter.press("]")
    sizes.append(painter.call("size"))
    assert sizes == sorted(set(sizes)) and painter.call("zoom") == 1
    painter.press("a")
    page.locator("[data-setting=wheel]").select_option("size")
    page.locator(".mc-stage").hover()
    turn()
    page.reload()
    page.wait_for_selector("#canvas .mask-canvas.mc-ready")
    assert page.locator("[data-setting=wheel]").input_value() == "size"


def test_before_and_after_by_a_held_key_and_by_a_handle_that_keys_move(painter: Painter) -> None:
    page = painter.page
    cut = "getComputedStyle(document.querySelector('#result .after')).clipPath"
    assert page.evaluate(cut).startswith("inset(0px")
    page.keyboard.down("p")
    page.wait_for_function(f"{cut} === 'inset(0px 0px 0px {SIZE}px)'")
    page.keyboard.up("p")
    page.wait_for_function(f"!{cut}.includes('{SIZE}px')")
    handle = page.get_by_role("slider", name="Before and after")
    handle.focus()
    for key in ("Home", "PageUp", "PageUp", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowLeft"):
        painter.press(key)
    assert handle.get_attribute("aria-valuenow") == "32"
    page.wait_for_function(f"{cut} === 'inset(0px 0px 0px {SIZE * 0.32}px)'")
    assert np.array_equal(painter.mask(), face_mask())


# ---------------------------------------------------------------- fingers and pens


def test_two_fingers_zoom_both_and_paint_nothing_on_a_phone(
    canvas_server: tuple[str, list[Message]], browser: Any
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
    with closing(browser.new_context(**phone)) as visit, painting(canvas_server, visit) as painter:
        page = painter.page
        page.wait_for_selector("#result img.after[src]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        devtools = page.context.new_cdp_session(page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            places = [
                dict(zip("xy", painter.call(f"canvasToClient({x}, {y})"), strict=True), id=i)
                for i, (x, y) in enumerate(points)
            ]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

        page.locator(".mc-stage").scroll_into_view_if_needed()
        painter.settle()
        touch("touchStart", (50, 60))
        touch("touchStart", (50, 60), (70, 60))
        touch("touchMove", (30, 60), (90, 60))
        touch("touchEnd")
        assert painter.call("zoom") > 2
        assert np.array_equal(painter.mask(), face_mask())
        page.evaluate("() => new Promise(requestAnimationFrame)")
        # The result shows the same place, and is full of it.
        assert seen_in_the_middle(painter, "after") == pytest.approx(seen_in_the_middle(painter, "canvas"), abs=1)
        pane, (left, top, right, bottom) = page.locator("#result").bounding_box(), place_of(painter, "after")
        assert left <= pane["x"] + 1 and right >= pane["x"] + pane["width"] - 1
        assert top <= pane["y"] + 1 and bottom >= pane["y"] + pane["height"] - 1
        painter.call("setSize(9)")
        painter.call("setClass(14)")
        touch("touchStart", (50.5, 60.5))
        touch("touchEnd")
        expected = face_mask()
        expected[disc(50.5, 60.5, 9)] = Label.HAT
        assert np.array_equal(painter.mask(), expected)


def test_a_pen_paints_as_wide_as_it_presses_unless_that_is_not_wanted(painter: Painter) -> None:
    def dab(x: float, y: float, pressure: float) -> None:
        left, top = painter.call(f"canvasToClient({x}, {y})")
        for kind in ("pointerdown", "pointerup"):
            painter.page.evaluate(
                """([kind, clientX, clientY, pressure]) => {
                  const canvas = document.querySelector(".mc-stage canvas");
                  canvas.setPointerCapture = () => {};
                  const told = { clientX, clientY, pressure, pointerId: 7, pointerType: "pen", bubbles: true };
                  canvas.dispatchEvent(new PointerEvent(kind, told));
                }""",
                [kind, left, top, pressure if kind == "pointerdown" else 0],
            )

    painter.call("setClass(14)")
    painter.call("setSize(20)")
    dab(20.5, 90.5, 0.25)
    dab(60.5, 90.5, 1)
    painter.press("a")
    painter.page.get_by_label("Pen pressure sizes the brush").uncheck()
    dab(100.5, 90.5, 0.25)
    expected = face_mask()
    expected[disc(20.5, 90.5, 5) | disc(60.5, 90.5, 20) | disc(100.5, 90.5, 20)] = Label.HAT
    assert np.array_equal(painter.mask(), expected)


# ---------------------------------------------------------------- keys


def test_keys_work_wherever_the_focus_is_but_in_fields_for_text(painter: Painter) -> None:
    page = painter.page
    painter.drag((40.5, 80.5))
    painted = painter.mask()
    page.locator("#hide").focus()
    page.mouse.move(5, 5)
    painter.press("Control+z")
    assert np.array_equal(painter.mask(), face_mask())
    painter.press("Control+y", "o", "h")
    assert np.array_equal(painter.mask(), painted) and painter.call("tool") == "ellipse"
    page.evaluate("document.activeElement.blur()")
    painter.press("Control+z", "l")
    assert np.array_equal(painter.mask(), face_mask()) and painter.call("tool") == "lasso"
    page.locator("#elsewhere textarea, #elsewhere input").first.click()
    page.keyboard.type("sb")
    painter.press("Control+z", "Control+y")
    assert painter.call("tool") == "lasso" and np.array_equal(painter.mask(), face_mask())
    # Who is disturbed by keys elsewhere can have them on the canvas alone.
    page.locator("#hide").focus()
    painter.press("a")
    page.get_by_label("Keys work everywhere").uncheck()
    page.locator("#hide").focus()
    painter.press("e")
    assert painter.call("tool") == "lasso"
    page.locator(".mc-stage").focus()
    painter.press("e")
    assert painter.call("tool") == "eraser"


def test_what_cannot_be_done_says_why(painter: Painter) -> None:
    page = painter.page
    undo, hint = page.locator("[data-do=undo]"), page.locator(".mc-hint")
    assert undo.is_disabled() and undo.get_attribute("title") == "Undo (Ctrl+Z): nothing to undo"
    undo.click(force=True)
    assert "nothing to undo" in hint.inner_text()
    painter.drag((40.5, 80.5))
    assert undo.is_enabled() and undo.get_attribute("title") == "Undo (Ctrl+Z)"
    painter.press("a", "t")
    grow = page.get_by_role("button", name="Grow")
    assert grow.is_disabled() and "no hat on this mask" in grow.get_attribute("title")
    # One stop of the Tab key for the whole bar; arrows go on from there.
    page.locator("[data-do=brush]").focus()
    painter.press("ArrowRight", "Enter")
    assert painter.call("tool") == "eraser"
    assert page.locator(".mc-bar [tabindex='0']").count() == 1


# ---------------------------------------------------------------- tools


def test_shift_draws_straight_and_joins_clicks(painter: Painter) -> None:
    page = painter.page
    painter.call("setClass(14)")
    painter.call("setSize(5)")
    page.keyboard.down("Shift")
    painter.drag((20.5, 110.5), (60.5, 113.5))
    page.keyboard.up("Shift")
    rows, columns = np.nonzero(painter.mask() == Label.HAT)
    assert set(rows) == set(range(108, 113)) and columns.min() == 18 and 60 <= columns.max() <= 62
    painter.press("Control+z")
    painter.drag((20.5, 105.5))
    page.keyboard.down("Shift")
    painter.drag((20.5, 120.5))
    page.keyboard.up("Shift")
    assert (painter.mask()[105:121, 18:23] == Label.HAT).all()


def test_ellipse_and_line_are_exact(painter: Painter) -> None:
    page = painter.page
    painter.call("setClass(14)")
    painter.press("o")
    painter.drag((80, 90), (120, 110))
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    expected = face_mask()
    expected[((columns - 100) / 20) ** 2 + ((rows - 100) / 10) ** 2 <= 1] = Label.HAT
    assert np.array_equal(painter.mask(), expected)
    page.keyboard.down("Shift")
    painter.drag((10, 90), (30, 95))
    page.keyboard.up("Shift")
    expected[disc(20, 100, 20)] = Label.HAT
    assert np.array_equal(painter.mask(), expected)
    painter.press("s")
    painter.call("setSize(5)")
    page.keyboard.down("Shift")
    painter.drag((100.5, 120.5), (60.5, 117.5))
    page.keyboard.up("Shift")
    expected[118:123, 61:101] = Label.HAT
    expected[disc(60.5, 120.5, 5) | disc(100.5, 120.5, 5)] = Label.HAT
    assert (painter.mask() != expected).sum() <= 5  # the far end is where the pointer's shadow falls
    painter.press("Control+z", "Control+z", "Control+z")
    assert np.array_equal(painter.mask(), face_mask())


# ---------------------------------------------------------------- locks


def test_locked_classes_are_painted_over_by_no_tool(painter: Painter) -> None:
    page = painter.page
    original = face_mask()
    brows = np.isin(original, (Label.L_BROW, Label.R_BROW))
    painter.press("Shift+Digit5", "Shift+Digit6")
    assert page.locator(".mc-locked").count() == 2
    painter.call("setClass(13)")
    painter.call("setSize(20)")
    painter.drag((30.5, 44.5), (90.5, 44.5))
    expected = painter.mask()
    assert np.array_equal(expected[brows], original[brows]) and (expected == Label.HAIR).sum() > 2000
    painter.press("Control+z", "f")
    painter.drag((CENTRE + 16, 43))  # a fill of the brow
    assert np.array_equal(painter.mask(), original) and "locked" in page.locator(".mc-hint").inner_text()
    painter.press("v")
    painter.drag((CENTRE + 16, 43), (CENTRE + 16, 60))  # a move of the brow
    assert np.array_equal(painter.mask(), original)
    painter.drag((CENTRE + 16, 53), (CENTRE + 16, 44))  # the eye moved onto it
    moved = painter.mask()
    assert np.array_equal(moved[brows], original[brows]) and (moved[43:49] == Label.L_EYE).any()
    painter.press("Control+z", "e", "Shift+Digit5", "Shift+Digit6")
    assert page.locator(".mc-locked").count() == 0


def test_only_chosen_classes_are_painted_over(painter: Painter) -> None:
    page = painter.page
    original = face_mask()
    painter.press("a")
    page.get_by_label("Paint over").select_option("only")
    page.locator(".mc-chip", has_text="Skin").click()
    painter.call("setClass(13)")
    painter.call("setSize(30)")
    painter.drag((10.5, 52.5), (110.5, 52.5))
    got = painter.mask()
    assert set(original[got != original]) == {Label.SKIN} and set(got[got != original]) == {Label.HAIR}


def near(region: np.ndarray, distance: int) -> np.ndarray:
    """Pixels whose centres are within a distance of a pixel of the region."""
    padded, found = np.pad(region, distance), np.zeros_like(region)
    for dy in range(-distance, distance + 1):
        for dx in range(-distance, distance + 1):
            if dx * dx + dy * dy <= distance * distance:
                found |= padded[distance + dy :, distance + dx :][:SIZE, :SIZE]
    return found


def test_a_region_grows_shrinks_and_is_smoothed_by_pixels_and_spares_locked_classes(painter: Painter) -> None:
    page = painter.page
    original = face_mask()
    painter.press("a", "2", "Shift+Digit3")  # the nose; the left eye is locked
    page.get_by_label("Pixels to grow").fill("6")
    page.get_by_role("button", name="Grow").click()
    expected = original.copy()
    expected[near(original == Label.NOSE, 6) & (original != Label.L_EYE)] = Label.NOSE
    assert np.array_equal(painter.mask(), expected) and (expected != original).sum() > 200
    painter.press("Control+z")
    page.get_by_label("Pixels to grow").fill("2")
    page.get_by_role("button", name="Shrink").click()
    nose = original == Label.NOSE
    got = painter.mask()
    assert np.array_equal(got == Label.NOSE, nose & ~near(~nose, 2))
    assert set(got[nose]) == {Label.NOSE, Label.SKIN}
    painter.press("Control+z")
    painter.call("setSize(1)")
    painter.drag((CENTRE + 0.5, 79.5))  # a speck under the nose
    assert (painter.mask()[79:] == Label.NOSE).any()
    page.get_by_label("Pixels to grow").fill("3")
    page.get_by_role("button", name="Smooth").click()
    smooth = painter.mask()
    assert not (smooth[79:] == Label.NOSE).any()
    assert near(smooth == Label.NOSE, 3)[nose].all()  # no more than its corners went
    assert set(np.unique(smooth)) <= set(np.unique(original))


def test_a_class_and_its_twin_grow_together_with_mirror_on(painter: Painter) -> None:
    original = face_mask()
    painter.press("m", "3", "a")
    painter.page.get_by_role("button", name="Grow").click()
    got = painter.mask()
    for label in (Label.L_EYE, Label.R_EYE):
        assert np.array_equal(got == label, near(original == label, 2))
