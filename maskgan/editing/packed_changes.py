"""What was done to a photo that is put aside: only the parts of its planes that count there.

A face that was left for another photo is kept with its change, so that it comes back as it was, and an overlay alone
has three planes of the whole crop. Here they take a tenth of the memory, and the photo changes by the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.completion import Completion
from maskgan.editing.compositing import Change, Layers, Overlay, Patch, PlannedLater, Retouch
from maskgan.editing.faces import Alignment, part_seen
from maskgan.editing.flows import moves
from maskgan.editing.hairdressing import Hairpieces
from maskgan.editing.hat_grain import HatGrain
from maskgan.editing.texture import Grain
from maskgan.editing.windows import Window
from maskgan.quick_edits.hairpieces import Worn
from maskgan.quick_edits.regions import box_of

#: Rows and columns of a part of a plane.
_Box = tuple[slice, slice]

_NONE = slice(0, 0), slice(0, 0)


class Part(NamedTuple):
    """A plane of `shape` (h, w, ...) that is `rest` everywhere but in a part."""

    part: np.ndarray
    box: _Box
    shape: tuple[int, ...]
    rest: float = 0

    @classmethod
    def of(cls, plane: np.ndarray, box: _Box, rest: float = 0) -> Part:
        """A copy of a part of a plane."""
        return cls(plane[box].copy(), box, plane.shape, rest)

    @classmethod
    def of_weight(cls, weight: np.ndarray) -> Part:
        """A plane (h, w) of what is nowhere below 0, as a whole."""
        return cls.of(weight, box_of(weight > 0))

    def plane(self) -> np.ndarray:
        """The plane, with `rest` where it was left out."""
        plane = np.full(self.shape, self.rest, self.part.dtype)
        plane[self.box] = self.part
        return plane


class _File(NamedTuple):
    """A label map or a picture (h, w, ...) uint8 as a PNG."""

    file: bytes

    @classmethod
    def of(cls, plane: np.ndarray) -> _File:
        return cls(cv2.imencode(".png", plane, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())

    def plane(self) -> np.ndarray:
        return cv2.imdecode(np.frombuffer(self.file, np.uint8), cv2.IMREAD_UNCHANGED)


class PackedPatch(NamedTuple):
    """A `Patch` whose planes are parts; `grain` is planned."""

    picture: Part
    alpha: Part
    window: Window
    grain: tuple[Grain, Part] | None
    ground: tuple[Completion, Part] | None  # like `grain` without `share`, which comes second

    @classmethod
    def of(cls, patch: Patch, alignment: Alignment) -> PackedPatch:
        """A patch of a crop that lies at `alignment`."""
        box = _read(patch.alpha, alignment.window(*patch.window[:3]))
        grain, ground = (
            None if detail is None else (detail._replace(share=None), Part.of(detail.share, box))
            for detail in (patch.grain, patch.ground)
        )
        return cls(Part.of(patch.picture, box), Part.of_weight(patch.alpha), patch.window, grain, ground)

    def unpacked(self) -> Patch:
        """The patch, as far as it can be seen."""
        grain, ground = (
            None if detail is None else detail[0]._replace(share=detail[1].plane())
            for detail in (self.grain, self.ground)
        )
        return Patch(self.picture.plane(), self.alpha.plane(), self.window, PlannedLater(grain=grain), ground)


class PackedRetouch(NamedTuple):
    """A `Retouch` whose planes are parts."""

    flow: Part | None
    patches: tuple[PackedPatch, ...]

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """See `Change`."""
        flow = None if self.flow is None else self.flow.plane()
        return Retouch(flow, tuple(patch.unpacked() for patch in self.patches)).onto(photo, alignment, seamless)


class PackedOverlay(NamedTuple):
    """An `Overlay` whose planes are parts."""

    crop: Part
    region: Part
    detail: Part

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """See `Change`."""
        return Overlay(*(part.plane() for part in self)).onto(photo, alignment, seamless)


class PackedHairpieces(NamedTuple):
    """`Hairpieces` whose planes are files."""

    worn: tuple[Worn, ...]
    mask: _File
    own: _File
    photo: _File

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """See `Change`."""
        planes = (file.plane() for file in self[1:])
        return Hairpieces(self.worn, *planes).onto(photo, alignment, seamless)


class PackedHatGrain(NamedTuple):
    """A `HatGrain` whose plane is a part."""

    amount: Part

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """See `Change`."""
        return HatGrain(self.amount.plane()).onto(photo, alignment, seamless)


def packed_change(change: Change, alignment: Alignment) -> Change:
    """A change that does the same, bit for bit, to photos in which the crop lies at `alignment`."""
    if isinstance(change, Layers):
        return Layers(packed_change(change.first, alignment), packed_change(change.second, alignment))
    if isinstance(change, Retouch):
        flow = None if change.flow is None else Part.of(change.flow, box_of(moves(change.flow)))
        return PackedRetouch(flow, tuple(PackedPatch.of(patch, alignment) for patch in change.patches))
    if isinstance(change, Overlay):
        box = _read(change.region, alignment)
        detail = Part.of(change.detail, box, 1)
        return PackedOverlay(Part.of(change.crop, box), Part.of_weight(change.region), detail)
    if isinstance(change, Hairpieces):
        return PackedHairpieces(change.worn, *map(_File.of, change[1:]))
    if isinstance(change, HatGrain):
        return PackedHatGrain(Part.of_weight(change.amount))
    return change


def _read(weight: np.ndarray, alignment: Alignment) -> _Box:
    """Rows and columns of a crop (n, n) that are read where it lies over a photo with a weight (n, n)."""
    rows, columns = box_of(weight > 0)
    size = len(weight)
    window = alignment.photo_window((columns.start - 1, rows.start - 1, columns.stop + 1, rows.stop + 1), size)
    if rows.start == rows.stop or window is None:
        return _NONE
    shape = window[0].stop - window[0].start, window[1].stop - window[1].start
    return part_seen(alignment.from_window(window, size), shape, weight.shape)
