"""What was measured on photos, written for the app: a JSON object of lists, one to a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_lists(path: Path, lists: Mapping[str, Any]) -> None:
    """Write an object with an entry to a line, so that a change of one shows as one. Raises OSError."""
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in lists.items())
    path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
