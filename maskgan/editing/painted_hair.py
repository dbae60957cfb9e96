"""Which hairpieces hair that somebody painted shows.

What a network draws there is a plate of lines, since little of a photo tells how hair would fall over a forehead, or
beside a neck. A little is no such thing: the photo's own hair is moved there.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.beards import without_beard
from maskgan.editing.edit import Face
from maskgan.editing.flows import jacobian, warp_mask
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.matting import own_hair
from maskgan.editing.scenes import scene_of
from maskgan.editing.tones import LUMA
from maskgan.editing.warping import Motion
from maskgan.labels import Label
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hair_around import is_much, painted_around
from maskgan.quick_edits.hairpieces import Part, Worn
from maskgan.quick_edits.painted_fringe import is_fringe, painted_over
from maskgan.quick_edits.scene import Scene

#: Hairpieces for hair whose strands lie side by side, and for hair of curls, or cropped.
STRAIGHT = {Part.FOREHEAD: "fringe_bob", Part.AROUND: "long_layered"}
CURLY = {Part.FOREHEAD: "long_curls", Part.AROUND: "long_curls"}

#: Share of a photo below which hair that was painted is little.
_LITTLE = 0.003

#: What is drawn out to more than this many times its area shows no strands of the photo's hair.
_DRAWN_OUT = 4.0

#: Width (frame units) of the finest strands that are looked at, and around how far their directions are compared.
_STRAND, _AROUND = 0.012, 0.12

#: Coherence of the directions below which hair is curly, and how far within its outline they tell, in frame units.
_COHERENT, _WITHIN = 0.5, 0.1

#: Of the last photos' hair, for strokes that follow.
_COHERENCES: LastingCache[float] = LastingCache(64, lambda found: 1)


def coherence(photo: np.ndarray, hair: np.ndarray, unit: float) -> float:
    """How much strands of hair lie side by side: 0 where they go every way, 1 where all are parallel close by.

    It is the mean coherence of the structure tensor (Bigun and Granlund, 1987), weighted by contrast.

    Args:
        photo: (H, W, 3) uint8 RGB.
        hair: (H, W) bool.
        unit: of the face's frame, in pixels.

    Hair that is all outline, or none, tells nothing: 1.
    """
    size = 2 * max(1, round(_WITHIN * unit)) + 1
    inner = cv2.erode(hair.astype(np.uint8), np.ones((size, size), np.uint8)).astype(np.float32)
    light = cv2.GaussianBlur((photo @ LUMA).astype(np.float32), (0, 0), max(0.5, _STRAND * unit))
    down, across = np.gradient(light)
    xx, yy, xy = (
        cv2.GaussianBlur(each * inner, (0, 0), _AROUND * unit) for each in (across**2, down**2, across * down)
    )
    parallel = np.sqrt((xx - yy) ** 2 + 4 * xy**2)
    contrast = float(((xx + yy) * inner).sum())
    return float((parallel * inner).sum()) / contrast if contrast else 1.0


def hairpieces_for(face: Face, mask: np.ndarray, motion: Motion | None = None) -> tuple[Worn, ...]:
    """The hairpieces for hair that a mask (S, S) has where a face has none; none where that is little.

    motion: how the photo's pixels move, guessed from the masks when None. Where they show hair nothing was painted.
    """
    hair = without_beard(mask, face.mask) == Label.HAIR
    if np.count_nonzero(hair & (face.mask != Label.HAIR)) < _LITTLE * mask.size:
        return ()
    try:
        scene = scene_of(face.mask)
    except QuickEditImpossible:  # nothing of a face tells where its head is: the network paints it
        return ()
    parts = _parts(scene, hair)
    if parts:
        flow = (motion or Motion.none(face.mask)).to(mask).flow
        moved = (warp_mask(face.mask, flow) == Label.HAIR) & (jacobian(flow) > 1 / _DRAWN_OUT)
        parts = _parts(scene, hair & ~moved)
    if not parts:
        return ()
    parallel = _COHERENCES.get(
        face.crop,
        fingerprint(face.mask),
        lambda: coherence(face.crop, own_hair(face.crop, face.mask), scene.unit),
    )
    names = STRAIGHT if parallel > _COHERENT else CURLY
    return tuple(Worn(names[part], part).facing(scene) for part in parts)


def _parts(scene: Scene, hair: np.ndarray) -> list[Part]:
    """Where hair (H, W) bool is much more than a scene without it has, what lies below first."""
    parts = [Part.AROUND] if is_much(scene, painted_around(scene, hair)) else []
    return [*parts, Part.FOREHEAD] if is_fringe(scene, painted_over(scene, hair)) else parts
