"""MaskVAE: its loss by hand, its training, the way between two masks, and the measures of that way."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import draw_mask
from test_training import SMALL, check_cut_and_resumed, moved, run

from lab import train_mask_vae
from lab.data.faces import FaceWithMask
from lab.evaluation.mask_metrics import falls_back, interpolation_report, reconstruction, smoothness
from lab.train_mask_vae import divergence, edited_or_moved, mask_vae_loss
from lab.training.mask_losses import soft_dice
from lab.training.stopping import TrainingStoppedError
from maskgan.editing.mask_interpolation import (
    classes_of,
    decode_masks,
    inner_outer,
    inner_outer_latents,
    interpolate,
    latents,
)
from maskgan.labels import IGNORE, Label, one_hot
from maskgan.networks.mask_vae import PRESETS, MaskVAE
from maskgan.snapshots import network_folder

SIZE = 64


@pytest.fixture(scope="module")
def vae() -> MaskVAE:
    """Random, tiny, and with logits so far apart that the latent vector decides what is shown."""
    torch.manual_seed(0)
    model = MaskVAE.preset("tiny").eval()
    torch.nn.init.normal_(model.to_mean.weight, std=0.3)
    torch.nn.init.normal_(model.from_latent.weight, std=1.0)
    return model


def batch(*shifts: float) -> torch.Tensor:
    return torch.from_numpy(np.stack([draw_mask(SIZE, shift) for shift in shifts])).long()


# --- Eq. (3)-(5) ------------------------------------------------------------------------------------------------------


def test_divergence_is_that_of_torch_distributions() -> None:
    mean, logvar = torch.randn(5, 7), torch.randn(5, 7)
    posterior = torch.distributions.Normal(mean, (logvar / 2).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(divergence(mean, logvar), expected)
    # By hand: mu = (3, 4), sigma = (0, ln 2): (25 + (1 - 0 - 1) + (2 - ln 2 - 1)) / 2
    by_hand = divergence(torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, math.log(2.0)]]))
    assert by_hand.item() == pytest.approx((26 - math.log(2)) / 2)
    assert divergence(torch.zeros(2, 3), torch.zeros(2, 3)).item() == 0


def test_loss_by_hand() -> None:
    mask = torch.tensor([[[1, 1], [2, IGNORE]]])
    shares = torch.full((1, 19, 2, 2), 0.1 / 17)
    shares[0, 1], shares[0, 2] = 0.5, 0.4
    mean, logvar = torch.tensor([[2.0, 0.0]]), torch.zeros(1, 2)
    total, parts = mask_vae_loss(shares.log(), mean, logvar, mask)
    entropy = -(2 * math.log(0.5) + math.log(0.4)) / 3
    assert parts["reconstruct"].item() == pytest.approx(entropy, abs=1e-6)
    assert parts["kl"].item() == pytest.approx(2.0)
    assert total.item() == pytest.approx(entropy + 2e-5, abs=1e-7)
    assert "dice" not in parts
    heavier, _ = mask_vae_loss(shares.log(), mean, logvar, mask, kl_weight=0.5)
    assert heavier.item() == pytest.approx(entropy + 1.0, abs=1e-6)


def test_dice_by_hand() -> None:
    shares = torch.full((4, 19), 0.1 / 17)
    shares[:, 1], shares[:, 2] = 0.5, 0.4
    ids = torch.tensor([1, 1, 2, IGNORE])
    one = 1 - (2 * 1.0 + 1) / (1.5 + 2 + 1)
    two = 1 - (2 * 0.4 + 1) / (1.2 + 1 + 1)
    assert soft_dice(shares.log(), ids).item() == pytest.approx((one + two) / 2, abs=1e-6)
    certain = torch.full((4, 19), -50.0).scatter(1, torch.tensor([[1], [1], [2], [7]]), 50.0)
    assert soft_dice(certain, ids).item() == pytest.approx(0.0, abs=1e-6)


def test_dice_joins_the_loss_with_its_weight() -> None:
    mask, logits = batch(0.0), torch.randn(1, 19, SIZE, SIZE)
    nothing = torch.zeros(1, 2)
    plain, _ = mask_vae_loss(logits, nothing, nothing, mask)
    total, parts = mask_vae_loss(logits, nothing, nothing, mask, dice_weight=0.5)
    assert 0.5 < parts["dice"] < 1
    torch.testing.assert_close(total, plain + 0.5 * parts["dice"])


def test_unknown_pixels_teach_nothing() -> None:
    mask, logits = batch(0.0, 0.1), torch.randn(2, 19, SIZE, SIZE, requires_grad=True)
    mask[:, :10] = IGNORE
    mask_vae_loss(logits, torch.zeros(2, 2), torch.zeros(2, 2), mask, dice_weight=1.0)[0].backward()
    assert not logits.grad[:, :, :10].any() and logits.grad[:, :, 10:].abs().sum(1).all()


# --- The network ------------------------------------------------------------------------------------------------------


def test_studio_is_as_small_as_promised_and_one_vector_tells_all() -> None:
    with torch.device("meta"):
        model = MaskVAE.preset("studio")
        assert sum(parameter.numel() for parameter in model.parameters()) <= 6e6
        assert model.mask_size == 256
        mean, logvar = model.encode(torch.zeros(2, 19, 256, 256))
        assert mean.shape == logvar.shape == (2, 256)
        assert model.decode(mean).shape == (2, 19, 256, 256)
        assert MaskVAE.preset("published").mask_size == 512


def test_tiny_keeps_the_contract_of_networks(vae: MaskVAE, tmp_path: Path) -> None:
    planes = one_hot(batch(0.0, 0.1))
    logits, mean, logvar = vae(planes, torch.Generator().manual_seed(0))
    again, _, _ = vae(planes, torch.Generator().manual_seed(0))
    other, _, _ = vae(planes, torch.Generator().manual_seed(1))
    assert torch.equal(logits, again) and not torch.allclose(logits, other)
    alone = torch.cat([vae.encode(planes[i : i + 1])[0] for i in range(2)])
    torch.testing.assert_close(mean, alone, atol=1e-5, rtol=1e-5)
    total, _ = mask_vae_loss(logits, mean, logvar, batch(0.0, 0.1), dice_weight=0.2)
    gradients = torch.autograd.grad(total, list(vae.parameters()))
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)
    vae.save_pretrained(tmp_path)
    loaded = MaskVAE.from_pretrained(tmp_path)
    assert loaded.mask_size == SIZE
    torch.testing.assert_close(loaded.decode(mean), vae.decode(mean))


def test_another_size_is_refused(vae: MaskVAE) -> None:
    with pytest.raises(ValueError, match="masks of 64x64"):
        vae.encode(torch.zeros(1, 19, 32, 64))


def test_it_learns_to_give_back_two_masks() -> None:
    torch.manual_seed(0)
    model = MaskVAE(widths=[16, 16, 16], latent_dim=8)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    mask = batch(-0.15, 0.15)
    for _ in range(60):
        total, _ = mask_vae_loss(*model(one_hot(mask)), mask, dice_weight=0.2)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    assert reconstruction(model.eval(), mask.to(torch.uint8).numpy()).accuracy > 0.9


# --- Between and beyond two masks -------------------------------------------------------------------------------------


@torch.no_grad()
def test_interpolation_follows_the_line_and_keeps_to_the_classes_of_its_ends(vae: MaskVAE) -> None:
    first, second = draw_mask(SIZE), np.full((SIZE, SIZE), Label.HAIR, np.uint8)
    way = interpolate(vae, first, second, [0.0, 0.25, 1.0])
    assert way.shape == (3, SIZE, SIZE) and way.dtype == np.uint8
    assert set(np.unique(way)) <= set(np.unique(first))
    z = latents(vae, torch.from_numpy(np.stack([first, second])))
    allowed = classes_of(torch.from_numpy(first)[None])
    expected = decode_masks(vae, torch.stack([z[0], 0.75 * z[0] + 0.25 * z[1], z[1]]), allowed)
    assert (way == expected.numpy()).mean() > 0.999  # a tie may fall either way
    single = interpolate(vae, first, second, 0.25)
    assert single.shape == (SIZE, SIZE) and (single == way[1]).mean() > 0.999
    free = decode_masks(vae, z)
    assert not set(np.unique(free)) <= set(np.unique(first))  # the random network would show others


def test_interpolation_takes_label_maps_only(vae: MaskVAE) -> None:
    with pytest.raises(ValueError, match=r"outside 0\.\.18"):
        interpolate(vae, draw_mask(SIZE), np.full((SIZE, SIZE), 99, np.uint8), 0.5)
    with pytest.raises(ValueError, match="masks of 64x64"):
        interpolate(vae, draw_mask(SIZE), draw_mask(32), 0.5)


def test_inner_and_outer_by_hand() -> None:
    inner, outer = inner_outer_latents(torch.tensor([[1.0, 2.0]]), torch.tensor([[6.0, -3.0]]))
    torch.testing.assert_close(inner, torch.tensor([[3.0, 0.0]]))
    torch.testing.assert_close(outer, torch.tensor([[-1.0, 4.0]]))


@torch.no_grad()
def test_inner_and_outer_masks_decode_their_latents(vae: MaskVAE) -> None:
    mask, reference = batch(0.0, 0.1), batch(-0.1, 0.2)
    reference[0] = Label.HAT
    inner, outer = inner_outer(vae, mask, reference, lambda_inter=2.0)
    assert inner.shape == outer.shape == mask.shape and inner.dtype == mask.dtype
    z_t, z_ref = latents(vae, mask), latents(vae, reference)
    allowed = classes_of(mask) | classes_of(reference)
    for ours, z in ((inner, (z_t + z_ref) / 2), (outer, 1.5 * z_t - z_ref / 2)):
        assert (ours == decode_masks(vae, z, allowed)).float().mean() > 0.999
    assert not (inner == outer).all()


# --- Smoothness -------------------------------------------------------------------------------------------------------


def square(x: int, y: int = 24, side: int = 16, label: Label = Label.NOSE) -> np.ndarray:
    mask = np.full((SIZE, SIZE), Label.SKIN, np.uint8)
    mask[y : y + side, x : x + side] = label
    return mask


def test_falls_back_by_hand() -> None:
    assert falls_back([1, 2, 2, 5]) == falls_back([5, 3, 3, 1]) == falls_back([2]) == 0
    assert falls_back([0, 4, 1, 3, 6]) == 3
    assert falls_back([6, 1, 2, 0]) == 1
    assert falls_back([2, 5, 2]) == 3


def test_moving_and_growing_is_smooth() -> None:
    assert smoothness(np.stack([square(x) for x in range(4, 40, 4)])).broken() == []
    assert smoothness(np.stack([square(24, side=side) for side in range(8, 26, 2)])).broken() == []


def test_cross_fading_is_not_smooth() -> None:
    both = np.where(square(4) == Label.NOSE, square(4), square(40))
    doubled = smoothness(np.stack([square(4), both, both, square(40)]))
    assert doubled.broken() == ["nose area"]
    assert doubled.area["nose"] == pytest.approx(0.5)
    vanished = smoothness(np.stack([square(4), np.full_like(both, Label.SKIN), square(40)]))
    assert "nose area" in vanished.broken() and vanished.area["nose"] == pytest.approx(1.0)


def test_going_back_and_strays_are_named() -> None:
    back = smoothness(np.stack([square(4), square(30), square(10), square(36)]))
    assert "nose centroid" in back.broken() and back.centroid["nose"] == pytest.approx(20 / SIZE)
    stray = smoothness(np.stack([square(4), square(4, label=Label.HAT), square(4)]))
    assert stray.strays == ("hat",) and "hat stray" in stray.broken()
    ends = (square(4), square(4, label=Label.HAT))
    assert smoothness(np.stack([square(4), square(4, label=Label.HAT)]), ends).strays == ()
    assert smoothness(np.stack([square(4), square(4, label=Label.HAT)]), ends[:1]).strays == ("hat",)


def test_a_report_of_ways(vae: MaskVAE) -> None:
    masks = [draw_mask(SIZE, shift) for shift in (0.0, 0.1, 0.0)]
    report = interpolation_report(vae, masks)
    assert set(report) == {"monotone_areas", "monotone_centroids", "smooth_ways", "ways_without_strays"}
    assert all(0 <= value <= 1 for value in report.values())
    assert report["ways_without_strays"] == 1
    still = interpolation_report(vae, [masks[0], masks[0]])
    assert still["smooth_ways"] == still["monotone_areas"] == still["monotone_centroids"] == 1


# --- Training ---------------------------------------------------------------------------------------------------------


def test_augmented_masks_stay_label_maps_and_keep_to_the_generator() -> None:
    face = FaceWithMask(np.zeros((256, 256, 3), np.uint8), draw_mask(256))
    changed = [edited_or_moved(face, np.random.default_rng(seed)).mask for seed in range(24)]
    again = [edited_or_moved(face, np.random.default_rng(seed)).mask for seed in range(24)]
    assert all(np.array_equal(first, second) for first, second in zip(changed, again, strict=True))
    assert all(mask.max() < 19 and mask.shape == (256, 256) for mask in changed)
    agreement = [np.mean(mask == face.mask) for mask in changed]
    assert min(agreement) > 0.7 and max(agreement) < 1  # small changes, but always some
    added = {int(label) for mask in changed for label in np.unique(mask)} - set(np.unique(face.mask).tolist())
    assert added  # some of them are edits


@pytest.fixture(scope="module")
def vae_run(tmp_path_factory: pytest.TempPathFactory, data_folder: Path, tiny_weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("vae_run")

    def start(out: Path, *more: object) -> str:
        flags = ("--data", data_folder, "--out", out, "--parser", tiny_weights, "--preset", "tiny", *SMALL)
        return run("train_mask_vae.py", "--base", tiny_weights, *flags, *more)

    check_cut_and_resumed(start, folder, "mask_vae")
    return folder / "whole"


@pytest.mark.slow
def test_training_resumes_bit_for_bit_and_publishes(vae_run: Path) -> None:
    assert all(moved(vae_run, "model.safetensors").values())
    assert (vae_run / "samples" / "0000004.png").exists()
    model = MaskVAE.from_pretrained(network_folder(vae_run, "mask_vae"))
    assert list(model.config.widths) == PRESETS["tiny"]["widths"]
    lines = [json.loads(line) for line in (vae_run / "stats.jsonl").read_text().splitlines()]
    assert {"loss", "reconstruct", "kl", "dice"} <= lines[0].keys()
    assert 0 <= lines[-1]["val_miou"] <= lines[-1]["val_accuracy"] <= 1
    filled = {path.stem for path in (vae_run / "filled_masks").rglob("*.png")}
    assert filled == {f"f{number}" for number in range(7)}  # both splits


def dry_run(monkeypatch: pytest.MonkeyPatch, data: Path, out: Path, *more: str) -> None:
    flags = ["--data", str(data), "--out", str(out), "--preset", "tiny", "--dry-run", "--batch-size", "2"]
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setattr(sys, "argv", ["train_mask_vae.py", *flags, "--num-workers", "0", *more])
    train_mask_vae.main()


def test_a_dry_run_without_a_parser_leaves_unknown_pixels_unknown(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("--resolution", "64", "--dice-weight", "0", "--kl-warmup-steps", "4", "--kl-weight", "0.5")
    dry_run(monkeypatch, data_folder, tmp_path / "run", *flags)
    lines = [json.loads(line) for line in (tmp_path / "run" / "stats.jsonl").read_text().splitlines()]
    for share, line in zip((0.25, 0.5), lines, strict=True):  # lambda_KL on its way up
        assert line["loss"] == pytest.approx(line["reconstruct"] + 0.5 * share * line["kl"], rel=1e-4)
    assert not (tmp_path / "run" / "filled_masks").exists()


def test_another_resolution_is_refused_in_one_sentence(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TrainingStoppedError, match="has 64 px masks; add --resolution 64"):
        dry_run(monkeypatch, data_folder, tmp_path / "run")
