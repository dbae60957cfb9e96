"""Writing a folder in the plain format (`lab/data/faces.py` reads it) so that a killed run goes on where it stopped.

Beside `images/ID.jpg`, `masks/ID.png` and `index.csv` the folder holds `settings.json` (what it was made with) and
`progress.jsonl`, one line per source that is done:

    {"source": "...", "ids": ["..."], "bytes": [[image, mask], ...], ...what the script adds}

Files are written beside and renamed; a face counts as whole while its two files have the sizes of that line.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from maskgan.files import remove_partial_files, write_whole

_JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, 95),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)


def face_paths(folder: Path, id: str) -> tuple[Path, Path]:
    """Where the image and the mask of a face lie."""
    return folder / "images" / f"{id}.jpg", folder / "masks" / f"{id}.png"


def write_face(folder: Path, id: str, image: np.ndarray, mask: np.ndarray) -> list[int]:
    """Write an image (H, W, 3) uint8 RGB and its mask (H, W) uint8 (0..18, 255 = unknown); returns both file sizes.

    The mask is a grey PNG of class ids, the image a JPEG of quality 95 with its colours at full resolution.
    """
    sizes = []
    for path, picture, options in zip(face_paths(folder, id), (image[..., ::-1], mask), (_JPEG, ()), strict=True):
        data = cv2.imencode(path.suffix, picture, options)[1].tobytes()
        write_whole(path, data)
        sizes.append(len(data))
    return sizes


def remove_face(folder: Path, id: str) -> None:
    """Delete what an earlier run wrote of a face."""
    for path in face_paths(folder, id):
        path.unlink(missing_ok=True)


class PlainFolder:
    """A folder in the plain format that is being written.

    Args:
        folder: made when missing.
        settings: everything that changes what is written.

    Raises:
        ValueError: when the folder was made with other settings, or holds something else.
    """

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder = folder
        path = folder / "settings.json"
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            changed = [key for key in settings if before.get(key) != settings[key]]
            if changed:
                was = ", ".join(f"{key} {before.get(key)}" for key in changed)
                raise ValueError(f"{folder} was made with {was}; use the same again, or choose another folder.")
        elif (folder / "index.csv").exists():
            raise ValueError(f"{folder} holds other faces already; choose another folder.")
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            remove_partial_files(folder / name)
        write_whole(path, json.dumps(settings, indent=2) + "\n")
        self.progress = folder / "progress.jsonl"
        #: The newest line of each source.
        self.done: dict[str, dict[str, Any]] = {}
        self._read_progress()

    def _read_progress(self) -> None:
        text = self.progress.read_text(encoding="utf-8") if self.progress.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the last line was cut short
            write_whole(self.progress, whole)
        for line in whole.splitlines():
            entry = json.loads(line)
            self.done[entry["source"]] = entry

    def is_whole(self, entry: dict[str, Any]) -> bool:
        """Whether all files of an entry are on disk with the sizes that were written."""
        for id, sizes in zip(entry["ids"], entry["bytes"], strict=True):
            for path, size in zip(face_paths(self.folder, id), sizes, strict=True):
                if not path.exists() or path.stat().st_size != size:
                    return False
        return True

    def record(self, entry: dict[str, Any]) -> None:
        """Note a source as done; its faces must be written already."""
        with self.progress.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        self.done[entry["source"]] = entry

    def write_index(self, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
        """Write `index.csv`; `columns` starts with id and split."""
        write_whole(self.folder / "index.csv", csv_text(rows, columns))


def csv_text(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Rows as CSV with a header; keys beyond `columns` are left out."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
