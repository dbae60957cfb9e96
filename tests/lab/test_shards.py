"""Shards: what is written, who reads what, and loaders that go on where others stopped."""

from __future__ import annotations

import json
import sys
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lab.data import augment
from lab.data.faces import find_samples, load, mirror, resize
from lab.shards import ShardStream, main, write_shards

webdataset = pytest.importorskip("webdataset")

SIZE = 32
TRAIN = 16


@pytest.fixture(scope="module")
def data(make_data: Callable[..., Path]) -> Path:
    return make_data(train=TRAIN, val=3, size=64)


@pytest.fixture(scope="module")
def shards(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 training faces in 8 shards of 2, 3 of validation in 2."""
    out = tmp_path_factory.mktemp("shards")
    write_shards(data, out, samples_per_shard=2)
    return out


@pytest.fixture(scope="module")
def identify(data: Path) -> Callable[[Tensor, Tensor], str]:
    """The id of the face that an item shows, plain or mirrored; checks every value on the way."""
    known = []
    for sample in find_samples(data):
        face = resize(load(sample), SIZE)
        known += [(sample.id, face), (sample.id, mirror(face))]

    def name(image: Tensor, mask: Tensor) -> str:
        assert image.shape == (3, SIZE, SIZE) and image.dtype == torch.float32
        assert mask.shape == (SIZE, SIZE) and mask.dtype == torch.int64
        pixels = ((image + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
        (id,) = {
            id for id, face in known if np.array_equal(face.image, pixels) and np.array_equal(face.mask, mask.numpy())
        }
        return id

    return name


def batches(stream: ShardStream, workers: int, count: int) -> list[tuple[Tensor, Tensor]]:
    loader = iter(DataLoader(stream, stream.batch_size, num_workers=workers))
    return [next(loader) for _ in range(count)]


def equal(first: list[tuple[Tensor, Tensor]], second: list[tuple[Tensor, Tensor]]) -> bool:
    assert len(first) == len(second)
    return all(torch.equal(x, y) for a, b in zip(first, second, strict=True) for x, y in zip(a, b, strict=True))


# --- Writing -------------------------------------------------------------------------------------------------------


def test_shards_hold_the_files_as_they_are(data: Path, shards: Path) -> None:
    index = json.loads((shards / "index.json").read_text())
    assert [shard["samples"] for shard in index["splits"]["val"]] == [2, 1]
    names = [shard["name"] for shard in index["splits"]["train"]]
    assert names == [f"train-{number:06d}.tar" for number in range(8)]
    ids = []
    for name in names:
        for packed in webdataset.WebDataset(str(shards / name), shardshuffle=False):  # as any other reader sees it
            id = json.loads(packed["json"])["id"]
            assert packed["image.png"] == (data / "images" / f"{id}.png").read_bytes()
            assert packed["mask.png"] == (data / "masks" / f"{id}.png").read_bytes()
            ids.append(id)
    assert sorted(ids) == [sample.id for sample in find_samples(data)] and ids != sorted(ids)


def test_a_killed_write_goes_on_and_other_faces_are_refused(data: Path, tmp_path: Path) -> None:
    write_shards(data, tmp_path, samples_per_shard=4)
    lost, kept = tmp_path / "train-000002.tar", tmp_path / "train-000001.tar"
    whole, stamp = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.rename(tmp_path / ".partial-train-000002.tar")
    (tmp_path / ".partial-train-000002.tar").write_bytes(whole[:700])
    write_shards(data, tmp_path, samples_per_shard=4)
    assert lost.read_bytes() == whole and kept.stat().st_mtime_ns == stamp
    assert not list(tmp_path.glob(".partial*"))
    with pytest.raises(ValueError, match="choose an empty folder"):
        write_shards(data, tmp_path, samples_per_shard=5)


def test_the_command_writes_and_tells(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["write", str(data), str(tmp_path / "out"), "--samples-per-shard", "6"]) == 0
    assert "train: 16 faces in 3 shards" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["write", str(tmp_path / "nothing"), str(tmp_path / "out2")])
    assert stop.value.code == 2 and "No train faces" in capsys.readouterr().err


def test_without_webdataset_one_sentence_says_what_to_install(
    shards: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "webdataset", None)
    with pytest.raises(ImportError, match="pip install webdataset"):
        ShardStream(shards, SIZE, seed=0)
    with pytest.raises(ImportError, match="pip install webdataset"):
        write_shards(data, tmp_path)


# --- Reading -------------------------------------------------------------------------------------------------------


def test_two_processes_with_two_workers_see_every_face_once_an_epoch(shards: Path, identify) -> None:
    seen: list[list[str]] = []
    for process in range(2):
        stream = ShardStream(shards, SIZE, seed=3, process=process, processes=2, batch_size=2)
        drawn = batches(stream, workers=2, count=2 * TRAIN // 4)  # two epochs
        seen.append([identify(*item) for image, mask in drawn for item in zip(image, mask, strict=True)])
    half = TRAIN // 2
    for epoch in range(2):
        mine, other = (set(ids[epoch * half : (epoch + 1) * half]) for ids in seen)
        assert len(mine) == len(other) == half and not mine & other
    assert set(Counter(seen[0] + seen[1]).values()) == {2}
    assert seen[0][:half] != seen[0][half:]  # epochs differ in order


def test_the_order_depends_on_the_seed_and_repeats(shards: Path, identify) -> None:
    def draw(seed: int) -> list[tuple[Tensor, Tensor]]:
        return batches(ShardStream(shards, SIZE, seed, batch_size=4), workers=0, count=8)

    first = draw(0)
    assert equal(first, draw(0))
    assert not equal(first, draw(1))
    ids = [identify(*item) for image, mask in first for item in zip(image, mask, strict=True)]
    assert sorted(ids[:TRAIN]) == sorted(ids[TRAIN:]) and ids[:TRAIN] != ids[TRAIN:]
    # a face is mirrored in some epochs and not in others
    flipped = {id: set() for id in ids}
    for id, image in zip(ids, torch.cat([image for image, _ in first]), strict=True):
        flipped[id].add(image.sum(0).numpy().tobytes())
    assert any(len(views) == 2 for views in flipped.values())


@pytest.mark.parametrize(("workers", "cut"), [(0, 5), (2, 3), (2, 6)])
def test_a_resumed_loader_continues_exactly(shards: Path, workers: int, cut: int) -> None:
    def stream(start: int) -> ShardStream:
        return ShardStream(
            shards, SIZE, seed=1, augment=augment.light_and_colour, process=1, processes=2, start=start, batch_size=3
        )

    uncut = batches(stream(0), workers, 9)
    assert equal(uncut[cut:], batches(stream(3 * cut), workers, 9 - cut))


def test_shards_that_were_drawn_already_are_not_read(shards: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = ShardStream(shards, SIZE, seed=0, start=TRAIN * 3 + 5)
    opened = []
    read = ShardStream._open
    monkeypatch.setattr(ShardStream, "_open", lambda self, *shard: opened.append(shard) or read(self, *shard))
    next(iter(stream))
    assert len(opened) == 1


def test_shards_are_opened_by_url_too(shards: Path) -> None:
    first = next(iter(ShardStream(shards, SIZE, seed=0)))
    assert equal([first], [next(iter(ShardStream(f"file:{shards}/", SIZE, seed=0)))])


def test_what_cannot_be_read_says_why(shards: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"lab\.shards write"):
        ShardStream(tmp_path, SIZE, seed=0)
    with pytest.raises(FileNotFoundError, match="only train, val"):
        ShardStream(shards, SIZE, seed=0, split="test")
    with pytest.raises(ValueError, match="no whole number of batches"):
        ShardStream(shards, SIZE, seed=0, start=3, batch_size=2)
    with pytest.raises(ValueError, match="2 shards cannot be dealt to 4"):
        next(iter(ShardStream(shards, SIZE, seed=0, split="val", processes=4)))
    out = tmp_path / "out"
    write_shards(data, out, samples_per_shard=TRAIN)
    shard = out / "train-000000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"train-000000.tar .*again"):
        next(iter(ShardStream(out, SIZE, seed=0)))
    with tarfile.open(shard, "w") as tar:
        tar.add(data / "index.csv", "00000000.json")
    with pytest.raises(ValueError, match="holds 1 samples, not 16"):
        next(iter(ShardStream(out, SIZE, seed=0)))
    shard.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        next(iter(ShardStream(out, SIZE, seed=0)))
