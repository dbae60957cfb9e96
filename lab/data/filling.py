"""Samples for learning to fill holes: a whole face for the style, and a view of it with a hole.

A view is the whole face at the network's resolution, or a window of a sharper picture of it, at any scale between: what
the editor shows the network of a 512 px crop, or of a small edit's surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.data.faces import FaceWithMask, Sample, class_odds, mirror, resize
from lab.data.fill import sharpest_side
from lab.data.holes import hole, some_parts
from maskgan.images import to_tensor

#: A picture is sharp enough for windows when its side is so many times the network's.
SHARP = 1.5


class Filling(NamedTuple):
    """A batch of tasks (one of the dataset's samples has no N).

    image: (N, 3, S, S) whole faces, RGB in [-1, 1]; mask: (N, S, S) label maps; view, view_mask: the like, of what is
    to be drawn; known: (N, 1, S, S) float 0/1, the view's pixels that are shown; style_known: (N, 1, S, S), the whole
    face's pixels that the residue of its style may be taken from; window: (N, 3), top, left and side of the view in
    the whole face, in fractions.
    """

    image: Tensor
    mask: Tensor
    view: Tensor
    view_mask: Tensor
    known: Tensor
    style_known: Tensor
    window: Tensor

    @classmethod
    def of_whole_faces(cls, image: Tensor, mask: Tensor) -> Filling:
        """The paper's task: redraw all of a face from its style."""
        known = torch.zeros_like(image[:, :1])
        window = torch.tensor([[0.0, 0.0, 1.0]], device=image.device).expand(len(image), -1)
        return cls(image, mask, image, mask, known, 1 - known, window)


@dataclass(frozen=True)
class FillingTask:
    """A face -> one sample of `Filling`; takes the place of `as_tensors` in a stream.

    Args:
        windows: share of the sharp pictures of which a window is shown.
        everything: share of the samples of which nothing is known.
    """

    windows: float = 0.0
    everything: float = 0.125

    def __call__(self, face: FaceWithMask, size: int, random: np.random.Generator) -> Filling:
        if random.random() < 0.5:
            face = mirror(face)
        whole = resize(face, size)
        top, left, side = 0.0, 0.0, 1.0
        view = whole
        if len(face.mask) >= SHARP * size and random.random() < self.windows:
            view, (top, left, side) = window_of(face, size, random)
        hidden = hole(view.mask, random, self.everything)
        known = torch.from_numpy(~hidden)[None].float()
        return Filling(
            to_tensor(whole.image)[0],
            torch.from_numpy(whole.mask).long(),
            to_tensor(view.image)[0],
            torch.from_numpy(view.mask).long(),
            known,
            torch.from_numpy(style_known(hidden, top, left, side))[None],
            torch.tensor([top, left, side], dtype=torch.float32),
        )


def window_of(
    face: FaceWithMask, size: int, random: np.random.Generator
) -> tuple[FaceWithMask, tuple[float, float, float]]:
    """A square of a sharp face around one of its parts, scaled to `size`; and its top, left and side in fractions.

    At the finest scale a pixel of the window is one of the picture.
    """
    full = len(face.mask)
    side = round(size * np.exp(random.uniform(0, np.log(full / size))))
    parts = some_parts(face.mask, random)
    centre = random.random(2) * full
    if parts:
        rows, columns = np.nonzero(np.isin(face.mask, parts[0]))
        chosen = int(random.integers(len(rows)))
        centre = np.array([rows[chosen], columns[chosen]]) + random.normal(0, 0.15 * side, 2)
    top, left = ((centre - side / 2).clip(0, full - side)).astype(int)
    square = np.s_[top : top + side, left : left + side]
    cut = FaceWithMask(np.ascontiguousarray(face.image[square]), np.ascontiguousarray(face.mask[square]))
    return resize(cut, size), (top / full, left / full, side / full)


def style_known(hidden: np.ndarray, top: float, left: float, side: float) -> np.ndarray:
    """What is known of a whole face (S, S) float32 in 0..1 of which a window (S, S) has a hole `hidden`.

    Where nothing is known the network redraws a face from its style, so all of the style is given.
    """
    size = len(hidden)
    known = np.ones((size, size), np.float32)
    if hidden.all():
        return known
    # The window's corner, in the whole face's pixels.
    matrix = np.array([[side, 0, left * size + (side - 1) / 2], [0, side, top * size + (side - 1) / 2]])
    shrunk = cv2.GaussianBlur(hidden.astype(np.float32), (0, 0), 0.5 / side) if side < 1 else hidden.astype(np.float32)
    return 1 - cv2.warpAffine(shrunk, matrix, (size, size), flags=cv2.INTER_LINEAR)


def masks_in_windows(mask: Tensor, window: Tensor) -> Tensor:
    """Label maps (N, S, S) -> those of windows (N, 3) of them, enlarged to (N, S, S) by nearest neighbour."""
    top, left, side = window.unbind(1)
    zero = torch.zeros_like(side)
    matrix = torch.stack([
        torch.stack([side, zero, 2 * left + side - 1], 1),
        torch.stack([zero, side, 2 * top + side - 1], 1),
    ], 1)  # fmt: skip
    grid = F.affine_grid(matrix, [len(mask), 1, *mask.shape[1:]], align_corners=False)
    cut = F.grid_sample(mask[:, None].float(), grid, mode="nearest", padding_mode="border", align_corners=False)
    return cut[:, 0].round().to(mask.dtype)


def lit(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Seven pictures in ten in a slightly other light: white balance, exposure and black level."""
    if random.random() < 0.3:
        return face
    gain = 1 + random.normal(0, 0.1, 3) * random.permutation([1.0, 0.4, 0.4])
    gain = gain * np.exp(random.normal(0, 0.15))
    levels = np.arange(256)[:, None] * gain + random.normal(0, 0.03) * 255
    table = levels.round().clip(0, 255).astype(np.uint8)[:, None]  # 256, 1, 3
    return FaceWithMask(cv2.LUT(face.image, table), face.mask)


def sharpest(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with their sharpest pictures, for masks that `fill_ignored` enlarged to them."""
    return [replace(sample, image=sample.sharp or sample.image) for sample in samples]


def draw_odds(samples: Sequence[Sample], size: int) -> np.ndarray:
    """How often each face is drawn: rare classes more often, faces of fewer pixels than `size` less often.

    Those are soft, and teach softness. Sharp faces are drawn twice as often, because there are windows of them too;
    rendered heads a third as often, because they look rendered.
    """
    native = np.array([sample.native or size for sample in samples])
    softness = (native / size).clip(0.25, 1) ** 2
    sharp = np.array([sharpest_side(sample) >= SHARP * size for sample in samples])
    rendered = np.array([sample.whole_lenses for sample in samples])
    return class_odds(samples, strength=0.25) * softness * (1 + sharp) / (1 + 2 * rendered)
