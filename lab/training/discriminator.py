"""The conditional discriminators D_1,2 of MaskGAN eq. (7): one architecture (PatchGAN) at two scales.

As in Pix2PixHD (Wang et al., CVPR 2018) the second one sees the input at half the resolution, and all layers'
features are returned for feature matching.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES


class PatchDiscriminator(nn.Module):
    """Stride-2 4x4 convolutions with instance norm and leaky ReLU; a score per patch at the end."""

    def __init__(self, in_channels: int, width: int, layers: int) -> None:
        super().__init__()
        channels = [in_channels, *(min(width << i, width * 8) for i in range(layers + 1))]
        strides = [2] * layers + [1]
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 4, stride, 2, bias=i == 0)
            for i, (inputs, outputs, stride) in enumerate(zip(channels[:-1], channels[1:], strides, strict=True))
        )
        self.score = nn.Conv2d(channels[-1], 1, 4, 1, 2)

    def forward(self, x: Tensor) -> list[Tensor]:
        features = []
        for i, conv in enumerate(self.convs):
            x = conv(x)
            x = F.leaky_relu(x if i == 0 else F.instance_norm(x), 0.2)
            features.append(x)
        return [*features, self.score(x)]


class MultiscaleDiscriminator(nn.Module):
    """D_1 and D_2 on mask planes and image side by side.

    Args:
        width: channels of the first layer (ndf; published: 64).
        layers: halvings before the last two convolutions (published: 4).
        scales: how many discriminators, each at half the resolution of the one before.
        unshuffle: fold blocks of so many pixels into channels first (published: 1). 2 sees all that 1 sees at a
            quarter of the cost, which is what makes adversarial training on a CPU bearable.
    """

    def __init__(self, width: int = 64, layers: int = 4, scales: int = 2, unshuffle: int = 1) -> None:
        super().__init__()
        self.unshuffle = unshuffle
        channels = NUM_CLASSES + 3 * unshuffle**2
        self.scales = nn.ModuleList(PatchDiscriminator(channels, width, layers) for _ in range(scales))

    def forward(self, image: Tensor, planes: Tensor) -> list[list[Tensor]]:
        """Images (N, 3, H, W) with one-hot masks (N, 19, H, W) -> per scale the features, the score map last."""
        answers = []
        for discriminator in self.scales:
            shares = F.avg_pool2d(planes, self.unshuffle) if self.unshuffle > 1 else planes
            answers.append(discriminator(torch.cat([shares, F.pixel_unshuffle(image, self.unshuffle)], 1)))
            image, planes = (F.avg_pool2d(x, 3, 2, 1, count_include_pad=False) for x in (image, planes))
        return answers
