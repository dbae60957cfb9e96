"""Two generators of the paper's comparison, as large as the `studio` Dense Mapping Network and used like it.

`Pix2PixHDLike` follows Wang et al. (CVPR 2018), `SPADELike` Park et al. (CVPR 2019); both are written anew from the
papers and made smaller. So that a CPU can train them they work at 1/4 to 1/16 of the resolution, as the `studio`
network does: pictures (and, in the first, masks) are read through pixel-unshuffle, results leave through
pixel-shuffle. Parameters and operations of style and one picture at 256 px (2 per multiply and add):

    studio DMN 3.98 M, 4.7 GFLOP; Pix2PixHDLike 3.97 M, 3.5 GFLOP; SPADELike 3.96 M, 4.1 GFLOP.

A style is one vector (N, L) without residue or hidden classes, which is what `style_scope` "vector" tells the trainer.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from maskgan.labels import NUM_CLASSES, one_hot
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.region_backbone import place
from maskgan.styles import VectorStyle

#: Channels of Pix2PixHD's feature map.
FEATURES = 3


def instance_norm(x: Tensor) -> Tensor:
    """Zero mean and unit variance per plane; a group per channel is quicker than F.instance_norm on a CPU."""
    return F.group_norm(x, x.shape[1])


def blur(x: Tensor) -> Tensor:
    """(1 2 1) both ways: hides the 2 x 2 pattern that pixel-shuffle leaves."""
    return F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 2, 1), 2, 1)


class InstanceNormChain(nn.Module):
    """Convolutions, halvings and residual blocks with instance norm, and as many doublings: Pix2PixHD's body.

    Args:
        width: channels at the input's size; they double with each of two halvings.
        blocks: residual blocks at a quarter of the input's size.
    """

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        conv = {"kernel_size": 3, "padding": 1, "bias": False}  # a bias would be cancelled by the norm
        wide = 4 * width
        self.first = nn.Conv2d(width, width, **conv)
        self.downs = nn.ModuleList(nn.Conv2d(width << i, width << (i + 1), stride=2, **conv) for i in (0, 1))
        self.blocks = nn.ModuleList(
            nn.ModuleList((nn.Conv2d(wide, wide, **conv), nn.Conv2d(wide, wide, **conv))) for _ in range(blocks)
        )
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(width << (i + 1), width << i, stride=2, output_padding=1, **conv) for i in (1, 0)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, h, w) to the same shape; h, w multiples of 4, at least 8."""
        for conv in (self.first, *self.downs):
            x = F.relu(instance_norm(conv(x)))
        for conv0, conv1 in self.blocks:
            x = x + instance_norm(conv1(F.relu(instance_norm(conv0(x)))))
        for conv in self.ups:
            x = F.relu(instance_norm(conv(x)))
        return x


class Baseline(ModelMixin, ConfigMixin):
    """What the trainer and the evaluation call, as `DenseMappingNetwork` has it."""

    def encode_style(self, image: Tensor, mask: Tensor) -> VectorStyle:
        """Images (N, 3, H, W), RGB in [-1, 1], and their label maps (N, H, W) -> style (N, L)."""
        raise NotImplementedError

    def generate(self, mask: Tensor, style: VectorStyle) -> Tensor:
        """Label maps (N, H, W) and styles (N, L) -> images (N, 3, H, W), RGB in [-1, 1]."""
        raise NotImplementedError

    def forward(
        self,
        image: Tensor,
        image_mask: Tensor,
        mask: Tensor,
        dropped: Tensor | None = None,
        residue_kept: Tensor | None = None,
    ) -> Tensor:
        """The face of `image` (labelled `image_mask`) in the shapes of `mask`.

        `mask` may hold k masks per image, (k * N, H, W) with all first ones first: the style is encoded once.
        `dropped` and `residue_kept` belong to the `studio` network's training and change nothing here.
        """
        style = self.encode_style(image, image_mask)
        return self.generate(mask, style.repeat(len(mask) // len(image)))


class Pix2PixHDLike(Baseline):
    """Global generator over the one-hot mask and a feature map, with the feature encoder (Wang et al., section 3.4).

    The encoder draws a 3-channel map from the picture, which is averaged over each region: per class here, per
    instance there. The style is that table; `generate` lays it out by the mask that is drawn. For a class that the
    picture lacks the paper samples from clusters of the training set's features; here it is their running mean
    (one cluster), so that results repeat. Training alone, where M = M^t, never meets such a class.

    The first layer has no norm: the instance norms after it would take a feature away that is alike everywhere.

    Args:
        width: channels at 1/4 of the resolution, doubled at 1/8 and 1/16.
        blocks: residual blocks at 1/16.
        encoder_width: channels of the feature encoder at 1/4.
        style_scope: "vector", see above.
    """

    @register_to_config
    def __init__(self, width: int = 64, blocks: int = 3, encoder_width: int = 64, style_scope: str = "vector") -> None:
        super().__init__()
        self.encoder_stem = nn.Conv2d(3 * 16, encoder_width, 1)
        self.encoder = InstanceNormChain(encoder_width, 0)
        self.encoder_head = nn.Conv2d(encoder_width, FEATURES * 16, 3, padding=1)
        half = max(4, width // 4)
        self.stem = nn.Conv2d((NUM_CLASSES + FEATURES) * 16, width, 1)
        self.chain = InstanceNormChain(width, blocks)
        self.up2 = nn.Conv2d(width, half * 4, 3, padding=1)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.head = nn.Conv2d(half, 3 * 4, 3, padding=1)
        self.register_buffer("usual_features", torch.zeros(NUM_CLASSES, FEATURES))

    def encode_style(self, image: Tensor, mask: Tensor) -> VectorStyle:
        """Images (N, 3, H, W) and label maps (N, H, W), multiples of 16 from 32 on -> mean features (N, 19 * 3)."""
        planes = one_hot(mask, image.dtype).flatten(2)  # N, 19, HW
        x = self.encoder(F.relu(self.encoder_stem(F.pixel_unshuffle(image, 4))))  # N, w, H/4, W/4
        features = F.pixel_shuffle(self.encoder_head(x), 4).tanh().flatten(2)  # N, 3, HW
        area = planes.sum(2)[..., None]  # N, 19, 1
        table = planes @ features.transpose(1, 2) / area.clamp(min=1)  # N, 19, 3
        if self.training:
            self.remember(table.detach(), area > 0)
        return VectorStyle(torch.where(area > 0, table, self.usual_features).flatten(1))

    def remember(self, table: Tensor, present: Tensor) -> None:
        """Move the running means towards these features (N, 19, 3) of the classes that are `present` (N, 19, 1)."""
        count = present.sum(0)  # 19, 1
        mean = (table * present).sum(0) / count.clamp(min=1)
        self.usual_features.copy_(torch.where(count > 0, self.usual_features.lerp(mean, 0.01), self.usual_features))

    def generate(self, mask: Tensor, style: VectorStyle) -> Tensor:
        """Label maps (N, H, W), multiples of 16 from 32 on, and styles (N, 57) -> images (N, 3, H, W) in [-1, 1]."""
        planes = one_hot(mask, style.vector.dtype)  # N, 19, H, W
        features = place(style.vector.unflatten(1, (NUM_CLASSES, FEATURES)), planes)  # N, 3, H, W
        x = F.relu(self.stem(F.pixel_unshuffle(torch.cat([planes, features], 1), 4)))  # N, w, H/4, W/4
        x = blur(F.pixel_shuffle(self.up2(self.chain(x)), 2))  # N, w/4, H/2, W/2
        x = F.relu(instance_norm(self.conv2(F.relu(x))))
        return blur(F.pixel_shuffle(self.head(x), 2)).tanh()  # N, 3, H, W


class SPADE(nn.Module):
    """Spatially-adaptive denormalisation: norm(x) * (1 + gamma) + beta, gamma and beta computed from the mask.

    The norm is over each sample's whole map (group norm with one group). The paper's batch norm ties the pictures of a
    batch together; instance norm would wash the style out, which is all in the channels' means.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(8, channels // 4)
        self.read = nn.Conv2d(NUM_CLASSES, hidden, 3, padding=1)
        self.modulate = nn.Conv2d(hidden, 2 * channels, 3, padding=1)

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """Features (N, C, h, w), class shares (N, 19, h, w) -> (N, C, h, w)."""
        gamma, beta = self.modulate(F.relu(self.read(shares))).chunk(2, 1)  # N, C, h, w each
        return torch.addcmul(beta, 1 + gamma, F.group_norm(x, 1))


class SPADEBlock(nn.Module):
    """x + conv(leaky(SPADE(conv(leaky(SPADE(x)))))): the paper's residual block for equal numbers of channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spade0, self.spade1 = SPADE(channels), SPADE(channels)
        self.conv0, self.conv1 = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        h = self.conv0(F.leaky_relu(self.spade0(x, shares), 0.2))
        return x + self.conv1(F.leaky_relu(self.spade1(h, shares), 0.2))


class SPADELike(Baseline):
    """SPADE blocks from 1/16 to 1/2 of the resolution; the style is the vector that the start map is made of.

    Of Park et al. (section 3 and appendix A) with these changes: the mask comes to each scale as class shares; 1x1
    convolutions change the number of channels between the scales, instead of a third SPADE in a block's shortcut; no
    spectral norm. The image encoder gives the vector as it is: their KL term makes it a variable to draw styles
    from without a picture, which nobody needs here and which costs the faithfulness that is compared.

    Args:
        widths: channels at 1/16, 1/8 and 1/4 of the resolution; a quarter of the last at 1/2.
        blocks: SPADE blocks at 1/16 (one at each finer scale).
        encoder_width: channels of the image encoder at 1/4, doubled at 1/8 and 1/16.
        style_dim: length of the style vector.
        style_scope: "vector", see above.
    """

    #: Side of the start map and of the encoder's last one, scaled to 1/16 of the picture.
    START = 4

    @register_to_config
    def __init__(
        self,
        widths: tuple[int, int, int] = (240, 144, 80),
        blocks: int = 2,
        encoder_width: int = 32,
        style_dim: int = 152,
        style_scope: str = "vector",
    ) -> None:
        super().__init__()
        w16, w8, w4 = widths
        w2 = max(4, w4 // 4)
        cells = self.START**2
        self.encoder_stem = nn.Conv2d(3 * 16, encoder_width, 3, padding=1)
        self.encoder_downs = nn.ModuleList(
            nn.Conv2d(encoder_width << i, encoder_width << (i + 1), 3, stride=2, padding=1) for i in (0, 1)
        )
        self.to_style = nn.Linear(4 * encoder_width * cells, style_dim)
        self.start = nn.Linear(style_dim, w16 * cells)
        self.blocks16 = nn.ModuleList(SPADEBlock(w16) for _ in range(blocks))
        self.up8 = nn.Conv2d(w16, w8, 1)
        self.block8 = SPADEBlock(w8)
        self.up4 = nn.Conv2d(w8, w4, 1)
        self.block4 = SPADEBlock(w4)
        self.up2 = nn.Conv2d(w4, w2 * 4, 3, padding=1)
        self.block2 = SPADEBlock(w2)
        self.head = nn.Conv2d(w2, 3 * 4, 3, padding=1)

    def encode_style(self, image: Tensor, mask: Tensor) -> VectorStyle:
        """Images (N, 3, H, W), multiples of 16 from 64 on -> style (N, L). The label maps are not used."""
        x = self.encoder_stem(F.pixel_unshuffle(image, 4))  # N, w, H/4, W/4
        for conv in self.encoder_downs:
            x = conv(F.leaky_relu(x, 0.2))  # N, 4w, H/16, W/16
        x = F.adaptive_avg_pool2d(F.leaky_relu(x, 0.2), self.START)  # N, 4w, 4, 4
        return VectorStyle(self.to_style(x.flatten(1)))

    def generate(self, mask: Tensor, style: VectorStyle) -> Tensor:
        """Label maps (N, H, W), multiples of 16, and styles (N, L) -> images (N, 3, H, W), RGB in [-1, 1]."""
        shares2 = F.avg_pool2d(one_hot(mask, style.vector.dtype), 2)  # N, 19, H/2, W/2
        shares4 = F.avg_pool2d(shares2, 2)
        shares8 = F.avg_pool2d(shares4, 2)
        shares16 = F.avg_pool2d(shares8, 2)
        x = self.start(style.vector).unflatten(1, (-1, self.START, self.START))  # N, w16, 4, 4
        x = F.interpolate(x, size=shares16.shape[-2:], mode="bilinear", align_corners=False)
        for block in self.blocks16:
            x = block(x, shares16)
        x = F.interpolate(self.up8(x), scale_factor=2.0, mode="nearest")  # N, w8, H/8, W/8
        x = self.block8(x, shares8)
        x = F.interpolate(self.up4(x), scale_factor=2.0, mode="nearest")  # N, w4, H/4, W/4
        x = self.block4(x, shares4)
        x = blur(F.pixel_shuffle(self.up2(x), 2))  # N, w4/4, H/2, W/2
        x = self.block2(x, shares2)
        return blur(F.pixel_shuffle(self.head(F.leaky_relu(x, 0.2)), 2)).tanh()  # N, 3, H, W


#: By the name that people type. The default arguments give the size of the `studio` network.
BASELINES: dict[str, type[Baseline]] = {"pix2pixhd": Pix2PixHDLike, "spade": SPADELike}

#: Constructor arguments of networks for tests.
TINY: dict[str, dict] = {
    "pix2pixhd": {"width": 8, "blocks": 1, "encoder_width": 8},
    "spade": {"widths": (8, 8, 8), "blocks": 1, "encoder_width": 4, "style_dim": 8},
}


def load_generator(folder: Path) -> DenseMappingNetwork | Baseline:
    """The generator in a weights folder (safetensors and config.json) in eval mode, whichever of the three it is.

    Raises OSError when there is no such folder or a file of it is missing, ValueError when it holds another network.
    """
    config = folder / "config.json"
    if not config.is_file():
        raise FileNotFoundError(f"{folder} is no weights folder; give one with config.json, such as RUN/weights/dmn.")
    try:
        name = json.loads(config.read_text(encoding="utf-8")).get("_class_name")
    except (ValueError, AttributeError):
        name = None
    for network in (DenseMappingNetwork, *BASELINES.values()):
        if network.__name__ == name:
            return network.from_pretrained(folder).eval()
    raise ValueError(
        f"{folder} holds {name or 'no network that is known'}, which is no generator; give the weights folder of a "
        "Dense Mapping Network or of a baseline."
    )
