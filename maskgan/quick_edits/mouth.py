"""Quick edits of the mouth: its four contour lines are measured, bent and painted anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.labels import MOUTH, Label
from maskgan.quick_edits.edit import QuickEdit
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.scene import Scene, between_lines, smooth_curve
from maskgan.quick_edits.smiles import Smile, places, usual_smile

_STEPS = 41
LINES = ("upper_top", "upper_bottom", "lower_top", "lower_bottom")
#: Skin around the lips that moves with them, in frame units.
_RIM = 0.03

#: How much broader than the usual one a smile is; how far a mouth bends that does so no more, and how much less does
#: not hold it back; up to which gap lips open (frame units).
_BROAD, _BENT, _BENDS, _TEETH = 1.15, 0.2, 0.12, 0.14

#: How far a mouth opens (frame units), how broad its hole is, in parts of the mouth, and what share opens upwards.
_OPENED, _HOLE, _UP = 0.17, 0.82, 0.28

#: How much broader, in parts to a frame unit that they open, closed lips get on the mask.
_CORNERS = 0.6

#: Frame units: how far cheeks are held by what does not move, from where on down they rise, and how far from the lips.
_HELD, _EYES, _BELOW_EYES, _LOOSE = 0.12, 0.05, 0.15, 0.07

#: How many times as high as they were teeth get at most when a mouth opens, and how far above the lower lip, in frame
#: units, what shows of them ends; below lies what its shadow or its edge were.
STRETCH, ABOVE_LIP = 1.3, 0.03


@dataclass
class MouthLines:
    """The mouth's contours at x = centre + half_width * t, t in -1..1; each (41,) of y in frame units."""

    centre: float
    half_width: float
    upper_top: np.ndarray
    upper_bottom: np.ndarray
    lower_top: np.ndarray
    lower_bottom: np.ndarray

    @property
    def t(self) -> np.ndarray:
        return np.linspace(-1, 1, _STEPS)

    @property
    def x(self) -> np.ndarray:
        return self.centre + self.half_width * self.t

    @property
    def gap(self) -> np.ndarray:
        """How far the lips are apart."""
        return self.lower_top - self.upper_bottom

    def bend(self) -> float:
        """How much higher the corners lie than the middle of the mouth line (positive: a smile)."""
        line = (self.upper_bottom + self.lower_top) / 2
        return float(line[_STEPS // 2 - 2 : _STEPS // 2 + 3].mean() - (line[:3].mean() + line[-3:].mean()) / 2)

    def shift(
        self, upper_top: np.ndarray, upper_bottom: np.ndarray, lower_top: np.ndarray, lower_bottom: np.ndarray
    ) -> None:
        """Move the four lines down by these amounts."""
        self.upper_top = self.upper_top + upper_top
        self.upper_bottom = self.upper_bottom + upper_bottom
        self.lower_top = self.lower_top + lower_top
        self.lower_bottom = self.lower_bottom + lower_bottom

    def smooth(self) -> None:
        """Take small waves out of the four lines and keep them in order."""
        for name in LINES:
            setattr(self, name, smooth_curve(getattr(self, name), 2.5))
        self.upper_bottom = np.maximum(self.upper_bottom, self.upper_top)
        self.lower_top = np.maximum(self.lower_top, self.upper_bottom)
        self.lower_bottom = np.maximum(self.lower_bottom, self.lower_top)


def measure_mouth(scene: Scene) -> MouthLines:
    """Measure the mouth's contours. Raises QuickEditImpossible when the mask has no mouth."""
    region = scene.where(*MOUTH)
    if region.sum() < max(8, 0.01 * scene.unit**2):
        raise QuickEditImpossible("This mask has no mouth; paint lips first.")
    band = scene.band(region, _STEPS)
    upper, lower, inside = (scene.where(k) for k in (Label.U_LIP, Label.L_LIP, Label.MOUTH))
    upper_bottom = scene.envelope(upper, band.x)[1] if upper.any() else band.top.copy()
    lower_top = scene.envelope(lower, band.x)[0] if lower.any() else band.bottom.copy()
    if not inside.any():
        upper_bottom = lower_top = (upper_bottom + lower_top) / 2
    upper_bottom = np.clip(upper_bottom, band.top, band.bottom)
    lower_top = np.clip(lower_top, upper_bottom, band.bottom)
    centre, half_width = (band.x[0] + band.x[-1]) / 2, (band.x[-1] - band.x[0]) / 2
    return MouthLines(float(centre), float(half_width), band.top, upper_bottom, lower_top, band.bottom)


def paint_mouth(scene: Scene, lines: MouthLines, was: MouthLines) -> None:
    """Replace the scene's mouth with these lines; whatever lies before the mouth stays there.

    `was` are the lines before: the lips' own pixels move with them. Between lips that were closed there is nothing
    to move; teeth that showed hang from the upper lip.
    """
    old = scene.where(*MOUTH)
    scene.uncover(old, (Label.SKIN,))
    x = lines.x
    for label, top, bottom in (
        (Label.MOUTH, lines.upper_bottom, lines.lower_top),
        (Label.U_LIP, lines.upper_top, lines.upper_bottom),
        (Label.L_LIP, lines.lower_top, lines.lower_bottom),
    ):
        scene.paint(scene.between(x, top, bottom), label, over=(Label.SKIN,))
    t = (scene.x - lines.centre) / lines.half_width
    x_source = was.centre + was.half_width * t
    place = lines.centre + lines.half_width * np.clip(t, -1, 1)
    four = [[np.interp(place, x, getattr(which, name)) for name in LINES] for which in (lines, was)]
    gap_before, gap_after = (np.interp(place, x, which.gap) for which in (was, lines))
    # The edges of teeth that showed are a fifth line, which keeps them from being drawn out.
    edge = np.maximum(gap_before - ABOVE_LIP, 0)
    drawn_out = np.minimum(STRETCH, gap_after / np.maximum(gap_before, 1e-3))
    for each, below in zip(four, (drawn_out * edge, edge), strict=True):
        each.insert(2, each[1] + below)
    y_source = between_lines(scene.y, *four)
    mouth = scene.where(Label.U_LIP, Label.L_LIP)
    inside = scene.where(Label.MOUTH) & (gap_before > ABOVE_LIP)
    scene.tell(scene.around(mouth, _RIM) & scene.where(Label.SKIN) | mouth | inside, x_source, y_source)


def _chin_room(scene: Scene, lines: MouthLines) -> float:
    """How far the lower lip can go down before it meets the chin."""
    return max(0.0, scene.chin - 0.16 - float(lines.lower_bottom.max()))


def smile(scene: Scene, strength: float) -> None:
    """Corners up and out, a row of teeth, and cheeks that rise."""
    lines = measure_mouth(scene)
    was, usual = replace(lines), usual_smile()
    broad = _BROAD * strength
    room = np.clip(1.0 - abs(lines.centre - sum(scene.cheeks) / 2), 0.5, 1.0)  # a turned head shows a narrower mouth
    lines.half_width = max(lines.half_width, min(lines.half_width * (1 + usual.wider * broad), 0.58 * room))
    down = np.stack([usual.line(number, lines.t) for number in range(len(LINES))])
    middle = down[1:3].mean(0)
    gap = float((down[2] - down[1]).max())
    rises = broad * float(np.clip((_BENT - lines.bend()) / _BENDS, 0, 1))
    opens = min(max(0.0, _TEETH * strength - float(lines.gap.max())), 2 * _chin_room(scene, lines)) / gap
    lines.shift(*(rises * middle + opens * (down - middle)))
    lines.smooth()
    paint_mouth(scene, lines, was)
    _lift_cheeks(scene, was, rises, usual)


def _lift_cheeks(scene: Scene, was: MouthLines, strength: float, usual: Smile) -> None:
    """Let skin move as it does beside a mouth that smiles; not beside eyes, hair or what else stays where it is."""
    mouth, skin = scene.where(*MOUTH), scene.where(Label.SKIN)
    u, v = places(scene, was.centre, float((was.upper_bottom + was.lower_top).mean() / 2))
    inner = cv2.distanceTransform((skin | mouth).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
    share = skin * strength * smoothstep(inner / _HELD) * smoothstep((scene.y - _EYES) / _BELOW_EYES)
    came = usual.at(usual.shift, u, v) * share[..., None]
    scene.tell(
        ~(scene.around(mouth, _LOOSE) & (skin | mouth)), scene.x + np.sign(u) * came[..., 0], scene.y + came[..., 1]
    )


def open_mouth(scene: Scene, strength: float) -> None:
    """Lips apart, the lower one down."""
    lines = measure_mouth(scene)
    was = replace(lines)
    opened = min(_OPENED * strength, 0.27 - float(lines.gap.max()), _chin_room(scene, lines) / 0.8)
    if opened <= 0:
        return
    # The hole is narrower than the mouth, so that the lips go all around it.
    outer, inner = (opened * np.clip(1 - (lines.t / reach) ** 2, 0, 1) for reach in (1.0, _HOLE))
    lines.shift(-_UP * outer, -_UP * inner, *(0.8 * np.sqrt(each * opened) for each in (inner, outer)))
    lines.smooth()
    # The line between closed lips ends beyond what a mask has of them, and there the corners stay.
    lines.half_width *= 1 + _CORNERS * min(opened, _OPENED) * max(0.0, 1 - float(was.gap.max()) / _TEETH)
    paint_mouth(scene, lines, was)
    corners = scene.around(scene.where(Label.MOUTH), _RIM)
    scene.paint(corners, Label.U_LIP, over=(Label.SKIN,))


def close_mouth(scene: Scene, strength: float) -> None:
    """Lips together."""
    lines = measure_mouth(scene)
    was = replace(lines)
    if not scene.where(Label.MOUTH).any():
        raise QuickEditImpossible("The mouth is closed already.")
    gap = min(1.0, strength) * lines.gap
    lines.shift(0.4 * gap, 0.4 * gap, -0.6 * gap, -0.6 * gap)
    lines.smooth()
    # Lips hidden by a wide grin get their thickness back.
    body = np.sqrt(np.clip(1 - lines.t**2, 0, 1))
    upper = np.maximum(0, 0.09 * body - (lines.upper_bottom - lines.upper_top))
    lower = np.maximum(0, 0.11 * body - (lines.lower_bottom - lines.lower_top))
    lines.shift(-upper, 0 * gap, 0 * gap, lower)
    paint_mouth(scene, lines, was)


def _scale_lips(scene: Scene, factor: float, thinnest: float, thickest: float) -> None:
    lines = measure_mouth(scene)
    was = replace(lines)
    t = lines.t
    body = np.sqrt(np.clip(1 - t**2, 0, 1))
    upper, lower = lines.upper_bottom - lines.upper_top, lines.lower_bottom - lines.lower_top
    changes = []
    for thickness, extra in ((upper, 0.03), (lower, 0.04)):
        wanted = thickness * factor + (extra * body if factor > 1 else 0)
        limit = thickest * (1 if thickness is lower else 0.8)
        wanted = np.minimum(wanted, limit * body) if factor > 1 else np.maximum(wanted, thinnest * body)
        changes.append(np.maximum(wanted - thickness, 0) if factor > 1 else np.minimum(wanted - thickness, 0))
    room = _chin_room(scene, lines)
    # Full lips grow outwards and a little inwards.
    lines.shift(-changes[0], 0 * t, 0 * t, np.minimum(changes[1], room))
    paint_mouth(scene, lines, was)


def fuller_lips(scene: Scene, strength: float) -> None:
    """Both lips thicker."""
    _scale_lips(scene, 1 + 0.45 * strength, 0.0, 0.25)


def thinner_lips(scene: Scene, strength: float) -> None:
    """Both lips thinner."""
    _scale_lips(scene, max(0.3, 1 - 0.35 * strength), 0.05, 0.0)


#: In the order of their buttons.
EDITS = (
    QuickEdit("smile", "Smile", "Lifts the corners of the mouth and shows some teeth.", "Mouth", smile),
    QuickEdit("open_mouth", "Open mouth", "Parts the lips.", "Mouth", open_mouth),
    QuickEdit("close_mouth", "Close mouth", "Brings the lips together.", "Mouth", close_mouth),
    QuickEdit("fuller_lips", "Fuller lips", "Makes both lips thicker.", "Mouth", fuller_lips),
    QuickEdit("thinner_lips", "Thinner lips", "Makes both lips thinner.", "Mouth", thinner_lips),
)
