"""The engine on torch, see `maskgan.editing.engine`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from diffusers import ModelMixin
from torch import Tensor

from maskgan.images import to_tensor
from maskgan.labels import one_hot
from maskgan.networks.bfloat16 import bfloat16_allowed
from maskgan.networks.checkpoints import load_networks, save_networks
from maskgan.networks.face_parser import read
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.networks.layers import example_of
from maskgan.networks.registry import NETWORKS
from maskgan.sizes import NETWORK_SIZE
from maskgan.snapshots import Weights
from maskgan.styles import Style


class TorchEngine:
    """Networks of torch, by their names in the registry."""

    def __init__(self, networks: Mapping[str, ModelMixin], weights: Weights | None = None) -> None:
        if unknown := sorted(networks.keys() - NETWORKS.keys()):
            raise TypeError(f"There is no network {unknown[0]!r}; choose from {', '.join(NETWORKS)}.")
        self.networks: dict[str, ModelMixin] = {name: networks[name] for name in NETWORKS if networks.get(name)}
        for network in self.networks.values():
            network.eval().requires_grad_(False)
        self.weights = weights or Weights()

    @classmethod
    def load(cls, folder: Path, device: str | None) -> TorchEngine:
        """Load and check a pipeline folder; raises WeightsRefused when something is wrong with it."""
        return cls(*load_networks(folder, device or best_device()))

    def save(self, folder: Path) -> None:
        """Write `model_index.json` and a folder per network."""
        save_networks(folder, self.networks)

    def to(self, target: str | torch.device | torch.dtype) -> None:
        """Move all networks to a device, or convert them to a dtype, in place."""
        for network in self.networks.values():
            torch.nn.Module.to(network, target)  # diffusers' own `to` looks for hooks first, see `example_of`

    @property
    def _dmn(self) -> ModelMixin:
        return self.networks["dmn"]

    @property
    def device(self) -> str:
        """Of torch, such as "cpu" or "cuda:0"."""
        return str(example_of(self._dmn).device)

    @property
    def kept(self) -> bool:
        """See `Engine.kept`."""
        return self._dmn.config.kept

    @property
    def drawing_size(self) -> int | None:
        """See `Engine.drawing_size`."""
        return None if self._dmn.config.style_scope == "vector" else NETWORK_SIZE

    @property
    def mask_size(self) -> int | None:
        """See `Engine.mask_size`."""
        return self.networks["mask_vae"].mask_size if "mask_vae" in self.networks else None

    def _picture(self, picture: np.ndarray) -> Tensor:
        return to_tensor(picture).to(example_of(self._dmn))

    def _mask(self, mask: np.ndarray) -> Tensor:
        return torch.from_numpy(mask.astype(np.int64))[None].to(example_of(self._dmn).device)

    @torch.inference_mode()
    def parse(self, picture: np.ndarray) -> np.ndarray:
        """See `Engine.parse`."""
        return read(self.networks["parser"], self._picture(picture))[0].float().cpu().numpy()

    @torch.inference_mode()
    def encode_style(self, picture: np.ndarray, mask: np.ndarray) -> Style:
        """A style of tensors; see `Engine.encode_style`."""
        return self._dmn.encode_style(self._picture(picture), self._mask(mask))

    @torch.inference_mode()
    def draw(self, mask: np.ndarray, style: Style, kept: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """See `Engine.draw`."""
        seen = None
        if kept is not None:
            known = torch.from_numpy(kept[1])[None, None].to(example_of(self._dmn))
            seen = kept_pixels(self._picture(kept[0]), known)
        with bfloat16_allowed():
            image = self._dmn.generate(self._mask(mask), style, seen)
        return ((image[0].float().clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).cpu().numpy()

    @torch.inference_mode()
    def encode_mask(self, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.encode_mask`."""
        vae = self.networks["mask_vae"]
        like = example_of(vae)
        mean, logvar = vae.encode(one_hot(torch.from_numpy(masks).to(like.device), like.dtype))
        return mean.float().cpu().numpy(), logvar.float().cpu().numpy()

    @torch.inference_mode()
    def decode_mask(self, z: np.ndarray) -> np.ndarray:
        """See `Engine.decode_mask`."""
        vae = self.networks["mask_vae"]
        return vae.decode(torch.from_numpy(z).to(example_of(vae))).float().cpu().numpy()


def best_device() -> str:
    """ "cuda", "mps" or "cpu", the first that is available."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
