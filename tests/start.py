"""Start and memory of the app with each backend, side by side: `python -m tests.start [--rounds N] [--json FILE]`.

Each round starts `app.py` with torch and with ONNX Runtime in turns, as processes of their own. Measured are seconds
from the command to the first answer of the page, by the clock and of the processor (other programs make the first
longer, not the second), resident memory then, and after 20 edits of one visitor (see `painter.py`). The table gives
medians. Networks for ONNX Runtime are exported before, if they are not in the user's cache.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil

from maskgan.editing.pipeline import WEIGHTS
from maskgan.onnx.cache import exported
from tests.headless_page import HeadlessPage
from tests.load import PATIENCE, processor_seconds, resident, server
from tests.painter import Painter, Subject

BACKENDS = ("torch", "onnx")
EDITS = 20

#: What is measured: name, title, unit, the goal of each backend.
ROWS = (
    ("start", "from the command to a served page", "s", (12, 5)),
    ("processor", "processor time of that", "s", None),
    ("memory", "resident memory then", "MB", None),
    ("memory_after", f"resident memory after {EDITS} edits", "MB", (1500, 600)),
)


async def paint(url: str) -> None:
    """Edits of one visitor; raises what went wrong in them."""
    async with httpx.AsyncClient(timeout=PATIENCE) as http, HeadlessPage.open(http, url) as page:
        painter = Painter(page, Subject.of(0))
        while len(painter.edit_seconds) < EDITS:
            await painter.work(until=0)
            if painter.problem is not None:
                raise painter.problem


def measured(backend: str) -> dict[str, float]:
    """One start, by the names in `ROWS`."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with server(Path(folder), "--backend", backend) as (url, pid):
            seconds = time.perf_counter() - began
            processor, memory = processor_seconds(pid), resident(pid)
            asyncio.run(paint(url))
            return {
                "start": seconds,
                "processor": processor,
                "memory": memory / 1e6,
                "memory_after": resident(pid) / 1e6,
            }


def table(medians: dict[str, dict[str, float]]) -> str:
    """The backends side by side, with the goals."""
    lines = [f"{'':38}{'torch':>10}{'onnx':>10}   goals"]
    for name, title, unit, goals in ROWS:
        digits = 1 if unit == "s" else 0
        cells = "".join(f"{medians[backend][name]:>10.{digits}f}" for backend in BACKENDS)
        lines.append(f"{f'{title}, {unit}':38}{cells}" + (f"   {goals[0]} and {goals[1]}" if goals else ""))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description="Start and memory of the app with each backend.")
    parser.add_argument("--rounds", type=int, default=3, help="starts of each backend (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    options = parser.parse_args(arguments)
    exported(WEIGHTS)
    load = psutil.getloadavg()[0]
    rounds = [{backend: measured(backend) for backend in BACKENDS} for _ in range(options.rounds)]
    medians = {
        backend: {row[0]: statistics.median(each[backend][row[0]] for each in rounds) for row in ROWS}
        for backend in BACKENDS
    }
    print(
        f"{psutil.cpu_count()} cores, load average {load:.1f} before, {options.rounds} starts of each",
        table(medians),
        sep="\n",
    )
    if options.json is not None:
        options.json.write_text(json.dumps({"load_average": load, "rounds": rounds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
