"""Files that are whole or absent: written beside their final place and renamed once nothing is missing.

A process that is killed while it writes leaves only a file whose name starts with `PARTIAL`, which nothing reads.
"""

from __future__ import annotations

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


def remove_partial_files(folder: Path) -> None:
    """Delete what killed processes left half-written in `folder`; no other process may be writing there."""
    for path in folder.glob(f"{PARTIAL}*"):
        path.unlink()
