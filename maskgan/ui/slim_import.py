"""Importing Gradio without what takes half of its time and is not needed to serve the page.

It reads the source of each of its components, to write files for editors of code; it imports the package mcp where that
is installed, httpx's command line, and pandas, which is for tables. The package calls this before anything in it
imports Gradio; should a version not bear it, that goes as usual.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import threading
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

#: What importers do without where it is not installed, as Gradio does without mcp (see `bring_mcp`).
_LEFT_OUT = ("mcp", "httpx._main")

#: What is imported when it is first used.
_LATER = ("pandas",)

_importing = threading.RLock()


class Later(ModuleType):
    """Stands for a module until something of it is asked for; that imports it."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__, self.__file__ = spec, spec.origin

    def __getattr__(self, name: str) -> Any:
        with _importing:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


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


@contextlib.contextmanager
def _without_modules() -> Iterator[None]:
    names = [name for name in _LEFT_OUT if name not in sys.modules]
    sys.modules.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


def import_gradio() -> None:
    """Import Gradio."""
    if "gradio" in sys.modules:
        return
    for name in _LATER:
        if name not in sys.modules and (spec := find_spec(name)) is not None:
            sys.modules[name] = Later(spec)
    with contextlib.suppress(ImportError, AttributeError), _without_sources(), _without_modules():
        import gradio  # noqa: F401


def bring_mcp() -> None:
    """Let Gradio's part for MCP have the package mcp."""
    import gradio.mcp

    importlib.reload(gradio.mcp)
