"""Networks of torch -> a folder of ONNX files whose answers were compared with torch's.

>>> export(networks, weights, Path("shared"), licence="MIT", precisions=("fp32", "int8"))

The folder appears when all files are written and compared; a refused export leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import onnx
from diffusers import ModelMixin

from maskgan.onnx.card import card
from maskgan.onnx.comparison import Case, ExportRefused, Faces, cases, compared, real_case
from maskgan.onnx.folder import PRECISIONS, Manifest, file_name, is_export
from maskgan.onnx.parts import Part, parts_of, style_names
from maskgan.onnx.precision import QUANTISED, loss_of_int8, to_half, to_int8
from maskgan.onnx.trace import describe, traced
from maskgan.sizes import NETWORK_SIZE
from maskgan.snapshots import Weights

#: Told of each file: its name, how many are done, and of how many.
Progress = Callable[[str, int, int], None]


def check_place(out: Path) -> None:
    """Refuse a folder whose content an export would replace, unless that is an earlier export.

    Raises:
        ValueError: it is no folder, or holds something else.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; give a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not is_export(out):
        raise ValueError(f"{out} holds something else than exported networks; give a new folder with --out.")


def export(
    networks: Mapping[str, ModelMixin],
    weights: Weights,
    out: Path,
    *,
    licence: str,
    precisions: Collection[str] = ("fp32",),
    faces: Faces | None = None,
    progress: Progress = lambda name, done, total: None,
    finish: Callable[[Path], None] = lambda folder: None,
) -> Manifest:
    """Write all parts of the networks into a folder, which replaces an earlier export there.

    Args:
        networks: by their names in the registry, on the CPU, in eval mode and float32.
        weights: their identity, written into every file.
        out: the folder.
        licence: of the weights.
        precisions: of PRECISIONS; fp32 is always written.
        faces: what answers are compared on, beside random inputs; the example faces by themselves.
        progress: called before each file, and at the end.
        finish: called with the whole folder before it appears, to put more into it.

    Raises:
        ExportRefused: a file computes something else than its network, or is no valid model.
        ValueError: the folder holds something else.
    """
    check_place(out)
    partial = out.with_name(f"{out.name}.partial")
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        manifest = _Export(networks, weights, partial, licence, faces or Faces(), progress).write(precisions)
        finish(partial)
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


class _Export:
    def __init__(
        self,
        networks: Mapping[str, ModelMixin],
        weights: Weights,
        folder: Path,
        licence: str,
        faces: Faces,
        progress: Progress,
    ) -> None:
        self.networks, self.weights, self.folder, self.licence = networks, weights, folder, licence
        self.faces, self.progress = faces, progress
        self.parts = {part.name: part for part in parts_of(networks)}
        self.files: dict[str, str] = {}
        self.differences: dict[str, dict[str, float]] = {}

    def write(self, precisions: Collection[str]) -> Manifest:
        wanted = [name for name in PRECISIONS if name == "fp32" or name in precisions]
        tasks = [(part, precision) for part in self.parts.values() for precision in wanted]
        tasks = [(part, precision) for part, precision in tasks if precision != "int8" or part.name in QUANTISED]
        known: list[Case] = []
        for done, (part, precision) in enumerate(tasks):
            self.progress(file_name(part.name, precision), done, len(tasks))
            if precision == "fp32":
                known = list(cases(self.parts, part.name, self.faces))
                self.add_traced(part, known)
            elif precision == "fp16":
                self.add_half(part, known)
            else:
                self.add_int8(part)
        manifest = self.manifest()
        manifest.write(self.folder)
        (self.folder / "README.md").write_text(card(self.parts, manifest, self.folder), encoding="utf-8")
        self.progress("", len(tasks), len(tasks))
        return manifest

    def add_traced(self, part: Part, known: list[Case]) -> None:
        name = self._save(traced(part), part, "fp32")
        self.differences[name] = compared(part, self.folder / name, "fp32", known)

    def add_half(self, part: Part, known: list[Case]) -> None:
        name = self._save(to_half(onnx.load(self.folder / file_name(part.name))), part, "fp16")
        self.differences[name] = compared(part, self.folder / name, "fp16", known)

    def add_int8(self, part: Part) -> None:
        """Calibrated on every second example, measured on the others."""
        every = [real_case(self.parts, part.name, self.faces, number, 1) for number in range(len(self.faces))]
        name = file_name(part.name, "int8")
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        to_int8(self.folder / file_name(part.name), path, every[::2])
        self._save(onnx.load(path), part, "int8")
        self.differences[name] = loss_of_int8(path, every[1::2])

    def _save(self, model: onnx.ModelProto, part: Part, precision: str) -> str:
        """Write a model with its metadata, check the file, and note its hash."""
        describe(model, part, precision, self.weights.hash, self.licence)
        name = file_name(part.name, precision)
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        onnx.save(model, path)
        try:
            onnx.checker.check_model(str(path), full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            first = str(error).strip().splitlines()[0]
            raise ExportRefused(f"The exported {name} is no valid model ({first}); nothing was written.") from error
        self.files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        return name

    def manifest(self) -> Manifest:
        dmn, vae = self.networks.get("dmn"), self.networks.get("mask_vae")
        return Manifest(
            self.weights,
            self.licence,
            () if dmn is None else style_names(dmn),
            None if dmn is None or dmn.config.style_scope == "vector" else NETWORK_SIZE,
            None if vae is None else vae.mask_size,
            self.files,
            self.differences,
        )
