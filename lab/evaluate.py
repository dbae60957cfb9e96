"""Measure a pipeline on annotated faces: `python -m lab.evaluate --data FACES --split val`.

* Parser: its answer against the annotation; 255 is ignored. One confusion matrix over all faces; mIoU is the mean
  over the classes that occur in the annotation (`miou_19` counts the others as zero).
* Reconstruction: G(mask, style(image, mask)) against the photo, nothing kept from it. The mask is the annotation,
  255 filled with the parser's answer. PSNR (uint8 RGB) and SSIM per face, then the mean. The floor paints every
  region of the same mask in its mean colour; "plain" draws from the codes alone, without the coarse residue.
* Mask consistency: the parser's answer on G's picture against the mask that G was given. mIoU over the classes that
  make up more than 1 in 10,000 pixels of these masks: where the annotation is silent they hold the parser's guesses,
  and a speck of "earring" in one of a hundred faces is no class to be judged by. All IoU are listed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from maskgan.images import to_tensor
from maskgan.labels import IGNORE, NUM_CLASSES, colourise
from maskgan.pipeline import CROP_SIZE, MaskGANPipeline
from maskgan.region_style import RegionStyle

from .data import FaceWithMask, find_samples, load, resize
from .metrics import Confusion, mean_colours, psnr, ssim
from .run import picture_grid, save_picture

#: Faces on the contact sheet.
SHEET_FACES = 8

#: Share of the pixels up to which a class does not count for mask consistency.
RARE = 1e-4


@dataclass(frozen=True)
class Redrawn:
    """A face as the pipeline sees and draws it.

    answer: the parser's mask (H, W); mask: the annotation with 255 filled by it; picture, plain, floor: (H, W, 3) uint8
    RGB, G's picture, the same without residue, and the mean colours.
    """

    answer: np.ndarray
    mask: np.ndarray
    picture: np.ndarray
    plain: np.ndarray
    floor: np.ndarray


@torch.inference_mode()
def redraw(pipeline: MaskGANPipeline, face: FaceWithMask) -> Redrawn:
    """Parse a face and draw it anew from its own style and mask."""
    answer = pipeline.parse(face.image)[0]
    mask = np.where(face.mask == IGNORE, answer, face.mask)
    labels = torch.from_numpy(mask.astype(np.int64))[None].to(pipeline.device)
    style = pipeline.dmn.encode_style(to_tensor(face.image).to(pipeline.device), labels)
    plain = style.without_residue() if isinstance(style, RegionStyle) else style
    picture, without = (pipeline.generate(mask, s).round().astype(np.uint8) for s in (style, plain))
    return Redrawn(answer, mask, picture, without, mean_colours(face.image, mask))


def evaluate(pipeline: MaskGANPipeline, faces: Sequence[FaceWithMask]) -> dict:
    """All measures as one JSON-ready dictionary; PSNR in dB, everything else 0..1."""
    parsing, consistency = Confusion(), Confusion()
    scores: dict[str, list[float]] = {name: [] for name in ("psnr", "ssim", "plain_psnr", "floor_psnr", "floor_ssim")}
    for face in tqdm(faces, desc="evaluating", unit="face", mininterval=2):
        redrawn = redraw(pipeline, face)
        parsing.add(face.mask, redrawn.answer)
        consistency.add(redrawn.mask, pipeline.parse(redrawn.picture)[0])
        scores["psnr"].append(psnr(redrawn.picture, face.image))
        scores["ssim"].append(ssim(redrawn.picture, face.image))
        scores["plain_psnr"].append(psnr(redrawn.plain, face.image))
        scores["floor_psnr"].append(psnr(redrawn.floor, face.image))
        scores["floor_ssim"].append(ssim(redrawn.floor, face.image))
    return {
        "parser": {
            "accuracy": parsing.accuracy,
            "miou": parsing.miou(),
            "miou_19": parsing.miou() * np.count_nonzero(parsing.counts.sum(1)) / NUM_CLASSES,
            "iou": parsing.iou,
        },
        "reconstruction": {name: float(np.mean(values)) for name, values in scores.items()},
        "mask_consistency": {
            "accuracy": consistency.accuracy,
            "miou": consistency.miou(RARE),
            "iou": consistency.iou,
        },
        "faces": len(faces),
    }


def contact_sheet(pipeline: MaskGANPipeline, faces: Sequence[FaceWithMask]) -> np.ndarray:
    """One row per face: photo, mask, redrawn, redrawn without residue, floor."""
    rows = []
    for face in faces:
        redrawn = redraw(pipeline, face)
        rows.append([face.image, colourise(redrawn.mask), redrawn.picture, redrawn.plain, redrawn.floor])
    return picture_grid(rows)


def table(report: dict) -> str:
    """The report as text for people."""
    parser, drawn, consistency = (report[part] for part in ("parser", "reconstruction", "mask_consistency"))
    gain = drawn["psnr"] - drawn["floor_psnr"]
    lines = [
        f"{report['faces']} faces",
        f"{'':24}{'PSNR dB':>9}{'SSIM':>8}",
        f"{'redrawn':24}{drawn['psnr']:9.2f}{drawn['ssim']:8.3f}   {gain:+.2f} dB over the floor",
        f"{'  without residue':24}{drawn['plain_psnr']:9.2f}",
        f"{'floor: mean colours':24}{drawn['floor_psnr']:9.2f}{drawn['floor_ssim']:8.3f}",
        "",
        f"{'':24}{'parser':>9}{'G(mask)':>9}",
        f"{'pixel accuracy':24}{parser['accuracy']:9.4f}{consistency['accuracy']:9.4f}",
        f"{'mIoU':24}{parser['miou']:9.4f}{consistency['miou']:9.4f}",
    ]
    for name in {**parser["iou"], **consistency["iou"]}:
        values = (part["iou"].get(name) for part in (parser, consistency))
        lines.append(f"{'  IoU ' + name:24}" + "".join(f"{'-':>9}" if v is None else f"{v:9.4f}" for v in values))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lab.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder in the plain format (see lab/data.py)")
    parser.add_argument("--split", default="val")
    parser.add_argument("--weights", type=Path, metavar="FOLDER", help="other weights than the bundled ones")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    parser.add_argument("--sheet", type=Path, metavar="FILE.jpg", help=f"write a contact sheet of {SHEET_FACES} faces")
    parser.add_argument("--limit", type=int, metavar="N", help="N faces only, evenly spread over the split")
    parser.add_argument("--device", help="cpu, cuda or mps (default: the fastest there is)")
    args = parser.parse_args(argv)
    if args.limit is not None and args.limit < 1:
        parser.error("--limit needs at least one face.")
    try:
        samples = find_samples(args.data, args.split)
        pipeline = MaskGANPipeline.bundled(args.weights, args.device)
    except OSError as error:
        parser.error(str(error))
    if args.limit is not None:
        samples = spread(samples, args.limit)
    faces = [resize(load(sample), CROP_SIZE) for sample in samples]
    report = evaluate(pipeline, faces)
    print(table(report))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    if args.sheet:
        save_picture(args.sheet, contact_sheet(pipeline, spread(faces, SHEET_FACES)))
    return 0


def spread(items: Sequence, count: int) -> list:
    """At most `count` of the items, evenly spread."""
    if count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


if __name__ == "__main__":
    sys.exit(main())
