"""One contract for every network, on tiny configurations: files, batches, gradients, conditioning as an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import torch
from diffusers import ModelMixin
from torch import Tensor, nn

from lab.training.discriminator import MultiscaleDiscriminator
from maskgan.labels import one_hot
from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.networks.mask_vae import MaskVAE
from maskgan.styles import RegionStyle

SIZE = 64
#: How small a trained parameter's gradient may be and still count.
NOTHING = 1e-9


def image(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def mask(count: int, seed: int = 0, classes: int = 19) -> Tensor:
    cells = torch.randint(0, classes, (count, 8, 8), generator=torch.Generator().manual_seed(seed))
    return cells.repeat_interleave(SIZE // 8, 1).repeat_interleave(SIZE // 8, 2)


def known_but_for_a_square(count: int) -> Tensor:
    known = torch.ones(count, 1, SIZE, SIZE)
    known[:, :, 16:40, 20:44] = 0
    return known


@dataclass(frozen=True)
class Case:
    """A network, the calls that use all of it, and the shapes of what they give for two samples."""

    build: Callable[[], nn.Module]
    call: Callable[[nn.Module, Tensor, Tensor], list[Tensor]]  # (network, images, masks)
    shapes: list[tuple[int, ...]]
    #: Layers whose bias is cancelled: by a normalisation just after it, or because only deviations count.
    cancelled: tuple[str, ...] = ()


def _draw(model: DenseMappingNetwork, images: Tensor, masks: Tensor) -> list[Tensor]:
    style = model.encode_style(images, masks)
    drawn = model.generate((masks.flip(2) + 4) % 19, style)  # other places, and classes that the source may lack
    return [drawn, *style]


def _fill(model: DenseMappingNetwork, images: Tensor, masks: Tensor) -> list[Tensor]:
    known = known_but_for_a_square(len(images))
    style = model.encode_style(images, masks, known=known)
    asked = torch.where(known[:, 0] > 0, masks, (masks + 4) % 19)  # new classes in the hole
    return [model.generate(asked, style, kept_pixels(images, known)), *style]


def _vae(model: MaskVAE, images: Tensor, masks: Tensor) -> list[Tensor]:
    mean, logvar = model.encode(one_hot(masks))
    return [model.decode(mean), mean, logvar]


def _discriminate(model: MultiscaleDiscriminator, images: Tensor, masks: Tensor) -> list[Tensor]:
    return [layer for scale in model(images, one_hot(masks)) for layer in scale]


TINY = PRESETS["tiny"]
VECTOR = {"style_scope": "vector", "widths": [4], "blocks": 2, "depth": 2, "encoder_width": 4}
REGION_SHAPES = [(2, 3, SIZE, SIZE), (2, 19, 8), (2, 19), (2, 19, 5, 16, 16)]
CASES = {
    "dmn": Case(partial(DenseMappingNetwork, **TINY), _draw, REGION_SHAPES, cancelled=("to_residue",)),
    "dmn_kept": Case(partial(DenseMappingNetwork, **TINY), _fill, REGION_SHAPES, cancelled=("to_residue",)),
    "dmn_region": Case(partial(DenseMappingNetwork, **TINY | {"style_scope": "region"}), _draw, REGION_SHAPES),
    "dmn_global": Case(partial(DenseMappingNetwork, **TINY | {"style_scope": "global"}), _draw, REGION_SHAPES),
    "dmn_vector": Case(
        partial(DenseMappingNetwork, **VECTOR),
        _draw,
        [(2, 3, SIZE, SIZE), (2, 2 * 4 * 16)],
        cancelled=("encoder.stem", "encoder.downs", "conv0", "conv1", "decoder.ups"),
    ),
    "parser": Case(
        partial(FaceParser, widths=[8, 8, 8, 8, 8], blocks=1),
        lambda model, images, masks: [model(images)],
        [(2, 19, SIZE, SIZE)],
    ),
    "parser_pyramid": Case(
        partial(FaceParser, widths=[8, 8], encoder="efficientnet-lite0"),
        lambda model, images, masks: [model(images)],
        [(2, 19, SIZE, SIZE)],
    ),
    "mask_vae": Case(
        partial(MaskVAE, width=4, latent_dim=8, depth=4),
        _vae,
        [(2, 19, SIZE, SIZE), (2, 8), (2, 8)],
        cancelled=("encoder", "decoder"),
    ),
    "alpha_blender": Case(
        partial(AlphaBlender, width=4, depth=2, blocks=1),
        lambda model, images, masks: [model(images, images.flip(3))],
        [(2, 3, SIZE, SIZE)],
        cancelled=("encoder", "residual_blocks", "decoder.ups"),
    ),
    "discriminator": Case(
        partial(MultiscaleDiscriminator, width=8, layers=2),
        _discriminate,
        [
            *((2, 8, 33, 33), (2, 16, 17, 17), (2, 32, 18, 18), (2, 1, 19, 19)),
            *((2, 8, 17, 17), (2, 16, 9, 9), (2, 32, 10, 10), (2, 1, 11, 11)),
        ],
    ),
    "discriminator_one_scale": Case(
        partial(MultiscaleDiscriminator, width=4, layers=1, scales=1),
        _discriminate,
        [(2, 4, 33, 33), (2, 8, 34, 34), (2, 1, 35, 35)],
    ),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    torch.manual_seed(0)
    return CASES[request.param]


def woken(model: nn.Module) -> nn.Module:
    """Parameters that start at zero get small values, so that every path of the network is alive."""
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
    return model


@torch.no_grad()
def test_shapes_and_finite_values(case: Case) -> None:
    outputs = case.call(case.build().eval(), image(2), mask(2))
    assert [tuple(output.shape) for output in outputs] == case.shapes
    assert all(output.isfinite().all() for output in outputs)


@torch.no_grad()
def test_the_same_question_has_the_same_answer(case: Case) -> None:
    model = woken(case.build()).eval()
    once, between, twice = (case.call(model, image(2, seed), mask(2, seed)) for seed in (0, 1, 0))
    assert all(torch.equal(first, again) for first, again in zip(once, twice, strict=True))
    assert not torch.allclose(once[0], between[0], atol=1e-4)


@torch.no_grad()
def test_a_batch_of_two_equals_two_singles(case: Case) -> None:
    model = woken(case.build()).eval()
    images, masks = image(2), mask(2)
    together = case.call(model, images, masks)
    alone = [case.call(model, images[i : i + 1], masks[i : i + 1]) for i in range(2)]
    for both, *singles in zip(together, *alone, strict=True):
        torch.testing.assert_close(both, torch.cat(singles), atol=1e-5, rtol=1e-5)


def test_every_parameter_receives_a_gradient(case: Case) -> None:
    model = woken(case.build()).train()
    # Twelve classes of nineteen: those present teach their own codes, the others the completion.
    outputs = case.call(model, image(2), mask(2, classes=12))
    if isinstance(model, DenseMappingNetwork):
        outputs = outputs[:1]  # a style is worth what the picture makes of it
    sum((output * torch.randn_like(output)).mean() for output in outputs if output.requires_grad).backward()
    for name, parameter in model.named_parameters():
        if isinstance(model, DenseMappingNetwork) and model_lacks(model, name):
            continue
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if not (name.endswith("bias") and any(part in name for part in case.cancelled)):
            assert parameter.grad.abs().max() > NOTHING, name


def model_lacks(model: nn.Module, name: str) -> bool:
    """What has nothing to learn in the variants made for comparison.

    Without a residue, the layers that make and read it; with one code for all classes, the mixture of codes.
    """
    unused = {"region": ("to_residue", "from_local"), "global": ("to_residue", "from_local", "affinity")}
    return any(part in name for part in unused.get(model.config.style_scope, ()))


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("discriminator")])
def test_save_and_load_round_trip_as_safetensors(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    model = woken(case.build()).eval()
    assert isinstance(model, ModelMixin)
    model.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.safetensors",
    ]
    again = type(model).from_pretrained(tmp_path)
    assert not again.training
    assert {key: value for key, value in again.config.items() if not key.startswith("_")} == {
        key: value for key, value in model.config.items() if not key.startswith("_")
    }
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[key]), key
    with torch.no_grad():
        before, after = (case.call(network, image(2), mask(2)) for network in (model, again))
    for first, second in zip(before, after, strict=True):
        torch.testing.assert_close(first, second)


# --- Conditioning is an argument -----------------------------------------------------------------------------------

DMNS = [name for name in CASES if name.startswith("dmn")]


@torch.no_grad()
@pytest.mark.parametrize("name", DMNS)
def test_styles_of_two_people_do_not_mix(name: str) -> None:
    model = woken(CASES[name].build()).eval()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    styles = [model.encode_style(image(1, seed), mask(1, seed)) for seed in (0, 1)]
    edited = mask(1, 2)
    first, second = (model.generate(edited, style) for style in styles)
    assert not torch.allclose(first, second, atol=1e-4)
    for index in (0, 1, 1, 0):  # any order, as often as one likes
        assert torch.equal(model.generate(edited, styles[index]), (first, second)[index])
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())


@torch.no_grad()
@pytest.mark.parametrize("name", DMNS)
def test_the_mask_places_what_is_drawn(name: str) -> None:
    model = woken(CASES[name].build()).eval()
    style = model.encode_style(image(1), mask(1))
    drawn = model.generate(mask(1, 1), style)
    assert not torch.allclose(drawn, model.generate(mask(1, 2), style), atol=1e-4)
    assert drawn.abs().max() <= 1


@torch.no_grad()
def test_a_style_by_region_takes_each_class_from_its_own_pixels() -> None:
    """Another picture under one class changes that class's code, and far classes hardly (features overlap a little)."""
    torch.manual_seed(0)
    model = woken(DenseMappingNetwork(**TINY)).eval()
    halves = torch.full((1, SIZE, SIZE), 1)
    halves[:, :, SIZE // 2 :] = 13
    picture, other = image(1), image(1)
    other[..., 3 * SIZE // 4 :] *= -1  # changed far inside the right half, class 13
    codes, changed = (model.encode_style(i, halves).codes[0] for i in (picture, other))
    difference = (codes - changed).abs().amax(1)
    assert difference[13] > 10 * difference[1]


@torch.no_grad()
def test_a_dropped_class_is_completed_as_if_it_were_absent() -> None:
    model = woken(DenseMappingNetwork(**TINY)).eval()
    dropped = torch.zeros(1, 19)
    dropped[0, 13] = 1
    whole, hidden = (model.encode_style(image(1), mask(1), d) for d in (torch.zeros(1, 19), dropped))
    assert whole.present[0, 13] == 1 and hidden.present[0, 13] == 0
    assert not hidden.residue[0, 13].any() and whole.residue[0, 13].any()
    kept = whole.present[0].bool() & hidden.present[0].bool()
    torch.testing.assert_close(whole.codes[0, kept], hidden.codes[0, kept])
    assert not torch.allclose(whole.codes[0, 13], hidden.codes[0, 13])


@torch.no_grad()
def test_without_residue_the_style_has_no_place() -> None:
    model = woken(DenseMappingNetwork(**TINY)).eval()
    plain = model.encode_style(image(1), mask(1)).without_residue()
    assert not plain.residue.any()
    mirrored = model.generate(mask(1).flip(2), plain)
    assert not torch.allclose(mirrored, model.generate(mask(1).flip(2), model.encode_style(image(1), mask(1))))


# --- Sizes that were promised --------------------------------------------------------------------------------------


def test_studio_and_parser_are_as_small_as_promised() -> None:
    with torch.device("meta"):
        assert DenseMappingNetwork.preset("studio").num_parameters() <= 12e6
        assert FaceParser().num_parameters() <= 4e6
        assert FaceParser((48, 64), encoder="efficientnet-lite0").num_parameters() <= 6e6
        published = DenseMappingNetwork.preset("published").num_parameters()
    assert published == pytest.approx(89.7e6, rel=0.005)


def test_a_studio_edit_costs_at_most_11_gflop() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with torch.device("meta"):
        model = DenseMappingNetwork.preset("studio").eval()
        code, residue = model.config.code_dim, model.config.residue_dim
        style = RegionStyle(torch.zeros(1, 19, code), torch.zeros(1, 19), torch.zeros(1, 19, residue + 1, 16, 16))
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model.generate(torch.zeros(1, 256, 256, dtype=torch.long), style)
    assert 1e9 < counter.get_total_flops() <= 11e9


def test_unknown_style_scope_and_odd_sizes_are_named() -> None:
    with pytest.raises(ValueError, match="style_scope 'local'"):
        DenseMappingNetwork(style_scope="local")
    with pytest.raises(ValueError, match="multiples of 32"):
        FaceParser(widths=(8, 8, 8, 8, 8))(torch.zeros(1, 3, 48, 64))
    with pytest.raises(ValueError, match="multiples of 32"):
        FaceParser(widths=(8, 8), encoder="efficientnet-lite0")(torch.zeros(1, 3, 48, 64))
    with pytest.raises(ValueError, match="efficientnet-lite0"):
        FaceParser(encoder="resnet")
