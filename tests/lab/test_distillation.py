"""Smaller generators that a trained one teaches: pruned from it, and trained on what it draws."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import draw_face, draw_mask
from torch import Tensor

from lab import pretrain_dmn
from lab.data.filling import Filling
from lab.pretrain_dmn import DmnSettings, StyleSource, draw, student_of
from lab.training.losses import pixel_loss
from lab.training.pruning import pruned
from maskgan.images import to_tensor
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork

TEACHER = {
    "widths": [16, 20, 24], "blocks": 2, "half_width": 12, "fine_blocks": 2, "noise": True, "kept": True,
    "encoder_width": 8, "code_dim": 8, "residue_dim": 4,
}  # fmt: skip
SMALLER = {"widths": [12, 14, 16], "blocks": 1, "half_width": 8, "fine_blocks": 1}


def random_network(**config: object) -> DenseMappingNetwork:
    torch.manual_seed(0)
    network = DenseMappingNetwork(**config)
    for name, parameter in network.named_parameters():  # what starts at zero would hide mistakes
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1 if "kept" in name else 0.2)
    return network.eval()


@pytest.fixture(scope="module")
def task() -> Filling:
    """Four drawn faces with a hole each."""
    masks = [draw_mask(64, shift) for shift in (0.0, 0.05, -0.05, 0.1)]
    image = torch.cat([to_tensor(draw_face(mask, seed)) for seed, mask in enumerate(masks)])
    whole = Filling.of_whole_faces(image, torch.stack([torch.from_numpy(mask).long() for mask in masks]))
    known = torch.ones_like(whole.known)
    known[..., 16:48, 24:56] = 0
    return whole._replace(known=known, style_known=known)


def drawn_by(network: DenseMappingNetwork, task: Filling) -> Tensor:
    return draw(network, task, StyleSource(task.image, task.mask, known=task.style_known), shown=True)


@pytest.mark.parametrize("removed", [{}, {"widths": [16, 20, 20]}, {"half_width": 10}, SMALLER])
def test_a_pruned_network_draws_about_what_the_large_one_draws(removed: dict[str, object], task: Filling) -> None:
    large = random_network(**TEACHER)
    small = pruned(large, lambda network: drawn_by(network, task), **removed)
    fresh = random_network(**TEACHER | removed)
    fresh.style_encoder.load_state_dict(large.style_encoder.state_dict())
    assert {name: part.shape for name, part in small.state_dict().items()} == {
        name: part.shape for name, part in fresh.state_dict().items()
    }
    with torch.no_grad():
        wanted, ours = drawn_by(large, task), drawn_by(small, task)
        if not removed:
            torch.testing.assert_close(ours, wanted)
            return
        before = pixel_loss(drawn_by(with_random_backbone(fresh), task), wanted, task.known)
        assert pixel_loss(ours, wanted, task.known) < (0.75 if removed is SMALLER else 0.35) * before


def with_random_backbone(network: DenseMappingNetwork) -> DenseMappingNetwork:
    """A network whose backbone's rows are shuffled: as large weights, of another function."""
    torch.manual_seed(1)
    for part in network.backbone.parameters():
        part.copy_(part[torch.randperm(len(part))])
    return network


def test_what_no_channel_reads_is_removed_without_a_trace(task: Filling) -> None:
    large = random_network(**TEACHER)
    blocks = large.backbone.blocks16
    with torch.no_grad():
        silent = [3, 7, 11, 15]
        for reader in (*(conv for block in blocks for conv in (block.conv0, block.conv1)), large.backbone.up8):
            reader.weight[:, silent] = 0
        wanted = drawn_by(large, task)
        small = pruned(large, lambda network: drawn_by(network, task), widths=[16, 20, 20])
        torch.testing.assert_close(drawn_by(small, task), wanted, atol=1e-4, rtol=1e-3)


def test_a_network_that_cannot_be_pruned_to_a_size_is_told_so(task: Filling) -> None:
    large = random_network(**TEACHER)
    for wrong, reason in (
        ({"widths": [16, 20, 32]}, "can only shrink"),
        ({"blocks": 3}, "can only shrink"),
        ({"code_dim": 4}, "that has the same"),
    ):
        with pytest.raises(ValueError, match=reason):
            pruned(large, lambda network: drawn_by(network, task), **wrong)
    published = DenseMappingNetwork(**PRESETS["published"] | {"widths": [4], "encoder_width": 4})
    with pytest.raises(ValueError, match="leave --shrink out"):
        pruned(published, lambda network: drawn_by(network, task), widths=[2])


def test_distillation_brings_a_student_nearer_to_its_teacher_and_leaves_the_style_encoder(
    task: Filling, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = random_network(**TEACHER)
    monkeypatch.setitem(pretrain_dmn.PRESETS, "tiny", TEACHER | SMALLER)
    settings = DmnSettings(data=(), out=Path(), teacher=Path(), shrink=True, preset="tiny")
    network, holes = pretrain_dmn.build(settings)
    assert holes == pretrain_dmn.USUAL_HOLES
    student = student_of(teacher, network, settings, lambda: task).train()
    assert list(student.config.widths) == SMALLER["widths"]
    styles = {name: part.clone() for name, part in student.style_encoder.state_dict().items()}
    assert all(torch.equal(part, teacher.style_encoder.state_dict()[name]) for name, part in styles.items())
    optimiser = torch.optim.Adam(student.parameters(), 2e-3)
    with torch.no_grad():
        wanted = drawn_by(teacher, task)
    losses = []
    for _ in range(12):
        loss = pixel_loss(drawn_by(student, task), wanted, task.known)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert all(torch.equal(part, student.style_encoder.state_dict()[name]) for name, part in styles.items())


def test_shrinking_without_a_teacher_or_with_other_weights_is_refused(tmp_path: Path) -> None:
    for given in ({}, {"teacher": tmp_path, "weights": tmp_path}):
        with pytest.raises(ValueError, match="give one, and leave --weights out"):
            pretrain_dmn.build(DmnSettings(data=(), out=tmp_path, shrink=True, **given))
    teacher = random_network(**TEACHER)
    settings = DmnSettings(data=(), out=tmp_path, teacher=tmp_path)
    with pytest.raises(ValueError, match="style encoder of --teacher has another size"):
        student_of(teacher, DenseMappingNetwork(**TEACHER | {"code_dim": 6}), settings, lambda: None)
