"""Buttons of the Paint tab as functions, with tiny random networks: quick edits, their strength and shapes; looks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from conftest import draw_mask
from paint_tab import a_session, random_pipeline, the_examples, the_tab  # noqa: F401  (fixtures)
from strokes import LOOK, message, nothing_changed, painted

pytest.importorskip("gradio")

import gradio as gr

from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.menus import LookBar
from maskgan.ui.paint.menus.possible import NEEDS
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session


def select(index: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": index, "value": None})


def test_quick_edits_go_to_the_canvas_and_the_history(tab: PaintTab, session: Session) -> None:
    updates = tab.quick_edit("hat", session, message(session, session.mask), 1.0, LOOK)
    expected = QUICK_EDITS["hat"].apply(session.mask)
    assert np.array_equal(updates[tab.session].mask, expected)
    assert np.array_equal(MaskCanvas.read(updates[tab.canvas], expected.shape, session.opened.id), expected)
    assert updates[tab.history]["value"][0][1] == "Hat"


def test_locked_classes_keep_their_pixels_under_quick_edits(tab: PaintTab, session: Session) -> None:
    own, canvas = session.mask, message(session, session.mask)
    free = tab.quick_edit("hat", session, canvas, 1.0, LOOK)[tab.session].mask
    assert (own[free == Label.HAT] == Label.HAIR).any() and (own[free == Label.HAT] != Label.HAIR).any()
    locked = {**canvas, "locked": [int(Label.HAIR)]}
    hatted = tab.quick_edit("hat", session, locked, 1.0, LOOK)[tab.session]
    for mask in (hatted.mask, tab.tune(hatted, {**locked, "version": 0}, 1.6, LOOK)[tab.session].mask):
        assert (mask[own == Label.HAIR] == Label.HAIR).all() and (mask == Label.HAT).any()
    assert np.array_equal(hatted.edit.crop[hatted.edit.region == 0], session.edit.crop[hatted.edit.region == 0])
    everything = {**canvas, "locked": [int(label) for label in Label]}
    with pytest.warns(UserWarning, match="only change what is locked"):
        assert nothing_changed(tab.quick_edit("hat", session, everything, 1.0, LOOK))
    for forged in ("hair", [99], [True], [13] * 20, [[13]]):
        with pytest.warns(UserWarning, match="locks"):
            assert nothing_changed(tab.quick_edit("hat", session, {**canvas, "locked": forged}, 1.0, LOOK))


def test_quick_edits_clicked_in_a_row_all_count(tab: PaintTab, session: Session) -> None:
    unaware = {
        **message(session, session.mask),
        "version": session.version,
    }  # the canvas has not heard of the first one yet
    expected = session.mask
    for name in ("smile", "hat", "fringe"):
        session = tab.quick_edit(name, session, unaware, 1.0, LOOK)[tab.session]
        expected = QUICK_EDITS[name].apply(expected)
    assert np.array_equal(session.mask, expected)


def test_a_quick_edit_builds_on_what_was_painted(tab: PaintTab, session: Session) -> None:
    session = tab.quick_edit("smile", session, message(session, session.mask), 1.0, LOOK)[tab.session]
    mask = painted(session)
    session = tab.quick_edit("hat", session, message(session, mask), 1.0, LOOK)[tab.session]
    assert np.array_equal(session.mask, QUICK_EDITS["hat"].apply(mask))


def test_the_strength_tunes_the_last_quick_edit_while_it_is_the_last(tab: PaintTab, session: Session) -> None:
    own = session.mask
    session = tab.quick_edit("smile", session, message(session, own), 1.0, LOOK)[tab.session]
    session = tab.quick_edit("fringe", session, message(session, session.mask), 1.0, LOOK)[tab.session]
    smiling = QUICK_EDITS["smile"].apply(own)
    for strength in (0.4, 1.8):
        updates = tab.tune(session, message(session, session.mask), strength, LOOK)
        session = updates[tab.session]
        assert np.array_equal(session.mask, QUICK_EDITS["fringe"].apply(smiling, strength))
        assert updates[tab.canvas]["instead"] and [step.label for step in session.history][1:] == ["Smile", "Fringe"]
        assert np.array_equal(session.history[-1].mask, session.mask)
    fresh = tab.open_face(Session(), session.opened, LOOK)[tab.session]
    once = tab.quick_edit("smile", fresh, message(session, own), 1.0, LOOK)[tab.session]
    once = tab.quick_edit("fringe", once, message(once, once.mask), 1.8, LOOK)[tab.session]
    assert np.array_equal(once.edit.crop, session.edit.crop)  # as if it had been the strength at once
    late = tab.tune(session, message(session, own), 0.5, LOOK)
    assert nothing_changed(late)  # the canvas holds something else
    stroke = tab.finish_stroke(session, message(session, painted(session)), LOOK)[tab.session]
    assert nothing_changed(tab.tune(stroke, message(stroke, stroke.mask), 0.5, LOOK))
    other = tab.open_face(session, tab.example_faces.open(1), LOOK)[tab.session]
    assert nothing_changed(tab.tune(other, message(other, other.mask), 0.5, LOOK))


def test_a_quick_edit_has_shapes_and_what_it_puts_on_its_look(tab: PaintTab, session: Session) -> None:
    bare = session.mask.copy()
    bare[np.isin(bare, (Label.HAT, Label.EYE_G))] = Label.SKIN
    results = []
    for shape in ("trilby", "cap"):
        updates = tab.quick_edit("hat", session, message(session, bare), 1.0, LOOK, shape)
        results.append(updates[tab.session])
        assert updates[tab.looks]["chosen"]["Hat"] == results[-1].looks[Label.HAT].name
    assert (results[0].mask != results[1].mask).any()
    assert results[0].looks[Label.HAT] is not results[1].looks[Label.HAT]
    assert results[0].history[-1].label == "Hat: Felt hat"
    for forged in ("crown", "", "<b>", 5):
        with pytest.warns(UserWarning, match="no variant"):
            assert nothing_changed(tab._shaped("hat", session, message(session, bare), 1.0, LOOK, forged))


def test_a_colour_for_a_part_is_a_step_that_can_be_restored(tab: PaintTab, session: Session) -> None:
    before = session.edit.crop
    hair = session.mask == Label.HAIR
    updates = tab.choose_look(session, {"part": "Hair", "look": "#c03020"}, LOOK)
    coloured = updates[tab.session]
    assert np.array_equal(coloured.mask, session.mask) and coloured.history[-1].label == "Hair: #c03020"
    assert (coloured.edit.crop != before).any(-1)[hair].mean() > 0.8
    assert updates[tab.looks]["chosen"] == {"Hair": "colour_c03020"}
    black = tab.choose_look(coloured, {"part": "Hair", "look": "black_hair"}, LOOK)[tab.session]
    back = tab.restore(black, select(1), LOOK)[tab.session]
    assert np.array_equal(back.edit.crop, coloured.edit.crop)
    own = tab.choose_look(black, {"part": "Hair", "look": ""}, LOOK)[tab.session]
    assert np.array_equal(own.edit.crop, before) and not own.looks
    assert tab.open_face(black, tab.example_faces.open(0), LOOK)[tab.session].looks == {}


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "Hair",
        {"part": "Hair"},
        {"part": "Tail", "look": ""},
        {"part": ["Hair"], "look": "black_hair"},
        {"part": "Hair", "look": "red"},
        {"part": "Hair", "look": "straw_hat"},
        {"part": "Hair", "look": "#" + 1000 * "0"},
    ],
)
def test_a_forged_look_changes_nothing(tab: PaintTab, session: Session, forged: Any) -> None:
    with pytest.warns(UserWarning):
        assert nothing_changed(tab.choose_look(session, forged, LOOK))


def test_a_look_for_a_part_that_is_not_there_says_so(tab: PaintTab, session: Session) -> None:
    bald = session.mask.copy()
    bald[bald == Label.HAIR] = Label.SKIN
    session = tab.finish_stroke(session, message(session, bald), LOOK)[tab.session]
    with pytest.warns(UserWarning, match="nothing of this part"):
        assert nothing_changed(tab.choose_look(session, {"part": "Hair", "look": "black_hair"}, LOOK))


def test_a_quick_edit_that_changes_nothing_says_so(tab: PaintTab, session: Session) -> None:
    bare = np.where(session.mask == Label.HAT, Label.HAIR, session.mask).astype(np.uint8)
    with pytest.warns(UserWarning):
        assert nothing_changed(tab.quick_edit("remove_hat", session, message(session, bare), 1.0, LOOK))


@pytest.mark.parametrize("name", NEEDS)
def test_quick_edits_that_look_impossible_are(name: str) -> None:
    mask = draw_mask(256)
    mask[np.isin(mask, NEEDS[name][0])] = Label.SKIN
    with pytest.raises(QuickEditImpossible):
        QUICK_EDITS[name].apply(mask)


def test_undo_brings_back_what_was_put_on_and_keeps_colours(tab: PaintTab, session: Session) -> None:
    def worn(session: Session) -> list[str]:
        return [piece.name for piece in session.looks[Label.HAIR].worn] if Label.HAIR in session.looks else []

    fringed = tab.quick_edit("fringe", session, message(session, session.mask), 1.0, LOOK)[tab.session]
    styled = tab.quick_edit("hairstyle", fringed, message(fringed, fringed.mask), 1.0, LOOK)[tab.session]
    assert worn(fringed) and worn(styled) and worn(fringed) != worn(styled)
    copper = tab.choose_look(styled, {"part": "Hair", "look": "copper_hair"}, LOOK)[tab.session]
    undone = tab.finish_stroke(copper, message(copper, fringed.mask), LOOK)[tab.session]
    assert worn(undone) == worn(fringed) and undone.looks[Label.HAIR].apart.name == "copper_hair"
    assert not worn(tab.finish_stroke(undone, message(undone, session.mask), LOOK)[tab.session])
    redone = tab.finish_stroke(undone, message(undone, styled.mask), LOOK)[tab.session]
    assert worn(redone) == worn(styled)
    straw = tab.quick_edit("hat", session, message(session, session.mask), 1.0, LOOK, "straw")[tab.session]
    bare = tab.finish_stroke(straw, message(straw, session.mask), LOOK)[tab.session]
    capped = tab.quick_edit("hat", bare, message(bare, bare.mask), 1.0, LOOK, "cap")[tab.session]
    updates = tab.finish_stroke(capped, message(capped, straw.mask), LOOK)
    undone = updates[tab.session]
    assert (
        updates[tab.looks]["chosen"]
        == LookBar.payload(straw.looks)["chosen"]
        != LookBar.payload(capped.looks)["chosen"]
    )
    assert tab.looks not in tab.finish_stroke(undone, message(undone, painted(undone)), LOOK)
    assert undone.looks[Label.HAT].name == straw.looks[Label.HAT].name != capped.looks[Label.HAT].name
