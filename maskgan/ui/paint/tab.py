"""The Paint tab: choose a face, paint on its mask, watch the result, take it home.

Handlers are methods from values to `{component: new value}`; they hold nothing themselves. All that touch the
networks or a session wait in one queue (`DEVICE`), where those of one visitor run one after another, so an answer about
an earlier face can never overtake a later one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
import numpy as np

from maskgan.editing.abandoning import Abandoned, wanted_while
from maskgan.editing.beards import edited_beneath, without_beard
from maskgan.editing.looks import PARTS, looks_with
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import MAX_PIXELS
from maskgan.provenance import encode_picture
from maskgan.quick_edits import QUICK_EDITS
from maskgan.serving.hot_reload import Serving
from maskgan.ui.access import Announcer
from maskgan.ui.examples import Examples
from maskgan.ui.keeping import traces
from maskgan.ui.keeping.keeper import Keeper
from maskgan.ui.keeping.motions import KnownMotion
from maskgan.ui.keeping.tabs import KeptTab
from maskgan.ui.kit import (
    PACKING,
    QUIET,
    Updates,
    download_on_click,
    fails_on_value_error,
    saved,
    tell,
    uploaded_mask,
    warns_on_value_error,
)
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.files import AS_IT_CAME, COPY, FILE_KINDS, SHARE
from maskgan.ui.paint.look import Look, with_look
from maskgan.ui.paint.menus import LookBar
from maskgan.ui.paint.visits import Visits
from maskgan.ui.pictures import mask_png, png
from maskgan.ui.session import MAX_MOTIONS, Session, Tuned


class PaintTab(Visits):
    """The components (see `PaintLayout`), what they do, and the session that they share.

    `outputs` are all that `open_face` may update.
    """

    TITLE, ID = "Paint", "paint"
    CSS: ClassVar = Path(__file__).with_name("paint.css")

    def __init__(
        self,
        pipeline: MaskGANPipeline | Serving,
        examples: Examples,
        max_pixels: int = MAX_PIXELS,
        keeper: Keeper | None = None,
        announcer: Announcer | None = None,
    ) -> None:
        """Build the tab inside the `gr.Blocks` that is open; `max_pixels` limits uploaded photos."""
        self.keeper, self.announcer = keeper or Keeper(), announcer or Announcer()
        self.serving = Serving.of(pipeline)
        self.example_faces = examples
        super().__init__(self.serving, examples, max_pixels)
        self._wire()

    # ------------------------------------------------------------------ editing

    @warns_on_value_error
    def paint(self, session: Session, message: Any, look: Look) -> Updates:
        """What the canvas holds now.

        A picture may have come ahead of this event, so that what is shown is said anew whatever the message is worth.
        """
        opened = session.require_open()
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        number = MaskCanvas.number(message)
        if mask is None:  # a stroke on the face that was open before
            return gr.skip()
        if not MaskCanvas.knows(message, session.version):  # a stroke on a mask that has been replaced
            session = replace(session, stroke=number)
            return {**self._give(session), **self._show(session, look, switched=False)}
        if np.array_equal(mask, session.mask) and session.edit.weights is self.pipeline.weights:
            if number == session.stroke:
                return gr.skip()  # it is on the screen
            return self._show(replace(session, stroke=number), look, switched=False)
        looks = session.looks
        session = self._with_moved(session, message, mask).with_looks_of_step(mask)
        session = replace(session.painted(self._edit(session, mask, look), mask), stroke=number)
        updates = self._show(session, look, switched=False)
        return updates if session.looks is looks else {**updates, self.looks: LookBar.payload(session.looks)}

    def preview(self, session: Session, message: Any, look: Look) -> Updates:
        """What the canvas holds during a stroke; given up when the stroke has ended meanwhile."""
        key = traces.current.get()

        def wanted() -> bool:
            return not self.ahead.outdated(key, MaskCanvas.number(message))

        try:
            with wanted_while(wanted):
                return self.paint(session, message, look)
        except Abandoned:
            return gr.skip()

    def finish_stroke(self, session: Session, message: Any, look: Look) -> Updates:
        """What the canvas holds at the end of a stroke, whose result goes into the history."""
        shown = self.paint(session, message, look)
        updates = {} if shown == gr.skip() else shown
        session = updates.get(self.session, session)
        return shown if session.opened is None else {**updates, **self._remember_stroke(session)}

    def finish_and_keep(
        self, session: Session, message: Any, strength: float, beside: Mapping[str, KeptTab], look: Look
    ) -> Updates:
        """The end of a stroke, and what the browser should keep of the visit then.

        In one event: each further one would wait its turn behind all other visitors again.
        """
        finished = self.finish_stroke(session, message, look)
        updates = {} if finished == gr.skip() else finished
        kept = self.keep_visit(updates.get(self.session, session), strength, beside, look)
        return finished if kept == gr.skip() else {**updates, self.keeper: kept}

    @warns_on_value_error
    def quick_edit(
        self, name: str, session: Session, message: Any, strength: float, look: Look, shape: str | None = None
    ) -> Updates:
        """One of `QUICK_EDITS` on the mask that is on the canvas, in one of its shapes (None: the first)."""
        opened = session.require_open()
        on_canvas = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        session = replace(session, stroke=MaskCanvas.number(message))
        # A canvas that does not know the last button's mask yet must not undo it.
        late = on_canvas is None or not MaskCanvas.knows(message, session.version)
        if not late and not np.array_equal(on_canvas, session.mask):
            session = replace(self._with_moved(session, message, on_canvas), mask=on_canvas)
        return self._quick_edited(session, name, strength, look, shape, MaskCanvas.locked(message))

    @warns_on_value_error
    def tune(self, session: Session, message: Any, strength: float, look: Look) -> Updates:
        """Another strength for the last quick edit, while nothing came after it."""
        tuned = session.tuned
        if tuned is None:
            return gr.skip()
        opened = session.require_open()
        on_canvas = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if on_canvas is None:
            return gr.skip()
        if MaskCanvas.knows(message, session.version) and not np.array_equal(on_canvas, session.mask):
            return gr.skip()  # somebody paints
        now = {"left": session.left, "key": session.key, "version": session.version}
        before = replace(tuned.before, **now, stroke=MaskCanvas.number(message))
        locked = MaskCanvas.locked(message)
        return self._quick_edited(before, tuned.name, strength, look, tuned.shape, locked, again=True)

    def _quick_edited(
        self,
        before: Session,
        name: str,
        strength: float,
        look: Look,
        shape: str | None,
        locked: Collection[int] = (),
        again: bool = False,
    ) -> Updates:
        """A quick edit on the mask of a session, as a new step.

        locked: classes that keep their pixels; again: the canvas has another strength of it.
        """
        mask, own = before.mask, before.require_open().face.mask
        edited, moved, worn = edited_beneath(QUICK_EDITS[name], mask, own, strength, shape)
        if np.array_equal(edited, mask):
            raise ValueError(f"{QUICK_EDITS[name].label} changes nothing more on this mask; undo goes back.")
        if locked:
            stays = np.isin(mask, list(locked))
            edited, moved = np.where(stays, mask, edited), np.where(stays[..., None], np.float32(0), moved)
        if np.array_equal(edited, mask):
            raise ValueError(
                f"{QUICK_EDITS[name].label} would only change what is locked; Adjust says what may be painted over."
            )
        session = before.moved(before.motion_to(mask).to(without_beard(edited, own), moved))
        session = replace(session, looks=looks_with(before.looks, name, shape, worn))
        label = QUICK_EDITS[name].label + (f": {QUICK_EDITS[name].variant(shape).label}" if shape else "")
        updates = self._apply(session, edited, label, look)
        session = replace(updates[self.session], tuned=Tuned(name, shape, replace(before, tuned=None)))
        if again:
            updates[self.canvas]["instead"] = True
        return {**updates, self.session: session, self.looks: LookBar.payload(session.looks)}

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
        whose = "as on the photo" if chosen is None else ""
        if isinstance(chosen, str):
            chosen, whose = self.look_from(session, chosen, PARTS[part][0]), "as on another photo"
        session = replace(session.with_look(PARTS[part], chosen), tuned=None)
        session = session.painted(self._edit(session, session.mask, look), session.mask)
        label = f"{part}: {whose or chosen.title}"
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
        return self._apply(session, mask, "Loaded mask", look)

    @warns_on_value_error
    def load_own_mask(self, session: Session, path: str, look: Look) -> Updates:
        """An uploaded file is the mask of the picture as it is: edits start from it, and alone it changes nothing."""
        opened = session.require_open()
        mask = uploaded_mask(path, opened.face.mask.shape, self.picker.max_pixels)
        return self.open_face(session, opened.with_own_mask(self.pipeline, mask), look)

    @warns_on_value_error
    def restore(self, session: Session, event: gr.SelectData, look: Look) -> Updates:
        """A click on the history (newest first): its mask and looks again."""
        session.require_open()
        if not 0 <= event.index < len(session.history):
            raise ValueError("This result is no longer in the history.")
        step = session.history[-1 - event.index]
        mask = step.mask
        motions = (*session.motions, *KnownMotion.unpacked(step.motion, mask.shape))[-MAX_MOTIONS:]
        session = replace(session, looks=step.looks, motions=motions, tuned=None)
        session = session.given(self._edit(session, mask, look), mask)
        return {
            **self._give(session),
            self.looks: LookBar.payload(session.looks),
            **self._show(session, look),
            self.announcer: Announcer.payload(f"Back to: {step.label}"),
        }

    def refresh(self, session: Session, look: Look) -> Updates:
        """Another view or option of the same edit."""
        if session.opened is None:
            return gr.skip()
        edit = self._edit(session, session.mask, look)
        return self._show(session.painted(edit, session.mask), look)

    # ------------------------------------------------------------------ taking it home

    def mask_file(self, session: Session) -> str:
        """The mask as an indexed PNG of class ids."""
        return self._file(session, "mask", lambda: mask_png(session.mask))

    def face_file(self, session: Session) -> str:
        """The face crop of the result."""
        return self._file(session, "face", lambda: png(session.edit.crop, session.drawn_in_crop))

    @fails_on_value_error
    def photo_file(self, session: Session, seamless: bool, kind: str = AS_IT_CAME) -> str:
        """The whole photo with all edits, at full resolution; kind: of file, one of `FILE_KINDS`."""
        original = session.require_open().original
        if kind not in FILE_KINDS:
            raise ValueError("There is no such kind of file; choose one of the list.")
        form, quality, metadata = FILE_KINDS[kind]
        result, weights = session.edit.paste(seamless), session.drawn
        if original is not None:
            content, suffix, notes = original.encode(result, weights, form=form, quality=quality, metadata=metadata)
            for note in notes:
                tell(note)
        elif form == "JPEG":
            content, suffix = encode_picture(result, weights, form, quality=quality), ".jpg"
        else:
            content, suffix = png(result, weights), ".png"
        return saved(content, f"{session.opened.name}-edited{suffix}")

    def photo_as_png(self, session: Session, seamless: bool) -> str:
        """The same as the only kind of file that clipboards take."""
        return self.photo_file(session, seamless, "PNG")

    @fails_on_value_error
    def _file(self, session: Session, suffix: str, content: Callable[[], bytes]) -> str:
        name = session.require_open().name
        return saved(content(), f"{name}_{suffix}.png")

    def _of_canvas(self, make: Callable[..., str]) -> Callable[..., str]:
        """`make(session, *options)` as a handler that is told what is on the canvas, so that no file lacks a stroke."""

        @fails_on_value_error
        def made(session: Session, message: Any, look: Look, *options: Any) -> str:
            return make(self._as_on_canvas(session, message, look), *options)

        return with_look(made)

    # ------------------------------------------------------------------ events

    def _wire(self) -> None:
        screen = [self.session, self.face_result, self.photo_result, self.made_by]
        steps = [self.history, self.earlier, self.announcer]
        opening = self.outputs = [*screen, self.canvas, self.looks, *self.picker.outputs, *steps]
        changing = [*screen, self.canvas, self.looks, *steps]
        changed = self.picker.on_open(
            with_look(self.open_face),
            self.look,
            opening,
            api_name="open_photo",
            switch=with_look(self.switch_face),
            told=self._told,
            told_by=[self.canvas],
            show_progress_on=self.face_result,
        )
        again = [self.session, *self.look]
        painted = [self.session, self.canvas, *self.look]
        changed.append(self.earlier.select(self._told(with_look(self.reopen_photo)), painted, opening, **QUIET))
        latest = {"trigger_mode": "always_last", **QUIET}
        drawn = [*screen, self.canvas, self.looks]  # undo takes off what was put on
        self.canvas.input(with_look(self.preview), painted, drawn, api_name="paint", **latest)
        stroke = [self.session, self.canvas, self.strength, self.beside, *self.look]
        self.canvas.release(with_look(self.finish_and_keep), stroke, [*changing, self.keeper], **latest)
        quick = [self.session, self.canvas, self.strength, *self.look]
        each = {"trigger_mode": "multiple", **QUIET}
        for name, button in self.quick.items():
            edit = with_look(partial(self.quick_edit, name))
            changed.append(button.click(edit, quick, changing, api_name=f"quick_{name}", **each))
        tuned = with_look(self.tune)
        changed.append(self.strength.input(tuned, quick, changing, api_name="tune", **latest))
        for name, menu in self.shapes.items():
            changed.append(menu.input(with_look(partial(self._shaped, name)), [*quick, menu], changing, **each))
        looked = [self.session, self.canvas, self.looks, *self.look]
        chosen = self._told(with_look(self.choose_look))
        changed.append(self.looks.input(chosen, looked, changing, api_name="choose_look", **each))
        changed.append(self.history.select(self._told(with_look(self.restore)), painted, opening, **QUIET))
        changes = [component.change for component in self.look]
        changed.append(gr.on(changes, with_look(self.refresh), again, screen, **latest))
        for button, load, shown in (
            (self.load_mask_button, self.load_mask, changing),
            (self.own_mask_button, self.load_own_mask, opening),
        ):
            load, loaded = self._told(with_look(load)), [self.session, self.canvas, button, *self.look]
            changed.append(button.upload(load, loaded, shown, api_name=load.__name__, **QUIET))
        self._keep_after(*changed)
        for button, make, options in (
            (self.save_mask_button, self.mask_file, []),
            (self.save_face_button, self.face_file, []),
            (self.save_photo_button, self.photo_file, [self.seamless, self.kind]),
        ):
            download_on_click(button, self._of_canvas(make), [*painted, *options], self.file, **PACKING)
        photo = [*painted, self.seamless]
        as_png = self.copy_button.click(self._of_canvas(self.photo_as_png), photo, self.file, **PACKING)
        as_png.success(None, self.file, None, js=COPY)
        to_share = self.share_button.click(self._of_canvas(self.photo_file), [*photo, self.kind], self.file, **PACKING)
        to_share.success(None, self.file, None, js=SHARE)
