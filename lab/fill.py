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

from maskgan.face_parser import FaceParser
from maskgan.images import to_tensor
from maskgan.labels import IGNORE

from .data import Sample, load, resize


def fill_ignored(samples: Sequence[Sample], parser: FaceParser, folder: Path, size: int) -> Path:
    """Write each sample's mask to `folder`/ID.png with 255 replaced by the parser's answer.

    The masks are written at `size`, the resolution they are used at; what is there already is skipped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(parser.parameters()).device
    todo = [sample for sample in samples if not (folder / f"{sample.id}.png").exists()]
    for sample in tqdm(todo, desc="filling masks", unit="face", mininterval=2):
        face = resize(load(sample), size)
        mask = face.mask
        if (mask == IGNORE).any():
            with torch.no_grad():
                answer = parser.parse(to_tensor(face.image).to(device))[0][0].cpu().numpy()
            mask = np.where(mask == IGNORE, answer, mask)
        partial = folder / f".{sample.id}.png"
        cv2.imwrite(str(partial), mask)
        partial.replace(folder / f"{sample.id}.png")
    return folder
