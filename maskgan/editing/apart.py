"""What an edit does around parts of what is unknown, so that each is painted without regard to the others."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np

from maskgan.blending import nearest_of, replaced
from maskgan.editing.edit import Face
from maskgan.editing.flows import moves
from maskgan.editing.warping import Motion
from maskgan.editing.windows import APART


class Apart:
    """What an edit does around parts of what is unknown, so that each can be seen without the others.

    What is painted in one place does not depend then on what happens in another, and can stay when that changes.

    Args:
        face, motion, moved: the edit's face, its motion, and the crop (S, S, 3) that this moved.
        parts: (S, S) bool each, which have no pixel in common; all that has to be painted.
    """

    def __init__(self, face: Face, motion: Motion, moved: np.ndarray, parts: list[np.ndarray]) -> None:
        self.face, self.motion, self.moved, self.parts = face, motion, moved, parts
        self.moving = moves(motion.flow)
        self.numbers = np.zeros(motion.mask.shape, np.uint8)  # of parts, from 1
        for number, part in enumerate(parts, 1):
            self.numbers[part] = number
        touched = self.moving | (self.numbers > 0) | (motion.mask != face.mask)
        self.count, self.pieces = cv2.connectedComponents(touched.astype(np.uint8))  # 0 is what stays

    @cached_property
    def close(self) -> np.ndarray:
        """The number (S, S) uint8, from 1, of the part that is nearest and close, 0 for none."""
        there = self.numbers > 0
        far = cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, 5) > 2 * APART * len(there)
        return np.where(far, np.uint8(0), nearest_of(self.numbers, there))

    def only(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mask (S, S), flow (S, S, 2) and moved crop (S, S, 3) of the edit at the part of this number, from 0.

        A change that has nothing of the part is left out: there the photo and its mask are as they were. Of one that
        has other parts too, what lies farther from this one, or nearer to another, is left out.
        """
        chosen = np.zeros(self.count, bool)
        chosen[self.pieces[self.parts[number]]] = True
        own = chosen[self.pieces]
        if (own & (self.numbers > 0) & (self.numbers != number + 1)).any():
            own &= self.close == number + 1
        away = (self.pieces > 0) & ~own
        if not away.any():
            return self.motion.mask, self.motion.flow, self.moved
        mask = np.where(away, self.face.mask, self.motion.mask)
        if not (away & self.moving).any():
            return mask, self.motion.flow, self.moved
        flow = replaced(self.motion.flow, np.zeros_like(self.motion.flow), away)
        return mask, flow, replaced(self.moved, self.face.crop, away)
