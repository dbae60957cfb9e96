"""A background, and the light of a forehead, go on where hair or a hat was taken away.

In the middle of a large hole a network sees nothing of the photo, and paints the fog of an average background there.
Where what is known around is even, or out of focus, no network is needed to tell what lies between: its colours go on,
and texture is added as everywhere (`texture.py`). A background that is sharp, with things in it that could go on in
many ways, is completed in pieces of it. A forehead keeps the network's drawing and takes its light from the skin below.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import over_channels, replaced, smoothstep, thrice
from maskgan.editing.completion import Completion
from maskgan.editing.flows import grown
from maskgan.editing.ground_detail import CELLS, Detail, around, enlarged
from maskgan.editing.ground_lines import GroundLines
from maskgan.editing.likeness import shrunk
from maskgan.editing.out_of_focus import middle_out_of_focus
from maskgan.editing.texture import DETAIL, fine_detail
from maskgan.labels import BROWS, EYES, MOUTH, Label
from maskgan.quick_edits.regions import class_region
from maskgan.sizes import NETWORK_SIZE

#: Share of a window from which on a hole in the background is large, and that has to be known of it at least.
_LARGE, _KNOWN = 0.01, 0.005

#: Painted pixels beside an outline that hold some of the other side's colours, and how soft an outline is.
_BORDER, _SOFT = 3.0, 0.5

#: Within how many cells colours go on, farthest first.
_REACHES = (16.0, 8.0, 4.0, 2.0)

#: Side of the grid on which paint is joined to what is known beside it, and within how many of its cells.
_SEAM, _BEYOND = 128, (3.0, 1.5, 0.75)

#: How far around eyes and brows skin is darker than a forehead, in painted pixels.
_SOCKET = 8.0

#: How far hair casts its shadow, in painted pixels.
_SHADE = 10.0

#: Which part of what a network draws on a forehead stays, of how much at most (0..255), and between which distances
#: from eyes and brows ever less of it does, in painted pixels.
_DRAWN, _STRONGEST, _CREASES = 0.35, 25.0, (3.0, 9.0)

#: How uneven a background is completed, and how far a hole in it reaches from what is known, as part of the side: up to
#: there a network does well. How far beside a hole its paint reaches, in painted pixels.
_HARDLY, _DEEP, _BESIDE = 0.1, 0.04, 8.0

#: Within how many pixels of half the painted size pieces of a background go over into each other, by how coarse it is.
_WIDTHS = (1.0, 2.5, 6.0)

#: Within how many cells of `_SEAM` a step between a hole and what is known fades out, and how much what both sides tell
#: of it counts.
_FADING, _TOLD = (6.0, 3.0), 4.0

#: What lies below a forehead, and what below its brows.
_FEATURES = (*EYES, *BROWS, *MOUTH, Label.NOSE, Label.EYE_G)
_BELOW = (*EYES, *MOUTH, Label.NOSE, Label.EYE_G)

#: Within how many cells a background is even or not, and the deviations (0..255) up to which it is, and beyond which it
#: is not.
_AROUND, _EVEN, _UNEVEN = 12.0, 10.0, 24.0

#: How much light usually differs (0..255) up to which a background is out of focus, and beyond which it is sharp.
_BLURRED, _SHARP = 1.8, 2.5

#: How much light usually differs (0..255) up to which there are only lines in a background that has some, and beyond
#: which there is more, such as leaves; how many times that the texture between lines is at most.
_ONLY_LINES, _LEAVES, _TEXTURE = 7.0, 14.0, 3.0

#: Colours go on from what is next to a hole: in how many pixels to a cell, and within how many of these cells.
_FINER = ((4, (6.0, 3.0, 1.5)), (2, (2.0, 1.0)))


def lines_of_the_ground(photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray) -> GroundLines | None:
    """The straight edges of a background that go on in a large hole of it, None without any.

    Arguments as for `with_plain_ground_gone_on`.
    """
    ground = mask == Label.BACKGROUND
    known = _known_beside_a_hole(ground, unknown)
    return None if known is None else GroundLines.carried_on(photo.astype(np.float32), known, ground & unknown)


def with_plain_ground_gone_on(
    picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray, lines: GroundLines | None = None
) -> np.ndarray:
    """Painted background in the colours that a plain or blurred background has around it.

    Args:
        picture: what is painted, (n, n, 3) float32 in 0..255, n a multiple of 64.
        photo: the moved photo, (n, n, 3) uint8 or float32.
        unknown: (n, n) bool, where it is painted.
        mask: the edited mask, (n, n).
        lines: see `lines_of_the_ground`; close to them a background is plain where there is nothing but lines in it.

    Returns a picture (n, n, 3) float32; only what is painted is changed, and only beside and in
    large holes of the background.
    """
    ground = mask == Label.BACKGROUND
    known = _known_beside_a_hole(ground, unknown)
    if known is None:
        return picture
    uneven = _uneven(*_coarse(photo, known)[::-1])
    usual = Detail.of(photo, known).usual(_AROUND)
    plain = 1 - uneven * _besides_lines(usual, lines) * _sharp(usual)
    if not plain.any():
        return picture
    plain, wanted = enlarged(plain, mask.shape), _plain(photo, known, uneven)
    if lines is not None:
        wanted = lines.over(wanted)
    scale = len(mask) / NETWORK_SIZE
    soft = cv2.GaussianBlur(ground.astype(np.float32), (0, 0), _SOFT * scale)
    # What is known beside the hole stays as it is, where the paint's edge is laid over it.
    touched = unknown | (ground & grown(ground & unknown, _BESIDE * scale))
    wanted = replaced(photo.astype(np.float32), wanted, unknown)
    return picture + (plain * soft * touched)[..., None] * (wanted - picture)


def with_uneven_ground_completed(
    picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray, lines: GroundLines | None = None
) -> tuple[np.ndarray, Completion | None]:
    """Painted background in pieces of an uneven and sharp one around it, see `completion.py`.

    Arguments as for `with_plain_ground_gone_on`. Returns a picture (n, n, 3) float32 and where its
    detail comes from, None where nothing was completed.
    """
    n, ground = len(mask), mask == Label.BACKGROUND
    known = _known_beside_a_hole(ground, unknown)
    if known is None:
        return picture, None
    coarse = _uneven(*_coarse(photo, known)[::-1])
    detail = Detail.of(photo, known)
    usual = detail.usual(_AROUND)
    uneven, sharp = (enlarged(plane, mask.shape) for plane in (coarse, _sharp(usual)))
    hole = ground & unknown
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    if (uneven * sharp)[hole].mean() < _HARDLY or away[hole].max() < _DEEP * n:
        return picture, None
    whole = photo.astype(np.float32)
    completion = Completion.planned(whole, picture, known, hole)
    if completion is None:
        return picture, None
    scale, detailed = n / NETWORK_SIZE, 1.0
    pieces, texture, there = _joined(completion, whole, known, hole, scale)
    # An even background has its colours from all around, and only its texture from somewhere.
    plain = _plain(photo, known, coarse)
    if lines is not None:
        plain = lines.over(plain)
        besides = enlarged(_besides_lines(usual, lines), mask.shape)
        beside = 1 - lines.weight
        uneven = uneven * besides * beside
        most = enlarged(_TEXTURE * usual, mask.shape)[..., None]
        calm = texture.clip(-most, most)
        texture = beside[..., None] * (calm + besides[..., None] * (texture - calm))
        detailed = besides * beside
    pieces = texture + plain + uneven[..., None] * (pieces - texture - plain)
    behind = replaced(replaced(plain, pieces, hole), whole, known)
    calm, soft = middle_out_of_focus(completion, whole, behind, known, away, detail)
    if lines is not None:
        soft += lines.weight[..., None] * (lines.colours - soft)
    wanted = replaced(whole, pieces + calm[..., None] * (soft - pieces), unknown)
    beside = ground & grown(hole, _BESIDE * scale)
    weight = cv2.GaussianBlur(ground.astype(np.float32), (0, 0), _SOFT * scale) * beside
    there *= sharp
    weight *= np.where(unknown, there, 1)
    picture = picture + weight[..., None] * (wanted - picture)
    return picture, completion._replace(share=there * detailed * (1 - calm))


def _joined(
    completion: Completion, photo: np.ndarray, known: np.ndarray, hole: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A hole's pieces (n, n, 3) float32 less their finest detail, joined to each other and to what is known of a photo
    (n, n, 3) float32, what of that is texture, and where in the hole there are some (n, n) float32 in 0..1.

    The coarser what is seen, the wider pieces go over into each other (Burt and Adelson, "A Multiresolution Spline",
    ACM TOG 1983): a background that is out of focus has no seam, and one that is sharp loses nothing.
    """
    n = len(known)
    planes = np.dstack([photo * known[..., None], known]).astype(np.float32)
    planes = shrunk(cv2.GaussianBlur(planes, (0, 0), DETAIL), n // 2)
    to_cells = np.float32([[1, 0, 0], [0, 1, 0]]) * completion.cells / len(planes)
    missing, share = (shrunk(region.astype(np.float32), n // 2) for region in (hole, known))
    seams = cv2.resize(completion.seams().astype(np.float32), share.shape, interpolation=cv2.INTER_NEAREST)
    seen, texture = _colours(planes), np.zeros((*share.shape, 3), np.float32)
    for narrow, wide in zip((0.0, *_WIDTHS), (*_WIDTHS, None), strict=True):
        band = _colours(planes)
        if wide is not None:
            planes = planes - fine_detail(planes, np.sqrt(wide**2 - narrow**2) * scale)
            band = band - _colours(planes)
        moved, there = completion.moved(band, to_cells, missing > 0)
        filled = missing * (there > 0.5)
        both = np.dstack([share[..., None] * band + filled[..., None] * moved, share + filled])
        band = _colours(both)
        if narrow:
            soft, near = (plane - fine_detail(plane, narrow * scale) for plane in (both, seams))
            band += np.minimum((1 + narrow * scale) / 2 * near, 1)[..., None] * (_colours(soft) - band)
        if wide is not None:
            texture += band
    pieces = texture + band
    pieces += _step(pieces, filled, seen, share)
    planes = pieces, texture, there
    pieces, texture, there = (cv2.resize(plane, (n, n), interpolation=cv2.INTER_LINEAR) for plane in planes)
    return pieces, texture, hole * (4 * there).clip(0, 1)


def _step(colours: np.ndarray, filled: np.ndarray, seen: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What filled colours (g, g, 3) lack of those that are seen (g, g, 3) beside them, which fades out into what is
    filled, (g, g, 3).

    filled, known: (g, g) float32, the share of each cell that is.
    """
    planes = [np.dstack([part * share[..., None], share]) for part, share in ((seen, known), (colours, filled))]
    planes = [cv2.GaussianBlur(shrunk(plane, _SEAM), (0, 0), _BEYOND[1]) for plane in planes]
    meet = _TOLD * planes[0][..., 3] * planes[1][..., 3]
    step = _gone_on(_colours(planes[0]) - _colours(planes[1]), meet, _FADING, 0.0)
    return enlarged(step, known.shape) * filled[..., None]


def _colours(planes: np.ndarray) -> np.ndarray:
    """Colours (n, n, 3) of planes (n, n, 4) that hold them times a share, and that share."""
    return planes[..., :3] / np.maximum(planes[..., 3:], 1e-3)


def _known_beside_a_hole(ground: np.ndarray, unknown: np.ndarray) -> np.ndarray | None:
    """The part (n, n) bool of a background (n, n) that can be seen, without its outline; None unless a large hole is in
    it and enough of it is known."""
    if np.count_nonzero(ground & unknown) < _LARGE * ground.size:
        return None
    known = ground & ~unknown & ~grown(~ground, _BORDER * len(ground) / NETWORK_SIZE)
    return known if known.mean() >= _KNOWN else None


def with_forehead_gone_on(picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A painted forehead whose light and colours go on from the skin below it, so that no seam shows where hair was.

    Arguments and result as for `with_plain_ground_gone_on`. Of the paint's own drawing a part stays: it has blotches
    and shadows of strands that are no longer there. From the brows down to the eyes the change fades out.
    """
    skin = mask == Label.SKIN
    top, low = _top(class_region(mask, _FEATURES)), _top(class_region(mask, _BELOW))
    rows, scale = np.arange(len(mask))[:, None], len(mask) / NETWORK_SIZE
    forehead = skin & (rows < low)
    if np.count_nonzero(forehead & unknown & (rows < top)) < _LARGE * mask.size:
        return picture
    known = skin & ~unknown & ~grown(~skin, _BORDER * scale)
    telling = known & ~grown(class_region(mask, (*EYES, *BROWS)), _SOCKET * scale)
    if telling.mean() < _KNOWN:
        return picture
    both = replaced(photo.astype(np.float32), picture, unknown)
    own, wanted = (enlarged(_gone_on(*_coarse(*seen)[::-1]), mask.shape) for seen in ((both, skin), (photo, telling)))
    # The paint's own shadow of the hair stays.
    away = cv2.distanceTransform((mask != Label.HAIR).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    away = np.minimum(away, len(mask))  # where there is no hair it is as good as infinite
    weight = smoothstep(away / scale / _SHADE) * forehead
    if low > top:
        weight = weight * (1 - smoothstep((rows - top) / (low - top)))
    # Paint goes on from what it sees beside it, and its edge is laid over that.
    picture = picture + weight.astype(np.float32)[..., None] * (wanted - own)
    beside = cv2.distanceTransform((~class_region(mask, _FEATURES)).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    beside = np.minimum(beside, len(mask))
    calm = weight * smoothstep((beside / scale - _CREASES[0]) / np.ptp(_CREASES))
    drawn = _DRAWN * (picture - wanted).clip(-_STRONGEST, _STRONGEST)
    picture += calm.astype(np.float32)[..., None] * (wanted + drawn - picture)
    return picture + _missing_beside(picture, photo, known) * forehead[..., None]


def _missing_beside(picture: np.ndarray, photo: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What paint (n, n, 3) float32, which also shows what is `known` (n, n) bool of the photo (n, n, 3), lacks of that.

    It fades out into what is painted, which so begins in the colours that are beside it: a membrane (Pérez et al.,
    SIGGRAPH 2003), worked out as a normalised convolution.
    """
    share, error = _coarse(photo - picture, known, _SEAM)
    return enlarged(_gone_on(error, share, _BEYOND, 0.0), known.shape)


def _top(region: np.ndarray) -> int:
    """The first row of a region (n, n) bool; n without any."""
    rows = np.flatnonzero(region.any(1))
    return int(rows[0]) if len(rows) else len(region)


def _coarse(picture: np.ndarray, known: np.ndarray, cells: int = CELLS) -> tuple[np.ndarray, np.ndarray]:
    """The share of each cell (g, g) that is `known` (n, n) bool, and the mean colour (g, g, 3) of that."""
    share = shrunk(known.astype(np.float32), cells)
    own = cv2.copyTo(picture.astype(np.float32, copy=False), known.view(np.uint8))
    return share, shrunk(own, cells) / thrice(np.maximum(share, 1e-6))


def _plain(photo: np.ndarray, known: np.ndarray, uneven: np.ndarray) -> np.ndarray:
    """The colours (n, n, 3) float32 of a photo (n, n, 3) as they go on from what is `known` of it, (n, n) bool.

    uneven: (g, g), see `_uneven`. What differs much from what is even, such as hair that no mask holds, tells little.
    """
    result = enlarged(_gone_on(*_coarse(photo, known)[::-1]), known.shape)
    for pixels, reaches in _FINER:
        share, missing = _coarse(photo - result, known, len(known) // pixels)
        usual = enlarged(_EVEN + 255 * uneven, share.shape)
        share = share * np.minimum(np.square(usual / np.maximum(over_channels(np.maximum, abs(missing)), 1)), 1)
        result += enlarged(_gone_on(missing, share, reaches, 0.0), known.shape)
    return result


def _uneven(colours: np.ndarray, share: np.ndarray) -> np.ndarray:
    """How uneven, 0..1 (g, g), colours (g, g, 3) are around each cell, of which that share (g, g) is known."""
    mean = (colours * share[..., None]).sum((0, 1)) / share.sum()
    away = colours - mean  # so that single precision keeps the squares
    means = around(np.dstack([away, np.square(away).sum(-1)]), share, _AROUND)
    variance = (means[..., 3] - np.square(means[..., :3]).sum(-1)) / 3
    return smoothstep((np.sqrt(np.maximum(variance, 0)) - _EVEN) / (_UNEVEN - _EVEN)).astype(np.float32)


def _besides_lines(usual: np.ndarray, lines: GroundLines | None) -> np.ndarray | float:
    """How much more than lines, 0..1 (g, g), a background with such detail has around each cell; 1 without lines."""
    if lines is None:
        return 1.0
    more = smoothstep((usual - _ONLY_LINES) / (_LEAVES - _ONLY_LINES))
    return (1 - shrunk(lines.near, CELLS) * (1 - more)).astype(np.float32)


def _sharp(usual: np.ndarray) -> np.ndarray:
    """Whether a photo of that usual detail (g, g) is sharp around each cell, 0..1 (g, g)."""
    return smoothstep((usual - _BLURRED) / (_SHARP - _BLURRED)).astype(np.float32)


def _gone_on(
    colours: np.ndarray, share: np.ndarray, reaches: tuple[float, ...] = _REACHES, far: float | None = None
) -> np.ndarray:
    """Colours (g, g, 3) of which that share (g, g) is known, also where nothing is: a normalised convolution (Knutsson
    and Westin, CVPR 1993) over ever nearer surroundings, each as far as it knows more; `far` from all that is known
    their mean."""
    if far is None:
        far = (colours * share[..., None]).sum((0, 1)) / share.sum()
    result = np.broadcast_to(far, colours.shape)
    for reach in reaches:
        near = cv2.GaussianBlur(np.dstack([(colours - result) * thrice(share), share]), (0, 0), reach)
        *near, weight = cv2.split(near)
        weight += 0.02
        result = result + cv2.merge([plane / weight for plane in near])
    return result.astype(np.float32)
