"""Faces with label maps on disk, as endless numbered samples.

The plain format: `images/ID.jpg`, `masks/ID.png` (0..18, 255 = nobody knows) and, where there is one,
`index.csv` with the columns `id` and `split`. A folder without an index is all training data. `images_sharp/ID.jpg`
may hold some faces in more pixels and the same framing; the index's `native_crop_px`, the side that a face had in its
photo, tells soft pictures from sharp ones.

Sample number n of a run is a pure function of (seed, n): resuming is going on counting, and neither the
number of workers nor of processes changes what is seen.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from lab.data.index import SPLITS, number_of, read_index, stripped_of_zeros
from maskgan import labels
from maskgan.images import PICTURE_SUFFIXES, to_tensor


@dataclass(frozen=True)
class Sample:
    """One face on disk."""

    id: str
    image: Path
    mask: Path
    #: Lenses are labelled as one piece, eyes and brows under them are not (rendered heads).
    whole_lenses: bool = False
    #: The face in more pixels and the same framing, from `images_sharp/`.
    sharp: Path | None = None
    #: Side of the face in the photo that it was cut from, in pixels, where the index says so.
    native: float | None = None


@dataclass(frozen=True)
class FaceWithMask:
    """A face in memory: `image` (H, W, 3) uint8 RGB and `mask` (H, W) uint8 with 255 = ignore."""

    image: np.ndarray
    mask: np.ndarray


#: Changes a face; must be a pure function of the face and the generator.
Augmentation = Callable[[FaceWithMask, np.random.Generator], FaceWithMask]

#: Makes the tensors of one training sample of a face, for a side in pixels; a pure function likewise.
Finish = Callable[[FaceWithMask, int, np.random.Generator], tuple[Tensor, ...]]


#: Pictures that OpenCV reads; HEIC and TGA are not among them.
_SUFFIXES = PICTURE_SUFFIXES - {".heic", ".heics", ".heif", ".heifs", ".hif", ".tga"}


@dataclass(frozen=True)
class Survey:
    """What a folder in the plain format holds of a split.

    left_out: ids by the reason why they are in no split, or cannot be used; others: how many faces the other splits
    have, by name.
    """

    folder: Path
    split: str
    samples: tuple[Sample, ...]
    left_out: Mapping[str, tuple[str, ...]]
    others: Mapping[str, int]

    def sentence(self) -> str:
        """How many faces are used, how many are not, and why."""
        used = f"{self.folder}: {len(self.samples)} faces used"
        kept = ", ".join(f"{count} of {split}" for split, count in self.others.items())
        reasons = "; ".join(f"{len(ids)} {why} ({_listed(ids)})" for why, ids in self.left_out.items())
        count = sum(map(len, self.left_out.values()))
        return used + (f", {kept} kept apart" if kept else "") + (f", {count} left out: {reasons}." if count else ".")


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def survey(folder: Path, split: str = "train") -> Survey:
    """The samples of one split of a folder in the plain format, by id, and what became of all other faces in it.

    Raises ValueError when the index cannot be understood.
    """
    folder = Path(folder)
    images, unread = {}, []
    for path in sorted((folder / "images").glob("[!.]*.*")):
        if path.suffix.lower() in _SUFFIXES:
            images[path.stem] = path
        else:
            unread.append(path.name)
    masks = {path.stem: path for path in (folder / "masks").glob("[!.]*.*") if path.suffix.lower() == ".png"}
    sharp = {path.stem: path for path in (folder / "images_sharp").glob("[!.]*.*")}
    index = folder / "index.csv"
    rows = read_index(index) if index.exists() else [{"id": id} for id in images]
    rendered = (folder / "params.jsonl").exists()
    samples: dict[str, Sample] = {}
    left_out: dict[str, list[str]] = {}
    others: Counter[str] = Counter()
    known = {row["id"] for row in rows}
    seen: set[str] = set()
    for row in rows:
        id, own = row["id"], row.get("split", "train")
        if id in seen:
            left_out.setdefault("in the index twice", []).append(id)
            continue
        seen.add(id)
        if own not in (*SPLITS, split):
            left_out.setdefault(f"of an unknown split, {own!r}" if own else "without a split", []).append(id)
        elif id not in images and (meant := [name for name in stripped_of_zeros(id, images) if name not in known]):
            why = "with an id that a spreadsheet took the zeros from; write ids as text"
            left_out.setdefault(why, []).append(f"{id} for {meant[0]}")
            seen.update(meant)
        elif id not in images:
            left_out.setdefault("without an image", []).append(id)
        elif id not in masks:
            left_out.setdefault("without a mask", []).append(id)
        elif own != split:
            others[own] += 1
        else:
            native = number_of(row.get("native_crop_px", ""))
            samples[id] = Sample(id, images[id], masks[id], rendered, sharp.get(id), native)
    if missing := [id for id in images if id not in seen]:
        left_out["not in index.csv"] = missing
    if unread:
        left_out["of no kind that is read here; save them as JPEG or PNG"] = unread
    ordered = tuple(samples[id] for id in sorted(samples))
    return Survey(folder, split, ordered, {why: tuple(ids) for why, ids in left_out.items()}, dict(others))


def find_samples(folder: Path, split: str = "train") -> list[Sample]:
    """The samples of one split of a folder in the plain format, by id.

    Raises FileNotFoundError with one sentence when there is nothing to train on.
    """
    found = survey(folder, split)
    if not found.samples:
        why = f" {found.sentence()}" if found.left_out or found.others else ""
        raise FileNotFoundError(
            f"No {split} faces in {folder}: it needs images/ID.jpg, masks/ID.png and index.csv with id and split.{why}"
        )
    return list(found.samples)


def held_out(sample: Sample) -> bool:
    """Whether a rendered head (they have no split) is kept to measure parsers: every tenth, by the number in its id."""
    digits = "".join(filter(str.isdigit, sample.id))
    return sample.whole_lenses and int(digits or 0) % 10 == 7


def load(sample: Sample, mask: Path | None = None) -> FaceWithMask:
    """Read a sample; `mask` replaces its own mask file, and the image is scaled to that mask's size."""
    image = read_picture(sample.image)
    path = mask or sample.mask
    ids = read_ids(path)
    if mask is not None and ids.shape != image.shape[:2]:
        image = cv2.resize(image, ids.shape[::-1], interpolation=cv2.INTER_AREA)
    if ids.shape != image.shape[:2]:
        raise ValueError(f"{path} is {ids.shape[1]}x{ids.shape[0]}, its picture another size; they must match.")
    face = FaceWithMask(image, labels.check_mask(ids, allow_ignore=True))
    return hide_lens_interiors(face) if sample.whole_lenses and mask is None else face


def read_picture(path: Path) -> np.ndarray:
    """A photo (H, W, 3) uint8 RGB; raises OSError when it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"Cannot read {path}; remove it or restore the file.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_ids(path: Path | BinaryIO) -> np.ndarray:
    """The ids (H, W) uint8 in a grey or an indexed PNG (whose colours do not matter); 255 is allowed."""
    try:
        with Image.open(path) as picture:
            if picture.mode not in ("L", "P"):
                raise ValueError(f"{path} is a {picture.mode} picture; masks are grey or indexed PNG with class ids.")
            return np.array(picture)
    except UnidentifiedImageError as error:
        raise OSError(f"Cannot read {path}; remove it or restore the file.") from error


def hide_lens_interiors(face: FaceWithMask) -> FaceWithMask:
    """Ignore the inside of lenses that are labelled as one piece.

    In CelebAMask-HQ eyes and brows lie on top of clear glasses; where the whole lens is labelled as
    glasses, its inside says nothing about what the parser shall answer.
    """
    glasses = (face.mask == labels.Label.EYE_G).astype(np.uint8)
    size = max(3, round(face.mask.shape[0] * 0.03)) | 1
    inside = cv2.erode(glasses, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return FaceWithMask(face.image, np.where(inside > 0, labels.IGNORE, face.mask).astype(np.uint8))


def resize(face: FaceWithMask, size: int) -> FaceWithMask:
    """Scale to a square of `size`: area averaging for the image, nearest neighbour for the mask."""
    if face.mask.shape == (size, size):
        return face
    smaller = size < face.mask.shape[0]
    image = cv2.resize(face.image, (size, size), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return FaceWithMask(image, cv2.resize(face.mask, (size, size), interpolation=cv2.INTER_NEAREST_EXACT))


def mirror(face: FaceWithMask) -> FaceWithMask:
    """Flip left to right; the left and right classes change places."""
    return FaceWithMask(np.ascontiguousarray(face.image[:, ::-1]), np.ascontiguousarray(labels.flip(face.mask)))


def filled_mask(folder: Path, sample: Sample) -> Path:
    """Where the mask of a sample lies that `lab/data/fill.py` completed; two data folders may have the same ids."""
    origin = hashlib.sha256(str(sample.mask.parent.resolve()).encode()).hexdigest()[:8]
    return folder / origin / f"{sample.id}.png"


class FaceStream(Dataset):
    """Numbered training samples: item n is (image (3, H, W) in [-1, 1], mask (H, W) int64), or what `finish` makes.

    Args:
        samples: what to draw from.
        size: side in pixels.
        seed: of the whole stream.
        odds: how often each sample is drawn, relative to the others (all alike without).
        augment: applied at the stored resolution, before scaling down and mirroring.
        correct: applied to each face as it is loaded, before `augment`; gets the sample too.
        filled: folder of `fill_ignored` with masks that take the place of the samples' own.
        finish: face, size and generator -> the item.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        size: int,
        seed: int,
        odds: Sequence[float] | None = None,
        augment: Augmentation | None = None,
        filled: Path | None = None,
        correct: Callable[[FaceWithMask, Sample], FaceWithMask] | None = None,
        finish: Finish | None = None,
    ) -> None:
        self.samples, self.size, self.seed, self.augment, self.filled = list(samples), size, seed, augment, filled
        self.correct, self.finish = correct, finish or as_tensors
        shares = np.ones(len(samples)) if odds is None else np.asarray(odds, float)
        self.edges = np.cumsum(shares / shares.sum())

    def __getitem__(self, number: int) -> tuple[Tensor, ...]:
        random = np.random.default_rng((self.seed, number))
        # Stratified draw: within each pass over the data every sample comes about as often as its odds say.
        epoch, place = divmod(number, len(self.samples))
        order = np.random.default_rng((self.seed, epoch, 1)).permutation(len(self.samples))
        point = (order[place] + random.random()) / len(self.samples)
        sample = self.samples[min(int(np.searchsorted(self.edges, point)), len(self.samples) - 1)]
        face = load(sample, filled_mask(self.filled, sample) if self.filled else None)
        if self.correct is not None:
            face = self.correct(face, sample)
        if self.augment is not None:
            face = self.augment(face, random)
        return self.finish(face, self.size, random)


def as_tensors(face: FaceWithMask, size: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Scale, mirror every other time -> image (3, size, size) float32 in [-1, 1], mask (size, size) int64."""
    face = resize(face, size)
    if random.random() < 0.5:
        face = mirror(face)
    return to_tensor(face.image)[0], torch.from_numpy(face.mask).long()


class CountingSampler(Sampler[int]):
    """Counts from the first sample of step `start_step` to the last of `stop_step`."""

    def __init__(self, start_step: int, stop_step: int, samples_per_step: int) -> None:
        self.numbers = range(start_step * samples_per_step, stop_step * samples_per_step)

    def __iter__(self) -> Iterator[int]:
        return iter(self.numbers)

    def __len__(self) -> int:
        return len(self.numbers)


def class_odds(samples: Sequence[Sample], strength: float = 0.5) -> np.ndarray:
    """Odds of being drawn that favour faces with rare classes (glasses, hats, earrings, ...).

    A face weighs (1 / frequency of its rarest class) ** `strength`, where the frequency is the share of
    faces that show the class; the result is scaled to a mean of 1 and capped at 8.
    """
    masks = (read_ids(sample.mask) for sample in samples)
    shown = np.stack([np.bincount(ids.ravel()[::7], minlength=256)[: labels.NUM_CLASSES] > 0 for ids in masks])
    frequency = shown.mean(0).clip(min=1 / len(samples))
    odds = np.where(shown, (1 / frequency) ** strength, 1.0).max(1)
    return (odds / odds.mean()).clip(max=8.0)
