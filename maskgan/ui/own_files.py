"""Files that this page wrote itself, told to browsers without a look at where they lie.

Of each file in an answer Gradio resolves some fifteen paths, twice, in the one thread that serves all visitors: with a
history of twenty steps that takes longer than the edit. A file of `kit.saved` lies in the upload folder for certain,
where Gradio would leave it.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from gradio import processing_utils
from gradio.data_classes import GradioModel, GradioRootModel
from gradio.route_utils import API_PREFIX
from gradio_client import utils as client_utils

if TYPE_CHECKING:
    from gradio.blocks import Block

#: So many paths are remembered; of a file before them Gradio looks where it lies.
_MOST = 50_000

_written: OrderedDict[str, None] = OrderedDict()


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
