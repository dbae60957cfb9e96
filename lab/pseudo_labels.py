"""Labels for self-training, where a parser agrees with itself.

`python -m lab.pseudo_labels --data PHOTOS ... --out LABELLED`

The parser reads every photo at several scales and mirrored (six answers). A pixel that nobody labelled (255) gets the
class that all of them give with a mean probability of at least `--confidence`; the others stay 255. Labels that are
there stay, but earrings and necklaces which the parser is sure of are put on top: labels made by machine lack them.

LABELLED/NAME of each folder of `--data` is a folder in the plain format, to be given to `train_parser.py --data`.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from lab.data.faces import Sample, find_samples, load, read_picture
from maskgan.editing.pipeline import WEIGHTS
from maskgan.images import to_tensor
from maskgan.labels import IGNORE, Label
from maskgan.networks.checkpoints import load_network
from maskgan.networks.face_parser import FaceParser, both_ways

#: Sides in pixels that a photo is read at, mirrored and not.
SIDES = (256, 384, 512)

#: Classes that are set on top of labels made by machine.
ON_TOP = (Label.EAR_R, Label.NECK_L)


@torch.inference_mode()
def answers(parser: FaceParser, image: np.ndarray, size: int, sides: Sequence[int] = SIDES) -> Tensor:
    """Class probabilities (2 * sides, 19, size, size) of a photo (S, S, 3) uint8, each scale's and its mirror's."""
    found = []
    for side in sides:
        smaller = side < image.shape[0]
        scaled = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
        there = to_tensor(scaled).to(parser.device)
        there = there.contiguous(memory_format=torch.channels_last)
        for chances in both_ways(parser, there):
            found.append(F.interpolate(chances, size=(size, size), mode="bilinear", align_corners=False))
    return torch.cat(found)


def agreed(chances: Tensor, confidence: float) -> np.ndarray:
    """What several answers (A, 19, S, S) agree on: label map (S, S) uint8, 255 where they do not."""
    mean, mask = chances.mean(0).max(0)
    same = (chances.argmax(1) == mask).all(0)
    return torch.where(same & (mean >= confidence), mask, IGNORE).to(torch.uint8).cpu().numpy()


def completed(given: np.ndarray, found: np.ndarray) -> np.ndarray:
    """A label map (S, S) whose 255 are filled by another, and on which that one's earrings and necklaces are set."""
    set_anew = (given == IGNORE) | np.isin(found, ON_TOP)
    return np.where(set_anew & (found != IGNORE), found, given).astype(np.uint8)


def label(
    samples: Sequence[Sample], parser: FaceParser, out: Path, size: int, confidence: float, sides: Sequence[int]
) -> Iterator[float]:
    """Write photos at up to `size` and their label maps as a folder in the plain format; yields each share of 255."""
    for name in ("images", "masks"):
        (out / name).mkdir(parents=True, exist_ok=True)
    for sample in samples:
        face = load(sample)
        image = face.image
        if sample.sharp is not None:
            image = read_picture(sample.sharp)
        side = min(size, image.shape[0])
        if image.shape[0] != side:
            image = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
        given = cv2.resize(face.mask, (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
        mask = completed(given, agreed(answers(parser, image, side, sides), confidence))
        cv2.imwrite(str(out / "images" / f"{sample.id}.jpg"), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        cv2.imwrite(str(out / "masks" / f"{sample.id}.png"), mask)
        yield float((mask == IGNORE).mean())
    with (out / "index.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("id", "split"), *((sample.id, "train") for sample in samples)])


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab.pseudo_labels", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, help="folders of photos in the plain format (split train)")
    add("--out", type=Path, required=True, help="a folder in the plain format is written here for each of them")
    add("--parser", type=Path, default=WEIGHTS, help="a parser's folder, run or pipeline (default: the bundled one)")
    add("--confidence", type=float, default=0.9, help="least mean probability, 0 to 1")
    add("--sides", type=int, nargs="+", default=SIDES, help="sides in pixels that photos are read at")
    add("--size", type=int, default=512, help="largest side of pictures and label maps in pixels")
    add("--device", help="cpu, cuda or mps (default: cpu)", default="cpu")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    flags = arguments()
    args = flags.parse_args(argv)
    try:
        folders = {folder.resolve().name: find_samples(folder) for folder in args.data}
        if len(folders) < len(args.data):
            raise ValueError("--data names two folders of the same name; rename one, for --out keeps their names.")
        if not 0 < args.confidence <= 1:
            raise ValueError(f"--confidence is a probability above 0 and up to 1, not {args.confidence:g}.")
        if any(side < 32 or side % 32 for side in args.sides):
            raise ValueError(f"--sides are multiples of 32, such as 256 or 512, not {args.sides}.")
        parser = load_network(args.parser, "parser").to(args.device).eval()
    except (OSError, ValueError) as error:
        flags.error(str(error))
    for name, samples in folders.items():
        work = label(samples, parser, args.out / name, args.size, args.confidence, args.sides)
        unknown = list(tqdm(work, total=len(samples), desc=name, unit="photo", mininterval=2))
        print(f"{name}: {len(samples)} photos, {np.mean(unknown):.1%} of the pixels left open")
    return 0


if __name__ == "__main__":
    sys.exit(main())
