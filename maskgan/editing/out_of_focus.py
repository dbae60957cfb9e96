"""The middle of a wide hole in a background is shown out of focus where there are single things in that.

Pieces of it (`completion.py`) show furniture, or a window, again and again, and cut off: far from what is known nothing
tells what is there. Most people stand before what is out of focus, and nobody expects to see more of it. A median
filter (Tukey, "Exploratory Data Analysis", 1977) leaves the large parts of what the pieces show, and none of the small
things, shreds and seams. Where they show a texture, such as leaves, or a pattern that comes again, such as bricks, they
are right all over, and stay.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.completion import Completion
from maskgan.editing.ground_detail import CELLS, Detail, enlarged
from maskgan.editing.likeness import luminance, shrunk
from maskgan.sizes import NETWORK_SIZE

#: How far from what is known, in painted pixels, a hole begins to get out of focus, and from where on it is.
_FROM, _WHOLLY = 2.0, 12.0

#: Side in cells of what the median is taken of, an odd number, and sigma of the blur that follows it.
_MEDIAN, _BLUR = 7, 1.0

#: Within how many cells a texture is told, and within how many it goes over into what is none.
_AROUND, _SOFTLY = 2.0, 2.0

#: How many times what light usually differs by its strongest differences are in a texture, and beyond which there are
#: single things; how much it usually differs (0..255) up to which nothing is lost, and from which on it is a texture.
_TEXTURE, _THINGS, _FAINT, _CLEAR = 1.3, 1.8, 3.0, 7.0

#: Sigma in cells of a completion of what is larger than a pattern's detail; which correlation of that, where a piece is
#: shown and where it is from, is chance, and which a pattern's.
_DETAIL, _CHANCE, _PATTERN = 4.0, 0.2, 0.4

#: A cell of a completion is known to so much at least, and so many tell of a pattern.
_KNOWN, _FEWEST = 0.9, 50


def middle_out_of_focus(
    completion: Completion, photo: np.ndarray, wanted: np.ndarray, known: np.ndarray, away: np.ndarray, detail: Detail
) -> tuple[np.ndarray, np.ndarray]:
    """How far a completed hole is out of focus, (n, n) float32 in 0..1, and the colours (n, n, 3) float32 of that.

    Args:
        completion: what it is completed by.
        photo: (n, n, 3) float32 in 0..255, and known: (n, n) bool, what tells of the background in it.
        wanted: (n, n, 3) float32, the completed background, behind people too.
        away: (n, n) float32, how far each pixel is from what is known.
        detail: of what is known.
    """
    n = len(known)
    deep = smoothstep((away * (NETWORK_SIZE / n) - _FROM) / (_WHOLLY - _FROM))
    repeats = (_repeating(completion, photo, known) - _CHANCE) / (_PATTERN - _CHANCE)
    right = np.maximum(enlarged(_textured(completion, detail), known.shape), smoothstep(repeats))
    cells = shrunk(wanted, CELLS).round().clip(0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(cv2.medianBlur(cells, _MEDIAN).astype(np.float32), (0, 0), _BLUR)
    return (deep * (1 - right)).astype(np.float32), enlarged(soft, known.shape)


def _textured(completion: Completion, detail: Detail) -> np.ndarray:
    """Whether the pieces of a completion show a texture, (g, g) float32 in 0..1."""
    usual = detail.usual(_AROUND)
    even = smoothstep((_THINGS - detail.strongest(_AROUND) / usual) / (_THINGS - _TEXTURE))
    own = (even * smoothstep((usual - _FAINT) / (_CLEAR - _FAINT))).astype(np.float32)
    to_cells = np.float32([[1, 0, 0], [0, 1, 0]]) * completion.cells / CELLS
    moved, there = completion.moved(np.dstack([own] * 3), to_cells)
    both = cv2.GaussianBlur(np.dstack([moved[..., 0] * there, there]), (0, 0), _SOFTLY)
    return both[..., 0] / np.maximum(both[..., 1], 1e-3)


def _repeating(completion: Completion, photo: np.ndarray, known: np.ndarray) -> float:
    """The correlation, -1..1, of a photo's detail where it is known and as far off as the pieces of a completion are
    from where they are shown, on average."""
    side = completion.cells
    planes = shrunk(np.dstack([luminance(photo) * known, known]).astype(np.float32), side)
    there = planes[..., 1] > _KNOWN
    light = np.where(there, planes[..., 0] / np.maximum(planes[..., 1], 1e-3), 0)
    near = cv2.GaussianBlur(np.dstack([light, there]).astype(np.float32), (0, 0), _DETAIL)
    detail = np.where(there, light - near[..., 0] / np.maximum(near[..., 1], 1e-3), 0)
    shifts, counts = np.unique(completion.shift[completion.found].astype(int), axis=0, return_counts=True)
    total, number = 0.0, 0
    for (right, down), count in zip(shifts, counts, strict=True):
        here, other = (
            tuple(slice(max(0, way * shift), side + min(0, way * shift)) for shift in (down, right)) for way in (-1, 1)
        )
        both = there[here] & there[other]
        if np.count_nonzero(both) < _FEWEST:
            continue
        one, two = detail[here][both], detail[other][both]
        alike = 2 * float((one * two).sum()) / (float(np.square(one).sum() + np.square(two).sum()) + 1e-3)
        total, number = total + count * alike, number + count
    return total / max(number, 1)
