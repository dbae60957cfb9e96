"""The published Dense Mapping Network: one global style vector for the whole picture. MaskGAN section 3.1.

`GlobalStyleEncoder` is Enc_style, `GlobalBackbone` the image generation backbone; both compute what the published code
(switchablenorms/CelebAMask-HQ) computes.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES
from maskgan.networks.conv1x1 import Conv1x1
from maskgan.networks.layers import Decoder, Encoder, ResidualBlock, SpatialFeatureTransform, reflect_conv


class GlobalStyleEncoder(nn.Module):
    """Enc_style: image features modulated by the mask through SFT at two scales, then averaged over the image.

    Args:
        style_dim: length of the style vector (`GlobalBackbone.style_dim`).
        width: channels of the first convolution; the features have four times as many.
    """

    def __init__(self, style_dim: int, width: int = 16, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        features = 4 * width
        self.mask_near = _quartering(num_classes, width)
        self.mask_far = _halvings(features)
        self.image_near = _quartering(3, width)
        self.image_far = _halvings(features)
        self.sft_near = SpatialFeatureTransform(features, features)
        self.sft_far = SpatialFeatureTransform(features, features)
        self.head = Conv1x1(features, style_dim)

    def forward(self, image: Tensor, one_hot: Tensor) -> Tensor:
        """Style vectors (N, style_dim) of RGB images (N, 3, H, W) in [-1, 1] with masks (N, num_classes, H, W).

        H and W are multiples of 32, at least 32.
        """
        # As in the published code, the priors are taken before the activation.
        near_prior = _chain(one_hot, self.mask_near)  # (N, F, H/4, W/4)
        far_prior = _chain(F.relu(near_prior), self.mask_far)  # (N, F, H/32, W/32)
        x = F.relu(_chain(image, self.image_near))  # (N, F, H/4, W/4)
        x = self.sft_near(x, near_prior)
        x = F.relu(_chain(x, self.image_far))  # (N, F, H/32, W/32)
        x = self.sft_far(x, far_prior)
        x = F.adaptive_avg_pool2d(x, 1)  # (N, F, 1, 1)
        return self.head(x).flatten(1)  # (N, style_dim)


class GlobalBackbone(nn.Module):
    """Image generation backbone: encoder, residual blocks with AdaIN (eq. 2), decoder over the one-hot mask.

    Args:
        width: channels at full resolution (ngf of the published code).
        depth: number of stride-2 convolutions, each doubling the channels.
        blocks: residual blocks, with two AdaIN layers each.
    """

    def __init__(self, width: int = 64, depth: int = 4, blocks: int = 4, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        channels = width << depth
        self.encoder = Encoder(num_classes, width, depth)
        self.residual_blocks = nn.ModuleList(ResidualBlock(channels) for _ in range(blocks))
        self.decoder = Decoder(width, depth, 3)
        self.style_dim = blocks * 4 * channels

    def forward(self, one_hot: Tensor, style: Tensor) -> Tensor:
        """RGB images (N, 3, H, W) in [-1, 1] for masks (N, num_classes, H, W) and styles (N, style_dim).

        H and W are multiples of 2**depth, and more than one pixel remains after the halvings.
        """
        x = self.encoder(one_hot)  # (N, C, h, w)
        # The vector is split in layer order, for each layer first the shift (y_i), then the scale (x_i).
        parts = style.unflatten(
            1, (len(self.residual_blocks), 2, 2, -1)
        )  # (N, blocks, layer in block, shift | scale, C)
        for i, block in enumerate(self.residual_blocks):
            x = block(x, [(parts[:, i, layer, 1], parts[:, i, layer, 0]) for layer in range(2)])
        return self.decoder(x).tanh()  # (N, 3, H, W)


def _quartering(in_channels: int, width: int) -> nn.ModuleList:
    return nn.ModuleList(
        (
            reflect_conv(in_channels, width, 7),
            reflect_conv(width, 2 * width, 4, 2),
            reflect_conv(2 * width, 4 * width, 4, 2),
        )
    )


def _halvings(channels: int) -> nn.ModuleList:
    return nn.ModuleList(reflect_conv(channels, channels, 4, 2) for _ in range(3))


def _chain(x: Tensor, convs: nn.ModuleList) -> Tensor:
    """Apply convolutions with ReLU between them and none after the last."""
    x = convs[0](x)
    for conv in convs[1:]:
        x = conv(F.relu(x))
    return x
