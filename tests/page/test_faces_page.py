"""Several faces, the strength of the last edit and ways to save, in Chromium with the studio's own networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_hand import sources
from conftest import told_by
from PIL import Image

pytest.importorskip("gradio")

from test_visits_page import Person, person, server  # noqa: F401  (fixtures)

from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.ui.examples import FOLDER
from maskgan.ui.pictures import shrink

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def saved_photo(person: Person, folder: Path) -> Path:  # noqa: F811
    with person.page.expect_download() as info:
        person.page.click("#save-photo")
    path = folder / info.value.suggested_filename
    info.value.save_as(path)
    return path


def test_two_people_in_one_photo_keep_their_own_work(person: Person, tmp_path: Path) -> None:  # noqa: F811
    people = [shrink(read_photo(FOLDER / "people" / f"person_0{number}.jpg"), 512) for number in (1, 2)]
    Image.fromarray(np.hstack(people)).save(tmp_path / "two.png")
    person.upload(tmp_path / "two.png")
    faces = person.page.locator("#faces button.thumbnail-item")
    assert faces.count() == 2
    photo = np.hstack(people).astype(int)

    person.quick("smile")
    first, one = person.call("id"), person.mask()
    second = person.another_face(lambda: faces.nth(1).click())
    person.wait_for_steps(0)
    person.quick("glasses")
    two = person.mask()
    path = saved_photo(person, tmp_path)
    both = np.array(Image.open(path)).astype(int)
    changed = [(np.abs(both - photo).max(-1) > 8)[:, part].sum() for part in (slice(0, 512), slice(512, None))]
    assert path.name == "two-edited.png" and min(changed) > 300
    assert "DigitalSourceType" in told_by(Image.open(path))

    person.another_face(lambda: faces.nth(0).click())
    assert person.call("id") == first and np.array_equal(person.mask(), one)
    person.wait_for_steps(2)
    assert np.abs(np.array(Image.open(saved_photo(person, tmp_path))).astype(int) - both).mean() < 0.05
    shown = sources(person.page, "#face-result img")
    person.call("undo()")  # this face's own undo
    assert not np.array_equal(person.mask(), one) and person.page.locator("#canvas [data-do=undo]").is_disabled()
    person.until("the undone result", lambda: sources(person.page, "#face-result img") != shown)
    undone = sources(person.page, "#face-result img")
    person.call("redo()")
    person.until("the result done again", lambda: sources(person.page, "#face-result img") != undone)
    person.wait_until_kept()  # with the first face, else what was kept of the second before would pass for newer
    person.another_face(lambda: faces.nth(1).click())
    assert person.call("id") == second and np.array_equal(person.mask(), two)

    person.wait_until_kept()
    person.page.reload()  # both come back
    person.wait_until_back()
    assert person.call("id") == second and np.array_equal(person.mask(), two)
    again = np.array(Image.open(saved_photo(person, tmp_path))).astype(int)
    assert np.abs(again - both).mean() < 0.1
    person.another_face(lambda: faces.nth(0).click())
    assert person.call("id") == first and np.array_equal(person.mask(), one)


def test_the_slider_tunes_the_last_edit_and_undo_adds_nothing(person: Person) -> None:  # noqa: F811
    person.upload()
    own = person.mask()
    person.quick("smile")
    gentle = person.mask()
    slider = person.page.locator("#strength input[type=range]")
    slider.focus()
    for _ in range(6):
        slider.press("ArrowRight")
    person.wait_for_mask(other_than=gentle)
    person.page.wait_for_timeout(3000)
    assert (person.mask() != own).sum() > (gentle != own).sum() and len(person.steps()) == 2
    person.call("undo()")
    assert np.array_equal(person.mask(), own)  # one step, not one for each strength
    person.call("redo()")
    person.page.wait_for_timeout(3000)
    assert len(person.steps()) == 2


def test_a_photo_is_copied_and_shared_where_the_browser_can(person: Person, tmp_path: Path) -> None:  # noqa: F811
    person.context.add_init_script("""
      window.given = [];
      navigator.canShare = () => true;
      navigator.share = async ({ files }) => window.given.push(files[0].name);
      const write = async (items) => window.given.push((await items[0].getType("image/png")).type);
      Object.defineProperty(navigator, "clipboard", { value: { write } });
    """)
    page: Any = person.page
    page.reload()
    page.wait_for_selector("#face-result img")
    person.upload()
    person.quick("smile")
    for button in ("copy", "share"):
        count = page.evaluate("window.given.length")
        page.click(f"#{button}-photo")
        page.wait_for_function("count => window.given.length > count", arg=count)
    assert page.evaluate("window.given") == ["image/png", "photo_01-edited.jpg"]
    path = saved_photo(person, tmp_path)
    with Image.open(path) as photo:
        assert path.name == "photo_01-edited.jpg" and "DigitalSourceType" in told_by(photo)


def test_what_style_copy_sends_is_marked_and_the_open_photo_can_be_taken_up_again(
    person: Person,  # noqa: F811
    tmp_path: Path,
) -> None:
    first = person.upload()
    person.stroke(Label.HAT, (200.5, 60.5), (300.5, 60.5))
    person.wait_for_steps(2)
    mask = person.mask()
    person.page.get_by_role("tab", name="Style copy").click()
    person.page.wait_for_selector("#style-result img")
    person.page.click("#style-send")
    person.page.wait_for_selector("#earlier img")
    with Image.open(saved_photo(person, tmp_path)) as photo:
        assert "DigitalSourceType" in told_by(photo)
    person.another_face(lambda: person.page.locator("#earlier button.thumbnail-item").first.click())
    assert person.call("id") == first and np.array_equal(person.mask(), mask)
