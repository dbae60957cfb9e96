"""What all tabs of the page are built with: the queue of the device, options, errors as sentences, files, downloads.

A handler is a method from values to `Updates`. One that raises ValueError changes nothing on the page:
`warns_on_value_error` shows the sentence as a warning, `fails_on_value_error` as an error that also stops what
would follow, such as a download.
"""

from __future__ import annotations

import functools
import html
import secrets
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np
from gradio import processing_utils, utils

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.mask_files import read_mask
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import Weights
from maskgan.ui import own_files
from maskgan.ui.keeping import traces
from maskgan.ui.pictures import png
from maskgan.ui.session import OpenFace

#: New values by component, what a handler returns.
Updates = dict[Any, Any]

#: A visitor's state is dropped after this many seconds without a change, and files after as long.
TIME_TO_LIVE = 2 * 60 * 60

# ---------------------------------------------------------------- options of events

#: So many edits run at once at most, however many cores there are: each takes memory.
AT_ONCE = 4

#: Handlers that run the networks, of each visitor one at a time: the order keeps answers in step. See `turns.py`.
DEVICE = {"concurrency_id": "device", "concurrency_limit": AT_ONCE}

#: An event of the page itself, neither an endpoint for programs nor worth a progress bar.
QUIET = {"show_progress": "hidden", "api_visibility": "undocumented", **DEVICE}

#: Like QUIET, with a sign of progress on the outputs, for what may take a second.
BUSY = {**QUIET, "show_progress": "minimal"}

#: Packing files runs beside the queue of the device, so that a large PNG keeps nobody from painting.
PACKING = {
    "show_progress": "hidden",
    "api_visibility": "undocumented",
    "concurrency_id": "packing",
    "concurrency_limit": 2,
}

#: What answers at once and must not wait behind the networks.
UNQUEUED = {"show_progress": "hidden", "api_visibility": "undocumented", "queue": False}

# ---------------------------------------------------------------- options of components

#: A gallery as a strip of pictures to choose from.
STRIP = {"container": False, "allow_preview": False, "show_label": False, "interactive": False, "buttons": []}

#: A strip of square pictures, cut to fit; see `.pictures` in page.css.
SQUARES = {**STRIP, "object_fit": "cover", "elem_classes": "pictures"}

#: A button that takes no more room than its text.
SMALL = {"size": "sm", "min_width": 0}


def heading(text: str, number: str = "") -> gr.HTML:
    """A heading within a tab, with the number of a step in front where it is one."""
    badge = f"<b aria-hidden='true'>{number}</b>" if number else ""
    return gr.HTML(f"<h2 class='step'>{badge}{text}</h2>")


def visitor_state(value: Any) -> gr.State:
    """A value that every visitor has for themselves, for TIME_TO_LIVE after its last change."""
    return gr.State(value, time_to_live=TIME_TO_LIVE)


# ---------------------------------------------------------------- handlers


def plain(text: object) -> str:
    """A message as Gradio has to get it, which shows HTML: names of files and tensors in it are nobody's tags."""
    return html.escape(str(text), quote=False)


def tell(text: object) -> None:
    """Show a note on the page, as text."""
    gr.Info(plain(text))


def warn(text: object) -> None:
    """Show a warning on the page, as text."""
    gr.Warning(plain(text))


class UsesWeights:
    """A piece of the page that takes its networks from `serving`."""

    serving: Serving

    @property
    def pipeline(self) -> MaskGANPipeline:
        """The networks that serve now; faces of former ones are renewed by themselves."""
        return self.serving.current()


def warns_on_value_error(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose ValueError becomes a warning on the page; nothing else changes."""

    @functools.wraps(handler)
    def wrapped(*args: Any) -> Any:
        try:
            return handler(*args)
        except ValueError as problem:
            warn(problem)
            return gr.skip()

    return wrapped


def fails_on_value_error(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A handler whose ValueError becomes an error on the page, so that a following `.success` does not run."""

    @functools.wraps(handler)
    def wrapped(*args: Any) -> Any:
        try:
            return handler(*args)
        except ValueError as problem:
            raise gr.Error(plain(problem), print_exception=False) from problem

    return wrapped


# ---------------------------------------------------------------- files


def saved(content: bytes, name: str) -> str:
    """Path of a file that Gradio serves under a name of its content's hash, and deletes after TIME_TO_LIVE.

    It is there as a whole or not at all: another answer may be sending the same file.
    """
    folder = _resolved(utils.get_upload_folder()) / processing_utils.hash_bytes(content)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(name).name
    part = folder / f"{secrets.token_hex(4)}_{path.name}"
    try:
        part.write_bytes(content)
    except OSError:  # a disk that is full keeps no half of it
        part.unlink(missing_ok=True)
        raise
    try:
        part.replace(path)
    except PermissionError:  # Windows replaces no file that is open; its content is the same
        part.unlink()
    traces.note(path)
    own_files.wrote(str(path))
    return str(path)


@functools.cache
def _resolved(folder: str) -> Path:
    return Path(folder).resolve()


#: Paths of files that were written for things, by their names, as long as these live.
_written: WeakKeyDictionary[Any, dict[str, Path]] = WeakKeyDictionary()


def saved_once(thing: Any, name: str, content: Callable[[], bytes]) -> str:
    """Path of a file as from `saved` of what outlives an event, written for all events while it is there."""
    paths = _written.setdefault(thing, {})
    path = paths.get(name)
    if path is None or not path.exists():
        path = paths[name] = Path(saved(content(), name))
    return str(path)


def photo_file(picture: np.ndarray, weights: Weights | None, opened: OpenFace, suffix: str) -> str:
    """Path of a file with a result (H, W, 3) uint8 RGB, of the kind that the photo of `opened` came in, else PNG.

    What could not stay as it was is told. weights: see `drawn_by`; suffix: of the file's name, before its ending.

    Raises ValueError when the result has another size than the photo.
    """
    if opened.original is None:
        return saved(png(picture, weights), f"{opened.name}_{suffix}.png")
    encoded = opened.original.encode(picture, weights)
    for note in encoded.notes:
        tell(note)
    return saved(encoded.content, f"{opened.name}_{suffix}{encoded.suffix}")


def uploaded_mask(path: str | Path, shape: tuple[int, int] | None, max_pixels: int) -> np.ndarray:
    """The mask (H, W) uint8 of an uploaded file, at `shape` where it is given; what the reader had to guess is told.

    Larger files than `max_pixels` are refused before they are decoded.

    Raises ValueError with one sentence when the file is no usable mask.
    """
    with warnings.catch_warnings(record=True) as notices:
        warnings.simplefilter("always")
        mask = read_mask(path, shape, max_pixels=max_pixels)
    for notice in notices:
        tell(notice.message)
    return mask


_DOWNLOAD = """(file) => {
  const link = document.createElement("a");
  link.href = file.url;
  link.download = file.orig_name;
  link.click();
}"""


def download_on_click(
    button: gr.Button, make: Callable[..., str], inputs: list[Any], file: gr.DownloadButton, **options: Any
) -> None:
    """Let a click make a file, of which `make(*inputs)` returns the path, and save it on the visitor's disk.

    `file`: a hidden component that the path travels through.
    """
    made = button.click(make, inputs, file, **options)
    made.success(None, file, None, js=_DOWNLOAD)
