"""What the endpoints refuse, each in one sentence: bad values, files that are no uploads, requests without values."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("gradio")

import gradio as gr
import httpx
from endpoints import OTHER, PHOTO, SENTENCE, Call, the_call, the_client, the_demo, the_networks, the_serving  # noqa: F401  (fixtures)
from gradio.utils import get_upload_folder
from gradio_client import Client
from gradio_client.exceptions import AppError

from maskgan.ui.api import MAX_MASK_SIDE


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
