"""Locks on files, which the operating system takes back whenever their process ends, however it ends.

Where there is no `fcntl` (on Windows) every lock is free.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:
    fcntl = None

#: Whether locks exclude anything here.
LOCKS = fcntl is not None


def try_lock(path: Path, seconds: float = 0.0, of_process: bool = False) -> IO[str] | None:
    """The open file that holds the lock, which is made when missing; None where another one holds it for `seconds`.

    The lock belongs to the open file, and to child processes that inherit it, until all have closed it. With
    `of_process` it belongs to this process alone, which may take it again, and ends with it.

    Raises:
        OSError: the file cannot be opened.
    """
    file = path.open("a")
    if fcntl is None:
        return file
    take = fcntl.lockf if of_process else fcntl.flock
    end = time.monotonic() + seconds
    while True:
        try:
            take(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except OSError:
            if time.monotonic() >= end:
                file.close()
                return None
            time.sleep(0.05)


def is_locked(path: Path, of_process: bool = False) -> bool:
    """Whether another process (or, but `of_process`, open file) holds the lock on a file; False without the file."""
    if not path.is_file():
        return False
    try:
        file = try_lock(path, of_process=of_process)
    except OSError:  # it belongs to somebody else
        return True
    if file is None:
        return True
    file.close()
    return False
