"""What Gradio does at each request or event of a visitor, and this page has no use for, is left out.

It is done in the one thread that serves all visitors, who wait for it meanwhile.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from gradio import processing_utils, utils
from gradio.components import HTML
from gradio.data_classes import GradioModel, GradioRootModel
from gradio.route_utils import API_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from gradio.components import Component
    from gradio.state_holder import SessionState

#: What a visitor's browser asks for at each stroke, and what it asks for often.
_OFTEN = tuple(API_PREFIX + path for path in ("/queue/join", "/queue/data", "/component_server", "/upload"))

#: Of an update of a component that changes nothing else of it than what is seen.
_SEEN = {"__type__", "value", "visible", "selected_index"}


def look_there_first(app: FastAPI) -> None:
    """Let an application compare a request with the routes first that are asked for most.

    FastAPI goes through some sixty of them, twice, which takes a millisecond of each request.
    """
    routes = app.router.routes
    for route in routes:
        inner = getattr(route, "original_router", None)  # what was included, as one route
        if inner is not None:
            inner.routes.sort(key=_rarely)
            getattr(inner, "_mark_routes_changed", lambda: None)()  # what it remembers of their order
    routes.sort(key=lambda route: _rarely(route) and not hasattr(route, "original_router"))


def _rarely(route: Any) -> bool:
    return getattr(route, "path", None) not in _OFTEN


def leave_plots_alone() -> None:
    """Do not look for Matplotlib before and after each event, to have it draw without a screen: no handler plots."""
    utils.MatplotlibBackendMananger = contextlib.nullcontext


def only_seen(block: Component, update: Any) -> bool:
    """Whether what a handler returns for a component is an update that `seen_anew` can answer.

    Gradio tells more of HTML, which has props.
    """
    return utils.is_prop_update(update) and update.keys() <= _SEEN and not isinstance(block, HTML)


async def seen_anew(block: Component, update: Mapping[str, Any], state: SessionState) -> dict[str, Any]:
    """What browsers are told of such an update, as by Gradio, which builds the component anew for it."""
    told = {name: value for name, value in update.items() if name == "value" or value is not None}
    own = state.get(block._id, block)
    state[block._id] = own
    if "value" in told:
        value = own.postprocess(told["value"])
        told["value"] = value.model_dump() if isinstance(value, (GradioModel, GradioRootModel)) else value
    return await processing_utils.async_move_files_to_cache(told, block, postprocess=True)


__all__ = ["leave_plots_alone", "look_there_first", "only_seen", "seen_anew"]
