"""How light and dark strands of hair are, by how light the hair is: maskgan/wardrobe/hair_contrast.json.

`python -m lab.hair_contrast FOLDER OUT.json` takes a folder in the plain format (images/ID.jpg, masks/ID.png,
index.csv), and writes for hair of several median lightnesses (OKLab; Ottosson, 2020) how far its 5th, 25th, 75th and
95th percentile lie from that: medians over the photos of the split train. Recoloured hair gets that contrast. Exit
code: 0 done, 2 the folder cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from lab.data.index import read_index
from lab.data.lists import write_lists
from maskgan.editing.oklab import to_oklab
from maskgan.images import read_photo
from maskgan.labels import Label

#: Median lightnesses of hair that are told of, and how far from one hair may be to count for it.
LIGHTS, _WITHIN = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), 0.05

_PERCENTILES = (5, 25, 50, 75, 95)

#: Pixels of a 256 px crop: how far from the edge of hair it is looked at, and how many of them are enough.
_EDGE, _ENOUGH = 3, 1500

#: Photos with hair of one lightness at least.
_FEW = 8


def percentiles_of(photo: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """The percentiles of the lightness of hair, (5,) in 0..1; None where little hair is seen.

    photo: (S, S, 3) uint8 RGB; mask: (S, S) class ids.
    """
    scale = len(mask) / 256
    side = 2 * round(_EDGE * scale) + 1
    inside = cv2.erode((mask == Label.HAIR).astype(np.uint8), np.ones((side, side), np.uint8)) > 0
    if inside.sum() < _ENOUGH * scale**2:
        return None
    return np.percentile(to_oklab(photo[inside])[:, 0], _PERCENTILES)


def hair_of(data: Path, without: Sequence[str] = ()) -> Iterator[np.ndarray]:
    """The percentiles of the photos of the split train whose column `source` is none of `without`."""
    for row in read_index(data / "index.csv"):
        if row.get("split") != "train" or row.get("source") in without:
            continue
        with Image.open(data / "masks" / f"{row['id']}.png") as opened:
            mask = np.asarray(opened)
        photo = read_photo(data / "images" / f"{row['id']}.jpg")
        if photo.shape[:2] != mask.shape:
            raise ValueError(f"Photo and mask of {row['id']} differ in size; prepare the folder again.")
        found = percentiles_of(photo, mask)
        if found is not None:
            yield found


def measured(percentiles: Sequence[np.ndarray]) -> dict[str, list]:
    """What the file holds: `lights`, and for each of them `spreads`, from the lowest percentile to the highest.

    Hair that is lighter than all of `LIGHTS` counts for the last of them.

    Raises ValueError when there are too few photos with hair of one lightness.
    """
    table, middle = np.array(percentiles).reshape(-1, len(_PERCENTILES)), _PERCENTILES.index(50)
    spreads = []
    for light in LIGHTS:
        above = np.inf if light == LIGHTS[-1] else light + _WITHIN
        near = table[(table[:, middle] >= light - _WITHIN) & (table[:, middle] < above)]
        if len(near) < _FEW:
            raise ValueError(
                f"Only {len(near)} photos have hair whose lightness is about {light}; at least {_FEW} are needed."
            )
        spreads.append([round(float(value), 3) for value in np.median(near - near[:, [middle]], axis=0)])
    return {"lights": list(LIGHTS), "spreads": spreads}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="a folder in the plain format")
    parser.add_argument("out", type=Path, help="the file to write")
    parser.add_argument("--without", nargs="*", default=(), help="values of the column `source` to leave out")
    options = parser.parse_args(arguments)
    try:
        percentiles = list(hair_of(options.data, options.without))
        write_lists(options.out, measured(percentiles))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"hair of {len(percentiles)} photos")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
