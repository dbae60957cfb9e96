"""The Style copy tab: the style of one face on another, by region, or the shapes of one in the style of the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import cv2
import gradio as gr
import numpy as np

from maskgan.editing.edit import Edit, Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import REGIONS, copy_geometry, copy_style, missing_regions
from maskgan.images import MAX_PIXELS
from maskgan.originals import Original
from maskgan.provenance import drawn_by
from maskgan.serving.hot_reload import Serving
from maskgan.ui.access import Announcer
from maskgan.ui.examples import Examples
from maskgan.ui.face_input import FaceInput, as_seen
from maskgan.ui.keeping.tabs import KeptTab, fitting
from maskgan.ui.kit import (
    QUIET,
    SMALL,
    UNQUEUED,
    Updates,
    UsesWeights,
    download_on_click,
    fails_on_value_error,
    heading,
    photo_file,
    saved,
    tell,
    warn,
    warns_on_value_error,
)
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.pictures import jpeg, png, webp
from maskgan.ui.session import Left, OpenFace, Session
from maskgan.ui.weights_line import made_by
from maskgan.ui.why_not import WhyNot

_STYLE, _SHAPES, _REDRAWN = "style", "shapes", "redrawn"
_EVERYTHING = "everything"
_SOURCE, _TARGET = "Source above", "Target above"

#: Why there is nothing for the Paint tab.
_CHOOSE = "Choose a source and a target face first."
_UNCHANGED = "The result is the target with nothing changed; choose a region, more strength or another source."

#: Sources and targets of the matrix, at most, and the side of one of its pictures in pixels.
MATRIX, _CELL = 4, 192


class StyleTab(UsesWeights):
    """Source (gives the style) and target (gives the shapes), the choices between them, and the result."""

    TITLE, ID = "Style copy", "style"
    CSS: ClassVar = Path(__file__).with_name("style.css")

    def __init__(
        self,
        pipeline: MaskGANPipeline | Serving,
        examples: Examples,
        max_pixels: int = MAX_PIXELS,
        announcer: Announcer | None = None,
    ) -> None:
        """Build the tab inside the `gr.Tab` that is open."""
        self.announcer = announcer or Announcer()
        self.serving, self.example_faces = Serving.of(pipeline), examples
        with gr.Column(elem_classes="style-tab"):
            self.source = FaceInput("source", "Source of the style", self.serving, examples, max_pixels)
            self.target = FaceInput("target", "Target: is changed", self.serving, examples, max_pixels)
            with gr.Column(elem_classes="style-result"):
                self._result()
            with gr.Column(elem_classes="style-choices"):
                self._choices()
        with gr.Accordion("Compare several sources and targets", open=False, elem_id="style-compare"):
            self._comparison([_SOURCE, _TARGET, *(path.stem for path in examples.paths)])
        self._wire()

    def _result(self) -> None:
        heading("Result")
        self.result = gr.ImageSlider(
            label="Target and result",
            show_label=False,
            slider_position=10,
            buttons=["fullscreen"],
            interactive=False,
            container=False,
            max_height=400,
            elem_id="style-result",
        )
        with gr.Row(elem_classes="style-buttons"):
            self.save_button = gr.Button("Download photo", variant="primary", elem_id="style-save", **SMALL)
            self.send_button = gr.Button("Open in Paint", elem_id="style-send", **SMALL)
            self.swap_button = gr.Button("Swap", elem_id="style-swap", **SMALL)
        self.why_not = WhyNot(_CHOOSE, button="style-send", help="Takes the result to the Paint tab.")
        self.made_by = gr.HTML("", elem_id="style-made-by")
        self.file = gr.DownloadButton(visible=False)

    def _choices(self) -> None:
        with gr.Row(elem_classes="style-line"):
            self.direction = gr.Radio(
                [("Copy the style", _STYLE), ("Copy the shapes", _SHAPES), ("Copy the shapes, redrawn", _REDRAWN)],
                value=_STYLE,
                label="Direction",
                show_label=False,
                container=False,
                elem_id="style-direction",
            )
            self.strength = gr.Slider(0, 1, 1, step=0.05, label="Strength", container=False, elem_id="style-strength")
        self.regions = gr.CheckboxGroup(
            [(region.title, name) for name, region in REGIONS.items()],
            value=["lips", "hair"],
            label="Regions to copy",
            container=False,
            elem_id="style-regions",
        )

    def _comparison(self, names: list[str]) -> None:
        choice = {"multiselect": True, "max_choices": MATRIX}
        with gr.Row():
            self.matrix_sources = gr.Dropdown(names, value=names[2:4], label="Sources (rows)", **choice)
            self.matrix_targets = gr.Dropdown(names, value=names[4:6], label="Targets (columns)", **choice)
        self.matrix_button = gr.Button("Draw the grid", size="sm", elem_id="style-matrix-draw")
        self.matrix = gr.Image(
            label="Every source on every target", show_label=False, interactive=False, elem_id="style-matrix"
        )

    # ------------------------------------------------------------------ handlers

    def start(self, source: Session, target: Session, paint: Session) -> Updates:
        """The first visit: the face of the Paint tab as it is seen there, in the style of an example."""
        if source.opened is not None or target.opened is not None or len(self.example_faces.paths) < 3:
            return gr.skip()
        changed = self.example_faces.open(1) if paint.opened is None else as_seen(paint, self.pipeline)
        giving = next(index for index in (2, 0) if self.example_faces.paths[index].stem != changed.name)
        return self.source.show(self.example_faces.open(giving)) | self.target.show(changed)

    def begin(
        self,
        wake: Callable[[Left], tuple[OpenFace, np.ndarray]],
        source: Session,
        target: Session,
        paint: Session,
        beside: Mapping[str, KeptTab],
    ) -> Updates:
        """A look at the tab: what the visitor's browser kept of it, where it is not open yet; `wake`: see `Visits`."""
        kept = beside.get(self.ID)
        opened = source.opened is not None or target.opened is not None
        if kept is None or not {"source", "target"} <= kept.faces.keys() or opened:
            return self.start(source, target, paint)
        try:
            faces = {name: wake(kept.faces[name])[0] for name in ("source", "target")}
        except ValueError as problem:
            warn(problem)
            return self.start(source, target, paint)
        shown = self.source.show(faces["source"]) | self.target.show(faces["target"])
        return shown | fitting(kept.settings, self.settings)

    @staticmethod
    def check_all(regions: list[str], event: gr.SelectData) -> list[str]:
        """A click on a region: "Everything" is all of them, and none is left out of it."""
        if event.value == _EVERYTHING:
            return list(REGIONS) if event.selected else []
        chosen = ({*regions} | {event.value} if event.selected else {*regions} - {event.value}) - {_EVERYTHING}
        parts = [name for name in REGIONS if name in chosen]
        return list(REGIONS) if len(parts) == len(REGIONS) - 1 else parts

    def _edit(self, source: Face, target: Face, direction: str, regions: list[str], strength: float) -> Edit:
        if direction != _STYLE:
            return copy_geometry(self.pipeline, target, source, redraw=direction == _REDRAWN)
        return copy_style(self.pipeline, target, source, regions, strength)

    @staticmethod
    def _faces(source: Session, target: Session) -> tuple[Face, Face]:
        if source.opened is None or target.opened is None:
            raise ValueError(_CHOOSE)
        return source.opened.face, target.opened.face

    @warns_on_value_error
    def update(self, source: Session, target: Session, direction: str, regions: list[str], strength: float) -> Updates:
        """The result for what is chosen now."""
        if source.opened is None or target.opened is None:
            return gr.skip()
        faces = self._faces(source, target)
        try:
            edit = self._edit(*faces, direction, regions, strength)
        except ValueError as problem:
            warn(problem)
            return {self.why_not: str(problem)}
        if direction == _STYLE and (left_out := missing_regions(faces[1], faces[0], regions)):
            names = ", ".join(REGIONS[name].title.lower() for name in left_out)
            tell(f"Left out, for one of the two faces has none: {names}.")
        pictures = webp(edit.face.crop), webp(edit.crop, drawn_by(edit))
        return {
            self.result: tuple(saved(picture, "face.webp") for picture in pictures),
            self.strength: gr.update(interactive=direction == _STYLE),
            self.regions: gr.update(interactive=direction == _STYLE),
            self.made_by: made_by(edit),
            self.why_not: _UNCHANGED if np.array_equal(edit.crop, edit.face.crop) else "",
            self.announcer: Announcer.payload("New picture"),
        }

    @warns_on_value_error
    def swap(self, source: Session, target: Session) -> Updates:
        """Source and target change places."""
        self._faces(source, target)
        return self.source.show(target.opened) | self.target.show(source.opened)

    @warns_on_value_error
    def draw_matrix(
        self,
        source: Session,
        target: Session,
        direction: str,
        regions: list[str],
        strength: float,
        sources: list[str],
        targets: list[str],
    ) -> Updates:
        """Every chosen source (rows) on every chosen target (columns), with the faces themselves at the margins."""
        if not sources or not targets:
            raise ValueError("Choose at least one source and one target for the grid.")
        rows, columns = ([self._named(n, source, target) for n in names[:MATRIX]] for names in (sources, targets))
        top = [np.full((_CELL, _CELL, 3), 255, np.uint8)]
        top += [_labelled(face.crop, name) for face, name in zip(columns, targets, strict=False)]
        lines = [np.hstack(top)]
        for face, name in zip(rows, sources, strict=False):
            edits = [self._edit(face, other, direction, regions, strength) for other in columns]
            lines.append(np.hstack([_labelled(face.crop, name), *(_labelled(edit.crop) for edit in edits)]))
        return {self.matrix: saved(jpeg(np.vstack(lines), edits[-1].weights), "styles.jpg")}

    def _named(self, name: str, source: Session, target: Session) -> Face:
        if name in (_SOURCE, _TARGET):
            return self._faces(source, target)[name == _TARGET]
        stems = [path.stem for path in self.example_faces.paths]
        if name not in stems:
            raise ValueError(f"There is no example {name!r}.")
        return self.example_faces.face(stems.index(name))

    @fails_on_value_error
    def photo_file(self, source: Session, target: Session, direction: str, regions: list[str], strength: float) -> str:
        """The whole photo of the target with the result in it."""
        edit, opened = self._edit(*self._faces(source, target), direction, regions, strength), target.opened
        return photo_file(edit.photo, drawn_by(edit), opened, "style")

    def result_face(
        self, source: Session, target: Session, direction: str, regions: list[str], strength: float
    ) -> tuple[OpenFace, np.ndarray]:
        """The result as a face of its own, to be painted on, and its mask."""
        edit = self._edit(*self._faces(source, target), direction, regions, strength)
        if np.array_equal(edit.crop, edit.face.crop):
            raise ValueError(_UNCHANGED)
        shapes = target.opened.face.mask if direction == _STYLE else source.opened.face.mask
        result = replace(edit.face, photo=edit.photo, crop=edit.crop, drawn=drawn_by(edit))
        face, opened = self.pipeline.with_mask(result, shapes), target.opened
        again = Original(png(edit.photo, result.drawn))
        named = {"turned": opened.turned, "original": opened.original, "source": again}
        return OpenFace.new(face, f"{opened.name}_style", **named), face.mask

    # ------------------------------------------------------------------ events

    def _wire(self) -> None:
        self.sessions = [self.source.session, self.target.session]
        self.chosen = [*self.sessions, self.direction, self.regions, self.strength]
        shown = self.shown = [self.result, self.strength, self.regions, self.made_by, self.why_not, self.announcer]
        self.settings = {name: getattr(self, name) for name in ("direction", "regions", "strength")}
        self._chosen_again = gr.on(
            [self.direction.input, self.strength.input],
            self.update,
            self.chosen,
            shown,
            trigger_mode="always_last",
            api_name="update_style",
            **QUIET,
        )
        checked = self.regions.select(self.check_all, self.regions, self.regions, **UNQUEUED)
        self._checked = checked.success(self.update, self.chosen, shown, trigger_mode="always_last", **QUIET)
        swapped = self.swap_button.click(
            self.swap, self.sessions, [*self.source.outputs, *self.target.outputs], **QUIET
        )
        self._swapped = swapped.success(self.update, self.chosen, shown, **QUIET)
        self.matrix_button.click(
            self.draw_matrix, [*self.chosen, self.matrix_sources, self.matrix_targets], self.matrix, **QUIET
        )
        download_on_click(self.save_button, self.photo_file, self.chosen, self.file, **QUIET)

    def connect(self, tab: gr.Tab, paint: PaintTab, tabs: gr.Tabs) -> None:
        """Begin when `tab` is first looked at, with the face of the Paint tab `paint` of `tabs`; give it the result."""
        opening = [*self.source.outputs, *self.target.outputs, *self.settings.values()]
        started = tab.select(
            partial(self.begin, paint.wake), [*self.sessions, paint.session, paint.beside], opening, **QUIET
        )
        changed = [self._chosen_again, self._checked, self._swapped]
        for face_input in (self.source, self.target):
            face_input.connect(paint.session)
            changed += face_input.on_change(self.update, self.chosen, self.shown)
        faces = {"source": self.source.session, "target": self.target.session}
        paint.keep_tab(self.ID, faces, self.settings, changed)
        started.success(self.update, self.chosen, self.shown, **QUIET)
        paint.open_from(self.send_button, self.result_face, self.chosen, tabs)


def _labelled(crop: np.ndarray, name: str = "") -> np.ndarray:
    """A cell of the matrix (_CELL, _CELL, 3) with its name at the foot."""
    cell = cv2.resize(crop, (_CELL, _CELL), interpolation=cv2.INTER_AREA)
    if name:
        cell[-20:] = 255
        cv2.putText(cell, name, (6, _CELL - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (30, 30, 30), 1, cv2.LINE_AA)
    return cell
