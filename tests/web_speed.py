"""How quick the page without a server is: `python -m tests.web_speed FOLDER ...`, seconds from a press to the picture.

In Chromium on WebAssembly, on real weights: a smile, long hair over it, a small stroke on a lip, undo of that stroke,
and shorter hair on the photo's own mask. Every folder holds a page that `export-onnx --web` wrote, such as one before
and one after a change; they are measured by turns, so that what else the machine does meets all of them. Timed in the
page itself, from the press, or the pointer's going up, to the frame after which nothing is in work any more; and to
the first picture of it, where a coarse one comes before. Medians of several visits.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from maskgan.labels import Label
from tests.canvas_hand import CanvasHand

ROOT = Path(__file__).resolve().parents[1]

#: A step is over when nothing has been in work for so long, in milliseconds: a fine drawing follows a coarse one after
#: less; what is waited for at most.
QUIET, PATIENCE = 900, 180_000

#: Notes when something was pressed, when pictures came, and when the last work ended.
WATCH = """() => {
  window.felt = { start: 0, first: 0, last: 0, busy: 0 };
  const result = document.getElementById("result");
  const note = () => {
    if (result.classList.contains("busy")) felt.busy ||= performance.now();
    else felt.last = performance.now();
  };
  new MutationObserver(note).observe(result, { attributes: true, attributeFilter: ["class"] });
  for (const name of ["pointerup", "click"]) {
    document.addEventListener(name, () => (felt.start = performance.now()), true);
  }
  document.addEventListener("change", () => (felt.start = performance.now()), true);
  for (const name of ["mask-draft-shown", "mask-result-shown"]) {
    document.addEventListener(name, () => (felt.first ||= performance.now()), true);
  }
  felt.begin = () => Object.assign(felt, { start: performance.now(), first: 0, last: 0, busy: 0 });
  felt.settled = (quiet, patience) => new Promise((resolve, reject) => {
    const end = performance.now() + patience;
    const look = () => {
      const now = performance.now();
      if (now > end) return reject(new Error("It did not end."));
      if (result.classList.contains("busy") || !felt.last || now - felt.last < quiet) return setTimeout(look, 50);
      resolve([felt.busy - felt.start, felt.first - felt.start, felt.last - felt.start]);
    };
    look();
  });
}"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


def _processor_seconds() -> float:
    """What the browser has used until now, in all its processes."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


class Visit(CanvasHand):
    """A visitor with an open photo, whose steps are timed."""

    selector = "#canvas .mask-canvas"

    def __init__(self, page: Any, url: str, photo: Path) -> None:
        super().__init__(page)
        page.set_default_timeout(PATIENCE)
        page.goto(f"{url}?backend=wasm")
        page.locator("#drop").wait_for(state="visible")
        page.locator("#engine", has_text="WebAssembly").wait_for()
        page.locator("#file").set_input_files(photo)
        page.locator("#canvas[data-matrix]").wait_for()
        page.wait_for_timeout(3 * QUIET)  # hair is fetched
        page.evaluate(WATCH)

    def timed(self, act: Any) -> dict[str, float]:
        """Seconds until something is said to be in work, until the first picture and the last one, and those
        that processors worked."""
        self.page.evaluate("felt.begin()")
        used = _processor_seconds()
        act()
        told, first, last = self.page.evaluate(f"felt.settled({QUIET}, {PATIENCE})")
        used = _processor_seconds() - used
        return {"told": told / 1000, "first": first / 1000, "last": last / 1000, "processor": used}

    def steps(self) -> dict[str, dict[str, float]]:
        """All of them, one after the other."""
        page = self.page

        def stroke() -> None:
            mask = self.mask()
            lip = np.argwhere(mask == Label.L_LIP)
            y, x = lip[:, 0].max(), lip[:, 1].mean()
            self.call(f"setClass({int(Label.L_LIP)})")
            self.call("setSize(10)")
            self.drag((x - 12, y), (x + 12, y), steps=3)

        acts = {
            "smile": lambda: page.locator("[data-edit=smile]").click(),
            "long hair": lambda: page.locator("[data-shapes=longer_hair]").select_option("long_waves"),
            "small stroke": stroke,
            "undo": lambda: page.locator("[data-do=undo]").click(),
            "reset": lambda: page.locator("[data-do=reset]").click(),
            "shorter hair": lambda: page.locator("[data-edit=shorter_hair]").click(),
        }
        return {name: self.timed(act) for name, act in acts.items()}


def measure(
    folders: list[Path], photos: list[Path], visits: int, chromium: str
) -> dict[str, dict[str, dict[str, list[float]]]]:
    """Seconds by folder, step and what was waited for, of each visit."""
    from playwright.sync_api import sync_playwright

    found: dict[str, dict[str, dict[str, list[float]]]] = {folder.name: {} for folder in folders}
    servers = {}
    for folder in folders:
        handler = functools.partial(_Handler, directory=str(folder))
        servers[folder.name] = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=servers[folder.name].serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number in range(visits):
            for name, server in servers.items():
                page = browser.new_page(viewport={"width": 1280, "height": 720})
                visit = Visit(page, f"http://127.0.0.1:{server.server_port}/", photos[number % len(photos)])
                for step, times in visit.steps().items():
                    for what, seconds in times.items():
                        found[name].setdefault(step, {}).setdefault(what, []).append(seconds)
                print(
                    name,
                    json.dumps({s: {w: round(t[-1], 2) for w, t in v.items()} for s, v in found[name].items()}),
                    flush=True,
                )
                page.context.close()
        browser.close()
    for server in servers.values():
        server.shutdown()
    return found


def main(arguments: list[str] | None = None) -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="Time from a press to the picture on the page without a server.")
    parser.add_argument("folders", type=Path, nargs="+", help="pages that export-onnx --web wrote")
    parser.add_argument("--photos", type=Path, nargs="+", default=[ROOT / "examples" / "photo_01.jpg"], metavar="FILE")
    parser.add_argument("--visits", type=int, default=3, metavar="N", help="to each of them (default: 3)")
    parser.add_argument("--chromium", default="/usr/bin/chromium", metavar="FILE", help="the browser's program")
    options = parser.parse_args(arguments)
    found = measure(options.folders, options.photos, options.visits, options.chromium)
    names = list(found)
    print(f"{'':14}" + "".join(f"{name:>28}" for name in names))
    for step in found[names[0]]:
        for what in ("first", "last", "processor"):
            medians = "".join(f"{np.median(found[name][step][what]):28.2f}" for name in names)
            print(f"{step:14}{what:10}{medians[10:]}")


if __name__ == "__main__":
    main()
