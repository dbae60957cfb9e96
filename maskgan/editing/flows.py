"""Flows, fields of displacements: what they do to pictures and masks, and that they do not fold."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.quick_edits.regions import box_of

#: Displacements below this, in pixels, are none: the pixel stays bit for bit.
STILL = 0.02

#: Of two numbers of 32 bits that lie side by side all but their signs.
_NO_SIGNS = np.uint64(0x7FFF_FFFF_7FFF_FFFF)

#: Smallest Jacobian determinant of the map that a flow may have.
_JACOBIAN = 0.08

#: Pixels that OpenCV looks up one by one are laid in rows of so many: it takes up to 32767 rows.
_ACROSS = 1024


def moves(flow: np.ndarray) -> np.ndarray:
    """Where (H, W) bool a flow (H, W, 2) float32 moves anything."""
    both = np.ascontiguousarray(flow).view(np.uint64)[..., 0]
    return (both & _NO_SIGNS) != 0  # half the time of two comparisons


def lengths_of(flow: np.ndarray) -> np.ndarray:
    return cv2.magnitude(np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1]))


def window_of(inside: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The part of the picture around what is `inside` (H, W) bool, which is not empty."""
    return tuple(slice(max(0, at.start - margin), at.stop + margin) for at in box_of(inside))


def jacobian(flow: np.ndarray) -> np.ndarray:
    """Determinant (H, W) of the derivative of p -> p + flow[p]: the source's area per pixel, negative in a fold."""
    along_x = np.diff(flow, axis=1, append=flow[:, -1:])
    along_y = np.diff(flow, axis=0, append=flow[-1:])
    return (1 + along_x[..., 0]) * (1 + along_y[..., 1]) - along_x[..., 1] * along_y[..., 0]


def unfolded(flow: np.ndarray, torn: np.ndarray | None = None) -> np.ndarray:
    """A flow (H, W, 2) smoothed and weakened where it would fold, until its map is one-to-one; it may fold where it is
    `torn` (H, W) bool."""
    whole = True if torn is None else ~torn
    for attempt in range(14):
        bad = (jacobian(flow) < _JACOBIAN) & whole
        if not bad.any():
            return flow
        sigma = 1.5 + attempt
        near = cv2.dilate(bad.astype(np.float32), np.ones((3, 3), np.uint8), iterations=3 + attempt)
        near = cv2.GaussianBlur(near, (0, 0), sigma)[..., None]
        flow = flow + near * (0.95 * cv2.GaussianBlur(flow, (0, 0), sigma) - flow)
    while ((jacobian(flow) < _JACOBIAN) & whole).any():
        flow = 0.85 * flow
    return flow


def places_of(flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x and y, (H, W) each, from which a flow (H, W, 2) takes each pixel."""
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32)[None] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    return x, y


def warp_picture(picture: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) uint8 or float32 moved by a flow (H, W, 2); where the flow is 0 the same, bit for bit."""
    moving = moves(flow)
    result = picture.copy()
    if not moving.any():
        return result
    window = window_of(moving, 0)
    x, y = places_of(flow[window])
    x += window[1].start
    y += window[0].start
    result[window] = moved_pixels(picture, (x, y), moving[window], picture[window])
    return result


def moved_pixels(
    picture: np.ndarray, places: tuple[np.ndarray, np.ndarray], moving: np.ndarray, below: np.ndarray
) -> np.ndarray:
    """`below` (h, w, 3) with pixels of a picture (H, W, 3) of its kind, from x and y (h, w) float32 each, where it is
    `moving` (h, w) bool: by Lanczos' kernel, which costs so much that no other pixel is looked up."""
    at = np.flatnonzero(moving)
    if not at.size:
        return below.copy()
    rows = -(-len(at) // _ACROSS)
    x, y = (np.pad(each.ravel().take(at), (0, rows * _ACROSS - len(at))).reshape(rows, _ACROSS) for each in places)
    found = cv2.remap(picture, x, y, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
    result = below.copy()
    result.reshape(-1, below.shape[-1])[at] = found.reshape(-1, below.shape[-1])[: len(at)]
    return result


def warp_mask(mask: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """A mask (H, W) moved by a flow (H, W, 2), by the nearest pixel."""
    return warped_mask(mask, flow, (slice(0, len(mask)), slice(0, mask.shape[1])))


def warped_mask(mask: np.ndarray, flow: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
    """A window of `warp_mask`."""
    x, y = places_of(flow[window])
    x += window[1].start
    y += window[0].start
    return cv2.remap(mask, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)


def compose(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The flow (H, W, 2) of two edits in a row."""
    x, y = places_of(second)
    return second + cv2.remap(first, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def disc(radius: float) -> np.ndarray:
    """A disc of at least 3 pixels across, (n, n) uint8, as OpenCV's morphology takes it."""
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def grown(region: np.ndarray, radius: float) -> np.ndarray:
    """A region (H, W) bool and all within `radius` pixels of it."""
    result = np.zeros(region.shape, bool)
    if region.any():
        kernel = disc(radius)
        near = window_of(region, len(kernel) // 2)  # a large disc costs much
        result[near] = cv2.dilate(region[near].astype(np.uint8), kernel) > 0
    return result
