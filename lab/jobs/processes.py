"""Training runs as processes of their own, which outlive the program that started them.

    lab = Processes(runs=Path("runs"), data=[Path("faces")])
    lab.start(RunRequest("train_mask_vae", ("faces",), "vae-1", flags={"preset": "tiny"}))
    lab.states()
    lab.stop("vae-1")

A run is a folder in `runs`; a later program finds it again by what is noted in that folder (`maskgan/run_folder.py`).
Commands are lists and never go through a shell.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import psutil
import torch

from lab.stages import STAGES, stage_of
from lab.training.settings import SIZES, arguments_for, form_of, option, other_sizes
from maskgan.editing.pipeline import WEIGHTS
from maskgan.locks import LOCKS, is_locked, try_lock
from maskgan.run_folder import (
    LAUNCH_LOCK,
    LOG,
    RUN_LOCK,
    RunState,
    config_of,
    record_of,
    stage_name,
    state_of,
    write_record,
)
from maskgan.run_requests import RunRequest

ROOT = Path(__file__).resolve().parents[2]

#: A process of a run without a lock, of an earlier version, began when it was recorded, give or take so many seconds.
_SAME_START = 2.0

#: Seconds that a process may have no command while a program takes it over, on a busy machine.
_TAKEOVER = 2.0

#: Free bytes on the disk of the runs that a start needs.
_FREE = 1_000_000_000

#: What a run needs of the environment: names, or how they start. Tokens and the app's own settings are not among it.
_ENVIRONMENT = (
    "PATH", "HOME", "USER", "LANG", "LC_", "TZ", "TMP", "TEMP", "XDG_CACHE_HOME", "SYSTEMROOT", "USERPROFILE",
    "APPDATA", "LOCALAPPDATA", "VIRTUAL_ENV", "PYTHON", "LD_LIBRARY_PATH", "CUDA_", "NVIDIA_", "ROCR_", "HIP_", "HSA_",
    "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "KMP_", "TORCH", "PYTORCH_", "NCCL_", "GLOO_", "ACCELERATE_", "ORT_",
    "SSL_CERT_", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
)  # fmt: skip

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Processes:
    """Starts, stops and lists the runs of one folder.

    Attributes:
        stages: what can be trained, by name.
        runs, data, weights: the folders that may be used.
    """

    stages = {name: form_of(stage) for name, stage in STAGES.items()}  # noqa: RUF012

    def __init__(
        self, runs: Path, data: Sequence[Path], weights: Sequence[Path] = (WEIGHTS,), at_once: int | None = None
    ) -> None:
        """Runs lie in `runs`; data only comes from the folders `data`, weights from `weights` and from runs.

        `at_once`: how many may run at the same time; default: two, or as many as there are GPUs.
        """
        self.runs = runs.resolve()
        self.data = [folder.resolve() for folder in data]
        self.weights = [self.runs, *(folder.resolve() for folder in weights)]
        self.at_once = max(2, torch.cuda.device_count()) if at_once is None else at_once
        self._most = min(64, max(2, os.cpu_count() or 1, torch.cuda.device_count()))  # processes of a run
        self._umask = os.umask(0o077)
        os.umask(self._umask)
        self._starting = threading.Lock()

    # ------------------------------------------------------------------ start and stop

    def start(self, request: RunRequest) -> RunState:
        """Start a run, or continue one that has ended; returns at once.

        Raises:
            ValueError: when something in the request is not allowed, or the run is running already; without a name
                also when one with equal settings is.
        """
        count = request.processes
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= self._most:
            raise ValueError(
                f"The number of processes has to be a whole number from 1 to {self._most} here, not {count!r}."
            )
        if not request.data:
            raise ValueError("Choose at least one data folder.")
        stage = stage_of(request.stage).stage  # a name is made of a stage only where there is such a stage
        with self._starting:
            folder = self._run_folder(self._free_name(request) if request.name is None else request.name)
            command = self.command(request, folder)
            if _launcher(folder) is not None:
                raise ValueError(f"The run {folder.name} is running already; stop it first.")
            if (former := stage_name(folder)) not in (None, stage):
                raise ValueError(f"{folder.name} is a run of {former}; choose another name.")
            if changed := self._other_sizes(request, folder):
                raise ValueError(f"{folder.name} began otherwise ({changed}); give the same again, or another name.")
            self._check_room()
            folder.mkdir(parents=True, exist_ok=True)
            # The launcher inherits the lock, and whoever may start runs in this folder sees it until it ends.
            lock = try_lock(folder / LAUNCH_LOCK, seconds=1)
            if lock is None:
                raise ValueError(f"The run {folder.name} is running already; stop it first.")
            with lock, (folder / LOG).open("ab") as log:
                if is_locked(folder / RUN_LOCK, of_process=True):
                    raise ValueError(f"A training that was started elsewhere writes to {folder.name}; stop it first.")
                log_start = log.tell()
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # what ends the page's terminal does not end the run
                    env=_environment(),
                    **({"pass_fds": (lock.fileno(),), "umask": self._umask} if LOCKS else {}),
                )
            began = psutil.Process(process.pid).create_time()
            record = {"pid": process.pid, "began": began, "log_start": log_start, "stage": stage}
            write_record(folder, {**record, "command": command, "wish": request.to_record()})
        threading.Thread(target=process.wait, daemon=True).start()  # otherwise it would stay on as a zombie
        return self.state(folder.name)

    def _other_sizes(self, request: RunRequest, folder: Path) -> str:
        """The flags that would give a run with checkpoints networks of other sizes, in words; empty for none."""
        if not next((folder / "checkpoints").glob("step-*"), None):
            return ""
        defaults = {each.name: each.default for each in fields(stage_of(request.stage))}
        trained = ("preset", "network", "style_scope", "encoder") if request.weights else ()  # weights have a size
        names = [name for name in SIZES if name not in (*trained, "resolution")]
        return other_sizes(config_of(folder), defaults | dict(request.flags), names)

    def _check_room(self) -> None:
        running = [state.name for state in self.states() if state.running]
        if len(running) >= self.at_once:
            raise ValueError(f"{' and '.join(running)} are running, and no more may at once; stop one of them first.")
        self.runs.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.runs).free
        if free < _FREE:
            raise ValueError(f"The disk of the runs has {free / 1e9:.1f} GB left; make room for checkpoints first.")

    def resume(self, name: str) -> RunState:
        """Continue a run that has ended, with the settings that it was started with; errors as for `start`."""
        state = self._existing(name)
        if not state.running and state.max_steps is not None and state.stats.get("step", 0) >= state.max_steps:
            raise ValueError(f"{name} has done all of its steps; start it under its name with more of them to go on.")
        request = RunRequest.from_record(record_of(state.folder).get("wish"), name)
        if request is None:
            raise ValueError(f"{name} was not started from here; start it under its name with its settings.")
        return self.start(request)

    def _free_name(self, request: RunRequest) -> str:
        """A name by the stage, unless an equal run is running already: somebody pressed twice."""
        for state in self.states():
            if state.running and record_of(state.folder).get("wish") == request.to_record():
                raise ValueError(
                    f"{state.name} is running with these very settings already; give a second one a name of its own."
                )
        names = (f"{request.stage}-{number}" for number in range(1, 10**6))
        return next(name for name in names if not (self.runs / name).exists())

    def command(self, request: RunRequest, folder: Path) -> list[str]:
        """The command of a run as a list; errors as for `start`."""
        stage = stage_of(request.stage)
        settings = arguments_for(stage, request.flags)
        known = {network.name for network in self.stages[stage.stage].networks}
        if unknown := [name for name in request.networks if name not in known]:
            raise ValueError(f"{stage.stage} takes no network {unknown[0]!r}; leave it out.")
        for name, path in {"weights": request.weights, **request.networks}.items():
            if path is not None:
                settings += [option(name), str(_inside(path, self.weights, "weights"))]
        on_cpu = request.flags.get("cpu", False) or not torch.cuda.is_available()
        config = "one_process.yaml" if request.processes == 1 else "cpu.yaml" if on_cpu else "multi_gpu.yaml"
        launch = [sys.executable, "-m", "accelerate.commands.launch"]
        launch += ["--config_file", str(ROOT / "lab" / "accelerate" / config)]
        # Any free port: with a fixed one, the runs of a machine would be in each other's way.
        launch += ["--main_process_port", "0", "--num_processes", str(request.processes), str(_script(stage.stage))]
        sources = [str(_inside(path, self.data, "data")) for path in request.data]
        return [*launch, "--data", *sources, "--out", str(folder), *settings]

    def stop(self, name: str) -> None:
        """Ask a run to end after the step in work, with a checkpoint; starting it again goes on from there.

        Raises ValueError when it is not running.
        """
        folder, launcher = self._running(name)
        record = record_of(folder)
        script = str(_script(record["stage"]))
        # The trainers themselves, not their data workers; the launcher would not wait long enough for a checkpoint.
        trainers = [child for child in _children(launcher) if script in _command_of(child)]
        for process in trainers or [launcher]:
            with suppress(psutil.NoSuchProcess):  # it ended by itself at this moment
                process.terminate()
        write_record(folder, record | {"stopping": True})

    def kill(self, name: str) -> None:
        """End a run at once, with all its processes; what came after its last checkpoint is lost.

        Raises ValueError when it is not running.
        """
        _, launcher = self._running(name)
        family = _family(launcher)
        for process in family:
            with suppress(psutil.NoSuchProcess):  # it ended with the one before it
                process.kill()
        psutil.wait_procs(family, timeout=10)

    def memory(self, name: str) -> tuple[int, int]:
        """Bytes of main memory of all processes of a run, and bytes in use on the GPUs by whatever; 0, 0 at rest."""
        launcher = _launcher(self._run_folder(name))
        if launcher is None:
            return 0, 0
        used = 0
        for process in _family(launcher):
            with suppress(psutil.NoSuchProcess):  # it ended meanwhile
                used += process.memory_info().rss
        gpus = [torch.cuda.mem_get_info(index) for index in range(torch.cuda.device_count())]
        return used, sum(total - free for free, total in gpus)

    def _running(self, name: str) -> tuple[Path, psutil.Process]:
        folder = self._existing(name).folder
        launcher = _launcher(folder)
        if launcher is None:
            raise ValueError(f"The run {name} is not running.")
        return folder, launcher

    def _existing(self, name: str) -> RunState:
        state = self.state(name)
        if state.stage is None:
            raise ValueError(f"There is no run {name} any more; choose another one.")
        return state

    # ------------------------------------------------------------------ what exists

    def data_folders(self) -> list[Path]:
        """The configured data folders and those in them that hold faces: an `index.csv`, or shards."""
        folders = dict.fromkeys(path for root in self.data for path in (root, *sorted(root.glob("*"))))
        return [path for path in folders if (path / "index.csv").exists() or next(path.glob("*.tar"), None)]

    def states(self) -> list[RunState]:
        """All runs, also those that were started elsewhere, the newest first."""
        found: list[tuple[float, Path]] = []
        for path in self.runs.glob("*"):
            with suppress(FileNotFoundError):  # deleted at this moment
                if _NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
                    found.append((path.stat().st_mtime, path))
        states = [self.state(path.name) for _, path in sorted(found, reverse=True)]
        return [state for state in states if state.stage is not None]

    def state(self, name: str) -> RunState:
        """One run; raises ValueError when the name is not allowed."""
        folder = self._run_folder(name)
        return state_of(folder, running=_launcher(folder) is not None)

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


def _environment() -> dict[str, str]:
    """The environment of a run: what it needs, and no secrets; runs that push to the hub start from a shell."""
    return {name: value for name, value in os.environ.items() if name.upper().startswith(_ENVIRONMENT)}


def _script(stage: str) -> Path:
    return ROOT / "lab" / f"{stage}.py"


def _children(launcher: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
    try:
        return launcher.children(recursive)
    except psutil.NoSuchProcess:
        return []


def _family(launcher: psutil.Process) -> list[psutil.Process]:
    """A run's processes; those of the trainers are in process groups of their own."""
    return [launcher, *_children(launcher, recursive=True)]


def _command_of(process: psutil.Process) -> list[str]:
    """The command of a process; empty when it has ended.

    Linux shows none for a moment while a program takes a process over, after `Popen` has returned.
    """
    limit = time.monotonic() + _TAKEOVER
    try:
        while not (command := process.cmdline()) and time.monotonic() < limit:
            time.sleep(0.002)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return []
    return command


def _launcher(folder: Path) -> psutil.Process | None:
    """The process of a run; None when it has ended, also where another process has its number now."""
    record = record_of(folder)
    try:
        process = psutil.Process(record["pid"])
        if LOCKS and (folder / LAUNCH_LOCK).exists():
            same = is_locked(folder / LAUNCH_LOCK)
        else:
            same = abs(process.create_time() - record["began"]) < _SAME_START
        same = same and str(folder) in _command_of(process)
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (KeyError, TypeError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
