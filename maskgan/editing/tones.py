"""Black-and-white, sepia and toned photos: what is painted into one is given the photo's own tone.

In such a photo the colour of a pixel follows from its lightness: (R - Y, B - Y) lies on a curve over luma Y. Networks
that were trained on colour photos paint green hats and blue teeth into it all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Shares of red, green and blue in the luma of Rec. 601, which JPEG keeps apart from colour too.
LUMA = np.array((0.299, 0.587, 0.114), np.float32)

#: Steps of luma between which the curve is linear.
_STEPS = 33

#: How far colours may lie off the curve, in levels of 255: on the average and for 99 in 100 pixels. JPEG moves those of
#: a grey photo by less; the plainest of colour photos, faces before a white wall, lie off by 5 and 20.
_MEAN_OFF, _MOST_OFF = 1.5, 6.0


@dataclass(frozen=True, eq=False)
class Tone:
    """The tone of a photo without colours: curve (33, 2) float32, R - Y and B - Y over luma from 0 to 255."""

    curve: np.ndarray

    @classmethod
    def of(cls, photo: np.ndarray) -> Tone | None:
        """The tone of a photo or crop (H, W, 3) uint8 RGB; None for one in colour."""
        step = max(1, max(photo.shape[:2]) // 256)
        colours = photo[::step, ::step].reshape(-1, 3).astype(np.float32)
        luma = colours @ LUMA
        if (colours == colours[:, :1]).all():
            return cls(np.zeros((_STEPS, 2), np.float32))
        chroma = colours[:, [0, 2]] - luma[:, None]
        bins = (luma / 255 * (_STEPS - 1)).round().astype(int)
        count = np.bincount(bins, minlength=_STEPS)
        known = np.flatnonzero(count)
        total = np.stack([np.bincount(bins, chroma[:, channel], _STEPS) for channel in (0, 1)], 1)
        means = total[known] / count[known, None]
        curve = np.stack([np.interp(np.arange(_STEPS), known, means[:, channel]) for channel in (0, 1)], 1)
        tone = cls(curve.astype(np.float32))
        off = np.abs(chroma - tone._chroma(luma)).max(1)
        return tone if off.mean() <= _MEAN_OFF and np.percentile(off, 99) <= _MOST_OFF else None

    def _chroma(self, luma: np.ndarray) -> np.ndarray:
        """R - Y and B - Y (..., 2) at these lumas (...)."""
        place = luma.clip(0, 255) / 255 * (_STEPS - 1)
        return np.stack([np.interp(place, np.arange(_STEPS), self.curve[:, channel]) for channel in (0, 1)], -1)

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """A picture (H, W, 3) float32 in 0..255 in this tone; its luma stays."""
        luma = picture @ LUMA
        chroma = self._chroma(luma).astype(np.float32)
        return with_chroma(luma, chroma[..., 0], chroma[..., 1]).clip(0, 255)


def with_chroma(luma: np.ndarray, red: np.ndarray, blue: np.ndarray) -> np.ndarray:
    """Pixels (..., 3) of these lumas (...) whose red and blue differ from them by so much (...)."""
    green = -(LUMA[0] * red + LUMA[2] * blue) / LUMA[1]
    return luma[..., None] + np.stack((red, green, blue), -1)


def in_tone_of(tone: Tone | None, picture: np.ndarray) -> np.ndarray:
    """What is painted (h, w, 3) float32 in 0..255, in the tone of its photo, None for one in colour."""
    return picture if tone is None else tone.apply(picture)
