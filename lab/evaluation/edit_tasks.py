"""Edits whose right answer is known, made of photos with masks.

* reshape: the photo and its mask are bent at one part; the edit asks for the mask before, so that the photo before is
  the answer.
* fill: a part, or a band along the border of hair or skin, is hidden under its surroundings, in photo and mask; the
  edit asks for the whole mask.
* remove: glasses, earrings or a necklace are drawn on; the edit asks for the mask without.
* uncover: background beside hair is hidden under more of that hair; the edit asks for the mask without.

Each task is a pure function of the face and a random generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from lab.data.accessories import draw_glasses, draw_necklace, drawn_earring, lobes, put
from lab.data.faces import FaceWithMask
from maskgan.blending import mirrored_beyond, nearest_of
from maskgan.editing.flows import jacobian, unfolded, warp_mask, warp_picture
from maskgan.labels import Label

#: Parts that are bent or hidden together.
PARTS: dict[str, tuple[Label, ...]] = {
    "mouth": (Label.MOUTH, Label.U_LIP, Label.L_LIP),
    "eyes": (Label.L_EYE, Label.R_EYE),
    "brows": (Label.L_BROW, Label.R_BROW),
    "nose": (Label.NOSE,),
}
JAW, BANDS = "jaw", {"hair": Label.HAIR, "skin": Label.SKIN}

#: How far photos are bent, as shares of their side, and what is measured around pixels whose class changes.
_BENT = (0.02, 0.06)
_AROUND = 4 / 256
_SMALLEST = 40 / 256**2


@dataclass(frozen=True)
class EditTask:
    """photo (S, S, 3) uint8 with mask (S, S); the edit asks for the mask `wanted`; the answer is truth (S, S, 3).

    kind: of `KINDS`; part: what it is about; region: (S, S) bool, where answers are measured.
    """

    kind: str
    part: str
    photo: np.ndarray
    mask: np.ndarray
    wanted: np.ndarray
    truth: np.ndarray
    region: np.ndarray


def _grown(region: np.ndarray, share: float) -> np.ndarray:
    side = 2 * max(1, round(share * len(region))) + 1
    return cv2.dilate(region.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0


def _pieces(mask: np.ndarray, part: str) -> list[np.ndarray]:
    """The places (S, S) bool of a part: each eye by itself, the jaw as the lower edge of the skin."""
    if part == JAW:
        rows = np.flatnonzero((mask == Label.SKIN).any(1))
        if not len(rows):
            return []
        low = np.arange(len(mask))[:, None] > rows[0] + 0.6 * np.ptp(rows)
        edge = cv2.morphologyEx((mask == Label.SKIN).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        beside = (mask == Label.NECK) | (mask == Label.HAIR) | (mask == Label.BACKGROUND) | (mask == Label.SKIN)
        pieces = [(edge > 0) & low & beside]
    elif part in ("eyes", "brows"):
        pieces = [mask == label for label in PARTS[part]]
    else:
        pieces = [np.isin(mask, PARTS[part])]
    return [piece for piece in pieces if piece.sum() > _SMALLEST * mask.size]


def reshape(face: FaceWithMask, random: np.random.Generator, part: str) -> EditTask | None:
    """Bend a part by a smooth displacement: a shift, a turn and a scale of its surroundings, fading away from it."""
    size = len(face.mask)
    pieces = _pieces(face.mask, part)
    flow = np.zeros((size, size, 2), np.float32)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    for piece in pieces:
        rows, columns = np.nonzero(piece)
        centre = np.array([columns.mean(), rows.mean()])
        reach = 0.5 * max(np.ptp(rows), np.ptp(columns)) + 0.04 * size
        amount = random.uniform(*_BENT) * size
        angle = random.uniform(0, 2 * np.pi)
        bend = amount / reach * random.normal(0, 0.5, (2, 2))
        away = np.maximum(np.hypot(x - centre[0], y - centre[1]) / reach - 0.4, 0)
        weight = np.exp(-(away**2) / 0.5)[..., None]
        shift = amount * 0.5 * np.array([np.cos(angle), np.sin(angle)])
        own = shift + np.stack([x - centre[0], y - centre[1]], -1) @ bend.T
        longest = np.hypot(*np.moveaxis(weight * own, -1, 0)).max()
        flow += (weight * own * amount / max(longest, 1e-6)).astype(np.float32)
    flow[np.hypot(flow[..., 0], flow[..., 1]) < 0.05] = 0
    if not flow.any():
        return None
    flow = unfolded(flow)
    if jacobian(flow).min() <= 0:
        return None
    mask = warp_mask(face.mask, flow)
    region = _grown(mask != face.mask, _AROUND)
    if region.sum() < _SMALLEST * mask.size:
        return None
    return EditTask("reshape", part, warp_picture(face.image, flow), mask, face.mask, face.image, region)


def fill(face: FaceWithMask, random: np.random.Generator, part: str) -> EditTask | None:
    """Hide a part, or a band of hair or skin along its border, under the nearest other pixels."""
    size = len(face.mask)
    if part in BANDS:
        own = face.mask == BANDS[part]
        inside = cv2.distanceTransform(own.astype(np.uint8), cv2.DIST_L2, 5)
        hidden = own & (inside < random.uniform(0.03, 0.08) * size)
        # A sector of the border, not all of it.
        y, x = np.mgrid[:size, :size] - size / 2
        turned = np.arctan2(y, x) - random.uniform(-np.pi, np.pi)
        hidden &= np.abs(np.angle(np.exp(1j * turned))) < np.pi / 5
        sources = ~own
    else:
        pieces = _pieces(face.mask, part)
        if not pieces:
            return None
        hidden = _grown(np.logical_or.reduce(pieces), 2 / 256)
        sources = ~hidden
    if hidden.sum() < _SMALLEST * face.mask.size or not sources.any():
        return None
    mask = np.where(hidden, nearest_of(face.mask, sources), face.mask)
    covered = cv2.inpaint(face.image, hidden.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    region = _grown(mask != face.mask, 1 / 256)
    if region.sum() < _SMALLEST * mask.size:
        return None
    return EditTask("fill", part, covered, mask, face.mask, face.image, region)


def remove(face: FaceWithMask, random: np.random.Generator, part: str) -> EditTask | None:
    """Draw glasses, earrings or a necklace on a face that wears none."""
    label = {"glasses": Label.EYE_G, "earrings": Label.EAR_R, "necklace": Label.NECK_L}[part]
    if (face.mask == label).any():
        return None
    if part == "glasses":
        worn = draw_glasses(face, random)
    elif part == "necklace":
        worn = draw_necklace(face, random)
    else:
        worn = face
        for place in lobes(face.mask, random):
            worn = put(worn, drawn_earring(random), place, Label.EAR_R, float(random.uniform(0.9, 1.4)), 0.0)
    region = _grown((worn.mask != face.mask) | (worn.image != face.image).any(-1), 1 / 256)
    if not (worn.mask == label).any():
        return None
    return EditTask("remove", part, worn.image, worn.mask, face.mask, face.image, region)


def uncover(face: FaceWithMask, random: np.random.Generator, part: str) -> EditTask | None:
    """Hide the background beside some of the hair under more of it; the answer is the background behind."""
    size, hair = len(face.mask), face.mask == Label.HAIR
    if hair.sum() < _SMALLEST * hair.size:
        return None
    away = cv2.distanceTransform((~hair).astype(np.uint8), cv2.DIST_L2, 5)
    hidden = (face.mask == Label.BACKGROUND) & (away < random.uniform(0.06, 0.14) * size)
    y, x = np.mgrid[:size, :size] - size / 2
    turned = np.arctan2(y, x) - random.uniform(-np.pi, np.pi)
    hidden &= np.abs(np.angle(np.exp(1j * turned))) < np.pi / 3
    if hidden.sum() < _SMALLEST * hidden.size:
        return None
    covered = mirrored_beyond(face.image.astype(np.float32), hair, hidden, size // 4)
    covered = np.where(hidden[..., None], covered.round(), face.image).astype(np.uint8)
    mask = np.where(hidden, np.uint8(Label.HAIR), face.mask)
    return EditTask("uncover", part, covered, mask, face.mask, face.image, hidden)


#: Every task's maker and its parts, by kind.
KINDS: dict[str, tuple[Callable[[FaceWithMask, np.random.Generator, str], EditTask | None], tuple[str, ...]]] = {
    "reshape": (reshape, (*PARTS, JAW)),
    "fill": (fill, (*PARTS, *BANDS)),
    "remove": (remove, ("glasses", "earrings", "necklace")),
    "uncover": (uncover, ("background",)),
}


def tasks_of(face: FaceWithMask, number: int) -> list[EditTask]:
    """One task of each kind for a face, its parts in turns over the faces; always the same ones for a number."""
    tasks = []
    for kind, (make, parts) in KINDS.items():
        random = np.random.default_rng([number, len(kind)])
        for step in range(len(parts)):  # the next part where this face lacks one
            task = make(face, random, parts[(number + step) % len(parts)])
            if task is not None:
                tasks.append(task)
                break
    return tasks
