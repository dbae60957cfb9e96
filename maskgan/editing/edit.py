"""A face that is ready to be edited, and what came of an edit: immutable values, without networks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from maskgan.editing.compositing import Change, Layers, Overlay
from maskgan.editing.faces import Alignment
from maskgan.editing.tones import Tone
from maskgan.editing.warping import Motion
from maskgan.snapshots import Weights
from maskgan.styles import Style

#: Weights of a face at rest: those of no pipeline, so that every pipeline re-encodes it.
_AT_REST = Weights("at rest")


@dataclass(frozen=True, eq=False)
class Face:
    """A face of a photo, ready for any number of edits; immutable.

    photo: (H, W, 3) uint8 RGB; crop: (S, S, 3) uint8 RGB; mask: (S, S) uint8 class ids; confidence: (S, S)
    float32 in 0..1; style: of the DMN; alignment: position of the crop in the photo; weights: of the networks that the
    style comes from (other pipelines re-encode it, see `MaskGANPipeline.refresh`), None to skip that check. A face at
    rest has no style. quarters: how many quarter turns counterclockwise (`np.rot90`) made the photo upright; drawn: the
    weights of networks that drew in the photo before, None for a photo as it was taken.
    """

    photo: np.ndarray
    crop: np.ndarray
    mask: np.ndarray
    confidence: np.ndarray
    style: Style | None
    alignment: Alignment
    weights: Weights | None = None
    quarters: int = 0
    drawn: Weights | None = None

    @cached_property
    def tone(self) -> Tone | None:
        """The tone of its photo, None for one in colour."""
        return Tone.of(self.crop)

    def at_rest(self) -> Face:
        """This face without its style; `MaskGANPipeline.refresh` restores it."""
        return replace(self, style=None, weights=_AT_REST)


@dataclass(frozen=True, eq=False)
class Edit:
    """The result of an edit.

    crop: (S, S, 3) uint8 RGB; changed: (S, S) bool, where the class differs; region: (S, S) float32 in 0..1, how far
    the result replaces the photo, 0 = the photo's own pixels; change: what is done to the photo, at any resolution;
    motion: how its pixels moved, for an edit that continues this one.
    """

    face: Face
    crop: np.ndarray
    changed: np.ndarray
    region: np.ndarray
    change: Change = field(repr=False)
    motion: Motion | None = field(default=None, repr=False)

    @cached_property
    def replaces(self) -> bool:
        """Whether any pixel is not the photo's own."""
        return bool(self.region.any())

    @cached_property
    def photo(self) -> np.ndarray:
        """The full photo (H, W, 3) uint8 RGB with the edited face; outside the region bit-identical.

        Computed on first access and then kept; read-only.
        """
        photo = self.paste()
        photo.setflags(write=False)
        return photo

    @property
    def weights(self) -> Weights | None:
        """The weights of the networks that made it."""
        return self.face.weights

    def laid_over(self, crop: np.ndarray, over: np.ndarray, region: np.ndarray, detail: np.ndarray) -> Edit:
        """This edit with something laid over its picture.

        Args:
            crop: (S, S, 3) uint8 RGB, the picture with it.
            over: (S, S) bool, what of the crop is resampled into the photo.
            region: (S, S) float32, how far it replaces what was there.
            detail: (S, S) float32, how much of the photo's own fine detail stays.
        """
        region = np.where(over, np.maximum(self.region, region.clip(1 / 255, 1)), self.region)
        change = Layers(self.change, Overlay(crop, over.astype(np.float32), detail.astype(np.float32)))
        return replace(self, crop=crop, region=region, change=change)

    def paste(self, seamless: bool = False) -> np.ndarray:
        """The full photo (H, W, 3) uint8 RGB with the edited face, a new array.

        `seamless` matches colours at the border of a face that was redrawn as a whole, by gradient-domain cloning.
        """
        photo = self.face.photo
        result = self.change.onto(photo, self.face.alignment, seamless)
        return photo.copy() if result is photo else result
