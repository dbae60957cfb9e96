"""Snapshots: trained weights as a run publishes them and the app finds them.

A *snapshot* is a pipeline folder (`model_index.json` and a folder per network) that is immutable once it has its final
name, and holds a `snapshot.json` as well:

    {"format": 1, "stage": "train_ebst", "step": 500, "created": "2020-06-14T09:00:00+00:00",
     "metrics": {"loss": 9.7, ...}, "hash": "...", "parent": "..." or null, "files": {"dmn/config.json": sha256, ...}}

`hash` identifies the weights: it is `weights_hash` of the folder. `parent` is the hash of the weights that the run
started from. A *weights folder* holds snapshots and `latest.json`, which is replaced atomically and names the newest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from maskgan.files import write_whole

#: Version of the format of `snapshot.json` and `latest.json`.
FORMAT = 1
LATEST = "latest.json"
ABOUT = "snapshot.json"
INDEX = "model_index.json"

#: Lines of a pipeline folder's card that show how to use it.
HOW_TO_LOAD = (
    "```python",
    "from maskgan import MaskGANPipeline",
    'pipeline = MaskGANPipeline.load("this folder")',
    "```",
    "",
)

#: Longest name of a stage or a snapshot, and largest file that tells about one.
_MAX_NAME, _MAX_BYTES = 200, 1_000_000


class WeightsRefused(ValueError):  # noqa: N818
    """Weights that cannot be used; the message is one sentence that names the folder and what is wrong."""


@dataclass(frozen=True)
class Weights:
    """Identifies the weights of a pipeline, so that a result can name what made it.

    hash: `weights_hash` of the folder that they were read from, "" for networks that were never saved; stage, step:
    of the run that published them, None for weights that no run published.
    """

    hash: str = ""
    stage: str | None = None
    step: int | None = None

    @classmethod
    def of(cls, folder: Path) -> Weights:
        """The weights in a pipeline folder."""
        return cls.described(weights_hash(folder), read_about(folder))

    @classmethod
    def described(cls, digest: str, about: Mapping[str, Any] | None) -> Weights:
        """The weights with this hash; `about` is the content of their `snapshot.json`, None without one."""
        about = about or {}
        return cls(digest, about.get("stage"), about.get("step"))

    @property
    def short_hash(self) -> str:
        """The first eight digits of the hash."""
        return self.hash[:8] or "unsaved"

    def __str__(self) -> str:
        origin = [] if self.stage is None else [self.stage]
        origin += [] if self.step is None else [f"step {self.step}"]
        return f"{self.short_hash} ({', '.join(origin)})" if origin else self.short_hash


def weight_files(folder: Path) -> list[Path]:
    """The weights and configuration files of a network or pipeline folder, sorted."""
    files = (path for suffix in ("safetensors", "json") for path in folder.rglob(f"*.{suffix}"))
    return sorted(path for path in files if path.name != ABOUT and path.is_file())  # a pipe would never end


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every weights and configuration file of a network or pipeline folder, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in weight_files(folder)
    }


def weights_hash(folder: Path) -> str:
    """One SHA-256 for the weights and configuration of a network or pipeline folder, as 64 hexadecimal digits."""
    return combined_hash(file_hashes(folder))


def combined_hash(hashes: Mapping[str, str]) -> str:
    """One SHA-256 for hashes of files by relative path (see `file_hashes`), as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def read_about(folder: Path) -> dict[str, Any] | None:
    """The content of a pipeline folder's `snapshot.json`; None when it has none.

    Raises:
        ValueError: when it is damaged or of a newer version of MaskGAN Studio.
    """
    path = folder / ABOUT
    if not path.exists():
        return None
    about = _read(path, path.name)
    files, stage, step = about.get("files"), about.get("stage"), about.get("step")
    whole = (
        isinstance(files, dict)
        and all(isinstance(value, str) for value in files.values())
        and isinstance(about.get("hash"), str)
        and (stage is None or (isinstance(stage, str) and len(stage) <= _MAX_NAME))
        and (step is None or (isinstance(step, int) and not isinstance(step, bool) and abs(step) < 2**53))
    )
    if not whole:
        raise ValueError(f"{path.name} is damaged; let the run publish again.")
    return about


def _read(path: Path, title: str) -> dict[str, Any]:
    """The object in a JSON file of a known version; raises ValueError for other content, OSError without a file."""
    damaged = f"{title} is damaged; let the run publish again."
    if path.exists() and not path.is_file():  # a pipe would never end
        raise ValueError(damaged)
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(damaged)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(damaged) from error
    version = content.get("format") if isinstance(content, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError(damaged)
    if version > FORMAT:
        raise ValueError(f"{title} was written by a newer version of MaskGAN Studio; update this one.")
    return content


def newest_snapshot(folder: Path) -> Path:
    """The pipeline folder to load from: `folder` itself, or the newest snapshot of a weights folder or a run.

    Raises:
        FileNotFoundError: the folder leads to no pipeline folder.
    """
    for place in (folder, folder / "weights"):
        if (place / INDEX).exists():
            return place
        if (place / LATEST).exists():
            return place / latest_name(place)
    raise FileNotFoundError(
        f"There are no MaskGAN weights in {folder}; give a pipeline folder (with {INDEX}) or a run's weights folder."
    )


def is_weights_folder(folder: Path) -> bool:
    """Whether this is a weights folder, or a run's folder, with at least one snapshot."""
    return not (folder / INDEX).exists() and any((place / LATEST).exists() for place in (folder, folder / "weights"))


def hash_of(folder: Path) -> str:
    """`weights_hash` of the pipeline that a folder leads to (see `newest_snapshot`), else of the network in it."""
    try:
        return weights_hash(newest_snapshot(folder))
    except FileNotFoundError:
        return weights_hash(folder)


def latest_name(weights: Path) -> str:
    """The name of the newest snapshot of a weights folder.

    Raises:
        FileNotFoundError: when the folder has none.
        ValueError: when `latest.json` is damaged or of a newer version of MaskGAN Studio.
    """
    path = weights / LATEST
    name = _read(path, str(path)).get("snapshot")
    if not isinstance(name, str) or len(name) > _MAX_NAME or "\0" in name:
        raise ValueError(f"{path} is damaged; let the run publish again.")
    if Path(name).name != name or name in ("", ".", ".."):
        raise ValueError(f"{path} names no folder beside it; let the run publish again.")
    return name


def network_folder(folder: Path, name: str) -> Path:
    """The folder of one network: `folder` itself, or the one called `name` in a pipeline, weights folder or run.

    Raises:
        FileNotFoundError: no such network is found.
    """
    if (folder / "config.json").exists() and not (folder / INDEX).exists() and not (folder / "checkpoints").exists():
        return folder
    try:
        found = newest_snapshot(folder) / name
    except FileNotFoundError:
        found = folder / name
    if not (found / "config.json").exists():
        raise FileNotFoundError(f"There is no {name} in {folder}; give the weights folder of a run that trained one.")
    return found


def publish(weights: Path, name: str, write: Callable[[Path], None], about: dict[str, Any], keep: int = 2) -> Path:
    """Add a snapshot to a weights folder atomically and make it the newest.

    Args:
        weights: the weights folder; created when missing.
        name: of the snapshot, which snapshots are sorted by; the first digits of its hash are appended.
        write: writes the pipeline into an empty folder.
        about: content of `snapshot.json` besides format, hash and files.
        keep: how many of the newest snapshots are kept.

    Returns:
        The snapshot's folder.
    """
    partial = weights / f"{name}.partial"
    for leftover in weights.glob("*.partial"):  # left by a process that was killed while writing
        shutil.rmtree(leftover)
    partial.mkdir(parents=True)
    write(partial)
    name = f"{name}-{weights_hash(partial)[:8]}"
    about = {"format": FORMAT, **about, "hash": weights_hash(partial), "files": file_hashes(partial)}
    (partial / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    for path in partial.rglob("*"):
        if path.is_file():
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    final = weights / name
    if final.exists():  # a run resumed from an earlier checkpoint has made it again
        shutil.rmtree(partial)
    else:
        partial.rename(final)
    write_whole(weights / LATEST, json.dumps({"format": FORMAT, "snapshot": name}) + "\n")
    whole = sorted(path.parent for path in weights.glob(f"*/{ABOUT}") if not path.parent.name.endswith(".partial"))
    for path in [path for path in whole if path != final][: 1 - keep or None]:
        shutil.rmtree(path)
    return final
