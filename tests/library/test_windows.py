"""Windows: which part of a photo is painted at which scale, and how much of it the network draws."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import draw_face, draw_mask

from maskgan.editing.windows import Window
from maskgan.labels import Label

SIZE = 512


def square(size: int, top: int, left: int, side: int) -> np.ndarray:
    inside = np.zeros((size, size), bool)
    inside[top : top + side, left : left + side] = True
    return inside


@pytest.fixture
def photo() -> np.ndarray:
    return draw_face(draw_mask(SIZE))


# --- The window ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("top, left", [(0, 0), (240, 200), (480, 481)])
@pytest.mark.parametrize(("extent", "pixels"), [(30, 128), (60, 192), (120, 256), (180, 320), (240, 384), (280, 448)])
def test_an_edit_is_seen_at_the_photos_own_scale(top: int, left: int, extent: int, pixels: int) -> None:
    unknown = square(SIZE, min(top, SIZE - extent), min(left, SIZE - extent), extent)
    window = Window.around(unknown, photo_side=SIZE)
    assert window.pixels == pixels and window.side == pixels / SIZE
    rows, columns = window.slices(SIZE)
    assert unknown[rows, columns].sum() == unknown.sum()
    assert rows.start >= 0 and rows.stop <= SIZE and columns.start >= 0 and columns.stop <= SIZE


def test_places_far_apart_have_windows_of_their_own() -> None:
    near = square(SIZE, 60, 60, 20) | square(SIZE, 66, 100, 20)
    far = square(SIZE, 400, 420, 24)
    (first, one), (second, other) = Window.several(near | far, SIZE)
    assert np.array_equal(one, near) and np.array_equal(other, far)
    assert (first.pixels, second.pixels) == (192, 128)
    assert all(part[window.slices(SIZE)].sum() == part.sum() for window, part in ((first, one), (second, other)))
    # Two large ones cost more than one that shows both.
    large = square(SIZE, 30, 30, 200) | square(SIZE, 290, 280, 200)
    ((window, part),) = Window.several(large, SIZE)
    assert window == Window.around(large, SIZE) and np.array_equal(part, large)


def test_a_small_place_beside_nearly_all_of_the_face_has_a_window_of_its_own() -> None:
    """It is finer, and what surrounds it need not be painted again with it."""
    hair, stroke = square(SIZE, 0, 0, SIZE), square(SIZE, 240, 240, 24)
    hair[100:400, 100:400] = False
    parts = dict(Window.several(hair | stroke, SIZE))
    assert sorted(window.pixels for window in parts) == [128, 512]
    assert all(np.array_equal(part, stroke if window.pixels == 128 else hair) for window, part in parts.items())
    # One that is not so small is seen by the large window for less.
    ((window, _),) = Window.several(hair | square(SIZE, 200, 200, 100), SIZE)
    assert window == Window.whole(512)


def test_a_mouth_beside_hair_has_a_window_of_its_own() -> None:
    """The hair need not be painted again when somebody goes on with the mouth, though both at once would cost less."""
    hair, mouth = square(SIZE, 0, 0, SIZE), square(SIZE, 300, 200, 100)
    hair[100:500, 100:400] = False
    assert len(Window.several(hair | mouth, SIZE)) == 1
    parts = Window.several(hair | mouth, SIZE, hair)
    assert len(parts) == 2 and all(np.array_equal(part, hair) or np.array_equal(part, mouth) for _, part in parts)


def test_specks_everywhere_share_windows() -> None:
    specks = np.zeros((SIZE, SIZE), bool)
    specks[20:500:40, 20:500:40] = True
    windows = Window.several(specks, SIZE)
    assert len(windows) <= 12 and np.array_equal(sum(part.astype(int) for _, part in windows), specks)


@pytest.mark.parametrize("photo_side", [330, 500, 700, 853, 3000])
@pytest.mark.parametrize("extent", [8, 60, 150, 250, 350, 500])
def test_no_window_is_finer_than_the_photo_or_than_training(photo_side: int, extent: int) -> None:
    unknown = square(SIZE, 5, 5, extent)
    window = Window.around(unknown, photo_side)
    assert window.pixels % 64 == 0  # which the network needs
    assert window.pixels / window.side <= max(512, min(photo_side, 256 / 0.3)) * 1.02
    rows, columns = window.slices(SIZE)
    assert unknown[rows, columns].sum() == unknown.sum()


def test_a_photo_of_few_pixels_is_painted_at_the_network_s_size() -> None:
    for extent in (20, 400):
        assert Window.around(square(SIZE, 40, 40, extent), photo_side=260) == Window.whole(256)


def test_a_large_edit_shows_the_whole_crop_at_twice_the_size() -> None:
    assert Window.around(square(SIZE, 40, 40, 400), photo_side=SIZE) == Window.whole(512)


def test_a_window_cuts_pictures_masks_and_what_is_unknown_alike(photo: np.ndarray) -> None:
    mask, unknown = draw_mask(SIZE), square(SIZE, 100, 140, 60)
    for window in (Window(0.125, 0.25, 0.5, 256), Window(0.125, 0.25, 0.375, 256), Window.whole(256)):
        rows, columns = window.slices(SIZE)
        assert window.picture(photo).shape == (256, 256, 3)
        assert window.mask(mask).shape == (256, 256)
        covered = window.covers(unknown)
        share = unknown[rows, columns].mean()
        assert share <= covered.mean() < share + 0.03  # a pixel that shows a little of it counts
    one_to_one = Window(0.125, 0.25, 0.5, 256)
    assert np.array_equal(one_to_one.picture(photo), photo[128:384, 64:320])
    assert np.array_equal(one_to_one.mask(mask), mask[128:384, 64:320])


@pytest.mark.parametrize("window", [Window.whole(256), Window.whole(512), Window(0.25, 0.25, 0.5, 256)])
@pytest.mark.parametrize("label", [Label.HAIR, Label.U_LIP])
def test_the_network_draws_what_surrounds_the_unknown(window: Window, label: Label) -> None:
    n, random = window.pixels, np.random.default_rng(0)
    for _ in range(20):
        (top, left), (height, width) = random.integers(0, n - 10, 2), random.integers(4, n // 2, 2)
        covered = np.zeros((n, n), bool)
        covered[top : top + height, left : left + width] = True
        for low, high, at in zip(
            (top, left), (top + height, left + width), window.drawn(covered, covered * label), strict=True
        ):
            assert 0 <= at.start <= low and min(high, n) <= at.stop <= n and (at.stop - at.start) % 32 == 0
            beside = 0.06 * n / window.side - 32  # what it is rounded by, at most
            assert at.start <= max(0, low - beside) and at.stop >= min(n, high + beside)
            assert at.stop - at.start >= (128 if label == Label.HAIR else 192)


def test_a_long_flat_place_is_no_square_for_the_network_and_a_mouth_is_drawn_with_its_surroundings() -> None:
    long = np.zeros((512, 512), bool)
    long[100:130, 60:400] = True
    rows, columns = Window.whole(512).drawn(long, long * Label.HAIR)
    assert columns == slice(0, 512) and rows.stop - rows.start <= 320
    top, left, height, width = Window(0.5, 0.25, 0.5, 256).share((slice(64, 192), slice(0, 256)))
    assert (top, left, height, width) == (0.25 + 0.125, 0.5, 0.25, 0.5)
    small = square(256, 100, 100, 20)
    assert Window(0.5, 0.25, 0.5, 256).drawn(small, small * Label.U_LIP) == (slice(0, 256), slice(0, 256))
