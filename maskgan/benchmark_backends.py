"""Generators in every backend, for `maskgan.benchmark`: each in a process of its own, so that memory tells them apart.

What is timed is the drawing alone, from a label map and an encoded style (and kept pixels, where the network sees them)
to the picture. Networks and inputs come in a folder; ONNX files are written there first.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from maskgan.images import to_tensor
from maskgan.networks.bfloat16 import bfloat16_allowed, cpu_multiplies_bfloat16
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.kept_pixels import kept_pixels

#: What runs a generator.
COMPILED = "torch.compile"
BFLOAT16 = "torch bf16"
BACKENDS = ("torch", BFLOAT16, COMPILED, "onnx fp32", "onnx int8")

#: What ONNX files are written and run with.
_ONNX = ("onnx", "onnxscript", "onnxruntime")

#: Seconds that a backend may take to open and for one picture, for its first one where it compiles, and to end.
_PATIENCE, COMPILING, _ENDING = 300, 60, 20

#: Side of the square matrices whose product tells what the CPU can do.
MATRIX = 1536

Inputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Generator:
    """A generator to be timed: its network, and by size the inputs that it is given."""

    dmn: DenseMappingNetwork
    inputs: Mapping[int, Inputs]

    @property
    def parameters(self) -> int:
        """Of what draws."""
        return sum(parameter.numel() for parameter in self.dmn.backbone.parameters())

    def gflop(self, size: int) -> float:
        """Multiplications and additions of its layers as they are written, in 1e9, whatever a backend makes of them."""
        with torch.enable_grad(), FlopCounterMode(display=False) as counter:  # gradients: no shorter way is taken
            module_of(self.dmn)(*_tensors(self.inputs[size]))
        return counter.get_total_flops() / 1e9


@torch.inference_mode()
def inputs_for(dmn: DenseMappingNetwork, crop: np.ndarray, before: np.ndarray, after: np.ndarray) -> Inputs:
    """What a generator is given for an edit of a crop (S, S, 3) uint8 from one mask (S, S) to another, by name."""
    image, mask = to_tensor(crop), torch.from_numpy(before.astype(np.int64))[None]
    style = dmn.encode_style(image, mask)._asdict()
    style.pop("present", None)
    given = {"mask": torch.from_numpy(after.astype(np.uint8))[None], **style}
    if dmn.config.kept:
        given["kept"] = kept_pixels(image, torch.from_numpy(before == after)[None, None].float())
    return {name: value.numpy() for name, value in given.items()}


def module_of(dmn: DenseMappingNetwork) -> nn.Module:
    """What draws, as a module of plain tensors in the order of `inputs_for`."""
    return _part_of(dmn).module.eval()


def _part_of(dmn: DenseMappingNetwork) -> Any:
    from maskgan.onnx.parts import parts_of

    return parts_of({"dmn": dmn})[-1]


def _tensors(inputs: Inputs) -> list[torch.Tensor]:
    return [torch.from_numpy(value) for value in inputs.values()]


def matrix_gflops() -> float:
    """GFLOP/s of one product of two large matrices, with as many threads as torch has."""
    one, other = torch.rand(MATRIX, MATRIX), torch.rand(MATRIX, MATRIX)
    began = time.perf_counter()
    torch.mm(one, other)
    return 2 * MATRIX**3 / (time.perf_counter() - began) / 1e9


class Runner:
    """A generator in a backend, in its own process; `reason`: one line where it cannot run, else None."""

    def __init__(self, process: Any, pipe: Connection) -> None:
        self.process, self.pipe = process, pipe
        self.reason: str | None = self._answer()

    def draw(self, size: int, patience: float = _PATIENCE) -> tuple[float, float | None]:
        """Seconds of one picture, and megabytes of memory that the process has had at most so far.

        Raises RuntimeError with one line when it fails, or takes longer than `patience` seconds; it is ended then.
        """
        self.pipe.send(size)
        answer = self._answer(patience)
        if isinstance(answer, str):
            self.reason = answer
            self.process.kill()  # it may be busy for long
            raise RuntimeError(answer)
        return answer

    def _answer(self, patience: float = _PATIENCE) -> Any:
        try:
            return self.pipe.recv() if self.pipe.poll(patience) else f"no answer within {patience:g} s"
        except EOFError:
            return "its process ended, perhaps for want of memory"

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join(_ENDING)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(_ENDING)


@contextmanager
def runner(folder: Path, backend: str, threads: int) -> Iterator[Runner]:
    """A generator that `write` put into a folder, running in a backend until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, folder, backend, threads), daemon=True)
    process.start()
    theirs.close()
    running = Runner(process, ours)
    try:
        yield running
    finally:
        running.close()


def write(generator: Generator, folder: Path, backends: tuple[str, ...] = BACKENDS) -> dict[str, str]:
    """Put a generator and its inputs into a folder for the backends; gives the reason for each that cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    generator.dmn.save_pretrained(folder)
    for size, inputs in generator.inputs.items():
        np.savez(folder / f"{size}.npz", **inputs)
    reasons = {}
    if BFLOAT16 in backends and not cpu_multiplies_bfloat16():
        reasons[BFLOAT16] = "this CPU has no instructions for bfloat16"
    wanted = [name for name in backends if name.startswith("onnx")]
    missing = [name for name in _ONNX if find_spec(name) is None]
    if not wanted:
        return reasons
    if missing:
        return reasons | dict.fromkeys(
            wanted, f"{missing[0]} is not installed (pip install -r requirements-export.txt)"
        )
    import onnx

    from maskgan.onnx.comparison import case
    from maskgan.onnx.precision import to_int8
    from maskgan.onnx.trace import traced

    part = _part_of(generator.dmn)
    model = folder / "onnx fp32.onnx"
    try:
        onnx.save(traced(part), model)
        if "onnx int8" in wanted:
            smallest = generator.inputs[min(generator.inputs)]
            to_int8(model, folder / "onnx int8.onnx", [case(part, smallest)])
    except (RuntimeError, ValueError, MemoryError) as error:
        reasons |= {name: _line(error) for name in wanted if not (folder / f"{name}.onnx").is_file()}
    return reasons


def _work(pipe: Connection, folder: Path, backend: str, threads: int) -> None:
    """Serve `Runner.draw` in a process."""
    torch.set_num_threads(threads)
    inputs = {int(path.stem): dict(np.load(path)) for path in folder.glob("*.npz")}
    try:
        draw = _opened(folder, backend, threads)
        pipe.send(None)
        while True:
            size = pipe.recv()
            began = time.perf_counter()
            draw(inputs[size])
            pipe.send((time.perf_counter() - began, _peak_megabytes()))
    except EOFError:
        return  # the other end is closed
    except Exception as error:
        pipe.send(_line(error))
        raise SystemExit(1) from error


def _opened(folder: Path, backend: str, threads: int) -> Callable[[Inputs], object]:
    if backend.startswith("onnx"):
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        session = ort.InferenceSession(str(folder / f"{backend}.onnx"), options, providers=["CPUExecutionProvider"])
        return lambda inputs: session.run(None, inputs)
    dmn = DenseMappingNetwork.from_pretrained(folder).eval()
    module, vector = module_of(dmn), dmn.config.style_scope == "vector"
    drawing = torch.compile(module, dynamic=False) if backend == COMPILED else module

    @torch.inference_mode()
    def draw(inputs: Inputs) -> object:
        return drawing(*_tensors(inputs))

    @torch.inference_mode()
    def draw_in_bfloat16(inputs: Inputs) -> object:
        # The studio network as the app draws with it; the published one, which has no way of its own, as torch would.
        with bfloat16_allowed(), torch.autocast("cpu", torch.bfloat16, enabled=vector):
            return drawing(*_tensors(inputs))

    return draw_in_bfloat16 if backend == BFLOAT16 else draw


def _peak_megabytes() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _line(error: BaseException) -> str:
    """The first line of what an error says."""
    said = str(error).strip().splitlines()
    return (said[0] if said else type(error).__name__)[:160]
