"""3x3 convolutions by Winograd's minimal filtering F(4x4, 3x3), for drawing on a CPU (Lavin and Gray, CVPR 2016).

Tiles of 6 x 6 pixels and kernels are transformed, multiplied element by element, summed over the channels, and
transformed back to 4 x 4 pixels: 36 products instead of 144. All three steps are matrix products on pixels whose
channels lie side by side, in bands of tiles that stay in the cache. The results differ from a plain convolution's by
some 1e-5 of their size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from maskgan.networks.bfloat16 import bfloat16_conv, bfloat16_kernel, computes_in_bfloat16

#: Below so many channels the transforms cost more than they save.
_FEWEST_CHANNELS = 48

#: Tiles that are worked on at a time.
_BAND = 96

#: Every so-manieth weight shows whether weights have changed since they were prepared.
_SAMPLED = 499

_INPUT = ((4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
          (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1))  # fmt: skip
_KERNEL = ((1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
           (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1))  # fmt: skip
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))


@cache
def _transform(name: str) -> Tensor:
    """The transform of a tile as one matrix: (36, 36) of "input" tiles, (16, 36) of "output" tiles."""
    rows = torch.tensor({"input": _INPUT, "output": _OUTPUT}[name], dtype=torch.float64)
    return torch.kron(rows, rows).float()


def transformed_kernel(weight: Tensor) -> Tensor:
    """G g G^T of kernels (K, C, 3, 3) -> (36, C, K)."""
    rows = torch.tensor(_KERNEL, dtype=torch.float64)
    full = torch.einsum("ia,jb,kcab->ijck", rows, rows, weight.double())
    return full.flatten(0, 1).float().contiguous()  # 36, C, K


def winograd_conv(x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
    """A 3x3 convolution with zeros beyond the border.

    Args:
        x: (N, C, H, W) float32 on the CPU, H and W multiples of 4.
        kernel: from `transformed_kernel`, (36, C, K).
        bias: (K,) or None.

    Returns:
        (N, K, H, W) float32 in the channels-last layout.
    """
    count, channels, height, width = x.shape
    down, across, wide = height // 4, width // 4, width + 2
    padded = x.new_empty(height + 2, wide, channels)
    padded[0], padded[-1], padded[:, 0], padded[:, -1] = 0, 0, 0, 0
    step = wide * channels
    band = min(down, max(1, _BAND // across))
    tiles, seen = (x.new_empty(36, band * across, channels) for _ in range(2))
    products = x.new_empty(36, band * across, kernel.shape[2])
    pixels = x.new_empty(16, band * across * kernel.shape[2])
    result = x.new_empty(count, down, 4, across, 4, kernel.shape[2])
    for picture, drawn in zip(x, result, strict=True):
        padded[1:-1, 1:-1] = picture.permute(1, 2, 0)
        for top in range(0, down, band):
            top = min(top, down - band)  # the last band overlaps the one before rather than being smaller
            own = padded.as_strided(
                (6, 6, band, across, channels), (step, channels, 4 * step, 4 * channels, 1), 4 * top * step
            )
            tiles.view(own.shape).copy_(own)
            torch.mm(_transform("input"), tiles.view(36, -1), out=seen.view(36, -1))
            torch.bmm(seen, kernel, out=products)
            torch.mm(_transform("output"), products.view(36, -1), out=pixels)
            drawn[top : top + band] = pixels.view(4, 4, band, across, -1).permute(2, 0, 3, 1, 4)
    result = result.view(count, height, width, -1)
    if bias is not None:
        result += bias
    return result.permute(0, 3, 1, 2)


def draws_on_cpu(x: Tensor) -> bool:
    """Whether a network draws on a CPU: float32 without gradients, and nothing traces it."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return False
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution whose zeros beyond the border keep the size, or halve it with a stride of 2.

    In evaluation without gradients, on a CPU, in float32, it takes the quickest way: bfloat16 where that is allowed and
    quick (`bfloat16.py`), else Winograd's method where there are many channels and sides are multiples of 4.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True, stride: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride, padding=1, bias=bias)
        self._kernels: dict[Callable[[Tensor], Tensor], tuple[Tensor, Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / stride, W / stride)."""
        if not self.training and draws_on_cpu(x) and self.weight.dtype == x.dtype:
            if computes_in_bfloat16():
                return bfloat16_conv(x, self._prepared(bfloat16_kernel), self.bias, *self.stride[:1])
            if self._pays(x):
                return winograd_conv(x, self._prepared(transformed_kernel), self.bias)
        return super().forward(x)

    def _pays(self, x: Tensor) -> bool:
        return (
            self.stride == (1, 1)
            and min(self.in_channels, self.out_channels) >= _FEWEST_CHANNELS
            and x.shape[2] % 4 == 0
            and x.shape[3] % 4 == 0
        )

    def _prepared(self, prepare: Callable[[Tensor], Tensor]) -> Tensor:
        """The weight as one of the ways takes it, worked out anew when the weight is another one."""
        sample = self.weight.detach().flatten()[::_SAMPLED]
        kept = self._kernels.get(prepare)
        if kept is None or not torch.equal(kept[0], sample):
            kept = self._kernels[prepare] = sample.clone(), prepare(self.weight.detach())
        return kept[1]
