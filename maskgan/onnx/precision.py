"""Models in half precision and with 8-bit weights and activations, from those in float32."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from maskgan.onnx.comparison import Case, answers_of, session_of

#: Parts that are worth 8 bits: the others are small, or their answers are no pictures.
QUANTISED = ("parser", "generator", "generator_kept")

#: Operators that stay in float32: sums and deviations over many pixels.
_WIDE = ("InstanceNormalization", "ReduceSum", "ReduceMean", "Softmax", "ArgMax")


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with float16 weights and arithmetic; its inputs and outputs stay float32."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    blocked = [*DEFAULT_OP_BLOCK_LIST, *_WIDE]
    half = convert_float_to_float16(copy, keep_io_types=True, op_block_list=blocked, disable_shape_infer=False)
    del half.graph.value_info[:]
    _sort(half.graph)
    return half


def _sort(graph: onnx.GraphProto) -> None:
    """Put nodes behind those whose outputs they take; the conversion appends its casts at the end."""
    known = {"", *(value.name for value in (*graph.input, *graph.initializer))}
    waiting, ordered = list(graph.node), []
    while waiting:
        ready = [node for node in waiting if known.issuperset(node.input)]
        if not ready:
            raise ValueError("The nodes of the graph take each other's outputs.")
        ordered += ready
        known.update(name for node in ready for name in node.output)
        waiting = [node for node in waiting if not known.issuperset(node.output)]
    del graph.node[:]
    graph.node.extend(ordered)


def to_int8(model: Path, out: Path, calibration: Sequence[Case]) -> None:
    """Write the model with 8-bit convolutions: weights per channel, activations by their range on the cases."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.rows: Iterator[dict[str, Any]] = iter([dict(case.inputs) for case in calibration])

        def get_next(self) -> dict[str, Any] | None:
            return next(self.rows, None)

    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)  # advice to its own developers
    try:
        quantize_static(
            str(model), str(out), Reader(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
            per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
    finally:
        logger.setLevel(level)


def loss_of_int8(model: Path, evaluation: Sequence[Case]) -> dict[str, float]:
    """How far 8 bits are from torch: `miou` of masks, or mean and largest difference of pictures in grey levels."""
    session = session_of(model)
    pairs = [(case.answers, answers_of(session, case.inputs)) for case in evaluation]
    if "mask" in pairs[0][0]:
        return {"miou": mean_iou(*(np.concatenate([pair[i]["mask"] for pair in pairs]) for i in (0, 1)))}
    away = [np.abs(expected["image"] - answer["image"]) * 127.5 for expected, answer in pairs]
    mean, largest = np.mean([levels.mean() for levels in away]), max(levels.max() for levels in away)
    return {"grey_levels_mean": float(mean), "grey_levels_max": float(largest)}


def mean_iou(one: np.ndarray, other: np.ndarray) -> float:
    """Mean intersection over union of two label maps of one shape, over the classes that either has."""
    classes = np.union1d(one, other)
    return float(np.mean([((one == c) & (other == c)).sum() / ((one == c) | (other == c)).sum() for c in classes]))
