"""Weights from disk that nobody has vouched for: all of a folder is looked at before any of it is served.

`load_checked` reads every file once and both checks and loads those bytes, so that a folder which is overwritten
meanwhile cannot slip in something else, nor reach into networks that serve already (as a memory-mapped file would).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import safetensors.torch
import torch
from diffusers import ModelMixin
from safetensors import SafetensorError

from maskgan.editing.pipeline import CROP_SIZE, MaskGANPipeline, best_device
from maskgan.labels import PALETTE, Label, one_hot
from maskgan.mask_files import resize_mask
from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import MaskVAE
from maskgan.snapshots import INDEX, Weights, combined_hash, read_about, weight_files

#: The networks of a pipeline by name; the first two are needed.
NETWORKS: dict[str, type[ModelMixin]] = {
    "dmn": DenseMappingNetwork,
    "parser": FaceParser,
    "mask_vae": MaskVAE,
    "alpha_blender": AlphaBlender,
}
_NEEDED = ("dmn", "parser")

#: Files that run code when they are opened.
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".npz", ".joblib"}

#: What reading, building and trying out damaged networks raises.
_DAMAGE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RuntimeError,
    MemoryError, SafetensorError, cv2.error,
)  # fmt: skip


class WeightsRefused(ValueError):  # noqa: N818
    """Weights that are not to be served; the message is one sentence that names the folder and what is wrong."""


def load_checked(folder: Path, device: str | None = None) -> MaskGANPipeline:
    """Load a pipeline folder, with or without `snapshot.json`, after everything in it has been checked.

    Checked are: that nothing in it is pickled, format version and file hashes (of a snapshot), names and classes of
    the networks, names and shapes of all tensors, that all values are finite, and one edit of a drawn face.

    Args:
        folder: with `model_index.json` and a folder per network.
        device: as for `MaskGANPipeline.bundled`.

    Raises:
        WeightsRefused: when anything is wrong.
    """
    try:
        _refuse_pickles(folder)
        contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in weight_files(folder)}
        weights = _checked_against_snapshot(folder, contents)
        networks = {name: _network(name, contents) for name in _network_names(contents)}
        pipeline = MaskGANPipeline(**networks).to(device or best_device())
        pipeline.weights = weights
        try_out(pipeline)
    except _DAMAGE as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsRefused(f"The weights {folder.name} were refused: {reason.rstrip('.')}.") from error
    return pipeline


def _refuse_pickles(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PICKLES:
            raise ValueError(f"{path.name} may run code when it is opened; save weights as safetensors only")


def _checked_against_snapshot(folder: Path, contents: Mapping[str, bytes]) -> Weights:
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    about = read_about(folder)
    if about is not None:
        for name in sorted(about["files"].keys() | hashes.keys()):
            if name not in hashes:
                raise ValueError(f"{name} is missing")
            if hashes[name] != about["files"].get(name):
                raise ValueError(f"{name} is not the file that was published")
        if about["hash"] != combined_hash(hashes):
            raise ValueError("the hash in its snapshot.json is not that of its files")
    return Weights.described(combined_hash(hashes), about)


def _file(contents: Mapping[str, bytes], name: str) -> bytes:
    if name not in contents:
        raise ValueError(f"{name} is missing")
    return contents[name]


def _json(contents: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        return dict(json.loads(_file(contents, name)))
    except (TypeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{name} is damaged") from error


def _network_names(contents: Mapping[str, bytes]) -> list[str]:
    index = _json(contents, INDEX)
    if index.get("_class_name") != MaskGANPipeline.__name__:
        raise ValueError(f"it is a {index.get('_class_name')}, not a {MaskGANPipeline.__name__}")
    there = {name: entry for name, entry in index.items() if not name.startswith("_") and entry != [None, None]}
    for name, entry in there.items():
        if name not in NETWORKS or entry != [NETWORKS[name].__module__, NETWORKS[name].__name__]:
            raise ValueError(f"its {name} is no network of MaskGAN Studio")
    for name in _NEEDED:
        if name not in there:
            raise ValueError(f"it has no {name}")
    return [name for name in NETWORKS if name in there]


def _network(name: str, contents: Mapping[str, bytes]) -> ModelMixin:
    """One network; built without memory first, so that a wrong configuration costs none."""
    kind, config = NETWORKS[name], _json(contents, f"{name}/config.json")
    if config.get("_class_name") != kind.__name__:
        raise ValueError(f"its {name} is a {config.get('_class_name')}, not a {kind.__name__}")
    file = f"{name}/diffusion_pytorch_model.safetensors"
    try:
        tensors = safetensors.torch.load(_file(contents, file))
    except SafetensorError as error:
        raise ValueError(f"{file} is damaged") from error
    with torch.device("meta"):
        network = kind.from_config(config)
    wanted = network.state_dict()
    for key in sorted(wanted.keys() | tensors.keys()):
        if key not in tensors:
            raise ValueError(f"the {name} lacks its tensor {key}")
        if key not in wanted:
            raise ValueError(f"the {name} has a tensor {key} which its configuration does not know")
        if tensors[key].shape != wanted[key].shape:
            shapes = " instead of ".join(str(tuple(tensor.shape)) for tensor in (tensors[key], wanted[key]))
            raise ValueError(f"the tensor {key} of the {name} has the shape {shapes}")
        if not tensors[key].isfinite().all():
            raise ValueError(f"the tensor {key} of the {name} holds values that are no numbers")
    network.load_state_dict({key: tensor.to(wanted[key].dtype) for key, tensor in tensors.items()}, assign=True)
    return network


def try_out(pipeline: MaskGANPipeline) -> None:
    """Edit a drawn face at the size that is served, and let MaskVAE redraw its mask.

    Raises ValueError, or what a network that cannot work raises, when the result is no picture of numbers.
    """
    mask = _drawn_mask(CROP_SIZE)
    face = pipeline.prepare((PALETTE[mask] // 2 + 60).astype(np.uint8), None)
    if not np.isfinite(face.confidence).all():
        raise ValueError("the parser answers with values that are no numbers")
    face = pipeline.with_mask(face, mask)
    for picture in (face.reconstruction, pipeline.generate(np.roll(mask, CROP_SIZE // 16, 0), face.style)):
        if picture.shape != (CROP_SIZE, CROP_SIZE, 3):
            raise ValueError(f"the dmn draws pictures of the shape {picture.shape}")
        if not np.isfinite(picture).all():
            raise ValueError("the dmn draws values that are no numbers")
    vae = pipeline.mask_vae
    if vae is not None:
        small = torch.from_numpy(resize_mask(mask, (vae.mask_size, vae.mask_size)))[None]
        with torch.inference_mode():
            planes = one_hot(small.to(vae.device), vae.dtype)
            logits = vae.decode(vae.encode(planes)[0])
        if logits.shape != planes.shape or not logits.isfinite().all():
            raise ValueError("the mask_vae answers with values that are no masks")


def _drawn_mask(size: int) -> np.ndarray:
    """A front view (size, size) uint8: hair, neck, skin, eyes, nose, lips."""
    mask = np.full((size, size), Label.BACKGROUND, np.uint8)
    for label, x, y, width, height in (
        (Label.HAIR, 0.5, 0.42, 0.36, 0.38),
        (Label.NECK, 0.5, 0.85, 0.13, 0.15),
        (Label.SKIN, 0.5, 0.52, 0.26, 0.34),
        (Label.R_EYE, 0.38, 0.45, 0.06, 0.03),
        (Label.L_EYE, 0.62, 0.45, 0.06, 0.03),
        (Label.NOSE, 0.5, 0.55, 0.05, 0.09),
        (Label.U_LIP, 0.5, 0.7, 0.09, 0.03),
        (Label.L_LIP, 0.5, 0.74, 0.08, 0.03),
    ):
        centre, axes = (round(x * size), round(y * size)), (round(width * size), round(height * size))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, int(label), -1)
    return mask
