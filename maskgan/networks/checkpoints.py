"""Networks to files and back: the only loader of pipeline folders, whose content is untrusted.

`load_networks` reads every file once, then checks and loads those bytes, so that overwriting the folder meanwhile can
neither bypass the checks nor change networks in use (as with memory-mapped files).
Classes come from the registry: no module that a file names is ever imported, and no pickle is opened.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import safetensors.torch
import torch
from diffusers import ModelMixin
from safetensors import SafetensorError
from torch import nn

from maskgan.images import to_tensor
from maskgan.labels import PALETTE, Label, one_hot
from maskgan.mask_files import resize_mask
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.networks.layers import example_of
from maskgan.networks.mask_vae import MaskVAE
from maskgan.networks.registry import NETWORKS, REQUIRED
from maskgan.sizes import NETWORK_SIZE
from maskgan.snapshots import (
    INDEX,
    Weights,
    WeightsRefused,
    combined_hash,
    network_folder,
    read_about,
    weight_files,
)

#: The class that `model_index.json` names.
PIPELINE = "MaskGANPipeline"

CONFIG, TENSORS = "config.json", "diffusion_pytorch_model.safetensors"

#: File name suffixes of formats that run code when they are opened.
_PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy", ".npz", ".joblib"}

#: What reading, building and trying out damaged networks raises.
_DAMAGE = (
    OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RuntimeError,
    MemoryError, SafetensorError, cv2.error,
)  # fmt: skip


def load_networks(folder: Path, device: str) -> tuple[dict[str, ModelMixin], Weights]:
    """Load a pipeline folder, with or without `snapshot.json`, after checking all of it.

    Checked are: absence of pickles, format version and file hashes (of a snapshot), names and classes of the networks,
    names and shapes of all tensors, that all values are finite, and the networks' results for a synthetic face.

    Args:
        folder: with `model_index.json` and a folder per network.
        device: of torch, such as "cpu" or "cuda".

    Returns:
        The networks by name, in eval mode, float32 and without gradients, and the identity of their weights.

    Raises:
        WeightsRefused: something is wrong with the folder.
    """
    with _refusing(folder):
        _refuse_pickles(folder)
        contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in weight_files(folder)}
        weights = _checked_against_snapshot(folder, contents)
        networks = {name: _network(name, contents) for name in _network_names(contents)}
    for network in networks.values():
        nn.Module.to(network, device)  # diffusers' own `to` looks for hooks first, see `example_of`
        network.eval().requires_grad_(False)
    with _refusing(folder):
        try_out(networks)
    return networks, weights


def load_network(folder: Path, name: str) -> ModelMixin:
    """Load one network, with the checks of `load_networks` except the trial; on the CPU, in eval mode and float32.

    Args:
        folder: the network's own folder, or a pipeline folder, weights folder or run that contains it.
        name: of the registry.

    Raises:
        FileNotFoundError: the folder has no such network.
        WeightsRefused: something is wrong with it.
    """
    place = network_folder(folder, name)
    with _refusing(place):
        _refuse_pickles(place)
        contents = {f"{name}/{path.relative_to(place).as_posix()}": path.read_bytes() for path in weight_files(place)}
        return _network(name, contents).eval()


def save_networks(folder: Path, networks: Mapping[str, ModelMixin]) -> None:
    """Write a pipeline folder: `model_index.json`, and per network a configuration and safetensors.

    The paths that networks were loaded from are left out, so that equal networks give equal files.
    """
    for name, network in networks.items():
        network.save_pretrained(folder / name)
        config = json.loads((folder / name / CONFIG).read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        _write_json(folder / name / CONFIG, config)
    classes = {name: [type(network).__module__, type(network).__name__] for name, network in networks.items()}
    _write_json(folder / INDEX, {"_class_name": PIPELINE, **classes})


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


@contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise WeightsRefused(f"The weights {folder.name} were refused: {reason.rstrip('.')}.") from error


def _refuse_pickles(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PICKLES:
            raise ValueError(f"{path.name} may run code when it is opened; save weights as safetensors only")
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise ValueError(f"{path.name} is a pipe or device, and no file")


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
    """Names of the networks in `model_index.json`, in the registry's order."""
    index = _json(contents, INDEX)
    if index.get("_class_name") != PIPELINE:
        raise ValueError(f"it is a {index.get('_class_name')}, not a {PIPELINE}")
    entries = {name: entry for name, entry in index.items() if not name.startswith("_") and entry != [None, None]}
    for name, entry in entries.items():
        if name not in NETWORKS or not _names_class(entry, NETWORKS[name]):
            raise ValueError(f"its {name} is no network of MaskGAN Studio")
    for name in REQUIRED:
        if name not in entries:
            raise ValueError(f"it has no {name}")
    return [name for name in NETWORKS if name in entries]


def _names_class(entry: Any, kind: type[ModelMixin]) -> bool:
    """Whether [module, class] names this class, in any module of this package: modules move between versions."""
    match entry:
        case [str(module), str(name)]:
            return module.partition(".")[0] == __name__.partition(".")[0] and name == kind.__name__
    return False


def _network(name: str, contents: Mapping[str, bytes]) -> ModelMixin:
    """One network; built on the meta device first, so that a wrong configuration allocates no memory."""
    kind, config = NETWORKS[name], _json(contents, f"{name}/{CONFIG}")
    if config.get("_class_name") != kind.__name__:
        raise ValueError(f"its {name} is a {config.get('_class_name')}, not a {kind.__name__}")
    _check_config(name, kind, config)
    file = f"{name}/{TENSORS}"
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
            raise ValueError(f"the tensor {key} of the {name} contains NaN or infinity")
    network.load_state_dict({key: tensor.to(wanted[key].dtype) for key, tensor in tensors.items()}, assign=True)
    return network


#: A configuration asks for so many layers in a row at the most, and for so many of anything else, such as channels.
_MAX_LAYERS, _MAX_NUMBER = 64, 2**20


def _check_config(name: str, kind: type[ModelMixin], config: Mapping[str, Any]) -> None:
    """Raise ValueError for a value of another type than the constructor's, or one that would build without end."""
    for key, parameter in inspect.signature(kind.__init__).parameters.items():
        if key in config and not any(
            _fits(config[key], form.strip(), _MAX_LAYERS if key.endswith(("blocks", "depth")) else _MAX_NUMBER)
            for form in str(parameter.annotation).split("|")
        ):
            shown = repr(config[key])
            raise ValueError(f"{key} of the {name} cannot be {shown if len(shown) <= 40 else shown[:40] + '...'}")


def _fits(value: Any, form: str, limit: int) -> bool:
    """Whether a value of JSON is of an annotated form; numbers are within `limit`."""
    match form:
        case "int":
            return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= limit
        case "Sequence[int]":
            return isinstance(value, list) and len(value) <= _MAX_LAYERS and all(_fits(n, "int", limit) for n in value)
        case "float":
            return isinstance(value, (int, float)) and abs(value) <= limit
        case "bool":
            return isinstance(value, bool)
        case "str":
            return isinstance(value, str)
        case "None":
            return value is None
    raise TypeError(f"A constructor's {form} cannot be checked.")


@torch.inference_mode()
def try_out(networks: Mapping[str, ModelMixin]) -> None:
    """Parse and edit a synthetic face at the size that is served, and reconstruct its mask by MaskVAE.

    Raises ValueError when a result has a wrong shape or is not finite, or what a failing network raises.
    """
    picture, ids = drawn_face(NETWORK_SIZE)
    image = to_tensor(picture)
    mask = torch.from_numpy(ids.astype(np.int64))[None]
    _try_parser(networks["parser"], image)
    _try_dmn(networks["dmn"], image, mask)
    if "mask_vae" in networks:
        _try_mask_vae(networks["mask_vae"], ids)


def _try_parser(parser: FaceParser, image: torch.Tensor) -> None:
    logits = parser(image.to(example_of(parser)))
    if logits.shape != (1, len(Label), *image.shape[2:]):
        raise ValueError(f"the parser answers with the shape {tuple(logits.shape)}")
    if not logits.softmax(1).isfinite().all():
        raise ValueError("the parser's answer contains NaN or infinity")


def _try_dmn(dmn: DenseMappingNetwork, image: torch.Tensor, mask: torch.Tensor) -> None:
    image, mask = image.to(example_of(dmn)), mask.to(example_of(dmn).device)
    style = dmn.encode_style(image, mask)
    edited = mask.roll(NETWORK_SIZE // 16, 1)
    tasks = [(mask, None), (edited, None)]
    if dmn.config.kept:
        tasks.append((edited, kept_pixels(image, (edited == mask)[:, None].to(image.dtype))))
    for shapes, kept in tasks:
        picture = dmn.generate(shapes, style, kept)
        if picture.shape != image.shape:
            raise ValueError(f"the dmn draws pictures of the shape {tuple(picture.shape)}")
        if not picture.isfinite().all():
            raise ValueError("the picture that the dmn draws contains NaN or infinity")


def _try_mask_vae(vae: MaskVAE, ids: np.ndarray) -> None:
    small = torch.from_numpy(resize_mask(ids, (vae.mask_size, vae.mask_size)))[None]
    planes = one_hot(small.to(example_of(vae).device), example_of(vae).dtype)
    logits = vae.decode(vae.encode(planes)[0])
    if logits.shape != planes.shape:
        raise ValueError(f"the mask_vae answers with the shape {tuple(logits.shape)}")
    if not logits.isfinite().all():
        raise ValueError("the mask that the mask_vae draws contains NaN or infinity")


def drawn_face(size: int) -> tuple[np.ndarray, np.ndarray]:
    """A front view in flat colours (size, size, 3) uint8 RGB, and its mask: hair, neck, skin, eyes, nose, lips."""
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
    return (PALETTE[mask] // 2 + 60).astype(np.uint8), mask
