"""What can be seen of a training run from outside, read from its folder.

Beside what the trainer writes (`config.json`, `stats.jsonl`, `samples/`, `checkpoints/`, `weights/`) the folder holds
`process.json`, by which the process of the run is found again, and `log.txt`, all that it printed.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskgan.files import write_whole
from maskgan.snapshots import latest_name

RECORD, LOG = "process.json", "log.txt"

#: What a run found in its data folders: a list with `folder`, `used`, `apart`, `left_out` (ids by reason) and
#: `sentence` of each.
DATA = "data.json"

#: Files that are locked while a run goes on: by its launcher where the lab has started it, and by its trainer.
LAUNCH_LOCK, RUN_LOCK = "launch.lock", "run.lock"

#: Larger numbers in a file are damage: a float holds no whole one exactly, and some no longer fit into one.
_MOST = 2**53

#: Lines of the log that are given, from at most so many bytes at its end.
_TAIL_LINES, _TAIL_BYTES = 40, 64_000

#: A script's sentence, after its name, on why it ended; otherwise the last line of a traceback.
_SENTENCE = re.compile(r"\w+\.py: (?:error: )?(.+)")
_EXCEPTION = re.compile(r"(?:\[rank\d+\]: ?)?((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)")

#: What launchers say of a process that failed, after it has said why.
_LAUNCHERS = ("CalledProcessError", "ChildFailedError")


@dataclass(frozen=True)
class RunState:
    """What can be seen of a run from outside.

    Attributes:
        name, folder: of the run; the folder is called by the name.
        stage: name of its script, None when the folder is not a run.
        running: whether its process exists.
        stopping: whether a running process was asked to end.
        max_steps: how many steps the run is meant to take, None when unknown.
        stats: the newest line of `stats.jsonl`, empty before the first one.
        checkpoints: names of the complete ones, oldest first.
        snapshot: name of the newest published weights, None before the first.
        sample: the newest sample picture.
        log: the last lines that the run printed.
        failure: a sentence on why it ended, None unless it failed.
    """

    name: str
    folder: Path
    stage: str | None
    running: bool
    stopping: bool
    max_steps: int | None
    stats: dict[str, float]
    checkpoints: tuple[str, ...]
    snapshot: str | None
    sample: Path | None
    log: str
    failure: str | None


def state_of(folder: Path, running: bool) -> RunState:
    """The state of the run in `folder`; missing and damaged files count as empty ones."""
    record, log = record_of(folder), _tail(folder / LOG)
    log_start = record.get("log_start")  # of the last start, which alone tells why it failed
    samples = [path for path in (folder / "samples").glob("[!.]*") if path.suffix in (".jpg", ".png")]
    checkpoints = sorted(path.name for path in (folder / "checkpoints").glob("step-*") if path.suffix != ".partial")
    try:
        snapshot = latest_name(folder / "weights")
    except (OSError, ValueError):
        snapshot = None
    return RunState(
        name=folder.name,
        folder=folder,
        stage=stage_name(folder),
        running=running,
        stopping=running and record.get("stopping", False),
        max_steps=steps if is_number(steps := config_of(folder).get("max_steps")) else None,
        stats=_newest_stats(folder),
        checkpoints=tuple(checkpoints),
        snapshot=snapshot,
        sample=max(samples, default=None, key=lambda path: path.name),
        log="\n".join(log[-_TAIL_LINES:]),
        failure=None if running else _failure(_tail(folder / LOG, log_start if isinstance(log_start, int) else 0)),
    )


def data_told(folder: Path) -> list[str]:
    """What a run told of its data folders, a sentence for each; empty before it did, and when the file is damaged."""
    try:
        return [str(each["sentence"]) for each in json.loads((folder / DATA).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return []


def record_of(folder: Path) -> dict[str, Any]:
    """The content of `process.json`; empty when the run was started from a shell."""
    return _json(folder / RECORD)


def config_of(folder: Path) -> dict[str, Any]:
    """The settings of a run; empty when it has none yet."""
    return _json(folder / "config.json")


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Replace `process.json`, which is never seen half-written."""
    write_whole(folder / RECORD, json.dumps(record, indent=2) + "\n")


def stage_name(folder: Path) -> str | None:
    """The name of the script of the run in `folder`; None when the folder is not a run."""
    return config_of(folder).get("stage") or record_of(folder).get("stage")


def _json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when the file is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _tail(path: Path, start: int = 0, most: int = _TAIL_BYTES) -> list[str]:
    """The last lines of a text file from byte `start` on, of `most` bytes; none when the file is missing.

    A progress bar, which overwrites its line with carriage returns, counts as what it showed last.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start, size - most))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return [line for line in lines if line]


def _newest_stats(folder: Path) -> dict[str, float]:
    for most in (_TAIL_BYTES, 64 * _TAIL_BYTES):
        for line in reversed(_tail(folder / "stats.jsonl", most=most)):
            try:
                return numbers_in(line)
            except ValueError:  # damaged, or the line that is being written
                continue
    return {}


def numbers_in(line: str) -> dict[str, float]:
    """The numbers in a line of `stats.jsonl`, by name.

    Raises ValueError when it holds something else, or no step.
    """
    try:
        told = json.loads(line)
    except RecursionError as error:
        raise ValueError("The line is damaged.") from error
    if not isinstance(told, dict) or not all(map(is_number, told.values())) or told.get("step", -1) < 0:
        raise ValueError("The line is damaged.")
    return told


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a number that can be shown and drawn."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _MOST


def _failure(log: list[str]) -> str | None:
    """The sentence in a log that says why the run failed, else the last exception; None when there is neither."""
    for pattern in (_SENTENCE, _EXCEPTION):
        for line in reversed(log):
            found = pattern.fullmatch(line)
            if found and not any(name in line for name in _LAUNCHERS):
                return found.group(1)
    return None
