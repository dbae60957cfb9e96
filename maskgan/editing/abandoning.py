"""Edits that nobody waits for any more end between their stages.

with wanted_while(lambda: not newer.is_set()):
    pipeline.edit(face, mask)  # raises Abandoned soon after `newer` is set
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_wanted: ContextVar[Callable[[], bool] | None] = ContextVar("wanted", default=None)


class Abandoned(Exception):  # noqa: N818
    """The edit was given up."""


@contextmanager
def wanted_while(wanted: Callable[[], bool]) -> Iterator[None]:
    """Let what runs inside, in this thread, go on only as long as `wanted()` says so."""
    token = _wanted.set(wanted)
    try:
        yield
    finally:
        _wanted.reset(token)


def go_on() -> None:
    """Between two stages of an edit; raises Abandoned where the edit is not wanted any more."""
    wanted = _wanted.get()
    if wanted is not None and not wanted():
        raise Abandoned
