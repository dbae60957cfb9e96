"""Hats and fringes whose outlines were drawn by hand, on top of label maps made by machine.

The mattes that label maps of photos come from end where a hat leaves the head: of wide brims and high crowns they say
background, or hair below the line where the label of the hat was cut. Fringes that are blond, grey or thin they call
skin. `outlines.json` holds by the id of a photo, in pixels of a face of 256 px and as x and y by turns, a polygon
around all that is hat, and the line from left to right where a fringe ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from lab.data.faces import FaceWithMask, Sample
from maskgan.labels import BROWS, EYES, IGNORE, Label

#: What lies in front of a hat, or is in its shadow.
_IN_FRONT = (*EYES, Label.NOSE, Label.EYE_G, Label.MOUTH, Label.U_LIP, Label.L_LIP)
#: What labels say of pixels that a fringe hides.
_UNDER_HAIR = (Label.SKIN, *BROWS, IGNORE)


@cache
def outlines(kind: str) -> dict[str, np.ndarray]:
    """The polygons of "hats" or the lines of "fringes", (n, 2) float32 by id, in pixels of a face of 256 px."""
    text = Path(__file__).with_name("outlines.json").read_text(encoding="utf-8")
    return {id: np.float32(values).reshape(-1, 2) for id, values in json.loads(text)[kind].items()}


def is_outlined(sample: Sample) -> bool:
    """Whether the hat or the fringe of a photo was outlined by hand."""
    return any(sample.id in outlines(kind) for kind in ("hats", "fringes"))


def _drawn(outline: np.ndarray, edge: np.ndarray, closed: bool, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The inside of a polygon and what is within two pixels of 256 of `edge`: (size, size) bool each."""
    blank = np.zeros((size, size), np.uint8)
    inside, line = (np.round(points * size / 256).astype(np.int32) for points in (outline, edge))
    near = cv2.polylines(blank.copy(), [line], closed, 1, max(3, round(4 * size / 256)))
    near[[0, -1]], near[:, [0, -1]] = 0, 0  # where the picture ends, what is outlined goes on
    return cv2.fillPoly(blank, [inside], 1) > 0, near > 0


def _labelled(
    mask: np.ndarray, inside: np.ndarray, edge: np.ndarray, label: Label, free: np.ndarray, left: Sequence[int] = ()
) -> np.ndarray:
    """The mask with `label` inside where it is `free`, 255 at the edge, and 255 for the classes `left` outside."""
    mask = np.where(np.isin(mask, left), IGNORE, mask)
    mask = np.where(inside & free, np.uint8(label), mask)
    return np.where(edge & free, np.uint8(IGNORE), mask).astype(np.uint8)


def whole_hat(face: FaceWithMask, sample: Sample) -> FaceWithMask:
    """The face with its hat labelled as it was outlined by hand, where it was; the outline itself is open (255)."""
    outline = outlines("hats").get(sample.id)
    if outline is None:
        return face
    inside, edge = _drawn(outline, outline, True, face.mask.shape[0])
    free = ~np.isin(face.mask, _IN_FRONT)
    return FaceWithMask(face.image, _labelled(face.mask, inside, edge, Label.HAT, free, (Label.HAT,)))


def whole_fringe(face: FaceWithMask, sample: Sample) -> FaceWithMask:
    """The face with the forehead above its fringe's end labelled as hair, where that was outlined by hand."""
    line = outlines("fringes").get(sample.id)
    if line is None:
        return face
    above = np.concatenate([line, [(line[-1, 0], 0), (line[0, 0], 0)]]).astype(np.float32)
    inside, edge = _drawn(above, line, False, face.mask.shape[0])
    free = np.isin(face.mask, _UNDER_HAIR)
    return FaceWithMask(face.image, _labelled(face.mask, inside, edge, Label.HAIR, free))


def whole(face: FaceWithMask, sample: Sample) -> FaceWithMask:
    """The face with what was outlined by hand labelled so."""
    return whole_fringe(whole_hat(face, sample), sample)


def doubtful_forehead(face: FaceWithMask, sample: Sample) -> FaceWithMask:
    """The face without the label of what is skin above the brows, but nearer to the hair's colour than to the cheeks'.

    Nobody outlined most fringes. Faces with little hair, whose foreheads shine, and rendered ones come back as they
    are.
    """
    mask, size = face.mask, face.mask.shape[0]
    hair, skin, brows = mask == Label.HAIR, mask == Label.SKIN, np.nonzero(np.isin(mask, BROWS))[0]
    if sample.whole_lenses or hair.mean() < 0.1 or len(brows) < 20 or sample.id in outlines("fringes"):
        return face
    rows = np.arange(size)[:, None]
    forehead = skin & (rows < np.quantile(brows, 0.3))
    cheeks = skin & (rows > brows.max() + 0.1 * size)
    if not forehead.any() or not cheeks.any():
        return face
    lab = cv2.cvtColor(cv2.GaussianBlur(face.image, (0, 0), size / 256), cv2.COLOR_RGB2LAB).astype(np.float32)
    apart = [np.linalg.norm(lab - np.median(lab[where], 0), axis=2) for where in (hair, cheeks)]
    return FaceWithMask(face.image, np.where(forehead & (apart[0] < apart[1]), IGNORE, mask).astype(np.uint8))


def outlined_odds(samples: Sequence[Sample], often: float = 4.0) -> np.ndarray:
    """How often each sample is drawn, relative to others: `often` where a fringe was outlined by hand, else 1."""
    return np.array([often if sample.id in outlines("fringes") else 1.0 for sample in samples])
