"""Dense Mapping Network (DMN), the generator G_A of MaskGAN section 3.1: I^out = G_A(Enc_style(I^t, M^t), M)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor

from maskgan.labels import NUM_CLASSES, one_hot
from maskgan.networks.global_style import GlobalBackbone, GlobalStyleEncoder
from maskgan.networks.published import PublishedNetwork, load_published
from maskgan.networks.region_backbone import RegionBackbone
from maskgan.networks.region_style import RegionStyleEncoder
from maskgan.styles import Style, VectorStyle

#: Constructor arguments by name. `published` computes what the authors' generator computes; `studio` is bundled;
#: `light` has a third of its operations, to be taught by it (`lab/pretrain_dmn.py --teacher`).
PRESETS: dict[str, dict] = {
    "published": {"style_scope": "vector", "widths": [64], "blocks": 4, "depth": 4, "encoder_width": 16},
    "studio": {
        "style_scope": "region_and_residue",
        "widths": [96, 128, 256],
        "blocks": 2,
        "kept": True,
        "half_width": 32,
        "fine_blocks": 2,
        "noise": True,
    },
    "light": {
        "style_scope": "region_and_residue",
        "widths": [64, 96, 192],
        "blocks": 1,
        "kept": True,
        "half_width": 16,
        "fine_blocks": 1,
        "noise": True,
    },
    "tiny": {
        "widths": [8, 8, 8],
        "blocks": 1,
        "encoder_width": 8,
        "code_dim": 8,
        "residue_dim": 4,
        "kept": True,
        "half_width": 8,
        "fine_blocks": 2,
        "noise": True,
    },
}


class DenseMappingNetwork(ModelMixin, ConfigMixin):
    """Style encoder and image generation backbone.

    Args:
        style_scope: "vector" is the published network (one style vector, `global_style.py`); "region",
            "region_and_residue" and "global" are the studio network (`region_style.py`), the last with the same
            code for every class, for comparison.
        widths: channels; the first alone for "vector", at 1/4, 1/8, 1/16 of the resolution otherwise.
        blocks: residual blocks with AdaIN at the lowest resolution.
        depth: halvings of the published backbone.
        encoder_width: channels of the style encoder.
        code_dim, residue_dim: sizes of a region's style.
        kept: whether the studio network can be shown the pixels that an edit keeps (`kept_pixels.py`).
        half_width, fine_blocks, noise: of the studio network; see `RegionBackbone`.
    """

    @register_to_config
    def __init__(
        self,
        style_scope: str = "region_and_residue",
        widths: Sequence[int] = (64, 128, 256),
        blocks: int = 2,
        depth: int = 4,
        encoder_width: int = 64,
        code_dim: int = 96,
        residue_dim: int = 16,
        kept: bool = False,
        half_width: int | None = None,
        fine_blocks: int = 1,
        noise: bool = False,
    ) -> None:
        super().__init__()
        if kept and style_scope == "vector":
            raise ValueError(
                "The published network cannot be shown kept pixels; leave `kept` out with style_scope vector."
            )
        if style_scope == "vector":
            self.backbone = GlobalBackbone(widths[0], depth, blocks)
            self.style_encoder = GlobalStyleEncoder(self.backbone.style_dim, encoder_width)
        elif style_scope in ("global", "region", "region_and_residue"):
            self.style_encoder = RegionStyleEncoder(encoder_width, code_dim, residue_dim, style_scope)
            self.backbone = RegionBackbone(
                tuple(widths), blocks, code_dim, residue_dim, kept, half_width, fine_blocks, noise
            )
        else:
            raise ValueError(f"Unknown style_scope {style_scope!r}: use vector, global, region or region_and_residue.")

    @classmethod
    def preset(cls, name: str) -> DenseMappingNetwork:
        """A network with random weights in one of the configurations of `PRESETS`."""
        return cls(**PRESETS[name])

    @classmethod
    def from_published(cls, path: str | Path) -> DenseMappingNetwork:
        """The authors' generator, from a file of their weights (.pth or .safetensors), in eval mode.

        Raises ValueError when the file holds another network, OSError when it cannot be opened.
        """
        return cls.of_published(load_published(path), Path(path).name)

    @classmethod
    def of_published(cls, network: PublishedNetwork, name: str) -> DenseMappingNetwork:
        """The authors' generator, from tensors that were read from a file of this name, in eval mode.

        Raises ValueError when they are another network's.
        """
        if network.kind != "dense_mapping" or network.config["num_classes"] != NUM_CLASSES:
            raise ValueError(
                f"{name} is not the published generator for {NUM_CLASSES} classes; "
                "choose the file of the generator (latest_net_G.pth)."
            )
        sizes = network.config
        model = cls("vector", [sizes["width"]], sizes["blocks"], sizes["depth"], sizes["style_width"])
        model.load_state_dict(network.state_dict)
        return model.eval()

    def encode_style(
        self, image: Tensor, mask: Tensor, dropped: Tensor | None = None, known: Tensor | None = None
    ) -> Style:
        """Enc_style: images (N, 3, H, W), RGB in [-1, 1], and their label maps (N, H, W) -> style, a value.

        The studio network only: `dropped` (N, 19), in training, classes whose code is hidden; `known`
        (N, 1, H, W) 0/1, the pixels that the residue is taken from, all of them without it.
        """
        planes = one_hot(mask, image.dtype)
        if self.config.style_scope == "vector":
            return VectorStyle(self.style_encoder(image, planes))
        return self.style_encoder(image, planes, dropped, known)

    def generate(
        self, mask: Tensor, style: Style, kept: Tensor | None = None, noise_shift: Tensor | None = None
    ) -> Tensor:
        """G_A's backbone: label maps (N, H, W) and a style -> images (N, 3, H, W), RGB in [-1, 1].

        Args:
            mask: M; H and W multiples of `DRAWN_STEP` for the studio network, which need not be alike.
            style: of the whole face crop; for a window of it see `RegionStyle.window`.
            kept: what `kept_pixels` makes of the photo, (N, 4, H, W). Without it the paper's network: all is redrawn.
            noise_shift: (N, 2) in 0..1, in training of the studio network: where its noise begins.

        Raises:
            ValueError: for `kept` and a network that was not made for it.
        """
        if kept is not None and not self.config.kept:
            raise ValueError("This network cannot be shown kept pixels; use weights whose config.json says kept.")
        if self.config.style_scope == "vector":
            return self.backbone(one_hot(mask, style.vector.dtype), style.vector)
        return self.backbone(mask, style, kept, noise_shift)

    def with_kept(self) -> DenseMappingNetwork:
        """A copy that can be shown kept pixels and draws what this one draws until it has learned to use them.

        Raises:
            ValueError: for the published network.
        """
        copy = type(self).from_config(self.config, kept=True)
        missing, unexpected = copy.load_state_dict(self.state_dict(), strict=False)
        if unexpected or any(not name.startswith("backbone.kept.") for name in missing):
            raise ValueError("The weights do not belong to this network.")
        return copy.to(self.device)

    def forward(
        self,
        image: Tensor,
        image_mask: Tensor,
        mask: Tensor,
        dropped: Tensor | None = None,
        residue_kept: Tensor | None = None,
        known: Tensor | None = None,
        window: Tensor | None = None,
        kept: Tensor | None = None,
        noise_shift: Tensor | None = None,
    ) -> Tensor:
        """G_A(I^t, M^t, M): the face of `image` (labelled `image_mask`) in the shapes of `mask`.

        `mask` may hold k masks per image, (k * N, H, W) with all first ones first: the style is encoded once. `kept`
        has a row for each mask. Training of the studio network only: `dropped` and `known` as in `encode_style`;
        `residue_kept` (N,) scales each sample's residue, 0 leaves a style without any place; `window` (N, 3): top,
        left and side of the part of the crop that the masks show; `noise_shift` as in `generate`.
        """
        style = self.encode_style(image, image_mask, dropped, known)
        if residue_kept is not None:
            style = style.scale_residue(residue_kept)
        if window is not None:
            style = style.window(*window.unbind(1))
        return self.generate(mask, style.repeat(len(mask) // len(image)), kept, noise_shift)
