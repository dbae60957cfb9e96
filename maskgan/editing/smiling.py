"""Light and shade of a smile: the folds beside nose and mouth, which no mask has and no moved pixels show."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.editing.flows import window_of
from maskgan.editing.scenes import scene_of
from maskgan.labels import MOUTH, Label
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.mouth import MouthLines, measure_mouth
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.smiles import places, usual_smile

#: How much deeper folds are than on average, which blurs them; how broad a smile is at most, and from how much on it is
#: one.
_DEEPER, _BROADEST, _HARDLY = 1.6, 1.2, 0.05

#: How much of that red, green and blue get: shaded skin is redder.
_HUES = np.float32((0.75, 1.05, 1.15))

#: Frame units over which shade ends at what is no skin, and from below the eyes on.
_EDGE, _EYES, _BELOW_EYES = 0.05, 0.05, 0.15

#: Change of lightness (natural logarithm) that nobody sees, and how light black counts (0..255).
_UNSEEN, _BLACK = 0.004, 8.0


def with_folds(crop: np.ndarray, mask: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An edited crop (S, S, 3) uint8 with the light of a smile that its mask has and the photo did not, and where that
    changes it, (S, S) float32, 0 or 1.

    mask, own: (S, S), the edited and the photo's own mask.
    """
    changed = np.zeros(mask.shape, np.float32)
    if np.array_equal(class_region(mask, MOUTH), class_region(own, MOUTH)):
        return crop, changed
    try:
        before = scene_of(own)
        after = Scene(mask, before.frame)
        lines = measure_mouth(before)
        broad = _smiles_more(lines, measure_mouth(after))
    except QuickEditImpossible:  # no face, or no mouth
        return crop, changed
    if broad < _HARDLY:
        return crop, changed
    usual = usual_smile()
    u, v = places(before, lines.centre, float((lines.upper_bottom + lines.lower_top).mean() / 2))
    skin = mask == Label.SKIN
    inner = cv2.distanceTransform(skin.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / before.unit
    share = _DEEPER * broad * smoothstep(inner / _EDGE) * smoothstep((before.y - _EYES) / _BELOW_EYES)
    lighter = (usual.at(usual.light, u, v) * share).astype(np.float32)
    seen = abs(lighter) > _UNSEEN
    if not seen.any():
        return crop, changed
    box = window_of(seen, 0)
    lit = (crop[box] + _BLACK) * np.exp(lighter[box][..., None] * _HUES) - _BLACK
    result = crop.copy()
    result[box] = np.where(seen[box][..., None], lit.round().clip(0, 255), crop[box])
    changed[seen] = 1
    return result, changed


def _smiles_more(before: MouthLines, after: MouthLines) -> float:
    """How much more a mouth smiles than before, in parts of the usual smile: it is wider, and its corners rose."""
    usual = usual_smile()
    corners = [np.mean([lines.upper_bottom[[0, -1]], lines.lower_top[[0, -1]]]) for lines in (before, after)]
    rose = (corners[0] - corners[1]) / usual.rise
    wider = (after.half_width / before.half_width - 1) / usual.wider
    return float(np.clip(min(rose, wider), 0, _BROADEST))
