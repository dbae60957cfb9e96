"""Visitors beside each other at the device, each of them one event at a time, and how they share the cores."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
from gradio.queueing import EventQueue
from gradio_client import Client

from maskgan.ui import turns
from maskgan.ui.blocks import Blocks
from maskgan.ui.kit import AT_ONCE, DEVICE, PACKING
from maskgan.ui.turns import Cores, next_events, take_turns

PATIENCE = 60  # seconds, for what takes a moment


@pytest.fixture(scope="module")
def app() -> Iterator[gr.Blocks]:
    """A page with room for two visitors; /meet ends when two of them are in it, /add counts what one visitor did."""
    meeting = threading.Barrier(2, timeout=PATIENCE)

    def meet() -> str:
        meeting.wait()
        return "met"

    def add(count: int) -> tuple[int, int]:
        time.sleep(0.1)
        return count + 1, count + 1

    with Blocks() as app:
        count, shown, button = gr.State(0), gr.Number(), gr.Button()
        button.click(meet, None, gr.Text(), api_name="meet", **DEVICE)
        button.click(add, count, [count, shown], api_name="add", **DEVICE)
    app.at_once = 2
    app.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
    yield app
    app.close()


def test_two_visitors_are_served_at_the_same_time(app: gr.Blocks) -> None:
    jobs = [Client(app.local_url, verbose=False).submit(api_name="/meet") for _ in range(2)]
    assert [job.result(PATIENCE) for job in jobs] == ["met", "met"]


def test_events_of_one_visitor_follow_each_other(app: gr.Blocks) -> None:
    """Each counts on from what the one before left; two at the same time would both begin with the same number."""
    visitors = [Client(app.local_url, verbose=False) for _ in range(2)]
    jobs = [[visitor.submit(api_name="/add") for visitor in visitors] for _ in range(4)]
    counted = [[job.result(PATIENCE) for job in both] for both in jobs]
    assert sorted(one for one, _ in counted) == sorted(other for _, other in counted) == [1, 2, 3, 4]


def waiting(*sessions: str, line: str = DEVICE["concurrency_id"], **about: Any) -> SimpleNamespace:
    """A queue in which these sessions wait for the device or in another line, in this order."""
    line = EventQueue(line, AT_ONCE)
    line.queue = [event(session, line.concurrency_id) for session in sessions]
    queue = {"event_queue_per_concurrency_id": {line.concurrency_id: line}, "active_jobs": [], "beside": set()}
    return SimpleNamespace(**(queue | about), line=line)


def event(session: str, line: str = DEVICE["concurrency_id"]) -> SimpleNamespace:
    return SimpleNamespace(session_hash=session, concurrency_id=line)


def taken(queue: SimpleNamespace, at_once: int = 2) -> str | None:
    found = next_events(queue, at_once)
    return None if found is None else found[0][0].session_hash


def test_the_first_of_whom_nothing_runs_is_next() -> None:
    queue = waiting("anna", "anna", "bert", "cleo", active_jobs=[None, [event("anna")]])
    assert taken(queue) == "bert"
    assert [each.session_hash for each in queue.line.queue] == ["anna", "anna", "cleo"]
    queue.active_jobs = [None, None]
    assert taken(queue) == "anna"
    assert taken(waiting("anna", "anna", active_jobs=[[event("anna")]])) is None
    assert taken(waiting("anna", "bert", beside={"anna"})) == "bert"


def test_what_is_packed_for_one_visitor_is_packed_in_order() -> None:
    line = PACKING["concurrency_id"]
    queue = waiting("anna", "bert", line=line, active_jobs=[[event("anna", line)]], beside={"bert"})
    queue.line.current_concurrency = 1
    assert taken(queue) == "bert"
    assert taken(queue) is None
    queue.active_jobs = []
    assert taken(queue) == "anna"
    assert taken(waiting("anna", line=line, active_jobs=[[event("anna")]])) == "anna"  # the device is another line


def test_an_empty_queue_is_looked_at_less_often_than_one_in_which_somebody_waits() -> None:
    queue = waiting("anna", "bert")
    taken(queue)
    busy = queue.sleep_when_free
    taken(queue)
    assert queue.sleep_when_free > busy


def test_no_more_run_than_there_are_places() -> None:
    queue = waiting("anna", "bert")
    queue.line.current_concurrency = 1
    assert taken(queue, at_once=1) is None and taken(queue, at_once=2) == "anna"


def test_who_is_alone_has_all_cores_and_of_several_each_has_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[int] = []
    monkeypatch.setattr(turns, "_use_threads", used.append)
    cores = Cores()
    cores.count = 5
    one = cores.shared(lambda: None)
    two = cores.shared(one)  # runs while the other does
    one()
    two()
    cores.shared(two)()
    one()
    assert used == [5, 5, 2, 5, 2, 1, 5]


@pytest.mark.parametrize(("count", "places"), [(1, 2), (2, 3), (64, AT_ONCE)])
def test_on_a_cpu_there_is_one_place_more_than_cores(monkeypatch: pytest.MonkeyPatch, count: int, places: int) -> None:
    monkeypatch.setattr(turns.cv2, "getNumThreads", lambda: count)
    monkeypatch.setattr("torch.get_num_threads", lambda: count)
    with Blocks() as app:
        pass
    take_turns(app, SimpleNamespace(shares_device=True))
    assert app.at_once == places


def test_a_gpu_is_used_by_one_at_a_time() -> None:
    with Blocks() as app:
        pass
    take_turns(app, SimpleNamespace(shares_device=False))
    assert app.at_once == 1
