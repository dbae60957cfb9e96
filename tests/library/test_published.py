"""The published networks: a second implementation on the published tensor names, and numbers of the published code.

The reference functions below run straight on a published state dict, so a wrong name, order or layer in our modules
shows as a wrong number. Set MASKGAN_FIXTURES to a folder with the published networks' tensors, inputs and
outputs (`*_case.npz`) to compare with these too.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from maskgan.networks.alpha_blender import AlphaBlender, blend
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.global_style import GlobalBackbone, GlobalStyleEncoder
from maskgan.networks.mask_vae import MaskVAE
from maskgan.networks.published import (
    PublishedNetwork,
    convert_alpha_blender,
    convert_dmn,
    convert_mask_vae,
    load_published,
)

SHAPES = json.loads((Path(__file__).parent / "published_shapes.json").read_text())
CONVERT = {"G": convert_dmn, "B": convert_alpha_blender, "VAE": convert_mask_vae}
FULL_WIDTH = {"G": 64, "B": 32, "VAE": 32}
State = dict[str, Tensor]


def published_state(kind: str, width: int = 2) -> State:
    """A random published state dict, `width` wide instead of 64 or 32 (the encoders of G have one width only)."""
    shrink, generator = FULL_WIDTH[kind] // width, torch.Generator().manual_seed(1)
    state = {}
    for name, shape in SHAPES[kind].items():
        if not name.startswith("enc_"):
            shape = [n // shrink if n >= FULL_WIDTH[kind] else n for n in shape]
        elif name.startswith("enc_style.model_last"):
            shape = [shape[0] // shrink, *shape[1:]]
        if not shape:
            state[name] = torch.tensor(7)
            continue
        values = torch.randn(shape, generator=generator)
        values *= (2 / values[0].numel()) ** 0.5 if len(shape) > 1 else 0.3
        state[name] = values.abs() + 0.5 if name.endswith("running_var") else values
    return state


def one_hot(size: int, seed: int) -> Tensor:
    labels = torch.randint(0, 19, (1, size // 8, size // 8), generator=torch.Generator().manual_seed(seed))
    blocks = labels.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return F.one_hot(blocks, 19).permute(0, 3, 1, 2).float()


def images(size: int, seed: int) -> Tensor:
    return torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


# --- The published computation, written down a second time -------------------------------------------------------


def reflect(x: Tensor, state: State, name: str, pad: int, stride: int = 1) -> Tensor:
    return F.conv2d(F.pad(x, [pad] * 4, mode="reflect"), state[f"{name}.weight"], state[f"{name}.bias"], stride)


def norm(x: Tensor, bias: Tensor | float = 0.0, weight: Tensor | float = 1.0) -> Tensor:
    centred = x - x.mean((2, 3), keepdim=True)
    return centred / (centred.square().mean((2, 3), keepdim=True) + 1e-5).sqrt() * weight + bias


def reference_hourglass(state: State, x: Tensor, depth: int, blocks: int, style: Tensor | None = None) -> Tensor:
    def conv(x: Tensor, index: int) -> Tensor:
        return F.conv2d(x, state[f"model.{index}.weight"], state[f"model.{index}.bias"], stride=2, padding=1)

    x, index = F.relu(norm(reflect(x, state, "model.1", 3))), 4
    for _ in range(depth):
        x, index = F.relu(norm(conv(x, index))), index + 3
    channels, position = x.shape[1], 0
    for _ in range(blocks):
        h = x
        for layer in range(2):
            h = reflect(h, state, f"model.{index}.conv_block.{layer}.conv", 1)
            if style is None:
                h = norm(h)
            else:
                bias, weight = style[:, position : position + 2 * channels].reshape(-1, 2, channels, 1, 1).unbind(1)
                h, position = norm(h, bias, weight), position + 2 * channels
            h = F.relu(h) if layer == 0 else h
        x, index = x + h, index + 1
    for _ in range(depth):
        weight, bias = state[f"model.{index}.weight"], state[f"model.{index}.bias"]
        x = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        x, index = F.relu(norm(x)), index + 3
    return reflect(x, state, f"model.{index + 1}", 3)


def reference_style(state: State, image: Tensor, mask: Tensor) -> Tensor:
    def start(x: Tensor, encoder: str) -> Tensor:
        x = F.relu(reflect(x, state, f"{encoder}.model.0.conv", 3))
        x = F.relu(reflect(x, state, f"{encoder}.model.1.conv", 1, 2))
        return reflect(x, state, f"{encoder}.model.2.conv", 1, 2)

    def sft(x: Tensor, prior: Tensor, name: str) -> Tensor:
        scale, shift = (
            F.conv2d(
                F.leaky_relu(
                    F.conv2d(prior, state[f"{part}_conv1.weight"], state[f"{part}_conv1.bias"]),
                    0.1,
                ),
                state[f"{part}_conv2.weight"],
                state[f"{part}_conv2.bias"],
            )
            for part in (f"enc_style.{name}.SFT_scale", f"enc_style.{name}.SFT_shift")
        )
        return x * scale + shift

    feature1 = feature2 = start(mask, "enc_label")
    for i in (1, 2, 3):
        feature2 = reflect(F.relu(feature2), state, f"enc_label.model_last.{i}.conv", 1, 2)
    x = sft(F.relu(start(image, "enc_style")), feature1, "sft1")
    for i in range(3):
        x = F.relu(reflect(x, state, f"enc_style.model_middle.{i}.conv", 1, 2))
    x = sft(x, feature2, "sft2").mean((2, 3), keepdim=True)
    return F.conv2d(x, state["enc_style.model_last.1.weight"], state["enc_style.model_last.1.bias"]).flatten(1)


def reference_vae(state: State, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    def batch_norm(x: Tensor, i: int, eps: float) -> Tensor:
        weight, bias, mean, var = (
            state[f"bn{i}.{leaf}"][:, None, None] for leaf in ("weight", "bias", "running_mean", "running_var")
        )
        return F.leaky_relu((x - mean) / (var + eps).sqrt() * weight + bias, 0.2)

    x = mask
    for i in range(1, 8):
        x = F.conv2d(x, state[f"e{i}.weight"], state[f"e{i}.bias"], stride=2, padding=1)
        x = batch_norm(x, i, 1e-5)
    flat = x.reshape(len(x), -1)
    mean, logvar = (flat @ state[f"{fc}.weight"].T + state[f"{fc}.bias"] for fc in ("fc1", "fc2"))
    x = F.relu(mean @ state["d1.weight"].T + state["d1.bias"]).reshape(len(x), -1, 4, 4)
    for i in range(2, 9):
        x = F.pad(x.repeat_interleave(2, 2).repeat_interleave(2, 3), [1] * 4, mode="replicate")
        x = F.conv2d(x, state[f"d{i}.weight"], state[f"d{i}.bias"])
        x = batch_norm(x, i + 6, 1e-3) if i < 8 else x
    return mean, logvar, x


# --- Our modules with the converted tensors -----------------------------------------------------------------------


def dense_mapping(network: PublishedNetwork) -> tuple[GlobalBackbone, GlobalStyleEncoder]:
    config = network.config
    backbone = GlobalBackbone(config["width"], config["depth"], config["blocks"], config["num_classes"])
    encoder = GlobalStyleEncoder(backbone.style_dim, config["style_width"], config["num_classes"])
    both = nn.ModuleDict({"backbone": backbone, "style_encoder": encoder})
    both.load_state_dict(network.state_dict, assign=True)
    return backbone, encoder


def alpha_blender(network: PublishedNetwork) -> AlphaBlender:
    model = AlphaBlender(**network.config)
    model.load_state_dict(network.state_dict, assign=True)
    return model


def mask_vae(network: PublishedNetwork) -> MaskVAE:
    model = MaskVAE(**network.config).eval()
    model.load_state_dict(network.state_dict, assign=True)
    return model


def assert_near(ours: Tensor, reference: Tensor, tolerance: float) -> None:
    assert reference.std() > 0.01  # a flat reference would hide mistakes
    torch.testing.assert_close(ours, reference, rtol=0.0, atol=tolerance)


# Compared in float64, where only a mistake can make a difference.


def doubled(kind: str, width: int) -> State:
    state = published_state(kind, width)
    return {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in state.items()}


@torch.no_grad()
def test_generator_matches_the_published_computation() -> None:
    state = doubled("G", width=2)
    image, mask, edited = images(64, 0).double(), one_hot(64, 1).double(), one_hot(64, 2).double()
    style = reference_style(state, image, mask)
    expected = reference_hourglass(state, edited, depth=4, blocks=4, style=style).tanh()
    backbone, encoder = dense_mapping(convert_dmn(state))
    assert_near(encoder(image, mask), style, 1e-9)
    assert_near(backbone(edited, style), expected, 1e-9)


@torch.no_grad()
def test_alpha_blender_matches_the_published_computation() -> None:
    state = doubled("B", width=2)
    inner, outer = images(32, 0).double(), images(32, 1).double()
    expected = reference_hourglass(state, torch.cat([inner, outer], 1), depth=3, blocks=3).sigmoid()
    assert_near(alpha_blender(convert_alpha_blender(state))(inner, outer), expected, 1e-9)


@torch.no_grad()
def test_mask_vae_matches_the_published_computation() -> None:
    state = doubled("VAE", width=1)
    mask = one_hot(512, 0).double()
    mean, logvar, logits = reference_vae(state, mask)
    model = mask_vae(convert_mask_vae(state))
    assert model.mask_size == 512
    for ours, reference in zip(model.encode(mask), (mean, logvar), strict=True):
        assert_near(ours, reference, 1e-9)
    assert_near(model.decode(mean), logits, 1e-9)


# --- The way in for people ----------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_from_published_edits_as_the_published_generator_does(suffix: str, tmp_path: Path) -> None:
    state, path = published_state("G", width=2), tmp_path / f"net.{suffix}"
    save_file(state, path) if suffix == "safetensors" else torch.save(state, path)
    model = DenseMappingNetwork.from_published(path)
    image, mask, edited = images(64, 0), one_hot(64, 1), one_hot(64, 2)
    style = reference_style(state, image, mask)
    expected = reference_hourglass(state, edited, depth=4, blocks=4, style=style).tanh()
    assert_near(model.encode_style(image, mask.argmax(1)).vector, style, 1e-4)
    assert_near(model(image, mask.argmax(1), edited.argmax(1)), expected, 1e-4)

    model.save_pretrained(tmp_path / "ours")  # and from then on it is a model like any other
    again = DenseMappingNetwork.from_pretrained(tmp_path / "ours")
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())
    assert again.config.style_scope == "vector"


@pytest.mark.parametrize("kind", ["B", "VAE"])
def test_from_published_refuses_the_other_networks(kind: str, tmp_path: Path) -> None:
    save_file(published_state(kind, width=1), tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match=r"net\.safetensors is not the published generator .* choose"):
        DenseMappingNetwork.from_published(tmp_path / "net.safetensors")


# --- Full width: every published tensor has its place -------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [("G", 89.7e6), ("B", 4.33e6), ("VAE", 170.6e6)],
)
def test_full_width_uses_every_tensor_once(kind: str, parameters: float) -> None:
    state = {name: torch.empty(shape, device="meta") for name, shape in SHAPES[kind].items()}
    build = {"G": dense_mapping, "B": alpha_blender, "VAE": mask_vae}[kind]
    with torch.device("meta"):
        network = CONVERT[kind](state)
        built = build(network)  # load_state_dict is strict: every name of ours, every shape

    names = {id(tensor): name for name, tensor in state.items()}
    used = [names[id(tensor)] for tensor in network.state_dict.values()]
    assert len(used) == len(set(used))
    unread = set(state) - set(used)
    assert all(".norm.running_" in name for name in unread)  # AdaIN's running statistics, which nothing reads
    assert len(unread) == (16 if kind == "G" else 0)
    modules = built if isinstance(built, tuple) else (built,)
    count = sum(parameter.numel() for module in modules for parameter in module.parameters())
    assert count == pytest.approx(parameters, rel=0.005)


# --- Files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "ours"), [("G", "dense_mapping"), ("B", "alpha_blender"), ("VAE", "mask_vae")])
@pytest.mark.parametrize("form", ["safetensors", "pth", "old pth"])
def test_load_published_reads_every_form(kind: str, ours: str, form: str, tmp_path: Path) -> None:
    state = published_state(kind, width=1)
    path = tmp_path / f"net.{form.split()[-1]}"
    if form == "safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=form == "pth")
    network = load_published(path)
    expected = CONVERT[kind](state)
    assert network.kind == expected.kind == ours
    assert network.config == expected.config
    assert network.config["width"] == 1
    assert all(torch.equal(network.state_dict[name], tensor) for name, tensor in expected.state_dict.items())


class _RunsCode:
    folder: Path

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_pickle_with_code_is_refused_and_not_run(tmp_path: Path) -> None:
    _RunsCode.folder = tmp_path / "was-run"
    torch.save({"model.1.weight": torch.zeros(1), "x": _RunsCode()}, tmp_path / "net.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(_RunsCode(), protocol=2))
    for name in ("net.pth", "raw.pth"):
        with pytest.raises(ValueError, match="Python code"):
            load_published(tmp_path / name)
    assert not _RunsCode.folder.exists()


def test_whole_module_instead_of_state_dict_is_refused(tmp_path: Path) -> None:
    torch.save(nn.Conv2d(1, 1, 1), tmp_path / "net.pth")
    with pytest.raises(ValueError, match="state dict alone"):
        load_published(tmp_path / "net.pth")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x80\x02}q\x00(X\x01\x00", b"PK\x03\x04" * 9])
def test_damaged_files_are_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=path.name):
        load_published(path)


def test_truncated_files_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    for new_format in (True, False):
        torch.save(published_state("B"), whole, _use_new_zipfile_serialization=new_format)
        data = whole.read_bytes()
        for length in range(0, len(data), len(data) // 20):
            (tmp_path / "part.pth").write_bytes(data[:length])
            with pytest.raises(ValueError, match=r"part\.pth"):
                load_published(tmp_path / "part.pth")


@pytest.mark.parametrize("content", [[torch.zeros(1)], {"epoch": 3}, {7: torch.zeros(1)}, torch.zeros(1)])
def test_other_content_is_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(ValueError, match="state dict alone"):
        load_published(tmp_path / "net.pth")


def test_other_networks_are_refused(tmp_path: Path) -> None:
    discriminator = {name: torch.zeros(1) for name in SHAPES["D"]}
    save_file(discriminator, tmp_path / "net_D.safetensors")
    with pytest.raises(ValueError, match="none of the published"):
        load_published(tmp_path / "net_D.safetensors")


@pytest.mark.parametrize("kind", ["G", "B", "VAE"])
def test_each_missing_tensor_is_noticed(kind: str) -> None:
    state = published_state(kind, width=1)
    for name in state:
        if ".norm.running_" in name:
            continue
        with pytest.raises(ValueError, match=r"is not the published .* (missing|unknown|has the shape)"):
            CONVERT[kind]({other: tensor for other, tensor in state.items() if other != name})


@pytest.mark.parametrize("kind", ["G", "B", "VAE"])
def test_each_wrong_shape_is_refused(kind: str) -> None:
    state = published_state(kind, width=1)
    for name, tensor in state.items():
        if ".norm.running_" in name:
            continue
        for wrong in (tensor[None], torch.zeros(0)):
            with pytest.raises(ValueError, match="is not the published"):
                CONVERT[kind]({**state, name: wrong})


def test_left_over_tensor_is_named() -> None:
    state = published_state("B", width=1)
    with pytest.raises(ValueError, match=r"model\.99\.weight is unknown"):
        convert_alpha_blender({**state, "model.99.weight": torch.zeros(1)})


# --- Numbers of the published code ----------------------------------------


@pytest.fixture
def fixtures() -> Path:
    if "MASKGAN_FIXTURES" not in os.environ:
        pytest.skip("MASKGAN_FIXTURES is not set")
    return Path(os.environ["MASKGAN_FIXTURES"])


def labels(mask: np.ndarray) -> Tensor:
    return F.one_hot(torch.from_numpy(mask.astype(np.int64))[None], 19).permute(0, 3, 1, 2).float()


def case(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as arrays:
        return dict(arrays)


@torch.no_grad()
def test_generator_gives_the_stored_picture(fixtures: Path) -> None:
    arrays = case(fixtures / "dmn_ngf8_case.npz")
    backbone, encoder = dense_mapping(load_published(fixtures / "dmn_ngf8.safetensors"))
    style = encoder(torch.from_numpy(arrays["image"]), labels(arrays["mask"]))
    # The stored picture is itself 1.1e-5 from the same computation in float64.
    assert_near(backbone(labels(arrays["edited_mask"]), style), torch.from_numpy(arrays["output"]), 5e-5)
    model = DenseMappingNetwork.from_published(fixtures / "dmn_ngf8.safetensors")
    image, mask, edited = (torch.from_numpy(arrays[name]) for name in ("image", "mask", "edited_mask"))
    assert_near(model(image, mask[None], edited[None]), torch.from_numpy(arrays["output"]), 5e-5)


@torch.no_grad()
def test_alpha_blender_gives_the_stored_picture(fixtures: Path) -> None:
    arrays = {name: torch.from_numpy(a) for name, a in case(fixtures / "alpha_blender_ngf8_case.npz").items()}
    alpha = alpha_blender(load_published(fixtures / "alpha_blender_ngf8.safetensors"))(arrays["inner"], arrays["outer"])
    assert_near(alpha, arrays["alpha"], 1e-5)
    assert_near(blend(alpha, arrays["inner"], arrays["outer"]), arrays["blend"], 1e-5)


@torch.no_grad()
def test_mask_vae_gives_the_stored_masks(fixtures: Path) -> None:
    arrays = case(fixtures / "mask_vae_n2_z32_case.npz")
    model = mask_vae(load_published(fixtures / "mask_vae_n2_z32.safetensors"))
    mean, logvar = model.encode(labels(arrays["mask"]))
    assert_near(mean, torch.from_numpy(arrays["mean"]), 1e-5)
    assert_near(logvar, torch.from_numpy(arrays["logvar"]), 1e-5)
    logits = model.decode(mean)
    assert_near(logits[:, :, ::8, ::8], torch.from_numpy(arrays["logits_8"]), 1e-5)
    np.testing.assert_array_equal(logits.argmax(1).numpy(), arrays["decoded_argmax"])
