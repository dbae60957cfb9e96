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

from maskgan.blending import membrane, nearest_of, replaced, smoothstep
from maskgan.editing.chins import moved_chin
from maskgan.editing.flows import STILL, compose, disc, grown, lengths_of, moves, unfolded, window_of
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.outlines import Matches, match_class
from maskgan.labels import EARS, MOUTH, Label
from maskgan.quick_edits.regions import class_region

#: How far around a change the flow may reach, in pixels of a picture of 256 px; scaled with the picture.
_MARGIN = 8.0

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

#: What stays where it is while a chin moves.
_BESIDE_CHINS = (*MOUTH, Label.CLOTH, Label.NECK_L)

#: The solver's largest grid, and how far around the change outlines are looked at, as a share of the picture's side.
_SOLVE_SIDE, _SEEN = 144, 0.06

#: Changes farther apart than twice this share of the picture's side are edits of their own.
_FAR = 0.09

#: Flows of the last changes of masks, each with its window, for edits that follow; at most so many bytes.
FLOWS: LastingCache[tuple[tuple[slice, slice], np.ndarray]] = LastingCache(2**24, lambda found: found[1].nbytes)

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
        return _Found(place, *_flow_between(before, own, replaced(np.full_like(moved, np.nan), moved, place)))
    return _Found(place, *FLOWS.get(before, fingerprint(own), lambda: _flow_between(before, own, None)))


def _changes(before: np.ndarray, after: np.ndarray, moved: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Where (H, W) bool a class changes or a tool moves something, and where a tool told anything."""
    if moved is None:
        return before != after, np.zeros(before.shape, bool)
    told = np.isfinite(moved[..., 0])
    return (before != after) | (told & (lengths_of(np.nan_to_num(moved)) > STILL)), told


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
    chin = moved_chin(before, after)
    elsewhere = np.ones_like(free) if chin is None else ~chin.zone
    known = before[coarse], after[coarse], (free & elsewhere)[coarse], elsewhere[coarse]
    shift, fixed[coarse] = _constraints(*known, side // step)
    values[coarse] = step * shift
    if chin is not None:
        at = chin.rows, chin.columns
        values[(*at, 1)] = np.where(free[at], chin.shift, values[(*at, 1)])
        fixed[at] |= free[at]
        # A chin leaves lips, collars and what lies at the picture's lower side where they are.
        still = class_region(before, _BESIDE_CHINS)
        still[-1] = True
        fixed |= still & ~changed & ~moves(values)
    if moved is not None:
        values[told], fixed[told] = moved[told], True
    length = lengths_of(values)
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
    flow[lengths_of(flow) < STILL] = 0
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
    deep = np.minimum(deep, sum(before.shape))  # where there was no background it is beyond all numbers
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
    length = lengths_of(flow)
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
    result[lengths_of(result) < STILL] = 0
    return result


def _constraints(
    before: np.ndarray, after: np.ndarray, free: np.ndarray, elsewhere: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """Displacements (H, W, 2) along outlines where it is `free` (H, W) to guess them, and where (H, W) they hold.

    Where two classes meet, the smaller one says how their border moved: an eye moves over the skin, not the skin
    around the eye. Borders that did not change stay where they are, `elsewhere` (H, W) than at a chin that moved.
    """
    changed = before != after
    values = np.zeros((*before.shape, 2), np.float32)
    fixed = np.zeros(before.shape, bool)
    labels = np.unique(np.r_[before[changed], after[changed]])
    for label in sorted(labels, key=lambda k: int((after == k).sum())):
        y, x = np.nonzero(fixed)
        known = Matches(np.stack([x, y], 1), values[y, x])
        for match in match_class(before, after, label, free & ~fixed, side, known):
            x, y = match.points.T
            values[y, x] = match.shift
            fixed[y, x] = True
    square = np.ones((3, 3), np.uint8)
    border = cv2.dilate(after, square) != cv2.erode(after, square)
    same = cv2.dilate(changed.astype(np.uint8), square) == 0
    fixed |= border & same & elsewhere  # values are 0 there unless a piece moves as a whole
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
    flow = membrane(both)
    flow = cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
    sigma = 0.5 * (1 + factor)
    flow = cv2.GaussianBlur(flow, (0, 0), sigma)
    for _ in range(2 if told.any() else 0):
        missed = np.dstack([(values - flow) * told[..., None], told]).astype(np.float32)
        missed = cv2.GaussianBlur(missed, (0, 0), sigma)
        flow += missed[..., :2] / np.maximum(missed[..., 2:], 0.5)
    fade = smoothstep((reach - distance) / (0.3 * reach)).astype(np.float32)[..., None]
    flow = unfolded(flow * fade)
    flow[lengths_of(flow) < STILL] = 0
    return flow


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
        flow[lengths_of(flow) < STILL] = 0
        return Motion(mask, unfolded(flow, mask == Label.BACKGROUND))
