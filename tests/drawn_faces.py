"""Drawn faces of any tilt, size and completeness, as masks, and what is measured on them."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.frame import fit_frame

FACE = [k for k in Label if Label.SKIN <= k <= Label.L_LIP and k not in (Label.L_EAR, Label.R_EAR)]


def draw_face(
    size: int = 256,
    tilt: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
    without: tuple[Label, ...] = (),
    extra: tuple[str, ...] = (),
) -> np.ndarray:
    """A drawn face: ellipses in frame units around the middle of the eyes, tilted by `tilt` degrees."""
    unit = size / 4 * scale
    centre = np.array([size * 0.5, size * 0.47]) + np.array(shift) * size
    turn = np.deg2rad(tilt)
    axes = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    mask = np.zeros((size, size), np.uint8)

    def ellipse(label: Label, x: float, y: float, rx: float, ry: float, start: int = 0, end: int = 360) -> None:
        if label in without:
            return
        at = centre + unit * axes @ (x, y)
        axis = (max(1, round(rx * unit)), max(1, round(ry * unit)))
        cv2.ellipse(mask, np.rint(at).astype(int).tolist(), axis, tilt, start, end, int(label), -1)

    def box(label: Label, x0: float, y0: float, x1: float, y1: float) -> None:
        if label not in without:
            corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
            points = np.rint(centre + unit * corners @ axes.T).astype(np.int32)
            cv2.fillConvexPoly(mask, points, int(label))

    box(Label.CLOTH, -1.9, 2.0, 1.9, 6.0)
    ellipse(Label.HAIR, 0, -0.3, 1.3, 1.45)
    if "long hair" in extra or "bob" in extra:
        box(Label.HAIR, -1.3, -0.3, 1.3, 3.0 if "long hair" in extra else 0.9)
    box(Label.NECK, -0.7, 1.0, 0.7, 2.15)
    if "scarf" in extra:
        ellipse(Label.HAT, 0, -0.3, 1.35, 1.5)
        box(Label.HAT, -1.9, 0.5, 1.9, 1.75)
        box(Label.CLOTH, -1.9, 1.75, 1.9, 6.0)
    if "brim" in extra:  # wide, seen from below
        ellipse(Label.HAT, 0, 0, 2.2, 1.25)
        ellipse(Label.HAIR, 0, 0.35, 1.15, 1.1)
    if not {"long hair", "bob", "scarf"} & set(extra):
        ellipse(Label.R_EAR, -1.08, 0.35, 0.16, 0.36)
        ellipse(Label.L_EAR, 1.08, 0.35, 0.16, 0.36)
    ellipse(Label.SKIN, 0, 0.35, 1.0, 1.4)
    ellipse(Label.NOSE, 0, 0.4, 0.3, 0.36)
    if "glasses" in extra:
        ellipse(Label.EYE_G, -0.47, 0.05, 0.4, 0.32)
        ellipse(Label.EYE_G, 0.47, 0.05, 0.4, 0.32)
    for side, eye, brow in ((-1, Label.R_EYE, Label.R_BROW), (1, Label.L_EYE, Label.L_BROW)):
        ellipse(eye, 0.47 * side, 0, 0.2, 0.08)
        ellipse(brow, 0.5 * side, -0.26, 0.34, 0.07)
    ellipse(Label.L_LIP, 0, 1.06, 0.4, 0.16, 0, 180)
    ellipse(Label.U_LIP, 0, 1.06, 0.4, 0.11, 180, 360)
    if "open" in extra:
        ellipse(Label.MOUTH, 0, 1.06, 0.3, 0.07)
    if "hat" in extra:
        ellipse(Label.HAT, 0, -0.65, 1.35, 1.15, 180, 360)
    return mask


def area(mask: np.ndarray, *labels: Label) -> int:
    return int(np.isin(mask, labels).sum())


def extent(mask: np.ndarray, *labels: Label) -> tuple[int, int, int, int]:
    """x0, x1, y0, y1 of the classes."""
    rows, cols = np.nonzero(np.isin(mask, labels))
    return cols.min(), cols.max(), rows.min(), rows.max()


def around_frame(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates x and y of every pixel in the frame of a drawn face that was not edited."""
    return fit_frame(mask).coordinates(mask.shape)


def in_glasses(size: int, arms: tuple[int, int, int] | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grainy face in glasses with arms of a colour that the mask has none of, its mask, and where the arms are."""
    bare = draw_face(size)
    mask = QUICK_EDITS["glasses"].apply(bare)
    columns = np.flatnonzero((mask == Label.EYE_G).any(0))
    for arm in (np.s_[:, : columns[0] + 25], np.s_[:, columns[-1] - 24 :]):
        mask[arm] = bare[arm]
    noise = np.random.default_rng(3).normal(0, 2, (size, size, 1))
    photo = np.full((size, size, 3), (205, 165, 145)) + noise
    photo[mask == Label.HAIR] = (110, 85, 70)
    photo = photo.clip(0, 255).astype(np.uint8)
    rows, columns = np.nonzero(mask == Label.EYE_G)
    level, drawn = int(np.median(rows)), np.zeros(mask.shape, np.uint8)
    for start, end in ((columns.min(), columns.min() - 40), (columns.max(), columns.max() + 40)):
        cv2.line(drawn, (int(start), level), (int(end), level - 8), 1, 4)
    there = (drawn > 0) & (mask != Label.EYE_G)
    if arms is not None:
        photo[there] = arms
    return photo, mask, there


def hair_over_a_neck(
    size: int = 512, hair: tuple[int, int, int] = (40, 30, 26)
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A grainy face in long hair, a lock of which lies on one side of the neck, where the lock is, and its masks, with
    and without the hair beside the neck, which have the lock in the neck."""
    before = draw_face(size, scale=0.75, extra=("long hair",))
    below = np.flatnonzero((before == Label.NECK).any(1))[-1] + 1
    before[below:] = Label.CLOTH
    after = before.copy()
    after[size // 2 :][after[size // 2 :] == Label.HAIR] = Label.BACKGROUND
    neck = before == Label.NECK
    left = np.flatnonzero(neck.any(0))[0]
    lock = neck & (np.arange(size) < left + size // 24)
    colours = np.full((19, 3), 150.0)
    colours[[Label.SKIN, Label.NECK]], colours[Label.HAIR] = (214, 170, 150), hair
    photo = colours[before] + np.random.default_rng(0).normal(0, 3, (size, size, 1))
    photo[lock] = hair
    return photo.clip(0, 255).astype(np.uint8), lock, before, after
