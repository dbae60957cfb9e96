"""The Lab tab: its handlers with a lab that only takes notes, when it is there at all, and a real tiny run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import tiny_pipeline
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr

import app as command
from lab.jobs.processes import Processes
from maskgan.editing.pipeline import WEIGHTS
from maskgan.run_folder import DATA, state_of
from maskgan.run_requests import Choice, FormField, Number, RunRequest, StageForm, Switch
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import publish
from maskgan.ui.app import build_app
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.lab import view as lab_view
from maskgan.ui.lab.layout import FolderNames
from maskgan.ui.lab.tab import LabTab

STAGES = Processes.stages

PATIENCE = 300  # seconds; only what never happens takes as long


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


@pytest.fixture
def lab(tmp_path: Path) -> NotedLab:
    return NotedLab(tmp_path / "runs")


@pytest.fixture
def serving() -> Serving:
    return Serving(tiny_pipeline(0))


@pytest.fixture
def tab(lab: NotedLab, serving: Serving) -> LabTab:
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


def wait_until(condition: Callable[[], Any], log: Callable[[], str]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, log()
        time.sleep(0.2)


# ---------------------------------------------------------------- start and stop


def test_start_sends_what_was_filled_in_and_watches_the_run(tab: LabTab, lab: NotedLab) -> None:
    lab.add("train_mask_vae-1")
    updates = start(
        tab, resolution=64, max_steps=100, batch_size=4, learning_rate=1e-3, every=50, processes=2, seed=7,
        mixed_precision="bf16", parser="/runs/parser", name=" mine ",
    )  # fmt: skip
    flags = {
        "resolution": 64, "max_steps": 100, "batch_size": 4, "learning_rate": 1e-3, "mixed_precision": "bf16",
        "seed": 7, "checkpointing_steps": 50, "sample_steps": 50, "log_steps": 2, "preset": "tiny",
    }  # fmt: skip
    request = RunRequest("train_mask_vae", ("/faces",), "mine", None, 2, flags, {"parser": "/runs/parser"})
    assert lab.calls == [request]
    assert updates[tab.watched]["value"] == "mine"
    assert updates[tab.stop_button]["interactive"] is True and updates[tab.resume_button]["interactive"] is False


def test_a_run_without_a_name_is_named_by_the_lab(tab: LabTab, lab: NotedLab) -> None:
    assert start(tab, name="  ")[tab.watched]["value"] == "named-by-the-lab"
    assert lab.calls[0].name is None


def test_the_network_is_chosen_only_where_it_begins_at_random(tab: LabTab, lab: NotedLab) -> None:
    start(tab, weights=str(WEIGHTS), name="a")
    start(tab, stage="train_ebst", name="b", perceptual="auto")
    start(tab, stage="train_parser", name="c")
    start(tab, stage="nonsense", name="d")
    given = [(call.weights, call.flags) for call in lab.calls]
    assert given == [(str(WEIGHTS), {}), (None, {"perceptual": "auto", "from_scratch": "tiny"}), (None, {}), (None, {})]
    ebst = tab.choose_stage("train_ebst", ["/faces"])
    assert ebst[tab.fields["weights"]]["value"] == bundled(tab) and ebst[tab.fields["preset"]]["interactive"] is False
    assert ebst[tab.fields["batch_size"]]["value"] == begins("train_ebst")["batch_size"]
    assert tab.choose_weights("pretrain_dmn", "")[tab.fields["preset"]]["interactive"] is True
    assert tab.choose_weights("train_parser", "")[tab.fields["preset"]]["interactive"] is False


def test_a_stage_gets_the_fields_that_it_has_and_no_others(tab: LabTab, lab: NotedLab) -> None:
    def shown(stage: str) -> set[str]:
        updates = tab.choose_stage(stage, ["/faces"])
        return {name for name, field in tab.fields.items() if updates.get(field, {}).get("visible")}

    assert shown("train_parser") == set() and shown("train_mask_vae") == {"parser"}
    assert shown("pretrain_dmn") == {"parser", "discriminator", "discriminator_size", "perceptual"}
    assert shown("train_ebst") == shown("pretrain_dmn") | {"mask_vae", "blender"}
    everything = {"parser": "/a", "mask_vae": "/b", "blender": "/c", "discriminator": "/d"}
    for number, stage in enumerate(STAGES):
        start(
            tab, stage=stage, name=f"run-{number}", weights=str(WEIGHTS), discriminator_size="small", **everything
        )  # fmt: skip
    networks = {name: sorted(network.name for network in stage.networks) for name, stage in STAGES.items()}
    assert [sorted(call.networks) for call in lab.calls] == list(networks.values())
    assert [sorted(call.flags) for call in lab.calls] == [
        [], [], *[["discriminator_layers", "discriminator_unshuffle", "discriminator_width", "perceptual"]] * 2,
    ]  # fmt: skip


def test_the_form_begins_with_a_trial_on_the_examples(serving: Serving, tmp_path: Path) -> None:
    with gr.Blocks():
        tab = LabTab(command.lab_of(True, tmp_path / "runs", [], None), serving)
    form = filled(tab)
    assert form[tab.fields["data"]] == [FOLDER.name] and form[tab.fields["weights"]] == bundled(tab)
    assert form[tab.fields["max_steps"]] <= 100 and form[tab.fields["max_steps"]] % form[tab.fields["every"]] == 0
    assert form[tab.fields["perceptual"]] == "parser", "else a first Start would fetch half a gigabyte"
    for stage in STAGES:
        begin = tab.choose_stage(stage, [str(FOLDER)])
        assert begin[tab.fields["max_steps"]]["value"] == begins(stage, trial=True)["max_steps"]
        assert begin[tab.fields["weights"]]["value"] == bundled(tab)


def test_the_page_s_settings_show_no_folders_of_the_server(serving: Serving, tmp_path: Path) -> None:
    """But for the files that Gradio itself serves by their path."""
    for name in ("one/faces", "two/faces"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "index.csv").write_text("id,split\n")
    lab = command.lab_of(True, tmp_path / "runs", [tmp_path / "one", tmp_path / "two"], None)
    app = build_app(serving, Examples(serving), lab=lab)

    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in ("path", "url"):
                    yield from texts(item)
        elif isinstance(value, list | tuple):
            for item in value:
                yield from texts(item)
        else:
            yield str(value)

    told = [text for text in texts(app.get_config_file()) if str(tmp_path) in text or str(FOLDER.parent) in text]
    assert told == []


def test_folders_of_one_name_are_told_apart_and_their_names_lead_back(tmp_path: Path) -> None:
    names = FolderNames()
    one, other = tmp_path / "one" / "faces", tmp_path / "two" / "faces"
    assert [names.of(one), names.of(str(other)), names.of(one)] == ["faces", "faces (2)", "faces"]
    assert names.path("faces") == str(one) and names.path("faces (2)") == str(other)
    assert names.path("faces (3)") == "faces (3)" and names.path(["faces"]) == ["faces"] and names.path("") == ""


def test_numbers_follow_the_data_unless_somebody_changed_them(tab: LabTab) -> None:
    trial, usual = begins("pretrain_dmn", trial=True), begins("pretrain_dmn")
    fields = tab.fields
    begin = filled(tab, stage="pretrain_dmn", data=[str(FOLDER)], **usual)
    updates = tab.choose_data(begin)
    assert updates[fields["max_steps"]] == trial["max_steps"] and updates[fields["weights"]] == bundled(tab)
    assert updates[fields["preset"]]["interactive"] is False
    mine = begin | {field: value for field, value in updates.items() if field is not fields["preset"]}
    mine |= {fields["batch_size"]: 13, fields["data"]: [str(FOLDER), "/faces"]}
    updates = tab.choose_data(mine)
    assert updates[fields["max_steps"]] == usual["max_steps"] and updates[fields["weights"]] == ""
    assert updates[fields["batch_size"]] == 13


def test_what_somebody_entered_stays_where_all_stages_begin_alike(tab: LabTab) -> None:
    fields = tab.fields
    for stage in STAGES:
        updates = tab.choose_stage(stage, ["/faces"])
        for name in ("seed", "mixed_precision", "processes", "name"):
            assert "value" not in updates.get(fields[name], {}), (stage, name)


def test_a_field_that_a_stage_declares_is_in_the_form_and_sets_its_flags(lab: NotedLab, serving: Serving) -> None:
    noise = FormField("noise", "Noise", Number(float, 0, 1), 0.5, 0.1, place=9)
    kinds = FormField("kind", "Kind", Choice(("a", "b")), "a", "b", titles=("First", "Second"))
    blur = FormField("blur", "Blur", Switch(), False, False, sets=lambda on: {"sigma": 2 if on else 1})
    lab.stages = {**STAGES, "train_new": StageForm("train_new", "New stage", (noise, kinds, blur))}
    with gr.Blocks():
        tab = LabTab(lab, serving)
    assert ("New stage", "train_new") in tab.fields["stage"].choices
    chosen = tab.choose_stage("train_new", ["/faces"])
    assert chosen[tab.fields["noise"]] == gr.update(value=0.5, interactive=True)
    assert chosen[tab.fields["kind"]]["choices"] == [("First", "a"), ("Second", "b")]
    assert chosen[tab.fields["max_steps"]] == gr.update(interactive=False), "the new stage has no such flag"
    assert tab.choose_stage("train_parser", ["/faces"])[tab.fields["kind"]]["visible"] is False
    start(tab, stage="train_new", noise=0.25, kind="b", blur=True)
    assert lab.calls[0].flags == {"noise": 0.25, "kind": "b", "sigma": 2}
    with pytest.warns(UserWarning, match="noise has to be a number from 0 to 1"):
        start(tab, stage="train_new", noise=2)


@pytest.mark.parametrize("problem", [ValueError("Choose at least one data folder."), OSError("No space left")], ids=str)
def test_what_cannot_start_is_told_in_a_sentence(tab: LabTab, lab: NotedLab, problem: Exception) -> None:
    lab.problem = problem
    with pytest.warns(UserWarning, match=str(problem)):
        assert start(tab) == gr.skip()


def test_whatever_the_form_sends_is_checked_by_the_lab(tmp_path: Path, serving: Serving) -> None:
    (tmp_path / "faces").mkdir()
    with gr.Blocks():
        tab = LabTab(Processes(tmp_path / "runs", [tmp_path / "faces"]), serving)
    sound = {"data": [str(tmp_path / "faces")], "name": "new"}
    for wrong, said in (
        ({"name": "../../new"}, "cannot name a run"),
        ({"data": ["/"]}, "data folder"),
        ({"data": None}, "data folder"),
        ({"weights": "/etc"}, "weights folder"),
        ({"stage": "../evaluate"}, "no stage"),
        ({"preset": "--push-to-hub"}, "preset has to be"),
        ({"batch_size": "4; reboot"}, "batch_size has to be"),
        ({"seed": -1}, "seed has to be"),
        ({"mixed_precision": "fp8"}, "mixed_precision has to be"),
        ({"parser": "/etc"}, "weights folder"),
        ({"stage": "pretrain_dmn", "perceptual": "--cpu"}, "perceptual has to be"),
        ({"stage": "pretrain_dmn", "discriminator": "../.."}, "weights folder"),
        ({"name": "", "stage": "../evaluate"}, "no stage"),
        ({"processes": None}, "number of processes"),
    ):
        with pytest.warns(UserWarning, match=said):
            assert start(tab, **sound | wrong) == gr.skip()
    assert not (tmp_path / "runs" / "new").exists()
    for handler in (tab.stop, tab.kill, tab.resume, tab.follow, lambda name: tab.serve(name, "")):
        with pytest.warns(UserWarning, match="cannot name a run"):
            handler("../faces")
        with pytest.warns(UserWarning, match="Choose a run first"):
            handler(None)


def test_a_run_is_asked_first_and_ended_only_then(tab: LabTab, lab: NotedLab) -> None:
    lab.add("mine", running=True)
    usable = tab.look("mine", [], {})
    assert usable[tab.stop_button]["interactive"] and not usable[tab.kill_button]["interactive"]
    lab.there["mine"].stopping = True
    usable = tab.stop("mine")
    assert not usable[tab.stop_button]["interactive"] and usable[tab.kill_button]["interactive"]
    tab.kill("mine")
    lab.there["mine"].running = lab.there["mine"].stopping = False
    assert tab.resume("mine")[tab.resume_button]["interactive"]
    assert lab.calls == [("stop", "mine"), ("kill", "mine"), ("resume", "mine")]


# ---------------------------------------------------------------- look


def test_without_runs_the_tab_says_what_to_do(tab: LabTab) -> None:
    updates = tab.look(None, [], {})
    assert "No run yet" in updates[tab.facts] and updates[tab.table]["value"] == []


def test_a_look_shows_the_numbers_and_the_next_only_what_changed(tab: LabTab, lab: NotedLab) -> None:
    folder = lab.add("mine", running=True)
    lab.add("other")
    first = tab.look("mine", [], {})
    assert "7" in first[tab.facts] and "2 of 10" in first[tab.facts] and "3.0 GiB" in first[tab.facts]
    assert first[tab.log] == "a <line>" and first[tab.watched]["choices"] == ["mine", "other"]
    assert first[tab.table]["value"][0] == ["mine", "Draw masks between masks", "running", "2", "2.5", ""]
    assert first[tab.losses]["choices"] == ["loss", "part"] and first[tab.losses]["value"] == ["loss"]
    plot = first[tab.plot]["value"]
    assert plot.to_dict("list") == {"step": [1, 2], "value": [3.0, 2.5], "loss": ["loss", "loss"]}

    seen = first[tab.seen]
    assert tab.look("mine", ["loss"], seen) == gr.skip()
    both = tab.look("mine", ["loss", "part"], seen)
    assert both.keys() == {tab.plot, tab.seen} and sorted(both[tab.plot]["value"]["value"]) == [0.5, 1.0, 2.5, 3.0]
    sheet = folder / "2.png"
    Image.fromarray(np.full((4, 4, 3), 200, np.uint8)).save(sheet)
    lab.there["mine"].sample = sheet
    shown = tab.look("mine", ["loss"], seen)
    assert shown.keys() == {tab.sample, tab.seen} and np.array(Image.open(shown[tab.sample])).max() == 200
    other = tab.look("other", ["part"], seen)
    assert other[tab.losses]["value"] == ["loss"] and other[tab.seen]["watched"] == (["mine", "other"], "other")
    assert tab.look("gone", [], {})[tab.watched]["value"] == "mine"


def test_what_is_used_of_the_data_is_shown(tab: LabTab, lab: NotedLab) -> None:
    folder = lab.add("mine", running=True)
    assert "faces used" not in tab.look("mine", [], {})[tab.facts]
    (folder / DATA).write_text(json.dumps([{"sentence": "<b>faces</b>: 3 faces used, 1 left out: ...."}]))
    assert "&lt;b&gt;faces&lt;/b&gt;: 3 faces used, 1 left out" in tab.look("mine", [], {})[tab.facts]
    for damaged in ("", "[1]", '{"sentence": 1}', "[" * 100_000, '[{"sentence": 1}]'):
        (folder / DATA).write_text(damaged)
        assert "2 of 10" in tab.look("mine", [], {})[tab.facts]


ODD_LINES = [
    '{"step": 3, "loss": "high"}',
    '{"step": 3, "loss": NaN, "images_per_second": Infinity, "seconds_left": -Infinity}',
    '{"step": NaN, "loss": 1}',
    '{"step": "3", "loss": 1}',
    '{"step": 1e999, "loss": 1e999}',
    '{"step": 3, "loss": ' + "9" * 500 + "}",
    '{"step": 3, "loss": {"a": [1]}, "part": null, "images_per_second": true}',
    '{"step": -5, "loss": 1}',
    "[3, 2.5]",
    '[["step", 3]]',
    "7",
    "null",
    "[" * 100_000,
    '{"step": 3, "lo',
]


@pytest.mark.parametrize("odd", [*ODD_LINES, b"\xff\xfe\x00"], ids=lambda odd: str(odd)[:24])
def test_an_odd_line_of_numbers_does_not_blank_the_lab(tab: LabTab, lab: NotedLab, odd: str | bytes) -> None:
    """Neither the list, nor the facts, nor the curve, of this run and of others; also where it is the last one."""
    folder = lab.add("mine")
    lab.add("other")
    (folder / "config.json").write_text(json.dumps({"stage": "train_mask_vae", "max_steps": 10}))
    line = odd.encode() if isinstance(odd, str) else odd
    good = (folder / "stats.jsonl").read_bytes().splitlines()[:2]
    for lines in ([good[0], line, good[1]], [*good, line]):
        (folder / "stats.jsonl").write_bytes(b"\n".join(lines) + b"\n")
        state = state_of(folder, running=True)
        lab.there["mine"] = state
        shown = tab.look("mine", [], {})
        names = [row[0] for row in shown[tab.table]["value"]]
        assert names == ["mine", "other"] and "of 10" in shown[tab.facts]
        table = lab_view.curves(folder, ["loss"])
        assert {1, 2} <= set(table["step"]) and set(table["value"]) >= {3.0, 2.5}
        assert np.isfinite(table["value"]).all() and shown[tab.plot]["value"] is not None


def test_odd_settings_and_metrics_do_not_blank_the_lab(tab: LabTab, lab: NotedLab) -> None:
    folder = lab.add("mine")
    for odd in ("many", [1], float("nan"), True, 10**400, None):
        (folder / "config.json").write_text(json.dumps({"stage": "train_mask_vae", "max_steps": odd}))
        lab.there["mine"] = state_of(folder, running=False)
        assert tab.look("mine", [], {})[tab.table]["value"][0][:3] == ["mine", "Draw masks between masks", "ended"]
    name = published(folder, 1)
    about = folder / "weights" / name / "snapshot.json"
    told = json.loads(about.read_text())
    for metrics in ({"loss": "low", "psnr": 24.5, "x": float("nan")}, [1], "good", 5):
        about.write_text(json.dumps(told | {"metrics": metrics}))
        titles = [snapshot.title for snapshot in lab_view.snapshots(folder)]
        assert titles in ([], ["step 1 (newest)"], ["step 1 (newest): psnr 24.5"])


def test_why_a_run_failed_is_told_and_it_can_go_on(tab: LabTab, lab: NotedLab) -> None:
    lab.add("mine", failure="images/<1>.jpg is no picture.")
    lab.add("done", max_steps=2)
    failed = tab.look("mine", [], {})
    assert "images/&lt;1&gt;.jpg is no picture." in failed[tab.facts] and "failed" in failed[tab.facts]
    assert failed[tab.resume_button]["interactive"] and failed[tab.table]["value"][0][2] == "failed"
    done = tab.look("done", [], {})
    assert "finished" in done[tab.facts] and not done[tab.resume_button]["interactive"]


def test_runs_that_published_can_be_built_upon(tab: LabTab, lab: NotedLab) -> None:
    folders = {
        stage: tab.folders.of(lab.add(f"{stage}-1", stage=stage, snapshot="step-0000002"))
        for stage in ("train_parser", "train_mask_vae", "pretrain_dmn", "train_ebst")
    }
    lab.add("young", stage="train_parser")
    updates = tab.look(None, [], {})
    choices = {
        network.name: [value for _, value in updates[tab.fields[network.name]]["choices"]]
        for network in STAGES["train_ebst"].networks
    }
    assert choices == {
        "parser": [bundled(tab), folders["train_parser"]],
        "mask_vae": [bundled(tab), folders["train_mask_vae"]],
        "blender": [bundled(tab), "", folders["train_ebst"]],
        "discriminator": ["", folders["pretrain_dmn"], folders["train_ebst"]],
    }
    assert [value for _, value in updates[tab.fields["weights"]]["choices"]] == ["", bundled(tab), *folders.values()]


def test_a_long_curve_is_averaged_down(tmp_path: Path) -> None:
    (tmp_path / "stats.jsonl").write_text("".join(f'{{"step": {n}, "loss": {n % 2}}}\n' for n in range(10_000)))
    table = lab_view.curves(tmp_path, ["loss", "unknown"])
    assert 100 < len(table) <= lab_view.POINTS and abs(table["value"].mean() - 0.5) < 0.01
    assert table["step"].iloc[0] < table["step"].iloc[-1]
    assert lab_view.curves(tmp_path, ["unknown"]) is lab_view.curves(tmp_path / "missing", ["loss"]) is None


def test_times_are_told_as_people_say_them() -> None:
    assert [lab_view.duration(seconds) for seconds in (-1, 59, 61, 4000)] == [
        "under a minute", "under a minute", "1 min", "1 h 6 min",
    ]  # fmt: skip


# ---------------------------------------------------------------- serve


def published(folder: Path, seed: int) -> str:
    about = {"stage": "train_mask_vae", "step": seed, "metrics": {"loss": 0.25}}
    return publish(folder / "weights", f"step-{seed:07d}", tiny_pipeline(seed).save, about).name


def test_weights_of_a_run_serve_and_a_run_is_followed(tab: LabTab, lab: NotedLab, serving: Serving) -> None:
    folder = lab.add("mine")
    with pytest.warns(UserWarning, match="no such result"):
        tab.serve("mine", "")
    with pytest.warns(UserWarning, match="no result yet"):
        tab.follow("mine")
    older, newer = published(folder, 1), published(folder, 2)
    lab.there["mine"].snapshot = newer
    choices = tab.look("mine", [], {})[tab.snapshot]["choices"]
    assert [value for _, value in choices] == ["", newer, older]
    assert choices[1][0] == "step 2 (newest): loss 0.25"
    tab.serve("mine", older)
    assert serving.current().weights.step == 1 and serving.folder is None
    tab.serve("mine", "")
    assert serving.current().weights.step == 2
    with pytest.warns(UserWarning, match="no such result"):
        tab.serve("mine", "../../elsewhere")
    try:
        tab.follow("mine")
        published(folder, 3)
        wait_until(lambda: serving.current().weights.step == 3, lambda: str(serving.refused))
        assert "step 3" in lab_view.in_use(serving) and "follows mine" in lab_view.in_use(serving)
        tab.serve("mine", newer)
        assert "follows" not in lab_view.in_use(serving)
        published(folder, 4)
        serving.follow(None)
        assert serving.current().weights.step == 2, "what was chosen stays"
    finally:
        serving.stop()


def test_refused_weights_change_nothing(tab: LabTab, lab: NotedLab, serving: Serving) -> None:
    folder = lab.add("mine")
    (folder / "weights" / published(folder, 1) / "dmn" / "config.json").unlink()
    before = serving.current()
    with pytest.warns(UserWarning, match=r"config\.json is missing"):
        tab.serve("mine", "")
    assert serving.current() is before


# ---------------------------------------------------------------- app.py


def tabs_of(lab: Any, serving: Serving) -> list[str]:
    page = build_app(serving, Examples(serving), lab=lab)
    return [block.label for block in page.blocks.values() if isinstance(block, gr.Tab)]


def test_the_tab_is_there_only_where_it_was_asked_for(
    lab: NotedLab, serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv("SPACE_ID", raising=False)
    monkeypatch.delenv("MASKGAN_LAB", raising=False)
    assert "Lab" not in tabs_of(None, serving) and tabs_of(lab, serving)[-1] == "Lab"
    options = command.build_parser().parse_args([])
    assert options.lab is False and command.lab_of(False, tmp_path, [tmp_path], None) is None
    made = command.lab_of(True, tmp_path / "runs", [tmp_path], None)
    assert made.runs == tmp_path / "runs" and made.data == [tmp_path, FOLDER]  # and the examples
    with pytest.raises(SystemExit, match="no folder"):
        command.lab_of(True, tmp_path, [tmp_path / "missing"], None)
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    assert command.lab_of(True, tmp_path, [tmp_path], None) is None and "MASKGAN_LAB" in capsys.readouterr().out
    monkeypatch.setenv("MASKGAN_LAB", "1")
    assert command.lab_of(False, tmp_path, [tmp_path], None) is not None  # a Space has no command line


# ---------------------------------------------------------------- a real run


@pytest.mark.slow
def test_a_tiny_run_starts_shows_its_numbers_serves_stops_and_resumes(
    tmp_path: Path, data_folder: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    runs = Processes(tmp_path / "runs", [data_folder])
    with gr.Blocks():
        tab = LabTab(runs, serving)
    assert runs.data_folders() == [data_folder.resolve()]
    form = {"data": [str(data_folder)], "max_steps": 1_000_000, "batch_size": 2, "every": 2, "name": "vae"}
    start(tab, resolution=64, **form)
    log = lambda: runs.state("vae").log  # noqa: E731
    try:
        wait_until(lambda: runs.state("vae").stats and runs.state("vae").snapshot and runs.state("vae").sample, log)
        shown = tab.look("vae", [], {})
        assert "running" in shown[tab.facts] and "GiB" in shown[tab.facts] and "1,000,000" in shown[tab.facts]
        assert np.isfinite(shown[tab.plot]["value"]["value"]).all() and np.array(Image.open(shown[tab.sample])).any()
        tab.stop("vae")
        wait_until(lambda: not runs.state("vae").running, log)
        tab.serve("vae", "")
        assert serving.current().weights.stage == "train_mask_vae"
        done = runs.state("vae").stats["step"]
        tab.resume("vae")
        assert runs.state("vae").running
        wait_until(lambda: runs.state("vae").stats["step"] > done, log)
    finally:
        if runs.state("vae").running:
            runs.kill("vae")
    assert runs.memory("vae") == (0, 0)


def test_a_shared_lab_asks_for_an_account() -> None:
    with pytest.raises(SystemExit, match="--auth USER:PASSWORD"):
        command.main(["--lab", "--share"])
    for host in ("0.0.0.0", "::", "192.168.1.5", "studio.lan"):
        with pytest.raises(SystemExit, match="--auth USER:PASSWORD"):
            command.main(["--lab", "--host", host])
