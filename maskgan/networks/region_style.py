"""The style encoder of the `studio` Dense Mapping Network: a style per region.

Where MaskGAN (section 3.1) condenses the picture into one vector, this variant keeps one code per class, so
that the colours of hair and lips stay in hair and lips. Image features are made spatial-aware by SFT as in the paper,
then averaged over each class of M^t, as in SEAN (Zhu et al., CVPR 2020). `region_backbone.py` draws with the codes.

A code is an average and loses the position of detail within the region (a shadow on one cheek). A coarse residue is
kept as well: per class, the deviation of 16 x 16 cells from the class's code, blurred to neighbouring cells and fading
to zero (the code alone) away from the class's pixels in the source. With the residue set to zero, a style does not
depend on positions, as style copy between people needs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES
from maskgan.networks.conv1x1 import Conv1x1
from maskgan.networks.layers import SpatialFeatureTransform
from maskgan.networks.winograd import Conv3x3, draws_on_cpu
from maskgan.styles import RegionStyle

#: Cells of the residue along each side, whatever the resolution.
GRID = 16

#: Pixels whose features are added up at once on a CPU.
_AT_ONCE = 128


class RegionStyleEncoder(nn.Module):
    """Enc_style with one code per class.

    Args:
        width: channels at 1/4 of the resolution.
        code_dim: length of a class's code.
        residue_dim: channels of the residue.
        scope: "global" (one code for the whole picture, the paper's idea), "region", or "region_and_residue".
    """

    def __init__(self, width: int, code_dim: int, residue_dim: int, scope: str) -> None:
        super().__init__()
        self.scope = scope
        self.near = Conv3x3(3 * 16, width)
        self.mask_near = nn.Sequential(Conv1x1(NUM_CLASSES, 32), nn.ReLU(inplace=True), nn.Conv2d(32, 32, 3, padding=1))
        self.sft_near = SpatialFeatureTransform(width, 32)
        self.far = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.mask_far = nn.Sequential(nn.ReLU(), nn.Conv2d(32, 32, 3, stride=2, padding=1))
        self.sft_far = SpatialFeatureTransform(2 * width, 32)
        self.context = nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1)
        self.context_back = Conv1x1(2 * width, 2 * width)
        self.far_back = Conv1x1(2 * width, width)
        self.merge = Conv3x3(width, width)
        self.to_code = Conv1x1(width, code_dim)
        self.to_residue = Conv1x1(width, residue_dim, bias=False)  # only deviations from the mean count
        # Fallback code for classes absent from the source: learned code + mix of present codes.
        self.absent_code = nn.Parameter(torch.zeros(NUM_CLASSES, code_dim))
        self.affinity = nn.Parameter(torch.zeros(NUM_CLASSES, NUM_CLASSES))
        self.borrow = nn.Linear(code_dim, code_dim)

    def features(self, image: Tensor, planes4: Tensor) -> Tensor:
        """Spatial-aware features (N, width, H/4, W/4) of images with class shares (N, 19, H/4, W/4)."""
        prior = self.mask_near(planes4)  # N, 32, H/4, W/4
        near = self.sft_near(F.relu(self.near(F.pixel_unshuffle(image, 4))), prior)  # N, w, H/4, W/4
        far = self.sft_far(F.relu(self.far(F.relu(near))), self.mask_far(prior))  # N, 2w, H/8, W/8
        context = self.context_back(F.relu(self.context(F.relu(far))))  # N, 2w, H/16, W/16
        far = F.relu(far + F.interpolate(context, scale_factor=2.0, mode="nearest"))
        near = near + F.interpolate(self.far_back(far), scale_factor=2.0, mode="nearest")
        return F.relu(self.merge(F.relu(near)))

    def forward(
        self, image: Tensor, planes: Tensor, dropped: Tensor | None = None, known: Tensor | None = None
    ) -> RegionStyle:
        """Style of images (N, 3, H, W) in [-1, 1] with one-hot masks (N, 19, H, W).

        `dropped` (N, 19), in training, hides the codes of some classes so that the completion learns. `known`
        (N, 1, H, W) 0/1: the pixels that the residue may be taken from, all without it. A code is of all pixels.
        """
        planes4 = F.avg_pool2d(planes, 4)  # N, 19, H/4, W/4
        x = self.features(image, planes4)  # N, w, H/4, W/4
        weight = planes4.flatten(2)  # N, 19, hw
        area = weight.sum(2)  # N, 19
        present = (area > 0.5).to(x.dtype)
        if dropped is not None:
            present = present * (1 - dropped)
        features = self.to_code(x).flatten(2)  # N, D, hw
        if self.scope == "global":
            codes = features.mean(2)[:, None].expand(-1, NUM_CLASSES, -1)  # N, 19, D
        else:
            codes = _summed(weight, features) / area.clamp(min=0.5)[..., None]  # N, 19, D
        codes = self.complete(codes, present)
        seen4 = planes4 if known is None else F.avg_pool2d(planes * known, 4)  # N, 19, H/4, W/4
        residue = self.residue(self.to_residue(x), seen4, present)
        return RegionStyle(codes, present, residue)

    def complete(self, codes: Tensor, present: Tensor) -> Tensor:
        """Replace the codes (N, 19, D) of classes that are not `present` (N, 19) by fallback codes."""
        logits = self.affinity[None] + (present[:, None] - 1) * 1e4  # N, 19, 19
        borrowed = self.borrow(logits.softmax(2) @ codes)  # N, 19, D
        present = present[..., None]
        return present * codes + (1 - present) * (self.absent_code + borrowed)

    def residue(self, features: Tensor, planes4: Tensor, present: Tensor) -> Tensor:
        """Deviation of the cells from the class's mean: (N, 19, K + 1, 16, 16).

        A normalised convolution (Knutsson and Westin, CVPR 1993): masked sums per cell, blurred, divided by the blurred
        mask plus a constant, so that it fades to zero where the class is rare.
        """
        weight = planes4.flatten(2)
        mean = _summed(weight, features.flatten(2)) / weight.sum(2).clamp(min=0.5)[..., None]  # N, 19, K
        masked = planes4[:, :, None] * features[:, None]  # N, 19, K, h, w
        sums = _mean_of_cells(masked.flatten(1, 2)).unflatten(1, masked.shape[1:3])  # N, 19, K, 16, 16
        share = _mean_of_cells(planes4)[:, :, None]  # N, 19, 1, 16, 16
        deviation = sums - share * mean[..., None, None]
        both = torch.cat([deviation, share], 2)  # N, 19, K + 1, 16, 16
        both = blurred(both.flatten(1, 2)).unflatten(1, both.shape[1:3])
        share = both[:, :, -1:]
        trust = share / (share + 0.02)
        kept = present[:, :, None, None, None]
        if self.scope != "region_and_residue":
            kept = kept * 0
        return torch.cat([both[:, :, :-1] / (share + 0.02), trust], 2) * kept


def _summed(weight: Tensor, features: Tensor) -> Tensor:
    """Sums (N, 19, D) of features (N, D, hw) weighted by planes (N, 19, hw).

    One long product is added up by threads on some processors, so that how many there are changes the result.
    """
    if not draws_on_cpu(features) or features.shape[2] % _AT_ONCE:
        return weight @ features.transpose(1, 2)
    parts = [
        planes.unflatten(2, (-1, _AT_ONCE)).transpose(1, 2) for planes in (weight, features)
    ]  # N, parts, C, pixels
    return (parts[0] @ parts[1].transpose(2, 3)).sum(1)


def _mean_of_cells(x: Tensor) -> Tensor:
    """Means (N, C, 16, 16) of the cells of planes (N, C, h, w)."""
    if torch.compiler.is_exporting():  # an exported graph's pooling has one size
        return x.unflatten(3, (GRID, -1)).unflatten(2, (GRID, -1)).mean((3, 5))
    return F.avg_pool2d(x, x.shape[-1] // GRID)


def blurred(x: Tensor) -> Tensor:
    """Blur planes (N, C, h, w) by (1 2 1) both ways; sums are kept at the borders."""
    if torch.compiler.is_exporting():  # twice (1 1) both ways
        return F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 2, 1), 2, 1)
    if draws_on_cpu(x):
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        x = torch.lerp(x[..., :-2], x[..., 2:], 0.5).lerp_(x[..., 1:-1], 0.5)
        return torch.lerp(x[..., :-2, :], x[..., 2:, :], 0.5).lerp_(x[..., 1:-1, :], 0.5)
    # The edges are repeated by hand, because torch.compile stumbles over the gradient of F.pad(mode="replicate").
    x = torch.cat([x[..., :1], x, x[..., -1:]], -1)
    x = (x[..., :-2] + 2 * x[..., 1:-1] + x[..., 2:]) / 4
    x = torch.cat([x[..., :1, :], x, x[..., -1:, :]], -2)
    return (x[..., :-2, :] + 2 * x[..., 1:-1, :] + x[..., 2:, :]) / 4


def interpolate_residue(residue: Tensor, height: int, width: int) -> Tensor:
    """Residue (N, 19, L, 16, 16) -> (N, 19, L, height, width), linearly; as it is where it has that size."""
    return residue_interpolation(residue, height, width)(residue)


def residue_interpolation(like: Tensor, height: int, width: int) -> Callable[[Tensor], Tensor]:
    """`interpolate_residue` to one size, for any residue of the shape and kind of `like` or classes of it.

    Two matrix products, several times quicker than `F.interpolate` on a CPU.
    """
    cells = like.shape[-1]
    if not torch.compiler.is_exporting() and (height, width) == (cells, cells):
        return lambda residue: residue
    own = torch.arange(cells, dtype=like.dtype, device=like.device)

    def weights(size: int) -> Tensor:
        centres = (torch.arange(size, dtype=like.dtype, device=like.device) + 0.5) * (cells / size) - 0.5
        return (1 - (centres.clamp(0, cells - 1)[:, None] - own).abs()).clamp(min=0)  # size, cells

    down, across = weights(height), weights(width).T
    return lambda residue: down @ residue @ across
