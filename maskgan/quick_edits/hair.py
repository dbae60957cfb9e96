"""Quick edits of the hair that the photo shows: shorter, and with more volume."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import BROWS, EARS, Label
from maskgan.quick_edits.closer import draw_in, draw_in_sides
from maskgan.quick_edits.ears import SIDES, ear_shows
from maskgan.quick_edits.edit import QuickEdit
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import across, is_bald
from maskgan.quick_edits.locks import TIPS, locks
from maskgan.quick_edits.regions import signed_distance
from maskgan.quick_edits.scarves import need_open_hair
from maskgan.quick_edits.scene import Scene, ramp
from maskgan.quick_edits.uncovering import fill_holes, reveal, with_specks

#: Hair up to this area (square frame units), a bald head's with a rim or a seam of it, has no volume to gain.
_THIN = 0.5

#: How wide (frame units) hair is at least that gains volume, and how far from the middle, in parts of half the face's
#: width, a bald head has a rim of it.
_FULL, _RIM = 0.1, 0.6

#: How far (frame units) the side of hair that was cut goes in and out.
_WAVY = 0.04

#: How far (frame units) below the ends of hair that is cut it is drawn in.
_DRAWN = 0.3

#: How far (frame units) strands of hair that was drawn in stand out from it.
_STRAY = 0.12


def _has_hair(scene: Scene) -> bool:
    return bool(scene.where(Label.HAIR).sum() > 0.15 * scene.unit**2)


def need_hair(scene: Scene) -> np.ndarray:
    """Where the hair is (H, W); raises QuickEditImpossible when the mask has hardly any."""
    if not _has_hair(scene):
        raise QuickEditImpossible("This mask has hardly any hair; paint some first.")
    return scene.where(Label.HAIR)


def brow_line(scene: Scene) -> float:
    """y of the brows' upper edge, or where it usually is."""
    brows = scene.where(*BROWS)
    return float(np.clip(np.percentile(scene.y[brows], 3), -0.65, -0.25)) if brows.any() else -0.36


def morphed(scene: Scene, region: np.ndarray, operation: int, width: float) -> np.ndarray:
    """A region (H, W) opened or closed with a disc of this width in frame units; gaps to the picture's edge stay."""
    size = max(3, int(width * scene.unit) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    border = cv2.BORDER_REPLICATE if operation == cv2.MORPH_OPEN else cv2.BORDER_CONSTANT
    wide = cv2.copyMakeBorder(region.astype(np.uint8), size, size, size, size, border, value=0)
    return cv2.morphologyEx(wide, operation, disc)[size:-size, size:-size] > 0


def hold_face(scene: Scene) -> None:
    """Tell that nothing but hair moves: hair that covers a cheek does not push it in."""
    scene.tell(~scene.where(Label.HAIR, Label.BACKGROUND), scene.x, scene.y)


def shorter_hair(scene: Scene, strength: float) -> None:
    """Long hair to the jaw, half-long hair to the ears, short hair closer to the head."""
    hair = need_hair(scene)
    _, middle, half = across(scene)
    top = float(np.percentile(scene.y[hair], 0.5))
    bottom = float(np.percentile(scene.y[hair], 98))
    if bottom <= 0.5:
        draw_in(scene, strength)
        return
    strength = min(strength, 1.3)
    goal, width = (1.05, half + 0.42) if bottom > 1.5 else (0.12, half + 0.2)
    cut = bottom + strength * (goal - bottom)
    ceiling = top - 0.5  # the crown stays as it is, a bun above it too
    draw_in_sides(scene, width - half, strength, cut + _DRAWN)
    hair, width = scene.where(Label.HAIR), width + _STRAY
    out = abs(scene.x - middle)
    shoulder = -0.55  # above this row the kept hair is a dome
    sides = width - (0.25 if bottom > 1.5 else 0.1) * ramp(scene.y, cut - 0.5, cut) ** 2
    dome = (out / width) ** 2.4 + (np.maximum(shoulder - scene.y, 0) / max(shoulder - ceiling, 0.3)) ** 2.4
    # Locks end at heights of their own, and no ruler draws their outline.
    ends = cut - 0.35 * (out / width) ** 5 + 0.5 * TIPS * locks(scene.x)
    sides = sides + _WAVY * ramp(scene.y, shoulder, shoulder + 0.4) * locks(0.35 * scene.y)
    kept = (scene.y < ends) & np.where(scene.y < shoulder, dome < 1, out < sides)
    # Slits of background between strands go with the hair, and so do earrings that showed through it.
    size = max(3, int(0.15 * scene.unit) | 1)
    solid = cv2.morphologyEx(hair.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)) > 0
    removed = ~kept & (hair | (solid & scene.where(Label.BACKGROUND)))
    for side, label in SIDES:
        if not ear_shows(scene, label):
            removed |= scene.where(Label.EAR_R) & (side * (scene.x - middle) > 0)
    removed = with_specks(scene, removed)
    reveal(scene, removed, ears_from=cut - 0.3)
    fill_holes(scene, removed)
    hold_face(scene)
    scene.forget(scene.where(Label.BACKGROUND))


def more_volume(scene: Scene, strength: float) -> None:
    """Hair stands out further all around."""
    need_open_hair(scene)
    hair = need_hair(scene)
    full = morphed(scene, hair, cv2.MORPH_OPEN, _FULL)
    if is_bald(scene):  # nothing grows on its top
        full &= abs(across(scene)[0]) > _RIM
    if full.sum() <= _THIN * scene.unit**2:
        raise QuickEditImpossible("This hair is too thin to stand out; choose a Hairstyle.")
    _, middle, half = across(scene)
    bottom = float(np.percentile(scene.y[hair], 98))
    # Less at the tips, so that short hair does not end in wings.
    grow = 0.2 * strength * scene.unit * (1 - 0.9 * ramp(scene.y, bottom - 0.8, bottom))
    # A limit around the head: hair never fills the whole picture, however often it grows.
    below = scene.y > -0.45
    wide = half + (0.5 if scene.where(Label.HAT).any() else 0.8)  # no wings beside a hat
    limit = ((scene.x - middle) / wide) ** 2 + ((scene.y + 0.45) / np.where(below, bottom + 0.7, 2.0)) ** 2 < 1
    near = signed_distance(full) > -grow
    # Hair grows away from the head, not down over the neck.
    outside = (abs(scene.x - middle) > 0.85 * half) | (scene.y < -0.5)
    scene.paint(near & limit & outside, Label.HAIR, over=(Label.BACKGROUND, *EARS, Label.CLOTH))
    ring = near & ~hair & limit & scene.where(Label.HAIR, Label.BACKGROUND)
    scene.smooth(ring)
    hold_face(scene)


#: In the order of their buttons.
EDITS = (
    QuickEdit("shorter_hair", "Shorter hair", "Cuts to the jaw, then to the ears.", "Hair", shorter_hair),
    QuickEdit("more_volume", "More volume", "Makes the hair stand out all around.", "Hair", more_volume),
)
