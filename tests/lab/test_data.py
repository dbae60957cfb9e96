"""Numbered samples, mirrored classes, ignored pixels, odds of being drawn, and folders with faults."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask
from torch.utils.data import DataLoader

from lab.data import augment
from lab.data.faces import (
    CountingSampler,
    FaceStream,
    FaceWithMask,
    Sample,
    class_odds,
    filled_mask,
    find_samples,
    held_out,
    hide_lens_interiors,
    load,
    mirror,
    read_ids,
    resize,
    survey,
)
from lab.data.index import read_index
from maskgan.labels import IGNORE, Label
from maskgan.mask_files import write_mask


def drawn(size: int = 64) -> FaceWithMask:
    mask = draw_mask(size)
    return FaceWithMask(draw_face(mask), mask)


def same(first: FaceWithMask, second: FaceWithMask) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.mask, second.mask)


# --- The stream ----------------------------------------------------------------------------------------------------


def items(stream: FaceStream, numbers: list[int]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [stream[number] for number in numbers]


def test_a_sample_is_a_pure_function_of_seed_and_number(data_folder: Path) -> None:
    samples, chain = find_samples(data_folder), augment.ForParsing(64)
    one, other = (FaceStream(samples, 64, seed=3, augment=chain) for _ in range(2))
    forwards, backwards = items(one, list(range(8))), items(other, list(range(7, -1, -1)))[::-1]
    np.random.seed(5)  # noqa: NPY002 - the global state must not matter
    again = items(one, list(range(8)))
    for first, second, third in zip(forwards, backwards, again, strict=True):
        assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(first, second, third, strict=True))
    seeded = items(FaceStream(samples, 64, seed=4, augment=chain), list(range(8)))
    assert any(not torch.equal(a[0], b[0]) for a, b in zip(forwards, seeded, strict=True))
    assert not torch.equal(forwards[0][0], one[8][0])


def test_samples_have_the_shapes_and_ranges_that_networks_read(data_folder: Path) -> None:
    for image, mask in items(FaceStream(find_samples(data_folder), 32, seed=0), [0, 1, 2]):
        assert image.shape == (3, 32, 32) and image.dtype == torch.float32
        assert -1 <= image.min() < -0.2 and 0.0 < image.max() <= 1
        assert mask.shape == (32, 32) and mask.dtype == torch.int64
        assert set(mask.unique().tolist()) <= {*range(19), IGNORE}


def test_each_pass_shows_every_face_once_without_weights(data_folder: Path) -> None:
    stream = FaceStream(find_samples(data_folder), 64, seed=0)
    faces = [load(sample).image.reshape(-1).astype(int) for sample in stream.samples]

    def which(number: int) -> int:
        image = ((stream[number][0].permute(1, 2, 0) + 1) * 127.5).round().numpy().astype(int)
        distances = [min(np.abs(view.reshape(-1) - face).mean() for view in (image, image[:, ::-1])) for face in faces]
        return int(np.argmin(distances))

    passes = [[which(number) for number in range(start, start + 5)] for start in (0, 5, 10)]
    assert all(sorted(numbers) == [0, 1, 2, 3, 4] for numbers in passes)
    assert len({tuple(numbers) for numbers in passes}) > 1  # in another order each time


def test_weights_say_how_often_a_face_is_drawn(data_folder: Path) -> None:
    samples = find_samples(data_folder)
    stream = FaceStream(samples, 64, seed=0, odds=[8, 0, 1, 0, 1])
    images = [load(sample).image for sample in samples]

    def which(number: int) -> int:
        image = ((stream[number][0].permute(1, 2, 0) + 1) * 127.5).round().numpy().astype(np.uint8)
        views = (image, image[:, ::-1])
        return next(i for i, face in enumerate(images) if any(np.array_equal(view, face) for view in views))

    counts = np.bincount([which(number) for number in range(200)], minlength=5)
    assert counts[1] == counts[3] == 0
    assert abs(counts[0] - 160) <= 10 and abs(counts[2] - 20) <= 8


@pytest.mark.parametrize("workers", [0, 1])
def test_counting_goes_on_where_it_was_cut(data_folder: Path, workers: int) -> None:
    stream = FaceStream(find_samples(data_folder), 64, seed=1)

    def batches(start: int, stop: int) -> list[torch.Tensor]:
        sampler = CountingSampler(start, stop, samples_per_step=2)
        return [image for image, _ in DataLoader(stream, 2, sampler=sampler, num_workers=workers)]

    assert list(CountingSampler(3, 5, 4)) == list(range(12, 20)) and len(CountingSampler(3, 5, 4)) == 8
    whole, parts = batches(0, 4), batches(0, 2) + batches(2, 4)
    assert len(whole) == 4 and all(torch.equal(a, b) for a, b in zip(whole, parts, strict=True))


@pytest.mark.parametrize("size", [64, 32])
def test_filled_masks_take_the_place_of_the_samples_own(data_folder: Path, tmp_path: Path, size: int) -> None:
    samples = find_samples(data_folder)
    for sample in samples:
        path = filled_mask(tmp_path, sample)
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((size, size), Label.HAT, np.uint8))
    image, mask = FaceStream(samples, size, seed=0, filled=tmp_path)[0]
    assert image.shape == (3, size, size) and (mask == Label.HAT).all()


# --- Faces in memory -----------------------------------------------------------------------------------------------


def test_mirroring_swaps_the_classes_that_have_sides() -> None:
    face = drawn()
    mirrored = mirror(face)
    assert np.array_equal(mirrored.image, face.image[:, ::-1])
    for left, right in ((Label.L_EYE, Label.R_EYE), (Label.L_BROW, Label.R_BROW)):
        assert np.array_equal(mirrored.mask == left, (face.mask == right)[:, ::-1])
        assert (mirrored.mask == left).any()
    assert np.array_equal(mirrored.mask == Label.SKIN, (face.mask == Label.SKIN)[:, ::-1])
    columns = np.nonzero(mirrored.mask == Label.L_EYE)[1]
    assert columns.mean() > 32  # the subject's left stays on the right side of the picture
    assert same(mirror(mirrored), face)


def test_the_stream_mirrors_about_half_of_the_faces(data_folder: Path) -> None:
    stream = FaceStream(find_samples(data_folder), 64, seed=0)
    corner = [bool((stream[number][1][:8, :32] == IGNORE).all()) for number in range(60)]
    mirrored = [bool((stream[number][1][:8, 32:] == IGNORE).all()) for number in range(60)]
    assert [not m for m in mirrored] == corner and 15 < sum(mirrored) < 45
    for number in range(10):  # mirrored or not, the subject's left eye is right of the other
        mask = stream[number][1]
        left, right = (torch.nonzero(mask == eye)[:, 1].float().mean() for eye in (Label.L_EYE, Label.R_EYE))
        assert left > right


def test_resizing_keeps_ids_and_averages_colours() -> None:
    face = drawn(128)
    small = resize(face, 32)
    assert small.image.shape == (32, 32, 3) and set(np.unique(small.mask)) <= set(np.unique(face.mask))
    block = face.image[:4, :4].reshape(-1, 3).mean(0)
    assert np.abs(small.image[0, 0] - block).max() <= 1
    assert resize(small, 32) is small


def test_only_the_rim_of_whole_lenses_is_glasses() -> None:
    mask = draw_mask(64)
    mask[24:34, 10:54] = Label.EYE_G
    hidden = hide_lens_interiors(FaceWithMask(draw_face(mask), mask)).mask
    assert hidden[29, 32] == IGNORE and hidden[24, 32] == Label.EYE_G
    assert np.array_equal(hidden[mask != Label.EYE_G], mask[mask != Label.EYE_G])


def test_every_tenth_rendered_head_is_kept_for_measuring() -> None:
    heads = [Sample(f"mh_{number:05d}", Path("f.jpg"), Path("f.png"), whole_lenses=True) for number in range(100)]
    assert [head.id for head in heads if held_out(head)] == [f"mh_{number:05d}" for number in range(7, 100, 10)]
    assert not any(held_out(replace(head, whole_lenses=False)) for head in heads)


# --- Folders -------------------------------------------------------------------------------------------------------


def test_splits_come_from_the_index(data_folder: Path) -> None:
    assert [sample.id for sample in find_samples(data_folder)] == ["f0", "f1", "f2", "f3", "f4"]
    assert [sample.id for sample in find_samples(data_folder, "val")] == ["f5", "f6"]


def test_a_folder_without_an_index_is_all_training_data(make_data) -> None:
    folder = make_data(train=2, val=1)
    (folder / "index.csv").unlink()
    (folder / "masks" / "f1.png").unlink()  # a picture nobody labelled
    assert [sample.id for sample in find_samples(folder)] == ["f0", "f2"]
    with pytest.raises(FileNotFoundError, match="No val faces"):
        find_samples(folder, "val")


@pytest.mark.parametrize("split", ["train", "val"])
def test_nothing_to_train_on_is_said_in_one_sentence(tmp_path: Path, split: str) -> None:
    with pytest.raises(FileNotFoundError, match=rf"No {split} faces in .*it needs images/ID\.jpg, masks/ID\.png"):
        find_samples(tmp_path / "missing", split)


def test_ignored_pixels_are_read_as_255(data_folder: Path) -> None:
    face = load(find_samples(data_folder)[0])
    assert (face.mask[:8, :32] == IGNORE).all() and face.mask[8:].max() <= 18


def test_damaged_samples_are_named(make_data) -> None:
    folder = make_data(train=4, val=0)
    samples = find_samples(folder)
    samples[0].image.write_bytes(b"not a picture")
    with pytest.raises(OSError, match=r"Cannot read .*f0\.png"):
        load(samples[0])
    cv2.imwrite(str(samples[1].mask), np.zeros((32, 64), np.uint8))
    with pytest.raises(ValueError, match="must match"):
        load(samples[1])
    cv2.imwrite(str(samples[2].mask), np.full((64, 64), 77, np.uint8))
    with pytest.raises(ValueError, match=r"ids outside 0\.\.18"):
        load(samples[2])


def test_faces_with_rare_classes_weigh_more(make_data) -> None:
    folder = make_data(train=8, val=0, ignored=False)
    samples = find_samples(folder)
    mask = cv2.imread(str(samples[0].mask), cv2.IMREAD_GRAYSCALE)
    mask[4:20, 4:60] = Label.HAT
    cv2.imwrite(str(samples[0].mask), mask)
    odds = class_odds(samples)
    # one face of eight has a hat: sqrt(8) against 1 for the seven others, scaled to a mean of 1
    mean = (np.sqrt(8) + 7) / 8
    assert odds == pytest.approx([np.sqrt(8) / mean] + [1 / mean] * 7)
    assert class_odds(samples, strength=0.0) == pytest.approx([1.0] * 8)


def test_indexed_masks_give_their_ids_and_not_the_grey_of_their_colours(tmp_path: Path) -> None:
    mask = draw_mask(64)
    write_mask(tmp_path / "indexed.png", mask)
    cv2.imwrite(str(tmp_path / "grey.png"), mask)
    assert np.array_equal(read_ids(tmp_path / "indexed.png"), mask)
    assert np.array_equal(read_ids(tmp_path / "grey.png"), mask)
    cv2.imwrite(str(tmp_path / "rgb.png"), np.dstack([mask] * 3))
    with pytest.raises(ValueError, match="grey or indexed"):
        read_ids(tmp_path / "rgb.png")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_an_index_is_read_as_spreadsheets_save_it(tmp_path, delimiter):
    lines = [("ID", "Split "), ("a", "Train"), ("b", "valid"), ("c", "train "), ("d", "validation"), ("e", "training")]
    (tmp_path / "index.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(map(delimiter.join, lines)).encode())
    rows = read_index(tmp_path / "index.csv")
    splits = ("train", "val", "train", "val", "train")
    assert [(row["id"], row["split"]) for row in rows] == list(zip("abcde", splits, strict=True))


def test_an_index_without_ids_says_what_it_needs(tmp_path):
    (tmp_path / "index.csv").write_text("name,split\na,train\n")
    with pytest.raises(ValueError, match="column `id`"):
        read_index(tmp_path / "index.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_an_index_is_read_in_every_encoding_that_excel_writes(tmp_path, encoding, delimiter, newline):
    lines = [
        ("id", "split", "note"),
        ("Jos\u00e9", " TRAIN", '"two' + newline + 'lines"'),
        ("b", "Valid", ""),
        ("", "", ""),
    ]
    text = newline.join(map(delimiter.join, lines))
    (tmp_path / "index.csv").write_bytes(text.encode(encoding))
    rows = read_index(tmp_path / "index.csv")
    assert [(row["id"], row["split"]) for row in rows] == [("Jos\u00e9", "train"), ("b", "val")]
    (tmp_path / "index.csv").write_bytes(f"sep={delimiter}{newline}{text}".encode())
    assert read_index(tmp_path / "index.csv") == rows


# --- What is used and what is not ------------------------------------------------------------------------------------


@pytest.fixture
def mixed(make_data) -> Path:
    """A folder with a fault of every kind beside two faces to train on and one of validation."""
    folder = make_data(train=8, val=0)
    for number in (3, 4, 5, 6, 7):
        for name in ("images", "masks"):
            (folder / name / f"f{number}.png").rename(folder / name / f"{number:05d}.png")
    (folder / "masks" / "00005.png").unlink()
    (folder / "images" / "00006.png").rename(folder / "images" / "photo.HEIC")
    (folder / "images" / ".DS_Store").write_text("x")
    (folder / "images" / "Thumbs.db").write_text("x")
    rows = ["id;split;native_crop_px", "f0;Training;120,5", "f1;train;?", "f2;valid;", "3;train;", "00004;tarin;"]
    rows += ["00005;train;", "00006;train;", "f0;train;", "gone;train;"]
    (folder / "index.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode())
    return folder


def test_every_face_of_a_folder_is_used_or_named_with_the_reason(mixed: Path) -> None:
    found = survey(mixed)
    assert [sample.id for sample in found.samples] == ["f0", "f1"]
    assert [sample.native for sample in found.samples] == [120.5, None]
    assert found.others == {"val": 1}
    assert found.left_out == {
        "with an id that a spreadsheet took the zeros from; write ids as text": ("3 for 00003",),
        "of an unknown split, 'tarin'": ("00004",),
        "without a mask": ("00005",),
        "without an image": ("00006", "gone"),
        "in the index twice": ("f0",),
        "not in index.csv": ("00007",),
        "of no kind that is read here; save them as JPEG or PNG": ("Thumbs.db", "photo.HEIC"),
    }
    sentence = found.sentence()
    assert sentence.startswith(f"{mixed}: 2 faces used, 1 of val kept apart, 9 left out: ")
    assert all(name in sentence for name in ("3 for 00003", "00005", "gone", "photo.HEIC")) and sentence.endswith(".")


def test_images_without_masks_are_listed_also_without_an_index(make_data) -> None:
    folder = make_data(train=12, val=0)
    (folder / "index.csv").unlink()
    for number in range(1, 12):
        (folder / "masks" / f"f{number}.png").unlink()
    found = survey(folder)
    assert len(found.samples) == 1 and len(found.left_out["without a mask"]) == 11
    assert "11 without a mask (f1, f10, f11" in found.sentence() and "and 3 more)" in found.sentence()
    (folder / "masks" / "f0.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"No train faces in .* 12 left out: 12 without a mask \(f0, f1, "):
        find_samples(folder)
