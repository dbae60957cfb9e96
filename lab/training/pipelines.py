"""A pipeline of trained networks and of those they were trained beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import ModelMixin

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import MaskVAE

#: The networks of a pipeline by name.
NETWORKS: dict[str, type[ModelMixin]] = {
    "dmn": DenseMappingNetwork,
    "parser": FaceParser,
    "mask_vae": MaskVAE,
    "alpha_blender": AlphaBlender,
}


def assembled(base: Path, trained: Mapping[str, ModelMixin]) -> MaskGANPipeline:
    """`trained` networks by name; those that are not among them come from the pipeline in `base`."""
    others = MaskGANPipeline.bundled(base, device="cpu").networks
    return MaskGANPipeline(**{**others, **trained})


def save(pipeline: MaskGANPipeline, folder: Path) -> None:
    """Write a pipeline as safetensors, without the paths that its networks came from."""
    pipeline.save_pretrained(folder)
    for path in (folder / "model_index.json", *folder.glob("*/config.json")):
        config = json.loads(path.read_text(encoding="utf-8"))
        config.pop("_name_or_path", None)
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def card(about: Mapping[str, Any]) -> str:
    """The model card of a snapshot: where it comes from, its numbers, how to load it."""
    numbers = [f"| {name} | {value:.4g} |" for name, value in sorted(about["metrics"].items())]
    return "\n".join(
        [
            "---",
            "library_name: diffusers",
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
            "```python",
            "from maskgan.editing.pipeline import MaskGANPipeline",
            'pipeline = MaskGANPipeline.bundled("this folder")',
            "```",
            "",
        ]
    )
