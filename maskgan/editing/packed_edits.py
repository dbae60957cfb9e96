"""Edits put aside: only the part of a face in which they change it, so that many of them take little memory.

A stroke changes some hundredths of the pixels, and an edit holds seven planes of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskgan.editing.compositing import Layers, Overlay, Patch, Retouch
from maskgan.editing.edit import Edit, Face
from maskgan.editing.warping import Motion, moves
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


@dataclass(frozen=True, eq=False)
class PackedEdit:
    """An edit made of the photo, and at most one thing laid over it, in the part where it changes anything.

    crop, changed, region, mask, flow: of the edit and its motion, in the part; moved: whether the photo is moved by
    that flow; over, detail: of what is laid over it, None for nothing.
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
    over: np.ndarray | None = None
    detail: np.ndarray | None = None

    @classmethod
    def of(cls, edit: Edit) -> PackedEdit | None:
        """An edit packed; None for one of another kind, such as a face that was redrawn as a whole."""
        change, over = edit.change, None
        if isinstance(change, Layers):
            change, over = change.first, change.second
            if not isinstance(over, Overlay) or over.crop is not edit.crop:
                return None
        if not isinstance(change, Retouch) or edit.motion is None:
            return None
        face, motion = edit.face, edit.motion
        if change.flow is not None and change.flow is not motion.flow:
            return None
        touched = differs(edit.crop, face.crop) | edit.changed | (edit.region != 0)
        touched |= (motion.mask != face.mask) | moves(motion.flow)
        if over is not None:
            touched |= (over.region != 0) | (over.detail != 1)
        box = box_of(touched)
        planes = (edit.crop, edit.changed, edit.region, motion.mask, motion.flow)
        laid = () if over is None else (over.region, over.detail)
        crop, changed, region, mask, flow, *laid = (_part(plane, box) for plane in (*planes, *laid))
        moved = change.flow is not None
        return cls(face, box, crop, changed, region, mask, flow, moved, change.patches, *laid)

    def unpacked(self) -> Edit:
        """The edit again, equal in all pixels."""
        face, box, shape = self.face, self.box, self.face.mask.shape
        nothing = np.zeros(shape, np.float32)
        crop, region = _whole(self.crop, box, face.crop), _whole(self.region, box, nothing)
        motion = Motion(_whole(self.mask, box, face.mask), _whole(self.flow, box, np.zeros((*shape, 2), np.float32)))
        change = Retouch(motion.flow if self.moved else None, self.patches)
        if self.over is not None:
            detail = _whole(self.detail, box, np.ones(shape, np.float32))
            change = Layers(change, Overlay(crop, _whole(self.over, box, nothing), detail))
        return Edit(face, crop, _whole(self.changed, box, np.zeros(shape, bool)), region, change, motion)

    @property
    def nbytes(self) -> int:
        """What it takes in memory beside its face; paint may be shared with other edits."""
        planes = (self.crop, self.changed, self.region, self.mask, self.flow, self.over, self.detail)
        own = sum(plane.nbytes for plane in planes if plane is not None)
        return own + sum(patch.picture.nbytes + patch.alpha.nbytes for patch in self.patches)
