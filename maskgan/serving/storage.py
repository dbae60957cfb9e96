"""The folder of uploads and results: private, limited in bytes, and gone when the app ends.

Each running app has a folder of its own, which it keeps locked; a folder that is not locked was left by a crash, and
the next start deletes it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from maskgan.files import is_full
from maskgan.locks import LOCKS, try_lock

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[..., Any], Callable[..., Awaitable[None]]], Awaitable[None]]

_NAME, _LOCK = "maskgan-uploads-", ".lock"

#: How Gradio calls files that are still being uploaded, and after how many seconds without a byte one was given up.
_UPLOADING, _GIVEN_UP = "tmp*", 600.0

#: A single visitor may fill this share of the folder.
_SHARE = 0.25

_GB = 2**30


class StorageFull(ValueError):  # noqa: N818
    """There is no room for an upload; the message is one sentence for people."""


class Storage:
    """A private folder of this process.

    Args:
        parent: the folder that it is made in; those of crashed apps there are deleted.
        max_bytes: of all files in it; the least recently written go first.
        variable: of the environment, by which others learn about the folder until `close`.

    Attributes:
        folder: readable for this user only; so are files in it, for the process gets such a umask until `close`.
    """

    def __init__(self, parent: str | os.PathLike[str], max_bytes: int = 4 * _GB, variable: str | None = None) -> None:
        self.max_bytes, self._variable = max_bytes, variable
        self._owners: dict[str, list[str]] = defaultdict(list)
        self._busy = threading.Lock()
        self._closed = threading.Event()
        Path(parent).mkdir(parents=True, exist_ok=True)
        sweep_crashed(Path(parent))
        self._umask = os.umask(0o077)
        self.folder = Path(tempfile.mkdtemp(prefix=_NAME, dir=parent)).resolve()
        self._lock = try_lock(self.folder / _LOCK)
        if variable is not None:
            self._former = os.environ.get(variable)
            os.environ[variable] = str(self.folder)

    def files(self) -> list[tuple[float, int, str]]:
        """All files, the least recently written first: time, bytes, path; each upload asks, and waits for it."""
        found, folders = [], [str(self.folder)]
        while folders:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        elif entry.name != _LOCK:
                            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                                state = entry.stat(follow_symlinks=False)
                                found.append((state.st_mtime, state.st_size, entry.path))
            except FileNotFoundError:
                continue
        return sorted(found)

    def make_room(self, size: int, visitor: str = "") -> None:
        """Delete the oldest files until `size` more bytes fit: first the visitor's own, then anybody's.

        Raises:
            StorageFull: so many bytes never fit.
        """
        share = int(self.max_bytes * _SHARE)
        if size > share:
            raise StorageFull(
                f"An upload may have {share / 1e6:.0f} MB in all, not {size / 1e6:.0f}; send fewer files."
            )
        with self._busy:
            files = self.files()
            sizes = {path: number for _, number, path in files}
            own = [path for path in self._owners[visitor] if path in sizes] if visitor else []
            _delete_oldest(own, sizes, sum(sizes[path] for path in own) + size - share)
            _delete_oldest([path for *_, path in files], sizes, sum(sizes.values()) + size - self.max_bytes)
            self._owners[visitor] = [path for path in own if path in sizes]

    def note(self, visitor: str, paths: list[str]) -> None:
        """Remember whose these files are."""
        with self._busy:
            self._owners[visitor] += [str(Path(path)) for path in paths]

    def sweep(self) -> None:
        """Delete uploads that were broken off, and what is too much; forget visitors who have no files."""
        now = time.time()
        for path in self.folder.glob(_UPLOADING):
            try:
                if path.is_file() and now - path.stat().st_mtime > _GIVEN_UP:
                    path.unlink()
            except FileNotFoundError:
                continue
        self.make_room(0)
        with self._busy:
            there = {path for *_, path in self.files()}
            owners = {visitor: [path for path in paths if path in there] for visitor, paths in self._owners.items()}
            self._owners.clear()
            self._owners.update({visitor: paths for visitor, paths in owners.items() if paths})

    def keep_swept(self, seconds: float = 60.0) -> None:
        """Start a daemon thread that sweeps until `close`."""

        def work() -> None:
            while not self._closed.wait(seconds):
                try:
                    self.sweep()
                except OSError:  # the disk is not there now; perhaps it is again at the next turn
                    continue

        threading.Thread(target=work, name="uploads", daemon=True).start()

    def close(self) -> None:
        """Delete the folder with all that is in it, and put the process's umask back."""
        if self._closed.is_set():
            return
        self._closed.set()
        os.umask(self._umask)
        if self._variable is not None:
            if self._former is None:
                os.environ.pop(self._variable, None)
            else:
                os.environ[self._variable] = self._former
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def sweep_crashed(parent: Path) -> None:
    """Delete this user's folders of uploads in `parent` that no running app has locked."""
    for folder in parent.glob(f"{_NAME}*") if LOCKS else ():
        try:
            if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.getuid():
                continue
            lock = try_lock(folder / _LOCK)
        except OSError:  # deleted meanwhile
            continue
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()


def _delete_oldest(paths: list[str], sizes: dict[str, int], excess: int) -> None:
    """Delete files from the front of a list until `excess` bytes are gone; `sizes` loses them."""
    for path in paths:
        if excess <= 0:
            return
        if path in sizes:
            excess -= sizes.pop(path)
            Path(path).unlink(missing_ok=True)


class StoredUploads:
    """An ASGI application whose uploads have to fit into a storage; visitors are told apart by their address."""

    def __init__(self, app: App, storage: Storage) -> None:
        self.app, self.storage = app, storage

    async def __call__(self, scope: Scope, receive: Callable[..., Any], send: Callable[..., Awaitable[None]]) -> None:
        """Answer, or pass on to the application."""
        path = scope.get("path", "").rstrip("/")
        if scope["type"] != "http" or scope["method"] != "POST" or not path.endswith("/gradio_api/upload"):
            await self.app(scope, receive, send)
            return
        visitor = (scope.get("client") or ("",))[0]
        length = dict(scope["headers"]).get(b"content-length", b"")
        if not (length.isdigit() and len(length) < 16):
            await _refuse(send, 411, "Tell the size of the upload (Content-Length).")
            return
        try:
            self.storage.make_room(int(length), visitor)
        except StorageFull as problem:
            await _refuse(send, 413, str(problem))
            return
        answer, started = bytearray(), False

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            if message["type"] == "http.response.body":
                answer.extend(message.get("body", b""))
            await send(message)

        # Without compression, for the answer tells where the files lie.
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        try:
            await self.app({**scope, "headers": plain}, receive, noted)
        except OSError as problem:
            if started or not is_full(problem):
                raise
            await _refuse(send, 507, "The disk of this app is full; whoever runs it has to make room. Try again later.")
            return
        try:
            paths = json.loads(bytes(answer))
        except ValueError:  # the upload was refused
            return
        if isinstance(paths, list):
            self.storage.note(visitor, [path for path in paths if isinstance(path, str)])


async def _refuse(send: Callable[..., Awaitable[None]], status: int, reason: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": reason.encode()})
