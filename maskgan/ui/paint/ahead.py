"""The picture of a stroke, ahead of the event that the page sends for it.

Gradio answers an event by two requests of the page, a stream, and the address of a file that is then fetched. On two
cores that takes longer than the edit. So the canvas asks for the picture itself, by one request that is answered with
it; the event follows, finds the edit made, and does everything else. Nothing of the session changes here, and nothing
is answered that the event would not show: when the device is busy for others, the event waits its turn in the queue.

Every message of a canvas has a number. A picture tells the number of the message that it was made for, so that the page
shows none after a newer one (see `result_view.py`).
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import gradio as gr
from fastapi.responses import JSONResponse
from gradio.context import LocalContext

from maskgan.editing.abandoning import Abandoned, wanted_while
from maskgan.ui.keeping import traces
from maskgan.ui.kit import DEVICE
from maskgan.ui.mask_canvas import MaskCanvas, ResultView

if TYPE_CHECKING:
    from maskgan.ui.session import Session

#: Path and content of the picture for a session, its canvas's message, and whether that ends a stroke.
_Picture = Callable[["Session", dict[str, Any], bool], "tuple[str, bytes] | None"]

#: Sessions whose newest message is remembered.
_MAX_SESSIONS = 2000

#: Seconds that a picture waits at most for other work of its own session, and how often it looks.
_PATIENCE, _LOOK = 2.0, 0.002


class Ahead:
    """What canvases ask for past the queue; see `answer`."""

    def __init__(self) -> None:
        self._ended: OrderedDict[str, int] = OrderedDict()  # number of the newest message that ends a stroke

    def outdated(self, session: str | None, number: int) -> bool:
        """Whether a later stroke of a session has ended than the message of this number was about."""
        return session is not None and self._ended.get(session, -1) > number

    def answer(self, state: Callable[[], gr.State], picture: _Picture) -> Callable[..., Any]:
        """The function that a canvas calls on the server.

        Args:
            state: the component with the visitor's session.
            picture: None when it is not to be shown. It may raise ValueError: the event says what is wrong.
        """

        async def picture_ahead(asked: Any, request: gr.Request) -> JSONResponse | None:
            """The picture of a message, with a path that tells it from others; None when its event has to do it."""
            key = (await request.json()).get("session_hash")  # read before, and kept by the request
            blocks = LocalContext.blocks.get()
            message = asked.get("message") if isinstance(asked, dict) else None
            if not isinstance(key, str) or not isinstance(message, dict) or getattr(blocks, "stopping", False):
                return None
            try:
                number, ended = MaskCanvas.number(message), asked.get("ended") is True
            except ValueError:
                return None
            if ended:
                self._ended[key] = max(number, self._ended.get(key, -1))
                self._ended.move_to_end(key)
                while len(self._ended) > _MAX_SESSIONS:
                    self._ended.popitem(last=False)
            async with self._turn(blocks, key) as has_turn:
                if not has_turn or self.outdated(key, number):
                    return None
                session = blocks.state_holder[key][state()._id]

                def make() -> JSONResponse | None:
                    traces.current.set(key)
                    with wanted_while(lambda: ended or not self.outdated(key, number)):
                        made = picture(session, message, ended)
                    if made is None:
                        return None
                    path, file = made
                    order = ResultView.order(session.opened.id, number)
                    answer = {"path": path, "order": order, "file": _data_url(file)}
                    # Gradio would compress it, which it is already.
                    return JSONResponse(answer, headers={"content-encoding": "identity"})

                try:
                    return await anyio.to_thread.run_sync(make, limiter=blocks.limiter)
                except (ValueError, Abandoned):
                    return None

        return picture_ahead

    @asynccontextmanager
    async def _turn(self, blocks: gr.Blocks, key: str) -> AsyncIterator[bool]:
        """A place on the device, counted by the queue like an event's, when nobody else has one or waits for one.

        Work of the same session is waited for: it ends soon, or is abandoned.
        """
        queue, clock = blocks._queue, asyncio.get_running_loop().time
        device = queue.event_queue_per_concurrency_id[DEVICE["concurrency_id"]]
        until = clock() + _PATIENCE

        def others() -> bool:
            running = (event for job in queue.active_jobs if job for event in job)
            at_work = {event.session_hash for event in running if event.concurrency_id == DEVICE["concurrency_id"]}
            return bool((at_work | queue.beside) - {key})

        while device.queue or device.current_concurrency:
            if device.queue or others() or clock() > until:
                yield False
                return
            await asyncio.sleep(_LOOK)
        device.current_concurrency += 1
        queue.beside.add(key)
        try:
            yield True
        finally:
            queue.beside.discard(key)
            device.current_concurrency -= 1


def _data_url(file: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(file).decode("ascii")
