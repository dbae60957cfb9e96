"""Who looks at the pictures: the parser, and the networks for FID, LPIPS and identity where they are installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.evaluation.optional_measures import Embedder
from maskgan.editing.implausible import without_implausible
from maskgan.images import to_tensor
from maskgan.networks.face_parser import FaceParser, mean_probabilities
from maskgan.sizes import NETWORK_SIZE

#: The parser's feature map (1/8 of its picture) and the cells along each side that it is averaged over: 16 samples
#: per face, so that a few hundred faces are enough for the covariance of its channels.
LEVEL, CELLS = 3, 4


@dataclass(frozen=True)
class Seen:
    """What is seen in N pictures.

    features: (N * 16, C), the parser's; inception: (N, 2048) and identity: (N, D), None where not installed.
    """

    features: np.ndarray
    inception: np.ndarray | None
    identity: np.ndarray | None

    def of(self, chosen: np.ndarray) -> Seen:
        """What is seen in some of the pictures, (N,) bool."""
        parts = (getattr(self, field.name) for field in fields(self))
        return Seen(*(None if part is None else part[np.repeat(chosen, len(part) // len(chosen))] for part in parts))

    @classmethod
    def all(cls, parts: Sequence[Seen]) -> Seen:
        """Several batches as one."""

        def joined(arrays: Sequence[np.ndarray | None]) -> np.ndarray | None:
            return None if arrays[0] is None else np.concatenate(arrays)

        return cls(*(joined([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True)
class Judge:
    """The parser of a pipeline and what else is installed; it reads pictures of any size at its own 256 px.

    Smaller pictures are scaled up for it, and its answer goes back to the picture's size as mean probabilities.
    """

    parser: FaceParser
    lpips: Callable[[Tensor, Tensor], Tensor] | None = None
    inception: Embedder | None = None
    embedder: Embedder | None = None

    def look(self, pictures: np.ndarray) -> Seen:
        """See pictures (N, S, S, 3) uint8 RGB."""
        return Seen(
            self._features(self._enlarged(pictures)),
            None if self.inception is None else self.inception(pictures),
            None if self.embedder is None else self.embedder(pictures),
        )

    @torch.inference_mode()
    def parse(self, pictures: np.ndarray) -> np.ndarray:
        """Masks (N, S, S) uint8 of pictures (N, S, S, 3), as `MaskGANPipeline.parse` finds them at 256 px.

        The pipeline's way: the mean over picture and mirror image, and over 3 x 3 pixels, without what cannot be.
        """
        image, size = self._enlarged(pictures), pictures.shape[1]
        both = mean_probabilities(self.parser, image).float().cpu().numpy()  # N, 19, 256, 256
        both = torch.from_numpy(np.stack([without_implausible(planes) for planes in both]))
        if size < NETWORK_SIZE:
            both = F.interpolate(both, size=(size, size), mode="area")
        elif size > NETWORK_SIZE:
            both = F.interpolate(both, size=(size, size), mode="bilinear", align_corners=False)
        return both.argmax(1).to(torch.uint8).numpy()

    def perceptual_distance(self, first: np.ndarray, second: np.ndarray) -> float:
        """LPIPS, the mean over two batches (N, S, S, 3) uint8."""
        images = (to_tensor(pictures).to(self.parser.device) for pictures in (first, second))
        with torch.inference_mode():
            return float(self.lpips(*images))

    def _enlarged(self, pictures: np.ndarray) -> Tensor:
        image = to_tensor(pictures).to(self.parser.device, self.parser.dtype)
        if image.shape[-1] == NETWORK_SIZE:
            return image
        return F.interpolate(
            image, size=(NETWORK_SIZE, NETWORK_SIZE), mode="bilinear", align_corners=False, antialias=True
        )

    @torch.inference_mode()
    def _features(self, image: Tensor) -> np.ndarray:
        deepest = self.parser.features(image, LEVEL)[-1]  # N, C, 32, 32
        return F.adaptive_avg_pool2d(deepest, CELLS).movedim(1, -1).flatten(0, 2).double().cpu().numpy()
