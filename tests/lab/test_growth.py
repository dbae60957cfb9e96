"""Larger networks that go on from a smaller one's weights."""

from __future__ import annotations

import pytest
import torch

from lab.training.growth import grown
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.kept_pixels import kept_pixels

SMALL = {"widths": [8, 8, 8], "blocks": 1, "encoder_width": 8, "code_dim": 8, "residue_dim": 4, "kept": True}
LARGE = {
    "widths": [12, 16, 8], "blocks": 2, "half_width": 8, "fine_blocks": 3, "noise": True, "encoder_width": 12,
    "code_dim": 12, "residue_dim": 6,
}  # fmt: skip


def random_network(**config: object) -> DenseMappingNetwork:
    torch.manual_seed(0)
    network = DenseMappingNetwork(**config)
    for parameter in network.parameters():  # what starts at zero would hide mistakes
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


def test_a_grown_network_draws_what_the_small_one_drew_and_all_of_it_learns() -> None:
    small = random_network(**SMALL)
    large = grown(small, **LARGE)
    assert large.config.widths == [12, 16, 8] and not large.training
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    mask = torch.randint(0, 19, (2, 8, 8)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    known = torch.ones(2, 1, 64, 64)
    known[..., 20:40, 16:48] = 0
    for kept in (None, kept_pixels(image, known)):
        one, other = (net.generate(mask, net.encode_style(image, mask), kept) for net in (small, large))
        torch.testing.assert_close(one, other)
    (other * torch.randn_like(other)).sum().backward()
    added = [
        large.backbone.more4[1].affine1.per_class,
        large.backbone.head.weight[:, 4:],
        large.backbone.noise2.strength,
    ]
    assert large.backbone.head.weight.grad[:, 4:].abs().max() > 0
    assert all(each.grad.abs().max() > 0 for each in added if each.is_leaf)


def test_a_network_only_grows() -> None:
    with pytest.raises(ValueError, match="a network can only grow"):
        grown(random_network(**SMALL), widths=[4, 8, 8])
    with pytest.raises(ValueError, match="must have all that the smaller one has"):
        grown(random_network(**SMALL | LARGE), noise=False)
    with pytest.raises(ValueError, match="Only the studio network can grow"):
        grown(DenseMappingNetwork(**PRESETS["published"] | {"widths": [4], "encoder_width": 4}), widths=[8])


def test_noise_is_the_same_plane_wherever_a_network_is_loaded_and_moves_with_its_shift() -> None:
    network = random_network(**PRESETS["tiny"])
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    mask = torch.full((1, 64, 64), 13)
    style = network.encode_style(image, mask)
    copy = DenseMappingNetwork(**PRESETS["tiny"]).eval()
    copy.load_state_dict(network.state_dict())
    still = network.generate(mask, style)
    assert torch.equal(still, copy.generate(mask, style))
    assert torch.equal(still, network.generate(mask, style, noise_shift=torch.zeros(1, 2)))
    assert not torch.allclose(still, network.generate(mask, style, noise_shift=torch.full((1, 2), 0.3)))
    with torch.no_grad():
        for noise in (network.backbone.noise2, network.backbone.noise4):
            noise.strength.zero_()
    shifted = network.generate(mask, style, noise_shift=torch.full((1, 2), 0.3))
    assert torch.equal(network.generate(mask, style), shifted)
