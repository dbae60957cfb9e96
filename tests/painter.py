"""A visitor with a photo that tells whose it is, and who looks closely at every answer; for `load.py`."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import cv2
import httpx
import numpy as np
from PIL import Image

from maskgan.editing.faces import Alignment, detect_faces
from maskgan.editing.flows import window_of
from maskgan.images import differs, read_photo
from maskgan.labels import Label
from maskgan.sizes import CROP_SIZE
from maskgan.ui.examples import FOLDER
from maskgan.ui.mask_canvas import wire
from maskgan.ui.pictures import thumbnail
from tests.headless_page import HeadlessPage, PageError

#: No pixel of a crop farther from the painted ones than this may change; how far the skin around them may give.
REACH = 90


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

    @cached_property
    def file(self) -> bytes:
        """The photo as a PNG."""
        packed = io.BytesIO()
        Image.fromarray(self.photo).save(packed, "PNG")
        return packed.getvalue()

    def check_crop(self, picture: np.ndarray, changed: np.ndarray) -> None:
        """Raise Mixed unless a result (S, S, 3) is this face's with nothing but `changed` (S, S) bool painted."""
        if picture.shape != self.crop.shape or (unlike := differs(picture, self.crop))[~_around(changed)].any():
            raise Mixed(f"{self.name} was shown a face that is not its own.")
        if changed.any() and not unlike[changed].any():
            raise Mixed(f"{self.name} was shown its face without what it had painted.")

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which pixels (H, W) bool of the photo the crop shows, and their rows and columns in it."""
        height, width = self.photo.shape[:2]
        centres = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2) + 0.5
        columns, rows = np.floor(self.alignment.to_crop(centres, CROP_SIZE)).astype(int).T
        inside = (np.minimum(rows, columns) >= 0) & (np.maximum(rows, columns) < CROP_SIZE)
        return inside.reshape(height, width), rows[inside], columns[inside]

    def check_photo(self, picture: np.ndarray, changed: np.ndarray) -> None:
        """The same for the whole photo (H, W, 3)."""
        inside, rows, columns = self._places
        editable = np.zeros(inside.shape, bool)
        editable[inside] = _around(changed)[rows, columns]
        if picture.shape != self.photo.shape or (unlike := differs(picture, self.photo))[~editable].any():
            raise Mixed(f"{self.name} downloaded a photo that is not its own.")
        if changed.any() and not unlike.any():
            raise Mixed(f"{self.name} downloaded its photo without what it had painted.")


def _around(changed: np.ndarray) -> np.ndarray:
    """(S, S) bool -> where an edit of these pixels may reach."""
    around = np.zeros_like(changed)
    if changed.any():
        near = window_of(changed, REACH)
        away = cv2.distanceTransform((~changed[near]).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        around[near] = away <= REACH
    return around


def stroke(mask: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A copy of a mask (S, S) with an ellipse somewhere in a class that is not there yet."""
    place, axes = random.integers(120, 392, 2), random.integers(16, 48, 2)
    brush = cv2.ellipse(np.zeros_like(mask), place.tolist(), axes.tolist(), 0, 0, 360, 1, -1) > 0
    labels = random.permutation([Label.HAIR, Label.HAT, Label.SKIN, Label.CLOTH])
    label = next(label for label in labels if (mask[brush] != label).mean() > 0.5)
    return np.where(brush, np.uint8(label), mask)


# ---------------------------------------------------------------- a painter


class Seen(NamedTuple):
    """A picture that a painter looked at: its file, and the small one that the history should have of it."""

    file: bytes
    thumbnail: bytes


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
        self._seen: dict[bytes, Seen] = {}  # by masks
        self._steps: list[bytes] = []  # masks of the history, oldest first

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
        """Two strokes, undo, take home, reset, back to the second stroke; every third opens the photo first."""
        random = np.random.default_rng([number, *self.subject.name.encode()])
        if number % 3 == 0:
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
        await self._go_back(second)
        yield

    async def _open(self) -> None:
        name = self.subject.name
        self.page.put("upload", await self.page.upload(f"{name}.png", self.subject.file))
        began = time.perf_counter()
        answer = await self.page.fire("upload", "upload")
        file = await self._load_result(answer)
        self.open_seconds.append(time.perf_counter() - began)
        canvas = _answered(answer, "canvas")
        original = wire.decode_runs(canvas["mask"], (canvas["height"], canvas["width"]))
        if canvas.get("photo") != wire.encode_photo(self.subject.crop):
            raise Mixed(f"{name} has somebody else's face on its canvas.")
        if self._original.size and not np.array_equal(original, self._original):
            raise Mixed(f"{name} got another mask for the same photo.")
        self._id, self._original, self._steps = canvas["id"], original, [original.tobytes()]
        self._check(file, original)

    async def _paint(self, mask: np.ndarray) -> None:
        """A stroke as the canvas sends it at its end."""
        self._strokes += 1
        self.page.put("canvas", {**wire.payload(mask, id=self._id), "stroke": self._strokes})
        file, ended = await self._edit("canvas", "release")
        seen = self._check(file, mask)
        if mask.tobytes() not in self._steps:  # undo and redo lead to steps that there are already
            self._steps.append(mask.tobytes())
        history = _answered(ended, "history")
        if len(history) != len(self._steps):
            raise Mixed(f"{self.subject.name} has {len(history)} results in its history, not {len(self._steps)}.")
        if await self.page.load(history[self._place(mask)]["image"]) != seen.thumbnail:
            raise Mixed(f"{self.subject.name} has somebody else's result in its history.")

    def _place(self, mask: np.ndarray) -> int:
        """Where a mask's result lies in the history, newest first."""
        return len(self._steps) - 1 - self._steps.index(mask.tobytes())

    async def _go_back(self, mask: np.ndarray) -> None:
        """A click on the result of the history that was drawn for this mask."""
        place = {"index": self._place(mask), "value": None, "selected": True}
        file, answer = await self._edit("history", "select", place)
        self._check(file, mask)
        canvas = _answered(answer, "canvas")
        if canvas["id"] != self._id or canvas["mask"] != wire.encode_runs(mask):
            raise Mixed(f"{self.subject.name} has somebody else's mask on its canvas.")

    async def _take_home(self, mask: np.ndarray) -> None:
        self.subject.check_photo(await self._download("save-photo"), mask != self._original)
        if not np.array_equal(await self._download("save-mask"), mask):
            raise Mixed(f"{self.subject.name} downloaded a mask that it had not painted.")

    async def _edit(self, name: str, event: str, data: Any = None) -> tuple[bytes, dict[str, Any]]:
        """An event that is answered with a result, which is loaded, and its time."""
        began = time.perf_counter()
        answer = await self.page.fire(name, event, data)
        file = await self._load_result(answer)
        self.edit_seconds.append(time.perf_counter() - began)
        return file, answer

    async def _load_result(self, answer: dict[str, Any]) -> bytes:
        """The file of the result that was answered; the picture before it has to be the painter's own face."""
        before, after = _answered(answer, "face-result")
        if before["url"] != self._before:
            if not np.array_equal(_decoded(await self.page.load(before)), self.subject.crop):
                raise Mixed(f"{self.subject.name} was shown somebody else's face to compare with.")
            self._before = before["url"]
        return await self.page.load(after)

    def _check(self, file: bytes, mask: np.ndarray) -> Seen:
        """Look at a result; the same file again for the same mask was looked at before."""
        seen = self._seen.get(mask.tobytes())
        if seen is not None and seen.file == file:
            return seen
        picture = _decoded(file)
        self.subject.check_crop(picture, mask != self._original)
        if seen is not None and not np.array_equal(_decoded(seen.file), picture):
            raise Mixed(f"{self.subject.name} was shown another picture than before for the same mask.")
        return self._seen.setdefault(mask.tobytes(), Seen(file, thumbnail(picture)))

    async def _download(self, button: str) -> np.ndarray:
        (file,) = (await self.page.fire(button, "click")).values()
        return _decoded(await self.page.load(file))


def _answered(answer: dict[str, Any], name: str) -> Any:
    if name not in answer:
        raise PageError(f"The server gave no answer for {name}.")
    return answer[name]


def _decoded(content: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(content)))
