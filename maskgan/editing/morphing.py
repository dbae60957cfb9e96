"""Morphing between two faces through MaskVAE's latent space, and random variations of a mask. Figure 4.

`Morph.between` encodes both ends once; each mask then costs one decoder pass, and each face one generator pass more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from maskgan.editing.engine import Engine, most_probable, resize_planes
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import check_mask
from maskgan.mask_files import resize_mask
from maskgan.snapshots import Weights
from maskgan.styles import Style

#: lambda_inter of MaskGAN's Algorithm 1.
LAMBDA_INTER = 2.5

#: t may leave 0..1 by as far as EBST's outer mask is from the target.
T_MIN, T_MAX = -1 / LAMBDA_INTER, 1 + 1 / LAMBDA_INTER

#: Which end a face takes its style from.
STYLES = ("a", "b", "blend")

#: Distance in t from an end at which the detail of its mask that MaskVAE does not reconstruct has faded out, before
#: shapes have moved far.
_FADE = 0.12
#: Margin in logits by which the end's own classes win at the end itself.
_LEAD = 2.0

#: Noise of amount 1, in standard deviations of q(z | M). With the bundled weights the latents of different faces vary
#: about ten times as much as the posterior of one face, in nearly every dimension.
_SPREAD = 10.0


@dataclass(frozen=True, eq=False, repr=False)
class LatentLine:
    """The two encoded ends of a `Morph`: a value that holds no network.

    mask_a, mask_b: label maps (S, S) uint8; style_a, style_b: styles of the pipeline's DMN, or None; z: (2,
    latent_dim), the latents of both masks; deviation: (latent_dim,), standard deviation of q(z | mask_a); boosts:
    (S, S) each, see `_boost`; weights: of the networks that encoded the ends.
    """

    mask_a: np.ndarray
    mask_b: np.ndarray
    style_a: Style | None
    style_b: Style | None
    z: np.ndarray
    deviation: np.ndarray
    boosts: tuple[np.ndarray, np.ndarray]
    weights: Weights


@dataclass(frozen=True, eq=False, repr=False)
class Morph:
    """A line in latent space between two masks (t = 0 and t = 1), with the styles of one face or two."""

    pipeline: MaskGANPipeline
    line: LatentLine

    @classmethod
    def between(
        cls,
        pipeline: MaskGANPipeline,
        mask_a: np.ndarray,
        mask_b: np.ndarray,
        style_a: Style | None = None,
        style_b: Style | None = None,
    ) -> Morph:
        """Encode both ends.

        Args:
            pipeline: one with a MaskVAE.
            mask_a, mask_b: square label maps (S, S) with values 0..18, of one size.
            style_a, style_b: from `pipeline.prepare(...).style` or `pipeline.encode_style`; needed for `face_at`.

        Raises:
            ValueError: the pipeline has no MaskVAE, or a mask cannot be used.
        """
        engine = pipeline.engine
        if engine.mask_size is None:
            raise ValueError("These weights hold no MaskVAE, which interpolation needs; use weights that do.")
        masks = check_mask(mask_a), check_mask(mask_b)
        if masks[0].shape != masks[1].shape or masks[0].shape[0] != masks[0].shape[1]:
            (height_a, width_a), (height_b, width_b) = (mask.shape for mask in masks)
            raise ValueError(
                f"Both masks must be square and of one size, but A has {width_a} x {height_a} pixels and B "
                f"{width_b} x {height_b}; resize one of them."
            )
        small = np.stack([resize_mask(mask, (engine.mask_size,) * 2) for mask in masks])
        mean, logvar = engine.encode_mask(small)
        boosts = [_boost(_logits(engine, z, len(masks[0])), mask) for z, mask in zip(mean, masks, strict=True)]
        deviation = np.exp(logvar[0] / 2)
        line = LatentLine(*masks, style_a, style_b, mean, deviation, (boosts[0], boosts[1]), pipeline.weights)
        return cls(pipeline, line)

    def mask_at(self, t: float) -> np.ndarray:
        """The mask (S, S) uint8 at z = (1 - t) * z_a + t * z_b, with classes of the two ends only.

        At t = 0 and t = 1 it is the end's own mask. MaskVAE reconstructs masks more smoothly than people and parsers
        draw them; the detail that it loses fades out gradually as t moves away from the end.

        Raises ValueError when t is outside T_MIN..T_MAX.
        """
        line = self.line
        z = line.z[0] + np.float32(_checked(t)) * (line.z[1] - line.z[0])
        logits = _logits(self.pipeline.engine, z, len(line.mask_a))
        for mask, boost, end in ((line.mask_a, line.boosts[0], 0), (line.mask_b, line.boosts[1], 1)):
            share = 1 - abs(t - end) / _FADE
            if share > 0:
                for label in np.unique(mask):
                    logits[label] += np.float32(share) * boost * (mask == label)
        return _most_probable(logits, line.mask_a, line.mask_b)

    def style_at(self, t: float, style: str = "blend") -> Style:
        """The style at t: that of end "a", of end "b", or "blend" for the blend of both at t (clamped to 0..1).

        Raises ValueError when t is outside T_MIN..T_MAX, the name is unknown, or the style was not given.
        """
        t = min(max(_checked(t), 0.0), 1.0)
        if style not in STYLES:
            raise ValueError(f"There is no style {style!r}; choose from {', '.join(STYLES)}.")
        styles = {"a": self.line.style_a, "b": self.line.style_b}
        missing = [name for name, value in styles.items() if style in (name, "blend") and value is None]
        if missing:
            raise ValueError(f"There is no face at {missing[0].upper()} to take a style from; choose the other style.")
        if style == "blend":
            return styles["a"].blend(styles["b"], t)
        return styles[style]

    def face(self, mask: np.ndarray, style: Style) -> np.ndarray:
        """A face (S, S, 3) uint8 RGB in the shapes of a mask (S, S), drawn by the DMN as a whole."""
        return self.pipeline.generate(mask, style).round().clip(0, 255).astype(np.uint8)

    def face_at(self, t: float, style: str = "blend") -> np.ndarray:
        """The face (S, S, 3) uint8 RGB for `mask_at(t)` in `style_at(t, style)`; raises what these raise."""
        return self.face(self.mask_at(t), self.style_at(t, style))

    def near(self, amount: float, seed: int) -> np.ndarray:
        """A random variation (S, S) uint8 of mask A with A's classes: noise on z_a scaled by the deviation of q(z | A).

        Args:
            amount: 0 gives MaskVAE's reconstruction of A, 1 is about the distance between two faces.
            seed: the same seed gives the same mask.

        Raises ValueError when the amount is negative or not finite.
        """
        if not (math.isfinite(amount) and amount >= 0):
            raise ValueError(f"The amount of change must be 0 or more, not {amount:g}.")
        line = self.line
        noise = np.random.default_rng(seed).standard_normal(line.z.shape[1], np.float32)
        z = line.z[0] + np.float32(amount * _SPREAD) * line.deviation * noise
        return _most_probable(_logits(self.pipeline.engine, z, len(line.mask_a)), line.mask_a)


def frame_places(count: int, start: float = 0.0, end: float = 1.0) -> list[float]:
    """`count` values of t in equal steps from `start` to `end` inclusive.

    Raises ValueError when `count` is below 2, or an end is outside T_MIN..T_MAX.
    """
    if count < 2:
        raise ValueError(f"A sequence needs at least 2 frames, not {count}.")
    return np.linspace(_checked(start), _checked(end), count).tolist()


def _checked(t: float) -> float:
    if not T_MIN - 1e-6 <= t <= T_MAX + 1e-6:  # also refuses NaN
        raise ValueError(f"The place on the line goes from {T_MIN:g} to {T_MAX:g}, not {t:g}.")
    return t


def _logits(engine: Engine, z: np.ndarray, size: int) -> np.ndarray:
    """Logits (19, size, size), a new array, at z (latent_dim)."""
    return np.array(resize_planes(engine.decode_mask(z[None])[0], size))


def _boost(logits: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(S, S): what to add to the logits (19, S, S) of the mask's own classes for them to win; 0 where they win."""
    own = np.take_along_axis(logits, mask[None].astype(np.int64), 0)[0]
    best, value = most_probable(logits, len(mask))
    return np.where(best == mask, np.float32(0), value - own + np.float32(_LEAD))


def _most_probable(logits: np.ndarray, *masks: np.ndarray) -> np.ndarray:
    """The most probable mask (S, S) uint8 for logits (19, S, S), restricted to classes that occur in `masks`."""
    return most_probable(logits, logits.shape[-1], np.unique(np.stack(masks)))[0]
