"""Buttons that can do nothing now, and say why."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

_SCRIPT = """const line = element.querySelector(".why-not");
const button = () => document.getElementById(BUTTON);

function show() {
  line.textContent = "";
  const now = button();
  if (!now) return;
  now.title = props.value || HELP;
  if (props.value) now.setAttribute("aria-disabled", "true");
  else now.removeAttribute("aria-disabled");
}

function onClick(event) {
  if (!element.isConnected) document.removeEventListener("click", onClick, true);
  else if (props.value && button()?.contains(event.target)) {
    event.stopImmediatePropagation();
    line.textContent = props.value;
  }
}

document.addEventListener("click", onClick, true);
watch("value", show);
setTimeout(show); // the button may come later
"""


class WhyNot(gr.HTML):
    """Why a button can do nothing now, a sentence; "" when it can.

    The button then looks disabled and has the sentence for a tooltip, which a click on it also writes below; it keeps
    the focus of keyboards, so that everybody can learn the reason.
    """

    def __init__(self, value: str = "", *, button: str, help: str, **kwargs: Any) -> None:
        """`value`: the reason at first; `button`: the element id; `help`: its tooltip when it can be used."""
        super().__init__(
            value,
            html_template="<p class='why-not' role='status'></p>",
            js_on_load=f"const BUTTON = {json.dumps(button)};\nconst HELP = {json.dumps(help)};\n{_SCRIPT}",
            apply_default_css=False,
            elem_id=f"{button}-why-not",
            **kwargs,
        )
