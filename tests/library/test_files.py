"""Files that are whole or absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskgan.files import PARTIAL, remove_partial_files, whole_file, write_whole


def test_a_file_gets_its_name_only_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    with whole_file(path) as partial:
        partial.write_bytes(b"whole")
        assert not path.exists() and partial.parent == tmp_path and partial.suffix == ".png"
    assert path.read_bytes() == b"whole" and list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_file_that_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    write_whole(path, "before")
    with pytest.raises(OSError, match="disk full"), whole_file(path) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_text_is_utf_8_and_names_that_are_not_text_are_escaped(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.csv", "café \udcff")
    assert (tmp_path / "a.csv").read_bytes() == b"caf\xc3\xa9 \\udcff"


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (f"{PARTIAL}1-a.png", f"{PARTIAL}a.png", "a.png", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    remove_partial_files(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.png"]
