"""Whole masks for training the DMN: pixels that nobody labelled get the parser's answer.

The app only ever gives the DMN whole masks, so that is what it must see in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from tqdm.auto import tqdm

from lab.data.faces import Sample, filled_mask, load, resize
from maskgan.files import whole_file
from maskgan.images import to_tensor
from maskgan.labels import IGNORE
from maskgan.networks.face_parser import FaceParser


def fill_ignored(samples: Sequence[Sample], parser: FaceParser, folder: Path, size: int) -> Path:
    """Write each sample's mask to a file under `folder` (see `filled_mask`) with 255 replaced by the parser's answer.

    The masks are written at `size`, the resolution they are used at; what is there already is skipped. Returns the
    folder for `FaceStream`; masks of other sizes lie beside it.

    Raises:
        OSError: when a mask cannot be written.
    """
    folder = folder / f"{size}px"
    device = next(parser.parameters()).device
    todo = [sample for sample in samples if not filled_mask(folder, sample).exists()]
    for sample in tqdm(todo, desc="filling masks", unit="face", mininterval=2):
        face = resize(load(sample), size)
        mask = face.mask
        if (mask == IGNORE).any():
            with torch.no_grad():
                answer = parser.parse(to_tensor(face.image).to(device))[0][0].cpu().numpy()
            mask = np.where(mask == IGNORE, answer, mask)
        final = filled_mask(folder, sample)
        final.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(final) as partial:
            if not cv2.imwrite(str(partial), mask):
                raise OSError(f"{final} cannot be written; make room on that disk and run the same command again.")
    return folder
