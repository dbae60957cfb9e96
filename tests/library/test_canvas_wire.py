"""What travels between the mask canvas and Python, and forged messages, which are refused."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from maskgan.labels import Label

pytest.importorskip("gradio")

from canvas_page import SIZE, face_mask

from maskgan import canvas
from maskgan.canvas import CLASS_KEYS
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.mask_canvas.wire import decode_runs, encode_runs

SCRIPTS = Path(canvas.__file__).parent


def test_the_scripts_share_nothing_that_changes() -> None:
    """They are one function body: a variable of one file would be a variable of all."""
    scripts = [script.read_text(encoding="utf-8") for script in sorted(SCRIPTS.glob("*.js"))]
    assert len(scripts) > 5 and all(script in MaskCanvas().js_on_load for script in scripts)
    assert not [line for script in scripts for line in re.findall(r"^(?:let|var)\b.*", script, re.MULTILINE)]


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (256, 256), (512, 512)])
def test_runs_round_trip(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for mask in (
        np.zeros(size, np.uint8),
        rng.integers(0, 19, size, np.uint8),
        np.repeat(rng.integers(0, 19, (size[0], 1), np.uint8), size[1], 1),
    ):
        assert np.array_equal(decode_runs(encode_runs(mask), size), mask)


def test_a_payload_reads_back_and_is_small() -> None:
    mask = face_mask()
    value = MaskCanvas.payload(mask, mask, np.zeros((SIZE, SIZE, 3), np.uint8), 5)
    assert len(value["mask"]) < mask.size / 8
    assert value["photo"].startswith("data:image/jpeg;base64,")
    assert np.array_equal(MaskCanvas.read(value, mask.shape, 5), mask)


def test_a_message_about_an_earlier_face_is_stale() -> None:
    value = MaskCanvas.payload(face_mask(), id=4)
    assert MaskCanvas.read(value, (SIZE, SIZE), 5) is None


def pairs(*runs: tuple[int, int]) -> str:
    return base64.b64encode(bytes(v for label, length in runs for v in (label, length - 1))).decode()


GOOD: dict[str, Any] = {"id": 1, "width": 20, "height": 10, "mask": pairs((3, 200)), "stroke": 2}


REGION: dict[str, Any] = {"at": [4, 5], "classes": [3], "matrix": [1.2, 0, -2, 0, 1.2, 1.5]}


MOVED: dict[str, Any] = {"from": pairs((3, 200)), "regions": [REGION]}


FORGED_REGIONS: list[dict[str, Any]] = [
    {"at": [4]},
    {"at": [4.5, 5]},
    {"at": [True, 5]},
    {"at": {"x": 4}},
    {"classes": []},
    {"classes": [19]},
    {"classes": [3] * 20},
    {"classes": "3"},
    {"matrix": [1, 0, 0, 0, 1]},
    {"matrix": [1, 0, "0", 0, 1, 0]},
    {"matrix": [1, 0, None, 0, 1, 0]},
    {"matrix": [[1, 0, 0], [0, 1, 0]]},
    {"more": 1},
]


def test_the_good_messages_of_the_next_test_are_good() -> None:
    assert (MaskCanvas.read(GOOD, (10, 20), 1) == 3).all()
    assert (MaskCanvas.read({**GOOD, "moved": MOVED}, (10, 20), 1) == 3).all()
    before, (region,) = MaskCanvas.moved({**GOOD, "moved": MOVED}, (10, 20))
    assert (before == 3).all() and region.at == (4, 5) and region.classes == (3,)
    assert region.matrix.tolist() == [[1.2, 0, -2], [0, 1.2, 1.5]]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "1"},
        {"id": True},
        {"id": -1},
        {"id": None},
        {"width": 20.0},
        {"width": 10, "height": 20},
        {"width": 2**40},
        {"height": 0},
        {"stroke": "2"},
        {"stroke": -1},
        {"mask": None},
        {"mask": [3] * 200},
        {"mask": "no base64!"},
        {"mask": "ünïcödé="},
        {"mask": ""},
        {"mask": base64.b64encode(b"\x03").decode()},
        {"mask": pairs((3, 199))},
        {"mask": pairs((3, 201))},
        {"mask": pairs((3, 199), (19, 1))},
        {"mask": pairs((255, 200))},
        {"mask": "A" * 10_000_000},
        {"original": pairs((3, 199))},
        {"original": 5},
        {"photo": "https://elsewhere.example/a.png"},
        {"photo": ["data:image/png"]},
        {"extra": 1},
        {"moved": []},
        {"moved": {"regions": [REGION]}},
        {"moved": {**MOVED, "from": pairs((3, 199))}},
        {"moved": {**MOVED, "from": 5}},
        {"moved": {**MOVED, "regions": []}},
        {"moved": {**MOVED, "regions": [REGION] * 3}},
        {"moved": {**MOVED, "regions": [None]}},
        *({"moved": {**MOVED, "regions": [{**REGION, **change}]}} for change in FORGED_REGIONS),
    ],
)
def test_forged_messages_are_refused_in_one_sentence(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^The canvas sent .*\.$"):
        MaskCanvas.read({**GOOD, **change}, (10, 20), 1)


@pytest.mark.parametrize(
    "change",
    [
        {"at": [4, 10]},
        {"at": [400, 5]},
        {"classes": [4]},
        {"matrix": [1, 0, float("nan"), 0, 1, 0]},
        {"matrix": [1, 0, 10**400, 0, 1, 0]},
        {"matrix": [1, 0, float("inf"), 0, 1, 0]},
        {"matrix": [0, 0, 0, 0, 0, 0]},
        {"matrix": [-1, 0, 20, 0, 1, 0]},
        {"matrix": [1e-9, 0, 0, 0, 1, 0]},
        {"matrix": [900, 0, 0, 0, 900, 0]},
    ],
)
def test_moves_that_cannot_be_are_refused_in_one_sentence(change: dict[str, Any]) -> None:
    forged = {**GOOD, "moved": {**MOVED, "regions": [{**REGION, **change}]}}
    with pytest.raises(ValueError, match=r"^A region was .*; undo, and move it again\.$"):
        MaskCanvas.read(forged, (10, 20), 1)


@pytest.mark.parametrize("value", [None, "", {}, [], "mask", 7, [GOOD], {"id": 1}])
def test_things_that_are_no_message_are_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        MaskCanvas.read(value, (10, 20), 1)


def test_payload_refuses_masks_that_do_not_fit_together() -> None:
    with pytest.raises(ValueError, match="shape"):
        MaskCanvas.payload(face_mask(), face_mask()[:-1])
    with pytest.raises(ValueError, match="ids outside"):
        MaskCanvas.payload(np.full((4, 4), 19, np.uint8))


def test_every_class_has_its_own_key() -> None:
    assert set(CLASS_KEYS) == set(Label)
    assert len(set(CLASS_KEYS.values()) | set("ABEFILMOPSUVZ")) == 19 + 13
