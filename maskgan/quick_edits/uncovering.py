"""What comes to light where hair was cut away: face, ears, neck, clothes and what is behind the head."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import EARS, Label
from maskgan.quick_edits.ears import SIDES, ear_region, ear_shows
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.scene import Scene, ramp, smooth_curve

#: Share of the picture below which clothes are too little to tell where the shoulders go on.
_SHIRT = 0.006

#: How steeply shoulders slope down that no clothes show.
_SLOPE = 0.5

#: Down to which row (frame units) a forehead reaches, and from which on the face gets narrower.
_FOREHEAD, _JAW = -0.4, 0.5

#: At how many heights the edge of an ear is measured.
_EAR_STEPS = 17

#: How far (frame units) strands that a parser takes for something else lie from hair.
_BESIDE = 0.35


def with_specks(scene: Scene, removed: np.ndarray) -> np.ndarray:
    """Hair that is `removed` (H, W) with the specks of clothes beside it, for which a parser takes loose strands."""
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(scene.where(Label.CLOTH).astype(np.uint8))
    small = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < _SHIRT * removed.size)
    near = np.unique(pieces[scene.around(removed, _BESIDE)]) if removed.any() and count > 1 else small[:0]
    return removed | np.isin(pieces, np.intersect1d(small, near[near > 0]))


def fill_holes(scene: Scene, removed: np.ndarray) -> None:
    """Give pieces of background that skin, ears and hair enclose where hair was `removed` (H, W) the class around;
    beside the jaw, that is hair or neck, and above the brows skin."""
    background = scene.where(Label.BACKGROUND)
    _, pieces = cv2.connectedComponents(background.astype(np.uint8), connectivity=4)
    open_air = np.unique(np.r_[pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    enclosed = np.unique(pieces[background & removed & ~np.isin(pieces, open_air)])
    enclosed = background & np.isin(pieces, enclosed)
    forehead = (scene.y < _FOREHEAD) & (abs(across(scene)[0]) < 0.8)
    scene.uncover(enclosed & forehead, (Label.SKIN,))
    scene.uncover(enclosed & ~forehead & (scene.y < _JAW), (Label.SKIN, Label.HAIR, *EARS))
    scene.uncover(enclosed & (scene.y >= _JAW), (Label.HAIR, Label.NECK))


def reveal(scene: Scene, removed: np.ndarray, ears_from: float) -> None:
    """Fill where hair was cut away with what lies behind it: face, ears, neck, clothes, background."""
    q, middle, half = across(scene)
    shirt = scene.where(Label.CLOTH)
    neck = scene.where(Label.NECK)
    low, high = scene.extent(neck, scene.chin, scene.chin + 0.2, 0.0)
    scene.mask[removed] = Label.BACKGROUND
    if shirt.mean() > _SHIRT:
        # Shoulders are alike on both sides and slope down outwards, also where they were not seen.
        out = abs(scene.x - middle)
        edges = np.linspace(out[shirt].min(), out[shirt].max() + 1e-3, 25)
        bins = np.digitize(out[shirt], edges) - 1
        top = np.full(len(edges), np.inf)
        np.minimum.at(top, bins, scene.y[shirt])
        top = smooth_curve(np.minimum.accumulate(top[-2::-1])[::-1], 1.5)
        collar = np.interp(out, edges[:-1], top) + 0.5 * np.maximum(0, out - edges[-1])
        collar -= 0.25 * np.clip(1.4 - out / half, 0, 1) ** 2  # up to the neck
        beside = np.maximum(0, out - 0.6 * half)  # no shoulder is higher than beside a short neck
        highest = scene.chin - 0.1 + _SLOPE * beside**2 / (beside + 0.4)
        scene.mask[removed & (scene.y > np.maximum(collar, highest))] = Label.CLOTH
    if neck.any():
        # The neck comes out from behind the jaw and widens into the shoulders.
        wider = 0.9 * np.maximum(0, scene.y - scene.chin - 0.1) ** 1.3
        behind, seen = 0.6 * half, ramp(scene.y, scene.chin - 0.3, scene.chin + 0.25)
        left = middle - behind - wider + seen * min(0.0, low - middle + behind)
        right = middle + behind + wider + seen * max(0.0, high - middle - behind)
        column = (scene.x > left) & (scene.x < right)
        below = removed & column & (scene.y > scene.chin - 0.4) & (scene.mask == Label.BACKGROUND)
        scene.mask[below] = Label.NECK
    scene.mask[removed & scene.face & (scene.y > -1.2)] = Label.SKIN
    nose = scene.part(Label.NOSE)
    turned = float(q[nose].mean()) if nose is not None else 0.0
    for side, label in SIDES:
        if ear_shows(scene, label):
            scene.paint(removed & _before_ear(scene, side, label), Label.SKIN, over=(Label.BACKGROUND,))
            continue
        if side * turned > 0.3:
            continue  # the ear lies behind a turned face
        ear = ear_region(scene, side) & (scene.y > ears_from)
        scene.paint(ear & removed, label, over=(Label.BACKGROUND, Label.NECK))
    scene.smooth(removed)


def _before_ear(scene: Scene, side: int, label: Label) -> np.ndarray:
    """(H, W) bool: what lies between the middle of the face and an ear that is seen at a side."""
    ear, out = scene.where(label), side * scene.x
    low, high = scene.y[ear].min(), scene.y[ear].max()
    steps = np.linspace(low, high, _EAR_STEPS)
    inner = np.full(_EAR_STEPS, np.inf)
    place = np.floor((scene.y[ear] - low) / (high - low) * (_EAR_STEPS - 1) + 0.5).astype(int)
    np.minimum.at(inner, place, out[ear])
    seen = np.isfinite(inner)
    return (scene.y > low) & (scene.y < high) & (out > 0) & (out < np.interp(scene.y, steps[seen], inner[seen]))
