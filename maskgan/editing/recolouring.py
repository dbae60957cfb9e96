"""Another colour for a part that is there: hair, lips, irises, skin, brows, clothes. No network is asked.

Colours are moved in OKLab (Ottosson, 2020), whose lightness is about what people see: the part's mean goes to the
wanted colour (as in Reinhard et al., "Color Transfer between Images", 2001), and its shading goes along in proportion
to it, as light on paint does, with shadows less deep where a dark part becomes light. Chroma follows lightness, so
that shadows and highlights of the new colour are as grey as those of real things are. Hair is told by its matte
(`matting.py`): where a strand shares a pixel with what is behind it, only the strand's colour changes. Pixels beyond a
part's edge stay as they are, bit for bit.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection
from pathlib import Path

import cv2
import numpy as np

from maskgan.blending import smoothstep, softened
from maskgan.editing.brows import brow_matte
from maskgan.editing.irises import eyes_apart, irises, light_of_eyes, within_irises
from maskgan.editing.matting import Matte, hair_matte
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.skin import SKIN, skin_matte
from maskgan.labels import BROWS, EYES, LIPS, Label
from maskgan.quick_edits.regions import class_region

#: Classes that change their colour together, by each of them.
TOGETHER = (
    SKIN,
    (Label.U_LIP, Label.L_LIP),
    (Label.L_BROW, Label.R_BROW),
    (Label.L_EYE, Label.R_EYE),
    *((label,) for label in (Label.HAIR, Label.CLOTH, Label.HAT, Label.EYE_G, Label.EAR_R, Label.NECK_L)),
    *((label,) for label in (Label.BACKGROUND, Label.MOUTH)),
)

#: Width of the feather of parts other than hair, in pixels of a 256 px crop.
_EDGE = 1.6

#: How light lips on light skin are beside it; how much lighter skin counts as such for certain, in parts.
_LIPS_TO_SKIN, _LIGHTER = 0.82, 0.25

#: How much darker and greyer the mean of a part becomes than a lighter colour that is asked for, at most: that is read
#: as the colour of hair and skin in full light, and brows have shadows.
_SHADED = {
    (Label.HAIR,): (0.22, 0.9),
    (Label.L_BROW, Label.R_BROW): (0.4, 0.75),
    SKIN: (0.3, 1.0),
}

#: How far hair of some median lightnesses is darker and lighter than that: `python -m lab.hair_contrast` measures it.
HAIR_CONTRAST = Path(__file__).parents[1] / "wardrobe" / "hair_contrast.json"

#: How much of its chroma hair loses with its lightness.
_FADES = 0.35

#: How much of a part's differences in hue and chroma stay.
_VARIETY = 0.5

#: Chroma (OKLab) below which hair is grey.
_GREY = 0.01

#: How much darker hair that is made lighter is at its roots, how far those reach (share of the side), and from how much
#: lighter on.
_DARK_ROOTS, _ROOTS, _LIGHTER_HAIR = 0.25, 0.012, 0.2

#: Which part of the way to a lighter colour lips go: lipstick lets them through.
_LETS_THROUGH = 0.35

#: How light brows are at most beside the skin around them, and which part of the way to a darker colour they go.
_BROWS_TO_SKIN, _TINTED = 0.88, 0.75

#: How much lighter (OKLab) than an iris what it mirrors is, which stays, and over how much more it does.
_GLINT = (0.25, 0.15)


def parse_colour(text: str) -> tuple[int, int, int]:
    """A colour as people write it (#c4622d, c4622d, #c62) -> R, G, B in 0..255.

    Raises ValueError with one sentence when it is none.
    """
    digits = text.strip().removeprefix("#") if isinstance(text, str) else ""
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    if not re.fullmatch(r"[0-9a-fA-F]{6}", digits):
        raise ValueError("A colour is written as six hexadecimal digits, for instance #c4622d.")
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def classes_with(label: Label) -> tuple[Label, ...]:
    """The classes that change their colour together with this one."""
    return next(group for group in TOGETHER if label in group)


def recolour(
    photo: np.ndarray,
    share: np.ndarray,
    colour: tuple[int, int, int],
    strength: float = 1.0,
    part: np.ndarray | None = None,
    gloss: bool = False,
    strands: bool = False,
    shade: np.ndarray | None = None,
    variety: float = _VARIETY,
) -> np.ndarray:
    """A picture whose part has another colour.

    Args:
        photo: (S, S, 3) uint8 RGB.
        share: how far each pixel belongs to the part, (S, S) float32 in 0..1.
        colour: R, G, B in 0..255 that the part's mean goes to.
        strength: 0 (no change) to 1.
        part: (S, S, 3) float32 in 0..255, the part's own colour in each pixel; None: the photo's.
        gloss: whether what is lighter than the mean is light that a surface reflects as it is, as skin does: a part
            that becomes lighter gets no more of it.
        strands: whether it is hair, which has the contrast of hair that is as light.
        shade: (S, S) float32, how much darker each pixel gets, in parts; None for nowhere.
        variety: how much of the part's differences in hue and chroma stay, 0..1.

    Returns (S, S, 3) uint8; where `share` is 0, the photo's own pixels.
    Raises ValueError when the strength is out of range.
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"The strength goes from 0 to 1, not {strength:g}.")
    where = share > 0
    if strength == 0 or not where.any():
        return photo.copy()
    weight = share[where][:, None]
    own = (photo if part is None else part)[where].astype(np.float32)  # n, 3
    lab = to_oklab(own)
    core = weight[:, 0] > 0.6 if (weight > 0.6).any() else weight[:, 0] > 0
    mean, goal = lab[core].mean(0), to_oklab(np.array(colour))
    # Light hair is lit as dark hair is, but its shadows are less deep in proportion.
    contrast = float(np.clip((mean[0] / max(float(goal[0]), 0.05)) ** 0.7, 0.35, 1.0))
    shading = (lab[:, 0].clip(0.02) / mean[0].clip(0.02)) ** contrast
    hues, middle = variety * (lab[:, 1:] - mean[1:]), float(np.median(lab[core, 0]))
    if strands:  # strands of grey hair hardly differ in hue
        hues *= min(1.0, float((np.hypot(*goal[1:]) + _GREY) / (np.hypot(*mean[1:]) + _GREY)))

    def coloured(target: np.ndarray) -> np.ndarray:
        light = _of_strands(lab[:, 0], middle, float(target[0])) if strands else target[0] * shading
        if shade is not None:
            light = light * (1 - shade[where])
        if gloss and target[0] > mean[0]:  # lightness is the cube root of light
            reflected = (lab[:, 0] ** 3 - mean[0] ** 3).clip(0)
            light = np.where(reflected > 0, np.cbrt(target[0] ** 3 + reflected), light)
        # Highlights are pressed rather than cut, so that strands stay apart.
        light = np.where(light > 0.9, 0.9 + 0.1 * np.tanh((light - 0.9) / 0.1), light)
        chroma = light / max(float(target[0]), 0.05)
        chroma = ((1 + _FADES * (chroma - 1)).clip(0.5, 1.1) if strands else chroma.clip(0.2, 1.1))[:, None]
        return np.concatenate([light[:, None], target[1:] * chroma + hues], 1)

    # Pressing and the screen's gamut move the mean a little: it is met in a second step.
    reached = to_oklab(from_oklab(coloured(goal)).clip(0, 255))[core].mean(0)
    new = from_oklab(coloured(goal + (goal - reached))).clip(0, 255)
    result = photo.copy()
    result[where] = (photo[where] + strength * weight * (new - own)).round().clip(0, 255).astype(np.uint8)
    return result


@functools.cache
def _hair_contrast() -> tuple[np.ndarray, np.ndarray]:
    """Median lightnesses of hair (n,) in OKLab, and how far its percentiles lie from them (n, 5), both ascending."""
    read = json.loads(HAIR_CONTRAST.read_text(encoding="utf-8"))
    return np.array(read["lights"]), np.array(read["spreads"])


def _of_strands(light: np.ndarray, middle: float, wanted: float) -> np.ndarray:
    """The lightness (n,) of hair whose median was `middle`, with the contrast of hair whose median is `wanted`."""
    lights, spreads = _hair_contrast()
    before, after = (np.array([np.interp(each, lights, column) for column in spreads.T]) for each in (middle, wanted))
    low, high = after[0] / before[0], after[-1] / before[-1]
    away = light - middle
    moved = np.interp(away, before, after)
    moved += low * np.minimum(away - before[0], 0) + high * np.maximum(away - before[-1], 0)  # straight on beyond both
    return (wanted + moved).clip(0.02, None)


def _roots(mask: np.ndarray) -> np.ndarray:
    """How near hair is to the skin that it grows from, (S, S) float32 in 0..1."""
    away = cv2.distanceTransform((mask != Label.SKIN).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.exp(-np.minimum(away, len(mask)) / (_ROOTS * len(mask))).astype(np.float32)


def part_matte(photo: np.ndarray, mask: np.ndarray, labels: Collection[Label]) -> Matte:
    """How far each pixel belongs to the classes, and their colour in it: hair and brows by their strands, eyes by their
    irises, skin also behind glasses and between hairs."""
    if Label.HAIR in labels:
        return hair_matte(photo, mask)
    if set(labels) & set(BROWS):
        return brow_matte(photo, mask)
    if Label.SKIN in labels:
        return skin_matte(photo, mask, _EDGE)
    return Matte(_share(photo, mask, labels), photo.astype(np.float32))


def _share(photo: np.ndarray, mask: np.ndarray, labels: Collection[Label]) -> np.ndarray:
    inside = class_region(mask, labels)
    if not inside.any():
        return np.zeros(mask.shape, np.float32)
    if set(labels) & set(EYES):
        return irises(photo, inside, eyes_apart(mask))
    return softened(inside, _EDGE * len(inside) / 256)


def _core(share: np.ndarray) -> np.ndarray:
    """Where (S, S) a part is not its edge, or all of it where it is nothing else."""
    return share > 0.6 if (share > 0.6).any() else share > 0


def usual_colour(photo: np.ndarray, mask: np.ndarray, labels: Collection[Label]) -> np.ndarray | None:
    """The mean of classes on a photo in OKLab, (3,), for `recolour_part(..., measured=True)`; None where it sees none.

    Shadows, such as those between lips, and highlights do not count. photo: (S, S, 3) uint8 RGB; mask: (S, S).
    """
    share, part = part_matte(photo, mask, labels)
    if not share.any():
        return None
    lab = to_oklab((part if set(labels) & set(BROWS) else photo)[_core(share)])
    low, high = np.quantile(lab[:, 0], (0.3, 0.95))
    return lab[(lab[:, 0] >= low) & (lab[:, 0] <= high)].mean(0)


def lips_on(lips: np.ndarray, skin: np.ndarray, onto: np.ndarray) -> np.ndarray:
    """The colour of lips on other skin, all (3,) in OKLab.

    They differ from it as they do from their own: lips are skin that another colour shines through, or was put on, and
    those of light skin would be paint on dark skin. Only dark skin has lips that are hardly darker, or lighter; on
    lighter skin they are as light as they were, or as lips are there.
    """
    ratio = onto[0] / max(float(skin[0]), 0.05)
    found = onto + (lips - skin) * min(ratio, 1.0)
    light = onto[0] + (lips[0] - skin[0]) * ratio
    lighter = np.clip((ratio - 1) / _LIGHTER, 0, 1)
    found[0] = light + lighter * (max(lips[0], _LIPS_TO_SKIN * onto[0]) - light)
    return found


def going_along(
    photo: np.ndarray, mask: np.ndarray, onto: np.ndarray, but: Collection[Label] = ()
) -> dict[tuple[Label, ...], np.ndarray]:
    """The colours, (3,) in OKLab, by group (see `TOGETHER`) that lips and brows get when the skin gets another tone.

    Lips are skin, see `lips_on`. Brows let it through, and none are lighter than it: they get darker as it does.

    photo: (S, S, 3) uint8 RGB; mask: (S, S); onto: (3,), the skin's colour then, as by `usual_colour`; but: classes
    that have a colour of their own.
    """
    skin, found = usual_colour(photo, mask, SKIN), {}
    if skin is None:
        return found
    for label in (Label.U_LIP, Label.L_BROW) if onto[0] < skin[0] else (Label.U_LIP,):
        group = classes_with(label)
        own = None if any(each in but for each in group) else usual_colour(photo, mask, group)
        if own is not None:
            found[group] = (
                lips_on(own, skin, onto) if label == Label.U_LIP else own * onto[0] / max(float(skin[0]), 0.05)
            )
    return found


def recolour_part(
    photo: np.ndarray,
    mask: np.ndarray,
    label: Label,
    colour: tuple[int, int, int],
    strength: float = 1.0,
    measured: bool = False,
    matte: Matte | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """A picture in which a class, and those that go with it (see `TOGETHER`), has another colour.

    photo: (S, S, 3) uint8 RGB; mask: (S, S) class ids; colour: R, G, B in 0..255; strength: 0..1; measured: the colour
    is the mean that such a part has on a photo, not what people call its colour; matte: the part's, where the picture
    tells it no more; None: that of the picture.
    Returns the picture and how far each pixel was changed, (S, S) float32 in 0..1.
    """
    group = classes_with(label)
    share, part = matte or part_matte(photo, mask, group)
    if not share.any():
        return photo.copy(), share
    goal = to_oklab(np.array(colour))
    if measured:
        return _recoloured(photo, mask, Matte(share, part), group, colour, strength), share
    if label in EYES:
        # The mean of an iris is that with its pupil and the lid's shadow, in the light that the white is in.
        goal = goal * (0.72, 0.68, 0.68) * light_of_eyes(photo, class_region(mask, EYES), share)
    elif label in LIPS:
        mean = to_oklab(part[_core(share)]).mean(0)
        if goal[0] > mean[0]:
            goal = goal * (mean[0] + _LETS_THROUGH * (goal[0] - mean[0])) / goal[0]
    elif group == BROWS and (skin := usual_colour(photo, mask, SKIN)) is not None:
        goal = goal * min(1.0, _BROWS_TO_SKIN * float(skin[0]) / max(float(goal[0]), 0.05))  # or they would be plates
        own = float(to_oklab(part[_core(share)]).mean(0)[0])
        goal[0] += (1 - _TINTED) * max(0.0, own - goal[0])
    if group in _SHADED:
        mean = to_oklab(part[_core(share)]).mean(0)
        if goal[0] > mean[0]:
            darker, greyer = _SHADED[group]
            goal = goal * (1 - darker * (1 - mean[0] / goal[0]), greyer, greyer)
    return _recoloured(photo, mask, Matte(share, part), group, tuple(from_oklab(goal).clip(0, 255)), strength), share


def _recoloured(
    photo: np.ndarray,
    mask: np.ndarray,
    matte: Matte,
    group: tuple[Label, ...],
    colour: tuple[float, float, float],
    strength: float,
) -> np.ndarray:
    """A picture (S, S, 3) uint8 in which classes of a group have another mean colour; arguments as for
    `recolour_part`."""
    hair, shade = group == (Label.HAIR,), None
    if set(group) & set(EYES):
        shade = within_irises(photo, class_region(mask, EYES), eyes_apart(mask))
        light = to_oklab(photo)[..., 0]
        glint = smoothstep((light - float(light[_core(matte.share)].mean()) - _GLINT[0]) / _GLINT[1])
        matte = Matte((matte.share * (1 - glint)).astype(np.float32), matte.part)
    if hair:
        lighter = float(to_oklab(np.array(colour))[0] - to_oklab(matte.part[_core(matte.share)]).mean(0)[0])
        shade = _DARK_ROOTS * float(np.clip(lighter / _LIGHTER_HAIR, 0, 1)) * _roots(mask)
    return recolour(photo, matte.share, colour, strength, matte.part, group == SKIN, hair, shade)
