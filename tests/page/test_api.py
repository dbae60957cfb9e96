"""The endpoints as programs use them: gradio_client against a running app with tiny random networks."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

pytest.importorskip("gradio")

import gradio as gr
import httpx
from conftest import draw_mask, tiny_pipeline, told_by
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
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
from maskgan.provenance import AI_SYSTEM, DIGITAL_SOURCE_TYPE
from maskgan.serving.hot_reload import Serving
from maskgan.snapshots import Weights
from maskgan.ui.api import MAX_MASK_SIDE, Api
from maskgan.ui.app import build_app, launch_options
from maskgan.ui.examples import FOLDER, Examples
from maskgan.ui.paint.look import Look
from maskgan.ui.paint.menus import PARTS
from maskgan.ui.paint.tab import PaintTab
from maskgan.ui.session import Session

PHOTO, OTHER = FOLDER / "photo_01.jpg", FOLDER / "images" / "portrait_02.jpg"
MAX_PIXELS = 4_000_000
WEIGHTS = Weights("0123456789abcdef" * 4)

SENTENCE = r"[A-Z0-9-][^\n]*\."

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def networks() -> MaskGANPipeline:
    pipeline = tiny_pipeline()
    pipeline.weights = WEIGHTS
    return pipeline


@pytest.fixture(scope="module")
def serving(networks: MaskGANPipeline) -> Serving:
    return Serving(networks)


@pytest.fixture(scope="module")
def demo(serving: Serving) -> Iterator[gr.Blocks]:
    demo = build_app(serving, max_pixels=MAX_PIXELS)
    demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **launch_options())
    yield demo
    demo.close()


@pytest.fixture(scope="module")
def client(demo: gr.Blocks, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(demo.local_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def call(client: Client) -> Call:
    """An endpoint by name; paths become uploads."""

    def call(name: str, *values: Any, **named: Any) -> Any:
        def sent(value: Any) -> Any:
            return handle_file(value) if isinstance(value, Path) else value

        named = {key: sent(value) for key, value in named.items()}
        return client.predict(*map(sent, values), api_name=f"/{name}", **named)

    return call


def painted_mask(networks: MaskGANPipeline, folder: Path) -> Path:
    """A file with the mask of PHOTO's face and a patch painted on it."""
    mask = networks.prepare(read_photo(PHOTO)).mask.copy()
    mask[100:130, 90:150] = Label.HAT
    write_mask(folder / "painted.png", mask)
    return folder / "painted.png"


@pytest.fixture
def mask_path(networks: MaskGANPipeline, tmp_path: Path) -> Path:
    return painted_mask(networks, tmp_path)


def pixels(path: str | Path) -> np.ndarray:
    return np.array(Image.open(path))


FULL = {"DigitalSourceType": DIGITAL_SOURCE_TYPE, "AISystemUsed": AI_SYSTEM, "AISystemVersionUsed": WEIGHTS.hash}


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
    edit = networks.edit(networks.prepare(photo), read_mask(mask_path, order="celebamask"), keep)
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
    assert 20 * scale < rows.min() and rows.max() < 60 * scale and columns.min() > 60 * scale


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


# ---------------------------------------------------------------- what it refuses


def bad_calls(folder: Path) -> dict[str, tuple[str, tuple[Any, ...], str]]:
    Image.effect_noise((200, 200), 50).convert("RGB").save(folder / "noise.png")
    Image.new("L", (3000, 1500)).save(folder / "large.png")
    Image.new("L", (256, 128)).save(folder / "flat.png")
    Image.new("L", (256, 256), 19).save(folder / "class.png")
    Image.new("L", (64, 64), 1).save(folder / "small.png")
    Image.new("L", (256, 256), 1).save(folder / "skin.png")
    side = MAX_MASK_SIDE + 1
    Image.new("L", (side, side), 1).save(folder / "wide.png")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("RGB", (256, 256), (1, 2, 3)).save(folder / "foreign.png")
    Image.new("RGBA", (256, 256), (204, 0, 0, 100)).save(folder / "clear.png")
    (folder / "text.png").write_text("no picture")
    (folder / "cut.jpg").write_bytes(OTHER.read_bytes()[:9000])
    (folder / "bomb.png").write_bytes(png_of_nothing(20_000, 20_000))
    skin, noise = folder / "skin.png", folder / "noise.png"
    return {
        "no face": ("parse", (noise,), "No face"),
        "no such face": ("parse", (OTHER, 7), "choose one"),
        "no number": ("parse", (OTHER, "first"), "value of face"),
        "no file": ("parse", (None,), "value of photo"),
        "a number": ("detect", (3,), "value of photo"),
        "a path": ("detect", ("/etc/passwd",), "uploaded file"),
        "a data URL": ("detect", ("data:image/png;base64,AAAA",), "uploaded file"),
        "a huge number": ("parse", (OTHER, 10**30), "choose one"),
        "below 0": ("parse", (OTHER, -1), "choose one"),
        "half a face": ("parse", (OTHER, 1.5), "value of face"),
        "no yes or no": ("parse", (OTHER, 0, "maybe"), "value of aligned"),
        "one pixel": ("detect", (folder / "dot.png",), "1 x 1"),
        "cut short": ("detect", (folder / "cut.jpg",), "cut short"),
        "a bomb": ("detect", (folder / "bomb.png",), "4 million"),
        "a bomb of a mask": ("edit", (OTHER, folder / "bomb.png"), "4 million"),
        "foreign colours": ("edit", (OTHER, folder / "foreign.png"), "palette"),
        "a photo as mask": ("edit", (OTHER, OTHER), "JPEG"),
        "a mask to see through": ("edit", (OTHER, folder / "clear.png"), "transparent"),
        "the former mask's size": ("edit", (OTHER, skin, 0, True, folder / "flat.png"), "512 x 512"),
        "not a number": ("interpolate", (skin, skin, "nan"), "-0.4 to 1.4"),
        "infinite": ("interpolate", (skin, skin, ["inf"]), "-0.4 to 1.4"),
        "a list in a list": ("interpolate", (skin, skin, [[0.5]]), "value of t"),
        "a huge strength": ("copy_style", (OTHER, OTHER, ["lips"], 1e300), "0 to 1"),
        "a word for regions": ("copy_style", (OTHER, OTHER, "lips"), "value of regions"),
        "the source's face": ("copy_style", (OTHER, OTHER, ["lips"], 1, 0, 3), "choose one"),
        "no picture": ("detect", (folder / "text.png",), "not a picture"),
        "too many pixels": ("detect", (folder / "large.png",), "4 million"),
        "too many pixels of a mask": ("edit", (OTHER, folder / "large.png"), "4 million"),
        "a mask's size": ("edit", (OTHER, folder / "flat.png"), "512 x 512"),
        "a mask's ids": ("edit", (OTHER, folder / "class.png"), "0..18"),
        "before A": ("interpolate", (skin, skin, -0.41), "-0.4 to 1.4"),
        "beyond B": ("interpolate", (skin, skin, [0, 1.5]), "-0.4 to 1.4"),
        "no place": ("interpolate", (skin, skin, []), "1 to 48"),
        "too many places": ("interpolate", (skin, skin, [0.5] * 49), "1 to 48"),
        "words": ("interpolate", (skin, skin, "half"), "value of t"),
        "two sizes": ("interpolate", (skin, folder / "small.png"), "one size"),
        "large masks": ("interpolate", (folder / "wide.png", folder / "wide.png"), str(MAX_MASK_SIDE)),
        "unknown region": ("copy_style", (OTHER, OTHER, ["teeth"]), "no region 'teeth'"),
        "no region": ("copy_style", (OTHER, OTHER, []), "at least one"),
        "an unknown format": ("edit", (OTHER, skin, 0, True, None, False, "bmp"), "value of file_format"),
        "unknown metadata": ("copy_style", (OTHER, OTHER, ["lips"], 1, 0, 0, "png", "some"), "value of metadata"),
        "strength": ("copy_style", (OTHER, OTHER, ["everything"], 2), "0 to 1"),
    }


def png_of_nothing(width: int, height: int) -> bytes:
    """A header that promises so many pixels, and next to none of them."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


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


def test_every_bad_input_gets_one_sentence(call: Call, tmp_path: Path) -> None:
    for what, (name, values, words) in bad_calls(tmp_path).items():
        with pytest.raises(AppError) as refusal:
            call(name, *values)
        sentence = str(refusal.value)
        assert words in sentence and re.fullmatch(SENTENCE, sentence), (what, sentence)


@pytest.mark.parametrize("marked", [True, False], ids=["as an upload", "as plain JSON"])
def test_only_uploaded_files_are_opened(client: Client, marked: bool) -> None:
    """A client that writes a path of the server's disk into its message does not get that file."""
    forged = {"path": str(PHOTO.resolve())}
    if marked:
        forged["meta"] = {"_type": "gradio.FileData"}
    inside = Path(get_upload_folder())
    paths = [forged["path"], str(inside / "../../../../../.." / forged["path"].lstrip("/")), "../../etc/passwd"]
    paths += [str(inside), str(inside / "gone.jpg"), str(inside / "a\0b"), str(inside / ("long" * 100))]
    paths += ["data:image/png;base64,AAAA", "file:///etc/passwd", "http://127.0.0.1/photo.jpg", ""]
    for path in paths:
        assert "upload" in refused_raw(client, "detect", [{**forged, "path": path}]), path


def test_a_folder_named_as_an_upload_does_not_stop_the_deletion_of_files(demo: gr.Blocks, client: Client) -> None:
    """Gradio's own deletion ends at the first folder among its files."""
    folder = {"path": get_upload_folder(), "meta": {"_type": "gradio.FileData"}}
    refused_raw(client, "interpolate", [folder, folder, [folder]])
    assert not [file for files in demo.temp_file_sets for file in files if Path(file).is_dir()]


def test_a_request_without_all_values_gets_one_sentence(client: Client) -> None:
    for name in ("detect", "parse", "edit", "interpolate", "copy_style"):
        assert "every parameter" in refused_raw(client, name, [])


def refused_raw(client: Client, name: str, data: list[Any]) -> str:
    """The one sentence that a hand-written program gets, which sends what gradio_client would not."""
    start = httpx.post(f"{client.src}gradio_api/call/{name}", json={"data": data}, timeout=300)
    with httpx.stream("GET", f"{client.src}gradio_api/call/{name}/{start.json()['event_id']}", timeout=300) as stream:
        lines = list(stream.iter_lines())
    assert "event: error" in lines
    sentence = json.loads(next(line for line in lines if line.startswith("data:"))[5:])["error"]
    assert re.fullmatch(SENTENCE, sentence), sentence
    return sentence


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
