"""Importing Gradio without its reading the source of each of its components, which takes half of its time.

It does so to write files for editors of code. The package calls this before anything in it imports Gradio; should a
version not bear it, that goes as usual.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def _without_sources() -> Iterator[None]:
    former = inspect.getfile

    def getfile(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("The source of this component is not looked at.")
        return former(thing)

    inspect.getfile = getfile
    try:
        yield
    finally:
        inspect.getfile = former


def import_gradio() -> None:
    """Import Gradio."""
    if "gradio" in sys.modules:
        return
    with contextlib.suppress(ImportError, AttributeError), _without_sources():
        import gradio  # noqa: F401
