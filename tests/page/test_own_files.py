"""Files that the page wrote itself: told to browsers as Gradio tells of them, and no others without its look."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
from gradio import processing_utils

from maskgan.ui import own_files
from maskgan.ui.gallery import Gallery
from maskgan.ui.kit import saved, saved_once

META = {"_type": "gradio.FileData"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The upload folder."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return tmp_path


@pytest.fixture
def gradios_own(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Gradio's function, and its calls from here on, in place of which the page's stands for the test."""
    own = getattr(processing_utils.async_move_files_to_cache, "__wrapped__", processing_utils.async_move_files_to_cache)
    calls = []

    async def counted(data: Any, *args: Any, **named: Any) -> Any:
        calls.append(data)
        return await own(data, *args, **named)

    monkeypatch.setattr(processing_utils, "async_move_files_to_cache", counted)
    own_files.tell_without_a_look()
    own_files.tell_without_a_look()  # a second page of the process
    return own, calls


def told(data: Any, move: Any = None) -> tuple[Any, set[str]]:
    """What a browser is told of an answer, and the files that are noted for their component."""
    component = gr.HTML()
    move = move or processing_utils.async_move_files_to_cache
    return asyncio.run(move(copy.deepcopy(data), component, postprocess=True)), component.temp_files


def test_own_files_are_told_as_gradio_tells_of_them(gradios_own: Any) -> None:
    own, calls = gradios_own
    paths = [saved(b"picture", "a face.webp"), saved(b"step", "step.json")]
    kept = {
        "steps": [{"path": paths[0], "meta": META}, {"path": paths[1], "meta": META, "orig_name": "s", "size": 4}],
        "settings": {"view": "face"},
        "key": None,
    }
    assert told(kept) == told(kept, own)
    assert calls == []


def test_other_files_are_looked_at_by_gradio(gradios_own: Any, folder: Path) -> None:
    own, calls = gradios_own
    (folder / "elsewhere.txt").write_text("text")
    inside = Path(saved(b"mine", "mine.txt")).with_name("another.txt")
    inside.write_text("not written by the page")
    addressed = {"path": saved(b"mine", "mine.txt"), "url": "https://example.org/mine.txt", "meta": META}
    data = [{"path": str(folder / "elsewhere.txt"), "meta": META}, {"path": str(inside), "meta": META}, addressed]
    assert told(data) == told(data, own)
    assert [file["path"] for file in calls] == [file["path"] for file in data]


def test_a_gallery_of_own_files_is_gradios(gradios_own: Any, folder: Path) -> None:
    gallery, pictures = Gallery(), [(saved(b"one", "step.jpg"), "One"), (saved(b"two", "step.jpg"), None)]
    assert gallery.postprocess(pictures) == gr.Gallery.postprocess(gallery, pictures)
    (folder / "other.png").write_bytes(b"png")
    for others in ([], [*pictures, (str(folder / "other.png"), "Other")], [pictures[0][0]], None):
        assert gallery.postprocess(others) == gr.Gallery.postprocess(gallery, others)


def test_a_file_is_written_once_while_it_is_there(folder: Path) -> None:
    class Thing:
        """Something that outlives an event."""

    thing, made = Thing(), []

    def content() -> bytes:
        made.append(1)
        return b"content"

    first = saved_once(thing, "thing.txt", content)
    assert saved_once(thing, "thing.txt", content) == first and len(made) == 1
    assert saved_once(thing, "other.txt", content) != first and len(made) == 2
    Path(first).unlink()  # its time is over
    assert saved_once(thing, "thing.txt", content) == first and Path(first).read_bytes() == b"content"
    assert len(made) == 3


def test_no_more_paths_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_files, "_written", type(own_files._written)())
    monkeypatch.setattr(own_files, "_MOST", 2)
    paths = [saved(bytes([number]), "x.txt") for number in range(2)]
    saved(bytes([0]), "x.txt")  # again
    assert all(map(own_files.is_own, paths))
    saved(b"new", "x.txt")
    assert own_files.is_own(paths[0]) and not own_files.is_own(paths[1])
