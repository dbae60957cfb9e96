"""The components of the Lab tab and where they stand; what they do is in `tab.py`."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import gradio as gr

from maskgan.editing.pipeline import WEIGHTS
from maskgan.run_folder import RunState
from maskgan.run_requests import Choice, FormField, NetworkField, RunRequest, StageForm, Switch
from maskgan.ui.examples import FOLDER as EXAMPLES
from maskgan.ui.lab import view as lab_view

#: So often does an open tab look at the runs, in seconds.
_EVERY = 2

#: The stage that the form begins with.
_FIRST = "pretrain_dmn"

#: Values of the first choices among weights to start from, and to serve.
RANDOM, NEWEST = "", ""
_HEADERS = ["Run", "Learns to", "State", "Step", "Error", "Newest result"]

#: Words of the page, and what the field calls these things.
_TERMS = {
    "Steps, faces at once": "optimisation steps; batch size of each process",
    "Learning speed": "learning rate, which rises over the first steps and then falls",
    "Error": "training loss; the list under the curve has its parts",
    "Nothing learned yet": "random weights",
    "Result": "snapshot: moving average of the weights, and metrics on the validation split",
    "Save every, saved at": "steps between checkpoints, from which a run goes on",
}


class FolderNames:
    """Names for folders of the server, which the page gets in place of their paths; the same for as long as it runs."""

    def __init__(self) -> None:
        self._paths: dict[str, str] = {}

    def of(self, folder: str | Path) -> str:
        """The name of a folder: its own, with a number where another one has it."""
        path, own = str(folder), Path(folder).name
        names = (own if number == 1 else f"{own} ({number})" for number in count(1))
        return next(name for name in names if self._paths.setdefault(name, path) == path)

    def path(self, name: Any) -> Any:
        """The path of a folder with this name; what is no such name as it is, which the lab refuses."""
        return self._paths.get(name, name) if isinstance(name, str) else name


class Lab(Protocol):
    """What starts and lists runs (`lab.jobs.processes.Processes`); all raise ValueError with a sentence for people."""

    stages: Mapping[str, StageForm]

    def data_folders(self) -> list[Path]: ...
    def states(self) -> list[RunState]: ...
    def state(self, name: str) -> RunState: ...
    def memory(self, name: str) -> tuple[int, int]: ...
    def start(self, request: RunRequest) -> RunState: ...
    def resume(self, name: str) -> RunState: ...
    def stop(self, name: str) -> None: ...
    def kill(self, name: str) -> None: ...


class LabLayout:
    """A form for a new run on the left; the runs and the one that is watched on the right.

    Attributes:
        fields: the components of the form by name; those of `FormField` and `NetworkField` are called like these.
        of_stages: one field of each name over all stages; what differs between them is set when a stage is chosen.
        networks: what stages take beside the network they train, by name; those with bundled weights first.
        sometimes: names of networks and fields under "More" that are hidden for the stages that lack them.
        dependent: names of fields above that cannot be changed where they do not matter.
    """

    def __init__(self, lab: Lab) -> None:
        """Build them inside the `gr.Tab` that is open."""
        self.lab, self.folders = lab, FolderNames()
        self.timer = gr.Timer(_EVERY, active=False)
        self.seen = gr.State({})
        self.fields: dict[str, Any] = {}
        stages = lab.stages.values()
        self.of_stages = list({field.name: field for stage in stages for field in stage.fields}.values())
        networks = {network.name: network for stage in stages for network in stage.networks}
        self.networks = dict(sorted(networks.items(), key=lambda item: not item[1].bundled))
        partly = set.union(*map(self.shown, lab.stages)) - set.intersection(*map(self.shown, lab.stages))
        self.sometimes = [*self.networks, *(it.name for it in self.of_stages if it.place is None and it.name in partly)]
        upper = [field for field in self.of_stages if field.place is not None]
        self.dependent = [field.name for field in upper if field.random_only or field.name in partly]
        with gr.Row(elem_classes="lab-tab"):
            with gr.Column(elem_classes="lab-form", min_width=250):
                self._form()
            with gr.Column(elem_classes="lab-runs", min_width=300):
                self._runs()

    # ------------------------------------------------------------------ the form

    def _form(self) -> None:
        gr.HTML("<h2 class='step'>Train</h2>")
        folders = self.lab.data_folders()
        data = [self.folders.of(folder) for folder in folders[:1]]
        begin = self.beginning(_FIRST, self.only_examples(data))
        self._dropdown("stage", "Learn to", [(stage.title, name) for name, stage in self.lab.stages.items()], _FIRST)
        self._data(folders, data)
        self._dropdown("weights", "Start from", self.sources(()), begin["weights"])
        upper = sorted((field for field in self.of_stages if field.place is not None), key=lambda field: field.place)
        for start in range(0, len(upper), 2):
            with gr.Row(elem_classes="lab-pair"):
                for field in upper[start : start + 2]:
                    self._field(field, begin, interactive=self.usable(field.name, _FIRST, begin["weights"]))
        with gr.Accordion("More, for experts", open=False, elem_id="lab-more"):
            self._more(begin)
        self.start_button = gr.Button("Start", variant="primary", size="sm", elem_id="lab-start")
        terms = {f"{stage.title}": f"{stage.term}, {name}" for name, stage in self.lab.stages.items() if stage.term}
        rows = "".join(
            f"<dt>{html.escape(word)}</dt><dd>{html.escape(term)}</dd>" for word, term in (terms | _TERMS).items()
        )
        gr.HTML(f"<details class='lab-terms'><summary>The same in technical terms</summary><dl>{rows}</dl></details>")

    def _data(self, folders: Sequence[Path], chosen: list[str]) -> None:
        info = None
        if not folders:
            info = "None: start the app with --data FOLDER."
        elif self.only_examples(chosen):
            info = "Six faces, just to try it out; start the app with --data FOLDER for yours."
        self.fields["data"] = gr.Dropdown(
            [(folder.name, self.folders.of(folder)) for folder in folders],
            value=chosen,
            multiselect=True,
            label="Data",
            info=info,
            elem_id="lab-data",
        )

    def _more(self, begin: Mapping[str, Any]) -> None:
        """Fields that all stages have, in pairs, then one below the other those that come and go with the stage."""
        with gr.Row(elem_classes="lab-pair"):
            self._number("processes", "Processes", 1)
            self.fields["name"] = gr.Textbox(label="Name", placeholder="by stage", min_width=0, elem_id="lab-name")
        shown = self.shown(_FIRST)
        lower = [field for field in self.of_stages if field.place is None]
        with gr.Row(elem_classes="lab-pair"):
            for field in lower:
                if field.name not in self.sometimes:
                    self._field(field, begin)
        for network in self.networks.values():
            choices = self.first_choices(network)
            self._dropdown(network.name, network.label, choices, choices[0][1], visible=network.name in shown)
        for field in lower:
            if field.name in self.sometimes:
                self._field(field, begin, visible=field.name in shown)

    def _field(self, field: FormField, begin: Mapping[str, Any], **options: bool) -> None:
        value = begin.get(field.name, field.usual)
        if isinstance(field.bounds, Choice):
            self._dropdown(field.name, field.label, choices_of(field), value, **options)
        elif isinstance(field.bounds, Switch):
            self.fields[field.name] = gr.Checkbox(value, label=field.label, elem_id=f"lab-{field.name}", **options)
        else:
            precision = 0 if field.bounds.kind is int else None
            self._number(field.name, field.label, value, precision, **options)

    def _dropdown(self, name: str, label: str, choices: Sequence[Any], value: Any, **options: bool) -> None:
        self.fields[name] = gr.Dropdown(
            choices, value=value, label=label, min_width=0, elem_id=f"lab-{name}", **options
        )

    def _number(self, name: str, label: str, value: float, precision: int | None = 0, **options: bool) -> None:
        self.fields[name] = gr.Number(
            value, label=label, precision=precision, min_width=0, elem_id=f"lab-{name}", **options
        )

    # ------------------------------------------------------------------ what the form asks of a stage

    def stage(self, name: Any) -> StageForm:
        """A stage's form; an empty one for a name that no stage has, which the lab refuses when it is started."""
        return self.lab.stages.get(name, StageForm(name, "")) if isinstance(name, str) else StageForm(str(name), "")

    def beginning(self, stage: str, trial: bool) -> dict[str, Any]:
        """What the form begins with, by field: what is usual for a stage, or what tries it out within minutes.

        Without the fields that always begin alike: what somebody entered there stays when the stage changes.
        """
        form = self.stage(stage)
        weights = self.folders.of(WEIGHTS) if trial or form.starts_trained else RANDOM
        varying = [field for field in form.fields if self._begins_variously(field.name)]
        return {"weights": weights, **{field.name: field.trial if trial else field.usual for field in varying}}

    def _begins_variously(self, name: str) -> bool:
        fields = [field for stage in self.lab.stages.values() for field in stage.fields if field.name == name]
        return len({value for field in fields for value in (field.usual, field.trial)}) > 1

    def shown(self, stage: str) -> set[str]:
        """Which of the fields a stage has, by name."""
        form = self.stage(stage)
        return {field.name for field in (*form.fields, *form.networks)}

    def usable(self, name: str, stage: str, weights: str) -> bool:
        """Whether a stage has a field and it matters: the size of a network does not where its weights are trained."""
        field = next((field for field in self.stage(stage).fields if field.name == name), None)
        return field is not None and (weights == RANDOM or not field.random_only)

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
                self.losses = gr.Dropdown([], multiselect=True, label="Errors to draw", elem_id="lab-losses", **bare)
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
                [("Newest result", NEWEST)], value=NEWEST, label="Result", elem_id="lab-snapshot", **bare
            )
            self.serve_button = gr.Button("Use in the page", elem_id="lab-serve", **options)
            self.follow_button = gr.Button("Always use the newest", elem_id="lab-follow", **options)
            self.bundled_button = gr.Button(
                "Back to the app's own", elem_id="lab-bundled", **options | {"interactive": True}
            )
        self.in_use = gr.HTML("", elem_id="lab-in-use")
        self.log = gr.Textbox(
            label="What the training says", lines=6, max_lines=10, interactive=False, elem_id="lab-log"
        )

    # ------------------------------------------------------------------ choices that change with the runs

    def sources(self, states: Sequence[RunState]) -> list[tuple[str, str]]:
        """Weights to start from, as names and values."""
        runs = [(state.name, self.folders.of(state.folder)) for state in states if state.snapshot is not None]
        return [("Nothing learned yet", RANDOM), ("What the app came with", self.folders.of(WEIGHTS)), *runs]

    def sources_of(self, network: NetworkField, states: Sequence[RunState]) -> list[tuple[str, str]]:
        """Where a network that a stage takes beside its own can come from, as names and values."""
        fitting = (state for state in states if state.stage in network.stages and state.snapshot)
        return [*self.first_choices(network), *((state.name, self.folders.of(state.folder)) for state in fitting)]

    def first_choices(self, network: NetworkField) -> list[tuple[str, str]]:
        """Where a network can come from without any run, as names and values."""
        bundled = [("What the app came with", self.folders.of(WEIGHTS))] * network.bundled
        return bundled + [("Nothing learned yet", RANDOM)] * network.random

    def only_examples(self, data: Sequence[str] | None) -> bool:
        """Whether these data folders are but the handful of faces that come with the app."""
        return [self.folders.path(name) for name in data or ()] == [str(EXAMPLES.resolve())]


def choices_of(field: FormField) -> list[tuple[str, Any]]:
    """The values of a field with a `Choice` as names and values."""
    values = field.bounds.values
    return list(zip(field.titles or map(str, values), values, strict=True))
