"""Sample sheets: pictures side by side in one file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from maskgan.files import whole_file


def picture_grid(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Rows of equally large pictures (H, W, 3) uint8 -> one sheet (rows * H, columns * W, 3)."""
    return np.concatenate([np.concatenate(row, 1) for row in rows], 0)


def save_picture(path: Path, picture: np.ndarray) -> None:
    """Write RGB uint8 as PNG or JPEG, by the file's name; raises OSError when that fails.

    Whoever looks at it meanwhile, as the lab's page does, sees no half of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as partial:
        if not cv2.imwrite(str(partial), picture[..., ::-1]):
            raise OSError(f"{path} cannot be written; make room on that disk and run the same command again.")
