"""Drawing on a CPU takes a shorter way to the same pictures."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.networks.winograd import Conv3x3, transformed_kernel, winograd_conv
from tests.conftest import draw_face, draw_mask


@pytest.mark.parametrize(
    ("count", "channels", "kernels", "height", "width"),
    [(1, 3, 5, 4, 8), (2, 48, 64, 12, 20), (1, 64, 48, 52, 44), (1, 8, 8, 4, 400)],
)
def test_a_convolution_is_what_it_was(count: int, channels: int, kernels: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    x, weight, bias = (
        torch.randn(count, channels, height, width),
        torch.randn(kernels, channels, 3, 3),
        torch.randn(kernels),
    )
    exact = F.conv2d(x.double(), weight.double(), bias.double(), padding=1)
    found = winograd_conv(x, transformed_kernel(weight), bias)
    assert found.shape == exact.shape
    assert (found - exact).abs().max() < 1e-4 * exact.abs().max()
    last = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(winograd_conv(last, transformed_kernel(weight), None) + bias[:, None, None], found)


@torch.no_grad()
def test_weights_that_changed_in_place_count_from_then_on() -> None:
    conv, x = Conv3x3(64, 64).eval(), torch.randn(1, 64, 8, 8)
    conv(x)
    conv.weight.data.mul_(2)  # as moving averages are copied, unseen by autograd
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, conv.bias, padding=1), rtol=1e-3, atol=1e-4)


def test_the_long_way_is_taken_where_gradients_are_wanted() -> None:
    conv, x = Conv3x3(64, 64).eval(), torch.randn(1, 64, 8, 8, requires_grad=True)
    conv(x).sum().backward()
    assert x.grad is not None and conv.weight.grad is not None


@pytest.mark.parametrize("kept", [False, True])
def test_a_picture_is_what_the_network_draws_with_gradients(kept: bool) -> None:
    torch.manual_seed(0)
    dmn = DenseMappingNetwork(
        widths=[48, 64, 64], blocks=1, encoder_width=48, code_dim=8, residue_dim=4, kept=True, half_width=16,
        fine_blocks=2, noise=True,
    ).eval()  # fmt: skip
    for noise in (dmn.backbone.noise4, dmn.backbone.noise2):
        torch.nn.init.normal_(noise.strength)
    for last in (dmn.backbone.kept.at_quarter[-1], dmn.backbone.kept.at_half[-1]):
        torch.nn.init.normal_(last.weight, std=0.1)
    masks = torch.from_numpy(draw_mask(128)).long()[None], torch.from_numpy(draw_mask(128, 0.05)).long()[None]
    image = torch.from_numpy(draw_face(draw_mask(128))).permute(2, 0, 1)[None].float() / 127.5 - 1
    seen = kept_pixels(image, (masks[0] == masks[1])[:, None].float()) if kept else None

    def picture() -> torch.Tensor:
        return dmn.generate(masks[1], dmn.encode_style(image, masks[0]), seen)

    plain = picture()
    assert plain.requires_grad
    with torch.inference_mode():
        quick = picture()
    assert (plain.detach() - quick).abs().max() < 2e-3  # a quarter of a grey level
