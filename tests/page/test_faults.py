"""Things that go wrong while the app runs, and requests that no page sends: every one is answered by a sentence."""

from __future__ import annotations

import asyncio
import base64
import errno
import io
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import draw_face, draw_mask, tiny_pipeline

pytest.importorskip("gradio")

import gradio as gr
import httpx
from endpoints import OTHER, PHOTO, SENTENCE, painted_mask
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from test_options import needs_mcp, started

import app as command
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label
from maskgan.serving.hot_reload import Serving
from maskgan.serving.storage import Storage
from maskgan.snapshots import publish

PATIENCE = 300  # seconds; only what never happens takes as long


@pytest.fixture(scope="module")
def networks() -> MaskGANPipeline:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def app(networks: MaskGANPipeline) -> Iterator[gr.Blocks]:
    with started(networks) as app:
        yield app


@pytest.fixture
def painted(networks: MaskGANPipeline, tmp_path: Path) -> Path:
    return painted_mask(networks, tmp_path)


def edit(app: gr.Blocks, mask: Path) -> str:
    client = Client(app.local_url, verbose=False)
    return client.predict(handle_file(PHOTO), handle_file(mask), api_name="/edit")


# ---------------------------------------------------------------- room


OUT_OF_MEMORY = [
    MemoryError(),
    MemoryError("Unable to allocate 3.00 GiB for an array"),
    RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
]


@pytest.mark.parametrize("problem", OUT_OF_MEMORY, ids=lambda problem: type(problem).__name__)
def test_one_edit_out_of_memory_is_told_and_the_next_one_works(
    app: gr.Blocks, networks: MaskGANPipeline, painted: Path, problem: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise problem

    with monkeypatch.context() as patch:
        patch.setattr(networks, "edit", fails)
        with pytest.raises(AppError, match=r"^There was not enough memory for this, and nothing was changed; .*\.$"):
            edit(app, painted)
    assert Image.open(edit(app, painted)).size == Image.open(PHOTO).size


def test_a_full_disk_is_told(app: gr.Blocks, painted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(AppError, match=r"^The disk of this app is full, and nothing was changed; .*\.$"):
            edit(app, painted)
    with monkeypatch.context() as patch:
        patch.setattr("gradio.route_utils.GradioMultiPartParser.parse", full)
        answer = httpx.post(f"{app.local_url}gradio_api/upload", files={"files": ("a.png", b"x", "image/png")})
    assert answer.status_code == 507 and re.fullmatch(SENTENCE + r" .*\.", answer.text)
    assert edit(app, painted)


# ---------------------------------------------------------------- odd requests


def asked(app: gr.Blocks, number: int, data: list[Any], event_data: Any = None) -> dict[str, Any]:
    """What the page's queue answers to a message that nobody checked: the event's output, and whether it succeeded."""
    session = f"s{time.monotonic_ns()}"
    message = {"data": data, "fn_index": number, "session_hash": session, "event_data": event_data, "trigger_id": None}
    content = json.dumps(message)  # with NaN, which Python writes and reads
    headers = {"Content-Type": "application/json"}
    joined = httpx.post(f"{app.local_url}gradio_api/queue/join", content=content, headers=headers)
    assert joined.status_code == 200, joined.text
    url = f"{app.local_url}gradio_api/queue/data?session_hash={session}"
    with httpx.stream("GET", url, timeout=PATIENCE) as stream:
        for line in stream.iter_lines():
            told = json.loads(line[5:]) if line.startswith("data:") else {}
            if told.get("msg") == "process_completed":
                return told
    raise AssertionError("The queue never answered.")


def events(app: gr.Blocks, wanted: Callable[[Any], bool]) -> list[Any]:
    found = [fn for fn in app.fns.values() if wanted(fn) and fn.queue is not False]
    assert found
    return found


def values_of(fn: Any) -> list[Any]:
    """What a page that has just been opened would send."""
    return [None if isinstance(block, gr.State) else getattr(block, "value", None) for block in fn.inputs]


@pytest.mark.parametrize("odd", [float("nan"), float("-inf"), "many", None], ids=str)
def test_numbers_that_are_none_get_a_sentence(app: gr.Blocks, odd: Any) -> None:
    sliders = events(app, lambda fn: any(isinstance(block, gr.Slider) for block in fn.inputs))
    for fn in sliders[:: max(1, len(sliders) // 4)]:
        data = [
            odd if isinstance(block, gr.Slider) else value
            for block, value in zip(fn.inputs, values_of(fn), strict=True)
        ]
        told = asked(app, fn._id, data)
        assert not told["success"], (fn.name, told)
        assert re.match(SENTENCE, str(told["output"]["error"])), (fn.name, told)


@pytest.mark.parametrize("odd", [None, -1, float("nan"), [0], 10**30], ids=str)
def test_clicks_on_what_is_not_there_get_a_sentence(app: gr.Blocks, odd: Any) -> None:
    """On galleries; nothing is open on this page, so a number beyond every list is refused by the handler."""
    clicks = events(
        app,
        lambda fn: any(event == "select" and isinstance(app.blocks[id], gr.Gallery) for id, event in fn.targets),
    )
    for fn in clicks:
        told = asked(app, fn._id, values_of(fn), {"index": odd, "value": None, "selected": True})
        if odd == 10**30:
            assert told["success"] or re.match(SENTENCE, str(told["output"]["error"])), (fn.name, told)
        else:
            assert not told["success"] and "click it again" in told["output"]["error"], (fn.name, told)
    assert not asked(app, clicks[0]._id, values_of(clicks[0]), None)["success"]


# ---------------------------------------------------------------- the start


def test_a_port_in_use_is_one_sentence(networks: MaskGANPipeline) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = rf"^Port {port} of 127.0.0.1 is in use by another program, .*; see --port\.$"
        with pytest.raises(SystemExit, match=sentence), started(networks, "--port", str(port)):
            pass
    elsewhere = command.why_not_listening("203.0.113.7", port)
    assert elsewhere == "203.0.113.7 is no address of this computer; check --host, or leave it out."


@pytest.mark.parametrize("port", ["0", "-1", "65536", "http", "80.5"])
def test_what_is_no_port_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        command.build_parser().parse_args([f"--port={port}"])
    assert refusal.value.code == 2 and "--port" in capsys.readouterr().err


def test_no_room_for_uploads_at_the_start_is_one_sentence(
    networks: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Storage, "__init__", full)
    with pytest.raises(SystemExit, match=r"^The disk is full; .* GRADIO_TEMP_DIR\.$"), started(networks):
        pass


# ---------------------------------------------------------------- weights


def test_weights_deleted_while_they_serve_go_on_serving_and_newer_ones_are_taken(tmp_path: Path) -> None:
    weights = tmp_path / "run" / "weights"

    def published(seed: int) -> None:
        publish(weights, f"step-{seed:07d}", tiny_pipeline(seed).save, {"stage": "train_ebst", "step": seed})

    published(1)
    serving = Serving(tiny_pipeline(0), tmp_path / "run")
    serving.start(seconds=0.05)
    try:
        until(lambda: serving.current().weights.step == 1)
        shutil.rmtree(tmp_path / "run")
        mask = draw_mask(512)
        face = serving.current().face_with(draw_face(mask), mask)
        edited = mask.copy()
        edited[300:330, 160:200] = Label.HAIR
        for _ in range(3):
            assert serving.current().edit(face, edited).changed.any()
            time.sleep(0.1)  # the watcher looks meanwhile
        assert serving.current().weights.step == 1
        published(2)
        until(lambda: serving.current().weights.step == 2)
        assert serving.current().edit(face, edited).changed.any()  # with a style of the new network
    finally:
        serving.stop()


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


# ---------------------------------------------------------------- two apps, MCP


def test_two_apps_in_one_folder_leave_each_other_s_files_alone(networks: MaskGANPipeline, painted: Path) -> None:
    with started(networks) as one:
        result = Path(edit(one, painted))
        folder = one.storage.folder
        with started(networks) as other:
            assert other.storage.folder != folder
            assert edit(other, painted)
        assert folder.is_dir() and any(folder.rglob("*.png")) and result.exists()
        assert edit(one, painted)


def test_mcp_goes_through_the_same_checks(networks: MaskGANPipeline) -> None:
    mcp = needs_mcp()
    from mcp.client.streamable_http import streamablehttp_client

    async def exchange(url: str, calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
        async with (
            streamablehttp_client(f"{url}gradio_api/mcp/") as (reading, writing, _),
            mcp.ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return [await session.call_tool(name, values) for name, values in calls]

    local = [str(PHOTO.resolve()), "file:///etc/passwd", "/etc/passwd", "http://127.0.0.1:1/photo.jpg"]
    with started(networks, "--mcp", "--max-pixels", "100000") as app:
        own = f"{app.local_url}gradio_api/mcp/"
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert httpx.post(own, json={}, headers=headers).status_code == 403
            assert httpx.get(f"{own}sse", headers=headers).status_code == 403
        calls: list[tuple[str, dict[str, Any]]] = [("detect", {"photo": path}) for path in local]
        small = data_url(Image.new("RGB", (200, 200)))
        calls += [
            ("detect", {"photo": data_url(Image.open(OTHER))}),  # more pixels than may be
            ("parse", {"photo": small, "face": float("inf"), "aligned": True}),
            ("copy_style", {"target": small, "source": small, "strength": 1e300}),
        ]
        answers = asyncio.run(asyncio.wait_for(exchange(app.local_url, calls), 120))
    for (name, values), answer in zip(calls, answers, strict=True):
        assert answer.isError, (name, values)
        assert "root:" not in answer.content[0].text
    assert "million pixels" in answers[len(local)].content[0].text


def data_url(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
