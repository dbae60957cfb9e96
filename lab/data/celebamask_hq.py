"""CelebAMask-HQ in its official layout: a reader, and everything that can be wrong with a face of it.

    CelebA-HQ-img/{0..29999}.jpg                          1024 px; also 00000.jpg or PNG, as other tools save them
    CelebAMask-HQ-mask-anno/{0..14}/{00000}_{part}.png    512 px, 0 and 255, one file per part that is present
    CelebA-HQ-to-CelebA-mapping.txt                       columns idx, orig_idx, orig_file

The part masks are amodal: hidden pieces are labelled whole, so they overlap. Painted in class order 1..18 they
make the label map (Lee et al., CVPR 2020, section 4; the published merge does the same).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from maskgan.images import open_image
from maskgan.labels import BROWS, EYES, LIPS, MIRRORED_PAIRS, PART_NAMES, Label

#: CelebA's own split, by its original index: below the first train, below the second val, else test.
VAL_STARTS, TEST_STARTS = 162_771, 182_638

#: Part masks per folder.
FOLDER_SIZE = 2000

#: Images are JPEG as published.
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

PARTS = tuple(label for label in Label if label != Label.BACKGROUND)

#: Labelled in every face. Brows, ears and neck hide under hair, hats and scarves, the inside of the mouth under lips.
ALWAYS_PRESENT = (Label.SKIN, Label.NOSE, *LIPS)


class BadFace(ValueError):  # noqa: N818
    """A file of the data set cannot be used; the message names it and says why, in one sentence."""


@dataclass(frozen=True)
class Finding:
    """One fault of one face.

    kind: `missing_image`, `missing_masks` (not one part), `missing_part`, `empty_part`, `wrong_size`, `non_binary`,
        `unreadable_file`, `impossible_layout`, `swapped_sides` or `not_in_mapping`.
    part: name of the part mask, "eye", "brow" or "ear" for `swapped_sides`, None for the image or the whole face.
    left_out: whether image and label map cannot be trusted to belong together or to say the truth.
    """

    kind: str
    part: str | None
    sentence: str
    left_out: bool


@dataclass(frozen=True)
class Examined:
    """A face and its faults; `image` (H, W, 3) and `mask` (H, W) are None when it must be left out."""

    image: np.ndarray | None
    mask: np.ndarray | None
    findings: tuple[Finding, ...]


class CelebAMaskHQ:
    """Reader of the official layout.

    Args:
        root: the folder `CelebAMask-HQ`.
        image_size: side of the images in pixels, 1024 as published.
        mask_size: side of the part masks in pixels, 512 as published.

    Raises:
        FileNotFoundError: when the folder has not this layout.
        ValueError: when the mapping file cannot be understood.
    """

    def __init__(self, root: str | Path, image_size: int = 1024, mask_size: int = 512) -> None:
        self.root, self.image_size, self.mask_size = Path(root), image_size, mask_size
        self.images, self.annotations = self.root / "CelebA-HQ-img", self.root / "CelebAMask-HQ-mask-anno"
        mapping = self.root / "CelebA-HQ-to-CelebA-mapping.txt"
        for path in (self.images, self.annotations, mapping):
            if not path.exists():
                raise FileNotFoundError(f"There is no {path}; give the folder CelebAMask-HQ as it was unpacked.")
        #: id -> (CelebA's original index, its file name)
        self.celeba = read_mapping(mapping)
        #: id -> image, as published where there are several
        self._present: dict[int, Path] = {}
        for path in sorted(self.images.iterdir(), key=lambda path: (path.suffix != ".jpg", len(path.stem), path.name)):
            if path.stem.isascii() and path.stem.isdecimal() and path.suffix.lower() in _IMAGE_SUFFIXES:
                self._present.setdefault(int(path.stem), path)
        #: All faces that the mapping or the image folder knows.
        self.ids = sorted(self._present.keys() | self.celeba.keys())

    def image_path(self, id: int) -> Path:
        """Where the image of a face lies, or would lie as published."""
        return self._present.get(id, self.images / f"{id}.jpg")

    def part_path(self, id: int, part: Label) -> Path:
        return self.annotations / str(id // FOLDER_SIZE) / f"{id:05d}_{PART_NAMES[part]}.png"

    def image(self, id: int) -> np.ndarray:
        """The photo (H, W, 3) uint8 RGB; raises BadFace when it cannot be read."""
        return _read(self.image_path(id), "RGB")

    def plane(self, id: int, part: Label) -> np.ndarray:
        """A part's file as it is, (H, W) uint8 grey; raises BadFace when it cannot be read."""
        return _read(self.part_path(id, part), "L")

    def parts(self, id: int) -> dict[Label, np.ndarray]:
        """The amodal masks (H, W) bool of all parts that have a file, in paint order; they overlap."""
        present = (part for part in PARTS if self.part_path(id, part).exists())
        return {part: binary(self.plane(id, part)) for part in present}

    def merged(self, id: int) -> np.ndarray:
        """The label map (H, W) uint8 0..18; raises BadFace when the parts do not fit on each other."""
        return merge(self.parts(id), self.mask_size)

    def split(self, id: int) -> str:
        """`train`, `val` or `test`, as CelebA has it; raises KeyError for an id that the mapping does not know."""
        index, _ = self.celeba[id]
        return "train" if index < VAL_STARTS else "val" if index < TEST_STARTS else "test"


def _read(path: Path, mode: str) -> np.ndarray:
    try:
        return np.array(open_image(path, error=BadFace).convert(mode))
    except ValueError as cause:  # Pillow's for modes that it cannot convert
        raise BadFace(f"{path.name}: {cause}") from cause


def read_mapping(path: Path) -> dict[int, tuple[int, str]]:
    """CelebA-HQ id -> (CelebA index, CelebA file name) from the whitespace-separated mapping.

    Lines that do not begin with two numbers (the header, damage) are passed over: their ids are then reported as
    `not_in_mapping`. Raises ValueError when no line is left.
    """
    rows = (line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    good = (row for row in rows if len(row) == 3 and row[0].isdecimal() and row[1].isdecimal())
    mapping = {int(id): (int(index), name) for id, index, name in good}
    if not mapping:
        raise ValueError(f"{path} has no line with idx, orig_idx and orig_file; unpack the data set again.")
    return mapping


def binary(plane: np.ndarray) -> np.ndarray:
    """Grey part mask -> bool; a smoothed edge is cut half way."""
    return plane > plane.max(initial=0) / 2


def merge(parts: Mapping[Label, np.ndarray], size: int) -> np.ndarray:
    """Part masks (size, size) bool -> label map (size, size) uint8, painted in class order."""
    mask = np.zeros((size, size), np.uint8)
    for part in sorted(parts):
        if parts[part].shape != mask.shape:
            raise BadFace(f"The part {PART_NAMES[part]} is not {size} x {size}; take this face out.")
        mask[parts[part]] = part
    return mask


def examine(data: CelebAMaskHQ, id: int) -> Examined:
    """Read one face and look for every fault; never raises for a fault of the data."""
    findings: list[Finding] = []

    def found(kind: str, sentence: str, part: str | None = None, left_out: bool = False) -> None:
        findings.append(Finding(kind, part, sentence, left_out))

    if id not in data.celeba:
        found("not_in_mapping", "The mapping file has no line for this id, so its split is unknown.", left_out=True)
    image = _read_image(data, id, found)
    present = [part for part in PARTS if data.part_path(id, part).exists()]
    planes = {}
    for part in present:
        plane = _read_part(data, id, part, found)
        if plane is not None:
            planes[part] = plane
    if not present:
        found("missing_masks", "There is not one part mask of this face.", left_out=True)
    else:
        needed = ALWAYS_PRESENT if Label.EYE_G in present else ALWAYS_PRESENT + EYES
        for part in needed:
            if part not in present:
                name = PART_NAMES[part]
                # Without skin the face itself would become background.
                found("missing_part", f"There is no mask of {name}.", name, left_out=part == Label.SKIN)
    filled = {part: centre(plane) for part, plane in planes.items() if plane.any()}
    layout = layout_faults(filled)
    if layout:
        found("impossible_layout", f"{'; '.join(layout)}.", left_out=True)
    for name in swapped_sides(filled):
        found("swapped_sides", f"The left and right {name} are in each other's place.", name, left_out=True)
    if any(finding.left_out for finding in findings):
        return Examined(None, None, tuple(findings))
    return Examined(image, merge(planes, data.mask_size), tuple(findings))


def _read_image(data: CelebAMaskHQ, id: int, found: Callable[..., None]) -> np.ndarray | None:
    path = data.image_path(id)
    if not path.exists():
        found("missing_image", f"There is no {path.name}.", left_out=True)
        return None
    try:
        image = data.image(id)
    except BadFace as cause:
        found("unreadable_file", str(cause), left_out=True)
        return None
    if image.shape[:2] != (data.image_size, data.image_size):
        # It may be another crop, and then the masks lie elsewhere.
        sentence = f"{path.name} is {image.shape[1]} x {image.shape[0]}, not {data.image_size} x {data.image_size}."
        found("wrong_size", sentence, left_out=True)
    return image


def _read_part(data: CelebAMaskHQ, id: int, part: Label, found: Callable[..., None]) -> np.ndarray | None:
    """The part (H, W) bool, or None when it cannot be used."""
    path, name = data.part_path(id, part), PART_NAMES[part]
    try:
        plane = data.plane(id, part)
    except BadFace as cause:
        found("unreadable_file", str(cause), name, left_out=True)
        return None
    if plane.shape != (data.mask_size, data.mask_size):
        sentence = f"{path.name} is {plane.shape[1]} x {plane.shape[0]}, not {data.mask_size} x {data.mask_size}."
        found("wrong_size", sentence, name, left_out=True)
        return None
    if not plane.any():
        found("empty_part", f"{path.name} has no pixel of its part.", name, left_out=part == Label.SKIN)
    elif ((plane != 0) & (plane != 255)).any():
        values = np.unique(plane)
        found("non_binary", f"{path.name} has {len(values)} values; it was cut half way to the highest.", name)
    return binary(plane)


Centres = Mapping[Label, tuple[float, float]]


def centre(plane: np.ndarray) -> tuple[float, float]:
    """Centroid (x, y) in pixels of a bool plane that is not empty."""
    rows, columns = plane.sum(1), plane.sum(0)
    total = rows.sum()
    return float(columns @ np.arange(len(columns)) / total), float(rows @ np.arange(len(rows)) / total)


def layout_faults(centres: Centres) -> list[str]:
    """What no face of this data set shows: all are aligned upright by their eyes and mouth."""
    heights = {part: y for part, (_, y) in centres.items()}
    lips = [heights[part] for part in LIPS if part in heights]
    # A mouth between its lips stands for both.
    mouth = sum(lips) / len(lips) if lips else heights.get(Label.MOUTH)
    rules = [
        (heights.get(Label.NOSE), mouth, "the nose lies below the mouth"),
        (heights.get(Label.U_LIP), heights.get(Label.L_LIP), "the upper lip lies below the lower lip"),
        (heights.get(Label.NOSE), heights.get(Label.NECK), "the nose lies below the neck"),
    ]
    for brow, eye in zip(BROWS, EYES, strict=True):
        side = "left" if eye == Label.L_EYE else "right"
        rules += [
            (heights.get(eye), mouth, f"the {side} eye lies below the mouth"),
            (heights.get(eye), heights.get(Label.NOSE), f"the {side} eye lies below the nose"),
            (heights.get(brow), heights.get(eye), f"the {side} brow lies below its eye"),
        ]
    return [fault for upper, lower, fault in rules if upper is not None and lower is not None and upper > lower]


def swapped_sides(centres: Centres) -> list[str]:
    """Pairs whose left (the subject's, so on the right of the picture) and right are in each other's place.

    A part without its partner is compared with the nose.
    """
    swapped = []
    for left, right in MIRRORED_PAIRS:
        right_of = centres.get(left, centres.get(Label.NOSE))
        left_of = centres.get(right, centres.get(Label.NOSE))
        if right_of is not None and left_of is not None and right_of[0] < left_of[0]:
            swapped.append(PART_NAMES[left].removeprefix("l_"))
    return swapped
