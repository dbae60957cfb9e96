"""Checkpoints hold numbers only, and nothing that lies in one is run."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lab import train_mask_vae, train_parser
from lab.training.checkpoints import newest_checkpoint
from lab.training.state_files import read_state, write_state
from lab.training.stopping import TrainingStoppedError
from maskgan.networks.face_parser import FaceParser

Train = Callable[[], None]


class RunsCode:
    """A pickle of it makes a folder when it is opened without care."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def run(tmp_path: Path, data_folder: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two steps with a checkpoint after each."""
    command = [
        "train_mask_vae.py", "--data", data_folder, "--parser", tiny_weights, "--base", tiny_weights, "--preset",
        "tiny", "--resolution", 64, "--batch-size", 2, "--num-workers", 0, "--max-steps", 2, "--sample-steps", 9,
        "--checkpointing-steps", 1, "--checkpoints-total-limit", 9, "--out", tmp_path / "run",
    ]  # fmt: skip
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(sys, "argv", [*map(str, command)])
    train_mask_vae.main()
    return tmp_path / "run"


def resume() -> None:
    """Run the command again for one more step."""
    sys.argv[sys.argv.index("--max-steps") + 1] = "3"
    train_mask_vae.main()


def test_a_checkpoint_is_safetensors_and_json_and_pickles_beside_them_are_not_opened(run: Path, tmp_path: Path) -> None:
    last = newest_checkpoint(run)
    assert {path.suffix for path in last.iterdir()} == {".safetensors", ".json"}
    for name in ("custom_checkpoint_0.pkl", "optimizer.bin", "scheduler.bin", "random_states_0.pkl", "scaler.pt"):
        torch.save(RunsCode(tmp_path / "was-run"), last / name)
    resume()
    assert not (tmp_path / "was-run").exists()
    assert newest_checkpoint(run).name == "step-0000003"


@pytest.mark.parametrize("name", ["custom_checkpoint_0.pkl", "optimizer.bin"])
def test_a_pickle_in_a_run_of_an_earlier_version_is_refused_and_not_run(
    name: str, tmp_path: Path, data_folder: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(Path(__file__).with_name("older_run.zip")) as archive:
        archive.extractall(tmp_path)
    FaceParser(widths=(2, 2, 2, 2, 2), blocks=1).save_pretrained(tmp_path / "weights")
    older = tmp_path / "before"
    torch.save(RunsCode(tmp_path / "was-run"), newest_checkpoint(older) / name)
    command = [
        "train_parser.py", "--data", data_folder, "--out", older, "--weights", tmp_path / "weights", "--base",
        tiny_weights, "--resolution", 64, "--batch-size", 2, "--num-workers", 0, "--max-steps", 3,
    ]  # fmt: skip
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(sys, "argv", [*map(str, command)])
    with pytest.raises(TrainingStoppedError, match=r"step-0000002 cannot be resumed: .*\. Delete it .*\.$"):
        train_parser.main()
    assert not (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("state.json", b"[" * 100_000),
        ("average.json", b'["dict", ["shadow_params", ["list"]]]'),
        ("optimizer.json", b'["tensor", "000000"]'),
        ("optimizer.safetensors", b"\x80\x02}q\x00."),
        ("model.safetensors", b""),
    ],
)
def test_a_damaged_checkpoint_is_told_and_the_one_before_serves(name: str, content: bytes, run: Path) -> None:
    (newest_checkpoint(run) / name).write_bytes(content)
    with pytest.raises(TrainingStoppedError, match=r"step-0000002 cannot be resumed: .*\. Delete it .*\.$"):
        resume()
    for path in newest_checkpoint(run).iterdir():
        path.unlink()
    newest_checkpoint(run).rmdir()
    resume()
    assert newest_checkpoint(run).name == "step-0000003"


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    moment = torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last)
    state = {
        "state": {0: {"step": torch.tensor(3.0), "exp_avg": moment}, 1: {}},
        "param_groups": [{"betas": (0.5, 0.999), "lr": 1e-4, "amsgrad": False, "foreach": None, "params": [0, 1]}],
        "random": (np.arange(4, dtype=np.uint32), float("inf"), "MT19937"),
        "scalar": torch.tensor(7),
    }
    write_state(tmp_path, "optimizer", state)
    again = read_state(tmp_path, "optimizer")
    assert again["param_groups"] == state["param_groups"] and again["state"][1] == {}
    step, average = again["state"][0]["step"], again["state"][0]["exp_avg"]
    assert torch.equal(step, torch.tensor(3.0)) and torch.equal(average, moment) and average.stride() == moment.stride()
    assert torch.equal(again["scalar"], torch.tensor(7))
    numbers, *rest = again["random"]
    assert isinstance(again["random"], tuple) and rest == [float("inf"), "MT19937"]
    assert numbers.dtype == np.uint32 and (numbers == np.arange(4)).all()
    with pytest.raises(TypeError, match="object cannot be kept"):
        write_state(tmp_path, "more", {"x": object()})
