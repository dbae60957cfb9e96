"""Sets beyond one disk: WebDataset shards, written once and read as an endless stream.

    python -m lab.shards write DATA OUT --samples-per-shard 1000

`DATA` is a folder in the plain format. `OUT` gets `{split}-{000000}.tar` with the files as they are (`image.jpg` or
`image.png`, `mask.png`, `json` with id and whole_lenses) in an order that was shuffled once, and `index.json`:

    {"samples_per_shard": n, "fingerprint": "...", "splits": {"train": [{"name": "train-000000.tar", "samples": n}]}}

Any tool that reads WebDataset reads the shards. A killed `write` goes on with the shards that are missing.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info
from tqdm.auto import tqdm

from lab.data.faces import (
    Augmentation,
    FaceWithMask,
    Finish,
    Sample,
    as_tensors,
    find_samples,
    hide_lens_interiors,
    read_ids,
)
from lab.data.index import read_index
from maskgan import labels
from maskgan.files import remove_partial_files, whole_file, write_whole


def _webdataset() -> ModuleType:
    try:
        import webdataset  # lab only, and not for those who train from folders
    except ModuleNotFoundError as cause:
        raise ImportError("Shards need the package webdataset: pip install webdataset.") from cause
    return webdataset


# --- Writing -------------------------------------------------------------------------------------------------------


def write_shards(data: Path, out: Path, samples_per_shard: int = 1000) -> dict[str, Any]:
    """Write all splits of a folder in the plain format as shards; returns the index.

    Raises:
        FileNotFoundError: when the folder has no faces.
        ValueError: when `out` holds shards of other faces.
        ImportError: when webdataset is not installed.
    """
    wds = _webdataset()
    shards = _plan(data, samples_per_shard)
    text = "\n".join(f"{s.id} {s.image.stat().st_size} {s.mask.stat().st_size}" for _, part in shards for s in part)
    splits: dict[str, list[dict[str, Any]]] = {}
    for name, part in shards:
        splits.setdefault(name.rpartition("-")[0], []).append({"name": name, "samples": len(part)})
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    index = {"samples_per_shard": samples_per_shard, "fingerprint": fingerprint, "splits": splits}
    path = out / "index.json"
    if path.exists() and json.loads(path.read_text(encoding="utf-8")) != index:
        raise ValueError(f"{out} holds shards of other faces or another size; choose an empty folder.")
    out.mkdir(parents=True, exist_ok=True)
    remove_partial_files(out)
    write_whole(path, json.dumps(index, indent=1) + "\n")
    todo = [(name, part) for name, part in shards if not (out / name).exists()]
    for name, part in tqdm(todo, total=len(shards), initial=len(shards) - len(todo), unit="shard"):
        with whole_file(out / name) as partial, wds.TarWriter(str(partial), encoder=False, mtime=0) as writer:
            for number, sample in enumerate(part):
                writer.write(_packed(sample, number))
    return index


def _plan(data: Path, samples_per_shard: int) -> list[tuple[str, list[Sample]]]:
    """(shard name, its samples) of all splits; the order is mixed, so that every shard is like the whole."""
    splits = ["train"]
    if (data / "index.csv").exists():
        found = {row.get("split", "train") for row in read_index(data / "index.csv")}
        splits = sorted(found - {""}) or splits
    shards = []
    for split in splits:
        samples = find_samples(data, split)
        order = np.random.default_rng(0).permutation(len(samples))
        for number, start in enumerate(range(0, len(samples), samples_per_shard)):
            part = [samples[place] for place in order[start : start + samples_per_shard]]
            shards.append((f"{split}-{number:06d}.tar", part))
    return shards


def _packed(sample: Sample, number: int) -> dict[str, Any]:
    return {
        "__key__": f"{number:08d}",  # ids may have dots, which end a key
        "image" + sample.image.suffix.lower(): sample.image.read_bytes(),
        "mask.png": sample.mask.read_bytes(),
        "json": json.dumps({"id": sample.id, "whole_lenses": sample.whole_lenses}).encode(),
    }


# --- Reading -------------------------------------------------------------------------------------------------------


class ShardStream(IterableDataset):
    """Endless training samples from shards: (image (3, H, W) in [-1, 1], mask (H, W) int64) like `FaceStream`.

    In every epoch the shards are dealt to processes and their loader workers, none to two; each reads its own from
    end to end, mixed, and goes on with its share of the next epoch. The order of an epoch depends on `seed` and the
    epoch alone, and how a face is augmented on `seed`, the epoch and the face, not on who reads it.

    Resuming: a loader that was left after `start` samples of this process is continued exactly by a new one with
    that `start`, the same `batch_size` and as many workers.

    Args:
        source: folder of the shards, or a URL that webdataset opens (http:, https:, gs:, hf:, ...).
        size: side in pixels.
        seed: of the whole stream.
        split: of the plain format.
        augment: applied at the stored resolution, before scaling down and mirroring.
        process, processes: this process and how many there are, over all nodes.
        start: samples that this process has drawn before, a multiple of `batch_size`.
        batch_size: of the loader, per process.
        finish: as for `FaceStream`.

    Raises:
        FileNotFoundError: when the source has no index, or no such split.
        ValueError: when there are fewer shards than loader workers, or a shard is damaged.
        ImportError: when webdataset is not installed.
    """

    def __init__(
        self,
        source: str | Path,
        size: int,
        seed: int,
        split: str = "train",
        augment: Augmentation | None = None,
        process: int = 0,
        processes: int = 1,
        start: int = 0,
        batch_size: int = 1,
        finish: Finish | None = None,
    ) -> None:
        if start % batch_size:
            raise ValueError(f"{start} samples are no whole number of batches of {batch_size}; resume after a batch.")
        self.source, self.size, self.seed, self.augment = str(source).rstrip("/"), size, seed, augment
        self.finish = finish or as_tensors
        self.process, self.processes, self.start, self.batch_size = process, processes, start, batch_size
        try:
            with _webdataset().gopen(f"{self.source}/index.json") as file:
                splits = json.loads(file.read())["splits"]
        except (OSError, ValueError, KeyError) as cause:
            raise FileNotFoundError(
                f"There is no whole index.json in {source}; write shards with `python -m lab.shards write DATA OUT`."
            ) from cause
        if split not in splits:
            raise FileNotFoundError(f"There are no {split} shards in {source}, only {', '.join(splits)}.")
        #: (name, number of samples) of all shards.
        self.shards = [(shard["name"], int(shard["samples"])) for shard in splits[split]]
        if any(not re.fullmatch(r"[\w.-]+", name) or samples < 1 for name, samples in self.shards):
            raise ValueError(f"index.json in {source} is damaged; write the shards again.")

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        info = get_worker_info()
        workers = info.num_workers if info else 1
        readers = self.processes * workers
        if len(self.shards) < readers:
            raise ValueError(
                f"{len(self.shards)} shards cannot be dealt to {readers} loader workers; "
                "use fewer --num-workers, or write shards with fewer --samples-per-shard."
            )
        # A loader asks its workers for whole batches in turns, beginning with the first; batch n of the uncut run
        # came from worker n modulo workers, so the workers of a resumed run play shifted parts.
        batches = self.start // self.batch_size
        worker = ((info.id if info else 0) + batches) % workers
        drawn = len(range(worker, batches, workers)) * self.batch_size
        return self._read(self.process * workers + worker, readers, drawn)

    def _read(self, reader: int, readers: int, drawn: int) -> Iterator[tuple[Tensor, ...]]:
        """The samples of one of the readers after the first `drawn`; whole shards are skipped unread."""
        epoch = 0
        while True:
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.shards))
            for shard in order[reader::readers]:
                samples = self.shards[shard][1]
                if drawn >= samples:
                    drawn -= samples
                    continue
                packed = self._open(*self.shards[shard])
                mixed = np.random.default_rng((self.seed, epoch, int(shard))).permutation(samples)
                for place in mixed[drawn:]:
                    random = np.random.default_rng((self.seed, epoch, int(shard), int(place)))
                    yield self._item(packed[place], random)
                drawn = 0
            epoch += 1

    def _open(self, name: str, samples: int) -> list[dict[str, Any]]:
        """All samples of a shard as bytes, in their order in the file."""
        url = f"{self.source}/{name}"
        try:
            packed = list(_webdataset().tarfile_samples([{"url": url}]))
        except (OSError, EOFError, tarfile.TarError) as cause:
            raise ValueError(f"The shard {url} cannot be read; write or copy it again.") from cause
        if len(packed) != samples:
            raise ValueError(f"The shard {url} holds {len(packed)} samples, not {samples}; write or copy it again.")
        return packed

    def _item(self, packed: dict[str, Any], random: np.random.Generator) -> tuple[Tensor, ...]:
        face = decode(packed)
        if self.augment is not None:
            face = self.augment(face, random)
        return self.finish(face, self.size, random)


def decode(packed: dict[str, Any]) -> FaceWithMask:
    """A sample of a shard -> the face; raises ValueError with one sentence when it is damaged."""
    files = {suffix: data for suffix, data in packed.items() if not suffix.startswith("__")}
    image = next((data for suffix, data in files.items() if suffix.startswith("image.")), b"")
    where = f"Sample {packed['__key__']} of {packed['__url__']}"
    if not image or "mask.png" not in files or "json" not in files:
        raise ValueError(f"{where} lacks image, mask.png or json; write the shards again.")
    about = json.loads(files["json"])
    try:
        ids = read_ids(io.BytesIO(files["mask.png"]))
    except OSError:
        ids = None
    picture = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    if picture is None or ids is None or picture.shape[:2] != ids.shape:
        raise ValueError(f"{where} ({about['id']}) has no image and mask of one size; repair it and write again.")
    face = FaceWithMask(picture[..., ::-1].copy(), labels.check_mask(ids, allow_ignore=True))
    return hide_lens_interiors(face) if about["whole_lenses"] else face


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m lab.shards", description="Sets beyond one disk.")
    write = parser.add_subparsers(dest="command", required=True).add_parser("write", help="plain format -> shards")
    write.add_argument("data", type=Path, help="folder in the plain format (images/, masks/, index.csv)")
    write.add_argument("out", type=Path, help="folder for the shards")
    write.add_argument("--samples-per-shard", type=int, default=1000)
    args = parser.parse_args(argv)
    if args.samples_per_shard < 1:
        parser.error("--samples-per-shard must be at least 1.")
    try:
        index = write_shards(args.data, args.out, args.samples_per_shard)
    except (FileNotFoundError, ValueError, ImportError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{args.out} cannot be written ({error.strerror}); make room and run the same command again.")
    for split, shards in index["splits"].items():
        print(f"{split}: {sum(shard['samples'] for shard in shards)} faces in {len(shards)} shards")
    return 0


if __name__ == "__main__":
    sys.exit(main())
