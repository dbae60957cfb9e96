"""Measure face parsers: `python -m lab.evaluate_parser --data FACES RENDERS --compare OLD=FOLDER`.

The bundled parser, or that of `--weights`, and others beside it (`--compare NAME=FOLDER`: a parser's folder, a run or a
pipeline) on the same faces. Each folder of `--data` makes a block per kind of truth:

* machine: the split's label maps as they are; 255 is ignored.
* outlined: those of the split in which a hat or a fringe was outlined by hand (`lab.data.outlines`), with these whole.
* hand-made: those that the index marks with tem = 1: face, hair and parts follow outlines drawn by people.
* exact: rendered heads (folders with params.jsonl), every tenth, which `train_parser.py` leaves out.

Photos are read at `--sizes` (enlarged where they are smaller), as the app reads a crop: the mean over the crop and its
mirror image, and over 3 x 3 pixels. The answer is scaled to the size of the label map. mIoU is the mean over the
classes that occur in the truth of one confusion matrix over all faces of a block.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from tqdm.auto import tqdm

from lab.data.faces import Sample, find_samples, held_out, load, read_picture
from lab.data.index import read_index
from lab.data.outlines import is_outlined, whole
from lab.evaluation.generators import parse_named_folder
from lab.evaluation.metrics import Confusion
from maskgan.editing.pipeline import WEIGHTS
from maskgan.images import to_tensor
from maskgan.labels import PART_NAMES
from maskgan.networks.checkpoints import load_network
from maskgan.networks.face_parser import FaceParser, mean_probabilities

#: Label maps of one kind, by name: the samples.
Truths = Mapping[str, Sequence[Sample]]


def truths(folder: Path, split: str) -> dict[str, list[Sample]]:
    """The kinds of truth in a folder, by name; see the module. Raises FileNotFoundError when there is none."""
    if (folder / "params.jsonl").exists():
        return {f"{folder.name}, exact": [sample for sample in find_samples(folder) if held_out(sample)]}
    found, index = find_samples(folder, split), folder / "index.csv"
    by_people = {row["id"] for row in read_index(index) if row.get("tem") == "1"} if index.exists() else set()
    kinds = {
        "machine": [sample for sample in found if not is_outlined(sample)],
        "outlined": [sample for sample in found if is_outlined(sample)],
        "hand-made": [sample for sample in found if sample.id in by_people],
    }
    return {f"{folder.name} {split}, {kind}": samples for kind, samples in kinds.items() if samples}


@torch.inference_mode()
def answer(parser: FaceParser, image: np.ndarray, size: int, wanted: int) -> np.ndarray:
    """The label map (wanted, wanted) of a photo (S, S, 3) uint8 that is read at `size`."""
    smaller = size < image.shape[0]
    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    there = to_tensor(image).to(parser.device)
    both = mean_probabilities(parser, there)
    if size != wanted:
        mode = "area" if wanted < size else "bilinear"
        both = F.interpolate(both, size=(wanted, wanted), mode=mode)
    return both.argmax(1)[0].to(torch.uint8).cpu().numpy()


def measure(parsers: Mapping[str, FaceParser], blocks: Truths, sizes: Sequence[int]) -> dict[str, dict[str, Confusion]]:
    """Confusion matrices by block and by "parser size"; a face that is in several blocks is read once."""
    ways = [(f"{name} {size}", parser, size) for size in sizes for name, parser in parsers.items()]
    counts = {block: {way: Confusion() for way, *_ in ways} for block in blocks}
    everything = {sample.image: sample for samples in blocks.values() for sample in samples}
    for path, sample in tqdm(everything.items(), desc="reading faces", unit="face", mininterval=2):
        face = whole(load(sample), sample)
        member = [block for block, samples in blocks.items() if any(other.image == path for other in samples)]
        for way, parser, size in ways:
            image = face.image
            if sample.sharp is not None and size > image.shape[0]:
                image = read_picture(sample.sharp)
            found = answer(parser, image, size, face.mask.shape[0])
            for block in member:
                counts[block][way].add(face.mask, found)
    return counts


def table(counts: Mapping[str, Mapping[str, Confusion]], faces: Mapping[str, int]) -> str:
    """Accuracy, mIoU and every class's IoU, a column per parser."""
    lines = []
    for block, by_name in counts.items():
        count = "1 face" if faces[block] == 1 else f"{faces[block]} faces"
        lines += [f"{block} ({count})", f"  {'':<12}" + "".join(f"{name:>14}" for name in by_name)]
        rows = {"accuracy": [c.accuracy for c in by_name.values()], "mIoU": [c.miou() for c in by_name.values()]}
        for part, label in zip(PART_NAMES, range(len(PART_NAMES)), strict=True):
            if any(confusion.counts[label].any() for confusion in by_name.values()):
                rows[part] = [confusion.iou[part] for confusion in by_name.values()]
        lines += [f"  {row:<12}" + "".join(f"{value:>14.3f}" for value in values) for row, values in rows.items()]
    return "\n".join(lines)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab.evaluate_parser", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, help="folders in the plain format")
    add("--split", default="val", help="of photos")
    add("--weights", type=Path, default=WEIGHTS, help="parser, run or pipeline (default: the bundled one)")
    add("--compare", nargs="+", default=[], metavar="NAME=FOLDER", help="further parsers, runs or pipelines")
    add("--sizes", type=int, nargs="+", default=(512,), help="sides in pixels that photos are read at")
    add("--json", type=Path, metavar="FILE", help="write the numbers here too")
    add("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = arguments()
    args = flags.parse_args(argv)
    own = "bundled" if args.weights == WEIGHTS else args.weights.resolve().name
    try:
        folders = {own: args.weights, **dict(parse_named_folder(text) for text in args.compare)}
        blocks = {block: samples for folder in args.data for block, samples in truths(folder, args.split).items()}
        parsers = {name: load_network(folder, "parser").to(args.device).eval() for name, folder in folders.items()}
        if any(size < 32 or size % 32 for size in args.sizes):
            raise ValueError(f"Each of --sizes must be a multiple of 32, such as 256 or 512, not {args.sizes}.")
    except (OSError, ValueError) as error:
        flags.error(str(error))
    counts = measure(parsers, blocks, args.sizes)
    print(table(counts, {block: len(samples) for block, samples in blocks.items()}))
    if args.json:
        report = {
            block: {name: {"accuracy": c.accuracy, "miou": c.miou(), "iou": c.iou} for name, c in by_name.items()}
            for block, by_name in counts.items()
        }
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
