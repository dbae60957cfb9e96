"""Runs that an earlier version of the lab left on disk are listed, resumed and trained on.

`older_run.zip` is such a run: a tiny parser that the page started and stopped after two steps, when settings were still
an argparse namespace and `process.json` was written from a dict. Only its paths were made neutral.
"""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lab import train_parser
from lab.jobs.processes import Processes
from lab.train_parser import ParserSettings
from lab.training.checkpoints import checkpoints, newest_checkpoint
from lab.training.state_files import read_state
from maskgan.networks.face_parser import FaceParser
from maskgan.run_folder import RECORD, record_of, write_record
from maskgan.run_requests import RunRequest


@pytest.fixture
def older(tmp_path: Path) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name("older_run.zip")) as archive:
        archive.extractall(tmp_path / "runs")
    return tmp_path / "runs" / "before"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """The parser that the run started from, in another folder."""
    FaceParser(widths=(2, 2, 2, 2, 2), blocks=1).save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_it_goes_on_from_its_checkpoint(
    older: Path, weights: Path, data_folder: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_file(newest_checkpoint(older) / "model.safetensors")
    command = [
        "train_parser.py", "--data", data_folder, "--out", older, "--weights", weights, "--base", tiny_weights,
        "--resolution", 64, "--batch-size", 2, "--num-workers", 0, "--log-steps", 1, "--max-steps", 4,
        "--learning-rate", 1e-12,
    ]  # fmt: skip
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(sys, "argv", [*map(str, command)])
    train_parser.main()
    assert [path.name for path in checkpoints(older)] == ["step-0000002", "step-0000004"]
    steps = [json.loads(line)["step"] for line in (older / "stats.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]
    after = load_file(newest_checkpoint(older) / "model.safetensors")
    assert before.keys() == after.keys()
    for name in (name for name, _ in FaceParser(widths=(2, 2, 2, 2, 2), blocks=1).named_parameters()):
        torch.testing.assert_close(after[name], before[name], msg=name)  # hardly any learning rate
    optimiser = read_state(newest_checkpoint(older), "optimizer")
    assert {int(state["step"]) for state in optimiser["state"].values()} == {4}


def test_the_page_lists_it_and_resumes_it_with_the_command_that_it_had(
    older: Path, weights: Path, data_folder: Path
) -> None:
    lab = Processes(older.parent, [data_folder], [weights])
    state = lab.state("before")
    assert (state.stage, state.running, state.stats["step"]) == ("train_parser", False, 2)
    assert state.checkpoints == ("step-0000002",) and "Stopped after step 2" in state.log and state.failure is None

    record = record_of(older)
    moved = {record["wish"]["weights"]: str(weights), record["wish"]["data"][0]: str(data_folder)}
    former = [moved.get(word, word) for word in record["command"]]
    former[former.index("--out") + 1] = str(older)
    write_record(older, {**record, "wish": record["wish"] | {"data": [str(data_folder)], "weights": str(weights)}})
    request = RunRequest.from_record(record_of(older)["wish"], "before")
    assert request is not None
    ours = lab.command(request, older)

    def flags(command: list[str]) -> list[str]:
        return command[next(i for i, word in enumerate(command) if word.endswith("train_parser.py")) + 1 :]

    assert flags(ours) == flags(former) and len(flags(ours)) > 10
    assert json.loads((older / RECORD).read_text())["wish"].keys() == request.to_record().keys()


def test_its_settings_are_settings_still(older: Path) -> None:
    config = json.loads((older / "config.json").read_text())
    now = ParserSettings(data=(Path("faces"),), out=Path("run")).to_json()
    assert config.keys() <= now.keys()
    assert {name: type(value) for name, value in config.items() if value is not None and now[name] is not None} == {
        name: type(value)
        for name, value in now.items()
        if name in config and value is not None and config[name] is not None
    }
