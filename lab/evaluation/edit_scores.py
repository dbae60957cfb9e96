"""How near an edited picture comes to the right answer, in the region that the edit is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from lab.evaluation.edit_tasks import EditTask
from maskgan.images import to_tensor
from maskgan.labels import Label
from maskgan.networks.face_parser import FaceParser, mean_probabilities
from maskgan.sizes import NETWORK_SIZE

#: Images (N, 3, H, W) in [-1, 1] -> feature maps.
Features = Callable[[Tensor], Sequence[Tensor]]

#: Detail is what lies above this share of the sampling rate.
_DETAIL = 1 / 8
#: Pixels of a class that a ratio of detail needs.
_ENOUGH = 64


@dataclass(frozen=True)
class EditScore:
    """Of one picture: psnr in dB; ssim; features, distance in pretrained features; hair, skin: energy of fine detail,
    drawn / true, None where the region has hardly any; outside: largest difference where the edit says that it changed
    nothing, 0..255; agrees: share of the region whose class, parsed again, is the wanted one."""

    psnr: float
    ssim: float
    features: float
    hair: float | None
    skin: float | None
    outside: int
    agrees: float


def score(task: EditTask, answer: np.ndarray, touched: np.ndarray, features: Features, parser: FaceParser) -> EditScore:
    """Measure an answer (S, S, 3) uint8 to a task; `touched` (S, S) bool is where the edit says that it changed it."""
    where = task.region
    error = (answer.astype(np.float64) - task.truth)[where]
    psnr = min(100.0, 10 * np.log10(255**2 / max(float((error**2).mean()), 1e-9)))
    first, second = (torch.from_numpy(picture).permute(2, 0, 1)[None].float() for picture in (answer, task.truth))
    _, similar = structural_similarity_index_measure(first, second, data_range=255.0, return_full_image=True)
    detail_drawn, detail_true = fine_detail(answer), fine_detail(task.truth)
    ratios = {}
    for name, label in (("hair", Label.HAIR), ("skin", Label.SKIN)):
        own = where & (task.wanted == label)
        true = float(detail_true[own].sum())
        ratios[name] = float(detail_drawn[own].sum()) / true if own.sum() >= _ENOUGH and true > 0 else None
    outside = ~touched
    difference = int(np.abs(answer.astype(int) - task.photo)[outside].max(initial=0))
    return EditScore(
        psnr,
        float(similar[0].mean(0).numpy()[where].mean()),
        feature_distance(answer, task.truth, where, features),
        ratios["hair"],
        ratios["skin"],
        difference,
        agreement(answer, task, parser),
    )


def fine_detail(picture: np.ndarray) -> np.ndarray:
    """Energy (H, W) of a picture (H, W, 3) uint8 above 1/8 of the sampling rate."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float64)
    # Mirrored, so that the borders make no detail of their own.
    wide = np.pad(grey, 16, mode="reflect")
    rows, columns = np.fft.fftfreq(wide.shape[0])[:, None], np.fft.rfftfreq(wide.shape[1])
    spectrum = np.fft.rfft2(wide) * (np.hypot(rows, columns) > _DETAIL)
    return np.fft.irfft2(spectrum, s=wide.shape)[16:-16, 16:-16] ** 2


@torch.inference_mode()
def feature_distance(answer: np.ndarray, truth: np.ndarray, where: np.ndarray, features: Features) -> float:
    """Mean absolute difference of feature maps over the region (S, S), averaged over the maps."""
    rows, columns = (np.flatnonzero(where.any(axis)) for axis in (1, 0))
    # A square of at least 128 pixels around it, so that small regions do not cost a whole picture.
    side = min(len(where), max(128, int(np.ceil(1.25 * max(np.ptp(rows), np.ptp(columns)) / 32)) * 32))
    top, left = (int(np.clip((at[0] + at[-1] - side) // 2, 0, len(where) - side)) for at in (rows, columns))
    square = np.s_[top : top + side, left : left + side]
    maps = features(to_tensor(np.stack([answer[square], truth[square]])))
    inside = torch.from_numpy(where[square].astype(np.float32))[None, None]
    distances = []
    for layer in maps:
        weight = torch.nn.functional.adaptive_avg_pool2d(inside, layer.shape[-2:])[0, 0]
        difference = (layer[0] - layer[1]).abs().mean(0)
        distances.append(float((difference * weight).sum() / weight.sum()))
    return float(np.mean(distances))


@torch.inference_mode()
def agreement(answer: np.ndarray, task: EditTask, parser: FaceParser) -> float:
    """Share of the region whose class is the wanted one, by the parser."""
    small = cv2.resize(answer, (NETWORK_SIZE, NETWORK_SIZE), interpolation=cv2.INTER_AREA)
    probabilities = mean_probabilities(parser, to_tensor(small).to(parser.device))
    size = task.mask.shape
    seen = torch.nn.functional.interpolate(probabilities, size=size, mode="bilinear", align_corners=False)
    return float((seen.argmax(1)[0].cpu().numpy() == task.wanted)[task.region].mean())
