"""The steps of a history: what each was a result of, packed, since hundreds of them are held for a visitor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from maskgan.editing.lasting import LastingCache
from maskgan.editing.looks import Look
from maskgan.labels import Label
from maskgan.ui.mask_canvas.wire import decode_runs, encode_runs

#: The last masks in runs, which an event looks for in its history several times; at most so many bytes.
_RUNS: LastingCache[bytes] = LastingCache(2**20, len)


def _runs_of(mask: np.ndarray) -> bytes:
    return _RUNS.get(mask, b"", lambda: encode_runs(mask).encode())


@dataclass(frozen=True, eq=False)
class Step:
    """A result: its mask in runs, a small picture of it as a JPEG file, a name, its looks, its packed motion.

    Hundreds of them are held for a visitor, and runs take a fortieth of a mask's memory; shape: of the mask.
    """

    runs: bytes
    shape: tuple[int, int]
    thumbnail: bytes = b""
    label: str = ""
    looks: Mapping[Label, Look] = field(default_factory=dict)
    motion: bytes = b""

    @classmethod
    def of(cls, mask: np.ndarray, *more: Any) -> Step:
        """The step with a mask (H, W) uint8; more: what comes after its shape."""
        return cls(_runs_of(mask), mask.shape, *more)

    @property
    def mask(self) -> np.ndarray:
        """The mask (H, W) uint8, a new one at each call."""
        return decode_runs(self.runs.decode(), self.shape)

    def is_of(self, mask: np.ndarray) -> bool:
        """Whether this is a step with a mask (H, W)."""
        return bool(with_mask((self,), mask))


def with_mask(steps: Sequence[Step], mask: np.ndarray) -> list[int]:
    """The numbers of the steps with a mask (H, W), the newest, which is the last one, first."""
    runs = _runs_of(mask)
    return [number for number in reversed(range(len(steps))) if steps[number].runs == runs]
