"""A Space's ZeroGPU: a GPU that is lent for the length of a function call.

There the package `spaces` runs functions under `@spaces.GPU` in a process that it forks, with a GPU, and pickles
their arguments and results. So the networks stay on the CPU here, where they are also what serves when no GPU is to
be had, and only the four methods of the pipeline that run them for a face go over, with arrays and nothing else: no
session, no networks, and of the photo no more than the part that is painted. MaskVAE's masks are made here; one takes
a few milliseconds.

Everywhere else `on_gpu` is without effect and `for_zero_gpu` gives back the pipeline that it was given.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

import gradio as gr
import numpy as np
import torch
from gradio.context import LocalContext
from torch import Tensor
from torch.utils._pytree import tree_map_only

from maskgan.editing.compositing import Patch
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.windows import Window
from maskgan.networks.engine import best_device
from maskgan.networks.layers import example_of
from maskgan.styles import Style

#: Whether this is a Space that is lent GPUs.
ON_ZERO_GPU = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true") and (
    importlib.util.find_spec("spaces") is not None
)
if ON_ZERO_GPU:
    import spaces

#: Longest that a call may hold a GPU; a short time gives visitors an early place in the queue.
SECONDS = 10

#: After a refusal (visitors have a quota, and GPUs can all be taken) the CPU serves for so long before the next try.
PAUSE = 60.0

_pipelines: WeakValueDictionary[int, ZeroGPUPipeline] = WeakValueDictionary()


def on_gpu(task: Callable[..., Any]) -> Callable[..., Any]:
    """`spaces.GPU` on ZeroGPU; elsewhere the function as it is."""
    return spaces.GPU(duration=SECONDS)(task) if ON_ZERO_GPU else task


@on_gpu
def _answer(key: int, method: str, values: Any) -> Any:
    """Call a method in the process with the GPU; tensors travel as arrays, for theirs belong to their process."""
    pipeline, device = _pipelines[key], best_device()
    if example_of(pipeline.dmn).device.type != device:
        torch.set_num_threads(1)  # OpenMP's threads did not come along when the process was forked
        pipeline.to(device)
    values = tree_map_only(_Sent, lambda sent: torch.from_numpy(sent.array).to(device), values)
    answer = getattr(MaskGANPipeline, method)(pipeline, *values)
    return _packed(answer)


class _Sent:
    """A tensor on its way between two processes."""

    def __init__(self, tensor: Tensor) -> None:
        self.array: np.ndarray = tensor.cpu().numpy()


def _packed(values: Any) -> Any:
    return tree_map_only(Tensor, _Sent, values)


class ZeroGPUPipeline(MaskGANPipeline):
    """A pipeline on the CPU whose faces are drawn on a GPU for visitors, whenever one can be had."""

    shares_device = False  # one GPU is asked for at a time
    _cpu_until = 0.0

    def _ask(self, method: str, *values: Any) -> Any:
        # The time counts against the visitor's quota, so that without one there is nobody to ask for.
        if LocalContext.request.get(None) is None or time.monotonic() < self._cpu_until:
            return getattr(super(), method)(*values)
        try:
            answer = _answer(id(self), method, _packed(values))
        except gr.Error as refusal:
            self._cpu_until = time.monotonic() + PAUSE
            print(f"No GPU ({refusal.message}): the CPU serves for the next {PAUSE:g} seconds.")
            return getattr(super(), method)(*values)
        return tree_map_only(_Sent, lambda sent: torch.from_numpy(sent.array), answer)

    def _probabilities(self, crop: np.ndarray) -> np.ndarray:
        return self._ask("_probabilities", crop)

    def encode_style(self, crop: np.ndarray, mask: np.ndarray) -> Style:
        """See `MaskGANPipeline.encode_style`."""
        return self._ask("encode_style", crop, mask)

    def generate(self, mask: np.ndarray, style: Style) -> np.ndarray:
        """See `MaskGANPipeline.generate`."""
        return self._ask("generate", mask, style)

    def paint(
        self,
        mask: np.ndarray,
        style: Style,
        photo: np.ndarray,
        unknown: np.ndarray,
        window: Window,
        complete: bool = True,
        hair: np.ndarray | None = None,
    ) -> Patch:
        """See `MaskGANPipeline.paint`."""
        return self._ask("paint", mask, style, photo, unknown, window, complete, hair)


def for_zero_gpu(pipeline: MaskGANPipeline) -> MaskGANPipeline:
    """The same networks (on the CPU) and weights, drawn with on ZeroGPU's GPUs; elsewhere the pipeline itself."""
    if not ON_ZERO_GPU:
        return pipeline
    served = ZeroGPUPipeline(**pipeline.networks)
    served.weights = pipeline.weights
    _pipelines[id(served)] = served
    return served
