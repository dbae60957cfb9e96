"""Teeth between lips that an edit opens: a row of the wardrobe's, as large as this face has them, in its light.

A network that sees no teeth of this person paints pegs with dark gaps. The row hangs from the upper jaw: it keeps its
height however far the mouth opens, its edges follow the lower lip, and below them it is dark, with a tongue far down.
Of a mouth that was open already the own teeth stay, as high as they were or a little higher.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.images import read_photo
from maskgan.labels import LIPS, MOUTH, Label
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.mouth import ABOVE_LIP, STRETCH, MouthLines, measure_mouth
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.silhouettes import WARDROBE, wardrobe

#: Share of a photo below which an open mouth shows no teeth to go by.
HARDLY_OPEN = 0.0035

#: Part of an open mouth that is new from which on it was opened, and so far that hardly open lips no longer tell what
#: is between them.
_MORE, _NEW = 0.15, 0.3

#: Half the width of an opening in that of the row, and how much narrower or wider the row gets, and lower or higher.
_FILLS, _WIDTHS, _HEIGHTS = 1.1, (0.86, 1.25), (0.9, 1.1)

#: How much of the lower lip's bend the edges of the row have, and that of the row's own, least and most; and the
#: share of the opening, from the middle, in which the bend and the heights of the lips are measured.
_BEND, _BENDS, _ABOUT, _MIDDLE = 0.9, (0.5, 1.6), 0.7, 0.33

#: In how many places of that middle lips have to be measured.
_NARROW = 3

#: Distances in frame units: the row below the upper lip, its edges above the lower one.
_BELOW, _ABOVE = 0.004, 0.008

#: Teeth by the skin around the mouth in OKLab, as `python -m lab.teeth FOLDER` finds it: lightness at black skin and
#: per lightness of skin, then parts of its a and b. Of b a little less, for whiter teeth.
_DARKEST, _LIGHTER, _HUES = 0.456, 0.528, (0.336, 0.65)

#: Over how many pixels of a crop of 512 px the row ends.
_SOFT = 1.5

#: How much of the row's own variation of hue stays.
_OWN_HUES = 0.7

#: OKLab of the dark in a mouth, and in parts of the lips' that of a tongue.
_DARK, _TONGUE = (0.22, 0.04, 0.022), (0.72, 0.8, 0.8)

#: How high a tongue reaches above the lower lip, and how far that is from the teeth when it begins to show and when it
#: shows fully, in frame units; how much of the lip's colour there is at its edge, and how far that reaches.
_HIGH, _SHOWS, _EDGE, _REACH = 0.11, (0.06, 0.14), 0.45, 0.018

#: Shadow of the upper lip, and how far it reaches in frame units; shadow of the cheeks, from where to the corner on.
_LIP_SHADE, _LIP_REACH, _CHEEK_SHADE, _CHEEKS = 0.3, 0.022, 0.5, 0.55

#: Over how many frame units the own teeth end, and how much wider a mouth gets that was not scaled as a whole.
_END, _WIDER = 0.015, 1.25

#: Skin within this many frame units of the mouth tells its light; pixels of it at least.
_NEAR, _FEW = 0.33, 30


class Teeth(NamedTuple):
    """Half a row of upper teeth, in frame units of the person's face that lent them, mirrored on the other side.

    edges: (N, 2) rising u, away from the middle, and v, down from the edge of the teeth in the middle; box: u, v of the
    picture's upper left and lower right corner; height: of the teeth in the middle, below the lip; bend: how much
    higher (per u squared) the edges lie away from the middle; colour: OKLab (3,) of light teeth in it; picture:
    (h, w, 3) uint8 RGB with nothing but teeth.
    """

    edges: np.ndarray
    box: tuple[float, float, float, float]
    height: float
    bend: float
    colour: np.ndarray
    picture: np.ndarray

    @property
    def half(self) -> float:
        """Half the width of the row."""
        return float(self.edges[-1, 0])


@cache
def teeth() -> Teeth:
    """The teeth of the wardrobe."""
    entry: dict[str, Any] = wardrobe()["teeth"]
    picture = read_photo(WARDROBE / "teeth.jpg")
    colour = np.array(entry["colour"], np.float32)
    edges, box = np.array(entry["edges"]), tuple(entry["box"])
    return Teeth(edges, box, entry["height"], entry["bend"], colour, picture)


def opens(mask: np.ndarray, own: np.ndarray) -> bool:
    """Whether a mask (S, S) opens the mouth of a photo, whose own mask is `own` (S, S), or opens it more."""
    return _new(mask, own) > _MORE


def _new(mask: np.ndarray, own: np.ndarray) -> float:
    """Which part of what a mask's mouth is open is new: 1 where it was closed. It is larger than it was, and that not
    only because the mouth is, or because lips are thinner."""
    after, before = (np.count_nonzero(each == Label.MOUTH) for each in (mask, own))
    if not after:
        return 0.0
    larger = np.count_nonzero(class_region(mask, MOUTH)) / max(1, np.count_nonzero(class_region(own, MOUTH)))
    return max(0.0, 1 - max(1.0, larger) * before / after)


def with_teeth(crop: np.ndarray, mask: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An edited crop (S, S, 3) uint8 with teeth in a mouth that opens, and how far each pixel changed, (S, S) float32.

    mask, own: (S, S), the edited and the photo's own mask.
    """
    changed = np.zeros(mask.shape, np.float32)
    new = _new(mask, own)
    if new <= _MORE:
        return crop, changed
    try:
        mouth = _Opening(crop, mask)
        shown = np.count_nonzero(own == Label.MOUTH) > HARDLY_OPEN * own.size
        if shown or new <= _NEW:
            colours, share = mouth.dark_below(measure_mouth(Scene(own)))
        else:
            colours, share = mouth.with_row(teeth())
    except QuickEditImpossible:  # no mouth between whose lips they could be
        return crop, changed
    soft = cv2.GaussianBlur((mask == Label.MOUTH).astype(np.float32), (0, 0), 0.7 * len(mask) / 256)
    alpha = ((soft[mouth.window] - 0.15) / 0.7).clip(0, 1) * share
    if not alpha.any():
        return crop, changed
    result, before = crop.copy(), crop[mouth.window]
    laid = before + alpha[..., None] * (colours - before)
    result[mouth.window] = np.where(alpha[..., None] > 0, laid.round().clip(0, 255), before)
    changed[mouth.window] = alpha
    return result, changed


class _Opening:
    """An open mouth: its window in the picture, the places in it, its lips and the light on it."""

    def __init__(self, crop: np.ndarray, mask: np.ndarray) -> None:
        self.scene = Scene(mask)
        self.lines = measure_mouth(self.scene)
        inside = self.scene.where(Label.MOUTH)
        left, right = np.percentile(self.scene.x[inside], (1, 99))
        self.centre, self.half = float(left + right) / 2, max(float(right - left) / 2, 1e-3)
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        margin = max(2, len(mask) // 64)
        around = [slice(max(0, at[0] - margin), at[-1] + margin + 1) for at in (rows, columns)]
        self.window: tuple[slice, slice] = tuple(around)
        self.inside, self.x, self.y = (plane[self.window] for plane in (inside, self.scene.x, self.scene.y))
        self.top, self.bottom = (
            np.interp(self.x, self.lines.x, line) for line in (self.lines.upper_bottom, self.lines.lower_top)
        )
        self.skin, self.lips = self._colours(crop, mask, rows, columns)

    def _colours(
        self, crop: np.ndarray, mask: np.ndarray, rows: np.ndarray, columns: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """OKLab (3,) of the skin around the mouth and of the lips."""
        reach = round(_NEAR * self.scene.unit)
        near = tuple(slice(max(0, at[0] - reach), at[-1] + reach + 1) for at in (rows, columns))
        crop, mask = crop[near], mask[near]
        skin, lips = mask == Label.SKIN, class_region(mask, LIPS)
        if skin.sum() < _FEW:
            raise QuickEditImpossible("There is no skin around the mouth.")
        colours = [np.median(crop[region if region.any() else skin], axis=0) for region in (skin, lips)]
        return tuple(to_oklab(np.stack(colours)))

    def _dark(self, edges: np.ndarray) -> np.ndarray:
        """What is seen below `edges` (h, w), the y down to which teeth reach: OKLab (h, w, 3)."""
        above_lip = self.bottom - self.y
        room = float(np.median((self.bottom - edges)[self.inside]))
        start, full = _SHOWS
        tongue = smoothstep(1 - above_lip / _HIGH) * smoothstep(np.float64((room - start) / (full - start)))
        tongue = np.maximum(tongue, _EDGE * np.exp(-np.maximum(above_lip, 0) / _REACH))
        dark = np.array(_DARK)
        colours = dark + tongue[..., None] * (self.lips * _TONGUE - dark)
        colours[..., 0] *= np.clip(self.skin[0] / 0.7, 0.6, 1.15)
        return colours

    def dark_below(self, was: MouthLines) -> tuple[np.ndarray, np.ndarray]:
        """Colours (h, w, 3) in 0..255 below the own teeth, and the share (h, w) of them that is seen."""
        place = was.centre + was.half_width * (self.x - self.lines.centre) / self.lines.half_width
        wider = self.lines.half_width / was.half_width
        gap = np.interp(place, was.x, was.gap) * (wider if wider > _WIDER else 1.0)
        edges = self.top + STRETCH * np.maximum(gap - ABOVE_LIP, 0)
        opened = self.bottom - self.top - STRETCH * gap  # by more than the teeth are drawn out
        share = smoothstep((self.y - edges) / _END) * smoothstep(opened / ABOVE_LIP)
        return from_oklab(self._dark(edges)).clip(0, 255), share

    def with_row(self, row: Teeth) -> tuple[np.ndarray, np.ndarray]:
        """Colours (h, w, 3) in 0..255 of a mouth with a row of teeth, and 1."""
        across = (self.lines.x - self.centre) / self.half
        near, middle = abs(across) < _ABOUT, abs(across) < _MIDDLE
        if np.count_nonzero(middle) < _NARROW:
            raise QuickEditImpossible("This mouth is too narrow to show teeth.")
        size = self.half / (row.half * _FILLS)
        width, height = float(np.clip(size, *_WIDTHS)), float(np.clip(size, *_HEIGHTS))
        lip = np.polyfit(self.lines.x[near] - self.centre, self.lines.lower_top[near], 2)
        bend = float(np.clip(-_BEND * lip[0], *(limit * row.bend for limit in _BENDS)))
        upper, lower = (float(line[middle].mean()) for line in (self.lines.upper_bottom, self.lines.lower_top))
        edge = min(upper + height * row.height + _BELOW, lower - _ABOVE)

        x = self.x - self.centre
        edges = edge - bend * x**2
        u = abs(x) / width
        v = (self.y - edges) / height - row.bend * u**2
        left, top, right, bottom = row.box
        rows, columns = row.picture.shape[:2]
        places = (
            (at * (count / (end - start)) - 0.5).clip(0, count - 1).astype(np.float32)
            for at, start, end, count in ((u - left, left, right, columns), (v - top, top, bottom, rows))
        )
        lab = to_oklab(cv2.remap(row.picture, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))
        colour = np.array((_DARKEST + _LIGHTER * self.skin[0], *(_HUES * self.skin[1:])))
        kept = np.array((colour[0] / row.colour[0], _OWN_HUES, _OWN_HUES))
        lab = colour + kept * (lab - row.colour)

        seen = np.minimum(np.interp(u, *row.edges.T) - v, row.half - u)
        seen = (0.5 + height * self.scene.unit / (_SOFT * len(self.scene.mask) / 512) * seen).clip(0, 1)
        lip_shade = 1 - _LIP_SHADE * np.exp(-np.maximum(self.y - self.top, 0) / _LIP_REACH)
        cheek_shade = 1 - _CHEEK_SHADE * smoothstep((abs(x) / self.half - _CHEEKS) / (1 - _CHEEKS))
        dark = self._dark(edges)
        lab[..., 0] *= lip_shade * cheek_shade
        dark[..., 0] *= 0.6 + 0.4 * lip_shade * cheek_shade
        return from_oklab(dark + seen[..., None] * (lab - dark)).clip(0, 255), np.ones(self.y.shape)
