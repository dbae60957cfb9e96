"""The real page in Chromium, with tiny random networks: what it draws is poor, where it draws must be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paint_tab import random_pipeline  # noqa: F401  (a fixture)
from PIL import Image
from visitor import Visitor, a_visitor, away_from, the_url  # noqa: F401  (fixtures)

pytest.importorskip("gradio")

from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask
from maskgan.quick_edits import QUICK_EDITS
from maskgan.ui.examples import FOLDER, Examples

pytestmark = pytest.mark.browser

PHOTO = FOLDER / "photo_01.jpg"


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


def test_nothing_lies_over_the_buttons(visitor: Visitor) -> None:
    """The menus of shapes end where the next button begins."""
    covered = """() => [...document.querySelectorAll("button[id^=quick-]")].filter((button) => {
      button.scrollIntoView({ block: "center" });
      const { left, right, top, bottom } = button.getBoundingClientRect();
      return [left + 4, (left + right) / 2, right - 8].some((x) => {
        const hit = document.elementFromPoint(x, (top + bottom) / 2);
        return !button.contains(hit) && !hit?.closest(".toast-wrap");
      });
    }).map((button) => button.id)"""
    assert visitor.page.locator("button[id^=quick-]").count() == len(QUICK_EDITS)
    assert visitor.page.evaluate(covered) == []


def test_messages_lie_over_no_button_and_no_result(browser: Any, url: str) -> None:
    person = Visitor(browser, url, viewport={"width": 1280, "height": 720})
    page = person.page
    letter = {"name": "letter.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    page.set_input_files("#upload input[type=file]", files=[letter])
    page.wait_for_selector(".toast-body")
    page.evaluate("document.querySelector('#quick-smile').scrollIntoView({ block: 'center' })")
    assert "not a picture" in page.inner_text(".toast-wrap")
    covered = page.evaluate(
        """() => {
          const message = document.querySelector(".toast-body").getBoundingClientRect();
          return [...document.querySelectorAll("button[id^=quick-], #face-result, [id^=save-]")].filter((part) => {
            const { left, right, top, bottom } = part.getBoundingClientRect();
            return left < message.right && right > message.left && top < message.bottom && bottom > message.top;
          }).map((part) => part.id);
        }"""
    )
    assert covered == [] and page.locator(".toast-body").bounding_box()["height"] < 100
    person.leave()


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
    visitor.wait_until_mask_is(with_hat)
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
