"""Larger networks that draw what a smaller one draws, to go on from its weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from maskgan.networks.dense_mapping import DenseMappingNetwork


@torch.no_grad()
def grown(network: DenseMappingNetwork, **larger: Any) -> DenseMappingNetwork:
    """A studio network of the configuration `larger` that draws what `network` draws.

    As in Net2Net (Chen et al., ICLR 2016): old weights are the leading slices of the new tensors; weights from new
    channels to old ones start at zero and new residual blocks add nothing, while all that is new gets gradients.

    Args:
        network: to start from; at least as narrow and shallow as `larger` everywhere.
        larger: constructor arguments that change; widths may only grow.

    Raises:
        ValueError: when `larger` is smaller somewhere, or the network is not a studio network.
    """
    if network.config.style_scope == "vector":
        raise ValueError("Only the studio network can grow; leave --grow out.")
    copy = type(network).from_config(network.config, **larger)
    old, new = network.state_dict(), copy.state_dict()
    for name, tensor in new.items():
        if name in old:
            _take(tensor, old[name], chunks=2 if _scales_and_shifts(name) else 1, name=name)
    for name in ("blocks16", "more8", "more4"):
        for number, block in enumerate(getattr(copy.backbone, name)):
            if f"backbone.{name}.{number}.conv0.weight" not in old:
                _silence(block.affine1)
    missing = old.keys() - new.keys()
    if missing:
        raise ValueError(f"The larger network lacks {min(missing)}; it must have all that the smaller one has.")
    return copy.train(network.training).to(network.device)


def _scales_and_shifts(name: str) -> bool:
    """Whether the rows (or columns) of a tensor of `RegionAffine` are scales, then as many shifts."""
    return ".affine" in name


def _take(new: Tensor, old: Tensor, chunks: int, name: str) -> None:
    """Copy `old` into the leading slices of `new`; what new inputs give to old outputs is zero."""
    if any(ours < theirs for ours, theirs in zip(new.shape, old.shape, strict=True)):
        raise ValueError(f"{name} is {tuple(new.shape)}, smaller than {tuple(old.shape)}; a network can only grow.")
    if new.ndim == 1 or name.endswith((".strength", ".per_class")):  # no inputs; the last axis is outputs
        for part, kept in zip(new.chunk(chunks, -1), old.chunk(chunks, -1), strict=True):
            part[tuple(slice(size) for size in kept.shape)] = kept
        return
    for part, kept in zip(new.chunk(chunks, 0), old.chunk(chunks, 0), strict=True):
        part[: len(kept)] = 0
        if name.endswith(".from_local.weight"):  # the residue's last channel says how much to trust it
            part[: len(kept), -1], kept = kept[:, -1], kept[:, :-1]
        part[tuple(slice(size) for size in kept.shape)] = kept


def _silence(affine: torch.nn.Module) -> None:
    """Scale and shift of zero, whatever the style: the residual block adds nothing."""
    affine.from_code.weight.zero_()
    affine.from_code.bias.zero_()
    affine.per_class.chunk(2, 1)[0].fill_(-1)
    if affine.from_local is not None:
        affine.from_local.weight.zero_()
