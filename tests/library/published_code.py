"""The published networks a second time, straight on a published state dict, with random states to try it on.

A wrong name, order or layer in our modules shows as a number other than these functions give.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SHAPES = json.loads((Path(__file__).parent / "published_shapes.json").read_text())
FULL_WIDTH = {"G": 64, "B": 32, "VAE": 32}
State = dict[str, Tensor]


def frozen_random(seed: int) -> np.random.RandomState:
    """Random numbers that every version of NumPy draws alike, which golden values need."""
    return np.random.RandomState(seed)


def published_state(kind: str, width: int = 2) -> State:
    """A random published state dict, `width` wide instead of 64 or 32 (the encoders of G have one width only)."""
    shrink, random = FULL_WIDTH[kind] // width, frozen_random(1)
    state = {}
    for name, shape in SHAPES[kind].items():
        if not name.startswith("enc_"):
            shape = [n // shrink if n >= FULL_WIDTH[kind] else n for n in shape]
        elif name.startswith("enc_style.model_last"):
            shape = [shape[0] // shrink, *shape[1:]]
        if not shape:
            state[name] = torch.tensor(7)
            continue
        values = torch.from_numpy(random.standard_normal(shape)).float()
        values *= (2 / values[0].numel()) ** 0.5 if len(shape) > 1 else 0.3
        state[name] = values.abs() + 0.5 if name.endswith("running_var") else values
    return state


def one_hot(size: int, seed: int) -> Tensor:
    """A mask of random 8 x 8 blocks, (1, 19, size, size)."""
    labels = torch.from_numpy(frozen_random(seed).randint(0, 19, (1, size // 8, size // 8)))
    blocks = labels.repeat_interleave(8, 1).repeat_interleave(8, 2)
    return F.one_hot(blocks, 19).permute(0, 3, 1, 2).float()


def images(size: int, seed: int) -> Tensor:
    """A random picture (1, 3, size, size) in [-1, 1]."""
    return torch.from_numpy(frozen_random(seed).uniform(-1, 1, (1, 3, size, size))).float()


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
