"""The endpoints as programs use them: gradio_client against a running app with tiny random networks."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

pytest.importorskip("gradio")

import gradio as gr
from conftest import draw_mask, tiny_pipeline, told_by
from endpoints import (  # noqa: F401  (fixtures)
    FULL,
    OTHER,
    PHOTO,
    SENTENCE,
    Call,
    painted_mask,
    the_call,
    the_client,
    the_demo,
    the_networks,
    the_serving,
)
from gradio_client import Client
from gradio_client.exceptions import AppError

from maskgan.editing.borrowed_looks import look_of
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.looks import plain_colour
from maskgan.editing.morphing import Morph
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import REGIONS, copy_style
from maskgan.images import read_photo
from maskgan.labels import FACE_PARSING_ORDER, Label
from maskgan.mask_files import read_mask, write_mask
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import Weights
from maskgan.ui.api import Api
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.menus import PARTS
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session


@pytest.fixture(scope="module")
def mask_path(networks: MaskGANPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return painted_mask(networks, tmp_path_factory.mktemp("mask"))


def pixels(path: str | Path) -> np.ndarray:
    return np.array(Image.open(path))


# ---------------------------------------------------------------- what it answers


def test_the_documentation_lists_the_endpoints_and_nothing_of_the_page(client: Client) -> None:
    endpoints = client.view_api(print_info=False, return_format="dict")["named_endpoints"]
    assert list(endpoints) == ["/detect", "/parse", "/edit", "/interpolate", "/copy_style"]
    assert all(endpoint["description"] for endpoint in endpoints.values())
    kinds = {
        name: [parameter["python_type"]["type"] for parameter in endpoint["parameters"]]
        for name, endpoint in endpoints.items()
    }
    assert kinds["/parse"] == ["filepath", "int", "bool"]
    assert [returned["python_type"]["type"] for returned in endpoints["/edit"]["returns"]] == ["filepath"]


def test_detect(call: Call, networks: MaskGANPipeline) -> None:
    [face] = call("detect", PHOTO)
    [found] = networks.detect(read_photo(PHOTO))
    assert face["face"] == 0 and tuple(face["box"]) == found.box
    assert face["confidence"] == pytest.approx(found.confidence, abs=1e-4)
    np.testing.assert_allclose(list(face["points"].values()), found.points, atol=0.01)
    assert face["points"]["left_eye"][0] < face["points"]["right_eye"][0]


def test_parse(call: Call, networks: MaskGANPipeline) -> None:
    photo = read_photo(PHOTO)
    path = call("parse", PHOTO)
    assert Image.open(path).mode == "P"
    np.testing.assert_array_equal(read_mask(path, order="celebamask"), networks.prepare(photo).mask)
    whole = read_mask(call("parse", OTHER, aligned=True), order="celebamask")
    np.testing.assert_array_equal(whole, networks.parse_picture(read_photo(OTHER)))


@pytest.mark.parametrize("keep", [True, False])
def test_edit(call: Call, networks: MaskGANPipeline, mask_path: Path, keep: bool) -> None:
    result = pixels(call("edit", PHOTO, mask_path, keep_untouched=keep))
    photo = read_photo(PHOTO)
    mask = read_mask(mask_path, order="celebamask")
    edit = edit_with_looks(networks, networks.prepare(photo), mask, keep_untouched=keep)
    np.testing.assert_array_equal(result, edit.photo)
    assert (result != photo).any()


def test_edit_with_looks(call: Call, networks: MaskGANPipeline, mask_path: Path, tmp_path: Path) -> None:
    face, other = networks.prepare(read_photo(PHOTO)), networks.prepare(read_photo(OTHER))
    coloured = ("Hair", "Lips", "Brows", "Skin", "Clothes")  # random networks see one of them or another
    part = next(part for part in coloured if np.isin(other.mask, PARTS[part]).mean() > 0.01)
    label, mask = PARTS[part][0], draw_mask(len(face.mask))
    write_mask(tmp_path / "painted.png", mask)
    looks = {"photo": look_of(other.crop, other.mask, label), "#c03020": plain_colour(label, "#c03020")}
    for name, look in looks.items():
        expected = edit_with_looks(networks, face, mask, dict.fromkeys(PARTS[part], look)).photo
        result = call("edit", PHOTO, tmp_path / "painted.png", looks={part.lower(): name}, look_photo=OTHER)
        np.testing.assert_array_equal(pixels(result), expected)
    for wrong in ({"nose": "#fff"}, {"hair": "fur"}, {"hair": "photo"}, {"hair": "trilby_hat"}):
        with pytest.raises(AppError, match=SENTENCE):
            call("edit", PHOTO, mask_path, looks=wrong)


def test_edit_from_a_corrected_mask(call: Call, networks: MaskGANPipeline, mask_path: Path) -> None:
    """What both masks agree on is no change, so the photo stays as it is."""
    result = call("edit", PHOTO, mask_path, original_mask=mask_path)
    np.testing.assert_array_equal(pixels(result), read_photo(PHOTO))


def test_an_aligned_picture_is_edited_whole_from_its_own_mask(call: Call, tmp_path: Path) -> None:
    own = FOLDER / "masks" / f"{OTHER.stem}.png"
    np.testing.assert_array_equal(pixels(call("edit", OTHER, own, original_mask=own)), read_photo(OTHER))
    mask = read_mask(own)
    mask[30:40, 100:150] = Label.HAT
    write_mask(tmp_path / "edited.png", mask)
    edited = call("edit", OTHER, tmp_path / "edited.png", original_mask=own)
    rows, columns = np.nonzero((pixels(edited) != read_photo(OTHER)).any(-1))
    scale = len(read_photo(OTHER)) / len(mask)
    assert 20 * scale < rows.min() and rows.max() < 80 * scale and columns.min() > 60 * scale  # and its shadow


def test_masks_in_another_class_order_are_converted(call: Call, networks: MaskGANPipeline, tmp_path: Path) -> None:
    own = FOLDER / "masks" / f"{OTHER.stem}.png"
    foreign = np.argsort(np.array(FACE_PARSING_ORDER))[read_mask(own)].astype(np.uint8)
    Image.fromarray(foreign).save(tmp_path / "foreign.png")
    np.testing.assert_array_equal(
        pixels(call("edit", OTHER, tmp_path / "foreign.png", original_mask=own)), read_photo(OTHER)
    )
    between = call("interpolate", tmp_path / "foreign.png", own, 0)
    np.testing.assert_array_equal(
        read_mask(between), Morph.between(networks, read_mask(own), read_mask(own)).mask_at(0)
    )


def test_edit_of_a_crop(call: Call, networks: MaskGANPipeline, tmp_path: Path) -> None:
    photo = read_photo(OTHER)
    mask = networks.parse_picture(photo)
    mask[60:120, 60:120] = Label.HAT
    write_mask(tmp_path / "mask.png", mask)
    result = call("edit", OTHER, tmp_path / "mask.png", aligned=True)
    np.testing.assert_array_equal(pixels(result), networks.edit_picture(photo, mask))
    assert told_by(Image.open(result)) == FULL


def test_interpolate(call: Call, networks: MaskGANPipeline, tmp_path: Path) -> None:
    ends = draw_mask(256, -0.1), draw_mask(256, 0.1)
    for name, mask in zip("ab", ends, strict=True):
        write_mask(tmp_path / f"{name}.png", mask)
    paths = call("interpolate", tmp_path / "a.png", tmp_path / "b.png", [-0.4, 0, 0.5, 1, 1.4])
    morph = Morph.between(networks, *ends)
    for t, path in zip((-0.4, 0, 0.5, 1, 1.4), paths, strict=True):
        np.testing.assert_array_equal(read_mask(path, order="celebamask"), morph.mask_at(t))
    one = call("interpolate", tmp_path / "a.png", tmp_path / "b.png", 0.5)
    assert isinstance(one, str) and np.array_equal(pixels(one), pixels(paths[2]))


def test_copy_style(call: Call, networks: MaskGANPipeline) -> None:
    target, source = (networks.prepare(read_photo(path)) for path in (PHOTO, OTHER))
    expected = copy_style(networks, target, source, ["everything"], 0.7).photo
    path = call("copy_style", PHOTO, OTHER, ["everything"], 0.7)
    np.testing.assert_array_equal(pixels(path), expected)
    assert told_by(Image.open(path)) == FULL


@pytest.fixture
def phone_photo(tmp_path: Path) -> Path:
    """A photo as a phone takes it: JPEG with an owner, a date and a place."""
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "somebody"
    exif[ExifTags.IFD.Exif] = {0x9003: "2026:01:02 03:04:05"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (1.0, 2.0, 3.0)}
    Image.open(PHOTO).convert("RGB").save(tmp_path / "phone.jpg", quality=77, exif=exif)
    return tmp_path / "phone.jpg"


@pytest.mark.parametrize(
    ("metadata", "place", "owner"), [("safe", False, True), ("all", True, True), ("none", False, False)]
)
@pytest.mark.parametrize("name", ["edit", "copy_style"])
def test_results_keep_the_format_and_the_metadata_that_is_asked_for(
    call: Call, phone_photo: Path, mask_path: Path, name: str, metadata: str, place: bool, owner: bool
) -> None:
    other = mask_path if name == "edit" else OTHER
    same = Image.open(call(name, phone_photo, other, file_format="same", metadata=metadata))
    assert same.format == "JPEG" and same.quantization == Image.open(phone_photo).quantization
    assert told_by(same) == FULL
    exif = same.getexif()
    assert (ExifTags.IFD.GPSInfo in exif) == place and (exif.get(ExifTags.Base.Copyright) == "somebody") == owner
    png = Image.open(call(name, phone_photo, other, metadata=metadata))
    assert png.format == "PNG" and told_by(png) == FULL and (ExifTags.IFD.GPSInfo in png.getexif()) == place


def test_a_request_uses_the_weights_that_serve(call: Call, serving: Serving, mask_path: Path) -> None:
    newer = tiny_pipeline(1)
    newer.weights = Weights("f" * 64)
    former, serving._pipeline = serving._pipeline, newer
    try:
        path = call("edit", PHOTO, mask_path)
    finally:
        serving._pipeline = former
    assert told_by(Image.open(path))["AISystemVersionUsed"] == "f" * 64


def test_every_kind_of_picture_shows_its_face(call: Call, networks: MaskGANPipeline, tmp_path: Path) -> None:
    photo = Image.open(OTHER).convert("RGB")
    grey = np.asarray(photo.convert("L")).astype(np.uint16) * 257
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its side
    photo.save(tmp_path / "moving.gif", save_all=True, append_images=[photo.rotate(180)])
    Image.fromarray(grey).save(tmp_path / "16_bit.png")
    photo.convert("CMYK").save(tmp_path / "printer.jpg")
    photo.convert("RGBA").save(tmp_path / "clear.webp")
    photo.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.jpg", exif=exif)
    [face] = networks.detect(read_photo(OTHER))
    for path in tmp_path.iterdir():
        [found] = call("detect", path)
        np.testing.assert_allclose(list(found["points"].values()), face.points, atol=12, err_msg=path.name)


# ---------------------------------------------------------------- what pictures tell


def test_a_picture_that_nobody_edited_tells_nothing(call: Call, networks: MaskGANPipeline, tmp_path: Path) -> None:
    mask = networks.prepare(read_photo(PHOTO)).mask
    write_mask(tmp_path / "mask.png", mask)
    path = call("edit", PHOTO, tmp_path / "mask.png")
    np.testing.assert_array_equal(pixels(path), read_photo(PHOTO))
    assert told_by(Image.open(path)) == {}
    assert told_by(Image.open(call("copy_style", PHOTO, OTHER, ["everything"], 0))) == {}


def test_the_page_s_downloads_tell_it_too(networks: MaskGANPipeline, serving: Serving) -> None:
    with gr.Blocks():
        tab = PaintTab(serving, Examples(serving))
    session = tab.open_face(Session(), tab.example_faces.open(0), Look())[tab.session]
    assert told_by(Image.open(tab.face_file(session))) == {}
    mask = session.mask.copy()
    mask[100:130, 90:150] = Label.HAT
    session = session.painted(networks.edit(session.opened.face, mask), mask)
    for path in (tab.face_file(session), tab.photo_file(session, False)):
        assert told_by(Image.open(path)) == FULL
    np.testing.assert_array_equal(pixels(tab.photo_file(session, False)), session.edit.photo)


def test_regions_are_documented(client: Client) -> None:
    assert all(name in Api.copy_style.__doc__ for name in REGIONS)


# ---------------------------------------------------------------- the examples for programs


def test_the_python_example(client: Client, tmp_path: Path) -> None:
    program = FOLDER / "programs" / "client.py"
    photo, out = str(PHOTO.resolve()), str(tmp_path / "out.png")
    done = subprocess.run(
        [sys.executable, program.resolve(), client.src, photo, out],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 face, and 3 masks on the way\n"
    assert pixels(out).shape == read_photo(PHOTO).shape and told_by(Image.open(out)) == FULL


def test_the_javascript_example(tmp_path: Path) -> None:
    """With the bundled weights, for tiny random ones find neither lips nor hair."""
    modules = Path(__file__).parents[2] / ".npm" / "node_modules"
    if shutil.which("node") is None or not (modules / "@gradio" / "client").is_dir():
        pytest.skip("needs node, and here: npm install --prefix .npm --no-save @gradio/client@2.7.0")
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(FOLDER / "programs" / "client.mjs", tmp_path)
    with gr.Blocks() as demo:
        Api(MaskGANPipeline.load(None, "cpu"))
    _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        arguments = ["node", "client.mjs", url, str(PHOTO.resolve()), str(OTHER.resolve())]
        done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    finally:
        demo.close()
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 face\n" and (pixels(tmp_path / "result.png") != read_photo(PHOTO)).any()
