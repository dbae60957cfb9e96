"""What Gradio holds for each visitor, without a description of the page.

Gradio describes all components anew for every visitor, and each again whenever it changes: for links that open the page
in a visitor's state, which this page does not have. That takes a tenth of a second at the start of a visit, half a
megabyte for as long as it is remembered, and as much of the processor's time after a stroke as the flow of its edit.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gradio.blocks import Blocks
from gradio.state_holder import SessionState, StateHolder


class Visitor(SessionState):
    """A visitor's components and values."""

    def __init__(self, page: Blocks) -> None:
        """Begin with the components of a page."""
        super().__init__(SimpleNamespace(default_config=page.default_config, blocks=()))  # describes nothing of it
        self.blocks_config.config_for_block = _nothing


class Visitors(StateHolder):
    """All visitors of a page, by Gradio's name of their session."""

    @classmethod
    def of(cls, page: Blocks) -> Visitors:
        """Those of a page, which has none yet."""
        visitors = cls()
        visitors.set_blocks(page)
        return visitors

    def __getitem__(self, session: str) -> SessionState:
        """What is held for a session, from its first use on."""
        if session not in self.session_data:
            self.session_data[session] = Visitor(self.blocks)
        return super().__getitem__(session)


def _nothing(*_: Any) -> dict[str, Any]:
    return {}
