"""A folder of exported networks: `onnx.json`, `README.md`, and a file per part and precision.

    onnx.json
    parser.onnx, style_encoder.onnx, ...         fp32
    fp16/parser.onnx, ..., int8/parser.onnx, ...

`onnx.json` says whose weights they are, what the editor has to know of the networks, and the SHA-256 of every file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from maskgan.snapshots import Weights, WeightsRefused

MANIFEST = "onnx.json"

#: Version of the format of the folder: since 2 generators draw rectangles.
FORMAT = 2

#: What networks are cut into, each a file.
PARTS = (
    "parser",
    "style_encoder",
    "generator",
    "generator_kept",
    "mask_encoder",
    "mask_decoder",
    "alpha_blender",
)

PRECISIONS = ("fp32", "fp16", "int8")


def file_name(part: str, precision: str = "fp32") -> str:
    """Where a part lies in the folder."""
    return f"{part}.onnx" if precision == "fp32" else f"{precision}/{part}.onnx"


def is_export(folder: Path) -> bool:
    """Whether the folder was written by `python -m maskgan export-onnx`."""
    return (folder / MANIFEST).is_file()


@dataclass(frozen=True)
class Manifest:
    """The content of `onnx.json`.

    weights: whose they are; licence: of the weights; style: names of the arrays that make a style, in order;
    drawing_size: side in pixels at which whole faces are drawn at most, None for any; mask_size: side of MaskVAE's
    masks, None without MaskVAE; files: SHA-256 by name; differences: by file, how far it is from torch.
    """

    weights: Weights
    licence: str
    style: tuple[str, ...] = ()
    drawing_size: int | None = None
    mask_size: int | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    differences: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def has(self, part: str, precision: str = "fp32") -> bool:
        """Whether the folder holds this part."""
        return file_name(part, precision) in self.files

    def write(self, folder: Path) -> None:
        """Write `onnx.json`."""
        weights = {"hash": self.weights.hash, "stage": self.weights.stage, "step": self.weights.step}
        content = {"format": FORMAT, **self.__dict__, "weights": weights}
        (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read `onnx.json`.

        Raises:
            FileNotFoundError: the folder has none.
            WeightsRefused: it is damaged, or of another version of MaskGAN Studio.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise FileNotFoundError(
                f"There are no exported networks in {folder}; python -m maskgan export-onnx --out FOLDER writes them."
            )
        try:
            return cls._checked(json.loads(path.read_text(encoding="utf-8")))
        except WeightsRefused:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsRefused(f"The {MANIFEST} in {folder.name} is damaged; export the networks again.") from error

    @classmethod
    def _checked(cls, content: dict[str, Any]) -> Manifest:
        if int(content["format"]) > FORMAT:
            raise WeightsRefused(f"{MANIFEST} was written by a newer version of MaskGAN Studio; update this one.")
        if int(content["format"]) < FORMAT:
            raise WeightsRefused(f"{MANIFEST} was written by an older version of MaskGAN Studio; export again.")
        weights, files = content["weights"], content["files"]
        sizes = [content["drawing_size"], content["mask_size"]]
        if any(size is not None and not (isinstance(size, int) and 0 < size <= 4096) for size in sizes):
            raise ValueError("a size that is none")
        if not all(isinstance(text, str) for text in (*files, *files.values(), *content["style"], weights["hash"])):
            raise ValueError("names that are none")
        named = Weights(weights["hash"], weights["stage"], weights["step"])
        return cls(named, content["licence"], tuple(content["style"]), *sizes, files, content["differences"])


def read_part(folder: Path, manifest: Manifest, part: str, precision: str = "fp32") -> bytes:
    """The file of a part, after comparing its hash with the manifest's.

    Raises:
        WeightsRefused: it is missing or another file than the one that was exported.
    """
    name = file_name(part, precision)
    if name not in manifest.files:
        raise WeightsRefused(f"The exported networks in {folder.name} have no {name}; export them again.")
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise WeightsRefused(f"{name} in {folder.name} cannot be read ({error.strerror}); export again.") from error
    if hashlib.sha256(content).hexdigest() != manifest.files[name]:
        raise WeightsRefused(f"{name} in {folder.name} is not the file that was exported; export the networks again.")
    return content
