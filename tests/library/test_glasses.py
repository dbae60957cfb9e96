"""Glasses as they are drawn: frames of horn and of wire, what lenses mirror, and what lies between both."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_faces import draw_face

from maskgan.editing.glasses import draw_glasses, lenses
from maskgan.editing.looks import LOOKS
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.scene import Scene

SIZE = 512
OWN = draw_face(SIZE)
UNIT = Scene(OWN).unit
SKIN = np.full((SIZE, SIZE, 3), (205, 160, 140), np.uint8)


def drawn(edit: str, shape: str, look: str) -> tuple[np.ndarray, np.ndarray, tuple[slice, slice]]:
    """Skin with glasses, where they have a lens, and rows and columns of the one on the right."""
    mask = QUICK_EDITS[edit].apply(OWN, 1.0, shape)
    glass, _ = lenses(mask)
    right = glass & (np.arange(SIZE) > SIZE / 2)
    rows, columns = (np.flatnonzero(right.any(axis)) for axis in (1, 0))
    return draw_glasses(SKIN, mask, LOOKS[look].material)[0], glass, (rows, columns)


def thickness(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[int, int]:
    """Dark pixels of the upper and of the lower rim, in the column through the middle of a lens."""
    line = picture[:, (columns[0] + columns[-1]) // 2].mean(-1) < 100
    middle = (rows[0] + rows[-1]) // 2
    return np.count_nonzero(line[:middle]), np.count_nonzero(line[middle:])


@pytest.mark.parametrize("shape", ["round_glasses", "rectangular_glasses", "square_glasses"])
def test_horn_is_thicker_above_than_below(shape: str) -> None:
    picture, _, (rows, columns) = drawn("glasses", shape, "horn_glasses")
    above, below = thickness(picture, rows, columns)
    assert above >= below + 1 and below >= 2


def test_a_wire_is_as_thick_everywhere() -> None:
    picture, _, (rows, columns) = drawn("glasses", "round_glasses", "metal_glasses")
    line = (abs(picture[:, (columns[0] + columns[-1]) // 2].astype(int) - SKIN[0, 0]).max(-1) > 60).astype(int)
    middle = (rows[0] + rows[-1]) // 2
    assert abs(line[:middle].sum() - line[middle:].sum()) <= 1


def test_a_frame_is_lit_from_above_and_no_flat_line() -> None:
    picture, _, (rows, columns) = drawn("glasses", "square_glasses", "horn_glasses")
    across = picture[:, (columns[0] + columns[-1]) // 2].mean(-1)
    middle = (rows[0] + rows[-1]) // 2
    upper, lower = (across[part][across[part] < 100] for part in (slice(0, middle), slice(middle, SIZE)))
    assert np.median(upper) > np.median(lower) + 5 and np.ptp(upper) > 10


def test_both_dark_lenses_mirror_the_sky_above_and_a_streak_and_no_skin_shines_between_lens_and_frame() -> None:
    picture, glass, _ = drawn("sunglasses", "aviators", "dark_glasses")
    light = picture.mean(-1)
    for side in (np.arange(SIZE) < SIZE / 2, np.arange(SIZE) > SIZE / 2):
        own = glass & side
        rows = np.flatnonzero(own.any(1))
        middle = (rows[0] + rows[-1]) // 2
        above, below = (light[own & part] for part in (row_of(slice(0, middle)), row_of(slice(middle, SIZE))))
        assert np.median(above) > np.median(below) + 10 and np.percentile(above, 95) > np.median(above) + 12
        deep = own & ~np.roll(~own, 3, 0) & ~np.roll(~own, -3, 0) & ~np.roll(~own, 3, 1) & ~np.roll(~own, -3, 1)
        assert light[deep].max() < 110 and abs(picture[deep].astype(int).max(-1) - picture[deep].min(-1)).max() < 30


def row_of(rows: slice) -> np.ndarray:
    inside = np.zeros((SIZE, 1), bool)
    inside[rows] = True
    return inside


def test_clear_lenses_are_dark_at_the_frame_and_keep_what_is_behind_them() -> None:
    picture, _, (rows, columns) = drawn("glasses", "square_glasses", "horn_glasses")
    line = picture[(rows[0] + rows[-1]) // 2, columns[0] : columns[-1]].mean(-1)
    inner = np.flatnonzero(line > 100)
    assert line[inner[1]] < line[len(line) // 2] - 10
    centre = picture[(rows[0] + rows[-1]) // 2, (columns[0] + columns[-1]) // 2]
    assert abs(centre.astype(int) - SKIN[0, 0]).max() < 25


def test_tortoiseshell_has_spots_and_black_horn_none() -> None:
    mask = QUICK_EDITS["glasses"].apply(OWN, 1.0, "square_glasses")
    material = LOOKS["tortoise_glasses"].material
    plain, spotted = (draw_glasses(SKIN, mask, each)[0] for each in (material._replace(mottled=0.0), material))
    frame = (plain.mean(-1) < 120) & (plain.min(-1) > 4)
    ratio = np.log(spotted[frame].astype(float).mean(-1) / plain[frame].mean(-1))
    assert ratio.std() > 0.1 and ratio.min() < -0.15 and ratio.max() > 0.15
    assert not LOOKS["horn_glasses"].material.mottled


def test_a_face_without_glasses_stays_as_it_is() -> None:
    picture, changed = draw_glasses(SKIN, OWN, LOOKS["horn_glasses"].material)
    assert np.array_equal(picture, SKIN) and not changed.any() and Label.EYE_G not in OWN
