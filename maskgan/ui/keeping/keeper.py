"""The component that keeps a visit in the browser and says so when it is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

#: A browser keeps a visit for so many hours after its last change.
LIFETIME = 24

#: Asked for when the page is loaded, in place of the component's own value; see `keeper.js`.
BRING_BACK = """async (session, keeper, ...more) => {
  const start = performance.now();
  while (!window.maskganKeeper && performance.now() - start < 5000) await new Promise((next) => setTimeout(next, 20));
  return [session, (await window.maskganKeeper?.bringBack()) ?? null, ...more];
}"""

_TEMPLATE = """<div class='keeper' role='status' hidden>
  <span></span><button type='button'>Start fresh</button><button type='button' aria-label='Close this line'>×</button>
</div>"""


class Keeper(gr.HTML):
    """A line that shows when a visit is back, and the browser's memory of it.

    Its value is what `pack` returns, to be kept, or {"restored": ...} to say that it is back. Event: `forget`, when
    somebody wants everything forgotten.
    """

    def __init__(self, **kwargs: Any) -> None:
        folder = Path(__file__).parent
        scripts = [(folder / name).read_text(encoding="utf-8") for name in ("files_anywhere.js", "keeper.js")]
        super().__init__(
            None,
            html_template=_TEMPLATE,
            js_on_load="\n".join([f"const LIFETIME = {LIFETIME};", *scripts]),
            apply_default_css=False,
            elem_id="keeper",
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML text."""
        return {"type": "object", "description": "a kept visit: photos, faces, settings"}

    def example_payload(self) -> None:
        """A new visit."""

    def example_value(self) -> None:
        """A new visit."""
