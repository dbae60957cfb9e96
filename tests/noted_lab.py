"""A lab that only takes notes, and the form of the Lab tab filled in, for tests of the tab."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from conftest import tiny_pipeline

from lab.jobs.processes import Processes
from maskgan.editing.pipeline import WEIGHTS
from maskgan.run_requests import RunRequest
from maskgan.serving.hot_reload import Serving
from maskgan.ui.lab.tab import LabTab

STAGES = Processes.stages


class NotedLab:
    """Takes notes in place of starting anything."""

    stages = STAGES

    def __init__(self, runs: Path) -> None:
        self.runs, self.calls, self.problem = runs, [], None
        self.there: dict[str, SimpleNamespace] = {}

    def add(self, name: str, **known: Any) -> Path:
        """A run that has ended after two steps of ten."""
        folder = self.runs / name
        folder.mkdir(parents=True)
        stats = [{"step": 1, "loss": 3.0, "part": 1.0}, {"step": 2, "loss": 2.5, "part": 0.5, "images_per_second": 7.0}]
        (folder / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in stats) + '{"step": 3, "lo')
        state = {
            "name": name, "folder": folder, "stage": "train_mask_vae", "running": False, "stopping": False,
            "max_steps": 10, "stats": stats[-1], "checkpoints": ("step-0000002",), "snapshot": None, "sample": None,
            "log": "a <line>", "failure": None,
        }  # fmt: skip
        self.there[name] = SimpleNamespace(**state | known)
        return folder

    def data_folders(self) -> list[Path]:
        return [self.runs / "faces"]

    def states(self) -> list[Any]:
        return list(self.there.values())

    def state(self, name: str) -> Any:
        if name not in self.there:
            raise ValueError(f"{name!r} cannot name a run.")
        return self.there[name]

    def memory(self, name: str) -> tuple[int, int]:
        return (3 * 2**30, 0) if self.there[name].running else (0, 0)

    def start(self, request: RunRequest) -> Any:
        if self.problem is not None:
            raise self.problem
        self.calls.append(request)
        name = request.name or "named-by-the-lab"
        self.add(name, running=True)
        return self.there[name]

    def _noted(self, what: str, name: str) -> Any:
        self.calls.append((what, name))
        return self.state(name)

    def stop(self, name: str) -> Any:
        return self._noted("stop", name)

    def kill(self, name: str) -> Any:
        return self._noted("kill", name)

    def resume(self, name: str) -> Any:
        return self._noted("resume", name)


@pytest.fixture(name="lab")
def a_lab(tmp_path: Path) -> NotedLab:
    return NotedLab(tmp_path / "runs")


@pytest.fixture(name="serving")
def tiny_serving() -> Serving:
    return Serving(tiny_pipeline(0))


@pytest.fixture(name="tab")
def lab_tab(lab: NotedLab, serving: Serving) -> LabTab:
    with gr.Blocks():
        return LabTab(lab, serving)


def filled(tab: LabTab, **changed: Any) -> dict[Any, Any]:
    """The form by component: as it begins, where nothing is changed."""
    assert changed.keys() <= tab.fields.keys()
    return {field: changed.get(name, field.value) for name, field in tab.fields.items()}


def bundled(tab: LabTab) -> str:
    """What stands for the folder of the bundled weights on the page."""
    return tab.folders.of(WEIGHTS)


def start(tab: LabTab, **changed: Any) -> Any:
    """A MaskVAE from random weights, with no numbers filled in."""
    nothing = dict.fromkeys(
        ("resolution", "max_steps", "batch_size", "learning_rate", "every", "mixed_precision", "seed")
    )
    form = {"stage": "train_mask_vae", "data": ["/faces"], "weights": "", "preset": "tiny", "parser": ""} | nothing
    return tab.start(filled(tab, **form | changed))


def begins(stage: str, trial: bool = False) -> dict[str, Any]:
    """What the fields of a stage begin with."""
    return {field.name: field.trial if trial else field.usual for field in STAGES[stage].fields}
