"""Generators side by side: found by name and folder, and drawn with in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lab.training.baselines import Baseline, load_generator
from maskgan.images import to_tensor, to_uint8
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.snapshots import network_folder

#: The DMN or a baseline, with `encode_style` and `generate`.
Generator = DenseMappingNetwork | Baseline


@dataclass(frozen=True)
class Drawn:
    """Pictures (N, S, S, 3) uint8 RGB of a batch of faces, all in their own style.

    unedited: of their own masks; plain: the same from the style's codes alone, where a style has a residue beside
    them; edited: of each edited batch of masks.
    """

    unedited: np.ndarray
    plain: np.ndarray | None
    edited: list[np.ndarray]


@torch.inference_mode()
def draw(network: Generator, photos: np.ndarray, masks: np.ndarray, edited: Sequence[np.ndarray] = ()) -> Drawn:
    """Draw photos (N, S, S, 3) with masks (N, S, S) anew, and in the shapes of edited masks."""

    def labels(mask: np.ndarray) -> Tensor:
        return torch.from_numpy(mask.astype(np.int64)).to(network.device)

    style = network.encode_style(to_tensor(photos).to(network.device, network.dtype), labels(masks))
    unedited = to_uint8(network.generate(labels(masks), style))
    codes_alone = style.without_residue()
    plain = None if codes_alone is style else to_uint8(network.generate(labels(masks), codes_alone))
    return Drawn(unedited, plain, [to_uint8(network.generate(labels(mask), style)) for mask in edited])


def parse_named_folder(text: str) -> tuple[str, Path]:
    """ "NAME=FOLDER" as (NAME, FOLDER); raises ValueError when it is none."""
    name, _, folder = text.partition("=")
    if not name.strip() or not folder:
        raise ValueError(f"--compare takes NAME=FOLDER, not {text!r}.")
    return name.strip(), Path(folder)


def load_named(
    entries: Sequence[tuple[str, Path]], device: torch.device, own: Mapping[str, Generator]
) -> dict[str, Generator]:
    """`own` generators by name and those of `entries`, each from the folder of a network, or of a pipeline or a run.

    Raises OSError or ValueError with one sentence when a folder has no generator or a name comes twice.
    """
    loaded = dict(own)
    for name, folder in entries:
        if name in loaded:
            raise ValueError(f"Two generators are called {name}; give each a name of its own.")
        loaded[name] = load_generator(network_folder(folder, "dmn")).to(device).requires_grad_(False)
    return loaded
