"""Whole masks for training the DMN: pixels that nobody labelled get the parser's answer.

The app only ever gives the DMN whole masks, so that is what it must see in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from tqdm.auto import tqdm

from lab.data.faces import FaceWithMask, Sample, filled_mask, load, read_picture, resize
from maskgan.files import whole_file
from maskgan.images import to_tensor
from maskgan.labels import IGNORE
from maskgan.networks.face_parser import FaceParser, read


def enlarged(mask: np.ndarray, size: int) -> np.ndarray:
    """A label map (S, S) enlarged to `size` with smooth borders: the classes' planes are blurred, the largest wins."""
    if len(mask) >= size:
        return mask
    best, result = np.full((size, size), -1.0, np.float32), np.zeros((size, size), np.uint8)
    for label in np.unique(mask):
        plane = cv2.GaussianBlur((mask == label).astype(np.float32), (0, 0), 0.7)
        plane = cv2.resize(plane, (size, size), interpolation=cv2.INTER_LINEAR)
        result[plane > best] = label
        best = np.maximum(best, plane)
    return result


def sharpest_side(sample: Sample) -> int:
    """The side of the sharpest picture of a face, in pixels."""
    with Image.open(sample.sharp or sample.image) as picture:
        return min(picture.size)


def fill_ignored(samples: Sequence[Sample], parser: FaceParser, folder: Path, size: int, sharp: bool = False) -> Path:
    """Write each sample's mask to a file under `folder` (see `filled_mask`) with 255 replaced by the parser's answer.

    The masks are written at `size`, the resolution they are used at; with `sharp` at the side of the sharpest picture
    where that is more, which the parser then reads. Masks that exist already are skipped. Returns the folder for
    `FaceStream`; masks of other sizes lie beside it.

    Raises:
        OSError: when a mask cannot be written.
    """
    folder = folder / (f"{size}px_sharp" if sharp else f"{size}px")
    device = next(parser.parameters()).device
    todo = [sample for sample in samples if not filled_mask(folder, sample).exists()]
    for sample in tqdm(todo, desc="filling masks", unit="face", mininterval=2):
        own = load(sample)
        side = max(size, sharpest_side(sample)) if sharp else size
        mask = enlarged(own.mask, side) if sharp else resize(own, size).mask
        unknown = mask == IGNORE
        if unknown.any():
            picture = own.image if not sharp or sample.sharp is None else read_picture(sample.sharp)
            picture = resize(FaceWithMask(picture, np.zeros(picture.shape[:2], np.uint8)), side).image
            with torch.no_grad():
                answer = read(parser, to_tensor(picture).to(device)).argmax(1)[0].to(torch.uint8).cpu().numpy()
            mask = np.where(unknown, answer, mask)
        final = filled_mask(folder, sample)
        final.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(final) as partial:
            if not cv2.imwrite(str(partial), mask):
                raise OSError(f"{final} cannot be written; make room on that disk and run the same command again.")
    return folder
