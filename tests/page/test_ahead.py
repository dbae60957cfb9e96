"""Pictures ahead of their events: whose turn it is, which are given up, and what is found again."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gradio")

from maskgan.editing.abandoning import Abandoned, wanted_while
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.rough import show_first
from maskgan.ui.paint.ahead import Ahead, Picture, Pictures, _shown_to

KEY, OTHER = "visitor", "another"


class Page:
    """As much of a page as `Ahead` knows: the queue of the device, and the session of a visitor."""

    def __init__(self, running: tuple[str, ...] = (), waiting: int = 0) -> None:
        jobs = [[SimpleNamespace(session_hash=key, concurrency_id="device")] for key in running]
        self.device = SimpleNamespace(
            queue=[None] * waiting, concurrency_limit=1, current_concurrency=min(1, len(running))
        )
        self._queue = SimpleNamespace(
            event_queue_per_concurrency_id={"device": self.device}, active_jobs=[None, *jobs], beside=set()
        )
        self.limiter = None


def has_turn(ahead: Ahead, page: Page, key: str = KEY) -> bool:
    """Whether a picture may be made at once; whatever comes of it, the place is given back."""

    async def ask() -> bool:
        before = page.device.current_concurrency
        async with ahead._turn(page, key) as has_turn:
            assert page.device.current_concurrency == before + has_turn
        assert page.device.current_concurrency == before
        return has_turn

    return asyncio.run(ask())


def test_a_picture_is_made_ahead_only_where_nobody_else_works_or_waits() -> None:
    assert has_turn(Ahead(), Page())
    assert not has_turn(Ahead(), Page(running=(OTHER,)))
    assert not has_turn(Ahead(), Page(waiting=1))


def test_two_pictures_of_one_session_are_made_one_after_the_other() -> None:
    ahead, page, order = Ahead(), Page(), []

    async def make(number: int) -> None:
        async with ahead._turn(page, KEY) as has_turn:
            order.append((number, has_turn, page.device.current_concurrency))
            await asyncio.sleep(0.05)

    async def both() -> None:
        await asyncio.gather(make(1), make(2))

    asyncio.run(both())
    assert order == [(1, True, 1), (2, True, 1)]
    assert page.device.current_concurrency == 0


def test_only_the_end_of_a_later_stroke_of_the_same_session_outdates_a_picture() -> None:
    ahead = Ahead()
    ahead._ended[KEY] = 7
    assert ahead.outdated(KEY, 6) and not ahead.outdated(KEY, 7)
    assert not ahead.outdated(OTHER, 6) and not ahead.outdated(None, 6)


def test_what_an_edit_shows_first_is_there_before_the_edit() -> None:
    waited_for = threading.Event()

    def exact() -> Picture:
        show_first(lambda: np.full((2, 2, 3), 7, np.uint8))
        assert waited_for.wait(30)
        return Picture("exact", b"", "image/webp")

    def quick(picture: np.ndarray) -> Picture:
        return Picture("quick", picture.tobytes(), "image/jpeg")

    async def ask() -> None:
        shown = asyncio.get_running_loop().create_future()
        made = asyncio.create_task(asyncio.to_thread(_shown_to(shown, Pictures(exact, quick=quick))))
        assert (await asyncio.wait_for(shown, 30)).content == bytes([7] * 12)
        assert not made.done()
        waited_for.set()
        assert (await made).path == "exact"

    asyncio.run(ask())


def test_an_edit_that_nobody_wants_ends_between_its_stages(
    pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = pipeline.prepare(np.full((512, 512, 3), 128, np.uint8), None)
    mask = face.mask.copy()
    mask[200:260, 200:260] = (mask[200:260, 200:260] + 1) % 19
    gone = threading.Event()
    drawn: list[Any] = []
    draw = pipeline.engine.draw

    def drawing(*arguments: Any) -> Any:
        drawn.append(arguments)
        gone.set()  # while the network draws
        return draw(*arguments)

    monkeypatch.setattr(pipeline.engine, "draw", drawing)
    with pytest.raises(Abandoned), wanted_while(lambda: not gone.is_set()):
        pipeline.edit(face, mask)
    assert len(drawn) == 1
    with pytest.raises(Abandoned), wanted_while(lambda: not gone.is_set()):
        pipeline.edit(face, mask)
    assert len(drawn) == 1  # not even begun
    assert pipeline.edit(face, mask).changed.any()
