"""Training state in files that hold numbers and nothing else: tensors in safetensors, the rest in JSON.

A state is what `state_dict()` of an optimiser or a moving average returns: dicts, lists and tuples of tensors, NumPy
arrays, numbers, strings, booleans and None. `NAME.json` holds its shape with the names of tensors in `NAME.safetensors`
in their places, so no code can come out of either.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def write_state(folder: Path, name: str, state: Any) -> None:
    """Write a state as `name`.json and `name`.safetensors.

    Raises:
        TypeError: the state holds something else than what is listed above.
        OSError, SafetensorError: the files cannot be written.
    """
    tensors: dict[str, Tensor] = {}
    shape = _told(state, tensors)
    save_file(tensors, folder / f"{name}.safetensors")
    (folder / f"{name}.json").write_text(json.dumps(shape) + "\n", encoding="utf-8")


def read_state(folder: Path, name: str) -> Any:
    """The state that `write_state` wrote, its tensors on the CPU.

    Raises:
        OSError, ValueError, LookupError, TypeError, SafetensorError: the files are missing or damaged.
    """
    tensors = load_file(folder / f"{name}.safetensors")
    return _meant(json.loads((folder / f"{name}.json").read_text(encoding="utf-8")), tensors)


def _told(value: Any, tensors: dict[str, Tensor]) -> Any:
    """A value for JSON: whatever is no number, string, boolean or None is a list that begins with what it is."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return ["dict", *([_told(key, tensors), _told(item, tensors)] for key, item in value.items())]
        case list() | tuple():
            return [type(value).__name__, *(_told(item, tensors) for item in value)]
        case Tensor() | np.ndarray():
            name = f"{len(tensors):06d}"
            tensor = torch.as_tensor(value).detach()
            layout = "last" if _is_channels_last(tensor) else "first"
            tensors[name] = tensor.contiguous().clone()
            return ["array" if isinstance(value, np.ndarray) else "tensor", name, layout]
    raise TypeError(f"A {type(value).__name__} cannot be kept in a checkpoint.")


def _meant(told: Any, tensors: dict[str, Tensor]) -> Any:
    match told:
        case None | bool() | int() | float() | str():
            return told
        case ["dict", *items]:
            return {_meant(key, tensors): _meant(item, tensors) for key, item in items}
        case ["list", *items]:
            return [_meant(item, tensors) for item in items]
        case ["tuple", *items]:
            return tuple(_meant(item, tensors) for item in items)
        case ["array", str(name), _]:
            return tensors[name].numpy()
        case ["tensor", str(name), "last"]:
            return tensors[name].contiguous(memory_format=torch.channels_last)
        case ["tensor", str(name), "first"]:
            return tensors[name]
    raise ValueError("The state of a checkpoint is damaged.")


def _is_channels_last(tensor: Tensor) -> bool:
    """Whether a moment of a convolution in channels-last layout, which it keeps, or its step would be slower."""
    return tensor.ndim == 4 and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)
