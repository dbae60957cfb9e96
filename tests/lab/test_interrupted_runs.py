"""Plugs pulled, disks full, numbers gone wrong: a run stops with a sentence and goes on where it was."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import warm
from huggingface_hub.errors import LocalTokenNotFoundError
from test_training import assert_equal_folders

from lab import pretrain_dmn, train_mask_vae, train_parser
from lab.shards import write_shards
from lab.train_mask_vae import MaskVAESettings
from lab.training import hub as hub_module
from lab.training.checkpoints import checkpoints
from lab.training.preflight import check_launch
from lab.training.run import Run
from lab.training.state_files import write_state
from lab.training.stopping import NothingToDo, TrainingStoppedError, run_script
from maskgan.networks.mask_vae import PRESETS
from maskgan.run_folder import RUN_LOCK, data_told
from maskgan.snapshots import newest_snapshot

Train = Callable[..., None]


@pytest.fixture
def flags(data_folder: Path, tiny_weights: Path) -> list[str]:
    """A MaskVAE run of four steps, a checkpoint after every other."""
    return [
        "--data", str(data_folder), "--parser", str(tiny_weights), "--base", str(tiny_weights), "--preset", "tiny",
        "--resolution", "64", "--batch-size", "2", "--num-workers", "0", "--max-steps", "4",
        "--checkpointing-steps", "2", "--log-steps", "1", "--sample-steps", "4",
    ]  # fmt: skip


@pytest.fixture
def train(flags: list[str], monkeypatch: pytest.MonkeyPatch) -> Train:
    """Runs the stage in this process: train(out, more flags)."""
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")

    def start(out: Path, *more: object) -> None:
        monkeypatch.setattr(sys, "argv", ["train_mask_vae.py", *flags, "--out", str(out), *map(str, more)])
        train_mask_vae.main()

    return start


@pytest.fixture
def whole(train: Train, tmp_path: Path) -> Path:
    """A run that nothing happened to."""
    train(tmp_path / "whole")
    return tmp_path / "whole"


def assert_ended_alike(one: Path, other: Path) -> None:
    assert_equal_folders(one / "checkpoints" / "step-0000004", other / "checkpoints" / "step-0000004")
    assert newest_snapshot(one).name == newest_snapshot(other).name
    assert not list(other.rglob("*.partial"))


def test_asked_to_stop_it_saves_the_step_in_work_and_goes_on_from_there(
    train: Train, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = signal.getsignal(signal.SIGTERM)
    log = Run.log

    def log_and_terminate(run: Run, parts: dict[str, Any]) -> None:
        log(run, parts)
        if run.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Run, "log", log_and_terminate)
    train(tmp_path / "cut")
    assert [path.name for path in checkpoints(tmp_path / "cut")] == ["step-0000002", "step-0000003"]
    assert signal.getsignal(signal.SIGTERM) is former
    monkeypatch.setattr(Run, "log", log)
    train(tmp_path / "cut")
    assert_ended_alike(whole, tmp_path / "cut")


@contextmanager
def small_files_only(size: int) -> Iterator[None]:
    """Writing beyond `size` bytes fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_stops_with_a_sentence_and_leaves_the_last_checkpoint(train: Train, tmp_path: Path) -> None:
    out = tmp_path / "full"
    train(out, "--max-steps", 2, "--sample-steps", 9)
    before = newest_snapshot(out)
    with small_files_only(60_000), pytest.raises(TrainingStoppedError, match=r"Step 4 could not be saved .* make room"):
        train(out, "--max-steps", 6, "--sample-steps", 9)
    assert [path.name for path in checkpoints(out)] == ["step-0000002"] and newest_snapshot(out) == before
    assert not list(out.rglob("*.partial"))
    train(out)
    assert checkpoints(out)[-1].name == "step-0000004" and newest_snapshot(out) != before


def test_numbers_gone_wrong_are_never_saved(train: Train, tmp_path: Path) -> None:
    with pytest.raises(TrainingStoppedError, match=r"Step \d: .*NaN or infini(te|ty).*--learning-rate"):
        train(tmp_path / "wild", "--learning-rate", "1e30", "--warmup-steps", 0, "--log-steps", 9)
    assert not checkpoints(tmp_path / "wild") and not (tmp_path / "wild" / "weights").exists()


@pytest.fixture
def opencv_threads() -> Iterator[None]:
    """OpenCV has threads at work in this process, as after a sheet of samples."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    cv2.GaussianBlur(np.zeros((2048, 2048, 3), np.float32), (0, 0), 5)
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.usefixtures("opencv_threads")
def test_a_picture_that_vanishes_on_the_way_is_named(
    workers: int, train: Train, make_data: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_data(train=2)
    log = Run.log

    def log_and_damage(run: Run, parts: dict[str, Any]) -> None:
        log(run, parts)
        if run.step == 2:
            for name in ("f0", "f1"):
                (data / "images" / f"{name}.png").write_bytes(b"no picture any more")

    monkeypatch.setattr(Run, "log", log_and_damage)
    with pytest.raises(TrainingStoppedError, match=r"^Cannot read .*f\d\.png; .* The last checkpoint is intact\.$"):
        train(tmp_path / "run", "--data", data, "--num-workers", workers, "--max-steps", 40, "--sample-steps", 99)
    assert checkpoints(tmp_path / "run")


def test_a_checkpoint_can_be_chosen_and_nonsense_is_refused(train: Train, whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "again")
    for leftover in ("checkpoints", "weights"):  # of a run killed at another step
        (tmp_path / "again" / leftover / "step-0000003.partial").mkdir()
    train(tmp_path / "again", "--resume", whole / "checkpoints" / "step-0000002")
    assert_ended_alike(whole, tmp_path / "again")
    with pytest.raises(TrainingStoppedError, match="is no checkpoint"):
        train(tmp_path / "again", "--resume", tmp_path)


def content(folder: Path) -> dict[str, bytes]:
    """What lies in a run folder, but for its lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != RUN_LOCK)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_another_size_of_network_is_refused_before_anything_is_overwritten(
    train: Train, whole: Path, data_folder: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(whole)
    monkeypatch.setitem(PRESETS, "published", PRESETS["tiny"] | {"latent_dim": 24})
    with pytest.raises(TrainingStoppedError) as refusal:
        train(whole, "--preset", "published", "--max-steps", 6)
    sentence = str(refusal.value)
    assert "step-0000004 holds MaskVAE of another size" in sentence and "\n" not in sentence
    assert "--preset was tiny and is published" in sentence and "Nothing was overwritten" in sentence
    assert content(whole) == before
    command = ["train_parser.py", "--data", data_folder, "--out", whole, "--weights", tiny_weights]
    monkeypatch.setattr(sys, "argv", [*map(str, command), "--base", str(tiny_weights), "--num-workers", "0"])
    with pytest.raises(TrainingStoppedError, match=r"is of a run of train_mask_vae; choose another --out"):
        train_parser.main()
    assert content(whole) == before


def test_another_size_of_discriminator_is_refused_before_anything_is_overwritten(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    out = tmp_path / "run"

    def start(*more: object) -> None:
        flags = [
            "--data", data_folder, "--out", out, "--parser", tiny_weights, "--base", tiny_weights, "--preset", "tiny",
            "--adversary", "patch", "--discriminator-layers", 2, "--perceptual", "parser", "--resolution", 64,
            "--batch-size", 2, "--num-workers", 0, "--sample-steps", 9, *more,
        ]  # fmt: skip
        monkeypatch.setattr(sys, "argv", ["pretrain_dmn.py", *map(str, flags)])
        pretrain_dmn.main()

    start("--discriminator-width", 8, "--max-steps", 1)
    before = content(out)
    with pytest.raises(TrainingStoppedError, match=r"Discriminator of another size .*-width was 8 and is 16"):
        start("--discriminator-width", 16, "--max-steps", 2)
    assert content(out) == before
    start("--discriminator-width", 8, "--max-steps", 2)
    assert checkpoints(out)[-1].name == "step-0000002"


def test_a_renamed_checkpoint_goes_on_and_is_never_deleted(train: Train, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(run, "--max-steps", 3, "--checkpoints-total-limit", 1)
    kept = (run / "checkpoints" / "step-0000003").rename(run / "checkpoints" / "the best so far")
    assert checkpoints(run) == [kept]
    train(run, "--checkpoints-total-limit", 1)
    assert_ended_alike(whole, run)
    assert [path.name for path in checkpoints(run)] == ["the best so far", "step-0000004"]
    elsewhere = shutil.copytree(kept, tmp_path / "backup" / "monday")
    train(tmp_path / "again", "--resume", elsewhere)
    assert_ended_alike(whole, tmp_path / "again")


def test_a_checkpoint_that_nothing_tells_the_steps_of_is_named(train: Train, whole: Path, tmp_path: Path) -> None:
    nameless = shutil.copytree(whole / "checkpoints" / "step-0000002", tmp_path / "monday")
    write_state(nameless, "state", {"step": 2, "scale": None})  # as earlier versions wrote it
    with pytest.raises(TrainingStoppedError, match=r"Nothing tells .*monday .* rename it to step-NUMBER"):
        train(tmp_path / "again", "--resume", nameless)
    train(tmp_path / "again", "--resume", nameless.rename(tmp_path / "monday_step-0000002"))
    assert_ended_alike(whole, tmp_path / "again")


def test_a_finished_run_says_that_there_is_nothing_to_do(
    flags: list[str], train: Train, whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(whole)
    with pytest.raises(NothingToDo, match=r"has done 4 of 4 steps, so there is nothing to do; give a larger"):
        train(whole)
    assert content(whole) == before
    with pytest.raises(NothingToDo):
        train(whole, "--max-steps", 2)
    capsys.readouterr()
    run_script(lambda: train(whole))  # no exception, and so exit code 0
    assert "there is nothing to do" in capsys.readouterr().out and content(whole) == before


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_as_if_nothing_had_happened(flags: list[str], whole: Path, tmp_path: Path) -> None:
    killed, output = tmp_path / "killed", tmp_path / "output"

    def started() -> BaseProcess:
        return warm.start("train_mask_vae.py", *flags, "--out", killed, output=output, ACCELERATE_USE_CPU="true")

    for moment in ("config.json", "checkpoints/step-0000002*", "weights/latest.json"):
        process = started()
        try:
            late = time.monotonic() + 120
            while process.is_alive() and not list(killed.glob(moment)):
                assert time.monotonic() < late, f"no {moment} after two minutes"
                time.sleep(0.002)
        finally:
            process.kill()
            process.join()
    assert warm.ended(started()) == 0, output.read_text()
    assert_ended_alike(whole, killed)


def test_what_is_used_of_the_data_is_told_before_the_first_step(
    train: Train, make_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, more, out = make_data(train=4), make_data(train=2, val=0), tmp_path / "run"
    (data / "masks" / "f1.png").unlink()
    train(out, "--data", data, more, "--max-steps", 1)
    said = capsys.readouterr().out
    first = f"{data}: 3 faces used, 2 of val kept apart, 1 left out: 1 without a mask (f1)."
    assert [line for line in said.splitlines() if "faces used" in line] == [first, f"{more}: 2 faces used."]
    assert data_told(out) == [first, f"{more}: 2 faces used."]
    train(out, "--data", data, "--max-steps", 2)
    kept = json.loads((out / "data.json").read_text())
    assert [each | {"sentence": first} for each in kept] == kept  # of this start alone
    assert kept[0]["used"] == 3 and kept[0]["left_out"] == {"without a mask": ["f1"]}


# --- Shards, trackers, the hub ---------------------------------------------------------------------------------------


def test_shards_train_and_resume(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_shards(data_folder, tmp_path / "shards", samples_per_shard=3)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    masks = []
    monkeypatch.setattr(pretrain_dmn, "one_hot", lambda mask, *a: masks.append(mask) or torch.zeros(2, 19, 64, 64))

    def start(out: Path, steps: int) -> None:
        flags = [
            "--data", tmp_path / "shards", "--out", out, "--parser", tiny_weights, "--base", tiny_weights,
            "--preset", "tiny", "--adversary", "patch",
            "--discriminator-width", 4, "--discriminator-layers", 1, "--perceptual", "parser",
            "--resolution", 64, "--batch-size", 2, "--num-workers", 0, "--max-steps", steps, "--lr-scheduler",
            "constant", "--checkpointing-steps", 2, "--sample-steps", 9,
        ]  # fmt: skip
        monkeypatch.setattr(sys, "argv", ["pretrain_dmn.py", *map(str, flags)])
        pretrain_dmn.main()

    start(tmp_path / "whole", 4)
    assert all(mask.max() <= 18 for mask in masks)  # the parser filled what the shards leave open
    start(tmp_path / "cut", 2)
    start(tmp_path / "cut", 4)
    assert_ended_alike(tmp_path / "whole", tmp_path / "cut")
    seen = [mask.sum().item() for mask in masks]
    steps = len(seen) // 2  # of each run; a step may look at its masks more than once
    assert seen[:steps] == seen[steps:] and steps >= 4 and len(set(seen[:steps])) > 1


def test_trackers_get_the_numbers_and_a_missing_one_is_named(train: Train, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path / "run", "--report-to", "tensorboard", "--max-steps", 1)
    assert list((tmp_path / "run").rglob("events.out.tfevents.*"))
    line = json.loads((tmp_path / "run" / "stats.jsonl").read_text().splitlines()[0])
    assert {"learning_rate", "images_per_second", "seconds_left", "waiting_for_data"} <= line.keys()
    assert line["seconds_left"] == 0 and 0 <= line["waiting_for_data"] <= 1


class Hub:
    """Stands in for the Hugging Face hub."""

    def __init__(self) -> None:
        self.uploaded: list[tuple[str, Path]] = []
        self.known = True

    def __call__(self) -> Hub:
        return self

    def whoami(self) -> dict[str, str]:
        if not self.known:
            raise LocalTokenNotFoundError("no token")
        return {"name": "somebody"}

    def create_repo(self, repository: str, exist_ok: bool) -> None:
        assert exist_ok

    def upload_folder(self, repo_id: str, folder_path: Path, commit_message: str) -> None:
        self.uploaded.append((repo_id, folder_path))


def test_the_last_snapshot_goes_to_the_hub(train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub()
    monkeypatch.setattr(hub_module, "HfApi", hub)
    train(tmp_path / "run", "--push-to-hub", "somebody/masks", "--max-steps", 2)
    assert hub.uploaded == [("somebody/masks", newest_snapshot(tmp_path / "run"))]
    hub.known = False
    settings = MaskVAESettings(data=(), out=tmp_path, push_to_hub="somebody/masks")
    with pytest.raises(TrainingStoppedError, match="cannot log in"):
        check_launch(settings)
