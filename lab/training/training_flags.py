"""Which flags of the stages may be set from the page, and within which bounds.

Whatever comes from a browser goes through `arguments_for`; nothing else of it ever becomes part of a command.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class Number(NamedTuple):
    """An int or a float from `low` to `high`."""

    kind: type[int] | type[float]
    low: float
    high: float

    def text(self, value: Any) -> str | None:
        """As it stands in a command; None when it is not allowed."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        if not self.low <= value <= self.high or self.kind(value) != value:
            return None
        return repr(self.kind(value))

    def __str__(self) -> str:
        return f"{'a whole number' if self.kind is int else 'a number'} from {self.low:g} to {self.high:g}"


class Choice(NamedTuple):
    """One of a few words or numbers."""

    values: tuple[str | int, ...]

    def text(self, value: Any) -> str | None:
        """As it stands in a command; None when it is not allowed."""
        return next((str(own) for own in self.values if type(own) is type(value) and own == value), None)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.values))


class Switch(NamedTuple):
    """A flag that is there or not."""

    def text(self, value: Any) -> str | None:
        """ "" or None; a switch has no value in a command."""
        return "" if isinstance(value, bool) else None

    def __str__(self) -> str:
        return "true or false"


Kind = Number | Choice | Switch

_PRESETS = Choice(("studio", "published", "tiny"))
_ADVERSARY: dict[str, Kind] = {
    "adversary": Choice(("auto", "patch", "projected")),
    "perceptual": Choice(("auto", "vgg19", "efficientnet", "parser")),
    "holes": Number(float, 0, 1),
    "discriminator_width": Number(int, 8, 128),
    "discriminator_layers": Number(int, 2, 6),
    "discriminator_unshuffle": Choice((1, 2, 4)),
}
_COMMON: dict[str, Kind] = {
    "resolution": Choice((64, 128, 256, 512)),
    "batch_size": Number(int, 1, 512),
    "gradient_accumulation_steps": Number(int, 1, 256),
    "max_steps": Number(int, 1, 10_000_000),
    "learning_rate": Number(float, 1e-7, 0.1),
    "lr_scheduler": Choice(("cosine", "linear", "constant")),
    "warmup_steps": Number(int, 0, 100_000),
    "ema_decay": Number(float, 0, 0.99999),
    "mixed_precision": Choice(("no", "fp16", "bf16")),
    "cpu": Switch(),
    "checkpointing_steps": Number(int, 1, 1_000_000),
    "checkpoints_total_limit": Number(int, 1, 100),
    "sample_steps": Number(int, 1, 1_000_000),
    "log_steps": Number(int, 1, 100_000),
    "num_workers": Number(int, 0, 32),
    "seed": Number(int, 0, 2**31 - 1),
}

#: The flags of each stage, by the name of its script.
STAGES: dict[str, dict[str, Kind]] = {
    "train_parser": _COMMON,
    "train_mask_vae": _COMMON | {"preset": _PRESETS, "kl_weight": Number(float, 0, 1)},
    "pretrain_dmn": _COMMON | _ADVERSARY | {"preset": _PRESETS, "windows": Number(float, 0, 1)},
    "train_ebst": _COMMON | _ADVERSARY | {
        "from_scratch": _PRESETS, "lambda_inter": Number(float, 1, 100), "blender_width": Number(int, 2, 64),
    },
}  # fmt: skip

#: Which networks that are there already each stage takes beside the one it trains, by flag: folders of a run or a
#: pipeline, and for the discriminator of a run.
NETWORKS: dict[str, tuple[str, ...]] = {
    "train_parser": (),
    "train_mask_vae": ("parser",),
    "pretrain_dmn": ("parser", "discriminator"),
    "train_ebst": ("parser", "mask_vae", "blender", "discriminator"),
}

#: What the stages use where nothing else is said, of the flags that people change most.
USUAL: dict[str, dict[str, int | float]] = {
    "train_parser": {"resolution": 256, "max_steps": 4000, "batch_size": 16, "learning_rate": 8e-4},
    "train_mask_vae": {"resolution": 256, "max_steps": 10_000, "batch_size": 8, "learning_rate": 1e-3},
    "pretrain_dmn": {"resolution": 256, "max_steps": 20_000, "batch_size": 8, "learning_rate": 4e-4},
    "train_ebst": {"resolution": 256, "max_steps": 10_000, "batch_size": 4, "learning_rate": 1e-4},
}

#: The same to try a stage out: from trained weights, on a handful of faces, in some minutes on a laptop's CPU.
TRIAL: dict[str, dict[str, int | float]] = {
    "train_parser": {"resolution": 256, "max_steps": 100, "batch_size": 4, "learning_rate": 1e-4},
    "train_mask_vae": {"resolution": 256, "max_steps": 100, "batch_size": 4, "learning_rate": 1e-4},
    "pretrain_dmn": {"resolution": 256, "max_steps": 40, "batch_size": 4, "learning_rate": 1e-4},
    "train_ebst": {"resolution": 256, "max_steps": 20, "batch_size": 4, "learning_rate": 1e-4},
}


def arguments_for(stage: str, flags: Mapping[str, Any]) -> list[str]:
    """The part of a command that sets `flags` (names with underscores) of a stage.

    Raises:
        ValueError: for a stage or flag that does not exist, or a value that is not allowed.
    """
    if not isinstance(stage, str) or stage not in STAGES:
        raise ValueError(f"There is no stage {stage!r}; choose from {', '.join(STAGES)}.")
    arguments: list[str] = []
    for name, value in flags.items():
        kind = STAGES[stage].get(name)
        if kind is None:
            raise ValueError(f"{stage} has no setting {name!r} that can be changed here; leave it out.")
        text = kind.text(value)
        if text is None:
            raise ValueError(f"{name} has to be {kind}, not {value!r}.")
        if not isinstance(kind, Switch):
            arguments += [option(name), text]
        elif value:
            arguments.append(option(name))
    return arguments


def option(name: str) -> str:
    """A flag as it stands in a command: "batch_size" -> "--batch-size"."""
    return "--" + name.replace("_", "-")
