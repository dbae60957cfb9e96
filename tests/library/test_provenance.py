"""What files of results tell about the networks that drew in them, read back by other programs than wrote it."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
from conftest import draw_face, draw_mask, told, told_by
from PIL import Image

from maskgan.animations import gif, mp4, numbered_pngs
from maskgan.provenance import AI_SYSTEM, DIGITAL_SOURCE_TYPE, encode_picture, mp4_with_provenance
from maskgan.snapshots import Weights

WEIGHTS = Weights("0123456789abcdef" * 4)
FULL = {"DigitalSourceType": DIGITAL_SOURCE_TYPE, "AISystemUsed": AI_SYSTEM, "AISystemVersionUsed": WEIGHTS.hash}

FACES = [draw_face(draw_mask(64, shift)) for shift in (-0.1, 0.0, 0.1)]


def decoded(content: bytes, options: dict[str, str] | None = None) -> tuple[list[np.ndarray], dict[str, str]]:
    """Frames and metadata of a GIF or MP4, as FFmpeg reads them."""
    with av.open(io.BytesIO(content), options=options or {}) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return frames, dict(container.metadata)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_tells_and_keeps_its_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    silent, telling = (encode_picture(FACES[0], weights, kind, **options) for weights in (None, WEIGHTS))
    before, after = (Image.open(io.BytesIO(content)) for content in (silent, telling))
    assert told_by(before) == {} and told_by(after) == FULL
    np.testing.assert_array_equal(np.array(after), np.array(before))


def test_an_mp4_tells_and_keeps_its_frames() -> None:
    export = {"export_xmp": "1"}
    assert told(decoded(mp4(FACES, weights=WEIGHTS), export)[1]["xmp"]) == FULL
    silent = mp4(FACES)
    frames, metadata = decoded(silent, export)
    assert "xmp" not in metadata
    np.testing.assert_array_equal(decoded(mp4_with_provenance(silent, WEIGHTS))[0], frames)


def test_a_gif_tells_and_keeps_its_frames() -> None:
    silent, telling = gif(FACES), gif(FACES, weights=WEIGHTS)
    [packet] = re.findall(
        rb"!\xff\x0bXMP DataXMP(<\?xpacket begin.*?<\?xpacket end=.r.\?>)\x01\xff", telling, re.DOTALL
    )
    assert told(packet) == FULL and b"XMP" not in silent
    np.testing.assert_array_equal(decoded(telling)[0], decoded(silent)[0])
    picture = Image.open(io.BytesIO(telling))
    assert picture.n_frames == len(FACES) and picture.info["loop"] == 0


def test_every_picture_of_a_set_tells() -> None:
    with zipfile.ZipFile(io.BytesIO(numbered_pngs(FACES, weights=WEIGHTS))) as archive:
        for name, face in zip(archive.namelist(), FACES, strict=True):
            picture = Image.open(io.BytesIO(archive.read(name)))
            assert told_by(picture) == FULL and np.array_equal(np.array(picture), face)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool: apt-get install libimage-exiftool-perl")
def test_exiftool_reads_all_of_them(tmp_path: Path) -> None:
    for kind in ("png", "jpeg", "webp", "tiff"):
        (tmp_path / f"face.{kind}").write_bytes(encode_picture(FACES[0], WEIGHTS, kind.upper()))
    (tmp_path / "faces.gif").write_bytes(gif(FACES, weights=WEIGHTS))
    (tmp_path / "faces.mp4").write_bytes(mp4(FACES, weights=WEIGHTS))
    command = ["exiftool", "-json", "-n", "-warning", "-XMP-iptcExt:all", tmp_path]
    files = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout)
    assert len(files) == 6
    for file in files:
        assert file == {"SourceFile": file["SourceFile"]} | FULL
