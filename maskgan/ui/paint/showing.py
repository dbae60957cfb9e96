"""What the Paint tab shows of a session: the result, its history, and the photos before it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from operator import is_
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np

from maskgan.editing.abandoning import go_on
from maskgan.editing.beards import beard_of
from maskgan.editing.drafts import draft, worth_drafting
from maskgan.editing.dressing import edit_with_looks, looks_on
from maskgan.editing.edit import Edit
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.looks import Look as LabelLook
from maskgan.editing.packed_edits import PackedEdit
from maskgan.editing.rough import rough_picture, show_first
from maskgan.editing.teeth import opens
from maskgan.labels import Label
from maskgan.snapshots import Weights
from maskgan.ui.access import Announcer
from maskgan.ui.keeping.motions import KnownMotion
from maskgan.ui.kit import Updates, UsesWeights, saved, saved_once, warns_on_value_error
from maskgan.ui.mask_canvas import MaskCanvas, ResultView
from maskgan.ui.paint.ahead import Ahead, Picture, Pictures
from maskgan.ui.paint.layout import PaintLayout
from maskgan.ui.paint.look import Look
from maskgan.ui.pictures import jpeg, photos_for_screen, thumbnail, webp
from maskgan.ui.session import Left, OpenFace, Session
from maskgan.ui.steps import Step
from maskgan.ui.weights_line import made_by

#: Of the files of results.
FACE_NAME = "face.webp"


def _quick(picture: np.ndarray, weights: Weights | None) -> Picture:
    """A picture (H, W, 3) uint8 RGB for the time until an exact one is there; it is in no file."""
    content = jpeg(picture, weights)
    return Picture(f"{fingerprint(picture).hex()}/face.jpg", content, "image/jpeg")


def _thumbnail_file(step: Step) -> str:
    return saved_once(step, "step.jpg", lambda: step.thumbnail)


class _MadeOf(NamedTuple):
    """What an edit is made of beside the mask; none of it is ever changed in place."""

    weights: Weights
    looks: Mapping[Label, LabelLook]
    motions: tuple[KnownMotion, ...]
    keep: bool

    def same(self, other: _MadeOf) -> bool:
        """Whether the same edit comes of both."""
        those = self.weights is other.weights and self.looks is other.looks and self.keep == other.keep
        return those and len(self.motions) == len(other.motions) and all(map(is_, self.motions, other.motions))


class _Made(NamedTuple):
    """An edit, the mask (H, W) uint8 that it was made for, and what else."""

    made_of: _MadeOf
    mask: np.ndarray
    edit: Edit


class _FaceFile(NamedTuple):
    """The picture of an edited face as a file, and the weights that it names."""

    drawn: Weights | None
    path: str
    content: bytes


class _Aside(NamedTuple):
    """An edit that another one followed, and its picture's file where there is one."""

    made_of: _MadeOf
    edit: PackedEdit
    file: _FaceFile | None
    size: int


#: Edits that others followed take so many bytes at most: some fifty strokes.
_MOST_ASIDE = 2**26


class Showing(PaintLayout, UsesWeights):
    """The Paint tab as far as it draws results and remembers them."""

    announcer: Announcer

    def __init__(self, *args: Any) -> None:
        self._last: WeakKeyDictionary[OpenFace, _Made] = WeakKeyDictionary()
        self._aside: LastingCache[_Aside] = LastingCache(_MOST_ASIDE, lambda aside: aside.size)
        self._packed: WeakKeyDictionary[Edit, PackedEdit] = WeakKeyDictionary()  # of those that came back
        self._files: WeakKeyDictionary[Edit, _FaceFile] = WeakKeyDictionary()
        self._shown_as: WeakKeyDictionary[OpenFace, Look] = WeakKeyDictionary()
        self.ahead = Ahead()
        super().__init__(*args)

    def _edit(self, session: Session, mask: np.ndarray, look: Look) -> Edit:
        """The open face in the shapes of a mask; the last edits are at hand still."""
        opened, pipeline = session.require_open(), self.pipeline
        edit = self._at_hand(session, mask, look)
        if edit is None:
            go_on()
            edit = edit_with_looks(
                pipeline, opened.face, mask, session.looks, keep_untouched=look.keep, motion=session.motion_to(mask)
            )
            self._put(opened, _Made(self._made_of(session, look), mask, edit))
        return edit

    def _made_of(self, session: Session, look: Look) -> _MadeOf:
        return _MadeOf(self.pipeline.weights, session.looks, session.motions, look.keep)

    def _put(self, opened: OpenFace, made: _Made) -> None:
        """Have an edit at hand as the last one; the one before is put aside for undo, redo and the history."""
        last = self._last.get(opened)
        self._last[opened] = made
        packed = None if last is None else self._packed.get(last.edit) or PackedEdit.of(last.edit)
        if packed is not None:
            file = self._files.get(last.edit)
            size = packed.nbytes + (len(file.content) if file else 0)
            self._aside.keep(opened, fingerprint(last.mask), _Aside(last.made_of, packed, file, size))

    def _at_hand(self, session: Session, mask: np.ndarray, look: Look) -> Edit | None:
        """The open face's edit of this mask, when it is the last one or was put aside."""
        opened, made_of = session.opened, self._made_of(session, look)
        last = self._last.get(opened)
        if last is None:
            return None
        if last.made_of.same(made_of) and np.array_equal(last.mask, mask):
            return last.edit
        aside = self._aside.find(opened, fingerprint(mask))
        if aside is None or not aside.made_of.same(made_of):
            return None
        edit = aside.edit.unpacked()
        self._packed[edit] = aside.edit
        if aside.file is not None:
            self._files[edit] = aside.file
        self._put(opened, _Made(made_of, mask, edit))
        return edit

    def _asked_by_the_canvas(self) -> list[Callable[..., Any]]:
        return [self.ahead.answer(lambda: self.session, self._picture_ahead)]

    def _picture_ahead(self, session: Session, message: dict[str, Any]) -> Pictures | None:
        """How to make the picture of a canvas's message; None where it cannot tell.

        It is the one that `paint` will show. Until that is there, what the edit shows first, as a JPEG, which takes a
        sixth of the time to write and half of it to read; of a costly edit, what `draft` makes of it.
        """
        opened = session.opened
        look = self._shown_as.get(opened) if opened is not None else None
        if look is None or look.view != "face" or "moved" in message:  # what was moved, the session has to know
            return None
        mask = MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        if mask is None or not MaskCanvas.knows(message, session.version):
            return None
        session = session.with_looks_of_step(mask)

        def painted() -> Session:
            return session.painted(self._edit(session, mask, look), mask)

        def exact() -> Picture:
            now = painted()
            show_first(lambda: now.edit.crop)
            return Picture(*self._face_file(now), "image/webp")

        def quick(picture: np.ndarray) -> Picture:
            return _quick(picture, opened.face.drawn if picture is opened.face.crop else self.pipeline.weights)

        if self._at_hand(session, mask, look) in self._files:
            return Pictures(exact)
        other = self._worth_drafting(session, mask, look)

        def whole() -> np.ndarray:
            return draft(self.pipeline, session.edit, session.mask, mask) if other else painted().edit.crop

        return Pictures(exact, lambda: quick(rough_picture(whole)), quick, other)

    def _worth_drafting(self, session: Session, mask: np.ndarray, look: Look) -> bool:
        """Whether a draft of the face in a mask is quicker than the edit, and no look is part of it."""
        if self._at_hand(session, mask, look) is not None or not look.keep or session.edit is None or session.looks:
            return False
        own = session.opened.face.mask
        if looks_on(session.opened.face, mask) or opens(mask, session.mask) or beard_of(mask, own) is not None:
            return False
        return worth_drafting(self.pipeline, session.edit, session.mask, mask)

    def _face_file(self, session: Session) -> tuple[str, bytes]:
        """Path and content of the picture of the face as it is now; written once for an edit."""
        drawn, known = session.drawn_in_crop, self._files.get(session.edit)
        if known is None or known.drawn != drawn or not Path(known.path).exists():
            unedited = drawn is None and session.edit.crop is session.opened.face.crop
            content = session.opened.crop_file if unedited else webp(session.edit.crop, drawn)
            known = self._files[session.edit] = _FaceFile(drawn, saved(content, FACE_NAME), content)
        return known.path, known.content

    def _as_on_canvas(self, session: Session, message: Any, look: Look) -> Session:
        """The session with what a message of the canvas tells, where the event of its last stroke has still to come.

        While one such event is on its way Gradio's page holds the next one back, but none of other buttons.
        """
        opened = session.opened
        mask = (
            None if opened is None or message is None else MaskCanvas.read(message, opened.face.mask.shape, opened.id)
        )
        if mask is None or not MaskCanvas.knows(message, session.version) or np.array_equal(mask, session.mask):
            return session
        session = self._with_moved(session, message, mask).with_looks_of_step(mask)
        stroke = MaskCanvas.number(message)
        session = replace(session.painted(self._edit(session, mask, look), mask), stroke=stroke)
        return self._remember_stroke(session)[self.session]

    def _told(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """`handler(session, ...)` as Gradio calls it: what is on the canvas comes second, and becomes the session's."""

        @functools.wraps(handler)
        @warns_on_value_error
        def told(session: Session, on_canvas: Any, *values: Any) -> Any:
            look = self._shown_as.get(session.opened, Look()) if session.opened is not None else Look()
            return handler(self._as_on_canvas(session, on_canvas, look), *values)

        first, *others = inspect.signature(handler).parameters.values()
        on_canvas = inspect.Parameter("on_canvas", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        # Gradio counts the parameters, and reads from them where event data goes.
        told.__signature__ = inspect.Signature([first, on_canvas, *others])
        return told

    @staticmethod
    def _with_moved(session: Session, message: Any, mask: np.ndarray) -> Session:
        """The session that knows of regions that the canvas moved to get to its mask."""
        moved = MaskCanvas.moved(message, mask.shape)
        return session if moved is None or session.knows_way_to(mask) else session.carried(mask, *moved)

    def _apply(
        self,
        session: Session,
        mask: np.ndarray,
        label: str,
        look: Look,
    ) -> Updates:
        """Give the canvas another mask, which goes into the history."""
        session = session.given(self._edit(session, mask, look), mask)
        return {
            **self._give(session),
            **self._show(session, look),
            **self._remember(session, label),
        }

    def _give(self, session: Session) -> Updates:
        """The mask of a session for the canvas."""
        return {self.canvas: MaskCanvas.payload(session.mask, id=session.opened.id, version=session.version)}

    def _remember(self, session: Session, label: str) -> Updates:
        session = session.remembered(thumbnail(session.edit.crop), label)
        return {self.session: session, **self._history(session)}

    def _remember_stroke(self, session: Session) -> Updates:
        """The end of a stroke as a step; undo and redo lead to steps that there are already."""
        known = session.step_like_now()
        if known is not None:
            return {self.session: session, **self._history(session, known)}
        return self._remember(session, session.stroke_name())

    def _history(self, session: Session, selected: int | None = None) -> Updates:
        """The results of the open face, newest first; selected: the number of a step."""
        steps = session.history
        pictures = [(_thumbnail_file(step), step.label) for step in reversed(steps)]
        chosen = None if selected is None else len(steps) - 1 - selected
        return {
            self.history: gr.update(value=pictures, visible=len(steps) > 1, selected_index=chosen),
            self.announcer: Announcer.payload(f"New picture: {steps[-1 if selected is None else selected].label}"),
        }

    def _photos_before(self, session: Session) -> Updates:
        """The photos before the open one, which change with it only."""
        earlier = [(_thumbnail_file(left.history[-1]), left.opened.name) for left in self._earlier(session)]
        return {self.earlier: gr.update(value=earlier, visible=bool(earlier), selected_index=None)}

    @staticmethod
    def _earlier(session: Session) -> list[Left]:
        """The face of each other photo that was open last, the newest first."""
        open_now = None if session.opened is None else session.opened.photo_id
        last: dict[int, Left] = {}
        for left in reversed(session.left):
            if left.opened.photo_id != open_now and left.history:
                last.setdefault(left.opened.photo_id, left)
        return list(last.values())

    def _show(self, session: Session, look: Look, switched: bool = True) -> Updates:
        """The result in the view that is chosen; the other one would only cost time.

        switched: whether the other one may be on the screen.
        """
        # As files: Gradio's own packing of an array takes longer than the edit.
        if look.view == "photo":
            before, after = photos_for_screen(session.edit, look.seamless, session.opened.unedited)
            drawn = session.drawn
            pictures = tuple(saved(file, "photo.jpg") for file in (jpeg(before), jpeg(after, drawn)))
            shown, hidden = self.photo_result, self.face_result
        else:
            drawn = session.drawn_in_crop
            opened = session.require_open()
            before, (after, _) = saved_once(opened, FACE_NAME, lambda: opened.crop_file), self._face_file(session)
            pictures = before, after, ResultView.order(session.opened.id, session.stroke)
            shown, hidden = self.face_result, self.photo_result
        self._shown_as[session.opened] = look
        shown.temp_files |= set(pictures[:2])  # Gradio deletes them when their time to live is over
        # As a plain value: for an update Gradio builds the component anew.
        updates = {self.session: session, shown: pictures, self.made_by: made_by(session.edit, drawn)}
        if switched:
            updates |= {shown: gr.update(value=pictures, visible=True), hidden: gr.update(visible=False)}
        return updates
