"""The training scripts in processes of their own, cut and resumed, and what they leave on disk."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import warm
from conftest import draw_face, draw_mask
from safetensors.torch import load_file
from torch import Tensor

from lab import bundle, train_parser
from lab.train_parser import ParserSettings
from lab.training.run import Run, learning_rate_factor
from lab.training.stopping import TrainingStoppedError
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import IGNORE
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.snapshots import network_folder, newest_snapshot

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--resolution", 64, "--batch-size", 2, "--max-steps", 4, "--checkpointing-steps", 2, "--log-steps", 1)


def run(script: str, *flags: object) -> str:
    """Run a script of lab/ in a process of its own; returns what it printed."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output"
        process = warm.start(script, *flags, output=output, ACCELERATE_USE_CPU="true")
        code = warm.ended(process)
        said = output.read_text()
    assert code == 0, said
    return said


def tensors_of(path: Path) -> list[tuple[str, Tensor]]:
    """Every tensor in the files of a folder, named by file and place."""

    return [
        (f"{file.relative_to(path)}/{name}", tensor)
        for file in sorted(path.rglob("*.safetensors"))
        for name, tensor in load_file(file).items()
    ]


def assert_equal_folders(one: Path, other: Path) -> None:
    ours, theirs = tensors_of(one), tensors_of(other)
    assert len(ours) > 20 and [name for name, _ in ours] == [name for name, _ in theirs]
    for (name, first), (_, second) in zip(ours, theirs, strict=True):
        # The process-wide random numbers do not matter: those that training draws belong to its samples.
        assert torch.equal(first, second) or name.startswith("random_"), name


def cut_in_two(whole: Path, half: Path) -> None:
    """What a run leaves that was killed while it wrote its second checkpoint."""
    shutil.copytree(whole, half)
    last = half / "checkpoints" / "step-0000004"
    shutil.rmtree(last)
    partial = last.with_name(last.name + ".partial")
    partial.mkdir()
    (partial / "model.safetensors").write_bytes(b"cut short")
    (partial / "leftover.bin").write_bytes(b"of the killed process")
    shutil.rmtree(half / "weights")


def check_cut_and_resumed(start: Callable[..., str], folder: Path, name: str) -> None:
    """Run whole; run from the middle with another number of workers; compare everything bit for bit."""
    whole, half = folder / "whole", folder / "half"
    start(whole, "--num-workers", 1)
    cut_in_two(whole, half)
    output = start(half, "--num-workers", 0)
    assert "step-0000002" in output and ".partial" not in output
    final = "checkpoints/step-0000004"
    assert_equal_folders(whole / final, half / final)
    ours, theirs = newest_snapshot(whole), newest_snapshot(half)
    assert ours.name == theirs.name  # it has the hash in it
    assert_equal_folders(ours / name, theirs / name)
    assert sorted(path.name for path in (half / final).iterdir()) == sorted(
        path.name for path in (whole / final).iterdir()
    )
    assert not list(half.rglob("*.partial"))
    steps = [json.loads(line)["step"] for line in (half / "stats.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 3, 4]


@pytest.fixture(scope="module")
def parser_run(tmp_path_factory: pytest.TempPathFactory, data_folder: Path, tiny_weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("parser_run")

    def start(out: Path, *more: object) -> str:
        return run(
            "train_parser.py", "--data", data_folder, "--out", out, "--weights", tiny_weights,
            "--base", tiny_weights, *SMALL, *more,
        )  # fmt: skip

    check_cut_and_resumed(start, folder, "parser")
    return folder / "whole"


@pytest.fixture(scope="module")
def dmn_run(tmp_path_factory: pytest.TempPathFactory, data_folder: Path, tiny_weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("dmn_run")
    tiny = (
        "--preset",
        "tiny",
        "--adversary",
        "patch",
        "--discriminator-width",
        8,
        "--discriminator-layers",
        2,
        "--perceptual",
        "parser",
    )

    def start(out: Path, *more: object) -> str:
        return run(
            "pretrain_dmn.py", "--data", data_folder, "--out", out, "--parser", tiny_weights,
            "--base", tiny_weights, *tiny, *SMALL, *more,
        )  # fmt: skip

    check_cut_and_resumed(start, folder, "dmn")
    return folder / "whole"


def moved(run_folder: Path, file: str) -> dict[str, bool]:
    """Which tensors of a network changed between the two checkpoints."""
    before, after = (load_file(run_folder / "checkpoints" / f"step-000000{step}" / file) for step in (2, 4))
    return {name: not torch.equal(before[name], after[name]) for name in before}


@pytest.mark.slow
def test_the_parser_trains_and_resumes_bit_for_bit(parser_run: Path) -> None:
    assert all(moved(parser_run, "model.safetensors").values())
    assert (parser_run / "samples" / "0000004.jpg").exists()
    assert json.loads((parser_run / "config.json").read_text())["stage"] == "train_parser"


@pytest.mark.slow
def test_published_parser_weights_are_the_moving_average(parser_run: Path) -> None:
    average = FaceParser.from_pretrained(network_folder(parser_run, "parser")).state_dict()
    last = load_file(parser_run / "checkpoints" / "step-0000004" / "model.safetensors")
    assert average.keys() == last.keys()
    assert not torch.equal(average["head.weight"], last["head.weight"])


@pytest.mark.slow
def test_the_dmn_trains_and_resumes_bit_for_bit(dmn_run: Path) -> None:
    generator, discriminator = moved(dmn_run, "model.safetensors"), moved(dmn_run, "model_1.safetensors")
    assert any(name.startswith("backbone.") for name in generator) and all(generator.values())
    assert any(name.startswith("scales.1.") for name in discriminator) and all(discriminator.values())


@pytest.mark.slow
def test_the_dmn_sees_whole_masks_and_publishes_what_loads(dmn_run: Path, data_folder: Path) -> None:
    filled = sorted((dmn_run / "filled_masks").glob("**/*.png"))
    assert [path.stem for path in filled] == [f"f{number}" for number in range(5)]
    for path in filled:
        mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        given = cv2.imread(str(data_folder / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
        assert mask.max() <= 18 and (given == IGNORE).any()
        assert (mask[given != IGNORE] == given[given != IGNORE]).all()
    model = DenseMappingNetwork.from_pretrained(network_folder(dmn_run, "dmn"))
    assert list(model.config.widths) == PRESETS["tiny"]["widths"]
    statistics = [json.loads(line) for line in (dmn_run / "stats.jsonl").read_text().splitlines()]
    names = {"step", "discriminator", "loss", "psnr", "adversarial", "feature", "perceptual", "pixel"}
    assert all(names <= line.keys() for line in statistics)


@pytest.mark.slow
def test_what_the_runs_publish_becomes_a_pipeline(
    parser_run: Path, dmn_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--parser", parser_run, "--dmn", dmn_run / "weights", "--out", tmp_path, "--base", dmn_run)
    monkeypatch.setattr(sys, "argv", ["bundle.py", *map(str, flags)])
    bundle.main()
    pipeline = MaskGANPipeline.load(tmp_path, device="cpu")
    trained = FaceParser.from_pretrained(network_folder(parser_run, "parser")).state_dict()
    for name, tensor in pipeline.parser.state_dict().items():
        torch.testing.assert_close(tensor, trained[name], atol=1e-3, rtol=1e-3)  # stored in half precision
    face = pipeline.prepare(draw_face(draw_mask(256)), face=None)
    assert np.isfinite(pipeline.generate(face.mask, face.style)).all()


def test_a_dry_run_writes_everything_in_two_steps(
    tmp_path: Path, data_folder: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    flags = ("--data", data_folder, "--out", out, "--weights", tiny_weights, "--resolution", 64, "--batch-size", 2)
    flags += ("--base", tiny_weights)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(sys, "argv", ["train_parser.py", *map(str, flags), "--num-workers", "0", "--dry-run"])
    train_parser.main()
    assert sorted(path.name for path in (out / "checkpoints").iterdir()) == ["step-0000001", "step-0000002"]
    assert (out / "samples" / "0000002.jpg").exists()
    assert (newest_snapshot(out) / "parser" / "diffusion_pytorch_model.safetensors").exists()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--resume", "never"])
    with pytest.raises(TrainingStoppedError, match="holds a run already"):
        train_parser.main()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    started = Run(ParserSettings(data=(tmp_path,), out=tmp_path / "run"))
    with pytest.raises(TrainingStoppedError, match="Step 1: a loss is NaN or infinite"):
        started.log({"loss": torch.tensor(float("nan"))})
    assert not (tmp_path / "run" / "stats.jsonl").exists()


def test_the_learning_rate_falls_with_the_time_where_that_is_limited() -> None:
    assert learning_rate_factor(50, 10, 10**6, time_used=0.0) == pytest.approx(1.0, abs=1e-6)
    assert learning_rate_factor(50, 10, 10**6, time_used=0.5) == pytest.approx(0.55)
    assert learning_rate_factor(50, 10, 10**6, time_used=3.0) == pytest.approx(0.1)
    assert learning_rate_factor(5, 10, 10**6, time_used=0.5) == pytest.approx(0.6)  # still warming up


def test_a_run_of_some_minutes_stops_by_the_clock_and_keeps_what_it_has(data_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    flags = ("--data", data_folder, "--out", out, "--encoder", "unet", *SMALL, "--max-minutes", 0.02)
    run("train_parser.py", *flags, "--max-steps", 100_000, "--checkpointing-steps", 100_000)
    rows = [json.loads(line) for line in (out / "stats.jsonl").read_text().splitlines()]
    last = rows[-1]["step"]
    assert 1 <= last < 5000 and (out / "checkpoints" / f"step-{last:07d}").is_dir()
    assert json.loads((newest_snapshot(out) / "snapshot.json").read_text())["step"] == last


def test_the_learning_rate_is_a_function_of_the_step_alone() -> None:
    rates = [learning_rate_factor(step, 10, 100) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate_factor(100, 10, 100) == learning_rate_factor(900, 10, 100) == pytest.approx(0.1)
