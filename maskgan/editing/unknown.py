"""What an edit leaves unknown when the photo's pixels have moved (`warping.py`), so that it has to be painted."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.chins import ONE_SKIN, moved_chin
from maskgan.editing.flows import disc, grown, jacobian, moves, places_of, warped_mask, window_of
from maskgan.labels import EYES, Label
from maskgan.quick_edits.regions import class_region

#: Sizes in pixels of a picture of 256 px; scaled with the picture. The last one: around a mouth that has closed.
_BORDER, _LOST_BORDER, _SLIVER, _SHUT_BORDER = 2.0, 4.0, 1.0, 1.0

#: How far sharpening and the light around it draw the outline of a hat in the background, in the same pixels.
_RIM = 8.0

#: Hair reaches so far beyond its mask where at least twice this width of it is lost.
_WISPS, _LARGE = 9.0, 4.0

#: Hair casts its shadow so far onto skin where as large a part of it is lost; and always so far, which is seen as such
#: at this distance from hair.
_SHADE, _ALWAYS, _STRAYED = 8.0, 6.0, 12.0

#: What is unknown depends on nothing farther away than this, and lies no farther from what changed or moved.
_SEEN_AROUND = 32.0

#: Share of the picture below which a mouth is little more than a line, and how many times as large it has to become.
_LINE, _OPENS = 0.0035, 2

#: A part of the photo that is drawn out to more than this many times its area is no longer a photo.
_STRETCH = 6.0


def unknown_after(before: np.ndarray, after: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Where (H, W) the moved photo cannot show what the edited mask asks for, so that it has to be painted.

    The class that arrives is not the class that is wanted; the surroundings of an outline that is gone, whose
    shadows and strands would stay as a ghost; what is stretched too far; and what would come from beyond the picture's
    edge. Slivers along outlines, where masks are never exact, count only where a class comes to a place that had none
    of it near. What a mouth shows that hardly opened, drawn out, is nothing of an open one, and teeth that are pressed
    into a line are nothing of a closed one.
    """
    scale = max(before.shape) / 256
    unknown = np.zeros(before.shape, bool)
    touched = moves(flow) | (before != after)
    if touched.any():
        near = window_of(touched, int(np.ceil(_SEEN_AROUND * scale)))
        unknown[near] = _unknown_after(before, after, flow, near, scale)
    return unknown


def _unknown_after(
    before: np.ndarray, after: np.ndarray, flow: np.ndarray, window: tuple[slice, slice], scale: float
) -> np.ndarray:
    """`unknown_after` in a window of masks and flow that shows all surroundings that matter."""
    line = np.count_nonzero(before == Label.MOUTH)
    opens = line < _LINE * before.size and np.count_nonzero(after == Label.MOUTH) > _OPENS * line
    chin = moved_chin(before, after)
    shadows = _shadows_moved_away(before, after, flow, window, scale)
    arrived, after, flow = warped_mask(before, flow, window), after[window], flow[window]
    wrong = (arrived != after) | (opens & (after == Label.MOUTH))
    if chin is not None:  # one skin, of which only the border moved
        wrong &= ~(chin.zone[window] & class_region(arrived, ONE_SKIN) & class_region(after, ONE_SKIN))
    # A frame or a lash line is thin all over: it is no sliver where its class is new.
    fresh = np.zeros_like(wrong)
    for label in np.unique(after[wrong]):
        fresh |= wrong & (after == label) & ~grown(arrived == label, 3 * scale)
    solid = cv2.morphologyEx(wrong.astype(np.uint8), cv2.MORPH_OPEN, disc(_SLIVER * scale)) > 0
    solid = (grown(solid, _SLIVER * scale) & wrong) | fresh
    unknown = grown(solid, _BORDER * scale)
    lost = np.zeros_like(wrong)
    # Eyes that are seen through lenses stay the person's own.
    seen = class_region(after, EYES) & class_region(arrived, EYES)
    for label in np.unique(arrived[solid]):
        border = grown((arrived == label) & solid, _LOST_BORDER * scale) & ~grown(after == label, 1.0 * scale)
        lost |= border & ~seen if label == Label.EYE_G else border
        if label == Label.HAT:
            lost |= grown((arrived == label) & solid, _RIM * scale) & (after == Label.BACKGROUND)
    unknown |= lost | _wisps(solid & (arrived == Label.HAIR), after, scale)
    unknown |= _shade(solid & (arrived == Label.HAIR), after, scale) | shadows
    shut = (arrived == Label.MOUTH) & ~grown(after == Label.MOUTH, 3 * scale)
    unknown |= grown(shut, _SHUT_BORDER * scale)
    unknown |= _beyond(before.shape, flow, window, scale)
    stretched = jacobian(flow) < 1 / _STRETCH
    return unknown | cv2.morphologyEx(stretched.astype(np.uint8), cv2.MORPH_OPEN, disc(scale)).astype(bool)


def _beyond(shape: tuple[int, ...], flow: np.ndarray, window: tuple[slice, slice], scale: float) -> np.ndarray:
    """Where (h, w) in a window a flow (h, w, 2) takes pixels from beyond a picture of that shape."""
    most = float(np.abs(flow).max())
    if all(most <= at.start and at.stop + most <= side for at, side in zip(window, shape, strict=True)):
        return np.zeros(flow.shape[:2], bool)
    x, y = places_of(flow)
    x, y = x + window[1].start, y + window[0].start
    return (np.maximum(-x, x - (shape[1] - 1)) > _SLIVER * scale) | (
        np.maximum(-y, y - (shape[0] - 1)) > _SLIVER * scale
    )


def _wisps(lost: np.ndarray, after: np.ndarray, scale: float) -> np.ndarray:
    """Where (H, W) single hairs beside a large part of hair that was `lost` (H, W) would stay in the air.

    No mask holds them. They lie over what is behind a head, so nothing of the face is painted for them.
    """
    behind = (after == Label.BACKGROUND) | (after == Label.CLOTH)
    lost = lost & (behind | (after == Label.NECK))  # not where a hat or another thing only covers it
    if not lost.any():
        return lost
    large = cv2.morphologyEx(lost.astype(np.uint8), cv2.MORPH_OPEN, disc(_LARGE * scale)) > 0
    return grown(large, _WISPS * scale) & behind & ~grown(after == Label.HAIR, scale)


def _shade(lost: np.ndarray, after: np.ndarray, scale: float) -> np.ndarray:
    """Where (H, W) the shadow of a large part of hair that was `lost` (H, W) would stay on the skin as its outline."""
    skin = after == Label.SKIN
    if not (lost & skin).any():
        return np.zeros_like(lost)
    large = cv2.morphologyEx((lost & skin).astype(np.uint8), cv2.MORPH_OPEN, disc(_LARGE * scale)) > 0
    return grown(large, _SHADE * scale) & skin & ~grown(after == Label.HAIR, scale)


def _shadows_moved_away(
    before: np.ndarray, after: np.ndarray, flow: np.ndarray, window: tuple[slice, slice], scale: float
) -> np.ndarray:
    """Where (h, w) in a window skin that lay in the shadow of hair comes to lie away from hair, as a dark streak."""
    hair, result = before == Label.HAIR, np.zeros(after[window].shape, bool)
    if not hair.any() or np.abs(flow[window]).max() <= (_STRAYED - _ALWAYS) * scale:
        return result
    beside = (before == Label.SKIN) & grown(hair, _ALWAYS * scale)
    near = grown(after == Label.HAIR, _STRAYED * scale)[window]
    came = (warped_mask(beside.astype(np.uint8), flow, window) > 0) & (after[window] == Label.SKIN) & ~near
    return grown(came, _BORDER * scale) & (after[window] == Label.SKIN) if came.any() else result
