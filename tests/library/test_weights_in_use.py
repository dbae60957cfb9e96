"""Weights are exchanged while faces are open and edits in flight."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask, tiny_pipeline
from test_hot_reload import PATIENCE, published, some_edit

from maskgan.editing.edit import Edit, Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import publish


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return draw_face(draw_mask(256))


# ---------------------------------------------------------------- faces of former weights


def test_a_face_of_former_weights_gets_a_style_of_the_new_ones(photo: np.ndarray) -> None:
    old, new = tiny_pipeline(0), tiny_pipeline(1)
    face = old.with_mask(old.prepare(photo, None), draw_mask(256))
    expected = new.with_mask(face, face.mask)
    for _ in range(2):
        edit = some_edit(new, face)
        assert np.array_equal(edit.crop, some_edit(new, expected).crop)
        assert not np.array_equal(edit.crop, some_edit(old, face).crop)
        assert edit.weights is new.weights
        assert np.array_equal(edit.face.mask, face.mask) and edit.face.confidence is face.confidence
    assert some_edit(old, face).face is face
    assert new.refresh(face) is new.refresh(face), "its style is encoded once"
    assert new.refresh(expected) is expected


def test_a_renewed_face_is_forgotten_with_the_first(photo: np.ndarray) -> None:
    old, new = tiny_pipeline(0), tiny_pipeline(1)
    face = old.prepare(photo, None)
    renewed = weakref.ref(new.refresh(face))
    assert renewed() is not None
    del face
    gc.collect()
    assert renewed() is None


# ---------------------------------------------------------------- load


def test_an_edit_in_flight_ends_with_the_networks_it_began_with(
    tmp_path: Path, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(tmp_path / "weights", 1)
    serving = Serving(tiny_pipeline(0), tmp_path / "weights")
    former = serving.current()
    face = former.prepare(photo, None)
    expected = some_edit(former, face).crop
    former.painted.clear()
    began, go_on = threading.Event(), threading.Event()
    generate = former.dmn.generate

    def slow(*args: Any) -> torch.Tensor:
        began.set()
        assert go_on.wait(PATIENCE)
        return generate(*args)

    monkeypatch.setattr(former.dmn, "generate", slow)
    results: list[Edit] = []
    thread = threading.Thread(target=lambda: results.append(some_edit(serving.current(), face)))
    thread.start()
    assert began.wait(PATIENCE)
    serving.poll()
    assert serving.current() is not former
    later = some_edit(serving.current(), face)
    go_on.set()
    thread.join()
    assert np.array_equal(results[0].crop, expected) and results[0].weights is former.weights
    assert later.weights is serving.current().weights and not np.array_equal(later.crop, expected)


def exchange_under_load(folder: Path, swaps: int, threads: int, after_each: Callable[[int], None]) -> list[str]:
    """Publish and serve two kinds of weights in turn while threads edit; returns what failed."""
    pipelines = [tiny_pipeline(seed) for seed in (1, 2)]
    photo = draw_face(draw_mask(256))
    faces = [pipeline.prepare(photo, None) for pipeline in pipelines]
    # Whatever made the face, the result is one of the two that whole networks give.
    possible = {some_edit(pipeline, face).crop.tobytes() for pipeline in pipelines for face in faces}
    serving = Serving(pipelines[0], folder)
    former: list[weakref.ref[MaskGANPipeline]] = []
    done, failures = threading.Event(), []

    def work(face: Face) -> None:
        while not done.is_set():
            try:
                edit = some_edit(serving.current(), face)
            except (RuntimeError, ValueError, OSError) as problem:
                failures.append(repr(problem))
                return
            if edit.crop.tobytes() not in possible:
                failures.append("codes of one network were given to another")
                return

    workers = [threading.Thread(target=work, args=(faces[i % 2],)) for i in range(threads)]
    for worker in workers:
        worker.start()
    try:
        for swap in range(swaps):
            former.append(weakref.ref(serving.current()))
            publish(folder, f"step-{swap:07d}", pipelines[(swap + 1) % 2].save, {"step": swap})
            serving.poll()
            if serving.refused or serving.current().weights.step != swap:
                failures.append(f"swap {swap}: {serving.refused}")
            after_each(swap)
    finally:
        done.set()
        for worker in workers:
            worker.join()
    gc.collect()
    failures += [f"the networks before swap {i} are still there" for i, it in enumerate(former[1:]) if it() is not None]
    return failures


@pytest.mark.slow
def test_many_exchanges_under_load_fail_no_edit_and_keep_no_old_networks(tmp_path: Path) -> None:
    assert exchange_under_load(tmp_path / "weights", swaps=5, threads=2, after_each=lambda swap: None) == []
