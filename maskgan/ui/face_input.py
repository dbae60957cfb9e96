"""A face to work with, as a piece of any tab: its picture, a `FacePicker`, and a canvas to correct its mask.

`FaceInput` gives back what is chosen as a `Session` value; a tab says what should happen afterwards with `on_change`.
Two on one page need two names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import Dependency

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import MAX_PIXELS
from maskgan.originals import Original
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples
from maskgan.ui.face_picker import FacePicker
from maskgan.ui.kit import BUSY, SMALL, Updates, UsesWeights, heading, visitor_state, warns_on_value_error
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.pictures import png
from maskgan.ui.session import OpenFace, Session


class FaceInput(UsesWeights):
    """Components of one face: `session` holds what is open; `outputs` is all that `show` may update."""

    def __init__(
        self,
        name: str,
        title: str,
        pipeline: MaskGANPipeline | Serving,
        examples: Examples,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Build it inside the `gr.Blocks` that is open. `name` prefixes the element ids, `title` is its heading."""
        self.serving = Serving.of(pipeline)
        self.session = visitor_state(Session())
        with gr.Column(elem_classes="face-input", min_width=240):
            heading(title)
            self.picture = gr.Image(
                label=title, show_label=False, interactive=False, height=190, buttons=[], elem_id=f"{name}-face"
            )
            self.picker = FacePicker(
                self.serving, examples, self.session, max_pixels, prefix=f"{name}-", columns=(4, 7)
            )
            with gr.Row(elem_classes="from-paint"):
                self._buttons(name)
            with gr.Accordion("Correct the mask", open=False, elem_id=f"{name}-mask"):
                self.canvas = MaskCanvas(elem_id=f"{name}-canvas")
        self.outputs = [self.session, self.picture, self.canvas, *self.picker.outputs]
        self._events = [
            *self.picker.on_open(lambda _, opened: self.show(opened), [], self.outputs, api_name=f"{name}_photo"),
            self.canvas.release(
                self.correct_mask, [self.session, self.canvas], self.session, trigger_mode="always_last", **BUSY
            ),
        ]

    def _buttons(self, name: str) -> None:
        self.photo_button = gr.Button("Photo from Paint", elem_id=f"{name}-from-photo", **SMALL)

    def connect(self, paint: gr.State) -> None:
        """Let a button take what is open in the session of the Paint tab."""
        self._events.append(self.photo_button.click(self.take_photo, paint, self.outputs, **BUSY))

    def on_change(self, handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> list[Dependency]:
        """Call `handler` whenever another face, or another mask of it, has been chosen; returns those events."""
        return [event.success(handler, inputs, outputs, **BUSY) for event in self._events]

    def show(self, opened: OpenFace) -> Updates:
        """Open a face."""
        face = opened.face
        return {
            self.session: Session(opened=opened, mask=face.mask),
            self.picture: face.crop,
            self.canvas: MaskCanvas.payload(face.mask, face.mask, face.crop, opened.id),
            **self.picker.reflect(opened),
        }

    @warns_on_value_error
    def take_photo(self, paint: Session) -> Updates:
        """The face that is open in the Paint tab, as it is seen there."""
        return self.show(as_seen(paint, self.pipeline))

    @warns_on_value_error
    def correct_mask(self, session: Session, message: Any) -> Updates:
        """The end of a stroke: the mask becomes the face's own, and its style is encoded again."""
        opened = session.require_open()
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if mask is None:  # a stroke on the face that was open before
            return gr.skip()
        corrected = replace(opened, face=self.pipeline.with_mask(opened.face, mask))
        return {self.session: replace(session, opened=corrected, mask=mask)}


def open_in(paint: Session) -> OpenFace:
    """The face that is open in the Paint tab's session; raises ValueError when there is none."""
    if paint.opened is None:
        raise ValueError("No face is open in the Paint tab; choose one there first.")
    return paint.opened


def as_seen(paint: Session, pipeline: MaskGANPipeline) -> OpenFace:
    """The face that is open in the Paint tab with its edits, where there are any, as a face of its own.

    Raises ValueError when no face is open there.
    """
    opened, edit, drawn = open_in(paint), paint.edit, paint.drawn
    if drawn is None:
        return opened
    seen = replace(edit.face, photo=edit.photo, crop=edit.crop, drawn=drawn)
    named = {"turned": opened.turned, "original": opened.original, "source": Original(png(edit.photo, drawn))}
    return OpenFace.new(pipeline.with_mask(seen, paint.mask), opened.name, **named)
