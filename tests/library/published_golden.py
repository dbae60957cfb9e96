"""Golden values of the published networks: `python tests/library/published_golden.py` writes `published_golden.npz`.

They are computed by `published_code.py` in float64 from states and inputs that `cases` makes out of nothing, at reduced
width, and thinned out so that the file stays small. The importer is compared with them wherever the tests run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from published_code import (
    State,
    images,
    one_hot,
    published_state,
    reference_hourglass,
    reference_style,
    reference_vae,
)
from torch import Tensor

FILE = Path(__file__).with_suffix(".npz")

#: Widths of the states of the generator, the alpha blender and MaskVAE.
WIDTHS = {"G": 2, "B": 2, "VAE": 1}


def states() -> dict[str, State]:
    """The published state dicts that the golden values belong to."""
    return {kind: published_state(kind, width) for kind, width in WIDTHS.items()}


def inputs() -> dict[str, Tensor]:
    """Pictures (1, 3, S, S) and masks (1, 19, S, S)."""
    return {
        "image": images(64, 3), "mask": one_hot(64, 4), "edited": one_hot(64, 5),
        "inner": images(64, 6), "outer": images(64, 7), "vae_mask": one_hot(512, 8),
    }  # fmt: skip


def thinned(image: Tensor, alpha: Tensor, logits: Tensor) -> dict[str, Tensor]:
    """What is kept of the results: every second pixel of pictures, every 32nd of logits, every fourth class."""
    return {
        "image": image[:, :, ::2, ::2],
        "alpha": alpha[:, :, ::2, ::2],
        "logits": logits[:, :, ::32, ::32],
        "classes": logits.argmax(1)[:, ::4, ::4],
    }


@torch.no_grad()
def write() -> None:
    """Compute the golden values anew."""
    double = {
        kind: {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        for kind, state in states().items()
    }
    given = {name: tensor.double() for name, tensor in inputs().items()}
    style = reference_style(double["G"], given["image"], given["mask"])
    image = reference_hourglass(double["G"], given["edited"], depth=4, blocks=4, style=style).tanh()
    pair = torch.cat([given["inner"], given["outer"]], 1)
    alpha = reference_hourglass(double["B"], pair, depth=3, blocks=3).sigmoid()
    logits = reference_vae(double["VAE"], given["vae_mask"])[2]
    values = thinned(image, alpha, logits)
    kinds = {"classes": torch.uint8}
    np.savez_compressed(FILE, **{name: v.to(kinds.get(name, torch.float32)).numpy() for name, v in values.items()})


if __name__ == "__main__":
    write()
