"""The label map that a quick edit works on: measuring its parts, painting, and filling in what was covered.

Coordinates and lengths are those of the face's frame (`frame.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.labels import FACE_PARTS, NUM_CLASSES, Label
from maskgan.quick_edits.frame import FaceFrame, fit_frame
from maskgan.quick_edits.regions import class_region, largest_piece, signed_distance

if TYPE_CHECKING:
    from maskgan.quick_edits.hairpieces import Worn


@dataclass
class Band:
    """A part as a curve with thickness: top and bottom (y) over x, all (N,) in frame coordinates."""

    x: np.ndarray
    top: np.ndarray
    bottom: np.ndarray


class Scene:
    """One label map under edit: `mask` (H, W) uint8 is a copy that the edit paints on.

    `moved` (H, W, 2) float32 says where the photo's pixels come from, relative to themselves in pixels, wherever the
    edit knows (see `tell`); NaN elsewhere. `worn` are the hairpieces that the edit puts on (`hairpieces.py`).
    """

    def __init__(self, mask: np.ndarray, frame: FaceFrame | None = None) -> None:
        """frame: the face's, to measure by one of another mask; fitted to this one when None."""
        self.mask = mask.copy()
        self.moved = np.full((*mask.shape, 2), np.nan, np.float32)
        self.worn: list[Worn] = []
        self.frame = fit_frame(mask) if frame is None else frame
        self.x, self.y = self.frame.coordinates(mask.shape)

    @property
    def unit(self) -> float:
        return self.frame.unit

    @property
    def nbytes(self) -> int:
        """What its arrays take."""
        return sum(each.nbytes for each in vars(self).values() if isinstance(each, np.ndarray))

    def where(self, *labels: Label) -> np.ndarray:
        """(H, W) bool: pixels of any of these classes."""
        return class_region(self.mask, labels)

    def part(self, *labels: Label) -> np.ndarray | None:
        """The classes' main piece without specks, or None when the mask has hardly a trace of them."""
        region = self.where(*labels)
        if region.sum() < max(6, 0.002 * self.unit**2):
            return None
        return largest_piece(region)

    @cached_property
    def face(self) -> np.ndarray:
        """(H, W) bool: the convex outline of the face as the mask had it, without ears and neck."""
        region = self.where(*FACE_PARTS, Label.EYE_G)
        # Opening drops the arms of glasses and threads of skin between strands of hair, which would blow it up.
        size = max(3, int(self.unit / 10) | 1)
        opened = cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
        piece = largest_piece(opened > 0 if opened.any() else region)
        rows = np.flatnonzero(piece.any(1))
        outline = np.zeros(self.mask.shape, np.uint8)
        if len(rows):  # of each row its ends are enough
            first, last = piece[rows].argmax(1), piece.shape[1] - 1 - piece[rows, ::-1].argmax(1)
            ends = np.stack([np.append(first, last), np.tile(rows, 2)], 1)
            cv2.fillConvexPoly(outline, cv2.convexHull(ends.astype(np.int32)), 1)
        return outline > 0

    def extent(self, region: np.ndarray, low: float, high: float, default: float) -> tuple[float, float]:
        """Smallest and largest x of a region between the rows y = low..high (stray pixels left out)."""
        x = self.x[region & (self.y > low) & (self.y < high)]
        return tuple(np.percentile(x, (1.5, 98.5))) if len(x) > 8 else (-default, default)

    @cached_property
    def cheeks(self) -> tuple[float, float]:
        """x of the face's two sides at the height of eyes and nose."""
        left, right = self.extent(self.face, 0.0, 0.6, 1.0)
        return min(left, -0.55), max(right, 0.55)

    @cached_property
    def chin(self) -> float:
        """y of the chin."""
        y = self.y[self.face & (abs(self.x - sum(self.cheeks) / 2) < 0.3)]
        return float(np.clip(y.max(), 1.3, 2.1)) if len(y) else 1.75

    def paint(self, region: np.ndarray, label: Label, over: Iterable[Label] | None = None) -> None:
        """Give a region one class, only where the present class is in `over` (None: everywhere)."""
        self.mask[region if over is None else region & self.where(*over)] = label

    def uncover(self, region: np.ndarray, beneath: Iterable[Label]) -> None:
        """Fill a region with the nearest class around it out of `beneath`, along a smooth border."""
        if not region.any():
            return
        beneath = tuple(beneath)
        window = self.window(region)
        mask, inside = self.mask[window], region[window]
        source = ~inside & class_region(mask, beneath)
        if not source.any():
            mask[inside] = beneath[0]
            return
        _, index = cv2.distanceTransformWithLabels(
            (~source).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        classes = np.zeros(index.max() + 1, np.uint8)
        classes[index[source]] = mask[source]
        mask[inside] = classes[index[inside]]
        self.smooth(region)

    def window(self, region: np.ndarray) -> tuple[slice, slice]:
        """The part of the picture around a region that decides what it is filled with."""
        margin = max(4, int(0.3 * self.unit))
        rows, cols = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
        return (
            slice(max(0, rows[0] - margin), rows[-1] + margin + 1),
            slice(max(0, cols[0] - margin), cols[-1] + margin + 1),
        )

    def smooth(self, region: np.ndarray) -> None:
        """Round the borders between classes within a region (majority under a small Gaussian)."""
        present = np.flatnonzero(np.bincount(self.mask[region], minlength=NUM_CLASSES))
        if len(present) < 2:
            return
        window = self.window(region)
        mask, inside = self.mask[window], region[window]
        sigma = 0.03 * self.unit
        votes = [cv2.GaussianBlur((mask == k).astype(np.float32), (0, 0), sigma)[inside] for k in present]
        mask[inside] = present[np.argmax(votes, axis=0)]

    def band(self, region: np.ndarray, steps: int = 41) -> Band:
        """Measure a region that is a function of x: its top and bottom over `steps` places."""
        x = self.x[region]
        grid = np.linspace(x.min(), x.max(), steps)
        top, bottom = self.envelope(region, grid)
        return Band(grid, top, bottom)

    def envelope(self, region: np.ndarray, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Smoothed smallest and largest y of a region at each x of an even grid (gaps interpolated)."""
        step, half_pixel = grid[1] - grid[0], 0.5 / self.unit
        bins = np.rint((self.x[region] - grid[0]) / step).astype(int).clip(0, len(grid) - 1)
        top, bottom = np.full(len(grid), np.inf), np.full(len(grid), -np.inf)
        np.minimum.at(top, bins, self.y[region] - half_pixel)
        np.maximum.at(bottom, bins, self.y[region] + half_pixel)
        seen = np.isfinite(top)
        top = np.interp(grid, grid[seen], top[seen])
        bottom = np.interp(grid, grid[seen], bottom[seen])
        return smooth_curve(top), smooth_curve(bottom)

    def between(self, x: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
        """(H, W) bool: the pixels with top(x) <= y < bottom(x), zero outside the range of x."""
        region = (self.x >= x[0]) & (self.x <= x[-1]) & (self.y >= top.min()) & (self.y <= bottom.max())
        px, py = self.x[region], self.y[region]
        region[region] = (py >= np.interp(px, x, top)) & (py < np.interp(px, x, bottom))
        return region

    def polygon(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """(H, W) bool: what lies within the polygon through frame points x, y (N,)."""
        region = np.zeros(self.mask.shape, np.uint8)
        points = np.rint(np.stack(self.frame.to_pixels(x, y), 1) * 16)
        if abs(points).max() < 1e6:
            cv2.fillPoly(region, [points.astype(np.int32)], 1, shift=4)
        return region > 0

    def reshaped(self, region: np.ndarray, x_source: np.ndarray, y_source: np.ndarray) -> np.ndarray:
        """The region pulled through a map: each pixel looks up the frame point (x_source, y_source).

        Works on the signed distance, so that enlarged contours stay smooth.
        """
        distance = cv2.GaussianBlur(signed_distance(region), (0, 0), max(0.5, 0.012 * self.unit))
        cols, rows = self.frame.to_pixels(x_source, y_source)
        return cv2.remap(distance, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0

    def tell(self, region: np.ndarray, x_source: np.ndarray, y_source: np.ndarray) -> None:
        """The photo's pixels in a region (H, W) come from the frame points (x_source, y_source), (H, W) each."""
        cols, rows = self.frame.to_pixels(x_source, y_source)
        shift = np.stack([cols - np.arange(cols.shape[1]), rows - np.arange(rows.shape[0])[:, None]], -1)
        self.moved[region] = shift[region]

    def forget(self, region: np.ndarray) -> None:
        """It is not known where the photo's pixels in a region (H, W) come from."""
        self.moved[region] = np.nan

    def around(self, region: np.ndarray, reach: float) -> np.ndarray:
        """The region (H, W) and what lies within `reach` frame units of it."""
        away = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        return away <= max(1.0, reach * self.unit)

    def warped(self, x_source: np.ndarray, y_source: np.ndarray) -> np.ndarray:
        """The whole label map pulled through a map (see `reshaped`), by the heaviest class."""
        cols, rows = self.frame.to_pixels(x_source, y_source)
        best, result = np.full(self.mask.shape, -1, np.float32), self.mask.copy()
        for k in np.flatnonzero(np.bincount(self.mask.ravel(), minlength=NUM_CLASSES)):
            plane = cv2.GaussianBlur((self.mask == k).astype(np.float32), (0, 0), 0.7)
            plane = cv2.remap(plane, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            result[plane > best] = k
            np.maximum(best, plane, out=best)
        return result


def between_lines(y: np.ndarray, after: Sequence[np.ndarray], before: Sequence[np.ndarray]) -> np.ndarray:
    """y (H, W) where each pixel comes from when lines that run from top to bottom went from `before` to `after`.

    All are (H, W), the lines' y in each pixel's column. Between two lines it is linear, beyond the outer ones a shift.
    """
    source = y + before[0] - after[0]
    for top, bottom, top_before, bottom_before in zip(after, after[1:], before, before[1:], strict=False):
        share = np.clip((y - top) / np.maximum(bottom - top, 1e-3), 0, 1)
        source = np.where(y >= top, top_before + share * (bottom_before - top_before), source)
    return np.where(y >= after[-1], y + before[-1] - after[-1], source)


def smooth_curve(values: np.ndarray, sigma: float = 1.3) -> np.ndarray:
    """Gaussian smoothing of samples (N,), straight on beyond both ends so that the ends stay in place."""
    reach = int(3 * sigma) + 1
    padded = np.pad(values, reach, mode="reflect", reflect_type="odd")
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """Smoothstep: 0 before `start`, 1 after `end`."""
    return smoothstep((value - start) / (end - start))
