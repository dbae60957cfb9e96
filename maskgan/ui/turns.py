"""Whose turn it is at the device: on a CPU several visitors', one event of each, in the order in which they came.

An edit does not run twice as fast on two threads: flows, masks and files have one, and at each of hundreds of short
steps of a network threads wait for each other. So where several visitors wait, each edit runs on its share of the
cores, beside others'; who is alone has all of them. The networks draw the same picture on any number of threads. Events
of one visitor still run one after another, since each begins with the session that the one before left. A sixth of an
event's time goes to what Gradio does before and after its handler, and to waiting for Python's lock: one event more
than there are cores makes use of them meanwhile. A GPU is used by one edit at a time, as ZeroGPU lends it.

Processes in place of threads would each hold the networks (0.8 GB with torch) and would have to hand photos and
sessions to each other; most of an edit's time goes to libraries that let other threads of Python run meanwhile.
"""

from __future__ import annotations

import functools
import inspect
import random
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import cv2
import gradio as gr
from gradio.queueing import Event, Queue

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.ui.kit import AT_ONCE, DEVICE, PACKING

#: Seconds between two looks of a queue in which something waits, and of an empty one. Gradio's own, each millisecond,
#: take 6 % of a core all day, and every fourth 4 %. A stroke's picture does not go through the queue.
_LOOK, _LOOK_IDLE = 0.004, 0.02

#: Seconds between two messages to all who wait in a line.
_TELL = 1.0

_ID = DEVICE["concurrency_id"]

#: Lines in which each visitor has one place: what is packed for a browser later must not reach it sooner.
_IN_ORDER = (_ID, PACKING["concurrency_id"])


class Cores:
    """The processor's cores, which edits that run at the same time share."""

    def __init__(self) -> None:
        torch = sys.modules.get("torch")  # missing where ONNX Runtime draws
        self.count = cv2.getNumThreads() if torch is None else torch.get_num_threads()
        self._running = 0
        self._lock = threading.Lock()

    def shared(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """A handler that runs on as many threads as it finds to be its share when it begins."""

        @functools.wraps(handler)
        def wrapped(*args: Any, **named: Any) -> Any:
            with self._lock:
                self._running += 1
                _use_threads(max(1, self.count // self._running))
            try:
                return handler(*args, **named)
            finally:
                with self._lock:
                    self._running -= 1

        wrapped.__signature__ = inspect.signature(handler)  # a method's without `self`, which is bound already
        return wrapped


def _use_threads(count: int) -> None:
    """Let libraries use so many threads: OpenMP for what the calling thread runs, MKL and OpenCV for all from now on.

    ONNX Runtime has a pool of its own, in which all calls share the cores.
    """
    cv2.setNumThreads(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def take_turns(app: gr.Blocks, pipeline: MaskGANPipeline) -> None:
    """Let the handlers of a page that was built around this pipeline run as this module says."""
    app.cores = cores = Cores()
    app.at_once = min(AT_ONCE, cores.count + 1) if pipeline.shares_device else 1
    for function in app.fns.values():
        if function.concurrency_id == _ID and function.fn is not None:
            function.fn = cores.shared(function.fn)


def govern(queue: Queue, at_once: int) -> None:
    """Let a queue that has not begun give every visitor one place at the device, and `at_once` in all, and one to pack.

    `beside` of the queue, a set that this adds, holds sessions at work without an event; they count as events do in
    `current_concurrency`.
    """
    queue.beside = set()
    queue.get_events = partial(next_events, queue, at_once)
    queue.sleep_when_free = _LOOK_IDLE
    # Statistics of all former events after each, for a dashboard that this page does not have.
    queue.compute_analytics_summary = lambda records: queue.cached_event_analytics_summary
    queue.broadcast_estimations = _now_and_then(queue.broadcast_estimations)


def _now_and_then(told: Callable[..., None]) -> Callable[..., None]:
    """Tell all who wait in a line how far they are, but not at each event that begins or ends, as Gradio does.

    With sixteen visitors that is a dozen messages for each edit. Who comes is told at once.
    """
    last: dict[str, float] = {}

    def tell(line: str, after: int | None = None) -> None:
        now = time.monotonic()
        if after is None and now - last.get(line, -_TELL) < _TELL:
            return
        if after is None:
            last[line] = now
        told(line, after)

    return tell


def next_events(queue: Queue, at_once: int) -> tuple[list[Event], bool, str] | None:
    """What can begin now: the events (one), whether they are a batch, and the id of their queue; taken out of it."""
    queue.sleep_when_free = _LOOK
    names = list(queue.event_queue_per_concurrency_id)
    random.shuffle(names)
    for name in names:
        line = queue.event_queue_per_concurrency_id[name]
        busy: set[str] = set()
        if name == _ID:
            line.concurrency_limit = at_once
            busy |= queue.beside
        if name in _IN_ORDER:
            running = (event for job in queue.active_jobs if job for event in job)
            busy |= {event.session_hash for event in running if event.concurrency_id == name}
        if line.concurrency_limit is not None and line.current_concurrency >= line.concurrency_limit:
            continue
        event = next((event for event in line.queue if event.session_hash not in busy), None)
        if event is not None:
            line.queue.remove(event)
            if not any(each.queue for each in queue.event_queue_per_concurrency_id.values()):
                queue.sleep_when_free = _LOOK_IDLE
            return [event], False, name
    return None
