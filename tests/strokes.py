"""A stroke in the Paint tab, without a page."""

from __future__ import annotations

from typing import Any

from maskgan.ui.kit import Updates
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session


def finish_stroke(tab: PaintTab, session: Session, message: dict[str, Any], look: Look) -> Updates:
    """All that the end of a stroke changes: the result that is shown, then the history."""
    shown = tab.paint(session, message, look)
    return {**shown, **tab.remember_stroke(shown.get(tab.session, session))}
