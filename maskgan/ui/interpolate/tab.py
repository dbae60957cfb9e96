"""The Interpolate tab: masks A and B, every place between and beyond them, random masks near A, files of the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import gradio as gr
import numpy as np

from maskgan.animations import gif, mp4, numbered_pngs
from maskgan.editing.faces import paste_back
from maskgan.editing.morphing import T_MAX, T_MIN, Morph, frame_places
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import MAX_PIXELS
from maskgan.labels import colourise
from maskgan.originals import Original
from maskgan.serving.hot_reload import Serving
from maskgan.sizes import NETWORK_SIZE
from maskgan.snapshots import Weights
from maskgan.ui.access import Announcer
from maskgan.ui.examples import Examples
from maskgan.ui.gallery import Gallery
from maskgan.ui.interpolate.mask_input import MaskInput
from maskgan.ui.interpolate.state import CHOOSE, MorphState, drawn_face, why_unchanged
from maskgan.ui.keeping.tabs import KeptTab, fitting
from maskgan.ui.kit import (
    PACKING,
    QUIET,
    SMALL,
    STRIP,
    Updates,
    UsesWeights,
    download_on_click,
    fails_on_value_error,
    heading,
    saved,
    visitor_state,
    warn,
    warns_on_value_error,
)
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.pictures import png, shrink, webp
from maskgan.ui.session import Left, OpenFace, Session
from maskgan.ui.weights_line import drawn_line
from maskgan.ui.why_not import WhyNot

#: Places worth a button below the slider, in the slider's order, and the words on it. Outer and Inner are the paper's.
MARKS = {"Outer": T_MIN, "A": 0.0, "Inner": -T_MIN, "B": 1.0}
_WORDS = {"Outer": "Beyond A", "A": "A", "Inner": "Nearer A", "B": "B"}

#: Where the slider stands at first: half way, where there is something to see.
FIRST_T = 0.5

#: Random masks that are shown at once, and frames at most.
RANDOM, MAX_FRAMES = 6, 48

#: Height of a frame in the strips, in pixels: a face above its mask.
_SMALL = 240

_FILES: dict[str, tuple[str, Callable[..., bytes]]] = {"GIF": ("gif", gif), "MP4": ("mp4", mp4)}

_NOTE = """<p class="note">At A and B the masks are shown as they are; on the way the network draws them, which makes
outlines smoother and loses jewellery. Faces are made of both photos, which move with the mask; the network paints what
neither shows, or all of the face where it is asked to.</p>"""

#: What was chosen in a strip below is shown above.
_LOOK_UP = "() => document.getElementById('morph-face').scrollIntoView({block: 'nearest', behavior: 'smooth'})"

_NO_VAE = "The networks in use cannot interpolate masks (they hold no MaskVAE); the other tabs work."


class InterpolateTab(UsesWeights):
    """Two `MaskInput`s, the slider between them, and what can be had there."""

    TITLE, ID = "Interpolate", "interpolate"
    CSS: ClassVar = Path(__file__).with_name("interpolate.css")

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
        self.usable = self.pipeline.engine.mask_size is not None
        if not self.usable:
            gr.HTML(f"<p class='note'>{_NO_VAE}</p>", elem_id="morph-missing")
            return
        self.state = visitor_state(MorphState())
        with gr.Row(elem_classes="morph-tab"):
            self.a = MaskInput("a", "Mask A", self.serving, examples, max_pixels)
            with gr.Column(elem_classes="morph-result", min_width=300):
                self._result()
            self.b = MaskInput("b", "Mask B", self.serving, examples, max_pixels)
        with gr.Column(elem_classes="morph-tab morph-more"):
            self._more()
        self._wire()

    def _result(self) -> None:
        heading("Between and beyond")
        picture = {"show_label": False, "interactive": False, "buttons": [], "container": False, "min_width": 0}
        with gr.Row(elem_classes="morph-pictures"):
            self.mask = gr.Image(label="Mask between A and B", elem_id="morph-mask", **picture)
            self.face = gr.Image(label="Face between A and B", elem_id="morph-face", **picture)
        self.t = gr.Slider(
            T_MIN, T_MAX, FIRST_T, step=0.01, label="From A (0) to B (1), and beyond both", elem_id="morph-t"
        )
        with gr.Row(elem_classes="morph-marks"):
            self.marks = {
                name: gr.Button(words, elem_id=f"morph-mark-{name}", **SMALL) for name, words in _WORDS.items()
            }
        self.style = gr.Radio(
            [("Both faces, blended", "blend"), ("Only face A", "a"), ("Only face B", "b")],
            value="blend",
            label="Whose face",
            show_label=False,
            container=False,
            elem_id="morph-style",
        )
        with gr.Row(elem_classes="morph-send"):
            self.redraw = gr.Checkbox(False, label="Redraw the whole face", container=False, elem_id="morph-redraw")
            self.send_button = gr.Button("Open in Paint", variant="primary", elem_id="morph-send", **SMALL)
        self.why_not = WhyNot(CHOOSE, button="morph-send", help="Takes what is shown to the Paint tab.")
        self.made_by = gr.HTML("", elem_id="morph-made-by")
        gr.HTML(_NOTE)

    def _more(self) -> None:
        strip = {"columns": 12, "object_fit": "contain", **STRIP}
        with gr.Row(elem_classes="morph-line"):
            self.count = gr.Slider(3, MAX_FRAMES, 9, step=1, label="Frames from A to B", elem_id="morph-count")
            self.what = gr.Radio(
                [("Faces", "faces"), ("Masks", "masks")], value="faces", label="Save", elem_id="morph-what"
            )
            with gr.Row(elem_classes="morph-save"):
                self.save_buttons = {
                    kind: gr.Button(kind, elem_id=f"morph-save-{kind[:3].lower()}", **SMALL)
                    for kind in (*_FILES, "PNG set")
                }
        self.strip = Gallery(label="From A to B", elem_id="morph-strip", **strip)
        with gr.Row(elem_classes="morph-line"):
            self.amount = gr.Slider(0.1, 2, 1, step=0.1, label="How much random shapes differ", elem_id="morph-amount")
            self.random_button = gr.Button("Random shapes near A", size="sm", elem_id="morph-random")
        self.near = Gallery(label="Near A", visible=False, elem_id="morph-near", **strip)
        self.file = gr.DownloadButton(visible=False)

    # ------------------------------------------------------------------ handlers

    def start(self, a: Session, b: Session, paint: Session) -> Updates:
        """The first visit: the Paint tab's face and an example."""
        count = len(self.example_faces.paths)
        if a.opened is not None or b.opened is not None or not count:
            return gr.skip()
        first = self.example_faces.open(0) if paint.opened is None else paint.opened
        return self.a.show(first) | self.b.show(self.example_faces.open(min(1, count - 1)))

    def begin(
        self,
        wake: Callable[[Left], tuple[OpenFace, np.ndarray]],
        a: Session,
        b: Session,
        paint: Session,
        beside: Mapping[str, KeptTab],
    ) -> Updates:
        """A look at the tab: what the visitor's browser kept of it, where it is not open yet; `wake`: see `Visits`."""
        kept = beside.get(self.ID)
        if kept is None or not {"a", "b"} <= kept.faces.keys() or a.opened is not None or b.opened is not None:
            return self.start(a, b, paint)
        try:
            shown = self.a.show(*wake(kept.faces["a"])) | self.b.show(*wake(kept.faces["b"]))
        except ValueError as problem:
            warn(problem)
            return self.start(a, b, paint)
        return shown | fitting(kept.settings, self.settings)

    @warns_on_value_error
    def change_ends(self, a: Session, b: Session, t: float, style: str, redraw: bool) -> Updates:
        """Another mask at A or B: both are encoded, and the place between them is shown."""
        if a.opened is None or b.opened is None:
            return gr.skip()
        state = MorphState(self._between(a.opened, a.mask, b.opened, b.mask).line, (a.opened, b.opened))
        return self._show(state, t, style, redraw) | {
            self.a.picture: self.a.pair(a.opened, a.mask),
            self.b.picture: self.b.pair(b.opened, b.mask),
            self.near: gr.update(value=None, visible=False),
        }

    @warns_on_value_error
    def scrub(self, state: MorphState, t: float, style: str, redraw: bool) -> Updates:
        """Another place or style, or another way to get at the face."""
        return gr.skip() if state.line is None else self._show(state, t, style, redraw)

    @warns_on_value_error
    def draw_strip(self, state: MorphState, count: float, style: str, redraw: bool) -> Updates:
        """All frames, small: faces above their masks."""
        if state.line is None:
            return gr.skip()
        morph = self._morph(state)
        frames = []
        for t in frame_places(int(count)):
            mask = morph.mask_at(t)
            face = drawn_face(morph, state.ends, mask, t, style, redraw, NETWORK_SIZE)
            frames.append(self._small(mask, face, morph.line.weights))
        return {self.strip: gr.update(value=frames, selected_index=None)}

    @warns_on_value_error
    def choose_frame(self, count: float, event: gr.SelectData) -> Updates:
        """A click on a frame of the strip: the slider goes there."""
        return {self.t: round(frame_places(int(count))[min(event.index, int(count) - 1)], 2)}

    @warns_on_value_error
    def draw_near(self, state: MorphState, amount: float, style: str, redraw: bool) -> Updates:
        """New random masks near A, in the style that is chosen for the place A."""
        morph = self._morph(state.require_ends())
        masks = tuple(morph.near(amount, state.seed + number) for number in range(RANDOM))
        pictures = []
        for mask in masks:
            face = drawn_face(morph, state.ends, mask, 0, style, redraw, NETWORK_SIZE)
            pictures.append(self._small(mask, face, morph.line.weights))
        return {
            self.state: replace(state, near=masks, seed=state.seed + RANDOM),
            self.near: gr.update(value=pictures, visible=True, selected_index=None),
        }

    @warns_on_value_error
    def choose_near(self, state: MorphState, style: str, redraw: bool, event: gr.SelectData) -> Updates:
        """A click on a random mask: it is shown large, for the Paint tab."""
        state = state.require_ends()
        if event.index >= len(state.near):
            raise ValueError("This mask is no longer here; draw new ones.")
        state = replace(state, mask=state.near[event.index], t=0.0, style=style, redraw=redraw)
        return self._shown(state, self._morph(state))

    @fails_on_value_error
    def sequence_file(self, kind: str, state: MorphState, count: float, style: str, redraw: bool, what: str) -> str:
        """The frames from A to B as a file: GIF, MP4 or a set of PNG."""
        morph, places = self._morph(state.require_ends()), frame_places(int(count))
        frames = [morph.mask_at(t) for t in places]
        if what == "faces":
            both = zip(frames, places, strict=True)
            frames = [drawn_face(morph, state.ends, mask, t, style, redraw) for mask, t in both]
        name = "_to_".join(end.name for end in state.ends)
        weights = morph.pipeline.weights if what == "faces" else None
        if kind not in _FILES:
            return saved(numbered_pngs(frames, what.removesuffix("s"), weights), f"{name}_{what}.zip")
        suffix, write = _FILES[kind]
        content = write(frames, max(4, round(count / 2)), weights)  # 2 s or less
        return saved(content, f"{name}_{what}.{suffix}")

    def shown_face(self, state: MorphState) -> tuple[OpenFace, np.ndarray]:
        """The face for the Paint tab and the mask to put on it.

        With only one face that is seen it is this face, whose unchanged parts stay the photo's own; of both it is what
        is seen, as a face of its own.
        """
        if state.unchanged:
            raise ValueError(state.unchanged)
        opened = state.require_ends().ends[state.style == "b"]
        if state.style != "blend":
            return opened, state.mask
        morph = self._morph(state)
        pipeline = morph.pipeline
        face = replace(pipeline.refresh(opened.face), style=morph.style_at(state.t, "blend"))
        weights = pipeline.weights or Weights()
        if state.redraw:
            edit = pipeline.edit(face, state.mask, keep_untouched=False)
            photo, crop = edit.photo, edit.crop
        else:
            crop = drawn_face(morph, state.ends, state.mask, state.t, state.style, redraw=False)
            photo = paste_back(face.photo, face.alignment, crop, detail=0.0)
        face = pipeline.with_mask(replace(face, photo=photo, crop=crop, drawn=weights), state.mask)
        source = Original(png(photo, weights))
        return OpenFace.new(face, f"{opened.name}_blended", source=source), state.mask

    # ------------------------------------------------------------------ helpers

    def _between(self, a: OpenFace, mask_a: np.ndarray, b: OpenFace, mask_b: np.ndarray) -> Morph:
        pipeline = self.pipeline
        return Morph.between(pipeline, mask_a, mask_b, *(pipeline.refresh(end.face).style for end in (a, b)))

    def _morph(self, state: MorphState) -> Morph:
        """The state's line with the networks that serve now; latents of former ones mean nothing to them."""
        pipeline, line = self.pipeline, state.line
        if line.weights is pipeline.weights:
            return Morph(pipeline, line)
        a, b = state.ends
        return self._between(a, line.mask_a, b, line.mask_b)

    def _show(self, state: MorphState, t: float, style: str, redraw: bool) -> Updates:
        morph = self._morph(state)
        return self._shown(replace(state, mask=morph.mask_at(t), t=t, style=style, redraw=redraw), morph)

    def _shown(self, state: MorphState, morph: Morph) -> Updates:
        face = drawn_face(morph, state.ends, state.mask, state.t, state.style, state.redraw)
        state = replace(state, line=morph.line, unchanged=why_unchanged(state, face))
        return {
            self.state: state,
            self.why_not: state.unchanged,
            self.mask: saved(webp(colourise(state.mask)), "mask.webp"),
            self.face: saved(webp(face, morph.line.weights), "face.webp"),
            self.made_by: drawn_line(morph.line.weights),
            self.announcer: Announcer.payload(f"New picture: at {state.t:g}"),
        }

    def _small(self, mask: np.ndarray, face: np.ndarray, weights: Weights) -> str:
        """A picture for a strip: the face above its mask."""
        both = np.vstack([shrink(picture, _SMALL // 2) for picture in (face, colourise(mask))])
        return saved(webp(both, weights), "frame.webp")

    # ------------------------------------------------------------------ events

    def _wire(self) -> None:
        names = ("t", "style", "redraw", "count", "what", "amount")
        self.settings = {name: getattr(self, name) for name in names}
        self._shown_outputs = [self.state, self.mask, self.face, self.made_by, self.why_not, self.announcer]
        latest = {"trigger_mode": "always_last", **QUIET}
        self._scrubbed = gr.on(
            [self.t.change, self.style.input, self.redraw.input],
            self.scrub,
            [self.state, self.t, self.style, self.redraw],
            self._shown_outputs,
            api_name="scrub",
            **latest,
        )
        gr.on(
            [self.count.release, self.style.input, self.redraw.input],
            self.draw_strip,
            [self.state, self.count, self.style, self.redraw],
            self.strip,
            **latest,
        )
        for name, button in self.marks.items():
            button.click(None, None, self.t, js=f"() => {MARKS[name]}", api_visibility="undocumented")
        self.strip.select(self.choose_frame, self.count, self.t, **QUIET).success(None, js=_LOOK_UP)
        self.random_button.click(
            self.draw_near, [self.state, self.amount, self.style, self.redraw], [self.state, self.near], **QUIET
        )
        chosen = self.near.select(self.choose_near, [self.state, self.style, self.redraw], self._shown_outputs, **QUIET)
        chosen.success(None, js=_LOOK_UP)
        for kind, button in self.save_buttons.items():
            download_on_click(
                button,
                partial(self.sequence_file, kind),
                [self.state, self.count, self.style, self.redraw, self.what],
                self.file,
                api_name=f"save_{kind[:3].lower()}",
                **PACKING,
            )

    def connect(self, tab: gr.Tab, paint: PaintTab, tabs: gr.Tabs) -> None:
        """Begin when `tab` is first looked at; take masks from the Paint tab `paint` of `tabs` and give them to it."""
        if not self.usable:
            return
        sessions = [self.a.session, self.b.session]
        self.a.connect(paint.session)
        self.b.connect(paint.session)
        changing = [*sessions, self.t, self.style, self.redraw]
        changed = [*self._shown_outputs, self.a.picture, self.b.picture, self.near]
        opening = [*self.a.outputs, *self.b.outputs, *self.settings.values()]
        started = tab.select(
            partial(self.begin, paint.wake), [*sessions, paint.session, paint.beside], opening, **QUIET
        )
        begun = started.success(self.change_ends, changing, changed, **QUIET)
        events = [event for end in (self.a, self.b) for event in end.on_change(self.change_ends, changing, changed)]
        ends = {"a": self.a.session, "b": self.b.session}
        settled = [self.count.release, self.what.input, self.amount.release]
        paint.keep_tab(self.ID, ends, self.settings, [*events, self._scrubbed], settled)
        for event in (begun, *events):
            event.success(self.draw_strip, [self.state, self.count, self.style, self.redraw], self.strip, **QUIET)
        paint.open_from(self.send_button, self.shown_face, [self.state], tabs, api_name="apply_morph")
