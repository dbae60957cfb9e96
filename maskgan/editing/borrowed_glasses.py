"""Glasses of the photo whose shapes another one takes: those of the wardrobe that are most like them.

A parser sees glasses as one pane with two eyes in it, and a nose that the frame cuts in two. Rims that are painted
along such a pane wobble, and a nose that is moved to such a piece of one is bent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from maskgan.editing.dressing import HARDLY
from maskgan.editing.glasses import are_dark, lenses
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.frame import QuickEditImpossible


class Shapes(NamedTuple):
    """Another face's shapes, as a face takes them: the mask (S, S) uint8, and what lies beneath its glasses."""

    mask: np.ndarray
    beneath: np.ndarray


def _pane(mask: np.ndarray) -> np.ndarray:
    """The lenses of a mask (S, S) and all between them, (S, S) bool."""
    glass, _ = lenses(mask)
    return np.maximum.accumulate(glass, 1) & np.maximum.accumulate(glass[:, ::-1], 1)[:, ::-1]


def lent_shapes(mask: np.ndarray, own: np.ndarray) -> Shapes:
    """The shapes of a mask (S, S) for the face whose mask is `own`, with the wardrobe's glasses where that has none."""
    if not (mask == Label.EYE_G).any() or (own == Label.EYE_G).mean() > HARDLY:
        return Shapes(mask, mask)
    try:
        bare = QUICK_EDITS["remove_glasses"].apply(mask)
        edit = QUICK_EDITS["sunglasses" if are_dark(mask) else "glasses"]
        worn = [edit.apply(bare, 1.0, variant.name) for variant in edit.variants]
    except QuickEditImpossible:
        return Shapes(mask, mask)
    pane = _pane(mask)
    alike = [(pane & other).sum() / max(1, (pane | other).sum()) for other in map(_pane, worn)]
    return Shapes(worn[int(np.argmax(alike))], bare)
