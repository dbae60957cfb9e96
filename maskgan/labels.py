"""The 19 CelebAMask-HQ classes: names, the one palette, and conversions of label maps.

Everywhere in this project `mask` is an integer label map (H, W) with values 0..18; 255 (`IGNORE`)
marks unlabelled pixels and occurs in training data only. Left and right are the *subject's*:
`l_eye` lies on the right side of the picture.

Class order and paint order: Lee et al., "MaskGAN", CVPR 2020, section 4 (CelebAMask-HQ).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

# torch is imported by the functions that are about tensors, so that masks can be used where there is none.

IGNORE = 255


class Label(IntEnum):
    """Class ids of CelebAMask-HQ; the numbers are also the order in which part masks are painted."""

    BACKGROUND = 0
    SKIN = 1
    NOSE = 2
    EYE_G = 3
    L_EYE = 4
    R_EYE = 5
    L_BROW = 6
    R_BROW = 7
    L_EAR = 8
    R_EAR = 9
    MOUTH = 10
    U_LIP = 11
    L_LIP = 12
    HAIR = 13
    HAT = 14
    EAR_R = 15
    NECK_L = 16
    NECK = 17
    CLOTH = 18

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """What NumPy makes of a class id among its operands; it compares arrays with a plain number.

        By itself it takes the member of an enumeration for int64, and makes that of all of a mask first, which takes
        ten times as long as to compare it.
        """
        plain = [each._value_ if type(each) is Label else each for each in inputs]
        if ufunc not in _COMPARISONS:  # the type of their results follows from it
            plain = [
                np.int64(number) if type(each) is Label else number for number, each in zip(plain, inputs, strict=True)
            ]
        return getattr(ufunc, method)(*plain, **options)


_COMPARISONS = frozenset((np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal))


NUM_CLASSES = len(Label)

#: Names of the data set's files (`00000_{part}.png`), by class id.
PART_NAMES = tuple(label.name.lower() for label in Label)

#: Names shown to users, by class id. "Left" is the subject's left, as in the class ids.
DISPLAY_NAMES = (
    "Background",
    "Skin",
    "Nose",
    "Glasses",
    "Left eye",
    "Right eye",
    "Left brow",
    "Right brow",
    "Left ear",
    "Right ear",
    "Mouth (inside)",
    "Upper lip",
    "Lower lip",
    "Hair",
    "Hat",
    "Earring",
    "Necklace",
    "Neck",
    "Clothes",
)

#: (19, 3) uint8 RGB, the usual CelebAMask-HQ colours. The only palette of the project.
PALETTE = np.array(
    [
        (0, 0, 0),
        (204, 0, 0),
        (76, 153, 0),
        (204, 204, 0),
        (51, 51, 255),
        (204, 0, 204),
        (0, 255, 255),
        (51, 255, 255),
        (102, 51, 0),
        (255, 0, 0),
        (102, 204, 0),
        (255, 255, 0),
        (0, 0, 153),
        (0, 0, 204),
        (255, 51, 153),
        (0, 204, 204),
        (0, 51, 0),
        (255, 153, 51),
        (0, 204, 0),
    ],
    dtype=np.uint8,
)
PALETTE.setflags(write=False)

#: The right brow's colour in masks that CelebAMask-HQ's own `g_color.py` paints; it agrees in all other classes.
_OFFICIAL_R_BROW = np.array((255, 204, 204), dtype=np.uint8)

#: A coloured picture is decoded so many pixels at a time, for each takes 40 bytes meanwhile.
_PIXELS_AT_ONCE = 1_000_000

#: Groups of classes that belong together.
EYES = (Label.L_EYE, Label.R_EYE)
BROWS = (Label.L_BROW, Label.R_BROW)
EARS = (Label.L_EAR, Label.R_EAR)
LIPS = (Label.U_LIP, Label.L_LIP)
#: The mouth as a whole.
MOUTH = (Label.MOUTH, *LIPS)
#: Parts inside the outline of the face.
FACE_PARTS = (Label.SKIN, Label.NOSE, *EYES, *BROWS, *MOUTH)

#: Pairs of classes that swap when a picture is mirrored: (left, right).
MIRRORED_PAIRS = (EYES, BROWS, EARS)

#: Class order of face-parsing.PyTorch (zllrunning), as ids of this project.
FACE_PARSING_ORDER = (
    *(Label.BACKGROUND, Label.SKIN, Label.L_BROW, Label.R_BROW, Label.L_EYE, Label.R_EYE, Label.EYE_G),
    *(Label.L_EAR, Label.R_EAR, Label.EAR_R, Label.NOSE, Label.MOUTH, Label.U_LIP, Label.L_LIP),
    *(Label.NECK, Label.NECK_L, Label.CLOTH, Label.HAIR, Label.HAT),
)


def _mirror_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint8)
    for left, right in MIRRORED_PAIRS:
        table[left], table[right] = right, left
    return table


_MIRROR = _mirror_table()


def check_mask(mask: np.ndarray, *, allow_ignore: bool = False) -> np.ndarray:
    """Return `mask` as a (H, W) uint8 array of class ids.

    Raises ValueError with one sentence for the user when it is not a label map.
    """
    mask = np.asarray(mask)
    if mask.ndim != 2 or 0 in mask.shape:
        raise ValueError(
            f"A mask must be one plane of class ids (height x width), but this one has the shape {mask.shape}."
        )
    if mask.dtype == bool or not np.issubdtype(mask.dtype, np.integer):
        raise ValueError(f"A mask must hold whole numbers 0..{NUM_CLASSES - 1}, not {mask.dtype} values.")
    bad = (mask < 0) | (mask >= NUM_CLASSES)
    if allow_ignore:
        bad &= mask != IGNORE
    if bad.any():
        raise ValueError(
            f"{bad.mean():.2%} of the mask's pixels have ids outside 0..{NUM_CLASSES - 1} "
            f"(for instance {int(mask[bad][0])}); export it with the 19 CelebAMask-HQ class ids."
        )
    return mask.astype(np.uint8)


def one_hot(mask: Tensor | np.ndarray, dtype: torch.dtype | None = None) -> Tensor:
    """Label map (H, W) or batch (N, H, W) -> planes (N, 19, H, W) of 0 and 1; `IGNORE` is 0 in all planes."""
    import torch

    ids = torch.as_tensor(mask)
    if ids.ndim == 2:
        ids = ids[None]
    planes = torch.arange(NUM_CLASSES, dtype=torch.int32, device=ids.device).view(1, -1, 1, 1)
    return (ids[:, None].to(torch.int32) == planes).to(dtype or torch.float32)  # N, 19, H, W


def colourise(mask: np.ndarray) -> np.ndarray:
    """Label map (H, W) -> palette picture (H, W, 3) uint8 RGB; `IGNORE` becomes mid grey."""
    table = np.full((256, 3), 128, np.uint8)
    table[:NUM_CLASSES] = PALETTE
    return table[check_mask(mask, allow_ignore=True)]


def decode(picture: np.ndarray) -> np.ndarray:
    """Palette picture (H, W, 3) uint8 RGB -> label map (H, W); the exact inverse of `colourise`.

    Raises ValueError when any pixel has a colour outside the palette: mapping to the nearest colour would invent
    classes along antialiased edges.
    """
    picture = np.asarray(picture)
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"A coloured mask must be an RGB picture, but this one has the shape {picture.shape}.")

    ids, wrong, first = np.empty(picture.shape[:2], np.uint8), 0, None
    rows = max(1, _PIXELS_AT_ONCE // max(1, picture.shape[1]))
    for top in range(0, len(picture), rows):
        ids[top : top + rows], bad = _decoded(picture[top : top + rows])
        if first is None and bad.any():
            y, x = np.argwhere(bad)[0]
            first = (int(y) + top, int(x))
        wrong += np.count_nonzero(bad)
    if first is not None:
        y, x = first
        raise ValueError(
            f"{wrong / ids.size:.1%} of the mask's pixels have colours that are not in the palette (first: "
            f"{tuple(int(v) for v in picture[y, x])} at x={x}, y={y}); save it as PNG without smoothing."
        )
    return ids


def _decoded(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Class ids (h, W) of some rows of a palette picture, and where their colours are none of the palette's, bool."""

    def pack(rgb: np.ndarray) -> np.ndarray:
        rgb = rgb.astype(np.int32)
        return rgb[..., 0] << 16 | rgb[..., 1] << 8 | rgb[..., 2]

    codes = pack(PALETTE)
    order = np.argsort(codes)
    packed = pack(picture)
    packed = np.where(packed == pack(_OFFICIAL_R_BROW), codes[Label.R_BROW], packed)
    ids = order[np.searchsorted(codes[order], packed).clip(max=NUM_CLASSES - 1)]
    return ids.astype(np.uint8), codes[ids] != packed


def flip(mask: np.ndarray | Tensor) -> np.ndarray | Tensor:
    """Mirror label maps (..., H, W) left to right and swap the left and right classes."""
    if not isinstance(mask, np.ndarray):
        import torch

        table = torch.as_tensor(_MIRROR, device=mask.device)
        return table[mask.flip(-1).long()].to(mask.dtype)
    return _MIRROR[np.asarray(mask)[..., ::-1]].astype(np.asarray(mask).dtype)


def flip_planes(planes: Tensor) -> Tensor:
    """Mirror class planes (N, 19, H, W) left to right; those of left and right classes change places."""
    import torch

    order = torch.as_tensor(_MIRROR[:NUM_CLASSES], device=planes.device).long()
    return planes.flip(-1)[:, order]


def from_face_parsing_order(mask: np.ndarray) -> np.ndarray:
    """Convert a label map (H, W) from face-parsing.PyTorch ids to CelebAMask-HQ ids."""
    table = np.full(256, IGNORE, np.uint8)
    table[:NUM_CLASSES] = FACE_PARSING_ORDER
    return table[check_mask(mask, allow_ignore=True)]


def _layout_score(mask: np.ndarray) -> float:
    """Share of layout rules (0..1) that a label map satisfies when read with CelebAMask-HQ ids.

    Rules compare parts as the ids name them: eyes above the nose, the nose above the lips, brows above the eyes,
    eyes and brows small, ...
    """
    height, width = mask.shape
    rows, cols = np.mgrid[0:height, 0:width]
    area = np.bincount(mask.ravel(), minlength=256)[:NUM_CLASSES] / mask.size

    def centre(label: Label) -> tuple[float, float] | None:
        where = mask == label
        return (rows[where].mean() / height, cols[where].mean() / width) if where.any() else None

    centres = {label: centre(label) for label in Label}
    votes: list[bool] = []

    def above(upper: Label, lower: Label) -> None:
        if centres[upper] and centres[lower]:
            votes.append(centres[upper][0] < centres[lower][0])

    def small(label: Label, limit: float) -> None:
        if centres[label]:
            votes.append(area[label] < limit)

    for eye, brow in zip(EYES, BROWS, strict=True):
        above(brow, eye)
        above(eye, Label.NOSE)
        above(brow, Label.NOSE)
        small(eye, 0.03)
        small(brow, 0.04)
    above(Label.NOSE, Label.U_LIP)
    above(Label.NOSE, Label.L_LIP)
    above(Label.U_LIP, Label.L_LIP)
    above(Label.HAIR, Label.NECK)
    above(Label.NOSE, Label.NECK)
    above(Label.U_LIP, Label.CLOTH)
    for label in (Label.MOUTH, Label.U_LIP, Label.L_LIP, Label.EAR_R, Label.NOSE):
        small(label, 0.06)
    if centres[Label.NOSE]:
        votes.append(abs(centres[Label.NOSE][1] - 0.5) < 0.2)
    return float(np.mean(votes)) if votes else 0.0


def uses_face_parsing_order(mask: np.ndarray) -> bool:
    """Whether a label map has face-parsing.PyTorch ids rather than CelebAMask-HQ ids.

    Judged by the layout of the parts under both readings; a tie counts as CelebAMask-HQ.
    """
    mask = check_mask(mask)
    return _layout_score(from_face_parsing_order(mask)) > _layout_score(mask)
