"""The folder of uploads: private, within its limits, and gone after a stop or a crash."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maskgan.serving.storage import Storage, StorageFull, StoredUploads


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    """Room for 1000 bytes."""
    storage = Storage(tmp_path / "uploads", 1000)
    yield storage
    storage.close()


def put(storage: Storage, name: str, size: int, age: float = 0.0) -> Path:
    path = storage.folder / name[0] / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_it_is_private_until_it_is_closed_and_then_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDER", "former")
    before = os.umask(0o022)
    try:
        storage = Storage(tmp_path, variable="FOLDER")
        file = put(storage, "a.png", 3)
        assert stat.S_IMODE(storage.folder.stat().st_mode) == 0o700 and stat.S_IMODE(file.stat().st_mode) == 0o600
        assert os.environ["FOLDER"] == str(storage.folder)
        storage.close()
        storage.close()
        assert not storage.folder.exists() and os.environ["FOLDER"] == "former" and os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_the_next_start_deletes_what_a_crash_left_and_nothing_of_an_app_that_runs(tmp_path: Path) -> None:
    code = (
        "import os, sys; from maskgan.serving.storage import Storage; s = Storage(sys.argv[1]);"
        "(s.folder / 'photo.png').touch(); print(s.folder, flush=True); sys.stdin.read(); os._exit(9)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **pipes) as other:
        theirs = Path(other.stdout.readline().strip())
        ours = Storage(tmp_path)
        assert (theirs / "photo.png").exists() and ours.folder != theirs
        other.stdin.close()
        other.wait(30)
        assert theirs.exists()  # nobody tidied up
    foreign = tmp_path / "maskgan-uploads-link"
    foreign.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").mkdir()
    again = Storage(tmp_path)
    assert not theirs.exists() and ours.folder.exists() and (tmp_path / "elsewhere").exists()
    ours.close()
    again.close()


def test_the_oldest_files_make_room(storage: Storage) -> None:
    files = [put(storage, f"{name}.png", 300, age) for name, age in (("a", 50), ("b", 90), ("c", 10))]
    storage.make_room(200)
    assert [path.exists() for path in files] == [True, False, True]
    storage.make_room(0)
    assert [path.exists() for path in files] == [True, False, True]


def test_a_visitor_has_a_share_and_makes_room_with_their_own_files_first(storage: Storage) -> None:
    others, own, newer = put(storage, "a", 200, 90), put(storage, "b", 200, 50), put(storage, "c", 40, 20)
    storage.note("anna", [str(own), str(newer)])
    storage.note("bert", [str(others)])
    storage.make_room(100, "anna")
    assert others.exists() and not own.exists() and newer.exists()
    with pytest.raises(StorageFull, match=r"may have 0 MB in all, not 0; send fewer files\.$"):
        storage.make_room(251, "anna")


def test_uploads_that_were_broken_off_are_deleted(storage: Storage) -> None:
    stale, fresh = storage.folder / "tmpabc", storage.folder / "tmpdef"
    for path in (stale, fresh):
        path.touch()
    os.utime(stale, (time.time() - 700,) * 2)
    storage.sweep()
    assert not stale.exists() and fresh.exists()


def test_uploads_pass_if_there_is_room(storage: Storage) -> None:
    async def inner(scope: Any, receive: Any, send: Any) -> None:
        assert not any(name == b"accept-encoding" for name, _ in scope["headers"])
        path = put(storage, "a", 200)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps([str(path)]).encode()})

    def answer(*headers: tuple[bytes, bytes]) -> int:
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/gradio_api/upload", "client": ("10.0.0.1", 5),
            "headers": [(b"accept-encoding", b"br"), *headers],
        }  # fmt: skip
        asyncio.run(StoredUploads(inner, storage)(scope, None, send))
        return sent[0]["status"]

    assert answer() == 411 and answer((b"content-length", b"-3")) == 411
    assert answer((b"content-length", b"251")) == 413
    assert not (storage.folder / "a" / "a").exists()
    assert answer((b"content-length", b"200")) == 200 and (storage.folder / "a" / "a").exists()
    storage.make_room(100, "10.0.0.1")  # the visitor's share is full
    assert not (storage.folder / "a" / "a").exists()
