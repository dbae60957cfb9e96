"""FaceParser: an aligned face crop -> its 19-class label map.

A U-Net in the sense of Ronneberger et al. (MICCAI 2015) with residual blocks (He et al., CVPR 2016).
To be quick on a laptop's CPU it reads the picture through pixel-unshuffle, works at 1/2 to 1/32 of the
resolution and writes the logits back through pixel-shuffle (Shi et al., CVPR 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _ResidualBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = _conv(channels, channels)
        self.conv1 = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv1(self.conv0(x)))


class FaceParser(ModelMixin, ConfigMixin):
    """Face parsing network, 3.9 M parameters at the default widths.

    Args:
        widths: channels at 1/2, 1/4, 1/8, ... of the resolution.
        blocks: residual blocks per level on the way down (one on the way up).

    The picture's sides must be multiples of `2 ** len(widths)`.
    """

    @register_to_config
    def __init__(self, widths: Sequence[int] = (24, 48, 96, 160, 192), blocks: int = 2) -> None:
        super().__init__()
        self.stem = _conv(3 * 4, widths[0])
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        self.merge = nn.ModuleList()
        for fine, coarse in pairwise(widths):
            self.down.append(
                nn.Sequential(_conv(fine, coarse, stride=2), *(_ResidualBlock(coarse) for _ in range(blocks)))
            )
            self.merge.append(nn.Conv2d(coarse, fine, 1))
            self.up.append(_ResidualBlock(fine))
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(widths[-1], widths[-1], 1), nn.Sigmoid())
        self.head = nn.Conv2d(widths[0], NUM_CLASSES * 4, 1)

    def features(self, image: Tensor, levels: int | None = None) -> list[Tensor]:
        """The encoder's feature maps of images (N, 3, H, W) in [-1, 1], fine to coarse.

        `levels` stops early; these features also serve as a perceptual metric (`lab/training/losses.py`).
        """
        maps = [self.stem(F.pixel_unshuffle(image, 2))]  # N, w0, H/2, W/2
        for down in self.down[: None if levels is None else levels - 1]:
            maps.append(down(maps[-1]))  # N, wi, H/2^(i+1), W/2^(i+1)
        return maps

    def forward(self, image: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [-1, 1] -> logits (N, 19, H, W)."""
        side = 2 ** len(self.config.widths)
        if image.shape[-1] % side or image.shape[-2] % side:
            raise ValueError(
                f"The parser needs sides that are multiples of {side}, not {tuple(image.shape[-2:])}; resize the crop."
            )
        maps = self.features(image)
        x = maps[-1] * self.context(maps[-1])
        for skip, merge, up in zip(reversed(maps[:-1]), reversed(self.merge), reversed(self.up), strict=True):
            x = up(skip + F.interpolate(merge(x), size=skip.shape[-2:], mode="bilinear", align_corners=False))
        return F.pixel_shuffle(self.head(x), 2)  # N, 19, H, W

    @torch.no_grad()
    def parse(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> label maps (N, H, W) uint8 and their probability (N, H, W) in 0..1."""
        confidence, mask = self(image).softmax(1).max(1)
        return mask.to(torch.uint8), confidence
