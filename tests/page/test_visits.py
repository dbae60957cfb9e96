"""What a browser keeps of a visit: it comes back as it was, and what was forged is refused in a sentence."""

from __future__ import annotations

import gc
import io
import json
import os
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tiny_pipeline
from PIL import Image
from strokes import message

pytest.importorskip("gradio")

import gradio as gr

from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.rough import shown_first_to
from maskgan.editing.warping import Motion
from maskgan.labels import Label
from maskgan.snapshots import Weights
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.keeping import traces
from maskgan.ui.keeping.motions import pack_motion, unpack_motion
from maskgan.ui.keeping.packing import NotKept, pack, unpack
from maskgan.ui.keeping.tabs import KeptTab, fitting, kept_tab
from maskgan.ui.kit import saved
from maskgan.ui.mask_canvas.wire import encode_runs
from maskgan.ui.paint import showing
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.pictures import webp
from maskgan.ui.session import Session

LOOK = Look()
SETTINGS = {"view": "photo", "keep": True, "seamless": True, "strength": 1.4}


@pytest.fixture(scope="module")
def tab() -> PaintTab:
    pipeline: MaskGANPipeline = tiny_pipeline()
    with gr.Blocks():
        return PaintTab(pipeline, Examples(pipeline))


@pytest.fixture(scope="module")
def session(tab: PaintTab) -> Session:
    """An upload with a quick edit, a stroke and a colour, after an example with a stroke."""
    session = tab.open_face(Session(key=traces.new_key()), tab.example_faces.open(0), LOOK)[tab.session]
    session = tab.finish_stroke(session, message(session, painted(session, Label.HAT)), LOOK)[tab.session]
    session = tab.picker.open_photo(session, str(FOLDER / "photo_01.jpg"), *vars(LOOK).values())[tab.session]
    drawn_in = replace(session.opened.face, drawn=Weights("ab" * 32))
    session = replace(session, opened=replace(session.opened, face=drawn_in))
    drawn = tab.example_faces.face(1).mask  # tiny networks find no face in the photo
    session = tab.quick_edit("smile", session, message(session, drawn), 1.0, LOOK)[tab.session]
    session = tab.finish_stroke(session, message(session, painted(session, Label.HAIR)), LOOK)[tab.session]
    return tab.choose_look(session, {"part": "Hair", "look": "#c03020"}, LOOK)[tab.session]


def painted(session: Session, label: Label) -> np.ndarray:
    mask = session.mask.copy()
    mask[300:320, 200:240] = label
    return mask


def as_sent(kept: dict[str, Any]) -> dict[str, Any]:
    """What a browser sends back: the same as JSON."""
    return json.loads(json.dumps(kept))


def test_a_visit_comes_back_as_it_was(session: Session) -> None:
    visit = unpack(as_sent(pack(session, SETTINGS)))
    assert visit.settings == SETTINGS
    left, opened = visit.open, session.opened
    assert (left.opened.id, left.opened.name, left.opened.chosen) == (opened.id, "photo_01", opened.chosen)
    assert left.opened.source.data == (FOLDER / "photo_01.jpg").read_bytes() and left.opened.original is not None
    assert left.opened.face.drawn == Weights("ab" * 32)
    assert np.array_equal(left.opened.face.mask, opened.face.mask)
    assert np.array_equal(left.opened.face.alignment.matrix, opened.face.alignment.matrix)
    assert np.array_equal(left.opened.faces[0].points, opened.faces[0].points)
    assert np.array_equal(left.state.mask, session.mask) and left.state.looks == session.looks
    assert [step.label for step in left.history] == [step.label for step in session.history]
    for kept, step in zip(left.history, session.history, strict=True):
        assert np.array_equal(kept.mask, step.mask) and kept.thumbnail == step.thumbnail
        assert kept.motion == step.motion and kept.looks == step.looks
    (example,) = visit.faces
    assert example.opened.source == session.left[0].opened.source and len(example.history) == 2


def test_the_page_goes_on_from_what_was_kept(tab: PaintTab, session: Session) -> None:
    updates = tab.start(Session(), as_sent(pack(session, SETTINGS)), LOOK)
    again = updates[tab.session]
    assert updates[tab.view] == "photo" and updates[tab.strength] == 1.4 and updates[tab.keeper] == {"restored": True}
    assert again.opened.id == session.opened.id and np.array_equal(again.mask, session.mask)
    assert np.abs(again.edit.photo.astype(int) - session.edit.photo).mean() < 0.05
    assert len(updates[tab.history]["value"]) == 4 and updates[tab.earlier]["visible"]
    assert again.drawn is not None and again.key == session.key
    assert Path(tab.photo_file(again, False)).suffix == ".jpg"
    example = tab.reopen_photo(again, gr.SelectData(None, {"index": 0, "value": None}), LOOK)[tab.session]
    assert np.array_equal(example.mask, session.left[0].state.mask) and example.left[-1].opened.id == again.opened.id


def test_the_canvas_may_know_more_than_the_server_did(tab: PaintTab, session: Session) -> None:
    mask = painted(session, Label.NECK)
    kept = as_sent(pack(session, SETTINGS)) | {"live": {"id": session.opened.id, "mask": encode_runs(mask)}}
    again = tab.start(Session(), kept, LOOK)[tab.session]
    assert np.array_equal(again.mask, mask) and again.history[-1].label == "Painted: neck"
    kept["live"]["id"] += 1  # of another face
    assert np.array_equal(tab.start(Session(), kept, LOOK)[tab.session].mask, session.mask)


def test_a_page_on_which_nothing_was_done_is_not_kept(tab: PaintTab) -> None:
    session = tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]
    assert pack(session, SETTINGS) is None
    session = tab.open_face(session, tab.example_faces.open(1), LOOK)[tab.session]
    assert pack(session, SETTINGS) is None
    session = tab.finish_stroke(session, message(session, painted(session, Label.HAT)), LOOK)[tab.session]
    assert pack(session, SETTINGS) is not None


def test_a_page_that_the_server_has_forgotten_is_told_so(tab: PaintTab) -> None:
    assert tab.keep_visit(Session(), 1.0, {}, LOOK) == {"lost": True}


@pytest.fixture(scope="module")
def beside(tab: PaintTab) -> dict[str, KeptTab]:
    """What Style copy has open: an upload with a corrected mask, and an example."""
    upload = tab.picker.open_photo(Session(), str(FOLDER / "photo_01.jpg"), *vars(LOOK).values())[tab.session].opened
    example = tab.example_faces.open(2)
    sessions = {
        "source": Session(opened=upload, mask=painted(Session(opened=upload, mask=upload.face.mask), Label.HAT))
    }
    sessions["target"] = Session(opened=example, mask=example.face.mask)
    return {"style": kept_tab(None, sessions, {"regions": ["hair"], "strength": 0.4})}


def test_the_tabs_beside_paint_come_back_with_their_faces(
    tab: PaintTab, session: Session, beside: dict[str, KeptTab]
) -> None:
    updates = tab.start(Session(), as_sent(pack(session, SETTINGS, beside)), LOOK)
    back = updates[tab.beside]["style"]
    assert back.settings == {"regions": ["hair"], "strength": 0.4}
    for name, left in beside["style"].faces.items():
        opened, mask = tab.wake(back.faces[name])
        was = tab.wake(left)[0].face
        assert np.array_equal(opened.face.crop, was.crop) and np.array_equal(opened.face.mask, was.mask)
        assert np.array_equal(mask, left.state.mask) and opened.face.style is not None
    sessions = {name: Session(opened=left.opened, mask=left.state.mask) for name, left in back.faces.items()}
    again = kept_tab(back, sessions, {})
    assert all(again.faces[name] is back.faces[name] for name in back.faces)  # so that no file is written anew


def test_a_look_can_be_taken_from_another_photo_and_comes_back(tab: PaintTab, session: Session) -> None:
    hat = next(i for i, path in enumerate(tab.example_faces.paths) if path.stem == "portrait_06")
    shown = tab.open_face(session, tab.example_faces.open(0), LOOK)
    lent = shown[tab.looks]["photos"]
    assert lent[0]["title"] == "photo_01" and lent[0]["picture"].startswith("data:image/jpeg;base64,")
    own, look = shown[tab.session], {"part": "Hair", "look": "", "photo": lent[0]["id"]}
    coloured = tab.choose_look(own, look, LOOK)[tab.session]
    assert (coloured.edit.crop != own.edit.crop).any()
    worn = tab.finish_stroke(coloured, message(coloured, painted(coloured, Label.HAT)), LOOK)[tab.session]
    taken = tab.choose_look(worn, {"part": "Hat", "look": "", "photo": "example/portrait_06"}, LOOK)[tab.session]
    assert taken.history[-1].label == "Hat: as on another photo"
    assert np.array_equal(taken.looks[Label.HAT].lender.mask, tab.example_faces.face(hat).mask)
    back = tab.start(Session(), as_sent(pack(taken, SETTINGS)), LOOK)[tab.session]
    assert np.array_equal(back.edit.crop, taken.edit.crop)
    for photo in ("example/nobody", "face/1", "<b>"):
        with pytest.warns(UserWarning, match=r"\.$"):
            tab.choose_look(own, {"part": "Hair", "look": "", "photo": photo}, LOOK)


def test_settings_that_a_control_cannot_have_are_left_out() -> None:
    with gr.Blocks():
        slider, boxes = gr.Slider(0, 1, 1), gr.CheckboxGroup(["hair", "lips"], value=["lips"])
        choice, box = gr.Radio(["style", "shapes"], value="style"), gr.Checkbox(True)
    controls = {"strength": slider, "regions": boxes, "direction": choice, "redraw": box}
    good = {"strength": 0.5, "regions": ["hair"], "direction": "shapes", "redraw": False}
    assert fitting(good, controls) == dict(zip(controls.values(), good.values(), strict=True))
    assert fitting({"strength": 7, "regions": ["<b>"], "direction": ["style"], "redraw": 1, "more": 1}, controls) == {}


def test_the_picture_of_an_edit_is_encoded_once(
    tab: PaintTab, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ahead of the event of a stroke, in the event, and where the same edit is shown again."""
    encoded: list[Any] = []
    monkeypatch.setattr(showing, "webp", lambda *told: encoded.append(told) or webp(*told))
    stroke = message(session, painted(session, Label.HAT))
    path, picture, _ = tab._picture_ahead(session, stroke).exact()
    updates = tab.paint(session, stroke, LOOK)
    assert len(encoded) == 1
    assert updates[tab.face_result][1] == path and Path(path).read_bytes() == picture
    Path(path).unlink()  # another page of the visitor had it forgotten
    assert Path(tab.refresh(updates[tab.session], LOOK)[tab.face_result]["value"][1]).exists()


def test_after_a_costly_edit_a_stroke_is_shown_as_a_draft_until_its_event_has_made_the_edit(tab: PaintTab) -> None:
    session = tab.open_face(Session(key=traces.new_key()), tab.example_faces.open(0), LOOK)[tab.session]
    mask = session.mask.copy()
    side = mask[60:-60, 60:200]
    side[side != Label.HAIR] = Label.CLOTH  # and no hair is cut, whose ends would lie over it
    session = tab.finish_stroke(session, message(session, mask), LOOK)[tab.session]
    mask = mask.copy()
    mask[300:330, 200:235] = Label.CLOTH  # beside it, so that all of it has to be painted anew
    stroke = message(session, mask)
    draft, picture, kind = tab._picture_ahead(session, stroke).draft()
    assert kind == "image/jpeg" and Image.open(io.BytesIO(picture)).size == session.mask.shape
    exact = tab.paint(session, stroke, LOOK)[tab.face_result][1]
    again = tab._picture_ahead(session, stroke)
    assert draft != exact == again.exact()[0] and again.draft is None
    mask = mask.copy()
    mask[360:390, 200:235] = Label.CLOTH
    assert tab._worth_drafting(session, mask, LOOK) and not tab._worth_drafting(session, mask, Look(keep=False))
    coloured = replace(session, looks={Label.HAIR: None})  # looks lie over the whole picture
    assert not tab._worth_drafting(coloured, mask, LOOK)


def test_nothing_is_written_twice(session: Session) -> None:
    first, second = (pack(session, SETTINGS) for _ in range(2))
    assert first == second
    face = first["faces"][-1]
    assert face["state"] == face["steps"][-1]


def _write(kept: dict[str, Any], where: str, content: bytes) -> None:
    kept["faces"][-1][where] = {"path": saved(content, "x.json"), "meta": {"_type": "gradio.FileData"}}


FORGED = {
    "no dict": lambda kept: [1],
    "another version": lambda kept: kept.update(version=0),
    "no photos": lambda kept: kept.pop("photos"),
    "no faces": lambda kept: kept.update(faces=[]),
    "a photo that is not there": lambda kept: kept["faces"][-1].update(photo=7),
    "a file elsewhere": lambda kept: kept["faces"][-1]["own"].update(path="/etc/passwd"),
    "a way out": lambda kept: kept["faces"][-1]["own"].update(path=kept["faces"][-1]["own"]["path"] + "/../../../x"),
    "a file that is gone": lambda kept: kept["faces"][-1]["own"].update(path=saved(b"", "x")[:-70] + "0/x"),
    "no mask": lambda kept: _write(kept, "own", b"AAAA"),
    "no step": lambda kept: _write(kept, "state", b"[]"),
    "no JSON": lambda kept: _write(kept, "state", b"\xff"),
    "no place": lambda kept: kept["faces"][-1].update(matrix=[float("nan")] * 6),
    "a flat place": lambda kept: kept["faces"][-1].update(matrix=[300, 300, 0, 300, 300, 0]),
    "a huge place": lambda kept: kept["faces"][-1].update(matrix=[99999, 0, 0, 0, 99999, 0]),
    "a place far away": lambda kept: kept["faces"][-1].update(matrix=[300, 0, 900000, 0, 300, 0]),
    "faces of no size": lambda kept: kept["photos"][-1].update(faces=[[0] * 15]),
    "faces without an end": lambda kept: kept["photos"][-1].update(faces=[[1e308] * 15]),
    "deep JSON": lambda kept: _write(kept, "state", b"[" * 100_000),
    "a large step": lambda kept: _write(kept, "state", b" " * 4_000_001),
    "another size": lambda kept: kept["photos"][-1].update(size=[10]),
    "an id": lambda kept: kept["faces"][-1].update(id="1"),
    "a view": lambda kept: kept["settings"].update(view="<b>"),
    "a strength": lambda kept: kept["settings"].update(strength=1e9),
    "a switch": lambda kept: kept["settings"].update(keep="yes"),
    "weights": lambda kept: kept["photos"][-1].update(drawn="<script>"),
    "turns": lambda kept: kept["photos"][-1].update(quarters=9),
    "tabs": lambda kept: kept.update(tabs=[1]),
    "a face of a tab": lambda kept: kept.update(tabs={"style": {"faces": {"source": 3}, "settings": {}}}),
    "settings of a tab": lambda kept: kept.update(tabs={"style": {"faces": {}, "settings": "<b>"}}),
    "strokes": lambda kept: kept.update(live={"id": kept["faces"][-1]["id"], "mask": "A" * 40}),
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_visits_are_refused_in_a_sentence(session: Session, name: str) -> None:
    kept = as_sent(pack(session, SETTINGS))
    forged = FORGED[name](kept)
    with pytest.raises(NotKept, match=r"^[A-Z].*\.$"):
        unpack(kept if forged is None else forged)


def test_a_visit_has_a_largest_size(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = as_sent(pack(session, SETTINGS))
    monkeypatch.setattr("maskgan.ui.keeping.packing._ALL_BYTES", len(session.opened.source.data) + 1000)
    with pytest.raises(NotKept):
        unpack(kept)


def test_a_visit_that_cannot_be_read_gives_way_to_a_new_one(tab: PaintTab, session: Session) -> None:
    for change in (
        lambda kept: kept["photos"][-1].update(example="no such example"),
        lambda kept: kept["photos"][-1].update(size=[10, 10]),
        lambda kept: kept.update(faces=3),
    ):
        kept = as_sent(pack(session, SETTINGS))
        change(kept)
        with pytest.warns(UserWarning, match=r"\.$"):
            updates = tab.start(Session(), kept, LOOK)
        assert updates[tab.session].opened.name == tab.example_faces.paths[0].stem and not updates[tab.session].left


def test_a_motion_takes_little_room_and_stays_within_a_hundredth_of_a_pixel() -> None:
    rows, columns = np.mgrid[:512, :512].astype(np.float32)
    bump = 40 * np.exp(-((rows - 256) ** 2 + (columns - 200) ** 2) / 3000)
    flow = np.dstack([bump, -bump / 3]).astype(np.float32)
    mask = (bump > 10).astype(np.uint8)
    packed = pack_motion(Motion(mask, flow))
    back = unpack_motion(packed, (512, 512))
    assert len(packed) < 400_000 and np.abs(back.flow - flow).max() < 0.005 and np.array_equal(back.mask, mask)
    assert pack_motion(back) == packed
    for forged in (b"", packed[:-20], packed[5:], b"\n" + packed, packed.partition(b"\n")[0] + b"\nxx"):
        with pytest.raises(ValueError, match=r"\.$"):
            unpack_motion(forged, (512, 512))


# ---------------------------------------------------------------- forgetting


def in_session(name: str, work: Callable[[], Any]) -> Any:
    token = traces.current.set(name)
    try:
        return work()
    finally:
        traces.current.reset(token)


def test_forgetting_deletes_what_a_visit_left_and_nothing_of_others() -> None:
    mine, theirs = traces.new_key(), traces.new_key()
    files = {}
    for session, key in (("one", mine), ("two", mine), ("three", theirs)):
        in_session(session, lambda key=key: traces.belongs(key))
        files[session] = Path(in_session(session, lambda s=session: saved(s.encode(), "result.webp")))
    for forged in ("", "0" * 32, theirs[:-1], None, ["three"]):
        assert traces.known_key(forged) != theirs
        in_session("forger", lambda forged=forged: traces.forget(traces.known_key(forged)))
    assert all(path.exists() for path in files.values())
    assert in_session("two", lambda: traces.forget(mine)) == 2  # of its load before a reload too
    assert [name for name, path in files.items() if path.exists()] == ["three"]
    assert traces.known_key(theirs) == theirs


def test_no_pixel_of_a_visit_stays_in_the_process(tab: PaintTab) -> None:
    """Caches of patches, flows, drafts and the last edit live as long as what they were made of."""

    def visit() -> list[weakref.ref]:
        session = tab.picker.open_photo(
            Session(key=traces.new_key()), str(FOLDER / "photo_01.jpg"), *vars(LOOK).values()
        )
        session = session[tab.session]
        left = [session]
        face = tab.example_faces.face(1).mask  # tiny networks find no face in the photo
        left.append(tab.quick_edit("smile", session, message(session, face), 1.0, LOOK)[tab.session])
        for part in (np.s_[60:-60, 60:200], np.s_[300:330, 230:300]):
            mask = left[-1].mask.copy()
            mask[part] = Label.HAIR
            stroke = message(left[-1], mask)
            pictures = tab._picture_ahead(left[-1], stroke)
            pictures.draft()
            with shown_first_to(lambda rough: None):
                pictures.exact()
            left.append(tab.finish_stroke(left[-1], stroke, LOOK)[tab.session])
        left.append(tab.choose_look(left[-1], {"part": "Hair", "look": "#c03020"}, LOOK)[tab.session])
        pixels = [part for s in left for part in (s.opened.face.photo, s.opened.face.crop, s.opened.face.mask, s.mask)]
        pixels += [s.edit.crop for s in left if s.edit is not None]
        return [weakref.ref(array) for array in pixels]

    left = visit()
    assert len(left) > 20
    gc.collect()
    assert not [reference().shape for reference in left if reference() is not None]


def test_a_file_that_is_saved_again_stays_whole_for_whoever_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    content = bytes(range(256)) * 4
    path = Path(saved(content, "step.jpg"))
    assert path.read_bytes() == content and path.name == "step.jpg"
    os.utime(path, (0, 0))
    with path.open("rb") as reader:
        assert reader.read(256) == content[:256]
        assert saved(content, "step.jpg") == str(path)
        assert reader.read() == content[256:]
    assert path.stat().st_mtime > 0 and [each.name for each in path.parent.iterdir()] == ["step.jpg"]
