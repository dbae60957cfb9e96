"""Edits put aside: only the part of a face in which they change it, so that many of them take little memory.

A stroke changes some hundredths of the pixels, and an edit holds seven planes of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from maskgan.editing.compositing import Layers, Overlay, Patch, Retouch
from maskgan.editing.edit import Edit, Face
from maskgan.editing.flows import moves
from maskgan.editing.hairdressing import Hairpieces
from maskgan.editing.hat_grain import HatGrain
from maskgan.editing.warping import Motion
from maskgan.images import differs
from maskgan.quick_edits.regions import box_of

#: Rows and columns of a part of a face.
_Box = tuple[slice, slice]


def _part(plane: np.ndarray, box: _Box) -> np.ndarray:
    return plane[box].copy()


def _whole(part: np.ndarray, box: _Box, ground: np.ndarray) -> np.ndarray:
    """A copy of a ground (S, S, ...) with a part of it replaced."""
    plane = ground.copy()
    plane[box] = part
    return plane


class _Laid(NamedTuple):
    """Of an `Overlay` of the edit's own crop: `region` and `detail` in the part."""

    region: np.ndarray
    detail: np.ndarray


@dataclass(frozen=True, eq=False)
class PackedEdit:
    """An edit made of the photo, and what is laid over it, in the part where it changes anything.

    crop, changed, region, mask, flow: of the edit and its motion, in the part; moved: whether the photo is moved by
    that flow; layers: what is laid over it, in order.
    """

    face: Face
    box: _Box
    crop: np.ndarray
    changed: np.ndarray
    region: np.ndarray
    mask: np.ndarray
    flow: np.ndarray
    moved: bool
    patches: tuple[Patch, ...]
    layers: tuple[Hairpieces | HatGrain | _Laid, ...]  # of a `HatGrain` the part, too

    @classmethod
    def of(cls, edit: Edit) -> PackedEdit | None:
        """An edit packed; None for one of another kind, such as a face that was redrawn as a whole."""
        change, layers = edit.change, []
        while isinstance(change, Layers):
            layers.insert(0, change.second)
            change = change.first
        if not isinstance(change, Retouch) or edit.motion is None:
            return None
        face, motion = edit.face, edit.motion
        if change.flow is not None and change.flow is not motion.flow:
            return None
        touched = differs(edit.crop, face.crop) | edit.changed | (edit.region != 0)
        touched |= (motion.mask != face.mask) | moves(motion.flow)
        for layer in layers:
            if isinstance(layer, Overlay) and layer.crop is edit.crop:
                touched |= (layer.region != 0) | (layer.detail != 1)
            elif isinstance(layer, HatGrain):
                touched |= layer.amount != 0
            elif not isinstance(layer, Hairpieces):
                return None
        box = box_of(touched)
        planes = (edit.crop, edit.changed, edit.region, motion.mask, motion.flow)

        def packed(layer: Hairpieces | HatGrain | Overlay) -> Hairpieces | HatGrain | _Laid:
            if isinstance(layer, Overlay):
                return _Laid(_part(layer.region, box), _part(layer.detail, box))
            return HatGrain(_part(layer.amount, box)) if isinstance(layer, HatGrain) else layer

        moved = change.flow is not None
        return cls(
            face, box, *(_part(plane, box) for plane in planes), moved, change.patches, tuple(map(packed, layers))
        )

    def unpacked(self) -> Edit:
        """The edit again, equal in all pixels."""
        face, box, shape = self.face, self.box, self.face.mask.shape
        nothing = np.zeros(shape, np.float32)
        crop, region = _whole(self.crop, box, face.crop), _whole(self.region, box, nothing)
        motion = Motion(_whole(self.mask, box, face.mask), _whole(self.flow, box, np.zeros((*shape, 2), np.float32)))
        change = Retouch(motion.flow if self.moved else None, self.patches)
        for layer in self.layers:
            if isinstance(layer, _Laid):
                detail = _whole(layer.detail, box, np.ones(shape, np.float32))
                layer = Overlay(crop, _whole(layer.region, box, nothing), detail)
            elif isinstance(layer, HatGrain):
                layer = HatGrain(_whole(layer.amount, box, nothing))
            change = Layers(change, layer)
        return Edit(face, crop, _whole(self.changed, box, np.zeros(shape, bool)), region, change, motion)

    @property
    def nbytes(self) -> int:
        """What it takes in memory beside its face; paint may be shared with other edits."""
        planes = [self.crop, self.changed, self.region, self.mask, self.flow]
        for layer in self.layers:
            planes += [layer.mask] if isinstance(layer, Hairpieces) else layer
        own = sum(plane.nbytes for plane in planes)
        return own + sum(patch.picture.nbytes + patch.alpha.nbytes for patch in self.patches)
