"""The baselines of the comparison: as large as the network they stand beside, and used like it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from lab.pretrain_dmn import style_of_an_edit
from lab.training.baselines import BASELINES, TINY, Baseline, Pix2PixHDLike, load_generator
from lab.training.noise import SampleNoise
from maskgan.networks.dense_mapping import DenseMappingNetwork

names = pytest.mark.parametrize("name", sorted(BASELINES))


def tiny(name: str) -> Baseline:
    torch.manual_seed(0)
    return BASELINES[name](**TINY[name])


def image(count: int, size: int = 64, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def mask(count: int, size: int = 64, seed: int = 0) -> Tensor:
    cells = torch.randint(0, 19, (count, 8, 8), generator=torch.Generator().manual_seed(seed))
    return cells.repeat_interleave(size // 8, 1).repeat_interleave(size // 8, 2)


@names
def test_as_large_as_the_studio_network(name: str) -> None:
    studio = DenseMappingNetwork.preset("studio").num_parameters()
    assert BASELINES[name]().num_parameters() == pytest.approx(studio, rel=0.05)


@names
@pytest.mark.parametrize("size", [64, 128])
def test_a_picture_in_range_as_large_as_the_mask(name: str, size: int) -> None:
    network = tiny(name)
    drawn = network(image(2, size), mask(2, size), mask(2, size, 1))
    assert drawn.shape == (2, 3, size, size)
    assert -1 <= drawn.min() < drawn.max() <= 1


@names
def test_every_parameter_gets_a_gradient(name: str) -> None:
    network = tiny(name)
    weights = image(2, seed=5)
    (network(image(2), mask(2), mask(2)) * weights).sum().backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-9]
    assert not without


@names
def test_style_comes_from_the_picture_and_shape_from_the_mask(name: str) -> None:
    network = tiny(name).eval()
    with torch.no_grad():
        style, other_style = (network.encode_style(image(1, seed=seed), mask(1)) for seed in (0, 1))
        assert style.vector.ndim == 2
        drawn = network.generate(mask(1), style)
        assert (network.generate(mask(1), other_style) - drawn).abs().max() > 1e-4
        assert (network.generate(mask(1, seed=1), style) - drawn).abs().max() > 1e-2


@names
def test_several_masks_per_picture_equal_one_by_one(name: str) -> None:
    network = tiny(name).eval()
    masks = [mask(2, seed=seed) for seed in (0, 1, 2)]
    with torch.no_grad():
        together = network(image(2), mask(2), torch.cat(masks)).chunk(3)
        for drawn, one in zip(together, masks, strict=True):
            torch.testing.assert_close(drawn, network(image(2), mask(2), one), rtol=1e-4, atol=1e-5)


@names
def test_the_trainer_hides_nothing_of_its_style(name: str) -> None:
    network = tiny(name)
    noise = SampleNoise(0, range(2), torch.device("cpu"))
    source = style_of_an_edit(network, image(2), mask(2), torch.ones(2, 1, 64, 64), noise)
    assert torch.equal(source.image, image(2))
    assert source[2:] == (None, None, None)
    assert network(*source[:2], mask(2), *source[2:4]).shape == (2, 3, 64, 64)


def test_a_class_that_the_picture_lacks_gets_its_usual_feature() -> None:
    network = tiny("pix2pixhd")
    hat = torch.full((1, 64, 64), 14)
    for _ in range(3):
        seen = network.encode_style(image(1), hat).vector.unflatten(1, (19, 3))[0, 14]
    usual = network.usual_features[14]
    torch.testing.assert_close(usual, seen.detach() * (1 - 0.99**3))
    style = network.eval().encode_style(image(1, seed=1), torch.zeros(1, 64, 64, dtype=torch.long))
    torch.testing.assert_close(style.vector.unflatten(1, (19, 3))[0, 14], usual)


@names
def test_saved_and_loaded_it_draws_the_same(name: str, tmp_path: Path) -> None:
    network = tiny(name)
    network(image(2), mask(2), mask(2))  # so that the running means are not at their start
    network.save_pretrained(tmp_path)
    loaded = load_generator(tmp_path)
    assert type(loaded) is BASELINES[name]
    assert not loaded.training
    assert loaded.config.style_scope == "vector"
    with torch.no_grad():
        style = network.eval().encode_style(image(1), mask(1, seed=1))
        assert torch.equal(loaded.encode_style(image(1), mask(1, seed=1)).vector, style.vector)
        assert torch.equal(loaded.generate(mask(1), style), network.generate(mask(1), style))


def test_the_studio_network_is_loaded_by_its_name_too(tmp_path: Path) -> None:
    DenseMappingNetwork.preset("tiny").save_pretrained(tmp_path)
    assert isinstance(load_generator(tmp_path), DenseMappingNetwork)


def test_what_is_no_generator_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="is no weights folder; give one with"):
        load_generator(tmp_path / "nowhere")
    for content in (json.dumps({"_class_name": "MaskVAE"}), "[]", "no json"):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ValueError, match="which is no generator; give the weights folder"):
            load_generator(tmp_path)


def test_a_feature_goes_with_its_region_whatever_the_class() -> None:
    network: Pix2PixHDLike = tiny("pix2pixhd").eval()
    halves = torch.zeros(1, 64, 64, dtype=torch.long)
    halves[:, :, 32:] = 1
    with torch.no_grad():
        style = network.encode_style(image(1), halves).vector.unflatten(1, (19, 3))
        swapped = network.encode_style(image(1), 1 - halves).vector.unflatten(1, (19, 3))
    torch.testing.assert_close(style[0, 0], swapped[0, 1])
    torch.testing.assert_close(style[0, 1], swapped[0, 0])
