"""Where the CPU multiplies bfloat16 the editor draws with it, and nothing else computes with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.networks import bfloat16, winograd
from maskgan.networks.bfloat16 import bfloat16_allowed, bfloat16_conv, bfloat16_kernel
from maskgan.networks.winograd import Conv3x3
from tests.conftest import draw_face, draw_mask


@pytest.fixture(name="capable")
def a_capable_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a CPU with the instructions; others compute the same, slowly."""
    monkeypatch.setattr(bfloat16, "cpu_multiplies_bfloat16", lambda: True)


@pytest.mark.parametrize(
    ("instructions", "capable"),
    [({"amx_bf16": True}, True), ({"avx512_bf16": True, "amx_bf16": False}, True), ({"avx512_f": True}, False)],
)
def test_which_cpus_are_capable(monkeypatch: pytest.MonkeyPatch, instructions: dict[str, bool], capable: bool) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: instructions, raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    assert bfloat16.cpu_multiplies_bfloat16.__wrapped__() is capable


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_as_exact_as_its_inputs(stride: int) -> None:
    torch.manual_seed(0)
    x, weight, bias = torch.randn(2, 24, 16, 12), torch.randn(40, 24, 3, 3), torch.randn(40)
    found = bfloat16_conv(x, bfloat16_kernel(weight), bias, stride)
    exact = F.conv2d(x, weight, bias, stride, padding=1)
    assert found.dtype == torch.float32 and found.shape == exact.shape
    assert (found - exact).abs().max() < 1e-2 * exact.abs().max()


@pytest.mark.usefixtures("capable")
@torch.no_grad()
def test_it_is_used_where_it_is_allowed_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    conv, x = Conv3x3(16, 16).eval(), torch.randn(1, 16, 8, 8)
    used = []
    monkeypatch.setattr(winograd, "bfloat16_conv", lambda *args: used.append(args) or bfloat16_conv(*args))
    exact = conv(x)
    with bfloat16_allowed():
        coarse = conv(x)
        with bfloat16_allowed(False):
            assert torch.equal(conv(x), exact)
        with torch.enable_grad():
            assert torch.equal(conv(x), exact)
        assert torch.equal(conv.train()(x), exact)
        conv.eval()
        conv.weight.data.mul_(2)  # as moving averages are copied, unseen by autograd
        doubled = conv(x)
    assert len(used) == 2 and not torch.equal(coarse, exact)
    torch.testing.assert_close(coarse, exact, rtol=0, atol=0.02)
    torch.testing.assert_close(doubled - conv.bias[:, None, None], 2 * (coarse - conv.bias[:, None, None]))


def test_cpus_without_the_instructions_draw_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bfloat16, "cpu_multiplies_bfloat16", lambda: False)
    with bfloat16_allowed():
        assert not bfloat16.computes_in_bfloat16()


@pytest.mark.usefixtures("capable")
def test_a_face_is_drawn_as_in_float32_within_two_grey_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = MaskGANPipeline.load()
    mask = draw_mask(512)
    face = pipeline.face_with(draw_face(mask), mask)
    known = np.ones((256, 256), bool)
    known[60:140, 40:200] = False
    given = (mask[::2, ::2].copy(), face.style, (face.crop[::2, ::2].copy(), known))
    coarse, style = pipeline.engine.draw(*given), pipeline.engine.encode_style(face.crop, mask)
    monkeypatch.setattr(bfloat16, "cpu_multiplies_bfloat16", lambda: False)
    exact = pipeline.engine.draw(*given)
    difference = np.abs(coarse - exact)
    assert 0 < difference.max() < 2 and difference.mean() < 0.2
    for one, same in zip(style, pipeline.engine.encode_style(face.crop, mask), strict=True):
        assert torch.equal(one, same)  # styles are kept and shared: they have all digits
