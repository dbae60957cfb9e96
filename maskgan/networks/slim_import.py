"""Importing diffusers without what nobody here needs of it, which takes two thirds of its time.

It looks through every installed package, and loads all of torch's compiler for one decorator that it can do without.
The package calls this before anything in it imports diffusers; should a version not bear it, that goes as usual.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
from collections.abc import Iterator
from typing import NoReturn

_COMPILER = "torch._dynamo"


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


@contextlib.contextmanager
def _without_names_of_packages() -> Iterator[None]:
    former = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = _not_looked_for
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = former


def import_diffusers() -> None:
    """Import diffusers' models and their configuration."""
    if "diffusers" in sys.modules:
        return
    with contextlib.suppress(ImportError, AttributeError), _without_compiler(), _without_names_of_packages():
        import diffusers.configuration_utils
        import diffusers.models.modeling_utils  # noqa: F401
