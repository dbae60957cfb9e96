"""The Paint tab: choose a face, paint on its mask, watch the result, take it home.

Handlers are methods from values to `{component: new value}`; they hold nothing themselves. All that touch the
networks or a session run one after another in one queue (`DEVICE`), so an answer about an earlier face can never
overtake a later one.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio import processing_utils

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import MAX_PIXELS, read_photo
from maskgan.mask_files import read_mask
from maskgan.provenance import drawn_by
from maskgan.quick_edits import QUICK_EDITS
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.layout import PaintLayout
from maskgan.ui.pictures import face_thumbnails, jpeg, mask_png, photos_for_screen, png, thumbnail, webp
from maskgan.ui.session import OpenFace, Session
from maskgan.ui.weights_line import UsesWeights, made_by

#: One at a time: torch uses all cores for one edit already, and order is what keeps answers in step.
DEVICE = {"concurrency_id": "device", "concurrency_limit": 1}

#: Faces that fill less of the photo than this, in pixels, have little to show.
SMALL_FACE = 80

Updates = dict[Any, Any]

DOWNLOAD = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


def tells(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A problem that a person can do something about becomes one sentence on the page; nothing else changes."""

    @functools.wraps(handler)
    def wrapped(*args: Any) -> Any:
        try:
            return handler(*args)
        except ValueError as problem:
            gr.Warning(str(problem))
            return gr.skip()

    return wrapped


def _opened(session: Session) -> OpenFace:
    if session.opened is None:
        raise ValueError("No face is open, perhaps after a long pause; choose a face or drop your photo again.")
    return session.opened


class PaintTab(PaintLayout, UsesWeights):
    """The components (see `PaintLayout`), what they do, and the session that they share.

    `outputs` are all that `open_face` may update.
    """

    def __init__(self, pipeline: MaskGANPipeline | Serving, examples: Examples, max_pixels: int = MAX_PIXELS) -> None:
        """Build the tab inside the `gr.Blocks` that is open; `max_pixels` limits uploaded photos."""
        self.serving = Serving.of(pipeline)
        self.example_faces = examples
        self.max_pixels = max_pixels
        super().__init__(examples.thumbnails())
        self._wire()

    # ------------------------------------------------------------------ choosing a face

    def open_example(self, session: Session, view: str, keep: bool, seamless: bool, index: int) -> Updates:
        """Open one of the example faces."""
        name = self.example_faces.paths[index].stem
        return self.open_face(session, OpenFace.new(self.example_faces.face(index), name), view, keep, seamless)

    @tells
    def choose_example(self, session: Session, view: str, keep: bool, seamless: bool, event: gr.SelectData) -> Updates:
        """A click on the example strip."""
        return self.open_example(session, view, keep, seamless, event.index)

    def open_photo(self, session: Session, path: str | None, view: str, keep: bool, seamless: bool) -> Updates:
        """An uploaded file: open its largest face, or offer the whole picture when there is none.

        A file that is no usable photo changes nothing on the canvas.
        """
        if path is None:
            return gr.skip()
        updates: Updates = {self.upload: None}
        try:
            photo, name = read_photo(path, max_pixels=self.max_pixels), Path(path).stem
            faces = tuple(self.pipeline.detect(photo))
            if faces:
                face = self.pipeline.prepare(photo, faces[0])
                updates |= self.open_face(session, OpenFace.new(face, name, faces, 0), view, keep, seamless)
                if len(faces) > 1:
                    gr.Info(f"{len(faces)} faces were found; click another one to edit it.")
            else:
                updates |= {
                    self.session: replace(session, pending=(photo, name)),
                    self.whole: gr.update(visible=True),
                }
                gr.Warning("No face was found in this photo; use the whole picture, or choose another photo.")
        except ValueError as problem:
            gr.Warning(str(problem))
            if session.pending is not None:  # nobody thinks of that photo any more
                updates |= {self.session: replace(session, pending=None), self.whole: gr.update(visible=False)}
        return updates

    @tells
    def use_whole_picture(self, session: Session, view: str, keep: bool, seamless: bool) -> Updates:
        """Take the photo in which no face was found as a face crop."""
        if session.pending is None:
            raise ValueError("That photo is no longer here; drop it again.")
        photo, name = session.pending
        return self.open_face(session, OpenFace.new(self.pipeline.prepare(photo, None), name), view, keep, seamless)

    @tells
    def choose_face(self, session: Session, view: str, keep: bool, seamless: bool, event: gr.SelectData) -> Updates:
        """A click on one of several faces of the photo."""
        opened = _opened(session)
        if event.index == opened.chosen or event.index >= len(opened.faces):
            return gr.skip()
        face = self.pipeline.prepare(opened.face.photo, opened.faces[event.index])
        opened = OpenFace.new(face, opened.name, opened.faces, event.index)
        return self.open_face(session, opened, view, keep, seamless)

    def open_face(
        self,
        session: Session,
        opened: OpenFace,
        view: str,
        keep: bool,
        seamless: bool,
        mask: np.ndarray | None = None,
    ) -> Updates:
        """Show a face, with `mask` in place of its own where that is given."""
        face = opened.face
        mask = face.mask if mask is None else mask
        session = session.open(opened, self.pipeline.edit(face, mask, keep), mask)
        if face.alignment.side < SMALL_FACE:
            gr.Info(f"This face is only {face.alignment.side:.0f} pixels wide, so the result stays coarse.")
        several = len(opened.faces) > 1
        faces = face_thumbnails(face.photo, opened.faces) if several else None
        return {
            self.canvas: MaskCanvas.payload(mask, face.mask, face.crop, opened.id),
            self.faces: gr.update(value=faces, visible=several, selected_index=opened.chosen),
            self.whole: gr.update(visible=False),
            **self._show(session, view, seamless),
        }

    # ------------------------------------------------------------------ editing

    @tells
    def paint(self, session: Session, message: Any, view: str, keep: bool, seamless: bool) -> Updates:
        """What the canvas holds now, several times a second while somebody paints."""
        opened = _opened(session)
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if mask is None:  # a stroke on the face that was open before
            return gr.skip()
        return self._show(session.painted(self.pipeline.edit(opened.face, mask, keep), mask), view, seamless)

    @tells
    def finish_stroke(self, session: Session, message: Any, view: str, keep: bool, seamless: bool) -> Updates:
        """The end of a stroke: its result goes into the history."""
        opened = _opened(session)
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if mask is None:
            return gr.skip()
        if np.array_equal(mask, session.mask):  # `paint` has shown it
            return self._remember(session, "Painted")
        session = session.painted(self.pipeline.edit(opened.face, mask, keep), mask)
        return self._show(session, view, seamless) | self._remember(session, "Painted")

    @tells
    def quick_edit(
        self, name: str, session: Session, message: Any, strength: float, view: str, keep: bool, seamless: bool
    ) -> Updates:
        """One of `QUICK_EDITS` on the mask that is on the canvas."""
        opened = _opened(session)
        on_canvas = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        # A canvas that does not know the last button's mask yet must not undo it.
        late = on_canvas is None or (session.replaced is not None and np.array_equal(on_canvas, session.replaced))
        mask = session.mask if late else on_canvas
        edited = QUICK_EDITS[name].apply(mask, strength)
        if np.array_equal(edited, mask):
            raise ValueError(f"{QUICK_EDITS[name].label} changes nothing more on this mask; undo goes back.")
        return self._apply(session, edited, on_canvas, QUICK_EDITS[name].label, view, keep, seamless)

    @tells
    def load_mask(self, session: Session, path: str, view: str, keep: bool, seamless: bool) -> Updates:
        """An uploaded mask file takes the place of the one on the canvas; undo brings that back."""
        opened = _opened(session)
        with warnings.catch_warnings(record=True) as notices:
            warnings.simplefilter("always")
            mask = read_mask(path, opened.face.mask.shape)
        for notice in notices:
            gr.Info(str(notice.message))
        return self._apply(session, mask, session.mask, "Loaded mask", view, keep, seamless)

    @tells
    def restore(self, session: Session, view: str, keep: bool, seamless: bool, event: gr.SelectData) -> Updates:
        """A click on the history (newest first): its mask again, and its face where that is another one."""
        if event.index >= len(session.history):
            raise ValueError("This result is no longer in the history.")
        step = session.history[-1 - event.index]
        if session.opened is None or step.opened.id != session.opened.id:
            awake = replace(step.opened, face=self.pipeline.own(step.opened.face))
            return self.open_face(session, awake, view, keep, seamless, step.mask)
        session = session.painted(self.pipeline.edit(step.opened.face, step.mask, keep), step.mask)
        return {
            self.canvas: MaskCanvas.payload(step.mask, id=step.opened.id),
            **self._show(session, view, seamless),
        }

    def refresh(self, session: Session, view: str, keep: bool, seamless: bool) -> Updates:
        """Another view or option of the same edit."""
        if session.opened is None:
            return gr.skip()
        edit = self.pipeline.edit(session.opened.face, session.mask, keep)
        return self._show(session.painted(edit, session.mask, session.replaced), view, seamless)

    def _apply(
        self,
        session: Session,
        mask: np.ndarray,
        on_canvas: np.ndarray | None,
        label: str,
        view: str,
        keep: bool,
        seamless: bool,
    ) -> Updates:
        """Give the canvas another mask, which goes into the history."""
        opened = _opened(session)
        session = session.painted(self.pipeline.edit(opened.face, mask, keep), mask, on_canvas)
        return {
            self.canvas: MaskCanvas.payload(mask, id=opened.id),
            **self._show(session, view, seamless),
            **self._remember(session, label),
        }

    def _remember(self, session: Session, label: str) -> Updates:
        session = session.remembered(thumbnail(session.edit.crop), label)
        pictures = [(self._saved(step.thumbnail, "step.jpg"), step.label) for step in reversed(session.history)]
        return {self.session: session, self.history: gr.update(value=pictures, visible=True, selected_index=None)}

    def _show(self, session: Session, view: str, seamless: bool) -> Updates:
        """The result in the view that is chosen; the other one would only cost time."""
        # As files: Gradio's own packing of an array takes longer than the edit.
        if view == "photo":
            before, after = photos_for_screen(session.edit, seamless)
            pack, name, shown, hidden = jpeg, "photo.jpg", self.photo_result, self.face_result
        else:
            before, after = session.edit.face.crop, session.edit.crop
            pack, name, shown, hidden = webp, "face.webp", self.face_result, self.photo_result
        pictures = self._saved(pack(before), name), self._saved(pack(after, drawn_by(session.edit)), name)
        return {
            self.session: session,
            shown: gr.update(value=pictures, visible=True),
            hidden: gr.update(visible=False),
            self.made_by: made_by(session.edit),
        }

    # ------------------------------------------------------------------ taking it home

    def mask_file(self, session: Session) -> str:
        """The mask as an indexed PNG of class ids."""
        return self._file(session, "mask", lambda: mask_png(session.mask))

    def face_file(self, session: Session) -> str:
        """The face crop of the result."""
        return self._file(session, "face", lambda: png(session.edit.crop, drawn_by(session.edit)))

    def photo_file(self, session: Session, seamless: bool) -> str:
        """The whole photo with the edited face, at full resolution."""
        return self._file(session, "edited", lambda: png(session.edit.paste(seamless), drawn_by(session.edit)))

    def _file(self, session: Session, suffix: str, content: Callable[[], bytes]) -> str:
        try:
            opened = _opened(session)
        except ValueError as problem:  # an error, not a warning: the download that follows must not start
            raise gr.Error(str(problem), print_exception=False) from problem
        return self._saved(content(), f"{opened.name}_{suffix}.png")

    def _saved(self, content: bytes, name: str) -> str:
        """A file that Gradio serves under a name of its content's hash, and deletes when its time has come."""
        return processing_utils.save_bytes_to_cache(content, name, self.file.GRADIO_CACHE)

    # ------------------------------------------------------------------ events

    def _wire(self) -> None:
        look = [self.view, self.keep, self.seamless]
        screen = [self.session, self.face_result, self.photo_result]
        opening = self.outputs = [*screen, self.canvas, self.faces, self.whole, self.made_by]
        screen = [*screen, self.made_by]
        quiet = {"show_progress": "hidden", "api_visibility": "undocumented", **DEVICE}
        busy = {**quiet, "show_progress": "minimal", "show_progress_on": self.face_result}

        self.upload.upload(
            self.open_photo, [self.session, self.upload, *look], [*opening, self.upload], api_name="open_photo", **busy
        )
        self.whole.click(self.use_whole_picture, [self.session, *look], opening, **busy)
        self.faces.select(self.choose_face, [self.session, *look], opening, **busy)
        self.examples.select(self.choose_example, [self.session, *look], opening, **quiet)

        painted = [self.session, self.canvas, *look]
        self.canvas.input(self.paint, painted, screen, trigger_mode="always_last", api_name="paint", **quiet)
        self.canvas.release(self.finish_stroke, painted, [*screen, self.history], trigger_mode="always_last", **quiet)
        for name, button in self.quick.items():
            button.click(
                partial(self.quick_edit, name),
                [self.session, self.canvas, self.strength, *look],
                [*screen, self.canvas, self.history],
                trigger_mode="multiple",
                api_name=f"quick_{name}",
                **quiet,
            )
        self.history.select(self.restore, [self.session, *look], opening, **quiet)
        gr.on(
            [self.view.change, self.keep.change, self.seamless.change],
            self.refresh,
            [self.session, *look],
            screen,
            trigger_mode="always_last",
            **quiet,
        )
        self.load_mask_button.upload(
            self.load_mask,
            [self.session, self.load_mask_button, *look],
            [*screen, self.canvas, self.history],
            api_name="load_mask",
            **quiet,
        )
        # Beside the device's queue: packing a large PNG must not keep anybody from painting.
        packing = {"concurrency_id": "packing", "concurrency_limit": 2, "api_visibility": "undocumented"}
        for button, make, inputs in (
            (self.save_mask_button, self.mask_file, [self.session]),
            (self.save_face_button, self.face_file, [self.session]),
            (self.save_photo_button, self.photo_file, [self.session, self.seamless]),
        ):
            made = button.click(make, inputs, self.file, show_progress="hidden", **packing)
            made.success(None, self.file, None, js=DOWNLOAD)
