"""The pipeline that serves, and its exchange for newer weights while it does.

>>> serving = Serving(pipeline, folder=Path("runs/ebst/weights"))
>>> serving.start()
>>> pipeline = serving.current()  # at the start of a request; its end still uses the same

A pipeline never changes; `Serving` only changes which one is the current. Requests that hold the former finish with
it, and with the last of them it is gone. Faces of the former are renewed by `MaskGANPipeline.own`.
"""

from __future__ import annotations

import gc
import logging
import threading
from pathlib import Path

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.networks.checkpoints import WeightsRefused
from maskgan.snapshots import ABOUT, newest_snapshot, weights_hash

_log = logging.getLogger(__name__)

#: Size, time of change and number on disk of every file in a folder, by relative path.
Stamp = tuple[tuple[str, int, int, int], ...]


def stamp_of(folder: Path) -> Stamp:
    """What changes when a file of the folder does; raises FileNotFoundError when there is no such folder."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder} any more; publish the weights again.")
    states = ((path.relative_to(folder).as_posix(), path.stat()) for path in folder.rglob("*") if path.is_file())
    return tuple(sorted((name, state.st_size, state.st_mtime_ns, state.st_ino) for name, state in states))


class Serving:
    """Holds the pipeline that serves and follows a folder of weights.

    Attributes:
        folder: what is watched after `start`: a run, a weights folder, or a pipeline folder whose files are replaced;
            None for nothing.
        refused: one line about the newest weights, when they were refused and older ones go on serving; else None.
    """

    def __init__(self, pipeline: MaskGANPipeline, folder: Path | None = None) -> None:
        self.folder, self.refused = folder, None
        self._pipeline = pipeline
        self._swapping, self._following = threading.Lock(), threading.Lock()
        self._judged: Stamp | None = None  # served or refused
        self._glimpsed: Stamp | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of(cls, pipeline: MaskGANPipeline | Serving) -> Serving:
        """A pipeline that is served for good; a `Serving` as it is."""
        return pipeline if isinstance(pipeline, Serving) else cls(pipeline)

    def current(self) -> MaskGANPipeline:
        """The pipeline that serves now, with its `weights`; a request asks once and keeps it."""
        with self._swapping:
            return self._pipeline

    def serve(self, folder: Path) -> None:
        """Load a pipeline folder aside, check it, let it serve from the next request on, and follow nothing any more.

        Raises:
            WeightsRefused: when anything is wrong with it; all stays as it was.
        """
        try:
            pipeline = MaskGANPipeline.load(folder, str(self.current().dmn.device))
        except FileNotFoundError as problem:
            raise WeightsRefused(str(problem)) from problem
        self.follow(None)
        self._swap(pipeline)

    def follow(self, folder: Path | None, seconds: float = 2.0) -> None:
        """Watch this folder in place of the one before, or none; what serves now does so until there is better."""
        with self._following:
            self.stop()
            self.folder, self.refused, self._judged, self._glimpsed = folder, None, None, None
            if folder is not None:
                self.start(seconds)

    def _swap(self, pipeline: MaskGANPipeline) -> None:
        with self._swapping:
            self._pipeline = pipeline
        _log.info("Serving the weights %s.", pipeline.weights)
        gc.collect()  # the former networks are large, but few objects: nothing else would make Python look for them

    def poll(self) -> None:
        """Look once whether there are newer weights, and serve them if they are sound. Never raises for bad weights."""
        try:
            folder = newest_snapshot(self.folder)
            stamp = stamp_of(folder)
        except (OSError, ValueError) as problem:
            self._judged = None
            self._refuse(str(problem))
            return
        if stamp == self._judged:
            return
        published_whole = (folder / ABOUT).exists()  # others are files that somebody may be still copying
        if not published_whole and stamp != self._glimpsed:
            self._glimpsed = stamp
            return
        try:
            pipeline = self._newer(folder)
            if not published_whole and stamp_of(folder) != stamp:
                return  # half the files of one, half of another
        except (OSError, ValueError) as problem:
            self._judged = stamp
            self._refuse(str(problem))
            return
        self._judged, self.refused = stamp, None
        if pipeline is not None:
            self._swap(pipeline)

    def _newer(self, folder: Path) -> MaskGANPipeline | None:
        """What the folder holds, unless it serves already; raises WeightsRefused or OSError."""
        current = self.current()
        if weights_hash(folder) == current.weights.hash:
            return None
        return MaskGANPipeline.load(folder, str(current.dmn.device))

    def _refuse(self, line: str) -> None:
        if line != self.refused:
            _log.warning("%s The weights before go on serving.", line)
        self.refused = line

    def start(self, seconds: float = 2.0) -> None:
        """Poll `folder` every so many seconds in a thread, until `stop` or the end of the program."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._watch, args=(seconds,), name="weights", daemon=True)
        self._thread.start()

    def _watch(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            self.poll()

    def stop(self) -> None:
        """End the thread that `start` began; waits for a poll in progress."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()


__all__ = ["Serving", "WeightsRefused"]
