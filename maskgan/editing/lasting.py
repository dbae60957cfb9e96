"""What was worked out and is still at hand: an edit that follows another one does only what differs from it."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np

from maskgan.styles import Style

T = TypeVar("T")


class LastingCache(Generic[T]):
    """The last results, by what they belong to and all else that they follow from, and no longer than what they belong
    to: a photo, a mask, a face, which nobody changes. Any number of threads may use it.

    Args:
        most: how much is kept.
        size: of a result, in the same units.
    """

    def __init__(self, most: int, size: Callable[[T], int]) -> None:
        self._most, self._size = most, size
        self._results: OrderedDict[tuple[int, bytes], T] = OrderedDict()
        self._owners: dict[int, weakref.finalize] = {}
        self._gone: deque[int] = deque()
        self._lock = threading.Lock()
        self._total = 0

    def get(self, owner: object, key: bytes, make: Callable[[], T]) -> T:
        """The result for an owner with a key, made where there is none."""
        result = self.find(owner, key)
        if result is None:
            result = make()
            self.keep(owner, key, result)
        return result

    def find(self, owner: object, key: bytes) -> T | None:
        """The result for an owner with a key, where there is one."""
        place = id(owner), key
        with self._lock:
            self._sweep()
            result = self._results.get(place)
            if result is not None:
                self._results.move_to_end(place)
            return result

    def keep(self, owner: object, key: bytes, result: T) -> None:
        """Keep a result; those that were used longest ago make room."""
        with self._lock:
            if id(owner) not in self._owners:
                self._owners[id(owner)] = weakref.finalize(owner, self._forget, id(owner))
                self._owners[id(owner)].atexit = False
            self._drop((id(owner), key))
            self._results[id(owner), key] = result
            self._total += self._size(result)
            while self._total > self._most:
                self._drop(next(iter(self._results)))

    def clear(self) -> None:
        """Forget all results, as measurements of time need it."""
        with self._lock:
            self._results.clear()
            self._total = 0

    def __len__(self) -> int:
        return len(self._results)

    def _forget(self, owner: int) -> None:
        """Called when an owner is gone; should that happen while the lock is held, the next `get` sees to it."""
        self._gone.append(owner)
        if self._lock.acquire(blocking=False):
            try:
                self._sweep()
            finally:
                self._lock.release()

    def _sweep(self) -> None:
        while self._gone:
            owner = self._gone.popleft()
            self._owners.pop(owner, None)
            for place in [place for place in self._results if place[0] == owner]:
                self._drop(place)

    def _drop(self, place: tuple[int, bytes]) -> None:
        """Forget the result at a place, if there is one."""
        result = self._results.pop(place, None)
        if result is not None:
            self._total -= self._size(result)


def fingerprint(*values: object) -> bytes:
    """Of arrays and of what `repr` tells all about; equal values have equal ones.

    SHA-1 takes a third of BLAKE2's time where the processor has instructions for it, and guards nothing here.
    """
    found = hashlib.sha1(usedforsecurity=False)
    for value in values:
        if isinstance(value, np.ndarray):
            found.update(repr((value.shape, value.dtype.str)).encode())
            found.update(np.packbits(value) if value.dtype == bool else np.ascontiguousarray(value))
        else:
            found.update(repr(value).encode())
    return found.digest()


def fingerprint_of_style(style: Style) -> bytes:
    """Of a style of tensors or of arrays."""
    parts = (part.float().cpu().numpy() if hasattr(part, "cpu") else part for part in style)
    return fingerprint(type(style).__name__, *parts)
