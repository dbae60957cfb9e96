"""Alpha Blender B: blends the images of two interpolated masks during EBST. MaskGAN section 3.2."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from maskgan.networks.layers import Decoder, Encoder, ResidualBlock


class AlphaBlender(ModelMixin, ConfigMixin):
    """alpha = B(I^inter, I^outer): one weight per pixel and colour channel, computed as in the published code.

    Args:
        width: channels at full resolution.
        depth: number of stride-2 convolutions, each doubling the channels.
        blocks: residual blocks at the lowest resolution.
    """

    @register_to_config
    def __init__(self, width: int = 32, depth: int = 3, blocks: int = 3) -> None:
        super().__init__()
        self.encoder = Encoder(6, width, depth)
        self.residual_blocks = nn.ModuleList(ResidualBlock(width << depth) for _ in range(blocks))
        self.decoder = Decoder(width, depth, 3)

    def forward(self, inner: Tensor, outer: Tensor) -> Tensor:
        """Alpha (N, 3, H, W) in [0, 1] for two RGB images (N, 3, H, W) in [-1, 1].

        H and W are multiples of 2**depth, and more than one pixel remains after the halvings.
        """
        x = self.encoder(torch.cat((inner, outer), dim=1))
        for block in self.residual_blocks:
            x = block(x)
        return self.decoder(x).sigmoid()


def blend(alpha: Tensor, inner: Tensor, outer: Tensor) -> Tensor:
    """I^blend = alpha * I^inter + (1 - alpha) * I^outer. MaskGAN section 3.2."""
    return alpha * inner + (1 - alpha) * outer
