"""`index.csv` as people's programs save it: the columns `id` and `split`, and whatever else a row tells of a face."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path

#: The splits, and other spellings of them.
SPLITS = ("train", "val", "test")
_SPELLINGS = {
    "training": "train", "trn": "train", "valid": "val", "validation": "val", "dev": "val", "testing": "test",
}  # fmt: skip


def read_index(index: Path) -> list[dict[str, str]]:
    """The rows of an `index.csv`, with commas, semicolons or tabs, in UTF-8 or as spreadsheets encode it.

    Names of columns and splits are lower case and without blanks; `training`, `valid` and `validation` are `train` and
    `val`. Rows without an id are left out.

    Raises:
        ValueError: it has no column `id`.
    """
    text = _decoded(index.read_bytes())
    heading, *rest = re.split(r"\r\n?|\n", text, maxsplit=1)
    delimiter = max(",;\t", key=heading.count)
    if heading.lower().startswith("sep="):  # a line for Excel
        delimiter, text = heading[4:5] or delimiter, "".join(rest)
    rows = []
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        clean = {name.strip().lower(): (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        if "id" not in clean:
            raise ValueError(f"{index} has no column `id`; its first line must name the columns id and split.")
        if "split" in clean:
            split = clean["split"].lower()
            clean["split"] = _SPELLINGS.get(split, split)
        if clean["id"]:
            rows.append(clean)
    return rows


def _decoded(content: bytes) -> str:
    """Excel writes UTF-8 with a BOM, UTF-16 ("Unicode text"), or the code page of Windows."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def number_of(text: str) -> float | None:
    """A number in a cell, also with a decimal comma; None where there is none."""
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def stripped_of_zeros(id: str, there: Iterable[str]) -> list[str]:
    """Which of the names `there` an id may have been before a spreadsheet took it for a number: 7 was 00007."""
    whole = id.removesuffix(".0")
    if not (whole.isascii() and whole.isdigit()):
        return []
    return [name for name in there if name != id and name.isascii() and name.isdigit() and int(name) == int(whole)]
