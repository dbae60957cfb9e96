"""What a run keeps: `checkpoints/step-0000500/` (`training_state.py`), and published weights.

`weights/` is a weights folder (`maskgan/snapshots.py`) with whole pipelines for inference. Both are written beside
their final place and renamed, so that a half-written one is never used.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from accelerate import Accelerator
from safetensors import SafetensorError

from lab.training.averages import MovingAverages
from lab.training.pipelines import assembled, card
from lab.training.settings import Settings, other_sizes
from lab.training.stopping import TrainingStoppedError
from lab.training.training_state import is_checkpoint, load_training_state, misfit, save_training_state, steps_of
from maskgan.run_folder import config_of
from maskgan.snapshots import hash_of, publish

#: How the folder of a checkpoint is called.
_NAME = re.compile(r"step-\d+")


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first, also those that somebody renamed."""
    found = (path for path in (folder / "checkpoints").glob("[!.]*") if path.suffix != ".partial")
    numbered = [(steps_of(path), _NAME.fullmatch(path.name) is not None, path) for path in found if path.is_dir()]
    return [path for _, _, path in sorted(each for each in numbered if each[0] is not None)]


def newest_checkpoint(folder: Path) -> Path:
    """The newest whole checkpoint of a run; raises FileNotFoundError when it has none."""
    found = checkpoints(folder)
    if not found:
        raise FileNotFoundError(f"{folder} holds no checkpoint; give the folder of a run.")
    return found[-1]


class Checkpoints:
    """Saves and restores a run.

    Attributes:
        saved_step: of the newest checkpoint, 0 before the first.
        parent: `weights_hash` of the weights that the run starts from, None for random ones.
    """

    def __init__(self, settings: Settings, accelerator: Accelerator, averages: MovingAverages) -> None:
        self.settings, self.accelerator, self.averages = settings, accelerator, averages
        self.saved_step = 0
        self.parent = settings.weights and hash_of(settings.weights)

    def load(self) -> int:
        """Load the checkpoint that `--resume` asks for, if there is one; returns its step, otherwise 0."""
        wanted, out = self.settings.resume, self.settings.out
        found = checkpoints(out)
        if wanted == "never" and found:
            raise TrainingStoppedError(f"{out} holds a run already; choose another --out or resume it.")
        if wanted not in ("auto", "never"):
            if not is_checkpoint(Path(wanted)):
                raise TrainingStoppedError(
                    f"--resume {wanted} is no checkpoint; give a folder of a run's checkpoints/."
                )
            found = [Path(wanted)]
        if found:
            steps = steps_of(found[-1])
            if steps is None:
                raise TrainingStoppedError(
                    f"Nothing tells how many steps {found[-1]} comes after; rename it to step-NUMBER, as it was."
                )
            self._check_fits(found[-1])
            load_training_state(found[-1], self.accelerator, self.averages)
            self.saved_step = steps
            self.accelerator.print(f"Resumed {found[-1]}")
        return self.saved_step

    def _check_fits(self, checkpoint: Path) -> None:
        """Raise TrainingStoppedError when a checkpoint's networks have other sizes than those that are there."""
        network = misfit(checkpoint, self.accelerator)
        if network is None:
            return
        before = config_of(checkpoint.parent.parent)
        if (stage := before.get("stage")) not in (None, self.settings.stage):
            raise TrainingStoppedError(f"{checkpoint} is of a run of {stage}; choose another --out or --resume.")
        changed = other_sizes(before, self.settings.to_json())
        why = changed or "--weights or other networks than before"
        raise TrainingStoppedError(
            f"{checkpoint} holds {network} of another size or kind ({why}); give the same again, or choose another "
            "--out. Nothing was overwritten."
        )

    def save(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write the training state after `step` steps and publish the averaged weights.

        The newest `--checkpoints-total-limit` of both stay.

        Raises:
            TrainingStoppedError: when weights contain NaN or infinity, or the disk is full; what was saved stays.
        """
        if self.saved_step == step:
            return
        folder = self.settings.out / "checkpoints"
        final = folder / f"step-{step:07d}"
        partial = final.with_name(final.name + ".partial")
        self.averages.check(step)
        try:
            if self.accelerator.is_main_process:
                for leftover in folder.glob("*.partial"):  # of a process that was killed while writing it
                    shutil.rmtree(leftover)
            self.accelerator.wait_for_everyone()
            save_training_state(partial, self.accelerator, self.averages, step)
            self.accelerator.wait_for_everyone()
            if self.accelerator.is_main_process:
                if final.exists():
                    shutil.rmtree(final)
                partial.rename(final)
                own = [path for path in checkpoints(self.settings.out) if _NAME.fullmatch(path.name)]
                for path in own[: -self.settings.checkpoints_total_limit]:  # not those that somebody renamed
                    shutil.rmtree(path)
                self._publish(step, metrics)
        except (OSError, RuntimeError, SafetensorError) as error:  # each library reports a full disk in its own way
            shutil.rmtree(partial, ignore_errors=True)
            raise TrainingStoppedError(
                f"Step {step} could not be saved in {self.settings.out} ({str(error).splitlines()[0]}); make room "
                f"on that disk and run the same command again: it goes on from step {self.saved_step}."
            ) from error
        self.saved_step = step

    def _publish(self, step: int, metrics: Mapping[str, float]) -> None:
        trained = self.averages.networks()
        about = {
            "stage": self.settings.stage,
            "step": step,
            "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "metrics": dict(metrics),
            "parent": self.parent,
        }

        def write(folder: Path) -> None:
            assembled(self.settings.base, trained).save(folder)
            (folder / "README.md").write_text(card(about), encoding="utf-8")

        limit = self.settings.checkpoints_total_limit
        publish(self.settings.out / "weights", f"step-{step:07d}", write, about, limit)
