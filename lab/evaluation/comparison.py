"""Generators measured side by side on the same faces, on their own masks and on edited ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm

from lab.data.faces import FaceWithMask, Sample, load, resize
from lab.evaluation.generators import Drawn, Generator, draw
from lab.evaluation.judge import Judge, Seen
from lab.evaluation.metrics import Confusion, drift, frechet_distance, mean_colours, psnr, ssim
from maskgan.labels import IGNORE
from maskgan.mask_files import resize_mask
from maskgan.sizes import NETWORK_SIZE

#: Faces that a network sees at once.
BATCH = 8

#: Share of the pixels up to which a class does not count for mask consistency.
RARE = 1e-4

#: Blocks of edited masks that keep most of the face in place, so that drift means something.
DRIFTING = ("mask_vae", "quick_edits")


@dataclass(frozen=True)
class Faces:
    """The faces of a split, N of them.

    names: ids; photos: (N, S, S, 3) uint8 RGB; masks: (N, S, S) uint8 0..18, the annotation with 255 filled by the
    parser's answer; fine_masks: the same at 256 px or more, for edits; parsing: the parser's answers at 256 px against
    the annotation.
    """

    names: list[str]
    photos: np.ndarray
    masks: np.ndarray
    fine_masks: np.ndarray
    parsing: Confusion


def batches(count: int) -> Iterator[slice]:
    """0..count in steps of `BATCH`."""
    return (slice(start, min(start + BATCH, count)) for start in range(0, count, BATCH))


def resized(masks: np.ndarray, size: int) -> np.ndarray:
    """Label maps (N, S, S) -> (N, size, size), nearest neighbour."""
    return np.stack([resize_mask(mask, (size, size)) for mask in masks])


def load_faces(samples: Sequence[Sample], judge: Judge, size: int) -> Faces:
    """Read, parse and scale faces: photos down by area, masks by nearest neighbour."""
    photos, fine_masks, parsing = [], [], Confusion()
    fine = max(size, NETWORK_SIZE)
    for chunk in tqdm(list(batches(len(samples))), desc="reading faces", unit="batch", mininterval=2):
        faces = [load(sample) for sample in samples[chunk]]
        for face, answer in zip(faces, judge.parse(pictures(faces, NETWORK_SIZE)), strict=True):
            parsing.add(resize(face, NETWORK_SIZE).mask, answer)
            mask = resize(face, fine).mask
            fine_masks.append(np.where(mask == IGNORE, resize_mask(answer, mask.shape), mask))
        photos.append(pictures(faces, size))
    fine_masks = np.stack(fine_masks)
    names = [sample.id for sample in samples]
    return Faces(names, np.concatenate(photos), resized(fine_masks, size), fine_masks, parsing)


def pictures(faces: Sequence[FaceWithMask], size: int) -> np.ndarray:
    """The pictures of faces at one size, (N, size, size, 3)."""
    return np.stack([resize(face, size).image for face in faces])


@dataclass
class Tally:
    """What one generator's pictures of one kind of masks amount to."""

    pictures: int = 0
    consistency: Confusion = field(default_factory=Confusion)
    seen: list[Seen] = field(default_factory=list)
    scores: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, judge: Judge, drawn: np.ndarray, masks: np.ndarray, photos: Seen) -> None:
        """Count pictures (N, S, S, 3), drawn for masks (N, S, S) in the style of photos."""
        for mask, answer in zip(masks, judge.parse(drawn), strict=True):
            self.consistency.add(mask, answer)
        self.seen.append(judge.look(drawn))
        self.pictures += len(drawn)
        if photos.identity is not None:
            self.scores["identity"] += np.linalg.norm(self.seen[-1].identity - photos.identity, axis=1).tolist()

    def add_unedited(self, judge: Judge, drawn: Drawn, masks: np.ndarray, photos: np.ndarray, seen: Seen) -> None:
        """Count pictures of unedited masks (N, S, S), which are compared with the photos (N, S, S, 3) uint8."""
        self.add(judge, drawn.unedited, masks, seen)
        self.scores["psnr"] += map(psnr, drawn.unedited, photos)
        self.scores["ssim"] += map(ssim, drawn.unedited, photos)
        if drawn.plain is not None:
            self.scores["plain_psnr"] += map(psnr, drawn.plain, photos)
        if judge.lpips is not None:
            self.scores["lpips"] += [judge.perceptual_distance(drawn.unedited, photos)] * len(photos)

    def add_edited(
        self,
        judge: Judge,
        drawn: np.ndarray,
        edited: np.ndarray,
        changed: np.ndarray,
        photos: Seen,
        unedited: np.ndarray | None = None,
    ) -> None:
        """Count pictures (N, S, S, 3) drawn for edited masks (N, S, S), leaving out masks without `changed` pixels.

        Drift, how much pixels outside of the edit change, is counted when the pictures of the `unedited` masks are
        given.
        """
        counted = changed.any((1, 2))
        if counted.any():
            self.add(judge, drawn[counted], edited[counted], photos.of(counted))
        if unedited is not None:
            drifts = map(drift, drawn[counted], unedited[counted], changed[counted])
            self.scores["drift"] += [value for value in drifts if value is not None]

    def report(self, photos: Seen) -> dict:
        """All measures that were taken, against all photos; only `pictures` when nothing was counted."""
        if not self.pictures:
            return {"pictures": 0}
        seen = Seen.all(self.seen)
        report = {
            "pictures": self.pictures,
            **{name: float(np.mean(values)) for name, values in self.scores.items() if values},
            "frechet_parser": frechet_distance(seen.features, photos.features),
            "mask_consistency": {
                "accuracy": self.consistency.accuracy,
                "miou": self.consistency.miou(RARE),
                "iou": self.consistency.iou,
            },
        }
        if seen.inception is not None and min(len(seen.inception), len(photos.inception)) > 1:
            report["fid"] = frechet_distance(seen.inception, photos.inception)
        return report


def compare(
    judge: Judge, generators: Mapping[str, Generator], faces: Faces, edits: Mapping[str, Sequence[np.ndarray]]
) -> dict[str, dict[str, dict]]:
    """Draw all faces with all generators, for their own masks and for edited ones.

    Args:
        edits: blocks of edited masks by name, each a few batches (N, S, S). A mask that is no other than the face's own
            is not counted.

    Returns:
        Per generator and block (`unedited` and those of `edits`): `pictures`, `mask_consistency` (`accuracy`, `miou`,
        `iou` by class), `frechet_parser` and, where they apply and are installed, `psnr` in dB, `plain_psnr`, `ssim`,
        `lpips`, `fid`, `identity`, `drift` in grey levels.
    """
    tallies = {name: {block: Tally() for block in ("unedited", *edits)} for name in generators}
    seen_photos = []
    drawings = len(faces.names) * len(generators) * (1 + sum(map(len, edits.values())))
    with tqdm(total=drawings, desc="drawing and judging", unit="picture", mininterval=2) as bar:
        for chunk in batches(len(faces.names)):
            photos, masks = faces.photos[chunk], faces.masks[chunk]
            edited = [(block, part[chunk]) for block, parts in edits.items() for part in parts]
            seen = judge.look(photos)
            seen_photos.append(seen)
            for name, network in generators.items():
                drawn = draw(network, photos, masks, [mask for _, mask in edited])
                tallies[name]["unedited"].add_unedited(judge, drawn, masks, photos, seen)
                bar.update(len(photos))
                for (block, mask), picture in zip(edited, drawn.edited, strict=True):
                    unedited = drawn.unedited if block in DRIFTING else None
                    tallies[name][block].add_edited(judge, picture, mask, mask != masks, seen, unedited)
                    bar.update(len(photos))
    photos = Seen.all(seen_photos)
    return {name: {block: tally.report(photos) for block, tally in blocks.items()} for name, blocks in tallies.items()}


def floor(faces: Faces) -> dict[str, float]:
    """PSNR in dB and SSIM of the photos with every region in its mean colour."""
    painted = [mean_colours(*face) for face in zip(faces.photos, faces.masks, strict=True)]
    return {
        name: float(np.mean([measure(*pair) for pair in zip(painted, faces.photos, strict=True)]))
        for name, measure in (("psnr", psnr), ("ssim", ssim))
    }
