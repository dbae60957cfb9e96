"""1x1 convolutions that draw the same picture on any number of threads.

Torch takes another algorithm for them where there is one thread only, which rounds otherwise: a visitor of a busy
server would get another picture for the same mask than one who is alone, by a grey level here and there.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.winograd import draws_on_cpu


class Conv1x1(nn.Conv2d):
    """A 1x1 convolution of stride 1."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        return conv1x1(x, self.weight, self.bias)


def conv1x1(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A 1x1 convolution of stride 1 of x (N, C, H, W) with weight (K, C, 1, 1) and bias (K,) -> (N, K, H, W)."""
    if torch.backends.mkldnn.is_available() and draws_on_cpu(x) and weight.dtype == x.dtype:
        return torch.mkldnn_convolution(x, weight, bias, (0, 0), (1, 1), (1, 1), 1)
    return F.conv2d(x, weight, bias)
