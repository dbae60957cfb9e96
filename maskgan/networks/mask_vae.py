"""MaskVAE: one latent vector per mask, so that linear interpolation moves shapes. MaskGAN section 3.2."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.utils.torch_utils import randn_tensor
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES

#: Side of the feature map between the convolutions and the latent vector.
BOTTOM = 4
#: Side of the patches of the studio network's first convolution.
PATCH = 4

#: Constructor arguments by name. `published` computes what the authors' network computes, at 512 px; `studio` is the
#: bundled one, at 256 px; `tiny` is for tests, at 64 px.
PRESETS: dict[str, dict] = {
    "published": {"width": 32, "latent_dim": 1024, "depth": 7},
    "studio": {"widths": [32, 48, 96, 160, 192], "latent_dim": 256},
    "tiny": {"widths": [8, 8, 8], "latent_dim": 8},
}


class MaskVAE(ModelMixin, ConfigMixin):
    """Variational autoencoder of one-hot masks: the published network, or with `widths` the studio one.

    The studio network reads patches of 4x4 pixels, downsamples with 3x3 convolutions to 4x4, and computes its logits at
    half the resolution, upsampled linearly, so that edges between classes have subpixel positions. It computes in the
    channels-last layout, which halves the time on a CPU.

    Args:
        width: channels of the published network after its first layer; each further layer doubles them.
        latent_dim: length of z.
        depth: number of stride-2 layers of the published network; masks have the side 4 * 2**depth (512 for 7).
        widths: channels of the studio network at 1/4, 1/8, ... of the mask; `width` and `depth` are then ignored.
    """

    @register_to_config
    def __init__(
        self,
        width: int = 32,
        latent_dim: int = 1024,
        depth: int = 7,
        num_classes: int = NUM_CLASSES,
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if widths is None:
            widths = [width << i for i in range(depth)]
            self.encoder, self.decoder, self.head = _published_layers(widths, num_classes)
        else:
            self.encoder, self.decoder, self.head = _studio_layers(widths, num_classes)
        features = widths[-1] * BOTTOM**2
        self.to_mean = nn.Linear(features, latent_dim)
        self.to_logvar = nn.Linear(features, latent_dim)
        self.from_latent = nn.Linear(latent_dim, features)

    @classmethod
    def preset(cls, name: str) -> MaskVAE:
        """A network with random weights in one of the configurations of `PRESETS`."""
        return cls(**PRESETS[name])

    @property
    def mask_size(self) -> int:
        """Side in pixels of this network's masks."""
        widths = self.config.widths
        return BOTTOM << self.config.depth if widths is None else PATCH * BOTTOM << (len(widths) - 1)

    @property
    def _layout(self) -> torch.memory_format:
        return torch.contiguous_format if self.config.widths is None else torch.channels_last

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
        x = one_hot.contiguous(memory_format=self._layout)
        for layer in self.encoder:
            x = layer(x)
        x = x.flatten(1)  # (N, widths[-1] * 4 * 4)
        return self.to_mean(x), self.to_logvar(x)

    def decode(self, z: Tensor) -> Tensor:
        """Class logits (N, num_classes, S, S) of the masks at `z` (N, latent_dim).

        Their softmax over the classes is P(M | z), their argmax the most probable mask.
        """
        x = F.relu(self.from_latent(z)).unflatten(1, (-1, BOTTOM, BOTTOM)).contiguous(memory_format=self._layout)
        for layer in self.decoder:
            x = layer(x)
        return self.head(x)

    def forward(self, one_hot: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """One training pass: (logits at a sampled z, mean, log-variance)."""
        mean, logvar = self.encode(one_hot)
        return self.decode(reparameterise(mean, logvar, generator)), mean, logvar


def reparameterise(mean: Tensor, logvar: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Sample z = mu + r * exp(sigma / 2), r ~ N(0, I). MaskGAN section 3.2.

    The paper prints exp(sigma); only exp(sigma / 2) agrees with its eq. (4), where sigma is the log-variance, and with
    the published code.
    """
    noise = randn_tensor(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    return mean + noise * (logvar / 2).exp()


def _published_layers(widths: Sequence[int], num_classes: int) -> tuple[nn.ModuleList, nn.ModuleList, nn.Module]:
    encoder = nn.ModuleList(
        nn.Sequential(nn.Conv2d(i, o, 4, stride=2, padding=1), nn.BatchNorm2d(o), nn.LeakyReLU(0.2))
        for i, o in zip([num_classes, *widths[:-1]], widths, strict=True)
    )
    decoder = nn.ModuleList(
        nn.Sequential(_upsampling_conv(i, o), nn.BatchNorm2d(o, eps=1e-3), nn.LeakyReLU(0.2))
        for i, o in zip(widths[:0:-1], widths[-2::-1], strict=True)
    )
    return encoder, decoder, _upsampling_conv(widths[0], num_classes)


def _upsampling_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    # In the published order: padding after upsampling repeats the edge of the upsampled map.
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(in_channels, out_channels, 3, padding=1, padding_mode="replicate")
    )


def _studio_layers(widths: Sequence[int], num_classes: int) -> tuple[nn.ModuleList, nn.ModuleList, nn.Module]:
    # Group norm behaves alike in training and inference, and does not mix the masks of a batch.
    def normed(conv: nn.Module, channels: int) -> nn.Sequential:
        return nn.Sequential(conv, nn.GroupNorm(8, channels), nn.LeakyReLU(0.2))

    encoder = nn.ModuleList([nn.Sequential(nn.Conv2d(num_classes, widths[0], PATCH, PATCH), nn.LeakyReLU(0.2))])
    encoder.extend(normed(nn.Conv2d(i, o, 3, stride=2, padding=1), o) for i, o in pairwise(widths))
    decoder = nn.ModuleList(
        normed(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 3, padding=1)), o)
        for i, o in zip(widths[:0:-1], widths[-2::-1], strict=True)
    )
    head = nn.Sequential(
        nn.Conv2d(widths[0], 4 * num_classes, 3, padding=1),
        nn.PixelShuffle(2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
    )
    return encoder, decoder, head
