"""Any picture people bring becomes the same upright RGB photo, or one sentence."""

from __future__ import annotations

import io
import struct
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, TiffImagePlugin, features

from maskgan.images import MIN_SIDE, BadPhoto, read_photo, to_tensor, to_uint8
from maskgan.labels import PALETTE
from maskgan.mask_files import BadMask, read_mask


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    """Smooth colours with a different value in every corner, so that turns and swaps show."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack((x * 255 // (width - 1), y * 255 // (height - 1), 255 - x * 255 // (width - 1)), -1).astype(
        np.uint8
    )


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def test_png_comes_back_exactly_from_path_bytes_and_file(tmp_path):
    data = encoded(Image.fromarray(picture()))
    (tmp_path / "a.png").write_bytes(data)
    for source in (tmp_path / "a.png", str(tmp_path / "a.png"), data, io.BytesIO(data)):
        np.testing.assert_array_equal(read_photo(source), picture())


def png_file(width: int, height: int, *, depth: int, colour: int, rows: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "TIFF", "BMP", "PPM"])
def test_usual_formats(form):
    photo = read_photo(encoded(Image.fromarray(picture()), form))
    assert np.abs(photo.astype(int) - picture()).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    upright = Image.fromarray(picture())
    # How the camera stored the upright scene: the inverse of what the tag asks the reader to do.
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read_photo(encoded(stored, exif=exif)), picture())


def test_16_bit_grey_is_scaled_not_clipped():
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (40, 1))
    photo = read_photo(encoded(Image.fromarray(ramp)))
    np.testing.assert_allclose(photo[0, :, 0], np.linspace(0, 255, 64), atol=1)


def test_16_bit_rgb_is_scaled():
    colour = np.array([65535, 32896, 257], ">u2")  # 255, 128, 1 in 8 bits
    rows = (b"\0" + np.tile(colour, 40).tobytes()) * 40
    png = png_file(40, 40, depth=16, colour=2, rows=rows)
    np.testing.assert_allclose(read_photo(png)[20, 20], (255, 128, 1), atol=1)


def test_float_tiff_from_0_to_1_is_scaled():
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (40, 1))
    np.testing.assert_allclose(
        read_photo(encoded(Image.fromarray(ramp), "TIFF"))[0, :, 0], np.linspace(0, 255, 64), atol=1
    )


def test_transparency_lies_over_white():
    image = Image.fromarray(np.dstack((picture(), np.full((40, 60), 255, np.uint8))))
    image.putpixel((3, 4), (10, 20, 30, 0))
    image.putpixel((5, 6), (0, 0, 0, 128))
    photo = read_photo(encoded(image))
    assert photo[4, 3].tolist() == [255, 255, 255]
    assert abs(int(photo[6, 5, 0]) - 127) <= 1
    np.testing.assert_array_equal(photo[10:], picture()[10:])


def test_palette_picture_with_a_transparent_colour():
    image = Image.new("P", (40, 40), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((2, 3), 0)
    photo = read_photo(encoded(image, transparency=0))
    assert photo[3, 2].tolist() == [255, 255, 255]
    assert photo[0, 0].tolist() == [0, 0, 255]


def test_cmyk_jpeg_has_about_the_same_colours():
    photo = read_photo(encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(photo.astype(int) - picture()).mean() < 6


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_modes_become_rgb(mode):
    photo = read_photo(encoded(Image.new(mode, (40, 50), (255, 255) if mode == "LA" else 255)))
    assert photo.shape == (50, 40, 3)
    assert (photo == 255).all()


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read_photo(data)[0, 0].tolist() == [255, 0, 0]


def test_a_colour_profile_is_applied_and_a_broken_one_ignored():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(picture())
    np.testing.assert_array_equal(read_photo(encoded(image, icc_profile=lab)), picture())
    np.testing.assert_array_equal(read_photo(encoded(image, icc_profile=b"no profile")), picture())


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"%!PS-Adobe-3.0 EPSF-3.0\n"]
)
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(BadPhoto, match="not a picture"):
        read_photo(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_truncated_files_are_refused(form):
    data = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 80, 3)).astype(np.uint8)), form)
    with pytest.raises(BadPhoto, match=r"damaged|not a picture"):
        read_photo(data[: len(data) // 2])


def test_too_small_names_the_minimum():
    with pytest.raises(BadPhoto, match=rf"1 x 1 .* {MIN_SIDE} "):
        read_photo(encoded(Image.new("RGB", (1, 1))))


@pytest.mark.parametrize("side", [9_000, 20_000])
def test_huge_pictures_are_refused_before_they_are_decoded(side, monkeypatch):
    data = png_file(side, side, depth=8, colour=2, rows=b"")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda *_: pytest.fail("decoded"))
    with pytest.raises(BadPhoto, match="more than 64 million pixels"):
        read_photo(data)


@pytest.mark.parametrize("size", [(24_000, 32), (32, 24_000), (32_001, 1700)])
def test_strips_and_endless_sides_are_refused_before_they_are_decoded(size, monkeypatch):
    width, height = size
    data = png_file(width, height, depth=1, colour=0, rows=b"\0" * (height * (1 + (width + 7) // 8)))
    monkeypatch.setattr(Image.Image, "load", None)
    for read, kind in ((read_photo, BadPhoto), (read_mask, BadMask)):
        with pytest.raises(kind, match=f"{width} x {height} pixels; crop it: .*20 times as many as the other"):
            read(data)


def test_a_panorama_is_no_strip():
    assert read_photo(encoded(Image.new("L", (800, 40)))).shape == (40, 800, 3)


def test_a_tiff_of_tiles_larger_than_itself_is_refused_before_they_are_decoded(monkeypatch):
    """Pillow decodes each tile whole: one of 30,000 pixels a side takes 900 MB, whatever the picture shows of it."""
    file = io.BytesIO()
    Image.fromarray(picture(64, 64)).save(file, "TIFF")
    image = Image.open(file)

    def tiled(side: int) -> bytes:
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in image.tag_v2.items():
            if tag not in (273, 278, 279):  # strips
                tags[tag] = value
                tags.tagtype[tag] = image.tag_v2.tagtype[tag]
        for tag, value in ((322, side), (323, side), (324, 8), (325, 3 * side * side)):
            tags[tag] = value
            tags.tagtype[tag] = 4
        whole = io.BytesIO()
        whole.write(b"II*\0" + struct.pack("<I", 8 + 3 * 256 * 256) + bytes(3 * 256 * 256))
        tags.save(whole)
        return whole.getvalue()

    assert read_photo(tiled(256)).shape == (64, 64, 3)
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(BadPhoto, match="tiles that are larger than the picture"):
        read_photo(tiled(30_000))


def test_an_icon_is_no_photo_for_its_header_does_not_tell_the_size_of_the_picture_inside():
    large = encoded(Image.new("L", (3000, 3000)))
    entry = struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 8, len(large), 22)
    with pytest.raises(BadPhoto, match="not a picture"):
        read_photo(struct.pack("<HHH", 0, 1, 1) + entry + large, max_pixels=10_000)


@pytest.mark.parametrize("form", ["16 bits", "float", "coloured mask"])
def test_no_picture_takes_many_times_its_pixels(form):
    side = 3000
    random = np.random.default_rng(0)
    if form == "16 bits":
        data = encoded(Image.fromarray(random.integers(0, 65535, (side, side), np.uint16)), "TIFF")
    elif form == "float":
        data = encoded(Image.fromarray(random.random((side, side), np.float32)), "TIFF")
    else:
        data = encoded(Image.fromarray(PALETTE[random.integers(0, 19, (side, side))]))
    tracemalloc.start()
    if form == "coloured mask":
        assert read_mask(data).shape == (side, side)
    else:
        assert read_photo(data).shape == (side, side, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * side**2 + 40e6  # NumPy's; converted at once it takes 24 or 40 bytes a pixel


def test_the_limit_is_an_argument():
    with pytest.raises(BadPhoto, match="60 x 40"):
        read_photo(encoded(Image.fromarray(picture())), max_pixels=2399)
    assert read_photo(encoded(Image.fromarray(picture())), max_pixels=2400).shape == (40, 60, 3)


def test_missing_files_say_what_to_do(tmp_path):
    with pytest.raises(BadPhoto, match="no file"):
        read_photo(tmp_path / "nothing.jpg")
    with pytest.raises(BadPhoto, match="cannot be read"):
        read_photo(tmp_path)


HEIC = Path(__file__).parent / "gradient.heic"  # `picture(96, 128)`, as a phone would store it


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"heix", b"msf1"])
def test_heic_of_all_brands_is_read(brand):
    pytest.importorskip("pi_heif")
    data = HEIC.read_bytes()
    photo = read_photo(data[:8] + brand + data[12:])
    assert photo.shape == (96, 128, 3)
    assert np.abs(photo.astype(int) - picture(96, 128)).mean() < 6


def test_heic_without_its_decoder_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(BadPhoto, match="pip install pi-heif"):
        read_photo(HEIC)


def test_a_damaged_heic_says_what_to_do():
    pytest.importorskip("pi_heif")
    with pytest.raises(BadPhoto, match="JPEG or PNG"):
        read_photo(HEIC.read_bytes()[:300])


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("brand", [b"avif", b"mif1"])
def test_avif_of_both_brands_is_read(brand):
    data = encoded(Image.fromarray(picture()), "AVIF", quality=95)
    photo = read_photo(data[:8] + brand + data[12:])
    assert np.abs(photo.astype(int) - picture()).mean() < 6


def tiff(pages: list[tuple[int, dict[int, object]]]) -> bytes:
    """A TIFF of grey pages of these values with extra tags."""
    images = [Image.new("L", (50, 40), value) for value, _ in pages]
    directories = []
    for _, tags in pages:
        directory = TiffImagePlugin.ImageFileDirectory_v2()
        for tag, value in tags.items():
            directory[tag] = value
        directories.append(directory)
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, new=True) as file:
        for image, directory in zip(images, directories, strict=True):
            image.save(file, "TIFF", tiffinfo=directory)
            file.newFrame()
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        tiff([(10, {50706: b"\1\4\0\0"})]),  # DNG
        tiff([(10, {254: 1})]),  # NEF, ARW: a thumbnail, the photo is elsewhere
        tiff([(10, {})])[:8] + b"CR\2\0" + tiff([(10, {})])[12:],  # CR2
        b"IIRO\x08\0\0\0" + b"\0" * 100,  # ORF
        b"FUJIFILMCCD-RAW " + b"\0" * 100,  # RAF
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + b"\0" * 100,  # CR3
    ],
)
def test_raw_files_are_named_as_such_and_never_read_as_their_thumbnail(data):
    with pytest.raises(BadPhoto, match="RAW"):
        read_photo(data)


def test_a_tiff_with_its_thumbnail_first_is_read_whole():
    assert read_photo(tiff([(10, {254: 1}), (200, {254: 0}), (30, {254: 1})])).mean() == 200


def bad_exif() -> bytes:
    """Orientation 6 and an ExposureBias of -1/0, a tag that Pillow reads and cannot write again."""
    entries = struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack(">HHII", 0x8769, 4, 1, 38)
    camera = struct.pack(">HHHII", 1, 0x9204, 10, 1, 56) + struct.pack(">I", 0) + struct.pack(">ii", -1, 0)
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 2) + entries + struct.pack(">I", 0) + camera


def test_only_the_orientation_of_the_exif_is_needed():
    stored = Image.fromarray(picture()).transpose(Image.Transpose.ROTATE_90)
    photo = read_photo(encoded(stored, "JPEG", exif=bad_exif(), quality=95, subsampling=0))
    assert photo.shape == picture().shape
    assert np.abs(photo.astype(int) - picture()).mean() < 6


def test_broken_exif_does_not_stop_a_photo_from_being_read():
    data = encoded(Image.fromarray(picture()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f" + b"\xff" * 40)
    assert read_photo(data).shape == picture().shape


def test_tensors_round_trip_every_value_exactly():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = np.stack((values, values.T, 255 - values), -1)
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 16, 16)
    assert (tensor.dtype, tensor.min().item(), tensor.max().item()) == (torch.float32, -1, 1)
    assert tensor[0, 1, 2, 5].item() == pytest.approx(image[2, 5, 1] / 127.5 - 1)
    np.testing.assert_array_equal(to_uint8(tensor), image[None])
    np.testing.assert_array_equal(to_uint8(tensor[0]), image)


def test_to_uint8_clips():
    assert to_uint8(torch.tensor([-3.0, 0.0, 3.0]).view(3, 1, 1)).tolist() == [[[0, 128, 255]]]
