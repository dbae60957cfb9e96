"""Measure generators on annotated faces, side by side: `python -m lab.evaluate --data FACES --split val`.

The pipeline of `--weights` gives the first generator and the parser that judges all; `--compare NAME=FOLDER ...` sets
others beside it. Every face is drawn in its own style, for its own mask and for edited ones:

* unedited: the annotation, 255 filled with the parser's answer. Nothing is kept from the photo.
* MaskVAE's inner and outer mask (Algorithm 1), the next face's mask being M^ref; with `--mask-vae` or the pipeline's.
* one quick edit per face, chosen by the face's id among those that change it.
* the next face's mask.

What is measured:

* Parser: its answer at 256 px against the annotation; 255 is ignored. One confusion matrix over all faces; mIoU is the
  mean over the classes that occur in the annotation (`miou_19` in the JSON counts the others as zero).
* PSNR, SSIM, LPIPS of an unedited picture against the photo, the mean over faces; "without residue" draws from the
  style's codes alone. The floor paints every region of the same mask in its mean colour.
* FID and frechet_parser: the Frechet distance of all pictures of a block to all photos; less is better. FID is that of
  Inception's features. frechet_parser is NOT an FID: it compares the bundled parser's features at 1/8 of 256 px,
  averaged over 4 x 4 cells of the picture, 16 samples a face. Only compare it with itself, on the same faces with the
  same parser; how far one half of the photos is from the other is printed for scale. A generator that was trained with
  these features as its perceptual loss has an advantage over one that was not.
* Mask consistency: the parser's answer on the picture against the mask that was given. mIoU over the classes that make
  up more than 1 in 10,000 pixels of these masks: where the annotation is silent they hold the parser's guesses, and a
  speck of "earring" in one of a hundred faces is no class to be judged by. All IoU are in the JSON.
* Identity: distance of dlib's face embeddings of picture and photo; under 0.6 they count as one person.
* Drift: how many grey levels the picture of an edited mask differs from the generator's own unedited one, further than
  1/16 of the side from where the class changed.

At another `--resolution` than 256 photos are scaled by area, masks by nearest neighbour, and pictures are scaled up for
the parser. Networks are compared fairly at the resolution that they were trained at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from lab.data.faces import find_samples
from lab.evaluation.comparison import RARE, Faces, batches, compare, floor, load_faces, resized
from lab.evaluation.comparison_table import table
from lab.evaluation.contact_sheet import contact_sheet
from lab.evaluation.edited_masks import edited_masks
from lab.evaluation.generators import Generator, load_named, parse_named_folder
from lab.evaluation.judge import Judge
from lab.evaluation.mask_metrics import interpolation_report, reconstruction
from lab.evaluation.metrics import Confusion, frechet_distance
from lab.evaluation.optional_measures import MissingMeasureError, face_embedder, inception, lpips
from lab.training.samples import save_picture
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import NUM_CLASSES
from maskgan.networks.checkpoints import load_network
from maskgan.networks.mask_vae import MaskVAE
from maskgan.sizes import NETWORK_SIZE

#: Faces on the contact sheet.
SHEET_FACES = 8

#: Masks whose ways from one to the next are followed to see how smoothly MaskVAE interpolates.
WAY_MASKS = 33

#: Sides must be multiples of this: the studio network halves four times and lays its style out on 16 x 16 cells.
SIDE_STEP = 64

#: Pictures that a contact sheet can be.
SHEET_SUFFIXES = (".jpg", ".png")

T = TypeVar("T")


def spread(items: Sequence, count: int) -> list:
    """At most `count` of the items, evenly spread."""
    if count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def installed(get: Callable[[], T], notes: list[str]) -> T | None:
    """What a loader of `optional_measures` gives, or None and its sentence in `notes`."""
    try:
        return get()
    except MissingMeasureError as error:
        notes.append(str(error))
        return None


def make_judge(pipeline: MaskGANPipeline, download: bool, notes: list[str]) -> Judge:
    """The pipeline's parser with all measures that can be had here."""
    device = pipeline.parser.device
    return Judge(
        pipeline.parser,
        installed(lambda: lpips(device, download), notes),
        installed(lambda: inception(device, download), notes),
        installed(face_embedder, notes),
    )


def find_mask_vae(pipeline: MaskGANPipeline, folder: Path | None, notes: list[str]) -> MaskVAE | None:
    """The MaskVAE of a folder, or else the pipeline's; raises OSError when the folder has none."""
    if folder is not None:
        return load_network(folder, "mask_vae").to(pipeline.parser.device).eval()
    if pipeline.mask_vae is None:
        notes.append("MaskVAE's masks are left out: these weights have no MaskVAE; give one with --mask-vae FOLDER.")
    return pipeline.mask_vae


def parser_report(parsing: Confusion) -> dict:
    """Shares, 0..1, of the parser's answers against the annotation."""
    return {
        "accuracy": parsing.accuracy,
        "miou": parsing.miou(),
        "miou_19": parsing.miou() * np.count_nonzero(parsing.counts.sum(1)) / NUM_CLASSES,
        "iou": parsing.iou,
    }


def mask_vae_report(vae: MaskVAE, masks: np.ndarray) -> dict:
    """How well it gives masks (N, S, S) back, and with two or more how smoothly it goes from one to another."""
    masks = resized(masks, vae.mask_size)
    confusion = reconstruction(vae, masks)
    report = {
        "accuracy": confusion.accuracy,
        "miou": confusion.miou(RARE),
        "miou_all": confusion.miou(),
        "iou": confusion.iou,
    }
    if len(masks) > 1:
        report["interpolation"] = interpolation_report(vae, spread(masks, WAY_MASKS))
    return report


def halves_apart(judge: Judge, photos: np.ndarray) -> float | None:
    """frechet_parser between every second photo and the others, for scale; None for a single photo."""
    if len(photos) < 2:
        return None
    halves = [photos[0::2], photos[1::2]]
    return frechet_distance(
        *(np.concatenate([judge.look(half[chunk]).features for chunk in batches(len(half))]) for half in halves)
    )


def evaluate(
    judge: Judge, generators: dict[str, Generator], faces: Faces, vae: MaskVAE | None, notes: Sequence[str] = ()
) -> tuple[dict, dict[str, list[np.ndarray]]]:
    """All measures as one JSON-ready dictionary, and the edited masks that they were taken on."""
    size = faces.masks.shape[1]
    fine = edited_masks(faces.fine_masks, faces.names, vae)
    edits = {block: [resized(part, size) for part in parts] for block, parts in fine.items()}
    report = {
        "faces": len(faces.names),
        "resolution": size,
        "parser": parser_report(faces.parsing),
        "floor": floor(faces),
        "photos": {"frechet_parser": halves_apart(judge, faces.photos)},
        **({} if vae is None else {"mask_vae": mask_vae_report(vae, faces.fine_masks)}),
        "generators": compare(judge, generators, faces, edits),
        "notes": list(notes),
    }
    return report, edits


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="folder in the plain format (see lab/data/faces.py)")
    add("--split", default="val")
    add("--weights", type=Path, metavar="FOLDER", help="another pipeline than the bundled one")
    add("--compare", nargs="+", default=[], metavar="NAME=FOLDER", help="further generators: network folders, or runs")
    add("--only-compared", action="store_true", help="leave the pipeline's own generator out; its parser still judges")
    add("--mask-vae", type=Path, metavar="FOLDER", help="MaskVAE for edited masks (default: the pipeline's)")
    add("--resolution", type=int, default=NETWORK_SIZE, help="side in pixels that the generators draw at")
    add("--json", type=Path, metavar="FILE", help="write the numbers here too")
    add(
        "--sheet",
        type=Path,
        metavar="FILE.jpg",
        help=f"write a contact sheet of {SHEET_FACES} faces, masks and pictures",
    )
    add("--limit", type=int, metavar="N", help="N faces only, evenly spread over the split")
    add("--download", action="store_true", help="fetch the weights of LPIPS and FID into torch's cache where missing")
    add("--device", help="cpu, cuda or mps (default: the fastest there is)")
    return parser


def check(args: argparse.Namespace) -> None:
    """Raises ValueError or OSError for flags that make no sense and files that cannot be written."""
    if args.limit is not None and args.limit < 1:
        raise ValueError("--limit needs at least one face.")
    if args.resolution < SIDE_STEP or args.resolution % SIDE_STEP:
        raise ValueError(f"--resolution must be a multiple of {SIDE_STEP}, such as 128 or 256, not {args.resolution}.")
    if args.only_compared and not args.compare:
        raise ValueError("--only-compared leaves nothing to measure; name generators with --compare NAME=FOLDER.")
    if args.sheet and args.sheet.suffix.lower() not in SHEET_SUFFIXES:
        raise ValueError(f"--sheet must end in {' or '.join(SHEET_SUFFIXES)}, not {args.sheet.name}.")
    for file in (args.json, args.sheet):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = arguments()
    args = parser.parse_args(argv)
    notes: list[str] = []
    try:
        check(args)
        named = [parse_named_folder(text) for text in args.compare]
        samples = find_samples(args.data, args.split)
        pipeline = MaskGANPipeline.load(args.weights, args.device)
        own = args.weights.resolve().name if args.weights else "bundled"
        device = pipeline.parser.device
        generators = load_named(named, device, {} if args.only_compared else {own: pipeline.dmn})
        vae = find_mask_vae(pipeline, args.mask_vae, notes)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    judge = make_judge(pipeline, args.download, notes)
    if args.limit is not None:
        samples = spread(samples, args.limit)
    if len(samples) == 1:
        notes.append("Masks of other people are left out: there is one face only.")
    faces = load_faces(samples, judge, args.resolution)
    report, edits = evaluate(judge, generators, faces, vae, notes)
    report = {"split": args.split, **report}
    print(table(report))
    if args.json:
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    if args.sheet:
        chosen = spread(range(len(samples)), SHEET_FACES)
        save_picture(args.sheet, contact_sheet(generators, faces, edits, chosen))
    return 0


if __name__ == "__main__":
    sys.exit(main())
