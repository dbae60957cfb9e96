"""The Paint tab: choose a face, paint on its mask, watch the result, take it home.

Handlers are methods from values to `{component: new value}`; they hold nothing themselves. All that touch the
networks or a session run one after another in one queue (`DEVICE`), so an answer about an earlier face can never
overtake a later one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import numpy as np

from maskgan.editing.looks import Look as PartLook
from maskgan.editing.looks import edit_with_looks, looks_with
from maskgan.editing.pipeline import Edit, MaskGANPipeline
from maskgan.images import MAX_PIXELS
from maskgan.labels import Label
from maskgan.provenance import drawn_by
from maskgan.quick_edits import QUICK_EDITS
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples
from maskgan.ui.kit import (
    PACKING,
    QUIET,
    Updates,
    UsesWeights,
    download_on_click,
    fails_on_value_error,
    saved,
    tell,
    uploaded_mask,
    warns_on_value_error,
)
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.layout import PaintLayout
from maskgan.ui.paint.look import Look, with_look
from maskgan.ui.paint.menus import PARTS, LookBar
from maskgan.ui.pictures import jpeg, mask_png, photos_for_screen, png, thumbnail, webp
from maskgan.ui.session import OpenFace, Session
from maskgan.ui.weights_line import made_by

#: Faces that fill less of the photo than this, in pixels, have little to show.
SMALL_FACE = 80


class PaintTab(PaintLayout, UsesWeights):
    """The components (see `PaintLayout`), what they do, and the session that they share.

    `outputs` are all that `open_face` may update.
    """

    TITLE, ID = "Paint", "paint"
    CSS: ClassVar = Path(__file__).with_name("paint.css")

    def __init__(self, pipeline: MaskGANPipeline | Serving, examples: Examples, max_pixels: int = MAX_PIXELS) -> None:
        """Build the tab inside the `gr.Blocks` that is open; `max_pixels` limits uploaded photos."""
        self.serving = Serving.of(pipeline)
        self.example_faces = examples
        super().__init__(self.serving, examples, max_pixels)
        self._wire()

    # ------------------------------------------------------------------ opening a face

    def open_face(
        self,
        session: Session,
        opened: OpenFace,
        look: Look,
        mask: np.ndarray | None = None,
        looks: Mapping[Label, PartLook] | None = None,
    ) -> Updates:
        """Show a face, with `mask` in place of its own where that is given, and with these looks of its parts."""
        face = opened.face
        mask = face.mask if mask is None else mask
        edit = edit_with_looks(self.pipeline, face, mask, looks, keep_untouched=look.keep)
        session = session.open(opened, edit, mask, looks)
        if face.alignment.side < SMALL_FACE:
            tell(f"This face is only {face.alignment.side:.0f} pixels wide, so the result stays coarse.")
        return {
            self.canvas: MaskCanvas.payload(mask, face.mask, face.crop, opened.id),
            self.looks: LookBar.payload(session.looks),
            **self.picker.reflect(opened),
            **self._show(session, look),
        }

    def open_from(
        self,
        button: gr.Button,
        give: Callable[..., tuple[OpenFace, np.ndarray]],
        inputs: list[Any],
        tabs: gr.Tabs,
        **options: Any,
    ) -> None:
        """Let a button of another tab of `tabs` open what `give(*inputs)` returns: a face and the mask to put on it."""

        @warns_on_value_error
        def send(session: Session, *values: Any) -> Updates:
            opened, mask = give(*values[: len(inputs)])
            shown = self.open_face(session, opened, Look(*values[len(inputs) :]), mask)
            return {tabs: gr.Tabs(selected=self.ID), **shown}

        button.click(send, [self.session, *inputs, *self.look], [tabs, *self.outputs], **QUIET, **options)

    def start_with(self, app: gr.Blocks) -> None:
        """When the page is loaded, open the first example, and give every quick edit its one-line help."""
        if self.example_faces.paths:
            app.load(
                with_look(lambda session, look: self.open_face(session, self.example_faces.open(0), look)),
                [self.session, *self.look],
                self.outputs,
                api_name="start",
                **QUIET,
            )
        helps = json.dumps({button.elem_id: QUICK_EDITS[name].help for name, button in self.quick.items()})
        show_help = "([id, help]) => { document.getElementById(id).title = help; }"
        app.load(None, None, None, js=f"() => Object.entries({helps}).forEach({show_help})")

    # ------------------------------------------------------------------ editing

    @warns_on_value_error
    def paint(self, session: Session, message: Any, look: Look) -> Updates:
        """What the canvas holds now, several times a second while somebody paints."""
        opened = session.require_open()
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if mask is None:  # a stroke on the face that was open before
            return gr.skip()
        return self._show(session.painted(self._edit(session, mask, look), mask), look)

    @warns_on_value_error
    def finish_stroke(self, session: Session, message: Any, look: Look) -> Updates:
        """The end of a stroke: its result goes into the history."""
        opened = session.require_open()
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if mask is None:
            return gr.skip()
        if np.array_equal(mask, session.mask):  # `paint` has shown it
            return self._remember(session, "Painted")
        session = session.painted(self._edit(session, mask, look), mask)
        return self._show(session, look) | self._remember(session, "Painted")

    @warns_on_value_error
    def quick_edit(
        self, name: str, session: Session, message: Any, strength: float, look: Look, shape: str | None = None
    ) -> Updates:
        """One of `QUICK_EDITS` on the mask that is on the canvas, in one of its shapes (None: the first)."""
        opened = session.require_open()
        on_canvas = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        # A canvas that does not know the last button's mask yet must not undo it.
        late = on_canvas is None or (session.replaced is not None and np.array_equal(on_canvas, session.replaced))
        mask = session.mask if late else on_canvas
        edited, moved = QUICK_EDITS[name].move(mask, strength, shape)
        if np.array_equal(edited, mask):
            raise ValueError(f"{QUICK_EDITS[name].label} changes nothing more on this mask; undo goes back.")
        session = session.moved(session.motion_to(mask).to(edited, moved))
        session = replace(session, looks=looks_with(session.looks, name, shape))
        label = QUICK_EDITS[name].label + (f": {QUICK_EDITS[name].variant(shape).label}" if shape else "")
        return {
            **self._apply(session, edited, on_canvas, label, look),
            self.looks: LookBar.payload(session.looks),
        }

    def _shaped(
        self, name: str, session: Session, message: Any, strength: float, look: Look, shape: str | None
    ) -> Updates:
        """A quick edit in the shape that was chosen in its menu."""
        return self.quick_edit(name, session, message, strength, look, str(shape))

    @warns_on_value_error
    def choose_look(self, session: Session, message: Any, look: Look) -> Updates:
        """Another colour or look for a part, from the bar of looks."""
        session.require_open()
        part, chosen = LookBar.read(message)
        if chosen is not None and not np.isin(session.mask, PARTS[part]).any():
            raise ValueError(f"There is nothing of this part on the mask ({part.lower()}); paint it or add it first.")
        session = session.with_look(PARTS[part], chosen)
        session = session.painted(self._edit(session, session.mask, look), session.mask, session.replaced)
        label = f"{part}: {chosen.title if chosen else 'as on the photo'}"
        return {
            **self._show(session, look),
            **self._remember(session, label),
            self.looks: LookBar.payload(session.looks),
        }

    @warns_on_value_error
    def load_mask(self, session: Session, path: str, look: Look) -> Updates:
        """An uploaded mask file takes the place of the one on the canvas; undo brings that back."""
        opened = session.require_open()
        mask = uploaded_mask(path, opened.face.mask.shape, self.picker.max_pixels)
        return self._apply(session, mask, session.mask, "Loaded mask", look)

    @warns_on_value_error
    def load_own_mask(self, session: Session, path: str, look: Look) -> Updates:
        """An uploaded file is the mask of the picture as it is: edits start from it, and alone it changes nothing."""
        opened = session.require_open()
        mask = uploaded_mask(path, opened.face.mask.shape, self.picker.max_pixels)
        return self.open_face(session, opened.with_own_mask(self.pipeline, mask), look)

    @warns_on_value_error
    def restore(self, session: Session, event: gr.SelectData, look: Look) -> Updates:
        """A click on the history (newest first): its mask again, and its face where that is another one."""
        if not 0 <= event.index < len(session.history):
            raise ValueError("This result is no longer in the history.")
        step = session.history[-1 - event.index]
        if session.opened is None or step.opened.id != session.opened.id:
            awake = replace(step.opened, face=self.pipeline.refresh(step.opened.face))
            return self.open_face(session, awake, look, step.mask, step.looks)
        session = replace(session, looks=step.looks)
        session = session.painted(self._edit(session, step.mask, look), step.mask)
        return {
            self.canvas: MaskCanvas.payload(step.mask, id=step.opened.id),
            self.looks: LookBar.payload(session.looks),
            **self._show(session, look),
        }

    def refresh(self, session: Session, look: Look) -> Updates:
        """Another view or option of the same edit."""
        if session.opened is None:
            return gr.skip()
        edit = self._edit(session, session.mask, look)
        return self._show(session.painted(edit, session.mask, session.replaced), look)

    def _edit(self, session: Session, mask: np.ndarray, look: Look) -> Edit:
        """The open face in the shapes of a mask."""
        face = session.require_open().face
        return edit_with_looks(
            self.pipeline, face, mask, session.looks, keep_untouched=look.keep, motion=session.motion_to(mask)
        )

    def _apply(
        self,
        session: Session,
        mask: np.ndarray,
        on_canvas: np.ndarray | None,
        label: str,
        look: Look,
    ) -> Updates:
        """Give the canvas another mask, which goes into the history."""
        opened = session.require_open()
        session = session.painted(self._edit(session, mask, look), mask, on_canvas)
        return {
            self.canvas: MaskCanvas.payload(mask, id=opened.id),
            **self._show(session, look),
            **self._remember(session, label),
        }

    def _remember(self, session: Session, label: str) -> Updates:
        session = session.remembered(thumbnail(session.edit.crop), label)
        pictures = [(saved(step.thumbnail, "step.jpg"), step.label) for step in reversed(session.history)]
        return {self.session: session, self.history: gr.update(value=pictures, visible=True, selected_index=None)}

    def _show(self, session: Session, look: Look) -> Updates:
        """The result in the view that is chosen; the other one would only cost time."""
        # As files: Gradio's own packing of an array takes longer than the edit.
        if look.view == "photo":
            before, after = photos_for_screen(session.edit, look.seamless)
            pack, name, shown, hidden = jpeg, "photo.jpg", self.photo_result, self.face_result
        else:
            before, after = session.edit.face.crop, session.edit.crop
            pack, name, shown, hidden = webp, "face.webp", self.face_result, self.photo_result
        pictures = saved(pack(before), name), saved(pack(after, drawn_by(session.edit)), name)
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

    @fails_on_value_error
    def photo_file(self, session: Session, seamless: bool) -> str:
        """The whole photo with the edited face, at full resolution, as the kind of file that the photo came in."""
        original = session.require_open().original
        result, weights = session.edit.paste(seamless), drawn_by(session.edit)
        if original is None:
            return self._file(session, "edited", lambda: png(result, weights))
        encoded = original.encode(result, weights)
        for note in encoded.notes:
            tell(note)
        return saved(encoded.content, f"{session.opened.name}_edited{encoded.suffix}")

    @fails_on_value_error
    def _file(self, session: Session, suffix: str, content: Callable[[], bytes]) -> str:
        name = session.require_open().name
        return saved(content(), f"{name}_{suffix}.png")

    # ------------------------------------------------------------------ events

    def _wire(self) -> None:
        screen = [self.session, self.face_result, self.photo_result, self.made_by]
        opening = self.outputs = [*screen[:3], self.canvas, self.looks, *self.picker.outputs, self.made_by]
        changing = [*screen, self.canvas, self.looks, self.history]
        self.picker.on_open(
            with_look(self.open_face), self.look, opening, api_name="open_photo", show_progress_on=self.face_result
        )
        painted = [self.session, self.canvas, *self.look]
        latest = {"trigger_mode": "always_last", **QUIET}
        self.canvas.input(with_look(self.paint), painted, screen, api_name="paint", **latest)
        self.canvas.release(with_look(self.finish_stroke), painted, [*screen, self.history], **latest)
        for name, button in self.quick.items():
            button.click(
                with_look(partial(self.quick_edit, name)),
                [self.session, self.canvas, self.strength, *self.look],
                changing,
                trigger_mode="multiple",
                api_name=f"quick_{name}",
                **QUIET,
            )
        for name, menu in self.shapes.items():
            menu.input(
                with_look(partial(self._shaped, name)),
                [self.session, self.canvas, self.strength, *self.look, menu],
                changing,
                trigger_mode="multiple",
                **QUIET,
            )
        self.looks.input(
            with_look(self.choose_look),
            [self.session, self.looks, *self.look],
            changing,
            trigger_mode="multiple",
            api_name="choose_look",
            **QUIET,
        )
        self.history.select(with_look(self.restore), [self.session, *self.look], opening, **QUIET)
        changes = [component.change for component in self.look]
        gr.on(changes, with_look(self.refresh), [self.session, *self.look], screen, **latest)
        self.load_mask_button.upload(
            with_look(self.load_mask),
            [self.session, self.load_mask_button, *self.look],
            changing,
            api_name="load_mask",
            **QUIET,
        )
        self.own_mask_button.upload(
            with_look(self.load_own_mask),
            [self.session, self.own_mask_button, *self.look],
            opening,
            api_name="load_own_mask",
            **QUIET,
        )
        for button, make, inputs in (
            (self.save_mask_button, self.mask_file, [self.session]),
            (self.save_face_button, self.face_file, [self.session]),
            (self.save_photo_button, self.photo_file, [self.session, self.seamless]),
        ):
            download_on_click(button, make, inputs, self.file, **PACKING)
