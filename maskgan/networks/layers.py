"""Building blocks of the networks: AdaIN, Spatial Feature Transform, residual block, encoder and decoder.

Conditioning (styles, priors) is always an argument and never stored in a layer, so that one network serves concurrent
requests and exports as a plain graph.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.conv1x1 import Conv1x1


def example_of(network: nn.Module) -> Tensor:
    """A parameter of a network, which says where it is and of which type.

    The properties of diffusers' models import hooks for that, and with them torch's compiler, for seconds.
    """
    return next(network.parameters())


def adaptive_instance_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """AdaIN(z, x, y) = x * (z - mu(z)) / sigma(z) + y. MaskGAN eq. (2).

    mu and sigma are taken over the pixels of each plane of each sample (biased variance, `eps` added to it).

    Args:
        x: features z, (N, C, H, W) with more than one pixel per plane.
        gamma: scale (x_i in the paper), (N, C) for the whole plane or a map that broadcasts to (N, C, H, W).
        beta: shift (y_i in the paper), (N, C) or a map that broadcasts to (N, C, H, W).

    Returns:
        (N, C, H, W).
    """
    # Equals the published F.batch_norm(training=True) on a (1, N*C, H, W) view, whose ONNX export is wrong.
    return torch.addcmul(_per_plane(beta), _per_plane(gamma), _normalised(x, eps))


def _normalised(x: Tensor, eps: float) -> Tensor:
    """(z - mu(z)) / sigma(z) by plane."""
    if torch.compiler.is_exporting():
        # ONNX Runtime's own operator sums up all pixels of a plane in float32, which at 512 px costs three digits.
        x = x - _plane_mean(x)
        return x * torch.rsqrt(_plane_mean(x * x) + eps)
    # Group norm with one channel per group is instance norm, and five times faster on a CPU than F.instance_norm.
    return F.group_norm(x, x.shape[1], eps=eps)


def _plane_mean(x: Tensor) -> Tensor:
    """Means (N, C, 1, 1) of planes, by rows first."""
    return x.mean(3, keepdim=True).mean(2, keepdim=True)


def instance_norm(x: Tensor) -> Tensor:
    """Instance norm of planes (N, C, H, W) without scale and shift; biased variance, 1e-5 added to it."""
    return _normalised(x, 1e-5) if torch.compiler.is_exporting() else F.instance_norm(x)


def _per_plane(values: Tensor) -> Tensor:
    return values[:, :, None, None] if values.ndim == 2 else values


class SpatialFeatureTransform(nn.Module):
    """SFT(F | gamma, beta) = gamma * F + beta with (gamma, beta) = Map(psi). MaskGAN section 3.1, after SFT-GAN.

    The map is two 1x1 convolutions with a leaky ReLU (0.1) between them, one pair for gamma and one for beta.
    """

    def __init__(self, channels: int, prior_channels: int) -> None:
        super().__init__()
        self.scale_conv0 = Conv1x1(prior_channels, prior_channels)
        self.scale_conv1 = Conv1x1(prior_channels, channels)
        self.shift_conv0 = Conv1x1(prior_channels, prior_channels)
        self.shift_conv1 = Conv1x1(prior_channels, channels)

    def forward(self, features: Tensor, prior: Tensor) -> Tensor:
        """Modulate image `features` (N, channels, H, W) by the mask's `prior` (N, prior_channels, H, W)."""
        gamma = self.scale_conv1(F.leaky_relu(self.scale_conv0(prior), 0.1))  # (N, channels, H, W)
        beta = self.shift_conv1(F.leaky_relu(self.shift_conv0(prior), 0.1))  # (N, channels, H, W)
        return gamma * features + beta


def reflect_conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with reflection padding: keeps the size at stride 1, halves it with a 4x4 kernel at stride 2."""
    padding = (kernel_size - 1) // 2
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, padding_mode="reflect")


class ResidualBlock(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))) with reflection padding; the norm is AdaIN when a style is given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv0 = reflect_conv(channels, channels, 3)
        self.conv1 = reflect_conv(channels, channels, 3)

    def forward(self, x: Tensor, affines: Sequence[tuple[Tensor, Tensor]] | None = None) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W). `affines`: (gamma, beta) of the two AdaINs; None for plain instance norm."""
        h = self.conv0(x)
        h = adaptive_instance_norm(h, *affines[0]) if affines else instance_norm(h)
        h = self.conv1(F.relu(h))
        h = adaptive_instance_norm(h, *affines[1]) if affines else instance_norm(h)
        return x + h


class Encoder(nn.Module):
    """7x7 stem, then `depth` stride-2 convolutions that double the channels; instance norm and ReLU after each."""

    def __init__(self, in_channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.stem = reflect_conv(in_channels, width, 7)
        self.downs = nn.ModuleList(
            nn.Conv2d(width << i, width << (i + 1), 3, stride=2, padding=1) for i in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, width * 2**depth, H / 2**depth, W / 2**depth)."""
        for conv in (self.stem, *self.downs):
            x = F.relu(instance_norm(conv(x)))
        return x


class Decoder(nn.Module):
    """`depth` upsamplings by 2 that halve the channels (instance norm, ReLU), then a 7x7 output convolution."""

    def __init__(self, width: int, depth: int, out_channels: int) -> None:
        super().__init__()
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(width << (i + 1), width << i, 3, stride=2, padding=1, output_padding=1)
            for i in reversed(range(depth))
        )
        self.head = reflect_conv(width, out_channels, 7)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width * 2**depth, h, w) -> (N, out_channels, h * 2**depth, w * 2**depth), without an activation."""
        for conv in self.ups:
            x = F.relu(instance_norm(conv(x)))
        return self.head(x)
