"""What a run tells while it trains: numbers in `stats.jsonl`, pictures in `samples/`, both to Accelerate's trackers."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from lab.data.faces import Survey
from lab.training.samples import save_picture
from lab.training.settings import Settings
from lab.training.stopping import TrainingStoppedError
from maskgan.files import write_whole
from maskgan.run_folder import DATA


class Journal:
    """The numbers and pictures of a run; a `step` is given as how many there are with the one in progress.

    Attributes:
        values: the newest of every loss and metric.
        waited: seconds that the loop has waited for data since `start`.
    """

    def __init__(self, settings: Settings, accelerator: Accelerator) -> None:
        self.settings, self.accelerator = settings, accelerator
        self.values: dict[str, float] = {}
        self._data: list[dict[str, Any]] = []
        self.start(0)
        if settings.report_to:
            config = {key: str(value) for key, value in settings.to_json().items() if key != "stage"}
            accelerator.init_trackers(settings.stage, config)
            if not accelerator.trackers:
                raise TrainingStoppedError(f"--report-to {settings.report_to} needs its package; pip install it.")

    def start(self, step: int) -> None:
        """Start the clocks, after `step` steps that an earlier process took."""
        self.first_step, self.started, self.waited = step, time.monotonic(), 0.0

    @property
    def minutes(self) -> float:
        """Since `start`."""
        return (time.monotonic() - self.started) / 60

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Count the time of the block as waiting for data."""
        before = time.monotonic()
        yield
        self.waited += time.monotonic() - before

    @property
    def samples_per_step(self) -> int:
        """Of all processes."""
        return self.settings.batch_size * self.accelerator.num_processes * self.settings.gradient_accumulation_steps

    def images_per_second(self, step: int) -> float:
        """Of all processes, since `start`."""
        return (step - self.first_step) * self.samples_per_step / max(1e-9, time.monotonic() - self.started)

    def log(self, step: int, parts: Mapping[str, Tensor | float], learning_rate: float) -> None:
        """Append a line to `stats.jsonl` and pass it to the trackers.

        Raises:
            TrainingStoppedError: when a loss is NaN or infinite.
        """
        values = {key: float(torch.as_tensor(value).detach()) for key, value in parts.items()}
        if not all(math.isfinite(value) for value in values.values()):
            raise TrainingStoppedError(
                f"Step {step}: a loss is NaN or infinite ({values}); the last checkpoint is intact, "
                "resume it with a lower --learning-rate."
            )
        self.values |= values
        rate = self.images_per_second(step)
        values["learning_rate"] = learning_rate
        values["images_per_second"] = rate
        values["seconds_left"] = (self.settings.max_steps - step) * self.samples_per_step / rate
        values["waiting_for_data"] = self.waited / max(1e-9, time.monotonic() - self.started)  # share of the time
        if self.accelerator.is_main_process:
            with (self.settings.out / "stats.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"step": step, **values}) + "\n")
        self.accelerator.log(values, step=step)

    def tell_data(self, found: Survey) -> None:
        """Say in the log what is used of a folder of training data, and keep it in `data.json` with all ids.

        A first folder begins the file anew.
        """
        if not self.accelerator.is_main_process:
            return
        self.accelerator.print(found.sentence())
        left_out = {why: list(ids) for why, ids in found.left_out.items()}
        told = {"folder": str(found.folder), "used": len(found.samples), "apart": dict(found.others)}
        self._data.append({**told, "left_out": left_out, "sentence": found.sentence()})
        write_whole(self.settings.out / DATA, json.dumps(self._data, indent=1) + "\n")

    def show(self, step: int, picture: np.ndarray, suffix: str = "jpg") -> None:
        """Keep a sample sheet (H, W, 3) uint8 in `samples/`, and pass it to the trackers."""
        save_picture(self.settings.out / "samples" / f"{step:07d}.{suffix}", picture)
        for tracker in self.accelerator.trackers:
            if hasattr(tracker, "log_images"):
                tracker.log_images({"samples": picture[None]}, step=step, dataformats="NHWC")
