"""A training run: numbered batches, the pieces of a step, and what is kept of it.

A run folder holds `config.json`, `stats.jsonl` and `samples/` (`lab/training/journal.py`), `checkpoints/` and
`weights/` (`lab/training/checkpoints.py`). Running the same command again resumes. SIGTERM or Ctrl+C stop after the
step in progress, with a checkpoint; a second one stops at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

import cv2
import numpy as np
import torch
import torch.distributed.nn.functional as differentiable
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from diffusers import ModelMixin
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset
from tqdm.auto import tqdm

from lab.data.faces import CountingSampler
from lab.training.averages import MovingAverages
from lab.training.checkpoints import Checkpoints
from lab.training.hub import push
from lab.training.journal import Journal
from lab.training.noise import SampleNoise
from lab.training.preflight import check_launch
from lab.training.settings import Settings
from lab.training.stopping import NothingToDo, StopSignals, TrainingStoppedError
from maskgan.files import write_whole
from maskgan.locks import try_lock
from maskgan.run_folder import RUN_LOCK
from maskgan.snapshots import newest_snapshot

S = TypeVar("S", bound=Settings)


def learning_rate_factor(
    step: int, warmup_steps: int, max_steps: int, kind: str = "cosine", time_used: float = 0.0
) -> float:
    """Linear warm-up, then "constant", or "cosine" or "linear" down to a tenth.

    A function of the step, or of the share `time_used` of the time that there is, whichever is further on.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = min(max((step - warmup_steps) / max(1, max_steps - warmup_steps), time_used), 1.0)
    if kind == "constant":
        return 1.0
    return 0.55 + 0.45 * math.cos(math.pi * progress) if kind == "cosine" else 1 - 0.9 * progress


class Run(Generic[S]):
    """Everything of a training run that is not the method.

    Attributes:
        settings: of the stage.
        accelerator: of Accelerate.
        step: steps that are done.
        journal: numbers and pictures.
    """

    def __init__(self, settings: S) -> None:
        check_launch(settings)
        self.settings = settings
        # Accelerate joins several processes on a CPU only when told that there is nothing else.
        on_cpu = settings.cpu or not (torch.cuda.is_available() or torch.backends.mps.is_available())
        self.accelerator = Accelerator(
            cpu=on_cpu,
            mixed_precision=settings.mixed_precision,
            gradient_accumulation_steps=settings.gradient_accumulation_steps,
            log_with=settings.report_to,
            project_config=ProjectConfiguration(project_dir=str(settings.out)),
        )
        set_seed(settings.seed)
        self.step = 0
        if self.accelerator.is_main_process:
            settings.out.mkdir(parents=True, exist_ok=True)
            self._lock = try_lock(settings.out / RUN_LOCK, seconds=1, of_process=True)
            if self._lock is None:
                raise TrainingStoppedError(
                    f"Another training writes to {settings.out}; stop it, or choose another --out."
                )
        self.journal = Journal(settings, self.accelerator)
        self._averages = MovingAverages(self.accelerator, settings.ema_decay)
        self._checkpoints = Checkpoints(settings, self.accelerator, self._averages)
        self._signals = StopSignals()

    # --- the pieces of a step --------------------------------------------------------------------------------------

    @property
    def rate_factor(self) -> float:
        """What the learning rates are multiplied by at this step."""
        settings = self.settings
        return learning_rate_factor(
            self.step, settings.warmup_steps, settings.max_steps, settings.lr_scheduler, self.time_used
        )

    @property
    def time_used(self) -> float:
        """The share of `--max-minutes` that has gone since this process began to train; 0 without it."""
        minutes = self.settings.max_minutes
        return self.journal.minutes / minutes if minutes else 0.0

    def layout(self, faster_on_cpu: bool = False) -> torch.memory_format:
        """The memory layout to train in; channels-last suits tensor cores, and on a CPU some networks."""
        wanted = self.settings.channels_last
        if wanted is None:
            wanted = faster_on_cpu or self.accelerator.device.type == "cuda"
        return torch.channels_last if wanted else torch.contiguous_format

    def trained(self, name: str, network: ModelMixin, faster_on_cpu: bool = False) -> ModelMixin:
        """Make a network ready to be trained; its moving average is checkpointed and published under `name`."""
        network = network.to(memory_format=self.layout(faster_on_cpu)).train()
        if self.accelerator.num_processes > 1 and self.accelerator.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # there is none for CPUs
        if self.settings.compile:
            network.compile()
        self._averages.add(name, network)
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
            self._averages.update(network)

    def sum(self, value: Tensor) -> Tensor:
        """The sum of a tensor over all processes; gradients flow back to each."""
        return differentiable.all_reduce(value) if self.accelerator.num_processes > 1 else value

    def of_the_previous_face(self, value: Tensor) -> Tensor:
        """Rows that belong to faces -> for each face the row of the one before it; the first gets that of the last.

        All processes' batches together count as one batch.
        """
        rows = self.accelerator.gather(value).roll(1, 0)
        first = self.accelerator.process_index * len(value)
        return rows[first : first + len(value)]

    # --- the loop --------------------------------------------------------------------------------------------------

    def resume(self) -> int:
        """Load the checkpoint that `--resume` asks for, if there is one; returns the step to go on from.

        Nothing in the run folder is overwritten before the checkpoint fits.

        Raises:
            TrainingStoppedError: the checkpoint cannot be resumed with these settings.
            NothingToDo: all steps are done.
        """
        settings = self.settings
        self.step = self._checkpoints.load()
        if self.step >= settings.max_steps:
            self.finish()
            raise NothingToDo(
                f"{settings.out} has done {self.step} of {settings.max_steps} steps, so there is nothing to do; give a "
                "larger --max-steps to go on."
            )
        if self.accelerator.is_main_process:
            write_whole(settings.out / "config.json", json.dumps(settings.to_json(), indent=2) + "\n")
        return self.step

    def batches(self, stream: Dataset) -> Iterator[tuple[Sequence[Tensor], SampleNoise]]:
        """The batches from the current step to the last, each with random numbers that belong to its samples.

        Shows a progress bar; call after `resume()`. `stream` is a `FaceStream`, or a `ShardStream` that starts where
        this run does (`lab/data/sources.py`).
        """
        settings, per_step = self.settings, self.settings.gradient_accumulation_steps
        first = self.step * per_step
        batches = iter(self._loader(stream, first))
        bar = tqdm(
            initial=self.step, total=settings.max_steps, unit="step", mininterval=2, dynamic_ncols=True,
            disable=not self.accelerator.is_main_process,
        )  # fmt: skip
        self.journal.start(self.step)
        with self._signals:
            for number in range(first, settings.max_steps * per_step):
                with self.journal.waiting():
                    batch = next_batch(batches)
                yield batch, self._noise(number)
                if (number + 1) % per_step == 0:
                    stop = self._agreed_to_stop()
                    if stop:
                        self.save()
                    self.step += 1
                    bar.update()
                    rate = self.journal.images_per_second(self.step)
                    bar.set_postfix_str(f"{rate:.1f} images/s", refresh=False)
                    if stop and self.asked_to_stop:
                        self.accelerator.print(f"Stopped after step {self.step}; the same command goes on from there.")
                    if stop:
                        return

    def _noise(self, number: int) -> SampleNoise:
        """The random numbers of this process's share of batch `number`."""
        size, accelerator = self.settings.batch_size, self.accelerator
        row = (number * accelerator.num_processes + accelerator.process_index) * size
        return SampleNoise(self.settings.seed, range(row, row + size), accelerator.device)

    def _loader(self, stream: Dataset, first: int) -> Any:
        settings, accelerator = self.settings, self.accelerator
        if settings.num_workers:
            # Before processes are forked: in a child, OpenCV would wait for ever for threads that only this one has.
            cv2.setNumThreads(1)
        # A generator of its own, because starting to load draws a number: a resumed run, which starts twice,
        # would else go on with other random numbers than the run that was never cut.
        options = {
            "batch_size": settings.batch_size, "num_workers": settings.num_workers, "drop_last": True,
            "persistent_workers": settings.num_workers > 0, "pin_memory": torch.cuda.is_available(),
            "generator": torch.Generator(), "worker_init_fn": _in_one_thread,
        }  # fmt: skip
        if isinstance(stream, IterableDataset):  # has dealt itself out to the processes already
            loader = DataLoader(stream, **options)
            return ([part.to(accelerator.device, non_blocking=True) for part in batch] for batch in loader)
        stop = settings.max_steps * settings.gradient_accumulation_steps
        sampler = CountingSampler(first, stop, settings.batch_size * accelerator.num_processes)
        return accelerator.prepare_data_loader(DataLoader(stream, sampler=sampler, **options))

    @property
    def asked_to_stop(self) -> bool:
        """Whether this process was sent SIGTERM or Ctrl+C."""
        return self._signals.received

    def _agreed_to_stop(self) -> bool:
        """Whether any process was asked to stop, or is out of time: all stop after the same step."""
        stop = self.asked_to_stop or self.time_used >= 1
        if self.accelerator.num_processes == 1:
            return stop
        asked = torch.tensor([float(stop)], device=self.accelerator.device)
        return bool(self.accelerator.reduce(asked).item())

    def due(self, every: int) -> bool:
        """Whether the step in progress is one to do something after (every n-th, and the last)."""
        last = self.step + 1 == self.settings.max_steps
        return self.accelerator.sync_gradients and ((self.step + 1) % every == 0 or last)

    # --- what is kept ----------------------------------------------------------------------------------------------

    def log(self, parts: Mapping[str, Tensor | float]) -> None:
        """Note the losses and metrics of the step in progress."""
        self.journal.log(self.step + 1, parts, self.settings.learning_rate * self.rate_factor)

    def show(self, picture: np.ndarray, suffix: str = "jpg") -> None:
        """Keep a sample sheet (H, W, 3) uint8 of the step in progress."""
        self.journal.show(self.step + 1, picture, suffix)

    def averaged(self) -> dict[str, ModelMixin]:
        """Copies of the trained networks with their averaged weights, on the CPU, by name."""
        return self._averages.networks()

    def save(self) -> None:
        """Write a checkpoint of the step in progress and publish the averaged weights."""
        self._checkpoints.save(self.step + 1, self.journal.values)

    def finish(self) -> None:
        """Push the weights to the hub if asked to; close trackers and process groups."""
        if self.settings.push_to_hub and self.accelerator.is_main_process:
            push(newest_snapshot(self.settings.out), self.settings.push_to_hub)
        self.accelerator.end_training()


def _in_one_thread(worker: int) -> None:
    """Loader processes are as many as there are cores for them; OpenCV's threads would fight over these."""
    cv2.setNumThreads(1)


def next_batch(batches: Iterator[list[Tensor]]) -> list[Tensor]:
    """The next batch; raises TrainingStoppedError with one sentence when a file went missing meanwhile."""
    try:
        return next(batches)
    except (OSError, ValueError) as error:  # from a worker it comes with the worker's traceback before it
        sentence = str(error).strip().splitlines()[-1].split("Error: ", 1)[-1]
        raise TrainingStoppedError(f"{sentence} The last checkpoint is intact.") from error
