"""Half a row of teeth for the wardrobe, cut out of a photo of somebody who smiles, seen from the front.

`python -m lab.teeth FOLDER` fits what `maskgan.editing.teeth` knows of their colour: that of teeth by that of the skin
around the mouth, on the faces of a folder in the plain format (images/ID.jpg, masks/ID.png, index.csv) that show some.
Exit code: 0 done, 2 the folder cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lab.data.index import read_index
from maskgan.blending import nearest_of
from maskgan.editing.oklab import to_oklab
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.quick_edits.scene import Scene

#: Pixels to a frame unit that are kept, and how much is kept around the row in frame units.
_KEPT, _AROUND = 192, 0.05

#: How far within the row's outline its pixels are sure, in frame units.
_WITHIN = 0.004

#: Percentile of the lightness of the row that light teeth have.
_LIGHT = 80

#: Share of a picture from which on an open mouth shows teeth, the part of it, by lightness, that they are, and how far
#: around it, as a share of the side, skin is looked at; pixels of that at least.
_OPEN, _TEETH, _BESIDE, _FEW = 0.0045, 0.6, 1 / 12, 100


def teeth_of(
    photo: np.ndarray, mask: np.ndarray, polygon: np.ndarray, bend: float
) -> tuple[np.ndarray, dict[str, object]]:
    """The picture of half a row of teeth, (h, w, 3) uint8, and `edges`, `box`, `height`, `bend` and `colour` of its
    entry in the wardrobe (see `maskgan.editing.teeth.Teeth`).

    photo: (H, H, 3) uint8; mask: (S, S) of the same face; polygon: (N, 2) x and y of the outline of the upper teeth on
    the right side of the picture, in pixels of the mask, from the middle of the row at the lip to its middle at the
    edges of the teeth; bend: how much higher than in the middle the edges lie, per distance squared in frame units.
    """
    scene = Scene(mask)
    places = (polygon @ (1, 1j) - scene.frame.origin) / scene.frame.axis
    outline = np.stack([places.real - places.real[-1], places.imag - places.imag[-1]], 1)
    box = left, top, right, bottom = (
        *(0.0, float(outline[:, 1].min())),
        *(float(axis.max()) + _AROUND for axis in outline.T),
    )
    columns, lines = round((right - left) * _KEPT), round((bottom - top) * _KEPT)
    fine = 4
    us = left + (np.arange(fine * columns) + 0.5) / (fine * _KEPT)
    vs = top + (np.arange(fine * lines) + 0.5) / (fine * _KEPT)
    cols, rows = scene.frame.to_pixels(us[None] + places.real[-1], vs[:, None] + places.imag[-1])
    step = len(photo) / len(mask)
    cols, rows = ((np.broadcast_to(plane, (len(vs), len(us))) + 0.5) * step - 0.5 for plane in (cols, rows))
    picture = cv2.remap(photo, cols.astype(np.float32), rows.astype(np.float32), cv2.INTER_CUBIC)
    inside = np.zeros(picture.shape[:2], np.uint8)
    points = (outline - (left, top)) * (fine * _KEPT) - 0.5
    cv2.fillPoly(inside, [np.rint(points * 16).astype(np.int32)], 1, shift=4)
    deep = cv2.distanceTransform(cv2.copyMakeBorder(inside, 0, 0, 1, 0, cv2.BORDER_REPLICATE), cv2.DIST_L2, 5)[:, 1:]
    picture = nearest_of(picture, deep > _WITHIN * fine * _KEPT)
    lab = to_oklab(picture[inside > 0])
    colour = np.percentile(lab[:, 0], _LIGHT), *np.median(lab[:, 1:], axis=0)
    height = -float(outline[0, 1])
    entry = {
        "edges": outline[: outline[:, 0].argmax() : -1].round(4).tolist(),
        "box": [round(value, 4) for value in box],
        "height": round(height, 4),
        "bend": bend,
        "colour": [round(float(value), 4) for value in colour],
    }
    return cv2.resize(picture, (columns, lines), interpolation=cv2.INTER_AREA), entry


def teeth_and_skin(photo: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """OKLab (2, 3) of the teeth and of the skin around the mouth of a photo (S, S, 3) uint8 with its mask (S, S); None
    where the mouth is not open or there is little skin."""
    mouth = mask == Label.MOUTH
    if mouth.mean() < _OPEN:
        return None
    rows, columns = np.nonzero(mouth)
    reach = round(_BESIDE * len(mask))
    near = tuple(slice(max(0, at.min() - reach), at.max() + reach) for at in (rows, columns))
    skin = to_oklab(photo[near][mask[near] == Label.SKIN])
    teeth = to_oklab(photo[mouth])
    teeth = teeth[teeth[:, 0] >= np.quantile(teeth[:, 0], _TEETH)]
    return np.stack([np.median(teeth, axis=0), np.median(skin, axis=0)]) if len(skin) >= _FEW else None


def fit_colours(faces: np.ndarray) -> dict[str, tuple[float, float, float]]:
    """Lines of the teeth's lightness, a and b over the skin's on faces (N, 2, 3): slope, value at 0, standard error."""
    fits = {}
    for axis, name in enumerate(("lightness", "a", "b")):
        teeth, skin = faces[:, :, axis].T
        slope, start = np.polyfit(skin, teeth, 1)
        fits[name] = float(slope), float(start), float((teeth - slope * skin - start).std())
    return fits


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="a folder in the plain format")
    folder = parser.parse_args(arguments).data
    try:
        found = []
        for row in read_index(folder / "index.csv"):
            mask = np.asarray(Image.open(folder / "masks" / f"{row['id']}.png"))
            photo = read_photo(folder / "images" / f"{row['id']}.jpg")
            found.append(teeth_and_skin(cv2.resize(photo, mask.shape[::-1], interpolation=cv2.INTER_AREA), mask))
        faces = np.array([each for each in found if each is not None])
        if len(faces) < 2:
            raise ValueError("Fewer than two faces of this folder show teeth.")
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{len(faces)} faces")
    for name, (slope, start, error) in fit_colours(faces).items():
        print(f"{name:10} {slope:6.3f} of the skin's {start:+.3f}, standard error {error:.4f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
