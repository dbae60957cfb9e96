"""Which parts of a face the network is shown to paint what is unknown: windows, at the finest scale that fits.

What is unknown in several places far apart is painted in as many windows: each is small, and fine, and a later edit at
one place leaves the others as they are.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import cv2
import numpy as np

from maskgan.editing.flows import grown
from maskgan.labels import Label
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.regions import box_of, class_region
from maskgan.sizes import DRAWN_STEP, NETWORK_SIZE

#: The whole crop is painted at twice the network's size from so many pixels of the photo to one of the network's on.
_FINE = 1.25

#: The surroundings that a window shows beside what is unknown, as a share of the crop's side, and relative to it.
_CONTEXT, _RELATIVE_CONTEXT = 0.06, 0.3

#: The finest window, as a share of the crop's side at the network's size: none of training is finer.
_FINEST = 0.3

#: Sides in painted pixels of windows at twice the network's size to the crop, smallest first; beyond, all is shown.
_LARGER = (320, 384, 448)

#: Sides in painted pixels of windows for small edits, smallest first: what they cost grows with their area.
_SMALL = (128, 192)

#: The part of a window that the network draws: what it shows beside what is unknown, relative to that, and its sides in
#: painted pixels, where the window has so many, at least; the second is for plain classes. A mouth or brows that fill
#: fewer are usual to the network's norms (eq. 2), which draw them paler; so a window that is finer than the whole crop
#: is cut down for plain classes only.
_DRAWN_CONTEXT, _DRAWN_LEAST, _DRAWN_LEAST_PLAIN = 0.6, 192, 128
_PLAIN = (Label.BACKGROUND, Label.SKIN, Label.HAIR, Label.NECK, Label.CLOTH, Label.HAT)

#: Parts of what is unknown that lie nearer than twice this share of the crop's side to each other are one part; how
#: many parts there may be; what a window costs beside its area, as the side of a square of painted pixels.
APART, _MOST_PARTS, _OVERHEAD = 0.02, 12, 96

#: Two parts share a window where that saves at least this share of what the larger one costs: the window that a small
#: stroke beside long hair has of its own is finer, and the hair need not be painted again with it. The second is for a
#: part with hair and one without, such as a mouth: whoever has given a face other hair goes on with that.
_WORTH, _WORTH_BESIDE_HAIR = 0.12, 0.3


class _Box(NamedTuple):
    """Rows from `top` and columns from `left`, up to but without `bottom` and `right`."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def around(cls, region: np.ndarray) -> _Box:
        """The smallest around a region (S, S) bool with some True."""
        rows, columns = box_of(region)
        return cls(rows.start, columns.start, rows.stop, columns.stop)

    def with_(self, other: _Box) -> _Box:
        """The smallest around both."""
        return _Box(*map(min, self[:2], other[:2]), *map(max, self[2:], other[2:]))


class Window(NamedTuple):
    """A square part of a face crop, in fractions of the crop's side: left, top and side; drawn at `pixels`."""

    left: float
    top: float
    side: float
    pixels: int

    @classmethod
    def around(cls, unknown: np.ndarray, photo_side: float) -> Window:
        """The smallest useful window around what is unknown, (S, S) bool with some True.

        `photo_side`: how many pixels of the photo the crop's side spans: no window is finer than the photo.
        """
        return cls._of(_Box.around(unknown), len(unknown), photo_side)

    @classmethod
    def several(
        cls, unknown: np.ndarray, photo_side: float, hair: np.ndarray | None = None
    ) -> list[tuple[Window, np.ndarray]]:
        """Windows around parts (S, S) bool of what is unknown that lie far apart, whose sum is all of it.

        Two parts share a window where that costs clearly less than one for each. Arguments as for `around`; `hair`:
        where (S, S) the edited mask has some.
        """
        size = len(unknown)
        radius = APART * size
        count = _MOST_PARTS + 2
        while count > _MOST_PARTS + 1:  # 0 is the rest
            count, numbers = cv2.connectedComponents(grown(unknown, radius).astype(np.uint8))
            radius *= 2
        parts = (unknown & (numbers == n) for n in range(1, count))
        groups = sorted(((_Box.around(part), part) for part in parts), key=lambda group: group[0])
        windows = [cls._of(box, size, photo_side) for box, _ in groups]
        with_hair = [hair is not None and bool((part & hair).any()) for _, part in groups]
        while True:
            pairs = []
            for i, j in combinations(range(len(groups)), 2):
                both = cls._of(groups[i][0].with_(groups[j][0]), size, photo_side)
                one, other = windows[i]._cost, windows[j]._cost
                worth = _WORTH if with_hair[i] == with_hair[j] else _WORTH_BESIDE_HAIR
                pairs.append((both._cost - one - other + worth * max(one, other), i, j, both))
            if not pairs or min(pairs)[0] > 0:
                return [(window, part) for window, (_, part) in zip(windows, groups, strict=True)]
            _, i, j, windows[i] = min(pairs)
            groups[i] = groups[i][0].with_(groups[j][0]), groups[i][1] | groups[j][1]
            with_hair[i] |= with_hair[j]
            del groups[j], windows[j], with_hair[j]

    @property
    def _cost(self) -> int:
        return self.pixels**2 + _OVERHEAD**2

    @classmethod
    def _of(cls, box: _Box, size: int, photo_side: float) -> Window:
        extent = max(box.bottom - box.top, box.right - box.left)
        needed = extent / size * (1 + _RELATIVE_CONTEXT) + 2 * _CONTEXT
        if photo_side <= _FINE * NETWORK_SIZE:
            return cls.whole(NETWORK_SIZE)
        finest = min(photo_side, NETWORK_SIZE / _FINEST)  # painted pixels to the crop's side
        choices = [(pixels / finest, pixels) for pixels in _SMALL]
        choices += [(max(NETWORK_SIZE / finest, min(needed, 0.5)), NETWORK_SIZE)]
        choices += [(pixels / (2 * NETWORK_SIZE), pixels) for pixels in _LARGER]
        side, pixels = next((choice for choice in choices if choice[0] >= needed), (1.0, 2 * NETWORK_SIZE))
        if side >= 1:
            return cls.whole(pixels)
        # On the crop's own grid of pixels, so that the window can be cut out of it.
        side = 2 * round(side * size / 2)
        left, top = (
            min(max((low + high - side) // 2, 0), size - side)
            for low, high in ((box.left, box.right), (box.top, box.bottom))
        )
        return cls(left / size, top / size, side / size, pixels)

    @classmethod
    def whole(cls, pixels: int) -> Window:
        """All of the crop."""
        return cls(0.0, 0.0, 1.0, pixels)

    def slices(self, size: int) -> tuple[slice, slice]:
        """Rows and columns of a crop of `size` pixels."""
        left, top, side = (round(value * size) for value in self[:3])
        return slice(top, top + side), slice(left, left + side)

    def picture(self, picture: np.ndarray) -> np.ndarray:
        """This part of a picture or plane (S, S, ...) float32 or uint8, at the window's pixels."""
        part = picture[self.slices(len(picture))]
        if len(part) == self.pixels:
            return part
        way = cv2.INTER_AREA if len(part) > self.pixels else cv2.INTER_CUBIC
        return cv2.resize(part, (self.pixels, self.pixels), interpolation=way)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """This part of a mask (S, S), at the window's pixels."""
        return resize_mask(mask[self.slices(len(mask))], (self.pixels, self.pixels), smooth=True)

    def covers(self, unknown: np.ndarray) -> np.ndarray:
        """Which of the window's pixels show anything of what is unknown (S, S)."""
        part = unknown[self.slices(len(unknown))].astype(np.float32)
        if len(part) == self.pixels:
            return part > 0
        way = cv2.INTER_AREA if len(part) > self.pixels else cv2.INTER_LINEAR
        return cv2.resize(part, (self.pixels, self.pixels), interpolation=way) > 0

    def drawn(self, covered: np.ndarray, mask: np.ndarray) -> tuple[slice, slice]:
        """Rows and columns of the window that the network draws, which need not be a square.

        Args:
            covered: what is unknown, (n, n) bool with some True at the window's pixels, as from `covers`. Around it lie
                surroundings; farther away the photo is known and nothing is painted.
            mask: the edited mask, (n, n), as from `mask`.
        """
        box = _Box.around(covered)
        plain = not (covered & ~class_region(mask, _PLAIN)).any()
        if not plain and self.side < 1:
            return slice(0, self.pixels), slice(0, self.pixels)
        least = _DRAWN_LEAST_PLAIN if plain else _DRAWN_LEAST
        n, extent = self.pixels, max(box.bottom - box.top, box.right - box.left)
        context = _DRAWN_CONTEXT * extent + 2 * _CONTEXT * n / self.side
        found = []
        for low, high in ((box.top, box.bottom), (box.left, box.right)):
            length = min(n, max(least, DRAWN_STEP * math.ceil((high - low + context) / DRAWN_STEP)))
            start = min(max((low + high - length) // 2, 0), n - length) // 4 * 4
            found.append(slice(start, start + length))
        return found[0], found[1]

    def share(self, drawn: tuple[slice, slice]) -> tuple[float, float, float, float]:
        """Top, left, height and width in fractions of the crop's side of some of the window's rows and columns."""
        (top, height), (left, width) = (
            (at.start / self.pixels * self.side, (at.stop - at.start) / self.pixels * self.side) for at in drawn
        )
        return self.top + top, self.left + left, height, width
