"""What takes microseconds is done where it is asked for, and not in a thread of its own.

Gradio hands each value that a component takes or gives to another thread, and FastAPI each question whether a visitor
is let in. Of a stroke's two events that is some twenty threads to wake and to wait for, each of which has to get hold
of Python's lock beside the edits of other visitors, while the values here are numbers, texts and paths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import anyio
import gradio as gr
from fastapi.dependencies import utils as dependencies
from gradio import blocks

#: Components whose values cost nothing to take or to give.
_LIGHT = (gr.HTML, gr.Radio, gr.Checkbox, gr.CheckboxGroup, gr.Dropdown, gr.Slider, gr.DownloadButton)


def _is_light(function: Callable[..., Any]) -> bool:
    name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
    return name in ("preprocess", "postprocess") and isinstance(owner, _LIGHT)


def save_threads() -> None:
    """Do so in this process from now on; what may take longer runs in threads as before."""
    if isinstance(blocks.anyio, SimpleNamespace):
        return
    in_a_thread = anyio.to_thread.run_sync

    @functools.wraps(in_a_thread)
    async def run_sync(function: Callable[..., Any], *values: Any, **options: Any) -> Any:
        return function(*values) if _is_light(function) else await in_a_thread(function, *values, **options)

    blocks.anyio = SimpleNamespace(to_thread=SimpleNamespace(run_sync=run_sync))
    former = dependencies.run_in_threadpool

    @functools.wraps(former)
    async def run_in_threadpool(function: Callable[..., Any], *values: Any, **named: Any) -> Any:
        if function.__module__ == "gradio.routes" and function.__name__ == "login_check":
            return function(*values, **named)
        return await former(function, *values, **named)

    dependencies.run_in_threadpool = run_in_threadpool


__all__ = ["save_threads"]
