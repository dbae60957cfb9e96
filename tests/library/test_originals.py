"""A result goes back as the kind of file that the photo came in, with all that the edit did not touch."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from conftest import told_by
from PIL import ExifTags, Image, ImageCms
from test_colour_profiles import profile
from test_images import encoded, picture

from maskgan.images import read_photo
from maskgan.originals import Original, read_original
from maskgan.provenance import DIGITAL_SOURCE_TYPE
from maskgan.snapshots import Weights

WEIGHTS = Weights("0123456789abcdef" * 4)
BOX = np.s_[16:32, 16:32]  # what is edited: one block of a JPEG with shared colours


def edited(photo: np.ndarray) -> np.ndarray:
    result = photo.copy()
    result[BOX] = (30, 200, 90)
    return result


def untouched(pixels: np.ndarray) -> np.ndarray:
    """The pixels (N, ...) that are not near the edited box."""
    away = np.ones(pixels.shape[:2], bool)
    away[:36, 8:56] = False
    return pixels[away]


def saved(data: bytes, **options) -> tuple[Image.Image, tuple[str, ...]]:
    photo, original = read_original(data)
    content, suffix, notes = original.encode(edited(photo), WEIGHTS, **options)
    image = Image.open(io.BytesIO(content))
    assert suffix == {"JPEG": ".jpg", "PNG": ".png"}[image.format]
    assert told_by(image)["DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    np.testing.assert_allclose(read_photo(content)[20:28, 20:28].mean((0, 1)), (30, 200, 90), atol=6)
    return image, notes


@pytest.mark.parametrize(("quality", "subsampling"), [(60, 2), (85, 0), (97, 1)])
def test_a_jpeg_comes_back_at_its_own_quality(quality, subsampling):
    noisy = (picture(80, 96) + np.random.default_rng(0).normal(0, 6, (80, 96, 3))).clip(0, 255).astype(np.uint8)
    data = encoded(Image.fromarray(noisy), "JPEG", quality=quality, subsampling=subsampling)
    image, notes = saved(data)
    assert image.format == "JPEG" and notes == ()
    assert image.quantization == Image.open(io.BytesIO(data)).quantization
    difference = untouched(np.asarray(image).astype(int)) - untouched(read_photo(data))
    assert np.abs(difference).mean() < 1
    assert saved(data, form="PNG")[0].format == "PNG"


def phone_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Copyright] = "somebody"
    exif[ExifTags.IFD.Exif] = {0x9003: "2026:01:02 03:04:05", 0xA002: 60, 0xA003: 40, 0x927C: b"secret"}
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (1.0, 2.0, 3.0)}
    return exif


@pytest.mark.parametrize(("metadata", "place"), [("safe", False), ("all", True)])
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_exif_stays_without_the_place_unless_wanted(form, metadata, place):
    image, _ = saved(encoded(Image.fromarray(picture()), form, exif=phone_exif()), metadata=metadata)
    assert image.size == (40, 60)
    exif = image.getexif()
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    assert exif[ExifTags.Base.Copyright] == "somebody" and camera[0x9003] == "2026:01:02 03:04:05"
    assert (camera[0xA002], camera[0xA003]) == (40, 60)
    assert (ExifTags.IFD.GPSInfo in exif) == place and (0x927C in camera) == place


def test_metadata_can_be_dropped_altogether():
    image, _ = saved(encoded(Image.fromarray(picture()), "JPEG", exif=phone_exif()), metadata="none")
    assert len(image.getexif()) == 0


def test_a_tag_that_cannot_be_written_again_is_left_out():
    from test_images import bad_exif

    image, _ = saved(encoded(Image.fromarray(picture()), "JPEG", exif=bad_exif()))
    assert image.size == (40, 60)
    assert 0x9204 not in image.getexif().get_ifd(ExifTags.IFD.Exif)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_untouched_pixels_of_another_colour_space_stay_what_they_were(form):
    icc = profile("a wide or odd space", 1.6)
    image, _ = saved(encoded(Image.fromarray(picture()), form, icc_profile=icc))
    assert image.info["icc_profile"] == icc
    np.testing.assert_array_equal(untouched(np.asarray(image)), untouched(picture()))


def test_transparency_stays():
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:, :10], alpha[18:20, 20:24] = 0, 128
    image, _ = saved(encoded(Image.fromarray(np.dstack((picture(), alpha)))))
    pixels = np.asarray(image)
    np.testing.assert_array_equal(pixels[..., 3], alpha)
    np.testing.assert_array_equal(untouched(pixels)[:, :3], untouched(picture()))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_stay_16_bits(channels):
    rng = np.random.default_rng(0)
    deep = rng.integers(0, 65536, (40, 60, channels)).astype(np.uint16)
    deep[..., 3:] = 65535
    photo, original = read_original(cv2.imencode(".png", deep)[1].tobytes())
    result = photo.copy()
    result[BOX] = 200
    content, suffix, notes = original.encode(result, WEIGHTS)
    assert suffix == ".png" and notes == ()
    back = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED).reshape(deep.shape)
    assert back.dtype == np.uint16
    np.testing.assert_array_equal(untouched(back), untouched(deep))
    assert np.abs(back[BOX][..., :3].astype(int) - 200 * 257).max() <= 257
    assert told_by(Image.open(io.BytesIO(content)))["DigitalSourceType"] == DIGITAL_SOURCE_TYPE


def test_a_grey_photo_stays_grey_and_an_edit_in_colour_is_told():
    grey = Image.fromarray(picture()[..., 0])
    photo, original = read_original(encoded(grey))
    darker = photo.copy()
    darker[BOX] //= 2
    assert Image.open(io.BytesIO(original.encode(darker, WEIGHTS).content)).mode == "L"
    image, notes = saved(encoded(grey))
    assert image.mode == "RGB" and "grey" in notes[0]
    np.testing.assert_array_equal(untouched(np.asarray(image)[..., 1]), untouched(np.asarray(grey)))


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_that_was_turned_is_saved_turned(quarters, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photo, original = read_original(encoded(Image.fromarray(picture()), exif=exif, icc_profile=profile("odd", 1.6)))
    turned = np.ascontiguousarray(np.rot90(photo, quarters))
    content = original.turned(quarters).encode(turned, None).content
    np.testing.assert_array_equal(read_photo(content), turned)


def test_an_unedited_photo_says_nothing_and_another_size_is_refused():
    photo, original = read_original(encoded(Image.fromarray(picture()), "JPEG"))
    assert told_by(Image.open(io.BytesIO(original.encode(photo, None).content))) == {}
    with pytest.raises(ValueError, match="another size"):
        original.encode(photo[1:], WEIGHTS)


def test_what_cannot_stay_is_told():
    cmyk = encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=95)
    assert any("CMYK" in note for note in saved(cmyk)[1])
    clear = Image.fromarray(np.dstack((picture(), np.full((40, 60), 255, np.uint8))))
    image, notes = saved(encoded(clear), form="JPEG")
    assert image.format == "JPEG" and "transparency" in notes[0]


def test_srgb_profiles_are_kept():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image, _ = saved(encoded(Image.fromarray(picture()), icc_profile=srgb))
    assert image.info["icc_profile"] == srgb
    assert isinstance(read_original(encoded(image))[1], Original)
