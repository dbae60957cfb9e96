"""CelebAMask-HQ -> the plain format: `python -m lab.prepare_celebamask_hq --source CelebAMask-HQ --out OUT --size 512`.

Killed at any moment, the same command goes on; faces with faults are looked at again, so repaired files are taken
in. One bad face never stops the rest. Exit code: 0 every face is written, 1 some were left out, 2 the command or
the folder is wrong.

OUT/index.csv has the columns id (five digits), split (train, val, test), celeba_index and celeba_file.

OUT/report.json:

    source, size, image_size, mask_size     as the command said
    faces, written                          how many were looked at and written
    splits                                  {"train": n, "val": n, "test": n} of those written
    counts                                  {kind: number of findings}
    left_out                                [id, ...] not written
    findings                                [{"id": "00007", "kind", "part" (or null), "sentence", "left_out"}, ...]

The kinds are those of `lab.data.celebamask_hq.Finding`. A finding with `left_out` keeps its face out of OUT; the others
are suspects that a person should see: OUT/suspects-NN.jpg shows photo and label map of every face with a finding.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict
from multiprocessing import connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm.auto import tqdm

from lab.data.celebamask_hq import BadFace, CelebAMaskHQ, examine
from lab.data.plain_format import PlainFolder, remove_face, write_face
from maskgan.files import write_whole
from maskgan.labels import colourise
from maskgan.mask_files import resize_mask

COLUMNS = ("id", "split", "celeba_index", "celeba_file")

#: Contact sheets: side of a picture, suspects per row and per sheet, and the most that are shown.
_TILE, _ACROSS, _PER_SHEET, _MOST = 128, 4, 60, 1200

_job: tuple[CelebAMaskHQ, Path, int]


def prepare(data: CelebAMaskHQ, out: Path, size: int, workers: int = 1, limit: int | None = None) -> dict[str, Any]:
    """Write the faces of `data` to `out` at `size` and return the report (see above).

    Args:
        workers: processes; 1 stays in this one.
        limit: only the first so many ids.

    Raises:
        ValueError: when `out` was made with other settings.
        OSError: when `out` cannot be written.
    """
    settings = {"source": str(data.root.resolve()), "size": size}
    settings |= {"image_size": data.image_size, "mask_size": data.mask_size}
    folder = PlainFolder(out, settings)
    ids = data.ids[:limit]
    _write_index(folder, data, ids)  # what an earlier run wrote can be trained on meanwhile
    todo = [id for id in ids if not (id in data.celeba and _is_done(folder, id))]
    results = _results(data, out, size, todo, workers)
    for entry in tqdm(results, total=len(ids), initial=len(ids) - len(todo), unit="face", mininterval=1):
        folder.record(entry)
    _write_index(folder, data, ids)
    report = make_report(settings, [folder.done[f"{id:05d}"] for id in ids], data)
    write_whole(out / "report.json", json.dumps(report, indent=1) + "\n")
    write_suspects(data, report, out)
    return report


def _is_done(folder: PlainFolder, id: int) -> bool:
    entry = folder.done.get(f"{id:05d}")
    return entry is not None and not entry["findings"] and folder.is_whole(entry)


def _results(data: CelebAMaskHQ, out: Path, size: int, ids: Sequence[int], workers: int) -> Iterator[dict[str, Any]]:
    if workers <= 1:
        _start_job(data, out, size)
        yield from map(_prepare_face, ids)
        return
    # Fresh processes: OpenCV's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(data, out, size))
    try:
        yield from pool.map(_prepare_face, ids, chunksize=8)
    finally:
        pool.shutdown(cancel_futures=True)


def _start_job(data: CelebAMaskHQ, out: Path, size: int) -> None:
    global _job
    _job = data, out, size


def _start_worker(data: CelebAMaskHQ, out: Path, size: int) -> None:
    _start_job(data, out, size)
    cv2.setNumThreads(1)

    def end_with_parent() -> None:  # which may be killed and then says nothing
        connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _prepare_face(id: int) -> dict[str, Any]:
    data, out, size = _job
    name = f"{id:05d}"
    face = examine(data, id)
    entry = {"source": name, "ids": [], "bytes": [], "findings": [asdict(finding) for finding in face.findings]}
    if face.image is None or face.mask is None:
        remove_face(out, name)  # an earlier run may have found it good
        return entry
    entry["ids"] = [name]
    entry["bytes"] = [write_face(out, name, resize_image(face.image, size), resize_mask(face.mask, (size, size)))]
    return entry


def resize_image(image: np.ndarray, size: int) -> np.ndarray:
    """Square image (H, W, 3) uint8 -> (size, size, 3): area mean when it shrinks, Lanczos when it grows."""
    if image.shape[0] == size:
        return image
    shrinks = size < image.shape[0]
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4)


def _write_index(folder: PlainFolder, data: CelebAMaskHQ, ids: Sequence[int]) -> None:
    rows = []
    for id in ids:
        entry = folder.done.get(f"{id:05d}")
        if entry and entry["ids"] and id in data.celeba:
            index, file = data.celeba[id]
            rows.append({"id": entry["source"], "split": data.split(id), "celeba_index": index, "celeba_file": file})
    folder.write_index(rows, COLUMNS)


def make_report(settings: dict[str, Any], entries: Sequence[dict[str, Any]], data: CelebAMaskHQ) -> dict[str, Any]:
    """The report of the module's docstring from the entries of all faces looked at."""
    findings = [{"id": entry["source"], **finding} for entry in entries for finding in entry["findings"]]
    written = [entry["source"] for entry in entries if entry["ids"]]
    return {
        **settings,
        "faces": len(entries),
        "written": len(written),
        "splits": {"train": 0, "val": 0, "test": 0} | Counter(data.split(int(name)) for name in written),
        "counts": dict(Counter(finding["kind"] for finding in findings)),
        "left_out": [entry["source"] for entry in entries if not entry["ids"]],
        "findings": findings,
    }


def write_suspects(data: CelebAMaskHQ, report: dict[str, Any], out: Path) -> None:
    """Contact sheets of the faces with findings: photo, label map, id and kinds; those of an earlier run go."""
    for path in out.glob("suspects-*.jpg"):
        path.unlink()
    kinds: dict[str, list[str]] = {}
    for finding in report["findings"]:
        kinds.setdefault(finding["id"], []).append(" ".join(filter(None, (finding["kind"], finding["part"]))))
    tiles = [_tile(data, int(name), lines) for name, lines in list(kinds.items())[:_MOST]]
    for number, start in enumerate(range(0, len(tiles), _PER_SHEET)):
        sheet = tiles[start : start + _PER_SHEET]
        sheet += [np.full_like(sheet[0], 255)] * (-len(sheet) % _ACROSS)
        rows = [np.hstack(sheet[row : row + _ACROSS]) for row in range(0, len(sheet), _ACROSS)]
        picture = np.vstack(rows)[..., ::-1]
        write_whole(out / f"suspects-{number:02d}.jpg", cv2.imencode(".jpg", picture)[1].tobytes())


def _tile(data: CelebAMaskHQ, id: int, lines: Sequence[str]) -> np.ndarray:
    """Photo beside label map (what of them can be read), and three lines of text below."""

    def square(picture: np.ndarray, interpolation: int) -> np.ndarray:
        return cv2.resize(picture, (_TILE, _TILE), interpolation=interpolation)

    tile = np.full((_TILE + 46, 2 * _TILE + 8, 3), 255, np.uint8)
    tile[:_TILE, : 2 * _TILE] = 128
    with suppress(BadFace):  # stays grey
        tile[:_TILE, :_TILE] = square(data.image(id), cv2.INTER_AREA)
    with suppress(BadFace):
        tile[:_TILE, _TILE : 2 * _TILE] = square(colourise(data.merged(id)), cv2.INTER_NEAREST_EXACT)
    text = [f"{id:05d} {lines[0]}", *lines[1:3]]
    if len(lines) > 3:
        text[-1] = f"{lines[2]}, {len(lines) - 3} more"
    for number, line in enumerate(text):
        at = (2, _TILE + 12 + 14 * number)
        cv2.putText(tile, line, at, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lab.prepare_celebamask_hq",
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--source", type=Path, required=True, help="folder CelebAMask-HQ as it was unpacked")
    add("--out", type=Path, required=True, help="folder for the plain format")
    add("--size", type=int, default=512, help="side of images and masks in pixels")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    add("--limit", type=int, help="only the first so many ids")
    add("--image-size", type=int, default=1024, help="side that the images must have")
    add("--mask-size", type=int, default=512, help="side that the part masks must have")
    args = parser.parse_args(argv)
    for name in ("size", "workers", "limit", "image_size", "mask_size"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1.")
    try:
        data = CelebAMaskHQ(args.source, args.image_size, args.mask_size)
        report = prepare(data, args.out, args.size, args.workers, args.limit)
    except BrokenProcessPool:
        parser.error("A process was ended from outside, often for want of memory; run it again with fewer --workers.")
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"{args.out} cannot be written ({error.strerror}); make room and run the same command again.")
    print(f"{report['written']} of {report['faces']} faces written to {args.out}: {report['splits']}")
    if report["findings"]:
        print(f"{report['counts']}: see {args.out / 'report.json'} and the sheets suspects-*.jpg beside it")
    return 1 if report["left_out"] else 0


if __name__ == "__main__":
    sys.exit(main())
