"""Motions as a few dozen kilobytes: what a tool knew of the way to a mask outlives the server that ran it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from maskgan.editing.warping import Motion
from maskgan.ui.mask_canvas.wire import decode_runs, encode_runs

#: Steps of a packed flow in a pixel, far below what moves a pixel's colour.
_UNIT = 128


def pack_motion(motion: Motion) -> bytes:
    """A motion of a mask (H, W) as bytes: the mask's runs, a line break, and the flow in 1/128 pixel, deflated."""
    flow = (motion.flow * _UNIT).round().clip(-(2**15), 2**15 - 1).astype("<i2").transpose(2, 0, 1)
    change = np.diff(flow, axis=2, prepend=np.int16(0)).astype("<i2")  # wraps around, and back
    return encode_runs(motion.mask).encode() + b"\n" + zlib.compress(change.tobytes(), 1)


def unpack_motion(packed: bytes, shape: tuple[int, int]) -> Motion:
    """The motion in bytes of `pack_motion`, for a mask of `shape`.

    Raises ValueError with one sentence when they are anything else.
    """
    runs, _, deflated = packed.partition(b"\n")
    size = 2 * 2 * shape[0] * shape[1]
    try:
        plain = zlib.decompressobj().decompress(deflated, size + 1)
        mask = decode_runs(runs.decode("ascii"), shape)
    except (zlib.error, UnicodeDecodeError) as error:
        raise ValueError("A kept motion cannot be read; start fresh.") from error
    if len(plain) != size:
        raise ValueError("A kept motion is of another size; start fresh.")
    change = np.frombuffer(plain, "<i2").reshape(2, *shape)
    flow = np.cumsum(change, axis=2, dtype=np.int16).transpose(1, 2, 0)
    return Motion(mask, np.ascontiguousarray(flow, np.float32) / _UNIT)


@dataclass(frozen=True, eq=False)
class KnownMotion:
    """How pixels got to a mask, from a tool that knows it; `packed` takes a twentieth of the memory."""

    motion: Motion

    @cached_property
    def packed(self) -> bytes:
        """The motion, as `pack_motion` writes it; worked out once."""
        return pack_motion(self.motion)

    @classmethod
    def unpacked(cls, packed: bytes, shape: tuple[int, int]) -> tuple[KnownMotion, ...]:
        """The motion in these bytes, none where there are none; errors as of `unpack_motion`."""
        return (cls(unpack_motion(packed, shape)),) if packed else ()
