"""The private training state of a run in a checkpoint's folder, without a pickle.

    model.safetensors, model_1.safetensors, ...   networks, in the order in which Accelerate prepared them
    optimizer.*, optimizer_1.*, ...               states of the optimisers, see `state_files.py`
    average.*, average_1.*, ...                   states of the moving averages
    state.*                                       the run's steps, Accelerate's, and the scale of float16 gradients
    random_0.*, random_1.*, ...                   random number generators of each process

Accelerate's own `save_state` keeps all but the networks in pickles, and its `load_state` runs what is in some of them.
Checkpoints that it wrote are read by torch's unpickler for weights alone, which builds nothing but tensors.
"""

from __future__ import annotations

import pickle
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from lab.training.averages import MovingAverages
from lab.training.state_files import read_state, write_state
from lab.training.stopping import TrainingStoppedError

#: What damaged and foreign files raise, on reading or when they are put to use.
_DAMAGE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError, RecursionError,
    EOFError, SafetensorError, pickle.UnpicklingError,
)  # fmt: skip

#: What `nn.parallel.DistributedDataParallel` puts before the names of a network.
_PARALLEL = "module."


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder looks like a checkpoint, of this version or an earlier one."""
    return (folder / "model.safetensors").is_file()


def steps_of(folder: Path) -> int | None:
    """How many steps a checkpoint comes after, whatever its folder is called now; None when nothing tells it."""
    try:
        steps = read_state(folder, "state").get("steps")
        if isinstance(steps, int) and not isinstance(steps, bool) and steps >= 0:
            return steps
    except _DAMAGE:  # or of an earlier version, which only the name tells
        pass
    named = re.search(r"step-(\d{1,12})", folder.name)
    return int(named[1]) if named else None


def misfit(folder: Path, accelerator: Accelerator) -> str | None:
    """The kind of network that is of another size in a checkpoint, or None where all are as they are here.

    Files that cannot be read fit: loading tells what is wrong with them.
    """
    for name, network in _numbered("model", accelerator._models):
        bare = accelerator.unwrap_model(network)
        try:
            with safe_open(folder / f"{name}.safetensors", "pt") as file:
                there = {key.removeprefix(_PARALLEL): file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            return type(bare).__name__
        except _DAMAGE:
            return None
        if there != {key: list(tensor.shape) for key, tensor in bare.state_dict().items()}:
            return type(bare).__name__
    more = (folder / f"model_{len(accelerator._models)}.safetensors").exists()
    return "one of the networks" if more else None


def save_training_state(folder: Path, accelerator: Accelerator, averages: MovingAverages, steps: int) -> None:
    """Write everything that a run needs to go on after so many `steps`; all processes call this.

    Raises:
        OSError, RuntimeError, SafetensorError: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_state(folder, f"random_{accelerator.process_index}", _random_state())
    if not accelerator.is_main_process:
        return
    for name, network in _numbered("model", accelerator._models):
        tensors = accelerator.unwrap_model(network).state_dict()
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / f"{name}.safetensors")
    for name, optimiser in _numbered("optimizer", accelerator._optimizers):
        write_state(folder, name, optimiser.state_dict())
    for name, state in _numbered("average", averages.states()):
        write_state(folder, name, state)
    scale = None if accelerator.scaler is None else accelerator.scaler.state_dict()
    write_state(folder, "state", {"steps": steps, "step": accelerator.step, "scale": scale})


def load_training_state(folder: Path, accelerator: Accelerator, averages: MovingAverages) -> None:
    """Put back what `save_training_state` wrote, or Accelerate in an earlier version; all processes call this.

    Raises:
        TrainingStoppedError: the checkpoint is damaged, belongs to another run, or holds more than numbers; the message
            says what to do.
    """
    read = _State(folder) if (folder / "state.json").exists() else _FormerState(folder)
    try:
        for name, network in _numbered("model", accelerator._models):
            accelerator.unwrap_model(network).load_state_dict(read.network(name))
        for name, optimiser in _numbered("optimizer", accelerator._optimizers):
            optimiser.load_state_dict(read.optimiser(name))
        averages.load_states(read.average(name) for name, _ in _numbered("average", averages.states()))
        state = read.rest()
        accelerator.step = int(state["step"])
        if accelerator.scaler is not None and state["scale"] is not None:
            accelerator.scaler.load_state_dict(state["scale"])
        read.restore_random(accelerator.process_index)
    except _DAMAGE as error:
        raise TrainingStoppedError(
            f"The checkpoint {folder} cannot be resumed: it is damaged, of another kind of run, or holds more than "
            f"numbers ({type(error).__name__}). Delete it to go on from the one before, or choose another --out."
        ) from error


def _numbered(name: str, things: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for number, thing in enumerate(things):
        yield (f"{name}_{number}" if number else name), thing


class _State:
    """Reads what `save_training_state` wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def network(self, name: str) -> dict[str, Any]:
        return load_file(self.folder / f"{name}.safetensors")

    def optimiser(self, name: str) -> dict[str, Any]:
        return read_state(self.folder, name)

    def average(self, name: str) -> dict[str, Any]:
        return read_state(self.folder, name)

    def rest(self) -> dict[str, Any]:
        return read_state(self.folder, "state")

    def restore_random(self, process: int) -> None:
        if (self.folder / f"random_{process}.json").exists():  # not when there are more processes than before
            _restore_random(read_state(self.folder, f"random_{process}"))


class _FormerState(_State):
    """Reads what Accelerate wrote; the states of its random number generators are no numbers alone, and left out."""

    def network(self, name: str) -> dict[str, Any]:
        tensors = super().network(name)
        return {key.removeprefix(_PARALLEL): tensor for key, tensor in tensors.items()}

    def optimiser(self, name: str) -> dict[str, Any]:
        return self._numbers(f"{name}.bin")

    def average(self, name: str) -> dict[str, Any]:
        number = name.partition("_")[2] or "0"
        return self._numbers(f"custom_checkpoint_{number}.pkl")

    def rest(self) -> dict[str, Any]:
        scale = self._numbers("scaler.pt") if (self.folder / "scaler.pt").exists() else None
        return {"step": 0, "scale": scale}

    def restore_random(self, process: int) -> None:
        return

    def _numbers(self, name: str) -> dict[str, Any]:
        return torch.load(self.folder / name, map_location="cpu", weights_only=True)


def _random_state() -> dict[str, Any]:
    cuda: Sequence[Any] = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 - other libraries draw from it
        "torch": torch.get_rng_state(),
        "cuda": list(cuda),
    }


def _restore_random(state: dict[str, Any]) -> None:
    setters: dict[str, Callable[[Any], None]] = {
        "python": random.setstate,
        "numpy": np.random.set_state,
        "torch": torch.set_rng_state,
    }
    for name, put in setters.items():
        put(state[name])
    if len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
