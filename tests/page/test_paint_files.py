"""Files of the Paint tab: masks and photos that come in, and what is saved; handlers as functions, tiny networks."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import told_by
from paint_tab import a_session, random_pipeline, the_examples, the_tab  # noqa: F401  (fixtures)
from PIL import ExifTags, Image
from strokes import LOOK, VALUES, message, nothing_changed, painted, shown

pytest.importorskip("gradio")

import gradio as gr

from maskgan.images import read_photo
from maskgan.mask_files import read_mask, write_mask
from maskgan.ui.examples import FOLDER
from maskgan.ui.kit import fails_on_value_error, tell, warns_on_value_error
from maskgan.ui.paint.files import AS_IT_CAME, FILE_KINDS
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session


def test_masks_go_out_and_come_back(tab: PaintTab, session: Session, tmp_path: Path) -> None:
    mask = painted(session)
    session = tab.paint(session, message(session, mask), LOOK)[tab.session]
    path = tab.mask_file(session)
    assert Path(path).name == f"{session.opened.name}_mask.png" and Image.open(path).mode == "P"
    fresh = tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]
    updates = tab.load_mask(fresh, path, LOOK)
    assert np.array_equal(updates[tab.session].mask, mask)


def test_a_picture_with_its_own_mask_starts_from_it(tab: PaintTab, capsys: pytest.CaptureFixture[str]) -> None:
    picture, own = FOLDER / "images" / "portrait_03.jpg", FOLDER / "masks" / "portrait_03.png"
    session = tab.picker.open_photo(Session(), str(picture), *VALUES)[tab.session]
    assert "aligned face already" in capsys.readouterr().out
    face = session.opened.face
    assert np.array_equal(face.crop, read_photo(picture))
    mask = read_mask(own, face.mask.shape)
    assert not np.array_equal(mask, face.mask)
    updates = tab.load_own_mask(session, str(own), LOOK)
    loaded = updates[tab.session]
    assert np.array_equal(loaded.mask, mask) and np.array_equal(loaded.opened.face.mask, mask)
    assert loaded.opened.id != session.opened.id  # strokes on the mask that was there before are late
    before, after = shown(updates, tab)
    assert np.array_equal(before, after) and np.array_equal(loaded.edit.photo, face.photo)
    assert not np.array_equal(tab.load_mask(session, str(own), LOOK)[tab.session].edit.photo, face.photo)


def test_a_file_has_the_stroke_whose_event_has_not_come_yet(tab: PaintTab, session: Session) -> None:
    stroke = painted(session)
    late, now = message(session, stroke), tab.paint(session, message(session, stroke), LOOK)[tab.session]
    assert np.array_equal(read_mask(tab._of_canvas(tab.mask_file)(session, late, *VALUES), stroke.shape), stroke)
    saved = tab._of_canvas(tab.photo_file)(session, late, *VALUES, False, "PNG")
    assert np.array_equal(np.array(Image.open(saved)), now.edit.photo)
    older = {**message(session, session.opened.face.mask), "version": now.version - 1}
    assert np.array_equal(read_mask(tab._of_canvas(tab.mask_file)(now, older, *VALUES), stroke.shape), stroke)


def test_downloads_are_exact(tab: PaintTab, session: Session) -> None:
    session = tab.paint(session, message(session, painted(session)), LOOK)[tab.session]
    assert np.array_equal(np.array(Image.open(tab.face_file(session))), session.edit.crop)
    photo = np.array(Image.open(tab.photo_file(session, False)))
    original = session.opened.face.photo
    assert np.array_equal(photo, session.edit.photo)
    assert (photo == original).all(-1).mean() > 0.5 and (photo != original).any()


def test_photos_are_saved_as_the_kind_of_file_that_was_chosen(tab: PaintTab) -> None:
    session = tab.picker.open_photo(Session(), str(FOLDER / "photo_01.jpg"), *VALUES)[tab.session]
    session = tab.paint(session, message(session, painted(session)), LOOK)[tab.session]
    sizes = {}
    for kind in FILE_KINDS:
        path = Path(tab.photo_file(session, False, kind))
        assert path.name == ("photo_01-edited.png" if kind == "PNG" else "photo_01-edited.jpg")
        with Image.open(path) as picture:
            assert picture.format == ("PNG" if kind == "PNG" else "JPEG") and "DigitalSourceType" in told_by(picture)
            assert np.abs(np.array(picture).astype(int) - session.edit.photo).mean() < 6
            if kind.startswith(AS_IT_CAME):
                assert picture.quantization == Image.open(FOLDER / "photo_01.jpg").quantization
        sizes[kind] = path.stat().st_size
    assert sizes["PNG"] > sizes["JPEG, best"] > sizes["JPEG, smaller"] > sizes["JPEG, smallest"]
    with pytest.raises(gr.Error, match="no such kind"):
        tab.photo_file(session, False, "../x")
    example = tab.open_face(Session(), tab.example_faces.open(0), LOOK)[tab.session]
    assert Path(tab.photo_file(example, False, "JPEG, best")).name == f"{example.opened.name}-edited.jpg"


@pytest.mark.parametrize(
    ("kind", "owner", "place"),
    [(AS_IT_CAME, True, False), ("As it came, all metadata", True, True), ("As it came, no metadata", False, False)],
)
def test_people_choose_what_a_photo_tells_about_itself(
    tab: PaintTab, tmp_path: Path, kind: str, owner: bool, place: bool
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "somebody"
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (1.0, 2.0, 3.0)}
    Image.open(FOLDER / "photo_01.jpg").save(tmp_path / "holiday.jpg", exif=exif)
    session = tab.picker.open_photo(Session(), str(tmp_path / "holiday.jpg"), *VALUES)[tab.session]
    session = tab.paint(session, message(session, painted(session)), LOOK)[tab.session]
    with Image.open(tab.photo_file(session, False, kind)) as picture:
        kept = picture.getexif()
        assert (kept.get(ExifTags.Base.Copyright) == "somebody") == owner
        assert (ExifTags.IFD.GPSInfo in kept) == place
        assert "DigitalSourceType" in told_by(picture)


def test_downloading_before_anything_is_open_is_an_error(tab: PaintTab) -> None:
    with pytest.raises(gr.Error, match="choose a face"):
        tab.photo_file(Session(), False)


def test_a_session_that_ended_is_explained(tab: PaintTab, session: Session) -> None:
    with pytest.warns(UserWarning, match="choose a face"):
        assert nothing_changed(tab.paint(Session(), message(session, session.mask), LOOK))


def huge_png() -> bytes:
    """A PNG header of 20,000 x 20,000 pixels with nothing behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


BAD_PHOTOS = {
    "text": b"not a picture",
    "empty": b"",
    "truncated": encoded(Image.effect_noise((200, 200), 50), "JPEG")[:2000],
    "pixel": encoded(Image.new("RGB", (1, 1)), "PNG"),
    "huge": huge_png(),
}


@pytest.mark.parametrize("kind", BAD_PHOTOS)
def test_bad_photos_get_one_sentence_and_lose_nothing(
    tab: PaintTab, session: Session, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(BAD_PHOTOS[kind])
    with pytest.warns(UserWarning, match=r"^[A-Z][^.]*\.$"):
        updates = tab.picker.open_photo(session, str(path), *VALUES)
    assert updates == {tab.picker.upload: None}


def test_the_page_refuses_more_pixels_than_it_was_told(tab: PaintTab, tmp_path: Path) -> None:
    Image.new("L", (3000, 1500)).save(tmp_path / "large.png")
    with pytest.warns(UserWarning, match="4 million"):
        tab.picker.open_photo(Session(), str(tmp_path / "large.png"), *VALUES)


def bad_masks(folder: Path) -> dict[str, Path]:
    pictures = {
        "size.png": Image.new("L", (256, 128)),
        "class.png": Image.new("L", (256, 256), 19),
        "colour.png": Image.new("RGB", (256, 256), (1, 2, 3)),
        "mode.png": Image.new("1", (256, 256)),
        "lossy.jpg": Image.new("L", (256, 256)),
    }
    for name, picture in pictures.items():
        picture.save(folder / name)
    (folder / "text.png").write_text("no mask")
    return {name: folder / name for name in (*pictures, "text.png")}


def test_bad_masks_get_one_sentence_and_lose_nothing(tab: PaintTab, session: Session, tmp_path: Path) -> None:
    for path in bad_masks(tmp_path).values():
        with pytest.warns(UserWarning, match=r"\.$"):
            assert nothing_changed(tab.load_mask(session, str(path), LOOK)), path.name


def test_messages_are_text_whatever_a_file_is_called() -> None:
    """Gradio shows them as HTML, and a name of a file or tensor may be a form that asks for a password."""

    def refuse() -> None:
        raise ValueError("The file <form action='//evil.example'> & more cannot be read.")

    said = "The file &lt;form action='//evil.example'&gt; &amp; more cannot be read."
    with pytest.warns(UserWarning) as warned:
        assert nothing_changed(warns_on_value_error(refuse)())
        tell("<b>x</b>")
    assert next(str(warning.message) for warning in warned if "lt;" in str(warning.message)) == said
    with pytest.raises(gr.Error) as refused:
        fails_on_value_error(refuse)()
    assert refused.value.message == said


def test_masks_keep_to_the_limit_of_uploads(
    tab: PaintTab, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mask(tmp_path / "large.png", np.zeros((1000, 1000), np.uint8))
    monkeypatch.setattr(tab.picker, "max_pixels", 900_000)
    with pytest.warns(UserWarning, match=r"1000 x 1000 pixels, more than 0\.9 million pixels; make it"):
        assert nothing_changed(tab.load_mask(session, str(tmp_path / "large.png"), LOOK))


def test_a_mask_of_another_resolution_is_scaled(tab: PaintTab, session: Session, tmp_path: Path) -> None:
    mask = painted(session)
    write_mask(tmp_path / "large.png", mask.repeat(2, 0).repeat(2, 1))
    updates = tab.load_mask(session, str(tmp_path / "large.png"), LOOK)
    assert np.array_equal(updates[tab.session].mask, mask)
