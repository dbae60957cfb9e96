"""The published networks: a second implementation on the published tensor names, and numbers of the published code.

Set MASKGAN_FIXTURES to a folder with the published networks' tensors, inputs and outputs (`*_case.npz`) to compare with
these too.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from published_code import (
    SHAPES,
    State,
    images,
    one_hot,
    published_state,
    reference_hourglass,
    reference_style,
    reference_vae,
)
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

CONVERT = {"G": convert_dmn, "B": convert_alpha_blender, "VAE": convert_mask_vae}

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
        if ".norm.running_" in name or name.endswith("num_batches_tracked"):
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


@pytest.mark.parametrize("kind", ["G", "B", "VAE"])
def test_what_is_no_weight_of_the_network_is_told_and_changes_nothing(kind: str, tmp_path: Path) -> None:
    """As files have it that were saved by `nn.DataParallel`, by an old torch, or together with other things."""
    state = published_state(kind, width=1)
    counters = {name for name in state if name.endswith("num_batches_tracked")}
    unread = {name for name in state if ".norm.running_" in name}
    # Nothing reads these in G and B; the VAE's own batch norms have no other place for them.
    more = {"model.1.running_mean": torch.zeros(3), "bn99.num_batches_tracked": torch.tensor(1)}
    changed = {name: tensor for name, tensor in state.items() if name not in counters | unread}
    changed |= more | {"optimiser.step": torch.tensor(1), "netD.weight": torch.zeros(2)}
    torch.save({f"module.module.{name}": tensor for name, tensor in changed.items()}, tmp_path / "net.pth")

    plain, network = CONVERT[kind](state), load_published(tmp_path / "net.pth")

    assert plain.account == (tuple(sorted(unread)), (), (), "")
    account = network.account
    assert account == (tuple(sorted(more)), tuple(sorted(counters)), ("netD.weight", "optimiser.step"), account.prefix)
    assert account.prefix == "module.module."
    assert network.config == plain.config and network.state_dict.keys() == plain.state_dict.keys()
    for name, tensor in network.state_dict.items():
        assert torch.equal(tensor, torch.tensor(0) if "num_batches" in name else plain.state_dict[name])


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
