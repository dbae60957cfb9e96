"""A stroke in the Paint tab, without a page."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from maskgan.labels import Label
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session

VALUES = ("face", True, False)
LOOK = Look(*VALUES)


def message(session: Session, mask: np.ndarray) -> dict[str, Any]:
    """What the browser sends after a stroke."""
    return {**MaskCanvas.payload(mask, id=session.opened.id), "stroke": 1}


def painted(session: Session, label: Label = Label.HAIR, row: int = 100) -> np.ndarray:
    """The mask (512, 512) of the open face with a stroke on it."""
    mask = session.opened.face.mask.copy()
    mask[row : row + 20, 100:140] = label
    return mask


def shown_files(update: Any) -> tuple[str, str]:
    """Paths of the pictures before and after in what a handler returns for a result: a value, or an update of it."""
    return tuple((update["value"] if isinstance(update, dict) else update)[:2])


def shown(updates: dict[Any, Any], tab: PaintTab) -> list[np.ndarray]:
    """The pictures before and after, as the face's slider shows them."""
    return [np.array(Image.open(path)) for path in shown_files(updates[tab.face_result])]


def nothing_changed(updates: Any) -> bool:
    """Whether a handler left the page as it is."""
    return updates == gr.skip()
