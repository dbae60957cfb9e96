"""An edit is made of the photo: its own pixels where they are or where they moved to, paint only where none will do.

The published method redraws the whole face, so identity and background drift with every edit; its authors advise to
blend the untouched part back. Here `warping.py` says which pixels move and what is left unknown; the network paints
the unknown parts in windows around them (`windows.py`); and the painted windows are laid over the moved photo at
whatever resolution that has. Pixels that neither move nor are painted are the photo's own, bit for bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

import cv2
import numpy as np

from maskgan.blending import feathered, median_colour, pixels_of, replaced, thrice
from maskgan.editing.bared_edges import with_even_edges
from maskgan.editing.completion import Completion
from maskgan.editing.continuing import (
    lines_of_the_ground,
    with_forehead_gone_on,
    with_plain_ground_gone_on,
    with_uneven_ground_completed,
)
from maskgan.editing.faces import Alignment, paste_back, resample
from maskgan.editing.flows import moved_pixels, moves, warp_picture, window_of
from maskgan.editing.paint_colours import in_colours_of_the_photo
from maskgan.editing.texture import DETAIL, Grain, fine_detail
from maskgan.editing.tones import LUMA
from maskgan.editing.windows import Window
from maskgan.labels import Label
from maskgan.sizes import NETWORK_SIZE

#: Sizes in painted pixels: how paint fades into its surroundings, how far its colours are corrected by them.
_FEATHER, _COLOUR, _BORDER = 3.0, 10.0, 3

#: How much stronger the network's own fine detail is made, and within how many pixels' range it stays.
_CRISP, _NO_HALO = 1.5, 1.5


class PlannedLater:
    """Grain that is planned when it is asked for first, by any thread, and then kept; or `grain`, without a plan."""

    def __init__(self, plan: Callable[[], Grain | None] | None = None, grain: Grain | None = None) -> None:
        self._plan = plan
        self._grain = grain
        self._lock = threading.Lock()

    @property
    def grain(self) -> Grain | None:
        """The plan."""
        with self._lock:
            if self._plan is not None:
                self._grain, self._plan = self._plan(), None  # which holds pictures
            return self._grain

    def __reduce__(self) -> tuple[type[PlannedLater], tuple[None, Grain | None]]:
        return PlannedLater, (None, self.grain)  # planned where the pictures are


class Patch(NamedTuple):
    """What was painted: picture (n, n, 3) float32 in 0..255 and alpha (n, n) float32 in 0..1, in a window.

    planned: what plans where it takes fine detail from, in what it is laid over, None for nowhere; ground: where
    completed background does.
    """

    picture: np.ndarray
    alpha: np.ndarray
    window: Window
    planned: PlannedLater | None = None
    ground: Completion | None = None

    @classmethod
    def joined(
        cls,
        painted: np.ndarray,
        photo: np.ndarray,
        unknown: np.ndarray,
        mask: np.ndarray,
        window: Window,
        complete: bool = True,
        hair: np.ndarray | None = None,
        drawn: tuple[slice, slice] = (slice(None), slice(None)),
    ) -> Patch:
        """Painted pixels that fit what they are laid over.

        Args:
            painted: what the network made of the rows and columns `drawn` of the window, (h, w, 3) float32 in 0..255;
                also of what is known.
            photo: the moved photo, (n, n, 3) uint8 or float32.
            unknown: (n, n) bool.
            mask: the edited mask, (n, n).
            window: where it lies.
            complete, hair: see `MaskGANPipeline.paint`; here (n, n).
        """
        alpha = feathered(unknown, _FEATHER * len(mask) / NETWORK_SIZE)
        if hair is not None:
            alpha *= 1 - hair.clip(0, 1)
        picture = photo.astype(np.float32)
        error = _colour_error(painted, photo[drawn], unknown[drawn], mask[drawn], len(mask) / NETWORK_SIZE)
        picture[drawn] = painted + error
        picture = in_colours_of_the_photo(picture, photo, unknown, mask)
        lines = lines_of_the_ground(photo, unknown, mask) if complete else None
        picture = with_plain_ground_gone_on(picture, photo, unknown, mask, lines)
        picture = with_forehead_gone_on(picture, photo, unknown, mask)
        picture = _crisper(picture, photo, unknown)
        ground = None
        if complete:
            picture, ground = with_uneven_ground_completed(picture, photo, unknown, mask, lines)
        finished = None if ground is None else ground.share > 0.5
        picture = with_even_edges(picture, photo, unknown, mask, len(mask) / (window.side * NETWORK_SIZE))
        grain = PlannedLater(partial(Grain.planned, picture, photo, unknown, mask, finished))
        return cls(picture, alpha, window, grain, ground)

    @property
    def grain(self) -> Grain | None:
        """Where it takes fine detail from, in what it is laid over."""
        return None if self.planned is None else self.planned.grain

    def over(
        self, photo: np.ndarray, alignment: Alignment, source: np.ndarray | None = None, grain: bool = True
    ) -> np.ndarray:
        """Lay it over a photo (H, W, 3) uint8 in which the crop lies at `alignment`, and return the new photo.

        source: the photo that fine detail is taken from, without other patches; (H, W, 3) uint8, the same by default;
        grain: whether it gets any, which takes as long again.
        """
        own = alignment.window(*self.window[:3])
        n = self.window.pixels
        rows, columns = window_of(self.alpha > 0, 0)
        part = own.photo_window((columns.start - 1, rows.start - 1, columns.stop + 1, rows.stop + 1), n)
        if part is None:
            return photo
        layer = cv2.merge([self.picture, self.alpha])
        layer = resample(layer, own.from_window(part, n), (part[0].stop - part[0].start, part[1].stop - part[1].start))
        *painted, alpha = cv2.split(layer)
        alpha, painted = alpha.clip(0, 1), cv2.merge(painted)
        for each in (self.grain if grain else None, self.ground):
            if each is not None:
                painted = painted + self._grain_of(each, photo if source is None else source, own, part)
        below = photo[part].astype(np.float32)
        blended = (below + thrice(alpha) * (painted - below)).round().clip(0, 255).astype(np.uint8)
        result = photo.copy()
        result[part] = replaced(photo[part], blended, alpha > 1 / 512)
        return result

    def _grain_of(
        self, grain: Grain | Completion, photo: np.ndarray, own: Alignment, part: tuple[slice, slice]
    ) -> np.ndarray:
        """Grain (h, w, 3) float32 in a part of the photo in which the window lies at `own`."""
        n, cells = self.window.pixels, grain.cells
        wide = own.photo_window((-2, -2, n + 2, n + 2), n)
        inner = tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(part, wide, strict=True))
        shape = part[0].stop - part[0].start, part[1].stop - part[1].start
        share = resample(grain.share[..., None], own.from_window(part, n), shape, fade=True).reshape(shape)
        of = grain.of
        if isinstance(grain, Completion):  # seldom is more than a part of the window a hole
            wanted = np.zeros(photo[wide].shape[:2], bool)
            wanted[inner] = share > 0
            of = partial(grain.of, wanted=wanted)
        return of(photo[wide], own.from_window(wide, cells))[inner] * thrice(share)


def _colour_error(
    painted: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray, scale: float
) -> np.ndarray:
    """What painted pixels lack of the photo's colours, where they are unknown too: (h, w, 3) float32.

    painted, photo, unknown, mask: (h, w, ...), sides multiples of 4; scale: pixels of their window to those of the
    network's size.

    A normalised convolution (Knutsson and Westin, CVPR 1993) per class over the pixels that are known, borders left
    out, since they hold some of the neighbour's colour. It fades to the class's mean far away, and to nothing for a
    class that the photo does not have. Smooth by nature, it is worked out at a quarter of the size. What is missing is
    mostly light, which multiplies: a pixel that is painted darker than its class is on average lacks less of it, in
    proportion. Without that the shadow in a corner of a mouth would become black, or grey. Strands of hair keep the
    contrast that they are painted with, which is weak enough.
    """
    error = photo - painted
    sigma = _COLOUR * scale / 4
    result = np.zeros(error.shape, np.float32)
    square = np.ones((2 * _BORDER + 1,) * 2, np.uint8)
    certain = ~unknown & (cv2.dilate(mask, square) == cv2.erode(mask, square))
    for label in np.unique(mask[unknown]):
        own = mask == label
        if np.count_nonzero(own & certain) < 16 * scale**2:
            continue
        # No further around than what is asked for sees anything of the class.
        box = _box_of_cells(own, round(4 * sigma) + 2)
        own, part = own[box], error[box]
        known = own & certain[box]
        mean = median_colour(pixels_of(part, known))
        small = (own.shape[1] // 4, own.shape[0] // 4)
        share = cv2.resize(known.astype(np.float32), small, interpolation=cv2.INTER_AREA)[..., None]
        total = cv2.resize(cv2.copyTo(part, known.view(np.uint8)), small, interpolation=cv2.INTER_AREA)
        both = np.dstack([total - mean * share, share])
        both = cv2.GaussianBlur(both, (0, 0), sigma)
        near = cv2.resize(both[..., :3] / (both[..., 3:] + 0.02), own.shape[::-1], interpolation=cv2.INTER_LINEAR)
        missing = cv2.add(near, (*mean.tolist(), 0.0))
        if label != Label.HAIR:
            level = np.maximum(cv2.mean(painted[box], known.view(np.uint8))[:3], 1).astype(np.float32)
            lights = (plane / one for plane, one in zip(cv2.split(painted[box]), level, strict=True))
            missing *= cv2.merge([light.clip(0, 1) for light in lights])
        result[box] = replaced(result[box], missing, own)
    return result


def _box_of_cells(region: np.ndarray, margin: int) -> tuple[slice, slice]:
    """Rows and columns of whole cells of 4 x 4 pixels around a region (n, n) bool, `margin` cells more on each side."""
    return tuple(
        slice(4 * max(0, at.start // 4 - margin), min(length, 4 * (-(-at.stop // 4) + margin)))
        for at, length in zip(window_of(region, 0), region.shape, strict=True)
    )


def _crisper(picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Painted pixels (n, n, 3) float32 with their fine detail strengthened: outlines, lashes, the hairs of brows.

    What a network is not sure of it draws soft, and `Grain` gives detail to textures only. Only lightness is changed,
    and none gets lighter or darker than all that is close by, so that no outline has a halo.
    """
    scale = len(unknown) / NETWORK_SIZE
    box = window_of(unknown, round(8 * DETAIL * scale))  # of no pixel farther away does anything depend
    unknown, result = unknown[box], picture.copy()
    light = replaced(photo[box].astype(np.float32), picture[box], unknown) @ LUMA
    near = np.ones((2 * round(_NO_HALO * scale) + 1,) * 2, np.uint8)
    crisp = light + (_CRISP - 1) * fine_detail(light, DETAIL * scale)
    crisp = np.clip(crisp, cv2.erode(light, near), cv2.dilate(light, near))
    result[box] += thrice((crisp - light) * unknown)
    return result


class Retouch(NamedTuple):
    """How an edit made of the photo changes it: flow (S, S, 2) in pixels of the crop, None for none, then patches."""

    flow: np.ndarray | None
    patches: tuple[Patch, ...] = ()

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False, grain: bool = True) -> np.ndarray:
        """The edited photo (H, W, 3) uint8, from the photo in which the crop lies at `alignment`.

        The photo is moved once, at its own resolution. `seamless` changes nothing: the paint was made to fit; grain:
        see `Patch.over`.
        """
        if self.flow is not None:
            photo = warp_photo(photo, alignment, self.flow)
        moved = photo
        for patch in self.patches:
            photo = patch.over(photo, alignment, moved, grain)
        return photo


class Overlay(NamedTuple):
    """A crop (S, S, 3) uint8 laid over the photo by weights `region` (S, S); `detail` as for `paste_back`."""

    crop: np.ndarray
    region: np.ndarray
    detail: np.ndarray

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """The edited photo (H, W, 3) uint8; `seamless` matches colours at the region's border."""
        return paste_back(photo, alignment, self.crop, self.region, self.detail, seamless)


class Change(Protocol):
    """What an edit does to a photo."""

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """The edited photo (H, W, 3) uint8, from the photo in which the crop lies at `alignment`."""


class Layers(NamedTuple):
    """Changes one after the other."""

    first: Change
    second: Change

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """The edited photo (H, W, 3) uint8; `seamless` as for the first change."""
        return self.second.onto(self.first.onto(photo, alignment, seamless), alignment)


def warp_photo(photo: np.ndarray, alignment: Alignment, flow: np.ndarray) -> np.ndarray:
    """A photo (H, W, 3) uint8 moved by the flow (S, S, 2), in pixels of the crop that lies at `alignment`."""
    size = len(flow)
    moving = moves(flow)
    if not moving.any():
        return photo
    if photo.shape[:2] == (size, size) and np.allclose(alignment.matrix, [[size, 0, 0], [0, size, 0]]):
        return warp_picture(photo, flow)
    rows, columns = window_of(moving, 0)
    part = alignment.photo_window((columns.start - 1, rows.start - 1, columns.stop + 1, rows.stop + 1), size)
    if part is None:
        return photo
    shape = part[0].stop - part[0].start, part[1].stop - part[1].start
    local = resample(flow, alignment.from_window(part, size), shape, fade=True)
    shift = (local @ (alignment.matrix[:, :2] / size).T.astype(np.float32)).astype(np.float32)
    # Where nothing moved by a hundredth of a pixel the photo stays as it is.
    shift[(np.abs(shift[..., 0]) < 0.01) & (np.abs(shift[..., 1]) < 0.01)] = 0
    y, x = np.mgrid[part].astype(np.float32)
    result = photo.copy()
    result[part] = moved_pixels(photo, (x + shift[..., 0], y + shift[..., 1]), moves(shift), photo[part])
    return result


def warp_window(photo: np.ndarray, alignment: Alignment, flow: np.ndarray, window: Window) -> np.ndarray:
    """A window of the crop, cut out of a photo (H, W, 3) uint8 and moved by the flow (S, S, 2): (n, n, 3) uint8."""
    local = flow[window.slices(len(flow))]
    scale = window.pixels / len(local)  # painted pixels per pixel of the crop
    margin = int(np.ceil(scale * np.abs(local).max())) + 4
    beyond = margin / window.pixels * window.side
    wide = alignment.window(window.left - beyond, window.top - beyond, window.side + 2 * beyond)
    picture = wide.crop(photo, window.pixels + 2 * margin)
    inner = slice(margin, margin + window.pixels)
    if not local.any():
        return picture[inner, inner]
    moved = np.zeros((*picture.shape[:2], 2), np.float32)
    moved[inner, inner] = scale * cv2.resize(local, (window.pixels,) * 2, interpolation=cv2.INTER_LINEAR)
    return warp_picture(picture, moved)[inner, inner]
