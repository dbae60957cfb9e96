"""Several processes and machines, gradient accumulation, and launches that are refused."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import warm
from safetensors.torch import load_file
from test_training import ROOT

from maskgan.snapshots import newest_snapshot

STEPS = (
    "--resolution",
    "64",
    "--max-steps",
    "3",
    "--checkpointing-steps",
    "3",
    "--log-steps",
    "1",
    "--num-workers",
    "0",
)
GAN = (
    "--adversary",
    "patch",
    "--discriminator-width",
    "4",
    "--discriminator-layers",
    "1",
    "--perceptual",
    "parser",
    "--warmup-steps",
    "0",
)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def launch(*flags: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": ""}
    environment = {key: value for key, value in environment.items() if value or key == "CUDA_VISIBLE_DEVICES"}
    command = [sys.executable, "-m", "accelerate.commands.launch", *(str(flag) for flag in flags)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def succeed(*processes: subprocess.Popen[str]) -> None:
    try:
        outputs = [process.communicate(timeout=600)[0] for process in processes]
    finally:
        for process in processes:
            process.terminate()  # the launcher takes its trainers along
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output


def one_process(script: Path, *flags: object) -> None:
    """This very process, which has loaded everything already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCELERATE_USE_CPU", "true")
        patch.setattr(sys, "argv", [str(script), *map(str, flags)])
        importlib.import_module(f"lab.{script.stem}").main()


def two_processes(script: Path, *flags: object) -> None:
    """As Accelerate's launcher leaves them: joined by what torchrun tells each."""
    output = Path(flags[flags.index("--out") + 1]).with_suffix(".log")
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    processes = [
        warm.start(script.name, *flags, "--cpu", output=output, **together, RANK=str(rank), LOCAL_RANK=str(rank))
        for rank in range(2)
    ]
    try:
        assert [warm.ended(process) for process in processes] == [0, 0], output.read_text()
    finally:
        for process in processes:
            process.kill()


def two_machines(*flags: object) -> None:
    config, port = ROOT / "lab" / "accelerate" / "multi_node.yaml", free_port()
    succeed(
        *(
            launch("--config_file", config, "--machine_rank", rank, "--main_process_port", port, *flags)
            for rank in range(2)
        )
    )


def stage(name: str, data: Path, weights: Path, out: Path, *more: object) -> list[object]:
    common = [ROOT / "lab" / f"{name}.py", "--data", data, "--base", weights, "--out", out, *STEPS, *more]
    extra = {
        "train_mask_vae": ["--preset", "tiny", "--parser", weights],
        "pretrain_dmn": ["--preset", "tiny", "--parser", weights, *GAN],
        "train_ebst": ["--weights", weights, "--parser", weights, "--mask-vae", weights, "--blender-width", 4, *GAN],
    }
    return common + extra[name]


def assert_learnt_the_same(one: Path, other: Path, expected: int) -> None:
    """Compare the raw weights after the last step, network by network.

    But for biases that a norm takes away again: their gradient is rounding error, which Adam makes as large as any.
    """
    files = sorted((one / "checkpoints" / "step-0000003").glob("model*.safetensors"))
    assert len(files) == expected
    for file in files:
        ours, theirs = load_file(file), load_file(other / "checkpoints" / "step-0000003" / file.name)
        assert ours.keys() == theirs.keys()
        for name in (name for name in ours if not name.endswith(".bias") or "head" in name):
            tensor = ours[name]
            torch.testing.assert_close(theirs[name], tensor, rtol=1e-2, atol=2e-5, msg=f"{file.name} {name}")
    losses = [
        [json.loads(line)["loss"] for line in (run / "stats.jsonl").read_text().splitlines()] for run in (one, other)
    ]
    assert len(losses[0]) == len(losses[1]) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("name", "networks"), [("pretrain_dmn", 2), ("train_ebst", 3)])
def test_two_processes_with_half_the_batch_each_learn_what_one_learns(
    name: str, networks: int, data_folder: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    slowly = ("--learning-rate", "1e-4", "--discriminator-learning-rate", "1e-4")
    flags = (name, data_folder, tiny_weights)
    one_process(*stage(*flags, tmp_path / "one", "--batch-size", 4, *slowly))
    two_processes(*stage(*flags, tmp_path / "two", "--batch-size", 2, *slowly))
    assert_learnt_the_same(tmp_path / "one", tmp_path / "two", networks)


@pytest.mark.slow
def test_two_machines_learn_what_one_learns(data_folder: Path, tiny_weights: Path, tmp_path: Path) -> None:
    flags = ("train_mask_vae", data_folder, tiny_weights)
    one_process(*stage(*flags, tmp_path / "one", "--batch-size", 2, "--learning-rate", "1e-4"))
    two_machines(*stage(*flags, tmp_path / "two", "--batch-size", 1, "--learning-rate", "1e-4"))
    assert_learnt_the_same(tmp_path / "one", tmp_path / "two", 1)


@pytest.mark.slow
def test_accumulated_batches_learn_what_a_large_one_teaches(
    data_folder: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    # Dice is no mean over faces, and a GAN's first batches meet a D that has not learnt yet: those differ a little.
    flags, exact = ("train_mask_vae", data_folder, tiny_weights), ("--learning-rate", "1e-4", "--dice-weight", 0)
    one_process(*stage(*flags, tmp_path / "one", "--batch-size", 4, *exact))
    accumulating = ("--batch-size", 2, "--gradient-accumulation-steps", 2)
    one_process(*stage(*flags, tmp_path / "two", *accumulating, *exact))
    assert_learnt_the_same(tmp_path / "one", tmp_path / "two", 1)
    assert newest_snapshot(tmp_path / "two").name.startswith("step-0000003")


def refused(environment: dict[str, str], folder: Path) -> str:
    """The sentence with which a training ends that is started with these variables."""
    output, flags = folder / "output", ("--data", folder, "--out", folder / "run")
    assert warm.ended(warm.start("pretrain_dmn.py", *flags, output=output, **environment)) == 1
    assert not (folder / "run").exists() and "Traceback" not in output.read_text()
    return output.read_text()


@pytest.mark.parametrize("variable", ["ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP"])
def test_launches_that_hold_one_network_only_are_refused_with_the_reason(variable: str, tmp_path: Path) -> None:
    sentence = refused({variable: "true"}, tmp_path)
    assert "several networks" in sentence and "multi_gpu.yaml" in sentence


def test_a_launch_that_started_one_process_of_several_is_refused(tmp_path: Path) -> None:
    sentence = refused({"MASTER_ADDR": "127.0.0.1"}, tmp_path)
    assert "only one was started" in sentence and "cpu.yaml" in sentence
