"""What the Paint tab looks like; `tab.py` says what it does, `paint.css` where things stand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import gradio as gr

from maskgan.quick_edits import QUICK_EDITS
from maskgan.serving.hot_reload import Serving
from maskgan.ui.examples import Examples
from maskgan.ui.face_picker import FacePicker
from maskgan.ui.gallery import Gallery
from maskgan.ui.kit import SMALL, SQUARES, heading, visitor_state
from maskgan.ui.mask_canvas import MaskCanvas, ResultView
from maskgan.ui.paint.files import AS_IT_CAME, FILE_KINDS
from maskgan.ui.paint.menus import Lending, LookBar, ShapeMenu
from maskgan.ui.pictures import THUMBNAIL_SIDE, thumbnail
from maskgan.ui.session import Session

#: Shown while "Keep unpainted parts" is off.
_KEEP_NOTE = "The whole face is drawn anew now, also where you painted nothing, so the person looks a little different."

#: What controls do, by element id, as tooltips.
HELPS = {
    "load-mask": "Puts the mask of a file in place of the one on the canvas; undo brings that back.",
    "save-mask": "Saves the mask as a picture whose pixels are the numbers of the parts.",
    "own-mask": "For a picture that has a mask already, such as one of a data set: edits start from that mask.",
    "save-photo": "The whole photo with all edits, at its full size.",
    "save-face": "Only the square around the face.",
    "keep": "On: only what you painted changes. Off: the whole face is drawn anew.",
    "seamless": "Fits colours at the border of what was painted to the photo around it.",
    "strength": "Strength of the buttons below; it also tunes the last one.",
}


class PaintLayout:
    """The tab's components as attributes; `look` are those that make a `Look`, in the order of its fields."""

    def __init__(self, serving: Serving, examples: Examples, max_pixels: int) -> None:
        titles, pictures = examples.titles(), examples.thumbnails(THUMBNAIL_SIDE)
        self._lending_examples = [
            Lending.of(f"example/{path.stem}", f"Example: {title}", thumbnail(picture))
            for path, title, picture in zip(examples.paths, titles, pictures, strict=True)
        ]
        self.session = visitor_state(Session())
        self.beside = visitor_state({})  # what the other tabs have open, see `maskgan.ui.keeping.tabs`
        with gr.Column(elem_classes="paint-tab"):
            with gr.Column(elem_classes="area-choose"):
                self._choose(serving, examples, max_pixels)
            with gr.Column(elem_classes="area-canvas"):
                heading("Pick a colour and paint on the mask", "2")
                self.canvas = MaskCanvas(elem_id="canvas", server_functions=self._asked_by_the_canvas())
            with gr.Column(elem_classes="area-result"):
                self._result()
            with gr.Column(elem_classes="area-after"):
                self._after()
            with gr.Column(elem_classes="area-quick"):
                self._quick()

    def _asked_by_the_canvas(self) -> list[Callable[..., Any]]:
        """What the canvas may call on the server, past the queue."""
        return []

    def _choose(self, serving: Serving, examples: Examples, max_pixels: int) -> None:
        heading("Choose a face", "1")
        self.picker = FacePicker(serving, examples, self.session, max_pixels)
        with gr.Row(elem_classes="buttons mask-files"):
            self.load_mask_button = gr.UploadButton("Load mask", elem_id="load-mask", **SMALL)
            self.save_mask_button = gr.Button("Save mask", elem_id="save-mask", **SMALL)
            self.own_mask_button = gr.UploadButton("Load picture's own mask", elem_id="own-mask", **SMALL)

    def _result(self) -> None:
        with gr.Row(elem_classes="line"):
            heading("Watch the result", "3")
            views = [("Face", "face"), ("Full photo", "photo")]
            self.view = gr.Radio(views, value="face", label="View", show_label=False, container=False, elem_id="view")
        self.face_result = ResultView("canvas", label="face", elem_id="face-result")
        self.photo_result = ResultView("canvas", label="photo", only_seen=True, visible=False, elem_id="photo-result")

    def _after(self) -> None:
        with gr.Row(elem_classes="buttons downloads"):
            self.save_photo_button = gr.Button("Download photo", size="sm", variant="primary", elem_id="save-photo")
            self.save_face_button = gr.Button("Download face", size="sm", elem_id="save-face")
        with gr.Row(elem_classes="buttons more-files"):
            self.kind = gr.Dropdown(
                list(FILE_KINDS),
                value=AS_IT_CAME,
                label="Kind of file",
                show_label=False,
                container=False,
                elem_id="file-kind",
                min_width=130,
            )
            self.copy_button = gr.Button("Copy", elem_id="copy-photo", **SMALL)
            self.share_button = gr.Button("Share", elem_id="share-photo", **SMALL)
        self.file = gr.DownloadButton(visible=False)
        with gr.Row(elem_classes="options"):
            self.keep = gr.Checkbox(True, label="Keep unpainted parts", container=False, elem_id="keep")
            self.seamless = gr.Checkbox(False, label="Match edge colours", container=False, elem_id="seamless")
        gr.HTML(f"<p class='keep-note'>{_KEEP_NOTE}</p>")
        self.look = [self.view, self.keep, self.seamless]
        self.history = Gallery(
            label="History: click to go back to a result",
            columns=6,
            visible=False,
            elem_id="history",
            **SQUARES | {"container": True, "show_label": None},
        )
        self.earlier = Gallery(
            label="Photos before this one: click to open one as it was left",
            columns=6,
            visible=False,
            elem_id="earlier",
            **SQUARES | {"container": True, "show_label": None},
        )
        self.made_by = gr.HTML("", elem_id="made-by")

    def _quick(self) -> None:
        with gr.Row(elem_classes="line"):
            heading("Or let a button paint for you")
            self.strength = gr.Slider(
                0.2, 2, 1, step=0.1, label="Strength", container=False, elem_id="strength", min_width=220
            )
        self.quick: dict[str, gr.Button] = {}
        self.shapes: dict[str, ShapeMenu] = {}
        with gr.Row(elem_classes="quick-groups"):
            for group, edits in groupby(QUICK_EDITS.values(), key=lambda edit: edit.group):
                with gr.Column(elem_classes="quick-group", min_width=150):
                    gr.HTML(f"<h3>{group}</h3>")
                    with gr.Row(elem_classes="quick-buttons"):
                        for edit in edits:
                            self.quick[edit.name] = gr.Button(edit.label, elem_id=f"quick-{edit.name}", **SMALL)
                            if edit.variants:
                                shapes = {shape.name: shape.label for shape in edit.variants}
                                self.shapes[edit.name] = ShapeMenu(edit.label, shapes, elem_id=f"shapes-{edit.name}")
            with gr.Column(elem_classes="quick-group", min_width=150):
                gr.HTML("<h3>Colours</h3>")
                self.looks = LookBar(self._lending_examples, elem_id="looks")
