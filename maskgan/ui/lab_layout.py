"""The components of the Lab tab and where they stand; what they do is in `lab_tab.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from maskgan.pipeline import WEIGHTS
from maskgan.ui import lab_view
from maskgan.ui.lab_view import RunState

#: So often does an open tab look at the runs, in seconds.
_EVERY = 2

_STAGES = {
    "train_parser": "Face parser",
    "train_mask_vae": "MaskVAE",
    "pretrain_dmn": "Dense Mapping Network",
    "train_ebst": "EBST",
}
_PRESETS = ("studio", "published", "tiny")

#: Values of the first choices among weights to start from, and to serve.
RANDOM, NEWEST = "", ""
_HEADERS = ["Run", "Stage", "State", "Step", "Loss", "Newest weights"]


class Lab(Protocol):
    """What starts and lists runs (`lab.processes.Processes`); all raise ValueError with a sentence for people."""

    stages: Mapping[str, Mapping[str, Any]]
    usual: Mapping[str, Mapping[str, int | float]]

    def data_folders(self) -> list[Path]: ...
    def states(self) -> list[RunState]: ...
    def state(self, name: str) -> RunState: ...
    def memory(self, name: str) -> tuple[int, int]: ...
    def resume(self, name: str) -> RunState: ...
    def stop(self, name: str) -> None: ...
    def kill(self, name: str) -> None: ...
    def start(
        self,
        stage: str,
        data: Sequence[str],
        out: str,
        weights: str | None = None,
        processes: int = 1,
        flags: Mapping[str, Any] | None = None,
    ) -> RunState: ...


class LabLayout:
    """A form for a new run on the left; the runs and the one that is watched on the right."""

    def __init__(self, lab: Lab) -> None:
        """Build them inside the `gr.Tab` that is open."""
        self.lab = lab
        self.timer = gr.Timer(_EVERY, active=False)
        self.seen = gr.State({})
        with gr.Row(elem_classes="lab-tab"):
            with gr.Column(elem_classes="lab-form", min_width=250):
                self._form()
            with gr.Column(elem_classes="lab-runs", min_width=300):
                self._runs()

    def _form(self) -> None:
        gr.HTML("<h2 class='step'>Train</h2>")
        folders = self.lab.data_folders()
        stages = [(_STAGES.get(name, name), name) for name in self.lab.stages]
        first = "train_mask_vae"
        usual = self.lab.usual[first]
        self.stage = gr.Dropdown(stages, value=first, label="Stage", elem_id="lab-stage")
        self.data = gr.Dropdown(
            [(folder.name, str(folder)) for folder in folders],
            value=[str(folder) for folder in folders[:1]],
            multiselect=True,
            label="Data",
            info=None if folders else "None: start the app with --data FOLDER.",
            elem_id="lab-data",
        )
        self.weights = gr.Dropdown(self.sources(()), value=RANDOM, label="Start from", elem_id="lab-weights")
        with gr.Row(elem_classes="lab-pair"):
            self.preset = gr.Dropdown(_PRESETS, value="studio", label="Network", min_width=0, elem_id="lab-preset")
            self.resolution = gr.Dropdown(
                [(f"{side} px", side) for side in (64, 128, 256, 512)],
                value=usual["resolution"],
                label="Resolution",
                min_width=0,
                elem_id="lab-resolution",
            )
        with gr.Row(elem_classes="lab-pair"):
            self.steps = self._number("Steps", usual["max_steps"], "steps")
            self.batch = self._number("Batch size", usual["batch_size"], "batch")
        with gr.Row(elem_classes="lab-pair"):
            self.rate = self._number("Learning rate", usual["learning_rate"], "rate", precision=None)
            self.every = self._number("Save every", 500, "every")
        with gr.Row(elem_classes="lab-pair"):
            self.processes = self._number("Processes", 1, "processes")
            self.name = gr.Textbox(label="Name", placeholder="by stage", min_width=0, elem_id="lab-name")
        self.start_button = gr.Button("Start", variant="primary", size="sm", elem_id="lab-start")

    @staticmethod
    def _number(label: str, value: float, name: str, precision: int | None = 0) -> gr.Number:
        return gr.Number(value, label=label, precision=precision, min_width=0, elem_id=f"lab-{name}")

    def _runs(self) -> None:
        self.table = gr.Dataframe(
            headers=_HEADERS,
            value=[],
            interactive=False,
            max_height=130,
            show_label=False,
            buttons=[],
            elem_id="lab-table",
        )
        with gr.Row(elem_classes="lab-line"):
            self.watched = gr.Dropdown([], label="Run", show_label=False, container=False, elem_id="lab-run")
            options = {"size": "sm", "min_width": 0, "interactive": False}
            self.stop_button = gr.Button("Stop", elem_id="lab-stop", **options)
            self.kill_button = gr.Button("End at once", variant="stop", elem_id="lab-kill", **options)
            self.resume_button = gr.Button("Resume", elem_id="lab-resume", **options)
        self.facts = gr.HTML(lab_view.facts(None, (0, 0)), elem_id="lab-facts")
        with gr.Row(elem_classes="lab-pictures"):
            with gr.Column(min_width=240):
                self.plot = gr.LinePlot(
                    x="step",
                    y="value",
                    color="loss",
                    x_title="step",
                    y_title=" ",
                    show_label=False,
                    height=240,
                    buttons=[],
                    elem_id="lab-plot",
                )
                self.losses = gr.Dropdown(
                    [], multiselect=True, label="Losses", show_label=False, container=False, elem_id="lab-losses"
                )
            self.sample = gr.Image(
                label="Newest samples", interactive=False, height=288, buttons=["fullscreen"], elem_id="lab-sample"
            )
        with gr.Row(elem_classes="lab-line"):
            self.snapshot = gr.Dropdown(
                [("Newest weights", NEWEST)],
                value=NEWEST,
                label="Weights",
                show_label=False,
                container=False,
                elem_id="lab-snapshot",
            )
            self.serve_button = gr.Button("Serve this", elem_id="lab-serve", **options)
            self.follow_button = gr.Button("Follow this run", elem_id="lab-follow", **options)
        self.log = gr.Textbox(label="Log", lines=6, max_lines=10, interactive=False, elem_id="lab-log")

    def sources(self, states: Sequence[RunState]) -> list[tuple[str, str]]:
        """Weights to start from, as names and values."""
        runs = [(state.name, str(state.folder)) for state in states if state.snapshot is not None]
        return [("Random weights", RANDOM), ("Bundled weights", str(WEIGHTS)), *runs]
