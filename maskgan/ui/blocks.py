"""The `gr.Blocks` of the page: guarded, with limits of memory and disk, and ended in good order."""

from __future__ import annotations

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from copy import copy
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
from fastapi import FastAPI
from gradio.routes import App
from gradio.state_holder import SessionState
from gradio.tunneling import CURRENT_TUNNELS
from gradio_client import utils as client_utils

from maskgan.files import is_full
from maskgan.serving.guard import Guard, GuardedApp
from maskgan.serving.storage import Storage, StoredUploads
from maskgan.ui.building import asking_once
from maskgan.ui.keeping import traces
from maskgan.ui.less_work import leave_plots_alone, look_there_first, only_seen, seen_anew
from maskgan.ui.own_files import OwnPictures, tell_without_a_look
from maskgan.ui.photo_memory import keep_within
from maskgan.ui.threads_saved import save_threads
from maskgan.ui.turns import Cores, govern
from maskgan.ui.visitors import Visitors

#: Seconds that what runs may take to finish when the app is asked to stop.
FINISH = 20.0


#: What libraries say when there is not enough memory, of the computer or its GPU.
_OUT_OF_MEMORY = ("out of memory", "allocate memory", "insufficient memory", "failed to allocate")


@contextlib.contextmanager
def _unserved() -> Iterator[None]:
    """Gradio makes the web application at each step of building a page anew; only the one of `launch` is served."""
    former = App.create_app
    App.create_app = staticmethod(lambda *args, **named: None)
    try:
        yield
    finally:
        App.create_app = staticmethod(former)


class Blocks(gr.Blocks):
    """A page that also explains what fails before any handler is asked; Gradio itself would tell clients nothing.

    Attributes:
        guard, storage: see there; to be set before the launch, and without effect where they are not.
        max_photo_bytes: what all sessions may hold in memory, None for any amount.
        at_once, cores: how many edits may run at the same time, and what they share; see `maskgan.ui.turns`.
        stopping: whether the app was asked to stop.
    """

    guard: Guard | None = None
    storage: Storage | None = None
    max_photo_bytes: int | None = None
    at_once = 1
    cores: Cores
    stopping = False
    _config: dict[str, Any] | None = None

    def __init__(self, *args: Any, **named: Any) -> None:
        with _unserved():
            super().__init__(*args, **named)

    def __exit__(self, *args: Any) -> None:
        """See Gradio."""
        with _unserved():
            super().__exit__(*args)

    def queue(self, *args: Any, **named: Any) -> Blocks:
        """See Gradio."""
        with _unserved():
            return super().queue(*args, **named)

    def get_config_file(self) -> dict[str, Any]:
        """Nothing yet: Gradio asks at each step of building a page, for `config`, which is made when it is read."""
        return {}

    @property
    def config(self) -> dict[str, Any]:
        """What the browser builds the page from; see Gradio."""
        if not self._config:
            self._config = self._described()
        return self._config

    @config.setter
    def config(self, config: dict[str, Any]) -> None:
        self._config = config

    def _described(self) -> dict[str, Any]:
        with asking_once():
            return super().get_config_file()

    @property
    def server_app(self) -> FastAPI:
        """What is served, set by `launch` before it listens."""
        return self._server_app

    @server_app.setter
    def server_app(self, server_app: FastAPI) -> None:
        # Outside of Gradio's own middleware, which would answer for any site; the last one added is asked first.
        look_there_first(server_app)
        server_app.add_middleware(OwnPictures, page=server_app)
        if self.storage is not None:
            server_app.add_middleware(StoredUploads, storage=self.storage)
        if self.guard is not None:
            server_app.add_middleware(GuardedApp, guard=self.guard)
        server_app.state_holder = Visitors.of(self)
        self.config = self._described()  # before anybody asks
        self._server_app = server_app

    def run_startup_events(self) -> None:
        """See Gradio."""
        govern(self._queue, self.at_once)
        tell_without_a_look()
        save_threads()
        leave_plots_alone()
        super().run_startup_events()

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **named: Any) -> list[Any]:
        """The values for a handler, files in the upload folder; `gr.Error` where they are too few or no uploads."""
        if self.stopping:
            raise gr.Error("The app is being stopped; try again when it runs again.", print_exception=False)
        try:
            _check_numbers(inputs)
            client_utils.traverse(inputs, _refuse_folder, client_utils.is_file_obj_with_meta)
            client_utils.traverse(inputs, lambda file: traces.note(file["path"]), client_utils.is_file_obj_with_meta)
            return await super().preprocess_data(block_fn, inputs, *args, **named)
        except gr.Error:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, OSError, httpx.HTTPError) as problem:
            raise gr.Error(
                "The request cannot be used: send a value for every parameter, and upload files first (handle_file "
                "does that in gradio_client).",
                print_exception=False,
            ) from problem

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: SessionState | None) -> list[Any]:
        """The answers of an event; see Gradio, which builds each component that a handler leaves as it is anew.

        With the scripts of the canvas and of the bar of looks that takes as long as all else that it does for a stroke.
        """
        outputs = block_fn.outputs
        if state is None or len(outputs) == 1 or not isinstance(predictions, dict):
            return await super().postprocess_data(block_fn, predictions, state)
        given = {} if predictions == gr.skip() else predictions
        shown = [block for block in outputs if block in given]
        if len(shown) != len(given):  # no value by component, or one that is none of the outputs
            return await super().postprocess_data(block_fn, predictions, state)
        answers: dict[int, Any] = {}
        if block_fn.postprocess:
            for block in [block for block in shown if not block.stateful and only_seen(block, given[block])]:
                answers[block._id] = await seen_anew(block, given[block], state)
                shown.remove(block)
        if shown:
            some, values = copy(block_fn), [given[block] for block in shown]
            some.outputs = shown
            told = await super().postprocess_data(some, values[0] if len(values) == 1 else values, state)
            answers |= zip((block._id for block in shown), told, strict=True)
        return [answers.get(block._id, None if block.stateful else gr.skip()) for block in outputs]

    async def process_api(
        self,
        block_fn: Any,
        *args: Any,
        session_hash: str | None = None,
        event_data: gr.EventData | None = None,
        **named: Any,
    ) -> dict[str, Any]:
        """Answer an event; then sessions that nobody used for longest make room for what it holds.

        Raises `gr.Error` with a sentence for a choice that cannot be one, and when memory or the disk is full.
        """
        traces.current.set(session_hash)
        named |= {"session_hash": session_hash, "event_data": event_data}
        try:
            targets = (self.fns[block_fn] if isinstance(block_fn, int) else block_fn).targets
            if chosen_from := [self.blocks.get(id) for id, event in targets if event == "select"]:
                _check_choice(event_data, one=any(isinstance(block, gr.Gallery) for block in chosen_from))
            answer = await super().process_api(block_fn, *args, **named)
        except Exception as problem:
            sentence = want_of_room(problem)
            if sentence is None:
                raise
            raise gr.Error(sentence, print_exception=False) from problem
        if self.max_photo_bytes is not None:
            keep_within(self.state_holder, self.max_photo_bytes, session_hash)
        return answer

    def block_thread(self) -> None:
        """Serve until SIGTERM or Ctrl+C; then finish what runs, delete what visitors left, and say so.

        A second signal acts at once.
        """
        former = {}

        def stop(number: int, frame: object) -> None:
            for signum, handler in former.items():
                signal.signal(signum, handler)
            self.stopping = True
            threading.Thread(target=self._finish, name="stopping").start()

        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                former[number] = signal.signal(number, stop)
        super().block_thread()
        if self.stopping:
            self.close(verbose=False)

    def _finish(self) -> None:
        print("Stopping; what runs is finished first. Press Ctrl+C again to stop at once.", flush=True)
        limit = time.monotonic() + FINISH
        while any(self._queue.active_jobs) and time.monotonic() < limit:
            time.sleep(0.05)
        self.is_running = False  # ends the wait of `block_thread`

    def close(self, verbose: bool = True) -> None:
        """Stop serving and delete the storage."""
        self.is_running = self.is_running or self.stopping  # Gradio closes nothing otherwise
        super().close(verbose)
        for tunnel in CURRENT_TUNNELS:
            tunnel.kill()
        if self.storage is not None:
            self.storage.close()
            print("Stopped; visitors' photos and results are deleted.", flush=True)


def want_of_room(problem: BaseException) -> str | None:
    """A sentence on a fault that comes of too little memory or disk, None for any other."""
    if isinstance(problem, OSError) and is_full(problem):
        return "The disk of this app is full, and nothing was changed; whoever runs it has to make room."
    text = str(problem).lower()
    if isinstance(problem, MemoryError) or any(words in text for words in _OUT_OF_MEMORY):
        return "There was not enough memory for this, and nothing was changed; use a smaller photo, or try again later."
    return None


def _check_numbers(value: Any) -> None:
    """Raise ValueError where a number that a client sent is none."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("A number is NaN or infinite.")
    if isinstance(value, (list, tuple)):
        for item in value:
            _check_numbers(item)
    elif isinstance(value, dict):
        _check_numbers(list(value.values()))


def _check_choice(event_data: gr.EventData | None, one: bool) -> None:
    """Raise `gr.Error` unless an event says which of several things was clicked: by `one` number, in a table by two."""
    told = None if event_data is None else event_data._data
    index = told.get("index") if isinstance(told, dict) else None
    numbers = index if isinstance(index, (list, tuple)) and not one else [index]
    if not all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers):
        raise gr.Error("What was clicked is not known; click it again.", print_exception=False)


def _refuse_folder(file: dict[str, Any]) -> None:
    """A folder named as an upload would end up among the files to delete, and the deletion of all would stop at it."""
    if Path(file["path"]).is_dir():
        raise ValueError("A folder is no upload.")
