"""What a model answers beside what torch answers, on real faces and on random inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import torch

from maskgan.images import read_photo, to_tensor
from maskgan.labels import NUM_CLASSES
from maskgan.mask_files import read_mask, resize_mask
from maskgan.networks.checkpoints import drawn_face
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.onnx.parts import Part

#: Largest difference from torch in any value of an answer (in units of the answer's largest, where that is above 1).
TOLERANCES = {"fp32": 1e-4, "fp16": 1e-2}

#: Largest share of pixels whose most probable class may be another one than torch's: where two are as probable.
_OTHER_CLASSES = {"fp32": 1e-3, "fp16": 1e-2}

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

Arrays = Mapping[str, np.ndarray]


class ExportRefused(RuntimeError):  # noqa: N818
    """A file computes something else than the network; the message says which, and by how much."""


@dataclass(frozen=True)
class Case:
    """Inputs of a part, and what torch answers."""

    inputs: Arrays
    answers: Arrays


class Faces:
    """The example faces with their masks; where there are no examples, a drawn face."""

    def __init__(self, folder: Path = EXAMPLES) -> None:
        self.paths = sorted((folder / "masks").glob("portrait_*.png"))
        self.folder = folder

    @cached_property
    def _whole(self) -> list[tuple[np.ndarray, np.ndarray]]:
        if not self.paths:
            return [drawn_face(512)] * 2
        return [(read_photo(self.folder / "images" / f"{path.stem}.jpg"), read_mask(path)) for path in self.paths]

    def __len__(self) -> int:
        return len(self._whole)

    def at(self, size: int, first: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """`count` pictures (N, size, size, 3) uint8 RGB with masks (N, size, size) uint8, going round."""
        some = [self._whole[(first + number) % len(self)] for number in range(count)]
        pictures = [cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA) for picture, _ in some]
        return np.stack(pictures), np.stack([resize_mask(mask, (size, size), smooth=True) for _, mask in some])


def cases(parts: Mapping[str, Part], name: str, faces: Faces) -> Iterator[Case]:
    """Two faces and random inputs for a part, and torch's answers; of several batches and, where it can, sizes."""
    part = parts[name]
    lengths = [{"batch": 2}, {"batch": 1}]
    if part.steps:
        step = max(part.steps.values())
        smaller = dict.fromkeys(part.steps, 2 * step) | ({"width": 3 * step} if "width" in part.steps else {})
        lengths = [{"batch": 2, **dict.fromkeys(part.steps, part.size)}, {"batch": 3, **smaller}]
    yield real_case(parts, name, faces, 0, 2)
    random = np.random.default_rng(0)
    for chosen in lengths:
        yield case(part, {port: _random(part, port, chosen, random) for port in part.inputs})


@torch.inference_mode()
def case(part: Part, inputs: Arrays) -> Case:
    """The inputs with torch's answers."""
    answers = _tuple(part.module(*(torch.from_numpy(inputs[name]) for name in part.inputs)))
    return Case(inputs, {name: answer.numpy() for name, answer in zip(part.outputs, answers, strict=True)})


def _random(part: Part, name: str, lengths: Mapping[str, int], random: np.random.Generator) -> np.ndarray:
    shape = [lengths.get(axis, axis) for axis in part.inputs[name].axes]
    if name == "mask":
        return random.integers(0, NUM_CLASSES, shape, np.uint8)
    if name in ("image", "inner", "outer"):
        return random.uniform(-1, 1, shape).astype(np.float32)
    if name == "kept":
        known = random.integers(0, 2, (shape[0], 1, *shape[2:])).astype(np.float32)
        photo = random.uniform(-1, 1, (shape[0], 3, *shape[2:])).astype(np.float32)
        return np.concatenate([photo * known, known * 2 - 1], 1)
    return random.normal(size=shape).astype(np.float32)


@torch.inference_mode()
def real_case(parts: Mapping[str, Part], name: str, faces: Faces, first: int, count: int) -> Case:
    """What an editor would give a part, for `count` faces: styles from the encoder, latents from MaskVAE's.

    A face is drawn in the shapes of the next, which keep the pixels whose class is the same.
    """
    part = parts[name]
    pictures, masks = faces.at(part.size, first, count + 1)
    images, masks = to_tensor(pictures), torch.from_numpy(masks)
    image, mask, other = images[:-1], masks[:-1], masks[1:]
    given: dict[str, torch.Tensor] = {"image": image, "mask": mask, "inner": image, "outer": images[1:]}
    if name.startswith("generator"):
        encoder = parts["style_encoder"]
        given |= dict(zip(encoder.outputs, _tuple(encoder.module(image, mask)), strict=True))
        given |= {"mask": other, "kept": kept_pixels(image, (mask == other)[:, None].float())}
    elif name == "mask_decoder":
        given["z"] = parts["mask_encoder"].module(mask)[0]
    return case(part, {port: given[port].numpy() for port in part.inputs})


def _tuple(value: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return value if isinstance(value, tuple) else (value,)


def session_of(model: bytes | Path) -> ort.InferenceSession:
    """A session on the CPU, as an editor opens it."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def answers_of(session: ort.InferenceSession, inputs: Arrays) -> dict[str, np.ndarray]:
    """All outputs by name."""
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def difference(case: Case, answers: Arrays) -> dict[str, float]:
    """By output: the largest difference as a share of its largest value or of 1, or the share of other classes."""
    found = {}
    for name, expected in case.answers.items():
        if expected.shape != answers[name].shape:
            raise ExportRefused(f"{name} has the shape {answers[name].shape} instead of {expected.shape}.")
        if expected.dtype == np.uint8:
            found[name] = float((expected != answers[name]).mean())
        else:
            found[name] = float(np.abs(expected - answers[name]).max() / max(1.0, np.abs(expected).max()))
    return found


def compared(part: Part, model: Path, precision: str, all_cases: list[Case]) -> dict[str, float]:
    """The largest differences of a file over all cases, by output.

    Raises:
        ExportRefused: one is above its tolerance.
    """
    session = session_of(model)
    worst: dict[str, float] = {}
    for each in all_cases:
        for name, value in difference(each, answers_of(session, each.inputs)).items():
            worst[name] = max(worst.get(name, 0.0), value)
    for name, value in worst.items():
        limit = (_OTHER_CLASSES if part.outputs[name].dtype == torch.uint8 else TOLERANCES)[precision]
        if not value <= limit:  # also refuses NaN
            raise ExportRefused(
                f"The exported {part.name} ({precision}) differs from torch by {value:.2g} in its {name}, more than "
                f"{limit:g}; nothing was written."
            )
    return worst
