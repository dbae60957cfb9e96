"""Hair, clothes and hats of the photo whose shapes another one takes, in the colours that the other has.

A photo that is moved to somebody else's shapes cannot show long hair where its own is short; what a network makes up
over half of a picture looks like none. But the photo that lends its shapes shows just that, in the very place.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from maskgan.editing.edit import Edit, Face
from maskgan.editing.hair_colours import colours_of_hair
from maskgan.editing.hairdressing import in_other_colours
from maskgan.editing.oklab import from_oklab
from maskgan.editing.recolouring import part_matte, recolour, usual_colour
from maskgan.editing.unknown import unknown_after
from maskgan.labels import Label

#: What can be borrowed, what lies below first.
BORROWED = (Label.CLOTH, Label.HAT, Label.HAIR)

#: Share of a class that the photo cannot show from which on all of it is borrowed; of the picture that it has at least.
_NEW, _LEAST = 0.15, 0.004

#: Intersection over union with the source's below which a class of the mask is not its shape any more; how far strands
#: reach beyond the mask, as a share of the side.
_ITS_SHAPE, _STRANDS = 0.7, 0.03

#: Unit of a face's frame (`quick_edits/frame.py`) in aligned crops, as a share of the side; masks need show no face.
_UNIT = 0.25


def borrowed(edit: Edit, source: Face) -> list[Label]:
    """The classes in the shapes of `source` of which an edit would paint much, in the order in which they are laid."""
    if edit.motion is None:
        return []
    mask = edit.motion.mask
    unknown = unknown_after(edit.face.mask, mask, edit.motion.flow)
    found = []
    for label in BORROWED:
        inside, theirs = mask == label, source.mask == label
        its = (inside & theirs).sum() > _ITS_SHAPE * (inside | theirs).sum()
        if its and inside.mean() > _LEAST and (unknown & inside).sum() > _NEW * inside.sum():
            found.append(label)
    return found


def _in_own_colours(source: Face, target: Face, label: Label) -> tuple[np.ndarray, np.ndarray]:
    """A part of the source in the colours that the target's has, or its own where the target has none: the picture
    (S, S, 3) float32 in 0..255, and how far each pixel is of it, (S, S) float32."""
    share, part = part_matte(source.crop, source.mask, [label])
    if label == Label.HAIR:
        colours = colours_of_hair(target.crop, target.mask)
        if colours is not None and (share > 0).any():
            part = in_other_colours(part, share, colours, _UNIT * len(share))
        return part, share
    colour = usual_colour(target.crop, target.mask, [label])
    if colour is not None:
        part = recolour(source.crop, share, tuple(from_oklab(colour).clip(0, 255))).astype(np.float32)
    return part, share


def with_borrowed(edit: Edit, source: Face, labels: Sequence[Label]) -> Edit:
    """An edit that shows the hair, clothes or hat of `source` where the photo's own are too little for them.

    edit: see `MaskGANPipeline.edit`, to the mask of `source`, or to one that somebody painted on since; labels: see
    `borrowed`.
    """
    crop, laid = edit.crop.astype(np.float32), np.zeros(source.mask.shape, np.float32)
    for label in labels:
        part, share = _in_own_colours(source, edit.face, label)
        outside = (edit.motion.mask != label).astype(np.uint8)
        away = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5) / (_STRANDS * len(outside))
        share = share * (2 - 2 * away).clip(0, 1)
        crop += share[..., None] * (part - crop)
        laid = np.maximum(laid, share)
    if not laid.any():
        return edit
    tone = edit.face.tone
    crop = crop if tone is None else tone.apply(crop)
    crop = np.where(laid[..., None] > 0, crop.round().clip(0, 255), edit.crop).astype(np.uint8)
    # A little more than what changed, so that its soft edge is resampled whole into the photo.
    over = cv2.dilate((laid > 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return edit.laid_over(crop, over, laid, 1 - laid)
