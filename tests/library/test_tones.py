"""Photos without colours stay without, whatever is painted into them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.looks import plain_colour
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.tones import Tone, in_tone_of
from maskgan.images import read_photo
from maskgan.labels import Label

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "images").glob("*.jpg"))

LUMA = np.array((0.299, 0.587, 0.114))


def toned(photo: np.ndarray, kind: str) -> np.ndarray:
    """A photo in grey, sepia, blue (cyanotype) or with shadows and lights of two tones."""
    luma = (photo @ LUMA)[..., None]
    share = luma / 255
    pictures = {
        "grey": luma.repeat(3, -1),
        "sepia": luma * (1.07, 0.95, 0.72) + (8, 5, 0),
        "blue": luma + (1 - share) * share * (-90, -10, 120),
        "split": luma + (1 - share) * (0, 8, 40) + share * (12, 0, -40),
    }
    return pictures[kind].round().clip(0, 255).astype(np.uint8)


KINDS = ("grey", "sepia", "blue", "split")


def chroma_off(picture: np.ndarray, photo: np.ndarray) -> float:
    """How far a picture's colours lie off the photo's curve at most, in levels of 255."""
    y, colours = photo @ LUMA, photo[..., [0, 2]] - (photo @ LUMA)[..., None]
    order = np.argsort(y, axis=None)
    curve = [np.interp(picture @ LUMA, y.ravel()[order], colours[..., at].ravel()[order]) for at in (0, 1)]
    own = picture[..., [0, 2]] - (picture @ LUMA)[..., None]
    return float(np.abs(own - np.stack(curve, -1)).max())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("quality", [None, 80])
def test_toned_photos_are_recognised_and_colours_take_their_tone(kind, quality):
    photo = toned(read_photo(EXAMPLES[0]), kind)
    if quality:
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=quality)
        photo = read_photo(file.getvalue())
    painted = np.random.default_rng(0).uniform(0, 255, (40, 40, 3)).astype(np.float32)
    result = in_tone_of(Tone.of(photo), painted)
    np.testing.assert_allclose(result @ LUMA, painted @ LUMA, atol=8)  # less only where a tone reaches 0 or 255
    light = (painted @ LUMA > 60) & (painted @ LUMA < 200)
    if not quality:
        assert chroma_off(result[light], photo) <= 2


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_photos_in_colour_are_left_alone(path):
    photo = read_photo(path)
    assert Tone.of(photo) is None
    faded = 0.4 * photo + 0.6 * (photo @ LUMA)[..., None]
    assert Tone.of(faded.round().astype(np.uint8)) is None
    painted = np.full((4, 4, 3), (200, 30, 60), np.float32)
    assert in_tone_of(Tone.of(photo), painted) is painted


def test_grey_stays_grey_to_the_last_bit():
    grey = toned(read_photo(EXAMPLES[1]), "grey")
    result = in_tone_of(Tone.of(grey), np.random.default_rng(0).uniform(0, 255, (64, 64, 3)).astype(np.float32))
    assert np.ptp(result.round(), axis=-1).max() == 0


@pytest.mark.parametrize("keep", [True, False])
def test_an_edit_of_a_grey_photo_is_grey(pipeline: MaskGANPipeline, face_photo, keep):
    grey = toned(face_photo, "grey")
    face = pipeline.prepare(grey, None)
    mask = face.mask.copy()
    mask[: len(mask) // 3] = Label.HAT
    mask[len(mask) // 2 :, len(mask) // 2 :] = Label.L_EYE
    edit = pipeline.edit(face, mask, keep)
    for picture in (edit.crop, edit.photo):
        assert (picture != (grey if picture.shape == grey.shape else face.crop)).any()
        assert np.ptp(picture.astype(int), axis=-1).max() <= 2


def test_looks_that_nobody_chose_are_grey_too(pipeline: MaskGANPipeline, face_photo):
    face = pipeline.prepare(toned(face_photo, "grey"), None)
    mask = face.mask.copy()
    mask[: len(mask) // 3] = Label.HAT
    assert np.ptp(edit_with_looks(pipeline, face, mask).crop.astype(int), axis=-1).max() <= 2
    red = edit_with_looks(pipeline, face, mask, {Label.HAT: plain_colour(Label.HAT, "#d02020")})
    assert np.ptp(red.crop.astype(int), axis=-1).max() > 30
