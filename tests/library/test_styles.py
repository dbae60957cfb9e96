"""One contract for every kind of style, so that editing needs to know none of them."""

from __future__ import annotations

import inspect

import pytest
import torch
from conftest import draw_face, draw_mask
from torch import Tensor

from maskgan.images import to_tensor
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.styles import Style

SIZE = 64
CONFIGS = {
    "vector": {"style_scope": "vector", "widths": [4], "blocks": 1, "depth": 3, "encoder_width": 4},
    **{scope: PRESETS["tiny"] | {"style_scope": scope} for scope in ("global", "region", "region_and_residue")},
}


def masks() -> Tensor:
    return torch.stack([torch.from_numpy(draw_mask(SIZE, shift)).long() for shift in (0.0, 0.05)])


@pytest.fixture(scope="module", params=CONFIGS)
def network(request: pytest.FixtureRequest) -> DenseMappingNetwork:
    torch.manual_seed(0)
    return DenseMappingNetwork(**CONFIGS[request.param]).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def styles(network: DenseMappingNetwork) -> tuple[Style, Style]:
    """Of two faces."""
    images = torch.cat([to_tensor(draw_face(draw_mask(SIZE, shift), seed)) for seed, shift in enumerate((0.0, 0.05))])
    first, second = (network.encode_style(images[[face]], masks()[[face]]) for face in (0, 1))
    return first, second


def same(first: Style, second: Style) -> bool:
    return type(first) is type(second) and all(map(torch.equal, first, second))


def test_it_has_every_operation(styles: tuple[Style, Style]) -> None:
    operations = [name for name in vars(Style) if not name.startswith("_")]
    assert {"repeat", "blend", "take_classes", "without_residue", "prepared"} <= set(operations)
    for name in operations:
        wanted, own = (list(inspect.signature(getattr(kind, name)).parameters) for kind in (Style, type(styles[0])))
        assert wanted == own, name


def test_a_repeated_style_draws_each_face_again(network: DenseMappingNetwork, styles: tuple[Style, Style]) -> None:
    drawn = network.generate(masks(), styles[0].repeat(2))
    one_by_one = torch.cat([network.generate(mask[None], styles[0]) for mask in masks()])
    torch.testing.assert_close(drawn, one_by_one, rtol=1e-4, atol=1e-5)


def test_a_prepared_style_draws_the_same(network: DenseMappingNetwork, styles: tuple[Style, Style]) -> None:
    expected = network.generate(masks()[[1]], styles[0])
    torch.testing.assert_close(network.generate(masks()[[1]], styles[0].prepared(SIZE)), expected)


def test_the_ends_of_a_blend_are_its_styles(network: DenseMappingNetwork, styles: tuple[Style, Style]) -> None:
    first, second = styles
    for end, style, mask in ((0.0, first, masks()[[0]]), (1.0, second, masks()[[1]])):
        torch.testing.assert_close(
            network.generate(mask, first.blend(second, end)), network.generate(mask, style), rtol=1e-4, atol=1e-5
        )


def test_nothing_is_taken_at_strength_0_and_something_at_1(
    network: DenseMappingNetwork, styles: tuple[Style, Style]
) -> None:
    first, second = styles
    assert same(first.take_classes(second, {1: 1, 13: 13}, 0.0), first)
    mask = masks()[[0]]
    taken = network.generate(mask, first.take_classes(second, {1: 1, 13: 13}, 1.0))
    assert not torch.equal(taken, network.generate(mask, first))


def test_a_style_without_residue_has_none_to_scale(styles: tuple[Style, Style]) -> None:
    plain = styles[0].without_residue()
    assert same(plain.without_residue([1, 13]), plain)
    assert same(styles[0].scale_residue(torch.zeros(1)), plain)
    assert same(styles[0].scale_residue(torch.ones(1)), styles[0])
