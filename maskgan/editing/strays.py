"""What lies over the forehead beside hair or a hat, and its shadow there: no mask holds it.

A parser draws the outline of a fringe where most of it ends, and leaves the tip or the lining of a scarf to the skin.
When it is taken away, what hangs beyond that outline would stay in the air, and a network that sees it would paint more
of the kind. How far a pixel goes from the colour of the skin to that of the hair or hat tells where there is some: the
share of `over` (Porter and Duff, SIGGRAPH 1984) that fits it best.
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import averaged_within, nearest_of, over_channels
from maskgan.editing.flows import disc, grown
from maskgan.editing.likeness import shrunk
from maskgan.labels import BROWS, EARS, EYES, Label
from maskgan.quick_edits.regions import class_region
from maskgan.sizes import NETWORK_SIZE

#: What leaves strays.
_LEAVING = (Label.HAIR, Label.HAT)

#: How far hair has to move, in pixels of `NETWORK_SIZE`, for its strays to be left behind, and how far from it they are
#: looked for then, and how wide gaps in them are that are drawn out with them, in cells.
_CARRIED, _DRAWN_OUT, _GAP = 10.0, 24.0, 2.0

#: What is no skin of a forehead.
_FEATURES = (*BROWS, *EYES, Label.EYE_G)

#: Side of the grid on which strays are looked for.
_CELLS = 128

#: In cells: how small a part of hair leaves none, how far from it they are looked for, how far from hair skin shows its
#: own colour, how far from features none are looked for, what is a speck, and how far beyond them paint reaches.
_LARGE, _FAR, _BARE, _BESIDE, _SPECK, _PAINTED = 2.0, 14.0, 7.0, 1.5, 1.0, 1.0

#: Within how many cells of what is taken away it lies over brows and beside them, how far over a brow from where it is
#: seen beside that, and which part of the way it has gone there: as much as no edge of a brow.
_BURIED, _ACROSS, _CLEARLY = 9.0, 3.0, 0.6

#: Sigma in cells of the smoothing of their outline: paint may be less light than what is beside it.
_ROUND = 1.2

#: Within how many cells the colour of the skin is told.
_AROUND = 6.0

#: Within how many cells the colour of a neck is told, and how far from hair it shows that; which part of the way to the
#: hair's colour is more of that than of the neck's.
_NECK_AROUND, _BESIDE_HAIR, _MOSTLY = 8.0, 5.0, 0.35

#: Which part of the way from the colour of the skin to that of the hair or hat is some of it, and to a colour that the
#: hat has somewhere.
_SOME, _CLOTH = 0.16, 0.5

#: Sigma in cells within which a hat's colour is averaged.
_THREADS = 1.5

#: Colours of hair and skin that are nearer than this (0..255) tell nothing.
_ALIKE = 40.0

#: What bare skin there is at least, in parts of where strays are looked for.
_ENOUGH = 0.125

#: In pixels of `NETWORK_SIZE`: how far from hair that is taken away strands of it hang in the air, and sigma within
#: which the colour behind them is told; which part of the way from that to the hair's a strand is, how far from hair
#: there are few, and of how much of what lies there the same may be true where it is even.
_IN_THE_AIR, _WIDE, _STRAND, _EMPTY, _UNEVEN = 44.0, 12.0, 0.1, 24.0, 0.05

#: In pixels of `NETWORK_SIZE`: how far from hair that is taken away strands are too thin to be told from what lies
#: behind; beyond which difference (0..255) from what is around it a part of that is unlike it, and of how much of what
#: is even that may be true; half the width of a thing there, and which part of the way to the
#: hair's colour what is hair has gone.
_THIN, _EVEN, _UNLIKE, _THING, _HAIRY = 16.0, 16.0, 0.35, 4.0, 0.6

#: In pixels of `NETWORK_SIZE`: how far from hair that is taken away locks of it begin, half the width of what is too
#: wide to be one, how far one rises where it begins, and its least area; how high it is beside its width, and how much
#: of what is around it may be another thing; and how far from it strands of it are.
_BEGIN, _WIDER, _RISES, _LEAST, _FALLS, _OTHERS, _LOOSE = 3.0, 5.0, 5, 16, 0.6, 0.4, 10.0

#: What has an outline of its own, which is no strand, as hair that stays has, and how wide that is.
_OUTLINES = (
    (tuple(label for label in Label if label not in (Label.BACKGROUND, Label.CLOTH)), 1.5),
    ((Label.CLOTH,), 4.0),
)

#: What hair hangs before.
_BEHIND = (Label.BACKGROUND, Label.CLOTH, Label.NECK, *EARS)

#: In pixels of `NETWORK_SIZE`: how small a part of hair or hat leaves no slivers, half the width of those, and how far
#: from it they are looked for.
_SMALL, _NARROW, _NEAR = 4.0, 5.0, 16.0


def stray_hair(photo: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where (S, S) bool strays of hair or a hat that is taken away lie over a forehead, and over its brows.

    photo: (S, S, 3) uint8; before, after: (S, S), its mask, and the edited one.
    """
    return _strays(photo, before, after, class_region(before, _LEAVING) & (after == Label.SKIN), _FAR)


def carried_hair(photo: np.ndarray, before: np.ndarray, after: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Where (S, S) bool strays of hair lie over a forehead that came along with hair that moved far.

    photo: (S, S, 3) uint8 and before: (S, S), the photo and its mask as their pixels have moved, by the flow (S, S, 2);
    after: (S, S), the edited mask. Another hairline has strands of its own.
    """
    far = np.square(flow[..., 0]) + np.square(flow[..., 1]) > (_CARRIED * len(before) / NETWORK_SIZE) ** 2
    return _strays(photo, before, after, (before == Label.HAIR) & far, _DRAWN_OUT, _GAP)


def _strays(
    photo: np.ndarray, before: np.ndarray, after: np.ndarray, gone: np.ndarray, reach: float, gap: float = 0.0
) -> np.ndarray:
    """Where (S, S) bool strays of what is `gone` (S, S) bool lie, up to `reach` cells from it, and across gaps of that
    many; the others as for `stray_hair`."""
    nothing = np.zeros(before.shape, bool)
    if not gone.any():
        return nothing
    gone = gone.copy()
    rows = np.flatnonzero(class_region(before, (*EYES, Label.EYE_G)).any(1))
    if not len(rows):
        return nothing
    gone[rows[0] :] = False
    if not gone.any():
        return nothing
    skin, brows = ((class_region(before, kind) & class_region(after, kind)) for kind in ((Label.SKIN,), BROWS))
    lost = cv2.morphologyEx(_on_grid(gone).astype(np.uint8), cv2.MORPH_OPEN, disc(_LARGE)) > 0
    if not lost.any():
        return nothing
    bare = _on_grid(skin) & ~grown(_on_grid(class_region(before, _FEATURES)), _BESIDE)
    over = _on_grid(brows) & grown(lost, _BURIED)
    along = _on_grid(skin) & ~bare & grown(over, _BESIDE) & grown(lost, _BURIED)
    near = grown(lost, reach) & bare
    for part in (near, over, along):
        part[rows[0] * _CELLS // len(before) :] = False
    bare &= ~grown(_on_grid(class_region(before, _LEAVING)), _BARE)
    if np.count_nonzero(bare) <= _ENOUGH * np.count_nonzero(near):
        return nothing
    colours = shrunk(photo.astype(np.float32), _CELLS)
    own = _mean_around(colours, bare, _AROUND, 0.02)
    some = _some(colours - own, np.median(colours[lost], axis=0) - own, _SOME)
    hat = _on_grid(before == Label.HAT)
    if (hat & lost).any():  # of several colours
        some |= _some(colours - own, _nearest(colours, lost) - own, _SOME)
        for colour in _darkest_and_lightest(colours[hat]):
            some |= _some(colours - own, colour - own, _CLOTH)
    some &= near
    some |= along & _some(colours - own, np.median(colours[lost], axis=0) - own, _CLEARLY)
    some = cv2.morphologyEx(some.astype(np.uint8), cv2.MORPH_OPEN, disc(_SPECK)) > 0
    beside = grown(lost, 1.0)  # cells on its outline belong to neither
    together = grown(some | beside, gap / 2) if gap else some | beside
    _, pieces = cv2.connectedComponents(together.astype(np.uint8))
    some &= np.isin(pieces, np.unique(pieces[beside]))
    near |= along | (over & grown(some & along, _ACROSS))
    some |= near & over
    if not some.any():
        return nothing
    return _outlined(grown(some, _PAINTED) & near, before.shape) & (skin | brows)


def _outlined(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cells (g, g) bool in a mask of that shape, with a round outline: bool."""
    soft = cv2.GaussianBlur(cells.astype(np.float32), (0, 0), _ROUND)
    return cv2.resize(soft, shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5


def hair_over_neck(photo: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where (S, S) bool strands of hair that is taken away lie over a neck beside it, and its shadow there, which the
    mask counts to the neck. Arguments as for `stray_hair`."""
    nothing = np.zeros(before.shape, bool)
    eyes = np.flatnonzero(class_region(before, (*EYES, Label.EYE_G)).any(1))
    gone, stays = (before == Label.HAIR) & (after != Label.HAIR), (before == Label.NECK) & (after == Label.NECK)
    if not len(eyes) or not gone.any() or not stays.any():
        return nothing
    lost = cv2.morphologyEx(_on_grid(gone).astype(np.uint8), cv2.MORPH_OPEN, disc(_LARGE)) > 0
    lost[: eyes[-1] * _CELLS // len(before)] = False
    neck = _on_grid(stays)
    near, bare = grown(lost, _FAR) & neck, neck & ~grown(_on_grid(before == Label.HAIR), _BESIDE_HAIR)
    if not lost.any() or np.count_nonzero(bare) <= _ENOUGH * np.count_nonzero(near):
        return nothing
    colours = shrunk(photo.astype(np.float32), _CELLS)
    own, hair = _mean_around(colours, bare, _NECK_AROUND, 0.02), _mean_around(colours, lost, _AROUND, 1e-3)
    some = near & _some(colours - own, hair - own, _MOSTLY)
    some = cv2.morphologyEx(some.astype(np.uint8), cv2.MORPH_OPEN, disc(_SPECK)) > 0
    beside = grown(lost, _BESIDE)
    _, pieces = cv2.connectedComponents((some | beside).astype(np.uint8))
    some &= np.isin(pieces, np.unique(pieces[beside]))
    if not some.any():
        return nothing
    return _outlined(grown(some, _PAINTED) & near, before.shape) & stays


def stray_strands(
    photo: np.ndarray, before: np.ndarray, after: np.ndarray, bared: np.ndarray | None = None
) -> np.ndarray:
    """Where (S, S) bool single strands of hair that is taken away hang in the air, beyond what its mask tells.

    They are looked for where what lies behind is even; leaves and letters look like strands. Arguments as for
    `stray_hair`, but photo and mask as they are when their pixels have moved: hair that is drawn in takes its strands
    with it where the background comes along. bared: (S, S) bool, where that stays.
    """
    nothing, scale = np.zeros(before.shape, bool), len(before) / NETWORK_SIZE
    gone = (before == Label.HAIR) & class_region(after, _BEHIND)
    if not gone.any():
        return nothing
    ground = (before == Label.BACKGROUND) & (after == Label.BACKGROUND)
    lost = cv2.morphologyEx(gone.astype(np.uint8), cv2.MORPH_OPEN, disc(_SMALL * scale)) > 0
    if bared is not None:
        lost |= bared
    if not lost.any() or not ground.any():
        return nothing
    cells = NETWORK_SIZE
    air, hair, lost = (
        shrunk(region.astype(np.float32), cells) > 0.5 for region in (ground, before == Label.HAIR, lost)
    )
    clear = air.copy()
    for solid, wide in _OUTLINES:
        clear &= ~grown(shrunk(class_region(after, solid).astype(np.float32), cells) > 0, wide)
    near = grown(lost, _IN_THE_AIR) & clear
    bare = air & ~grown(hair, _EMPTY)
    if not near.any() or np.count_nonzero(bare) <= _ENOUGH * np.count_nonzero(near):
        return nothing
    colours = shrunk(photo.astype(np.float32), cells)
    even = air & ~grown(hair, _BARE)
    # Told again without what is unlike it, such as strands.
    own = _mean_around(colours, even, _WIDE, 1e-3)
    alike = even & (over_channels(np.maximum, np.square(colours - own)) <= _EVEN**2)
    own = _mean_around(colours, alike, _WIDE, 1e-3) if alike.any() else own
    way = np.median(colours[lost], axis=0) - own
    some = _some(colours - own, way, _STRAND)
    found = grown(some & near, _PAINTED + 1) & near & (_share_of(some, bare) <= _UNEVEN)
    # Beside hair some are too thin to be told; where all is even anything may be painted but things that lie there.
    unlike = over_channels(np.maximum, np.square(colours - own)) > _EVEN**2
    hairy = air & _some(colours - own, way, _HAIRY)
    things = unlike & air & ~hairy
    things = cv2.morphologyEx(things.astype(np.uint8), cv2.MORPH_OPEN, disc(_THING)) > 0
    found |= grown(lost, _THIN) & near & (_share_of(unlike, even) <= _UNLIKE) & ~grown(things, _THING)
    rows = np.flatnonzero(shrunk((before == Label.NOSE).astype(np.float32), cells).any(1))
    if len(rows):
        locks = _locks(hairy, unlike & ~some & clear, lost, air, rows[-1])
        locks |= grown(locks, _LOOSE) & unlike & some
        found |= grown(locks, _PAINTED + 1) & clear
    found |= grown(_whole(hairy & ~grown(hair, _BEGIN), found, grown(lost, _IN_THE_AIR)), _PAINTED + 1) & air
    found = found.astype(np.float32)
    return (cv2.resize(found, before.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0.5) & ground


def _whole(strands: np.ndarray, found: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Those `strands` (g, g) bool, each of them whole, some of which was `found` (g, g) bool, (g, g) bool.

    They are nowhere wide, and all of one lies `near` (g, g) bool hair that is lost: a line of the background goes on.
    """
    wide = cv2.morphologyEx(strands.astype(np.uint8), cv2.MORPH_OPEN, disc(_WIDER)) > 0
    _, pieces = cv2.connectedComponents(strands.astype(np.uint8))
    others = np.unique(pieces[strands & (wide | ~near)])
    return np.isin(pieces, np.setdiff1d(np.unique(pieces[strands & found]), others))


def _locks(hairy: np.ndarray, others: np.ndarray, lost: np.ndarray, air: np.ndarray, nose: int) -> np.ndarray:
    """Where (g, g) bool locks of hair that is `lost` (g, g) bool hang in the air, (g, g) bool, in what is hairy.

    They begin at it, lower than the `nose`, which is a row, and fall, and are nowhere wide; few `others` (g, g) bool,
    which are no part of what is behind either, are around them.
    """
    begin = grown(lost, _BEGIN)
    beyond = hairy & ~begin
    around = air & ~begin & ~beyond
    if not beyond.any() or not around.any():
        return beyond
    few = _share_of(others, around) <= _OTHERS
    wide = cv2.morphologyEx(beyond.astype(np.uint8), cv2.MORPH_OPEN, disc(_WIDER)) > 0
    meets = grown(begin & air, 1.0)
    meets[:nose] = False
    _, pieces, boxes, _ = cv2.connectedComponentsWithStats(beyond.astype(np.uint8))
    chosen = []
    for number in np.setdiff1d(np.unique(pieces[meets]), (0,)):
        own, (_, top, width, height, area) = pieces == number, boxes[number]
        narrow = area >= _LEAST and height >= _FALLS * width and not (own & wide).any()
        falls = np.flatnonzero((own & meets).any(1))[0] - top <= _RISES
        if narrow and falls and 2 * np.count_nonzero(own & few) >= area:
            chosen.append(number)
    return np.isin(pieces, chosen)


def _mean_around(colours: np.ndarray, region: np.ndarray, sigma: float, little: float) -> np.ndarray:
    """The mean colours (g, g, 3) close by, within `sigma` cells, of a region (g, g) bool, which is not empty, and a
    `little` of all of it: far from it they alone count."""
    planes = cv2.merge([cv2.copyTo(colours, region.view(np.uint8)), region.astype(np.float32)])
    usual = little * planes.sum((0, 1)) / np.count_nonzero(region)
    around = cv2.split(cv2.GaussianBlur(planes, (0, 0), sigma))
    *means, share = (plane + few for plane, few in zip(around, usual, strict=True))
    return cv2.merge([mean / share for mean in means])


def _share_of(part: np.ndarray, region: np.ndarray) -> np.ndarray:
    """How much (g, g) float32 of a region (g, g) bool, which is not empty, belongs to a part (g, g) bool close by; far
    from the region, of all."""
    both = np.dstack([part & region, region]).astype(np.float32)
    near = cv2.GaussianBlur(both, (0, 0), _WIDE) + 1e-3 * both.sum((0, 1)) / np.count_nonzero(region)
    return near[..., 0] / near[..., 1]


def without_slivers(unknown: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What is to be painted, (S, S) bool, with the slivers of skin that it leaves where hair or a hat was taken away.

    Between what is painted, and between that and hair, they show stray hair and shadows as often as skin. before and
    after are the photo's mask and the edited one, (S, S).
    """
    skin, scale = after == Label.SKIN, len(after) / NETWORK_SIZE
    gone = class_region(before, _LEAVING) & skin
    if not gone.any():
        return unknown
    large = cv2.morphologyEx(gone.astype(np.uint8), cv2.MORPH_OPEN, disc(_SMALL * scale)) > 0
    both = (unknown & skin) | (after == Label.HAIR)
    closed = cv2.morphologyEx(both.astype(np.uint8), cv2.MORPH_CLOSE, disc(_NARROW * scale)) > 0
    return unknown | (closed & skin & grown(large, _NEAR * scale))


def _some(away: np.ndarray, way: np.ndarray, part: float) -> np.ndarray:
    """Where (g, g) bool colours that are so far `away` (g, g, 3) from the skin's have gone some `part` of the way
    (g, g, 3)."""
    along, length = (over_channels(np.add, each) for each in (away * way, np.square(way)))
    return (length > _ALIKE**2) & (along > part * length)


def _darkest_and_lightest(colours: np.ndarray) -> list[np.ndarray]:
    """The medians (3,) of the darkest and the lightest third of colours (m, 3)."""
    order = np.argsort(colours.sum(-1), kind="stable")
    third = max(1, len(order) // 3)
    return [np.median(colours[part], axis=0) for part in (order[:third], order[-third:])]


def _nearest(colours: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """The colours (g, g, 3) of the part of what is `lost` (g, g) bool that lies nearest: hats have several."""
    return nearest_of(averaged_within(colours, lost, _THREADS), lost)


def _on_grid(region: np.ndarray) -> np.ndarray:
    """The cells (g, g) bool of which more than half belongs to a region (S, S) bool."""
    return shrunk(region.astype(np.float32), _CELLS) > 0.5
