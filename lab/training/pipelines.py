"""A pipeline of trained networks and of those they were trained beside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import ModelMixin

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.snapshots import HOW_TO_LOAD


def assembled(base: Path, trained: Mapping[str, ModelMixin]) -> MaskGANPipeline:
    """`trained` networks by name; those that are not among them come from the pipeline in `base`."""
    others = MaskGANPipeline.load(base, device="cpu").networks
    return MaskGANPipeline(**{**others, **trained})


def card(about: Mapping[str, Any]) -> str:
    """The model card of a snapshot: where it comes from, its numbers, how to load it."""
    numbers = [f"| {name} | {value:.4g} |" for name, value in sorted(about["metrics"].items())]
    return "\n".join(
        [
            "---",
            "library_name: maskgan",
            "tags: [maskgan, face-editing, semantic-segmentation]",
            "---",
            f"# MaskGAN Studio weights: {about['stage']}, step {about['step']}",
            "",
            f"Written {about['created']}; started from {about['parent'] or 'random weights'}. Its last numbers:",
            "",
            "| | |",
            "|---|---|",
            *numbers,
            "",
            *HOW_TO_LOAD,
        ]
    )
