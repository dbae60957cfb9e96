"""Moving the photo's own pixels to where an edited mask wants them: a dense flow between two masks, without a network.

    flow = flow_between(before, after)          # where each pixel comes from, in pixels
    warped = warp_picture(photo, flow)

Outlines that moved (`outlines.py`) give the displacement along them, outlines that did not are anchors, and between
them the displacement is the membrane that hangs over both (Laplace's equation), which is exact for every affine
motion. It ends a little away from the change and never folds but where hair draws back from before a background, which
stays where it is. A tool that knows how it moved the pixels hands that over instead (`moved`).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import nearest_of, replaced, smoothstep
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.outlines import match_class
from maskgan.labels import EARS, Label
from maskgan.quick_edits.regions import class_region

#: Displacements below this, in pixels, are none: the pixel stays bit for bit.
STILL = 0.02

#: How far around a change the flow may reach, in pixels of a picture of 256 px; scaled with the picture.
_MARGIN = 8.0

#: Of two numbers of 32 bits that lie side by side all but their signs.
_NO_SIGNS = np.uint64(0x7FFF_FFFF_7FFF_FFFF)

#: The flow ends where its change per pixel would stay below about 1 / this.
_FADE = 2.5

#: How far beside hair that grows the background comes with it, as its single hairs do, and from where on it stays as it
#: is behind it; in pixels of a picture of 256 px.
_COMES, _STAYS = 2.0, 9.0

#: Background stays behind hair that draws back by so much, and not yet behind hair that hardly does; how wide its edge
#: is, which comes along with it; how far along an outline one tells of the other; in pixels of a picture of 256 px.
_HARDLY, _CLEARLY, EDGE, _ALONG = 3.0, 5.0, 3.0, 12.0

#: What is bent with a face.
_FACE = (Label.SKIN, *EARS, Label.NECK, Label.CLOTH)

#: Smallest Jacobian determinant of the map that a flow may have.
_JACOBIAN = 0.08

#: The solver's largest grid, and how far around the change outlines are looked at, as a share of the picture's side.
_SOLVE_SIDE, _SEEN = 144, 0.06

#: Changes farther apart than twice this share of the picture's side are edits of their own.
_FAR = 0.09

#: Flows of the last changes of masks, each with its window, for edits that follow; at most so many bytes.
FLOWS: LastingCache[tuple[tuple[slice, slice], np.ndarray]] = LastingCache(2**24, lambda found: found[1].nbytes)

#: Pixels that OpenCV looks up one by one are laid in rows of so many: it takes up to 32767 rows.
_ACROSS = 1024

#: Windows from this side on are matched on every second pixel, from twice this side on every third.
_MATCH_SIDE = 320


def flow_between(before: np.ndarray, after: np.ndarray, moved: np.ndarray | None = None) -> np.ndarray:
    """The backward flow of an edit: pixel p of the edited picture comes from p + flow[p] of the photo.

    Args:
        before: the photo's mask and
        after: the edited mask, (H, W) class ids of one size.
        moved: (H, W, 2) float32, the flow as far as a tool knows it, NaN elsewhere.

    Changes that lie far apart do not know of each other, unless their flows meet.

    Returns:
        (H, W, 2) float32, x and y in pixels; exactly 0 away from the change. The map p -> p + flow[p] has a positive
        Jacobian determinant everywhere but in background that hair has bared.
    """
    changed, _ = _changes(before, after, moved)
    if not changed.any():
        return np.zeros((*before.shape, 2), np.float32)
    far = _FAR * max(before.shape)
    near = window_of(changed, int(far) + 1)
    away = cv2.distanceTransform((~changed[near]).astype(np.uint8), cv2.DIST_L2, 5)
    count, numbers = cv2.connectedComponents((away <= far).astype(np.uint8))
    found = []  # places with their flows
    for number in range(1, count):
        place = np.zeros(changed.shape, bool)
        place[near] = numbers == number
        found.append(_at(place, before, after, moved))
    while True:
        flow, owner = np.zeros((*before.shape, 2), np.float32), np.zeros(before.shape, int)
        for number, (_, window, part) in enumerate(found, 1):
            moving = moves(part)
            met = set(np.unique(owner[window][moving]).tolist()) - {0}
            if met:  # they know of each other after all
                met.add(number)
                together = np.any([found[k - 1].place for k in met], axis=0)
                others = [each for k, each in enumerate(found, 1) if k not in met]
                found = [*others, _at(together, before, after, moved)]
                break
            flow[window] += part
            owner[window][moving] = number
        else:
            return flow


class _Found(NamedTuple):
    """A place (H, W) bool of changes that belong together, and their flow (h, w, 2) in a window, outside of which it is
    0."""

    place: np.ndarray
    window: tuple[slice, slice]
    flow: np.ndarray


def _at(place: np.ndarray, before: np.ndarray, after: np.ndarray, moved: np.ndarray | None) -> _Found:
    """`flow_between` for the changes at a place; of the last ones that no tool moved it is at hand."""
    own = np.where(place, after, before)
    if moved is not None:
        return _Found(place, *_flow_between(before, own, np.where(place[..., None], moved, np.float32(np.nan))))
    return _Found(place, *FLOWS.get(before, fingerprint(own), lambda: _flow_between(before, own, None)))


def _changes(before: np.ndarray, after: np.ndarray, moved: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Where (H, W) bool a class changes or a tool moves something, and where a tool told anything."""
    if moved is None:
        return before != after, np.zeros(before.shape, bool)
    told = np.isfinite(moved[..., 0])
    return (before != after) | (told & (_length(np.nan_to_num(moved)) > STILL)), told


def _flow_between(
    before: np.ndarray, after: np.ndarray, moved: np.ndarray | None
) -> tuple[tuple[slice, slice], np.ndarray]:
    """The window and flow of `_Found`; nobody changes them."""
    changed, told = _changes(before, after, moved)
    side = max(before.shape)
    scale = side / 256
    values, fixed = np.zeros((*before.shape, 2), np.float32), np.zeros(before.shape, bool)
    seen = window_of(changed, round(_SEEN * side))
    step = 1 + max(before[seen].shape) // _MATCH_SIDE
    coarse = tuple(slice(s.start, s.stop, step) for s in seen)
    free = ~grown(told, 2 * scale) if moved is not None else ~told
    shift, fixed[coarse] = _constraints(before[coarse], after[coarse], free[coarse], side // step)
    values[coarse] = step * shift
    if moved is not None:
        values[told], fixed[told] = moved[told], True
    length = _length(values)
    moving = changed | (length > STILL)
    longest = float(length[seen].max())
    if longest <= STILL:
        return seen, np.zeros((*changed[seen].shape, 2), np.float32)
    reach = _MARGIN * scale + _FADE * longest
    window = window_of(moving, int(reach) + 2)
    flow = _solve(values[window], fixed[window], told[window], moving[window], reach)
    seen = before[window], after[window], told[window], scale
    return window, _ground_behind_hair(_hair_over_ground(flow, *seen), *seen)


def _hair_over_ground(
    flow: np.ndarray, before: np.ndarray, after: np.ndarray, told: np.ndarray, scale: float
) -> np.ndarray:
    """A flow (h, w, 2) in which hair that grows covers the background beside it instead of pushing it away.

    before, after: (h, w), the masks. Single hairs beyond its outline come with it. What a tool `told` (h, w) stays.
    """
    ground = (before == Label.BACKGROUND) & (after == Label.BACKGROUND) & ~told
    if not ground.any() or not ((after == Label.HAIR) & (before == Label.BACKGROUND)).any():
        return flow
    away = cv2.distanceTransform((after == Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    outwards = np.dstack([cv2.Sobel(away, -1, *way, ksize=1) for way in ((1, 0), (0, 1))])
    share = smoothstep((away / scale - _COMES) / (_STAYS - _COMES))
    share *= ground & ((flow * outwards).sum(-1) <= 0)
    flow = unfolded(flow * (1 - share)[..., None].astype(np.float32))
    flow[_length(flow) < STILL] = 0
    return flow


def _ground_behind_hair(
    flow: np.ndarray, before: np.ndarray, after: np.ndarray, told: np.ndarray, scale: float
) -> np.ndarray:
    """A flow (h, w, 2) in which the background stays where it is while hair draws back before it.

    Arguments as for `_hair_over_ground`. Close to hair its edge comes along. Between that and where hair was the map
    folds: what lies there was covered, see `unknown_after`.
    """
    ground = (after == Label.BACKGROUND) & ((before == Label.BACKGROUND) | (before == Label.HAIR)) & ~told
    if not (ground & (before == Label.HAIR)).any() or not moves(flow).any():
        return flow
    open_ground = (after == Label.BACKGROUND).astype(np.uint8)
    beside = ground & (cv2.distanceTransform(open_ground, cv2.DIST_L2, 5) < 1.5)
    deep = cv2.distanceTransform((before != Label.BACKGROUND).astype(np.uint8), cv2.DIST_L2, 5)
    bared = np.where(beside & (before == Label.HAIR), deep / scale, np.float32(0))
    if bared.max() <= _HARDLY:
        return flow
    reach = (_MARGIN + _FADE * float(bared.max())) * scale
    near = cv2.distanceTransform((bared <= _HARDLY).astype(np.uint8), cv2.DIST_L2, 5) <= reach
    bared = cv2.dilate(bared, np.ones((2 * round(_ALONG * scale) + 1,) * 2, np.uint8))
    # Where a face is bent the background is, too.
    bent = class_region(before, _FACE) & (before != after)
    bent = cv2.morphologyEx(bent.astype(np.uint8), cv2.MORPH_OPEN, disc(scale)) > 0
    free = ~grown(bent, _ALONG * scale)
    length = _length(flow)
    bared, most, free = np.moveaxis(nearest_of(np.dstack([bared * free, length, free]), beside), -1, 0)
    stays = (smoothstep((bared - _HARDLY) / (_CLEARLY - _HARDLY)) * ground)[..., None]
    # Nor does it move more than what it lies beside.
    slower = np.where(ground & near & (free > 0) & (length > most), most / np.maximum(length, STILL), np.float32(1))
    result = flow * slower[..., None] * (1 - stays)
    hair = after == Label.HAIR
    if hair.any():
        edge = ground & (cv2.distanceTransform((~hair).astype(np.uint8), cv2.DIST_L2, 5) <= EDGE * scale)
        result = np.where(edge[..., None], flow + stays * (nearest_of(flow, hair) - flow), result)
    result = result.astype(np.float32)
    result[_length(result) < STILL] = 0
    return result


def moves(flow: np.ndarray) -> np.ndarray:
    """Where (H, W) bool a flow (H, W, 2) float32 moves anything."""
    both = np.ascontiguousarray(flow).view(np.uint64)[..., 0]
    return (both & _NO_SIGNS) != 0  # half the time of two comparisons


def _length(flow: np.ndarray) -> np.ndarray:
    return cv2.magnitude(np.ascontiguousarray(flow[..., 0]), np.ascontiguousarray(flow[..., 1]))


def window_of(inside: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The part of the picture around what is `inside` (H, W)."""
    rows, columns = (np.flatnonzero(inside.any(axis)) for axis in (1, 0))
    return tuple(slice(max(0, at[0] - margin), at[-1] + 1 + margin) for at in (rows, columns))


def _constraints(before: np.ndarray, after: np.ndarray, free: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Displacements (H, W, 2) along outlines where it is `free` (H, W) to guess them, and where (H, W) they hold.

    Where two classes meet, the smaller one says how their border moved: an eye moves over the skin, not the skin
    around the eye. Borders that did not change stay where they are.
    """
    changed = before != after
    values = np.zeros((*before.shape, 2), np.float32)
    fixed = np.zeros(before.shape, bool)
    labels = np.unique(np.r_[before[changed], after[changed]])
    for label in sorted(labels, key=lambda k: int((after == k).sum())):
        for match in match_class(before, after, label, free & ~fixed, side):
            x, y = match.points.T
            values[y, x] = match.shift
            fixed[y, x] = True
    square = np.ones((3, 3), np.uint8)
    border = cv2.dilate(after, square) != cv2.erode(after, square)
    same = cv2.dilate(changed.astype(np.uint8), square) == 0
    fixed |= border & same  # values are 0 there unless a piece moves as a whole
    return values, fixed


def _solve(values: np.ndarray, fixed: np.ndarray, told: np.ndarray, moving: np.ndarray, reach: float) -> np.ndarray:
    """The membrane over displacements (H, W, 2) that are `fixed` (H, W): smooth, free of folds, 0 beyond `reach`.

    What a tool `told` (H, W) is met more closely than the solver's grid allows.
    """
    height, width = fixed.shape
    distance = cv2.distanceTransform((~moving).astype(np.uint8), cv2.DIST_L2, 3)
    fixed = fixed | (distance >= reach)
    factor = max(1.0, max(height, width) / _SOLVE_SIDE)
    size = (max(2, round(width / factor)), max(2, round(height / factor)))
    both = np.dstack([values * fixed[..., None], fixed]).astype(np.float32)
    both = cv2.resize(both, size, interpolation=cv2.INTER_AREA)
    flow = _membrane(both[..., :2], both[..., 2])
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    sigma = 0.5 * (1 + factor)
    flow = cv2.GaussianBlur(flow, (0, 0), sigma)
    for _ in range(2 if told.any() else 0):
        missed = np.dstack([(values - flow) * told[..., None], told]).astype(np.float32)
        missed = cv2.GaussianBlur(missed, (0, 0), sigma)
        flow += missed[..., :2] / np.maximum(missed[..., 2:], 0.5)
    fade = smoothstep((reach - distance) / (0.3 * reach)).astype(np.float32)[..., None]
    flow = unfolded(flow * fade)
    flow[_length(flow) < STILL] = 0
    return flow


def _membrane(weighted: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Laplace's equation with the values weighted / weight (h, w, 2) wherever weight (h, w) > 0, coarse to fine."""
    height, width = weight.shape
    there = weight > 1e-4
    known = weighted / np.maximum(weight, 1e-4)[..., None]
    if min(height, width) <= 4:
        start = np.zeros_like(known)
    else:
        size = ((width + 1) // 2, (height + 1) // 2)
        # Odd sides are made even by one more line, so that each coarse cell is a mean of 2 x 2.
        both = np.pad(np.dstack([weighted, weight]), ((0, height % 2), (0, width % 2), (0, 0)))
        both = cv2.resize(both, size, interpolation=cv2.INTER_AREA)
        coarse = _membrane(both[..., :2], both[..., 2])
        start = cv2.resize(coarse, (2 * size[0], 2 * size[1]), interpolation=cv2.INTER_LINEAR)[:height, :width]
    flow = replaced(start, known, there)
    kernel = np.array([[1, 4, 1], [4, 0, 4], [1, 4, 1]], np.float32) / 20
    held = flow.copy()
    for _ in range(24):
        flow = cv2.filter2D(flow, -1, kernel, borderType=cv2.BORDER_REPLICATE)
        cv2.copyTo(held, there.view(np.uint8), flow)
    return flow


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


class Motion(NamedTuple):
    """What is known of how the photo's pixels move: mask, (H, W), which flow (H, W, 2) leads to.

    Edits that follow each other add up; what one of them handed over is not guessed again.
    """

    mask: np.ndarray
    flow: np.ndarray

    @classmethod
    def none(cls, mask: np.ndarray) -> Motion:
        """The photo as it is, with its own mask."""
        return cls(mask, np.zeros((*mask.shape, 2), np.float32))

    def to(self, mask: np.ndarray, moved: np.ndarray | None = None) -> Motion:
        """One edit further: to another mask, with what its tool hands over (see `flow_between`)."""
        if moved is None and np.array_equal(mask, self.mask):
            return self
        step = flow_between(self.mask, mask, moved)
        if not self.flow.any():
            return Motion(mask, step)
        flow = compose(self.flow, step)
        flow[_length(flow) < STILL] = 0
        return Motion(mask, unfolded(flow, mask == Label.BACKGROUND))


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
