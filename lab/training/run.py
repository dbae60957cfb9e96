"""A training run on disk: numbered batches, checkpoints, statistics and published weights.

A run folder holds `config.json`, `stats.jsonl`, `samples/`, `checkpoints/step-0000500/` (private training
state of Accelerate) and `weights/`, a weights folder with EMA snapshots for inference (`maskgan/snapshots.py`).
Running the same command again resumes. Checkpoints and snapshots are written beside and renamed, so that a
half-written one is never picked up. SIGTERM or Ctrl+C stop after the step in progress, with a checkpoint; a second
one stops at once.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.distributed.nn.functional as differentiable
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from diffusers import ModelMixin
from diffusers.training_utils import EMAModel
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset
from tqdm.auto import tqdm

from lab.data.faces import CountingSampler
from lab.training.launch import TrainingStoppedError, push, refuse_what_cannot_work, stopping_at_signals
from lab.training.noise import SampleNoise
from lab.training.pipelines import assembled, card
from maskgan.snapshots import newest_snapshot, publish


def learning_rate_factor(step: int, warmup_steps: int, max_steps: int, kind: str = "cosine") -> float:
    """Linear warm-up, then "constant", or "cosine" or "linear" down to a tenth: a pure function of the step."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min((step - warmup_steps) / max(1, max_steps - warmup_steps), 1.0)
    if kind == "constant":
        return 1.0
    return 0.55 + 0.45 * math.cos(math.pi * progress) if kind == "cosine" else 1 - 0.9 * progress


def picture_grid(rows: list[list[np.ndarray]]) -> np.ndarray:
    """Rows of equally large pictures (H, W, 3) uint8 -> one contact sheet."""
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write RGB uint8 as PNG or JPEG, by the file's name; raises OSError when that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture[..., ::-1]):
        raise OSError(f"{path} cannot be written; make room on that disk and run the same command again.")


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    return sorted(path for path in (folder / "checkpoints").glob("step-*") if path.suffix != ".partial")


def newest_checkpoint(folder: Path) -> Path:
    """The newest whole checkpoint of a run; raises FileNotFoundError when it has none."""
    found = checkpoints(folder)
    if not found:
        raise FileNotFoundError(f"{folder} holds no checkpoint; give the folder of a run.")
    return found[-1]


def next_batch(batches: Iterator[list[Tensor]]) -> list[Tensor]:
    """The next batch; a file that went missing meanwhile is told in one sentence."""
    try:
        return next(batches)
    except (OSError, ValueError) as error:  # from a worker it comes with the worker's traceback before it
        sentence = str(error).strip().splitlines()[-1].split("Error: ", 1)[-1]
        raise TrainingStoppedError(f"{sentence} The last checkpoint is intact.") from error


class Run:
    """Everything of a training run that is not the method.

    Args:
        args: the flags of `lab/training/flags.py` and the stage's own.
        name: of the stage, for trackers and snapshots.

    Attributes:
        step: steps that are done.
        noise: the random numbers of the batch in work.
        parent: `weights_hash` of the weights that the run starts from, None for random ones.
    """

    noise: SampleNoise
    parent: str | None = None

    def __init__(self, args: argparse.Namespace, name: str) -> None:
        refuse_what_cannot_work(args)
        if args.dry_run:
            args.max_steps, args.checkpointing_steps, args.sample_steps, args.log_steps = 2, 1, 2, 1
        self.args, self.name = args, name
        # Accelerate joins several processes on a CPU only when told that there is nothing else.
        on_cpu = args.cpu or not (torch.cuda.is_available() or torch.backends.mps.is_available())
        self.accelerator = Accelerator(
            cpu=on_cpu,
            mixed_precision=args.mixed_precision,
            gradient_accumulation_steps=args.gradient_accumulation_steps,
            log_with=args.report_to,
            project_config=ProjectConfiguration(project_dir=str(args.out)),
        )
        set_seed(args.seed)
        self.step, self.first_step, self.saved_step, self.waited = 0, 0, 0, 0.0
        self.asked_to_stop = False
        self.values: dict[str, float] = {}
        self.emas: dict[str, tuple[nn.Module, EMAModel]] = {}
        config = {key: str(value) if isinstance(value, Path) else value for key, value in vars(args).items()}
        config["data"] = [str(path) for path in args.data]
        if self.accelerator.is_main_process:
            args.out.mkdir(parents=True, exist_ok=True)
            (args.out / "config.json").write_text(json.dumps({"stage": name, **config}, indent=2) + "\n")
        if args.report_to:
            self.accelerator.init_trackers(name, {key: str(value) for key, value in config.items()})
            if not self.accelerator.trackers:
                raise TrainingStoppedError(f"--report-to {args.report_to} needs its package; pip install it.")

    # --- the pieces of a step --------------------------------------------------------------------------------------

    @property
    def samples_per_step(self) -> int:
        return self.args.batch_size * self.accelerator.num_processes * self.args.gradient_accumulation_steps

    @property
    def rate_factor(self) -> float:
        """What the learning rates are multiplied by at this step."""
        return learning_rate_factor(self.step, self.args.warmup_steps, self.args.max_steps, self.args.lr_scheduler)

    def layout(self, faster_on_cpu: bool = False) -> torch.memory_format:
        """The memory layout to train in; channels-last suits tensor cores, and on a CPU some networks."""
        wanted = self.args.channels_last
        if wanted is None:
            wanted = faster_on_cpu or self.accelerator.device.type == "cuda"
        return torch.channels_last if wanted else torch.contiguous_format

    def trained(self, name: str, network: ModelMixin, faster_on_cpu: bool = False) -> ModelMixin:
        """Make a network ready to be trained; its moving average is checkpointed and published under `name`."""
        network = network.to(memory_format=self.layout(faster_on_cpu)).train()
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # there is none for CPUs
        if self.args.compile:
            network.compile()
        ema = EMAModel(network.parameters(), decay=self.args.ema_decay, use_ema_warmup=True, inv_gamma=10, power=0.75)
        ema.to(self.accelerator.device)
        self.accelerator.register_for_checkpointing(ema)
        self.emas[name] = (network, ema)
        return network

    def update(self, network: nn.Module, optimiser: torch.optim.Optimizer, rate: float, max_norm: float) -> None:
        """One step of an optimiser on the gathered gradients, clipped to `max_norm`; then the moving average.

        A group of parameters with a `share` learns at that share of the rate.
        With gradient accumulation only the last batch of a step does anything.
        """
        if self.accelerator.sync_gradients:
            for group in optimiser.param_groups:
                group["lr"] = rate * self.rate_factor * group.get("share", 1.0)
            self.accelerator.clip_grad_norm_(network.parameters(), max_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if self.accelerator.sync_gradients:
            bare = self.accelerator.unwrap_model(network)
            for averaged, ema in self.emas.values():
                if averaged is bare:
                    ema.step(bare.parameters())

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes; gradients flow back to each."""
        return differentiable.all_reduce(value) if self.accelerator.num_processes > 1 else value

    def of_the_next_face(self, value: Tensor) -> Tensor:
        """Rows that belong to faces -> for each face the row of the one before it in the whole batch, round and round.

        The whole batch is that of all processes.
        """
        rows = self.accelerator.gather(value).roll(1, 0)
        first = self.accelerator.process_index * len(value)
        return rows[first : first + len(value)]

    # --- the loop --------------------------------------------------------------------------------------------------

    def resume(self) -> int:
        """Load the newest whole checkpoint, if there is one; returns the step to go on from."""
        wanted = self.args.resume
        found = checkpoints(self.args.out)
        if wanted == "never" and found:
            raise TrainingStoppedError(f"{self.args.out} holds a run already; choose another --out or resume it.")
        if wanted not in ("auto", "never"):
            if not (Path(wanted) / "scheduler.bin").exists() and not list(Path(wanted).glob("model*.safetensors")):
                raise TrainingStoppedError(
                    f"--resume {wanted} is no checkpoint; give a folder of a run's checkpoints/."
                )
            found = [Path(wanted)]
        if found:
            self.accelerator.load_state(str(found[-1]))
            self.step = self.saved_step = int(found[-1].name.removeprefix("step-"))
            self.accelerator.print(f"Resumed {found[-1]}")
        return self.step

    def batches(self, stream: Dataset) -> Iterator[tuple[Tensor, ...]]:
        """The batches from the current step to the last, with a progress bar; call after `resume()`.

        `stream` is a `FaceStream`, or a `ShardStream` that starts where this run does (`lab/data/sources.py`).
        """
        args, per_step = self.args, self.args.gradient_accumulation_steps
        first = self.step * per_step
        batches = iter(self._loader(stream, first))
        bar = tqdm(
            initial=self.step, total=args.max_steps, unit="step", mininterval=2, dynamic_ncols=True,
            disable=not self.accelerator.is_main_process,
        )  # fmt: skip
        self.started, self.first_step = time.monotonic(), self.step
        with stopping_at_signals(self):
            for number in range(first, args.max_steps * per_step):
                waiting = time.monotonic()
                batch = next_batch(batches)
                self.waited += time.monotonic() - waiting
                row = (number * self.accelerator.num_processes + self.accelerator.process_index) * args.batch_size
                self.noise = SampleNoise(args.seed, range(row, row + args.batch_size), self.accelerator.device)
                yield batch
                if (number + 1) % per_step == 0:
                    stop = self._agreed_to_stop()
                    if stop:
                        self.checkpoint()
                    self.step += 1
                    bar.update()
                    bar.set_postfix_str(f"{self.images_per_second:.1f} images/s", refresh=False)
                    if stop:
                        self.accelerator.print(f"Stopped after step {self.step}; the same command goes on from there.")
                        return

    def _loader(self, stream: Dataset, first: int) -> Any:
        args, accelerator = self.args, self.accelerator
        # A generator of its own, because starting to load draws a number: a resumed run, which starts twice,
        # would else go on with other random numbers than the run that was never cut.
        options = {
            "batch_size": args.batch_size, "num_workers": args.num_workers, "drop_last": True,
            "persistent_workers": args.num_workers > 0, "pin_memory": torch.cuda.is_available(),
            "generator": torch.Generator(),
        }  # fmt: skip
        if isinstance(stream, IterableDataset):  # has dealt itself out to the processes already
            loader = DataLoader(stream, **options)
            return ([part.to(accelerator.device, non_blocking=True) for part in batch] for batch in loader)
        stop = args.max_steps * args.gradient_accumulation_steps
        sampler = CountingSampler(first, stop, args.batch_size * accelerator.num_processes)
        return accelerator.prepare_data_loader(DataLoader(stream, sampler=sampler, **options))

    def _agreed_to_stop(self) -> bool:
        """Whether any process was asked to stop: all stop after the same step."""
        if self.accelerator.num_processes == 1:
            return self.asked_to_stop
        asked = torch.tensor([float(self.asked_to_stop)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(asked).item())

    def due(self, every: int) -> bool:
        """Whether the step in progress is one to do something after (every n-th, and the last)."""
        last = self.step + 1 == self.args.max_steps
        return self.accelerator.sync_gradients and ((self.step + 1) % every == 0 or last)

    # --- what stays ------------------------------------------------------------------------------------------------

    @property
    def images_per_second(self) -> float:
        """Over all processes, since the run was started or resumed."""
        done = (self.step + 1 - self.first_step) * self.samples_per_step
        return done / max(1e-9, time.monotonic() - self.started)

    def log(self, parts: dict[str, Tensor | float]) -> None:
        """Append a line to `stats.jsonl` and tell the trackers; refuses to go on with a loss that is no number."""
        values = {key: float(torch.as_tensor(value).detach()) for key, value in parts.items()}
        if not all(math.isfinite(value) for value in values.values()):
            raise TrainingStoppedError(
                f"Step {self.step + 1}: a loss is not a number ({values}); the last checkpoint is intact, "
                "resume it with a lower --learning-rate."
            )
        self.values |= values
        rate = self.images_per_second
        values["learning_rate"] = self.args.learning_rate * self.rate_factor
        values["images_per_second"] = rate
        values["seconds_left"] = (self.args.max_steps - self.step - 1) * self.samples_per_step / rate
        values["waiting_for_data"] = self.waited / max(1e-9, time.monotonic() - self.started)  # share of the time
        if self.accelerator.is_main_process:
            with (self.args.out / "stats.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": self.step + 1, **values}) + "\n")
        self.accelerator.log(values, step=self.step + 1)

    def show(self, picture: np.ndarray, suffix: str = "jpg") -> None:
        """Keep a sample sheet (H, W, 3) uint8 of this step in `samples/`, and give it to the trackers."""
        save_picture(self.args.out / "samples" / f"{self.step + 1:07d}.{suffix}", picture)
        for tracker in self.accelerator.trackers:
            if hasattr(tracker, "log_images"):
                tracker.log_images({"samples": picture[None]}, step=self.step + 1, dataformats="NHWC")

    def checkpoint(self) -> None:
        """Write the training state and publish the EMA weights; keeps the newest `--checkpoints-total-limit`."""
        if self.saved_step == self.step + 1:
            return
        folder = self.args.out / "checkpoints"
        final = folder / f"step-{self.step + 1:07d}"
        partial = final.with_name(final.name + ".partial")
        self._refuse_weights_that_are_no_numbers()
        try:
            if self.accelerator.is_main_process:
                for leftover in folder.glob("*.partial"):  # of a process that was killed while writing it
                    shutil.rmtree(leftover)
            self.accelerator.wait_for_everyone()
            self.accelerator.save_state(str(partial))
            self.accelerator.wait_for_everyone()
            if self.accelerator.is_main_process:
                if final.exists():
                    shutil.rmtree(final)
                partial.rename(final)
                for path in checkpoints(self.args.out)[: -self.args.checkpoints_total_limit]:
                    shutil.rmtree(path)
                self._publish()
        except (OSError, RuntimeError, SafetensorError) as error:  # each library tells a full disk in its own way
            shutil.rmtree(partial, ignore_errors=True)
            raise TrainingStoppedError(
                f"Step {self.step + 1} could not be saved in {self.args.out} ({str(error).splitlines()[0]}); make room "
                f"on that disk and run the same command again: it goes on from step {self.saved_step}."
            ) from error
        self.saved_step = self.step + 1

    def _refuse_weights_that_are_no_numbers(self) -> None:
        for name, (network, _) in self.emas.items():
            if not all(torch.isfinite(parameter).all() for parameter in network.parameters()):
                raise TrainingStoppedError(
                    f"Step {self.step + 1}: weights of the {name} are no numbers any more; the last checkpoint "
                    "is intact, resume it with a lower --learning-rate."
                )

    def averaged(self) -> dict[str, ModelMixin]:
        """Copies of the trained networks with their EMA weights, on the CPU, by name."""
        copies = {}
        for name, (network, ema) in self.emas.items():
            copy = type(network).from_config(network.config)
            copy.load_state_dict(network.state_dict())
            ema.copy_to(copy.parameters())
            copies[name] = copy
        return copies

    def _publish(self) -> None:
        trained = self.averaged()
        about = {
            "stage": self.name,
            "step": self.step + 1,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "metrics": self.values,
            "parent": self.parent,
        }

        def write(folder: Path) -> None:
            assembled(self.args.base, trained).save(folder)
            (folder / "README.md").write_text(card(about), encoding="utf-8")

        name = f"step-{self.step + 1:07d}"
        publish(self.args.out / "weights", name, write, about, self.args.checkpoints_total_limit)

    def finish(self) -> None:
        """Push the weights to the hub if asked to; close trackers and process groups."""
        if self.args.push_to_hub and self.accelerator.is_main_process:
            push(newest_snapshot(self.args.out), self.args.push_to_hub)
        self.accelerator.end_training()
