"""Building the page without Gradio's asking the same again and again, which takes half of the time.

At each event it takes the handler's signature and its annotations apart four or five times, and a component's with each
description of the page.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio import utils


def _once(function: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function that answers for the same callable once; the callables are held meanwhile."""
    answers: dict[Any, tuple[Any, Any]] = {}

    def answer(asked: Any, *args: Any, **named: Any) -> Any:
        if args or named:
            return function(asked, *args, **named)
        # A method is a new object at each look.
        key = (id(asked.__self__), id(asked.__func__)) if inspect.ismethod(asked) else id(asked)
        if key not in answers:
            answers[key] = (asked, function(asked))
        return answers[key][1]

    return answer


@contextlib.contextmanager
def asking_once() -> Iterator[None]:
    """Signatures and annotations are looked at once as long as the block runs; they must not change in it."""
    former = inspect.signature, inspect.getfullargspec, utils.get_type_hints
    attribute = gr.HTML.__getattr__
    inspect.signature, inspect.getfullargspec, utils.get_type_hints = map(_once, former)
    gr.HTML.__getattr__ = _quick(attribute)
    try:
        yield
    finally:
        inspect.signature, inspect.getfullargspec, utils.get_type_hints = former
        gr.HTML.__getattr__ = attribute


def _quick(attribute: Callable[[gr.HTML, str], Any]) -> Callable[[gr.HTML, str], Any]:
    """What `gr.HTML` does not have it looks for in its script, with a pattern: not where the name is not in it."""

    def found(html: gr.HTML, name: str) -> Any:
        if name not in (html.__dict__.get("js_on_load") or ""):
            raise AttributeError(name)
        return attribute(html, name)

    return found
