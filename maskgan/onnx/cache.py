"""Exports of weights that are served without having been exported: made once, kept in the user's cache."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from maskgan.onnx.folder import FORMAT, is_export
from maskgan.snapshots import newest_snapshot, weights_hash


def exported(weights: Path, precision: str = "fp32") -> Path:
    """The folder of exported networks for some weights: that folder itself, or an export of a pipeline folder.

    The export runs in a process of its own, so that this one needs no torch. `precision`: what it holds beside fp32,
    see `maskgan.onnx.folder.PRECISIONS`.

    Raises:
        FileNotFoundError: there are no such weights, or nothing to export them with.
        ValueError: the export failed.
    """
    if is_export(weights):
        return weights
    folder = newest_snapshot(weights)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"{weights_hash(folder)[:16]}-{FORMAT}"
    out = cache / "maskgan-studio" / "onnx" / (name if precision == "fp32" else f"{name}-{precision}")
    if is_export(out):
        return out
    if find_spec("torch") is None:
        raise FileNotFoundError(
            f"{weights} holds weights of torch, which is not installed; give a folder that python -m maskgan "
            "export-onnx wrote on a computer that has it."
        )
    print(f"The weights are exported once to {out}; that takes a minute or two.", flush=True)
    command = [sys.executable, "-m", "maskgan", "export-onnx", "--weights", str(folder), "--out", str(out)]
    if precision != "fp32":
        command.append(f"--{precision}")
    root = Path(__file__).resolve().parents[2]
    if subprocess.run(command, cwd=root, check=False).returncode:
        raise ValueError(f"The weights {weights.name} could not be exported; see above.")
    return out
