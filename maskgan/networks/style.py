"""The interface of styles, whichever network they belong to.

A style is the appearance of a face apart from its shapes: an immutable value (a NamedTuple of tensors) for a batch of N
faces, encoded by one network. `VectorStyle` in `global_style.py` is the paper's, `RegionStyle` in `region_style.py` the
studio network's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from torch import Tensor


class Style(Protocol):
    """Operations on styles; all of them return a new value, and all styles involved are of one network.

    Classes are ids 0..18. A style without per-class codes applies an operation to the whole face; a style without a
    residue (spatial detail) returns itself where only the residue would change.
    """

    def repeat(self, times: int) -> Style:
        """The batch repeated as a whole: N faces become times * N."""

    def blend(self, other: Style, t: float) -> Style:
        """The style at t (0..1) of the way to `other`. A class that only one face has keeps that face's code."""

    def take_classes(self, source: Style, lenders: Mapping[int, int], strength: float) -> Style:
        """This style, moved by `strength` (0..1) towards the source's in some classes.

        `lenders`: class of this style -> class of the source whose code it takes.
        """

    def without_residue(self, classes: Collection[int] | None = None) -> Style:
        """This style without its spatial detail, in some classes or (None) in all."""

    def scale_residue(self, factors: Tensor) -> Style:
        """This style with each face's residue times its factor; `factors`: (N,)."""

    def prepared(self, size: int) -> Style:
        """This style with all work done that drawing several pictures of size x size pixels shares."""

    def window(
        self, top: float | Tensor, left: float | Tensor, height: float | Tensor, width: float | Tensor | None = None
    ) -> Style:
        """This style for drawing a window of the crop that it was encoded from.

        Args:
            top, left: the window's upper left corner in fractions (0..1) of the crop's sides; numbers, or (N,).
            height, width: of the window, in the same units; without `width` the window is a square.
        """
