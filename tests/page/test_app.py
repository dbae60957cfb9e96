"""The page's handlers as functions, with tiny random networks; the real browser is in test_browser.py."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import draw_mask, told_by
from PIL import Image
from strokes import finish_stroke, message, nothing_changed, painted, shown

pytest.importorskip("gradio")

import gradio as gr

import app as command
from maskgan.editing.faces import DetectedFace
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.mask_files import read_mask
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.originals import Original
from maskgan.provenance import DIGITAL_SOURCE_TYPE
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.mask_canvas import MaskCanvas
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.menus.possible import NEEDS
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import MAX_STEPS, Session

VALUES = ("face", True, False)
LOOK = Look(*VALUES)


@pytest.fixture(scope="module")
def pipeline() -> MaskGANPipeline:
    torch.manual_seed(0)
    return MaskGANPipeline(DenseMappingNetwork.preset("tiny"), FaceParser(widths=(8, 8, 8, 8, 8)))


@pytest.fixture(scope="module")
def examples(pipeline: MaskGANPipeline) -> Examples:
    return Examples(pipeline)


@pytest.fixture(scope="module")
def tab(pipeline: MaskGANPipeline, examples: Examples) -> PaintTab:
    with gr.Blocks():
        return PaintTab(pipeline, examples, max_pixels=4_000_000)


@pytest.fixture
def session(tab: PaintTab) -> Session:
    return tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]


def select(index: int) -> gr.SelectData:
    return gr.SelectData(None, {"index": index, "value": None})


# ---------------------------------------------------------------- opening


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


# ---------------------------------------------------------------- painting


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
    """Whether the photo's pixels of a class come from where it was before it was moved so far."""
    flow = session.edit.change.flow[session.mask == label]
    return bool(np.abs(flow + shift).max() < 1)


def test_a_moved_region_takes_its_own_pixels_along_through_all_that_follows(tab: PaintTab, session: Session) -> None:
    opened, own = session, session.mask
    on_the_way = tab.paint(session, moved_by(session, own, Label.NOSE, (3, 2)), LOOK)[tab.session]
    assert follows(on_the_way, Label.NOSE, (3, 2))
    session = finish_stroke(tab, on_the_way, moved_by(session, own, Label.NOSE, (6, 5)), LOOK)[tab.session]
    assert follows(session, Label.NOSE, (6, 5)) and len(session.motions) == 1  # that on the way is forgotten
    nose, flow_of_nose = session.mask, session.edit.change.flow
    session = finish_stroke(tab, session, moved_by(session, nose, Label.L_EYE, (8, -6)), LOOK)[tab.session]
    assert follows(session, Label.NOSE, (6, 5)) and follows(session, Label.L_EYE, (8, -6))
    eye = session.mask

    stroke = eye.copy()
    stroke[20:40, 100:140] = Label.HAIR
    after = finish_stroke(tab, session, message(session, stroke), LOOK)[tab.session]
    smiling = tab.quick_edit("smile", after, message(after, stroke), 1.0, LOOK)[tab.session]
    tuned = tab.tune(smiling, message(smiling, smiling.mask), 0.5, LOOK)[tab.session]
    for later in (after, smiling, tuned):
        assert follows(later, Label.NOSE, (6, 5)) and follows(later, Label.L_EYE, (8, -6))

    # Undo and redo on the canvas, a click on the history, and what a server knows that was started anew.
    undone = tab.paint(after, message(after, nose), LOOK)[tab.session]
    assert np.array_equal(undone.edit.change.flow, flow_of_nose)
    redone = tab.paint(undone, message(undone, eye), LOOK)[tab.session]
    assert follows(redone, Label.L_EYE, (8, -6))
    former = tab.restore(after, select(2), LOOK)[tab.session]
    assert follows(former, Label.NOSE, (6, 5)) and np.array_equal(former.mask, nose)
    anew = replace(after, motions=after.motions[-1:])
    assert follows(tab.paint(anew, message(anew, nose), LOOK)[tab.session], Label.NOSE, (6, 5))
    assert opened.motions == () and np.array_equal(opened.mask, own)  # the old value is as it was


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
    before, after = (np.array(Image.open(path)).astype(int) for path in updates[tab.photo_result]["value"])
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
        paths = updates[tab.photo_result if view == "photo" else tab.face_result]["value"][:2]
        return [told_by(Image.open(path)).get("DigitalSourceType") == DIGITAL_SOURCE_TYPE for path in paths]

    assert told(painted(session)) == [False, True]
    assert told(session.opened.face.mask) == [False, False]


def test_finished_strokes_are_remembered_and_come_back(tab: PaintTab, session: Session) -> None:
    first, second = painted(session), painted(session, Label.HAT, 20)
    for mask in (first, second):
        session = finish_stroke(tab, session, message(session, mask), LOOK)[tab.session]
    updates = tab.restore(session, select(1), LOOK)  # newest first
    assert np.array_equal(updates[tab.session].mask, first)
    assert np.array_equal(MaskCanvas.read(updates[tab.canvas], first.shape, session.opened.id), first)
    with pytest.warns(UserWarning, match="no longer"):
        assert nothing_changed(tab.restore(session, select(3), LOOK))


def test_undo_and_redo_add_no_steps_and_the_original_is_the_first(tab: PaintTab, session: Session) -> None:
    own, first, second = session.mask, painted(session), painted(session, Label.HAT, 20)
    for mask in (first, second, first, own, first, second):
        updates = finish_stroke(tab, session, message(session, mask), LOOK)
        session = updates[tab.session]
    assert [step.label for step in session.history] == ["Original", "Painted: hair", "Painted: hat"]
    assert updates[tab.history]["selected_index"] == 0  # newest first
    back = tab.restore(session, select(2), LOOK)[tab.session]
    assert np.array_equal(back.mask, own) and not back.edit.region.any()


def test_a_photo_that_was_left_opens_as_it_was(tab: PaintTab, session: Session) -> None:
    mask = painted(session)
    first = session.opened
    session = finish_stroke(tab, session, message(session, mask), LOOK)[tab.session]
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
    stroke = finish_stroke(tab, session, message(session, painted(session)), LOOK)[tab.session]
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
    session = finish_stroke(tab, session, message(session, bald), LOOK)[tab.session]
    with pytest.warns(UserWarning, match="nothing of this part"):
        assert nothing_changed(tab.choose_look(session, {"part": "Hair", "look": "black_hair"}, LOOK))


def test_a_quick_edit_that_changes_nothing_says_so(tab: PaintTab, session: Session) -> None:
    bare = np.where(session.mask == Label.HAT, Label.HAIR, session.mask).astype(np.uint8)
    with pytest.warns(UserWarning):
        assert nothing_changed(tab.quick_edit("remove_hat", session, message(session, bare), 1.0, LOOK))


def test_switching_options_keeps_the_mask(tab: PaintTab, session: Session) -> None:
    mask = painted(session)
    session = tab.paint(session, message(session, mask), LOOK)[tab.session]
    whole = tab.refresh(session, Look(keep=False))
    before, after = shown(whole, tab)
    assert (before == after).all(-1).mean() < 0.5  # everything was drawn anew
    assert np.array_equal(whole[tab.session].mask, mask)


# ---------------------------------------------------------------- the app


def test_two_visitors_paint_at_once_and_get_their_own_faces(pipeline: MaskGANPipeline, examples: Examples) -> None:
    client_library = pytest.importorskip("gradio_client")
    demo = build_app(pipeline, examples)
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    try:
        visitors = [client_library.Client(url, verbose=False) for _ in range(2)]
        photos = [FOLDER / "images" / "portrait_02.jpg", FOLDER / "photo_01.jpg"]
        failures: list[str] = []

        def paint(visitor: Any, path: Path, label: Label) -> None:
            face = pipeline.prepare(read_photo(path))
            upload = client_library.handle_file(path)
            canvas = next(it for it in visitor.predict(upload, *VALUES, api_name="/open_photo") if "mask" in it)
            for row in range(0, 200, 40):
                mask = face.mask.copy()
                mask[row : row + 30, 60:200] = label
                stroke = {**MaskCanvas.payload(mask, id=canvas["id"]), "stroke": row}
                shown = visitor.predict(stroke, *VALUES, api_name="/paint")[0]
                picture = np.array(Image.open(shown["value"][1]))
                if not np.array_equal(picture, pipeline.edit(face, mask).crop):
                    failures.append(f"{path.name} at row {row}")

        labels = (Label.HAT, Label.SKIN)
        with ThreadPoolExecutor() as threads:
            list(threads.map(paint, visitors, photos, labels))
        assert not failures
    finally:
        demo.close()


def test_state_and_files_have_an_end(pipeline: MaskGANPipeline, examples: Examples) -> None:
    demo = build_app(pipeline, examples)
    states = [block for block in demo.blocks.values() if isinstance(block, gr.State)]
    assert states and all(state.time_to_live < 24 * 3600 for state in states)
    assert demo.delete_cache is not None
    assert demo.analytics_enabled is False


def test_the_page_asks_for_no_font_from_elsewhere() -> None:
    theme = launch_options()["theme"]
    assert not theme._stylesheets and not theme._font_css


def test_the_header_tells_where_photos_go(pipeline: MaskGANPipeline, examples: Examples) -> None:
    def header(hosted: bool) -> str:
        demo = build_app(pipeline, examples, hosted=hosted)
        return next(block.value for block in demo.blocks.values() if isinstance(block, gr.HTML))

    assert "Nothing leaves this computer" in header(False)
    assert "Nothing leaves this computer" not in header(True)


def test_the_command_line() -> None:
    parser = command.build_parser()
    options = parser.parse_args(["--auth", "ada:secret:word", "--max-pixels", "1000"])
    assert options.auth == ("ada", "secret:word") and options.max_pixels == 1000 and options.share is False
    with pytest.raises(SystemExit):
        parser.parse_args(["--auth", "ada"])


def test_no_network_runs_before_the_page_is_up(
    pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Gradio sets environment variables until then, which may crash networks that run in another thread."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    steps: list[str] = []
    monkeypatch.setattr(MaskGANPipeline, "load", lambda *_: pipeline)
    monkeypatch.setattr(Examples, "prepare_in_background", lambda self: steps.append("examples"))
    monkeypatch.setattr(gr.Blocks, "launch", lambda self, **options: steps.append("launch"))
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda self: steps.append("wait"))
    command.main([])
    assert steps == ["launch", "examples", "wait"]


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="model_index"):
        command.main(["--weights", str(tmp_path)])


@pytest.mark.parametrize("name", NEEDS)
def test_quick_edits_that_look_impossible_are(name: str) -> None:
    mask = draw_mask(256)
    mask[np.isin(mask, NEEDS[name][0])] = Label.SKIN
    with pytest.raises(QuickEditImpossible):
        QUICK_EDITS[name].apply(mask)
