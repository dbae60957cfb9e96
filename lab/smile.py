"""What a smile does to a face, measured on photos of people without and with one: maskgan/wardrobe/smile.json.

`python -m lab.smile FOLDER OUT.json` takes a folder in the plain format (images/ID.jpg, index.csv) whose index has a
column `person`, looks for people of the split train with a photo with closed lips and one that shows teeth, both from
the front, and writes the median of what changes between them: the lines of the lips, where skin moves (DIS optical
flow, Kroeger et al., ECCV 2016) and how much lighter it gets. Exit code: 0 done, 2 the folder cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from lab.data.index import read_index
from lab.data.lists import write_lists
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.tones import LUMA
from maskgan.images import read_photo
from maskgan.labels import EYES, Label
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.mouth import LINES, MouthLines, measure_mouth
from maskgan.quick_edits.scene import Scene

#: Lips (frame units) that are apart by less are closed, by more show teeth.
_CLOSED, _TEETH = 0.02, 0.07

#: Pixels to a frame unit in which photos are compared, and what of a face is, in frame units: x, then y.
_UNIT, _X, _Y = 128, (-1.3, 1.3), (-0.6, 2.0)

#: Distance between the places of the grid that is written, and how far it reaches.
_STEP, _COLUMNS, _ROWS = 0.06, 1.26, 1.8

#: In how many places of half a mouth its lines are written.
_PLACES = 9

#: Blur (pixels) before light is compared, and of what is found; how dark 0 counts.
_SOFT, _SMOOTH, _BLACK = 2.0, 4.0, 8.0

#: y above which nothing of a smile changes the light, which tells how photos differ.
_ABOVE = 0.1

#: Pairs of photos at least.
_FEW = 8


class Looked(NamedTuple):
    """A face without or with a smile: crop (S, S, 3) uint8, mask (S, S), its scene and the lines of its mouth."""

    crop: np.ndarray
    mask: np.ndarray
    scene: Scene
    lines: MouthLines

    @property
    def eyes(self) -> tuple[complex, complex]:
        """Where its eyes lie, x + iy in pixels."""
        return tuple(
            complex(*(axis.mean() for axis in np.nonzero(self.mask == label)[::-1])) for label in sorted(EYES)[::-1]
        )


def changes_of(without: Looked, smiling: Looked) -> dict[str, np.ndarray]:
    """What a smile changes: `wider` (), `lines` (4, n), and in places of `_grid` `shift` (h, w, 2), where skin of the
    smiling face comes from, and `light` (h, w), NaN where there is no skin; as in `Smile`."""
    scene = without.scene
    x, y = np.meshgrid(np.arange(*_X, 1 / _UNIT), np.arange(*_Y, 1 / _UNIT))
    at = scene.frame.to_pixels(x, y)
    (right, left), (right_after, left_after) = without.eyes, smiling.eyes
    turn = (left_after - right_after) / (left - right)
    z = right_after + turn * (at[0] + 1j * at[1] - right)
    at_after = z.real.astype(np.float32), z.imag.astype(np.float32)
    before, after = (
        cv2.remap(face.crop, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for face, where in ((without, at), (smiling, at_after))
    )
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow.setFinestScale(1)
    moved = flow.calc(_even(after), _even(before), None)
    rows, columns = np.indices(x.shape, np.float32)
    came = cv2.remap(before, columns + moved[..., 0], rows + moved[..., 1], cv2.INTER_LINEAR)
    lights = (
        np.log(cv2.GaussianBlur(face.astype(np.float32) @ LUMA, (0, 0), _SOFT) + _BLACK) for face in (after, came)
    )
    light = np.subtract(*lights)
    skin = cv2.remap(smiling.mask, *at_after, cv2.INTER_NEAREST) == Label.SKIN
    light[~skin] = np.nan
    light -= np.nanmedian(light[y < _ABOVE])
    # The lips' lines by the frame of the face before: the mouth takes part in a frame of its own.
    seen = Scene(smiling.mask)
    axis = seen.frame.axis / turn / scene.frame.axis
    nods = _below_nose(seen) * abs(axis) - _below_nose(scene)  # a head that nods takes its mouth along
    lines = np.stack([getattr(smiling.lines, name) * abs(axis) - getattr(without.lines, name) for name in LINES]) - nods
    lines = (lines + lines[:, ::-1]) / 2
    middle = lines.shape[1] // 2
    wider = smiling.lines.half_width * abs(axis) / without.lines.half_width - 1
    half = np.linspace(middle, lines.shape[1] - 1, _PLACES)
    lines = np.stack([np.interp(half, np.arange(lines.shape[1]), line) for line in lines])
    return {"wider": np.float64(wider), "lines": lines} | _on_grid(without, x, y, moved / _UNIT, light)


def _below_nose(scene: Scene) -> float:
    """y of the lower end of a nose."""
    return float(np.percentile(scene.y[scene.where(Label.NOSE)], 97))


def _even(picture: np.ndarray) -> np.ndarray:
    """The lightness (h, w) uint8 of a picture (h, w, 3) uint8 without differences of light and contrast."""
    light = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    mean = cv2.GaussianBlur(light, (0, 0), 12)
    spread = np.sqrt(cv2.GaussianBlur((light - mean) ** 2, (0, 0), 12)) + 4
    return np.clip(128 + 45 * (light - mean) / spread, 0, 255).astype(np.uint8)


def _on_grid(
    without: Looked, x: np.ndarray, y: np.ndarray, shift: np.ndarray, light: np.ndarray
) -> dict[str, np.ndarray]:
    """`shift` and `light`, in frame units at x, y (h, w), in the smile's grid: the mean of both halves of the face."""
    scene, lines = without.scene, without.lines
    row = float((lines.upper_bottom + lines.lower_top).mean() / 2)
    left, right = scene.cheeks
    u, v = np.meshgrid(np.arange(0, _COLUMNS, _STEP), np.arange(0, _ROWS, _STEP))
    halves = []
    for side, half in ((-1, lines.centre - left), (1, right - lines.centre)):
        at_x = lines.centre * v.clip(0, 1.5) + side * u * max(half, 0.2)
        columns, rows = ((at - start) * _UNIT for at, start in ((at_x, x[0, 0]), (v * row, y[0, 0])))
        at = columns.astype(np.float32), rows.astype(np.float32)
        moved = cv2.remap(shift, *at, cv2.INTER_LINEAR) * np.float32((side, 1))
        halves.append((moved, cv2.remap(light, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)))
    lights = np.ma.masked_invalid([half[1] for half in halves])
    return {"shift": (halves[0][0] + halves[1][0]) / 2, "light": lights.mean(0).filled(np.nan)}


def measured(pairs: Sequence[tuple[Looked, Looked]]) -> dict[str, object]:
    """The usual smile of pairs of a face without and one with a smile, as `maskgan.quick_edits.smiles` reads it.

    Raises ValueError when they are too few.
    """
    if len(pairs) < _FEW:
        raise ValueError(f"{len(pairs)} people have a photo with closed lips and one with teeth; {_FEW} are needed.")
    found = [changes_of(*pair) for pair in pairs]
    stacks = {name: np.ma.masked_invalid([each[name] for each in found]) for name in found[0]}
    usual = {name: np.ma.filled(np.ma.median(stack, axis=0), np.nan) for name, stack in stacks.items()}
    shift = cv2.GaussianBlur(usual["shift"].astype(np.float32), (0, 0), _SMOOTH / (_STEP * _UNIT))
    light, known = np.nan_to_num(usual["light"]).astype(np.float32), np.isfinite(usual["light"]).astype(np.float32)
    sigma = _SMOOTH / (_STEP * _UNIT)
    share = cv2.GaussianBlur(known, (0, 0), sigma)
    light = cv2.GaussianBlur(light, (0, 0), sigma) / np.maximum(share, 0.05)
    return {
        "wider": round(float(usual["wider"]), 3),
        "lines": usual["lines"].round(4).tolist(),
        "step": _STEP,
        "shift": (1000 * shift).round().astype(int).tolist(),
        "light": (1000 * light).round().astype(int).tolist(),
    }


def pairs_of(folder: Path, images: str, source: str | None) -> list[tuple[Looked, Looked]]:
    """Faces without and with a smile of the people of a folder; see the module's text."""
    people = defaultdict(list)
    for row in read_index(folder / "index.csv"):
        if row.get("split", "train") == "train" and row.get("person") and source in (None, row.get("source")):
            people[row["person"]].append(row["id"])
    pipeline, pairs = MaskGANPipeline.load(), []
    for ids in people.values():
        if len(ids) < 2:
            continue
        closed, teeth = [], []
        for name in ids:
            path = folder / images / f"{name}.jpg"
            if not path.exists():
                continue
            face = pipeline.prepare(read_photo(path))
            try:
                scene = Scene(face.mask)
                looked = Looked(face.crop, face.mask, scene, measure_mouth(scene))
            except QuickEditImpossible:
                continue
            if all((face.mask == label).any() for label in (*EYES, Label.NOSE)):
                gap = float(looked.lines.gap.max())
                (closed if gap < _CLOSED else teeth if gap > _TEETH else []).append(looked)
        if closed and teeth:
            pairs.append((closed[0], teeth[0]))
    return pairs


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="a folder in the plain format, with a column `person` in its index")
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("--images", default="images", help="its folder of photos (default: images)")
    parser.add_argument("--source", help="only photos whose column `source` says so")
    options = parser.parse_args(arguments)
    try:
        pairs = pairs_of(options.data, options.images, options.source)
        smile = measured(pairs)
        write_lists(options.out, smile)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(pairs)} people: mouths get wider by {100 * smile['wider']:.0f} %")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
