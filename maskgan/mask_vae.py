"""MaskVAE: one vector per mask, so that a straight line between two masks moves shapes. MaskGAN section 3.2."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES

#: Side of the feature map between the convolutions and the latent vector.
BOTTOM = 4


class MaskVAE(ModelMixin, ConfigMixin):
    """Variational autoencoder of one-hot masks, computed as in the published code.

    Args:
        width: channels after the first halving; each further halving doubles them.
        latent_dim: length of z.
        depth: number of halvings; masks have the side 4 * 2**depth (512 with the published 7).
    """

    @register_to_config
    def __init__(self, width: int = 32, latent_dim: int = 1024, depth: int = 7, num_classes: int = NUM_CLASSES) -> None:
        super().__init__()
        widths = [width << i for i in range(depth)]
        features = widths[-1] * BOTTOM**2
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, o, 4, stride=2, padding=1), nn.BatchNorm2d(o), nn.LeakyReLU(0.2))
            for i, o in zip([num_classes, *widths[:-1]], widths, strict=True)
        )
        self.to_mean = nn.Linear(features, latent_dim)
        self.to_logvar = nn.Linear(features, latent_dim)
        self.from_latent = nn.Linear(latent_dim, features)
        self.decoder = nn.ModuleList(
            nn.Sequential(_upsampling_conv(i, o), nn.BatchNorm2d(o, eps=1e-3), nn.LeakyReLU(0.2))
            for i, o in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.head = _upsampling_conv(width, num_classes)

    @property
    def mask_size(self) -> int:
        """Side in pixels of the masks that this network reads and writes."""
        return BOTTOM << self.config.depth

    def encode(self, one_hot: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | M), each (N, latent_dim).

        Args:
            one_hot: masks, (N, num_classes, S, S) with S = `mask_size`.

        Raises:
            ValueError: the masks have another size.
        """
        size = self.mask_size
        if one_hot.shape[-2:] != (size, size):
            raise ValueError(
                f"MaskVAE reads masks of {size}x{size} pixels; resize the mask to that size "
                f"(it has {one_hot.shape[-1]}x{one_hot.shape[-2]})."
            )
        x = one_hot
        for layer in self.encoder:
            x = layer(x)  # (N, width * 2**i, S / 2**(i + 1), S / 2**(i + 1))
        x = x.flatten(1)
        return self.to_mean(x), self.to_logvar(x)

    def decode(self, z: Tensor) -> Tensor:
        """Class logits (N, num_classes, S, S) of the masks at `z` (N, latent_dim); their argmax is the mask."""
        x = F.relu(self.from_latent(z)).unflatten(1, (-1, BOTTOM, BOTTOM))
        for layer in self.decoder:
            x = layer(x)
        return self.head(x)

    def forward(self, one_hot: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """One training pass: (logits at a drawn z, mean, log-variance)."""
        mean, logvar = self.encode(one_hot)
        return self.decode(reparameterise(mean, logvar, generator)), mean, logvar


def reparameterise(mean: Tensor, logvar: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw z = mu + r * exp(sigma / 2), r ~ N(0, I). MaskGAN section 3.2.

    The paper prints exp(sigma); only exp(sigma / 2) fits its own eq. (4), where sigma is the log-variance, and it is
    what the published code computes.
    """
    noise = randn_tensor(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + noise * (logvar / 2).exp()


def _upsampling_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    # Growing before padding keeps the published order: the border repeats the enlarged map's own edge.
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="replicate")
    )
