"""A face to work with, as a piece of any tab: drop a photo or take an example, choose its face, correct the mask.

`FaceInput` builds the components and gives back what is chosen as a `Session` value; a tab says what should happen
afterwards with `on_change`. Two on one page need two names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import MAX_PIXELS, read_photo
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.layout import TIME_TO_LIVE
from maskgan.ui.paint.tab import DEVICE, Updates, tells
from maskgan.ui.pictures import face_thumbnails
from maskgan.ui.session import OpenFace, Session
from maskgan.ui.weights_line import UsesWeights

_QUIET = {"show_progress": "minimal", "api_visibility": "undocumented", **DEVICE}


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
        self.serving, self.example_faces, self.max_pixels = Serving.of(pipeline), examples, max_pixels
        strip = {"container": False, "allow_preview": False, "show_label": False, "object_fit": "cover", "buttons": []}
        strip["elem_classes"] = "pictures"
        self.session = gr.State(Session(), time_to_live=TIME_TO_LIVE)
        with gr.Column(elem_classes="face-input", min_width=240):
            gr.HTML(f"<h2 class='step'>{title}</h2>")
            self.picture = gr.Image(
                label=title, show_label=False, interactive=False, height=190, buttons=[], elem_id=f"{name}-face"
            )
            self.upload = gr.File(label="Your photo", show_label=False, height=92, elem_id=f"{name}-upload")
            self.whole = gr.Button(
                "Use the whole picture", variant="primary", size="sm", visible=False, elem_id=f"{name}-whole"
            )
            self.faces = gr.Gallery(
                label="Faces", columns=4, interactive=False, visible=False, elem_id=f"{name}-faces", **strip
            )
            self.examples = gr.Gallery(
                examples.thumbnails(),
                columns=7,
                interactive=False,
                elem_id=f"{name}-examples",
                label="Examples",
                **strip,
            )
            with gr.Accordion("Correct the mask", open=False, elem_id=f"{name}-mask"):
                self.canvas = MaskCanvas(elem_id=f"{name}-canvas")
        self.outputs = [self.session, self.picture, self.canvas, self.faces, self.whole]
        self._events = [
            self.upload.upload(
                self.open_photo,
                [self.session, self.upload],
                [*self.outputs, self.upload],
                api_name=f"{name}_photo",
                **_QUIET,
            ),
            self.whole.click(self.use_whole_picture, self.session, self.outputs, **_QUIET),
            self.faces.select(self.choose_face, self.session, self.outputs, **_QUIET),
            self.examples.select(self.choose_example, None, self.outputs, **_QUIET),
            self.canvas.release(
                self.correct_mask, [self.session, self.canvas], self.session, trigger_mode="always_last", **_QUIET
            ),
        ]

    def on_change(self, handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]) -> None:
        """Call `handler` whenever another face, or another mask of it, has been chosen."""
        for event in self._events:
            event.success(handler, inputs, outputs, **_QUIET)

    # ------------------------------------------------------------------ handlers

    def show(self, opened: OpenFace) -> Updates:
        """Open a face."""
        face, several = opened.face, len(opened.faces) > 1
        thumbnails = face_thumbnails(face.photo, opened.faces) if several else None
        return {
            self.session: Session(opened=opened, mask=face.mask),
            self.picture: face.crop,
            self.canvas: MaskCanvas.payload(face.mask, face.mask, face.crop, opened.id),
            self.faces: gr.update(value=thumbnails, visible=several, selected_index=opened.chosen),
            self.whole: gr.update(visible=False),
        }

    def open_example(self, index: int) -> Updates:
        """One of the example faces."""
        return self.show(OpenFace.new(self.example_faces.face(index), self.example_faces.paths[index].stem))

    def choose_example(self, event: gr.SelectData) -> Updates:
        """A click on the example strip."""
        return self.open_example(event.index)

    def open_photo(self, session: Session, path: str | None) -> Updates:
        """An uploaded file: its largest face, or the offer of the whole picture when it has none."""
        if path is None:
            return gr.skip()
        updates: Updates = {self.upload: None, self.whole: gr.update(visible=False)}
        try:
            photo, name = read_photo(path, max_pixels=self.max_pixels), Path(path).stem
            faces = tuple(self.pipeline.detect(photo))
            if faces:
                return updates | self.show(OpenFace.new(self.pipeline.prepare(photo, faces[0]), name, faces, 0))
            gr.Warning("No face was found in this photo; use the whole picture, or choose another photo.")
            session = replace(session, pending=(photo, name))
            return updates | {self.session: session, self.whole: gr.update(visible=True)}
        except ValueError as problem:
            gr.Warning(str(problem))
        return updates

    @tells
    def use_whole_picture(self, session: Session) -> Updates:
        """Take the photo in which no face was found as a face crop."""
        if session.pending is None:
            raise ValueError("That photo is no longer here; drop it again.")
        photo, name = session.pending
        return self.show(OpenFace.new(self.pipeline.prepare(photo, None), name))

    @tells
    def choose_face(self, session: Session, event: gr.SelectData) -> Updates:
        """A click on one of several faces of the photo."""
        opened = session.opened
        if opened is None or event.index >= len(opened.faces):
            raise ValueError("This photo is no longer open; drop it again.")
        face = self.pipeline.prepare(opened.face.photo, opened.faces[event.index])
        return self.show(OpenFace.new(face, opened.name, opened.faces, event.index))

    @tells
    def correct_mask(self, session: Session, message: Any) -> Updates:
        """The end of a stroke: the face gets that mask for its own, and its style is read anew."""
        if session.opened is None:
            raise ValueError("No face is open, perhaps after a long pause; choose a face or drop your photo again.")
        mask = MaskCanvas.read(message, session.opened.face.mask.shape, session.opened.id)
        if mask is None:  # a stroke on the face that was open before
            return gr.skip()
        opened = replace(session.opened, face=self.pipeline.with_mask(session.opened.face, mask))
        return {self.session: replace(session, opened=opened, mask=mask)}
