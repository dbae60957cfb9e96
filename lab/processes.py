"""Training runs as processes of their own, which outlive the program that started them.

    lab = Processes(runs=Path("runs"), data=[Path("faces")])
    lab.start("train_mask_vae", ["faces"], "vae-1", flags={"preset": "tiny"})
    lab.states()
    lab.stop("vae-1")

A run is a folder in `runs`. Beside what the trainer writes (`lab/run.py`) lie `process.json`, by which a later program
finds the run again, and `log.txt`. Commands are lists and never go through a shell.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from maskgan.pipeline import WEIGHTS
from maskgan.snapshots import latest_name

from .training_flags import STAGES, USUAL, arguments_for

ROOT = Path(__file__).resolve().parents[1]
RECORD, LOG = "process.json", "log.txt"

#: Lines of the log that are given, from at most so many bytes at its end.
_TAIL_LINES, _TAIL_BYTES = 40, 64_000

#: A process began when it was recorded to have begun, give or take so many seconds (clocks are corrected).
_SAME_START = 2.0

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class RunState:
    """What can be seen of a run from outside.

    stage: name of its script; going, stopping: whether its process is there, and was asked to end; max_steps: how many
    it shall do, None when unknown; stats: the newest line of `stats.jsonl`; checkpoints: names, oldest first; snapshot:
    name of the newest published one; sample: the newest picture; log: the last lines of what it printed.
    """

    name: str
    folder: Path
    stage: str | None
    going: bool
    stopping: bool
    max_steps: int | None
    stats: dict[str, float]
    checkpoints: tuple[str, ...]
    snapshot: str | None
    sample: Path | None
    log: str


class Processes:
    """Starts, stops and lists the runs of one folder.

    Attributes:
        stages, usual: what can be trained, the flags of each, and the usual values of some.
        runs, data, weights: the folders that may be used.
    """

    stages, usual = STAGES, USUAL

    def __init__(self, runs: Path, data: Sequence[Path], weights: Sequence[Path] = (WEIGHTS,)) -> None:
        """Runs lie in `runs`; data only comes from the folders `data`, weights from `weights` and from runs."""
        self.runs = runs.resolve()
        self.data = [folder.resolve() for folder in data]
        self.weights = [self.runs, *(folder.resolve() for folder in weights)]
        self._starting = threading.Lock()

    # ------------------------------------------------------------------ start and stop

    def start(
        self,
        stage: str,
        data: Sequence[str],
        out: str,
        weights: str | None = None,
        processes: int = 1,
        flags: Mapping[str, Any] | None = None,
    ) -> RunState:
        """Start a run, or go on with one that has ended; returns at once.

        Args:
            stage: name of a script, see `STAGES` of `lab/training_flags.py`.
            data: folders in the plain format, absolute or relative to a configured data folder.
            out: name of the run.
            weights: what to start from: a folder, absolute or relative to the runs folder.
            processes: one per GPU, or on the CPU one per thread.
            flags: by name with underscores, see `STAGES`.

        Raises:
            ValueError: when something is not allowed, or the run is going already.
        """
        flags = flags or {}
        if isinstance(processes, bool) or not isinstance(processes, int) or not 1 <= processes <= 64:
            raise ValueError(f"The number of processes has to be a whole number from 1 to 64, not {processes!r}.")
        if not data:
            raise ValueError("Choose at least one data folder.")
        folder = self._run_folder(out)
        command = self.command(stage, data, folder, weights, processes, flags)
        with self._starting:
            if _launcher(folder) is not None:
                raise ValueError(f"The run {out} is going already; stop it first.")
            if (stage_there := _stage(folder)) not in (None, stage):
                raise ValueError(f"{out} is a run of {stage_there}; choose another name.")
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / LOG).open("ab") as log:
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # what ends the page's terminal does not end the run
                )
            began = psutil.Process(process.pid).create_time()
            wish = {
                "stage": stage,
                "data": list(data),
                "weights": weights,
                "processes": processes,
                "flags": dict(flags),
            }
            _write_record(
                folder, {"pid": process.pid, "began": began, "stage": stage, "command": command, "wish": wish}
            )
        threading.Thread(target=process.wait, daemon=True).start()  # else it would stay on as a zombie
        return self.state(out)

    def resume(self, name: str) -> RunState:
        """Go on with a run that has ended, with the settings that it was started with; errors as for `start`."""
        wish = _record(self._run_folder(name)).get("wish")
        if not isinstance(wish, dict) or wish.keys() != {"stage", "data", "weights", "processes", "flags"}:
            raise ValueError(f"{name} was not started from here; start it under its name with its settings.")
        return self.start(out=name, **wish)

    def command(
        self,
        stage: str,
        data: Sequence[str],
        folder: Path,
        weights: str | None,
        processes: int,
        flags: Mapping[str, Any],
    ) -> list[str]:
        """The command of a run, as a list; errors as for `start`."""
        settings = arguments_for(stage, flags)
        on_cpu = flags.get("cpu", False) or not torch.cuda.is_available()
        config = ROOT / "lab" / "accelerate" / ("cpu.yaml" if on_cpu else "multi_gpu.yaml")
        launch = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
        # Any free port: with a fixed one, the runs of a machine would be in each other's way.
        launch += ["--main_process_port", "0", "--num_processes", str(processes), str(_script(stage))]
        sources = [str(_inside(path, self.data, "data")) for path in data]
        start_from = [] if weights is None else ["--weights", str(_inside(weights, self.weights, "weights"))]
        return [*launch, "--data", *sources, "--out", str(folder), *start_from, *settings]

    def stop(self, name: str) -> None:
        """Ask a run to end after the step in work, with a checkpoint; starting it again goes on from there.

        Raises ValueError when it is not going.
        """
        folder, launcher = self._going(name)
        script = str(_script(_record(folder)["stage"]))
        # The trainers themselves, not their data workers; the launcher would not wait long enough for a checkpoint.
        trainers = [child for child in launcher.children() if script in _command_of(child)]
        for process in trainers or [launcher]:
            process.terminate()
        _write_record(folder, _record(folder) | {"stopping": True})

    def kill(self, name: str) -> None:
        """End a run at once, with all its processes; what came after its last checkpoint is lost.

        Raises ValueError when it is not going.
        """
        _, launcher = self._going(name)
        family = _family(launcher)
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:  # it ended with the one before it
                continue
        psutil.wait_procs(family, timeout=10)

    def memory(self, name: str) -> tuple[int, int]:
        """Bytes of main memory of all processes of a run, and bytes in use on the GPUs by whatever; 0, 0 at rest."""
        launcher = _launcher(self._run_folder(name))
        if launcher is None:
            return 0, 0
        used = 0
        for process in _family(launcher):
            try:
                used += process.memory_info().rss
            except psutil.NoSuchProcess:  # it ended meanwhile
                continue
        gpus = [torch.cuda.mem_get_info(index) for index in range(torch.cuda.device_count())]
        return used, sum(total - free for free, total in gpus)

    def _going(self, name: str) -> tuple[Path, psutil.Process]:
        folder = self._run_folder(name)
        launcher = _launcher(folder)
        if launcher is None:
            raise ValueError(f"The run {name} is not going.")
        return folder, launcher

    # ------------------------------------------------------------------ what is there

    def data_folders(self) -> list[Path]:
        """The configured data folders and those in them that hold faces: an `index.csv`, or shards."""
        folders = [path for root in self.data for path in (root, *sorted(root.glob("*")))]
        return [path for path in folders if (path / "index.csv").exists() or next(path.glob("*.tar"), None)]

    def states(self) -> list[RunState]:
        """All runs, also those that were started elsewhere, the newest first."""
        folders = [path for path in self.runs.glob("*") if path.is_dir() and _stage(path) is not None]
        names = [path.name for path in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True)]
        return [self.state(name) for name in names if _NAME.fullmatch(name) and not (self.runs / name).is_symlink()]

    def state(self, name: str) -> RunState:
        """One run; raises ValueError when the name is not allowed."""
        folder = self._run_folder(name)
        going = _launcher(folder) is not None
        samples = [path for path in (folder / "samples").glob("*") if path.suffix in (".jpg", ".png")]
        checkpoints = sorted(path.name for path in (folder / "checkpoints").glob("step-*") if path.suffix != ".partial")
        try:
            snapshot = latest_name(folder / "weights")
        except (OSError, ValueError):
            snapshot = None
        return RunState(
            name=name,
            folder=folder,
            stage=_stage(folder),
            going=going,
            stopping=going and _record(folder).get("stopping", False),
            max_steps=_json(folder / "config.json").get("max_steps"),
            stats=_newest_stats(folder),
            checkpoints=tuple(checkpoints),
            snapshot=snapshot,
            sample=max(samples, default=None, key=lambda path: path.name),
            log="\n".join(_tail(folder / LOG)[-_TAIL_LINES:]),
        )

    def _run_folder(self, name: str) -> Path:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot name a run; use up to 64 letters, digits, dots, dashes and underscores.")
        folder = self.runs / name
        if folder.resolve() != folder:
            raise ValueError(f"The run {name} leads out of the runs folder; choose another name.")
        return folder


def _inside(text: str, roots: Sequence[Path], what: str) -> Path:
    """A folder in one of `roots`, links followed; raises ValueError for any other."""
    for root in roots if isinstance(text, str) else ():
        path = (root / text).resolve()
        if any(path.is_relative_to(allowed) for allowed in roots) and path.is_dir():
            return path
    raise ValueError(f"There is no {what} folder {text!r} among those that were configured; choose one of them.")


def _script(stage: str) -> Path:
    return ROOT / "lab" / f"{stage}.py"


def _json(path: Path) -> dict[str, Any]:
    """The content of a JSON file, nothing when it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _record(folder: Path) -> dict[str, Any]:
    return _json(folder / RECORD)


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    partial = folder / f".{RECORD}"
    partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    partial.replace(folder / RECORD)


def _stage(folder: Path) -> str | None:
    return _json(folder / "config.json").get("stage") or _record(folder).get("stage")


def _family(launcher: psutil.Process) -> list[psutil.Process]:
    """A run's processes; those of the trainers are in process groups of their own."""
    try:
        return [launcher, *launcher.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []


def _launcher(folder: Path) -> psutil.Process | None:
    """The process of a run, if it is still there and no other that got its number since."""
    record = _record(folder)
    try:
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["began"]) < _SAME_START and str(folder) in process.cmdline()
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (KeyError, TypeError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _tail(path: Path) -> list[str]:
    """The last lines of a text file, none when it is missing; of a progress bar only what it showed last."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return [line for line in lines if line]


def _newest_stats(folder: Path) -> dict[str, float]:
    for line in reversed(_tail(folder / "stats.jsonl")):
        try:
            return dict(json.loads(line))
        except (TypeError, ValueError):  # the line that is being written
            continue
    return {}
