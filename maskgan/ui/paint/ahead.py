"""The picture of a stroke, ahead of the event that the page sends for it.

Gradio answers an event by two requests of the page, a stream, and the address of a file that is then fetched. On two
cores that takes longer than the edit. So the canvas asks for the picture itself, by one request that is answered with
it; the event follows, finds the edit made, and does everything else. Nothing of the session changes here. The answer is
a draft at first: what the edit shows before its last stages (see `maskgan.editing.rough`), or of an edit that takes
long another, quicker one (see `maskgan.editing.drafts`), as a JPEG. At the end of a stroke the exact picture is made
while that is on its way to the screen, and the canvas asks once more for it. When the device is busy for others,
nothing is answered, and the event waits its turn in the queue.

Every message of a canvas has a number. A picture tells the number of the message that it was made for, so that the page
shows none after a newer one (see `result_view.py`).
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio.to_thread
import gradio as gr
import numpy as np
from fastapi.responses import JSONResponse
from gradio.context import LocalContext

from maskgan.editing.abandoning import Abandoned, wanted_while
from maskgan.editing.rough import shown_first_to
from maskgan.ui.keeping import traces
from maskgan.ui.kit import DEVICE
from maskgan.ui.mask_canvas import MaskCanvas, ResultView

if TYPE_CHECKING:
    from maskgan.ui.session import Session


class Picture(NamedTuple):
    """A path whose folder is named after the picture's pixels, and the content and type of the file."""

    path: str
    content: bytes
    type: str


class Pictures(NamedTuple):
    """How to make the picture of a canvas's message, and where that is not at hand a draft of it.

    exact: shows a rough picture first where it has to make the edit; draft: only what is shown first, or a quicker
    edit; quick: a picture (H, W, 3) uint8 RGB as a file; other: whether the draft is another edit.
    """

    exact: Callable[[], Picture]
    draft: Callable[[], Picture] | None = None
    quick: Callable[[np.ndarray], Picture] | None = None
    other: bool = False


#: The pictures for a session and its canvas's message.
_Plan = Callable[["Session", dict[str, Any]], "Pictures | None"]

#: Sessions whose newest message is remembered.
_MAX_SESSIONS = 2000

#: Seconds that a picture waits at most for other work of its own session, and how often it looks.
_PATIENCE, _LOOK = 2.0, 0.002


class Ahead:
    """What canvases ask for past the queue; see `answer`."""

    def __init__(self) -> None:
        self._ended: OrderedDict[str, int] = OrderedDict()  # number of the newest message that ends a stroke
        self._edits: set[asyncio.Future[Any]] = set()  # in work after their drafts

    def outdated(self, session: str | None, number: int) -> bool:
        """Whether a later stroke of a session has ended than the message of this number was about."""
        return session is not None and self._ended.get(session, -1) > number

    def answer(self, state: Callable[[], gr.State], plan: _Plan) -> Callable[..., Any]:
        """The function that a canvas calls on the server.

        Args:
            state: the component with the visitor's session.
            plan: None when there is nothing to be shown. It may raise ValueError, as what it plans: the event says what
                is wrong.
        """

        async def picture_ahead(asked: Any, request: gr.Request) -> JSONResponse | None:
            """The picture of a message, with a path that tells it from others, and whether it is a draft.

            None when its event has to do it.
            """
            key = (await request.json()).get("session_hash")  # read before, and kept by the request
            blocks = LocalContext.blocks.get()
            message = asked.get("message") if isinstance(asked, dict) else None
            if not isinstance(key, str) or not isinstance(message, dict) or getattr(blocks, "stopping", False):
                return None
            try:
                number, ended = MaskCanvas.number(message), asked.get("ended") is True
            except ValueError:
                return None
            exact = asked.get("exact") is True
            if ended:
                self._ended[key] = max(number, self._ended.get(key, -1))
                self._ended.move_to_end(key)
                while len(self._ended) > _MAX_SESSIONS:
                    self._ended.popitem(last=False)
            async with AsyncExitStack() as turn:
                if not await turn.enter_async_context(self._turn(blocks, key)) or self.outdated(key, number):
                    return None
                session = blocks.state_holder[key][state()._id]

                def made(make: Callable[[], Any]) -> Any:
                    """What a thread of its own makes; None when it is given up, or cannot be made."""

                    def run() -> Any:
                        traces.current.set(key)
                        try:
                            with wanted_while(lambda: not self.outdated(key, number)):
                                return make()
                        except (ValueError, Abandoned):
                            return None

                    return anyio.to_thread.run_sync(run, limiter=blocks.limiter)

                pictures = await made(lambda: plan(session, message))
                if pictures is None:
                    return None
                if exact or pictures.draft is None:
                    return _answer(await made(blocks.cores.shared(pictures.exact)), session, number)
                if ended and not pictures.other:
                    shown = asyncio.get_running_loop().create_future()
                    edit = asyncio.ensure_future(made(blocks.cores.shared(_shown_to(shown, pictures))))
                    await asyncio.wait((shown, edit), return_when=asyncio.FIRST_COMPLETED)
                    drafted = shown.result() if shown.done() else None
                else:
                    edit, drafted = None, await made(blocks.cores.shared(pictures.draft))
                    if drafted is not None and ended:
                        edit = asyncio.ensure_future(made(blocks.cores.shared(pictures.exact)))
                if edit is not None:  # it is made while the draft is on its way to the screen
                    self._edits.add(edit)  # else nobody would hold it
                    edit.add_done_callback(self._edits.discard)
                    whole = turn.pop_all()  # the visitor's turn ends with the edit
                    edit.add_done_callback(lambda done: asyncio.ensure_future(whole.aclose()))
                return _answer(drafted, session, number, draft=True)

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


def _shown_to(shown: asyncio.Future[Picture], pictures: Pictures) -> Callable[[], Picture]:
    """How to make the exact picture, in a thread, with what it shows first for a future of the loop that runs here."""
    loop = asyncio.get_running_loop()

    def show(picture: np.ndarray) -> None:
        loop.call_soon_threadsafe(shown.set_result, pictures.quick(picture))

    def run() -> Picture:
        with shown_first_to(show):
            return pictures.exact()

    return run


def _answer(made: Picture | None, session: Session, number: int, draft: bool = False) -> JSONResponse | None:
    """The picture of a message of this number for the page."""
    if made is None:
        return None
    order = ResultView.order(session.opened.id, number)
    # Gradio would compress it, which it is already.
    return JSONResponse(
        {"path": made.path, "order": order, "file": _data_url(made), "draft": draft},
        headers={"content-encoding": "identity"},
    )


def _data_url(picture: Picture) -> str:
    return f"data:{picture.type};base64," + base64.b64encode(picture.content).decode("ascii")
