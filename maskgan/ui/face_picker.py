"""How a face is chosen, in every tab: drop a photo or take an example, then one of its faces or the whole picture.

`FacePicker` builds the components and turns what a visitor does with them into one `OpenFace`, which goes straight to
the tab's `show` within the same handler: upload -> photo -> faces -> `OpenFace` -> `show`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from maskgan.editing.pipeline import MaskGANPipeline, NoFaceFound
from maskgan.images import MAX_PIXELS
from maskgan.originals import read_original
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples
from maskgan.ui.gallery import Gallery
from maskgan.ui.kit import BUSY, QUIET, SQUARES, Updates, UsesWeights, tell, warn, warns_on_value_error
from maskgan.ui.pictures import face_thumbnails
from maskgan.ui.session import OpenFace, Session


class FacePicker(UsesWeights):
    """The upload field, the offer of the whole picture, and the strips of faces and examples.

    Attributes:
        outputs: what `reflect` updates.
    """

    def __init__(
        self,
        pipeline: MaskGANPipeline | Serving,
        examples: Examples,
        session: gr.State,
        max_pixels: int = MAX_PIXELS,
        *,
        prefix: str = "",
        columns: tuple[int, int] = (3, 3),
    ) -> None:
        """Build it inside the `gr.Blocks` that is open.

        session: state of the tab that holds a `Session`; max_pixels: limit of an uploaded photo; prefix: of the
        element ids, for there may be several pickers on a page; columns: of the strips of faces and of examples.
        """
        self.serving, self.example_faces, self.max_pixels = Serving.of(pipeline), examples, max_pixels
        self.session = session
        # Any type of file: what cannot be used is refused in words of our own.
        self.upload = gr.File(label="Your photo", show_label=False, height=92, elem_id=f"{prefix}upload")
        self.whole = gr.Button(
            "Use the whole picture", variant="primary", size="sm", visible=False, elem_id=f"{prefix}whole"
        )
        self.faces = Gallery(
            label="Faces of the photo", columns=columns[0], visible=False, elem_id=f"{prefix}faces", **SQUARES
        )
        self.examples = Gallery(
            examples.thumbnails(), label="Examples", columns=columns[1], elem_id=f"{prefix}examples", **SQUARES
        )
        self.outputs = [self.faces, self.whole]

    def on_open(
        self,
        show: Callable[..., Updates],
        inputs: list[Any],
        outputs: list[Any],
        *,
        api_name: str,
        switch: Callable[..., Updates] | None = None,
        told: Callable[[Callable[..., Updates]], Callable[..., Updates]] | None = None,
        told_by: list[Any] | None = None,
        **progress: Any,
    ) -> list[Dependency]:
        """Let `show(session, opened, *inputs)` open whatever face is chosen, and return those events.

        `show` returns updates of `outputs`, among them the session and those of `reflect`; api_name: of the upload;
        switch: called as `switch(session, index, *inputs)` for another face of the photo, where that is more
        than to show it; told: makes of a handler one that is called with `told_by` after the session, for what else
        has to happen before the open face is left; progress: options of the events that may take a second, see `BUSY`.
        """
        self._show, self._switch = show, switch or self._other
        told, start, busy = told or (lambda handler: handler), [self.session, *(told_by or [])], BUSY | progress
        return [
            self.upload.upload(
                told(self.open_photo),
                [*start, self.upload, *inputs],
                [*outputs, self.upload],
                api_name=api_name,
                **busy,
            ),
            self.whole.click(told(self.use_whole_picture), [*start, *inputs], outputs, **busy),
            self.faces.select(told(self.choose_face), [*start, *inputs], outputs, **busy),
            # They are prepared in advance.
            self.examples.select(told(self.choose_example), [*start, *inputs], outputs, **QUIET),
        ]

    def reflect(self, opened: OpenFace) -> Updates:
        """The strip of the photo's faces, where there are several, once a face is open."""
        several = len(opened.faces) > 1
        faces = face_thumbnails(opened.face.photo, opened.faces) if several else None
        return {
            self.faces: gr.update(value=faces, visible=several, selected_index=opened.chosen),
            self.whole: gr.update(visible=False),
        }

    # ------------------------------------------------------------------ handlers

    def open_photo(self, session: Session, path: str | None, *values: Any) -> Updates:
        """An uploaded file: its largest face, or the offer of the whole picture when it has none.

        A file that is no usable photo leaves the open face as it is, and withdraws the offer of an earlier photo.
        """
        if path is None:
            return gr.skip()
        updates: Updates = {self.upload: None}
        try:
            (photo, original), name = read_original(path, max_pixels=self.max_pixels), Path(path).stem
            opened = OpenFace.largest_in(self.pipeline, photo, name, original)
            updates |= self._show(session, opened, *values)
            if opened.turned:
                tell(f"The photo was turned upright, by {opened.turned} degrees; it is edited and saved upright.")
            if opened.face.alignment.is_whole_picture:
                tell("This picture is an aligned face already, so it is edited whole; its own mask can be loaded.")
            if len(opened.faces) > 1:
                tell(f"{len(opened.faces)} faces were found; click another one to edit it.")
        except NoFaceFound as problem:
            warn(problem)
            updates |= {
                self.session: replace(session, pending=(photo, name, original)),
                self.whole: gr.update(visible=True),
            }
        except ValueError as problem:
            warn(problem)
            if session.pending is not None:
                updates |= {self.session: replace(session, pending=None), self.whole: gr.update(visible=False)}
        return updates

    @warns_on_value_error
    def use_whole_picture(self, session: Session, *values: Any) -> Updates:
        """Take the photo in which no face was found as a face crop."""
        if session.pending is None:
            raise ValueError("That photo is no longer here; drop it again.")
        return self._show(session, OpenFace.whole(self.pipeline, *session.pending), *values)

    @warns_on_value_error
    def choose_face(self, session: Session, event: gr.SelectData, *values: Any) -> Updates:
        """A click on one of several faces of the photo."""
        opened = session.require_open()
        if event.index == opened.chosen:
            return gr.skip()
        return self._switch(session, event.index, *values)

    def _other(self, session: Session, index: int, *values: Any) -> Updates:
        return self._show(session, session.require_open().other(self.pipeline, index), *values)

    @warns_on_value_error
    def choose_example(self, session: Session, event: gr.SelectData, *values: Any) -> Updates:
        """A click on the example strip."""
        return self._show(session, self.example_faces.open(event.index), *values)
