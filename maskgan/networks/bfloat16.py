"""Convolutions in bfloat16, for drawing on CPUs that multiply it (AMX, Intel since 2023; AVX-512, AMD since Zen 4).

With AMX a 3x3 convolution takes a quarter of the time of Winograd's method in float32; with AVX-512 all of the drawing
takes 0.8 of it on one thread, and less on two. Products are summed up in float32; what goes in has 8 bits of mantissa,
which changes a picture by a tenth of a grey level on average. All between the convolutions stays float32. Only where a
caller allows it: comparisons of networks want all digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

_allowed: ContextVar[bool] = ContextVar("bfloat16", default=False)


@cache
def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16, which torch's convolutions use."""
    asked = getattr(torch.cpu, "get_capabilities", None)  # older versions of torch do not tell
    able = asked() if asked else {}
    return bool(torch.backends.mkldnn.is_available() and (able.get("amx_bf16") or able.get("avx512_bf16")))


@contextmanager
def bfloat16_allowed(allowed: bool = True) -> Iterator[None]:
    """Inside, in this thread, convolutions that draw on a CPU may compute in bfloat16."""
    token = _allowed.set(allowed)
    try:
        yield
    finally:
        _allowed.reset(token)


def computes_in_bfloat16() -> bool:
    """Whether convolutions that draw on a CPU compute in bfloat16 now."""
    return _allowed.get() and cpu_multiplies_bfloat16()


def bfloat16_kernel(weight: Tensor) -> Tensor:
    """Kernels (K, C, 3, 3) in bfloat16, in the layout that convolutions have on a CPU."""
    return weight.to(torch.bfloat16, memory_format=torch.channels_last)


def bfloat16_conv(x: Tensor, kernel: Tensor, bias: Tensor | None, stride: int = 1) -> Tensor:
    """A 3x3 convolution with zeros beyond the border.

    Args:
        x: (N, C, H, W) float32 on the CPU.
        kernel: from `bfloat16_kernel`, (K, C, 3, 3).
        bias: (K,) float32 or None.
        stride: 1 or 2.

    Returns:
        (N, K, H / stride, W / stride) float32 in the channels-last layout.
    """
    drawn = F.conv2d(x.to(torch.bfloat16, memory_format=torch.channels_last), kernel, None, stride, 1).float()
    return drawn if bias is None else drawn.add_(bias[:, None, None])
