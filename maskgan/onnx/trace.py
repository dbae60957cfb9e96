"""A part of the networks -> an ONNX model: named axes, metadata, and nothing of the computer that it was made on."""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
import torch._dynamo
from torch.export import Dim
from torch.fx import config as fx_config

from maskgan.labels import NUM_CLASSES, PALETTE, PART_NAMES
from maskgan.onnx.parts import Part, Port

#: Version of the operators: the newest that ONNX Runtime in browsers and on phones has had for years.
OPSET = 18

_SOURCE = "MaskGAN Studio"

#: Lengths while tracing, in steps; the tracer takes lengths of 0 and 1 for constants.
_BATCH, _STEPS = 2, 3


def traced(part: Part) -> onnx.ModelProto:
    """The part as a model whose free axes have any length.

    Raises:
        RuntimeError: the tracer could not do it, or only for some lengths.
    """
    ports = part.inputs.values()
    arguments = tuple(_zeros(part, port) for port in ports)
    # One symbol by axis; the model computes with lengths in steps, so that halvings are known to be exact.
    symbols = {"batch": Dim("batch")} | {axis: step * Dim(f"{axis}_steps") for axis, step in part.steps.items()}
    shapes = tuple({i: symbols[axis] for i, axis in enumerate(port.axes) if axis in symbols} for port in ports)
    with torch.no_grad(), _without_bookkeeping(), _silence():
        part.module.eval()(*arguments)  # what it makes once and keeps must not be made while tracing
        # Not in one call, which where an axis turns out to have one length goes on with that length and says nothing.
        graph = torch.export.export(part.module, arguments, dynamic_shapes=shapes, strict=False)
        program = torch.onnx.export(
            graph, dynamo=True, opset_version=OPSET, verbose=False,
            input_names=list(part.inputs), output_names=list(part.outputs),
        )  # fmt: skip
    model = program.model_proto
    _strip(model)
    for values, named in ((model.graph.input, part.inputs), (model.graph.output, part.outputs)):
        for value, port in zip(values, named.values(), strict=True):
            for dimension, axis in zip(value.type.tensor_type.shape.dim, port.axes, strict=True):
                if isinstance(axis, int) != dimension.HasField("dim_value"):
                    raise RuntimeError(f"The axis {axis} of {part.name}'s {value.name} was traced as {dimension}.")
                if isinstance(axis, str):
                    dimension.dim_param = axis
    return model


def _zeros(part: Part, port: Port) -> torch.Tensor:
    lengths = {"batch": _BATCH} | {axis: _STEPS * step for axis, step in part.steps.items()}
    return torch.zeros([lengths.get(axis, axis) for axis in port.axes], dtype=port.dtype)


@contextlib.contextmanager
def _without_bookkeeping() -> Iterator[None]:
    """Spare the tracer what takes half of its time and serves nothing here.

    Looking up operations with symbolic lengths takes longer than to trace them anew; lines of source for each operation
    are stripped anyway; and the garbage collector goes again and again through a graph that is in use.
    """
    stacks, collects = getattr(fx_config, "do_not_emit_stack_traces", False), gc.isenabled()
    fx_config.do_not_emit_stack_traces = True
    gc.disable()
    try:
        with torch._dynamo.config.patch(fake_tensor_cache_enabled=False):
            yield
    finally:
        fx_config.do_not_emit_stack_traces = stacks
        if collects:
            gc.enable()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the tracer's remarks to its developers from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.__trace")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _strip(model: onnx.ModelProto) -> None:
    """Take out what the tracer tells of source files, and the shapes of intermediate values under its own symbols."""
    graph = model.graph
    graph.name, graph.doc_string, model.doc_string = "", "", ""
    del graph.value_info[:], graph.metadata_props[:], model.metadata_props[:]
    for item in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]


def describe(model: onnx.ModelProto, part: Part, precision: str, weights: str, licence: str) -> None:
    """Write into the model what somebody needs who has nothing but the file."""
    model.producer_name, model.graph.name = _SOURCE, part.name
    model.doc_string = part.about
    ports = {
        kind: {name: {"axes": port.axes, "holds": port.about} for name, port in named.items()}
        for kind, named in (("inputs", part.inputs), ("outputs", part.outputs))
    }
    steps = {"batch": 1, **part.steps}
    properties = {
        "part": part.name,
        "about": part.about,
        "classes": json.dumps(PART_NAMES),
        "palette": json.dumps(PALETTE[:NUM_CLASSES].tolist()),
        "size": str(part.size),
        "value_range": "[-1, 1]",
        "multiples": json.dumps(steps),
        **{kind: json.dumps(named) for kind, named in ports.items()},
        "precision": precision,
        "weights_hash": weights,
        "licence": licence,
        "source": _SOURCE,
    }
    onnx.helper.set_model_props(model, properties)
