"""The components of the Lab tab and where they stand; what they do is in `tab.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from maskgan.editing.pipeline import WEIGHTS
from maskgan.ui.examples import FOLDER as EXAMPLES
from maskgan.ui.lab import view as lab_view
from maskgan.ui.lab.view import RunState

#: So often does an open tab look at the runs, in seconds.
_EVERY = 2

_STAGES = {
    "train_parser": "Face parser",
    "train_mask_vae": "MaskVAE",
    "pretrain_dmn": "Dense Mapping Network",
    "train_ebst": "EBST",
}
_PRESETS = ("studio", "published", "tiny")
_PRECISIONS = [("32 bit", "no"), ("bf16", "bf16"), ("fp16", "fp16")]
_PERCEPTUAL = [("VGG-19 if it can be had", "auto"), ("VGG-19", "vgg19"), ("Face parser", "parser")]

#: Sizes of the discriminators by name, as flags.
CRITICS: dict[str, dict[str, int]] = {
    "published": {},
    "small": {"discriminator_width": 32, "discriminator_layers": 3, "discriminator_unshuffle": 2},
}

#: Values of the first choices among weights to start from, and to serve.
RANDOM, NEWEST = "", ""
_HEADERS = ["Run", "Stage", "State", "Step", "Loss", "Newest weights"]

#: Networks that a stage takes beside its own: their names, what there is without a run of one's own, and which runs
#: have one.
_NETWORKS: dict[str, tuple[str, list[tuple[str, str]], tuple[str, ...]]] = {
    "parser": ("Face parser", [("Bundled", str(WEIGHTS))], ("train_parser",)),
    "mask_vae": ("MaskVAE", [("Bundled", str(WEIGHTS))], ("train_mask_vae",)),
    "blender": ("Alpha Blender", [("Bundled", str(WEIGHTS)), ("Random weights", RANDOM)], ("train_ebst",)),
    "discriminator": ("Discriminator", [("Random weights", RANDOM)], ("pretrain_dmn", "train_ebst")),
}


class Lab(Protocol):
    """What starts and lists runs (`lab.jobs.processes.Processes`); all raise ValueError with a sentence for people."""

    stages: Mapping[str, Mapping[str, Any]]
    usual: Mapping[str, Mapping[str, int | float]]
    trial: Mapping[str, Mapping[str, int | float]]
    networks: Mapping[str, Sequence[str]]

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
        out: str | None = None,
        weights: str | None = None,
        processes: int = 1,
        flags: Mapping[str, Any] | None = None,
        networks: Mapping[str, str] | None = None,
    ) -> RunState: ...


class LabLayout:
    """A form for a new run on the left; the runs and the one that is watched on the right.

    Attributes:
        fields: the components of the form; those that set one flag of a trainer are called like it.
    """

    def __init__(self, lab: Lab) -> None:
        """Build them inside the `gr.Tab` that is open."""
        self.lab = lab
        self.timer = gr.Timer(_EVERY, active=False)
        self.seen = gr.State({})
        self.fields: dict[str, Any] = {}
        with gr.Row(elem_classes="lab-tab"):
            with gr.Column(elem_classes="lab-form", min_width=250):
                self._form()
            with gr.Column(elem_classes="lab-runs", min_width=300):
                self._runs()

    # ------------------------------------------------------------------ the form

    def _form(self) -> None:
        gr.HTML("<h2 class='step'>Train</h2>")
        stages = [(_STAGES.get(name, name), name) for name in self.lab.stages]
        folders = self.lab.data_folders()
        data = [str(folder) for folder in folders[:1]]
        first = "pretrain_dmn"
        begin = self.beginning(first, only_examples(data))
        self._choice("stage", "Stage", stages, first)
        self._data(folders, data)
        self._choice("weights", "Start from", self.sources(()), begin["weights"])
        with gr.Row(elem_classes="lab-pair"):
            self._choice("preset", "Network", _PRESETS, "studio", interactive=begin["weights"] == RANDOM)
            sizes = [(f"{side} px", side) for side in (64, 128, 256, 512)]
            self._choice("resolution", "Resolution", sizes, begin["resolution"])
        with gr.Row(elem_classes="lab-pair"):
            self._number("max_steps", "Steps", begin["max_steps"])
            self._number("batch_size", "Batch size", begin["batch_size"])
        with gr.Row(elem_classes="lab-pair"):
            self._number("learning_rate", "Learning rate", begin["learning_rate"], precision=None)
            self._number("every", "Save every", begin["every"])
        with gr.Accordion("More", open=False, elem_id="lab-more"):
            self._more(first, begin)
        self.start_button = gr.Button("Start", variant="primary", size="sm", elem_id="lab-start")

    def _data(self, folders: Sequence[Path], chosen: list[str]) -> None:
        info = None
        if not folders:
            info = "None: start the app with --data FOLDER."
        elif only_examples(chosen):
            info = "Six faces, just to try it out; start the app with --data FOLDER for yours."
        self.fields["data"] = gr.Dropdown(
            [(folder.name, str(folder)) for folder in folders],
            value=chosen,
            multiselect=True,
            label="Data",
            info=info,
            elem_id="lab-data",
        )

    def _more(self, stage: str, begin: Mapping[str, Any]) -> None:
        with gr.Row(elem_classes="lab-pair"):
            self._number("processes", "Processes", 1)
            self.fields["name"] = gr.Textbox(label="Name", placeholder="by stage", min_width=0, elem_id="lab-name")
        with gr.Row(elem_classes="lab-pair"):
            self._choice("mixed_precision", "Precision", _PRECISIONS, "no")
            self._number("seed", "Seed", 0)
        shown = self.shown(stage)
        for name, (label, choices, _) in _NETWORKS.items():
            self._choice(name, label, choices, choices[0][1], visible=name in shown)
        sizes = [("As published", "published"), ("Small, for a CPU", "small")]
        self._choice("critic", "Size of the discriminator", sizes, begin["critic"], visible="critic" in shown)
        self._choice("perceptual", "Perceptual loss", _PERCEPTUAL, begin["perceptual"], visible="perceptual" in shown)

    def _choice(self, name: str, label: str, choices: Sequence[Any], value: Any, **options: bool) -> None:
        self.fields[name] = gr.Dropdown(
            choices, value=value, label=label, min_width=0, elem_id=f"lab-{name}", **options
        )

    def _number(self, name: str, label: str, value: float, precision: int | None = 0) -> None:
        self.fields[name] = gr.Number(value, label=label, precision=precision, min_width=0, elem_id=f"lab-{name}")

    def beginning(self, stage: str, trial: bool) -> dict[str, Any]:
        """What the form begins with, by field: what is usual for a stage, or what tries it out within minutes."""
        if trial:
            cheap = {"critic": "small", "perceptual": "parser"}  # and nothing is downloaded
            return {**self.lab.trial[stage], **cheap, "every": 10, "weights": str(WEIGHTS)}
        weights = str(WEIGHTS) if stage == "train_ebst" else RANDOM  # EBST goes on with a trained network
        return {**self.lab.usual[stage], "critic": "published", "perceptual": "auto", "every": 500, "weights": weights}

    def shown(self, stage: str) -> set[str]:
        """Which of the fields under "More" a stage has, besides those that all have."""
        adversarial = {"critic", "perceptual"} if "perceptual" in self.lab.stages.get(stage, ()) else set()
        return {*self.lab.networks.get(stage, ()), *adversarial}

    # ------------------------------------------------------------------ the runs

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
        options = {"size": "sm", "min_width": 0, "interactive": False}
        bare = {"show_label": False, "container": False}
        with gr.Row(elem_classes="lab-line"):
            self.watched = gr.Dropdown([], label="Run", elem_id="lab-run", **bare)
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
                self.losses = gr.Dropdown([], multiselect=True, label="Losses", elem_id="lab-losses", **bare)
            self.sample = gr.Image(
                label="Newest samples",
                show_label=False,
                interactive=False,
                height=300,
                buttons=["fullscreen"],
                elem_id="lab-sample",
            )
        with gr.Row(elem_classes="lab-line"):
            self.snapshot = gr.Dropdown(
                [("Newest weights", NEWEST)], value=NEWEST, label="Weights", elem_id="lab-snapshot", **bare
            )
            self.serve_button = gr.Button("Serve this", elem_id="lab-serve", **options)
            self.follow_button = gr.Button("Follow this run", elem_id="lab-follow", **options)
            self.bundled_button = gr.Button("Bundled weights", elem_id="lab-bundled", **options | {"interactive": True})
        self.in_use = gr.HTML("", elem_id="lab-in-use")
        self.log = gr.Textbox(label="Log", lines=6, max_lines=10, interactive=False, elem_id="lab-log")

    # ------------------------------------------------------------------ choices that change with the runs

    def sources(self, states: Sequence[RunState]) -> list[tuple[str, str]]:
        """Weights to start from, as names and values."""
        runs = [(state.name, str(state.folder)) for state in states if state.snapshot is not None]
        return [("Random weights", RANDOM), ("Bundled weights", str(WEIGHTS)), *runs]

    def networks_of(self, states: Sequence[RunState]) -> dict[str, list[tuple[str, str]]]:
        """For each network that a stage takes beside its own, where it can come from, as names and values."""
        return {
            name: [*choices, *((it.name, str(it.folder)) for it in states if it.stage in stages and it.snapshot)]
            for name, (_, choices, stages) in _NETWORKS.items()
        }


def only_examples(data: Sequence[str] | None) -> bool:
    """Whether these data folders are but the handful of faces that come with the app."""
    return list(data or ()) == [str(EXAMPLES.resolve())]
