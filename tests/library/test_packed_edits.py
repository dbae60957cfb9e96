"""Edits and changes put aside: the same again in all pixels, in a fraction of the memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from maskgan.editing.compositing import Layers, Retouch
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import Alignment
from maskgan.editing.hairdressing import Hairpieces
from maskgan.editing.hat_grain import HatGrain
from maskgan.editing.looks import looks_with
from maskgan.editing.packed_changes import packed_change
from maskgan.editing.packed_edits import PackedEdit
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS

PHOTO = Path(__file__).parents[2] / "examples/images/portrait_02.jpg"


@pytest.fixture(scope="module")
def face(studio: MaskGANPipeline) -> Face:
    return studio.prepare(read_photo(PHOTO))


@pytest.fixture(scope="module")
def edits(studio: MaskGANPipeline, face: Face) -> dict[str, Edit]:
    """Of every kind that packs."""
    cloth, hat = (
        cv2.ellipse(face.mask.copy(), place, (30, 20), 0, 0, 360, int(label), -1)
        for place, label in (((256, 470), Label.CLOTH), ((200, 60), Label.HAT))
    )
    smile, moved, _ = QUICK_EDITS["smile"].move(face.mask, 1.0, None)
    assert moved is not None
    fringe, _, worn = QUICK_EDITS["fringe"].move(face.mask, 1.0, None)
    masks = {"painted": cloth, "a hat of the wardrobe": hat, "moved": smile, "as it was": face.mask}
    edits = {name: edit_with_looks(studio, face, mask) for name, mask in masks.items()}
    return edits | {"a hairpiece": edit_with_looks(studio, face, fringe, looks_with({}, "fringe", None, worn))}


@pytest.mark.parametrize("name", ["painted", "a hat of the wardrobe", "moved", "as it was", "a hairpiece"])
def test_an_edit_comes_back_as_it_was(edits: dict[str, Edit], name: str) -> None:
    edit = edits[name]
    again = PackedEdit.of(edit).unpacked()
    assert again.face is edit.face and again.weights is edit.weights
    for one, other in ((edit, again), (edit.motion, again.motion)):
        for field in ("crop", "changed", "region") if one is edit else ("mask", "flow"):
            before, after = getattr(one, field), getattr(other, field)
            assert before.dtype == after.dtype and np.array_equal(before, after), field
    assert type(again.change) is type(edit.change)
    assert np.array_equal(again.paste(), edit.paste())
    assert np.array_equal(again.change.onto(edit.face.crop, edit.face.alignment.whole_picture((512, 512))), edit.crop)


def test_it_takes_little_memory_and_none_of_the_edit_s_planes(edits: dict[str, Edit]) -> None:
    edit = edits["painted"]
    packed, planes = PackedEdit.of(edit), (edit.crop, edit.changed, edit.region, edit.motion.mask, edit.motion.flow)
    own = packed.nbytes - sum(patch.picture.nbytes + patch.alpha.nbytes for patch in packed.patches)
    assert 0 < own < sum(plane.nbytes for plane in planes) / 10
    assert not any(np.shares_memory(packed.crop, plane) for plane in planes)


def test_other_kinds_are_not_packed(studio: MaskGANPipeline, face: Face, edits: dict[str, Edit]) -> None:
    edit = edits["a hat of the wardrobe"]
    assert isinstance(edit.change.second, HatGrain) and isinstance(edit.change.first, Layers)
    assert isinstance(edit.change.first.first, Retouch)
    assert isinstance(edits["a hairpiece"].change.second, Hairpieces)
    assert PackedEdit.of(replace(edit, crop=edit.crop.copy())) is None  # laid over by another picture
    assert PackedEdit.of(replace(edit, change=edit.change.first.second)) is None
    assert PackedEdit.of(replace(edit, motion=None)) is None
    assert PackedEdit.of(studio.edit(face, edits["moved"].motion.mask, keep_untouched=False)) is None


def lying(side: float, degrees: float, photo_size: tuple[int, int], at: tuple[float, float]) -> Alignment:
    """Of a crop that is turned, with its middle at `at`."""
    angle = np.deg2rad(degrees)
    turn = side * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Alignment(np.column_stack((turn, np.array(at) - turn @ (0.5, 0.5))), photo_size)


PLACES = {
    "small": lying(150, -20, (300, 240), (130, 140)),
    "large": lying(1300, 30, (1500, 1400), (700, 800)),
    "cut off": lying(400, 5, (420, 360), (330, 200)),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_packed_change_does_the_same(studio: MaskGANPipeline, face: Face, edits: dict[str, Edit], place: str) -> None:
    alignment = PLACES[place]
    photo = np.random.default_rng(3).integers(0, 256, (*alignment.photo_size, 3), np.uint8)
    redrawn = studio.edit(face, edits["painted"].motion.mask, keep_untouched=False)
    for name, edit in {**edits, "redrawn": redrawn}.items():
        packed = packed_change(edit.change, alignment)
        for seamless in (False, True):
            wanted = edit.change.onto(photo, alignment, seamless)
            assert np.array_equal(packed.onto(photo, alignment, seamless), wanted), (name, seamless)
        assert name == "as it was" or not np.array_equal(wanted, photo), name
