"""The files of a MaskGANPipeline: what is written, what is loaded, and how that is used."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from conftest import tiny_pipeline

from maskgan.editing.pipeline import MaskGANPipeline


def test_half_precision_files_run_in_float32(pipeline: MaskGANPipeline, tmp_path: Path) -> None:
    stored = tiny_pipeline().to(torch.float16)
    stored.save(tmp_path)
    again = MaskGANPipeline.load(tmp_path, device="cpu")
    assert again.dmn.dtype == again.parser.dtype == torch.float32
    weight = pipeline.dmn.state_dict()["backbone.head.weight"]
    torch.testing.assert_close(again.dmn.state_dict()["backbone.head.weight"], weight, atol=1e-3, rtol=1e-3)


def test_loading_writes_nothing_to_the_terminal(
    pipeline: MaskGANPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pipeline.save(tmp_path)
    capfd.readouterr()
    MaskGANPipeline.load(tmp_path, device="cpu")
    assert "".join(capfd.readouterr()) == ""


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no MaskGAN weights in .*model_index\.json"):
        MaskGANPipeline.load(tmp_path)


def test_weights_are_frozen_for_use() -> None:
    fresh = tiny_pipeline()
    for network in (fresh.dmn, fresh.parser):
        assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
