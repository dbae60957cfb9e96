"""A gallery that costs less at every update."""

from __future__ import annotations

from typing import Any, ClassVar

import gradio as gr
from gradio.components.gallery import GalleryData


class Pictures(list[Any]):
    """Pictures that several galleries show, encoded once. They must not change."""

    encoded: GalleryData | None = None


class Gallery(gr.Gallery):
    """Gradio's gallery, which describes itself to programs once and not after every edit of every visitor.

    An update makes a new component in the visitor's session, whose JSON schema Gradio works out three times over.
    """

    is_template = True  # the browser's half is that of Gradio's own

    _described: ClassVar[dict[str, Any] | None] = None

    def postprocess(self, value: Any) -> GalleryData:
        """See Gradio."""
        if not isinstance(value, Pictures):
            return super().postprocess(value)
        if value.encoded is None:
            value.encoded = super().postprocess(value)
        return value.encoded

    def api_info(self) -> dict[str, Any]:
        """The form of its value, as a JSON schema."""
        if Gallery._described is None:
            Gallery._described = super().api_info()
        return Gallery._described
