"""Converts the weights of the published MaskGAN networks (switchablenorms/CelebAMask-HQ) to this project's.

The published tensor names are indices into long `nn.Sequential`s; only this module knows them. Checkpoints differ in
what they hold besides weights: a prefix of `nn.DataParallel`, buffers that nothing reads, tensors of other things. All
that is no reason to refuse one; an `Account` tells what was done about it.
"""

from __future__ import annotations

import pickle
import re
import struct
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.global_style import GlobalBackbone, GlobalStyleEncoder
from maskgan.networks.mask_vae import MaskVAE

Tensors = Mapping[str, Tensor]

#: What torch and safetensors raise on damaged files; the unpickler may fail with any of these.
DAMAGED = (
    SafetensorError,
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
)


#: What `nn.DataParallel` puts before every name.
PARALLEL = "module."

#: Buffers of normalisation layers. The published AdaIN has running statistics that its forward never reads; the
#: counter is read in training only, and checkpoints of torch before 0.4.1 have none.
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_COUNTER = "num_batches_tracked"


class Account(NamedTuple):
    """How the names in a file differ from those of the network that was read from it; each a tuple of names."""

    unread: tuple[str, ...] = ()  #: buffers that no computation reads, left out
    added: tuple[str, ...] = ()  #: counters of training steps that the file lacks, set to 0
    others: tuple[str, ...] = ()  #: tensors that belong to something else, left out
    prefix: str = ""  #: what stood before every name


class PublishedNetwork(NamedTuple):
    """A converted network, ready for `model = Class(**config); model.load_state_dict(state_dict)`."""

    kind: str  #: "dense_mapping", "mask_vae" or "alpha_blender"
    config: dict[str, Any]
    state_dict: dict[str, Tensor]
    account: Account = Account()


def load_published(path: str | Path) -> PublishedNetwork:
    """Read a published generator, MaskVAE or alpha blender from a .safetensors or .pth file.

    No code in the file is run. Raises ValueError, with one sentence for the user, when the file is damaged, contains
    anything but tensors, or is none of the published networks; OSError when it cannot be opened.
    """
    path = Path(path)
    state, prefix = _read_tensors(path), ""
    while state and all(name.startswith(PARALLEL) for name in state):
        state, prefix = {name.removeprefix(PARALLEL): tensor for name, tensor in state.items()}, prefix + PARALLEL
    for telling, convert in (
        ("enc_style.model.0.conv.weight", convert_dmn),
        ("e1.weight", convert_mask_vae),
        ("model.1.weight", convert_alpha_blender),
    ):
        if telling in state:
            network = convert(state)
            return network._replace(account=network.account._replace(prefix=prefix))
    raise ValueError(
        f"{path.name} holds none of the published MaskGAN networks; "
        "choose the file of the generator (latest_net_G.pth), the MaskVAE or the alpha blender."
    )


def convert_dmn(state: Tensors) -> PublishedNetwork:
    """The published generator, as {"backbone.*": GlobalBackbone, "style_encoder.*": GlobalStyleEncoder}.

    `config` has width, depth, blocks, style_width and num_classes. Raises ValueError on other names or shapes.
    """
    what = "the published generator"
    config = {
        **_hourglass_config(state, what),
        "style_width": _size(state, "enc_style.model.0.conv.weight", 0, what),
        "num_classes": _size(state, "model.1.weight", 1, what),
    }
    with torch.device("meta"):
        backbone = GlobalBackbone(config["width"], config["depth"], config["blocks"], config["num_classes"])
        encoder = GlobalStyleEncoder(backbone.style_dim, config["style_width"], config["num_classes"])
    expected = nn.ModuleDict({"backbone": backbone, "style_encoder": encoder}).state_dict()

    modules = {f"backbone.{ours}": theirs for ours, theirs in _hourglass_names(config).items()}
    modules["style_encoder.head"] = "enc_style.model_last.1"
    for i in range(3):
        modules[f"style_encoder.mask_near.{i}"] = f"enc_label.model.{i}.conv"
        modules[f"style_encoder.mask_far.{i}"] = f"enc_label.model_last.{i + 1}.conv"
        modules[f"style_encoder.image_near.{i}"] = f"enc_style.model.{i}.conv"
        modules[f"style_encoder.image_far.{i}"] = f"enc_style.model_middle.{i}.conv"
    for ours, theirs in (("sft_near", "sft1"), ("sft_far", "sft2")):
        for part in ("scale", "shift"):
            for i in range(2):
                modules[f"style_encoder.{ours}.{part}_conv{i}"] = f"enc_style.{theirs}.SFT_{part}_conv{i + 1}"
    own = r"(model|enc_style|enc_label)\."
    return PublishedNetwork("dense_mapping", config, *_rename(state, modules, expected, own, what))


def convert_alpha_blender(state: Tensors) -> PublishedNetwork:
    """The published alpha blender, for `AlphaBlender`. Raises ValueError on other names or shapes."""
    what = "the published alpha blender"
    config = _hourglass_config(state, what)
    with torch.device("meta"):
        expected = AlphaBlender(**config).state_dict()
    names = _hourglass_names(config)
    return PublishedNetwork("alpha_blender", config, *_rename(state, names, expected, r"model\.", what))


def convert_mask_vae(state: Tensors) -> PublishedNetwork:
    """The published MaskVAE, for `MaskVAE`. Raises ValueError on other names or shapes."""
    what = "the published MaskVAE"
    depth = _count(state, "e{}.weight", 1, what)
    config = {
        "width": _size(state, "e1.weight", 0, what),
        "latent_dim": _size(state, "fc1.weight", 0, what),
        "depth": depth,
        "num_classes": _size(state, "e1.weight", 1, what),
    }
    with torch.device("meta"):
        expected = MaskVAE(**config).state_dict()

    modules = {"to_mean": "fc1", "to_logvar": "fc2", "from_latent": "d1", "head.1": f"d{depth + 1}"}
    for i in range(depth):
        modules[f"encoder.{i}.0"] = f"e{i + 1}"
        modules[f"encoder.{i}.1"] = f"bn{i + 1}"
    for i in range(depth - 1):
        modules[f"decoder.{i}.0.1"] = f"d{i + 2}"
        modules[f"decoder.{i}.1"] = f"bn{depth + i + 1}"
    return PublishedNetwork("mask_vae", config, *_rename(state, modules, expected, r"(e|d|bn|fc)\d+\.", what))


def _hourglass_config(state: Tensors, what: str) -> dict[str, int]:
    depth = _count(state, "model.{}.weight", 4, what, step=3)
    return {
        "width": _size(state, "model.1.weight", 0, what),
        "depth": depth,
        "blocks": _count(state, "model.{}.conv_block.0.conv.weight", 4 + 3 * depth, what),
    }


def _hourglass_names(config: Mapping[str, int]) -> dict[str, str]:
    """This project's module names -> published ones, for encoder, residual blocks and decoder.

    The published sequence is: pad, conv, norm, ReLU; (conv, norm, ReLU) per downsampling; the blocks; (conv, norm,
    ReLU) per upsampling; pad, conv.
    """
    depth, blocks = config["depth"], config["blocks"]
    first_block = 4 + 3 * depth
    first_up = first_block + blocks
    names = {"encoder.stem": "model.1", "decoder.head": f"model.{first_up + 3 * depth + 1}"}
    for i in range(depth):
        names[f"encoder.downs.{i}"] = f"model.{4 + 3 * i}"
        names[f"decoder.ups.{i}"] = f"model.{first_up + 3 * i}"
    for i in range(blocks):
        for conv in range(2):
            names[f"residual_blocks.{i}.conv{conv}"] = f"model.{first_block + i}.conv_block.{conv}.conv"
    return names


def _rename(
    state: Tensors, modules: Mapping[str, str], expected: Tensors, own: str, what: str
) -> tuple[dict[str, Tensor], Account]:
    """The published tensors under this project's names; none may be missing or of another shape.

    Neither may one be surplus whose name has the form of this network's `own`, a regular expression for the start of
    names: it belongs to a network of another architecture, which computes something else. Buffers are excepted.
    """
    names = {}
    for ours in expected:
        module, _, leaf = ours.rpartition(".")
        names[ours] = f"{modules[module]}.{leaf}"
    lacking = set(names.values()) - set(state)
    added = {name for name in lacking if name.endswith(_COUNTER)}
    if missing := lacking - added:
        raise ValueError(f"The file is not {what}: the tensor {min(missing)} is missing; choose another file.")
    left_over = set(state) - set(names.values())
    unread = {name for name in left_over if name.endswith(_STATISTICS)}
    others = {name for name in left_over - unread if not re.match(own, name)}
    if surplus := left_over - unread - others:
        raise ValueError(f"The file is not {what}: the tensor {min(surplus)} is unknown; choose another file.")
    tensors = {**state, **{name: torch.tensor(0) for name in added}}
    for ours, theirs in names.items():
        if tensors[theirs].shape != expected[ours].shape:
            raise ValueError(
                f"The file is not {what}: the tensor {theirs} has the shape {tuple(tensors[theirs].shape)} "
                f"instead of {tuple(expected[ours].shape)}; choose another file."
            )
    account = Account(*(tuple(sorted(group)) for group in (unread, added, others)))
    return {ours: tensors[theirs] for ours, theirs in names.items()}, account


def _size(state: Tensors, name: str, axis: int, what: str) -> int:
    tensor = state.get(name)
    if tensor is None or tensor.ndim <= axis or tensor.numel() == 0:
        raise ValueError(f"The file is not {what}: the tensor {name} is missing or empty; choose another file.")
    return tensor.shape[axis]


def _count(state: Tensors, pattern: str, first: int, what: str, step: int = 1) -> int:
    """How many of the numbered names exist without a gap, up to 16, so that no file can ask for a huge network."""
    _size(state, pattern.format(first), 0, what)
    return sum(1 for _ in takewhile(lambda i: pattern.format(i) in state, range(first, first + 16 * step, step)))


def _read_tensors(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as file:  # raises OSError outside the try: such a file is not damaged
        try:
            if path.suffix == ".safetensors":
                state = load_file(path)
            else:
                state = torch.load(file, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise ValueError(
                f"{path.name} was not opened, because it is damaged or holds Python code as well as weights; "
                "choose a file that holds a state dict alone."
            ) from error
        except DAMAGED as error:
            raise ValueError(f"{path.name} is damaged or no weights file; download it again.") from error
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    ):
        raise ValueError(f"{path.name} holds more than named tensors; choose a file that holds a state dict alone.")
    return dict(state)
