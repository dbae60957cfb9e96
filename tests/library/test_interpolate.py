"""Morphs between two faces and their files: the ends, the way between them, styles, random masks, exports."""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise

import av
import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask
from PIL import Image, ImageSequence

from maskgan.animations import gif, mp4, numbered_pngs
from maskgan.editing.morphing import T_MAX, T_MIN, Morph, frame_places
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label, colourise
from maskgan.mask_files import read_mask
from maskgan.styles import VectorStyle

SIZE = 64


@pytest.fixture(scope="module")
def morph(pipeline: MaskGANPipeline) -> Morph:
    """Between a face with a hat and one with glasses, neither of which the other has."""
    mask_a, mask_b = draw_mask(SIZE, -0.06), draw_mask(SIZE, 0.06)
    mask_a[:12, 16:48], mask_b[26:30, 20:50] = Label.HAT, Label.EYE_G
    styles = [pipeline.encode_style(draw_face(mask, seed), mask) for seed, mask in enumerate((mask_a, mask_b))]
    return Morph.between(pipeline, mask_a, mask_b, *styles)


@pytest.fixture(scope="module")
def bundled() -> MaskGANPipeline:
    return MaskGANPipeline.load()


# --- masks ------------------------------------------------------------------------------------------------------------


def test_the_ends_are_the_masks_themselves(morph: Morph) -> None:
    assert np.array_equal(morph.mask_at(0), morph.line.mask_a)
    assert np.array_equal(morph.mask_at(1), morph.line.mask_b)


def test_masks_of_another_size_than_the_networks_keep_it_and_their_ends(pipeline: MaskGANPipeline) -> None:
    a, b = draw_mask(256), draw_mask(256, 0.1)
    morph = Morph.between(pipeline, a, b)
    assert pipeline.mask_vae.mask_size == 64 and morph.mask_at(0.5).shape == (256, 256)
    assert np.array_equal(morph.mask_at(0), a) and np.array_equal(morph.mask_at(1), b)


@pytest.mark.parametrize("t", [T_MIN, -0.1, 0.0, 0.2, 0.5, 1.0, T_MAX])
def test_no_class_shows_that_neither_end_has(morph: Morph, t: float) -> None:
    mask = morph.mask_at(t)
    assert mask.dtype == np.uint8 and mask.shape == (SIZE, SIZE)
    assert set(np.unique(mask)) <= set(np.unique(morph.line.mask_a)) | set(np.unique(morph.line.mask_b))


def test_what_the_network_smooths_away_fades_in_without_a_jump(bundled: MaskGANPipeline) -> None:
    mask = draw_mask(256)
    mask[60:63, 20:24] = Label.EAR_R  # a speck that no latent vector remembers
    morph = Morph.between(bundled, mask, draw_mask(256, 0.02))
    steps = [morph.mask_at(t) for t in (0, 0.03, 0.06, 0.09, 0.12, 0.15)]
    changes = [(one != two).sum() for one, two in pairwise(steps)]
    assert (steps[0] == Label.EAR_R).sum() == 12 and not (steps[-1] == Label.EAR_R).any()
    assert max(changes) < 0.6 * sum(changes)


def test_shapes_move_steadily_from_one_end_to_the_other(bundled: MaskGANPipeline) -> None:
    morph = Morph.between(bundled, draw_mask(256, -0.06), draw_mask(256, 0.06))
    columns = [np.nonzero(morph.mask_at(t) == Label.NOSE)[1].mean() for t in np.linspace(0, 1, 6)]
    assert np.all(np.diff(columns) > 0)
    assert columns[0] == pytest.approx(0.44 * 256, abs=1) and columns[-1] == pytest.approx(0.56 * 256, abs=1)


def test_frames_are_in_order_with_both_ends() -> None:
    assert frame_places(5) == [0, 0.25, 0.5, 0.75, 1]
    beyond = frame_places(3, T_MIN, T_MAX)
    assert beyond == pytest.approx([-0.4, 0.5, 1.4])
    for count, start in ((1, 0.0), (5, -0.5)):
        with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
            frame_places(count, start)


# --- faces ------------------------------------------------------------------------------------------------------------


def test_faces_are_the_masks_drawn_in_the_chosen_style(morph: Morph) -> None:
    for style, value in (("a", morph.line.style_a), ("b", morph.line.style_b)):
        expected = morph.pipeline.generate(morph.mask_at(0.3), value).round().clip(0, 255).astype(np.uint8)
        assert np.array_equal(morph.face_at(0.3, style), expected)
    assert not np.array_equal(morph.face_at(0.3, "a"), morph.face_at(0.3, "b"))


def test_blended_style_is_the_pure_one_at_the_ends_and_beyond(morph: Morph) -> None:
    assert np.array_equal(morph.face_at(0, "blend"), morph.face_at(0, "a"))
    assert np.array_equal(morph.face_at(1, "blend"), morph.face_at(1, "b"))
    for part in range(3):
        assert torch.equal(morph.style_at(-0.3)[part], morph.style_at(0)[part])
        assert torch.equal(morph.style_at(1.3)[part], morph.style_at(1)[part])
    middle = morph.face_at(0.5, "blend")
    assert not np.array_equal(middle, morph.face_at(0.5, "a")) and not np.array_equal(middle, morph.face_at(0.5, "b"))


def test_blended_codes_by_hand(morph: Morph) -> None:
    a, b = morph.line.style_a, morph.line.style_b
    blend = a.blend(b, 0.25)
    skin = 0.75 * a.codes[:, Label.SKIN] + 0.25 * b.codes[:, Label.SKIN]
    torch.testing.assert_close(blend.codes[:, Label.SKIN], skin)
    assert torch.equal(blend.codes[:, Label.HAT], a.codes[:, Label.HAT])  # only A has a hat
    assert torch.equal(blend.codes[:, Label.EYE_G], b.codes[:, Label.EYE_G])
    torch.testing.assert_close(blend.residue, 0.75 * a.residue + 0.25 * b.residue)
    assert blend.present[0, Label.HAT] == blend.present[0, Label.EYE_G] == 1


def test_a_global_style_vector_is_interpolated_as_a_whole() -> None:
    a, b = VectorStyle(torch.zeros(1, 4)), VectorStyle(torch.ones(1, 4))
    assert torch.equal(a.blend(b, 0.25).vector, torch.full((1, 4), 0.25))


# --- random masks -----------------------------------------------------------------------------------------------------


def test_random_masks_differ_by_seed_and_come_again(bundled: MaskGANPipeline) -> None:
    mask = draw_mask(256)
    morph = Morph.between(bundled, mask, draw_mask(256, 0.1))
    one = morph.near(1.0, 1)
    assert np.array_equal(one, morph.near(1.0, 1))
    assert (one != morph.near(1.0, 2)).mean() > 0.005
    assert set(np.unique(one)) <= set(np.unique(mask))
    changed = [(morph.near(amount, 1) != mask).mean() for amount in (0.0, 0.5, 1.5)]
    assert changed[0] < changed[1] < changed[2] < 0.5
    assert np.array_equal(morph.near(0.0, 1), morph.near(0.0, 2))


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [-0.5, 1.5, float("nan"), float("inf")])
def test_places_off_the_line_get_one_sentence(morph: Morph, t: float) -> None:
    for ask in (morph.mask_at, morph.style_at, morph.face_at):
        with pytest.raises(ValueError, match=r"^The place on the line goes from -0\.4 to 1\.4, not .*\.$"):
            ask(t)


def test_what_cannot_be_done_gets_one_sentence(pipeline: MaskGANPipeline, morph: Morph) -> None:
    mask = draw_mask(SIZE)
    without = MaskGANPipeline(pipeline.dmn, pipeline.parser)
    attempts = [
        lambda: Morph.between(without, mask, mask),
        lambda: Morph.between(pipeline, mask, draw_mask(2 * SIZE)),
        lambda: Morph.between(pipeline, mask[:32], mask[:32]),
        lambda: Morph.between(pipeline, mask, np.full_like(mask, 99)),
        lambda: Morph.between(pipeline, mask, mask, style_a=morph.line.style_a).face_at(0.5, "blend"),
        lambda: morph.face_at(0.5, "c"),
        lambda: morph.near(-1, 0),
        lambda: morph.near(float("nan"), 0),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match=r"^[A-Z\d][^\n]*\.$"):
            attempt()


# --- files ------------------------------------------------------------------------------------------------------------


def mask_frames() -> list[np.ndarray]:
    return [draw_mask(SIZE, shift) for shift in (-0.1, 0.0, 0.0, 0.1)]  # one twice, as slow morphs have


def face_frames() -> list[np.ndarray]:
    return [draw_face(mask) for mask in mask_frames()]


def test_a_gif_of_masks_decodes_to_their_exact_colours() -> None:
    image = Image.open(io.BytesIO(gif(mask_frames(), fps=10)))
    assert image.info["loop"] == 0 and image.size == (SIZE, SIZE)
    decoded = [(frame.info["duration"], np.array(frame.convert("RGB"))) for frame in ImageSequence.Iterator(image)]
    assert [duration for duration, _ in decoded] == [100, 200, 100]  # the two in the middle are equal
    for (_, frame), mask in zip(decoded, np.array(mask_frames())[[0, 1, 3]], strict=True):
        assert np.array_equal(frame, colourise(mask))


def test_a_gif_of_faces_decodes_to_nearly_the_same() -> None:
    image = Image.open(io.BytesIO(gif(face_frames())))
    assert image.n_frames == 3 and image.size == (SIZE, SIZE)
    for frame, face in zip(ImageSequence.Iterator(image), np.array(face_frames())[[0, 1, 3]], strict=True):
        assert np.abs(np.array(frame.convert("RGB")).astype(int) - face).mean() < 8


@pytest.mark.parametrize("frames", [mask_frames(), face_frames()], ids=["masks", "faces"])
def test_an_mp4_is_h264_for_browsers_with_every_frame(frames: list[np.ndarray]) -> None:
    data = mp4(frames, fps=8)
    assert data.index(b"moov") < data.index(b"mdat")  # plays before it is all there
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, stream.average_rate) == ("h264", "yuv420p", 8)
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(decoded) == 4 and decoded[0].shape == (SIZE, SIZE, 3)
    for picture, frame in zip(decoded, frames, strict=True):
        original = colourise(frame) if frame.ndim == 2 else frame
        assert np.abs(picture.astype(int) - original).mean() < 16


def test_numbered_pngs_hold_ids_or_exact_pictures() -> None:
    with zipfile.ZipFile(io.BytesIO(numbered_pngs(mask_frames(), "mask"))) as archive:
        assert archive.namelist() == [f"mask_{i:03d}.png" for i in range(4)]
        for name, mask in zip(archive.namelist(), mask_frames(), strict=True):
            assert np.array_equal(read_mask(archive.read(name), order="celebamask"), mask)
    with zipfile.ZipFile(io.BytesIO(numbered_pngs(face_frames()))) as archive:
        for name, face in zip(archive.namelist(), face_frames(), strict=True):
            assert np.array_equal(np.array(Image.open(io.BytesIO(archive.read(name)))), face)


def test_frames_that_cannot_be_saved_get_one_sentence() -> None:
    odd = [frame[:63] for frame in face_frames()]
    mixed = [face_frames()[0], draw_face(draw_mask(32))]
    for attempt in (
        lambda: gif([]),
        lambda: mp4([]),
        lambda: numbered_pngs([]),
        lambda: gif(mixed),
        lambda: mp4(mixed),
        lambda: numbered_pngs(mixed),
        lambda: mp4(odd),
        lambda: gif(face_frames(), fps=0),
    ):
        with pytest.raises(ValueError, match=r"^[A-Z\d][^\n]*\.$"):
            attempt()
