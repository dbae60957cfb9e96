"""The settings of the stages: the command line, the form and what a browser may set all come from their fields."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

from lab.jobs.processes import ROOT
from lab.stages import STAGES, stage_of
from lab.train_ebst import EbstSettings
from lab.train_parser import ParserSettings
from lab.training.adversary import AdversarialSettings
from lab.training.settings import (
    Network,
    Page,
    Settings,
    arguments_for,
    command_line,
    common,
    flag,
    flag_of,
    form_of,
    option,
    read_command_line,
)
from maskgan.run_requests import Choice, Number, RunRequest, Switch

REQUIRED = ["--data", "faces", "--out", "run"]


@dataclass(frozen=True, kw_only=True)
class NewSettings(Settings):
    """A stage as somebody would add it."""

    stage = "train_new"
    title = "New stage"

    max_steps: int = common("max_steps", 7, trial=3)
    noise: float = flag(0.5, "how loud", bounds=Number(float, 0, 1), page=Page("Noise", trial=0.1))
    kind: str = flag("a", choices=("a", "b"), bounds=Choice(("a", "b")), page=Page("Kind", titles=("First", "Second")))
    quiet: bool = flag(False, bounds=Switch())
    secret: str | None = flag(None)
    teacher: Path | None = flag(None, network=Network("Teacher", ("train_parser",), random=True))


def read(stage: type[Settings], monkeypatch: pytest.MonkeyPatch, *more: str) -> Any:
    monkeypatch.setattr(sys, "argv", [f"{stage.stage}.py", *REQUIRED, *more])
    return read_command_line(stage, None)


# ---------------------------------------------------------------- one declaration


def test_one_field_makes_the_flag_its_place_in_the_form_and_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(NewSettings, monkeypatch).noise == 0.5
    assert read(NewSettings, monkeypatch, "--noise", "3", "--kind", "b") == NewSettings(
        data=(Path("faces"),), out=Path("run"), noise=3.0, kind="b"
    ), "the command line is trusted with values that a browser may not set"
    form = form_of(NewSettings)
    named = {field.name: field for field in form.fields}
    assert (form.name, form.title, form.starts_trained) == ("train_new", "New stage", False)
    assert (named["noise"].label, named["noise"].usual, named["noise"].trial) == ("Noise", 0.5, 0.1)
    assert (named["max_steps"].usual, named["max_steps"].trial) == (7, 3)
    assert named["kind"].titles == ("First", "Second") and named["kind"].trial == "a"
    assert "quiet" not in named and "secret" not in named
    assert [network.name for network in form.networks] == ["teacher"]
    flags = {"noise": 0.25, "kind": "b", "quiet": True, "max_steps": 9}
    assert arguments_for(NewSettings, flags) == ["--noise", "0.25", "--kind", "b", "--quiet", "--max-steps", "9"]
    for name, value in {"noise": 3.0, "kind": "c", "secret": "x", "teacher": "/"}.items():
        with pytest.raises(ValueError, match=name):
            arguments_for(NewSettings, {name: value})


def test_a_page_field_needs_bounds() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Unbounded(Settings):
        stage = title = "unbounded"
        depth: int = flag(3, page=Page("Depth"))

    with pytest.raises(TypeError, match="depth stands on the page"):
        form_of(Unbounded)


@pytest.mark.parametrize("name", STAGES)
def test_what_the_page_may_send_is_what_the_script_reads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every form, as it begins and for a trial, becomes a command whose settings have these values."""
    stage, form = STAGES[name], form_of(STAGES[name])
    assert (ROOT / "lab" / f"{name}.py").exists() and form.name == name
    for trial in (False, True):
        flags: dict[str, Any] = {}
        for field in form.fields:
            flags |= field.flags(field.trial if trial else field.usual)
        settings = read(stage, monkeypatch, *arguments_for(stage, flags))
        assert {key: getattr(settings, key) for key in flags} == flags
    folders = [part for network in form.networks for part in (option(network.name), "folder")]
    start = () if stage is not EbstSettings else ("--weights", "folder")
    settings = read(stage, monkeypatch, *folders, *start)
    assert all(getattr(settings, network.name) == Path("folder") for network in form.networks)


@pytest.mark.parametrize("name", STAGES)
def test_defaults_are_within_bounds_and_choices(name: str) -> None:
    for field in fields(STAGES[name]):
        told = flag_of(field)
        if told.bounds and field.default is not None:
            assert told.bounds.text(field.default) is not None, field.name
        if told.choices and field.default is not None:
            assert field.default in told.choices, field.name
        if told.choices and told.bounds:
            assert set(told.bounds.values) <= set(told.choices), field.name


def test_fields_of_one_name_look_alike_in_all_stages() -> None:
    seen: dict[str, Any] = {}
    for stage in STAGES.values():
        for field in form_of(stage).fields:
            look = (field.label, type(field.bounds), field.place, field.random_only)
            assert seen.setdefault(field.name, look) == look


def test_every_stage_has_its_own_name_and_an_unknown_one_is_refused() -> None:
    assert all(STAGES[name].stage == name for name in STAGES)
    for name in ("../evaluate", "train_parser.py", None, 5, ["train_parser"]):
        with pytest.raises(ValueError, match="no stage"):
            stage_of(name)


# ---------------------------------------------------------------- the command line


def test_the_command_line_reads_every_kind_of_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        ParserSettings, monkeypatch, "--data", "a", "b", "--learning-rate", "1e-2", "--no-channels-last", "--cpu",
        "--weights", "before", "--report-to", "tensorboard",
    )  # fmt: skip
    assert settings.data == (Path("a"), Path("b")) and settings.weights == Path("before")
    assert (settings.learning_rate, settings.channels_last, settings.cpu, settings.compile) == (
        0.01,
        False,
        True,
        False,
    )
    assert settings.report_to == "tensorboard" and (settings.resolution, settings.batch_size) == (256, 16)
    assert read(EbstSettings, monkeypatch, "--data", "https://host/shards", "--weights", "w").data == (
        "https://host/shards",
    )


def test_a_dry_run_is_two_steps_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(ParserSettings, monkeypatch, "--dry-run", "--max-steps", "900")
    assert (settings.max_steps, settings.checkpointing_steps, settings.sample_steps, settings.log_steps) == (2, 1, 2, 1)


@pytest.mark.parametrize(
    ("stage", "more", "sentence"),
    [
        (EbstSettings, (), "give --weights FOLDER"),
        (EbstSettings, ("--weights", "a", "--from-scratch", "tiny"), "give --weights FOLDER"),
        (ParserSettings, ("--data", "https://host/shards"), "the parser trains on folders"),
        (ParserSettings, ("--lr-scheduler", "wild"), "invalid choice"),
    ],
)
def test_settings_that_make_no_sense_are_told_in_a_sentence(
    stage: type[Settings],
    more: tuple[str, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        read(stage, monkeypatch, *more)
    assert sentence in capsys.readouterr().err


def test_help_names_every_flag() -> None:
    for stage in STAGES.values():
        text = command_line(stage, "What it does.").format_help()
        assert all(option(field.name) in text for field in fields(stage)) and "What it does." in text


# ---------------------------------------------------------------- what a browser may set


@pytest.mark.parametrize(
    "flags",
    [
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"batch_size": True},
        {"batch_size": "4; reboot"},
        {"learning_rate": float("nan")},
        {"learning_rate": -1.0},
        {"resolution": 100},
        {"resolution": "64"},
        {"preset": "--push-to-hub"},
        {"cpu": "yes"},
        {"push_to_hub": "somebody/else"},
        {"report_to": "all"},
        {"data": "/"},
    ],
    ids=str,
)
def test_flags_that_are_not_allowed_are_named(flags: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(flags))):
        arguments_for(STAGES["pretrain_dmn"], flags)


def test_a_switch_that_is_off_leaves_no_trace() -> None:
    assert arguments_for(ParserSettings, {"cpu": False}) == []


def test_one_choice_may_set_several_flags() -> None:
    fields = {field.name: field for field in form_of(STAGES["pretrain_dmn"]).fields}
    small = {"discriminator_width": 32, "discriminator_layers": 3, "discriminator_unshuffle": 2}
    assert (
        fields["discriminator_size"].flags("small") == small and fields["discriminator_size"].flags("published") == {}
    )
    assert fields["every"].flags(50) == {"checkpointing_steps": 50, "sample_steps": 50, "log_steps": 2}
    for name, value in {"discriminator_size": "huge", "every": 0, "preset": "--cpu"}.items():
        with pytest.raises(ValueError, match=f"{name} has to be"):
            fields[name].flags(value)
    assert small.keys() <= AdversarialSettings.__dataclass_fields__.keys()


# ---------------------------------------------------------------- requests


def test_a_request_comes_back_from_its_record() -> None:
    request = RunRequest("train_parser", ("faces",), "mine", "before", 2, {"seed": 1}, {})
    assert RunRequest.from_record(request.to_record(), "mine") == request
    assert request.to_record() == RunRequest("train_parser", ("faces",), "other", "before", 2, {"seed": 1}).to_record()
    older = {key: value for key, value in request.to_record().items() if key != "networks"}
    assert RunRequest.from_record(older, "mine") == request
    for damaged in (None, [], "text", {}, {**request.to_record(), "command": []}, {**older, "data": 5}):
        assert RunRequest.from_record(damaged, "mine") is None
