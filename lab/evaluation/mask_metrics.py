"""Measures of MaskVAE: how well it gives masks back, and how smoothly it goes from one to another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from lab.evaluation.metrics import Confusion
from maskgan.editing.mask_interpolation import decode_masks, interpolate, latents
from maskgan.labels import NUM_CLASSES, PART_NAMES
from maskgan.networks.mask_vae import MaskVAE

#: Parts below this share of the picture (33 pixels at 256) are not followed: one row of pixels moves their centroid.
SMALLEST_PART = 0.0005
#: A part may fall back by so much of its largest area before its growth or decay counts as broken.
AREA_TOLERANCE = 0.1
#: A part's centroid may fall back by so much of the picture's side, along either axis.
CENTROID_TOLERANCE = 0.01


@dataclass(frozen=True)
class Smoothness:
    """How a sequence of masks goes from its first to its last.

    area: how far each part's area falls back on its way, as a share of the part's largest area, by part name.
    centroid: how far each part's centroid falls back, in sides of the picture (the worse of x and y).
    strays: parts that a mask between shows and neither of the two ends has.
    """

    area: dict[str, float]
    centroid: dict[str, float]
    strays: tuple[str, ...]

    def broken(self, area: float = AREA_TOLERANCE, centroid: float = CENTROID_TOLERANCE) -> list[str]:
        """What is not smooth, within the tolerances: parts by name with what is wrong; empty when all is."""
        return [
            *(f"{name} area" for name, back in self.area.items() if back > area),
            *(f"{name} centroid" for name, back in self.centroid.items() if back > centroid),
            *(f"{name} stray" for name in self.strays),
        ]


def falls_back(values: Sequence[float]) -> float:
    """How far a sequence comes back from the furthest point it reached in the direction of its end; 0: monotone."""
    values = np.asarray(values, float)
    forward = values if values[-1] >= values[0] else -values
    return float((np.maximum.accumulate(forward) - forward).max())


def smoothness(masks: np.ndarray, ends: Iterable[np.ndarray] = ()) -> Smoothness:
    """Follow every part through a sequence of masks.

    Args:
        masks: label maps (T, H, W) from one end to the other.
        ends: the masks whose classes the sequence may show; its own first and last without them.
    """
    share = np.stack([np.bincount(mask.ravel(), minlength=NUM_CLASSES) for mask in masks]) / masks[0].size  # T, 19
    expected = np.unique(np.concatenate([end.ravel() for end in ends] or [masks[0].ravel(), masks[-1].ravel()]))
    area, centroid = {}, {}
    for label in np.flatnonzero(share.max(0) >= SMALLEST_PART):
        name = PART_NAMES[label]
        area[name] = falls_back(share[:, label]) / share[:, label].max()
        followed = masks[share[:, label] >= SMALLEST_PART]
        places = [np.argwhere(mask == label).mean(0) for mask in followed]
        centroid[name] = max(falls_back(axis) for axis in np.transpose(places)) / masks.shape[1]
    strays = np.setdiff1d(np.flatnonzero(share.any(0)), expected)
    return Smoothness(area, centroid, tuple(PART_NAMES[label] for label in strays))


@torch.no_grad()
def reconstruction(vae: MaskVAE, masks: Iterable[np.ndarray]) -> Confusion:
    """Masks (S, S) 0..18 or 255 against what the VAE makes of their latents; 255 is not counted."""
    confusion = Confusion()
    for mask in masks:
        answer = decode_masks(vae, latents(vae, torch.from_numpy(mask)[None]))
        confusion.add(mask, answer[0].cpu().numpy())
    return confusion


def interpolation_report(vae: MaskVAE, masks: Sequence[np.ndarray], steps: int = 8) -> dict[str, float]:
    """Shares, 0..1, over the ways from each mask to the next, `steps` steps each.

    Returns `monotone_areas` and `monotone_centroids` (of all parts followed), `smooth_ways` (no part broken, no
    strays) and `ways_without_strays`.
    """
    ways = [
        smoothness(interpolate(vae, start, end, np.linspace(0, 1, steps + 1)), (start, end))
        for start, end in pairwise(masks)
    ]
    areas = [back for way in ways for back in way.area.values()]
    centroids = [back for way in ways for back in way.centroid.values()]
    return {
        "monotone_areas": float(np.mean(np.array(areas) <= AREA_TOLERANCE)),
        "monotone_centroids": float(np.mean(np.array(centroids) <= CENTROID_TOLERANCE)),
        "smooth_ways": float(np.mean([not way.broken() for way in ways])),
        "ways_without_strays": float(np.mean([not way.strays for way in ways])),
    }
