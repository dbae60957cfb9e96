"""Linear interpolation and extrapolation of masks in MaskVAE's latent space. MaskGAN sections 3.2 and 3.3."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from maskgan.editing.morphing import LAMBDA_INTER
from maskgan.labels import check_mask, one_hot
from maskgan.networks.mask_vae import MaskVAE


def latents(vae: MaskVAE, mask: Tensor) -> Tensor:
    """Latents of masks: the mean of q(z | M).

    Args:
        mask: label maps (N, S, S), S = `vae.mask_size`.

    Returns:
        (N, latent_dim).
    """
    return vae.encode(one_hot(mask.to(vae.device), vae.dtype))[0]


def classes_of(mask: Tensor) -> Tensor:
    """Classes that occur in label maps (N, H, W): (N, 19) bool."""
    return one_hot(mask, torch.bool).flatten(2).any(2)


def decode_masks(vae: MaskVAE, z: Tensor, allowed: Tensor | None = None) -> Tensor:
    """The most probable masks at `z`: argmax of P(M | z) over the allowed classes.

    Args:
        z: (N, latent_dim).
        allowed: (N, 19) or (1, 19) bool, the allowed classes; None for all. For interpolation these are the classes
            of both ends, so that no other class appears in between.

    Returns:
        Label maps (N, S, S) uint8.
    """
    logits = vae.decode(z)
    if allowed is not None:
        logits = logits.masked_fill(~allowed.to(logits.device)[:, :, None, None], -torch.inf)
    return logits.argmax(1).to(torch.uint8)


@torch.no_grad()
def interpolate(vae: MaskVAE, mask_a: np.ndarray, mask_b: np.ndarray, t: float | Sequence[float]) -> np.ndarray:
    """The masks at z = (1 - t) * z_a + t * z_b (figure 4), with classes of the two ends only.

    Both ends are encoded once, to the means of their posteriors; t = 0 and t = 1 give their reconstructions.

    Args:
        vae: in eval mode.
        mask_a, mask_b: label maps (S, S) with values 0..18, S = `vae.mask_size`.
        t: one position, or several. Values outside 0..1 extrapolate.

    Returns:
        A label map (S, S) uint8 for one t, (len(t), S, S) for several.

    Raises:
        ValueError: a mask is not a label map or has another size.
    """
    ends = [torch.from_numpy(check_mask(mask))[None] for mask in (mask_a, mask_b)]
    z_a, z_b = (latents(vae, end) for end in ends)
    places = torch.as_tensor(t, device=vae.device, dtype=vae.dtype)
    z = torch.lerp(z_a, z_b, places.reshape(-1, 1))  # len(t), latent_dim
    masks = decode_masks(vae, z, classes_of(ends[0]) | classes_of(ends[1])).cpu().numpy()
    return masks if places.ndim else masks[0]


def inner_outer_latents(z_t: Tensor, z_ref: Tensor, lambda_inter: float = LAMBDA_INTER) -> tuple[Tensor, Tensor]:
    """z^inter, z^outer = z^t +- (z^ref - z^t) / lambda_inter. MaskGAN, Algorithm 1."""
    step = (z_ref - z_t) / lambda_inter
    return z_t + step, z_t - step


@torch.no_grad()
def inner_outer(
    vae: MaskVAE, mask: Tensor, reference: Tensor, lambda_inter: float = LAMBDA_INTER
) -> tuple[Tensor, Tensor]:
    """M^inter and M^outer of Algorithm 1: `mask` moved a step towards the reference, and a step away from it.

    Args:
        vae: in eval mode.
        mask: M^t, label maps (N, S, S).
        reference: M^ref, label maps (N, S, S).
        lambda_inter: the step is 1 / lambda_inter of the distance.

    Returns:
        Two batches of label maps (N, S, S) in the dtype of `mask`, with classes of `mask` and `reference` only.
    """
    towards, away = inner_outer_latents(latents(vae, mask), latents(vae, reference), lambda_inter)
    allowed = (classes_of(mask) | classes_of(reference)).repeat(2, 1)
    inner, outer = decode_masks(vae, torch.cat([towards, away]), allowed).to(mask).chunk(2)
    return inner, outer
