"""AdaIN and SFT against numbers worked out by hand; gradients reach every parameter."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from maskgan.networks.alpha_blender import AlphaBlender, blend
from maskgan.networks.global_style import GlobalBackbone, GlobalStyleEncoder
from maskgan.networks.layers import Decoder, Encoder, ResidualBlock, SpatialFeatureTransform, adaptive_instance_norm
from maskgan.networks.mask_vae import MaskVAE, reparameterise


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_adain_uses_biased_variance_of_each_plane() -> None:
    x = torch.tensor([[[[1.0, 3.0]], [[0.0, 8.0]]]])  # means 2 and 4, biased standard deviations 1 and 4
    gamma, beta = torch.tensor([[2.0, 10.0]]), torch.tensor([[5.0, -1.0]])
    expected = torch.tensor([[[[3.0, 7.0]], [[-11.0, 9.0]]]])
    torch.testing.assert_close(adaptive_instance_norm(x, gamma, beta, eps=0.0), expected)


def test_adain_adds_eps_to_the_variance() -> None:
    x = torch.tensor([[[[1.0, 3.0]]]])
    one, zero = torch.ones(1, 1), torch.zeros(1, 1)
    expected = torch.tensor([[[[-0.5, 0.5]]]])  # 1 / sqrt(1 + 3)
    torch.testing.assert_close(adaptive_instance_norm(x, one, zero, eps=3.0), expected)


def test_adain_with_maps_scales_every_pixel_on_its_own() -> None:
    x = torch.tensor([[[[1.0, 3.0]]]])
    gamma, beta = torch.tensor([[[[2.0, 4.0]]]]), torch.tensor([[[[0.0, 1.0]]]])
    expected = torch.tensor([[[[-2.0, 5.0]]]])
    torch.testing.assert_close(adaptive_instance_norm(x, gamma, beta, eps=0.0), expected)


def test_adain_with_constant_maps_equals_adain_with_vectors() -> None:
    x, gamma, beta = torch.randn(2, 3, 4, 5), torch.randn(2, 3), torch.randn(2, 3)
    maps = [values[:, :, None, None].expand_as(x) for values in (gamma, beta)]
    torch.testing.assert_close(adaptive_instance_norm(x, *maps), adaptive_instance_norm(x, gamma, beta))


def test_styles_of_one_batch_do_not_mix() -> None:
    block, x = ResidualBlock(4), torch.randn(2, 4, 6, 6)
    affines = [(torch.randn(2, 4), torch.randn(2, 4)) for _ in range(2)]
    together = block(x, affines)
    alone = [block(x[i : i + 1], [(g[i : i + 1], b[i : i + 1]) for g, b in affines]) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone))


def test_residual_block_without_style_is_plain_instance_norm() -> None:
    block, x = ResidualBlock(4), torch.randn(1, 4, 6, 6)
    identity = [(torch.ones(1, 4), torch.zeros(1, 4))] * 2
    torch.testing.assert_close(block(x), block(x, identity))


def test_sft_scales_and_shifts_by_the_prior() -> None:
    sft = SpatialFeatureTransform(channels=1, prior_channels=1)
    with torch.no_grad():
        for conv, weight, bias in (
            (sft.scale_conv0, 1.0, 0.0),
            (sft.scale_conv1, 2.0, 1.0),
            (sft.shift_conv0, -1.0, 0.0),
            (sft.shift_conv1, 3.0, 0.5),
        ):
            conv.weight.fill_(weight)
            conv.bias.fill_(bias)
    features, prior = torch.tensor([[[[10.0, 10.0]]]]), torch.tensor([[[[2.0, -2.0]]]])
    # prior 2: scale 2*2+1, shift 3*(-0.2)+0.5; prior -2: scale 2*(-0.2)+1, shift 3*2+0.5
    expected = torch.tensor([[[[10 * 5.0 - 0.1, 10 * 0.6 + 6.5]]]])
    torch.testing.assert_close(sft(features, prior), expected)


def test_encoder_and_decoder_change_size_by_powers_of_two() -> None:
    features = Encoder(5, width=3, depth=2)(torch.randn(1, 5, 16, 24))
    assert features.shape == (1, 12, 4, 6)
    assert Decoder(width=3, depth=2, out_channels=7)(features).shape == (1, 7, 16, 24)


def test_blend_is_the_inner_picture_where_alpha_is_one() -> None:
    inner, outer = torch.full((1, 3, 1, 3), 0.8), torch.full((1, 3, 1, 3), -0.4)
    alpha = torch.tensor([1.0, 0.0, 0.25]).expand(1, 3, 1, 3)
    torch.testing.assert_close(blend(alpha, inner, outer)[0, 0, 0], torch.tensor([0.8, -0.4, -0.1]))


def test_reparameterise_draws_with_the_standard_deviation_of_the_log_variance() -> None:
    mean, logvar = torch.full((20000, 1), 3.0), torch.full((20000, 1), math.log(4.0))
    drawn = reparameterise(mean, logvar, torch.Generator().manual_seed(0))
    assert drawn.mean().item() == pytest.approx(3.0, abs=0.05)
    assert drawn.std().item() == pytest.approx(2.0, abs=0.05)
    again = reparameterise(mean, logvar, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)


def test_mask_vae_names_the_size_that_it_reads() -> None:
    model = MaskVAE(width=2, latent_dim=3, depth=2)
    assert model.mask_size == 16
    with pytest.raises(ValueError, match="16x16 pixels"):
        model.encode(torch.zeros(1, 19, 32, 32))


@pytest.mark.parametrize("model", [MaskVAE(width=2, latent_dim=3, depth=2), AlphaBlender(width=2, depth=1, blocks=1)])
def test_models_round_trip_as_safetensors(model: nn.Module, tmp_path) -> None:
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert (tmp_path / "diffusion_pytorch_model.safetensors").exists()
    assert dict(again.config)["width"] == 2
    for (name, ours), (other, theirs) in zip(model.state_dict().items(), again.state_dict().items(), strict=True):
        assert name == other and torch.equal(ours, theirs)


def _one_hot(size: int) -> Tensor:
    return nn.functional.one_hot(torch.randint(0, 19, (2, size, size)), 19).permute(0, 3, 1, 2).float()


def _dense_mapping() -> tuple[nn.Module, Tensor]:
    backbone = GlobalBackbone(width=2, depth=2, blocks=2)
    encoder = GlobalStyleEncoder(backbone.style_dim, width=4)
    mask = _one_hot(32)
    return nn.ModuleList([backbone, encoder]), backbone(mask, encoder(torch.rand(2, 3, 32, 32), mask))


def _mask_vae() -> tuple[nn.Module, Tensor]:
    model = MaskVAE(width=2, latent_dim=3, depth=2)
    logits, mean, logvar = model(_one_hot(model.mask_size))
    return model, torch.cat([logits.flatten(), mean.flatten(), logvar.flatten()])


def _alpha_blender() -> tuple[nn.Module, Tensor]:
    model = AlphaBlender(width=2, depth=2, blocks=2)
    return model, model(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16))


@pytest.mark.parametrize("build", [_dense_mapping, _mask_vae, _alpha_blender])
def test_every_parameter_receives_a_gradient(build) -> None:
    module, output = build()
    (output * torch.randn_like(output)).sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        # A bias just before a normalisation is cancelled by it; the published networks have such biases all the same.
        if not name.endswith("bias"):
            assert parameter.grad.abs().max() > 1e-8, name
