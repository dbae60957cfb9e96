"""The real page in Chromium, with tiny random networks: what it draws is poor, where it draws must be right."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from canvas_hand import CanvasHand, sources
from paint_tab import random_networks
from PIL import Image

pytest.importorskip("gradio")

from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask
from maskgan.serving.guard import Guard
from maskgan.sizes import CROP_SIZE
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.paint import ahead, showing

pytestmark = pytest.mark.browser

PHOTO = FOLDER / "photo_01.jpg"
SIZE = CROP_SIZE
PATIENCE = 120_000  # ms; only a page that never answers takes as long


@pytest.fixture(scope="module")
def pipeline() -> MaskGANPipeline:
    return random_networks()


@pytest.fixture(scope="module")
def url(pipeline: MaskGANPipeline) -> Iterator[str]:
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


@pytest.fixture
def visitor(browser: Any, url: str) -> Iterator[Visitor]:
    person = Visitor(browser, url)
    yield person
    person.leave()


def away_from(mask: np.ndarray, distance: int) -> np.ndarray:
    """Pixels farther than `distance` from every True pixel."""
    near = mask.copy()
    for axis in (0, 1):
        near = np.logical_or.reduce([np.roll(near, shift, axis) for shift in range(-distance, distance + 1)])
    return ~near


def test_upload_paint_undo_download(visitor: Visitor, pipeline: MaskGANPipeline, tmp_path: Path) -> None:
    visitor.upload(PHOTO)
    unedited = visitor.wait_for_result()
    photo = read_photo(PHOTO)
    face = pipeline.prepare(photo)
    assert np.array_equal(visitor.mask(), face.mask)

    new = next(label for label in (Label.HAT, Label.NECK, Label.CLOTH) if not (face.mask[80:180] == label).any())
    visitor.stroke(new, (180.5, 120.5), (320.5, 120.5))
    painted = visitor.mask()
    changed = painted != face.mask
    assert changed[120, 180:320].any() and not changed[180:].any() and not changed[:80].any()
    visitor.wait_for_result(other_than=unedited)
    visitor.page.wait_for_selector("#history img")  # the stroke has ended for the server too

    crop = np.array(Image.open(visitor.download("#save-face", tmp_path)))
    assert (crop[changed] != face.crop[changed]).any()
    expected = edit_with_looks(pipeline, face, painted)
    assert np.array_equal(crop, expected.crop)
    assert np.array_equal(crop[expected.region == 0], face.crop[expected.region == 0])
    outside = away_from(changed, 90)
    assert outside.mean() > 0.3 and np.array_equal(crop[outside], face.crop[outside])

    path = visitor.download("#save-photo", tmp_path)
    assert path.name == "photo_01-edited.jpg"  # as it came
    whole = np.array(Image.open(path))
    assert whole.shape == photo.shape and (whole != photo).any()
    assert np.abs(whole.astype(int) - expected.photo).mean() < 1.5
    unchanged = (expected.photo == photo).all(-1)
    assert unchanged.mean() > 0.5 and np.abs(whole.astype(int) - photo)[unchanged].mean() < 1
    assert np.array_equal(read_mask(visitor.download("#save-mask", tmp_path)), painted)

    visitor.page.locator("#canvas .mc-stage").focus()
    visitor.page.keyboard.press("Control+z")
    assert np.array_equal(visitor.mask(), face.mask)
    assert visitor.wait_for_result() == unedited


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
    assert len(shown) == 3
    for picture, mask in zip(shown, masks, strict=True):
        assert np.array_equal(picture, edit_with_looks(pipeline, face, mask).crop)


def test_a_picture_that_arrives_after_a_newer_one_is_not_shown(
    visitor: Visitor, pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visitor.page
    monkeypatch.setattr(ahead, "_PATIENCE", PATIENCE / 1000)
    visitor.choose_example(2)
    visitor.wait_for_result()
    face = Examples(pipeline).open(2).face

    def shows(mask: np.ndarray, **options: Any) -> bool:
        address = visitor.shown()[1]
        file = (
            base64.b64decode(address.partition(",")[2]) if address.startswith("data:") else httpx.get(address).content
        )
        return np.array_equal(Image.open(io.BytesIO(file)), edit_with_looks(pipeline, face, mask, **options).crop)

    def until(sentence: str, is_so: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE / 1000
        while not is_so():
            assert time.monotonic() < limit, f"never was {sentence}"
            page.wait_for_timeout(50)

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
    until("the second picture", lambda: shows(second))
    page.evaluate("letGo()")
    until("the first picture there", lambda: page.evaluate("Boolean(window.arrived)"))
    assert shows(second) and not np.array_equal(first, second)

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
    third = visitor.mask()
    until("the third picture", lambda: shows(third, keep_untouched=False))


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


def test_locked_classes_keep_their_pixels_when_a_button_paints(visitor: Visitor) -> None:
    visitor.choose_example(0)
    own = visitor.mask()
    visitor.page.locator("#canvas .mc-stage").focus()
    visitor.page.keyboard.press("Shift+H")
    visitor.page.click("#quick-hat")
    hat = visitor.wait_for_mask(other_than=own)
    assert (hat == Label.HAT).any() and (hat[own == Label.HAIR] == Label.HAIR).all()
    visitor.call("undo()")
    visitor.page.locator("#canvas .mc-stage").focus()
    visitor.page.keyboard.press("Shift+H")
    visitor.page.click("#quick-hat")
    assert (visitor.wait_for_mask(other_than=own)[own == Label.HAIR] == Label.HAT).any()


def test_looks_and_shapes_by_one_click(visitor: Visitor) -> None:
    visitor.choose_example(0)
    shown = visitor.wait_for_result()
    swatches = visitor.page.locator("#looks .lb-swatches button")
    visitor.call("setTool('brush')")
    visitor.page.locator("#canvas .mc-palette button", has_text="Hair").click()
    assert visitor.page.locator("#looks .lb-part").input_value() == "Hair"
    swatches.nth(3).click()
    shown = visitor.wait_for_result(other_than=shown)
    visitor.page.wait_for_selector("#looks .lb-swatches button[aria-pressed=true]")
    visitor.page.locator("#canvas .mc-palette button", has_text="Upper lip").click()
    assert visitor.page.locator("#looks .lb-part").input_value() == "Lips"
    before = visitor.mask()
    visitor.page.locator("#shapes-hat select").select_option("trilby")
    felt = visitor.wait_for_mask(other_than=before)
    assert (felt == Label.HAT).sum() > 1000
    shown = visitor.wait_for_result(other_than=shown)
    visitor.page.locator("#looks .lb-part").select_option("Hair")
    visitor.page.locator("#looks .lb-own").click()
    visitor.wait_for_result(other_than=shown)
    assert visitor.page.locator("#looks .lb-own").is_disabled()
    shown = visitor.shown()
    visitor.page.locator("#looks .lb-from").click()
    visitor.page.get_by_role("button", name="Example: rendered head with white hair and glasses").last.click()
    visitor.wait_for_result(other_than=shown)
    assert visitor.page.locator("#looks .lb-own").is_enabled()


def test_quick_edits_full_photo_and_history(visitor: Visitor) -> None:
    visitor.choose_example(1)
    original = visitor.mask()
    unedited = visitor.wait_for_result()
    take_off = visitor.page.locator("#quick-remove_hat")
    visitor.page.wait_for_selector("#quick-remove_hat[aria-disabled=true]")
    assert take_off.get_attribute("title").endswith("There is no hat on this mask.")
    visitor.page.click("#quick-hat")
    first = visitor.wait_for_result(other_than=unedited)
    with_hat = visitor.wait_for_mask(other_than=original)
    assert (with_hat == Label.HAT).sum() > (original == Label.HAT).sum()
    visitor.page.wait_for_selector("#quick-remove_hat:not([aria-disabled])")
    visitor.page.click("#quick-smile")
    visitor.wait_for_result(other_than=first)
    visitor.wait_for_mask(other_than=with_hat)

    visitor.page.locator("#history button.thumbnail-item").nth(1).click()
    visitor.page.wait_for_function(
        "wanted => JSON.stringify(document.querySelector('#canvas .mask-canvas').maskCanvas.getMask()) === wanted",
        arg=str(with_hat.ravel().tolist()).replace(" ", ""),
    )
    visitor.page.locator("#view label").nth(1).click()
    visitor.page.wait_for_selector("#photo-result img")
    visitor.page.wait_for_selector("#face-result img", state="detached")
    assert visitor.page.locator("#quick-hat").get_attribute("title")


def test_a_bad_file_is_answered_in_a_sentence_and_the_mask_stays(visitor: Visitor, tmp_path: Path) -> None:
    visitor.stroke(Label.HAIR, (200.5, 240.5), (300.5, 240.5))
    painted, face = visitor.mask(), visitor.call("id")
    (tmp_path / "letter.jpg").write_text("no picture at all")
    visitor.page.set_input_files("#upload input[type=file]", str(tmp_path / "letter.jpg"))
    visitor.page.get_by_text("This file is not a picture").wait_for()
    assert np.array_equal(visitor.mask(), painted) and visitor.call("id") == face
    visitor.upload(PHOTO)  # and the field takes the next one


def test_two_people_paint_their_own_faces(browser: Any, url: str, pipeline: MaskGANPipeline, tmp_path: Path) -> None:
    people = [Visitor(browser, url), Visitor(browser, url)]
    for person, index in zip(people, (1, 4), strict=True):
        person.choose_example(index)
    people[0].stroke(Label.HAT, (180.5, 120.5), (320.5, 120.5))
    people[1].stroke(Label.SKIN, (180.5, 400.5), (320.5, 400.5))
    for person, index in zip(people, (1, 4), strict=True):
        person.page.wait_for_selector("#history img")
        face = Examples(pipeline).face(index)
        crop = np.array(Image.open(person.download("#save-face", tmp_path)))
        assert np.array_equal(crop, edit_with_looks(pipeline, face, person.mask()).crop)
        person.leave()


def test_the_page_fits_a_phone(browser: Any, url: str) -> None:
    person = Visitor(browser, url, viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark")
    page = person.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#canvas").bounding_box()["width"] > 340
    # A message leaves the result in sight ...
    page.evaluate("document.querySelector('#view').scrollIntoView()")
    letter = {"name": "letter.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    page.set_input_files("#upload input[type=file]", files=[letter])
    page.wait_for_function("document.querySelector('.toast-body')?.getBoundingClientRect().top > 422")
    # ... and so does work on the canvas.
    page.locator("#canvas .mc-palette").scroll_into_view_if_needed()
    result = page.locator("#face-result").bounding_box()
    assert result["y"] >= 0 and result["y"] + result["height"] < 400
    # Two fingers on the mask zoom the result too, which is full of the face then.
    person.settle()
    devtools = person.context.new_cdp_session(page)
    for kind, reach in (("touchStart", 40), ("touchMove", 120), ("touchEnd", 0)):
        fingers = (256 - reach, 256 + reach) if reach else ()
        places = [person.call(f"canvasToClient({x}, 300)") for x in fingers]
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(places)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert person.call("zoom") > 2
    page.wait_for_function(
        """() => {
          const box = (part) => document.querySelector(`.mask-result${part}`).getBoundingClientRect();
          const [pane, face] = [box(""), box(" .after")];
          return ["left", "top"].every((side) => face[side] <= pane[side] + 1)
            && ["right", "bottom"].every((side) => face[side] >= pane[side] - 1);
        }"""
    )
    person.leave()
