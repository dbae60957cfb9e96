"""Hairpieces laid over a picture, in the colours of the wearer's own hair (`hair_colours.py`)."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from maskgan.blending import mirrored_beyond, smoothstep
from maskgan.editing.faces import Alignment, paste_back
from maskgan.editing.hair_colours import colours_of_hair, in_colours_of, telling_hair
from maskgan.editing.lasting import LastingCache, fingerprint
from maskgan.editing.oklab import to_oklab
from maskgan.editing.sideburns import down_to_ears, instead_of_sideburns
from maskgan.editing.strands_in_black import with_strands_in_black
from maskgan.editing.tones import LUMA
from maskgan.labels import EARS, FACE_PARTS, Label
from maskgan.mask_files import resize_mask
from maskgan.quick_edits.hair_around import painted_around
from maskgan.quick_edits.hairpieces import ON_PAINT, Coverage, Part, Worn, coverage
from maskgan.quick_edits.painted_fringe import painted_over
from maskgan.quick_edits.regions import class_region
from maskgan.quick_edits.scene import Scene

#: How far (frame units) beside painted hair other hair is that it has the colours of.
_JOINED = 0.5

#: The largest side in pixels of a crop in which hair is laid: the wardrobe has none finer.
_FINEST = 1024

#: Share of what a hairpiece changes in the mask from which on it is there, and was not undone or painted over.
_IS_THERE = 0.25

#: How far strands reach beyond the mask's hair, as a share of the crop's side.
_STRANDS = 0.03

#: Width (frame units) of what is closed between hair and jaw, how light hair is there in the end, in parts of its own,
#: and how far in that is.
_OPEN, _IN_SHADE, _SHADED = 0.4, 0.6, 0.25

#: Lightness (OKLab) below which a photo of hair shows no strands, over how much of it they appear, and how far (frame
#: units) it is made even.
_BLACK, _FADES, _EVEN = 0.17, 0.05, 0.04

#: How much more distinct strands get at most, how fine they are (frame units), how light black counts (0..255), and
#: pixels of hair at least.
_DISTINCT, _FINE, _DIM, _FEW = 2.0, 0.03, 12.0, 200

#: Classes that hair hangs beside.
_SKIN = (*FACE_PARTS, *EARS, Label.NECK)

#: Classes within a face.
_FEATURES = (*FACE_PARTS, Label.EYE_G)

#: How dark a fringe's shadow on the forehead is, and how far it falls in frame units.
_SHADOW, _FALL = 0.3, 0.08

#: Where the last hairpieces lie, for edits that follow; at most so many bytes.
_COVERED: LastingCache[Coverage | None] = LastingCache(
    2**25, lambda where: 0 if where is None else 4 * where.alpha.nbytes + where.scene.nbytes
)

#: What of hair was painted where a part is seen.
_PAINTED = {Part.FOREHEAD: painted_over, Part.AROUND: painted_around}


def in_other_colours(
    hair: np.ndarray, alpha: np.ndarray, colours: np.ndarray, unit: float, left: np.ndarray | None = None
) -> np.ndarray:
    """Somebody's hair in the colours of other hair, with strands also where it was all black.

    Args:
        hair: (S, S, 3) float32 in 0..255, seen where `alpha` (S, S) is not 0.
        colours: pixels (n, 3) of the other hair.
        unit: of the face's frame, in pixels.
        left: the part (S, S) bool whose light is another than that of the rest; None for none.

    Returns (S, S, 3) float32.
    """
    hair, black = _without_noise_in_black(hair, unit)
    for part in (alpha > 0,) if left is None else ((alpha > 0) & left, (alpha > 0) & ~left):
        solid = part & (alpha > 0.9)
        if part.any():
            hair[part] = in_colours_of(hair[part], colours, hair[solid if solid.any() else part])
    return with_strands_in_black(hair, black, alpha, unit)


def put_on(
    picture: np.ndarray, mask: np.ndarray, photo: np.ndarray, own: np.ndarray, worn: Worn
) -> tuple[np.ndarray, np.ndarray]:
    """A picture whose face wears a hairpiece.

    Args:
        picture: (S, S, 3) uint8, the edited face without it.
        mask: (S, S), the edited mask; where it has no hair close by, none of the piece is seen.
        photo: (S, S, 3) uint8 and own: (S, S), the photo and its mask, which tell the colours of the hair.

    Returns the new picture and how far each pixel changed, (S, S) float32.
    """
    where = seen_of(mask, own, worn)
    if where is None:
        return picture, np.zeros(mask.shape, np.float32)
    scene = where.scene
    way = cv2.INTER_CUBIC if len(where.piece.colours) < 2 * len(mask) else cv2.INTER_AREA
    hair = cv2.remap(where.piece.colours, where.cols, where.rows, way, borderMode=cv2.BORDER_REFLECT_101)
    hair = hair.astype(np.float32)
    colours = colours_of_hair(photo, own, _close_by(where, worn))
    if colours is not None:
        # Locks at both sides of a face are no one mass of hair with the lender's light from one side.
        left = scene.x < sum(scene.cheeks) / 2 if worn.part == Part.AROUND else None
        hair = in_other_colours(hair, where.alpha, colours, scene.unit, left)
        hair = _as_distinct(hair, where.alpha, photo, own, scene.unit)
    if worn.part not in (Part.FRINGE, *ON_PAINT):
        strip = instead_of_sideburns(where, mask, own, worn)
        where, hair = _behind_jaw(where, hair, mask, own)
        where, hair = down_to_ears(where, hair, strip)
    alpha, changed = where.alpha[..., None], where.alpha
    result = picture.astype(np.float32)
    roots = mask == Label.HAIR
    if colours is not None and roots.any() and not telling_hair(photo, own).any():
        # What was painted for hair beside it has the colours of what the mask wrongly calls hair.
        result[roots] = in_colours_of(result[roots], colours, result[roots])
        changed = np.maximum(changed, roots)
    if worn.part not in (Part.LENGTH, Part.AROUND):
        low = np.roll(where.alpha, round(_FALL * scene.unit), axis=0)
        shade = _SHADOW * cv2.GaussianBlur(low, (0, 0), max(0.5, 0.6 * _FALL * scene.unit))
        skin = (mask == Label.SKIN) | ((mask == Label.HAIR) & (own == Label.SKIN))  # and below its soft edge
        shade = np.where(skin & (scene.y < 0.2), shade, 0)
        shade = cv2.GaussianBlur(shade.astype(np.float32), (0, 0), max(0.5, 0.01 * scene.unit))
        shade[shade < 0.01] = 0
        result = result * (1 - shade[..., None])
        changed = np.maximum(changed, shade)
    result += alpha * (hair - result)
    return np.where(changed[..., None] > 0, result.round().clip(0, 255), picture).astype(np.uint8), changed


def _as_distinct(hair: np.ndarray, alpha: np.ndarray, photo: np.ndarray, own: np.ndarray, unit: float) -> np.ndarray:
    """Hair (S, S, 3) float32 in 0..255 whose strands differ in lightness as much as those of the wearer's.

    Grey hair has white strands beside dark ones: another's shine in its colours alone looks like plastic.

    alpha: (S, S), how far hair is seen; photo, own: (S, S, 3) uint8 and (S, S), the photo and its mask.
    """
    telling = telling_hair(photo, own)
    theirs, wearers = _strands(hair, alpha > 0, alpha > 0.9, unit), _strands(photo, telling, telling, unit)
    if theirs is None or wearers is None:
        return hair
    stronger = float(np.clip(wearers[1] / max(theirs[1], 1e-3), 1, _DISTINCT))
    return (hair * np.exp((stronger - 1) * theirs[0])[..., None]).astype(np.float32)


def _strands(picture: np.ndarray, hair: np.ndarray, sure: np.ndarray, unit: float) -> tuple[np.ndarray, float] | None:
    """How much lighter each pixel (S, S) is than the `hair` (S, S) bool around it (natural logarithm), 0 elsewhere, and
    how much that varies where it is `sure` (S, S) bool; None where there is hardly any."""
    if np.count_nonzero(sure) < _FEW:
        return None
    light, share = np.log(np.maximum(picture @ LUMA, 0) + _DIM).astype(np.float32), hair.astype(np.float32)
    soft = cv2.GaussianBlur(np.dstack([light * share, share]), (0, 0), max(0.8, _FINE * unit))
    fine = np.where(hair, light - soft[..., 0] / np.maximum(soft[..., 1], 1e-3), 0)
    return fine, float(fine[sure].std())


def _without_noise_in_black(hair: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Hair (S, S, 3) float32 in 0..255, even where it is all black, and how far each pixel is, (S, S) in 0..1.

    In dark hair's own shadow a photo holds nothing but the blocks of its compression, which lighter colours would show.
    """
    even = cv2.GaussianBlur(hair, (0, 0), max(0.8, _EVEN * unit))
    black = smoothstep((_BLACK - to_oklab(even)[..., 0]) / _FADES)
    return hair + black[..., None] * (even - hair), black


def _behind_jaw(where: Coverage, hair: np.ndarray, mask: np.ndarray, own: np.ndarray) -> tuple[Coverage, np.ndarray]:
    """Close what is left open between the hair (S, S, 3) float32 and the jaw, or the wearer's own hair, with hair that
    goes on there, in shadow.

    The edge of face and hair, which has some of the old ground in it, goes under the hair too.
    """
    scene, solid = where.scene, where.alpha > 0.85
    skin = class_region(mask, _SKIN) | ((mask == Label.HAIR) & (own == Label.HAIR))
    size = max(3, int(_OPEN * scene.unit) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx((solid | skin).astype(np.uint8), cv2.MORPH_CLOSE, disc) > 0
    wide = max(2, round(0.006 * len(mask)))
    square = np.ones((2 * wide + 1,) * 2, np.uint8)
    ground = cv2.dilate((own == Label.BACKGROUND).astype(np.uint8), square) > 0
    near = cv2.distanceTransform((~skin).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) < size
    near &= cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) < size / 2
    wispy = (own != Label.HAIR) | ground
    gap = closed & near & (mask == Label.HAIR) & wispy & ~solid & (scene.y > -0.5)
    if not gap.any():
        return where, hair
    ground |= cv2.dilate(gap.astype(np.uint8), square) > 0
    edge = skin & ground & (cv2.dilate(gap.astype(np.uint8), np.ones((2 * wide + 3,) * 2, np.uint8)) > 0)
    soft = cv2.GaussianBlur((gap | edge).astype(np.float32), (0, 0), max(0.6, wide / 2))
    soft = (2 * soft).clip(0, 1) * where.above
    deep = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5) / (_SHADED * scene.unit)
    shade = 1 - (1 - _IN_SHADE) * smoothstep(deep)
    behind = mirrored_beyond(hair, solid, soft > 0, size) * shade[..., None]
    share = soft * (1 - where.alpha)
    alpha = where.alpha + share
    mixed = where.alpha[..., None] * hair + share[..., None] * behind
    mixed = np.where(soft[..., None] > 0, mixed / np.maximum(alpha, 1e-3)[..., None], hair)
    return where._replace(alpha=alpha), mixed


def seen_of(mask: np.ndarray, own: np.ndarray, worn: Worn) -> Coverage | None:
    """Where a hairpiece is seen on a face with this mask (S, S); None where the mask does not have it.

    own: the photo's mask (S, S). Strands reach a little beyond the mask's hair. The hair hangs from the head: where it
    lies follows from the outline of the face, and from the photo's own features, so that a smile does not shift it.
    Raises QuickEditImpossible where the mask has no face.
    """
    hair, before = mask == Label.HAIR, own == Label.HAIR
    within = class_region(mask, _FEATURES) & class_region(own, _FEATURES)
    bare, on = np.where(hair | within, own, mask).astype(np.uint8), hair if worn.part in ON_PAINT else None
    where = _COVERED.get(own, fingerprint(bare, on, worn), lambda: _covered(bare, on, worn))
    if where is None:
        return None
    brought = (where.alpha > 0.5) & ~before
    taken = before & (where.alpha < 0.1) if worn.part == Part.WHOLE else np.zeros_like(before)
    agrees = np.count_nonzero(hair & brought) + np.count_nonzero(~hair & taken)
    if agrees <= _IS_THERE * (np.count_nonzero(brought) + np.count_nonzero(taken)):
        return None
    away = cv2.distanceTransform((~hair).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    near = (2 - 2 * away / (_STRANDS * len(mask))).clip(0, 1)
    return where._replace(alpha=(where.alpha * near).astype(np.float32))


def _covered(bare: np.ndarray, hair: np.ndarray | None, worn: Worn) -> Coverage | None:
    """Where a face without its hair wears a hairpiece; hair (H, W) bool: where one is that follows what was painted.

    None where none of it was.
    """
    scene = Scene(bare)
    painted = None if hair is None else _PAINTED[worn.part](scene, hair)
    return coverage(scene, worn, painted) if painted is None or painted.any() else None


def _close_by(where: Coverage, worn: Worn) -> np.ndarray | None:
    """Where (S, S) bool hair is that painted hair joins and has the colours of; None for all of a head's."""
    if worn.part not in ON_PAINT:
        return None
    away = cv2.distanceTransform((where.alpha == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    return away <= _JOINED * where.scene.unit


class Hairpieces(NamedTuple):
    """Hairpieces as a change of a photo, made at the photo's own resolution.

    mask, own: (S, S), the edited and the photo's own mask; photo: (S, S, 3) uint8, the crop as it was.
    """

    worn: tuple[Worn, ...]
    mask: np.ndarray
    own: np.ndarray
    photo: np.ndarray

    def on(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A crop (n, n, 3) uint8 of any size with the hairpieces, and how far each pixel changed, (n, n) float32."""
        sides = crop.shape[:2]
        mask, own = (resize_mask(plane, sides, smooth=True) for plane in (self.mask, self.own))
        photo = cv2.resize(self.photo, sides, interpolation=cv2.INTER_LINEAR)
        region = np.zeros(sides, np.float32)
        for worn in self.worn:
            crop, changed = put_on(crop, mask, photo, own, worn)
            region = np.maximum(region, changed)
        return crop, region

    def onto(self, photo: np.ndarray, alignment: Alignment, seamless: bool = False) -> np.ndarray:
        """The photo (H, W, 3) uint8 in which the crop lies at `alignment` with them; `seamless` changes nothing."""
        size = int(np.clip(round(alignment.side), len(self.mask), _FINEST))
        crop, region = self.on(alignment.crop(photo, size))
        over = cv2.dilate((region > 0).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
        return paste_back(photo, alignment, crop, over, 1 - region)
