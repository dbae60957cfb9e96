"""Lenses of glasses in the outlines of the wardrobe: where they lie before the eyes, and which of them a mask has.

Coordinates and lengths are those of the face's frame (`frame.py`).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from maskgan.labels import BROWS, EYES, Label
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.silhouettes import wardrobe

#: Both sides of the picture with the eye there: -1 is the left one, with the subject's right eye.
_SIDES = ((-1, Label.R_EYE), (1, Label.L_EYE))

#: Sizes that lenses may have, the intersection over union from which on one is found again, and the share of its pixels
#: below its lower edge.
_SIZES, _ALIKE, _LOWEST = (0.6, 1.5), 0.92, 99.5


@cache
def styles() -> tuple[str, ...]:
    """The names of the wardrobe's glasses."""
    return tuple(entry_name for entry_name, entry in wardrobe().items() if entry["kind"] == "glasses")


def lens_outline(style: str) -> np.ndarray:
    """One lens of the wardrobe as a smooth closed line (N, 2) around the eye's centre.

    x points away from the nose, y down, both in distances between the eyes.
    """
    points = np.array(wardrobe()[style]["outline"], np.float64)
    for _ in range(3):  # corner cutting (Chaikin, 1974)
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], 1).reshape(-1, 2)
    return points


def eye_centres(scene: Scene) -> dict[int, tuple[float, float]]:
    """x and y of the eyes by side (-1, 1); one that is hidden is taken opposite the other."""
    eyes = {}
    for side, eye in _SIDES:
        region = scene.part(eye)
        if region is not None:
            eyes[side] = (float(scene.x[region].mean()), float(scene.y[region].mean()))
    for side in (-1, 1):
        x, y = eyes.get(-side, (-0.47 * side, 0.0))
        eyes.setdefault(side, (-x, y))
    return eyes


def eyes_apart(eyes: dict[int, tuple[float, float]]) -> float:
    """How far apart eyes count as, for the size of glasses."""
    return float(np.clip(abs(eyes[1][0] - eyes[-1][0]), 0.5, 1.1))


def worn_outline(style: str, apart: float, size: float) -> np.ndarray:
    """A lens (N, 2) around the eye's centre, in frame units; both lenses never meet over the nose."""
    outline = lens_outline(style) * apart * size
    outline[:, 0] += max(0.0, -outline[:, 0].min() - 0.42 * apart)
    return outline


def found_again(scene: Scene, lens: np.ndarray) -> np.ndarray | None:
    """All of a clear lens (H, W) bool that the mask has but for eyes and brows, which lie on it: where it is one of the
    wardrobe before an eye that is seen; None for any other."""
    side, eye = _SIDES[int(np.median(scene.x[lens]) > 0)]
    if scene.part(eye) is None:
        return None
    eyes, seen = eye_centres(scene), ~scene.where(*EYES, *BROWS)
    (x, y), apart = eyes[side], eyes_apart(eyes)
    below = float(np.percentile(scene.y[lens], _LOWEST)) - y
    best, found = _ALIKE, None
    for style in styles():
        size = below / (lens_outline(style)[:, 1].max() * apart)
        if not _SIZES[0] < size < _SIZES[1]:
            continue
        outline = worn_outline(style, apart, size)
        whole = scene.polygon(x + side * outline[:, 0], y + outline[:, 1])
        alike = np.count_nonzero(whole & seen & lens) / max(np.count_nonzero((whole & seen) | lens), 1)
        if alike > best:
            best, found = alike, whole
    return found
