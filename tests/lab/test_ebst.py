"""Algorithm 1: who learns from what, and the script cut and resumed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from conftest import draw_mask
from test_training import SMALL, check_cut_and_resumed, moved, run
from torch import Tensor, nn

from lab.train_ebst import EbstSettings, algorithm_1, kept_by_an_edit, simulated_edits
from lab.training.adversary import Drawing, open_adversary
from lab.training.noise import SampleNoise
from maskgan.editing.mask_interpolation import inner_outer
from maskgan.labels import one_hot
from maskgan.networks.alpha_blender import AlphaBlender, blend
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import MaskVAE
from maskgan.snapshots import hash_of, network_folder, newest_snapshot


@pytest.fixture
def stage() -> SimpleNamespace:
    """Tiny networks, two faces, and a discriminator that learns nothing unless its rate is set."""
    torch.manual_seed(0)
    accelerator = Accelerator(cpu=True)
    settings = EbstSettings(
        data=(), out=Path(), from_scratch="tiny", adversary="patch", perceptual="parser", discriminator_width=4,
        discriminator_layers=1, discriminator_unshuffle=2, discriminator_learning_rate=1e-3,
    )  # fmt: skip
    parser = FaceParser(widths=[4, 4, 4, 4, 4], blocks=1)
    run = SimpleNamespace(accelerator=accelerator, rate_factor=1.0, layout=lambda: torch.contiguous_format)
    adversary = open_adversary(settings, run, parser)
    mask = torch.from_numpy(np.stack([draw_mask(64), draw_mask(64, 0.1)])).long()
    return SimpleNamespace(
        accelerator=accelerator,
        run=run,
        adversary=adversary,
        dmn=DenseMappingNetwork.preset("tiny"),
        blender=AlphaBlender(width=2, depth=1, blocks=1),
        vae=MaskVAE.preset("tiny").eval().requires_grad_(False),
        image=torch.rand(2, 3, 64, 64) * 2 - 1,
        mask=mask,
        reference=mask.roll(1, 0),
    )


def step(stage: SimpleNamespace) -> tuple[Tensor, dict[str, Tensor]]:
    return algorithm_1(
        stage.image, stage.mask, stage.reference, stage.vae, stage.dmn, stage.blender, stage.adversary,
        stage.accelerator,
    )  # fmt: skip


def snapshot(network: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in network.parameters()]


def changed(network: nn.Module, before: list[Tensor]) -> bool:
    return any(not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_only_d_moves_in_the_step_and_g_and_b_get_gradients(stage: SimpleNamespace) -> None:
    before = {name: snapshot(getattr(stage, name)) for name in ("dmn", "blender", "vae")}
    discriminator = snapshot(stage.adversary.discriminator)
    _, parts = step(stage)
    assert changed(stage.adversary.discriminator, discriminator)
    assert not any(changed(getattr(stage, name), before[name]) for name in before)
    for network in (stage.dmn, stage.blender):
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    assert all(p.grad is None for network in (stage.vae, stage.adversary.discriminator) for p in network.parameters())
    assert {"discriminator_a", "discriminator_b", "adversarial_a", "pixel_b"} <= parts.keys()


def test_noise_hides_parts_of_the_style_and_nothing_else(stage: SimpleNamespace) -> None:
    def pixel_loss(seed: int | None) -> float:
        noise = None if seed is None else SampleNoise(seed, range(2), torch.device("cpu"))
        stage.run.rate_factor = 0.0
        _, parts = algorithm_1(
            stage.image, stage.mask, stage.reference, stage.vae, stage.dmn, stage.blender, stage.adversary,
            stage.accelerator, noise=noise,
        )  # fmt: skip
        return parts["pixel_a"].item()

    plain = pixel_loss(None)
    assert plain == pixel_loss(None) and pixel_loss(1) == pixel_loss(1)
    assert len({plain, *(pixel_loss(seed) for seed in range(4))}) > 2


def test_gathering_at_the_pictures_gives_the_gradients_of_three_separate_passes(stage: SimpleNamespace) -> None:
    stage.run.rate_factor = 0.0
    step(stage)  # D stays as it is, so that the two ways can be compared
    ours = [p.grad.clone() for p in (*stage.dmn.parameters(), *stage.blender.parameters()) if p.grad is not None]
    for network in (stage.dmn, stage.blender):
        network.zero_grad(set_to_none=True)

    inner, outer = inner_outer(stage.vae, stage.mask, stage.reference)
    redrawn, near, far = (stage.dmn(stage.image, stage.mask, mask) for mask in (stage.mask, inner, outer))
    blended = blend(stage.blender(near, far), near, far)
    planes = one_hot(stage.mask)
    answers = stage.adversary.discriminator(stage.image, planes)
    answers = [[layer.detach() for layer in scale] for scale in answers]
    learned = (answers, *stage.adversary.seen(stage.image))
    drawings = [Drawing.of_everything(stage.image, fake, planes) for fake in (redrawn, blended)]
    total = sum(stage.adversary.objective(drawing, learned)[0] for drawing in drawings)
    total.backward()
    theirs = [p.grad for p in (*stage.dmn.parameters(), *stage.blender.parameters()) if p.grad is not None]
    assert len(ours) == len(theirs) > 20
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_kept_pixels_enter_every_pass_and_stay_in_what_is_blended(
    stage: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = torch.ones(2, 1, 64, 64)
    known[0, :, 20:40, 20:40] = 0
    known[1] = 0  # of this face nothing is kept in any pass
    inner, outer = simulated_edits(stage.vae, stage.mask, stage.reference, 2.5)
    given = {}
    forward, learn = stage.dmn.forward, stage.adversary.learn
    monkeypatch.setattr(stage.dmn, "forward", lambda *args: given.setdefault("dmn", args) and forward(*args))
    drawings = []
    monkeypatch.setattr(stage.adversary, "learn", lambda it, seen: drawings.append(it) or learn(it, seen))
    algorithm_1(
        stage.image, stage.mask, stage.reference, stage.vae, stage.dmn, stage.blender, stage.adversary,
        stage.accelerator, known=known,
    )  # fmt: skip
    shown = given["dmn"][-1]  # 6, 4, 64, 64: with M^t, M^inter, M^outer
    planes = (shown[:, 3:] + 1) / 2
    kept = [kept_by_an_edit(stage.mask, edited)[0] for edited in (inner, outer)]
    assert torch.equal(planes[::2], torch.stack([known[0], *kept])) and not planes[1::2].any()
    assert torch.equal(shown[0, :3], stage.image[0] * known[0])
    joined = torch.stack([kept[0] * kept[1], torch.zeros_like(kept[0])])
    assert torch.equal(drawings[0].known, known) and torch.equal(drawings[1].known, joined)
    assert torch.equal(given["dmn"][5][0], known[0] * joined[0]) and given["dmn"][5][1].all()  # of the style


def test_an_edit_keeps_what_is_3_pixels_of_256_from_a_change() -> None:
    mask = torch.zeros(1, 256, 256, dtype=torch.long)
    edited = mask.clone()
    edited[0, 100, 50] = 13
    dropped = kept_by_an_edit(mask, edited) == 0
    assert dropped.sum() == 49 and dropped[0, 0, 97:104, 47:54].all()
    assert kept_by_an_edit(mask, mask).all()


def test_a_mask_vae_of_another_size_simulates_the_same_edits(stage: SimpleNamespace) -> None:
    def doubled(masks: Tensor) -> Tensor:
        return masks.repeat_interleave(2, 1).repeat_interleave(2, 2)

    wanted = simulated_edits(stage.vae, stage.mask, stage.reference, 2.5)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(
        wanted, inner_outer(stage.vae, stage.mask, stage.reference, 2.5), strict=True))  # fmt: skip
    large = simulated_edits(stage.vae, doubled(stage.mask), doubled(stage.reference), 2.5)
    for small, big in zip(wanted, large, strict=True):
        assert torch.equal(big, doubled(small)) and big.dtype == stage.mask.dtype


def test_without_a_pretrained_generator_it_refuses_to_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="EBST starts from a pretrained DMN"):
        run("train_ebst.py", "--data", tmp_path, "--out", tmp_path, "--parser", tmp_path, "--mask-vae", tmp_path)


def test_a_run_cut_in_two_equals_a_whole_one_and_every_network_learns(
    tmp_path: Path, data_folder: Path, tiny_weights: Path
) -> None:
    def start(out: Path, *more: object) -> str:
        return run(
            "train_ebst.py", "--data", data_folder, "--out", out, "--parser", tiny_weights, "--base", tiny_weights,
            "--mask-vae", tiny_weights, "--weights", tiny_weights, "--blender-width", 4,
            "--adversary", "patch", "--discriminator-width", 8, "--discriminator-layers", 2, "--perceptual", "parser",
            *SMALL, *more,
        )  # fmt: skip

    check_cut_and_resumed(start, tmp_path, "dmn")
    for file in ("model.safetensors", "model_1.safetensors", "model_2.safetensors"):  # G, B, D
        assert any(moved(tmp_path / "whole", file).values()), file
    assert AlphaBlender.from_pretrained(network_folder(tmp_path / "whole", "alpha_blender")).config.width == 4
    about = json.loads((newest_snapshot(tmp_path / "whole") / "snapshot.json").read_text())
    assert about["stage"] == "train_ebst" and about["step"] == 4 and about["parent"] == hash_of(tiny_weights)
    assert about["metrics"]["discriminator_a"] > 0
    assert "train_ebst, step 4" in (newest_snapshot(tmp_path / "whole") / "README.md").read_text()
