"""ICC profiles of pictures: from a file's own colours to sRGB, and back when an edited picture is saved.

A profile is judged by what it does and never by its name: GIMP's "built-in Linear sRGB" is no sRGB.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

#: Modes of Pillow, by the colour space that a profile says it is of.
_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}

#: What Pillow raises on broken profiles.
_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True)
class Profile:
    """A profile that is not sRGB; mode: of the pictures that it is for, "RGB", "L" or "CMYK"."""

    profile: ImageCms.ImageCmsProfile
    mode: str

    def to_srgb(self, image: Image.Image) -> Image.Image:
        """A picture of the profile's mode -> RGB."""
        return ImageCms.profileToProfile(image, self.profile, _SRGB, outputMode="RGB")

    def from_srgb(self, image: Image.Image) -> Image.Image:
        """An RGB picture -> the profile's mode; colours that the profile does not reach are clipped."""
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        return ImageCms.profileToProfile(image, _SRGB, self.profile, intent, outputMode=self.mode)


@lru_cache(maxsize=16)
def profile_from(icc: bytes | None) -> Profile | None:
    """A file's profile; None where it has none, or one that cannot be used, or that does what sRGB does."""
    if not icc:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        mode = _MODES[profile.profile.xcolor_space.strip()]
        found = Profile(profile, mode)
        if mode == "CMYK":
            return found
        probe = _probe(mode)
        seen = np.asarray(found.to_srgb(Image.fromarray(probe)), np.int16)
    except (*_ERRORS, KeyError):
        return None
    expected = probe if mode == "RGB" else np.repeat(probe[..., None], 3, -1)
    return None if np.abs(seen - expected).max() <= 1 else found


def _probe(mode: str) -> np.ndarray:
    """Colours from the whole of an 8-bit mode: (9, 81, 3) of RGB, (1, 256) of grey."""
    if mode == "L":
        return np.arange(256, dtype=np.uint8)[None]
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps), -1).reshape(9, 81, 3)


def to_srgb(image: Image.Image) -> Image.Image:
    """A picture with 8 bits a channel, of any mode -> L, LA, RGB or RGBA in sRGB, by its embedded profile.

    Transparency stays. Phones save Display P3, scanners grey profiles; a broken or unfitting profile is ignored.
    """
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), _SRGB, outputMode="RGB")
    profile = profile_from(image.info.get("icc_profile"))
    if image.has_transparency_data:
        image = image.convert("LA" if image.mode in ("L", "LA", "1") else "RGBA")
        if profile is None:
            return image
        *bands, alpha = image.split()
        colours = _by(profile, bands[0] if len(bands) == 1 else Image.merge("RGB", bands))
        return Image.merge("RGBA", (*colours.convert("RGB").split(), alpha))
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return image if profile is None else _by(profile, image)


def _by(profile: Profile, image: Image.Image) -> Image.Image:
    """An L, RGB or CMYK picture by a profile, which may be of another mode."""
    if image.mode == "L" and profile.mode == "RGB":
        image = image.convert("RGB")
    try:
        return profile.to_srgb(image) if image.mode == profile.mode else image
    except _ERRORS:
        return image
