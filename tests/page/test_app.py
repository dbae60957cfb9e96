"""The app as a whole: visitors at once, what it keeps and for how long, its header, its command line."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paint_tab import a_session, random_pipeline, the_examples, the_tab  # noqa: F401  (fixtures)
from PIL import Image
from strokes import VALUES

pytest.importorskip("gradio")

import gradio as gr
import httpx

import app as command
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.mask_canvas import MaskCanvas


def test_two_visitors_paint_at_once_and_get_their_own_faces(pipeline: MaskGANPipeline, examples: Examples) -> None:
    client_library = pytest.importorskip("gradio_client")
    demo = build_app(pipeline, examples)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    try:
        visitors = [client_library.Client(url, verbose=False) for _ in range(2)]
        photos = [FOLDER / "images" / "portrait_02.jpg", FOLDER / "photo_01.jpg"]
        failures: list[str] = []

        def paint(visitor: Any, path: Path, label: Label) -> None:
            face = pipeline.prepare(read_photo(path))
            upload = client_library.handle_file(path)
            opened = visitor.predict(None, upload, *VALUES, api_name="/open_photo")
            canvas = next(it for it in opened if "mask" in it)
            for row in range(0, 200, 40):
                mask = face.mask.copy()
                mask[row : row + 30, 60:200] = label
                stroke = {**MaskCanvas.payload(mask, id=canvas["id"]), "stroke": row}
                shown = visitor.predict(stroke, *VALUES, api_name="/paint")[0]
                picture = np.array(Image.open(shown[1]))
                if not np.array_equal(picture, pipeline.edit(face, mask).crop):
                    failures.append(f"{path.name} at row {row}")

        labels = (Label.HAT, Label.SKIN)
        with ThreadPoolExecutor() as threads:
            list(threads.map(paint, visitors, photos, labels))
        assert not failures
    finally:
        demo.close()


def test_the_page_is_described_once_and_as_gradio_would_each_time(
    pipeline: MaskGANPipeline, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe, described = gr.Blocks.get_config_file, []

    def noted(demo: gr.Blocks) -> dict[str, Any]:
        described.append(describe(demo))
        return described[-1]

    monkeypatch.setattr(gr.Blocks, "get_config_file", noted)
    demo = build_app(pipeline, examples)
    assert not described
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    try:
        assert demo.config is described[0] and len(described) == 1
        again = describe(demo)
        for component in (*demo.config["components"], *again["components"]):
            component.pop("example_inputs", None)  # what is announced has another number each time
        assert demo.config == again
        assert len(httpx.get(f"{url}config").json()["components"]) == len(demo.blocks) and len(described) == 1
    finally:
        demo.close()
    strips = [block.value for block in demo.blocks.values() if str(block.elem_id).endswith("examples")]
    assert len(strips) > 1 and all(len(strip) == len(examples.paths) for strip in strips)


def test_state_and_files_have_an_end(pipeline: MaskGANPipeline, examples: Examples) -> None:
    demo = build_app(pipeline, examples)
    states = [block for block in demo.blocks.values() if isinstance(block, gr.State)]
    assert states and all(state.time_to_live < 24 * 3600 for state in states)
    assert demo.delete_cache is not None
    assert demo.analytics_enabled is False


def test_the_page_asks_for_no_font_from_elsewhere() -> None:
    theme = launch_options()["theme"]
    assert not theme._stylesheets and not theme._font_css


def test_the_header_tells_where_photos_go(pipeline: MaskGANPipeline, examples: Examples) -> None:
    def header(hosted: bool) -> str:
        demo = build_app(pipeline, examples, hosted=hosted)
        return next(block.value for block in demo.blocks.values() if isinstance(block, gr.HTML))

    assert "Nothing leaves this computer" in header(False)
    assert "Nothing leaves this computer" not in header(True)


def test_the_command_line() -> None:
    parser = command.build_parser()
    options = parser.parse_args(["--auth", "ada:secret:word", "--max-pixels", "1000"])
    assert options.auth == ("ada", "secret:word") and options.max_pixels == 1000 and options.share is False
    with pytest.raises(SystemExit):
        parser.parse_args(["--auth", "ada"])


def test_no_network_runs_before_the_page_is_up(
    pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Gradio sets environment variables until then, which may crash networks that run in another thread."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    steps: list[str] = []
    monkeypatch.setattr(MaskGANPipeline, "load", lambda *_: pipeline)
    monkeypatch.setattr(Examples, "prepare_in_background", lambda self: steps.append("examples"))
    monkeypatch.setattr(gr.Blocks, "launch", lambda self, **options: steps.append("launch"))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda self: steps.append("wait"))
    command.main([])
    assert steps == ["launch", "examples", "wait"]


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="model_index"):
        command.main(["--weights", str(tmp_path)])
