"""Hot reload: the pipeline that serves is replaced when newer weights are published.

>>> serving = Serving(pipeline, folder=Path("runs/ebst/weights"))
>>> serving.start()
>>> pipeline = serving.current()  # once per request, which then uses one pipeline to its end

A pipeline is never modified; `Serving` only replaces the current one. Requests in progress finish with the pipeline
that they hold, and it is freed with the last of them. Faces made by an earlier pipeline are re-encoded by
`MaskGANPipeline.refresh`.
"""

from __future__ import annotations

import gc
import logging
import threading
from pathlib import Path

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.snapshots import ABOUT, WeightsRefused, newest_snapshot, weights_hash

_log = logging.getLogger(__name__)

#: Relative path, size, modification time and inode of every file in a folder.
Stamp = tuple[tuple[str, int, int, int], ...]


def stamp_of(folder: Path) -> Stamp:
    """A value that differs when any file of the folder has changed; raises FileNotFoundError without a folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder} any more; publish the weights again.")
    states = ((path.relative_to(folder).as_posix(), path.stat()) for path in folder.rglob("*") if path.is_file())
    return tuple(sorted((name, state.st_size, state.st_mtime_ns, state.st_ino) for name, state in states))


class Serving:
    """Holds the current pipeline and follows a folder of weights.

    Attributes:
        folder: the folder that is watched after `start`: a run, a weights folder, or a pipeline folder whose files are
            replaced; None for none.
        refused: one line that says why the newest weights were refused, while earlier ones go on serving; else None.
    """

    def __init__(self, pipeline: MaskGANPipeline, folder: Path | None = None) -> None:
        self.folder, self.refused = folder, None
        self._pipeline = pipeline
        self._swapping, self._following = threading.Lock(), threading.Lock()
        self._judged: Stamp | None = None  # of the weights that were last served or refused
        self._seen: Stamp | None = None  # at the last poll, of a folder without snapshot.json
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, pipeline: MaskGANPipeline | Serving) -> Serving:
        """A `Serving` that never replaces this pipeline; an existing `Serving` is returned as it is."""
        return pipeline if isinstance(pipeline, Serving) else cls(pipeline)

    def current(self) -> MaskGANPipeline:
        """The current pipeline; a request calls this once and keeps the result."""
        with self._swapping:
            return self._pipeline

    def serve(self, folder: Path) -> None:
        """Load and check a pipeline folder, serve it from the next request on, and stop following any folder.

        Raises:
            WeightsRefused: something is wrong with the folder; nothing has changed then.
        """
        try:
            pipeline = MaskGANPipeline.load(folder, self.current().device)
        except FileNotFoundError as problem:
            raise WeightsRefused(str(problem)) from problem
        self.follow(None)
        self._swap(pipeline)

    def follow(self, folder: Path | None, seconds: float = 2.0) -> None:
        """Watch this folder, or None for none, instead of the previous one; the current pipeline stays until then."""
        with self._following:
            self.stop()
            self.folder, self.refused, self._judged, self._seen = folder, None, None, None
            if folder is not None:
                self.start(seconds)

    def _swap(self, pipeline: MaskGANPipeline) -> None:
        with self._swapping:
            self._pipeline = pipeline
        _log.info("Serving the weights %s.", pipeline.weights)
        gc.unfreeze()  # see `uncollected`
        gc.collect()  # the old networks are large but few objects, too few to trigger a collection

    def poll(self) -> None:
        """Check once for newer weights and serve them if they are valid. Never raises for bad weights."""
        try:
            folder = newest_snapshot(self.folder)
            stamp = stamp_of(folder)
        except (OSError, ValueError) as problem:
            self._judged = None
            self._refuse(str(problem))
            return
        if stamp == self._judged:
            return
        complete = (folder / ABOUT).exists()  # files of other folders may still be being copied
        if not complete and stamp != self._seen:
            self._seen = stamp
            return
        try:
            pipeline = self._newer(folder)
            if not complete and stamp_of(folder) != stamp:
                return  # files changed while they were read
        except (OSError, ValueError) as problem:
            self._judged = stamp
            self._refuse(str(problem))
            return
        self._judged, self.refused = stamp, None
        if pipeline is not None:
            self._swap(pipeline)

    def _newer(self, folder: Path) -> MaskGANPipeline | None:
        """The pipeline in the folder; None when it is the current one. Raises WeightsRefused or OSError."""
        current = self.current()
        if weights_hash(folder) == current.weights.hash:
            return None
        return MaskGANPipeline.load(folder, current.device)

    def _refuse(self, line: str) -> None:
        if line != self.refused:
            _log.warning("%s The previous weights stay in use.", line)
        self.refused = line

    def start(self, seconds: float = 2.0) -> None:
        """Poll `folder` every `seconds` in a daemon thread until `stop`."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._watch, args=(seconds,), name="weights", daemon=True)
        self._thread.start()

    def _watch(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            try:
                self.poll()
            except Exception as problem:  # noqa: BLE001 - whatever lies in the folder, the next weights shall be seen
                self._judged = None
                self._refuse(f"The weights in {self.folder} cannot be used ({type(problem).__name__}: {problem}).")

    def stop(self) -> None:
        """Stop the thread of `start`; waits for a poll in progress."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()


__all__ = ["Serving", "WeightsRefused"]
