"""Two small controls of the Paint tab: the bar of looks, and the menu of a quick edit's shapes."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from maskgan.editing.looks import LOOKS, PARTS, Look, looks_for, plain_colour
from maskgan.labels import Label

_FOLDER = Path(__file__).parent


@cache
def _parts() -> str:
    """What the browser has to know: parts with their classes and swatches, as JSON."""
    return json.dumps(
        [
            {
                "name": name,
                "classes": [int(label) for label in labels],
                "any": labels[0] != Label.EYE_G and labels[0] not in (Label.EAR_R, Label.NECK_L),
                "looks": [{"name": k.name, "title": k.title, "swatch": k.swatch} for k in looks_for(labels[0])],
            }
            for name, labels in PARTS.items()
        ]
    )


class Lending(NamedTuple):
    """A photo to take a look from: an id, what it is called or shows, and a small picture of it as a data URL."""

    id: str
    title: str
    picture: str

    @classmethod
    def of(cls, id: str, title: str, thumbnail: bytes) -> Lending:
        """`thumbnail`: a JPEG file."""
        return cls(id, title, "data:image/jpeg;base64," + base64.b64encode(thumbnail).decode("ascii"))


class LookBar(gr.HTML):
    """A line with the parts of a face, swatches for the chosen one, a colour picker, and the way back to the photo.

    It follows the class that is chosen on the canvas. Its value goes to the browser as `LookBar.payload(...)` and comes
    back as the browser's message, which only `LookBar.read(...)` may turn into a look. Event: `input`.
    """

    def __init__(self, examples: Sequence[Lending] = (), **kwargs: Any) -> None:
        """`examples`: photos to take a look from, beside those that are open."""
        constants = (
            f"const PARTS = {_parts()};\nconst EXAMPLE_PHOTOS = {json.dumps([it._asdict() for it in examples])};\n"
        )
        script = constants + (_FOLDER / "look_bar.js").read_text(encoding="utf-8")
        super().__init__(
            None,
            html_template="<div class='look-bar'></div>",
            js_on_load=script,
            apply_default_css=False,
            **kwargs,
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML text."""
        return {"type": "object", "description": "part and look: a look's name, a colour as #rrggbb, or empty"}

    def example_payload(self) -> dict[str, Any]:
        """A small message of the right form."""
        return {"part": "Hair", "look": "blond_hair"}

    def example_value(self) -> dict[str, Any]:
        """A small value of the right form."""
        return self.example_payload()

    @staticmethod
    def payload(looks: Mapping[Label, Look], photos: Sequence[Lending] | None = None) -> dict[str, Any]:
        """The value that shows which looks are chosen; photos: that are open beside this one, None to leave them."""
        shown = {name: looks[labels[0]].shown for name, labels in PARTS.items() if labels[0] in looks}
        chosen = {name: look for name, look in shown.items() if look}
        told = {} if photos is None else {"photos": [photo._asdict() for photo in photos]}
        return {"chosen": chosen, **told}

    @staticmethod
    def read(value: Any) -> tuple[str, Look | str | None]:
        """The part and its look in a message from the browser: None as on the photo, a text as on the photo of that id.

        Raises ValueError with one sentence when the message is malformed or forged.
        """
        part = value.get("part") if isinstance(value, dict) else None
        name = value.get("look") if isinstance(value, dict) else None
        if not isinstance(part, str) or part not in PARTS or not isinstance(name, str):
            raise ValueError("This choice of a look could not be read; reload the page and choose again.")
        label = PARTS[part][0]
        if isinstance(value.get("photo"), str):
            return part, value["photo"]
        if not name:
            return part, None
        look = LOOKS.get(name)
        if look is None:
            return part, plain_colour(label, name)
        if label not in look.labels:
            raise ValueError(f"{look.title} is no look for {part.lower()}; choose one of its own swatches.")
        return part, look


class ShapeMenu(gr.HTML):
    """The shapes of one quick edit as a menu beside its button.

    Its value is the name of the shape that was chosen, and comes from the browser: anything may stand in it.
    Event: `input`.
    """

    def __init__(self, label: str, shapes: dict[str, str], **kwargs: Any) -> None:
        """`label`: the quick edit's; `shapes`: what they are called on the page, by name."""
        options = "".join(f"<option value='{name}'>{title}</option>" for name, title in shapes.items())
        super().__init__(
            None,
            html_template=(
                f"<span class='shape-menu'><select aria-label='{label}: shapes' title='{label}: shapes'>"
                f"<option value='' disabled selected hidden></option>{options}</select></span>"
            ),
            js_on_load=(_FOLDER / "shape_menu.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            **kwargs,
        )
