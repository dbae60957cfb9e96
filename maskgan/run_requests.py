"""What the page and the trainer agree on: the stages of training, the form of each, and a request to start a run.

The trainer describes its stages with these values and checks every request; the page shows the forms and sends
requests. Neither imports the other. Values in a request come from a browser and may be of any type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Number(NamedTuple):
    """An int or a float from `low` to `high`."""

    kind: type[int] | type[float]
    low: float
    high: float

    def text(self, value: Any) -> str | None:
        """`value` as a word of a command; None when it is not allowed."""
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
        """`value` as a word of a command; None when it is not allowed."""
        return next((str(own) for own in self.values if type(own) is type(value) and own == value), None)

    def __str__(self) -> str:
        return "one of " + ", ".join(map(str, self.values))


class Switch(NamedTuple):
    """True or false."""

    def text(self, value: Any) -> str | None:
        """An empty word, because a switch has no value in a command; None when `value` is not allowed."""
        return "" if isinstance(value, bool) else None

    def __str__(self) -> str:
        return "true or false"


Bounds = Number | Choice | Switch


def checked(name: str, bounds: Bounds, value: Any) -> str:
    """`value` as a word of a command.

    Raises:
        ValueError: when it is out of bounds.
    """
    text = bounds.text(value)
    if text is None:
        raise ValueError(f"{name} has to be {bounds}, not {value!r}.")
    return text


@dataclass(frozen=True)
class FormField:
    """One field of a stage's form, which sets one flag of the trainer or several together.

    Attributes:
        name: of the field; fields of several stages with one name are one component on the page.
        label: its heading.
        bounds: what may be entered.
        usual, trial: what it begins with for a full run, and for a short trial on a handful of faces.
        place: its rank in the upper part of the form; None for the fields under "More".
        titles: what the page calls the values of a `Choice`, in their order; their own names when empty.
        random_only: whether it only matters where the network begins with random weights.
        sets: value -> flags by name; by default the one flag that is called like the field.
    """

    name: str
    label: str
    bounds: Bounds
    usual: Any
    trial: Any
    place: int | None = None
    titles: tuple[str, ...] = ()
    random_only: bool = False
    sets: Callable[[Any], Mapping[str, Any]] | None = None

    def flags(self, value: Any) -> Mapping[str, Any]:
        """The flags that `value` sets.

        Raises:
            ValueError: when it is out of bounds.
        """
        checked(self.name, self.bounds, value)
        return {self.name: value} if self.sets is None else self.sets(value)


@dataclass(frozen=True)
class NetworkField:
    """A network that a stage takes beside the one it trains: a folder of a run or of a pipeline.

    Attributes:
        name: of the flag.
        label: its heading.
        stages: whose runs have such a network.
        bundled, random: whether the bundled weights and random ones are choices too.
    """

    name: str
    label: str
    stages: tuple[str, ...]
    bundled: bool = True
    random: bool = False


@dataclass(frozen=True)
class StageForm:
    """A stage of training and the fields of its form.

    Attributes:
        name: of the script.
        title: for people.
        fields, networks: of the form.
        starts_trained: whether a run usually goes on with trained weights rather than from random ones.
        term: what the field calls it.
    """

    name: str
    title: str
    fields: tuple[FormField, ...] = ()
    networks: tuple[NetworkField, ...] = ()
    starts_trained: bool = False
    term: str = ""


@dataclass(frozen=True)
class RunRequest:
    """A run to start, or to continue when one of that name has ended.

    Attributes:
        stage: name of a script.
        data: folders in the plain format, absolute or relative to a configured data folder.
        name: of the run; without one it is called by its stage and a number.
        weights: folder to start from, absolute or relative to the folder of the runs; None for random weights.
        processes: how many train together, one per GPU, or on a CPU one per thread.
        flags: values by name, with underscores.
        networks: folders of other networks by the name of their flag, as `weights`.
    """

    stage: str
    data: tuple[str, ...]
    name: str | None = None
    weights: str | None = None
    processes: int = 1
    flags: Mapping[str, Any] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """For JSON, without the name: two requests that ask for equal runs have equal records."""
        return {
            "stage": self.stage,
            "data": list(self.data),
            "weights": self.weights,
            "processes": self.processes,
            "flags": dict(self.flags),
            "networks": dict(self.networks),
        }

    @classmethod
    def from_record(cls, record: Any, name: str) -> RunRequest | None:
        """The request in a record, for the run of that name; None when it is not one. Old records lack `networks`."""
        known = {"stage", "data", "weights", "processes", "flags", "networks"}
        if not isinstance(record, dict) or not known - {"networks"} <= record.keys() <= known:
            return None
        if not isinstance(record["data"], list):
            return None
        return cls(**record | {"data": tuple(record["data"])}, name=name)
