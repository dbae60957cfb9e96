"""Quick edits of the hair above the forehead: a fringe and its opposite."""

from __future__ import annotations

from functools import partial

import numpy as np

from maskgan.labels import Label
from maskgan.quick_edits.edit import QuickEdit, Variant
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hair import need_hair
from maskgan.quick_edits.hairpieces import Part, Worn, across, coverage, is_bald
from maskgan.quick_edits.scarves import need_open_hair
from maskgan.quick_edits.scene import Scene

#: The hairpiece of each shape.
PIECES = {
    "straight": "fringe_bob",
    "swept": "swept",
    "curtain": "long_layered",
    "tousled": "tousled",
}

#: How far down beside the eyes (frame units) a higher forehead goes.
_TEMPLES = 0.55


def fringe(scene: Scene, strength: float, style: str = "straight") -> None:
    """Hair over the forehead down to the brows: somebody's fringe. `style` names its shape."""
    need_open_hair(scene)
    if not scene.where(Label.HAT).any():
        need_hair(scene)
    q, middle, _ = across(scene)
    skin = scene.where(Label.SKIN) & (abs(q) < 1.15)
    if not (skin & (abs(scene.x - middle) < 0.3) & (scene.y < -0.2)).any():
        raise QuickEditImpossible("The forehead is covered already.")
    if is_bald(scene):
        raise QuickEditImpossible("There is no hair above this forehead to hang over it; choose a Hairstyle.")
    worn = Worn(PIECES[style], Part.FRINGE, min(strength, 1.3)).facing(scene)
    over = coverage(scene, worn).alpha > 0.5
    scene.paint(skin & over, Label.HAIR)
    scene.worn.append(worn)


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
    # Hair that sweeps over a temple is not cut level, but along a line that comes round to it.
    lower = base + _TEMPLES * min(strength, 1.0) * oval
    bare = (scene.y > base - (base - goal) * oval) & ((scene.y < base) | (scene.y < lower))
    scene.paint(bare, Label.SKIN, over=(Label.HAIR,))


#: In the order of their buttons.
EDITS = (
    QuickEdit(
        *("fringe", "Fringe", "Brings hair over the forehead.", "Hair", fringe),
        (
            Variant("straight", "Straight", fringe),
            Variant("swept", "Swept aside", partial(fringe, style="swept")),
            Variant("curtain", "Curtain", partial(fringe, style="curtain")),
            Variant("tousled", "Tousled", partial(fringe, style="tousled")),
        ),
    ),
    QuickEdit("higher_forehead", "Higher forehead", "Takes a fringe and the hairline back.", "Hair", higher_forehead),
)
