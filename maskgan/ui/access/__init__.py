"""What makes the page usable without a mouse or without seeing it.

Gradio's markup lacks names and puts every button into the way of the Tab key: `names.js` gives words to what has none,
`stops.js` makes one stop of each group, with a link to the canvas first. `Announcer` says what happened.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from maskgan.canvas import roving

_FOLDER = Path(__file__).parent

#: Numbers for what is said, so that the same words twice are said twice.
_numbers = itertools.count()


class Announcer(gr.HTML):
    """A live region, which screen readers read aloud; nothing of it is seen. It also repairs the page's markup."""

    def __init__(self, example_titles: Sequence[str] = (), **kwargs: Any) -> None:
        """Build it inside the `gr.Blocks` that is open; example_titles: what the examples show, in their order."""
        scripts = [(_FOLDER / name).read_text(encoding="utf-8") for name in ("names.js", "stops.js", "announcer.js")]
        constants = f"const EXAMPLES = {json.dumps(list(example_titles))};"
        super().__init__(
            None,
            html_template="<div class='only-heard' role='status' aria-live='polite'></div>",
            js_on_load="\n".join([constants, roving(), *scripts]),
            apply_default_css=False,
            elem_id="announcer",
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML text."""
        return {"type": "object", "description": "what is said: text, and a number"}

    def example_payload(self) -> dict[str, Any]:
        """A small value of the right form."""
        return self.payload("New picture: Smile")

    def example_value(self) -> dict[str, Any]:
        """A small value of the right form."""
        return self.example_payload()

    @staticmethod
    def payload(text: str, timed: bool = True) -> dict[str, Any]:
        """The value that says `text`; timed: with the seconds since the visitor's last click or key."""
        return {"text": text, "timed": timed, "number": next(_numbers)}


__all__ = ["Announcer"]
