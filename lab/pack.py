"""Training data in one file, for a machine that is there for minutes: `python -m lab.pack --data FACES --out PACK.zip`.

The training split of folders in the plain format: each face's sharpest picture as WebP, its mask, and its mask with
the parser's answer where nobody labelled it, so that nothing has to be read by a parser where time is short (give
`--parser` the one that the masks shall come from; whole masks stay in PACK.zip.masks, so that packing can go on).
3,400 faces, 1,000 of them at 512 px, are 74 MB. `lab.one_gpu` unpacks it, in a few seconds on 16 cores.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from lab.data.faces import Sample, filled_mask, find_samples, read_ids, read_picture
from lab.data.fill import enlarged, fill_ignored, sharpest_side
from maskgan.editing.pipeline import WEIGHTS
from maskgan.files import whole_file
from maskgan.networks.checkpoints import load_network

#: Side of the masks, and of the pictures in images/ where images_sharp/ has a larger one.
SIDE = 256

T = TypeVar("T")
R = TypeVar("R")


def pack(folders: Sequence[Path], whole_masks: Path, out: Path, quality: int = 90) -> int:
    """Write the training faces of folders in the plain format to a zip file; returns how many there are.

    Args:
        folders: each becomes a folder of the file, named by its number and name.
        whole_masks: what `fill_ignored` wrote for these faces.
        out: the file; a half-written one never takes its place.
        quality: of WebP, 0 to 100.
    """
    count = 0
    with whole_file(out) as partial_file, zipfile.ZipFile(partial_file, "w") as file:
        for number, folder in enumerate(folders):
            samples, name = find_samples(folder), f"{number}_{folder.resolve().name}"
            file.writestr(f"{name}/index.csv", _index(samples))
            if any(sample.whole_lenses for sample in samples):
                file.writestr(f"{name}/params.jsonl", "")  # marks rendered heads
            packed = in_threads(partial(_packed, whole_masks, quality), samples)
            for parts in tqdm(packed, total=len(samples), desc=name, unit="face", mininterval=2):
                for path, content in parts.items():
                    file.writestr(f"{name}/{path}", content)
            count += len(samples)
    return count


def _index(samples: Sequence[Sample]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "split", "native_crop_px"))
    writer.writerows((sample.id, "train", sample.native or "") for sample in samples)
    return text.getvalue()


def _packed(whole_masks: Path, quality: int, sample: Sample) -> dict[str, bytes]:
    """The files of a face by their path in its folder."""
    whole = read_ids(filled_mask(whole_masks, sample))
    if len(whole) > SIDE:
        whole = cv2.resize(whole, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST_EXACT)
    picture = io.BytesIO()
    Image.fromarray(read_picture(sample.sharp or sample.image)).save(picture, "WEBP", quality=quality)
    kind = "images_sharp" if sample.sharp else "images"
    return {
        f"masks/{sample.id}.png": sample.mask.read_bytes(),
        f"whole/{sample.id}.png": cv2.imencode(".png", whole)[1].tobytes(),
        f"{kind}/{sample.id}.webp": picture.getvalue(),
    }


def unpack(file: Path, out: Path, whole_masks: Sequence[Path] = ()) -> list[Path]:
    """Make folders in the plain format of a packed file, by all cores; returns the folders.

    Args:
        file: that `pack` wrote.
        out: where the folders go.
        whole_masks: folders that `fill_ignored` would fill for these faces; they are filled with the packed masks.

    Raises:
        ValueError: when it is not such a file.
    """
    try:
        with zipfile.ZipFile(file) as packed:
            names = packed.namelist()
            if not any(name.endswith("/index.csv") for name in names) or not all(map(_is_ours, names)):
                raise ValueError(f"{file} was not written by lab.pack; pack the data again.")
            for name in names:
                (out / name).parent.mkdir(parents=True, exist_ok=True)
                if "/images" not in name:
                    (out / name).write_bytes(packed.read(name))
    except zipfile.BadZipFile as error:
        raise ValueError(f"{file} is cut short or no zip file; copy it again.") from error
    folders = sorted({out / name.split("/")[0] for name in names})
    for folder in folders:
        (folder / "images").mkdir(exist_ok=True)
    list(in_threads(partial(_picture, file, out), [name for name in names if "/images" in name]))
    samples = [sample for folder in folders for sample in find_samples(folder)]
    for target in whole_masks:
        for folder in folders:
            filled_mask(target, find_samples(folder)[0]).parent.mkdir(parents=True, exist_ok=True)
        list(in_threads(partial(_whole_mask, target), samples))
    return folders


def _is_ours(name: str) -> bool:
    """Whether a name in the file is one that `pack` writes, which stays inside the folder it is unpacked to."""
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or ":" in part for part in parts):
        return False
    kinds = {2: ("index.csv", "params.jsonl"), 3: ("images", "images_sharp", "masks", "whole")}
    return parts[1:2] != [] and parts[1] in kinds.get(len(parts), ())


def _picture(file: Path, out: Path, name: str) -> None:
    """A picture as JPEG, which is read faster than WebP; a sharp one small too."""
    folder, kind, picture = name.split("/")
    with zipfile.ZipFile(file) as packed:
        image = cv2.imdecode(np.frombuffer(packed.read(name), np.uint8), cv2.IMREAD_COLOR)

    def write(kind: str, image: np.ndarray) -> None:
        path = out / folder / kind / f"{Path(picture).stem}.jpg"
        if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, 97]):
            raise OSError(f"{path} cannot be written; make room on that disk and run the same command again.")

    write(kind, image)
    if kind == "images_sharp":
        mask = read_ids(out / folder / "masks" / f"{Path(picture).stem}.png")
        write("images", cv2.resize(image, mask.shape[::-1], interpolation=cv2.INTER_AREA))


def _whole_mask(target: Path, sample: Sample) -> None:
    mask = read_ids(sample.mask.parent.parent / "whole" / f"{sample.id}.png")
    path = filled_mask(target, sample)
    side = max(SIDE, sharpest_side(sample)) if target.name.endswith("_sharp") else SIDE
    if not cv2.imwrite(str(path), enlarged(mask, side)):
        raise OSError(f"{path} cannot be written; make room on that disk and run the same command again.")


def in_threads(work: Callable[[T], R], items: Sequence[T]) -> Iterable[R]:
    """`work` on all items, in their order, on all cores: OpenCV and Pillow do not hold Python's lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(work, items)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders in the plain format")
    parser.add_argument("--out", type=Path, required=True, help="zip file")
    parser.add_argument("--parser", type=Path, default=WEIGHTS, help="trained face parser (a run's or pipeline folder)")
    parser.add_argument("--quality", type=int, default=90, help="of the pictures as WebP")
    args = parser.parse_args()
    face_parser = load_network(args.parser, "parser").eval().requires_grad_(False)
    samples = [sample for folder in args.data for sample in find_samples(folder)]
    masks = fill_ignored(samples, face_parser, args.out.with_name(args.out.name + ".masks"), SIDE, sharp=True)
    count = pack(args.data, masks, args.out, args.quality)
    print(f"{args.out}: {count} faces, {args.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
