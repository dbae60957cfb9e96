"""Which weights made a result and which serve now, in words for the page."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from maskgan.editing.edit import Edit
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import Weights
from maskgan.ui.kit import UNQUEUED
from maskgan.ui.session import Session

#: So often does a page ask whether other weights serve, in seconds.
_EVERY = 3


def made_by(edit: Edit, drawn: Weights | None = None) -> str:
    """A line about the weights that made a result, as HTML; their whole hash shows when it is opened.

    drawn: those that drew elsewhere in the picture.
    """
    weights = edit.weights if drawn is None or edit.replaces else drawn
    return drawn_line(weights, "AI-edited" if drawn is not None or edit.replaces else "Not edited yet")


def drawn_line(weights: Weights, state: str = "AI-edited") -> str:
    """A line about a picture that is no edit of a photo, as HTML; which weights drew it shows when it is opened."""
    told = f"Weights {html.escape(str(weights))}<br>{weights.hash}"
    return f'<details class="made-by"><summary>{state}</summary>{told}</details>'


def news(serving: Serving, session: Session) -> str:
    """One line where weights were refused or are newer than the result that is shown, else nothing; as HTML."""
    weights = serving.current().weights
    if serving.refused is not None:
        line = f"{serving.refused} The page goes on with {weights}."
    elif session.edit is not None and session.edit.weights is not weights:
        line = f"Newer weights serve now: {weights}. Your next stroke uses them."
    else:
        return ""
    return f'<p class="news" role="status">{html.escape(line)}</p>'


class WeightsNews:
    """A line that the page keeps up to date by itself."""

    def __init__(self, serving: Serving) -> None:
        """Build it inside the `gr.Blocks` that is open."""
        self.serving = serving
        self.line = gr.HTML("", visible=False, elem_id="weights-news")

    def follow(self, session: gr.State) -> None:
        """Compare with the result in `session`, from now on; only of use where the weights can change."""
        timer = gr.Timer(_EVERY)
        timer.tick(self.look, [session, self.line], self.line, **UNQUEUED)

    def look(self, session: Session, shown: str | None) -> Any:
        """The line now; nothing is sent when it is the one that is shown."""
        line = news(self.serving, session)
        return gr.skip() if line == (shown or "") else gr.update(value=line, visible=bool(line))
