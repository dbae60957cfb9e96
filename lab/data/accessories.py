"""Glasses, hats, earrings and necklaces on faces that wear none, for face parsing.

Parts of rendered heads are put where this face would wear them; earrings, necklaces and frames are also drawn. Labels
follow the paint order of CelebAMask-HQ: eyes and brows stay on top of glasses. Pure functions of the face and the
generator, as in `lab/data/augment.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from lab.data.faces import FaceWithMask, Sample, load, read_ids
from lab.data.grounds import blend, texture
from lab.data.outlines import whole_hat
from maskgan.labels import Label

_EYES = (Label.L_EYE, Label.R_EYE)
_BROWS = (Label.L_BROW, Label.R_BROW)
#: Drawn things are painted larger by this and averaged.
_FINE = 4


@dataclass(frozen=True)
class Piece:
    """Part of a picture: `image` (h, w, 3) uint8, `shape` (h, w) float32, how far each pixel is covered, and the point
    (x, y) it hangs by."""

    image: np.ndarray
    shape: np.ndarray
    anchor: tuple[float, float]
    #: Pixels of this piece per pixel of a face of 256 px.
    scale: float = 1.0


def put(
    face: FaceWithMask,
    piece: Piece,
    place: tuple[float, float],
    label: Label,
    zoom: float = 1.0,
    angle: float = 0.0,
    opacity: np.ndarray | None = None,
    over: Sequence[Label] | None = None,
    under: Sequence[Label] = (),
) -> FaceWithMask:
    """Paint a piece with its anchor at `place` (x, y) of the face and label it.

    Args:
        zoom, angle: size relative to its own, and turn in degrees about the anchor.
        opacity: (h, w) of the piece, 1 where it is not given.
        over: only pixels of these classes are covered (all when None).
        under: pixels of these classes are painted over but keep their labels.
    """
    size = face.mask.shape[0]
    matrix = cv2.getRotationMatrix2D(piece.anchor, angle, zoom * size / 256 / piece.scale)
    matrix[:, 2] += np.subtract(place, piece.anchor)
    alpha = piece.shape if opacity is None else opacity * piece.shape
    inverse = 1 / max(zoom * size / 256 / piece.scale, 1e-3)  # shrunk by more than 2: average first
    blur = cv2.GaussianBlur if inverse > 1.5 else None
    picture, shape = piece.image, piece.shape
    if blur is not None:
        picture, shape, alpha = (blur(x, (0, 0), inverse / 3) for x in (picture, shape, alpha))
    picture = cv2.warpAffine(picture, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
    shape = cv2.warpAffine(shape, matrix, (size, size)) > 0.4
    alpha = cv2.warpAffine(alpha, matrix, (size, size))
    if over is not None:
        allowed = np.isin(face.mask, over)
        shape &= allowed
        alpha = alpha * allowed
    if not shape.any():
        return face
    alpha = cv2.GaussianBlur(alpha, (0, 0), 0.5 * size / 256)[..., None]
    image = blend(face.image, picture, alpha)
    shape &= ~np.isin(face.mask, under)
    return FaceWithMask(image, np.where(shape, np.uint8(label), face.mask))


def pieces_of(face: FaceWithMask, label: Label, least: int = 12) -> list[Piece]:
    """The connected pieces of a class, each hung by the middle of its top; the smallest have `least` pixels."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats((face.mask == label).astype(np.uint8))
    pieces = []
    for number in range(1, count):
        x, y, width, height, area = stats[number]
        if area < least:
            continue
        rows = slice(max(0, y - 2), y + height + 2)
        cols = slice(max(0, x - 2), x + width + 2)
        shape = (numbers[rows, cols] == number).astype(np.float32)
        top = np.nonzero(shape[y - rows.start])[0].mean()
        pieces.append(Piece(face.image[rows, cols], shape, (float(top), float(y - rows.start))))
    return pieces


def metal(random: np.random.Generator) -> np.ndarray:
    """The colour (3,) of gold, silver, pearl, black or plastic."""
    named = ((212, 175, 85), (190, 192, 198), (235, 228, 215), (28, 26, 28), (150, 105, 60))
    choice = int(random.integers(len(named) + 1))
    base = random.uniform(0, 255, 3) if choice == len(named) else np.array(named[choice], float)
    return (base * np.exp(random.normal(0, 0.15))).clip(0, 255)


def shaded(drawing: np.ndarray, fine: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A drawing (h * fine, w * fine) uint8 of 0 and 1 -> its picture (h, w, 3) uint8 and coverage (h, w) float32.

    Everything drawn is of one stuff, lit as something round is.
    """
    shape = cv2.resize(drawing.astype(np.float32), None, fx=1 / fine, fy=1 / fine, interpolation=cv2.INTER_AREA)
    height, width = shape.shape
    depth = cv2.GaussianBlur(shape, (0, 0), 1.0)
    gleam = cv2.resize(random.standard_normal((6, 6), dtype=np.float32), (width, height))
    light = 0.45 + 0.6 * depth + random.uniform(0.1, 0.4) * gleam
    picture = light[..., None] * metal(random).astype(np.float32)
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8), shape


def drawn_earring(random: np.random.Generator) -> Piece:
    """A stud, pearl, hoop or drop, hung by its top."""
    side = 72 * _FINE
    shape = np.zeros((side, side), np.uint8)
    x, y = side // 2, 8
    kind = random.random()
    size = _FINE * np.exp(random.uniform(np.log(3), np.log(24 if kind < 0.75 else 16)))
    if kind < 0.25:  # stud or pearl
        radius = int(_FINE * random.uniform(1.5, 5))
        cv2.circle(shape, (x, y + radius // 2), radius, 1, -1)
    elif kind < 0.6:  # hoop
        width, thick = size * random.uniform(0.35, 1), int(_FINE * random.uniform(1, 3))
        cv2.ellipse(shape, (x, int(y + size)), (int(width), int(size)), 0, 0, 360, 1, max(2, thick))
    else:  # drop: a chain of parts, each of another shape
        end = y + _FINE * random.uniform(0, 8)
        cv2.line(shape, (x, y), (x, int(end)), 1, max(2, int(_FINE * random.uniform(0.6, 1.5))))
        for _ in range(int(random.integers(1, 4))):
            width, height = size * random.uniform(0.2, 0.7), size * random.uniform(0.3, 0.8)
            centre = (x, int(end + height))
            if random.random() < 0.6:
                cv2.ellipse(shape, centre, (max(2, int(width)), max(2, int(height))), 0, 0, 360, 1, -1)
            else:
                offsets = np.array([(0, -height), (width, 0), (0, height), (-width, 0)])
                cv2.fillPoly(shape, [(offsets + centre).astype(np.int32)], 1)
            end = min(end + 2 * height, side - 20)
    return Piece(*shaded(shape, 2, random), (x / 2, y / 2), _FINE / 2)


def lobes(mask: np.ndarray, random: np.random.Generator) -> list[tuple[float, float]]:
    """Where earrings hang (x, y): ears' lowest points; where hair hides an ear, now and then beside the cheek."""
    places = []
    nose = np.nonzero(mask == Label.NOSE)
    for ear, right in ((Label.L_EAR, True), (Label.R_EAR, False)):
        rows, cols = np.nonzero(mask == ear)
        if len(rows) > 0.0004 * mask.size:
            lowest = rows >= np.quantile(rows, 0.93)
            places.append((float(cols[lowest].mean()), float(np.quantile(rows, 0.97))))
        elif len(nose[0]) and random.random() < 0.5:
            row = min(int(nose[0].max() + random.uniform(-0.01, 0.06) * mask.shape[0]), mask.shape[0] - 1)
            skin = np.nonzero(mask[row] == Label.SKIN)[0]
            if len(skin):
                beside = random.uniform(-0.005, 0.03) * mask.shape[0]
                places.append((float(skin.max() + beside) if right else float(skin.min() - beside), float(row)))
    return places


def draw_necklace(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """A chain, cord, choker or string of beads around the neck, with a pendant every other time."""
    size = face.mask.shape[0]
    rows, cols = np.nonzero(face.mask == Label.NECK)
    if len(rows) < 0.01 * face.mask.size:
        return face
    top, bottom = np.quantile(rows, 0.15), np.quantile(rows, 0.98)
    middle = (cols.min() + cols.max()) / 2 + random.normal(0, 0.02) * size
    half = (cols.max() - cols.min()) / 2 * random.uniform(0.8, 1.3)
    lowest = top + (bottom - top) * random.uniform(0.35, 1.15)
    sag = random.uniform(0.05, 0.9) * half
    t = np.linspace(-1, 1, 400)
    power = random.uniform(1.3, 2.6)
    fine = max(1, round(_FINE * 256 / size))
    curve = np.stack([middle + half * t, lowest - sag * np.abs(t) ** power], 1) * fine
    shape = np.zeros((size * fine,) * 2, np.uint8)
    thick = fine * size / 256 * np.exp(random.uniform(np.log(0.8), np.log(5)))
    if random.random() < 0.45:  # beads
        lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))])
        for at in np.arange(0, lengths[-1], 2 * thick * random.uniform(0.9, 1.4)):
            centre = (int(np.interp(at, lengths, curve[:, 0])), int(np.interp(at, lengths, curve[:, 1])))
            cv2.circle(shape, centre, max(2, int(thick)), 1, -1)
    else:
        cv2.polylines(shape, [curve.astype(np.int32)], False, 1, max(2, int(thick)))
    if random.random() < 0.5:
        height = fine * size / 256 * random.uniform(2, 10)
        centre = (int(middle * fine), int(lowest * fine + height))
        cv2.ellipse(shape, centre, (int(height * random.uniform(0.4, 1.1)) + 1, int(height)), 0, 0, 360, 1, -1)
    piece = Piece(*shaded(shape, fine, random), (0.0, 0.0), size / 256)
    over = (Label.NECK, Label.CLOTH) if random.random() < 0.5 else (Label.NECK,)
    return put(face, piece, (0.0, 0.0), Label.NECK_L, over=over)


def draw_glasses(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Frames around the eyes: rounds, rectangles or half rims, clear or tinted."""
    size = face.mask.shape[0]
    centres = []
    for eye in _EYES:
        rows, cols = np.nonzero(face.mask == eye)
        if len(rows) < 10:
            return face
        centres.append(np.array([cols.mean(), rows.mean()]))
    across = centres[0] - centres[1]
    distance = float(np.hypot(*across))
    width, height = distance * random.uniform(0.34, 0.46), distance * random.uniform(0.2, 0.44)
    power, drop = random.uniform(2, 5), distance * random.uniform(0, 0.1)
    turn = np.array([across, (-across[1], across[0])]) / distance
    t = np.linspace(0, 2 * np.pi, 60)
    outline = np.stack([np.sign(np.cos(t)) * width * np.abs(np.cos(t)) ** (2 / power),
                        np.sign(np.sin(t)) * height * np.abs(np.sin(t)) ** (2 / power) + drop], 1) @ turn  # fmt: skip
    fine = max(1, round(_FINE * 256 / size))
    lenses = np.zeros((size * fine,) * 2, np.uint8)
    frame = np.zeros_like(lenses)
    thick = max(2, int(fine * size / 256 * np.exp(random.uniform(np.log(0.7), np.log(5)))))
    half_rim = random.random() < 0.2
    outward = (width - distance / 2) * turn[0]  # from an eye's middle to the bridge
    for centre, side in zip(centres, (1, -1), strict=True):
        points = ((centre + outline) * fine).astype(np.int32)
        cv2.fillPoly(lenses, [points], 1)
        cv2.polylines(frame, [points[31:] if half_rim else points], not half_rim, 1, thick)
        hinge = centre + side * width * turn[0] + (drop - height * 0.4) * turn[1]
        temple = hinge + side * distance * 0.35 * turn[0] + random.normal(0, 0.03) * distance * turn[1]
        cv2.line(frame, *((point * fine).astype(int).tolist() for point in (hinge, temple)), 1, thick)
    ends = [centres[0] + outward, centres[1] - outward]
    cv2.line(frame, *((point * fine).astype(int).tolist() for point in ends), 1, thick)
    tint = random.uniform(0, 0.15) if random.random() < 0.8 else random.uniform(0.15, 0.45)
    picture, rim = shaded(frame, fine, random)
    glass = cv2.resize(lenses.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    picture = blend(
        np.broadcast_to(random.integers(0, 256, 3).astype(np.uint8), picture.shape), picture, rim[..., None]
    )
    piece = Piece(picture, np.maximum(rim, glass), (0.0, 0.0), size / 256)
    over = (Label.SKIN, Label.NOSE, *_EYES, *_BROWS, *((Label.HAIR,) if random.random() < 0.3 else ()))
    under = (*_EYES, *_BROWS)
    return put(face, piece, (0.0, 0.0), Label.EYE_G, opacity=rim + (1 - rim) * tint, over=over, under=under)


class Accessories:
    """Puts on a face what it does not wear: parts of `donors` (rendered heads), or drawn ones.

    Hats also come from photos (`wearers`), whose labels hold some. All sets are aligned by the same rule, so that hats
    and glasses land about where they belong.
    """

    worn = (Label.EYE_G, Label.HAT, Label.EAR_R, Label.NECK_L)

    def __init__(self, donors: Sequence[Sample], per_class: int = 60, wearers: Sequence[Sample] = ()) -> None:
        self.donors: dict[Label, list[FaceWithMask]] = {label: [] for label in self.worn}
        for sample in donors:
            face = load(replace(sample, whole_lenses=False))  # the lens as one piece, to be put on others
            for label in self.worn:
                if np.count_nonzero(face.mask == label) > 24 and len(self.donors[label]) < per_class:
                    self.donors[label].append(face)
        for sample in wearers:
            if np.mean(read_ids(sample.mask) == Label.HAT) > 0.02:
                self.donors[Label.HAT].append(whole_hat(load(sample), sample))
        self.earrings = [piece for face in self.donors[Label.EAR_R] for piece in pieces_of(face, Label.EAR_R)]

    def __call__(self, face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
        """One or two kinds, earrings most often."""
        for label in random.choice(self.worn, 1 + int(random.random() < 0.3), False, (0.25, 0.2, 0.33, 0.22)):
            if not (face.mask == label).any():
                face = self.put_on(face, Label(label), random)
        return face

    def put_on(self, face: FaceWithMask, label: Label, random: np.random.Generator) -> FaceWithMask:
        """The face wearing something of the class `label`, where it can be worn."""
        if label == Label.EAR_R:
            return self._earrings(face, random)
        drawn = {Label.NECK_L: draw_necklace, Label.EYE_G: draw_glasses}.get(label)
        if drawn is not None and (random.random() < 0.5 or not self.donors[label]):
            return drawn(face, random)
        if not self.donors[label]:
            return face
        donor = self.donors[label][int(random.integers(len(self.donors[label])))]
        image, shape = donor.image, (donor.mask == label).astype(np.float32)
        if label == Label.HAT and random.random() < 0.5:  # felt, straw, wool in other colours
            light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
            light = (light / (light[shape > 0].mean() + 1)).clip(0.2, 2)[..., None]
            stuff = texture(shape.shape[0], random) if random.random() < 0.5 else random.uniform(0, 255, 3)
            image = (np.float32(stuff) * light).clip(0, 255).astype(np.uint8)
        image = np.roll(image, int(random.integers(3)), 2) if random.random() < 0.5 else image
        opacity = None
        if label == Label.EYE_G:  # lenses let most of the face through
            rim = shape - cv2.erode(shape, np.ones((5, 5), np.uint8))
            opacity = np.where(rim > 0, 1.0, random.uniform(0.0, 0.5)).astype(np.float32)
        side = donor.mask.shape[0]
        centre, wanted = _face_centre(donor.mask, side), _face_centre(face.mask, face.mask.shape[0])
        zoom = wanted[2] / centre[2] * 256 / face.mask.shape[0] * side / 256
        piece = Piece(image, shape, centre[:2], side / 256)
        place = tuple(np.add(wanted[:2], random.normal(0, 0.008, 2) * face.mask.shape[0]))
        return put(
            face,
            piece,
            place,
            label,
            zoom=float(np.clip(zoom, 0.8, 1.25) * np.exp(random.normal(0.02, 0.04))),
            angle=random.normal(0, 2),
            opacity=opacity,
            over=(Label.NECK, Label.CLOTH, Label.SKIN) if label == Label.NECK_L else None,
            under=(*_EYES, *_BROWS) if label == Label.EYE_G else (),
        )

    def _earrings(self, face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
        drawn = random.random() < 0.6 or not self.earrings
        piece = drawn_earring(random) if drawn else self.earrings[int(random.integers(len(self.earrings)))]
        zoom, angle = np.exp(random.uniform(np.log(0.6), np.log(1.5 if drawn else 2.0))), random.normal(0, 8)
        if not drawn and random.random() < 0.6:
            piece = replace(piece, image=np.roll(piece.image, int(random.integers(3)), 2))
        for place in lobes(face.mask, random):
            if random.random() < 0.85:
                lower = tuple(np.add(place, random.normal(0, 0.006, 2) * face.mask.shape[0]))
                face = put(face, piece, lower, Label.EAR_R, zoom, angle)
        return face


def _face_centre(mask: np.ndarray, size: int) -> tuple[float, float, float]:
    """The middle (x, y) of eyes and brows and the width of the skin there, in pixels; the crop's rule without them."""
    rows, cols = np.nonzero(np.isin(mask, (*_EYES, *_BROWS)))
    if len(rows) < 20:
        return size * 0.5, size * 0.45, size * 0.5
    row = int(rows.mean())
    width = np.ptp(np.nonzero(np.isin(mask[row], (Label.SKIN, *_EYES, *_BROWS, Label.NOSE, Label.EYE_G)))[0])
    return float(cols.mean()), float(rows.mean()), float(max(width, size * 0.3))
