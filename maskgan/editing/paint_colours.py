"""Painted pixels held to the colours that the photo has: its hair's, its skin's, its light's.

A network paints what is usual; a photo may be cool, pale or warm, and a few wrong pixels of a mask are enough to give a
style colours that nothing in it has. Luma and colour differences are those of Rec. 601 (see `tones.py`).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from maskgan.blending import BLURRED, averaged_within, nearest_of, pixels_of, smoothstep
from maskgan.editing.flows import grown, window_of
from maskgan.editing.tones import LUMA, with_chroma
from maskgan.labels import EARS, Label
from maskgan.sizes import NETWORK_SIZE

#: Share of a window that known hair has to fill to say which colours hair has.
_ENOUGH_HAIR = 0.004

#: Share of a window that known clothes have to fill to tell their colours, how far from their edges, within how many
#: pixels folds are lighter and darker, and between which distances from them they tell ever more; in painted pixels.
_ENOUGH_CLOTH, _HEM, _FOLD, _SEES = 0.002, 3, 8.0, (4.0, 16.0)

#: Share of a window that known skin has to fill to tell the light, and how coloured teeth may be in parts of the skin.
_ENOUGH_SKIN, _TEETH = 0.02, 0.5

#: How light ears are beside the cheek, how far in painted pixels that goes, and which share of what is painted of an
#: ear has to be known for its own colours to hold.
_EAR, _BESIDE, _KNOWN_EAR = 0.88, 20, 0.6


def in_colours_of_the_photo(
    picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Painted hair, clothes, teeth and ears in colours that fit the photo.

    Args:
        picture: what is painted, (n, n, 3) float32 in 0..255.
        photo: the moved photo, (n, n, 3) uint8 or float32.
        unknown: (n, n) bool, where it is painted.
        mask: the edited mask, (n, n).

    Returns a picture (n, n, 3) float32; nothing that is known of it is changed.
    """
    picture = _with_colours_of_hair(picture, photo, unknown, mask)
    picture = _with_clothes_gone_on(picture, photo, unknown, mask)
    picture = _with_teeth_in_its_light(picture, photo, unknown, mask)
    return _with_ears_of_its_skin(picture, photo, unknown, mask)


def _with_colours_of_hair(picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Painted hair without colours that the photo's hair lacks, such as a seam of the background's: (n, n, 3)."""
    hair = mask == Label.HAIR
    known, painted = hair & ~unknown, hair & unknown
    if known.sum() < _ENOUGH_HAIR * mask.size or not painted.any():
        return picture

    def differences(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        luma = pixels @ LUMA
        return luma, pixels[:, ::2] - luma[:, None]

    _, own = differences(pixels_of(photo, known).astype(np.float32))
    luma, drawn = differences(pixels_of(picture, painted))
    low, high = np.percentile(own, (2, 98), axis=0)
    result = picture.copy()
    result[painted] = with_chroma(luma, *np.clip(drawn, low, high).T)
    return result


def _with_clothes_gone_on(picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Painted clothes in the colours of those that are nearest to them, with the folds that are painted: (n, n, 3).

    A network knows one mean of all that somebody wears: of a white collar and a dark jacket it makes grey smears.
    """
    cloth, scale = mask == Label.CLOTH, len(mask) / NETWORK_SIZE
    painted = cloth & unknown
    known = cloth & ~grown(~cloth | unknown, _HEM * scale)
    if known.sum() < _ENOUGH_CLOTH * mask.size or not painted.any():
        return picture
    wanted = nearest_of(averaged_within(photo.astype(np.float32), known, _FOLD * scale), known)
    # Close to what is known the network sees how it goes on.
    away = cv2.distanceTransform((~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / scale
    box = window_of(painted, math.ceil(BLURRED * _FOLD * scale) + 1)
    wanted = averaged_within(wanted[box], cloth[box], _FOLD * scale)
    drawn = averaged_within(picture[box], painted[box], _FOLD * scale)
    weight = smoothstep((away[box] - _SEES[0]) / np.ptp(_SEES)) * painted[box]
    result = picture.copy()
    result[box] += weight.astype(np.float32)[..., None] * (wanted - drawn)
    return result


def _with_teeth_in_its_light(
    picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray
) -> np.ndarray:
    """Painted teeth no more coloured than the photo's light makes them, told from its skin: (n, n, 3) float32.

    A network that has seen no teeth of this person draws those of an average photo, which are orange in a cool or pale
    one. Differences of red and blue from the luma are in parts of it, so that they do not depend on the exposure.
    """
    skin, mouth = (mask == Label.SKIN) & ~unknown, (mask == Label.MOUTH) & unknown
    if skin.sum() < _ENOUGH_SKIN * mask.size or not mouth.any():
        return picture

    limits = [_TEETH * max(float(np.median(of)), 0.0) for of in _by_luma(pixels_of(photo, skin).astype(np.float32))[1:]]
    luma, red, yellow = _by_luma(picture[mouth])
    share = smoothstep((yellow - 0.6 * red) / np.maximum(0.4 * red, 0.01))  # gums and the tongue are redder
    red, yellow = (of + share * (np.minimum(of, most) - of) for of, most in zip((red, yellow), limits, strict=True))
    result = picture.copy()
    result[mouth] = with_chroma(luma, luma * red, -luma * yellow)
    return result


def _with_ears_of_its_skin(picture: np.ndarray, photo: np.ndarray, unknown: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Painted ears that hair had covered, in the colours and the light of the cheek beside them: (n, n, 3) float32.

    What the photo showed of them were slivers, mostly of something else, from which no colours can be told.
    """
    skin, n = (mask == Label.SKIN) & ~unknown, len(mask)
    result = picture
    for label in EARS:
        ear = mask == label
        painted = ear & unknown
        if not painted.any():
            continue
        near = skin & grown(painted, _BESIDE * n / NETWORK_SIZE)
        share = 1 - (ear & ~unknown).sum() / (_KNOWN_EAR * painted.sum())
        if share <= 0 or near.sum() < 0.1 * painted.sum():
            continue
        wanted = [np.median(of) for of in _by_luma(photo[near].astype(np.float32))]
        luma, red, yellow = _by_luma(picture[painted])
        luma = luma * (1 + share * (_EAR * wanted[0] / np.median(luma) - 1))
        red, yellow = (of + share * (goal - np.median(of)) for of, goal in zip((red, yellow), wanted[1:], strict=True))
        result = result.copy()
        result[painted] = with_chroma(luma, luma * red, -luma * yellow)
    return result


def _by_luma(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Luma of pixels (m, 3), and how much more red and less blue they are than it, in parts of it: (m,) each."""
    luma = np.maximum(pixels @ LUMA, 1.0)
    return luma, pixels[:, 0] / luma - 1, 1 - pixels[:, 2] / luma
