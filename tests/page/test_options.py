"""Options of `python app.py` that concern other programs and visitors: account, queue, sizes, sharing, MCP."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_pipeline, told_by
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr
import httpx
from endpoints import FULL, OTHER, PHOTO, SENTENCE, WEIGHTS
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, AuthenticationError
from gradio_client.utils import QueueError, Status

import app as command
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import copy_style
from maskgan.images import read_photo
from maskgan.onnx.folder import Manifest
from maskgan.serving.hot_reload import Serving
from maskgan.styles import RegionStyle
from maskgan.ui.examples import Examples

OnnxEngine = pytest.importorskip("maskgan.onnx.engine").OnnxEngine


@pytest.fixture(scope="module")
def networks() -> MaskGANPipeline:
    pipeline = tiny_pipeline()
    pipeline.weights = WEIGHTS
    return pipeline


@contextmanager
def started(networks: MaskGANPipeline | None, *options: str) -> Iterator[gr.Blocks]:
    """The app as `python app.py` starts it with these options, but for the examples' preparation, and for its networks
    where others are given."""
    apps: list[gr.Blocks] = []
    with pytest.MonkeyPatch.context() as patch:
        if networks is not None:
            patch.setattr(command, "serving_of", lambda *_, **__: Serving(networks))
        patch.setattr(Examples, "prepare_in_background", lambda _: None)
        patch.setattr(gr.Blocks, "block_thread", lambda app: apps.append(app))
        command.main(list(options))
    yield apps[0]
    apps[0].close()


class SlowNetworks:
    """Networks whose every search for faces waits until it may go on."""

    def __init__(self) -> None:
        self.started, self.may_go_on = threading.Semaphore(0), threading.Event()
        self.pipeline = tiny_pipeline()
        detect = self.pipeline.detect

        def slow(photo: np.ndarray) -> Any:
            self.started.release()
            assert self.may_go_on.wait(300)
            return detect(photo)

        self.pipeline.detect = slow


ACCOUNT = ("anna", "a secret: 1")


@pytest.fixture(scope="module")
def slow_networks() -> SlowNetworks:
    return SlowNetworks()


@pytest.fixture(scope="module")
def guarded(slow_networks: SlowNetworks) -> Iterator[str]:
    """Address of an app with an account, a queue for two, and photos of at most 0.9 million pixels."""
    options = ["--auth", ":".join(ACCOUNT), "--queue-size", "2", "--max-pixels", "900000"]
    with started(slow_networks.pipeline, *options) as app:
        yield app.local_url


def test_without_the_account_nothing_is_served(guarded: str, slow_networks: SlowNetworks) -> None:
    for path in ("config", "gradio_api/info", f"gradio_api/file={get_upload_folder()}"):
        assert httpx.get(guarded + path).status_code == 401, path
    assert b"portrait" not in httpx.get(guarded).content
    for path in ("upload", "queue/join", "run/detect", "call/detect", "call/v2/detect"):
        assert httpx.post(f"{guarded}gradio_api/{path}", json={"data": [None]}).status_code == 401, path
    for auth in (None, ("anna", "guess")):
        with pytest.raises((AuthenticationError, ValueError)):
            Client(guarded, verbose=False, auth=auth)
    slow_networks.may_go_on.set()
    client = Client(guarded, verbose=False, auth=ACCOUNT)
    [face] = client.predict(handle_file(OTHER), api_name="/detect")
    assert face["face"] == 0


def test_one_waiting_too_many_is_turned_away(guarded: str, slow_networks: SlowNetworks) -> None:
    client = Client(guarded, verbose=False, auth=ACCOUNT)
    slow_networks.may_go_on.clear()
    while slow_networks.started.acquire(blocking=False):
        pass
    at_work = client.submit(handle_file(OTHER), api_name="/detect")
    try:
        assert slow_networks.started.acquire(timeout=300)
        waiting = [client.submit(handle_file(OTHER), api_name="/detect") for _ in range(2)]
        until(lambda: all(job.status().code == Status.IN_QUEUE for job in waiting))
        with pytest.raises(QueueError, match="Queue is full"):
            client.predict(handle_file(OTHER), api_name="/detect")
    finally:
        slow_networks.may_go_on.set()
    assert all(len(job.result(300)) == 1 for job in (at_work, *waiting))


def test_larger_photos_than_max_pixels_are_refused(guarded: str, slow_networks: SlowNetworks) -> None:
    slow_networks.may_go_on.set()
    client = Client(guarded, verbose=False, auth=ACCOUNT)
    with pytest.raises(AppError, match=r"900 x 1100 pixels, more than 0\.9 million pixels; make it") as refusal:
        client.predict(handle_file(PHOTO), api_name="/detect")
    assert re.fullmatch(SENTENCE, str(refusal.value))


def test_without_a_tunnel_the_page_serves_this_computer(
    networks: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(**_: Any) -> str:
        raise OSError("no internet")

    monkeypatch.setattr("gradio.networking.setup_tunnel", unreachable)
    with started(networks, "--share") as app:
        assert httpx.get(app.local_url).status_code == 200
    assert re.search("^No public link could be made .* local address.$", capsys.readouterr().out, re.MULTILINE)


def test_mcp_has_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "check_mcp", lambda: None)
    with pytest.raises(SystemExit, match="--mcp cannot go with --auth"):
        command.main(["--mcp", "--auth", ":".join(ACCOUNT)])


def needs_mcp() -> Any:
    """The package of that name; where it is missing, or Gradio cannot work with it, the test is skipped."""
    mcp = pytest.importorskip("mcp", reason="needs pip install 'gradio[mcp]'")
    try:
        command.check_mcp()
    except SystemExit as refusal:
        pytest.skip(str(refusal))
    return mcp


def test_mcp(networks: MaskGANPipeline) -> None:
    """A client lists the tools, gets a picture, and gets a sentence for what cannot be."""
    mcp = needs_mcp()
    from mcp.client.streamable_http import streamablehttp_client

    async def exchange(url: str) -> tuple[list[str], Any, Any]:
        async with (
            streamablehttp_client(f"{url}gradio_api/mcp/") as (reading, writing, _),
            mcp.ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            photos = {
                name: f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"
                for name, path in (("target", PHOTO), ("source", OTHER))
            }
            values = {**photos, "regions": ["everything"], "strength": 0.7}
            good = await session.call_tool("copy_style", values)
            bad = await session.call_tool("copy_style", {**values, "strength": 2})
            return [tool.name for tool in tools], good, bad

    with started(networks, "--mcp") as app:
        tools, good, bad = asyncio.run(asyncio.wait_for(exchange(app.local_url), 120))
    assert tools == ["detect", "parse", "edit", "interpolate", "copy_style"]
    assert not good.isError and good.content[0].type == "image"
    picture = Image.open(io.BytesIO(base64.b64decode(good.content[0].data)))
    target, source = (networks.prepare(read_photo(path)) for path in (PHOTO, OTHER))
    np.testing.assert_array_equal(np.array(picture), copy_style(networks, target, source, ["everything"], 0.7).photo)
    assert told_by(picture) == FULL
    assert bad.isError and bad.content[0].text == "The strength goes from 0 to 1, not 2."


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_options_of_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    options = command.build_parser().parse_args(["--mcp", "--queue-size", "5", "--share"])
    assert options.mcp and options.share and options.queue_size == 5
    for wrong in (["--queue-size", "0"], ["--max-pixels", "-1"]):
        with pytest.raises(SystemExit):
            command.build_parser().parse_args(wrong)


@pytest.fixture
def exported_folder(tmp_path: Path) -> Path:
    """What the app sees of exported networks before it needs one: a manifest, with a generator of 8 bits."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path / "share"
    folder.mkdir()
    names = ("parser.onnx", "style_encoder.onnx", "generator.onnx", "int8/generator.onnx")
    Manifest(WEIGHTS, "CC0", RegionStyle._fields, 256, None, dict.fromkeys(names, "0" * 64)).write(folder)
    return folder


@pytest.mark.parametrize(("options", "precision"), [((), "fp32"), (("--onnx-precision", "int8"), "int8")])
def test_exported_networks_are_served_by_onnx_runtime(
    exported_folder: Path, options: tuple[str, ...], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []
    over = MaskGANPipeline.over
    monkeypatch.setattr(MaskGANPipeline, "over", lambda engine: served.append(engine) or over(engine))
    with started(None, "--backend", "onnx", "--weights", str(exported_folder), *options) as app:
        assert "MaskGAN" in httpx.get(app.local_url, timeout=300).text
    (engine,) = served
    assert isinstance(engine, OnnxEngine) and engine.folder == exported_folder and engine.precision == precision


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--backend", "onnx", "--lab"], "--lab trains with torch"),
        (["--onnx-precision", "int8"], "add --backend onnx"),
        (["--backend", "onnx", "--weights", "FOLDER", "--onnx-precision", "fp16"], "no networks in fp16"),
        (["--backend", "onnx", "--weights", "FOLDER", "--watch"], "Runs are followed with torch"),
        (["--backend", "onnx", "--weights", "FOLDER", "--device", "cuda"], "has no cuda; choose --device cpu"),
        (["--backend", "onnx", "--weights", "nowhere/at/all"], "nowhere/at/all"),
    ],
)
def test_what_onnx_runtime_cannot_serve_is_one_sentence(
    exported_folder: Path, options: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(SystemExit) as refusal:
        command.main([str(exported_folder) if option == "FOLDER" else option for option in options])
    sentence = str(refusal.value)
    assert says in sentence and len(sentence.splitlines()) == 1


def test_without_onnx_runtime_its_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="pip install onnxruntime"):
        command.main(["--backend", "onnx"])


@pytest.mark.parametrize(("installed", "words"), [(None, "is not installed"), ("99.0.0", "not the installed 99.0.0")])
def test_mcp_without_a_package_that_fits_is_one_sentence(
    installed: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if installed is None:
            raise metadata.PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(SystemExit, match=rf"--mcp needs .*{words}; run: pip install 'gradio\[mcp\]'"):
        command.main(["--mcp"])
