"""The result beside the mask canvas, which moves with it and can be painted on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

_SCRIPT = """const host = element.querySelector(".mask-result");
const pictures = [".before", ".after"].map((name) => host.querySelector(name));

function show() {
  if (!Array.isArray(props.value)) return; // none yet
  props.value.forEach(({ url }, number) => {
    if (pictures[number].getAttribute("src") !== url) pictures[number].src = url;
  });
  host.dispatchEvent(new CustomEvent("mask-result-shown", { bubbles: true }));
}

watch("value", show);
show();
host.dispatchEvent(new CustomEvent("mask-result", { bubbles: true }));
"""


class ResultView(gr.HTML):
    """A picture as it was and as it is, one over the other, with a handle between them.

    Its value is a pair of paths, (before, after). `maskgan/canvas/result.js` takes it up for the canvas whose `elem_id`
    is `canvas`: both show the same place at the same zoom, and strokes on the result are strokes on the mask. With
    `only_seen` it is another picture than the canvas's face, and has a zoom of its own. `label` says what it shows.
    """

    def __init__(self, canvas: str, *, label: str, only_seen: bool = False, **kwargs: Any) -> None:
        seen = " data-only-seen" if only_seen else ""
        pictures = "".join(
            f"<img class='{name}' alt='{alt}' draggable='false' decoding='sync'>"
            for name, alt in (("before", f"The {label} before the edit"), ("after", f"The edited {label}"))
        )
        super().__init__(
            None,
            html_template=f"<div class='mask-result' data-canvas='{canvas}'{seen}>{pictures}</div>",
            js_on_load=_SCRIPT,
            apply_default_css=False,
            label=label.capitalize(),
            **kwargs,
        )

    def postprocess(self, value: tuple[str | Path, str | Path] | None) -> list[dict[str, Any]] | None:
        """Paths of the two pictures -> what Gradio serves them as."""
        if value is None:
            return None
        return [FileData(path=str(path)).model_dump() for path in value]

    def api_info(self) -> dict[str, Any]:
        """The value is a pair of files, not HTML text."""
        return {"type": "array", "items": {"type": "object"}, "description": "two files: before, after"}

    def example_payload(self) -> None:
        """No pictures."""

    def example_value(self) -> None:
        """No pictures."""


__all__ = ["ResultView"]
