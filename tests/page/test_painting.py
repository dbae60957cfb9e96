"""Photos opened and masks painted on in the Paint tab, as functions, with tiny random networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import told_by
from paint_tab import a_session, random_pipeline, the_examples, the_tab  # noqa: F401  (fixtures)
from PIL import Image
from strokes import LOOK, VALUES, message, nothing_changed, painted, shown, shown_files

pytest.importorskip("gradio")

import gradio as gr

from maskgan.editing.faces import DetectedFace
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask
from maskgan.originals import Original
from maskgan.provenance import DIGITAL_SOURCE_TYPE
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.keeping import traces
from maskgan.ui.keeping.packing import pack
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint import showing
from maskgan.ui.paint.look import Look, with_look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import MAX_STEPS, Session


def select(index: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": index, "value": None})


def test_an_example_opens_with_its_exact_mask(tab: PaintTab, examples: Examples) -> None:
    updates = tab.open_face(Session(), tab.example_faces.open(0), LOOK)
    session = updates[tab.session]
    exact = read_mask(FOLDER / "masks" / f"{examples.paths[0].stem}.png", (512, 512), order="celebamask")
    assert np.array_equal(session.mask, exact)
    on_canvas = MaskCanvas.read(updates[tab.canvas], exact.shape, session.opened.id)
    assert np.array_equal(on_canvas, exact)
    before, after = shown(updates, tab)
    assert np.array_equal(before, after)


def test_every_opening_has_its_own_id(tab: PaintTab) -> None:
    ids = {tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session].opened.id for _ in range(20)}
    assert len(ids) == 20 and max(ids) < 2**53


def test_an_uploaded_photo_opens_and_the_field_is_free_again(tab: PaintTab) -> None:
    updates = tab.picker.open_photo(Session(), str(FOLDER / "photo_01.jpg"), *VALUES)
    session = updates[tab.session]
    assert session.opened.name == "photo_01" and len(session.opened.faces) == 1
    assert updates[tab.picker.upload] is None
    assert updates[tab.picker.faces]["visible"] is False


def test_one_of_several_faces_can_be_chosen(tab: PaintTab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    photo = read_photo(FOLDER / "photo_01.jpg")
    wide = np.concatenate([photo, photo[:, ::-1]], axis=1)
    Image.fromarray(wide).save(tmp_path / "two.png")
    face = tab.pipeline.detect(photo)[0]
    shifted = DetectedFace(face.box, 0.9, np.add(face.points, (50, 0)))
    monkeypatch.setattr(tab.pipeline, "detect", lambda photo: [face, shifted])
    updates = tab.picker.open_photo(Session(), str(tmp_path / "two.png"), *VALUES)
    session = updates[tab.session]
    assert len(updates[tab.picker.faces]["value"]) == 2 and updates[tab.picker.faces]["visible"] is True
    other = tab.picker.choose_face(session, select(1), *VALUES)[tab.session]
    assert other.opened.chosen == 1 and other.opened.id != session.opened.id
    assert not np.array_equal(other.opened.face.crop, session.opened.face.crop)
    assert nothing_changed(tab.picker.choose_face(session, select(0), *VALUES))
    with pytest.warns(UserWarning, match="not in the photo"):
        assert nothing_changed(tab.picker.choose_face(session, select(7), *VALUES))


def test_without_a_face_the_whole_picture_is_offered_and_the_work_stays(
    tab: PaintTab, session: Session, tmp_path: Path
) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)).save(tmp_path / "noise.png")
    with pytest.warns(UserWarning, match="whole picture"):
        updates = tab.picker.open_photo(session, str(tmp_path / "noise.png"), *VALUES)
    waiting = updates[tab.session]
    assert waiting.opened is session.opened and waiting.mask is session.mask
    assert updates[tab.picker.whole]["visible"] is True and tab.canvas not in updates
    (tmp_path / "letter.png").write_text("no picture")
    with pytest.warns(UserWarning, match="not a picture"):
        after_bad_file = tab.picker.open_photo(waiting, str(tmp_path / "letter.png"), *VALUES)
    assert after_bad_file[tab.picker.whole]["visible"] is False and after_bad_file[tab.session].pending is None
    updates = tab.picker.use_whole_picture(waiting, *VALUES)
    assert updates[tab.session].opened.name == "noise" and updates[tab.session].pending is None
    assert updates[tab.picker.whole]["visible"] is False


def test_a_stroke_changes_its_region_and_nothing_else(tab: PaintTab, session: Session) -> None:
    mask = painted(session)
    updates = tab.paint(session, message(session, mask), LOOK)
    before, after = shown(updates, tab)
    edit = updates[tab.session].edit
    assert (after != before)[100:120, 100:140].any()
    assert np.array_equal(after[edit.region == 0], before[edit.region == 0])
    assert (edit.region == 0).mean() > 0.5
    assert np.array_equal(session.mask, session.opened.face.mask)  # the old value is as it was
    assert tab.canvas not in updates  # or a late answer would undo the next stroke
    # The same mask once more, as at the end of a stroke whose preview was its end: it is on the screen.
    assert nothing_changed(tab.paint(updates[tab.session], message(session, mask), LOOK))


def test_a_stroke_on_a_mask_that_was_replaced_is_told_the_new_one(tab: PaintTab, session: Session) -> None:
    late = {**message(session, painted(session)), "version": session.version}
    smiling = tab.quick_edit("smile", session, late, 1.0, LOOK)
    session = smiling[tab.session]
    late["mask"] = MaskCanvas.payload(painted(session, Label.HAT, 20))["mask"]
    told = tab.paint(session, late, LOOK)
    assert told[tab.canvas] == smiling[tab.canvas]
    assert np.array_equal(shown(told, tab), shown(smiling, tab))  # a picture of the late stroke may have come ahead
    assert np.array_equal(tab.quick_edit("hat", session, late, 1.0, LOOK)[tab.session].tuned.before.mask, session.mask)


def test_a_stroke_on_an_earlier_face_is_dropped(tab: PaintTab, session: Session) -> None:
    late = message(session, painted(session))
    session = tab.open_face(session, tab.example_faces.open(1), LOOK)[tab.session]
    assert nothing_changed(tab.paint(session, late, LOOK))


def moved_by(session: Session, mask: np.ndarray, label: Label, shift: tuple[int, int]) -> dict[str, Any]:
    """What the canvas sends when a region of a mask was moved by whole pixels."""
    inside = mask == label
    after = np.where(inside, np.uint8(Label.SKIN), mask)
    rows, columns = np.nonzero(inside)
    after[rows + shift[1], columns + shift[0]] = label
    region = {
        "at": [int(columns[0]), int(rows[0])],
        "classes": [int(label)],
        "matrix": [1, 0, shift[0], 0, 1, shift[1]],
    }
    told = {"from": MaskCanvas.payload(mask)["mask"], "regions": [region]}
    return {**message(session, after), "moved": told}


def follows(session: Session, label: Label, shift: tuple[int, int]) -> bool:
    """Whether the photo's pixels of a class come from where it was before it was moved so far: but for a few at its
    edge, which a lip that rises beside them takes along."""
    off = np.abs(session.edit.motion.flow[session.mask == label] + shift)
    return bool(np.percentile(off, 99) < 0.7 and off.max() < 2.5)


def test_a_moved_region_takes_its_own_pixels_along_through_all_that_follows(tab: PaintTab, session: Session) -> None:
    opened, own = session, session.mask
    on_the_way = tab.paint(session, moved_by(session, own, Label.NOSE, (3, 2)), LOOK)[tab.session]
    assert follows(on_the_way, Label.NOSE, (3, 2))
    session = tab.finish_stroke(on_the_way, moved_by(session, own, Label.NOSE, (6, 5)), LOOK)[tab.session]
    assert follows(session, Label.NOSE, (6, 5)) and len(session.motions) == 1  # that on the way is forgotten
    nose, flow_of_nose = session.mask, session.edit.motion.flow
    session = tab.finish_stroke(session, moved_by(session, nose, Label.L_EYE, (8, -6)), LOOK)[tab.session]
    assert follows(session, Label.NOSE, (6, 5)) and follows(session, Label.L_EYE, (8, -6))
    eye = session.mask

    stroke = eye.copy()
    stroke[20:40, 100:140] = Label.HAIR
    after = tab.finish_stroke(session, message(session, stroke), LOOK)[tab.session]
    smiling = tab.quick_edit("smile", after, message(after, stroke), 1.0, LOOK)[tab.session]
    tuned = tab.tune(smiling, message(smiling, smiling.mask), 0.5, LOOK)[tab.session]
    for later in (after, smiling, tuned):
        assert follows(later, Label.NOSE, (6, 5)) and follows(later, Label.L_EYE, (8, -6))

    # Undo and redo on the canvas, a click on the history, and what a server knows that was started anew.
    undone = tab.paint(after, message(after, nose), LOOK)[tab.session]
    assert np.array_equal(undone.edit.motion.flow, flow_of_nose)
    redone = tab.paint(undone, message(undone, eye), LOOK)[tab.session]
    assert follows(redone, Label.L_EYE, (8, -6))
    former = tab.restore(after, select(2), LOOK)[tab.session]
    assert follows(former, Label.NOSE, (6, 5)) and np.array_equal(former.mask, nose)
    anew = replace(after, motions=after.motions[-1:])
    assert follows(tab.paint(anew, message(anew, nose), LOOK)[tab.session], Label.NOSE, (6, 5))
    assert opened.motions == () and np.array_equal(opened.mask, own)  # the old value is as it was


def test_a_visit_that_ended_with_a_move_comes_back_moved(tab: PaintTab, session: Session) -> None:
    for label, shift in ((Label.NOSE, (6, 5)), (Label.L_EYE, (8, -6))):
        session = tab.finish_stroke(session, moved_by(session, session.mask, label, shift), LOOK)[tab.session]
    settings = {"view": "face", "keep": True, "seamless": False, "strength": 1.0}
    packed = pack(replace(session, key=traces.new_key()), settings)
    kept = json.loads(json.dumps(packed))  # as a browser sends it back
    again = tab.start(Session(), kept, LOOK)[tab.session]
    assert again is not session and np.array_equal(again.mask, session.mask)
    assert follows(again, Label.NOSE, (6, 5)) and follows(again, Label.L_EYE, (8, -6))
    assert np.abs(again.edit.crop.astype(int) - session.edit.crop).mean() < 0.05


def test_a_forged_move_is_answered_in_a_sentence(tab: PaintTab, session: Session) -> None:
    good = moved_by(session, session.mask, Label.NOSE, (3, 2))
    for matrix, says in (([0] * 6, "too far"), ([1, 0, 1e300, 0, 1, 0], "no usable place"), ("eye", "no usable move")):
        (region,) = good["moved"]["regions"]
        forged = {**good, "moved": {**good["moved"], "regions": [{**region, "matrix": matrix}]}}
        with pytest.warns(UserWarning, match=rf"{says}.*\.$"):
            assert nothing_changed(tab.paint(session, forged, LOOK))


@pytest.mark.parametrize("forged", [None, "mask", {"id": 1}, {"mask": "A" * 400}])
def test_a_forged_message_is_answered_in_a_sentence(tab: PaintTab, session: Session, forged: Any) -> None:
    with pytest.warns(UserWarning, match=r"\.$"):
        assert nothing_changed(tab.paint(session, forged, LOOK))


def test_the_full_photo_is_shown_when_it_is_chosen(tab: PaintTab, session: Session) -> None:
    updates = tab.paint(session, message(session, painted(session)), Look("photo"))
    before, after = (np.array(Image.open(path)).astype(int) for path in shown_files(updates[tab.photo_result]))
    assert before.shape == after.shape == session.opened.face.photo.shape
    changed = abs(before - after).max(-1) > 2  # JPEG
    assert changed.any() and changed.mean() < 0.5
    assert tab.face_result not in updates  # it was hidden when the other view was chosen


@pytest.mark.parametrize("view", ["face", "photo"])
def test_pictures_on_the_screen_tell_when_they_are_edited(tab: PaintTab, session: Session, view: str) -> None:
    """A picture can be saved from the screen too."""

    def told(mask: np.ndarray) -> list[bool]:
        nonlocal session
        updates = tab.paint(session, message(session, mask), Look(view))
        session = updates[tab.session]
        paths = shown_files(updates[tab.photo_result if view == "photo" else tab.face_result])
        return [told_by(Image.open(path)).get("DigitalSourceType") == DIGITAL_SOURCE_TYPE for path in paths]

    assert told(painted(session)) == [False, True]
    assert told(session.opened.face.mask) == [False, False]


def test_finished_strokes_are_remembered_and_come_back(tab: PaintTab, session: Session) -> None:
    first, second = painted(session), painted(session, Label.HAT, 20)
    for mask in (first, second):
        session = tab.finish_stroke(session, message(session, mask), LOOK)[tab.session]
    updates = tab.restore(session, select(1), LOOK)  # newest first
    assert np.array_equal(updates[tab.session].mask, first)
    assert np.array_equal(MaskCanvas.read(updates[tab.canvas], first.shape, session.opened.id), first)
    with pytest.warns(UserWarning, match="no longer"):
        assert nothing_changed(tab.restore(session, select(3), LOOK))


def test_undo_and_redo_add_no_steps_and_the_original_is_the_first(tab: PaintTab, session: Session) -> None:
    own, first, second = session.mask, painted(session), painted(session, Label.HAT, 20)
    for mask in (first, second, first, own, first, second):
        updates = tab.finish_stroke(session, message(session, mask), LOOK)
        session = updates[tab.session]
    assert [step.label for step in session.history] == ["Original", "Painted: hair", "Painted: hat"]
    assert updates[tab.history]["selected_index"] == 0  # newest first
    back = tab.restore(session, select(2), LOOK)[tab.session]
    assert np.array_equal(back.mask, own) and not back.edit.region.any()


def test_a_photo_that_was_left_opens_as_it_was(tab: PaintTab, session: Session) -> None:
    mask = painted(session)
    first = session.opened
    session = tab.finish_stroke(session, message(session, mask), LOOK)[tab.session]
    session = tab.quick_edit("hat", session, message(session, mask), 1.0, LOOK)[tab.session]
    result = session.edit.crop
    updates = tab.open_face(session, tab.example_faces.open(1), LOOK)
    session = updates[tab.session]
    assert [step.label for step in session.history] == ["Original"] and not updates[tab.history]["visible"]
    assert updates[tab.earlier]["visible"] and updates[tab.earlier]["value"][0][1] == first.name
    assert session.left[0].opened.face.style is None and session.left[0].opened.face.photo.size == 0
    updates = tab.reopen_photo(session, select(0), LOOK)
    session = updates[tab.session]
    assert session.opened.id == first.id and [step.label for step in session.history][1:] == ["Painted: hair", "Hat"]
    assert np.abs(session.edit.crop.astype(int) - result).max() <= 2 and (session.edit.crop != result).mean() < 0.01
    payload = updates[tab.canvas]
    assert np.array_equal(MaskCanvas.read(payload, mask.shape, first.id), session.mask) and "photo" in payload
    with pytest.warns(UserWarning, match="no longer here"):  # the other example was not touched
        assert nothing_changed(tab.reopen_photo(session, select(0), LOOK))


def test_the_history_has_an_end_and_keeps_the_original(session: Session) -> None:
    for index in range(MAX_STEPS + 5):
        session = session.remembered(b"picture", str(index))
    assert len(session.history) == MAX_STEPS + 1
    assert session.history[0].label == "Original" and session.history[-1].label == str(MAX_STEPS + 4)


def test_photos_that_were_left_have_a_limit(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("maskgan.ui.session.MAX_LEFT_BYTES", 100)
    for index in range(5):
        source = Original(bytes([index]) * 40)
        opened = replace(session.opened, name=str(index), id=index, photo_id=index, source=source)
        session = session.leave().open(opened, session.edit, session.mask)
    assert [left.opened.name for left in session.left] == ["2", "3"]


def test_switching_options_keeps_the_mask(tab: PaintTab, session: Session) -> None:
    mask = painted(session)
    session = tab.paint(session, message(session, mask), LOOK)[tab.session]
    whole = tab.refresh(session, Look(keep=False))
    before, after = shown(whole, tab)
    assert (before == after).all(-1).mean() < 0.5  # everything was drawn anew
    assert np.array_equal(whole[tab.session].mask, mask)


def test_what_leaves_a_face_is_told_of_a_stroke_whose_event_has_still_to_come(tab: PaintTab, session: Session) -> None:
    mask = painted(session, Label.HAT)
    left = tab._told(tab.picker.choose_example)(session, message(session, mask), select(1), *VALUES)[tab.session].left[
        -1
    ]
    assert left.opened.id == session.opened.id and np.array_equal(left.state.mask, mask)
    chosen = tab._told(with_look(tab.choose_look))
    coloured = chosen(session, message(session, mask), {"part": "Skin", "look": "#806050"}, *VALUES)[tab.session]
    assert np.array_equal(coloured.mask, mask) and len(coloured.history) == len(session.history) + 2
    with pytest.warns(UserWarning, match="base64"):
        forged = {**message(session, mask), "mask": "?"}
        assert nothing_changed(tab._told(tab.picker.choose_example)(session, forged, select(1), *VALUES))


def test_a_strokes_picture_is_at_hand_roughly_then_exactly_then_at_once(tab: PaintTab, session: Session) -> None:
    asked = message(session, painted(session))
    pictures = tab._picture_ahead(session, asked)
    assert not pictures.other
    rough = pictures.draft()
    assert rough.type == "image/jpeg" and DIGITAL_SOURCE_TYPE.encode() in rough.content
    exact = pictures.exact()
    assert exact.type == "image/webp" and DIGITAL_SOURCE_TYPE.encode() in exact.content
    done = tab._picture_ahead(session, asked)
    assert done.draft is None and done.exact() == exact
    assert shown_files(tab.paint(session, asked, LOOK)[tab.face_result])[1] == exact.path
    own = message(session, session.opened.face.mask)  # as after undo: nothing in it is drawn
    assert DIGITAL_SOURCE_TYPE.encode() not in tab._picture_ahead(session, own).draft().content


def test_undo_and_the_history_show_edits_that_were_made(
    tab: PaintTab, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no edit that was made of anything else."""
    made, edit = [], showing.edit_with_looks

    def counted(pipeline: Any, face: Any, mask: np.ndarray, *rest: Any, **named: Any) -> Any:
        made.append(mask)
        return edit(pipeline, face, mask, *rest, **named)

    monkeypatch.setattr(showing, "edit_with_looks", counted)
    masks = [painted(session, Label.HAIR, 100), painted(session, Label.CLOTH, 300)]
    pictures, files = [], []
    for mask in masks:
        updates = tab.finish_stroke(session, message(session, mask), LOOK)
        session = updates[tab.session]
        pictures.append(shown(updates, tab)[1])
        files.append(shown_files(updates[tab.face_result])[1])
    assert len(made) == 2
    undone = tab.finish_stroke(session, message(session, masks[0]), LOOK)
    assert shown_files(undone[tab.face_result])[1] == files[0] and np.array_equal(shown(undone, tab)[1], pictures[0])
    assert np.array_equal(undone[tab.session].edit.crop, pictures[0])
    restored = tab.restore(undone[tab.session], select(0), LOOK)
    assert shown_files(restored[tab.face_result])[1] == files[1] and len(made) == 2
    assert np.array_equal(restored[tab.session].edit.paste(), edit(tab.pipeline, session.opened.face, masks[1]).paste())

    redrawn = tab.finish_stroke(undone[tab.session], message(session, masks[1]), replace(LOOK, keep=False))
    assert len(made) == 3 and not np.array_equal(shown(redrawn, tab)[1], pictures[1])
    again = tab.example_faces.open(0)
    reopened = tab.open_face(Session(), again, LOOK)[tab.session]
    tab.finish_stroke(reopened, message(reopened, masks[0]), LOOK)
    assert any(np.array_equal(mask, masks[0]) for mask in made[3:])
