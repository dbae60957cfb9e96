"""Which quick edits can do something to a mask: those that lack their part are shown as impossible, with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from maskgan.labels import BROWS, EYES, MOUTH, Label

#: By the name of a quick edit, the classes of which a mask has to have one, and what they are called together.
NEEDS: dict[str, tuple[tuple[Label, ...], str]] = {
    **dict.fromkeys(("smile", "open_mouth", "close_mouth", "fuller_lips", "thinner_lips"), (MOUTH, "mouth")),
    **dict.fromkeys(("bigger_eyes", "smaller_eyes"), (EYES, "eye")),
    **dict.fromkeys(("thicker_brows", "thinner_brows", "raised_brows"), (BROWS, "brow")),
    **dict.fromkeys(("wider_nose", "narrower_nose"), ((Label.NOSE,), "nose")),
    "remove_glasses": ((Label.EYE_G,), "pair of glasses"),
    "remove_hat": ((Label.HAT,), "hat"),
    "remove_earrings": ((Label.EAR_R,), "earring"),
    "remove_necklace": ((Label.NECK_L,), "necklace"),
}


def explain(helps: Mapping[str, str], quick_ids: Mapping[str, str]) -> str:
    """JavaScript that gives buttons their tooltips, and follows the mask on the canvas from then on.

    helps: tooltips by element id; quick_ids: element ids of quick edits by name.
    """
    needs = {quick_ids[name]: (list(map(int, labels)), what) for name, (labels, what) in NEEDS.items()}
    script = Path(__file__).with_name("possible.js").read_text(encoding="utf-8")
    return f"() => {{\nconst HELPS = {json.dumps(dict(helps))};\nconst NEEDS = {json.dumps(needs)};\n{script}}}"
