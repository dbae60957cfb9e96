"""The objective of MaskGAN, eq. (6) to (9), as pure functions that return (total, named parts)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Answers = list[list[Tensor]]  # per scale of D: the features of its layers, the score map last


@dataclass(frozen=True)
class LossWeights:
    """lambda of each term of eq. (6).

    Two are ours. `pixel`: L1 on the pixels, a zeroth layer of eq. (9); VGG features tell colours apart, the
    parser's features, which stand in where VGG cannot be had, were trained not to. `parsing`: the parser's
    features beside others, so that what is drawn is the part that the mask asks for.
    """

    adversarial: float = 1.0
    feature: float = 10.0
    perceptual: float = 10.0
    pixel: float = 0.0
    parsing: float = 0.0


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


def hinge_discriminator(real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """The hinge form of eq. (7) for D, which Projected GAN uses: real above 1, fake below -1; mean over the heads."""
    per_head = [F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(per_head).mean()


def hinge_generator(fake: list[Tensor]) -> Tensor:
    """The hinge form of eq. (7) for G."""
    return -torch.stack([f.mean() for f in fake]).mean()


def pixel_loss(drawn: Tensor, real: Tensor, known: Tensor) -> Tensor:
    """L1 on the pixels (N, 3, H, W), ten times as much in the hole, where `known` (N, 1, H, W) is 0, as outside.

    A small hole weighs as much as a large one, down to one in fifty pixels. Without known pixels it is plain L1. What
    is drawn where the photo is known is hidden by it, but goes on behind it.
    """
    distance = (drawn - real).abs().mean(1, keepdim=True)  # N, 1, H, W
    hole = 1 - known
    share = hole.mean((1, 2, 3)).clamp(min=0.02)  # N
    in_hole = (distance * hole).mean((1, 2, 3)) / share
    everywhere = distance.mean((1, 2, 3))
    return (0.9 * in_hole + 0.1 * everywhere).mean()


def weighted(weights: LossWeights, parts: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum of eq. (6) and its unweighted parts, cut from the graph."""
    total = sum(getattr(weights, name) * part for name, part in parts.items())
    return total, {name: part.detach() for name, part in parts.items()}
