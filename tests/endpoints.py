"""The endpoints of a running app with tiny random networks, as gradio_client calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
from conftest import tiny_pipeline
from gradio_client import Client, handle_file

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import write_mask
from maskgan.provenance import AI_SYSTEM, DIGITAL_SOURCE_TYPE
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import Weights
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER

PHOTO, OTHER = FOLDER / "photo_01.jpg", FOLDER / "images" / "portrait_02.jpg"


MAX_PIXELS = 4_000_000


WEIGHTS = Weights("0123456789abcdef" * 4)


SENTENCE = r"[A-Z0-9-][^\n]*\."


Call = Callable[..., Any]


@pytest.fixture(scope="module", name="networks")
def the_networks() -> MaskGANPipeline:
    pipeline = tiny_pipeline()
    pipeline.weights = WEIGHTS
    return pipeline


@pytest.fixture(scope="module", name="serving")
def the_serving(networks: MaskGANPipeline) -> Serving:
    return Serving(networks)


@pytest.fixture(scope="module", name="demo")
def the_demo(serving: Serving) -> Iterator[gr.Blocks]:
    demo = build_app(serving, max_pixels=MAX_PIXELS)
    demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    yield demo
    demo.close()


@pytest.fixture(scope="module", name="client")
def the_client(demo: gr.Blocks, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(demo.local_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module", name="call")
def the_call(client: Client) -> Call:
    """An endpoint by name; paths become uploads."""

    def call(name: str, *values: Any, **named: Any) -> Any:
        def sent(value: Any) -> Any:
            return handle_file(value) if isinstance(value, Path) else value

        named = {key: sent(value) for key, value in named.items()}
        return client.predict(*map(sent, values), api_name=f"/{name}", **named)

    return call


def painted_mask(networks: MaskGANPipeline, folder: Path) -> Path:
    """A file with the mask of PHOTO's face and a patch painted on it."""
    mask = networks.prepare(read_photo(PHOTO)).mask.copy()
    mask[100:130, 90:150] = Label.HAT
    write_mask(folder / "painted.png", mask)
    return folder / "painted.png"


FULL = {"DigitalSourceType": DIGITAL_SOURCE_TYPE, "AISystemUsed": AI_SYSTEM, "AISystemVersionUsed": WEIGHTS.hash}
