"""What the page spares Gradio for each event: threads, components built anew, a look at its own pictures."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
import httpx
from gradio_client import Client
from PIL import Image

from maskgan.ui.blocks import Blocks
from maskgan.ui.kit import saved
from maskgan.ui.turns import _now_and_then

BUILT: list[int] = []


class Counted(gr.HTML):
    """A component that tells when one is built."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        BUILT.append(1)

    def postprocess(self, value: str | None) -> str | None:
        THREADS["light"] = threading.get_ident()
        return value


THREADS: dict[str, int] = {}


class Slow(gr.Textbox):
    """A component that may take its time."""

    def postprocess(self, value: str | None) -> str | None:
        THREADS["other"] = threading.get_ident()
        return value


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Blocks]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("files")))
        with Blocks() as page:
            one, other, slow, state = Counted(), Counted(), Slow(), gr.State(3)
            asked = gr.Textbox()
            outputs = [one, other, slow, state]
            answers = {
                "one": {one: "a"},
                "two": {one: "b", slow: "c", state: 5},
                "none": gr.skip(),
                "update": {other: gr.update(value="d", visible=False)},
                "list": ("e", gr.skip(), "f", 7),
            }
            asked.submit(lambda name: answers[name], asked, outputs, api_name="answer")
            asked.submit(lambda value: value + 1, state, state, api_name="state")
        page.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
        yield page
        page.close()


def test_what_a_handler_leaves_is_not_built_anew(page: Blocks) -> None:
    client = Client(page.local_url, verbose=False)
    left = {"__type__": "update"}
    wanted = {"one": ("a", left, left), "two": ("b", left, "c"), "none": (left, left, left)}
    for name, values in wanted.items():
        BUILT.clear()
        assert client.predict(name, api_name="/answer") == values, name
        assert not BUILT
    shown = client.predict("update", api_name="/answer")
    assert shown[0] == shown[2] == left and shown[1]["value"] == "d" and shown[1]["visible"] is False
    assert len(BUILT) == 1
    assert client.predict("list", api_name="/answer")[::2] == ("e", "f")


def test_states_are_kept_where_they_are_not_answered(page: Blocks) -> None:
    client = Client(page.local_url, verbose=False)
    values = []
    for name in ("none", "two", "one"):
        client.predict(name, api_name="/answer")
        values.append(page.state_holder[client.session_hash].state_data.get(page.fns[0].outputs[3]._id))
    assert values[1:] == [5, 5] and values[0] in (None, 3)


def test_light_components_get_no_thread_of_their_own(page: Blocks) -> None:
    Client(page.local_url, verbose=False).predict("two", api_name="/answer")
    assert THREADS["light"] == page.server.thread.ident != THREADS["other"]


@pytest.fixture
def picture(page: Blocks, tmp_path: Path) -> str:
    """The address of a picture that the page wrote."""
    Image.effect_noise((60, 40), 50).save(tmp_path / "a.webp", lossless=True)
    return f"{page.local_url}gradio_api/file={saved((tmp_path / 'a.webp').read_bytes(), 'face.webp')}"


def test_own_pictures_are_sent_as_gradio_sends_them(
    page: Blocks, picture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = httpx.get(picture)
    with monkeypatch.context() as patch:
        patch.setattr("maskgan.ui.own_files.is_own", lambda path: False)
        gradios = httpx.get(picture)
    assert own.content == gradios.content and own.status_code == 200
    differ = {"date", "server"}
    assert {k: v for k, v in own.headers.items() if k not in differ} == {
        k: v for k, v in gradios.headers.items() if k not in differ
    }


def test_all_else_is_left_to_gradio(page: Blocks, picture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert httpx.get(picture, headers={"Range": "bytes=0-9"}).status_code == 206
    assert httpx.get(f"{page.local_url}gradio_api/file=/etc/hostname").status_code == 403
    page.server_app.auth = {"anna": "secret"}
    try:
        assert httpx.get(picture).status_code == 401
    finally:
        page.server_app.auth = None
    Path(picture.partition("file=")[2]).unlink()
    assert httpx.get(picture).status_code == 403


def test_who_waits_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, told = [100.0], []
    monkeypatch.setattr("maskgan.ui.turns.time.monotonic", lambda: clock[0])
    tell = _now_and_then(lambda line, after: told.append((line, after)))
    for now, line, after in ((0, "a", None), (0.5, "a", None), (0.5, "b", None), (0.6, "a", 3), (1.5, "a", None)):
        clock[0] = 100 + now
        tell(line, after)
    assert told == [("a", None), ("b", None), ("a", 3), ("a", None)]
