"""The Lab tab: what it starts and stops in a lab that only takes notes, and when it is there at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
from noted_lab import STAGES, NotedLab, a_lab, begins, bundled, filled, lab_tab, start, tiny_serving  # noqa: F401  (fixtures)

import app as command
from lab.jobs.processes import Processes
from maskgan.editing.pipeline import WEIGHTS
from maskgan.run_requests import Choice, FormField, Number, RunRequest, StageForm, Switch
from maskgan.serving.hot_reload import Serving
from maskgan.ui.app import build_app
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.lab.layout import FolderNames
from maskgan.ui.lab.tab import LabTab

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

    told = [text for text in texts(app.config) if str(tmp_path) in text or str(FOLDER.parent) in text]
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


def test_a_shared_lab_asks_for_an_account() -> None:
    with pytest.raises(SystemExit, match="--auth USER:PASSWORD"):
        command.main(["--lab", "--share"])
    for host in ("0.0.0.0", "::", "192.168.1.5", "studio.lan"):
        with pytest.raises(SystemExit, match="--auth USER:PASSWORD"):
            command.main(["--lab", "--host", host])
