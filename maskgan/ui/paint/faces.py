"""How faces are opened in the Paint tab, left for others, and opened again as they were left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from maskgan.editing.borrowed_looks import look_of
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.looks import Look as PartLook
from maskgan.editing.packed_changes import packed_change
from maskgan.editing.warping import Motion
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.originals import Original
from maskgan.provenance import drawn_by
from maskgan.ui.access import Announcer
from maskgan.ui.examples import Examples
from maskgan.ui.keeping.motions import KnownMotion
from maskgan.ui.kit import (
    QUIET,
    Updates,
    tell,
    warns_on_value_error,
)
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.menus import Lending, LookBar
from maskgan.ui.paint.showing import Showing
from maskgan.ui.pictures import thumbnail
from maskgan.ui.session import Left, OpenFace, Session
from maskgan.ui.steps import Step

#: Faces that fill less of the photo than this, in pixels, have little to show.
SMALL_FACE = 80

#: A look can be taken from so many of the faces that were open last.
MAX_LENDING = 8


class Faces(Showing):
    """The Paint tab as far as it opens faces; `outputs` are all that `open_face` may update."""

    example_faces: Examples
    outputs: list[Any]

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
        original = Step.of(face.mask, thumbnail(face.crop), "Original")
        session = session.leave(look.seamless).open(opened, edit, mask, looks, history=(original,))
        if not np.array_equal(mask, face.mask):
            session = session.remembered(thumbnail(edit.crop), "Sent here")
        if face.alignment.side < SMALL_FACE:
            tell(f"This face is only {face.alignment.side:.0f} pixels wide, so the result stays coarse.")
        return self._opened(session, look)

    def reopen(self, session: Session, left: Left, look: Look) -> Updates:
        """Open a face of `session.left` as it was left, in its photo with the edits of its other faces."""
        former = session.opened
        session = session.leave(look.seamless)
        if former is not None and former.photo_id == left.opened.photo_id:
            base = former.unedited
        else:
            base = self._photo(left.opened.source)
        photo, beside = base, []
        for other in session.left:
            if other.opened.photo_id == left.opened.photo_id and other.opened.id != left.opened.id and other.edited:
                other = self._worked_out(other, base, look)
                photo = other.change.onto(photo, other.alignment, other.seamless)
            beside.append(other)
        opened, state, mask = left.opened.awake(base, photo), left.state, left.state.mask
        motions = KnownMotion.unpacked(state.motion, mask.shape)
        session = replace(session, left=tuple(beside))
        session = replace(session, opened=opened, motions=motions, looks=state.looks)
        edit = self._edit(session, mask, look)
        history = left.history or (Step.of(opened.face.mask, thumbnail(opened.face.crop), "Original"),)
        session = session.open(opened, edit, mask, state.looks, motions, history)
        return self._opened(session, look)

    def switch_face(self, session: Session, index: int, look: Look) -> Updates:
        """Another face of the open photo, as it was left or from the photo as it is edited."""
        opened = session.require_open()
        left = session.left_face(index)
        if left is not None:
            return self.reopen(session, left, look)
        photo = session.edit.paste(look.seamless) if session.drawn else None
        return self.open_face(session, opened.other(self.pipeline, index, photo), look)

    @warns_on_value_error
    def reopen_photo(self, session: Session, event: gr.SelectData, look: Look) -> Updates:
        """A click on the photos before this one."""
        earlier = self._earlier(session)
        if not 0 <= event.index < len(earlier):
            raise ValueError("This photo is no longer here; drop it again.")
        return self.reopen(session, earlier[event.index], look)

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
            shown = self.receive(session, opened, mask, Look(*values[len(inputs) :]))
            return {tabs: gr.Tabs(selected=self.ID), **shown}

        sent = [self.session, self.canvas, *inputs, *self.look]
        sent = button.click(self._told(send), sent, [tabs, *self.outputs], **QUIET, **options)
        self._keep_after(sent)

    def receive(self, session: Session, opened: OpenFace, mask: np.ndarray, look: Look) -> Updates:
        """A face and a mask from another tab: a further step of that face where it was open here, else a new face.

        What was open before is not lost: its history, or the photos before this one, lead back to it.
        """
        former = session.opened
        left = next((item for item in session.left if item.opened.id == opened.id), None)
        if former is not None and former.id != opened.id and session.leave().left[-1].worth_keeping:
            tell(f"{former.name} was put aside; it is below, among the photos before this one, as you left it.")
        if left is not None:
            updates = self.reopen(session, left, look)
        elif former is None or former.id != opened.id:
            return self.open_face(session, opened, look, mask)
        else:
            updates = self._opened(session, look)
        return updates | self._apply(updates[self.session], mask, "From another tab", look)

    def _photo(self, source: str | Original | None) -> np.ndarray:
        """A photo (H, W, 3) read again, upright as it was edited."""
        if isinstance(source, Original):
            photo = read_photo(source.data, max_pixels=self.picker.max_pixels)
            return np.ascontiguousarray(np.rot90(photo, source.quarters))
        if source is None:
            raise ValueError("This photo was not kept; drop it again.")
        return self.example_faces.photo(source)

    def _worked_out(self, left: Left, base: np.ndarray, look: Look) -> Left:
        """A face with what is done to its photo `base`."""
        if left.change is not None:
            return left
        face, state, mask = left.opened.awake(base).face, left.state, left.state.mask
        known = KnownMotion.unpacked(state.motion, mask.shape)
        motion = (known[0].motion if known else Motion.none(face.mask)).to(mask)
        edit = edit_with_looks(self.pipeline, face, mask, state.looks, keep_untouched=look.keep, motion=motion)
        return replace(left, change=packed_change(edit.change, left.alignment), drawn=drawn_by(edit))

    @staticmethod
    def _lending(session: Session) -> list[Lending]:
        """The faces that are open beside this one, the last one first, to take a look from."""
        others = [it for it in reversed(session.left) if it.opened.id != session.opened.id and it.history]
        shown = [(it.opened.id, it.opened.name, it.history[-1].thumbnail) for it in others[:MAX_LENDING]]
        return [Lending.of(f"face/{id}", name, small) for id, name, small in shown]

    def look_from(self, session: Session, photo: str, label: Label) -> PartLook:
        """The look of a class on another photo, which the bar of looks names; with the edits that it has there.

        Raises ValueError when there is no such photo, or too little of the class to be seen on it.
        """
        kind, _, name = photo.partition("/")
        if kind == "example":
            index = next((i for i, path in enumerate(self.example_faces.paths) if path.stem == name), -1)
            opened = self.example_faces.open(index)
            return look_of(opened.face.crop, opened.face.mask, label, opened.name.replace("_", " "))
        left = next((it for it in session.left if str(it.opened.id) == name), None)
        if left is None:
            raise ValueError("This photo is no longer here; open it again.")
        base = self._photo(left.opened.source)
        edited = base if left.change is None else left.change.onto(base, left.alignment, left.seamless)
        return look_of(left.opened.awake(base, edited).face.crop, left.state.mask, label, left.opened.name)

    def _opened(self, session: Session, look: Look) -> Updates:
        """All that another open face changes on the page."""
        face = session.opened.face
        return {
            self.canvas: MaskCanvas.payload(session.mask, face.mask, face.crop, session.opened.id, session.version),
            self.looks: LookBar.payload(session.looks, self._lending(session)),
            **self.picker.reflect(session.opened),
            **self._show(session, look),
            **self._history(session),
            **self._photos_before(session),
            self.announcer: Announcer.payload(f"{session.opened.name} is open", timed=False),
        }
