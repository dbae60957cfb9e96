"""What the `studio` network sees of the photo that an edit keeps, so that what it draws fits into it.

MaskGAN redraws the whole face and sees nothing of the photo but its style. Here the photo with a hole enters beside
the mask, as in image inpainting: at 1/4 and at 1/2 of the resolution, each through convolutions of which the last
starts at zero (ControlNet, Zhang et al., ICCV 2023), so that a network without this branch goes on learning from
where it was.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.networks.winograd import Conv3x3


def kept_pixels(photo: Tensor, known: Tensor) -> Tensor:
    """What `generate` takes as `kept`: photos (N, 3, H, W) in [-1, 1], known (N, 1, H, W) 0/1 -> (N, 4, H, W).

    The photo with zeros where it is unknown, then a plane with 1 where it is known and -1 where it is not.
    """
    return torch.cat([photo * known, known * 2 - 1], 1)


class KeptPixels(nn.Module):
    """Features of the kept pixels, to be added to the backbone's.

    Args:
        quarter, half: channels of the backbone at 1/4 and 1/2 of the resolution.
        middle: channels between the two convolutions at 1/2; twice `half` by default.
    """

    def __init__(self, quarter: int, half: int, middle: int | None = None) -> None:
        super().__init__()
        middle = middle or 2 * half
        self.at_quarter = nn.Sequential(
            Conv3x3(4 * 16, quarter),
            nn.ReLU(),
            Conv3x3(quarter, quarter),
            nn.ReLU(),
            Conv3x3(quarter, quarter),
        )
        self.at_half = nn.Sequential(Conv3x3(4 * 4, middle), nn.ReLU(), Conv3x3(middle, half))
        for last in (self.at_quarter[-1], self.at_half[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 4, H, W) from `kept_pixels` -> (N, quarter, H/4, W/4) and (N, half, H/2, W/2)."""
        return self.at_quarter(F.pixel_unshuffle(kept, 4)), self.at_half(F.pixel_unshuffle(kept, 2))

    def nothing(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The features where no pixel is kept, for one picture; those of many are all alike."""
        unknown = torch.zeros(
            1, 4, height, width, dtype=self.at_half[0].weight.dtype, device=self.at_half[0].weight.device
        )
        unknown[:, 3] = -1
        return self(unknown)
