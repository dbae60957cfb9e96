"""Faces with masks -> the wardrobe: `python -m lab.prepare_wardrobe RECIPE OUT --data FOLDER...`.

The wardrobe holds what edits take from people: silhouettes of hair and hats, their pictures, outlines of glasses, an
ear and a row of teeth. RECIPE is a JSON list; each entry has `name`, `title`, `kind` (hair, hat, glasses, ear or teeth)
and either `outline`, points of one lens (see `lens_outline` in
maskgan/quick_edits/lenses.py), or `id`, a face of one of the FOLDERs in the plain format (images/ID.jpg,
masks/ID.png, index.csv). With an `id` may come `polygon`, the hat's outline in pixels of a 256 px crop (x, y; negative
y above the crop), or `crown`, the outline of what lies above the crop alone; `top`, rows that are mirrored above the
crop to make room for it; `over_hair`, half the width of the head with the hair that the hat sits on, in half faces, if
that makes it large; and `picture`: true to keep the picture beside the mask. With `piece`, an object of
`lab.matting.cut_out`'s options, maybe empty, hair is kept with its matte, and a hat without its ground (needs
pymatting); its `ears` is an outline like `polygon`, too, and its `without` a list of them. Of an entry of kind `ear`
the `polygon` is the outline of the ear on the left side of the picture, and `size` the height in frame units at which
it is worn. Of one of kind `teeth` they are half a row, see `lab.teeth.teeth_of`.

OUT/index.json lists the entries with source and licence, OUT/NAME.png are the masks, OUT/NAME.jpg the pictures, and
OUT/NAME.webp hairpieces with transparency.
Pixels that nobody labelled get the class of the parser, or of FOLDER given by --masks (ID.png).
Exit code: 0 done, 2 the command is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from lab.data.index import read_index
from lab.ears import ear_of
from lab.matting import Cutout, cut_out
from lab.teeth import teeth_of
from maskgan.blending import nearest_of
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import read_photo
from maskgan.labels import IGNORE, Label, flip
from maskgan.mask_files import resize_mask, write_mask
from maskgan.sizes import CROP_SIZE

#: Sides of the crops that are kept: of hair, whose strands are kept apart, in which polygons are drawn; and of hats.
SIZE, HAT_SIZE = 256, 512

#: How wide a hat's outline is evened out, in pixels of a 256 px crop, and what of a pixel is the hat's then.
_EVEN, _MOSTLY = 2.5, 0.55

#: How often the corners of a polygon are cut and by how many pixels at most; how much crisper an enlarged picture is
#: made, within how many pixels.
_CORNERS, _CUT, _CRISPER, _WITHIN = 2, 4.0, 0.6, 1.5


class Faces:
    """Faces of plain folders by id: pictures, masks and the columns of their indexes."""

    def __init__(self, folders: Sequence[Path], masks: Path | None) -> None:
        self.masks = masks
        self.rows: dict[str, tuple[Path, dict[str, str]]] = {}
        for folder in folders:
            self.rows.update({row["id"]: (folder, row) for row in read_index(folder / "index.csv")})
        self.pipeline: MaskGANPipeline | None = None

    def row(self, name: str) -> dict[str, str]:
        """The columns of a face; raises ValueError when no folder has it."""
        if name not in self.rows:
            raise ValueError(f"No folder has a face {name!r}; give the folder that holds it with --data.")
        return self.rows[name][1]

    def picture(self, name: str, size: int = SIZE) -> np.ndarray:
        """(size, size, 3) uint8 RGB."""
        photo = read_photo(self.rows[name][0] / "images" / f"{name}.jpg")
        return (
            enlarged(photo, size)
            if len(photo) < size
            else cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA)
        )

    def mask(self, name: str) -> np.ndarray:
        """(256, 256) uint8 class ids; what nobody labelled is filled in."""
        folder = self.rows[name][0]
        mask = resize_mask(np.asarray(Image.open(folder / "masks" / f"{name}.png")), (SIZE, SIZE))
        unknown = mask == IGNORE
        if not unknown.any():
            return mask
        if self.masks is not None and (self.masks / f"{name}.png").is_file():
            guess = resize_mask(np.asarray(Image.open(self.masks / f"{name}.png")), (SIZE, SIZE))
        else:
            self.pipeline = self.pipeline or MaskGANPipeline.load()
            guess = self.pipeline.parse_picture(self.picture(name))
        return np.where(unknown, guess, mask).astype(np.uint8)

    def whole(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A face's photo at its own size and its mask (256, 256) by the parser."""
        photo = read_photo(self.rows[name][0] / "images" / f"{name}.jpg")
        self.pipeline = self.pipeline or MaskGANPipeline.load()
        mask, _ = self.pipeline.parse(cv2.resize(photo, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA))
        return photo, resize_mask(mask, (SIZE, SIZE), smooth=True)

    def cut_out(self, entry: dict[str, Any]) -> Cutout:
        """A face's hair or hat at its photo's own size, by the parser's mask or the entry's polygon."""
        name, label = entry["id"], Label.HAT if entry["kind"] == "hat" else Label.HAIR
        photo = read_photo(self.rows[name][0] / "images" / f"{name}.jpg")
        self.pipeline = self.pipeline or MaskGANPipeline.load()
        crop = cv2.resize(photo, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        mask, _ = self.pipeline.parse(crop)
        sure = self.pipeline.engine.parse(crop)[label]
        sides = photo.shape[1::-1]
        mask = cv2.resize(mask, sides, interpolation=cv2.INTER_NEAREST)
        sure = cv2.resize(sure.astype(np.float32), sides, interpolation=cv2.INTER_CUBIC)
        if "polygon" in entry:
            drawn = filled(entry["polygon"], photo.shape[:2], len(photo) / SIZE)
            mask = np.where(drawn, label, np.where(mask == label, Label.HAIR, mask)).astype(np.uint8)
            sure = np.where(drawn, 1, 0).astype(np.float32)
        options = dict(entry["piece"])
        if "ears" in options:
            options["ears"] = filled(options["ears"], photo.shape[:2], len(photo) / SIZE)
        if "without" in options:
            outlines = [filled(each, photo.shape[:2], len(photo) / SIZE) for each in options["without"]]
            options["without"] = np.any(outlines, axis=0)
        return cut_out(photo, mask, sure, label, **options)


def enlarged(photo: np.ndarray, size: int) -> np.ndarray:
    """A small photo (s, s, 3) uint8 at another size, a little crisper than it would be."""
    large = cv2.resize(photo.astype(np.float32), (size, size), interpolation=cv2.INTER_LANCZOS4)
    crisp = large + _CRISPER * (large - cv2.GaussianBlur(large, (0, 0), _WITHIN))
    return crisp.round().clip(0, 255).astype(np.uint8)


def rounded(polygon: list[list[float]]) -> np.ndarray:
    """A polygon (n, 2) in pixels whose corners are cut (Chaikin, 1974), large ones a little: (4 n, 2) float64."""
    points = np.array(polygon, np.float64)
    for _ in range(_CORNERS):
        following = np.roll(points, -1, axis=0)
        way = following - points
        cut = np.minimum(0.25, _CUT / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-6)) * way
        points = np.stack([points + cut, following - cut], 1).reshape(-1, 2)
    return points


def filled(polygon: list[list[float]], shape: tuple[int, ...], scale: float, top: int = 0) -> np.ndarray:
    """What lies within a polygon (x, y) of a 256 px crop, in a picture of that scale with rows above it: bool."""
    region = np.ones(shape, bool)
    for points in (np.array(polygon, np.float64), rounded(polygon)):  # in its re-entrant corners is none of it
        drawn = np.zeros(shape, np.uint8)
        cv2.fillPoly(drawn, [np.rint(16 * (scale * points + np.array((0, top)))).astype(np.int32)], 1, shift=4)
        region &= drawn > 0
    return region


def mirrored(mask: np.ndarray, side: str | None) -> np.ndarray:
    """A mask (S, S) whose other side is this one's mirror image, as `lab.matting.cut_out` makes one of the hair."""
    if side is None:
        return mask
    left = np.arange(mask.shape[1]) < mask.shape[1] // 2
    return np.where(left == (side == "left"), mask, flip(mask))


def evened(mask: np.ndarray) -> np.ndarray:
    """A mask (h, w) uint8 whose hat has an outline without notches, since a matte follows each lock of hair before it.

    What the hat loses is what lies beside it.
    """
    hat = mask == Label.HAT
    share = hat.astype(np.float32)
    even = cv2.GaussianBlur(share, (0, 0), _EVEN * mask.shape[1] / SIZE, borderType=cv2.BORDER_REPLICATE) > _MOSTLY
    return np.where(even, Label.HAT, nearest_of(mask, ~hat)).astype(np.uint8)


def tailor(entry: dict[str, Any], picture: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One entry's picture and mask: the drawn polygon laid in, rows added above, specks of hair taken away."""
    scale = len(mask) / SIZE
    top = round(scale * entry.get("top", 0))
    picture = cv2.copyMakeBorder(picture, top, 0, 0, 0, cv2.BORDER_REFLECT_101)
    mask = cv2.copyMakeBorder(mask, top, 0, 0, 0, cv2.BORDER_CONSTANT, value=int(Label.BACKGROUND))
    if "polygon" in entry:
        hat = filled(entry["polygon"], mask.shape, scale, top)
        if "piece" in entry:  # below the crop's upper edge the matte knows better
            hat[top:] &= mask[top:] == Label.HAT
        mask[mask == Label.HAT] = Label.HAIR
        mask[hat] = Label.HAT
    if "crown" in entry:
        mask[filled(entry["crown"], mask.shape, scale, top) & (np.arange(len(mask))[:, None] < top)] = Label.HAT
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((mask == Label.HAIR).astype(np.uint8), connectivity=8)
    if count > 2:
        mask[(mask == Label.HAIR) & (pieces != 1 + stats[1:, cv2.CC_STAT_AREA].argmax())] = Label.BACKGROUND
    return picture, evened(mask) if entry["kind"] == "hat" else mask


def prepare(recipe: list[dict[str, Any]], faces: Faces, out: Path) -> None:
    """Write the wardrobe that the recipe asks for."""
    out.mkdir(parents=True, exist_ok=True)
    index = []
    for entry in recipe:
        row = faces.row(entry["id"]) if "id" in entry else {}
        kept = {key: entry[key] for key in ("name", "title", "kind", "outline", "over_hair") if key in entry}
        credit = {key: row[key] for key in ("id", "source", "licence", "attribution") if row.get(key)}
        size = HAT_SIZE if entry["kind"] == "hat" else SIZE
        index.append(kept | credit | ({"top": entry["top"] * size // SIZE} if entry.get("top") else {}))
        if "id" not in entry:
            continue
        if entry["kind"] in ("ear", "teeth"):
            whole, polygon = faces.whole(entry["id"]), np.array(entry["polygon"], np.float32)
            if entry["kind"] == "ear":
                picture, more = ear_of(*whole, polygon, entry["size"])
            else:
                picture, more = teeth_of(*whole, polygon, entry["bend"])
            Image.fromarray(picture).save(out / f"{entry['name']}.jpg", quality=92, subsampling=0, optimize=True)
            index[-1].update(more)
            continue
        picture = faces.picture(entry["id"], size)
        mask = resize_mask(faces.mask(entry["id"]), (size, size), smooth=True)
        if "piece" in entry:
            piece = faces.cut_out(entry)
            mask = mirrored(mask, entry["piece"].get("mirrored"))
            way = cv2.INTER_AREA if len(piece.alpha) >= size else cv2.INTER_CUBIC
            alpha = cv2.resize(piece.alpha, (size, size), interpolation=way)
            label, instead = (Label.HAT, Label.HAIR) if entry["kind"] == "hat" else (Label.HAIR, Label.BACKGROUND)
            mask = np.where(alpha > 0.5, label, np.where(mask == label, instead, mask)).astype(np.uint8)
            if entry["kind"] == "hat":
                small = len(piece.colours) < size
                colours = (
                    enlarged(piece.colours, size)
                    if small
                    else cv2.resize(piece.colours, (size, size), interpolation=way)
                )
                picture = np.where(alpha[..., None] > 0.2, colours, picture)
            else:
                image = Image.fromarray(np.dstack([piece.colours, (255 * piece.alpha).round().astype(np.uint8)]))
                image.save(out / f"{entry['name']}.webp", quality=88, alpha_quality=90, method=6)
        picture, mask = tailor(entry, picture, mask)
        write_mask(out / f"{entry['name']}.png", mask)
        if entry.get("picture"):
            Image.fromarray(picture).save(out / f"{entry['name']}.jpg", quality=85, optimize=True)
    (out / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders in the plain format")
    parser.add_argument("--masks", type=Path, help="folder of ID.png that fill in what nobody labelled")
    options = parser.parse_args(arguments)
    try:
        recipe = json.loads(options.recipe.read_text(encoding="utf-8"))
        prepare(recipe, Faces(options.data, options.masks), options.out)
    except ModuleNotFoundError as error:
        print(f"error: {error}; hairpieces need the package pymatting: pip install pymatting", file=sys.stderr)
        return 2
    except (OSError, ValueError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
