"""Quick edits of the hair above the forehead: a fringe, whose hair is the photo's own drawn down, and its opposite."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from maskgan.labels import EARS, FACE_PARTS, Label
from maskgan.quick_edits.edit import QuickEdit, Variant
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hair import across, brow_line, need_hair
from maskgan.quick_edits.scene import Scene, ramp, smooth_curve
from maskgan.quick_edits.silhouettes import turned_to

#: A value for each q (see `across`), for hair that leans to one side (-1, 1).
_Line = Callable[[np.ndarray, int], np.ndarray]


def _ends(q: np.ndarray, lean: int) -> np.ndarray:
    """How strands end above and below a line, -1..1: waves whose lengths have no common measure."""
    q = lean * q
    return (np.sin(7.3 * q + 0.4) + np.sin(12.9 * q + 2.1) + 0.7 * np.sin(23.7 * q + 4.0)) / 2.7


def _straight(q: np.ndarray, lean: int) -> np.ndarray:
    """Down to the brows all along, lower at the temples."""
    return 0.97 + 0.13 * abs(q) ** 2


def _swept(q: np.ndarray, lean: int) -> np.ndarray:
    """From a parting on one side down to the other temple."""
    q = -lean * q
    return np.where(q < -0.45, ramp(q, -0.45, -1.05), (np.clip(q + 0.45, 0, 2) / 1.3) ** 0.6 * 1.12)


def _curtain(q: np.ndarray, lean: int) -> np.ndarray:
    """Parted in the middle, down to both temples."""
    return 1.15 * (np.clip(abs(q), 0, 1.2) / 0.9) ** 0.6


#: How low the edge of a fringe hangs, by its shape: from 0 at the hairline to 1 above the brows.
_FRINGES: dict[str, _Line] = {"straight": _straight, "swept": _swept, "curtain": _curtain}

#: Hair is drawn down to this many times its length; the rest of a fringe is painted.
_DRAWN = 5.0

#: How far sideways (frame units) the hair at the edge of a fringe comes from, by its shape.
_FANNED: dict[str, _Line] = {
    "straight": lambda q, lean: 0 * q,
    "swept": lambda q, lean: np.full_like(q, 0.35 * lean),
    "curtain": lambda q, lean: -0.4 * q,
}


def fringe(scene: Scene, strength: float, style: str = "straight") -> None:
    """Hair over the forehead down to the brows: what lies above the hairline is drawn down.

    `style` names the shape of its edge.
    """
    if not scene.where(Label.HAT).any():
        need_hair(scene)
    q, middle, half = across(scene)
    skin = scene.where(Label.SKIN) & (abs(q) < 1.15)
    forehead = skin & (abs(scene.x - middle) < 0.3) & (scene.y < -0.2)
    if not forehead.any():
        raise QuickEditImpossible("The forehead is covered already.")
    hairline = float(np.percentile(scene.y[forehead], 2))
    low = brow_line(scene) - 0.03
    lean = turned_to(scene) or 1
    drop = min(strength, 1.1) * max(0.0, low - hairline)
    line = hairline + drop * np.clip(_FRINGES[style](q, lean), 0, 1.3)
    edge = line + 0.015 * _ends(q, lean)
    grid = middle + half * np.linspace(-1.2, 1.2, 61)
    crown, first = _hair_above(scene, grid)
    scene.paint(skin & (scene.y < edge), Label.HAIR)
    scene.smooth(skin & (abs(scene.y - edge) < 0.1))
    if not scene.where(Label.HAT).any():  # nobody draws a hat down
        _draw_down(scene, line, grid, crown, first, _FANNED[style](q, lean))


def _hair_above(scene: Scene, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """y of the top of the hair above the forehead and of the hairline at each x of an even grid, without a bun."""
    near = (scene.x > grid[0]) & (scene.x < grid[-1]) & (scene.y < -0.1)
    hair, skin = scene.where(Label.HAIR) & near, scene.where(Label.SKIN) & near
    first, _ = scene.envelope(skin, grid)
    if not hair.any():
        return first, first
    crown, _ = scene.envelope(hair, grid)
    beneath = (scene.y > np.interp(scene.x, grid, crown) + 0.1) & (scene.y < np.interp(scene.x, grid, first) - 0.1)
    gap = scene.where(Label.BACKGROUND) & near & beneath
    if gap.any():  # background below hair: what lies above it is a bun or a loose strand
        _, low = scene.envelope(gap, grid)
        within = (grid >= scene.x[gap].min()) & (grid <= scene.x[gap].max())
        crown = np.where(within, np.maximum(crown, low), crown)
    return smooth_curve(crown, 2), smooth_curve(first, 2)


def _draw_down(
    scene: Scene, edge: np.ndarray, grid: np.ndarray, crown: np.ndarray, first: np.ndarray, fanned: np.ndarray
) -> None:
    """Tell that the hair between `crown` and hairline `first` (y at each x of `grid`) hangs down to `edge` (H, W).

    fanned: how far sideways (H, W) the hair at the edge comes from.
    """
    q, _, _ = across(scene)
    top = np.interp(scene.x, grid, crown)
    hair = scene.where(Label.HAIR) & (abs(q) < 1.15) & (scene.y > top)
    edge = edge + 0.06  # the ends are painted, from within the hair down
    share = np.clip((scene.y - top) / np.maximum(edge - top, 0.05), 0, 1.2)
    x_source = scene.x + fanned * share * np.clip(1 - (q / 1.15) ** 2, 0, 1)
    length = np.maximum(np.interp(x_source, grid, first - crown), 0.02)
    stretch = np.minimum(np.maximum(edge - top, 0.05) / length, _DRAWN)
    y_source = np.interp(x_source, grid, crown) + np.where(stretch < 1, scene.y - top, (scene.y - top) / stretch)
    scene.tell(hair & (scene.y < edge), x_source, y_source)
    scene.tell(scene.where(*FACE_PARTS, *EARS, Label.EYE_G), scene.x, scene.y)
    scene.tell(scene.where(Label.BACKGROUND), scene.x, scene.y)


def higher_forehead(scene: Scene, strength: float) -> None:
    """Fringe away, hairline further up."""
    hair = need_hair(scene)
    q, middle, _ = across(scene)
    crown = hair & (abs(scene.x - middle) < 0.35) & (scene.y < -0.3)
    if not crown.any():
        raise QuickEditImpossible("There is no hair above the forehead to move back.")
    top = float(np.percentile(scene.y[crown], 1))
    skin = scene.where(Label.SKIN) & (abs(scene.x - middle) < 0.35) & (scene.y < -0.2)
    hairline = float(np.percentile(scene.y[skin], 2)) if skin.any() else -0.3
    goal = max(min(hairline, -0.95) - 0.26, top + 0.16, -1.6)
    goal = min(hairline, hairline + strength * (goal - hairline))
    base = -0.25
    oval = np.clip(1 - abs(q / 0.97) ** 2.4, 0, 1) ** (1 / 2.4)
    scene.paint((scene.y > base - (base - goal) * oval) & (scene.y < base), Label.SKIN, over=(Label.HAIR,))


#: In the order of their buttons.
EDITS = (
    QuickEdit(
        *("fringe", "Fringe", "Brings hair over the forehead.", "Hair", fringe),
        (
            Variant("straight", "Straight", fringe),
            Variant("swept", "Swept aside", partial(fringe, style="swept")),
            Variant("curtain", "Curtain", partial(fringe, style="curtain")),
        ),
    ),
    QuickEdit("higher_forehead", "Higher forehead", "Takes a fringe and the hairline back.", "Hair", higher_forehead),
)
