"""What is left out of Gradio's work at each request and event changes no answer."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from gradio import utils
from gradio.route_utils import API_PREFIX
from gradio.state_holder import SessionState

from maskgan.ui.blocks import Blocks
from maskgan.ui.gallery import Gallery
from maskgan.ui.kit import saved
from maskgan.ui.less_work import leave_plots_alone, look_there_first, only_seen, seen_anew


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The upload folder."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path


def updates() -> list[Any]:
    """Of a gallery."""
    pictures = [(saved(b"one", "step.jpg"), "One"), (saved(b"two", "step.jpg"), None)]
    return [
        gr.update(value=pictures, visible=True, selected_index=1),
        gr.update(value=pictures, visible=False, selected_index=None),
        gr.update(value=None, visible=False),
        gr.update(visible=True),
    ]


def answer(app: gr.Blocks, kind: type[gr.Blocks], given: dict[Any, Any], state: SessionState) -> list[Any]:
    """What browsers are told of what the page's first event gives, by one kind of page."""
    return asyncio.run(kind.postprocess_data(app, app.fns[0], copy.copy(given), state))


def test_an_update_of_what_is_seen_is_answered_as_by_gradio() -> None:
    with Blocks() as app:
        strip, line = Gallery(interactive=False), gr.HTML()
        gr.Button().click(lambda: {}, None, [strip, line])
    told = []
    for update in updates():
        assert only_seen(strip, update) and not only_seen(line, update)
        states = SessionState(app), SessionState(app)
        given = [{strip: copy.copy(update), line: gr.update(value="text", visible=True)} for _ in states]
        ours, gradios = answer(app, Blocks, given[0], states[0]), answer(app, gr.Blocks, given[1], states[1])
        assert ours == gradios
        assert states[0][strip._id] is strip  # no other component was made
        assert states[1][strip._id] is not strip
        told.append(ours[0])
    assert told[0]["selected_index"] == 1
    assert [len(each["value"]) for each in told[:3]] == [2, 2, 0]


def test_a_component_that_changed_for_a_visitor_stays_so() -> None:
    with Blocks() as app:
        choice = gr.Dropdown(["a"])
        gr.Button().click(lambda: {}, None, [choice, gr.HTML()])
    state = SessionState(app)
    answer(app, Blocks, {choice: gr.update(choices=["a", "b"])}, state)
    changed = state[choice._id]
    assert asyncio.run(seen_anew(choice, gr.update(value="b", visible=True), state))["value"] == "b"
    assert state[choice._id] is changed
    assert not only_seen(choice, gr.update(value="b", choices=["b"]))
    assert not only_seen(choice, {"value": "b"})


def test_what_is_asked_for_most_is_looked_for_first_and_all_is_found() -> None:
    paths = ("/user", "/file={path:path}", "/queue/status", "/queue/join", "/upload", "/queue/data")
    inner, app = APIRouter(prefix=API_PREFIX), FastAPI()

    def says(path: str) -> Any:
        return lambda: path

    for path in paths:
        inner.add_api_route(path, says(path))
    app.add_api_route("/", says("/"))
    app.add_api_route("/config", says("/config"))
    app.include_router(inner)
    client = TestClient(app)
    assert client.get(f"{API_PREFIX}/queue/join").json() == "/queue/join"  # routes are known from here on
    look_there_first(app)
    assert [route.path.removeprefix(API_PREFIX) for route in inner.routes[:3]] == [
        *("/queue/join", "/upload", "/queue/data")
    ]
    for path in ("/user", "/file=a/b.png", "/queue/status", "/queue/join", "/upload", "/queue/data"):
        told = client.get(API_PREFIX + path).json()
        assert told == ("/file={path:path}" if path.startswith("/file") else path)
    assert [client.get(path).json() for path in ("/", "/config")] == ["/", "/config"]
    assert client.get(f"{API_PREFIX}/nothing").status_code == 404


def test_no_event_looks_for_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(utils, "MatplotlibBackendMananger", utils.MatplotlibBackendMananger)
    leave_plots_alone()
    monkeypatch.setattr("builtins.__import__", None)  # nothing can be imported
    with utils.MatplotlibBackendMananger():
        pass
