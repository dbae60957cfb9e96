"""The canvas on which people paint masks, and the result beside it, as Gradio components.

`maskgan/canvas` has the browser's half; `wire.py` says what travels: only class ids 0..18 ever do.
"""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from maskgan.canvas import script
from maskgan.ui.mask_canvas import wire
from maskgan.ui.mask_canvas.result_view import ResultView


class MaskCanvas(gr.HTML):
    """A canvas that holds a label map and lets people paint on it.

    Its value goes to the browser as `MaskCanvas.payload(...)` and comes back to a handler as the browser's
    message, which only `MaskCanvas.read(...)` may turn into a mask. Events: `input` now and then during a long
    stroke, for a preview, and `release` once when a stroke ends. Python's own updates fire neither. Where its
    `server_functions` have a `picture_ahead`, the canvas asks that first (see `maskgan/ui/paint/ahead.py`).
    """

    def __init__(self, value: dict[str, Any] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("html_template", "<div class='mask-canvas'></div>")
        kwargs.setdefault("js_on_load", script())
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
        mask: np.ndarray,
        original: np.ndarray | None = None,
        photo_crop: np.ndarray | None = None,
        id: int = 0,
        version: int | None = None,
    ) -> dict[str, Any]:
        """The value that shows `mask` on the canvas.

        `mask`, `original`: (H, W) ids 0..18, the current mask and the one that the eraser and Reset bring
        back; `photo_crop`: (H', W', 3) uint8 RGB, drawn under the mask. `id` names the face: a new id starts
        a new history; the same id adds one undo step and may leave `original` and `photo_crop` out to keep them.
        `version` counts what the canvas is given: it sends the newest one back with every message (see `knows`),
        and of the same face takes a newer one only.

        Raises ValueError when a mask is no label map or the two differ in size.
        """
        return wire.payload(mask, original, photo_crop, id, version)

    @staticmethod
    def read(value: Any, expected_size: tuple[int, int], expected_id: int) -> np.ndarray | None:
        """The mask (H, W) uint8 in a message from the browser, or None when it belongs to an earlier face.

        `expected_size`: (height, width) of the face that is open now; `expected_id`: its id.

        Raises ValueError with one sentence when the message is malformed or forged: every field is checked.
        """
        return wire.read(value, expected_size, expected_id)

    @staticmethod
    def knows(value: dict[str, Any], version: int) -> bool:
        """Whether a message that was read came from a canvas that had this version of the mask, or tells none."""
        return value.get("version", version) == version

    @staticmethod
    def moved(value: dict[str, Any], size: tuple[int, int]) -> wire.Moved | None:
        """The regions that were moved to get to the mask of `size` (height, width), in a message that was read.

        None where it came about otherwise. Raises ValueError with one sentence when the browser told nonsense.
        """
        return wire.moved_regions(value, size)

    @staticmethod
    def number(value: dict[str, Any]) -> int:
        """The number of a message: later ones of a page have larger numbers.

        Raises ValueError when it is none.
        """
        return wire.number(value)

    @staticmethod
    def locked(value: dict[str, Any]) -> tuple[int, ...]:
        """The class ids that people do not want painted over, in a message that was read."""
        return tuple(value.get("locked", ()))


__all__ = ["MaskCanvas", "ResultView"]
