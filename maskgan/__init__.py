"""MaskGAN Studio: edit a face by painting its semantic mask (Lee et al., CVPR 2020).

>>> from maskgan import MaskGANPipeline, read_photo
>>> pipeline = MaskGANPipeline.load()
>>> face = pipeline.prepare(read_photo("photo.jpg"))
>>> edited = pipeline.edit(face, mask)
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from maskgan.editing.pipeline import MaskGANPipeline as MaskGANPipeline
    from maskgan.images import read_photo as read_photo
    from maskgan.mask_files import read_mask as read_mask
    from maskgan.mask_files import write_mask as write_mask

# ONNX Runtime, which diffusers imports, otherwise writes a machine id and sends telemetry. It reads this variable when
# it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# OpenMP's threads wait for each other at the end of every operation of torch. By default they wait busily for
# milliseconds, which on a busy machine keeps the one that is waited for from running: edits take many times as long.
# About a tenth of a millisecond is as quick on an idle one. OpenMP reads this when torch is first imported.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")

# Public names and their modules, imported on first use: `import maskgan.labels` does not wait for diffusers.
_HOMES = {
    "MaskGANPipeline": "editing.pipeline",
    "read_mask": "mask_files",
    "read_photo": "images",
    "write_mask": "mask_files",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
