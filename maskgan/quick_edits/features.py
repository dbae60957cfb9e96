"""Quick edits of eyes, brows, nose and the outline of the face."""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.blending import smoothstep
from maskgan.labels import BROWS, EYES, FACE_PARTS, Label
from maskgan.quick_edits.edit import QuickEdit
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene, between_lines, ramp, smooth_curve

#: What an eye or brow may be painted on; hair and hats in front of them stay in front.
_ON = (Label.SKIN, Label.NOSE, Label.EYE_G)
#: What moves with a part beyond its outline, in frame units: lashes, hairs of a brow, the shadow of a wing.
_LASHES, _HAIRS, _WINGS = 0.03, 0.03, 0.03
#: How much of the lids stays with an eye when brows go up, and how far from an eye's edge its lids cover it, in frame
#: units.
_LID, _COVERED = 0.045, 0.03
#: How far the rim of glasses reaches beyond what a mask has of them, in frame units.
_RIM = 0.05
#: How far a brow at the lid is raised, in frame units, and how much farther in parts of how far it lies above: skin in
#: between that is drawn out more has streaks.
_LOW, _STRETCHED = 0.055, 0.35
#: Within what share of the width from the picture's sides less and less moves: what is beyond them stays.
_SIDES = 0.18


def _scale_eyes(scene: Scene, wider: float, taller: float) -> None:
    eyes = [(label, scene.part(label)) for label in EYES]
    if all(region is None for _, region in eyes):
        raise QuickEditImpossible("No eyes are visible in this mask; take dark glasses off or paint eyes first.")
    for label, region in eyes:
        if region is None:
            continue
        x, y = scene.x[region], scene.y[region]
        width, height = np.ptp(x) + 1 / scene.unit, np.ptp(y) + 1 / scene.unit
        # Limits: a face can take eyes of a quarter to a bit more than half an eye distance.
        sx = np.clip(wider, min(1, 0.26 / width), max(1, 0.54 / width))
        sy = np.clip(taller, min(1, 0.07 / height), max(1, 0.30 / height))
        cx, cy = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
        # Larger eyes grow down more than up, away from the brow.
        new_cy = cy + 0.1 * height * max(0.0, sy - 1)
        source = cx + (scene.x - cx) / sx, cy + (scene.y - new_cy) / sy
        new = scene.reshaped(region, *source)
        scene.uncover(scene.where(label), (Label.SKIN, Label.EYE_G))
        scene.paint(new, label, over=_ON)
        scene.tell(scene.around(new, _LASHES) & scene.where(label, *_ON), *source)
        if sy < sx:  # the iris stays round and the lids cover it
            depth = cv2.distanceTransform(new.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scene.unit
            bare = cy + (scene.y - new_cy) / sx
            source = source[0], source[1] + smoothstep(depth / _COVERED) * (bare - source[1])
            scene.tell(new & scene.where(label), *source)


def bigger_eyes(scene: Scene, strength: float) -> None:
    """Both eyes larger, a little more so in height; an iris must not become an upright ellipse."""
    _scale_eyes(scene, 1 + 0.2 * strength, 1 + 0.36 * strength)


def smaller_eyes(scene: Scene, strength: float) -> None:
    """Both eyes smaller."""
    _scale_eyes(scene, 1 / (1 + 0.15 * strength), 1 / (1 + 0.45 * strength))


def _brows(scene: Scene) -> list[tuple[Label, np.ndarray]]:
    found = [(label, region) for label in BROWS if (region := scene.part(label)) is not None]
    if not found:
        raise QuickEditImpossible("No brows are visible in this mask; paint them first.")
    return found


def _thickness(scene: Scene, factor: float, extra: float) -> None:
    for label, region in _brows(scene):
        band = scene.band(region)
        top, bottom = smooth_curve(band.top, 2), smooth_curve(band.bottom, 2)
        middle, thick = (top + bottom) / 2, np.maximum(bottom - top, 0.01)
        t = np.linspace(-1, 1, len(thick))
        body = (1 - t**4) ** 0.5  # rounded ends
        if factor > 1:
            wanted = np.minimum(thick * factor + extra, 0.23) * body
            thick = np.maximum(wanted, thick)
        else:
            thick = np.minimum(thick, np.maximum(thick * factor, 0.05 * body))
        # A thicker brow grows upwards more than towards the eye.
        middle = middle - 0.2 * (thick - (bottom - top))
        new_top, new_bottom = middle - thick / 2, middle + thick / 2
        scene.uncover(scene.where(label), _ON)
        new = scene.between(band.x, new_top, new_bottom)
        scene.paint(new, label, over=_ON)
        four = (np.interp(scene.x, band.x, line) for line in (new_top, new_bottom, top, bottom))
        new_top, new_bottom, top, bottom = four
        y_source = between_lines(scene.y, (new_top, new_bottom), (top, bottom))
        scene.tell(scene.around(new, _HAIRS) & scene.where(label, *_ON), scene.x, y_source)


def thicker_brows(scene: Scene, strength: float) -> None:
    """Both brows thicker."""
    _thickness(scene, 1 + 0.45 * strength, 0.04 * strength)


def thinner_brows(scene: Scene, strength: float) -> None:
    """Both brows thinner."""
    _thickness(scene, max(0.2, 1 - 0.45 * strength), 0.0)


def raised_brows(scene: Scene, strength: float) -> None:
    """Both brows up, with a slight arch."""
    brows, eyes = _brows(scene), scene.where(*EYES)
    glasses = scene.where(Label.EYE_G)
    rims = scene.around(glasses, _RIM) if glasses.any() else glasses
    top = float(scene.y[eyes].min()) if eyes.any() else 0.0
    moves = []
    for label, whole in brows:
        # A rim may be brow on the mask, but a brow that lies close to glasses is raised nevertheless.
        held = rims if 4 * (whole & ~rims).sum() > whole.sum() else glasses
        region = whole & ~held
        x, y = scene.x[region], scene.y[region]
        room = max(0.0, top - float(np.percentile(y, 90)))
        lift = float(np.clip(0.48 + y.mean(), 0, min(0.095, _LOW + _STRETCHED * room) * strength))
        t = (scene.x - x.mean()) / max(0.2, np.ptp(x) / 2)
        arch = 1 + 0.15 * (1 - np.clip(t, -1, 1) ** 2)
        free = scene.where(*_ON, label)
        # Brows stop at the hairline or the brim of a hat instead of sinking into it.
        for part in (1.0, 0.75, 0.5, 0.25, 0.0):
            y_source = scene.y + part * lift * arch
            new = scene.reshaped(region, scene.x, y_source)
            if part == 0 or (new & free).sum() >= 0.9 * new.sum():
                break
        if part and lift > 0:
            moves.append((label, new & ~held, y_source, held))
    # Lids and their crease stay, and the rims of glasses: between them and the brows the skin gives.
    if moves:
        scene.tell(rims | scene.around(eyes, _LID) if eyes.any() else rims, scene.x, scene.y)
    for label, new, y_source, held in moves:
        scene.uncover(scene.where(label) & ~held, (Label.SKIN, Label.NOSE))
        scene.paint(new, label, over=_ON)
        scene.tell(scene.around(new, _HAIRS) & scene.where(label, *_ON) & ~held, scene.x, y_source)


def _scale_nose(scene: Scene, factor: float) -> None:
    region = scene.part(Label.NOSE)
    if region is None:
        raise QuickEditImpossible("This mask has no nose; paint one first.")
    x, y = scene.x[region], scene.y[region]
    top, bottom = y.min(), y.max()
    wings = x[y > top + 0.65 * (bottom - top)]
    width = np.ptp(wings)
    factor = float(np.clip(factor, min(1, 0.40 / width), max(1, 0.95 / width)))
    # The bridge keeps its place; the wings move most.
    scale = 1 + (factor - 1) * (0.35 + 0.65 * ramp(scene.y, top + 0.2 * (bottom - top), top + 0.75 * (bottom - top)))
    bridge = x[y < top + 0.35 * (bottom - top)]
    along = np.clip((scene.y - top) / max(bottom - top, 0.1), 0, 1)
    middle = bridge.mean() + ((wings.min() + wings.max()) / 2 - bridge.mean()) * along
    x_source = middle + (scene.x - middle) / scale
    new = scene.reshaped(region, x_source, scene.y)
    scene.uncover(scene.where(Label.NOSE), (Label.SKIN, Label.EYE_G))
    scene.paint(new, Label.NOSE, over=(Label.SKIN, Label.EYE_G))
    scene.tell(scene.around(new, _WINGS) & scene.where(Label.NOSE, Label.SKIN, Label.EYE_G), x_source, scene.y)


def wider_nose(scene: Scene, strength: float) -> None:
    """The wings of the nose further apart."""
    _scale_nose(scene, 1 + 0.28 * strength)


def narrower_nose(scene: Scene, strength: float) -> None:
    """The wings of the nose closer together."""
    _scale_nose(scene, 1 / (1 + 0.3 * strength))


def _scale_face(scene: Scene, amount: float) -> None:
    """Move cheeks and jaw inwards (amount > 0) or outwards; what lies beside the face follows."""
    if scene.where(Label.SKIN).sum() < scene.unit**2:
        raise QuickEditImpossible("Too little skin is visible in this mask to reshape the face; paint skin first.")
    left, right = scene.cheeks
    middle, half = (left + right) / 2, (right - left) / 2
    # Limits of the jaw's half width; typical is 0.8.
    jaw = np.ptp(scene.extent(scene.face, scene.chin - 0.6, scene.chin - 0.4, 0.8)) / 2
    amount = float(np.clip(amount, min(0, jaw / 1.03 - 1), max(0, jaw / 0.62 - 1)))
    if abs(amount) < 0.01:
        return
    away = (scene.x - middle) / half
    # Sideways only; grows from the temples to the jaw and dies out below the chin and two faces away.
    rows = (0.35 + 0.65 * ramp(scene.y, 0.1, scene.chin - 0.4)) * ramp(scene.y, -0.8, 0.3)
    rows *= 1 - 0.4 * ramp(scene.y, scene.chin - 0.5, scene.chin)
    rows *= 1 - ramp(scene.y, scene.chin, scene.chin + 0.5)
    reach = np.clip(2.2 - abs(away), 0, 1.2) / 1.2
    columns = np.arange(scene.mask.shape[1], dtype=np.float32)
    reach *= np.minimum(1, np.minimum(columns, columns[::-1]) / (_SIDES * len(columns)))
    shift = amount * rows * reach * (scene.x - middle)
    new = scene.warped(scene.x + shift, scene.y)
    # The features keep their shape and place.
    inner = [k for k in (*FACE_PARTS, Label.EYE_G) if k != Label.SKIN]
    before = scene.mask
    scene.mask = np.where(abs(shift) * scene.unit > 0.25, new, before)
    scene.uncover(scene.where(*inner) & scene.face, (Label.SKIN,))
    kept = class_region(before, inner)
    scene.mask[kept] = before[kept]
    # Between the features, which stay, and the outline of the face the skin gives.
    features = class_region(before, inner) & scene.face
    scene.tell(~scene.around(features, 0.25), scene.x + shift, scene.y)
    scene.tell(features, scene.x, scene.y)


def slimmer_face(scene: Scene, strength: float) -> None:
    """Cheeks and jaw narrower."""
    _scale_face(scene, 0.19 * strength)


def rounder_face(scene: Scene, strength: float) -> None:
    """Cheeks and jaw wider."""
    _scale_face(scene, -0.14 * strength)


#: In the order of their buttons.
EDITS = (
    QuickEdit("bigger_eyes", "Bigger eyes", "Opens both eyes wider.", "Eyes and brows", bigger_eyes),
    QuickEdit("smaller_eyes", "Smaller eyes", "Narrows both eyes.", "Eyes and brows", smaller_eyes),
    QuickEdit("thicker_brows", "Thicker brows", "Makes both brows bushier.", "Eyes and brows", thicker_brows),
    QuickEdit("thinner_brows", "Thinner brows", "Makes both brows finer.", "Eyes and brows", thinner_brows),
    QuickEdit("raised_brows", "Raised brows", "Lifts both brows.", "Eyes and brows", raised_brows),
    QuickEdit("slimmer_face", "Slimmer face", "Draws cheeks and jaw in.", "Face", slimmer_face),
    QuickEdit("rounder_face", "Rounder face", "Fills cheeks and jaw out.", "Face", rounder_face),
    QuickEdit("wider_nose", "Wider nose", "Widens the wings of the nose.", "Face", wider_nose),
    QuickEdit("narrower_nose", "Narrower nose", "Narrows the wings of the nose.", "Face", narrower_nose),
)
