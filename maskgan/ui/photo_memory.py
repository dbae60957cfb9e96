"""The memory that all visitors' photos take together has a limit: who was away longest has to open theirs again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from functools import partial
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from gradio.state_holder import StateHolder

from maskgan.editing.compositing import PlannedLater
from maskgan.ui.session import Left


class _Held(NamedTuple):
    """Bytes by the identity of what has them, and their sum."""

    arrays: dict[int, int]
    total: int

    @classmethod
    def by(cls, value: Any) -> _Held:
        arrays = _found(value)
        return cls(arrays, sum(arrays.values()))


#: What sessions hold: values of a session change with its own events only, and faces that were left not at all.
_known: WeakKeyDictionary[Any, _Held] = WeakKeyDictionary()

#: Of these there is nothing to be counted.
_PLAIN = (int, float, str, bool, type(None))


def arrays_of(value: Any, anew: bool = False) -> dict[int, int]:
    """Bytes of the arrays, tensors and files in a value by their identity, so that shared ones count once.

    What was found in a dataclass is remembered; it may hold more after an event, which `anew` finds.
    """
    return _held(value, anew).arrays


def _held(value: Any, anew: bool = False) -> _Held:
    if not is_dataclass(value):
        return _Held.by(value)
    if anew or value not in _known:
        _known[value] = _Held.by(value)
    return _known[value]


def _found(top: Any) -> dict[int, int]:
    found: dict[int, int] = {}
    seen: set[int] = set()
    waiting = [top]
    while waiting:
        value = waiting.pop()
        if type(value) in _PLAIN or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, np.ndarray):
            while isinstance(value.base, np.ndarray):  # a view
                value = value.base
            found[id(value)] = value.nbytes
        elif isinstance(value, (bytes, bytearray)):
            found[id(value)] = len(value)
        elif isinstance(value, (tuple, list)):
            waiting.extend(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, Left) and value is not top:
            found |= arrays_of(value)
        elif isinstance(value, PlannedLater) or (is_dataclass(value) and not isinstance(value, type)):
            waiting.extend(vars(value).values())
        elif isinstance(value, partial):
            waiting.extend(value.args)
        elif hasattr(value, "untyped_storage"):  # a tensor; torch itself may be missing here
            found[value.data_ptr()] = value.nbytes
    return found


def keep_within(states: StateHolder, max_bytes: int, current: str | None = None) -> int:
    """Reset sessions, least recently used first, until all together hold at most `max_bytes`; how many were reset.

    The `current` session stays. A page whose session was reset is told so, in a sentence, at its next edit.
    """
    with states.lock:
        sessions = list(states.session_data.items())
    values = {
        name: [_held(it, anew=name == current) for it in list(state.state_data.values())] for name, state in sessions
    }
    if sum(value.total for session in values.values() for value in session) <= max_bytes:
        return 0  # even if nothing were shared
    held: dict[str, dict[int, int]] = {}
    for name, session in values.items():
        held[name] = {}
        for value in session:
            held[name] |= value.arrays
    users: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for arrays in held.values():
        sizes |= arrays
        for key in arrays:
            users[key] = users.get(key, 0) + 1
    total, count = sum(sizes.values()), 0
    for name, state in sessions:
        if total <= max_bytes:
            break
        if name == current or not held[name]:
            continue
        state.state_data.clear()  # as Gradio does with what has expired; the initial values come back
        count += 1
        for key in held[name]:
            users[key] -= 1
            if users[key] == 0:
                total -= sizes[key]
    return count
