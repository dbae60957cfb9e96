"""A mask to work with, as a piece of a tab: that of a photo, an example, a file, or what is painted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from maskgan.labels import colourise
from maskgan.ui.face_input import FaceInput, open_in
from maskgan.ui.kit import BUSY, SMALL, Updates, uploaded_mask, warns_on_value_error
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.session import OpenFace, Session


class MaskInput(FaceInput):
    """A `FaceInput` whose mask may be another than its face's: `session.mask` is the mask, the face gives the style."""

    def __init__(self, name: str, title: str, *args: Any) -> None:
        """Build it inside the `gr.Blocks` that is open; arguments as for `FaceInput`."""
        with gr.Column(elem_classes="mask-input", min_width=240):
            super().__init__(name, title, *args)
        self._events.append(
            self.file_button.upload(
                self.load_mask, [self.session, self.file_button], self.outputs, api_name=f"{name}_mask", **BUSY
            )
        )

    def _buttons(self, name: str) -> None:
        super()._buttons(name)
        self.painted_button = gr.Button("Mask from Paint", elem_id=f"{name}-from-painted", **SMALL)
        self.file_button = gr.UploadButton("Load mask", elem_id=f"{name}-load", **SMALL)

    def connect(self, paint: gr.State) -> None:
        """Let the two buttons take what is open in the session of the Paint tab."""
        super().connect(paint)
        self._events.append(self.painted_button.click(self.take_painted, paint, self.outputs, **BUSY))

    # ------------------------------------------------------------------ handlers

    def show(self, opened: OpenFace, mask: np.ndarray | None = None) -> Updates:
        """Open a face, with `mask` in place of its own where that is given."""
        face = opened.face
        mask = face.mask if mask is None else mask
        return super().show(opened) | {
            self.session: Session(opened=opened, mask=mask),
            self.canvas: MaskCanvas.payload(mask, face.mask, face.crop, opened.id),
            self.picture: self.pair(opened, mask),
        }

    @staticmethod
    def pair(opened: OpenFace, mask: np.ndarray) -> np.ndarray:
        """Face and mask side by side (S, 2 S, 3) uint8 RGB."""
        return np.hstack([opened.face.crop, colourise(mask)])

    @warns_on_value_error
    def take_photo(self, paint: Session) -> Updates:
        """The face that is open in the Paint tab, with its own mask."""
        return self.show(open_in(paint))

    @warns_on_value_error
    def take_painted(self, paint: Session) -> Updates:
        """The face that is open in the Paint tab, with the mask that is painted there."""
        return self.show(open_in(paint), paint.mask)

    @warns_on_value_error
    def load_mask(self, session: Session, path: str) -> Updates:
        """A mask file; the face that is open here goes on giving the style."""
        if session.opened is None:
            raise ValueError("Choose a face first: it gives the style for the mask of the file.")
        mask = uploaded_mask(path, session.opened.face.mask.shape, self.picker.max_pixels)
        return self.show(session.opened, mask)

    @warns_on_value_error
    def correct_mask(self, session: Session, message: Any) -> Updates:
        """The end of a stroke: another mask, in the style that the face has had."""
        opened = session.require_open()
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        return gr.skip() if mask is None else {self.session: replace(session, mask=mask)}
