"""Training runs as processes: what may be started, what is found again, how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from lab.jobs.processes import Processes
from lab.train_mask_vae import MaskVAESettings
from lab.training.run import Run
from lab.training.stopping import TrainingStoppedError
from maskgan.locks import try_lock
from maskgan.run_folder import LAUNCH_LOCK, LOG, RECORD, RUN_LOCK, write_record
from maskgan.run_requests import RunRequest

PATIENCE = 300  # seconds; only what never happens takes as long


def wait_until(condition: Callable[[], Any], lab: Processes) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, [state.log for state in lab.states()]
        time.sleep(0.2)


@pytest.fixture
def lab(tmp_path: Path) -> Processes:
    for name in ("runs", "data/faces", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    return Processes(tmp_path / "runs", [tmp_path / "data"])


def recorded(lab: Processes, name: str, **record: Any) -> Path:
    """A run that another program started."""
    folder = lab.runs / name
    folder.mkdir()
    (folder / RECORD).write_text(json.dumps({"stage": "train_mask_vae", "command": [], **record}))
    return folder


# ---------------------------------------------------------------- what may be started


def test_the_command_is_a_list_of_checked_parts(lab: Processes) -> None:
    for name in ("before", "parser"):
        (lab.runs / name).mkdir()
    flags = {"learning_rate": 0.001, "batch_size": 4.0, "preset": "tiny", "cpu": True, "lr_scheduler": "linear"}
    request = RunRequest("pretrain_dmn", ("faces",), None, "before", 2, flags, {"parser": "parser"})
    command = lab.command(request, lab.runs / "new")
    assert command[:4] == [sys.executable, "-m", "accelerate.commands.launch", "--config_file"]
    assert command[4].endswith("cpu.yaml") and Path(command[4]).exists()
    alone = lab.command(RunRequest("pretrain_dmn", ("faces",), flags=flags), lab.runs / "new")[4]
    assert alone.endswith("one_process.yaml") and Path(alone).exists()
    script = command.index("--num_processes") + 2
    assert Path(command[script]).name == "pretrain_dmn.py" and Path(command[script]).exists()
    assert command[script + 1 :] == [
        "--data", str(lab.data[0] / "faces"), "--out", str(lab.runs / "new"),
        "--learning-rate", "0.001", "--batch-size", "4", "--preset", "tiny", "--cpu", "--lr-scheduler", "linear",
        "--weights", str(lab.runs / "before"), "--parser", str(lab.runs / "parser"),
    ]  # fmt: skip


def test_a_run_goes_on_with_networks_of_the_size_that_it_began_with(lab: Processes) -> None:
    folder = lab.runs / "mine"
    (folder / "checkpoints" / "step-0000002").mkdir(parents=True)
    config = MaskVAESettings(data=(), out=folder, preset="tiny").to_json()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / RECORD).write_text(record := json.dumps({"stage": "train_mask_vae", "wish": {}}))
    with pytest.raises(ValueError, match=r"mine began otherwise \(--preset was tiny and is studio\); give the same"):
        lab.start(RunRequest("train_mask_vae", ("faces",), "mine", flags={"max_steps": 9}))
    assert (folder / RECORD).read_text() == record and not (folder / LOG).exists()


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "", ".", "..", "-x", ".hidden", "a\nb", "x" * 65, "a b", 5])
def test_a_run_has_a_plain_name(lab: Processes, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a run"):
        lab.start(RunRequest("train_mask_vae", ("faces",), name))


def test_nothing_outside_of_the_configured_folders_is_reached(lab: Processes, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    (lab.data[0] / "link").symlink_to(outside)
    (lab.runs / "link").symlink_to(outside)
    for data in ("..", "../elsewhere", str(outside), "link", "missing", "/", "", "https://somewhere/shards", 5):
        if data == "":
            continue  # the data folder itself
        with pytest.raises(ValueError, match="data folder"):
            lab.start(RunRequest("train_mask_vae", (data,), "new"))
    for weights in ("..", str(outside), "link", str(lab.data[0])):
        with pytest.raises(ValueError, match="weights folder"):
            lab.start(RunRequest("train_mask_vae", ("faces",), "new", weights))
        with pytest.raises(ValueError, match="weights folder"):
            lab.start(RunRequest("train_mask_vae", ("faces",), "new", networks={"parser": weights}))
    for networks in ({"discriminator": "."}, {"weights": "."}, {"--cpu": "."}):
        with pytest.raises(ValueError, match="takes no network"):
            lab.start(RunRequest("train_mask_vae", ("faces",), "new", networks=networks))
    with pytest.raises(ValueError, match="leads out"):
        lab.start(RunRequest("train_mask_vae", ("faces",), "link"))
    for number in (0, 65, 1.5, "2", True):
        with pytest.raises(ValueError, match="number of processes"):
            lab.start(RunRequest("train_mask_vae", ("faces",), "new", processes=number))
    with pytest.raises(ValueError, match="data folder"):
        lab.start(RunRequest("train_mask_vae", (), "new"))
    for name in ("new", None):
        with pytest.raises(ValueError, match="no stage"):
            lab.start(RunRequest("../evaluate", ("faces",), name))
    assert not (lab.runs / "new").exists()


def test_a_run_of_another_stage_is_not_gone_on_with(lab: Processes) -> None:
    recorded(lab, "mine")
    with pytest.raises(ValueError, match="is a run of train_mask_vae"):
        lab.start(RunRequest("train_parser", ("faces",), "mine"))


# ---------------------------------------------------------------- what is found


@pytest.mark.parametrize("began", [0.0, None, "now"])
def test_a_recycled_process_number_is_not_taken_for_the_run(lab: Processes, began: Any) -> None:
    """It is this very process, which such a mistake would end."""
    recorded(lab, "old", pid=os.getpid(), began=began)
    assert not lab.state("old").running
    for end in (lab.stop, lab.kill):
        with pytest.raises(ValueError, match="not running"):
            end("old")


def test_a_process_of_the_same_second_that_is_no_trainer_is_not_taken_for_the_run(lab: Processes) -> None:
    recorded(lab, "old", pid=os.getpid(), began=psutil.Process().create_time())
    assert not lab.state("old").running


@pytest.fixture
def launched(lab: Processes) -> Iterator[psutil.Process]:
    """A process that holds the lock of the run "mine", as its launcher does."""
    folder = recorded(lab, "mine")
    with try_lock(folder / LAUNCH_LOCK) as lock:
        command = [sys.executable, "-c", "input()", str(folder)]
        process = psutil.Popen(command, stdin=subprocess.PIPE, pass_fds=(lock.fileno(),))
    yield process
    with suppress(psutil.NoSuchProcess):
        process.kill()
    process.wait()


def test_a_run_goes_on_while_its_lock_is_held_whatever_the_clock_says(lab: Processes, launched: psutil.Popen) -> None:
    record = {"stage": "train_mask_vae", "pid": launched.pid}
    for wrong in (-2.5, 3600.0):  # the clock was set
        write_record(lab.runs / "mine", {**record, "began": launched.create_time() + wrong})
        assert lab.state("mine").running
        with pytest.raises(ValueError, match="mine is running already"):
            lab.start(RunRequest("train_mask_vae", ("faces",), "mine"))
    launched.kill()
    launched.wait()
    assert not lab.state("mine").running


def test_a_run_that_has_just_begun_is_running_before_it_shows_its_command(
    lab: Processes, launched: psutil.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux closes files on exec, with which `Popen` returns, before it shows the new command."""
    write_record(lab.runs / "mine", {"stage": "train_mask_vae", "pid": launched.pid, "began": launched.create_time()})
    shown, none_yet = psutil.Process.cmdline, [[], [], []]
    monkeypatch.setattr(psutil.Process, "cmdline", lambda process: none_yet.pop() if none_yet else shown(process))
    assert lab.state("mine").running and not none_yet


def test_two_trainers_do_not_get_into_one_folder(lab: Processes, launched: psutil.Popen, tmp_path: Path) -> None:
    """Not from the page, where another app may have started it, and not from a shell."""
    (lab.runs / "mine" / RECORD).unlink()  # between its start and its record
    with pytest.raises(ValueError, match="mine is running already"):
        lab.start(RunRequest("train_mask_vae", ("faces",), "mine"))
    code = (
        "import sys, pathlib; from maskgan.locks import try_lock;"
        "lock = try_lock(pathlib.Path(sys.argv[1]), of_process=True); print(flush=True); input()"
    )
    (lab.runs / "shell").mkdir()
    command = [sys.executable, "-c", code, str(lab.runs / "shell" / RUN_LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as trainer:
        trainer.stdout.readline()
        with pytest.raises(ValueError, match="started elsewhere writes to shell"):
            lab.start(RunRequest("train_mask_vae", ("faces",), "shell"))
        with pytest.raises(TrainingStoppedError, match=r"Another training writes to .*shell; stop it, or choose"):
            Run(MaskVAESettings(data=(), out=lab.runs / "shell", cpu=True))
        trainer.kill()


def test_no_more_runs_at_once_than_may_and_none_without_room(
    lab: Processes, launched: psutil.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(lab.runs / "mine", {"stage": "train_mask_vae", "pid": launched.pid, "began": 0})
    lab.at_once = 1
    with pytest.raises(ValueError, match="mine are running, and no more may at once; stop one"):
        lab.start(RunRequest("train_mask_vae", ("faces",), "other"))
    lab.at_once = 2
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=3e8))
    with pytest.raises(ValueError, match=r"has 0\.3 GB left; make room"):
        lab.start(RunRequest("train_mask_vae", ("faces",), "other"))
    assert not (lab.runs / "other").exists()


def test_runs_get_no_secrets_of_the_app(lab: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def popen(command: list[str], **options: Any) -> Any:
        seen.update(options)
        return psutil.Process()

    monkeypatch.setattr("subprocess.Popen", popen)
    for name in ("HF_TOKEN", "MASKGAN_AUTH", "AWS_SECRET_ACCESS_KEY", "SPACE_ID", "HF_HOME", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    lab.start(RunRequest("train_mask_vae", ("faces",), "mine"))
    given = seen["env"]
    assert {"PATH", "HF_HOME", "OMP_NUM_THREADS"} <= given.keys()
    assert not given.keys() & {"HF_TOKEN", "MASKGAN_AUTH", "AWS_SECRET_ACCESS_KEY", "SPACE_ID"}


def test_a_run_shows_what_it_has(lab: Processes) -> None:
    folder = recorded(lab, "mine", pid=2**22, began=1.0)
    (folder / "stats.jsonl").write_text('{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.5}\n{"step": 3, "lo')
    (folder / LOG).write_text("Started\n  1%|  | 1/9\r  2%|  | 2/9\r  3%|  | 3/9\n" + "line\n" * 100 + "end")
    for path in ("checkpoints/step-0000002", "checkpoints/step-0000004", "checkpoints/step-0000006.partial"):
        (folder / path).mkdir(parents=True)
    (folder / "samples").mkdir()
    for name in ("0000002.jpg", "0000004.jpg", "notes.txt"):
        (folder / "samples" / name).write_text("")
    (lab.runs / "no run").mkdir()
    (lab.runs / "empty").mkdir()
    (state,) = lab.states()
    assert (state.name, state.stage, state.running, state.stopping) == ("mine", "train_mask_vae", False, False)
    assert state.stats == {"step": 2, "loss": 2.5}
    assert state.checkpoints == ("step-0000002", "step-0000004") and state.snapshot is None
    assert state.sample.name == "0000004.jpg"
    assert state.log.splitlines()[-2:] == ["line", "end"] and len(state.log.splitlines()) == 40


def test_a_progress_bar_is_shown_as_it_stands(lab: Processes) -> None:
    (recorded(lab, "mine") / LOG).write_text("Started\n 1/9\r 2/9\r 3/9\r")
    assert lab.state("mine").log.splitlines() == ["Started", " 3/9"]


TRACEBACK = """Traceback (most recent call last):
  File "lab/training/run.py", line 7, in log
    raise Problem
"""


@pytest.mark.parametrize(
    ("log", "failure"),
    [
        ("Started\n 3/9\rtrain_parser.py: There is no folder faces.\n", "There is no folder faces."),
        ("train_parser.py: error: argument --seed: bad\n", "argument --seed: bad"),
        (f"{TRACEBACK}torch.OutOfMemoryError: CUDA out of memory.", "torch.OutOfMemoryError: CUDA out of memory."),
        (f"[rank1]: {TRACEBACK}[rank1]: KeyError: 'x'\n", "KeyError: 'x'"),
        ("a.py: No space left.\nsubprocess.CalledProcessError: Command '[...]' died.", "No space left."),
        (f"{TRACEBACK}torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n", None),
        ("/lib/a.py:7: UserWarning: Errors may come.\n 3/9\rStopped after step 3; the same goes on.\n", None),
        ("", None),
    ],
)
def test_why_a_run_failed_is_told_in_a_sentence(lab: Processes, log: str, failure: str | None) -> None:
    (recorded(lab, "mine") / LOG).write_text(log)
    assert lab.state("mine").failure == failure


def test_what_failed_before_the_last_start_is_over(lab: Processes) -> None:
    before = "train_parser.py: There is no folder faces.\n"
    (recorded(lab, "mine", log_start=len(before)) / LOG).write_text(f"{before}Resumed\n")
    assert lab.state("mine").failure is None and before.strip() in lab.state("mine").log
    (recorded(lab, "damaged", log_start="soon") / LOG).write_text(before)
    assert lab.state("damaged").failure


def test_a_run_that_is_not_there_or_has_done_its_steps_does_not_go_on(lab: Processes) -> None:
    for action in (lab.resume, lab.stop, lab.kill):
        with pytest.raises(ValueError, match="no run gone any more"):
            action("gone")
    folder = recorded(lab, "done")
    (folder / "config.json").write_text('{"stage": "train_mask_vae", "max_steps": 2}')
    (folder / "stats.jsonl").write_text('{"step": 2}\n')
    with pytest.raises(ValueError, match="all of its steps"):
        lab.resume("done")
    with pytest.raises(ValueError, match="not started from here"):
        lab.resume(recorded(lab, "elsewhere").name)


# ---------------------------------------------------------------- a real run


@pytest.mark.slow
def test_a_run_outlives_who_started_it_stops_with_a_checkpoint_goes_on_and_can_be_killed(
    tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "runs").mkdir()
    lab = Processes(tmp_path / "runs", [data_folder.parent])
    flags = {
        "preset": "tiny", "resolution": 64, "batch_size": 2, "max_steps": 1_000_000, "log_steps": 1, "num_workers": 1,
        "cpu": True, "checkpointing_steps": 1_000_000,
    }  # fmt: skip

    name = "train_mask_vae-1"  # given by the lab

    def start(out: str | None) -> None:
        assert lab.start(RunRequest("train_mask_vae", (data_folder.name,), out, processes=2, flags=flags)).running

    start(None)
    try:
        with pytest.raises(ValueError, match="running already"):
            start(name)
        with pytest.raises(ValueError, match="very settings already"):
            start(None)
        wait_until(lambda: lab.state(name).stats, lab)
        later = Processes(tmp_path / "runs", [data_folder.parent])  # as after a restart
        assert [(state.name, state.running) for state in later.states()] == [(name, True)]
        later.stop(name)
        assert later.state(name).stopping or not later.state(name).running
        wait_until(lambda: not later.state(name).running, lab)
        stopped = later.state(name)
        assert len(stopped.checkpoints) == 1 and stopped.snapshot.startswith(stopped.checkpoints[0])
        assert "Stopped after step" in stopped.log

        start(name)
        done = stopped.stats["step"]
        wait_until(lambda: lab.state(name).stats["step"] > done + 1, lab)
        assert "Resumed" in (lab.runs / name / LOG).read_text()
        launcher = psutil.Process(json.loads((lab.runs / name / RECORD).read_text())["pid"])
        family = [launcher, *launcher.children(recursive=True)]
        assert len(family) >= 5, "launcher, two trainers, a data worker each"
        lab.kill(name)
        wait_until(lambda: not any(it.is_running() and it.status() != "zombie" for it in family), lab)
        assert not lab.state(name).running and lab.state(name).checkpoints == stopped.checkpoints
    finally:
        if lab.state(name).running:
            lab.kill(name)
