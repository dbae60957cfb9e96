"""The canvas on which people paint masks: the browser's half, for the app and for the page that needs no server.

The browser holds the label map as integers and paints it without any smoothing. `label_buffer.js` and `regions.js` work
on the labels, `guard.js` says which of them are locked, `settings.js` what people chose. `controls.js` and `adjust.js`
build the buttons, `session.js` holds the open face, `view.js` draws, `tools.js`, `shapes.js` and `move_tool.js` have a
factory for each tool, `result.js` takes up the result beside the canvas. `gestures.js`, `keys.js` and
`keyboard_brush.js` listen, `roving.js` makes one stop of the Tab key of each toolbar, and `canvas.js` puts them
together. They are joined into one function body: they share functions and constants, and whatever changes is inside a
factory.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from maskgan.labels import BROWS, DISPLAY_NAMES, EARS, EYES, LIPS, MIRRORED_PAIRS, MOUTH, PALETTE, Label

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    *("label_buffer.js", "regions.js", "guard.js", "settings.js", "controls.js", "adjust.js", "session.js", "view.js"),
    *("tools.js", "shapes.js", "move_tool.js", "result.js", "gestures.js", "keys.js", "keyboard_brush.js"),
    *("roving.js", "canvas.js"),
)

#: One key for each class; tools and switches use A B E F I L M O P S U V Z.
CLASS_KEYS = {
    Label.BACKGROUND: "0",
    Label.SKIN: "1",
    Label.NOSE: "2",
    Label.L_EYE: "3",
    Label.R_EYE: "4",
    Label.L_BROW: "5",
    Label.R_BROW: "6",
    Label.U_LIP: "7",
    Label.MOUTH: "8",
    Label.L_LIP: "9",
    Label.L_EAR: "Q",
    Label.R_EAR: "W",
    Label.HAIR: "H",
    Label.HAT: "T",
    Label.EYE_G: "G",
    Label.EAR_R: "R",
    Label.NECK_L: "K",
    Label.NECK: "N",
    Label.CLOTH: "C",
}


@cache
def script() -> str:
    """The body of a function of `element`, `props`, `trigger` and `watch`, which are Gradio's.

    The classes of `maskgan.labels` come first: JavaScript knows no class by itself.
    """
    mirror = {int(a): int(b) for pair in MIRRORED_PAIRS for a, b in (pair, pair[::-1])}
    classes = [
        {
            "id": int(label),
            "name": DISPLAY_NAMES[label],
            "colour": [int(v) for v in PALETTE[label]],
            "mirror": mirror.get(int(label), int(label)),
            "key": CLASS_KEYS[label],
        }
        for label in Label
    ]
    surfaces = (Label.BACKGROUND, Label.SKIN, Label.HAIR, Label.HAT, Label.NECK, Label.CLOTH)
    inner = (Label.NOSE, Label.EYE_G, *EYES, *BROWS, *MOUTH)
    constants = {
        "CLASSES": classes,
        # What may show under a part that was moved away: the background (first) only behind outer parts.
        "SURFACES": [int(label) for label in surfaces],
        "INNER": [int(label) for label in inner],
        # Parts that are grabbed together.
        "TOGETHER": [[int(label) for label in MOUTH]],
        # Ears are often hidden on one side, so that they say little about the middle of the face.
        "AXIS": {
            "centred": [int(label) for label in (Label.NOSE, *LIPS)],
            "unreliable": [int(label) for label in EARS],
        },
        "STYLE": (_FOLDER / "canvas.css").read_text(encoding="utf-8"),
    }
    lines = [f"const {name} = {json.dumps(value)};" for name, value in constants.items()]
    lines += [(_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS]
    return "\n".join(lines)


def roving() -> str:
    """JavaScript with `createRoving(group, selector)`, which makes one stop of the Tab key of a group of controls."""
    return (_FOLDER / "roving.js").read_text(encoding="utf-8")


def module() -> str:
    """A JavaScript module with `mountMaskCanvas({element, props, trigger, watch})`, for pages without Gradio.

    It returns what turns labels to text and back, since masks are text in `props.value`.
    """
    opening = "export function mountMaskCanvas({ element, props, trigger, watch }) {"
    return f"{opening}\n{script()}\nreturn {{ encodeRuns, decodeRuns }};\n}}\n"


__all__ = ["CLASS_KEYS", "module", "roving", "script"]
