"""FaceParser: an aligned face crop -> its 19-class label map.

Two encoders. "efficientnet-lite0" reads the picture with a trunk that was trained on ImageNet and merges its maps from
coarse to fine (a feature pyramid, Lin et al., CVPR 2017). "unet" is a U-Net in the sense of Ronneberger et al. (MICCAI
2015) with residual blocks (He et al., CVPR 2016), for weights of its own alone: it reads the picture through
pixel-unshuffle and writes the logits back through pixel-shuffle (Shi et al., CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES, flip_planes
from maskgan.networks.conv1x1 import Conv1x1
from maskgan.networks.efficientnet_lite import EfficientNetLite0, imagenet_weights
from maskgan.networks.winograd import draws_on_cpu

#: What reads the picture.
ENCODERS = ("efficientnet-lite0", "unet")


def both_ways(parser: nn.Module, image: Tensor) -> tuple[Tensor, Tensor]:
    """Class probabilities (N, 19, H, W) of images (N, 3, H, W) in [-1, 1]: read as they are, and in the mirror.

    `parser` gives logits; the mirror's answer is turned back.
    """
    return parser(image).softmax(1), flip_planes(parser(image.flip(-1)).softmax(1))


def mean_probabilities(parser: nn.Module, image: Tensor) -> Tensor:
    """Class probabilities (N, 19, H, W) of images (N, 3, H, W): the mean of `both_ways` and over 3 x 3 pixels.

    The mirror image evens out what a parser takes for left or right; the 3 x 3 mean takes specks away.
    """
    if draws_on_cpu(image):  # the layout in which convolutions are quicker there
        image = image.contiguous(memory_format=torch.channels_last)
    there, mirrored = both_ways(parser, image)
    return _mean_of_neighbours((there + mirrored) / 2)


def _mean_of_neighbours(x: Tensor) -> Tensor:
    """Means (N, C, H, W) over 3 x 3 pixels; beyond the border there are none."""
    if not draws_on_cpu(x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    for axis in (2, 3):  # one way and then the other takes a third of the time of torch's pooling
        total, inner = x.clone(), x.shape[axis] - 1
        total.narrow(axis, 1, inner).add_(x.narrow(axis, 0, inner))
        total.narrow(axis, 0, inner).add_(x.narrow(axis, 1, inner))
        total.narrow(axis, 1, inner - 1).div_(3)
        total.narrow(axis, 0, 1).div_(2)
        total.narrow(axis, inner, 1).div_(2)
        x = total
    return x


def read(parser: FaceParser, image: Tensor) -> Tensor:
    """Class probabilities (N, 19, S, S) of square images (N, 3, S, S) of any size, read at most at `reading_side`.

    With more pixels a parser sees finer outlines but loses sight of the whole: parts of the ground become hair.
    """
    size = image.shape[-1]
    side = min(max(1, round(size / parser.side)) * parser.side, parser.reading_side)
    if side == size:
        return mean_probabilities(parser, image)
    scaled = F.interpolate(image, size=(side, side), mode="bilinear", align_corners=False, antialias=True)
    return _enlarge(mean_probabilities(parser, scaled), (size, size))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


def _enlarge(x: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = _conv(channels, channels)
        self.conv1 = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv1(self.conv0(x)))


class FaceParser(ModelMixin, ConfigMixin):
    """Face parsing network, 3.2 M parameters with EfficientNet-Lite0, 3.9 M as U-Net at its default widths.

    Args:
        widths: channels at 1/2, 1/4, 1/8, ... of the resolution (U-Net), or of the decoder at 1/2 and at 1/4 to 1/32
            (EfficientNet-Lite0: two numbers).
        blocks: residual blocks per level on the way down, one on the way up (U-Net only).
        encoder: "unet" or "efficientnet-lite0"; folders written before there was a choice are U-Nets.

    The picture's sides must be multiples of 32, or of `2 ** len(widths)` for another U-Net.

    Raises ValueError for another encoder.
    """

    @register_to_config
    def __init__(self, widths: Sequence[int] = (24, 48, 96, 160, 192), blocks: int = 2, encoder: str = "unet") -> None:
        super().__init__()
        pyramid = encoder == "efficientnet-lite0"
        if not pyramid and encoder != "unet":
            raise ValueError(f'A face parser\'s encoder is "unet" or "efficientnet-lite0", not {encoder!r}.')
        #: The picture's sides must be multiples of this.
        self.side = 32 if pyramid else 2 ** len(widths)
        #: Sides that `read` gives it at most: those that it was trained at.
        self.reading_side = 384 if pyramid else 256
        #: About the mean magnitude of `features` on faces, by which a metric that is made of them divides.
        self.feature_scale = 5.0 if pyramid else 1.0
        if pyramid:
            self._build_pyramid(*widths)
        else:
            self._build_unet(widths, blocks)

    def _build_pyramid(self, fine: int, coarse: int) -> None:
        self.trunk = EfficientNetLite0()
        self.merge = nn.ModuleList(Conv1x1(width, coarse) for width in self.trunk.widths)
        self.merge[0] = Conv1x1(self.trunk.widths[0], 32)
        self.up = nn.ModuleList([_conv(coarse + 32, fine), *(_conv(coarse, coarse) for _ in range(3))])
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), Conv1x1(self.trunk.widths[-1], coarse))
        self.head = nn.Conv2d(fine, NUM_CLASSES, 3, padding=1)

    def _build_unet(self, widths: Sequence[int], blocks: int) -> None:
        self.stem = _conv(3 * 4, widths[0])
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        self.merge = nn.ModuleList()
        for fine, coarse in pairwise(widths):
            self.down.append(
                nn.Sequential(_conv(fine, coarse, stride=2), *(_ResidualBlock(coarse) for _ in range(blocks)))
            )
            self.merge.append(Conv1x1(coarse, fine))
            self.up.append(_ResidualBlock(fine))
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), Conv1x1(widths[-1], widths[-1]), nn.Sigmoid())
        self.head = Conv1x1(widths[0], NUM_CLASSES * 4)

    @classmethod
    def on_imagenet(cls) -> FaceParser:
        """A parser to be trained, on the ImageNet trunk; ModuleNotFoundError says what is missing."""
        parser = cls(widths=(48, 64), encoder="efficientnet-lite0")
        parser.trunk.load_state_dict(imagenet_weights())
        return parser

    def features(self, image: Tensor, levels: int | None = None) -> list[Tensor]:
        """The encoder's feature maps of images (N, 3, H, W) in [-1, 1], fine to coarse: at 1/2, 1/4, 1/8, ...

        `levels` stops early; these features also serve as a perceptual metric (`lab/losses.py`).
        """
        if self.config.encoder == "efficientnet-lite0":
            return self.trunk(image, levels)
        maps = [self.stem(F.pixel_unshuffle(image, 2))]  # N, w0, H/2, W/2
        for down in self.down[: None if levels is None else levels - 1]:
            maps.append(down(maps[-1]))  # N, wi, H/2^(i+1), W/2^(i+1)
        return maps

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [-1, 1] -> logits (N, 19, H, W)."""
        side = self.side
        if image.shape[-1] % side or image.shape[-2] % side:
            raise ValueError(
                f"The parser needs sides that are multiples of {side}, not {tuple(image.shape[-2:])}; resize the crop."
            )
        maps = self.features(image)
        if self.config.encoder == "efficientnet-lite0":
            return _enlarge(self._pyramid_logits(maps), image.shape[-2:])
        x = maps[-1] * self.context(maps[-1])
        for skip, merge, up in zip(reversed(maps[:-1]), reversed(self.merge), reversed(self.up), strict=True):
            x = up(skip + _enlarge(merge(x), skip.shape[-2:]))
        return F.pixel_shuffle(self.head(x), 2)  # N, 19, H, W

    def _pyramid_logits(self, maps: list[Tensor]) -> Tensor:
        """Feature maps at 1/2 to 1/32 -> logits at 1/2."""
        x = self.merge[4](maps[4]) + self.context(maps[4])
        for level in (3, 2, 1):
            x = self.up[level](_enlarge(x, maps[level].shape[-2:]) + self.merge[level](maps[level]))
        fine = F.relu(self.merge[0](maps[0]))
        return self.head(self.up[0](torch.cat([_enlarge(x, fine.shape[-2:]), fine], 1)))

    @torch.no_grad()
    def parse(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> label maps (N, H, W) uint8 and their probability (N, H, W) in 0..1."""
        confidence, mask = self(image).softmax(1).max(1)
        return mask.to(torch.uint8), confidence
