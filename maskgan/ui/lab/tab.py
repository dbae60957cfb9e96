"""The Lab tab: starts and stops training, shows how it goes, and lets the page serve what it publishes.

Only there with `python app.py --lab`. What the browser sends is not trusted: `Lab` checks names, folders and flags.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from maskgan.editing.pipeline import WEIGHTS
from maskgan.run_folder import RunState
from maskgan.run_requests import Choice, RunRequest
from maskgan.serving.hot_reload import Serving
from maskgan.ui.kit import Updates, saved, tell, warns_on_value_error
from maskgan.ui.lab import view as lab_view
from maskgan.ui.lab.layout import NEWEST, Lab, LabLayout, choices_of


class LabTab(LabLayout):
    """What the components do (see `LabLayout`)."""

    def __init__(self, lab: Lab, serving: Serving) -> None:
        """Build the tab inside the `gr.Tab` that is open."""
        super().__init__(lab)
        self.serving = serving
        self._wire()

    # ------------------------------------------------------------------ handlers: start and stop

    @warns_on_value_error
    def start(self, form: Mapping[Any, Any]) -> Updates:
        """Start a run, and watch it; fields that are empty stay as the stage has them. `form`: by component."""
        value = {name: form[field] for name, field in self.fields.items()}
        stage = self.stage(value["stage"])
        flags: dict[str, Any] = {}
        for field in stage.fields:
            if value[field.name] is not None and self.usable(field.name, stage.name, value["weights"]):
                flags |= field.flags(value[field.name])
        request = RunRequest(
            stage=value["stage"],
            data=tuple(map(self.folders.path, value["data"] or ())),
            name=(value["name"] or "").strip() or None,
            weights=self.folders.path(value["weights"]) or None,
            processes=value["processes"],
            flags=flags,
            networks={
                network.name: self.folders.path(value[network.name])
                for network in stage.networks
                if value[network.name]
            },
        )
        state = _done(lambda: self.lab.start(request))
        tell(f"{state.name} starts; its first numbers come within a minute or so.")
        return self._watch(state.name)

    def choose_stage(self, stage: str, data: list[str] | None) -> Updates:
        """Each stage has values and fields of its own."""
        begin, shown = self.beginning(stage, self.only_examples(data)), self.shown(stage)
        updates: dict[str, dict[str, Any]] = {name: {"visible": name in shown} for name in self.sometimes}
        for field in self.stage(stage).fields:
            if isinstance(field.bounds, Choice):
                updates.setdefault(field.name, {})["choices"] = choices_of(field)
        for name, value in begin.items():
            updates.setdefault(name, {})["value"] = value
        for name in self.dependent:
            updates.setdefault(name, {})["interactive"] = self.usable(name, stage, begin["weights"])
        return {self.fields[name]: gr.update(**update) for name, update in updates.items()}

    def choose_data(self, form: Mapping[Any, Any]) -> Updates:
        """The examples alone are for a short trial; numbers that somebody changed stay. `form`: by component."""
        value = {name: form[field] for name, field in self.fields.items()}
        stage, trial = value["stage"], self.only_examples(value["data"])
        former, begin = self.beginning(stage, not trial), self.beginning(stage, trial)
        value |= {name: begin[name] for name in begin if value[name] == former[name]}
        updates: Updates = {self.fields[name]: value[name] for name in begin}
        for field, update in self.choose_weights(stage, value["weights"]).items():
            updates[field] = {**update, "value": updates[field]} if field in updates else update
        return updates

    def choose_weights(self, stage: str, weights: str) -> Updates:
        """Trained weights have a size already."""
        usable = {name: self.usable(name, stage, weights) for name in self.dependent}
        return {self.fields[name]: gr.update(interactive=on) for name, on in usable.items()}

    @warns_on_value_error
    def stop(self, name: str | None) -> Updates:
        """Ask a run to end with a checkpoint."""
        self.lab.stop(_chosen(name))
        return self._watch(name)

    @warns_on_value_error
    def kill(self, name: str | None) -> Updates:
        """End a run at once."""
        self.lab.kill(_chosen(name))
        return self._watch(name)

    @warns_on_value_error
    def resume(self, name: str | None) -> Updates:
        """Go on with a run that has ended."""
        return self._watch(_done(lambda: self.lab.resume(_chosen(name))).name)

    # ------------------------------------------------------------------ handlers: serve

    @warns_on_value_error
    def serve(self, name: str | None, snapshot: str | None) -> None:
        """Let the page use these weights, and stay with them."""
        published = lab_view.snapshots(self.lab.state(_chosen(name)).folder)
        found = [item for item in published if snapshot in (NEWEST, None, item.folder.name)]
        if not found:
            raise ValueError(f"{name} has no such result any more; choose another, or wait for its next.")
        self.serving.serve(found[0].folder)
        tell(f"The page edits with the network {self.serving.current().weights} now.")

    @warns_on_value_error
    def follow(self, name: str | None) -> None:
        """Let the page use whatever this run publishes, from now on."""
        state = self.lab.state(_chosen(name))
        if state.snapshot is None:
            raise ValueError(f"{name} has no result yet; wait until it has saved one.")
        self.serving.follow(state.folder)
        tell(f"The page follows {name}: it edits with its newest result as soon as that is there.")

    @warns_on_value_error
    def serve_bundled(self) -> None:
        """Let the page use the weights that came with it, and follow nothing."""
        self.serving.serve(WEIGHTS)
        tell(f"The page edits with the network {self.serving.current().weights} now.")

    # ------------------------------------------------------------------ handlers: look

    def look(self, name: str | None, losses: list[str], seen: dict[str, Any]) -> Any:
        """What has changed since `seen`: by component, what was shown last.

        Nothing that is shown already is sent again, else every look would redraw the plot.
        """
        states = self.lab.states()
        state = next((state for state in states if state.name == name), states[0] if states else None)
        names = [state.name for state in states]
        name = state.name if state else None
        new: dict[str, Any] = {}
        updates: Updates = {}

        def show(component: str, key: Any, value: Callable[[], Any]) -> None:
            new[component] = key
            if component not in seen or seen[component] != key:
                updates[self.fields[component] if component in self.fields else getattr(self, component)] = value()

        rows = [lab_view.row(state, self.stage(state.stage or "").title) for state in states]
        show("table", rows, lambda: gr.update(value=rows))
        show("watched", (names, name), lambda: gr.update(choices=names, value=name))
        sources = {name: self.sources_of(network, states) for name, network in self.networks.items()}
        for field, choices in {"weights": self.sources(states), **sources}.items():
            show(field, choices, lambda choices=choices: gr.update(choices=choices))
        line = lab_view.facts(state, self.lab.memory(name) if name else (0, 0))
        show("facts", line, lambda: line)
        used = lab_view.in_use(self.serving)
        show("in_use", used, lambda: used)
        show("log", state and state.log, lambda: state.log if state else "")
        self._show_buttons(state, show)
        self._show_pictures(state, losses, seen, show)
        if not updates:
            return gr.skip()
        return {**updates, self.seen: new}

    def _show_buttons(self, state: RunState | None, show: Callable[..., None]) -> None:
        usable = {
            "stop_button": state is not None and state.running and not state.stopping,
            "kill_button": state is not None and state.stopping,
            "resume_button": state is not None and lab_view.status(state) in ("ended", "failed"),
            "serve_button": state is not None and state.snapshot is not None,
            "follow_button": state is not None and state.snapshot is not None,
        }
        for button, on in usable.items():
            show(button, on, lambda on=on: gr.update(interactive=on))

    def _show_pictures(
        self, state: RunState | None, losses: list[str], seen: dict[str, Any], show: Callable[..., None]
    ) -> None:
        name, there = (state.name, lab_view.losses_of(state)) if state else (None, ())
        losses = [loss for loss in losses or () if loss in there]
        if not losses or seen.get("losses", (name, there)) != (name, there):
            losses = list(there[:1])
        show("losses", (name, there), lambda: gr.update(choices=list(there), value=losses))
        drawn = (name, losses, state and _size(state.folder / "stats.jsonl"))
        show("plot", drawn, lambda: gr.update(value=lab_view.curves(state.folder, losses) if state else None))
        sample = state and state.sample
        show("sample", sample and (sample, _size(sample)), lambda: self._saved(sample) if sample else None)
        published = lab_view.snapshots(state.folder) if state else []
        choices = [("Newest result", NEWEST), *((item.title, item.folder.name) for item in published)]
        show("snapshot", (name, choices), lambda: gr.update(choices=choices, value=NEWEST))

    def choose(self, losses: list[str], seen: dict[str, Any], event: gr.SelectData) -> Any:
        """Watch the run whose line was clicked."""
        name = str((event.row_value or [""])[0])
        return self.look(name, losses, seen) if any(name == state.name for state in self.lab.states()) else gr.skip()

    def _watch(self, name: str) -> Updates:
        """Show everything of a run anew."""
        return self.look(name, [], {})

    def _saved(self, path: Path) -> str | None:
        try:
            return saved(path.read_bytes(), path.name)
        except OSError:  # the run was deleted meanwhile
            return None

    # ------------------------------------------------------------------ events

    def _wire(self) -> None:
        quiet = {"show_progress": "hidden", "api_visibility": "undocumented"}
        self.outputs = [
            self.table, self.watched, self.facts, self.log, self.stop_button, self.kill_button, self.resume_button,
            self.serve_button, self.follow_button, self.losses, self.plot, self.sample, self.snapshot, self.in_use,
            self.seen, *(self.fields[name] for name in ("weights", *self.networks)),
        ]  # fmt: skip
        stage, data, weights = (self.fields[name] for name in ("stage", "data", "weights"))
        names = ("weights", *self.networks, *(field.name for field in self.of_stages))
        changed = [self.fields[name] for name in names]
        stage.input(self.choose_stage, [stage, data], changed, **quiet)
        data.input(self.choose_data, set(self.fields.values()), changed, **quiet)
        weights.input(self.choose_weights, [stage, weights], [self.fields[name] for name in self.dependent], **quiet)
        self.start_button.click(self.start, set(self.fields.values()), self.outputs, **quiet)
        for button, handler in (
            (self.stop_button, self.stop),
            (self.kill_button, self.kill),
            (self.resume_button, self.resume),
        ):
            button.click(handler, self.watched, self.outputs, **quiet)
        self.serve_button.click(self.serve, [self.watched, self.snapshot], None, **quiet)
        self.follow_button.click(self.follow, self.watched, None, **quiet)
        self.bundled_button.click(self.serve_bundled, None, None, **quiet)
        looking = [self.watched, self.losses, self.seen]
        gr.on([self.watched.input, self.losses.input], self.look, looking, self.outputs, api_name="watch", **quiet)
        self.table.select(self.choose, looking[1:], self.outputs, **quiet)
        # Beside the queue, which may be long: this waits for nothing.
        self.timer.tick(self.look, looking, self.outputs, queue=False, api_name="look", **quiet)

    def look_while_open(self, tabs: gr.Tabs) -> None:
        """Look at the runs only while the tab `lab` of `tabs` is open."""

        def opened(event: gr.SelectData) -> gr.Timer:
            return gr.Timer(active=event.value == "Lab")

        tabs.select(opened, None, self.timer, show_progress="hidden", queue=False, api_visibility="undocumented")


def _done(action: Callable[[], RunState]) -> RunState:
    """What `action` returns; raises ValueError also where the disk refuses."""
    try:
        return action()
    except OSError as problem:
        raise ValueError(f"The run cannot be started ({problem}); make room on that disk, or give --runs.") from problem


def _chosen(name: str | None) -> str:
    if not name:
        raise ValueError("Choose a run first.")
    return name


def _size(path: Path) -> int | None:
    """Of a file, by which a change is noticed; None when it is missing."""
    try:
        return path.stat().st_size
    except OSError:
        return None
