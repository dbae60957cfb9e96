"""The projected discriminator (Sauer et al., Projected GANs Converge Faster, NeurIPS 2021).

It judges not pixels but the features that a frozen network trained on photographs has of them, at four resolutions,
mixed over channels and scales by convolutions that stay random: so no direction of the features goes unseen, and
training soon knows a photograph's texture. Unlike in the paper each head also sees the mask and the hole, and one more
head may see the pixels themselves: the features forgive patterns of single pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from maskgan.labels import NUM_CLASSES

#: Channels of the mixed features, fine to coarse.
MIXED = (32, 64, 64, 128)

#: Halvings of each head, so that all scores are of about the same places.
_HALVINGS = (2, 2, 1, 0)


class RandomMixing(nn.Module):
    """CCM and CSM: features mixed over channels, then from coarse to fine over scales. Never trained.

    Args:
        channels: of the maps, fine to coarse, each at half the resolution of the one before.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.over_channels = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1) for inputs, outputs in zip(channels, MIXED, strict=True)
        )
        self.over_scales = nn.ModuleList(nn.Conv2d(coarse, fine, 3, padding=1) for fine, coarse in pairwise(MIXED))
        generator = torch.Generator().manual_seed(0)  # the same ones in every process and run
        for conv in (*self.over_channels, *self.over_scales):
            fan_in = conv.weight[0].numel()
            nn.init.normal_(conv.weight, std=(2 / fan_in) ** 0.5, generator=generator)
            nn.init.zeros_(conv.bias)
        self.requires_grad_(False)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps (N, C, h, w), fine to coarse -> as many mixed ones at the same resolutions."""
        own = [mix(layer) for mix, layer in zip(self.over_channels, maps, strict=True)]
        mixed = [own[-1]]
        for mix, layer in zip(reversed(self.over_scales), reversed(own[:-1]), strict=True):
            coarse = F.interpolate(mixed[0], size=layer.shape[-2:], mode="bilinear", align_corners=False)
            mixed.insert(0, mix(coarse) + layer)
        return mixed


def _head(inputs: int, halvings: int) -> nn.Sequential:
    """Stride-2 convolutions with spectral norm, then one score for each place."""
    layers: list[nn.Module] = []
    for number in range(halvings):
        outputs = min(128, 64 << number)
        layers += [spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1)), nn.LeakyReLU(0.2)]
        inputs = outputs
    layers += [spectral_norm(nn.Conv2d(inputs, 64, 3, padding=1)), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, spectral_norm(nn.Conv2d(64, 1, 3, padding=1)))


def pixels(image: Tensor) -> Tensor:
    """What the head on pixels sees of images (N, 3, H, W): cells of 2 x 2 pixels, (N, 12, H/2, W/2)."""
    return F.pixel_unshuffle(image, 2)


class ProjectedDiscriminator(nn.Module):
    """A head per resolution on the mixed features, the mask's planes and the hole side by side.

    Args:
        sees_pixels: whether a head on `pixels` comes before them, of patches of about 50 px.
    """

    def __init__(self, sees_pixels: bool = False) -> None:
        super().__init__()
        looks = list(zip(MIXED, _HALVINGS, strict=True))
        if sees_pixels:
            looks.insert(0, (12, 2))
        self.heads = nn.ModuleList(_head(channels + NUM_CLASSES + 1, halvings) for channels, halvings in looks)

    def forward(self, mixed: Sequence[Tensor], condition: Tensor) -> list[Tensor]:
        """What each head looks at, conditions (N, 20, H, W): one-hot mask and hole -> a score map (N, 1, h, w) each."""
        return [
            head(torch.cat([layer, F.adaptive_avg_pool2d(condition, layer.shape[-2:])], 1))
            for head, layer in zip(self.heads, mixed, strict=True)
        ]
