"""The two commands: pairing of files, what is skipped, what fails alone, and the exit code."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import told_by
from PIL import Image

from maskgan import __main__ as cli
from maskgan.files import advice
from maskgan.labels import FACE_PARSING_ORDER, Label
from maskgan.mask_files import read_mask, write_mask
from maskgan.provenance import DIGITAL_SOURCE_TYPE
from maskgan.snapshots import Weights

PARSED = np.full((256, 256), Label.SKIN, np.uint8)


class FakePipeline:
    """Answers like the pipeline, by rules a test can foresee, and remembers what it was asked."""

    weights = Weights("0123abcd" * 8)

    def __init__(self):
        self.calls: list[tuple] = []

    def prepare(self, photo, face=0):
        if photo.mean() > 250:
            raise ValueError("No face was found.")
        self.calls.append(("prepare", face))
        return SimpleNamespace(mask=PARSED, photo=photo, quarters=0)

    def parse_picture(self, photo):
        self.calls.append(("parse_picture",))
        return np.full(photo.shape[:2], Label.HAIR, np.uint8)

    def edit(self, face, mask, keep_untouched=True, original_mask=None):
        assert mask.shape == face.mask.shape
        self.calls.append(("edit", mask, original_mask, keep_untouched))
        return SimpleNamespace(photo=face.photo if (mask == PARSED).all() else 255 - face.photo)

    def edit_picture(self, photo, mask, original_mask=None, keep_untouched=True):
        assert mask.shape == photo.shape[:2]
        self.calls.append(("edit_picture", mask, original_mask, keep_untouched))
        return 255 - photo


@pytest.fixture
def pipeline(monkeypatch) -> FakePipeline:
    fake = FakePipeline()
    monkeypatch.setattr(cli, "load_pipeline", lambda weights, device: fake)
    monkeypatch.setattr("maskgan.editing.dressing.edit_with_looks", FakePipeline.edit)
    return fake


def photo(path: Path, value: int = 100, size: tuple[int, int] = (60, 40)) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)
    return path


def mask(path: Path, label: int = Label.HAIR, size: tuple[int, int] = (256, 256)) -> Path:
    path.parent.mkdir(exist_ok=True)
    write_mask(path, np.full(size, label, np.uint8))
    return path


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def test_parse_writes_the_mask_of_the_face_crop(tmp_path, pipeline):
    assert run("parse", photo(tmp_path / "a.png"), "--out", tmp_path / "m.png", "--face", 2) == 0
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), PARSED)
    assert pipeline.calls == [("prepare", 2)]


def test_parse_aligned_writes_the_pictures_own_size(tmp_path, pipeline):
    assert run("parse", photo(tmp_path / "a.png"), "--out", tmp_path / "out", "--aligned") == 0
    assert read_mask(tmp_path / "out" / "a.png").shape == (40, 60)
    assert pipeline.calls == [("parse_picture",)]


@pytest.mark.parametrize("side", [256, 512])
def test_edit_writes_the_whole_photo(tmp_path, pipeline, side):
    source, edited = photo(tmp_path / "a.png"), mask(tmp_path / "m.png", size=(side, side))
    assert run("edit", source, "--mask", edited, "--out", tmp_path / "r.png") == 0
    assert np.asarray(Image.open(tmp_path / "r.png"))[0, 0].tolist() == [155, 255, 255]
    name, given, original, keep = pipeline.calls[-1]
    assert (name, given.shape, int(given[0, 0]), original, keep) == ("edit", (256, 256), Label.HAIR, None, True)


def test_edit_passes_the_original_mask_and_the_switch_on(tmp_path, pipeline):
    source, edited, start = photo(tmp_path / "a.png"), mask(tmp_path / "m.png"), mask(tmp_path / "o.png", Label.HAT)
    out = tmp_path / "r.jpg"
    assert run("edit", source, "--mask", edited, "--original-mask", start, "--out", out, "--no-keep-untouched") == 0
    assert Image.open(out).format == "JPEG"
    _, _, original, keep = pipeline.calls[-1]
    assert (int(original[0, 0]), keep) == (Label.HAT, False)


def test_edit_aligned_takes_a_mask_of_the_pictures_size(tmp_path, pipeline):
    source, edited = photo(tmp_path / "a.png"), mask(tmp_path / "m.png", size=(40, 60))
    assert run("edit", source, "--mask", edited, "--out", tmp_path / "r.png", "--aligned") == 0
    assert pipeline.calls[-1][0] == "edit_picture"
    assert Image.open(tmp_path / "r.png").size == (60, 40)


@pytest.mark.parametrize("suffix", sorted(cli.RESULT_FORMATS))
def test_an_edited_picture_tells_which_weights_drew_in_it(tmp_path, pipeline, suffix):
    source, out = photo(tmp_path / "a.png"), tmp_path / f"r{suffix}"
    assert run("edit", source, "--mask", mask(tmp_path / "m.png"), "--out", out) == 0
    told = told_by(Image.open(out))
    assert told["DigitalSourceType"] == DIGITAL_SOURCE_TYPE and told["AISystemVersionUsed"] == pipeline.weights.hash


def test_a_picture_that_was_not_changed_tells_nothing(tmp_path, pipeline):
    source, out = photo(tmp_path / "a.png"), tmp_path / "r.png"
    assert run("edit", source, "--mask", mask(tmp_path / "m.png", Label.SKIN), "--out", out) == 0
    assert told_by(Image.open(out)) == {}


def test_a_folder_goes_on_after_bad_files_and_names_them(tmp_path, pipeline, capsys):
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in ("a.png", "d.jpg"):
        photo(photos / name)
    (photos / "b.png").write_bytes(b"no picture")
    Image.new("RGB", (60, 40), "white").save(photos / "c.png")
    (photos / "notes.txt").write_text("not a picture, and not meant to be")
    assert run("parse", photos, "--out", out) == 1
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "d.png"]
    said = capsys.readouterr().err
    assert "b.png: This file is not a picture" in said
    assert "c.png: No face was found" in said
    assert "2 written" in said and "2 failed" in said


def test_what_is_done_is_skipped_unless_told(tmp_path, pipeline):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photo(photos / "a.png")
    photo(photos / "b.png")
    mask(out / "a.png", Label.HAT)
    assert run("parse", photos, "--out", out) == 0
    assert read_mask(out / "a.png")[0, 0] == Label.HAT
    assert len(pipeline.calls) == 1
    assert run("parse", photos, "--out", out, "--overwrite") == 0
    assert read_mask(out / "a.png")[0, 0] == Label.SKIN


def test_nothing_to_do_loads_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(cli, "load_pipeline", lambda *_: pytest.fail("loaded"))
    assert run("parse", photo(tmp_path / "a.png"), "--out", mask(tmp_path / "m.png")) == 0


def test_an_interrupted_write_does_not_count_as_done(tmp_path, pipeline, monkeypatch):
    def half(file, mask):
        file.write(b"\x89PNG half")
        raise OSError("disk full")

    source, out = photo(tmp_path / "photos" / "a.png"), tmp_path / "out"
    monkeypatch.setattr("maskgan.mask_files.write_mask", half)
    assert run("parse", source, "--out", out) == 1
    assert list(out.iterdir()) == []


def test_edit_pairs_folders_by_stem(tmp_path, pipeline, capsys):
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    for name in ("a.jpg", "b.png", "c.png"):
        photo(photos / name)
    mask(masks / "a.png", Label.HAIR)
    mask(masks / "b.png", Label.HAT)
    assert run("edit", photos, "--mask", masks, "--out", tmp_path / "out") == 1
    assert [int(call[1][0, 0]) for call in pipeline.calls if call[0] == "edit"] == [Label.HAIR, Label.HAT]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.png"]
    said = capsys.readouterr().err
    assert "c.png: There is no file" in said and "1 failed" in said


def refused(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    return caught.value.code


def test_two_inputs_for_one_result_are_refused_before_any_work(tmp_path, pipeline, capsys):
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in ("a.jpg", "a.PNG", "b.jpg"):
        photo(photos / name)
    assert refused("parse", photos, "--out", out) == 2
    assert "a.PNG and a.jpg would both write one result; rename" in capsys.readouterr().err
    masks = tmp_path / "masks"
    mask(masks / "b.png")
    mask(masks / "c.png").rename(masks / "b.bmp")
    (photos / "a.PNG").unlink()
    assert refused("edit", photos, "--mask", masks, "--out", out) == 2
    assert "b.bmp and b.png are both the mask of one picture" in capsys.readouterr().err
    assert pipeline.calls == [] and not out.exists()


ENDINGS = ("jpg", "JPEG", "jpe", "JFIF", "jfif", "Mpo", "png", "WEBP", "gif", "bmp", "tif", "TIFF", "avif", "HEIF")


def test_every_usual_ending_in_any_case_is_a_picture(tmp_path, pipeline, capsys):
    photos = tmp_path / "photos"
    for number, ending in enumerate(ENDINGS):
        photo(tmp_path / "photos" / "x.png").rename(photos / f"{number}.{ending}")
    assert run("parse", photos, "--out", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == len(ENDINGS)
    assert f"{len(ENDINGS)} files in {photos}: {len(ENDINGS)} written" in capsys.readouterr().err


def test_every_file_of_a_folder_is_told(tmp_path, pipeline, capsys):
    photos, masks, out = tmp_path / "photos", tmp_path / "masks", tmp_path / "out"
    for name in ("a.jpg", "b.jpg", "done.jpg", "c.jpg"):
        photo(photos / name)
    for name in ("a.png", "done.png", "c.png", "nobody.png"):
        mask(masks / name)
    (photos / "c.jpg").write_bytes(b"no picture")
    for name in ("notes.txt", "raw.NEF", "more.txt", "README", ".DS_Store"):
        (photos / name).write_text("x")
    (photos / "gone.jpg").symlink_to(tmp_path / "nothing")
    photo(out / "done.png")
    photo(photos / "deeper" / "d.jpg")
    (photos / "deeper" / "list.csv").write_text("x")
    assert run("edit", photos, "--mask", masks, "--out", out) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == (
        f"12 files in {photos}: 1 written to {out}, 1 done before (--overwrite does them again), 2 failed, "
        "6 no pictures (1 .nef, 2 .txt, 1 hidden, 1 without an ending, 1 without content), "
        "2 in folders below (--recursive takes them too), 1 mask without a picture (nobody.png)"
    )


def test_folders_in_a_folder_are_gone_through_when_asked_to(tmp_path, pipeline, capsys):
    photos, masks = tmp_path / "photos", tmp_path / "masks"
    for name in ("a.jpg", "one/a.jpg", "one/two/a.jpg", ".cache/thumb.jpg"):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        photo(photos / name)
    (photos / "one" / "round").symlink_to(photos)
    out = photos / "results"
    assert run("parse", photos, "--out", out) == 0
    assert [path.name for path in out.rglob("*.png")] == ["a.png"]
    assert "4 files" in (said := capsys.readouterr().err) and "3 in folders below (--recursive" in said
    for _ in range(2):  # what was written is no input
        assert run("parse", photos, "--out", out, "--recursive", "--overwrite") == 0
        assert f"4 files in {photos}: 3 written to {out}, 1 no pictures (1 hidden)" in capsys.readouterr().err
    written = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png"))
    assert written == ["a.png", "one/a.png", "one/two/a.png"]
    shutil.rmtree(out)
    pipeline.calls.clear()
    for name, label in (("a.png", Label.HAIR), ("one/a.png", Label.HAT), ("one/two/a.png", Label.NOSE)):
        (masks / name).parent.mkdir(parents=True, exist_ok=True)
        mask(masks / name, label)
    assert run("edit", photos, "--mask", masks, "--out", tmp_path / "edited", "--recursive") == 0
    assert [int(call[1][0, 0]) for call in pipeline.calls if call[0] == "edit"] == [Label.HAIR, Label.HAT, Label.NOSE]


def test_a_folder_that_cannot_be_opened_is_told(tmp_path, pipeline, capsys, monkeypatch):
    photos = tmp_path / "photos"
    photo(photos / "a.jpg")
    (photos / "locked").mkdir()
    scandir = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert run("parse", photos, "--out", tmp_path / "out", "--recursive") == 1
    assert "1 written" in (said := capsys.readouterr().err) and "locked cannot be opened" in said


def test_a_full_disk_ends_the_work_with_advice_and_counts_the_rest(tmp_path, pipeline, capsys, monkeypatch):
    photos, out = tmp_path / "photos", tmp_path / "out"
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        photo(photos / name)

    def full(file, mask):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("maskgan.mask_files.write_mask", full)
    assert run("parse", photos, "--out", out) == 1
    said = capsys.readouterr().err
    assert "a.jpg: The disk is full; make room and run the same command again" in said and "Errno" not in said
    assert "0 written" in said and "1 failed, 2 not begun" in said


def test_errors_of_the_system_end_in_advice(tmp_path, pipeline, capsys):
    (tmp_path / "file").write_text("x")
    assert run("parse", photo(tmp_path / "a.png"), "--out", tmp_path / "file" / "m.png") == 1
    said = capsys.readouterr().err
    assert "is in the way" in said and "rename it" in said and "Errno" not in said
    for number in (errno.EACCES, errno.EROFS, errno.ENOENT, errno.EISDIR, errno.ENAMETOOLONG, errno.EMFILE, errno.EIO):
        sentence = advice(OSError(number, os.strerror(number), "x.png"))
        assert sentence.startswith("x.png ") and sentence.endswith(".") and (";" in sentence or "," in sentence)
    assert advice(OSError("cannot write mode F as PNG")) == "cannot write mode F as PNG"


@pytest.mark.parametrize(
    ("form", "results"),
    [
        ("png", ["a.png", "b.png", "c.png"]),
        ("jpeg", ["a.jpg", "b.jpg", "c.jpg"]),
        ("same", ["a.jpg", "b.png", "c.jpg"]),
    ],
)
def test_results_in_a_folder_have_the_format_that_is_asked_for(tmp_path, pipeline, form, results):
    photos, masks, out = tmp_path / "photos", tmp_path / "masks", tmp_path / "out"
    for name in ("a.JPG", "b.png", "c.jfif"):
        photo(photos / name)
        mask(masks / f"{Path(name).stem}.png")
    for _ in range(2):
        assert run("edit", photos, "--mask", masks, "--out", out, "--format", form) == 0
    assert sorted(path.name for path in out.iterdir()) == results
    assert [Image.open(out / name).format for name in results] == [
        "JPEG" if name.endswith("jpg") else "PNG" for name in results
    ]
    assert len([call for call in pipeline.calls if call[0] == "edit"]) == 3  # the second time all were done


def test_a_mask_in_another_class_order_is_converted_and_said(tmp_path, pipeline, capsys):
    from test_labels import face_mask

    ours = face_mask(256)
    Image.fromarray(np.argsort(np.array(FACE_PARSING_ORDER))[ours].astype(np.uint8)).save(tmp_path / "m.png")
    assert run("edit", photo(tmp_path / "a.png"), "--mask", tmp_path / "m.png", "--out", tmp_path / "r.png") == 0
    np.testing.assert_array_equal(pipeline.calls[-1][1], ours)
    assert "m.png: The mask's ids look like face-parsing.PyTorch's" in capsys.readouterr().err


def test_a_mask_of_other_proportions_fails_with_its_size(tmp_path, pipeline, capsys):
    edited = mask(tmp_path / "m.png", size=(100, 200))
    assert run("edit", photo(tmp_path / "a.png"), "--mask", edited, "--out", tmp_path / "r.png") == 1
    assert "200 x 100" in capsys.readouterr().err
    assert not (tmp_path / "r.png").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("parse nothing.png --out m.png", "no file or folder"),
        ("parse photos --out a.png", "must be a folder"),
        ("parse photos --out photos", "overwrite"),
        ("parse empty --out out", "no pictures"),
        ("parse a.png --out a.png", "overwrite"),
        ("parse a.png --out m.jpg", "ends in .png"),
        ("parse a.png --out m.png --face -1", "counts from 0"),
        ("edit a.png --mask nothing.png --out r.png", "no file or folder"),
        ("edit a.png --mask photos --out r.png", "name the mask file"),
        ("edit photos --mask a.png --out out", "masks must be a folder"),
        ("edit a.png --mask m0.png --out m0.png", "overwrite"),
        ("edit a.png --mask m0.png --out r.xyz", "cannot be written"),
        ("edit a.png --out r.png", "--mask"),
        ("", "command"),
    ],
)
def test_wrong_commands_are_explained_with_exit_code_2(tmp_path, monkeypatch, capsys, pipeline, arguments, says):
    monkeypatch.chdir(tmp_path)
    photo(tmp_path / "a.png")
    photo(tmp_path / "photos" / "a.png")
    mask(tmp_path / "m0.png")
    (tmp_path / "empty").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.png")}
    with pytest.raises(SystemExit) as caught:
        run(*arguments.split())
    assert caught.value.code == 2
    assert says in capsys.readouterr().err
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*.png")}


def test_missing_weights_are_a_usage_error(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        run("parse", photo(tmp_path / "a.png"), "--out", tmp_path / "m.png", "--weights", tmp_path / "none")
    assert caught.value.code == 2
    assert "no folder" in capsys.readouterr().err


def test_help_answers_without_loading_torch():
    code = (
        "import sys; from maskgan.__main__ import build_parser as b; b().format_help(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.strip() == "False"
