"""Files that are whole or absent: written beside their final place and renamed once nothing is missing.

A process that is killed while it writes leaves only a file whose name starts with `PARTIAL`, which nothing reads.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: How the names of files that are being written start; the process id follows, since machines may share the disk.
PARTIAL = ".partial-"


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, with the suffix of `path`; on leaving the block the file written there becomes `path`.

    When the block raises, `path` stays as it was and what was written is deleted. The folder of `path` must exist.

    Raises:
        OSError: when the file cannot be renamed.
    """
    partial = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write bytes, or text as UTF-8, in place of whatever `path` held; the folder of `path` must exist.

    Text may hold the surrogates that stand for undecodable bytes of file names; they are written escaped.

    Raises:
        OSError: when the file cannot be written.
    """
    with whole_file(path) as partial:
        partial.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)


def is_full(error: OSError) -> bool:
    """Whether a file could not be written for want of room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def advice(error: OSError) -> str:
    """What an error of the system means and what to do about it, in one sentence."""
    if error.errno is None:  # a library's own, with its own sentence
        return str(error)
    where = str(error.filename or "A file")
    if is_full(error):
        return "The disk is full; make room and run the same command again, which goes on where this one stopped."
    for numbers, says in (
        ((errno.EACCES, errno.EPERM), "may not be opened or written by you; change its permissions, or the folder."),
        ((errno.EROFS,), "is on a disk that is write-protected; choose another folder."),
        ((errno.ENOENT,), "is not there any more; check the name, and that its disk is connected."),
        (
            (errno.EEXIST, errno.ENOTDIR),
            "is in the way, for a folder is needed there; rename it, or choose another folder.",
        ),
        ((errno.EISDIR,), "is a folder, where a file is needed; rename it, or choose another folder."),
        ((errno.ENAMETOOLONG,), "has too long a name; shorten it."),
        ((errno.EMFILE, errno.ENFILE), "cannot be opened, for too many files are; close other programs and try again."),
    ):
        if error.errno in numbers:
            return f"{where} {says}"
    reason = error.strerror or str(error) or type(error).__name__
    return f"{where} cannot be read or written ({reason.rstrip('.')}); check the disk, and try again."


def remove_partial_files(folder: Path) -> None:
    """Delete what killed processes left half-written in `folder`; no other process may be writing there."""
    for path in folder.glob(f"{PARTIAL}*"):
        path.unlink()
