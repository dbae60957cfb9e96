"""What the tabs beside Paint have open, as their visitor's browser keeps it: faces without pixels, and settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from maskgan.ui.session import Left, Session
from maskgan.ui.steps import Step


@dataclass(frozen=True, eq=False)
class KeptTab:
    """A tab's faces by name, asleep, with the masks that they have there, and its settings by name."""

    faces: Mapping[str, Left]
    settings: Mapping[str, Any]


def kept_tab(former: KeptTab | None, sessions: Mapping[str, Session], settings: Mapping[str, Any]) -> KeptTab | None:
    """A tab as it is now; what is as in `former` stays the same object. None where a face could not be opened again."""
    faces = {}
    for name, session in sessions.items():
        opened, mask = session.opened, session.mask
        if opened is None or opened.source is None or mask is None:
            return None
        known = former.faces.get(name) if former is not None else None
        if known is None or not _is_same(known, session):
            known = Left(opened.asleep(), Step.of(mask))
        faces[name] = known
    return KeptTab(faces, dict(settings))


def _is_same(left: Left, session: Session) -> bool:
    own = left.opened.face.mask
    same_face = left.opened.id == session.opened.id and np.array_equal(own, session.opened.face.mask)
    return same_face and left.state.is_of(session.mask)


def fitting(settings: Mapping[str, Any], components: Mapping[str, Any]) -> dict[Any, Any]:
    """The settings that came back from a browser, by component, as far as they are values that it can have."""
    return {it: settings[name] for name, it in components.items() if name in settings and _fits(it, settings[name])}


def _fits(component: Any, value: Any) -> bool:
    if isinstance(component, gr.Slider):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and component.minimum <= value <= component.maximum
    if isinstance(component, gr.Checkbox):
        return isinstance(value, bool)
    choices = [choice for _, choice in component.choices]
    if isinstance(component, gr.CheckboxGroup):
        return isinstance(value, list) and all(choice in choices for choice in value)
    return value in choices


__all__ = ["KeptTab", "fitting", "kept_tab"]
