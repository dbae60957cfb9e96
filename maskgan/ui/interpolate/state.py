"""What a visitor has open in the Interpolate tab, and the face that it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from maskgan.editing.morphing import LatentLine, Morph
from maskgan.editing.photo_morph import face_between
from maskgan.ui.session import OpenFace

#: What to do first.
CHOOSE = "Choose a mask at A and one at B first."


@dataclass(frozen=True, eq=False)
class MorphState:
    """What a visitor has open in this tab.

    line: what its `Morph` knows, without the networks, which may be replaced meanwhile; ends: the faces at A and B;
    mask: (S, S) uint8, the one that is shown; t: its place, where `style` takes the blended style from; redraw: the
    face is the network's, not made of the photos; seed: of the random masks that were drawn last; unchanged: why there
    is nothing to open in the Paint tab, "" where there is.
    """

    line: LatentLine | None = None
    ends: tuple[OpenFace, ...] = ()
    mask: np.ndarray | None = None
    t: float = 0.0
    style: str = "blend"
    redraw: bool = False
    seed: int = 0
    unchanged: str = CHOOSE
    near: tuple[np.ndarray, ...] = ()

    def require_ends(self) -> MorphState:
        """This state; raises ValueError, which says what to do, where there is no A or no B."""
        if self.line is None:
            raise ValueError(CHOOSE)
        return self


def why_unchanged(state: MorphState, face: np.ndarray) -> str:
    """Why the Paint tab would get nothing new, "" if it would; face: (S, S, 3) uint8, the one that is shown."""
    for name, end in zip("AB", state.ends, strict=True):
        same = state.style == name.lower() or np.array_equal(face, end.face.crop)
        if same and np.array_equal(state.mask, end.face.mask):
            return f"This is face {name} with nothing changed; move the slider first."
    return ""


def drawn_face(
    morph: Morph,
    ends: tuple[OpenFace, ...],
    mask: np.ndarray,
    t: float,
    style: str,
    redraw: bool,
    size: int | None = None,
) -> np.ndarray:
    """The face (S, S, 3) uint8 for a mask at t: the network's, or made of the photos (at another side than theirs)."""
    if redraw:
        return morph.face(mask, morph.style_at(t, style))
    a, b = (end.face for end in ends)
    return face_between(morph, (a, b), mask, t, style, size)
