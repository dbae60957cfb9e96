"""Which files a visit left on the server, so that they can be deleted at once when its visitor wants that.

A visit has an unguessable key, which only its own browser knows and sends back after a reload; the sessions that Gradio
counts under one key belong together.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from contextvars import ContextVar
from pathlib import Path

from gradio.state_holder import StateHolder

#: Sessions that are remembered; files of older ones go when their time to live is over.
_MAX_SESSIONS = 2000

_KEY = re.compile(r"[0-9a-f]{32}")

#: The session whose event is being answered, as Gradio calls it.
current: ContextVar[str | None] = ContextVar("session", default=None)

_files: OrderedDict[str, set[Path]] = OrderedDict()
_visits: OrderedDict[str, set[str]] = OrderedDict()
_lock = threading.Lock()


def new_key() -> str:
    """A key for a visit."""
    return secrets.token_hex(16)


def known_key(key: object) -> str:
    """The key that a browser sent, where it is one; else a new one."""
    return key if isinstance(key, str) and _KEY.fullmatch(key) else new_key()


def note(path: str | Path) -> None:
    """Remember a file of the session whose event is being answered; without one nothing happens."""
    session = current.get()
    if session is None:
        return
    with _lock:
        _files.setdefault(session, set()).add(Path(path))
        _files.move_to_end(session)
        while len(_files) > _MAX_SESSIONS:
            _files.popitem(last=False)


def belongs(key: str) -> None:
    """Remember that the session whose event is being answered is part of the visit with this key."""
    session = current.get()
    if session is None:
        return
    with _lock:
        _visits.setdefault(key, set()).add(session)
        _visits.move_to_end(key)
        while len(_visits) > _MAX_SESSIONS:
            _visits.popitem(last=False)


def forget(key: str, states: StateHolder | None = None) -> int:
    """Delete the files of a visit and of the session that asks, and what `states` hold of them; how many files."""
    session = current.get()
    with _lock:
        sessions = _visits.pop(key, set()) | ({session} if session else set())
        paths = [path for name in sessions for path in _files.pop(name, ())]
    for name in sessions if states is not None else ():
        state = states.session_data.get(name)
        if state is not None:
            state.state_data.clear()
    count = 0
    for path in paths:
        try:
            path.unlink()
            count += 1
        except FileNotFoundError:  # swept already
            continue
    return count
