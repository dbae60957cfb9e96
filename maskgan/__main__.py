"""`python -m maskgan parse` and `python -m maskgan edit`: masks and edits from a shell, one picture or a folder.

`python -m maskgan import-published` is in `import_published.py`, `export-onnx` in `onnx/command.py`.

Exit code: 0 all pictures done, 1 some failed (each named on stderr), 2 usage error.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from maskgan import import_published
from maskgan.files import whole_file
from maskgan.onnx import command as export_onnx

if TYPE_CHECKING:
    import numpy as np

    from maskgan.editing.pipeline import MaskGANPipeline

# Slow imports are inside the functions that need them, so that --help and usage errors answer at once.

#: Pillow's format and options of a result, by suffix.
RESULT_FORMATS: dict[str, dict] = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "lossless": True},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
}


class UsageError(ValueError):
    """The command line makes no sense; the message says what to change."""


@dataclass(frozen=True)
class Job:
    """One picture to process; mask and original_mask are None when the command takes none."""

    photo: Path
    out: Path
    mask: Path | None = None
    original_mask: Path | None = None


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m maskgan", description="Face masks, edits, weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    parse = commands.add_parser("parse", help="write the 19-class mask of each face as an indexed PNG")
    edit = commands.add_parser("edit", help="repaint each face after an edited mask")
    for command, out in ((parse, "MASK_OR_FOLDER"), (edit, "OUT")):
        command.add_argument("photo", type=Path, metavar="PHOTO_OR_FOLDER", help="a picture, or a folder of pictures")
        command.add_argument("--out", type=Path, required=True, metavar=out, help="file, or folder for same-named PNGs")
        command.add_argument("--aligned", action="store_true", help="pictures are face crops already: no detection")
        command.add_argument("--face", type=int, default=0, metavar="N", help="which face, 0 is the largest (default)")
        command.add_argument("--weights", type=Path, metavar="FOLDER", help="other weights than the bundled ones")
        command.add_argument("--device", help="cpu, cuda or mps (default: the fastest available)")
        command.add_argument("--overwrite", action="store_true", help="redo pictures that are done already")
    edit.add_argument("--mask", type=Path, required=True, metavar="EDITED", help="edited mask, or folder of same names")
    edit.add_argument(
        "--original-mask",
        type=Path,
        metavar="M",
        help="mask that the edit started from (default: the parser's own); where it differs is what changes",
    )
    edit.add_argument("--mask-order", choices=("auto", "celebamask", "face-parsing"), default="auto")
    edit.add_argument(
        "--no-keep-untouched",
        dest="keep_untouched",
        action="store_false",
        help="take the whole face from the network, also where the mask did not change",
    )
    edit.add_argument(
        "--metadata",
        choices=("safe", "all", "none"),
        default="safe",
        help="EXIF that a JPEG or PNG keeps: safe (default) leaves out the place and the maker's notes",
    )
    import_published.add_command(commands)
    export_onnx.add_command(commands)
    return parser


def find_jobs(photo: Path, out: Path, masks: dict[str, Path | None], *, results: dict[str, dict]) -> list[Job]:
    """Pair pictures with outputs and with masks of the same stem; raises UsageError on contradictory arguments."""
    given = {name: path for name, path in masks.items() if path is not None}
    for path in (photo, *given.values()):
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}; check the name.")
    if not photo.is_dir():
        if out.is_dir() or not out.suffix:
            out = out / f"{photo.stem}.png"
        if out.suffix.lower() not in results:
            raise UsageError(f"{out} cannot be written; use a name that ends in {' or '.join(results)}.")
        if any(path.is_dir() for path in given.values()):
            raise UsageError("The photo is a file but the mask is a folder; name the mask file.")
        if out.resolve() in {path.resolve() for path in (photo, *given.values())}:
            raise UsageError("The result would overwrite one of the inputs; choose another --out.")
        return [Job(photo, out, **given)]
    if out.exists() and not out.is_dir():
        raise UsageError(f"{photo} is a folder, so --out must be a folder too, but {out} is a file.")
    if not all(path.is_dir() for path in given.values()):
        raise UsageError(f"{photo} is a folder, so the masks must be a folder with the same file names.")
    if out.resolve() in {path.resolve() for path in (photo, *given.values())}:
        raise UsageError("The results would overwrite the inputs; choose another folder for --out.")
    pictures = _pictures(photo)
    if not pictures:
        raise UsageError(f"There are no pictures in {photo}.")
    by_stem = {name: {path.stem: path for path in _pictures(folder)} for name, folder in given.items()}
    return [
        Job(
            picture,
            out / f"{picture.stem}.png",
            # A missing mask fails this picture only; the error names the expected file.
            **{name: by_stem[name].get(picture.stem, folder / f"{picture.stem}.png") for name, folder in given.items()},
        )
        for picture in pictures
    ]


def _pictures(folder: Path) -> list[Path]:
    from maskgan.images import PICTURE_SUFFIXES

    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )


def load_pipeline(weights: Path | None, device: str | None) -> MaskGANPipeline:
    """The bundled pipeline, or the one saved in `weights`, on `device`."""
    if weights is not None and not weights.is_dir():
        raise UsageError(f"There is no folder {weights} with weights; check the name.")
    from maskgan.editing.pipeline import MaskGANPipeline

    try:
        return MaskGANPipeline.load(weights, device)
    except (ValueError, OSError, RuntimeError, AssertionError) as cause:
        raise UsageError(
            f"The networks cannot be loaded ({str(cause).rstrip('.')}); check --weights and --device."
        ) from cause


def parse_one(pipeline: MaskGANPipeline, job: Job, args: argparse.Namespace) -> None:
    """Write the mask of one picture: of its face crop, or of the whole picture with --aligned."""
    from maskgan.images import read_photo
    from maskgan.mask_files import write_mask

    photo = read_photo(job.photo)
    mask = pipeline.parse_picture(photo) if args.aligned else pipeline.prepare(photo, face=args.face).mask
    _write_whole(job.out, lambda file: write_mask(file, mask))


def edit_one(pipeline: MaskGANPipeline, job: Job, args: argparse.Namespace) -> None:
    """Write one edited picture at the photo's own size; its metadata says when networks drew part of it."""
    import numpy as np

    from maskgan.originals import read_original
    from maskgan.provenance import save_picture

    photo, file = read_original(job.photo)
    face = None if args.aligned else pipeline.prepare(photo, face=args.face)
    size = photo.shape[:2] if face is None else face.mask.shape
    mask, original = (
        None if path is None else _read_mask(path, size, args.mask_order) for path in (job.mask, job.original_mask)
    )
    options = {"original_mask": original, "keep_untouched": args.keep_untouched}
    result = (
        pipeline.edit_picture(photo, mask, **options) if face is None else pipeline.edit(face, mask, **options).photo
    )
    if face is not None:
        photo, file = face.photo, file.turned(face.quarters)
    weights = None if np.array_equal(result, photo) else pipeline.weights
    form = RESULT_FORMATS[job.out.suffix.lower()]
    if form["format"] in ("JPEG", "PNG"):
        encoded = file.encode(result, weights, form=form["format"], metadata=args.metadata)
        for note in encoded.notes:
            _tell(f"{job.photo}: {note}")
        _write_whole(job.out, lambda target: target.write(encoded.content))
    else:
        _write_whole(job.out, lambda target: save_picture(target, result, weights, **form))


def _read_mask(path: Path, size: tuple[int, int], order: str) -> np.ndarray:
    from maskgan.mask_files import read_mask

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        mask = read_mask(path, size, order=order)
    for note in notes:
        _tell(f"{path}: {note.message}")
    return mask


def _write_whole(path: Path, write: Callable[[BinaryIO], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial, partial.open("wb") as file:
        write(file)


def _tell(message: str) -> None:
    from tqdm import tqdm

    tqdm.write(message, file=sys.stderr)


def run(jobs: list[Job], args: argparse.Namespace) -> int:
    """Process every job that is not done yet; returns the exit code."""
    import cv2
    from tqdm import tqdm

    first: dict[Path, Path] = {}  # output -> photo, the first one when two have the same stem
    for job in jobs:
        first.setdefault(job.out, job.photo)
    todo = [job for job in jobs if args.overwrite or not job.out.exists() or first[job.out] != job.photo]
    failed = 0
    if todo:
        pipeline = load_pipeline(args.weights, args.device)
        do = parse_one if args.command == "parse" else edit_one
        for job in tqdm(todo, unit="picture", disable=len(jobs) == 1):
            try:
                if first[job.out] != job.photo:
                    raise ValueError(f"{first[job.out].name} has the same name but for its ending; rename one of them.")
                do(pipeline, job, args)
            except (ValueError, OSError, RuntimeError, MemoryError, cv2.error) as error:
                failed += 1
                _tell(f"{job.photo}: {error}")
    counts = [f"{len(todo) - failed} written to {args.out}"]
    if len(jobs) > len(todo):
        counts.append(f"{len(jobs) - len(todo)} done before (--overwrite does them again)")
    if failed:
        counts.append(f"{failed} failed")
    _tell(", ".join(counts))
    return 1 if failed else 0


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if "run" in args:
        return args.run(args)
    masks = {} if args.command == "parse" else {"mask": args.mask, "original_mask": args.original_mask}
    results = {".png": {}} if args.command == "parse" else RESULT_FORMATS
    try:
        if args.face < 0:
            raise UsageError("--face counts from 0, the largest face.")
        return run(find_jobs(args.photo, args.out, masks, results=results), args)
    except UsageError as error:
        parser.error(str(error))


if __name__ == "__main__":
    sys.exit(main())
