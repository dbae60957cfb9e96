"""A training run on disk: flags, numbered batches, checkpoints, statistics and published weights.

A run folder holds `config.json`, `stats.jsonl`, `samples/`, `checkpoints/step-0000500/` (private training
state of Accelerate) and `weights/` (EMA weights for inference). Running the same command again resumes.
Checkpoints and weights are written beside and renamed, so that a half-written one is never picked up.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from diffusers import ModelMixin
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from .data import CountingSampler, FaceStream


class TrainingStoppedError(RuntimeError):
    """A run that cannot go on; the message is one sentence for people."""


def arguments(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """The flags that every stage has; `defaults` overrides their defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, help="folders in the plain format (images/, masks/, index.csv)")
    add("--out", type=Path, required=True, help="run folder")
    add("--resolution", type=int, default=256)
    add("--batch-size", type=int, default=8, help="per process")
    add("--max-steps", type=int, default=20_000)
    add("--learning-rate", type=float, default=2e-4)
    add("--warmup-steps", type=int, default=100)
    add("--ema-decay", type=float, default=0.998)
    add("--mixed-precision", choices=("no", "fp16", "bf16"), default="no")
    add("--checkpointing-steps", type=int, default=500)
    add("--checkpoints-total-limit", type=int, default=2)
    add("--sample-steps", type=int, default=500)
    add("--log-steps", type=int, default=20)
    add("--num-workers", type=int, default=1)
    add("--seed", type=int, default=0)
    add("--report-to", default=None, help="trackers of Accelerate, e.g. tensorboard")
    add("--no-resume", action="store_true", help="refuse to continue a run folder that has checkpoints")
    add("--dry-run", action="store_true", help="two steps, then everything that a run writes")
    parser.set_defaults(**defaults)
    return parser


def learning_rate_factor(step: int, warmup_steps: int, max_steps: int) -> float:
    """Linear warm-up, then a cosine down to a tenth: a pure function of the step."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, max_steps - warmup_steps)
    return 0.55 + 0.45 * math.cos(math.pi * min(progress, 1.0))


def picture_grid(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Rows of equally large pictures (H, W, 3) uint8 -> one contact sheet."""
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write RGB uint8 as PNG or JPEG, by the file's name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture[..., ::-1])


class Run:
    """Everything of a training run that is not the method.

    Args:
        args: the flags of `arguments()` and the stage's own.
        name: of the stage, for trackers.
    """

    def __init__(self, args: argparse.Namespace, name: str) -> None:
        if args.dry_run:
            args.max_steps, args.checkpointing_steps, args.sample_steps, args.log_steps = 2, 1, 2, 1
        self.args = args
        self.accelerator = Accelerator(
            mixed_precision=args.mixed_precision,
            log_with=args.report_to,
            project_config=ProjectConfiguration(project_dir=str(args.out)),
        )
        set_seed(args.seed, device_specific=True)  # processes draw different noise
        self.step = 0
        self.emas: dict[str, tuple[nn.Module, EMAModel]] = {}
        if self.accelerator.is_main_process:
            args.out.mkdir(parents=True, exist_ok=True)
            config = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
            config["data"] = [str(path) for path in args.data]
            (args.out / "config.json").write_text(json.dumps({"stage": name, **config}, indent=2) + "\n")
        if args.report_to:
            self.accelerator.init_trackers(name)

    @property
    def samples_per_step(self) -> int:
        return self.args.batch_size * self.accelerator.num_processes

    def average(self, name: str, model: ModelMixin) -> EMAModel:
        """Keep an exponential moving average of `model` under `name`; it is checkpointed and published."""
        ema = EMAModel(model.parameters(), decay=self.args.ema_decay, use_ema_warmup=True, inv_gamma=10, power=0.75)
        ema.to(self.accelerator.device)
        self.accelerator.register_for_checkpointing(ema)
        self.emas[name] = (model, ema)
        return ema

    def resume(self) -> int:
        """Load the newest whole checkpoint, if there is one; returns the step to go on from."""
        found = sorted((self.args.out / "checkpoints").glob("step-*"))
        found = [path for path in found if not path.name.endswith(".partial")]
        if not found:
            return 0
        if self.args.no_resume:
            raise TrainingStoppedError(f"{self.args.out} holds a run already; choose another --out or resume it.")
        self.accelerator.load_state(str(found[-1]))
        self.step = int(found[-1].name.removeprefix("step-"))
        self.accelerator.print(f"Resumed {found[-1]}")
        return self.step

    def batches(self, stream: FaceStream) -> Iterator[tuple[Tensor, ...]]:
        """The batches from the current step to the last, with a progress bar; call after `resume()`."""
        args = self.args
        sampler = CountingSampler(self.step, args.max_steps, self.samples_per_step)
        # A generator of its own, because starting to load draws a number: a resumed run, which starts twice,
        # would else go on with other random numbers than the run that was never cut.
        loader = DataLoader(
            stream, args.batch_size, sampler=sampler, num_workers=args.num_workers, drop_last=True,
            persistent_workers=args.num_workers > 0, pin_memory=torch.cuda.is_available(), generator=torch.Generator(),
        )  # fmt: skip
        loader = self.accelerator.prepare_data_loader(loader)
        bar = tqdm(
            loader, initial=self.step, total=args.max_steps, unit="step", mininterval=2,
            disable=not self.accelerator.is_main_process,
        )  # fmt: skip
        self.started, self.first_step = time.monotonic(), self.step
        for batch in bar:
            yield batch
            self.step += 1

    def due(self, every: int) -> bool:
        """Whether the step in progress is one to do something after (every n-th, and the last)."""
        return (self.step + 1) % every == 0 or self.step + 1 == self.args.max_steps

    def log(self, parts: dict[str, Tensor | float]) -> None:
        """Append a line to `stats.jsonl` and tell the trackers; refuses to go on with a loss that is no number."""
        values = {key: float(torch.as_tensor(value).detach()) for key, value in parts.items()}
        if not all(math.isfinite(value) for value in values.values()):
            raise TrainingStoppedError(
                f"Step {self.step + 1}: a loss is not a number ({values}); the last checkpoint is intact, "
                "resume it with a lower --learning-rate."
            )
        done = (self.step + 1 - self.first_step) * self.samples_per_step
        values["images_per_second"] = done / (time.monotonic() - self.started)
        if self.accelerator.is_main_process:
            with (self.args.out / "stats.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.step + 1, **values}) + "\n")
        self.accelerator.log(values, step=self.step + 1)

    def checkpoint(self) -> None:
        """Write the training state and the EMA weights; keeps the newest `--checkpoints-total-limit`."""
        folder = self.args.out / "checkpoints"
        final = folder / f"step-{self.step + 1:07d}"
        partial = final.with_name(final.name + ".partial")
        if self.accelerator.is_main_process:
            shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed while writing it
        self.accelerator.wait_for_everyone()
        self.accelerator.save_state(str(partial))
        self.accelerator.wait_for_everyone()
        if self.accelerator.is_main_process:
            if final.exists():
                shutil.rmtree(final)
            partial.rename(final)
            whole = sorted(path for path in folder.glob("step-*") if not path.name.endswith(".partial"))
            for path in whole[: -self.args.checkpoints_total_limit]:
                shutil.rmtree(path)
            for name, (model, ema) in self.emas.items():
                publish(self.accelerator.unwrap_model(model), ema, self.args.out / "weights" / name)

    def finish(self) -> None:
        """Close trackers and process groups."""
        self.accelerator.end_training()


def publish(model: ModelMixin, ema: EMAModel, folder: Path) -> None:
    """Write the EMA weights of `model` (safetensors + config.json) to `folder`, all or nothing."""
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    ema.store(model.parameters())
    ema.copy_to(model.parameters())
    model.save_pretrained(partial)
    ema.restore(model.parameters())
    for path in partial.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
