"""What all visitors together may hold in memory and on disk, and how an app ends that is asked to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("gradio")

import gradio as gr
import httpx
from conftest import draw_face, draw_mask, tiny_pipeline
from gradio.state_holder import StateHolder
from gradio_client import Client, handle_file
from PIL import Image
from test_options import started

from maskgan.editing.compositing import PlannedLater
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label
from maskgan.ui.app import build_app
from maskgan.ui.photo_memory import arrays_of, keep_within
from maskgan.ui.session import OpenFace, Session

ROOT = Path(__file__).parents[2]
PHOTO = ROOT / "examples" / "images" / "portrait_02.jpg"
MB = 1_000_000


def opened(pipeline: MaskGANPipeline, source: str | None = None) -> Session:
    """A visitor's session with an opened photo of 1000 x 1000 pixels."""
    photo = draw_face(draw_mask(1000))
    face = pipeline.prepare(photo, None)
    return Session().open(OpenFace.new(face, "photo", source=source), pipeline.edit(face, face.mask), face.mask)


def test_photos_that_are_shared_count_once(pipeline: MaskGANPipeline) -> None:
    session = opened(pipeline)
    held = arrays_of(session)
    assert session.opened.face.photo.nbytes == 3 * MB < sum(held.values()) < 12 * MB
    twice = session.remembered(b"jpeg", "one").remembered(b"jpeg", "two")
    steps = sum(len(step.runs) + len(step.thumbnail) for step in twice.history) + 100
    assert sum(held.values()) < sum(arrays_of(twice).values()) <= sum(held.values()) + steps < sum(held.values()) + MB
    view = (session.opened.face.photo[:10],)
    assert arrays_of(view) == {id(session.opened.face.photo): 3 * MB}


def test_photos_before_the_open_one_take_little(pipeline: MaskGANPipeline) -> None:
    """Each with a hat of the wardrobe, which is laid over it, a region that moved, and a history."""
    session, sizes = opened(pipeline, "a"), []
    for _ in range(4):
        face = session.opened.face
        mask = face.mask.copy()
        mask[20:90, 150:350] = Label.HAT
        mask[300:400, 200:300] = np.roll(mask, 12, 0)[300:400, 200:300]
        for step in range(10):
            session = session.remembered(b"jpeg", f"step {step}")
        session = session.painted(edit_with_looks(pipeline, face, mask), mask).leave()
        session = session.open(OpenFace.new(face, "photo", source="a"), pipeline.edit(face, face.mask), face.mask)
        sizes.append(sum(arrays_of(session, anew=True).values()))
    assert len(session.left) == 4 and all(item.edited and item.change is not None for item in session.left)
    assert (np.diff(sizes) > 0).all() and (np.diff(sizes) < MB).all()


def test_paint_that_is_not_finished_counts() -> None:
    picture = np.zeros((100, 100), np.float32)
    planned = PlannedLater(partial(lambda picture: None, picture))
    assert arrays_of((planned,)) == {id(picture): picture.nbytes}
    assert planned.grain is None and not arrays_of((planned,))


def test_who_was_away_longest_opens_the_photo_again(pipeline: MaskGANPipeline) -> None:
    """Three visitors with photos in two places each; the limit has room for two of the three."""
    states = StateHolder()
    states.set_blocks(build_app(pipeline))
    key = next(block._id for block in states.blocks.blocks.values() if isinstance(block, gr.State))
    for name in ("anna", "bert", "cleo"):
        states[name].state_data[key] = opened(pipeline)
    each = sum(arrays_of(states.session_data["bert"].state_data[key]).values())
    assert keep_within(states, 3 * each, "cleo") == 0
    _ = states["anna"]  # comes back; now bert was away longest
    assert keep_within(states, int(2.5 * each), "anna") == 1
    assert states["cleo"].state_data[key].opened and states["anna"].state_data[key].opened
    fresh = states["bert"][key]
    assert fresh.opened is None
    with pytest.raises(ValueError, match=r"No face is open, perhaps after a long pause; .* drop your photo again"):
        fresh.require_open()
    assert keep_within(states, 1, "anna") == 1 and states["anna"].state_data[key].opened  # hers is in use


@pytest.fixture(scope="module")
def app() -> Iterator[gr.Blocks]:
    with started(tiny_pipeline(), "--max-disk", "4", "--max-memory", "7") as app:
        yield app


def test_the_app_keeps_to_its_limits_while_it_is_used(app: gr.Blocks, tmp_path: Path) -> None:
    """Visitors one after another, each with a photo of 3 MB in memory; uploads of 0.9 MB at the most."""
    random = np.random.default_rng(0)
    clients = [Client(app.local_url, verbose=False) for _ in range(4)]
    for number, client in enumerate(clients):
        Image.fromarray(random.integers(0, 255, (500, 600, 3), np.uint8)).save(tmp_path / f"{number}.png")
        mask = client.predict(handle_file(tmp_path / f"{number}.png"), 0, True, api_name="/parse")
        assert Image.open(mask).size == (600, 500)
    files = list(app.storage.folder.rglob("*.png"))
    assert sum(path.stat().st_size for path in files) <= 4 * MB
    Image.fromarray(random.integers(0, 255, (700, 700, 3), np.uint8)).save(tmp_path / "large.png")
    with (tmp_path / "large.png").open("rb") as file:
        refused = httpx.post(f"{app.local_url}gradio_api/upload", files={"files": file})
    assert refused.status_code == 413 and refused.text == "An upload may have 1 MB in all, not 1; send fewer files."
    assert app.storage.folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in app.storage.folder.rglob("*"))


_SLOW_APP = """
import sys
sys.path[:0] = sys.argv[1:3]
from conftest import tiny_pipeline
import app as command
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples

pipeline = tiny_pipeline()
detect = pipeline.detect
def slow(photo):
    print("at work", flush=True)
    sys.stdin.readline()
    return detect(photo)
pipeline.detect = slow
command.serving_of = lambda *_, **__: Serving(pipeline)
Examples.prepare_in_background = lambda _: None
command.main([])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_asked_to_stop_it_finishes_what_runs_and_deletes_the_photos(number: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _SLOW_APP, str(ROOT), str(ROOT / "tests")]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        try:
            url = next(line for line in process.stdout if "http://127.0.0.1" in line).split()[-1]
            job = Client(url, verbose=False).submit(handle_file(PHOTO), api_name="/detect")
            assert any("at work" in line for line in iter(process.stdout.readline, ""))
            assert len(list(tmp_path.glob("maskgan-uploads-*/*/portrait_02.jpg"))) == 1
            process.send_signal(number)
            lines = iter(process.stdout.readline, "")
            assert any("what runs is finished first" in line for line in lines)
            process.stdin.write("go on\n")
            process.stdin.flush()
            faces = job.result(120)
            said = process.communicate(timeout=120)[0]
        finally:
            process.kill()
    assert len(faces) == 1 and process.returncode == 0
    assert "visitors' photos and results are deleted." in said
    assert not list(tmp_path.glob("maskgan-uploads-*"))


def test_once_it_stops_nothing_new_is_begun(app: gr.Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(app.local_url, verbose=False)
    monkeypatch.setattr(app, "stopping", True)
    with pytest.raises(Exception, match="The app is being stopped; try again when it runs again"):
        client.predict(handle_file(PHOTO), api_name="/detect")
