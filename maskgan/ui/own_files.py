"""Files that this page wrote itself: told to browsers, and sent to them, without a look at where they lie.

Of each file in an answer Gradio resolves some fifteen paths, twice, in the one thread that serves all visitors: with a
history of twenty steps that takes longer than the edit. A file of `kit.saved` lies in the upload folder for certain,
where Gradio would leave it. When it is fetched, routes, dependencies and four changes of thread take 3 ms, as long as
some edits that are at hand.
"""

from __future__ import annotations

import functools
import mimetypes
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradio import processing_utils
from gradio.data_classes import GradioModel, GradioRootModel
from gradio.route_utils import API_PREFIX
from gradio_client import utils as client_utils
from starlette.responses import FileResponse

if TYPE_CHECKING:
    from gradio.blocks import Block
    from gradio.routes import App

#: So many paths are remembered; of a file before them Gradio looks where it lies.
_MOST = 50_000

_written: OrderedDict[str, None] = OrderedDict()

#: What is sent as a whole: pictures for the screen, in bytes at most.
_PICTURES, _LARGEST = ("image/webp", "image/jpeg", "image/png"), 2**20

#: Requests with one of these headers are answered by Gradio.
_UNUSUAL = {b"range", b"origin"}


def wrote(path: str) -> None:
    """Remember a file that this page wrote to the upload folder."""
    _written[path] = None
    _written.move_to_end(path)
    while len(_written) > _MOST:
        _written.popitem(last=False)


def is_own(path: str) -> bool:
    """Whether this page wrote a file."""
    return path in _written


def _told(file: dict[str, Any], block: Block) -> dict[str, Any]:
    """What a browser is told of an own file, as by Gradio, which deletes its component's files after their time."""
    path = file["path"]
    block.temp_files.add(path)
    named = {name: file.get(name) for name in ("size", "orig_name", "mime_type")}
    url = f"{API_PREFIX}/file={client_utils.encode_file_path(path)}"
    return {"path": path, "url": url, **named, "is_stream": False, "meta": {"_type": "gradio.FileData"}}


def tell_without_a_look() -> None:
    """Let answers of this process tell of such files at once, from now on; of other files as Gradio does."""
    former = processing_utils.async_move_files_to_cache
    if getattr(former, "tells_own_files", False):
        return

    @functools.wraps(former)
    async def told(data: Any, block: Block, postprocess: bool = False, *args: Any, **named: Any) -> Any:
        if not postprocess or args or named or getattr(block, "proxy_url", None):
            return await former(data, block, postprocess, *args, **named)

        async def one(file: dict[str, Any]) -> dict[str, Any]:
            by_path_alone = not file.get("url") and not file.get("is_stream")
            if by_path_alone and is_own(file["path"]):
                return _told(file, block)
            return await former(file, block, postprocess)

        if isinstance(data, (GradioModel, GradioRootModel)):
            data = data.model_dump()
        return await client_utils.async_traverse(data, one, client_utils.is_file_obj_with_meta)

    told.tells_own_files = True
    processing_utils.async_move_files_to_cache = told


class OwnPictures:
    """An ASGI application in front of Gradio's that sends own pictures, with the headers that Gradio gives them.

    Only where everybody may have them who knows their unguessable names, as Gradio has it without an account.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], page: App) -> None:
        self.app, self.page = app, page

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        """Answer, or pass on to the application."""
        answer = self._answer(scope) if scope["type"] == "http" and scope["method"] == "GET" else None
        if answer is None:
            await self.app(scope, receive, send)
            return
        headers, content = answer
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: dict[str, Any]) -> tuple[list[tuple[bytes, bytes]], bytes] | None:
        """Headers and content of an own picture; None for all else."""
        path = scope["path"].partition(f"{API_PREFIX}/file=")[2]
        if not is_own(path) or scope.get("query_string") or any(name in _UNUSUAL for name, _ in scope["headers"]):
            return None
        kind = mimetypes.guess_type(path)[0]
        if kind not in _PICTURES or self.page.auth is not None or self.page.auth_dependency is not None:
            return None
        try:
            about = Path(path).stat()
            content = Path(path).read_bytes() if about.st_size <= _LARGEST else b""
        except OSError:  # its time is over
            return None
        if len(content) != about.st_size:
            return None
        named = {"media_type": kind, "filename": Path(path).name, "content_disposition_type": "inline"}
        return FileResponse(path, stat_result=about, **named).raw_headers, content
