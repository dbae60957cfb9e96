"""Smaller networks that draw about what a larger one draws: structured pruning, to begin a distillation with.

Whole channels are removed (Li et al., ICLR 2017), those first whose activations, weighted by the weights that read
them, are the smallest over some faces. Channels of a residual stream leave all that write it and all that read it. What
a convolution has lost is made up for by its other inputs as well as least squares can (He et al., ICCV 2017).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.region_backbone import RegionAffine, RegionBackbone, RegionBlock, RegionNoise

#: Of the mean square of the inputs: how much least squares hold on to the old weights.
_RIDGE = 0.02


@dataclass(frozen=True)
class _Channels:
    """Channels that are kept or removed together.

    writers: modules whose output they are; readers: convolutions whose input they are; shuffled: which of the writers
    gives each channel as four, for a pixel-shuffle.
    """

    writers: list[nn.Module]
    readers: list[nn.Conv2d]
    shuffled: nn.Module | None = None


def _blocks(backbone: RegionBackbone) -> list[list[RegionBlock]]:
    """The residual blocks at 1/16, 1/8 and 1/4."""
    return [
        list(backbone.blocks16),
        [backbone.block8, *backbone.more8],
        [backbone.block4, *backbone.more4],
    ]


def _groups(net: RegionBackbone) -> list[_Channels]:
    """All channels of a backbone, those of the same residual stream in one group."""
    at16, at8, at4 = _blocks(net)

    def residual(blocks: list[RegionBlock]) -> tuple[list[nn.Module], list[nn.Conv2d]]:
        return [part for b in blocks for part in (b.conv1, b.affine1)], [b.conv0 for b in blocks]

    (wrote16, read16), (wrote8, read8), (wrote4, read4) = residual(at16), residual(at8), residual(at4)
    groups = [_Channels([b.conv0, b.affine0], [b.conv1]) for b in (*at16, *at8, *at4)]
    half: list[nn.Module] = [net.up2]
    if net.noise4 is not None:
        wrote4.append(net.noise4)
        half.append(net.noise2)
    if net.kept is not None:
        first, _, second, _, last = net.kept.at_quarter
        groups += [_Channels([first], [second]), _Channels([second], [last])]
        wrote4.append(last)
        first, _, last = net.kept.at_half
        groups.append(_Channels([first], [last]))
        half.append(last)
    return [
        *groups,
        _Channels([net.down16, *wrote16], [*read16, net.up8]),
        _Channels([net.down8, net.up8, *wrote8], [net.down16, *read8, net.up4]),
        _Channels([net.stem], [net.stem2]),
        _Channels([net.stem2, net.up4, *wrote4], [net.down8, *read4, net.up2]),
        _Channels(half, [net.conv2], net.up2),
        _Channels([net.conv2, net.affine2], [net.head]),
    ]


@dataclass
class _Seen:
    """What a convolution was given: sums over all pixels of all faces.

    products: of its inputs with each other, which are one per channel and tap and a constant 1 for the bias,
    (C k k + 1, C k k + 1); activation: |input| by channel, (C,); count: of pixels.
    """

    products: Tensor | float = 0.0
    activation: Tensor | float = 0.0
    count: int = 0

    def add(self, conv: nn.Conv2d, x: Tensor) -> None:
        taps = F.unfold(x.float(), conv.kernel_size, padding=conv.padding, stride=conv.stride)  # N, C k k, L
        taps = torch.cat([taps, torch.ones_like(taps[:, :1])], 1).transpose(0, 1).flatten(1)
        self.products = self.products + taps @ taps.T
        self.activation = self.activation + x.float().abs().sum((0, 2, 3))
        self.count += taps.shape[1]


@dataclass
class _Observer:
    """What every reading convolution was given, and how much each residual block added, while the teacher drew."""

    seen: dict[nn.Module, _Seen] = field(default_factory=dict)
    added: dict[nn.Module, float] = field(default_factory=dict)

    def watch(self, net: RegionBackbone, draw: Callable[[], object]) -> None:
        handles = []
        for reader in {reader for group in _groups(net) for reader in group.readers}:
            self.seen[reader] = _Seen()
            handles.append(reader.register_forward_pre_hook(lambda conv, given: self.seen[conv].add(conv, *given)))
        for block in (block for blocks in _blocks(net) for block in blocks):
            handles.append(block.register_forward_hook(self._note_block))
        try:
            draw()
        finally:
            for handle in handles:
                handle.remove()

    def _note_block(self, block: nn.Module, given: tuple[Tensor, ...], answer: Tensor) -> None:
        self.added[block] = self.added.get(block, 0.0) + (answer - given[0]).abs().mean().item()

    def importance(self, group: _Channels) -> Tensor:
        """Of each channel: mean |activation| x norm of the weights that read it, (C,), summed over its readers.

        Each reader counts the same, whatever the scale of its inputs.
        """
        total: Tensor | float = 0.0
        for reader in group.readers:
            own = self.seen[reader].activation * reader.weight.detach().flatten(2).norm(dim=(0, 2))
            total = total + own / own.sum().clamp(min=1e-12)
        return total


@torch.no_grad()
def pruned(
    network: DenseMappingNetwork, draw: Callable[[DenseMappingNetwork], object], **smaller: Any
) -> DenseMappingNetwork:
    """A studio network of the configuration `smaller` that draws about what `network` draws.

    Args:
        network: to start from; at least as wide and deep as `smaller` everywhere.
        draw: lets the network that it is given draw some faces, as it is used; eight will do.
        smaller: constructor arguments that change; style encoder and kinds of input stay as they are.

    Returns:
        In the mode and on the device of `network`, whose style encoder it has a copy of.

    Raises:
        ValueError: when `smaller` is larger somewhere, or the network is not a studio network.
    """
    if network.config.style_scope == "vector":
        raise ValueError("Only the studio network can be pruned; leave --shrink out.")
    small = type(network).from_config(network.config, **smaller).to(network.device)
    for name in ("style_scope", "encoder_width", "code_dim", "residue_dim", "kept", "noise"):
        if small.config[name] != network.config[name]:
            raise ValueError(
                f"{name} is {small.config[name]} in the smaller network and {network.config[name]} in the larger one; "
                "a network can only be pruned to a preset that has the same."
            )
    small.style_encoder.load_state_dict(network.style_encoder.state_dict())
    old, new = network.backbone, small.backbone
    observer = _Observer()
    mode = network.training
    observer.watch(old, lambda: draw(network.eval()))
    network.train(mode)

    new.base_colour.load_state_dict(old.base_colour.state_dict())
    partners = _partners(old, new, observer)
    inputs: dict[nn.Module, Tensor] = {}
    outputs: dict[nn.Module, Tensor] = {}
    for group in _groups(old):
        reader = next((part for part in group.readers if part in partners), None)
        if reader is None:
            continue  # of a block that is left out
        width, importance = partners[reader].in_channels, observer.importance(group)
        if width > len(importance):
            raise ValueError(f"There are {width} channels in place of {len(importance)}; a network can only shrink.")
        keep = importance.topk(width).indices.sort().values
        for part in group.readers:
            inputs[part] = keep
        for part in group.writers:
            outputs[part] = keep
            if part is group.shuffled:
                outputs[part] = (keep[:, None] * 4 + torch.arange(4, device=keep.device)).flatten()
    for part, partner in partners.items():
        keep = outputs.get(part)
        if isinstance(part, nn.Conv2d):
            _prune_conv(part, partner, inputs.get(part), keep, observer.seen.get(part))
        elif isinstance(part, RegionAffine):
            _prune_affine(part, partner, keep)
        else:
            partner.strength.copy_(part.strength[:, keep])
    return small.train(mode)


def _partners(old: RegionBackbone, new: RegionBackbone, observer: _Observer) -> dict[nn.Module, nn.Module]:
    """Parts with weights of the larger backbone, by module -> those that they become.

    Of the residual blocks of a resolution those stay, in their order, that added the most.
    """
    pairs = []
    for ours, theirs in zip(_blocks(old), _blocks(new), strict=True):
        if len(theirs) > len(ours):
            raise ValueError(f"There are {len(theirs)} blocks in place of {len(ours)}; a network can only shrink.")
        most = sorted(sorted(range(len(ours)), key=lambda n: -observer.added[ours[n]])[: len(theirs)])
        pairs += [(ours[number], block) for number, block in zip(most, theirs, strict=True)]
    for name in ("stem", "stem2", "down8", "down16", "up8", "up4", "up2", "conv2", "affine2", "head", "kept"):
        pairs.append((getattr(old, name), getattr(new, name)))
    pairs += [(old.noise4, new.noise4), (old.noise2, new.noise2)]
    kinds = (nn.Conv2d, RegionAffine, RegionNoise)
    found = {}
    for one, other in pairs:
        for part, partner in zip(one.modules(), other.modules(), strict=True) if one is not None else ():
            if isinstance(part, kinds) and not _inside_affine(part, one):
                found[part] = partner
    return found


def _inside_affine(part: nn.Module, whole: nn.Module) -> bool:
    """Whether a part of `whole` belongs to one of its `RegionAffine`, which is pruned as one."""
    return any(part is affine.from_local for affine in whole.modules() if isinstance(affine, RegionAffine))


def _prune_conv(
    old: nn.Conv2d, new: nn.Conv2d, inputs: Tensor | None, outputs: Tensor | None, seen: _Seen | None
) -> None:
    """Copy the kept rows and columns of a weight (all where None), with least squares for the columns that go."""
    weight, bias = old.weight, old.bias
    if outputs is not None:
        weight, bias = weight[outputs], None if bias is None else bias[outputs]
    if inputs is not None and len(inputs) < weight.shape[1]:
        weight, bias = _without_inputs(weight, bias, inputs, seen)
    new.weight.copy_(weight)
    if new.bias is not None:
        new.bias.copy_(bias)


def _without_inputs(weight: Tensor, bias: Tensor | None, inputs: Tensor, seen: _Seen) -> tuple[Tensor, Tensor | None]:
    """Weight (K, C, k, k) and bias (K,) for some `inputs` only, nearest to the old answer in the mean square."""
    channels, taps = weight.shape[1], weight[0, 0].numel()
    kept = torch.zeros(channels, dtype=torch.bool, device=weight.device)
    kept[inputs] = True
    columns = kept.repeat_interleave(taps)
    stays = torch.cat([columns, columns.new_tensor([bias is not None])])  # the bias can make up for a mean
    goes = torch.cat([~columns, columns.new_tensor([False])])
    products = seen.products.double() / seen.count
    own = products[stays][:, stays]
    own = own + _RIDGE * own.diagonal().mean() * torch.eye(len(own), dtype=own.dtype, device=own.device)
    lost = weight.flatten(1)[:, ~columns].double() @ products[goes][:, stays]  # K, kept
    gained = torch.linalg.solve(own, lost.T).T.to(weight.dtype)
    small = weight[:, kept] + gained[:, : int(columns.sum())].view(len(weight), -1, *weight.shape[2:])
    return small, None if bias is None else bias + gained[:, -1]


def _prune_affine(old: RegionAffine, new: RegionAffine, keep: Tensor) -> None:
    """Copy the scales and shifts of the kept channels."""
    both = torch.cat([keep, keep + old.per_class.shape[1] // 2])
    new.from_code.weight.copy_(old.from_code.weight[both])
    new.from_code.bias.copy_(old.from_code.bias[both])
    new.per_class.copy_(old.per_class[:, both])
    if old.from_local is not None:
        new.from_local.weight.copy_(old.from_local.weight[both])
