"""The colours of a photo's hair, and other hair in them.

Lightness is moved from the lender's hair to the wearer's by matching their distributions (histogram specification,
Gonzalez and Woods), smoothed to a few points, so that shine stays shine and shadow shadow; colours are those that the
wearer's hair has at that lightness, with some of the lender's own variation. All in OKLab (Ottosson, 2020).
"""

from __future__ import annotations

import cv2
import numpy as np

from maskgan.editing.flows import grown
from maskgan.editing.matting import own_hair
from maskgan.editing.oklab import from_oklab, to_oklab
from maskgan.editing.tones import LUMA
from maskgan.labels import BROWS, Label
from maskgan.quick_edits.regions import class_region

#: Percentiles at which the two distributions of lightness are made to meet.
_MEET = (2, 10, 25, 50, 75, 90, 98)

#: Least and greatest contrast that this gives hair, in parts of its own.
_CONTRAST = (0.45, 1.25)

#: How much of the lender's variation of colour at a lightness stays.
_VARIATION = 0.4

#: Share of the picture below which the wearer's hair, and brows, are too little to tell its colours.
_HARDLY, _FEW_BROWS = 0.0015, 0.0005

#: Share of the picture below which hair in the colour of skin or of the ground beside it, nearer than this in OKLab,
#: is none, and how far beside it, as a share of the side.
_LITTLE, _ALIKE, _GROUND = 0.01, 0.06, 0.06

#: Share of the picture from which on thin hair that a hat lets be seen tells its colours.
_UNDER_HAT = 0.0004

#: Share of the picture below which hair shows the scalp, and over how much more it does less; how much redder than
#: yellow (OKLab) such hair is at most.
_CROPPED, _SOFT, _REDDER = 0.03, 0.005, 0.005

#: Lightness (OKLab) of brows below which hair is black, and which part of the way to it cropped hair is less light.
_BLACK_BROWS, _FADES, _SCALP = 0.35, 0.05, 0.5

#: Yellowness (OKLab's b) below which a pixel is blue.
_BLUE = -0.02

#: How much of the colour of brows (OKLab's a and b) is theirs, and not the skin's beneath: where both were measured on
#: 123 portraits, hair had that.
_THROUGH = (0.25, 0.45)


def _light(own: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the lightness's way from theirs to own, (n,) each, rising, of limited steepness."""
    before, after = np.percentile(theirs, _MEET), np.percentile(own, _MEET)
    steps = np.maximum(np.diff(before), 1e-3)
    slopes = np.clip(np.diff(after) / steps, *_CONTRAST)
    middle = len(_MEET) // 2
    moved = np.concatenate([[0.0], np.cumsum(slopes * steps)])
    moved += after[middle] - moved[middle]
    # Beyond both ends straight on.
    before = np.concatenate([[before[0] - 0.2], before, [before[-1] + 0.4]])
    moved = np.concatenate([[moved[0] - 0.2 * slopes[0]], moved, [moved[-1] + 0.4 * slopes[-1]]])
    return before, moved


def _hues(lab: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean a and b (n, 2) of hair (m, 3) by its lightness (n,)."""
    edges = np.unique(np.percentile(lab[:, 0], np.linspace(0, 100, 9)))
    bins = np.digitize(lab[:, 0], edges[1:-1])
    present = np.unique(bins)
    return (
        np.array([lab[bins == k, 0].mean() for k in present]),
        np.array([lab[bins == k, 1:].mean(0) for k in present]),
    )


def in_colours_of(picture: np.ndarray, own: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Pixels of hair (..., 3) in 0..255 in other colours, float32.

    own: pixels (n, 3) whose colours are wanted; theirs: (m, 3), of the hair that they are part of.
    """
    own, theirs, lab = to_oklab(own), to_oklab(theirs), to_oklab(picture)
    light = np.interp(lab[..., 0], *_light(own[:, 0], theirs[:, 0])).clip(0, 1)
    (their_light, their_hues), (own_light, own_hues) = _hues(theirs), _hues(own)
    spread = own[:, 1:].std(0) / np.maximum(theirs[:, 1:].std(0), 1e-3)
    hues = []
    for k in (0, 1):
        beside = lab[..., 1 + k] - np.interp(lab[..., 0], their_light, their_hues[:, k])
        wanted = np.interp(light, own_light, own_hues[:, k])
        hues.append(wanted + min(_VARIATION, float(spread[k])) * np.clip(beside, -0.05, 0.05))
    return from_oklab(np.stack([light, *hues], -1).astype(np.float32)).clip(0, 255)


def colours_of_hair(photo: np.ndarray, own: np.ndarray, near: np.ndarray | None = None) -> np.ndarray | None:
    """Pixels (n, 3) of a photo's hair, its edges left out, of a bald head those of its brows; None without either.

    near: where (S, S) bool its hair counts, if there is not too little of it.
    """
    hair = telling_hair(photo, own)
    share = float(hair.mean())
    if near is not None and (hair & near).mean() > _LITTLE:
        hair = hair & near
    brows = _hairs_of_brows(photo, own)
    if hair.any() and (own == Label.HAT).any():  # the rest of it is hidden, it is not cropped
        return _without_sky(photo[hair])
    if hair.any():
        return _without_scalp(_without_sky(photo[hair]), photo[own == Label.SKIN], brows, share)
    if brows is None:
        return None
    brows[:, 1:] *= _THROUGH
    return from_oklab(brows).clip(0, 255)


def _hairs_of_brows(photo: np.ndarray, own: np.ndarray) -> np.ndarray | None:
    """The darkest pixels of a photo's brows in OKLab (n, 3), not the skin between their hairs; None for hardly any."""
    brows = photo[class_region(own, BROWS)]
    if len(brows) < _FEW_BROWS * own.size:
        return None
    light = brows @ LUMA
    return to_oklab(brows[light <= np.quantile(light, 0.25)])


def _without_scalp(pixels: np.ndarray, skin: np.ndarray, brows: np.ndarray | None, share: float) -> np.ndarray:
    """Pixels of hair (n, 3) without the scalp that is seen through cropped hair, or through a bald head's rim of it.

    That makes grey hair red, and black hair as grey as it is light.

    skin: pixels (m, 3) of the face; brows: of their hairs in OKLab, None for hardly any; share: of the picture that the
    hair is.
    """
    cropped = float(np.clip((_CROPPED - share) / _SOFT, 0, 1))
    if not cropped:
        return pixels
    lab = to_oklab(pixels)
    lab[:, 1] -= cropped * np.maximum(0, lab[:, 1] - np.maximum(lab[:, 2], 0) - _REDDER)
    if brows is not None and len(skin):
        light, dark, bare = (float(np.median(each[:, 0])) for each in (lab, brows, to_oklab(skin)))
        black = np.clip((_BLACK_BROWS - dark) / _FADES, 0, 1) * np.clip((bare - light) / _FADES, 0, 1)
        lab[:, 0] -= _SCALP * cropped * float(black) * max(0.0, light - dark)
    return from_oklab(lab).clip(0, 255)


def _without_sky(pixels: np.ndarray) -> np.ndarray:
    """Pixels of hair (n, 3) without blue ones, unless most of it is blue: masks reach into the sky, and hair shines in
    its colour."""
    yellow = to_oklab(pixels)[:, 2]
    return pixels if np.median(yellow) < _BLUE else pixels[yellow > _BLUE]


def _inner(region: np.ndarray, edge: int) -> np.ndarray:
    """A region (S, S) uint8 without an edge of so many pixels, (S, S) bool."""
    return cv2.erode(region, np.ones((2 * edge + 1,) * 2, np.uint8)) > 0


def telling_hair(photo: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The hair (S, S) bool of a photo's mask without its edges; none where that is too little to tell its colours.

    What is all edge is none, and so is a little that looks like what is beside it: a parser gives a bald head a seam of
    hair, which is the wall behind, and takes the shadow of a shaved scalp for hair, which has the skin's colour.
    """
    whole = own_hair(photo, own).astype(np.uint8)
    hair = _inner(whole, len(own) // 85)
    none = hair.mean() <= _HARDLY
    if none and (own == Label.HAT).any():
        hair = _inner(whole, len(own) // 256)
        none = hair.mean() <= _UNDER_HAT
    if not none and hair.mean() < _LITTLE:
        behind = (own == Label.BACKGROUND) & grown(own == Label.HAIR, _GROUND * len(own))
        colours, *others = (
            np.median(to_oklab(photo[region]), axis=0) for region in (hair, own == Label.SKIN, behind) if region.any()
        )
        none = any(np.linalg.norm(colours - other) < _ALIKE for other in others)
    return np.zeros_like(hair) if none else hair
