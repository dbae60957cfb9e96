"""A visit in Chromium with the studio's own networks: nothing that people do to their page or their line loses work."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warm
from canvas_hand import CanvasHand, mask_on, sources
from PIL import Image

pytest.importorskip("gradio")

from maskgan.labels import Label
from maskgan.ui.examples import FOLDER

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHOTO = FOLDER / "photo_01.jpg"
PATIENCE = 120_000  # ms; only a page that never answers takes as long

CANVAS = "document.querySelector('#canvas .mask-canvas').maskCanvas"


class Server:
    """The app in a process of its own, on one port, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        with contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder, self.process = folder, None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        log = self.folder / "server.log"
        self.process = warm.start(warm.APP, "--port", self.port, output=log, GRADIO_TEMP_DIR=str(self.folder))
        limit = time.monotonic() + 300
        while time.monotonic() < limit:
            assert self.process.is_alive(), log.read_text()[-2000:]
            try:
                urllib.request.urlopen(self.url, timeout=5).close()
                return
            except OSError:  # nobody listens yet, or whoever does is too busy
                time.sleep(0.2)
        raise AssertionError("the server did not answer for five minutes")

    def kill(self) -> None:
        """End it at once, without a word to anybody."""
        if self.process is not None:
            self.process.kill()
            self.process.join(30)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("served"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


class Person(CanvasHand):
    """Somebody with a browser of their own."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}} | context)
        self.url, self.dialogs = url, []
        super().__init__(self.visit())

    def visit(self) -> Any:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.accept()))
        page.goto(self.url)
        page.wait_for_selector("#canvas .mask-canvas.mc-ready")
        page.wait_for_selector("#face-result img")
        return page

    def call(self, expression: str, page: Any = None) -> Any:
        return (page or self.page).evaluate(f"{CANVAS}.{expression}")

    def mask(self, page: Any = None) -> np.ndarray:
        return mask_on(page or self.page, self.selector)

    def upload(self, path: Path = PHOTO) -> int:
        return self.another_face(lambda: self.page.set_input_files("#upload input[type=file]", str(path)))

    def quick(self, name: str) -> None:
        """A quick edit, until the canvas and the history have it."""
        before, steps = self.mask(), len(self.steps())
        self.page.click(f"#quick-{name}")
        self.wait_for_mask(other_than=before)
        self.wait_for_steps(max(2, steps + 1))

    def steps(self, page: Any = None) -> list[str]:
        """Addresses of the pictures in the history, the newest first; they hold a hash of the picture."""
        pictures = sources(page or self.page, "#history button.thumbnail-item img")
        return [address.split("/")[-2] for address in pictures]

    def wait_for_steps(self, count: int) -> None:
        limit = time.monotonic() + PATIENCE / 1000
        while len(self.steps()) != count:
            assert time.monotonic() < limit, f"the history has {len(self.steps())} steps and never had {count}"
            self.page.wait_for_timeout(100)

    def wait_until_kept(self, page: Any = None) -> None:
        """Until the browser's database holds the visit with all steps that the page shows."""
        page = page or self.page
        script = """([steps, id]) => new Promise((resolve) => {
          const request = indexedDB.open("maskgan-studio", 1);
          request.onsuccess = () => {
            const visits = request.result.transaction("visits").objectStore("visits").getAll();
            visits.onsuccess = () => {
              const faces = visits.result.map(({ visit }) => visit.faces.at(-1));
              request.result.close();
              resolve(faces.some((face) => face.id === id && (steps < 2 || face.steps.length === steps)));
            };
          };
        })"""
        # Playwright's own wait takes a promise for a yes.
        self.until("the visit kept", lambda: page.evaluate(script, [len(self.steps(page)), self.call("id", page)]))

    def wait_until_back(self, page: Any = None) -> None:
        """Until the page says that the work is back, and shows it."""
        page = page or self.page
        page.wait_for_selector(".keeper:not([hidden])")
        assert "back as you left it" in page.locator(".keeper").inner_text()
        page.wait_for_selector("#canvas .mask-canvas.mc-ready")
        page.wait_for_selector("#face-result img")

    def until(self, sentence: str, is_so: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE / 1000
        while not is_so():
            assert time.monotonic() < limit, f"never was {sentence}"
            self.page.wait_for_timeout(200)

    def picture(self, of: str) -> str:
        """The hash of what an element of another tab shows; while it shows nothing, the empty string."""
        pictures = self.page.locator(f"#{of} img")
        return pictures.last.get_attribute("src").split("/")[-2] if pictures.count() else ""

    def pixels(self, of: str) -> np.ndarray:
        """The same as pixels (H, W, 3)."""
        file = self.page.request.get(self.page.locator(f"#{of} img").last.get_attribute("src")).body()
        return np.array(Image.open(io.BytesIO(file))).astype(int)

    def wait_until_tab_is_kept(self, condition: str) -> None:
        """Until this holds of `tabs` and `photos` of a visit in the browser's database."""
        stored = f"""() => new Promise((resolve) => {{
          const request = indexedDB.open("maskgan-studio", 1);
          request.onsuccess = () => {{
            const all = request.result.transaction("visits").objectStore("visits").getAll();
            all.onsuccess = () => resolve(all.result.some(({{ visit: {{ tabs, photos }} }}) => {condition}));
          }};
        }})"""
        self.until("the tab kept", lambda: self.page.evaluate(stored))

    def result(self, folder: Path) -> np.ndarray:
        """What "Download face" saves."""
        with self.page.expect_download() as info:
            self.page.click("#save-face")
        path = folder / "face.png"
        info.value.save_as(path)
        return np.array(Image.open(path)).astype(int)

    def leave(self) -> None:
        self.context.close()


@pytest.fixture
def person(browser: Any, server: Server) -> Iterator[Person]:
    person = Person(browser, server.url)
    try:
        yield person
    finally:
        person.leave()


def test_reload_and_back_bring_everything_back(person: Person, tmp_path: Path) -> None:
    person.upload()
    person.quick("smile")
    person.stroke(Label.HAT, (200.5, 60.5), (300.5, 60.5))
    person.wait_for_steps(3)
    person.page.locator("#seamless input").check()
    mask, face, result, steps = person.mask(), person.call("id"), person.result(tmp_path), person.steps()
    person.wait_until_kept()
    for leave in (person.page.reload, lambda: (person.page.goto("about:blank"), person.page.go_back())):
        leave()
        person.wait_until_back()
        person.wait_for_steps(3)
        assert person.call("id") == face and np.array_equal(person.mask(), mask)
        assert person.steps() == steps and person.page.locator("#seamless input").is_checked()
        assert np.abs(person.result(tmp_path) - result).mean() < 0.05
    person.call("undo()")  # the history of the canvas too
    person.call("undo()")
    assert not np.array_equal(person.mask(), mask)
    assert person.page.locator("#canvas [data-do=undo]").is_disabled()
    assert not person.dialogs


def test_the_other_tabs_are_as_they_were_too(person: Person) -> None:
    page, picture, until = person.page, person.picture, person.until
    page.get_by_role("tab", name="Style copy").click()
    page.wait_for_selector("#style-result img")
    first = picture("style-result")
    page.get_by_label("Everything").check()
    until("another result", lambda: picture("style-result") != first)
    assert page.locator("#style-regions input:not(:checked)").count() == 0
    second = picture("style-result")
    page.locator("#source-examples").get_by_role("button", name="rendered head with white hair and glasses").click()
    until("a result with another source", lambda: picture("style-result") != second)
    third, source = picture("style-result"), picture("source-face")
    person.wait_until_tab_is_kept(
        'tabs?.style?.settings.regions.length > 2 && photos[tabs.style.faces.source.photo].example === "portrait_03"'
    )
    page.reload()
    page.wait_for_selector("#style-result img")  # it is the open tab again
    until("the same result", lambda: picture("style-result") == third)
    assert picture("source-face") == source
    assert page.locator("#style-regions input:not(:checked)").count() == 0


def test_strokes_made_while_the_line_is_down_are_there_afterwards(person: Person) -> None:
    person.upload()
    person.quick("smile")
    person.wait_until_kept()
    person.context.set_offline(True)
    person.stroke(Label.HAT, (200.5, 60.5), (300.5, 60.5))
    mask = person.mask()
    person.page.wait_for_timeout(10_000)
    person.context.set_offline(False)
    person.wait_until_back()  # Gradio loads the page anew
    person.wait_for_steps(3)
    assert np.array_equal(person.mask(), mask)
    person.quick("glasses")
    assert not person.dialogs


def test_another_run_of_the_server_goes_on_where_the_last_one_was_killed(person: Person, server: Server) -> None:
    person.upload()
    person.quick("smile")
    person.quick("hat")
    mask = person.mask()
    person.wait_until_kept()
    page, picture = person.page, person.picture
    page.get_by_role("tab", name="Interpolate").click()  # between the photo and an example
    page.wait_for_selector("#morph-face img")
    half_way = picture("morph-face")
    page.locator("#morph-t input[type=number]").fill("0.8")
    page.locator("#morph-t input[type=number]").press("Enter")
    person.until("another place", lambda: picture("morph-face") != half_way)
    page.get_by_role("tab", name="Style copy").click()  # the photo as it is edited
    page.wait_for_selector("#style-result img")
    first = picture("style-result")
    page.get_by_label("Everything").check()
    person.until("another result", lambda: picture("style-result") != first)
    shown = {name: picture(name) for name in ("morph-face", "morph-mask")}
    styled = person.pixels("style-result")
    person.wait_until_tab_is_kept("tabs?.style?.settings.regions.length > 2 && tabs?.interpolate?.settings.t === 0.8")
    page.get_by_role("tab", name="Paint").click()

    server.kill()
    person.page.wait_for_timeout(2000)
    server.start()
    person.wait_until_back()  # by itself
    person.wait_for_steps(3)
    assert np.array_equal(person.mask(), mask)
    page.get_by_role("tab", name="Interpolate").click()
    for name in shown:
        person.until(f"the same {name}", lambda name=name: picture(name) == shown[name])
    assert page.locator("#morph-t input[type=number]").input_value() == "0.8"
    page.get_by_role("tab", name="Style copy").click()
    page.wait_for_selector("#style-result img")
    # An edited face is kept in its photo, which holds fewer pixels of it than the editor.
    person.until("the same style", lambda: np.abs(person.pixels("style-result") - styled).mean() < 3)
    assert page.locator("#style-regions input:not(:checked)").count() == 0
    page.get_by_role("tab", name="Paint").click()
    person.quick("glasses")


def test_start_fresh_is_the_undo_and_forget_leaves_nothing(person: Person, server: Server, tmp_path: Path) -> None:
    photo = tmp_path / "photo_of_my_own.jpg"  # equal uploads of two visitors are one file
    Image.open(PHOTO).save(photo, quality=90)
    of_others = set(server.folder.rglob("photo*"))
    person.upload(photo)
    person.quick("smile")
    person.wait_until_kept()
    person.page.reload()
    person.wait_until_back()
    with person.page.expect_navigation():  # once the browser has dropped what it kept, the page is loaded anew
        person.page.get_by_role("button", name="Start fresh").click()
    person.page.wait_for_selector("#canvas .mask-canvas.mc-ready")
    person.page.wait_for_selector("#face-result img")
    assert person.page.locator(".keeper").is_hidden()
    person.wait_for_steps(0)
    person.upload(photo)
    person.quick("smile")
    person.wait_until_kept()
    uploads = set(server.folder.rglob("photo*")) - of_others
    assert any(path.is_file() for path in uploads)
    with person.page.expect_navigation():
        person.page.click("#forget-all")
    person.page.wait_for_selector("#face-result img")
    person.until("the upload gone", lambda: not any(path.is_file() for path in uploads))
    assert person.page.locator(".keeper").is_hidden()


def test_leaving_is_questioned_where_the_browser_keeps_nothing(person: Person) -> None:
    person.context.add_init_script("IDBFactory.prototype.open = () => { throw new Error('not allowed') }")
    person.page.reload()
    person.page.wait_for_selector("#face-result img")
    person.page.reload()
    assert not person.dialogs  # nothing was done
    person.page.wait_for_selector("#face-result img")
    person.stroke(Label.HAT, (200.5, 60.5), (300.5, 60.5))
    person.page.wait_for_selector("#history img")
    person.page.reload()
    assert len(person.dialogs) == 1


def test_two_tabs_of_one_person_stay_two(person: Person) -> None:
    person.upload()
    person.quick("smile")
    person.wait_until_kept()
    other = person.visit()
    assert other.locator(".keeper").is_hidden()
    assert person.call("id", other) != person.call("id")
    first, second = person.call("id"), person.call("id", other)
    other.click("#quick-hat")
    other.wait_for_selector("#history img")
    person.wait_until_kept(other)
    for page, face in ((person.page, first), (other, second)):
        page.reload()
        person.wait_until_back(page)
        assert person.call("id", page) == face
    with person.context.expect_page() as info:  # a tab that is duplicated has the other's session storage
        person.page.evaluate("window.open(location.href)")
    twin = info.value
    twin.set_default_timeout(PATIENCE)
    person.wait_until_back(twin)
    keys = {page.evaluate("sessionStorage.getItem('maskgan-studio-tab')") for page in (person.page, other, twin)}
    assert person.call("id", twin) == first and len(keys) == 3
    twin.close()
    with other.expect_navigation():
        person.page.click("#forget-all")  # means both
    other.wait_for_selector("#face-result img")
    assert other.locator(".keeper").is_hidden()


def test_a_photo_can_be_dropped_and_pasted_anywhere(person: Person) -> None:
    content = base64.b64encode(PHOTO.read_bytes()).decode()
    carry = """([content, what]) => {
      const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
      const files = new DataTransfer();
      files.items.add(new File([bytes], `${what}.jpg`, { type: "image/jpeg" }));
      const options = { bubbles: true, cancelable: true };
      const heading = document.querySelector(".area-result h2");
      if (what === "drop") heading.dispatchEvent(new DragEvent("drop", { ...options, dataTransfer: files }));
      else heading.dispatchEvent(new ClipboardEvent("paste", { ...options, clipboardData: files }));
    }"""
    for what in ("drop", "paste"):
        person.another_face(lambda what=what: person.page.evaluate(carry, [content, what]))
    assert "about:blank" not in person.page.url
