"""Where the outlines of a mask come from in the mask before an edit: the correspondence that warping starts from.

Per class and connected piece, in window coordinates. A piece that changed as a whole is fitted first: translation,
then similarity, then affinity, the simplest that explains its outline (Gauss-Newton on the signed distance to the
outline before, as in iterative closest points, Besl and McKay, TPAMI 1992). A piece whose outline stands still for
the most part is not moved as a whole. Either way each point of the outline then goes to the nearest point of the
outline before, where the two find each other in both directions and within `REACH`.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.labels import Label

#: Beyond the fitted motion a point of an outline is looked for this far away, as a share of the picture's side.
REACH = 0.05

#: Share of an outline that stands still from which on a piece does not move as a whole.
_STILL = 0.35

_POINTS = 240

#: How many times as long or as short hair can get as a whole: what gets longer yet is other hair.
_STRETCHED = 1.5

#: How far a face can move as a whole from where its features say, as a share of the picture's side: a fringe that
#: covers a forehead moves none.
_ASTRAY = 0.035


#: Where a distance and its gradient are sampled, around a point.
_ACROSS, _DOWN = np.array([0, 0.5, -0.5, 0, 0])[:, None], np.array([0, 0, 0, 0.5, -0.5])[:, None]


class Matches(NamedTuple):
    """points: (N, 2) int, x and y of pixels beside an outline after the edit; shift: (N, 2) float32, where they come
    from, relative to themselves, in pixels."""

    points: np.ndarray
    shift: np.ndarray


class DistanceField:
    """Signed distance (H, W) to the outline of a region, positive inside, in pixels."""

    def __init__(self, region: np.ndarray) -> None:
        inside = region.astype(np.uint8)
        inner = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
        outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
        raw = np.where(region, np.minimum(inner, 1e4) - 0.5, 0.5 - np.minimum(outer, 1e4))
        self.band = (inner < 1.5) & (outer < 1.5)  # the pixels on both sides of the outline
        # A staircase of pixels becomes the line that it stands for.
        self.values = cv2.GaussianBlur(raw, (0, 0), 1.0)

    def at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance (N,) and gradient (N, 2) at points (N, 2) of x and y, linearly; beyond the border as at it."""
        x, y = points.T
        found = sample(self.values, x + _ACROSS, y + _DOWN)
        slope = np.empty(points.shape, found.dtype)
        slope[:, 0], slope[:, 1] = found[1] - found[2], found[3] - found[4]
        return found[0], slope

    def nearest(self, points: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """The points (N, 2) of given signed distance (N,) that lie nearest."""
        for _ in range(3):
            distance, slope = self.at(points)
            steep = np.maximum((slope**2).sum(1), 0.25)
            points = points - ((distance - levels) / steep)[:, None] * slope
        return points


def sample(plane: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A plane (H, W) at x and y (...), linearly; beyond the border as at it."""
    height, width = plane.shape
    x, y = np.minimum(np.maximum(x, 0), width - 1), np.minimum(np.maximum(y, 0), height - 1)
    left, top = (np.minimum(at.astype(int), max(side - 2, 0)) for at, side in ((x, width), (y, height)))
    x, y = (x - left).astype(np.float32), (y - top).astype(np.float32)
    right, down = min(1, width - 1), min(1, height - 1) * width
    above, plane = top * width + left, plane.ravel()
    below, rest = above + down, 1 - x
    upper = plane.take(above) * rest + plane.take(above + right) * x
    lower = plane.take(below) * rest + plane.take(below + right) * x
    return upper * (1 - y) + lower * y


def match_class(
    mask_before: np.ndarray,
    mask_after: np.ndarray,
    label: int,
    wanted: np.ndarray,
    side: int,
    known: Matches | None = None,
) -> list[Matches]:
    """Matches for the outline of one class.

    Args:
        mask_before, mask_after: (H, W) class ids before and after the edit.
        label: the class.
        wanted: (H, W) bool, the pixels that matches are wanted for.
        side: of the whole picture, in pixels; what is small is small beside it.
        known: matches of the outlines of other classes, which a face moves with; None for none.
    """
    before, after = mask_before == label, mask_after == label
    if not before.any() or not after.any():
        return []
    fields = DistanceField(before), DistanceField(after)
    outline = fields[1].band & wanted
    still = outline & (np.abs(fields[0].values - fields[1].values) < 0.5)
    matches = []
    for piece, origin in _pairs(before, after, side):
        own = outline & _near(piece)
        # The outline may belong to parts that lie in it, and may stand still.
        if own.sum() < 6 or (own & still).sum() >= _STILL * own.sum():
            continue
        match = _match_piece(piece, origin, own, side, label, known)
        if match is not None:
            matches.append(match)
            outline &= ~own
    same = outline & (fields[0].values == fields[1].values)
    still = _points(same)
    points = _points(outline & ~same)
    levels = fields[1].values[outline & ~same]
    found = fields[0].nearest(points.astype(np.float64), levels)
    distance = np.hypot(*(found - points).T)
    returned = fields[1].nearest(found, levels)
    good = (distance <= REACH * side) & (np.abs(fields[0].at(found)[0] - levels) < 0.75)
    good &= np.hypot(*(returned - points).T) <= 1.5 + 0.75 * distance
    shift = np.r_[np.zeros(still.shape), (found - points)[good]].astype(np.float32)
    matches.append(Matches(np.r_[still, points[good]], shift))
    return [_with_same_neighbour(match, mask_before, mask_after, label) for match in matches]


def _points(region: np.ndarray) -> np.ndarray:
    """The pixels of a region (H, W) as x and y, (N, 2)."""
    return np.argwhere(region)[:, ::-1]


def _with_same_neighbour(match: Matches, before: np.ndarray, after: np.ndarray, label: int) -> Matches:
    """The matches at whose other side the class is the same before and after: an outline against a hat that was not
    there comes from nowhere."""
    x, y = match.points.T
    size = np.array(before.shape[::-1]) - 1
    from_x, from_y = (match.points + match.shift).round().astype(int).clip(0, size).T
    neighbours = after[y, x]
    good = np.zeros(after.shape, np.uint8)
    for neighbour in np.unique(neighbours[neighbours != label]):
        near = cv2.dilate((before == neighbour).astype(np.uint8), np.ones((5, 5), np.uint8))
        these = neighbours == neighbour
        good[y[these], x[these]] = near[from_y[these], from_x[these]]
    kept = (good[y, x] > 0) | (neighbours == label) & (cv2.dilate(good, np.ones((3, 3), np.uint8))[y, x] > 0)
    return Matches(match.points[kept], match.shift[kept])


def _match_piece(
    piece: np.ndarray, origin: np.ndarray, own: np.ndarray, side: int, label: int, known: Matches | None
) -> Matches | None:
    """Matches for the outline `own` (H, W) of a piece that came from `origin` as a whole, all (H, W) bool.

    label, known: as for `match_class`.
    """
    rows, columns = (np.flatnonzero((piece | origin).any(axis)) for axis in (1, 0))
    top, left = max(0, rows[0] - 4), max(0, columns[0] - 4)
    window = np.s_[top : rows[-1] + 5, left : columns[-1] + 5]
    piece, origin, own = piece[window], origin[window], own[window]
    target, field = DistanceField(origin), DistanceField(piece)
    points, levels = _points(own), field.values[own]
    motion = _fit(piece, origin, points, levels, target)
    if motion is None:
        return None
    if label == Label.HAIR and np.abs(np.log(np.linalg.svd(motion.matrix, compute_uv=False))).max() > np.log(
        _STRETCHED
    ):
        return None
    if label == Label.SKIN and known is not None and len(known.points):
        features = (known.points - np.array([left, top])).astype(np.float64)
        away = np.hypot(*(motion(features) - features - known.shift).T)
        if np.median(away) > _ASTRAY * side:
            return None
    placed = motion(points.astype(np.float64))
    found = target.nearest(placed, levels)
    good = np.hypot(*(found - placed).T) <= REACH * side
    good &= np.abs(target.at(found)[0] - levels) < 0.75
    return Matches((points + np.array([left, top]))[good], (found - points)[good].astype(np.float32))


def _near(region: np.ndarray) -> np.ndarray:
    return cv2.dilate(region.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def _pieces(region: np.ndarray, changed: np.ndarray, smallest: float) -> list[np.ndarray]:
    """The connected pieces of a region that the change touches and that lie whole in the window."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    touched = np.bincount(numbers[_near(changed)], minlength=count) > 0
    height, width = region.shape
    left, top, wide, high, area = stats.T
    touched &= (left > 0) & (top > 0) & (left + wide < width) & (top + high < height) & (area >= smallest)
    order = np.argsort(-area)
    return [numbers == k for k in order[touched[order] & (order > 0)][:8]]


def _pairs(before: np.ndarray, after: np.ndarray, side: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each changed piece after the edit with the piece that it was before, where that is clear."""
    changed = before != after
    smallest = max(6.0, 2e-5 * side**2)
    origins = _pieces(before, changed, smallest)
    pairs = []
    for piece in _pieces(after, changed, smallest) if origins else []:
        shared = [(piece & origin).sum() for origin in origins]
        if max(shared) > 0 or len(origins) == 1:
            best = origins[int(np.argmax(shared))]
            if 0.3 < piece.sum() / best.sum() < 3.5:
                pairs.append((piece, best))
    return pairs


class _Affinity(NamedTuple):
    """p -> centre + matrix @ (p - start) for points of x and y."""

    start: np.ndarray
    centre: np.ndarray
    matrix: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return self.centre + (points - self.start) @ self.matrix.T


def _moments(region: np.ndarray) -> tuple[np.ndarray, float, float | None]:
    """Centroid (x, y), area, and the angle of the long axis, None for round regions."""
    points = _points(region).astype(np.float64)
    centre = points.mean(0)
    spread, axes = np.linalg.eigh(np.cov((points - centre).T) + np.eye(2) / 12)
    long = axes[:, 1]
    return centre, float(len(points)), float(np.arctan2(long[1], long[0])) if spread[1] > 1.4 * spread[0] else None


def _fit(
    piece: np.ndarray, origin: np.ndarray, points: np.ndarray, levels: np.ndarray, target: DistanceField
) -> _Affinity | None:
    """The simplest motion that takes the outline of `piece` to that of `origin`; None when none comes near."""
    start, area, angle = _moments(piece)
    centre, area_before, angle_before = _moments(origin)
    some = slice(None, None, max(1, len(points) // _POINTS))
    points, levels = points[some].astype(np.float64), levels[some]
    scale = float(np.sqrt(area_before / area))
    turn = 0.0
    if angle is not None and angle_before is not None:
        turn = (angle_before - angle + np.pi / 2) % np.pi - np.pi / 2
        turn = turn if abs(turn) < np.pi / 4 else 0.0
    similar = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    best, best_error = None, np.inf
    for freedom, matrix in ((2, np.eye(2)), (4, similar), (6, None)):
        guess = best if matrix is None else _Affinity(start, centre, matrix)
        motion = _refine(guess, freedom, points, levels, target)
        error = float(np.abs(target.at(motion(points))[0] - levels).mean())
        if error < best_error - 0.08:
            best, best_error = motion, error
        if best_error < 0.2:
            break
    reach = np.hypot(*np.ptp(points, axis=0))
    return best if best_error < 0.08 * reach and np.linalg.det(best.matrix) > 0.05 else None


def _refine(
    motion: _Affinity, freedom: int, points: np.ndarray, levels: np.ndarray, target: DistanceField
) -> _Affinity:
    """Gauss-Newton steps, damped so that what the outline does not tell (the turn of a disc) stays as it is."""
    offset = points - motion.start
    size = max(float(np.sqrt((offset**2).sum(1).mean())), 1.0)
    x, y = (offset / size).T
    for _ in range(12):
        distance, slope = target.at(motion(points))
        residual = (distance - levels).clip(-6, 6)
        gx, gy = slope.T
        columns = [gx, gy]
        if freedom == 4:
            columns += [gx * x + gy * y, gy * x - gx * y]
        elif freedom == 6:
            columns += [gx * x, gx * y, gy * x, gy * y]
        jacobian = np.stack(columns, 1)
        normal = jacobian.T @ jacobian
        normal += 1e-2 * len(points) * np.eye(freedom)
        step = -np.linalg.solve(normal, jacobian.T @ residual)
        matrix = motion.matrix.copy()
        if freedom == 4:
            matrix += np.array([[step[2], -step[3]], [step[3], step[2]]]) / size
        elif freedom == 6:
            matrix += step[2:].reshape(2, 2) / size
        motion = _Affinity(motion.start, motion.centre + step[:2], matrix)
        if np.abs(step).max() < 1e-3:
            break
    return motion
