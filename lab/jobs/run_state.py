"""What can be seen of a training run from outside, read from its folder.

Beside what the trainer writes (`lab/training/run.py`) lie `process.json`, by which its process is found again, and
`log.txt`.
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

#: Lines of the log that are given, from at most so many bytes at its end.
_TAIL_LINES, _TAIL_BYTES = 40, 64_000

#: A sentence of `lab/training/launch.py` or argparse, with the name of the script before it; else the end of a
#: traceback.
_SENTENCE = re.compile(r"\w+\.py: (?:error: )?(.+)")
_EXCEPTION = re.compile(r"(?:\[rank\d+\]: ?)?((?:\w+\.)*\w*(?:Error|Exception|Interrupt)\b.*)")

#: What launchers say of a process that failed, after it has said why.
_LAUNCHERS = ("CalledProcessError", "ChildFailedError")


@dataclass(frozen=True)
class RunState:
    """What can be seen of a run from outside.

    stage: name of its script; going, stopping: whether its process is there, and was asked to end; max_steps: how many
    it shall do, None when unknown; stats: the newest line of `stats.jsonl`; checkpoints: names, oldest first; snapshot:
    name of the newest published one; sample: the newest picture; log: the last lines of what it printed; failure: why
    it ended, where that was not as it should.
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
    failure: str | None


def state_of(folder: Path, going: bool) -> RunState:
    """The state of the run in `folder`; what is missing or damaged is left out."""
    record, log = record_of(folder), _tail(folder / LOG)
    log_start = record.get("log_start")  # of the last start, which alone tells why it failed
    samples = [path for path in (folder / "samples").glob("*") if path.suffix in (".jpg", ".png")]
    checkpoints = sorted(path.name for path in (folder / "checkpoints").glob("step-*") if path.suffix != ".partial")
    try:
        snapshot = latest_name(folder / "weights")
    except (OSError, ValueError):
        snapshot = None
    return RunState(
        name=folder.name,
        folder=folder,
        stage=stage_of(folder),
        going=going,
        stopping=going and record.get("stopping", False),
        max_steps=_json(folder / "config.json").get("max_steps"),
        stats=_newest_stats(folder),
        checkpoints=tuple(checkpoints),
        snapshot=snapshot,
        sample=max(samples, default=None, key=lambda path: path.name),
        log="\n".join(log[-_TAIL_LINES:]),
        failure=None if going else _failure(_tail(folder / LOG, log_start if isinstance(log_start, int) else 0)),
    )


def record_of(folder: Path) -> dict[str, Any]:
    """What was noted when the run was started; nothing when that was elsewhere."""
    return _json(folder / RECORD)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Note it in place of what was noted before, all or nothing."""
    write_whole(folder / RECORD, json.dumps(record, indent=2) + "\n")


def stage_of(folder: Path) -> str | None:
    """The name of its script; None when `folder` is no run."""
    return _json(folder / "config.json").get("stage") or record_of(folder).get("stage")


def _json(path: Path) -> dict[str, Any]:
    """The content of a JSON file, nothing when it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _tail(path: Path, start: int = 0) -> list[str]:
    """The last lines of a text file from byte `start` on, none when it is missing.

    Of a progress bar only what it showed last.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(start, size - _TAIL_BYTES))
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


def _failure(log: list[str]) -> str | None:
    """The sentence in a log that says why the run failed, else the last exception; None when there is neither."""
    for pattern in (_SENTENCE, _EXCEPTION):
        for line in reversed(log):
            found = pattern.fullmatch(line)
            if found and not any(name in line for name in _LAUNCHERS):
                return found.group(1)
    return None
