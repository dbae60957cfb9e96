"""The beginning of a visit to the Paint tab, and what its browser keeps of it (see `maskgan.ui.keeping`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np
from gradio.events import Dependency

from maskgan.quick_edits import QUICK_EDITS
from maskgan.ui.keeping import traces
from maskgan.ui.keeping.keeper import BRING_BACK, Keeper
from maskgan.ui.keeping.packing import files_of, pack, unpack
from maskgan.ui.keeping.tabs import KeptTab, kept_tab
from maskgan.ui.kit import PACKING, QUIET, UNQUEUED, Updates, warn
from maskgan.ui.paint.faces import Faces
from maskgan.ui.paint.files import SHOW_WHAT_IS_POSSIBLE
from maskgan.ui.paint.layout import HELPS
from maskgan.ui.paint.look import Look, with_look
from maskgan.ui.paint.menus.possible import explain
from maskgan.ui.session import Left, OpenFace, Session


class Visits(Faces):
    """The Paint tab as far as a visit begins, goes on after a reload, and is forgotten."""

    keeper: Keeper

    def start_with(self, app: gr.Blocks) -> None:
        """When the page is loaded, go on where this browser was, or open the first example; give quick edits help."""
        started = app.load(
            with_look(self.start),
            [self.session, self.keeper, *self.look],
            [*self.outputs, *self.look, self.strength, self.keeper, self.beside],
            api_name="start",
            js=BRING_BACK,
            **QUIET,
        )
        self._keep_after(started)
        app.load(None, None, None, js=SHOW_WHAT_IS_POSSIBLE)
        forgotten = self.keeper.forget(
            lambda session: self.forget(session, app), self.session, self.session, **UNQUEUED
        )
        forgotten.then(None, js="() => window.location.reload()")
        ids = {name: button.elem_id for name, button in self.quick.items()}
        helps = HELPS | {ids[name]: QUICK_EDITS[name].help for name in ids}
        app.load(None, None, None, js=explain(helps, ids))

    def start(self, session: Session, kept: Any, look: Look) -> Updates:
        """A page that was loaded: the visit that its browser kept, or the first example."""
        session = replace(session, key=traces.known_key(kept.get("key") if isinstance(kept, dict) else None))
        traces.belongs(session.key)
        if kept is not None:
            try:
                visit = unpack(kept)
                chosen = Look(**{name: visit.settings[name] for name in ("view", "keep", "seamless")})
                session = replace(session, left=(*visit.faces, visit.open))
                updates = self.reopen(session, visit.open, chosen)
                if updates[self.session].step_like_now() is None:  # a stroke that no server has heard of
                    updates |= self._remember_stroke(updates[self.session])
                settings = {getattr(self, name): value for name, value in visit.settings.items()}
                return {**updates, **settings, self.beside: visit.tabs, self.keeper: {"restored": True}}
            except ValueError as problem:
                warn(problem)
                session = Session(key=session.key)
        if not self.example_faces.paths:
            return gr.skip()
        return self.open_face(session, self.example_faces.open(0), look)

    def keep_visit(self, session: Session, strength: float, beside: Mapping[str, KeptTab], look: Look) -> Any:
        """What this visit's browser should keep now."""
        if session.opened is None:
            return {"lost": True}
        kept = pack(session, {**vars(look), "strength": strength}, beside)
        if kept is None:
            return gr.skip()
        self.keeper.temp_files |= files_of(kept)  # Gradio deletes them when their time to live is over
        return kept

    def forget(self, session: Session, app: gr.Blocks) -> Session:
        """Delete what this visit left on the server."""
        traces.forget(session.key, app.state_holder)
        return Session()

    def keep_tab(
        self,
        name: str,
        sessions: Mapping[str, gr.State],
        settings: Mapping[str, Any],
        events: Sequence[Dependency],
        triggers: Sequence[Any] = (),
    ) -> None:
        """Let browsers also keep another tab: the faces in `sessions` and the values of `settings`.

        events: after which it is kept; triggers: of components, which do nothing else.
        """

        def remember(beside: Mapping[str, KeptTab], *values: Any) -> Any:
            opened = dict(zip(sessions, values, strict=False))
            now = kept_tab(beside.get(name), opened, dict(zip(settings, values[len(sessions) :], strict=True)))
            return gr.skip() if now is None else {**beside, name: now}

        inputs = [self.beside, *sessions.values(), *settings.values()]
        latest = {"trigger_mode": "always_last", **QUIET}
        remembered = [event.success(remember, inputs, self.beside, **latest) for event in events]
        if triggers:
            remembered.append(gr.on(triggers, remember, inputs, self.beside, **latest))
        self._keep_after(*remembered)

    def wake(self, left: Left) -> tuple[OpenFace, np.ndarray]:
        """A face of another tab that a browser kept, and its mask there.

        Raises ValueError when its photo is no longer there.
        """
        opened = left.opened.awake(self._photo(left.opened.source))
        return replace(opened, face=self.pipeline.refresh(opened.face)), left.state.mask

    def _keep_after(self, *events: Dependency) -> None:
        for event in events:
            event.success(
                with_look(self.keep_visit),
                [self.session, self.strength, self.beside, *self.look],
                self.keeper,
                trigger_mode="always_last",
                **PACKING,
            )
