"""The result beside the mask canvas, which moves with it and can be painted on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

_SCRIPT = """const host = element.querySelector(".mask-result");
const pictures = [".before", ".after"].map((name) => host.querySelector(name));

let shown = { content: "", face: "", number: -1, draft: false }; // what is on the screen, as far as it is known

/** Show a picture that was made; null or what it tells of its place in time, see `ResultView.order`. */
function put(path, order, source, ahead, draft = false) {
  const [face, digits] = (order ?? "").split(" ");
  const number = Number(digits ?? -1);
  // One that came ahead has to be newer than what is there, or what a draft there is of; an answer of an event may be
  // about the same stroke.
  const late = number < shown.number || (ahead && number === shown.number && (draft || !shown.draft));
  if (late && (ahead || (order && face === shown.face))) return false;
  const content = path.split("/").at(-2); // a hash of it
  if (content !== shown.content) pictures[1].src = source;
  shown = { content, face, number, draft };
  return true;
}

/** Once a picture, or another one in its place, is there or will not come. */
function loaded(picture) {
  if (picture.complete) return null;
  return new Promise((resolve) => {
    for (const name of ["load", "error"]) picture.addEventListener(name, resolve, { once: true });
  });
}

function told() {
  host.dispatchEvent(new CustomEvent("mask-result-shown", { bubbles: true }));
}

function show() {
  if (!Array.isArray(props.value)) return; // none yet
  const [before, after] = props.value;
  if (pictures[0].getAttribute("src") !== before.url) pictures[0].src = before.url;
  put(after.path, after.orig_name, after.url, false);
  told();
}

/** A picture that came before the answer of its event, for the canvas's own face. */
function onAhead({ detail }) {
  if (!host.isConnected) document.removeEventListener("mask-result-ahead", onAhead);
  if (detail.canvas !== host.dataset.canvas || "onlySeen" in host.dataset || !Array.isArray(props.value)) return;
  const { path, url } = props.value[0]; // an edit that was taken back
  const unedited = path.split("/").at(-2) === detail.path.split("/").at(-2);
  if (detail.order.split(" ")[0] !== shown.face) return;
  if (!put(detail.path, detail.order, unedited ? url : detail.file, true, detail.draft)) return;
  detail.shown = loaded(pictures[1]);
  told();
}

/** Python gave the canvas another mask: what it says is shown, whatever came ahead. */
function onGiven({ detail }) {
  if (!host.isConnected) document.removeEventListener("mask-canvas-given", onGiven);
  if (detail.canvas !== host.dataset.canvas) return;
  shown.number = -1;
  requestAnimationFrame(show); // once all of the answer has arrived
}

document.addEventListener("mask-result-ahead", onAhead);
document.addEventListener("mask-canvas-given", onGiven);
watch("value", show);
show();
host.dispatchEvent(new CustomEvent("mask-result", { bubbles: true }));
"""


class ResultView(gr.HTML):
    """A picture as it was and as it is, one over the other, with a handle between them.

    Its value is a pair of paths, (before, after), and where it may come late, the `order` of the latter: a picture is
    not shown after a newer one of the same face. `maskgan/canvas/result.js` takes it up for the canvas whose `elem_id`
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

    @staticmethod
    def order(face: int, number: int) -> str:
        """The place in time of a picture: the id of its face, and the number of the canvas's message (0 or more)."""
        return f"{face} {number}"

    def postprocess(
        self, value: tuple[str | Path, str | Path] | tuple[str | Path, str | Path, str] | None
    ) -> list[dict[str, Any]] | None:
        """Paths of the two pictures, and the order -> what Gradio serves them as."""
        if value is None:
            return None
        before, after, *order = value
        # Of what Gradio tells of a file this is all that has room for it.
        return [
            FileData(path=str(before)).model_dump(),
            FileData(path=str(after), orig_name=order[0] if order else None).model_dump(),
        ]

    def api_info(self) -> dict[str, Any]:
        """The value is a pair of files, not HTML text."""
        return {"type": "array", "items": {"type": "object"}, "description": "two files: before, after"}

    def example_payload(self) -> None:
        """No pictures."""

    def example_value(self) -> None:
        """No pictures."""


__all__ = ["ResultView"]
