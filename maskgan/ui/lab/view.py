"""What the Lab tab shows of a run, read from its folder: curves, published weights, its facts in a line."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from maskgan.run_folder import RunState, data_told, is_number, numbers_in
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import ABOUT, latest_name, read_about

#: Points of a curve at most; longer ones are averaged down.
POINTS = 240

#: Of `stats.jsonl`, what is no loss.
_NO_LOSS = {"step", "learning_rate", "images_per_second", "seconds_left", "waiting_for_data"}


@dataclass(frozen=True)
class Snapshot:
    """Weights that a run published: their folder, and a line about them with their metrics."""

    folder: Path
    title: str


def losses_of(state: RunState) -> tuple[str, ...]:
    """The names of a run's losses, that of the whole first."""
    return tuple(sorted((name for name in state.stats if name not in _NO_LOSS), key=lambda name: name != "loss"))


def curves(folder: Path, losses: Sequence[str]) -> pd.DataFrame | None:
    """Columns step, value and loss of a run; None when there is nothing to draw."""
    lines = []
    try:
        with (folder / "stats.jsonl").open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    lines.append(numbers_in(line))
                except ValueError:  # the line that is being written
                    continue
    except OSError:
        return None
    table = pd.DataFrame(lines)
    losses = [name for name in losses if name in table]
    if not losses or "step" not in table:
        return None
    table = table[["step", *losses]].groupby(table.index // -(-len(table) // POINTS)).mean()
    return table.melt("step", losses, "loss", "value").dropna()[["step", "value", "loss"]]


def snapshots(folder: Path) -> list[Snapshot]:
    """The weights that a run published, the newest first; damaged ones are left out."""
    weights, found = folder / "weights", []
    try:
        newest = latest_name(weights)
    except (OSError, ValueError):
        newest = None
    for path in sorted((path.parent for path in weights.glob(f"*/{ABOUT}")), key=lambda path: path.name, reverse=True):
        try:
            about = read_about(path)
        except (OSError, ValueError):
            continue
        if about is None or path.name.endswith(".partial"):
            continue
        measured = about.get("metrics")
        numbers = measured.items() if isinstance(measured, dict) else ()
        metrics = ", ".join(f"{name} {value:.4g}" for name, value in numbers if is_number(value))
        line = f"step {about.get('step')}{' (newest)' if path.name == newest else ''}"
        found.append(Snapshot(path, f"{line}: {metrics}" if metrics else line))
    return found


def status(state: RunState) -> str:
    """In a word or two, what a run does."""
    if state.running:
        return "stopping" if state.stopping else ("running" if state.stats else "starting")
    if state.failure:
        return "failed"
    finished = state.max_steps is not None and state.stats.get("step", 0) >= state.max_steps
    return "finished" if finished else "ended"


def row(state: RunState, learns: str) -> list[str]:
    """A run's line in the list: name, what it `learns`, status, step, loss, newest weights."""
    stats = state.stats
    loss = next((f"{stats[name]:.4g}" for name in losses_of(state)[:1]), "")
    return [state.name, learns, status(state), _number(stats.get("step")), loss, state.snapshot or ""]


def facts(state: RunState | None, memory: tuple[int, int]) -> str:
    """A run's numbers as HTML; memory: bytes, of its processes and on the GPUs."""
    if state is None:
        return "<p class='lab-facts'>No run yet: choose what to learn and from which faces, then press Start.</p>"
    stats, most = state.stats, state.max_steps
    said: list[tuple[str, str]] = [("State", status(state))]
    if "step" in stats:
        said.append(("Step", _number(stats["step"]) + (f" of {_number(most)}" if most else "")))
    if "images_per_second" in stats:
        said.append(("Faces a second", f"{stats['images_per_second']:.3g}"))
    if state.running and "seconds_left" in stats:
        said.append(("Time left", duration(stats["seconds_left"])))
    sizes = {"Memory": memory[0], "GPU memory": memory[1]}
    said += [(name, f"{size / 2**30:.1f} GiB") for name, size in sizes.items() if size]
    said.append(
        ("Saved at steps", ", ".join(name.removeprefix("step-").lstrip("0") for name in state.checkpoints) or "–")
    )
    cells = "".join(f"<span><b>{html.escape(name)}</b> {html.escape(value)}</span>" for name, value in said)
    data = "".join(f"<p class='lab-data'>{html.escape(line)}</p>" for line in data_told(state.folder))
    why = f"<p class='lab-failure' role='alert'>{html.escape(state.failure)}</p>" if state.failure else ""
    return f"<p class='lab-facts' role='status'>{cells}</p>{data}{why}"


def in_use(serving: Serving) -> str:
    """A line about the weights that the page uses, and the run that it follows, as HTML."""
    line = f"The page edits with the network {serving.current().weights}"
    if serving.folder is not None:
        line += f" and follows {serving.folder.name}"
    return f"<p class='made-by'>{html.escape(line)}.</p>"


def duration(seconds: float) -> str:
    """4000 -> "1 h 6 min"."""
    minutes = int(max(0, seconds)) // 60
    if minutes < 1:
        return "under a minute"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def _number(value: Any) -> str:
    return "" if value is None else f"{int(value):,}"
