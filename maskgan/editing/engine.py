"""What computes, as the editor sees it: networks behind five functions of NumPy arrays.

The editor decides (alignment, masks, warping, windows, compositing), an engine runs the networks:
`maskgan.networks.engine` on torch, `maskgan.onnx.engine` on ONNX Runtime.
"""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from maskgan.labels import NUM_CLASSES
from maskgan.snapshots import Weights
from maskgan.styles import Style


class Engine(Protocol):
    """The networks of a pipeline; any number of threads may call it at once.

    Pictures are (S, S, 3) RGB in 0..255, uint8 or float32; masks (S, S) class ids. S is what the networks take.
    """

    @property
    def weights(self) -> Weights:
        """Which weights the networks have."""

    @property
    def device(self) -> str:
        """Where they run, such as "cpu" or "cuda"."""

    @property
    def kept(self) -> bool:
        """Whether the generator can be shown the pixels that an edit keeps."""

    @property
    def drawing_size(self) -> int | None:
        """Side at which whole faces are drawn at most; None: at the crop's own, as the published network does."""

    @property
    def mask_size(self) -> int | None:
        """Side of MaskVAE's masks; None without a MaskVAE."""

    def parse(self, picture: np.ndarray) -> np.ndarray:
        """Class probabilities (19, S, S) float32 of a face crop."""

    def encode_style(self, picture: np.ndarray, mask: np.ndarray) -> Style:
        """The style of a face crop with its mask."""

    def draw(self, mask: np.ndarray, style: Style, kept: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """A picture (H, W, 3) float32 in 0..255 in the shapes of a mask (H, W); sides are multiples of `DRAWN_STEP`.

        `kept`: the photo with its moved pixels in place, and which of them are known, (H, W) bool; None: all is drawn.
        """

    def encode_mask(self, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and logarithm of the variance, (N, latent_dim) float32 each, of masks (N, mask_size, mask_size)."""

    def decode_mask(self, z: np.ndarray) -> np.ndarray:
        """Class logits (N, 19, mask_size, mask_size) float32 at latents (N, latent_dim)."""


def resize_planes(planes: np.ndarray, size: int) -> np.ndarray:
    """Planes (19, s, s) float32 -> (19, size, size), linearly; means of what falls together where they shrink."""
    return planes if planes.shape[-1] == size else np.stack([_resize(plane, size) for plane in planes])


def _resize(plane: np.ndarray, size: int) -> np.ndarray:
    if len(plane) == size:
        return plane
    way = cv2.INTER_LINEAR if size > len(plane) else cv2.INTER_AREA
    return cv2.resize(plane, (size, size), interpolation=way)


def most_probable(planes: np.ndarray, size: int, classes: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The class (size, size) uint8 of each pixel's largest value among resized planes (19, s, s), and that value.

    `classes`: ids to choose from, in ascending order; all of them by default. Of equal values the first class's counts.
    Planes are resized one by one, since all of them take 19 times the memory.
    """
    first, *others = np.arange(NUM_CLASSES) if classes is None else classes
    best, ids = np.array(_resize(planes[first], size)), np.full((size, size), first, np.uint8)
    for label in others:
        plane = _resize(planes[label], size)
        np.copyto(ids, np.uint8(label), where=plane > best)
        np.maximum(best, plane, out=best)
    return ids, best
