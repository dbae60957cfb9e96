"""Quick edits that put things on or take them off: glasses, hat, earrings, necklace."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np

from maskgan.labels import BROWS, EARS, EYES, Label
from maskgan.quick_edits.edit import QuickEdit, Variant, shapes
from maskgan.quick_edits.frame import QuickEditImpossible
from maskgan.quick_edits.hair import brow_line, morphed
from maskgan.quick_edits.hairpieces import across
from maskgan.quick_edits.hairstyles import wear_hair
from maskgan.quick_edits.lenses import eye_centres, eyes_apart, worn_outline
from maskgan.quick_edits.scarves import loosen, neck, wears_scarf
from maskgan.quick_edits.scene import Scene, ramp
from maskgan.quick_edits.silhouettes import UNTOUCHED, silhouette, wardrobe
from maskgan.quick_edits.uncovering import reveal

_SIDES = ((-1, Label.R_EYE, Label.R_BROW, Label.R_EAR), (1, Label.L_EYE, Label.L_BROW, Label.L_EAR))
#: Where (frame units) ears begin beside a face that wore a scarf.
_EARS = -0.4

#: How far out (half faces) hair and ears go on under the brim of a hat that is taken off.
_BRIM = 1.25

#: How wide gaps between hair and temples are (frame units), and down to which row.
_TEMPLES, _TEMPLES_TO = 0.5, 0.2

#: How wide hair that comes from under a hat is at least (frame units), where one is taken off and put on.
_LOCK, _LOCK_BESIDE = 0.2, 0.35

#: Of how many columns a hat's lower edge is told, how many of them at either side hold an end of its brim, and how much
#: higher than there (frame units) a hat is that bulges out beyond it.
_COLUMNS, _SIDE, _BULGE = 61, 16, 0.15

#: Between which rows (frame units) the width of a head is told on which a hat sits, and by how much that is smaller at
#: most where there is less hair than its lender's.
_SITS, _SMALLEST = (-0.6, -0.3), 1.14

#: Share of the picture below which a head with a hat shows no hair, and the hair that it is given without.
_HARDLY_HAIR, _SHORT = 0.01, "swept_back"

#: Share of the picture below which hair may be little more than the ends of a fringe; within which part of half the
#: face's width, above which row (frame units) that lies, and its area at least, in frame units squared.
_LITTLE_HAIR, _OVER_FOREHEAD, _ABOVE, _FRINGE = 0.04, 0.6, -0.4, 0.03

#: Arms of glasses end behind ears: which upper part of an ear begins where they end, how far behind that (frame units)
#: they are hidden, at which part of its height, and how much lower or higher than the hinge at most; half of how thick
#: they are at the hinge and there.
_ROOT, _HIDDEN, _HANGS_AT, _SLOPES, _ARM = 0.45, 0.03, 0.15, 0.2, (0.035, 0.022)

#: Of a necklace: half the width of a neck at most and how far beside the middle of the face that is, in parts of half
#: the face's width; how steeply it rises beside it, in parts of how far it hangs; and how far its lowest link is from
#: the picture's lower edge for it to have a pendant, in frame units.
_NECK, _ASIDE, _BEHIND, _PENDANT = 0.85, 0.25, 4.0, 0.22

_FACE_SIDE = (Label.BACKGROUND, Label.SKIN, Label.NOSE, Label.HAIR, *EARS)


def _size(strength: float) -> float:
    """Accessories grow a little with strength."""
    return 0.75 + 0.25 * strength


def _wear_glasses(scene: Scene, strength: float, style: str, dark: bool) -> None:
    if scene.where(Label.EYE_G).sum() > 0.1 * scene.unit**2:
        raise QuickEditImpossible("This face wears glasses already; take them off first.")
    eyes = eye_centres(scene)
    apart = eyes_apart(eyes)
    outline = worn_outline(style, apart, _size(strength))
    lenses = np.zeros(scene.mask.shape, bool)
    arms = np.zeros(scene.mask.shape, bool)
    for side, (ex, ey) in eyes.items():
        lenses |= scene.polygon(ex + side * outline[:, 0], ey + outline[:, 1])
        arms |= _arm(scene, side, side * ex + outline[:, 0].max() - 0.04, ey - 0.06)
    middle = (eyes[-1][0] + eyes[1][0]) / 2
    level = (eyes[-1][1] + eyes[1][1]) / 2
    arch = level - 0.03 + 0.9 * (scene.x - middle) ** 2
    gap = apart / 2 + outline[:, 0].min() + 0.03
    bridge = (abs(scene.x - middle) < gap) & (abs(scene.y - arch) < 0.04)
    scene.paint(lenses | bridge, Label.EYE_G, over=_FACE_SIDE)
    if dark:
        scene.paint(lenses, Label.EYE_G, over=(*EYES, *BROWS))
    scene.paint(arms, Label.EYE_G, over=(Label.SKIN, Label.HAIR, *EARS))


def _arm(scene: Scene, side: int, hinge: float, level: float) -> np.ndarray:
    """The arm of glasses from a hinge so far out and at that y (frame units), (H, W) bool: to where an ear begins, over
    the hair beside the face; where no ear is seen, level and on skin alone."""
    ear = scene.part(EARS[(1 - side) // 2])
    out = side * scene.x
    if ear is None:
        end, lower, over = side * scene.cheeks[(side + 1) // 2] + 0.14, level, scene.where(Label.SKIN)
    else:
        top, bottom = np.percentile(scene.y[ear], (1, 99))
        upper = ear & (scene.y < top + _ROOT * (bottom - top))
        end = float(np.percentile(out[upper], 5)) + _HIDDEN
        lower = float(np.clip(top + _HANGS_AT * (bottom - top), level - _SLOPES, level + _SLOPES))
        over = np.ones_like(ear)
    along = (out - hinge) / max(end - hinge, 1e-6)
    thick = _ARM[0] + (_ARM[1] - _ARM[0]) * along
    return over & (along > 0) & (along < 1) & (abs(scene.y - level - (lower - level) * along) < thick)


def glasses(scene: Scene, strength: float, style: str = "rectangular_glasses") -> None:
    """Clear glasses: eyes and brows stay on top of the lenses."""
    _wear_glasses(scene, strength, style, dark=False)


def sunglasses(scene: Scene, strength: float, style: str = "square_glasses") -> None:
    """Dark glasses: they hide the eyes."""
    _wear_glasses(scene, strength, style, dark=True)


def _lens_centre(scene: Scene, glass: np.ndarray, side: int) -> tuple[float, float] | None:
    """Middle of one lens (without the arm), or None when that side has none."""
    region = morphed(scene, glass, cv2.MORPH_OPEN, 4 * _ARM[0]) & (side * scene.x > 0.1) & (side * scene.x < 1.0)
    if region.sum() < 0.03 * scene.unit**2:
        return None
    return float(np.median(scene.x[region])), float(np.median(scene.y[region])) - 0.05


def remove_glasses(scene: Scene, strength: float) -> None:
    """Glasses off; eyes and brows that dark lenses hid are drawn where they belong."""
    glass = scene.where(Label.EYE_G)
    if not glass.any():
        raise QuickEditImpossible("This face wears no glasses.")
    nose = scene.where(Label.NOSE)
    scene.uncover(glass & scene.face, (Label.SKIN,))
    if nose.any():
        # The visible piece of the nose was cut out by the frame: its bridge is drawn anew between the lenses.
        low = nose & (scene.y > 0.35)
        wings = float(scene.x[low if low.any() else nose].mean())
        edge = 0.11 + 0.2 * ramp(scene.y, 0.05, 0.6)
        bridge = (abs(scene.x - wings * np.clip(scene.y / 0.5, 0, 1)) < edge) & (scene.y > -0.05)
        touched = cv2.dilate(glass.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=int(0.2 * scene.unit)) > 0
        touched &= (scene.y < 0.6) & scene.face
        scene.paint(touched & ~bridge, Label.SKIN, over=(Label.NOSE,))
        scene.paint(touched & bridge, Label.NOSE, over=(Label.SKIN,))
    scene.uncover(scene.where(Label.EYE_G), (Label.BACKGROUND, Label.SKIN, Label.HAIR, *EARS))
    over = (Label.SKIN, Label.NOSE)
    for side, eye, brow, _ in _SIDES:
        centre = _lens_centre(scene, glass, side)
        if centre is None:
            continue
        if scene.where(eye).sum() < 0.012 * scene.unit**2:
            t = (scene.x - centre[0]) / 0.22
            lid = np.clip(1 - t**2, 0, 1)
            dy = scene.y - centre[1]
            scene.mask[scene.where(eye)] = Label.SKIN
            scene.paint((dy > -0.085 * lid) & (dy < 0.065 * lid), eye, over=over)
        if scene.where(brow).sum() < 0.04 * scene.unit**2:
            t = (side * (scene.x - centre[0]) - 0.03) / 0.35  # -1 at the nose, 1 at the temple
            arc = centre[1] - 0.27 - 0.07 * (1 - (t - 0.3) ** 2)
            thick = 0.06 * np.clip(1 - abs(t) ** 3, 0, 1) * (1 - 0.35 * t)
            scene.paint(abs(scene.y - arc) < thick, brow, over=over)


def _smaller(scene: Scene, style: str) -> float:
    """By how much a hat is smaller than on its lender, on whose thick hair it sat, where there is less."""
    over = wardrobe()[style].get("over_hair")
    q, _, _ = across(scene)
    head = scene.where(Label.SKIN, Label.HAIR) & (scene.y > _SITS[0]) & (scene.y < _SITS[1])
    if over is None or not head.any():
        return 1.0
    low, high = np.percentile(q[head], (1, 99))
    return float(np.clip(2 * over / (high - low), 1, _SMALLEST))


def hat(scene: Scene, strength: float, style: str = "beanie") -> None:
    """Somebody's hat, down to above the brows; hair that would stand out above its brim is pressed under it."""
    if scene.where(Label.HAT).sum() > 0.1 * scene.unit**2:
        raise QuickEditImpossible("This face wears a hat already; take it off first.")
    shape = silhouette(style).facing(scene)
    _, middle, half = across(scene)
    grown, smaller = 0.12 * (strength - 1), _smaller(scene, style)
    worn = shape.fitted(scene, smaller=smaller) + grown > 0
    front = worn & (abs(scene.x - middle) < 0.3 * half)
    if not front.any():
        raise QuickEditImpossible("The upper head lies outside this picture; there is no room for a hat.")
    lift = min(0.0, brow_line(scene) - 0.08 - float(np.percentile(scene.y[front], 99)))
    worn = (shape.fitted(scene, scene.y - lift, smaller) + grown > 0) & ~scene.where(*UNTOUCHED)
    worn &= ~((abs(scene.x - middle) < 0.8 * half) & (scene.y > 0.1))
    grid = np.linspace(float(scene.x[worn].min()), float(scene.x[worn].max()), _COLUMNS)
    _, edge = scene.envelope(worn, grid)
    # Beside the brim, which ends where a hat that bulges still is nearly as low, the line hair is pressed to falls off.
    first, last = (int((side > side.max() - _BULGE).argmax()) for side in (edge[:_SIDE], edge[: -_SIDE - 1 : -1]))
    ends = np.s_[first : _COLUMNS - last]
    grid, edge = grid[ends], edge[ends]
    beyond = np.maximum(0, abs(scene.x - (grid[0] + grid[-1]) / 2) - (grid[-1] - grid[0]) / 2)
    beneath = np.minimum(np.interp(scene.x, grid, edge), -0.1) + beyond * (0.6 + 1.4 * beyond)
    # Hair between the temples and a wide brim stays.
    beside = (abs(scene.x - middle) < 1.2 * half) & (scene.y > -0.8) & np.logical_or.accumulate(worn)
    loose = scene.where(Label.HAIR) & ~worn & (scene.y < beneath) & ~beside
    # What is left of the hair beside it does not end in a point.
    if loose.any():
        head = worn | (~scene.where(Label.BACKGROUND) & ~loose)
        point = head & ~morphed(scene, head, cv2.MORPH_OPEN, _LOCK_BESIDE) & scene.around(loose, _LOCK_BESIDE)
        loose |= point & scene.where(Label.HAIR) & ~worn
    worn |= scene.where(Label.SKIN) & scene.face & (scene.y < beneath - 0.15)  # the crown of a high forehead
    scene.mask[worn] = Label.HAT
    scene.uncover(loose, (Label.BACKGROUND,))


def _above_hair(scene: Scene, cap: np.ndarray) -> np.ndarray:
    """The part of a hat, (H, W) bool, that lies straight above hair: below it there is no forehead."""
    hair, result = scene.where(Label.HAIR), np.zeros_like(cap)
    above = np.zeros(cap.shape[1], bool)
    for row in reversed(range(len(cap))):
        result[row] = above & cap[row]
        above = hair[row] | result[row]
    return result


def _shows_little_hair(scene: Scene) -> bool:
    """Whether a head with a hat shows too little hair to tell how it goes on: hardly any, or the ends of a fringe."""
    hair, (q, _, _) = scene.where(Label.HAIR), across(scene)
    if hair.mean() < _HARDLY_HAIR:
        return True
    fringe = hair & (abs(q) < _OVER_FOREHEAD) & (scene.y < _ABOVE)
    return bool(hair.mean() < _LITTLE_HAIR and fringe.sum() > _FRINGE * scene.unit**2)


def remove_hat(scene: Scene, strength: float) -> None:
    """Hat off: forehead and short hair come to light; below a scarf ears, neck and shoulders too.

    Where too little hair is seen that could go on, it is somebody's short hair.
    """
    if not scene.where(Label.HAT).any():
        raise QuickEditImpossible("This face wears no hat.")
    bare = _shows_little_hair(scene)
    hangs = wears_scarf(scene)
    if hangs:
        loosen(scene)
    cap = scene.where(Label.HAT)
    q, _, half = across(scene)
    top = float(np.clip(np.percentile(scene.y[cap], 1) + 0.05, -1.85, -1.6))
    base = -0.3
    width = 1 + 0.13 / half
    dome = (abs(q) / width) ** 2.4 + (np.maximum(base - scene.y, 0) / (base - top)) ** 2.4 < 1
    hairline = -1.08 + 0.75 * np.clip(abs(q), 0, 1.2) ** 5
    over_hair = morphed(scene, _above_hair(scene, cap), cv2.MORPH_OPEN, _LOCK)
    crown, forehead = dome & ((scene.y < hairline) | over_hair), (abs(q) < 0.95) & ~(hangs & (scene.y > base))
    scene.mask[cap] = Label.BACKGROUND
    scene.mask[cap & crown] = Label.HAIR
    scene.mask[cap & ~crown & forehead & dome] = Label.SKIN
    if hangs:
        hung = cap & ~crown & ~(forehead & dome)
        scene.paint(hung & neck(scene), Label.NECK, over=(Label.BACKGROUND,))
        reveal(scene, hung & ~scene.where(Label.NECK), ears_from=_EARS)
        # Nothing shines through between the hair, the temples and the ears.
        head = scene.where(Label.HAIR, *EARS) | scene.face
        gap = morphed(scene, head, cv2.MORPH_CLOSE, _TEMPLES) & hung & (scene.y < _TEMPLES_TO)
        scene.paint(gap, Label.HAIR, over=(Label.BACKGROUND,))
    else:
        # Beside the forehead lies what lies next to the brim; far out under a wide one, the background.
        beside = cap & ~crown & ~forehead & (scene.y > -0.9) & (abs(q) < _BRIM)
        scene.uncover(beside, (Label.BACKGROUND, Label.HAIR, *EARS))
    if bare and scene.where(Label.HAIR).any():
        wear_hair(scene, 1.0, _SHORT)


def earrings(scene: Scene, strength: float, style: str = "drop") -> None:
    """A drop, a hoop or a stud below each ear that can be seen."""
    size = _size(strength)
    ears = [(side, region) for side, *_, ear in _SIDES if (region := scene.part(ear)) is not None]
    if not ears:
        raise QuickEditImpossible("Both ears are hidden in this mask; make the hair shorter or paint an ear first.")
    present = scene.where(Label.EAR_R)
    bare = [(side, region) for side, region in ears if (present & (side * scene.x > 0)).sum() < 0.01 * scene.unit**2]
    if not bare:
        raise QuickEditImpossible("This face wears earrings already.")
    for side, region in bare:
        bottom = float(np.percentile(scene.y[region], 98))
        lobe = region & (scene.y > bottom - 0.12)
        x = float(scene.x[lobe].mean())
        dx, dy = scene.x - x - 0.02 * side, scene.y - bottom
        stud = dx**2 + dy**2 < max(0.034 * size, 2 / scene.unit) ** 2
        t = np.clip((dy - 0.02 * size) / (0.33 * size), 0, 1)
        drop = abs(dx) < 0.135 * size * t * np.sqrt(1 - t**2)
        # A ring is seen from the front, nearly edge on.
        radius, thick = 0.17 * size, max(0.02, 1.2 / scene.unit)
        ring = abs(np.hypot(dx / 0.62, dy - radius + 0.03) - radius) < thick
        pearl = dx**2 + (dy - 0.02) ** 2 < (0.07 * size) ** 2
        scene.paint(
            {"drop": stud | drop, "hoop": ring, "stud": pearl}[style],
            Label.EAR_R,
            over=(*_FACE_SIDE, Label.NECK, Label.NECK_L, Label.CLOTH),
        )


def remove_earrings(scene: Scene, strength: float) -> None:
    """Earrings off."""
    worn = scene.where(Label.EAR_R)
    if not worn.any():
        raise QuickEditImpossible("This face wears no earrings.")
    scene.uncover(worn, [k for k in Label if k not in (Label.EAR_R, Label.NECK_L, Label.EYE_G)])


def necklace(scene: Scene, strength: float) -> None:
    """A chain around the neck with a small pendant."""
    if scene.where(Label.NECK_L).sum() > 0.02 * scene.unit**2:
        raise QuickEditImpossible("This neck wears a necklace already.")
    neck = scene.part(Label.NECK)
    if neck is None or neck.sum() < 0.12 * scene.unit**2:
        raise QuickEditImpossible("Too little of the neck is visible in this mask for a necklace.")
    size = _size(strength)
    _, face, half_face = across(scene)
    left, right = np.percentile(scene.x[neck], (1, 99))
    # Shoulders belong to a neck's class, but not to its width.
    middle = face + float(np.clip((left + right) / 2 - face, -_ASIDE * half_face, _ASIDE * half_face))
    half = min((right - left) / 2, _NECK * half_face)
    under_chin = neck & (abs(scene.x - middle) < 0.35 * half)
    rows = scene.y[under_chin if under_chin.any() else neck]
    top, bottom = np.percentile(rows, (1, 99))
    t = abs(scene.x - middle) / half
    lowest = top + 0.68 * (bottom - top)
    sag = min(0.45, 0.85 * (lowest - top) + 0.12)
    rise = np.where(t < 1, t**2, _BEHIND * t - _BEHIND + 1)  # beside a neck it leads over the shoulders, behind it
    slope = np.where(t < 1, 2 * t, _BEHIND) * sag / half
    chain = abs(scene.y - lowest + sag * rise) < 0.032 * size * np.sqrt(1 + slope**2)
    pendant = np.hypot(scene.x - middle, scene.y - lowest - 0.1 * size) < 0.08 * size
    if lowest > scene.y.max() - _PENDANT * size:  # the picture would cut it off
        pendant[:] = False
    scene.paint(chain | pendant, Label.NECK_L, over=(Label.NECK,))


def remove_necklace(scene: Scene, strength: float) -> None:
    """Necklace off."""
    worn = scene.where(Label.NECK_L)
    if not worn.any():
        raise QuickEditImpossible("This neck wears no necklace.")
    scene.uncover(worn, (Label.NECK, Label.CLOTH, Label.HAIR, Label.SKIN, Label.BACKGROUND))


#: In the order of their buttons.
EDITS = (
    QuickEdit(
        *("glasses", "Glasses", "Puts on clear glasses.", "Accessories", glasses),
        shapes(glasses, "rectangular_glasses", "round_glasses", "cat_eye_glasses", "square_glasses"),
    ),
    QuickEdit(
        *("sunglasses", "Sunglasses", "Puts on dark glasses.", "Accessories", sunglasses),
        shapes(sunglasses, "square_glasses", "aviators", "round_glasses", "cat_eye_glasses"),
    ),
    QuickEdit("remove_glasses", "No glasses", "Takes glasses off.", "Accessories", remove_glasses),
    QuickEdit(
        *("hat", "Hat", "Puts on a hat or a cap.", "Accessories", hat),
        shapes(hat, "beanie", "trilby", "bowler", "straw", "cap", "beret", "head_wrap"),
    ),
    QuickEdit("remove_hat", "No hat", "Takes a hat off.", "Accessories", remove_hat),
    QuickEdit(
        *("earrings", "Earrings", "Puts an earring on each visible ear.", "Accessories", earrings),
        (
            Variant("drop", "Drop", earrings),
            Variant("hoop", "Hoop", partial(earrings, style="hoop")),
            Variant("stud", "Stud", partial(earrings, style="stud")),
        ),
    ),
    QuickEdit("remove_earrings", "No earrings", "Takes earrings off.", "Accessories", remove_earrings),
    QuickEdit("necklace", "Necklace", "Lays a chain around the neck.", "Accessories", necklace),
    QuickEdit("remove_necklace", "No necklace", "Takes a necklace off.", "Accessories", remove_necklace),
)
