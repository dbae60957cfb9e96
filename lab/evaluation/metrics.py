"""Measures of parsing and of drawing: confusion matrix, IoU, PSNR, SSIM, mean-colour floor, Frechet distance, drift."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from maskgan.labels import IGNORE, NUM_CLASSES, PART_NAMES

#: Drift is measured further from a change than this share of the picture's side (16 pixels at 256).
REACH = 1 / 16
#: With less than this share of the picture beyond that, an edit says nothing about drift.
SMALLEST_REST = 0.01


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
    from torchmetrics.functional.image import structural_similarity_index_measure  # a second, for trainers in vain

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


def frechet_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Squared Frechet distance of two Gaussians fitted to samples (n, d) and (m, d), both at least two.

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) (Dowson and Landau, 1982; FID of Heusel et al., 2017, is this for
    Inception features). With S = R^T R, R from a QR decomposition of the centred samples, the trace of the root is the
    sum of the singular values of R1 R2^T: sound also where fewer samples than dimensions make S singular.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("A Frechet distance needs at least two samples on either side.")
    first, second = (np.asarray(samples, np.float64) for samples in (first, second))
    roots = [
        np.linalg.qr((samples - samples.mean(0)) / np.sqrt(len(samples) - 1), mode="r") for samples in (first, second)
    ]
    spread = sum(float((root**2).sum()) for root in roots)  # tr S1 + tr S2
    shared = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    means = float(((first.mean(0) - second.mean(0)) ** 2).sum())
    return max(0.0, means + spread - 2 * shared)


def drift(picture: np.ndarray, unedited: np.ndarray, changed: np.ndarray) -> float | None:
    """How much an edit moves what it should leave alone, in grey levels 0..255.

    The mean difference between the picture of an edited mask and the same generator's picture of the unedited one, over
    the pixels further than `REACH` from the nearest pixel whose class changed.

    Args:
        picture, unedited: (H, W, 3) uint8.
        changed: (H, W) bool.

    Returns:
        None when the change leaves too little of the picture.
    """
    far = cv2.distanceTransform((~changed).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) > REACH * len(changed)
    if far.mean() < SMALLEST_REST:
        return None
    return float(np.abs(picture[far].astype(np.float64) - unedited[far]).mean())
