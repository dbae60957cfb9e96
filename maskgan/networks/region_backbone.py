"""The backbone of the `studio` Dense Mapping Network: draws a mask with a style per region.

The codes that `region_style.py` took from a picture are laid out by the edited mask M, so that x_i and y_i of eq. (2)
are maps, at the cost per class of CLADE (Tan et al., TPAMI 2021).
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES, one_hot
from maskgan.networks.conv1x1 import Conv1x1
from maskgan.networks.kept_pixels import KeptPixels
from maskgan.networks.layers import adaptive_instance_norm
from maskgan.networks.region_style import blurred, interpolate_residue, residue_interpolation
from maskgan.networks.winograd import Conv3x3, draws_on_cpu
from maskgan.styles import RegionStyle


def _centred(x: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Planes (N, C, H, W) less their means, and their standard deviations (N, 1, C) as of instance norm.

    The planes themselves may be changed: they come from a convolution and are needed no more.
    In the layout that convolutions have on a CPU torch's own norms add up by threads, so that how many there are
    changes the result.
    """
    flat = x.permute(0, 2, 3, 1).flatten(1, 2)  # N, HW, C
    centred = flat.sub_(flat.mean(1, keepdim=True))
    variance = torch.linalg.vector_norm(centred, dim=1, keepdim=True) ** 2 / flat.shape[1]
    return centred.view(x.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2), torch.sqrt(variance + eps)


def place(table: Tensor, planes: Tensor) -> Tensor:
    """Sum of a table's rows weighted by the planes at each pixel: (N, P, D), (N, P, h, w) -> (N, D, h, w)."""
    if draws_on_cpu(planes):  # in the layout that convolutions have there
        return (planes.flatten(2).transpose(1, 2) @ table).unflatten(1, planes.shape[2:]).permute(0, 3, 1, 2)
    return (table.transpose(1, 2) @ planes.flatten(2)).unflatten(2, planes.shape[2:])


class RegionAffine(nn.Module):
    """Scale and shift maps of one AdaIN layer from codes and residue, with a learned bias per class."""

    def __init__(self, channels: int, code_dim: int, local_dim: int) -> None:
        super().__init__()
        self.from_code = nn.Linear(code_dim, 2 * channels)
        self.per_class = nn.Parameter(torch.zeros(NUM_CLASSES, 2 * channels))
        self.from_local = Conv1x1(local_dim, 2 * channels, bias=False) if local_dim else None

    def forward(self, x: Tensor, codes: Tensor, layout: Tensor) -> Tensor:
        """AdaIN of x (N, C, h, w), eq. (2), with codes (N, 19, D) and layout (N, 19 + L, h, w).

        The layout: the classes' shares, then the residue, laid out.
        """
        table = self.from_code(codes) + self.per_class  # N, 19, 2C
        if self.from_local is not None:  # one product for both: place(table) + from_local(local)
            weight = self.from_local.weight.flatten(1).T.expand(table.shape[0], -1, -1)  # N, L, 2C
            table = torch.cat([table, weight], 1)
        if draws_on_cpu(x):
            table[:, :NUM_CLASSES, : x.shape[1]] += 1  # of every pixel, since its shares add up to one
            x, deviation = _centred(x)
            table[:, :, : x.shape[1]] /= deviation
            gamma, beta = (place(half, layout) for half in table.chunk(2, 2))
            return beta.addcmul_(gamma, x)
        gamma, beta = place(table, layout).chunk(2, 1)  # N, C, h, w each
        return adaptive_instance_norm(x, 1 + gamma, beta)


class RegionBlock(nn.Module):
    """x + AdaIN(conv(relu(AdaIN(conv(x))))) with maps as scale and shift (eq. 2)."""

    def __init__(self, channels: int, code_dim: int, local_dim: int) -> None:
        super().__init__()
        self.conv0 = Conv3x3(channels, channels, bias=False)
        self.affine0 = RegionAffine(channels, code_dim, local_dim)
        self.conv1 = Conv3x3(channels, channels, bias=False)
        self.affine1 = RegionAffine(channels, code_dim, local_dim)

    def forward(self, x: Tensor, codes: Tensor, layout: Tensor) -> Tensor:
        h = self.affine0(self.conv0(x), codes, layout)
        h = h.relu_() if draws_on_cpu(h) else F.relu(h)
        added = self.affine1(self.conv1(h), codes, layout)
        return added.add_(x) if draws_on_cpu(x) else x + added


class RegionNoise(nn.Module):
    """Adds noise of a strength that is learned per class and channel, zero at first (StyleGAN, Karras et al., 2019).

    In the middle of a large region all that the network sees is alike, so that nothing but noise can tell one strand
    of hair from the next. The noise is always the same plane, repeated over larger pictures, so that an edit can be
    repeated; training shifts it, so that it stands for no place.
    """

    side = 128

    def __init__(self, channels: int, seed: int) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(NUM_CLASSES, channels))
        self.seed = seed

    def forward(self, x: Tensor, planes: Tensor, shift: Tensor | None = None) -> Tensor:
        """x (N, C, h, w) with class shares (N, 19, h, w); `shift` (N, 2) in 0..1, of the plane's side."""
        height, width = x.shape[-2:]
        plane = _plane_of_noise(self.side, self.seed).to(x)
        rows, columns = (torch.arange(length, device=x.device) for length in (height, width))
        if shift is None:
            noise = plane.index_select(2, rows % self.side).index_select(3, columns % self.side)
        else:
            down, right = (shift * self.side).long().unbind(1)
            rows = (down[:, None] + rows) % self.side  # N, h
            columns = (right[:, None] + columns) % self.side
            noise = plane[0, 0][rows[:, :, None], columns[:, None]][:, None]  # N, 1, h, w
        return torch.addcmul(x, place(self.strength.expand(x.shape[0], -1, -1), planes), noise)


@cache
def _plane_of_noise(side: int, seed: int) -> Tensor:
    """(1, 1, side, side) from N(0, 1), always the same numbers."""
    return torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(seed))


class RegionBackbone(nn.Module):
    """Image generation backbone over the one-hot mask: computes at 1/4 to 1/16, ends in pixel-shuffle.

    Args:
        widths: channels at 1/4, 1/8 and 1/16 of the resolution.
        blocks: residual blocks at 1/16.
        kept: whether it can be shown the pixels that an edit keeps.
        half_width: channels at 1/2; a quarter of those at 1/4 by default.
        fine_blocks: residual blocks at 1/8, and as many at 1/4.
        noise: whether noise is added at 1/4 and 1/2.
    """

    def __init__(
        self,
        widths: tuple[int, int, int],
        blocks: int,
        code_dim: int,
        residue_dim: int,
        kept: bool = False,
        half_width: int | None = None,
        fine_blocks: int = 1,
        noise: bool = False,
    ) -> None:
        super().__init__()
        w4, w8, w16 = widths
        local = residue_dim + 1
        self.stem = Conv1x1(NUM_CLASSES * 16, w4)
        self.stem2 = Conv3x3(w4, w4)
        self.down8 = Conv3x3(w4, w8, stride=2)
        self.down16 = Conv3x3(w8, w16, stride=2)
        self.blocks16 = nn.ModuleList(RegionBlock(w16, code_dim, local) for _ in range(blocks))
        self.up8 = Conv1x1(w16, w8)
        self.block8 = RegionBlock(w8, code_dim, local)
        self.up4 = Conv1x1(w8, w4)
        self.block4 = RegionBlock(w4, code_dim, local)
        self.more8 = nn.ModuleList(RegionBlock(w8, code_dim, local) for _ in range(fine_blocks - 1))
        self.more4 = nn.ModuleList(RegionBlock(w4, code_dim, local) for _ in range(fine_blocks - 1))
        w2 = half_width or max(4, w4 // 4)
        self.noise4 = RegionNoise(w4, seed=4) if noise else None
        self.noise2 = RegionNoise(w2, seed=2) if noise else None
        self.up2 = Conv3x3(w4, w2 * 4)
        self.conv2 = Conv3x3(w2, w2)
        self.affine2 = RegionAffine(w2, code_dim, 0)
        self.head = Conv3x3(w2, 3 * 4)
        self.base_colour = nn.Linear(code_dim, 3)
        self.kept = KeptPixels(w4, w2, half_width) if kept else None

    def forward(
        self, mask: Tensor, style: RegionStyle, kept: Tensor | None = None, noise_shift: Tensor | None = None
    ) -> Tensor:
        """Label maps (N, H, W) and styles -> RGB (N, 3, H, W) in [-1, 1]; H, W multiples of `DRAWN_STEP`.

        `kept` (N, 4, H, W) as from `kept_pixels`; a network that can be shown them takes none for "nothing is kept".
        `noise_shift` (N, 2): see `RegionNoise`.
        """
        codes = style.codes
        read = self.read_planes if torch.compiler.is_exporting() else self.read_cells
        read4, planes2, planes4, colours = read(mask, self.base_colour(codes))
        local4 = self.lay_out_residue(style.residue, planes4)  # N, K + 1, H/4, W/4
        layout4 = torch.cat([planes4, local4], 1)  # N, 19 + K + 1, H/4, W/4
        layout8 = F.avg_pool2d(layout4, 2)
        layout16 = F.avg_pool2d(layout8, 2)

        skip4 = self.stem2(F.relu(read4))  # N, w4, H/4, W/4
        if self.kept is not None:
            kept4, kept2 = self.kept.nothing(*mask.shape[1:]) if kept is None else self.kept(kept)
            skip4 = skip4 + kept4
        skip8 = self.down8(F.relu(skip4))  # N, w8, H/8, W/8
        x = self.down16(F.relu(skip8))  # N, w16, H/16, W/16
        for block in self.blocks16:
            x = block(x, codes, layout16)
        x = skip8 + F.interpolate(self.up8(F.relu(x)), scale_factor=2.0, mode="nearest")  # N, w8, H/8, W/8
        for block in (self.block8, *self.more8):
            x = block(x, codes, layout8)
        x = skip4 + F.interpolate(self.up4(F.relu(x)), scale_factor=2.0, mode="nearest")  # N, w4, H/4, W/4
        if self.noise4 is not None:
            x = self.noise4(x, planes4, noise_shift)
        for block in (self.block4, *self.more4):
            x = block(x, codes, layout4)
        # A blur after each pixel-shuffle, as StyleGAN blurs its upsampling: else its 2 x 2 pattern shows.
        x = blurred(F.pixel_shuffle(self.up2(F.relu(x)), 2))  # N, w2, H/2, W/2
        if self.kept is not None:
            x = x + kept2
        if self.noise2 is not None:
            x = self.noise2(x, planes2, noise_shift)
        x = F.relu(self.affine2(self.conv2(F.relu(x)), codes, planes2))
        x = blurred(F.pixel_shuffle(self.head(x), 2))  # N, 3, H, W
        # Every region starts from a colour of its own, sharp at the mask's edges; the network adds the rest.
        return torch.tanh(x + colours)

    def read_cells(self, mask: Tensor, base: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What the network takes from label maps (N, H, W), with a base colour (N, 19, 3) for each class.

        Returns:
            The stem's answer (N, w4, H/4, W/4), the classes' shares (N, 19, H/2, W/2) and (N, 19, H/4, W/4), and the
            base colours laid out (N, 3, H, W).
        """
        ids = mask[:, None].to(torch.uint8)
        cell_ids = F.pixel_unshuffle(ids, 4)  # N, 16, H/4, W/4
        classes = torch.arange(NUM_CLASSES, dtype=torch.uint8, device=mask.device).view(1, -1, 1, 1, 1)
        if draws_on_cpu(base):
            quarters = F.pixel_unshuffle(ids, 2)[:, None]  # N, 1, 4, H/2, W/2
            pixels = sum((quarters[:, :, k] == classes[..., 0]).to(torch.uint8) for k in range(4))  # N, 19, H/2, W/2
            planes2 = pixels.to(base.dtype) / 4
            return self.read(cell_ids, None), planes2, F.avg_pool2d(planes2, 2), self.lay_out_colours(base, mask, None)
        # One-hot planes in cells of 4 x 4 pixels, made from the ids: at full resolution they would take longer to
        # make and to pool than the largest convolution.
        cells = (cell_ids[:, None] == classes).to(base.dtype)  # N, 19, 16, H/4, W/4
        quarters = cells.unflatten(2, (2, 2, 2, 2))  # y and x of a pixel in its cell as (half, quarter) each
        halves = sum(quarters[:, :, :, y, :, x] for y in (0, 1) for x in (0, 1)) / 4  # N, 19, 2, 2, H/4, W/4
        planes2 = F.pixel_shuffle(halves.flatten(1, 3), 2)  # N, 19, H/2, W/2
        return self.read(cell_ids, cells), planes2, cells.mean(2), self.lay_out_colours(base, mask, cells)

    def read_planes(self, mask: Tensor, base: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `read_cells` gives, in a few plain operations on one-hot planes, as exported graphs want it."""
        planes = one_hot(mask, base.dtype)  # N, 19, H, W
        planes2 = F.avg_pool2d(planes, 2)
        weight = self.stem.weight.view(-1, NUM_CLASSES, 4, 4)
        read4 = F.conv2d(planes, weight, self.stem.bias, stride=4)
        return read4, planes2, F.avg_pool2d(planes2, 2), place(base, planes)

    @staticmethod
    def lay_out_colours(colours: Tensor, mask: Tensor, cells: Tensor | None) -> Tensor:
        """Colours (N, 19, 3) of classes, label maps (N, H, W), on GPUs their one-hot cells -> pictures (N, 3, H, W)."""
        if mask.is_cuda:  # the gradient of a gather would add up millions of pixels in 19 places
            return F.pixel_shuffle(place(colours, cells.flatten(2, 3)).unflatten(2, cells.shape[2:4]).flatten(1, 2), 4)
        rows = mask.flatten(1).long()[..., None].expand(-1, -1, 3)
        return colours.gather(1, rows).transpose(1, 2).unflatten(2, mask.shape[1:])

    def read(self, cell_ids: Tensor, cells: Tensor | None) -> Tensor:
        """The stem's 1x1 convolution over one-hot cells (only GPUs need them) -> (N, w4, H/4, W/4).

        Of 304 inputs 16 are ones, so that summing up 16 columns of the weight is ten times quicker on a CPU.
        """
        if cell_ids.is_cuda:
            return self.stem(cells.flatten(1, 2))
        places = torch.arange(cell_ids.shape[1], device=cell_ids.device).view(1, -1, 1, 1)
        columns = cell_ids.long() * cell_ids.shape[1] + places  # N, 16, H/4, W/4
        table = self.stem.weight.flatten(1).T.contiguous()  # 304, w4
        summed = F.embedding_bag(columns.movedim(1, -1).flatten(0, 2), table, mode="sum")  # N * cells, w4
        return (summed + self.stem.bias).unflatten(0, (len(cell_ids), *cell_ids.shape[2:])).movedim(-1, 1)

    @staticmethod
    def lay_out_residue(residue: Tensor, planes4: Tensor) -> Tensor:
        """Residue (N, 19, L, 16, 16), or a prepared one, by the mask's shares (N, 19, h, w) -> (N, L, h, w)."""
        if draws_on_cpu(planes4):  # class by class, which stays in the cache; most masks lack some
            count, _, length = residue.shape[:3]
            laid = planes4.new_zeros(count, length, *planes4.shape[2:])
            interpolate = residue_interpolation(residue, *planes4.shape[-2:])
            for label in planes4.amax((0, 2, 3)).nonzero().flatten().tolist():
                laid.addcmul_(interpolate(residue[:, label : label + 1])[:, 0], planes4[:, label : label + 1])
            return laid
        return (interpolate_residue(residue, *planes4.shape[-2:]) * planes4[:, :, None]).sum(1)
