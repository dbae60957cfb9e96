"""The load test's own checks: they see foreign answers, wrong pixels, errors and a growing memory, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_pipeline

pytest.importorskip("gradio")

import gradio as gr
from gradio.route_utils import delete_files_created_by_app

from maskgan.editing.compositing import Patch
from maskgan.editing.lasting import LastingCache
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.sizes import CROP_SIZE
from maskgan.styles import Style
from maskgan.ui.app import MAX_SESSIONS, build_app, launch_options
from tests.load import ROOT, Report, files_in, measure, resident
from tests.painter import REACH, Mixed, Subject

PAINTERS = 3


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the app keeps what visitors see."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def demo(files: Path) -> Iterator[gr.Blocks]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(files))
        demo = build_app(tiny_pipeline())
        demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
        yield demo
        demo.close()


@pytest.fixture(scope="module")
def url(demo: gr.Blocks) -> str:
    return demo.local_url.rstrip("/")


@pytest.fixture(scope="module")
def subjects() -> tuple[Subject, Subject]:
    return Subject.of(0), Subject.of(6)  # the same face, in another tint and frame


def one_round_each(url: str) -> Report:
    return asyncio.run(measure(url, PAINTERS, seconds=0))


def report(**about: Any) -> Report:
    return Report(2, 1.0, 0.0, **about)


# ---------------------------------------------------------------- painters on the page


def test_painters_get_their_own_answers_and_leave_nothing(demo: gr.Blocks, url: str, files: Path) -> None:
    before = files_in(files)[1]
    report = one_round_each(url)
    assert report.failure() is None
    assert len(report.edit_seconds) == 5 * PAINTERS and len(report.open_seconds) == PAINTERS
    assert files_in(files)[1] > before + 100_000 * PAINTERS
    delete_files_created_by_app(demo, age=None)  # what Gradio does with those that have grown old
    assert files_in(files)[1] == before  # in bytes: Gradio leaves an empty file for each upload


def test_past_visits_are_forgotten(demo: gr.Blocks) -> None:
    assert demo.state_holder.capacity == MAX_SESSIONS < 1000


def test_no_visitor_gets_a_description_of_the_page(demo: gr.Blocks, url: str) -> None:
    """It takes longer than the flow of an edit, and is for links that this page does not have."""
    asyncio.run(measure(url, 1, seconds=0))
    visitors = demo.state_holder.session_data.values()
    assert any(visitor.state_data for visitor in visitors)
    assert not any(description for visitor in visitors for description in visitor.config_values.values())


def test_a_style_that_lies_in_the_networks_is_noticed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the published code: alone everybody is served well, and of several the last face's style is everyone's."""
    encode, paint, last = MaskGANPipeline.encode_style, MaskGANPipeline.paint, []

    def encode_style(self: MaskGANPipeline, crop: np.ndarray, mask: np.ndarray) -> Style:
        last[:] = [encode(self, crop, mask)]
        return last[0]

    def painted(self: MaskGANPipeline, mask: np.ndarray, _: Style, *rest: Any, **named: Any) -> Patch:
        return paint(self, mask, last[0], *rest, **named)

    monkeypatch.setattr(LastingCache, "find", lambda self, owner, key: None)  # what is kept hides it
    monkeypatch.setattr(MaskGANPipeline, "encode_style", encode_style)
    monkeypatch.setattr(MaskGANPipeline, "paint", painted)
    assert asyncio.run(measure(url, 1, seconds=0)).failure() is None
    report = one_round_each(url)
    assert report.mixed and not report.errors
    assert "another picture than before for the same mask" in report.failure()


def test_what_visitors_would_see_as_an_error_is_one(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def saved(content: bytes, name: str) -> str:
        raise OSError("The disk is full.")

    monkeypatch.setattr("maskgan.ui.paint.tab.saved", saved)
    report = one_round_each(url)
    assert len(report.errors) == PAINTERS and report.failure().startswith(f"{PAINTERS} of {PAINTERS} painters met")


# ---------------------------------------------------------------- what a painter checks


def painted(size: int) -> np.ndarray:
    changed = np.zeros((size, size), bool)
    changed[200:240, 180:260] = True
    return changed


def test_only_the_own_crop_passes(subjects: tuple[Subject, Subject]) -> None:
    own, other = subjects
    changed = painted(CROP_SIZE)
    edited = own.crop.copy()
    edited[changed] ^= 64
    own.check_crop(edited, changed)
    own.check_crop(own.crop, np.zeros_like(changed))
    with pytest.raises(Mixed, match="not its own"):
        other.check_crop(edited, changed)
    with pytest.raises(Mixed, match="without what it had painted"):
        own.check_crop(own.crop, changed)
    edited[200 - REACH - 2, 200] += 1
    with pytest.raises(Mixed, match="not its own"):
        own.check_crop(edited, changed)


def test_only_the_own_photo_passes(subjects: tuple[Subject, Subject]) -> None:
    own, other = subjects
    changed = painted(CROP_SIZE)
    edited = own.photo.copy()
    column, row = own.alignment.to_photo(np.array([[220.0, 220.0]]), CROP_SIZE)[0].astype(int)
    edited[row, column] ^= 64
    own.check_photo(edited, changed)
    with pytest.raises(Mixed, match="not its own"):
        other.check_photo(edited, changed)
    with pytest.raises(Mixed, match="without what it had painted"):
        own.check_photo(own.photo, changed)
    edited[0, 0, 0] ^= 1
    with pytest.raises(Mixed, match="not its own"):
        own.check_photo(edited, changed)


# ---------------------------------------------------------------- the report


@pytest.mark.parametrize(
    ("sizes", "fails"),
    [
        (lambda second: 1e9 + 1e7 * second, True),  # 10 MB a second, for good
        (lambda second: 1e9 + 2e7 * min(second, 20), False),  # only while warming up
        (lambda second: 1e9 + 1e8 * (second == 50), False),  # for a moment
    ],
)
def test_memory_has_to_be_flat(sizes: Callable[[int], float], fails: bool) -> None:
    measured = report(memory_at_start=10**9, memory=[int(sizes(second)) for second in range(60)])
    assert (measured.failure() is not None) == fails
    assert any(line.startswith("memory") and "1000 MB at the start" in line for line in measured.lines())


def test_the_worst_is_told_first() -> None:
    assert report().failure() is None
    both = report(errors=["The queue is full."], mixed=["A was shown B."])
    assert both.failure() == "1 of 2 painters were answered with what is not theirs: A was shown B."
    assert report(errors=["The queue is full."]).failure() == "1 of 2 painters met an error: The queue is full."


def test_children_count_for_the_memory() -> None:
    child = "import sys; held = bytearray(80_000_000); print('ready', flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        assert resident(process.pid) > 80_000_000
        process.stdin.close()


def test_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(b"123")
    (tmp_path / "two").write_bytes(b"4567")
    assert files_in(tmp_path) == (2, 7)


@pytest.mark.slow
def test_the_command_starts_the_real_app(tmp_path: Path, tiny_weights: Path) -> None:
    command = [sys.executable, "-m", "tests.load", "--painters", "2", "--seconds", "1"]
    done = subprocess.run(
        [*command, "--json", tmp_path / "load.json"],
        cwd=ROOT,
        env={**os.environ, "MASKGAN_WEIGHTS": str(tiny_weights), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    measured = json.loads((tmp_path / "load.json").read_text())
    assert measured["mixed"] == measured["errors"] == [], done.stdout + done.stderr
    assert len(measured["edit_seconds"]) >= 10 and min(measured["memory"]) > 10**8 and len(measured["files"]) == 2
    assert "mixed sessions  0" in done.stdout
