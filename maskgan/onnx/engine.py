"""The engine on ONNX Runtime, see `maskgan.editing.engine`: an exported folder, no torch."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnxruntime as ort

from maskgan.onnx.folder import PARTS, Manifest, file_name, read_part
from maskgan.snapshots import Weights, WeightsRefused
from maskgan.styles import RegionStyle, Style, VectorStyle

#: Execution providers by device.
_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider", "mps": "CoreMLExecutionProvider"}

_NEEDED = ("parser", "style_encoder", "generator")


class OnnxEngine:
    """The files that `python -m maskgan export-onnx` wrote; each is opened when it is first needed.

    Args:
        folder: what was exported, with `onnx.json`.
        device: "cpu" (by default), "cuda" or "mps", where the installed ONNX Runtime has it.
        precision: of PRECISIONS; parts that were not exported in it run in fp32.

    Raises:
        FileNotFoundError: the folder holds no exported networks.
        WeightsRefused: they are damaged, or no whole editor.
        ValueError: there is no such device, or nothing in that precision.
    """

    def __init__(self, folder: Path, device: str | None = None, precision: str = "fp32") -> None:
        self.folder, self.device = folder, device or "cpu"
        provider = _PROVIDERS.get(self.device)
        if provider not in ort.get_available_providers():
            raise ValueError(f"The installed ONNX Runtime has no {self.device}; choose --device cpu.")
        self._providers = list(dict.fromkeys([provider, _PROVIDERS["cpu"]]))
        self.manifest = Manifest.read(folder)
        missing = [part for part in _NEEDED if not self.manifest.has(part)]
        if missing or self.manifest.style not in (RegionStyle._fields, VectorStyle._fields):
            raise WeightsRefused(
                f"The exported networks in {folder.name} are no whole editor; export a whole pipeline."
            )
        if not any(self.manifest.has(part, precision) for part in PARTS):
            raise ValueError(f"{folder.name} holds no networks in {precision}; export them with --{precision}.")
        self.precision = precision
        self._sessions: dict[str, ort.InferenceSession] = {}
        self._opening = threading.Lock()

    @property
    def weights(self) -> Weights:
        """Of the networks that were exported."""
        return self.manifest.weights

    @property
    def kept(self) -> bool:
        """See `Engine.kept`."""
        return self.manifest.has("generator_kept")

    @property
    def drawing_size(self) -> int | None:
        """See `Engine.drawing_size`."""
        return self.manifest.drawing_size

    @property
    def mask_size(self) -> int | None:
        """See `Engine.mask_size`."""
        return self.manifest.mask_size

    def _run(self, part: str, outputs: list[str] | None, **inputs: np.ndarray) -> list[np.ndarray]:
        with self._opening:
            if part not in self._sessions:
                self._sessions[part] = self._open(part)
            session = self._sessions[part]
        names = {value.name for value in session.get_inputs()}
        return session.run(outputs, {name: value for name, value in inputs.items() if name in names})

    def _open(self, part: str) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.log_severity_level = 3
        # Memory goes back when a run ends: an editor waits for people most of the time.
        options.enable_cpu_mem_arena = False
        precision = self.precision if self.manifest.has(part, self.precision) else "fp32"
        content = read_part(self.folder, self.manifest, part, precision)
        try:
            return ort.InferenceSession(content, options, providers=self._providers)
        except Exception as error:
            first = str(error).strip().splitlines()[0]
            name = file_name(part, precision)
            raise WeightsRefused(f"ONNX Runtime cannot open {name} of {self.folder.name} ({first}).") from error

    def parse(self, picture: np.ndarray) -> np.ndarray:
        """See `Engine.parse`."""
        return self._run("parser", ["probabilities"], image=_image(picture))[0][0]

    def encode_style(self, picture: np.ndarray, mask: np.ndarray) -> Style:
        """A style of arrays; see `Engine.encode_style`."""
        names = self.manifest.style
        arrays = self._run("style_encoder", list(names), image=_image(picture), mask=_ids(mask)[None])
        return (VectorStyle if names == VectorStyle._fields else RegionStyle)(*arrays)

    def draw(self, mask: np.ndarray, style: Style, kept: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """See `Engine.draw`."""
        given = {"mask": _ids(mask)[None], **style._asdict()}
        if kept is not None:
            known = kept[1][None, None].astype(np.float32)
            given["kept"] = np.concatenate([_image(kept[0]) * known, known * 2 - 1], 1)
        image = self._run("generator" if kept is None else "generator_kept", ["image"], **given)[0]
        return np.ascontiguousarray((image[0].clip(-1, 1) + 1).transpose(1, 2, 0) * np.float32(127.5))

    def encode_mask(self, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `Engine.encode_mask`."""
        mean, logvar = self._run("mask_encoder", ["mean", "logvar"], mask=_ids(masks))
        return mean, logvar

    def decode_mask(self, z: np.ndarray) -> np.ndarray:
        """See `Engine.decode_mask`."""
        return self._run("mask_decoder", ["logits"], z=np.asarray(z, np.float32))[0]


def _image(picture: np.ndarray) -> np.ndarray:
    """(S, S, 3) in 0..255 -> (1, 3, S, S) float32 in [-1, 1]."""
    return np.ascontiguousarray(picture.astype(np.float32).transpose(2, 0, 1)[None] / np.float32(127.5) - np.float32(1))


def _ids(mask: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(mask, np.uint8)
