"""Anybody's photos -> the plain format: `python -m lab.prepare_photos PHOTOS OUT`.

Every picture below PHOTOS is searched for faces; the largest (or each, with `--all-faces`) is cropped the
CelebA-HQ way and its mask is the parser's answer. Killed at any moment, the same command goes on; photos that
changed since are done again, photos that went leave the index.

OUT/index.csv has the columns id, split, file (within PHOTOS) and face (0 is the largest). The split, one tenth
`val`, is drawn from a hash of the file's name, so that it never changes and all faces of a photo share it.
OUT/skipped.csv names each photo that gave no face, with the reason (columns file and reason).
Exit code: 0 every photo gave a face, 1 some were skipped, 2 the command is wrong or there was nothing to write.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from lab.data.plain_format import PlainFolder, csv_text, remove_face, write_face
from maskgan.editing.faces import Alignment
from maskgan.editing.pipeline import MaskGANPipeline, NoFaceFound
from maskgan.files import write_whole
from maskgan.images import PICTURE_SUFFIXES, BadPhoto, read_photo
from maskgan.mask_files import resize_mask
from maskgan.sizes import NETWORK_SIZE

COLUMNS = ("id", "split", "file", "face")
SKIPPED_COLUMNS = ("file", "reason")

#: Share of the photos that go to `val`.
VAL_SHARE = 0.1

#: Faces that would be enlarged more than this are passed over: nothing of their skin is left to learn from.
MOST_ENLARGED = 2.0


def find_photos(folder: Path) -> list[Path]:
    """All pictures below a folder, by name; hidden files and folders are passed over.

    Raises FileNotFoundError with one sentence when there are none.
    """
    inside = (path for path in folder.rglob("*") if not any(n.startswith(".") for n in path.relative_to(folder).parts))
    photos = sorted(path for path in inside if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())
    if not photos:
        raise FileNotFoundError(f"There are no pictures in {folder}; give a folder with JPEG, PNG or WebP files.")
    return photos


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()


def split_of(name: str) -> str:
    """`train` or `val` of a photo by its name within PHOTOS, always the same."""
    return "val" if int(_digest(name)[:8], 16) < VAL_SHARE * 2**32 else "train"


def face_id(name: str, face: int) -> str:
    """File name for a face of a photo: readable, and different for photos that differ in folder or ending only."""
    readable = re.sub(r"[^0-9A-Za-z]+", "_", Path(name).stem).strip("_")[:40]
    return f"{readable or 'photo'}-{_digest(name)[:8]}-{face}"


def faces_of(
    pipeline: MaskGANPipeline, photo: np.ndarray, size: int, all_faces: bool
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """(number, image (size, size, 3) uint8 RGB, mask (size, size) uint8) of the faces of a photo, largest first.

    Raises NoFaceFound when there is none, or none large enough for `size`.
    """
    found = pipeline.detect(photo)
    if not found:
        raise NoFaceFound("No face was found in this photo.")
    alignments = [Alignment.from_face(face, photo.shape[:2]) for face in found]
    numbered = [(n, alignment) for n, alignment in enumerate(alignments) if alignment.side * MOST_ENLARGED >= size]
    if not numbered:
        side = max(alignment.side for alignment in alignments)
        raise NoFaceFound(f"The largest face crop has {side:.0f} pixels, too few for a size of {size}.")
    faces = []
    for number, alignment in numbered if all_faces else numbered[:1]:
        # The parser sees what it was trained on also where smaller pictures are wanted.
        mask = pipeline.parse_picture(alignment.crop(photo, max(size, NETWORK_SIZE)))
        faces.append((number, alignment.crop(photo, size), resize_mask(mask, (size, size))))
    return faces


def prepare(
    photos: Path,
    out: Path,
    pipeline: MaskGANPipeline,
    size: int = NETWORK_SIZE,
    all_faces: bool = False,
    name: str = "",
) -> tuple[int, list[dict[str, str]]]:
    """Write the faces of all photos to `out`; returns how many faces there are and the rows of `skipped.csv`.

    Args:
        name: of the weights, for the settings of `out`.

    Raises:
        FileNotFoundError: when there are no photos.
        ValueError: when `out` was made with other settings.
        OSError: when `out` cannot be written.
    """
    found = [path for path in find_photos(photos) if out.resolve() not in path.resolve().parents]
    names = [path.relative_to(photos).as_posix() for path in found]
    settings = {"photos": str(photos.resolve()), "size": size, "all_faces": all_faces, "weights": name}
    folder = PlainFolder(out, settings)
    _write_tables(folder, names)  # what an earlier run wrote can be trained on meanwhile
    stamps = {photo: [photo.stat().st_size, photo.stat().st_mtime_ns] for photo in found}
    todo = [pair for pair in zip(names, found, strict=True) if not _is_done(folder, pair[0], stamps[pair[1]])]
    for source, path in tqdm(todo, total=len(found), initial=len(found) - len(todo), unit="photo", mininterval=1):
        for id in folder.done.get(source, {"ids": []})["ids"]:
            remove_face(out, id)
        folder.record(_prepare_photo(pipeline, path, source, out, size, all_faces) | {"stamp": stamps[path]})
    return _write_tables(folder, names)


def _is_done(folder: PlainFolder, source: str, stamp: list[int]) -> bool:
    entry = folder.done.get(source)
    return entry is not None and entry["stamp"] == stamp and folder.is_whole(entry)


def _prepare_photo(
    pipeline: MaskGANPipeline, path: Path, source: str, out: Path, size: int, all_faces: bool
) -> dict[str, Any]:
    entry: dict[str, Any] = {"source": source, "ids": [], "bytes": [], "faces": [], "reason": None}
    try:
        faces = faces_of(pipeline, read_photo(path), size, all_faces)
    except (BadPhoto, NoFaceFound) as cause:
        return entry | {"reason": str(cause)}
    for number, image, mask in faces:
        id = face_id(source, number)
        entry["bytes"].append(write_face(out, id, image, mask))
        entry["ids"].append(id)
        entry["faces"].append(number)
    return entry


def _write_tables(folder: PlainFolder, names: Sequence[str]) -> tuple[int, list[dict[str, str]]]:
    rows, skipped = [], []
    for name in names:
        entry = folder.done.get(name)
        if entry is None:
            continue
        if entry["reason"]:
            skipped.append({"file": name, "reason": entry["reason"]})
        for id, face in zip(entry["ids"], entry["faces"], strict=True):
            rows.append({"id": id, "split": split_of(name), "file": name, "face": face})
    folder.write_index(rows, COLUMNS)
    write_whole(folder.folder / "skipped.csv", csv_text(skipped, SKIPPED_COLUMNS))
    return len(rows), skipped


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lab.prepare_photos", description="Turn a folder of photos into training data."
    )
    add = parser.add_argument
    add("photos", type=Path, help="folder of pictures, folders in it included")
    add("out", type=Path, help="folder for the plain format")
    add("--size", type=int, default=NETWORK_SIZE, help=f"side of images and masks in pixels (default {NETWORK_SIZE})")
    add("--weights", type=Path, help="other weights than the bundled ones")
    add("--all-faces", action="store_true", help="every face of a photo, not only the largest")
    args = parser.parse_args(argv)
    if args.size < 32:
        parser.error("--size must be at least 32.")
    try:
        find_photos(args.photos)  # before the weights are loaded
        pipeline = MaskGANPipeline.load(args.weights)
        weights = str(args.weights.resolve()) if args.weights else "bundled"
        written, skipped = prepare(args.photos, args.out, pipeline, args.size, args.all_faces, weights)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{args.out} cannot be written ({error.strerror}); make room and run the same command again.")
    print(f"{written} faces in {args.out}")
    if skipped:
        print(f"{len(skipped)} photos skipped: {args.out / 'skipped.csv'} says why")
    return 2 if not written else 1 if skipped else 0


if __name__ == "__main__":
    sys.exit(main())
