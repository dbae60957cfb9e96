"""A rough picture of an edit for whoever waits for it: all but what its last stages add.

with shown_first_to(screen.show):
    edit = pipeline.edit(face, mask)  # calls screen.show with a picture some time before it is ready
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from maskgan.editing.abandoning import Abandoned

#: Takes a picture (S, S, 3) uint8 RGB.
Show = Callable[[np.ndarray], None]

_show: ContextVar[Show | None] = ContextVar("show", default=None)


@contextmanager
def shown_first_to(show: Show | None) -> Iterator[None]:
    """Let the first edit that is made inside, in this thread, show its rough picture; None: let none be shown."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)


def show_first(picture: Callable[[], np.ndarray]) -> None:
    """During an edit: show the picture (S, S, 3) uint8 RGB where one is waited for and none was shown."""
    show = _show.get()
    if show is not None:
        _show.set(None)
        show(picture())


def rough_picture(make: Callable[[], np.ndarray]) -> np.ndarray:
    """What `make()` shows first, and then does not go on with; what it returns where it shows nothing before.

    Raises what `make` raises.
    """
    shown: list[np.ndarray] = []

    def keep(picture: np.ndarray) -> None:
        shown.append(picture)
        raise Abandoned

    with shown_first_to(keep):
        try:
            return make()
        except Abandoned:
            if not shown:
                raise
    return shown[0]
