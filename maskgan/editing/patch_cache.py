"""Paint that is still at hand: an edit that follows another one paints only where it differs from it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from maskgan.editing.compositing import Patch
from maskgan.sizes import NETWORK_SIZE
from maskgan.styles import Style

#: How many patches are kept, and the side in painted pixels of the largest of them: at most 44 MB together.
_MOST, _LARGEST = 32, NETWORK_SIZE


class PatchCache:
    """The last patches of a pipeline, by all that they were painted from. Any number of threads may use it."""

    def __init__(self) -> None:
        self._patches: OrderedDict[bytes, Patch] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes, paint: Callable[[], Patch]) -> Patch:
        """The patch with a key, painted where there is none."""
        with self._lock:
            patch = self._patches.get(key)
            if patch is not None:
                self._patches.move_to_end(key)
                return patch
        patch = paint()
        if patch.window.pixels <= _LARGEST:
            with self._lock:
                self._patches[key] = patch
                while len(self._patches) > _MOST:
                    self._patches.popitem(last=False)
        return patch

    def clear(self) -> None:
        """Forget all patches, as measurements of time need it."""
        with self._lock:
            self._patches.clear()


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
