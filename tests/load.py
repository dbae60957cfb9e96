"""Many painters at once: `python -m tests.load --painters 16 --seconds 60`.

Every painter is a visitor's page of its own (see `headless_page.py`) with a photo of its own: an example's face in a
tint and within a frame of coloured squares that no other photo has. It opens the photo, paints, undoes, takes the
results home, resets, goes back in the history, and knows what each answer must be: where nothing was painted every
pixel is its own photo's, a mask is the one that it painted, and the same mask gives the same picture again, bit for
bit. First each paints alone, so that pictures from under load are compared with pictures from without.

The time of an edit is that from sending the stroke to having loaded the picture; painters make no pauses. Ends with 1
and a sentence when there was an error, an answer that belongs to somebody else, or a server whose memory grows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
from PIL import Image

from maskgan.faces import Alignment, detect_faces
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.pipeline import CROP_SIZE
from maskgan.ui.examples import FOLDER
from maskgan.ui.mask_canvas import wire
from maskgan.ui.pictures import thumbnail
from tests.headless_page import HeadlessPage, PageError

ROOT = Path(__file__).parents[1]

#: No pixel of a crop farther from the painted ones than this may change; compositing reaches 10 pixels far.
REACH = 12

#: The server may take so much more memory in the last third of the time than in the second, in parts of 1.
GROWTH = 0.05

PATIENCE = 120  # seconds, for the server to start and for any one answer


class Mixed(Exception):  # noqa: N818
    """An answer that does not belong to the painter's own session."""


# ---------------------------------------------------------------- what a painter knows about its photo


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo (H, W, 3) uint8 RGB that tells whose it is everywhere, and where the face crop lies in it."""

    name: str
    photo: np.ndarray
    alignment: Alignment
    crop: np.ndarray

    @classmethod
    def of(cls, number: int) -> Subject:
        """The photo of one painter: another size, tint and frame for every number."""
        random = np.random.default_rng(number)
        paths = sorted(FOLDER.glob("images/*.jpg"))
        face = cv2.resize(read_photo(paths[number % len(paths)]), (256, 256), interpolation=cv2.INTER_AREA)
        height, width = 360 + number % 50, 430 - number % 50
        squares = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
        photo = np.ascontiguousarray(squares.repeat(8, 0).repeat(8, 1)[:height, :width])
        top, left = (height - 256) // 2, (width - 256) // 2
        tinted = (face * random.uniform(0.75, 1.1, 3)).clip(0, 255)
        photo[top : top + 256, left : left + 256] = tinted.astype(np.uint8)
        alignment = Alignment.from_face(detect_faces(photo)[0], photo.shape[:2])
        return cls(f"painter_{number:02d}", photo, alignment, alignment.crop(photo, CROP_SIZE))

    def file(self) -> bytes:
        """The photo as a PNG."""
        packed = io.BytesIO()
        Image.fromarray(self.photo).save(packed, "PNG")
        return packed.getvalue()

    def check_crop(self, picture: np.ndarray, changed: np.ndarray) -> None:
        """Raise Mixed unless a result (S, S, 3) is this face's with nothing but `changed` (S, S) bool painted."""
        if picture.shape != self.crop.shape or (picture != self.crop)[~_around(changed)].any():
            raise Mixed(f"{self.name} was shown a face that is not its own.")
        if changed.any() and not (picture != self.crop)[changed].any():
            raise Mixed(f"{self.name} was shown its face without what it had painted.")

    def check_photo(self, picture: np.ndarray, changed: np.ndarray) -> None:
        """The same for the whole photo (H, W, 3)."""
        height, width = self.photo.shape[:2]
        centres = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2) + 0.5
        columns, rows = np.floor(self.alignment.to_crop(centres, CROP_SIZE)).astype(int).T
        inside = (np.minimum(rows, columns) >= 0) & (np.maximum(rows, columns) < CROP_SIZE)
        editable = np.zeros(height * width, bool)
        editable[inside] = _around(changed)[rows[inside], columns[inside]]
        editable = editable.reshape(height, width)
        if picture.shape != self.photo.shape or (picture != self.photo)[~editable].any():
            raise Mixed(f"{self.name} downloaded a photo that is not its own.")
        if changed.any() and not (picture != self.photo).any():
            raise Mixed(f"{self.name} downloaded its photo without what it had painted.")


def _around(changed: np.ndarray) -> np.ndarray:
    """(S, S) bool -> where an edit of these pixels may reach."""
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * REACH + 1, 2 * REACH + 1))
    return cv2.dilate(changed.astype(np.uint8), brush) > 0


def stroke(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A copy of a mask (S, S) with an ellipse somewhere in a class that is not there yet."""
    place, axes = random.integers(60, 196, 2), random.integers(8, 24, 2)
    brush = cv2.ellipse(np.zeros_like(mask), place.tolist(), axes.tolist(), 0, 0, 360, 1, -1) > 0
    labels = random.permutation([Label.HAIR, Label.HAT, Label.SKIN, Label.CLOTH])
    label = next(label for label in labels if (mask[brush] != label).mean() > 0.5)
    return np.where(brush, np.uint8(label), mask)


# ---------------------------------------------------------------- a painter


class Painter:
    """A visitor who paints without a pause and looks closely at what comes back."""

    def __init__(self, page: HeadlessPage, subject: Subject) -> None:
        self.page, self.subject = page, subject
        self.edit_seconds: list[float] = []
        self.open_seconds: list[float] = []
        self.problem: Exception | None = None
        self._id, self._strokes = 0, 0
        self._original = np.zeros((0, 0), np.uint8)
        self._before = ""  # address of the picture before the edit; a browser loads it once
        self._known: dict[bytes, bytes] = {}  # mask -> picture

    async def work(self, until: float) -> None:
        """Rounds until this time of the clock, one at least; ends with the first problem."""
        try:
            number = 0
            while number == 0 or time.perf_counter() < until:
                async for _ in self._round(number):
                    if number and time.perf_counter() > until:
                        break
                number += 1
        except (Mixed, PageError, httpx.HTTPError) as problem:
            self.problem = problem

    async def _round(self, number: int) -> AsyncIterator[None]:
        """Open, two strokes, undo, take home, reset, and back to the second stroke; a pause after each."""
        random = np.random.default_rng([number, *self.subject.name.encode()])
        await self._open()
        yield
        first = stroke(self._original, random)
        second = stroke(first, random)
        for mask in (first, second, first):
            await self._paint(mask)
            yield
        await self._take_home(first)
        yield
        await self._paint(self._original)
        yield
        await self._go_back(2, second)
        yield

    async def _open(self) -> None:
        name = self.subject.name
        self.page.put("upload", await self.page.upload(f"{name}.png", self.subject.file()))
        began = time.perf_counter()
        answer = await self.page.fire("upload", "upload")
        picture = await self._picture(answer)
        self.open_seconds.append(time.perf_counter() - began)
        canvas = _answered(answer, "canvas")
        original = wire.decode_runs(canvas["mask"], (canvas["height"], canvas["width"]))
        if canvas.get("photo") != wire.encode_photo(self.subject.crop):
            raise Mixed(f"{name} has somebody else's face on its canvas.")
        if self._original.size and not np.array_equal(original, self._original):
            raise Mixed(f"{name} got another mask for the same photo.")
        self._id, self._original = canvas["id"], original
        self._check(picture, original)

    async def _paint(self, mask: np.ndarray) -> None:
        """A stroke as the canvas sends it: what it holds now and, at once, that the stroke has ended."""
        self._strokes += 1
        self.page.put("canvas", {**wire.payload(mask, id=self._id), "stroke": self._strokes})
        picture, ended = await asyncio.gather(self._edit("canvas", "input"), self.page.fire("canvas", "release"))
        self._check(picture[0], mask)
        newest = _answered(ended, "history")[0]["image"]
        if await self.page.load(newest) != thumbnail(picture[0]):
            raise Mixed(f"{self.subject.name} has somebody else's result in its history.")

    async def _go_back(self, index: int, mask: np.ndarray) -> None:
        """A click on a result of the history, newest first, which was drawn for this mask."""
        picture, answer = await self._edit("history", "select", {"index": index, "value": None, "selected": True})
        self._check(picture, mask)
        canvas = _answered(answer, "canvas")
        if canvas["id"] != self._id or canvas["mask"] != wire.encode_runs(mask):
            raise Mixed(f"{self.subject.name} has somebody else's mask on its canvas.")

    async def _take_home(self, mask: np.ndarray) -> None:
        self.subject.check_photo(await self._download("save-photo"), mask != self._original)
        if not np.array_equal(await self._download("save-mask"), mask):
            raise Mixed(f"{self.subject.name} downloaded a mask that it had not painted.")

    async def _edit(self, name: str, event: str, data: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        """An event that is answered with a result, and its time."""
        began = time.perf_counter()
        answer = await self.page.fire(name, event, data)
        picture = await self._picture(answer)
        self.edit_seconds.append(time.perf_counter() - began)
        return picture, answer

    async def _picture(self, answer: dict[str, Any]) -> np.ndarray:
        """Load the result that was answered; the picture before it has to be the painter's own face."""
        before, after = _answered(answer, "face-result")
        if before["url"] != self._before:
            if not np.array_equal(_decoded(await self.page.load(before)), self.subject.crop):
                raise Mixed(f"{self.subject.name} was shown somebody else's face to compare with.")
            self._before = before["url"]
        return _decoded(await self.page.load(after))

    def _check(self, picture: np.ndarray, mask: np.ndarray) -> None:
        self.subject.check_crop(picture, mask != self._original)
        if self._known.setdefault(mask.tobytes(), picture.tobytes()) != picture.tobytes():
            raise Mixed(f"{self.subject.name} was shown another picture than before for the same mask.")

    async def _download(self, button: str) -> np.ndarray:
        (file,) = (await self.page.fire(button, "click")).values()
        return _decoded(await self.page.load(file))


def _answered(answer: dict[str, Any], name: str) -> Any:
    if name not in answer:
        raise PageError(f"The server gave no answer for {name}.")
    return answer[name]


def _decoded(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)))


# ---------------------------------------------------------------- the server


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """`app.py` in a process of its own that keeps its files in `folder`; gives its address and process id.

    Raises OSError when it does not start.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "app.log"
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "files")}
    with log.open("wb") as output:
        command = [sys.executable, "app.py", "--port", str(port)]
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


def files_in(folder: Path) -> tuple[int, int]:
    """How many files a folder holds, and their bytes."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


# ---------------------------------------------------------------- the report


@dataclass
class Report:
    """What came of it. Times are in seconds, sizes in bytes; memory and files are only known of an own server.

    memory: one sample a second while all painted; memory_at_start: before anybody came; files: number and size
    before and after all painted.
    """

    painters: int
    seconds: float
    edit_seconds: list[float]
    open_seconds: list[float]
    errors: list[str]
    mixed: list[str]
    memory_at_start: int | None = None
    memory: list[int] = field(default_factory=list)
    files: list[tuple[int, int]] = field(default_factory=list)

    def growth(self) -> float | None:
        """Median memory of the last third over that of the second, less 1; the first third is for warming up."""
        third = len(self.memory) // 3
        if third == 0:
            return None
        return median(self.memory[-third:]) / median(self.memory[third:-third]) - 1

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
        if self.edit_seconds:
            yield f"edits           {len(self.edit_seconds)}, {len(self.edit_seconds) / self.seconds:.1f} a second"
            yield f"one edit        {times(self.edit_seconds)}"
        if self.open_seconds:
            yield f"opening a photo {times(self.open_seconds)} ({len(self.open_seconds)} times)"
        yield f"errors          {len(self.errors)}"
        yield f"mixed sessions  {len(self.mixed)}"
        growth = self.growth()
        if growth is not None:
            warm = self.memory[len(self.memory) // 3]
            places = (
                f"{size / 1e6:.0f} MB {when}"
                for size, when in (
                    (self.memory_at_start, "at the start"),
                    (warm, "after the first third"),
                    (self.memory[-1], "at the end"),
                )
            )
            yield f"memory          {', '.join(places)}; last third against second {growth:+.1%}"
        if self.files and self.edit_seconds:
            (few, small), (many, large) = self.files
            each = (many - few) / len(self.edit_seconds), (large - small) / len(self.edit_seconds) / 1e3
            yield f"files           {many}, {large / 1e6:.0f} MB; {each[0]:.1f} and {each[1]:.0f} kB for each edit"


async def measure(
    url: str, painters: int, seconds: float, pid: int | None = None, folder: Path | None = None
) -> Report:
    """Let painters loose on the app at `url`; its process and its folder of files are watched where they are known."""
    report = Report(painters, seconds, [], [], [], [], resident(pid) if pid else None)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=PATIENCE) as http, contextlib.AsyncExitStack() as stack:
        crowd = []
        for number in range(painters):
            page = await stack.enter_async_context(HeadlessPage.open(http, url))
            crowd.append(Painter(page, Subject.of(number)))
            await crowd[-1].work(until=0)  # alone
            crowd[-1].edit_seconds.clear()
            crowd[-1].open_seconds.clear()
        if folder:
            report.files.append(files_in(folder))
        watch = asyncio.create_task(_watch(pid, report.memory)) if pid else None
        began = time.perf_counter()
        await asyncio.gather(*(painter.work(began + seconds) for painter in crowd if painter.problem is None))
        report.seconds = time.perf_counter() - began
        if watch:
            watch.cancel()
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
