"""Newer weights come in while the old ones serve, and nothing that is damaged gets in."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask, tiny_pipeline
from safetensors.torch import load_file, save_file

from maskgan.editing.edit import Edit, Face
from maskgan.editing.pipeline import MaskGANPipeline, WeightsRefused
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import ABOUT, FORMAT, LATEST, combined_hash, file_hashes, publish, weights_hash

PATIENCE = 300  # seconds; only what never happens takes as long


def published(weights: Path, seed: int, step: int | None = None) -> Path:
    """A snapshot of random tiny networks."""
    step = seed if step is None else step
    about = {"stage": "train_ebst", "step": step, "metrics": {"loss": 1.5}, "parent": None}
    return publish(weights, f"step-{step:07d}", tiny_pipeline(seed).save, about)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def one_snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    weights = tmp_path_factory.mktemp("run") / "weights"
    published(weights, 1)
    return weights


@pytest.fixture
def weights(one_snapshot: Path, tmp_path: Path) -> Path:
    """A weights folder of one's own with one snapshot in it."""
    return Path(shutil.copytree(one_snapshot, tmp_path / "weights"))


def snapshot_in(weights: Path) -> Path:
    return weights / json.loads((weights / LATEST).read_text())["snapshot"]


@pytest.fixture
def serving(weights: Path) -> Serving:
    """It serves other networks than those that are published."""
    return Serving(tiny_pipeline(0), weights)


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return draw_face(draw_mask(256))


def some_edit(pipeline: MaskGANPipeline, face: Face) -> Edit:
    return pipeline.edit(face, np.roll(face.mask, 9, 0))


# ---------------------------------------------------------------- sound weights


def test_a_published_snapshot_serves_after_one_poll(serving: Serving, weights: Path, photo: np.ndarray) -> None:
    former = serving.current()
    serving.poll()
    now, snapshot = serving.current(), snapshot_in(weights)
    assert now is not former and serving.refused is None
    assert (now.weights.hash, now.weights.stage, now.weights.step) == (weights_hash(snapshot), "train_ebst", 1)
    as_loaded = MaskGANPipeline.load(snapshot, "cpu")
    assert as_loaded.weights == now.weights
    for name, network in as_loaded.networks.items():
        other = now.networks[name].state_dict()
        assert all(torch.equal(tensor, other[key]) for key, tensor in network.state_dict().items()), name
        assert not any(parameter.requires_grad for parameter in now.networks[name].parameters())
        assert not now.networks[name].training
    expected, got = (some_edit(pipeline, pipeline.prepare(photo, None)) for pipeline in (as_loaded, now))
    assert np.array_equal(expected.crop, got.crop)
    assert got.weights is now.weights


def test_the_same_weights_are_loaded_once(serving: Serving, weights: Path) -> None:
    serving.poll()
    pipeline = serving.current()
    serving.poll()
    (snapshot_in(weights) / "model_index.json").touch()
    serving.poll()
    assert serving.current() is pipeline


def test_half_precision_is_served_in_single(weights: Path) -> None:
    tiny_pipeline(1).to(torch.float16).save(weights / "half")
    assert MaskGANPipeline.load(weights / "half", "cpu").dmn.dtype == torch.float32


def test_a_thread_watches_a_run_from_before_its_first_snapshot(tmp_path: Path) -> None:
    run = tmp_path / "run"
    serving = Serving(tiny_pipeline(0), run)
    serving.start(seconds=0.01)
    try:
        wait_until(lambda: serving.refused is not None)
        for step in (1, 2):
            published(run / "weights", step)
            wait_until(lambda step=step: serving.current().weights.step == step)
        assert serving.refused is None
    finally:
        serving.stop()


def test_a_plain_folder_is_read_when_it_keeps_still(tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    tiny_pipeline(0).save(folder)
    serving = Serving(MaskGANPipeline.load(folder, "cpu"), folder)
    former = serving.current()
    serving.poll()
    serving.poll()
    assert serving.current() is former
    tiny_pipeline(1).save(folder)
    serving.poll()
    assert serving.current() is former, "somebody may be still copying"
    serving.poll()
    assert serving.current().weights.hash == weights_hash(folder) != former.weights.hash


def test_overwriting_files_in_place_does_not_reach_what_serves(weights: Path, photo: np.ndarray) -> None:
    pipeline = MaskGANPipeline.load(snapshot_in(weights), "cpu")
    face = pipeline.prepare(photo, None)
    before = some_edit(pipeline, face).crop
    for path in snapshot_in(weights).rglob("*.safetensors"):
        with path.open("rb+") as file:
            file.write(b"\0" * path.stat().st_size)
    assert np.array_equal(some_edit(pipeline, face).crop, before)


# ---------------------------------------------------------------- damaged weights


def rewritten(snapshot: Path, **changes: Any) -> None:
    """Change `snapshot.json`, with hashes that fit the files unless given."""
    about = json.loads((snapshot / ABOUT).read_text())
    hashes = file_hashes(snapshot)
    about |= {"files": hashes, "hash": combined_hash(hashes), **changes}
    (snapshot / ABOUT).write_text(json.dumps(about))


def truncate(snapshot: Path) -> None:
    path = snapshot / "dmn" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def truncate_and_sign(snapshot: Path) -> None:
    truncate(snapshot)
    rewritten(snapshot)


def change_a_tensor(snapshot: Path, change: Callable[[dict[str, torch.Tensor], str], Any]) -> None:
    path = snapshot / "dmn" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    change(tensors, sorted(key for key, tensor in tensors.items() if tensor.ndim == 4)[0])
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, path)
    rewritten(snapshot)


def not_a_number(snapshot: Path) -> None:
    change_a_tensor(snapshot, lambda tensors, key: tensors[key].view(-1)[3].fill_(torch.nan))


def other_shape(snapshot: Path) -> None:
    change_a_tensor(snapshot, lambda tensors, key: tensors.update({key: tensors[key][:1]}))


def tensor_gone(snapshot: Path) -> None:
    change_a_tensor(snapshot, lambda tensors, key: tensors.pop(key))


def tensor_too_many(snapshot: Path) -> None:
    change_a_tensor(snapshot, lambda tensors, key: tensors.update(surplus=torch.zeros(2)))


def finite_but_useless(snapshot: Path) -> None:
    change_a_tensor(snapshot, lambda tensors, key: [tensor.fill_(3e38) for tensor in tensors.values()])


def in_json(name: str, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def damage(snapshot: Path) -> None:
        content = json.loads((snapshot / name).read_text())
        change(content)
        (snapshot / name).write_text(json.dumps(content))
        rewritten(snapshot)

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "truncated": (truncate, "not the file that was published"),
    "truncated before it was published": (truncate_and_sign, "is damaged"),
    "missing file": (lambda snapshot: (snapshot / "parser" / "config.json").unlink(), "config.json is missing"),
    "missing network": (lambda snapshot: shutil.rmtree(snapshot / "dmn"), "dmn/config.json is missing"),
    "file added": (lambda snapshot: (snapshot / "dmn" / "more.json").write_text("{}"), "not the file that was"),
    "another hash": (lambda snapshot: rewritten(snapshot, hash="0" * 64), "hash"),
    "damaged snapshot.json": (lambda snapshot: (snapshot / ABOUT).write_text("{"), "snapshot.json is damaged"),
    "empty snapshot.json": (lambda snapshot: (snapshot / ABOUT).write_text('{"format": 1}'), "is damaged"),
    "newer format": (lambda snapshot: rewritten(snapshot, format=FORMAT + 1), "newer version"),
    "pickle": (lambda snapshot: (snapshot / "dmn" / "weights.pt").write_bytes(b"\x80\x04."), "may run code"),
    "pickle in place of safetensors": (
        lambda snapshot: next(snapshot.rglob("*.safetensors")).rename(snapshot / "dmn" / "model.bin"),
        "may run code",
    ),
    "foreign pipeline": (in_json("model_index.json", lambda it: it.update(_class_name="Other")), "is a Other"),
    "foreign network": (
        in_json("model_index.json", lambda it: it.update(dmn=["diffusers", "UNet2DModel"])),
        "dmn is no network of",
    ),
    "network of unknown name": (
        in_json("model_index.json", lambda it: it.update(extra=["subprocess", "Popen"])),
        "extra is no network of",
    ),
    "foreign class in a configuration": (
        in_json("parser/config.json", lambda it: it.update(_class_name="UNet2DModel")),
        "parser is a UNet2DModel",
    ),
    "other sizes in a configuration": (
        in_json("dmn/config.json", lambda it: it.update(widths=[10**6] * 3)),
        "has the shape",
    ),
    "endless configuration": (
        in_json("dmn/config.json", lambda it: it.update(blocks=100_000)),
        "blocks of the dmn cannot be 100000",
    ),
    "configuration of another type": (
        in_json("mask_vae/config.json", lambda it: it.update(widths="8" * 50)),
        "widths of the mask_vae cannot be '8888",
    ),
    "a number as stage": (lambda snapshot: rewritten(snapshot, stage=7), "snapshot.json is damaged"),
    "an infinite step": (lambda snapshot: rewritten(snapshot, step=float("inf")), "snapshot.json is damaged"),
    "endless snapshot.json": (lambda snapshot: (snapshot / ABOUT).write_text("[" * 100_000), "is damaged"),
    "a pipe": (lambda snapshot: os.mkfifo(snapshot / "dmn" / "more.json"), "more.json is a pipe or device"),
    "a pipe in place of weights": (
        lambda snapshot: (
            (snapshot / "parser" / "config.json").unlink(),
            os.mkfifo(snapshot / "parser" / "config.json"),
        ),
        "config.json is a pipe or device",
    ),
    "infinite latest.json": (
        lambda snapshot: (snapshot.parent / LATEST).write_text('{"format": 1e999, "snapshot": "x"}'),
        "is damaged",
    ),
    "endless latest.json": (lambda snapshot: (snapshot.parent / LATEST).write_text("[" * 100_000), "is damaged"),
    "latest.json of a number": (
        lambda snapshot: (snapshot.parent / LATEST).write_text('{"format": 1, "snapshot": 7}'),
        "is damaged",
    ),
    "a pipe in place of latest.json": (
        lambda snapshot: ((snapshot.parent / LATEST).unlink(), os.mkfifo(snapshot.parent / LATEST)),
        "is damaged",
    ),
    "senseless configuration": (in_json("dmn/config.json", lambda it: it.update(widths=[])), "were refused"),
    "other shape": (other_shape, "has the shape"),
    "tensor missing": (tensor_gone, "lacks its tensor"),
    "tensor too many": (tensor_too_many, "does not know"),
    "not a number": (not_a_number, "contains NaN or infinity"),
    "finite, but draws no numbers": (finite_but_useless, "that the dmn draws contains NaN or infinity"),
    "deleted snapshot": (shutil.rmtree, "any more"),
    "deleted folder": (lambda snapshot: shutil.rmtree(snapshot.parent), "no MaskGAN weights"),
    "damaged latest.json": (lambda snapshot: (snapshot.parent / LATEST).write_text("?"), "is damaged"),
    "newer latest.json": (
        lambda snapshot: (snapshot.parent / LATEST).write_text('{"format": 2, "snapshot": "x"}'),
        "newer version",
    ),
    "latest.json that leads elsewhere": (
        lambda snapshot: (snapshot.parent / LATEST).write_text('{"format": 1, "snapshot": "../x"}'),
        "names no folder beside it",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_told_once_and_the_old_weights_go_on(
    serving: Serving, weights: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    damage, words = DAMAGES[name]
    damage(snapshot_in(weights))
    former = serving.current()
    with caplog.at_level(logging.WARNING, "maskgan.serving.hot_reload"):
        for _ in range(3):
            serving.poll()
    assert serving.current() is former
    assert words in serving.refused and serving.refused.endswith(".") and "\n" not in serving.refused
    assert len(caplog.records) == 1


def test_whatever_happens_the_watcher_goes_on(serving: Serving, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("nobody thought of this")

    with monkeypatch.context() as patch:
        patch.setattr("maskgan.serving.hot_reload.stamp_of", broken)
        serving.start(0.01)
        wait_until(lambda: serving.refused is not None)
    assert serving.refused.endswith("cannot be used (ZeroDivisionError: nobody thought of this).")
    published(weights, 2)
    wait_until(lambda: serving.current().weights.step == 2)
    serving.stop()
    assert serving.refused is None


def test_after_a_refusal_the_next_sound_snapshot_serves(serving: Serving, weights: Path) -> None:
    not_a_number(snapshot_in(weights))
    serving.poll()
    assert serving.refused is not None
    published(weights, 2)
    serving.poll()
    assert serving.current().weights.step == 2 and serving.refused is None


def test_a_folder_that_comes_back_takes_the_line_away(serving: Serving, weights: Path) -> None:
    serving.poll()
    pipeline = serving.current()
    weights.rename(weights.with_name("away"))
    serving.poll()
    assert serving.refused is not None
    weights.with_name("away").rename(weights)
    serving.poll()
    assert serving.refused is None and serving.current() is pipeline


def test_weights_asked_for_by_name_are_refused_with_an_error(serving: Serving, weights: Path) -> None:
    former = serving.current()
    truncate(snapshot_in(weights))
    with pytest.raises(WeightsRefused, match=snapshot_in(weights).name):
        serving.serve(snapshot_in(weights))
    assert serving.current() is former
