"""The canvas on which people paint masks, as a Gradio component.

The browser holds the label map as integers and paints it without any smoothing; only class ids 0..18 ever travel.
`wire.py` says what travels. `label_buffer.js` works on the labels, `controls.js` builds the buttons, `session.js`
holds the open face, `view.js` draws, `tools.js` and `move_tool.js` have a factory for each tool, `gestures.js` and
`keys.js` listen, `canvas.js` puts them together. Python joins them into one function body: they share functions and
constants, and whatever changes is inside a factory.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from maskgan.labels import BROWS, DISPLAY_NAMES, EARS, EYES, LIPS, MIRRORED_PAIRS, MOUTH, PALETTE, Label
from maskgan.ui.mask_canvas import wire

_FOLDER = Path(__file__).parent
_SCRIPTS = (
    *("label_buffer.js", "controls.js", "session.js", "view.js", "tools.js", "move_tool.js"),
    *("gestures.js", "keys.js", "canvas.js"),
)

#: One key for each class; tools use B E L F I V M P Z.
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
def _script() -> str:
    """The browser's half, with the classes of `maskgan.labels` in front: JavaScript knows no class by itself."""
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


class MaskCanvas(gr.HTML):
    """A canvas that holds a label map and lets people paint on it.

    Its value goes to the browser as `MaskCanvas.payload(...)` and comes back to a handler as the browser's
    message, which only `MaskCanvas.read(...)` may turn into a mask. Events: `input` after every stroke and
    several times a second during a long one, `release` once when a stroke ends. Python's own updates fire
    neither. The canvas must not be an output of its own `input`, or late answers would undo later strokes.
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("html_template", "<div class='mask-canvas'></div>")
        kwargs.setdefault("js_on_load", _script())
        kwargs.setdefault("apply_default_css", False)
        super().__init__(value, **kwargs)

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML text."""
        return {"type": "object", "description": "mask message: id, width, height, mask (run lengths, base64)"}

    def example_payload(self) -> dict[str, Any]:
        """A small message of the right form."""
        return wire.payload(np.zeros((4, 4), np.uint8))

    def example_value(self) -> dict[str, Any]:
        """A small value of the right form."""
        return self.example_payload()

    @staticmethod
    def payload(
        mask: np.ndarray, original: np.ndarray | None = None, photo_crop: np.ndarray | None = None, id: int = 0
    ) -> dict[str, Any]:
        """The value that shows `mask` on the canvas.

        `mask`, `original`: (H, W) ids 0..18, the current mask and the one that the eraser and Reset bring
        back; `photo_crop`: (H', W', 3) uint8 RGB, drawn under the mask. `id` names the face: a new id starts
        a new history; the same id adds one undo step and may leave `original` and `photo_crop` out to keep them.

        Raises ValueError when a mask is no label map or the two differ in size.
        """
        return wire.payload(mask, original, photo_crop, id)

    @staticmethod
    def read(value: Any, expected_size: tuple[int, int], expected_id: int) -> np.ndarray | None:
        """The mask (H, W) uint8 in a message from the browser, or None when it belongs to an earlier face.

        `expected_size`: (height, width) of the face that is open now; `expected_id`: its id.

        Raises ValueError with one sentence when the message is malformed or forged: every field is checked.
        """
        return wire.read(value, expected_size, expected_id)


__all__ = ["CLASS_KEYS", "MaskCanvas"]
