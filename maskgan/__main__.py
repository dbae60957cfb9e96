"""`python -m maskgan parse` and `python -m maskgan edit`: masks and edits from a shell, one picture or a folder.

`python -m maskgan import-published` is in `import_published.py`, `export-onnx` in `onnx/command.py`.

Exit code: 0 all pictures done, 1 some failed (each named on stderr), 2 usage error.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from maskgan import import_published
from maskgan.files import advice, is_full, whole_file
from maskgan.folder_jobs import Job, UsageError, Work, find_work
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


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m maskgan", description="Face masks, edits, weights.")
    commands = parser.add_subparsers(dest="command", required=True)
    parse = commands.add_parser("parse", help="write the 19-class mask of each face as an indexed PNG")
    edit = commands.add_parser("edit", help="repaint each face after an edited mask")
    for command, out in ((parse, "MASK_OR_FOLDER"), (edit, "OUT")):
        command.add_argument("photo", type=Path, metavar="PHOTO_OR_FOLDER", help="a picture, or a folder of pictures")
        command.add_argument("--out", type=Path, required=True, metavar=out, help="file, or folder for same-named PNGs")
        command.add_argument("--recursive", action="store_true", help="take the pictures in folders of the folder too")
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
        "--format",
        choices=("png", "jpeg", "same"),
        default="png",
        help="of the results in a folder; same: JPEG for JPEG, HEIC and AVIF, at a JPEG's own quality (default: png)",
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

    from maskgan.editing.dressing import edit_with_looks
    from maskgan.originals import read_original
    from maskgan.provenance import save_picture

    photo, file = read_original(job.photo)
    face = None if args.aligned else pipeline.prepare(photo, face=args.face)
    size = photo.shape[:2] if face is None else face.mask.shape
    mask, original = (
        None if path is None else _read_mask(path, size, args.mask_order) for path in (job.mask, job.original_mask)
    )
    options = {"original_mask": original, "keep_untouched": args.keep_untouched}
    if face is None:
        result = pipeline.edit_picture(photo, mask, **options)
    else:
        result = edit_with_looks(pipeline, face, mask, **options).photo
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


def run(work: Work, args: argparse.Namespace) -> int:
    """Process every job that is not done yet, and tell what became of every file; returns the exit code."""
    import cv2
    from tqdm import tqdm

    jobs = work.jobs
    todo = [job for job in jobs if args.overwrite or not job.out.exists()]
    failed = begun = 0
    if todo:
        pipeline = load_pipeline(args.weights, args.device)
        do = parse_one if args.command == "parse" else edit_one
        for job in tqdm(todo, unit="picture", disable=len(jobs) == 1):
            begun += 1
            try:
                do(pipeline, job, args)
            except OSError as error:
                failed += 1
                _tell(f"{job.photo}: {advice(error)}")
                if is_full(error):
                    break
            except (ValueError, RuntimeError, MemoryError, cv2.error) as error:
                failed += 1
                _tell(f"{job.photo}: {error}")
    counts = [f"{begun - failed} written to {args.out}"]
    if len(jobs) > len(todo):
        counts.append(f"{len(jobs) - len(todo)} done before (--overwrite does them again)")
    if failed:
        counts.append(f"{failed} failed")
    if begun < len(todo):
        counts.append(f"{len(todo) - begun} not begun")
    total = "" if work.files is None else f"{work.files.total} files in {args.photo}: "
    _tell(total + ", ".join(counts + work.passed_over()))
    return 1 if failed or (work.files is not None and work.files.closed) else 0


def main(argv: list[str] | None = None) -> int:
    parser = build_parser()
    args = parser.parse_args(argv)
    if "run" in args:
        try:
            return args.run(args)
        except OSError as error:
            parser.error(advice(error))
    masks = {} if args.command == "parse" else {"mask": args.mask, "original_mask": args.original_mask}
    results = {".png": {}} if args.command == "parse" else RESULT_FORMATS
    ending = {"jpeg": ".jpg", "same": None}.get(getattr(args, "format", "png"), ".png")
    try:
        if args.face < 0:
            raise UsageError("--face counts from 0, the largest face.")
        work = find_work(args.photo, args.out, masks, results=list(results), recursive=args.recursive, ending=ending)
        return run(work, args)
    except UsageError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(advice(error))


if __name__ == "__main__":
    sys.exit(main())
