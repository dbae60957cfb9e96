"""Measures of parsing and of drawing: confusion matrix, accuracy, IoU, PSNR, SSIM and the mean-colour floor."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from maskgan.labels import IGNORE, NUM_CLASSES, PART_NAMES


@dataclass
class Confusion:
    """Counts of (truth, answer) pairs over any number of masks; where the truth is 255 nothing is counted.

    counts: (19, 19) int64, rows are the truth.
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros((NUM_CLASSES, NUM_CLASSES), np.int64))

    def add(self, truth: np.ndarray, answer: np.ndarray) -> None:
        """Count one mask (H, W) with values 0..18 or 255 against an answer (H, W) with values 0..18."""
        known = truth != IGNORE
        pairs = truth[known].astype(np.int64) * NUM_CLASSES + answer[known]
        self.counts += np.bincount(pairs, minlength=NUM_CLASSES**2).reshape(NUM_CLASSES, NUM_CLASSES)

    @property
    def accuracy(self) -> float:
        """Share of the counted pixels whose answer is right, 0..1."""
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def iou(self) -> dict[str, float]:
        """Intersection over union, 0..1, of each class that the truth or an answer has, by part name."""
        right = np.diag(self.counts)
        union = self.counts.sum(0) + self.counts.sum(1) - right
        return {PART_NAMES[i]: float(right[i] / union[i]) for i in range(NUM_CLASSES) if union[i]}

    def miou(self, minimum_share: float = 0.0) -> float:
        """Mean IoU over the classes that make up more than `minimum_share` of the truth's counted pixels.

        The counts of the whole set make one IoU per class. A class that the truth lacks has no IoU to speak of and is
        left out, but each pixel that is wrongly given to it still counts against the class it was taken from.
        """
        share = self.counts.sum(1) / self.counts.sum()
        iou = self.iou
        return float(np.mean([iou[PART_NAMES[i]] for i in np.flatnonzero(share > minimum_share)]))


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures (H, W, 3); equal pictures count as 100 dB."""
    error = np.mean((image.astype(np.float64) - truth) ** 2)
    return float(min(100.0, 10 * np.log10(255**2 / max(error, 1e-9))))


def ssim(image: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity (Wang et al., 2004; 11 x 11 Gaussian window) of two uint8 pictures (H, W, 3)."""
    # In 0..255 and not in the networks' -1..1: the luminance term wants means that are not negative.
    first, second = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() for picture in (image, truth))
    return float(structural_similarity_index_measure(first, second, data_range=255.0))


def mean_colours(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture (H, W, 3) uint8 with every region of its mask (H, W) painted in the region's own mean colour.

    What a network reaches that knows nothing but one colour per class: the floor for reconstruction.
    """
    painted = np.empty_like(image)
    for label in np.unique(mask):
        where = mask == label
        painted[where] = image[where].mean(0).round()
    return painted
