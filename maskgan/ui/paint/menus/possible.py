"""Which quick edits can do something to a mask: those that lack their part are shown as impossible, with the reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from maskgan.quick_edits.needs import NEEDS


def explain(helps: Mapping[str, str], quick_ids: Mapping[str, str]) -> str:
    """JavaScript that gives buttons their tooltips, and follows the mask on the canvas from then on.

    helps: tooltips by element id; quick_ids: element ids of quick edits by name.
    """
    needs = {quick_ids[name]: (list(map(int, labels)), what) for name, (labels, what) in NEEDS.items()}
    script = Path(__file__).with_name("possible.js").read_text(encoding="utf-8")
    return f"() => {{\nconst HELPS = {json.dumps(dict(helps))};\nconst NEEDS = {json.dumps(needs)};\n{script}}}"
