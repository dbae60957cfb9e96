"""The objective of MaskGAN, eq. (6) to (9), as pure functions that return (total, named parts)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.error import URLError

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.face_parser import FaceParser

Answers = list[list[Tensor]]  # per scale of D: the features of its layers, the score map last


@dataclass(frozen=True)
class Weights:
    """lambda of each term of eq. (6).

    `pixel` is ours: L1 on the pixels, a zeroth layer of eq. (9). VGG features tell colours apart, the
    parser's features, which stand in where VGG cannot be had, were trained not to.
    """

    adversarial: float = 1.0
    feature: float = 10.0
    perceptual: float = 10.0
    pixel: float = 0.0


def adversarial_discriminator(real: Answers, fake: Answers) -> Tensor:
    """Eq. (7) for D in the least-squares form (Mao et al., ICCV 2017) of the published code: real 1, fake 0."""
    per_scale = [
        0.5 * (F.mse_loss(r[-1], torch.ones_like(r[-1])) + F.mse_loss(f[-1], torch.zeros_like(f[-1])))
        for r, f in zip(real, fake, strict=True)
    ]
    return torch.stack(per_scale).sum()


def adversarial_generator(fake: Answers) -> Tensor:
    """Eq. (7) for G, least squares: D shall answer 1."""
    return torch.stack([F.mse_loss(f[-1], torch.ones_like(f[-1])) for f in fake]).sum()


def feature_matching(real: Answers, fake: Answers) -> Tensor:
    """Eq. (8): L1 between D's features of the real and the generated image, mean per layer, mean over the scales."""
    distances = [
        F.l1_loss(f_layer, r_layer.detach())
        for r, f in zip(real, fake, strict=True)
        for r_layer, f_layer in zip(r[:-1], f[:-1], strict=True)
    ]
    return torch.stack(distances).sum() / len(real)


def perceptual(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """Eq. (9): sum over layers of 1/M_i * L1, M_i the number of elements of layer i."""
    return torch.stack([F.l1_loss(f, r.detach()) for r, f in zip(real, fake, strict=True)]).sum()


def generator_objective(
    weights: Weights,
    real_answers: Answers,
    fake_answers: Answers,
    real_features: list[Tensor],
    fake_features: list[Tensor],
    real: Tensor,
    fake: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Eq. (6) for G_A or G_B: the weighted sum and its unweighted parts."""
    parts = {
        "adversarial": adversarial_generator(fake_answers),
        "feature": feature_matching(real_answers, fake_answers),
        "perceptual": perceptual(real_features, fake_features),
        "pixel": F.l1_loss(fake, real),
    }
    total = sum(getattr(weights, name) * part for name, part in parts.items())
    return total, {name: part.detach() for name, part in parts.items()}


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
        return [layer / 4 for layer in self.parser.features(image, levels=4)]


def perceptual_network(kind: str, parser: FaceParser) -> nn.Module:
    """`kind` "vgg19", "parser", or "auto": VGG-19 where it can be had, the parser otherwise."""
    if kind == "parser":
        return ParserFeatures(parser)
    try:
        return VGGFeatures()
    except (URLError, OSError) as error:
        if kind == "vgg19":
            raise OSError("VGG-19's weights cannot be downloaded; go online or use --perceptual parser.") from error
        print("VGG-19's weights cannot be downloaded: the face parser's features take their place.")
        return ParserFeatures(parser)
