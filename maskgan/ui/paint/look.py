"""How the Paint tab shows a result, as one value instead of three components."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Look:
    """What a visitor chose beside the result.

    view: "face" for the crop, "photo" for the whole photo; keep: the photo's own pixels stay where the mask did not
    change; seamless: colours are matched at the border of the edited region.
    """

    view: str = "face"
    keep: bool = True
    seamless: bool = False


def with_look(handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler` as Gradio calls it: with the values of a `Look`, in the order of its fields, in place of `look`."""
    parameters = list(inspect.signature(handler).parameters.values())
    start = [parameter.name for parameter in parameters].index("look")
    parts = [inspect.Parameter(field.name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for field in fields(Look)]
    end = start + len(parts)

    @functools.wraps(handler)
    def wrapped(*values: Any) -> Any:
        return handler(*values[:start], Look(*values[start:end]), *values[end:])

    # Gradio counts the parameters, and reads from them where event data goes.
    wrapped.__signature__ = inspect.Signature([*parameters[:start], *parts, *parameters[start + 1 :]])
    return wrapped
