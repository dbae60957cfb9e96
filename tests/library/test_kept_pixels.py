"""A network is shown the pixels that an edit keeps, in the whole crop and in windows."""

from __future__ import annotations

import pytest
import torch
from test_models import SIZE, TINY, VECTOR, image, known_but_for_a_square, mask, woken
from torch import Tensor

from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.styles import RegionStyle


@torch.no_grad()
def test_a_network_learns_to_see_kept_pixels_from_where_it_was() -> None:
    torch.manual_seed(0)
    blind = DenseMappingNetwork(**TINY | {"kept": False}).eval()
    seeing = blind.with_kept().eval()
    style = blind.encode_style(image(2), mask(2))
    wanted = blind.generate(mask(2, 1), style)
    assert torch.equal(seeing.generate(mask(2, 1), style), wanted)
    assert torch.equal(seeing.generate(mask(2, 1), style, kept_pixels(image(2), known_but_for_a_square(2))), wanted)
    assert {name for name in seeing.state_dict() if name not in blind.state_dict()} == {
        f"backbone.kept.{name}" for name in seeing.backbone.kept.state_dict()
    }


@torch.no_grad()
def test_pixels_outside_the_hole_influence_the_fill_and_those_inside_do_not() -> None:
    torch.manual_seed(0)
    model = woken(DenseMappingNetwork(**TINY)).eval()
    known = known_but_for_a_square(1)
    style = model.encode_style(image(1), mask(1), known=known)
    hole = known == 0

    def fill(photo: Tensor) -> Tensor:
        return model.generate(mask(1), style, kept_pixels(photo, known))[hole.expand(-1, 3, -1, -1)]

    wanted = fill(image(1))
    beside, within = image(1), image(1)
    beside[..., 16:40, 8:20] *= -1
    within[..., 16:40, 20:44] *= -1
    assert (fill(beside) - wanted).abs().max() > 1e-3
    assert torch.equal(fill(within), wanted)


@torch.no_grad()
def test_nothing_kept_is_a_photo_of_which_nothing_is_known() -> None:
    model = woken(DenseMappingNetwork(**TINY)).eval()
    style = model.encode_style(image(2), mask(2))
    nothing = kept_pixels(image(2), torch.zeros(2, 1, SIZE, SIZE))
    torch.testing.assert_close(model.generate(mask(2), style), model.generate(mask(2), style, nothing))


@torch.no_grad()
def test_the_residue_comes_from_known_pixels_alone() -> None:
    model = woken(DenseMappingNetwork(**TINY)).eval()
    known = torch.ones(1, 1, SIZE, SIZE)
    known[..., : SIZE // 2] = 0  # the left half
    whole, half = (model.encode_style(image(1), mask(1), known=given) for given in (None, known))
    torch.testing.assert_close(whole.codes, half.codes)
    assert whole.residue[..., :6].any() and not half.residue[..., :6].any()
    assert half.residue[..., 10:].any()
    everything = model.encode_style(image(1), mask(1), known=torch.ones(1, 1, SIZE, SIZE))
    torch.testing.assert_close(everything.residue, whole.residue)


def style_of(residue: Tensor) -> RegionStyle:
    return RegionStyle(torch.zeros(len(residue), 19, 4), torch.zeros(len(residue), 19), residue)


def test_a_style_in_a_window_has_the_residue_of_that_window() -> None:
    """A residue that grows evenly by rows and columns does so in a window too, from the window's edge on."""
    down, right = torch.meshgrid(*[(torch.arange(16) + 0.5) / 16] * 2, indexing="ij")
    style = style_of((down + 10 * right).expand(2, 19, 5, 16, 16))
    assert torch.allclose(style.window(0, 0, 1).residue, style.residue, atol=1e-5)
    window = style.window(0.25, 0.5, 0.25, 0.375).residue
    torch.testing.assert_close(window, ((0.25 + 0.25 * down) + 10 * (0.5 + 0.375 * right)).expand_as(window))
    tops, lefts, sizes = torch.tensor([0.25, 0.1]), torch.tensor([0.5, 0.2]), torch.tensor([0.25, 0.5])
    for number, each in enumerate(style.window(tops, lefts, sizes).residue):
        alone = style.window(*(float(value[number]) for value in (tops, lefts, sizes))).residue
        torch.testing.assert_close(each, alone[number])
    assert style.window(0, 0, 0.5).codes is style.codes


@torch.no_grad()
def test_windows_may_be_oblong_and_larger_than_the_crop_of_the_style() -> None:
    model = DenseMappingNetwork(**TINY).eval()
    style = model.encode_style(image(1), mask(1))
    masks = mask(1).repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :128, :64]
    assert model.generate(masks, style.window(0, 0, 1, 0.5)).shape == (1, 3, 128, 64)


def test_a_network_that_cannot_be_shown_kept_pixels_says_so() -> None:
    model = DenseMappingNetwork(**TINY | {"kept": False})
    with pytest.raises(ValueError, match="cannot be shown kept pixels"):
        model.generate(mask(1), model.encode_style(image(1), mask(1)), torch.zeros(1, 4, SIZE, SIZE))
    with pytest.raises(ValueError, match="published network cannot be shown kept pixels"):
        DenseMappingNetwork(**VECTOR, kept=True)
