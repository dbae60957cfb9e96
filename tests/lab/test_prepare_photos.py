"""A folder of anybody's photos as training data: crops, masks, splits, bad files, and runs that go on."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import draw_face, draw_mask
from PIL import Image

from lab import prepare_photos
from lab.data.faces import find_samples, load
from lab.prepare_photos import face_id, main, prepare, split_of
from maskgan.editing import pipeline as pipeline_module
from maskgan.editing.faces import Alignment, DetectedFace
from maskgan.editing.pipeline import MaskGANPipeline

SIZE = 64
#: Eyes, nose and mouth corners as `draw_mask` places them, in a unit square.
POINTS = np.array([(0.38, 0.45), (0.62, 0.45), (0.5, 0.55), (0.42, 0.72), (0.58, 0.72)])


def drawn_faces(photo: np.ndarray) -> list[DetectedFace]:
    """A detector for photos that are rows of drawn square faces; none in a photo without colour."""
    height, width = photo.shape[:2]
    if (photo == photo[..., :1]).all():
        return []
    return [
        DetectedFace((x, 0, height, height), 1.0, POINTS * height + (x, 0))
        for x in range(0, width - height + 1, height)
    ]


@pytest.fixture(autouse=True)
def _detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline_module, "detect_faces", drawn_faces)


def photo_of(*seeds: int, side: int = 96) -> np.ndarray:
    return np.hstack([draw_face(draw_mask(side), seed=seed) for seed in seeds])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two good photos, one of them in a folder with the same name but for its ending, a pair, and five bad ones."""
    folder = tmp_path / "photos"
    (folder / "holiday").mkdir(parents=True)
    for name, picture in (
        ("anna.png", photo_of(1)),
        ("holiday/anna.webp", photo_of(2)),
        ("pair.png", photo_of(3, 4)),
        ("empty room.png", np.full((96, 96, 3), 90, np.uint8)),
        ("far away.png", photo_of(5, side=40)),
        ("tiny.png", photo_of(6)[:20, :20]),
    ):
        Image.fromarray(picture).save(folder / name, lossless=True)
    (folder / "broken.jpg").write_bytes(b"not a picture")
    (folder / "cut.png").write_bytes((folder / "anna.png").read_bytes()[:2000])
    (folder / "notes.txt").write_text("no photo")
    (folder / ".hidden.png").write_bytes(b"")
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_photos_become_faces_with_the_parsers_masks(photos: Path, tmp_path: Path, pipeline: MaskGANPipeline) -> None:
    out = tmp_path / "out"
    # 40 px are less than half of what is asked for
    written, skipped = prepare(photos, out, pipeline, size=128)
    assert written == 3
    rows = {row["file"]: row for row in rows_of(out / "index.csv")}
    assert list(rows) == ["anna.png", "holiday/anna.webp", "pair.png"]
    assert all(row["split"] == split_of(file) and row["face"] == "0" for file, row in rows.items())
    reasons = {row["file"]: row["reason"] for row in rows_of(out / "skipped.csv")}
    assert [row["file"] for row in skipped] == list(reasons)
    assert set(reasons) == {"broken.jpg", "cut.png", "empty room.png", "far away.png", "tiny.png"}
    assert "not a picture" in reasons["broken.jpg"] and "damaged" in reasons["cut.png"]
    assert "No face" in reasons["empty room.png"] and "20 x 20" in reasons["tiny.png"]
    assert "too few for a size of 128" in reasons["far away.png"]
    # image and mask are those of the aligned crop
    photo = photo_of(1)
    alignment = Alignment.from_face(drawn_faces(photo)[0], photo.shape[:2])
    image = cv2.imread(str(out / "images" / f"{rows['anna.png']['id']}.jpg"))[..., ::-1]
    assert abs(image.astype(int) - alignment.crop(photo, 128)).mean() < 4
    mask = cv2.imread(str(out / "masks" / f"{rows['anna.png']['id']}.png"), cv2.IMREAD_GRAYSCALE)
    parsed = pipeline.parse(alignment.crop(photo, 256))[0]
    assert np.array_equal(mask, parsed[1::2, 1::2]) and len(np.unique(mask)) > 1
    samples = [s for split in {row["split"] for row in rows.values()} for s in find_samples(out, split)]
    assert {load(sample).mask.shape for sample in samples} == {(128, 128)} and len(samples) == 3


def test_all_faces_of_a_photo_share_its_split(photos: Path, tmp_path: Path, pipeline: MaskGANPipeline) -> None:
    out = tmp_path / "out"
    assert prepare(photos, out, pipeline, size=SIZE, all_faces=True)[0] == 5  # two in the pair, 40 px will do
    pair = [row for row in rows_of(out / "index.csv") if row["file"] == "pair.png"]
    assert [row["face"] for row in pair] == ["0", "1"]
    assert {row["split"] for row in pair} == {split_of("pair.png")}
    first, second = (cv2.imread(str(out / "images" / f"{row['id']}.jpg")) for row in pair)
    assert (first != second).any()


def test_a_second_run_does_only_what_is_new_changed_or_damaged(
    photos: Path, tmp_path: Path, pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    prepare(photos, out, pipeline, size=SIZE)
    before = (out / "index.csv").read_text()
    seen: list[str] = []
    read = prepare_photos.read_photo
    monkeypatch.setattr(prepare_photos, "read_photo", lambda path: seen.append(path.name) or read(path))
    prepare(photos, out, pipeline, size=SIZE)
    assert seen == [] and (out / "index.csv").read_text() == before
    mask = out / "masks" / f"{face_id('pair.png', 0)}.png"
    mask.write_bytes(mask.read_bytes()[:50])  # a full disk
    Image.fromarray(photo_of(7)).save(photos / "broken.jpg")  # repaired
    (photos / "anna.png").unlink()
    written, skipped = prepare(photos, out, pipeline, size=SIZE)
    assert seen == ["broken.jpg", "pair.png"]
    files = [row["file"] for row in rows_of(out / "index.csv")]
    assert files == ["broken.jpg", "far away.png", "holiday/anna.webp", "pair.png"] and written == 4
    assert [row["file"] for row in skipped] == ["cut.png", "empty room.png", "tiny.png"]
    with pytest.raises(ValueError, match="was made with all_faces False"):
        prepare(photos, out, pipeline, size=SIZE, all_faces=True)


def test_the_split_is_a_fixed_tenth_and_ids_are_never_the_same() -> None:
    names = [f"IMG_{number:04d}.jpg" for number in range(3000)]
    share = np.mean([split_of(name) == "val" for name in names])
    assert 0.08 < share < 0.12
    assert [split_of(name) for name in names[:3]] == ["train", "val", "train"]
    ids = {face_id(name, 0) for name in ("a.jpg", "a.png", "b/a.jpg", "Ä.jpg", "a b.jpg", "a.b.jpg")}
    assert len(ids) == 6 and all("." not in id and "/" not in id for id in ids)


def test_the_exit_code_tells(
    photos: Path, tmp_path: Path, pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(MaskGANPipeline, "load", lambda weights=None: pipeline)
    out = str(tmp_path / "out")
    assert main([str(photos), out, "--size", str(SIZE)]) == 1
    assert "4 faces" in (printed := capsys.readouterr().out) and "4 photos skipped" in printed
    good = tmp_path / "good"
    good.mkdir()
    Image.fromarray(photo_of(1)).save(good / "one.png")
    assert main([str(good), str(tmp_path / "out2"), "--size", str(SIZE)]) == 0
    Image.fromarray(np.full((96, 96, 3), 90, np.uint8)).save(good / "one.png")
    assert main([str(good), str(tmp_path / "out3"), "--size", str(SIZE)]) == 2
    for command in ([str(tmp_path / "missing"), out], [str(good), out, "--size", "8"], [str(good), out]):
        with pytest.raises(SystemExit) as stop:
            main(command)
        assert stop.value.code == 2
    assert "There are no pictures in" in capsys.readouterr().err
