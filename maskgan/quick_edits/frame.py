"""The face's own coordinate system, fitted to a label map.

Frame coordinates: origin midway between the eyes, x along the eye line towards the right side of an upright
picture (the subject's left), y towards the chin, both in units of about one eye distance. In an upright frontal
face the mouth lies at y = 1.06 and the chin near y = 1.75 (medians over hand-labelled faces).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskgan.labels import BROWS, EYES, MOUTH, NUM_CLASSES, Label
from maskgan.quick_edits.regions import box_of, class_region, largest_piece

#: Classes of a part, its position in the frame (x + iy), and its weight when the frame is fitted.
_LANDMARKS = (
    ((Label.R_EYE,), -0.47 + 0j, 2.0),
    ((Label.L_EYE,), 0.47 + 0j, 2.0),
    ((Label.R_BROW,), -0.5 - 0.22j, 1.0),
    ((Label.L_BROW,), 0.5 - 0.22j, 1.0),
    ((Label.EYE_G,), 0.07j, 1.0),
    ((Label.NOSE,), 0.4j, 1.0),
    (MOUTH, 1.06j, 3.0),
)


class QuickEditImpossible(ValueError):  # noqa: N818 - it names what the user asked for, like NoFaceFound
    """The mask lacks what this edit needs; the message is one sentence for the user."""


@dataclass(frozen=True)
class FaceFrame:
    """Similarity between frame coordinates and pixels: pixel = origin + axis * frame (complex numbers)."""

    origin: complex
    axis: complex  # pixels per frame unit, turned by the head's tilt

    @property
    def unit(self) -> float:
        """Pixels per frame unit (about one eye distance)."""
        return abs(self.axis)

    def to_pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frame coordinates -> pixel columns and rows, float32."""
        x, y, along, across = np.asarray(x), np.asarray(y), self.axis.real, self.axis.imag
        columns, rows = self.origin.real + (along * x - across * y), self.origin.imag + (across * x + along * y)
        return columns.astype(np.float32, copy=False), rows.astype(np.float32, copy=False)

    def coordinates(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Frame coordinates x, y of every pixel centre, each (H, W) float32."""
        inverse = 1 / self.axis
        cols = (np.arange(shape[1], dtype=np.float32) - np.float32(self.origin.real))[None]
        rows = (np.arange(shape[0], dtype=np.float32) - np.float32(self.origin.imag))[:, None]
        a, b = np.float32(inverse.real), np.float32(inverse.imag)
        return a * cols - b * rows, b * cols + a * rows


def _trust(labels: tuple[Label, ...], areas: np.ndarray) -> float:
    """Factor 0..1 of a landmark's weight; areas: (19,), pixels of each class.

    Raised brows and slipped glasses would shift the frame, so they do not count when both eyes are visible. A brow much
    smaller than the other (or alone) is partly hidden by hair or glasses, so its centre is unreliable.
    """
    if not set(labels) <= {*BROWS, Label.EYE_G}:
        return 1.0
    if all(areas[k] >= 6 for k in EYES):
        return 0.0
    if Label.EYE_G in labels:
        return 1.0
    sizes = sorted(areas[k] for k in BROWS)
    return 1.0 if sizes[0] > 0.5 * sizes[1] else 0.1


def fit_frame(mask: np.ndarray) -> FaceFrame:
    """Fit the face's frame to the centres of the parts in the mask (weighted least squares).

    Raises QuickEditImpossible when the mask contains no face.
    """
    expected, found, weights = [], [], []
    areas = np.bincount(mask.ravel(), minlength=NUM_CLASSES)
    for labels, place, weight in _LANDMARKS:
        if areas[list(labels)].sum() >= 6:
            region = class_region(mask, labels)
            box = box_of(region)
            rows, cols = np.nonzero(largest_piece(region[box]))
            rows, cols = rows + box[0].start, cols + box[1].start
            expected.append(place)
            found.append(cols.mean() + 1j * rows.mean())
            weights.append(weight * _trust(labels, areas))
    z, p, w = np.array(expected), np.array(found), np.array(weights)
    z, p, w = z[w > 0], p[w > 0], w[w > 0]
    if len(w) >= 2:
        z_mean, p_mean = np.average(z, weights=w), np.average(p, weights=w)
        axis = (w * np.conj(z - z_mean) * (p - p_mean)).sum() / (w * abs(z - z_mean) ** 2).sum()
        frame = FaceFrame(complex(p_mean - axis * z_mean), complex(axis))
    else:
        rows, cols = np.nonzero(mask == Label.SKIN)
        if len(rows) < 30:
            raise QuickEditImpossible("This mask shows no face to work on; paint skin, eyes and a mouth first.")
        axis = complex(np.sqrt(len(rows) / 4.3))  # an upright face: its skin covers about 4.3 square units
        origin = p[0] - axis * z[0] if len(w) else cols.mean() + 1j * rows.mean() - 0.35j * axis
        frame = FaceFrame(complex(origin), axis)
    if frame.unit < 6:
        raise QuickEditImpossible("The face in this mask is too small for quick edits; use a larger crop.")
    return frame
