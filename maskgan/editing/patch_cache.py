"""Paint that is still at hand: an edit that follows another one paints only where it differs from it."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable

import numpy as np

from maskgan.editing.compositing import Patch
from maskgan.sizes import NETWORK_SIZE
from maskgan.styles import Style

#: How many painted pixels are kept: at most 44 MB together.
_MOST = 32 * NETWORK_SIZE**2


class PatchCache:
    """The last patches of a pipeline, by all that they were painted from, and no longer than the photos that they were
    painted for. Any number of threads may use it."""

    def __init__(self) -> None:
        self._patches: OrderedDict[tuple[int, bytes], Patch] = OrderedDict()
        self._photos: dict[int, weakref.finalize] = {}
        self._gone: deque[int] = deque()
        self._lock = threading.Lock()

    def get(self, photo: np.ndarray, key: bytes, paint: Callable[[], Patch]) -> Patch:
        """The patch for a photo with a key, painted where there is none."""
        place = id(photo), key
        with self._lock:
            self._sweep()
            patch = self._patches.get(place)
            if patch is not None:
                self._patches.move_to_end(place)
                return patch
        patch = paint()
        with self._lock:
            if id(photo) not in self._photos:
                self._photos[id(photo)] = weakref.finalize(photo, self._forget, id(photo))
                self._photos[id(photo)].atexit = False
            self._patches[place] = patch
            while sum(patch.window.pixels**2 for patch in self._patches.values()) > _MOST:
                self._patches.popitem(last=False)
        return patch

    def clear(self) -> None:
        """Forget all patches, as measurements of time need it."""
        with self._lock:
            self._patches.clear()

    def __len__(self) -> int:
        return len(self._patches)

    def _forget(self, photo: int) -> None:
        """Called when a photo is gone; should that happen while the lock is held, the next `get` sees to it."""
        self._gone.append(photo)
        if self._lock.acquire(blocking=False):
            try:
                self._sweep()
            finally:
                self._lock.release()

    def _sweep(self) -> None:
        while self._gone:
            photo = self._gone.popleft()
            self._photos.pop(photo, None)
            for place in [place for place in self._patches if place[0] == photo]:
                del self._patches[place]


def fingerprint(*values: object) -> bytes:
    """Of arrays and of what `repr` tells all about; equal values have equal ones."""
    found = hashlib.blake2b(digest_size=16)
    for value in values:
        if isinstance(value, np.ndarray):
            found.update(repr((value.shape, value.dtype.str)).encode())
            found.update(np.ascontiguousarray(value).data)
        else:
            found.update(repr(value).encode())
    return found.digest()


def fingerprint_of_style(style: Style) -> bytes:
    """Of a style of tensors or of arrays."""
    parts = (part.float().cpu().numpy() if hasattr(part, "cpu") else part for part in style)
    return fingerprint(type(style).__name__, *parts)
