"""Imports of two large libraries without what nobody here needs of them: half the time until the app is there.

diffusers looks through every installed package, and loads all of torch's compiler for one decorator that it can do
without; Gradio parses the source of each of its components, to write files for editors of code. `maskgan.networks` and
`maskgan.ui` call these functions before anything in them imports the libraries. Should a version not bear it, the
library is imported as usual.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import inspect
import sys
from collections.abc import Iterator
from typing import Any, NoReturn

_COMPILER = "torch._dynamo"


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: object) -> Iterator[None]:
    former = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, former)


@contextlib.contextmanager
def _without_compiler() -> Iterator[None]:
    if _COMPILER in sys.modules:
        yield
        return
    sys.modules[_COMPILER] = None  # type: ignore[assignment]  # what is None there cannot be imported
    try:
        yield
    finally:
        del sys.modules[_COMPILER]


def _not_looked_for() -> NoReturn:
    raise ImportError("The names of all installed packages are not looked for.")


def import_diffusers() -> None:
    """Import diffusers' models and their configuration."""
    if "diffusers" in sys.modules:
        return
    look_through = importlib.metadata, "packages_distributions", _not_looked_for
    with contextlib.suppress(ImportError), _without_compiler(), _replaced(*look_through):
        import diffusers.configuration_utils
        import diffusers.models.modeling_utils  # noqa: F401


def import_gradio() -> None:
    """Import Gradio."""
    if "gradio" in sys.modules:
        return
    of = inspect.getfile

    def getfile(thing: Any) -> str:
        if isinstance(thing, type) and thing.__module__.startswith("gradio."):
            raise OSError("The source of this component is not looked at.")
        return of(thing)

    with contextlib.suppress(ImportError), _replaced(inspect, "getfile", getfile):
        import gradio  # noqa: F401
