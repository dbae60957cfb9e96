"""Many painters at once: `python -m tests.load --painters 16 --seconds 60`.

Every painter is a visitor's page of its own (see `headless_page.py` and `painter.py`) with a photo of its own: an
example's face in a tint and within a frame of coloured squares that no other photo has. It opens the photo, paints,
undoes, takes the results home, resets, goes back in the history, and knows what each answer must be: where nothing was
painted every pixel is its own photo's, a mask is the one that it painted, and the same mask gives the same picture
again, bit for bit. First each paints alone, so that pictures from under load are compared with pictures from without.

The time of an edit is that from sending the stroke to having loaded the picture; painters make no pauses. Ends with 1
and a sentence when there was an error, an answer that belongs to somebody else, or a server whose memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from tests.headless_page import HeadlessPage, PageError
from tests.painter import Mixed, Painter, Subject

ROOT = Path(__file__).parents[1]

#: The server may take so much more memory in the last third of the time than in the second, in parts of 1.
GROWTH = 0.05

PATIENCE = 300  # seconds, for the server to start and for any one answer


# ---------------------------------------------------------------- the server


@contextlib.contextmanager
def server(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """`app.py` in a process of its own that keeps its files in `folder`; gives its address and process id.

    options: further ones of its command line.

    Raises OSError when it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "app.log"
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "files")}
    with log.open("wb") as output:
        command = [sys.executable, "app.py", "--port", str(port), *options]
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment)
    try:
        url, until = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise OSError(f"The app did not start; it said: {log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/config", timeout=PATIENCE).is_success
    except httpx.TransportError:
        return False


def resident(pid: int) -> int:
    """Memory of a process and its children in bytes."""
    process = psutil.Process(pid)
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


def processor_seconds(pid: int) -> float:
    """What a process has had of the cores so far, other programs' share left out."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def files_in(folder: Path) -> tuple[int, int]:
    """How many files a folder holds, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


# ---------------------------------------------------------------- the report


@dataclass
class Report:
    """What came of it. Times are in seconds, sizes in bytes; memory and files are only known of an own server.

    load_average: of the minute before, which is other programs' work;
    memory: one sample a second while all painted; memory_at_start: before anybody came; files: number and size
    before and after all painted; processor: seconds of the cores that the server took meanwhile.
    """

    painters: int
    seconds: float
    load_average: float
    edit_seconds: list[float] = field(default_factory=list)
    open_seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    mixed: list[str] = field(default_factory=list)
    memory_at_start: int | None = None
    memory: list[int] = field(default_factory=list)
    files: list[tuple[int, int]] = field(default_factory=list)
    processor: float | None = None

    def lows(self) -> tuple[int, int] | None:
        """Least memory of the second and of the last third of the time; the first third is for warming up.

        It is what is really held: the app gives freed memory back every few seconds only.
        """
        third = len(self.memory) // 3
        return (min(self.memory[third:-third]), min(self.memory[-third:])) if third else None

    def growth(self) -> float | None:
        """From the second third to the last, in parts of 1."""
        lows = self.lows()
        return lows[1] / lows[0] - 1 if lows else None

    def failure(self) -> str | None:
        """One sentence when this is not how a server should be, else None."""
        if self.mixed:
            return (
                f"{len(self.mixed)} of {self.painters} painters were answered with what is not theirs: {self.mixed[0]}"
            )
        if self.errors:
            return f"{len(self.errors)} of {self.painters} painters met an error: {self.errors[0]}"
        growth = self.growth()
        if growth is not None and growth > GROWTH:
            return f"The server's memory grew by {growth:.1%}, which is more than {GROWTH:.0%}."
        return None

    def lines(self) -> Iterator[str]:
        """The report as a table."""

        def times(seconds: list[float]) -> str:
            middle, most = np.percentile(seconds, (50, 95))
            return f"p50 {middle:.2f} s, p95 {most:.2f} s, max {max(seconds):.2f} s"

        yield f"painters        {self.painters} for {self.seconds:.0f} s, without pauses"
        yield f"machine         {psutil.cpu_count()} cores, load average {self.load_average:.1f} before"
        if self.edit_seconds:
            yield f"edits           {len(self.edit_seconds)}, {len(self.edit_seconds) / self.seconds:.1f} a second"
            yield f"one edit        {times(self.edit_seconds)}"
        if self.open_seconds:
            yield f"opening a photo {times(self.open_seconds)} ({len(self.open_seconds)} times)"
        yield f"errors          {len(self.errors)}"
        yield f"mixed sessions  {len(self.mixed)}"
        if self.processor is not None and self.edit_seconds:
            each = self.processor / len(self.edit_seconds)
            yield f"processor       {each:.2f} s of a core for each edit, in the server"
        growth = self.growth()
        if growth is not None:
            start, warm, last = (f"{size / 1e6:.0f} MB" for size in (self.memory_at_start, *self.lows()))
            yield f"memory          {start} at the start, {warm} in the second third, {last} in the last, {growth:+.1%}"
        if self.files and self.edit_seconds:
            (few, small), (many, large) = self.files
            each = (many - few) / len(self.edit_seconds), (large - small) / len(self.edit_seconds) / 1e3
            yield f"files           {many}, {large / 1e6:.0f} MB; {each[0]:.1f} and {each[1]:.0f} kB for each edit"


async def measure(
    url: str, painters: int, seconds: float, pid: int | None = None, folder: Path | None = None
) -> Report:
    """Let painters loose on the app at `url`; its process and its folder of files are watched where they are known."""
    report = Report(painters, seconds, psutil.getloadavg()[0], memory_at_start=resident(pid) if pid else None)
    async with contextlib.AsyncExitStack() as stack:
        crowd = []
        for number in range(painters):
            # As browsers do each has connections of its own, among which httpx looks for a free one at every request.
            http = await stack.enter_async_context(httpx.AsyncClient(timeout=PATIENCE))
            try:
                page = await stack.enter_async_context(HeadlessPage.open(http, url))
            except (PageError, httpx.HTTPError) as problem:
                report.errors.append(f"The page did not open: {problem!r}")
                continue
            crowd.append(Painter(page, Subject.of(number)))
            await crowd[-1].work(until=0)  # alone
            crowd[-1].edit_seconds.clear()
            crowd[-1].open_seconds.clear()
        if folder:
            report.files.append(files_in(folder))
        watch = asyncio.create_task(_watch(pid, report.memory)) if pid else None
        used = processor_seconds(pid) if pid else 0
        began = time.perf_counter()
        await asyncio.gather(*(painter.work(began + seconds) for painter in crowd if painter.problem is None))
        report.seconds = time.perf_counter() - began
        if watch:
            watch.cancel()
            report.processor = processor_seconds(pid) - used
        if folder:
            report.files.append(files_in(folder))
    for painter in crowd:
        report.edit_seconds += painter.edit_seconds
        report.open_seconds += painter.open_seconds
        if painter.problem is not None:
            problems = report.mixed if isinstance(painter.problem, Mixed) else report.errors
            problems.append(str(painter.problem) or repr(painter.problem))
    return report


async def _watch(pid: int, memory: list[int]) -> None:
    while True:
        memory.append(resident(pid))
        await asyncio.sleep(1)


def main(arguments: list[str] | None = None) -> None:
    """Measure and tell; ends the process with 1 and a sentence when something is wrong."""
    parser = argparse.ArgumentParser(description="Let many painters edit faces at once, and check every answer.")
    parser.add_argument("--painters", type=int, default=16, help="visitors at once (default: 16)")
    parser.add_argument("--seconds", type=float, default=60, help="how long (default: 60; each ends a round at least)")
    parser.add_argument("--url", help="a running app to load; without it one is started, and its memory watched")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        watched: tuple[Any, ...] = ()
        url = options.url
        if url is None:
            url, pid = stack.enter_context(server(Path(name)))
            watched = (pid, Path(name) / "files")
        report = asyncio.run(measure(url.rstrip("/"), options.painters, options.seconds, *watched))
    print(*report.lines(), sep="\n")
    if options.json is not None:
        failure = {"growth": report.growth(), "failure": report.failure()}
        options.json.write_text(json.dumps(asdict(report) | failure, indent=1) + "\n")
    if report.failure():
        raise SystemExit(report.failure())


if __name__ == "__main__":
    main()
