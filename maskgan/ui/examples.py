"""The example faces, prepared once for all visitors."""

from __future__ import annotations

import csv
import threading
from functools import cached_property
from pathlib import Path

import numpy as np

from maskgan.editing.edit import Face
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.mask_files import read_mask
from maskgan.serving.hot_reload import Serving
from maskgan.ui.gallery import Pictures
from maskgan.ui.kit import UsesWeights
from maskgan.ui.pictures import THUMBNAIL_SIDE, shrink
from maskgan.ui.session import OpenFace

#: Long side of a thumbnail in a strip, in pixels.
SIDE = 160

FOLDER = Path(__file__).parents[2] / "examples"


class Examples(UsesWeights):
    """Example pictures of a folder and their faces, ready to be opened.

    `images/ID.jpg` with `masks/ID.png` are aligned face crops (the folder is also data for the lab); pictures beside
    those folders go the way of a visitor's photo, and so do those in `people/`. Safe to use from several threads.

    Args:
        pipeline: prepares them.
        folder: that they lie in.
        people: whether those in `people/` come too, before all others. The page opens with the first example.
    """

    def __init__(self, pipeline: MaskGANPipeline | Serving, folder: Path = FOLDER, people: bool = False) -> None:
        patterns = [*(["people/*.jpg"] if people else []), "images/*.jpg", "*.jpg"]
        self.paths = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
        self.folder = folder
        self.serving = Serving.of(pipeline)
        self._faces: dict[int, Face] = {}
        self._lock = threading.Lock()

    def thumbnails(self, side: int = SIDE) -> Pictures:
        """Small pictures (h, w, 3) uint8 RGB in the order of `paths`; side: SIDE or THUMBNAIL_SIDE, the long one."""
        return self._small[side]

    @cached_property
    def _small(self) -> dict[int, Pictures]:
        small = {side: Pictures() for side in (SIDE, THUMBNAIL_SIDE)}
        for photo in map(read_photo, self.paths):
            for side, pictures in small.items():
                pictures.append(shrink(photo, side))
        return small

    def titles(self) -> list[str]:
        """What each example shows, in words, in the order of `paths`: from the folder's titles.csv, else its name."""
        told = self.folder / "titles.csv"
        rows = list(csv.DictReader(told.read_text(encoding="utf-8").splitlines())) if told.is_file() else []
        titles = {row["id"]: row["title"] for row in rows}
        return [titles.get(path.stem, path.stem.replace("_", " ")) for path in self.paths]

    def face(self, index: int) -> Face:
        """The prepared face of an example."""
        with self._lock:
            if index not in self._faces:
                self._faces[index] = self._prepare(self.paths[index])
            return self._faces[index]

    def open(self, index: int) -> OpenFace:
        """An example as a face of its own to edit.

        Raises ValueError when there is no such example.
        """
        if not 0 <= index < len(self.paths):
            raise ValueError("There is no such example; choose another one.")
        name = self.paths[index].stem
        return OpenFace.new(self.face(index), name, source=name)

    def photo(self, name: str) -> np.ndarray:
        """The photo (H, W, 3) uint8 RGB of the example of this name, as its face has it.

        Raises ValueError when there is no such example.
        """
        for index, path in enumerate(self.paths):
            if path.stem == name:
                return self.face(index).photo
        raise ValueError("An example that was open is no longer there; choose another one.")

    def prepare_in_background(self) -> None:
        """Prepare all of them in a thread, so that opening one takes no time."""

        def work() -> None:
            for index in range(len(self.paths)):
                self.face(index)

        threading.Thread(target=work, name="examples", daemon=True).start()

    def _prepare(self, path: Path) -> Face:
        photo = read_photo(path)
        if path.parent != self.folder / "images":
            return self.pipeline.prepare(photo)
        face = self.pipeline.prepare(photo, None)
        mask = read_mask(self.folder / "masks" / f"{path.stem}.png", face.mask.shape, order="celebamask")
        return self.pipeline.with_mask(face, mask)
