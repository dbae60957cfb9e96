"""The edge of a neck that comes to light before a background: no dark line along it, and no stair."""

from __future__ import annotations

import numpy as np
import pytest

from maskgan.editing.bared_edges import with_even_edges
from maskgan.labels import Label

N, SKIN, WALL = 128, (180, 130, 110), (205, 210, 215)


@pytest.fixture
def slope() -> np.ndarray:
    """A mask of a neck before a wall, whose edge is a stair."""
    rows, columns = np.mgrid[:N, :N]
    return np.where(columns < 60 + rows // 6, Label.NECK, Label.BACKGROUND).astype(np.uint8)


def painted(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a network makes of a neck from which hair was taken away, with a dark line, and what is unknown."""
    neck = mask == Label.NECK
    edge = 60 + np.arange(N)[:, None] // 6
    columns = np.arange(N)[None]
    picture = np.where(neck[..., None], SKIN, WALL).astype(np.float32)
    picture[neck & (columns >= edge - 6)] *= 0.5
    return picture, np.broadcast_to(columns >= edge - 9, (N, N)).copy()


def test_skin_keeps_its_colour_up_to_its_edge(slope: np.ndarray) -> None:
    picture, unknown = painted(slope)
    even = with_even_edges(picture, picture.astype(np.uint8), unknown, slope, 2.0)
    for row in range(20, 108, 8):
        edge = 60 + row // 6
        assert np.abs(picture[row, edge - 4] - SKIN).max() > 60, "the dark line was there"
        assert np.abs(even[row, edge - 4] - SKIN).max() < 20
        assert np.abs(even[row, edge - 12] - SKIN).max() < 2 and np.abs(even[row, edge + 6] - WALL).max() < 2
    assert np.array_equal(even[:, :45], picture[:, :45]), "away from the edge nothing changes"


def test_the_edge_is_no_stair(slope: np.ndarray) -> None:
    picture, unknown = painted(slope)
    even = with_even_edges(picture, picture.astype(np.uint8), unknown, slope, 2.0)
    light = even[20:108].mean(-1)
    half = (light[:, 40] + light[:, 100]) / 2
    # Where each row crosses from skin to wall, between pixels.
    right = (light > half[:, None]).argmax(1)
    rows = np.arange(len(light))
    low, high = light[rows, right - 1], light[rows, right]
    crossing = right - 1 + (half - low) / (high - low)
    straight = np.polyval(np.polyfit(rows, crossing, 1), rows)
    assert np.abs(crossing - straight).max() < 0.3
    steps = 60 + np.arange(20, 108) // 6
    assert np.abs(steps - np.polyval(np.polyfit(rows, steps, 1), rows)).max() > 0.4, "the mask's own is one"


def test_what_is_known_stays_and_so_does_hair(slope: np.ndarray) -> None:
    picture, unknown = painted(slope)
    known = np.zeros_like(unknown)
    assert with_even_edges(picture, picture.astype(np.uint8), known, slope, 2.0) is picture
    hair = np.where(slope == Label.NECK, np.uint8(Label.HAIR), slope)
    assert with_even_edges(picture, picture.astype(np.uint8), unknown, hair, 2.0) is picture
