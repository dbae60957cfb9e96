"""The parts that networks are exported in: modules of plain tensors, their inputs and outputs with named axes.

Label maps go in as uint8 and become one-hot inside. Enc_style and the backbone are parts of their own, because a style
is encoded once per photo and drawn many times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES, flip_planes, one_hot
from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import MaskVAE
from maskgan.networks.region_style import GRID
from maskgan.sizes import CROP_SIZE, DRAWN_STEP, NETWORK_SIZE
from maskgan.styles import RegionStyle, VectorStyle

_IMAGE = "RGB, value / 127.5 - 1, in [-1, 1]"
_MASK = "class ids 0..18"


class Port(NamedTuple):
    """An input or output: axes as names or numbers, element type, and what it holds."""

    axes: tuple[str | int, ...]
    about: str
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True)
class Part:
    """What becomes one file.

    module: takes the inputs in order and returns the outputs in order; steps: for each axis with a free length, the
    number that its lengths are multiples of; size: side in pixels that it was trained at.
    """

    name: str
    about: str
    module: nn.Module
    inputs: Mapping[str, Port]
    outputs: Mapping[str, Port]
    steps: Mapping[str, int] = field(default_factory=dict)
    size: int = NETWORK_SIZE


class _Read(nn.Module):
    """`mean_probabilities` with both readings in one batch: half the nodes."""

    def __init__(self, parser: FaceParser) -> None:
        super().__init__()
        self.parser = parser

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        both = self.parser(torch.cat([image, image.flip(-1)])).softmax(1)  # 2 N, 19, H, W
        there, mirrored = both.unflatten(0, (2, -1)).unbind(0)
        mean = (there + flip_planes(mirrored)) / 2
        probabilities = F.avg_pool2d(mean, 3, 1, 1, count_include_pad=False)
        return probabilities, probabilities.argmax(1).to(torch.uint8)


class _EncodeStyle(nn.Module):
    def __init__(self, dmn: DenseMappingNetwork) -> None:
        super().__init__()
        self.dmn = dmn

    def forward(self, image: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.dmn.encode_style(image, mask))


class _DrawByRegion(nn.Module):
    def __init__(self, dmn: DenseMappingNetwork) -> None:
        super().__init__()
        self.dmn = dmn

    def forward(self, mask: Tensor, codes: Tensor, residue: Tensor, kept: Tensor | None = None) -> Tensor:
        # Nothing that is drawn depends on which classes were present.
        return self.dmn.generate(mask, RegionStyle(codes, codes[..., 0], residue), kept)


class _DrawByVector(nn.Module):
    def __init__(self, dmn: DenseMappingNetwork) -> None:
        super().__init__()
        self.dmn = dmn

    def forward(self, mask: Tensor, vector: Tensor) -> Tensor:
        return self.dmn.generate(mask, VectorStyle(vector))


class _EncodeMask(nn.Module):
    def __init__(self, vae: MaskVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.vae.encode(one_hot(mask))


class _DecodeMask(nn.Module):
    def __init__(self, vae: MaskVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, z: Tensor) -> Tensor:
        return self.vae.decode(z)


def parts_of(networks: Mapping[str, ModelMixin]) -> list[Part]:
    """All parts of some networks, which are in eval mode, float32 and on the CPU."""
    makers = {
        "parser": _of_parser, "dmn": _of_dmn, "mask_vae": _of_mask_vae, "alpha_blender": _of_alpha_blender,
    }  # fmt: skip
    return [part for name, make in makers.items() if name in networks for part in make(networks[name])]


def style_names(dmn: DenseMappingNetwork) -> tuple[str, ...]:
    """Names of the arrays that make one of its styles."""
    return (VectorStyle if dmn.config.style_scope == "vector" else RegionStyle)._fields


def _of_parser(parser: FaceParser) -> list[Part]:
    about = "Face parser: class probabilities and the most probable mask; the picture is read as it is and mirrored."
    return [
        Part(
            "parser",
            about,
            _Read(parser),
            {"image": Port(("batch", 3, "height", "width"), _IMAGE)},
            {
                "probabilities": Port(("batch", NUM_CLASSES, "height", "width"), "of the classes, 0..1"),
                "mask": Port(("batch", "height", "width"), _MASK, torch.uint8),
            },
            {"height": parser.side, "width": parser.side},
        )
    ]


def _of_dmn(dmn: DenseMappingNetwork) -> list[Part]:
    config: Any = dmn.config
    if config.style_scope == "vector":
        length = dmn.backbone.style_dim
        style = {"vector": Port(("batch", length), "the style of the whole face")}
        drawn_from, size, draw = style, CROP_SIZE, _DrawByVector(dmn)
        sides: tuple[str, str] = ("height", "width")
        whole_steps = steps = dict.fromkeys(sides, max(32, 2**config.depth))
    else:
        local = config.residue_dim + 1
        style = {
            "codes": Port(("batch", NUM_CLASSES, config.code_dim), "a style code per class"),
            "present": Port(("batch", NUM_CLASSES), "1 where the picture has the class, else 0"),
            "residue": Port(("batch", NUM_CLASSES, local, GRID, GRID), "what cells differ from their class's code"),
        }
        drawn_from = {name: port for name, port in style.items() if name != "present"}
        size, draw = NETWORK_SIZE, _DrawByRegion(dmn)
        sides = ("size", "size")
        whole_steps, steps = {"size": 4 * GRID}, dict.fromkeys(("height", "width"), DRAWN_STEP)
    whole = {
        "image": Port(("batch", 3, *sides), _IMAGE),
        "mask": Port(("batch", *sides), _MASK, torch.uint8),
    }
    about = "Enc_style: the style of a face crop with its mask."
    encoder = Part("style_encoder", about, _EncodeStyle(dmn), whole, style, whole_steps, size)
    mask = Port(("batch", "height", "width"), _MASK, torch.uint8)
    image = Port(("batch", 3, "height", "width"), _IMAGE)
    about = "Generator: a face in the shapes of a mask and in a style, all of it drawn anew."
    parts = [encoder, Part("generator", about, draw, {"mask": mask, **drawn_from}, {"image": image}, steps, size)]
    if config.kept:
        about_kept = "image * known, then 2 * known - 1; known is 1 where pixels are kept, else 0"
        kept = Port(("batch", 4, "height", "width"), about_kept)
        about = "Generator that sees the pixels that are kept, and draws what fits to them."
        inputs = {"mask": mask, **drawn_from, "kept": kept}
        parts.append(Part("generator_kept", about, draw, inputs, {"image": image}, steps, size))
    return parts


def _of_mask_vae(vae: MaskVAE) -> list[Part]:
    size, length = vae.mask_size, vae.config.latent_dim
    mask = Port(("batch", size, size), _MASK, torch.uint8)
    latent = ("batch", length)
    logits = Port(("batch", NUM_CLASSES, size, size), "of the classes; the largest is the mask")
    return [
        Part(
            "mask_encoder", "MaskVAE's encoder: a mask to the normal distribution of its latent vector.",
            _EncodeMask(vae), {"mask": mask},
            {"mean": Port(latent, "of z"), "logvar": Port(latent, "logarithm of z's variance")}, size=size,
        ),
        Part(
            "mask_decoder", "MaskVAE's decoder: latent vectors, also between those of two masks, to masks.",
            _DecodeMask(vae), {"z": Port(latent, "a latent vector, such as a mean")}, {"logits": logits}, size=size,
        ),
    ]  # fmt: skip


def _of_alpha_blender(blender: AlphaBlender) -> list[Part]:
    image = Port(("batch", 3, "height", "width"), _IMAGE)
    alpha = Port(image.axes, "share of the inner picture, 0..1")
    about = "Alpha blender of EBST: alpha * inner + (1 - alpha) * outer is the blended picture."
    step = max(8, 2**blender.config.depth)
    return [
        Part(
            "alpha_blender", about, blender, {"inner": image, "outer": image}, {"alpha": alpha},
            {"height": step, "width": step},
        )
    ]  # fmt: skip
