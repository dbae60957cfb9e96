"""Photos after one button each, side by side: `python -m lab.quick_edit_sheet OUT PHOTO...`.

Each row is a person: the largest face of a photo as it is, then after each of EDITS, which are names of quick edits,
`name:shape` for one of an edit's shapes. The picture at the top of the README is made by this, of four faces that no
network was trained on. Exit code: 0 done, 2 the command is wrong or a photo cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from lab.training.samples import picture_grid, save_picture
from maskgan.editing.beards import without_beard
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.edit import Face
from maskgan.editing.looks import looks_with
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.warping import Motion
from maskgan.images import read_photo
from maskgan.quick_edits import QUICK_EDITS

EDITS = (
    *("smile", "bigger_eyes", "slimmer_face", "fringe", "hairstyle:long_waves", "hairstyle:side_part"),
    *("hat:beanie", "glasses", "sunglasses"),
)


def after(pipeline: MaskGANPipeline, face: Face, edit: str) -> np.ndarray:
    """The face's crop (512, 512, 3) uint8 RGB after a quick edit; raises ValueError for an edit that cannot be."""
    name, _, shape = edit.partition(":")
    if name not in QUICK_EDITS:
        raise ValueError(f"There is no quick edit {name!r}; choose from {', '.join(QUICK_EDITS)}.")
    mask, moved, worn = QUICK_EDITS[name].move(face.mask, 1.0, shape or None)
    looks = looks_with({}, name, shape or None, worn)
    return edit_with_looks(
        pipeline, face, mask, looks, motion=Motion.none(face.mask).to(without_beard(mask, face.mask), moved)
    ).crop


def row_of(pipeline: MaskGANPipeline, photo: Path, edits: Sequence[str], side: int) -> list[np.ndarray]:
    """The largest face of a photo as it is and after each edit, (side, side, 3) uint8 RGB each."""
    face = pipeline.prepare(read_photo(photo))
    crops = [face.crop, *(after(pipeline, face, edit) for edit in edits)]
    return [cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA) for crop in crops]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="a .jpg or .png to write")
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--edits", nargs="+", default=EDITS, metavar="NAME[:SHAPE]")
    parser.add_argument("--side", type=int, default=220, help="of each face, in pixels (default: 220)")
    parser.add_argument("--weights", help="another pipeline than the bundled one")
    options = parser.parse_args(arguments)
    try:
        pipeline = MaskGANPipeline.load(options.weights)
        rows = [row_of(pipeline, photo, options.edits, options.side) for photo in options.photos]
        save_picture(options.out, picture_grid(rows))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
