"""One GPU, a quarter of an hour: `python -m lab.one_gpu --pack PACK.zip --out RUNS`.

Trains on what `lab.pack` packed: parser and DMN side by side, then EBST, each until its share of `--minutes` is over,
in bf16, channels-last and batches that fill one GPU of the H100's class. The last line names a pipeline folder with
the averaged weights. Weights are also published on the way, so that a machine that is taken away early leaves the last
ones. `--max-steps 2` tries all of it, on a CPU too. `--student light` ends with a smaller DMN that the new one teaches,
in a pipeline folder of its own.

The bundled weights came from such a run of nine minutes on an H200 with 16 cores, without EBST (`--ebst 0`): 470 faces
a second for the DMN, 100 for the parser.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from lab.data.faces import find_samples
from lab.pack import SIDE, unpack
from lab.training.settings import PRESETS
from maskgan.editing.pipeline import WEIGHTS
from maskgan.networks.dense_mapping import PRESETS as DMN_PRESETS

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Plan:
    """What the machine and the time allow: batch sizes of the DMN, the parser and EBST, loader processes of each."""

    batches: tuple[int, int, int]
    workers: tuple[int, int, int]
    common: tuple[str, ...]

    @classmethod
    def of_this_machine(cls) -> Plan:
        """Batches for a GPU with 80 GB, or of two faces for a trial on a CPU."""
        cores = os.cpu_count() or 1
        if torch.cuda.is_available():
            # Measured on 16 cores: the DMN is fed by nine, the parser's augmentation takes all that it can get.
            workers = (max(1, cores * 9 // 16), max(1, cores // 4), max(1, cores - 3))
            return cls((96, 32, 48), workers, ("--mixed-precision", "bf16"))
        return cls((2, 2, 2), (0, 0, 0), ("--cpu",))


def stage(script: str, out: Path, *flags: object) -> subprocess.Popen:
    """Start a script of lab/ as a process of its own, which writes to OUT/log.txt."""
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(ROOT / "lab" / script), "--out", str(out), *map(str, flags)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with (out / "log.txt").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)


def finished(runs: dict[Path, subprocess.Popen]) -> None:
    """Wait for runs; ends the program with a sentence when one fails. Ctrl+C stops all of them with a checkpoint."""
    try:
        failed = [out for out, process in runs.items() if process.wait()]
    except KeyboardInterrupt:
        for process in runs.values():
            process.send_signal(signal.SIGTERM)
        for process in runs.values():
            process.wait()
        raise
    if failed:
        raise SystemExit(f"Training failed; the reason is at the end of {failed[0] / 'log.txt'}.")


def train(
    folders: Sequence[Path],
    out: Path,
    base: Path,
    preset: str,
    minutes: float,
    ebst: float,
    max_steps: int,
    student: str | None = None,
    student_share: float = 0.0,
) -> list[Path]:
    """Train on unpacked folders; returns the pipeline folder, and with a student the one that has it.

    Args:
        folders: in the plain format; those with few faces are drawn more often by being named again.
        out: for the runs.
        base: pipeline to go on from; preset: the size that its DMN grows to.
        minutes: from now on; `ebst`: the share of them for stage two, 0 for none.
        max_steps: of each run at most.
        student: preset of a smaller DMN, which the trained one teaches at last.
        student_share: of the minutes, for it.
    """
    start, plan = time.monotonic(), Plan.of_this_machine()
    common = ["--base", base, "--max-steps", max_steps, "--log-steps", 20, *plan.common]
    student_minutes = minutes * student_share if student else 0.0
    first = (minutes - student_minutes) * (1 - ebst)
    saved = ["--checkpointing-steps", 800, "--sample-steps", 500]
    adversary = ["--adversary", "projected", "--pixel-head", "--adversarial-weight", 1.5, "--pixel-weight", 6]
    parser, dmn, second = out / "parser", out / "dmn", out / "ebst"
    runs = {
        parser: stage(
            "train_parser.py", parser, "--data", *dict.fromkeys(folders), "--weights", base, "--resolution", 384,
            "--tighten-eyes", 1, "--learning-rate", 5e-4, "--ema-decay", 0.998, "--max-minutes", first,
            "--batch-size", plan.batches[1], "--num-workers", plan.workers[1], *saved, *common,
        ),
        dmn: stage(
            "pretrain_dmn.py", dmn, "--data", *folders, "--weights", base, "--grow", "--preset", preset,
            "--parser", base, "--learning-rate", 4e-4, "--discriminator-learning-rate", 4e-4,
            "--warmup-steps", 200, "--ema-decay", 0.999, "--max-minutes", first,
            "--batch-size", plan.batches[0], "--num-workers", plan.workers[0],
            *adversary, *saved, *common,
        ),
    }  # fmt: skip
    finished(runs)
    trained = {"parser": parser, "dmn": dmn}
    left = minutes - student_minutes - (time.monotonic() - start) / 60
    if ebst and left > 0:
        finished({
            second: stage(
                "train_ebst.py", second, "--data", *folders, "--weights", dmn, "--discriminator", dmn,
                "--parser", parser, "--mask-vae", base, "--blender", base, "--learning-rate", 1e-4,
                "--discriminator-learning-rate", 2e-4, "--ema-decay", 0.999, "--max-minutes", left,
                "--batch-size", plan.batches[2], "--num-workers", plan.workers[2], *adversary, *saved, *common,
            )
        })  # fmt: skip
        trained |= {"dmn": second, "alpha_blender": second}
    bundled = [bundle(out / "weights", base, trained)]
    left = minutes - (time.monotonic() - start) / 60
    if student and left > 0:
        taught = out / "student"
        finished({
            taught: stage(
                "pretrain_dmn.py", taught, "--data", *folders, "--teacher", trained["dmn"], "--shrink",
                "--preset", student, "--discriminator", trained["dmn"], "--parser", parser, "--learning-rate", 4e-4,
                "--discriminator-learning-rate", 4e-4, "--warmup-steps", 100, "--ema-decay", 0.999,
                "--max-minutes", left, "--batch-size", plan.batches[0], "--num-workers", plan.workers[2],
                *adversary[:-2], *saved, *common,  # pixels are compared with the teacher's
            )
        })  # fmt: skip
        bundled.append(bundle(out / "student_weights", base, trained | {"dmn": taught}))
    return bundled


def bundle(out: Path, base: Path, trained: Mapping[str, Path]) -> Path:
    """A pipeline folder `out` of the runs' networks, by name, and those of `base` beside them."""
    flags = [part for name, run in trained.items() for part in (f"--{name.replace('_', '-')}", str(run))]
    command = [sys.executable, "-m", "lab.bundle", "--base", str(base), "--out", str(out), *flags]
    subprocess.run(command, check=True, cwd=ROOT)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--pack", type=Path, required=True, help="file of lab.pack")
    parser.add_argument("--out", type=Path, required=True, help="folder for the data and the runs")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="pipeline to go on from")
    parser.add_argument("--preset", choices=PRESETS, default="studio", help="size that the DMN grows to")
    parser.add_argument("--minutes", type=float, default=12.0, help="for training; unpacking comes before")
    parser.add_argument("--ebst", type=float, default=0.25, help="share of the minutes for EBST")
    parser.add_argument("--student", choices=DMN_PRESETS, help="size of a DMN that the trained one teaches at last")
    parser.add_argument("--student-share", type=float, default=0.3, help="share of the minutes for --student")
    parser.add_argument("--max-steps", type=int, default=1_000_000, help="of each run at most")
    args = parser.parse_args()
    out = args.out.resolve()
    masks = [out / "dmn/filled_masks" / f"{SIDE}px_sharp"]  # the DMN is shown windows, EBST whole faces
    masks += [out / "student/filled_masks" / f"{SIDE}px_sharp"] if args.student else []
    masks += [out / "ebst/filled_masks" / f"{SIDE}px"] if args.ebst else []
    try:
        folders = unpack(args.pack, out / "data", masks)
    except (OSError, ValueError) as error:
        raise SystemExit(f"{Path(__file__).name}: {error}") from error
    # Small folders count more: 134 varied portraits are drawn as often as 400 of 2,600 faces.
    sizes = [len(find_samples(folder)) for folder in folders]
    often = [
        folder for folder, size in zip(folders, sizes, strict=True) for _ in range(3 if size * 8 < max(sizes) else 1)
    ]
    base = args.weights.resolve()
    for weights in train(
        often, out, base, args.preset, args.minutes, args.ebst, args.max_steps, args.student, args.student_share
    ):
        print(f"Pipeline: {weights}; python app.py --weights {weights}")


if __name__ == "__main__":
    main()
