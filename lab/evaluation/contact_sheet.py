"""The contact sheet of `lab.evaluate`: photos, masks, and every generator's pictures of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from lab.evaluation.comparison import Faces
from lab.evaluation.generators import Generator, draw
from lab.training.samples import picture_grid
from maskgan.labels import colourise

#: Captions of the masks on the contact sheet.
CAPTIONS = {
    "mask_vae": ("inner mask", "outer mask"),
    "quick_edits": ("quick edit",),
    "other_masks": ("next one's mask",),
}


def contact_sheet(
    generators: Mapping[str, Generator],
    faces: Faces,
    edits: Mapping[str, Sequence[np.ndarray]],
    chosen: Sequence[int],
) -> np.ndarray:
    """A row per chosen face: the photo, then each mask, the face's own first, with every generator's picture of it."""
    photos, own = faces.photos[chosen], faces.masks[chosen]
    masks = [own, *(part[chosen] for parts in edits.values() for part in parts)]
    drawn = [draw(network, photos, own, masks[1:]) for network in generators.values()]
    pictures = [[each.unedited, *each.edited] for each in drawn]
    columns, titles = [photos], ["photo"]
    names = ["own mask", *(name for block in edits for name in CAPTIONS[block])]
    for number, (mask, name) in enumerate(zip(masks, names, strict=True)):
        columns += [np.stack([colourise(one) for one in mask]), *(each[number] for each in pictures)]
        titles += [name, *generators]
    head = [caption(title, photos.shape[1]) for title in titles]
    return np.concatenate([np.concatenate(head, 1), picture_grid([list(line) for line in zip(*columns, strict=True)])])


def caption(text: str, width: int) -> np.ndarray:
    """Black on white, cut to the width: (20, width, 3) uint8."""
    strip = np.full((20, width, 3), 255, np.uint8)
    return cv2.putText(strip, text, (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
