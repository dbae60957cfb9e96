"""A picture with a colour profile is converted to sRGB by the profile's curves."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from test_images import encoded, picture

from maskgan.images import read_photo


def profile(name: str, gamma: float, *, grey: bool = False) -> bytes:
    """An ICC profile of version 2 with sRGB's primaries and a plain power for its curve."""

    def s15(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    def padded(data: bytes) -> bytes:
        return data + b"\0" * (-len(data) % 4)

    curve = padded(b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256)))
    text = name.encode() + b"\0"
    tags = {
        b"desc": padded(b"desc" + struct.pack(">II", 0, len(text)) + text + b"\0" * 78),
        b"cprt": padded(b"text\0\0\0\0none\0"),
        b"wtpt": b"XYZ \0\0\0\0" + s15(0.9642, 1.0, 0.8249),
    }
    if grey:
        tags[b"kTRC"] = curve
    else:
        columns = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
        for letter, column in zip((b"r", b"g", b"b"), columns, strict=True):
            tags[letter + b"XYZ"], tags[letter + b"TRC"] = b"XYZ \0\0\0\0" + s15(*column), curve
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, data in tags.items():
        table += tag + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(
        ">I4sI4s4s4s",
        132 + len(table) - 4 + len(body),
        b"none",
        0x02400000,
        b"mntr",
        b"GRAY" if grey else b"RGB ",
        b"XYZ ",
    )
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + s15(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + table + body


def linear(values: np.ndarray) -> np.ndarray:
    """8-bit sRGB -> light, 0..1."""
    share = values / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def test_a_profile_counts_by_its_curve_not_by_its_name():
    bright = picture() // 2 + 100  # in the dark, 8 bits of light are too few to come back
    light = (linear(bright) * 255).round().astype(np.uint8)
    photo = read_photo(encoded(Image.fromarray(light), icc_profile=profile("GIMP built-in Linear sRGB", 1.0)))
    assert np.abs(photo.astype(int) - bright).max() <= 2


def test_the_usual_srgb_profile_changes_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    np.testing.assert_array_equal(read_photo(encoded(Image.fromarray(picture()), icc_profile=srgb)), picture())


@pytest.mark.parametrize("kind", ["L", "LA", "I;16"])
def test_grey_profiles_are_applied_with_alpha_and_with_16_bits(kind):
    grey = np.tile(np.linspace(110, 250, 60).round().astype(np.uint8), (40, 1))
    light = linear(grey)
    if kind == "I;16":
        image = Image.fromarray((light * 65535).round().astype(np.uint16))
    else:
        image = Image.fromarray((light * 255).round().astype(np.uint8))
    if kind == "LA":
        image.putalpha(255)
    photo = read_photo(encoded(image, icc_profile=profile("Linear grey", 1.0, grey=True)))
    assert np.abs(photo.astype(int) - grey[..., None]).max() <= 2
