"""Head coverings that hang down beside the face: scarves, veils, hoods.

Masks call them hats, and clothes below the chin.
"""

from __future__ import annotations

import numpy as np

from maskgan.labels import Label
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.scene import Scene

#: The row (frame units) below which a hat hangs, how much of it (square frame units) then covers hair and neck, and how
#: wide (frame units) it then lies on clothes, as a wide brim does not.
_HANGS, _MUCH, _LIES = 0.5, 0.3, 0.3

#: How far (frame units) below the chin clothes begin beside the neck once a scarf is off, how much lower in its middle,
#: and how steep shoulders are.
_BESIDE, _DEEPER, _SLOPE = 0.06, 0.12, 0.15

#: Width of the neck in that of the face, and how far (frame units) above the chin it begins beside the jaw.
_NECK, _JAW = 0.62, 0.4


def wears_scarf(scene: Scene) -> bool:
    """Whether what the head wears hangs down beside the face, on clothes or out of the picture."""
    hat = scene.where(Label.HAT)
    if (hat & (scene.y > _HANGS)).sum() <= _MUCH * scene.unit**2:
        return False
    return bool((_on_clothes(scene) | hat[-1]).sum() > _LIES * scene.unit)


def _on_clothes(scene: Scene) -> np.ndarray:
    """(W,) bool: columns in which clothes begin right below a hat."""
    return (scene.where(Label.HAT)[:-1] & scene.where(Label.CLOTH)[1:]).any(0)


def need_open_hair(scene: Scene) -> None:
    """Raises QuickEditImpossible where a scarf or a hood covers the hair."""
    if wears_scarf(scene):
        raise QuickEditImpossible("A scarf or a hood covers this hair; take it off first, with No hat.")


def loosen(scene: Scene) -> None:
    """Counts to the scarf what lies of it about neck and shoulders: clothes below it, down to a neckline."""
    clothes = scene.where(Label.CLOTH)
    _, middle, half = across(scene)
    touched = np.flatnonzero(_on_clothes(scene))
    if not len(touched):
        return
    columns = np.arange(clothes.shape[1])
    columns = (columns >= touched[0]) & (columns <= touched[-1])
    out = abs(scene.x - middle) / (_NECK * half)
    neckline = scene.chin + _BESIDE + _DEEPER * np.maximum(0, 1 - out**2) + _SLOPE * np.maximum(0, out - 1)
    scene.mask[clothes & columns & (scene.y < neckline)] = Label.HAT


def neck(scene: Scene) -> np.ndarray:
    """(H, W) bool: where the neck is below the face and beside the jaw."""
    _, middle, half = across(scene)
    return (abs(scene.x - middle) < _NECK * half) & (scene.y > scene.chin - _JAW) & ~scene.face
