"""Shapes of hair and hats taken from people, fitted to another face.

The wardrobe (`maskgan/wardrobe`, made by lab/prepare_wardrobe.py) holds whole label maps of the people who lent a
shape, so that the shape lies in the frame of its own eyes, cheeks and chin. To fit it, that frame is bent until these
parts lie on the other face's: across, piecewise linear through both cheeks and the middle; down, from the eyes to the
chin; the upper head and what hangs below the chin in the proportion of the faces' widths.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from maskgan.labels import FACE_PARTS, Label, flip
from maskgan.mask_files import read_mask
from maskgan.quick_edits.regions import signed_distance
from maskgan.quick_edits.scene import Scene

#: Where the wardrobe lies.
WARDROBE = Path(__file__).parents[1] / "wardrobe"


#: y in the frame to which hair hangs whose end the lender's picture cuts off.
_LONGEST = 2.3

#: From which of the rows (261, from y = -2.5 on) on hair over a forehead is looked for: pictures have few above.
_HIGH = 100


@lru_cache(maxsize=1)
def wardrobe() -> dict[str, dict[str, Any]]:
    """The wardrobe's entries by name, as in its index.json."""
    entries = json.loads((WARDROBE / "index.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in entries}


def turned_to(scene: Scene) -> int:
    """The side (-1 left in the picture, 1 right) to which a face leans, 0 for neither.

    The hair's own parting counts, then the turn of the head, then the place in the picture. A mirrored face leans the
    other way, so that mirrored masks get mirrored shapes.
    """
    left, right = scene.cheeks
    middle, half = (left + right) / 2, (right - left) / 2
    hair = scene.where(Label.HAIR)
    parting = float(scene.x[hair].mean() - middle) / half if hair.any() else 0.0
    nose = scene.part(Label.NOSE)
    turn = float(scene.x[nose].mean() - middle) / half if nose is not None else 0.0
    at = (scene.frame.origin.real - (scene.mask.shape[1] - 1) / 2) / scene.unit
    lean = next((value for value, least in ((parting, 0.12), (turn, 0.1), (at, 0.05)) if abs(value) > least), 0.0)
    return int(np.sign(lean))


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One person's shape: the label map that it lies in, and whose class it is."""

    mask: np.ndarray
    label: Label

    @cached_property
    def scene(self) -> Scene:
        """The lender's mask with its frame, cheeks and chin; nobody paints on it."""
        return Scene(self.mask)

    @cached_property
    def distance(self) -> np.ndarray:
        """Signed distance to the shape's outline in frame units (H, W) float32, positive inside."""
        distance = signed_distance(self.mask == self.label)
        return cv2.GaussianBlur(distance, (0, 0), max(0.5, 0.012 * self.scene.unit)) / self.scene.unit

    @cached_property
    def mirrored(self) -> Silhouette:
        """The shape seen in a mirror."""
        return Silhouette(flip(self.mask), self.label)

    @cached_property
    def bottom(self) -> float:
        """y of the shape's lower end in the lender's frame."""
        return float(np.percentile(self.scene.y[self.mask == self.label], 98.5))

    @property
    def length(self) -> float:
        """y in the lender's frame to which hair hangs; what the picture cuts off counts to where that usually is."""
        return min(self.bottom, _LONGEST)

    @property
    def top(self) -> float:
        """y in the lender's frame of the picture's upper edge, above the eyes."""
        frame = self.scene.frame
        return -frame.origin.imag * frame.axis.real / abs(frame.axis) ** 2

    @cached_property
    def is_cut_off(self) -> bool:
        """Whether the shape goes on above the lender's picture."""
        shape = self.mask == self.label
        return bool((shape[0] & shape[2]).any())

    def facing(self, scene: Scene) -> Silhouette:
        """The shape, or its mirror image, so that it leans to the same side as the face."""
        theirs, own = turned_to(scene), turned_to(self.scene)
        return self.mirrored if theirs and theirs != (own or -1) else self

    def places(self, scene: Scene, y: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel of a face lies in the lender's frame: x and y, each (H, W) float32.

        y: rows to look up instead of the scene's own (H, W), in its frame.
        """
        return self.across(scene), self.down(scene, scene.y if y is None else y)

    def across(self, scene: Scene) -> np.ndarray:
        """The x (H, W) of `places`."""
        (left, right), (their_left, their_right) = scene.cheeks, self.scene.cheeks
        size = self._size(scene)
        x = np.interp(
            scene.x,
            (left - 4, left, (left + right) / 2, right, right + 4),
            (
                *(their_left - 4 * size, their_left, (their_left + their_right) / 2),
                *(their_right, their_right + 4 * size),
            ),
        )
        return x.astype(np.float32)

    def down(self, scene: Scene, y: np.ndarray) -> np.ndarray:
        """The y (H, W) of `places` for rows (H, W) in the scene's frame."""
        size = self._size(scene)
        down = np.interp(
            y, (-4, 0, scene.chin, scene.chin + 5), (-4 * size, 0, self.scene.chin, self.scene.chin + 5 * size)
        )
        return down.astype(np.float32)

    def _size(self, scene: Scene) -> float:
        """How many times as wide the lender's face is, in frame units."""
        (left, right), (their_left, their_right) = scene.cheeks, self.scene.cheeks
        return (their_right - their_left) / (right - left)

    def fitted(self, scene: Scene, y: np.ndarray | None = None, smaller: float = 1.0) -> np.ndarray:
        """Signed distance (H, W) float32 to the outline of the shape as this face wears it, in frame units.

        y: rows as for `places`; smaller: by how much it is, seen from between the eyes.
        """
        cols, rows = self.scene.frame.to_pixels(*(smaller * place for place in self.places(scene, y)))
        distance = cv2.remap(self.distance, cols, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # A brim that the side of the lender's picture cut off tapers beyond it.
        beyond = np.maximum(0, np.maximum(-cols, cols - (self.mask.shape[1] - 1)))
        return distance - beyond / self.scene.unit

    def picture_places(self, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        """Column and row in the lender's picture for each pixel of a face, each (H, W) float32."""
        return self.scene.frame.to_pixels(*self.places(scene))

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The hair above the forehead: q from the middle in half faces, and y of its upper and lower edge in the frame.

        What the lender's picture cut off goes on up.
        """
        left, right = self.scene.cheeks
        middle, half = (left + right) / 2, (right - left) / 2
        across, down = np.linspace(-1.15, 1.15, 93), np.linspace(-2.5, 0.1, 261)
        places = self.scene.frame.to_pixels(*np.meshgrid(middle + half * across, down))
        hair = cv2.remap(self.distance, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) > 0
        rows = np.arange(len(down))[:, None]
        first = (hair & (rows >= _HIGH)).argmax(0)
        after = ~hair & (rows > first)
        last = np.where(after.any(0), after.argmax(0), len(down) - 1)
        above = ~hair & (rows < last)
        return across, down[np.where(above.any(0), (above * rows).max(0), 0)], down[last]

    def edges_on(self, scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The hair above another face's forehead: q from the middle in half faces, and y of its upper and lower edge in
        that face's frame, where upper heads are as high as faces are wide."""
        across, upper, lower = self.edges
        (left, right), (their_left, their_right) = scene.cheeks, self.scene.cheeks
        height = (right - left) / (their_right - their_left)
        return across, upper * height, lower * height


@cache
def silhouette(name: str) -> Silhouette:
    """A shape of the wardrobe by its name (kind hair or hat)."""
    label = Label.HAT if wardrobe()[name]["kind"] == "hat" else Label.HAIR
    return Silhouette(read_mask(WARDROBE / f"{name}.png", order="celebamask"), label)


#: Classes that no hair and no hat is painted over.
UNTOUCHED = (*(part for part in FACE_PARTS if part != Label.SKIN), Label.EYE_G)
