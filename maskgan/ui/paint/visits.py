"""The beginning of a visit to the Paint tab, and what its browser keeps of it (see `maskgan.ui.keeping`)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import Dependency

from maskgan.quick_edits import QUICK_EDITS
from maskgan.ui.keeping import traces
from maskgan.ui.keeping.keeper import BRING_BACK, Keeper
from maskgan.ui.keeping.packing import files_of, pack, unpack
from maskgan.ui.kit import PACKING, QUIET, UNQUEUED, Updates, warn
from maskgan.ui.paint.faces import Faces
from maskgan.ui.paint.files import SHOW_WHAT_IS_POSSIBLE
from maskgan.ui.paint.look import Look, with_look
from maskgan.ui.session import Session


class Visits(Faces):
    """The Paint tab as far as a visit begins, goes on after a reload, and is forgotten."""

    keeper: Keeper

    def start_with(self, app: gr.Blocks) -> None:
        """When the page is loaded, go on where this browser was, or open the first example; give quick edits help."""
        started = app.load(
            with_look(self.start),
            [self.session, self.keeper, *self.look],
            [*self.outputs, *self.look, self.strength, self.keeper],
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
        helps = json.dumps({button.elem_id: QUICK_EDITS[name].help for name, button in self.quick.items()})
        show_help = "([id, help]) => { document.getElementById(id).title = help; }"
        app.load(None, None, None, js=f"() => Object.entries({helps}).forEach({show_help})")

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
                return {**updates, **settings, self.keeper: {"restored": True}}
            except ValueError as problem:
                warn(problem)
                session = Session(key=session.key)
        if not self.example_faces.paths:
            return gr.skip()
        return self.open_face(session, self.example_faces.open(0), look)

    def keep_visit(self, session: Session, strength: float, look: Look) -> Any:
        """What this visit's browser should keep now."""
        if session.opened is None:
            return {"lost": True}
        kept = pack(session, {**vars(look), "strength": strength})
        if kept is None:
            return gr.skip()
        self.keeper.temp_files |= files_of(kept)  # Gradio deletes them when their time to live is over
        return kept

    def forget(self, session: Session, app: gr.Blocks) -> Session:
        """Delete what this visit left on the server."""
        traces.forget(session.key, app.state_holder)
        return Session()

    def _keep_after(self, *events: Dependency) -> None:
        for event in events:
            event.success(
                with_look(self.keep_visit),
                [self.session, self.strength, *self.look],
                self.keeper,
                trigger_mode="always_last",
                **PACKING,
            )
