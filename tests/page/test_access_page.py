"""The page for people without a mouse, without a large screen, or who do not see it: WCAG 2.2 AA in Chromium."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from conftest import tiny_pipeline_of_faces

pytest.importorskip("gradio")

from visitor import Visitor

from lab.jobs.processes import ROOT, Processes
from maskgan.labels import Label
from maskgan.serving.guard import Guard
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER, Examples

pytestmark = pytest.mark.browser

#: Deque's checker, MPL-2.0; fetched once into the folder for what tests take from npm.
AXE = "axe-core@4.14.1"

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

DESKTOP, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def axe() -> str:
    """The checker's script."""
    folder = ROOT / ".npm" / AXE
    script = folder / "package" / "axe.min.js"
    if not script.is_file():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip(f"needs npm, which fetches {AXE}")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "pack", AXE, "--silent", "--pack-destination", str(folder)]
        fetched = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
        assert fetched.returncode == 0, f"npm did not bring {AXE}: {fetched.stderr}"
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
    return script.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pipeline = tiny_pipeline_of_faces()
    lab = Processes(tmp_path_factory.mktemp("lab") / "runs", [FOLDER])
    demo = build_app(pipeline, Examples(pipeline), lab=lab)
    demo.guard = Guard("127.0.0.1")
    _, address, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    yield address
    demo.close()


def violations(page: Any, axe: str) -> list[str]:
    """Rule, element and reason of all that is wrong on the page as it is now, in the light and the dark theme."""
    if page.evaluate("window.axe === undefined"):
        page.evaluate(axe)
    # Only what is wrong is described: to name all that is right takes the checker most of its time.
    check = """async (rules) =>
      (await axe.run(document, { runOnly: rules, resultTypes: ["violations"] })).violations"""
    found = page.evaluate(check, {"type": "tag", "values": RULES})
    theme = """(dark) => {
      document.body.classList.toggle("dark", dark);
      for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
    }"""
    page.evaluate(theme, True)  # some colours change in motion, however long a busy machine takes
    found += page.evaluate(check, {"type": "rule", "values": ["color-contrast"]})
    page.evaluate(theme, False)
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.slow
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_tab_breaks_a_rule_of_wcag(browser: Any, url: str, axe: str, size: dict[str, int]) -> None:
    visitor = Visitor(browser, url, viewport=size, color_scheme="light", has_touch=size is PHONE)
    page = visitor.page
    page.click("#quick-hat")
    page.wait_for_selector("#history img")
    found = {"Paint": violations(page, axe)}
    small = page.evaluate(TARGETS)
    page.click("#canvas [data-do=help]")
    found["Shortcuts"] = violations(page, axe)
    for tab, shown in {
        "Interpolate": "#morph-strip img",
        "Style copy": "#style-result img",
        "Lab": "#lab-start",
    }.items():
        page.get_by_role("tab", name=tab).click()
        page.wait_for_selector(shown)
        for closed in page.locator(".label-wrap:not(.open)").all():
            if closed.is_visible():
                closed.click()
        page.wait_for_timeout(300)  # they open in motion
        found[tab] = violations(page, axe)
        small += page.evaluate(TARGETS)
    assert size is DESKTOP or not small  # for fingers
    assert not any(found.values()), found
    visitor.leave()


TARGETS = """() => {
  const names = [];
  const controls = "button, a[href], select, input, summary, [role=tab], [role=slider]";
  for (const control of document.querySelectorAll(controls)) {
    const others = control.matches("[type=file], #skip-link") || control.closest("[aria-hidden=true]");
    if (others || control.disabled) continue;
    const target = control.matches("[type=checkbox], [type=radio], [type=color]") ? control.closest("label")
      : control.matches("[role=listbox], [role=combobox]") ? control.closest(".wrap") : control;
    if (!target.checkVisibility({ visibilityProperty: true })) continue;
    const { width, height } = target.getBoundingClientRect();
    const more = parseFloat(getComputedStyle(target, "::before").inset) * -2 || 0; // reaches beyond what is seen
    if (Math.min(width, height) + more < 43.5) names.push(`${target.outerHTML.slice(0, 90)} ${width} x ${height}`);
  }
  return names;
}"""


def focused(page: Any) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent")


def test_an_edit_by_keyboard_alone(browser: Any, url: str) -> None:
    visitor = Visitor(browser, url)
    page = visitor.page
    page.wait_for_selector("#skip-link", state="attached")
    page.wait_for_selector(".mask-files[role=toolbar]")

    stops = 0
    while not focused(page).startswith("Mask canvas"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 12, focused(page)
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"nobody sees that {focused(page)} has the focus"
    before = visitor.mask()
    page.keyboard.press("t")  # a hat
    for key in ["ArrowUp"] * 10 + ["Space"] + ["ArrowRight"] * 6:
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    assert np.array_equal(visitor.mask(), before)  # taken back
    for key in ["Space"] + ["ArrowLeft"] * 6 + ["Space", "ArrowDown", "ArrowDown"]:
        page.keyboard.press(key)
    painted = visitor.mask()
    assert (painted[painted != before] == Label.HAT).all() and (painted != before).any()
    rows, columns = np.nonzero(painted != before)
    assert np.ptp(columns) > 2 * np.ptp(rows)  # nothing was painted on the way down
    page.get_by_text("New picture: Painted: hat").wait_for(state="attached")
    page.keyboard.press("Control+z")
    assert np.array_equal(visitor.mask(), before)

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == "Brush"
    page.keyboard.press("ArrowRight")
    assert focused(page) == "Eraser"
    page.evaluate("document.activeElement.blur(); document.querySelector('#skip-link').focus()")
    page.keyboard.press("Enter")
    assert focused(page).startswith("Mask canvas")
    visitor.leave()


def test_on_a_phone_downloads_and_strength_are_in_sight_with_the_result(browser: Any, url: str) -> None:
    visitor = Visitor(browser, url, viewport=PHONE, has_touch=True)
    page = visitor.page

    def in_sight(selector: str) -> bool:
        box = page.locator(selector).bounding_box()
        return box["y"] >= 0 and box["y"] + box["height"] <= PHONE["height"]

    page.locator("#save-photo").scroll_into_view_if_needed()
    assert in_sight("#save-photo") and in_sight("#face-result")
    page.locator("#strength").scroll_into_view_if_needed()
    assert in_sight("#strength") and in_sight("#face-result")
    visitor.leave()


def test_a_switch_says_what_it_does(browser: Any, url: str) -> None:
    visitor = Visitor(browser, url)
    note = visitor.page.get_by_text("The whole face is drawn anew now")
    assert not note.is_visible()
    visitor.page.locator("#keep input").uncheck()
    note.wait_for()
    visitor.leave()


def test_pictures_have_words(browser: Any, url: str) -> None:
    visitor = Visitor(browser, url)
    page = visitor.page
    page.click("#quick-hat")
    page.wait_for_selector("#history img")
    titles = Examples(tiny_pipeline_of_faces()).titles()
    assert len(set(titles)) == len(titles) and all(" " in title for title in titles)
    page.get_by_role("button", name=f"Example: {titles[0]}").wait_for()
    page.get_by_role("button", name="Original. Result 2").wait_for()
    page.get_by_role("img", name="The edited face").wait_for()
    visitor.leave()
