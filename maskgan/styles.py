"""Styles: the appearance of a face apart from its shapes, as immutable values that a network encodes and draws with.

A style is a NamedTuple of arrays for a batch of N faces: tensors of the network that encoded it, or NumPy arrays where
ONNX Runtime runs the networks. The operations are the same for both, so nothing here needs torch. `VectorStyle` is the
paper's (`maskgan.networks.global_style`), `RegionStyle` the studio network's (`maskgan.networks.region_style`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from maskgan.labels import NUM_CLASSES

if TYPE_CHECKING:
    from torch import Tensor

    Array = np.ndarray | Tensor


class Style(Protocol):
    """Operations on styles; all of them return a new value, and all styles involved are of one network.

    Classes are ids 0..18. A style without per-class codes applies an operation to the whole face; a style without a
    residue (spatial detail) returns itself where only the residue would change.
    """

    def repeat(self, times: int) -> Style:
        """The batch (of tensors) repeated as a whole: N faces become times * N."""

    def blend(self, other: Style, t: float) -> Style:
        """The style at t (0..1) of the way to `other`. A class that only one face has keeps that face's code."""

    def take_classes(self, source: Style, lenders: Mapping[int, int], strength: float) -> Style:
        """This style, moved by `strength` (0..1) towards the source's in some classes.

        `lenders`: class of this style -> class of the source whose code it takes.
        """

    def without_residue(self, classes: Collection[int] | None = None) -> Style:
        """This style without its spatial detail, in some classes or (None) in all."""

    def scale_residue(self, factors: Array) -> Style:
        """This style with each face's residue times its factor; `factors`: (N,)."""

    def prepared(self, size: int) -> Style:
        """This style (of tensors) with all work done that drawing several pictures of size x size pixels shares."""

    def window(
        self, top: float | Array, left: float | Array, height: float | Array, width: float | Array | None = None
    ) -> Style:
        """This style for drawing a window of the crop that it was encoded from.

        Args:
            top, left: the window's upper left corner in fractions (0..1) of the crop's sides; numbers, or (N,).
            height, width: of the window, in the same units; without `width` the window is a square.
        """


class VectorStyle(NamedTuple):
    """One vector for the whole picture, (N, L); see `Style` for the operations."""

    vector: Array

    def repeat(self, times: int) -> VectorStyle:
        """The batch repeated as a whole: (times * N, L)."""
        return VectorStyle(self.vector.repeat(times, 1))

    def blend(self, other: VectorStyle, t: float) -> VectorStyle:
        """The vector at t (0..1) of the way to `other`."""
        return VectorStyle(_between(self.vector, other.vector, t))

    def take_classes(self, source: VectorStyle, lenders: Mapping[int, int], strength: float) -> VectorStyle:
        """A vector does not tell classes apart: all of it moves by `strength` (0..1) towards the source's."""
        return self.blend(source, strength)

    def without_residue(self, classes: Collection[int] | None = None) -> VectorStyle:
        """This style as it is: nothing in it is tied to a place."""
        return self

    def scale_residue(self, factors: Array) -> VectorStyle:
        """This style as it is: it has no residue."""
        return self

    def prepared(self, size: int) -> VectorStyle:
        """This style as it is: it serves pictures of every size."""
        return self

    def window(
        self, top: float | Array, left: float | Array, height: float | Array, width: float | Array | None = None
    ) -> VectorStyle:
        """This style as it is: nothing in it is tied to a place."""
        return self


class RegionStyle(NamedTuple):
    """A code per class and a coarse residue; see `Style` for the operations.

    codes: (N, 19, code_dim), one code per class; classes that the source lacks have a completed one.
    present: (N, 19) 1 where the source has the class, else 0.
    residue: (N, 19, residue_dim + 1, 16, 16), deviation from the code per class and cell; the last channel
        says how much of the class was present (0..1). In a `prepared` style it has a quarter of the picture's size.
    """

    codes: Array
    present: Array
    residue: Array

    def repeat(self, times: int) -> RegionStyle:
        """The batch repeated as a whole: N faces become times * N."""
        return RegionStyle(*(part.repeat(times, *(1,) * (part.ndim - 1)) for part in self))

    def blend(self, other: RegionStyle, t: float) -> RegionStyle:
        """The style at t (0..1) of the way to `other`, both of one face or of equally many.

        Codes of classes that both have are interpolated, a class that one has keeps its code, and the residue is
        interpolated. What t = 0 draws for classes of this style is this style's.
        """
        only_here, only_there = self.present * (1 - other.present), other.present * (1 - self.present)
        here, there = only_here[..., None], only_there[..., None]
        codes = _between(self.codes, other.codes, t) * (1 - here - there) + self.codes * here + other.codes * there
        return RegionStyle(codes, self.present + only_there, _between(self.residue, other.residue, t))

    def take_classes(self, source: RegionStyle, lenders: Mapping[int, int], strength: float) -> RegionStyle:
        """Codes of the classes in `lenders` moved by `strength` (0..1) towards those of the source's classes."""
        taken = self._marked(lenders)[None, :, None]
        order = [lenders.get(c, c) for c in range(NUM_CLASSES)]
        moved = _between(self.codes, source.codes[:, order], strength)
        return self._replace(codes=self.codes * (1 - taken) + moved * taken)

    def without_residue(self, classes: Collection[int] | None = None) -> RegionStyle:
        """The residue set to zero in these classes, or (None) in all."""
        if classes is None:
            return self._replace(residue=self.residue * 0)
        return self._replace(residue=self.residue * (1 - self._marked(classes))[None, :, None, None, None])

    def scale_residue(self, factors: Array) -> RegionStyle:
        """Each face's residue times its factor, (N,)."""
        return self._replace(residue=self.residue * factors.reshape(-1, 1, 1, 1, 1))

    def prepared(self, size: int) -> RegionStyle:
        """The residue (a tensor) interpolated to size / 4 once, for many pictures of size x size pixels."""
        from maskgan.networks.region_style import interpolate_residue

        return self._replace(residue=interpolate_residue(self.residue, size // 4, size // 4))

    def window(
        self, top: float | Array, left: float | Array, height: float | Array, width: float | Array | None = None
    ) -> RegionStyle:
        """The style for drawing a window of the crop that it was encoded from: its residue is cropped to that window.

        Args:
            top, left: the window's upper left corner in fractions (0..1) of the crop's sides; a number, or one per
                face, (N,).
            height, width: of the window, likewise; without `width` the window is a square.
        """
        rows = _window_of_cells(self.residue, top, height)  # N or 1, cells, cells
        columns = _window_of_cells(self.residue, left, height if width is None else width)
        return self._replace(residue=rows[:, None, None] @ self.residue @ columns[:, None, None].swapaxes(-1, -2))

    def _marked(self, classes: Collection[int]) -> Array:
        """(19,): 1 for these classes, else 0."""
        return _like(self.codes, [float(c in classes) for c in range(NUM_CLASSES)])


def _like(array: Array, values: object) -> Array:
    """Numbers, or an array of them, as an array of the kind, type and place of another one."""
    if isinstance(array, np.ndarray):
        return np.asarray(values, array.dtype)
    return values.to(array) if hasattr(values, "to") else array.new_tensor(values)


def _between(one: Array, other: Array, t: float) -> Array:
    """Linear interpolation, exact at both ends."""
    return one + t * (other - one) if t < 0.5 else other - (1 - t) * (other - one)


def _window_of_cells(residue: Array, start: float | Array, size: float | Array) -> Array:
    """Weights (N or 1, cells, cells) that interpolate a window's rows of cells linearly from those of the whole."""
    cells = residue.shape[-1]
    start, size = (_like(residue, value).reshape(-1, 1) for value in (start, size))
    own = _like(residue, [float(cell) for cell in range(cells)])
    centres = (start + size * (own + 0.5) / cells) * cells - 0.5  # N, cells: where the window's cells lie
    return (1 - abs(centres.clip(0, cells - 1)[..., None] - own)).clip(0)
