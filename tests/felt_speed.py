"""How quick the page feels: `python -m tests.felt_speed`, seconds from lifting the brush to the painted result.

In Chromium, on the real page with real weights: strokes of a few hundred pixels on an example's hair, skin and
background, as a mouse paints them, taken back after every fifth. Timed in the page itself: from the pointer's going up
to the frame after the one in which a picture of the whole stroke had been loaded, and to that of the last picture,
another one where the first was a draft of a costly edit; and how many pictures came in that time. First alone, then
with other painters at work (see `load.py`); each with its median and 95th percentile, and the processor time that the
server took for a stroke, which other programs do not change.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from maskgan.labels import Label
from maskgan.sizes import CROP_SIZE
from tests.load import ROOT, processor_seconds, server

#: A stroke's picture is its last when none follows for so many seconds; what is waited for at most.
QUIET, PATIENCE = 1.5, 30.0

#: Seconds in which the page has taken a mask back.
SETTLED = 3.0

#: Notes when the pointer went up, and when each picture of the result was on the screen, and whether that was of the
#: whole stroke: messages have numbers, and a picture that came ahead tells its message's. Where the last preview asked
#: for showed all of the stroke already, that is not asked for again. `settled` answers once none has followed for so
#: long, in milliseconds: asking again and again would take time from what is measured.
WATCH = """() => {
  window.felt = { up: null, number: Infinity, asked: Infinity, ahead: null, shown: [], told: null };
  const fetched = window.fetch;
  window.fetch = (...request) => {
    const body = request[1]?.body;
    const ahead = typeof body === "string" && body.includes("picture_ahead") && !body.includes('"exact":true');
    const stroke = ahead && body.match(/"stroke": ?([0-9]+)/);
    if (stroke) felt.asked = Number(stroke[1]);
    return fetched(...request);
  };
  const noted = (whole) => {
    felt.shown.push({ time: performance.now(), whole });
    felt.told?.();
  };
  document.addEventListener("pointerdown", () => {
    felt.shown = [];
    felt.number = Infinity;
  }, true);
  document.addEventListener("pointerup", () => {
    felt.up = performance.now();
    setTimeout(() => { felt.number = felt.asked; }); // the canvas has asked by now
  }, true);
  document.addEventListener("mask-result-ahead", ({ detail }) => {
    felt.ahead = Number(detail.order.split(" ")[1]);
  }, true);
  document.addEventListener("load", (event) => {
    if (!event.target.closest?.("#face-result")) return;
    const number = felt.ahead ?? Infinity; // what comes by an event is of the whole stroke
    felt.ahead = null;
    requestAnimationFrame(() => requestAnimationFrame(() => noted(number >= felt.number)));
  }, true);
  felt.settled = (quiet, patience) => new Promise((resolve, reject) => {
    let timer = 0;
    const given_up = setTimeout(() => reject(new Error("No result of a stroke came.")), patience);
    felt.told = () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        clearTimeout(given_up);
        resolve(felt.shown.map(({ time, whole }) => [time - felt.up, whole]));
      }, quiet);
    };
    if (felt.shown.length) felt.told();
  });
}"""

#: The canvas's mask, a letter for each class id; not an object for each, whose removal would take a stroke's time.
MASK = """() => {
  const mask = document.querySelector("#canvas .mask-canvas").maskCanvas.getMask();
  return new TextDecoder().decode(Uint8Array.from(mask, (id) => 65 + id));
}"""


@contextlib.contextmanager
def page(url: str, chromium: str) -> Iterator[Any]:
    """The page in Chromium, ready to be painted on."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(1000 * PATIENCE)
            page.goto(url)
            page.wait_for_selector("#canvas .mask-canvas.mc-ready")
            page.wait_for_selector("#face-result img")
            page.wait_for_timeout(1000 * QUIET)
            page.evaluate(WATCH)
            yield page
        finally:
            browser.close()


def call(page: Any, expression: str) -> Any:
    """What the canvas answers."""
    return page.evaluate(f"document.querySelector('#canvas .mask-canvas').maskCanvas.{expression}")


def stroke(page: Any, random: np.random.Generator) -> tuple[float, float, int]:
    """Paint a stroke; seconds from the pointer's going up to the first picture of all of it, and to the last one, and
    how many came in that time."""
    mask = np.frombuffer(page.evaluate(MASK).encode(), np.uint8).reshape(CROP_SIZE, CROP_SIZE) - ord("A")
    label = random.choice([Label.HAIR, Label.SKIN, Label.BACKGROUND])
    within = mask[96:-96, 96:-96] != label  # a stroke must change something
    start = np.argwhere(within)[random.integers(within.sum())][::-1] + 96
    way = random.uniform(-40, 40, 2)
    call(page, f"setClass({int(label)})")
    call(page, "setSize(14)")
    points = [call(page, f"canvasToClient({x}, {y})") for x, y in (start, start + way / 2, start + way)]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=4)
    page.mouse.up()
    return _painted(page)


def take_back(page: Any) -> None:
    """The mask as it was; the unedited picture may be on the screen from a stroke that was wiped out, and not come."""
    call(page, "reset()")
    page.wait_for_timeout(1000 * SETTLED)


def _painted(page: Any) -> tuple[float, float, int]:
    """Wait until the last picture is on the screen; see `stroke`. All 0: it came while the brush was still down."""
    pictures = page.evaluate(f"felt.settled({1000 * QUIET}, {1000 * PATIENCE})")
    late = [(time / 1000, whole) for time, whole in pictures if time > 0]
    if not late:
        return 0.0, 0.0, 0
    return next((time for time, whole in late if whole), late[-1][0]), late[-1][0], len(late)


@contextlib.contextmanager
def painters(url: str, count: int) -> Iterator[None]:
    """Others who paint meanwhile."""
    if not count:
        yield
        return
    command = [sys.executable, "-m", "tests.load", "--url", url, "--painters", str(count), "--seconds", "3600"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(15)  # each paints alone first
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)


def measure(url: str, strokes: int, others: int, chromium: str, pid: int | None) -> dict[str, Any]:
    """Strokes on a page while others paint: median and 95th percentile in milliseconds."""
    random = np.random.default_rng(0)
    with painters(url, others), page(url, chromium) as open_page:
        stroke(open_page, random)  # the first one warms up
        used = processor_seconds(pid) if pid else 0.0
        firsts, lasts, pictures = [], [], []
        for number in range(strokes):
            first, last, late = stroke(open_page, random)
            firsts.append(1000 * first)
            lasts.append(1000 * last)
            pictures.append(late)
            if number % 5 == 4:
                take_back(open_page)
        used = processor_seconds(pid) - used if pid else 0.0
    row: dict[str, Any] = {"painters": others, "strokes": strokes}
    for name, times in (("", firsts), ("last_", lasts)):
        median, most = np.percentile(times, (50, 95))
        row |= {f"{name}median_ms": round(median), f"{name}p95_ms": round(most)}
    row |= {"pictures_after": round(float(np.mean(pictures)), 2), "most_pictures_after": max(pictures)}
    return row | {
        "load_average": round(psutil.getloadavg()[0], 1),
        "processor_ms": round(1000 * used / strokes) if pid else None,
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="Time from lifting the brush to the painted result, in Chromium.")
    parser.add_argument("--strokes", type=int, default=50, metavar="N", help="of each measurement (default: 50)")
    parser.add_argument(
        "--painters", type=int, nargs="*", default=[0, 2], metavar="N", help="others (default: 0 and 2)"
    )
    parser.add_argument("--url", help="a running app; without it one is started")
    parser.add_argument("--chromium", default="/usr/bin/chromium", metavar="FILE", help="the browser's program")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    options = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        url, pid = (options.url, None) if options.url else stack.enter_context(server(Path(name)))
        for others in options.painters:
            rows.append(measure(url.rstrip("/"), options.strokes, others, options.chromium, pid))
            row = rows[-1]
            print(
                "{strokes} strokes, {painters} other painters: median {median_ms} ms, p95 {p95_ms} ms; "
                "last picture {last_median_ms} ms, p95 {last_p95_ms} ms; "
                "{pictures_after} pictures after lifting the brush, {most_pictures_after} at most "
                "(load average {load_average})".format(**row),
                *([f"{row['processor_ms']} ms of processor time for a stroke, in the server"] if pid else []),
                sep="; ",
                flush=True,
            )
    if options.json is not None:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
