"""A gallery that costs less at every update."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from gradio.components.gallery import GalleryData, GalleryImage
from gradio.data_classes import ImageData
from gradio_client.utils import get_mimetype

from maskgan.ui.own_files import is_own


class Pictures(list[Any]):
    """Pictures that several galleries show, encoded once. They must not change."""

    encoded: GalleryData | None = None


class Gallery(gr.Gallery):
    """Gradio's gallery, which describes itself to programs once and not after every edit of every visitor.

    An update makes a new component in the visitor's session, whose JSON schema Gradio works out three times over. Nor
    does it start threads to find out what own files are.
    """

    is_template = True  # the browser's half is that of Gradio's own

    _described: ClassVar[dict[str, Any] | None] = None

    def postprocess(self, value: Any) -> GalleryData:
        """See Gradio."""
        if not isinstance(value, Pictures):
            return _of_own_files(value) or super().postprocess(value)
        if value.encoded is None:
            value.encoded = super().postprocess(value)
        return value.encoded

    def api_info(self) -> dict[str, Any]:
        """The form of its value, as a JSON schema."""
        if Gallery._described is None:
            Gallery._described = super().api_info()
        return Gallery._described


def _of_own_files(value: Any) -> GalleryData | None:
    """What Gradio makes of pictures with captions, in files that this page wrote; None of anything else."""
    if not isinstance(value, list):
        return None
    told = []
    for picture in value:
        if not isinstance(picture, tuple) or not isinstance(picture[0], str) or not is_own(picture[0]):
            return None
        path, caption = picture
        image = ImageData(path=path, orig_name=Path(path).name, mime_type=get_mimetype(path))
        told.append(GalleryImage(image=image, caption=caption))
    return GalleryData(root=told)
