"""MaskGANPipeline: files, what prepare and edit promise, purity, and many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask, drawn_face

from maskgan.editing import pipeline as pipeline_module
from maskgan.editing.edit import Edit, Face
from maskgan.editing.faces import DetectedFace
from maskgan.editing.flows import warp_picture
from maskgan.editing.pipeline import MaskGANPipeline, NoFaceFound
from maskgan.editing.warping import Motion
from maskgan.images import read_photo
from maskgan.labels import Label, flip
from maskgan.mask_files import read_mask
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.quick_edits import QUICK_EDITS
from maskgan.sizes import CROP_SIZE
from maskgan.styles import VectorStyle

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def face(pipeline: MaskGANPipeline) -> Face:
    return drawn_face(pipeline)


@pytest.fixture
def edited_mask(face: Face) -> np.ndarray:
    mask = face.mask.copy()
    mask[370:400, 200:300] = Label.MOUTH
    return mask


@pytest.fixture
def crop_photo() -> np.ndarray:
    """A photo that is a face crop already."""
    return draw_face(draw_mask(CROP_SIZE))


def arrays_in(name: str, item: object) -> dict[str, np.ndarray]:
    """The arrays and tensors of a value, by the path to them."""
    if isinstance(item, torch.Tensor):
        item = item.numpy()
    if isinstance(item, np.ndarray):
        return {name: item}
    if isinstance(item, tuple):
        return {key: array for i, part in enumerate(item) for key, array in arrays_in(f"{name}.{i}", part).items()}
    return {}


def fields_of(value: Face | Edit) -> dict[str, np.ndarray]:
    """Every array of a Face or Edit, tensors of its style included."""
    names = [field.name for field in fields(value)]
    return {key: array for name in names for key, array in arrays_in(name, getattr(value, name)).items()}


def assert_same(first: Face | Edit, second: Face | Edit) -> None:
    ours, theirs = fields_of(first), fields_of(second)
    assert ours.keys() == theirs.keys() and len(ours) > 3
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def test_save_and_load_round_trip_with_safetensors_only(
    pipeline: MaskGANPipeline, face: Face, edited_mask: np.ndarray, tmp_path: Path
) -> None:
    pipeline.save(tmp_path)
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} == {".json", ".safetensors"}
    again = MaskGANPipeline.load(tmp_path, device="cpu")
    for name in ("dmn", "parser"):
        ours, theirs = (getattr(p, name).state_dict() for p in (pipeline, again))
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items()) and ours.keys() == theirs.keys()
        assert not getattr(again, name).training
    first, second = (
        p.edit(p.with_mask(p.prepare(face.photo, None), face.mask), edited_mask) for p in (pipeline, again)
    )
    assert np.abs(first.crop.astype(int) - second.crop).max() <= 1


# --- prepare -------------------------------------------------------------------------------------------------------


def test_prepare_gives_a_frozen_face_with_everything_in_it(pipeline: MaskGANPipeline, crop_photo: np.ndarray) -> None:
    face = pipeline.prepare(crop_photo, face=None)
    assert face.crop.shape == (CROP_SIZE, CROP_SIZE, 3) and face.crop.dtype == np.uint8
    assert np.array_equal(face.crop, crop_photo)  # the whole picture, which has the crop's size already
    assert face.mask.shape == (CROP_SIZE, CROP_SIZE) and face.mask.dtype == np.uint8 and face.mask.max() <= 18
    assert face.confidence.min() >= 1 / 19 and face.confidence.max() <= 1
    with pytest.raises(FrozenInstanceError):
        face.mask = face.mask  # type: ignore[misc]


def test_parse_gives_the_most_probable_class_and_does_not_prefer_a_side(
    pipeline: MaskGANPipeline, face_photo: np.ndarray
) -> None:
    mask, confidence = pipeline.parse(face_photo)
    assert len(np.unique(mask)) > 2  # else what follows would say nothing
    mirrored, mirrored_confidence = pipeline.parse(np.ascontiguousarray(face_photo[:, ::-1]))
    assert (flip(mirrored) == mask).mean() > 0.999
    np.testing.assert_allclose(mirrored_confidence[:, ::-1], confidence, atol=1e-4)


def found(x: float) -> DetectedFace:
    points = np.array([[90, 100], [150, 100], [120, 130], [100, 160], [140, 160]], float) + np.array([x, 0])
    return DetectedFace((int(x), 60, 120, 140), 0.99, points)


def test_prepare_takes_the_face_that_was_chosen(pipeline: MaskGANPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (300, 500, 3), np.uint8)
    monkeypatch.setattr(pipeline_module, "detect_faces", lambda _: [found(0), found(220)])
    monkeypatch.setattr(pipeline_module, "is_upside_down", lambda *_: False)  # whatever random networks see in noise
    first, second, given = (pipeline.prepare(photo, face=which) for which in (0, 1, found(220)))
    assert np.array_equal(second.crop, given.crop) and not np.array_equal(first.crop, second.crop)
    assert second.alignment.to_photo([[128, 128]])[0, 0] - first.alignment.to_photo([[128, 128]])[0, 0] == 220
    with pytest.raises(NoFaceFound, match="has 2 faces; choose one from 0 to 1"):
        pipeline.prepare(photo, face=2)


def test_no_face_is_said_and_the_whole_picture_works(pipeline: MaskGANPipeline) -> None:
    blank = np.full((90, 60, 3), 128, np.uint8)
    with pytest.raises(NoFaceFound, match="use the whole picture"):
        pipeline.prepare(blank)
    face = pipeline.prepare(blank, face=None)
    mask = face.mask.copy()
    mask[100:150, 100:150] = (mask[100:150, 100:150] + 1) % 19
    assert pipeline.edit(face, mask).photo.shape == blank.shape


def test_an_aligned_picture_fits_its_own_mask(pipeline: MaskGANPipeline) -> None:
    photo = read_photo(EXAMPLES / "images" / "portrait_02.jpg")
    face = pipeline.prepare(photo)
    assert face.alignment.is_whole_picture and np.array_equal(face.crop, photo)
    own = read_mask(EXAMPLES / "masks" / "portrait_02.png", face.mask.shape)
    assert (own != face.mask).any()
    assert np.array_equal(pipeline.edit(face, own, original_mask=own).photo, photo)


def test_the_example_photo_has_one_face_that_comes_back_whole(pipeline: MaskGANPipeline) -> None:
    photo = read_photo(EXAMPLES / "photo_01.jpg")
    assert len(pipeline.detect(photo)) == 1
    face = pipeline.prepare(photo)
    assert 150 < face.alignment.side < 900
    assert np.array_equal(pipeline.edit(face, face.mask).photo, photo)


# --- edit ----------------------------------------------------------------------------------------------------------


def test_nothing_painted_gives_the_photo_itself(pipeline: MaskGANPipeline, face: Face) -> None:
    edit = pipeline.edit(face, face.mask.copy())
    assert not edit.changed.any() and not edit.region.any()
    assert np.array_equal(edit.crop, face.crop) and np.array_equal(edit.photo, face.photo)


def test_the_photo_of_an_edit_is_pasted_once_and_read_only(
    pipeline: MaskGANPipeline, face: Face, edited_mask: np.ndarray
) -> None:
    edit = pipeline.edit(face, edited_mask)
    assert edit.photo is edit.photo and np.array_equal(edit.photo, edit.paste())
    with pytest.raises(ValueError, match="read-only"):
        edit.photo[0, 0] = 0
    assert edit.paste().flags.writeable


def test_an_edit_made_of_the_photo_moves_its_pixels(pipeline: MaskGANPipeline, face: Face) -> None:
    """An eye that is moved takes its own pixels along, whatever the network draws."""
    mask = np.where(face.mask == Label.L_EYE, Label.SKIN, face.mask)
    eye = np.roll(face.mask == Label.L_EYE, (6, 10), (0, 1))
    mask[eye] = Label.L_EYE
    edit = pipeline.edit(face, mask)
    inner = np.roll(face.mask == Label.L_EYE, (6, 10), (0, 1)) & (edit.change.flow != 0).any(-1)
    inner &= np.roll(face.mask == Label.L_EYE, (5, 8), (0, 1))
    expected = np.roll(face.crop, (6, 10), (0, 1))[inner].astype(int)
    assert np.median(np.abs(edit.crop[inner] - expected)) <= 3
    assert not edit.change.patches  # nothing is left to paint
    assert (edit.region[:60] == 0).all() and np.array_equal(edit.crop[:60], face.crop[:60])


def test_what_a_tool_knows_of_the_motion_is_used(pipeline: MaskGANPipeline, face: Face) -> None:
    after, moved, _ = QUICK_EDITS["raised_brows"].move(face.mask)
    edit = pipeline.edit(face, after, motion=Motion.none(face.mask).to(after, moved))
    told = np.isfinite(moved[..., 0]) & (after == Label.L_BROW)
    assert np.abs(edit.change.flow - moved)[told].max() < 1
    further = after.copy()
    further[100:140, 200:300] = Label.HAT
    again = pipeline.edit(face, further, motion=edit.motion)
    assert np.abs(again.change.flow - moved)[told].max() < 1 and again.change.patches


@pytest.mark.parametrize("kept", [True, False])
def test_new_things_are_painted_and_the_rest_is_the_photos(pipeline: MaskGANPipeline, face: Face, kept: bool) -> None:
    """Also with weights from before networks could be shown what is kept."""
    torch.manual_seed(0)
    sizes = {"widths": [8, 8, 8], "blocks": 1, "encoder_width": 8, "code_dim": 8, "residue_dim": 4}
    own = MaskGANPipeline(DenseMappingNetwork(**sizes, kept=kept), pipeline.parser)
    mask = face.mask.copy()
    mask[20:90, 180:330] = Label.HAT
    edit = own.edit(face, mask)
    assert (edit.region[edit.changed] == 1).all()
    untouched = edit.region == 0
    assert untouched.mean() > 0.8 and np.array_equal(edit.crop[untouched], face.crop[untouched])
    assert (edit.crop[edit.changed] != face.crop[edit.changed]).any(-1).mean() > 0.5


def test_the_network_sees_only_what_is_kept(
    pipeline: MaskGANPipeline, face: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []

    def generate(mask: torch.Tensor, style: object, kept: torch.Tensor | None = None) -> torch.Tensor:
        shown.append((mask, kept))
        return torch.zeros(1, 3, *mask.shape[1:])

    monkeypatch.setattr(pipeline.dmn, "generate", generate)
    mask = face.mask.copy()
    mask[20:60, 230:290] = Label.HAT
    edit = pipeline.edit(face, mask)
    ((ids, kept),) = shown
    assert ids.shape == (1, 160, 192) and kept.shape == (1, 4, 160, 192)  # as the hat, no square
    ((_, alpha, window, *_),) = edit.change.patches
    assert window.side == 192 / CROP_SIZE  # one pixel of the photo for each of the network's
    seen = window.drawn(alpha == 1, window.mask(mask))
    rows, columns = (
        slice(of.start + at.start, of.start + at.stop) for of, at in zip(window.slices(CROP_SIZE), seen, strict=True)
    )
    assert np.array_equal(ids[0].numpy(), mask[rows, columns])
    known = kept[0, 3].numpy() > 0
    assert not known[edit.changed[rows, columns]].any() and known.mean() > 0.7
    photo = ((kept[0, :3].permute(1, 2, 0).numpy() + 1) * 127.5).round()
    moved = face.crop if edit.change.flow is None else warp_picture(face.crop, edit.change.flow)
    assert np.array_equal(photo[known], moved[rows, columns][known])
    assert (kept[0, :3].numpy()[:, ~known] == 0).all()


def test_an_edit_changes_the_painted_place_and_nothing_far_from_it(
    pipeline: MaskGANPipeline, face: Face, edited_mask: np.ndarray
) -> None:
    edit = pipeline.edit(face, edited_mask)
    assert np.array_equal(edit.changed, edited_mask != face.mask)
    assert (edit.crop[edit.changed] != face.crop[edit.changed]).any(-1).mean() > 0.5
    assert (edit.region[edit.changed] == 1).all()
    outside = edit.region == 0
    assert outside.mean() > 0.8 and np.array_equal(edit.crop[outside], face.crop[outside])
    assert np.array_equal(edit.photo[outside], face.photo[outside])


def test_without_keep_untouched_the_whole_crop_is_the_networks(
    pipeline: MaskGANPipeline, face: Face, edited_mask: np.ndarray
) -> None:
    edit = pipeline.edit(face, edited_mask, keep_untouched=False)
    drawn = pipeline.generate(edited_mask, face.style).round().clip(0, 255)
    np.testing.assert_array_equal(edit.crop, drawn)
    assert np.array_equal(edit.photo[256, 256], edit.crop[256, 256])
    unedited = pipeline.edit(face, face.mask, keep_untouched=False)
    np.testing.assert_array_equal(unedited.crop, pipeline.generate(face.mask, face.style).round().clip(0, 255))


def test_a_corrected_original_mask_is_where_the_edit_starts(
    pipeline: MaskGANPipeline, face: Face, edited_mask: np.ndarray
) -> None:
    corrected = face.mask.copy()
    corrected[40:80, 40:120] = Label.HAIR
    again = edited_mask.copy()
    again[40:80, 40:120] = Label.HAIR
    edit = pipeline.edit(face, again, original_mask=corrected)
    assert np.array_equal(edit.changed, again != corrected)
    assert_same(edit, pipeline.edit(pipeline.with_mask(face, corrected), again))


def test_masks_of_another_size_are_scaled_and_bad_ones_named(
    pipeline: MaskGANPipeline, face: Face, edited_mask: np.ndarray
) -> None:
    double = edited_mask.repeat(2, 0).repeat(2, 1)
    assert_same(pipeline.edit(face, double), pipeline.edit(face, edited_mask))
    for bad in (np.full((512, 512), 19), np.zeros((512, 512, 3), np.uint8), np.zeros((512, 100), np.uint8)):
        with pytest.raises(ValueError, match="mask"):
            pipeline.edit(face, bad)


def test_prepare_and_edit_modify_nothing_and_repeat_exactly(pipeline: MaskGANPipeline, crop_photo: np.ndarray) -> None:
    photo = crop_photo
    photo.setflags(write=False)
    face = pipeline.prepare(photo, face=None)
    before = {name: array.copy() for name, array in fields_of(face).items()}
    mask = (face.mask + 1) % 19
    mask.setflags(write=False)
    edits = [pipeline.edit(face, mask, keep) for keep in (True, False, True)]
    pipeline.edit(face, mask, original_mask=np.roll(face.mask, 9, 1))
    _ = edits[0].photo, edits[0].paste(seamless=True)
    for name, array in fields_of(face).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    assert_same(edits[0], edits[2])
    assert_same(face, pipeline.prepare(photo, face=None))


@pytest.mark.parametrize("keep", [True, False])
def test_threads_with_two_faces_do_not_mix(pipeline: MaskGANPipeline, keep: bool) -> None:
    photos = [draw_face(draw_mask(CROP_SIZE, shift), seed) for shift, seed in ((0.0, 0), (0.05, 1))]
    masks = [draw_mask(CROP_SIZE, shift) for shift in (0.02, -0.04)]

    def work(person: int) -> tuple[Face, Edit]:
        face = pipeline.prepare(photos[person], face=None)
        return face, pipeline.edit(face, masks[person], keep)

    alone = [work(0), work(1)]
    assert not np.array_equal(alone[0][1].crop, alone[1][1].crop)
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(work, [0, 1] * 4))
    for number, (face, edit) in enumerate(together):
        assert_same(face, alone[number % 2][0])
        assert_same(edit, alone[number % 2][1])


def test_one_style_vector_for_the_whole_picture_works_too(pipeline: MaskGANPipeline, face_photo: np.ndarray) -> None:
    torch.manual_seed(0)
    vector = DenseMappingNetwork("vector", [4], blocks=1, depth=3, encoder_width=4)
    other = MaskGANPipeline(vector, pipeline.parser)
    face = other.prepare(face_photo, face=None)
    mask = face.mask.copy()
    mask[100:120, 100:150] = (mask[100:120, 100:150] + 3) % 19
    edit = other.edit(face, mask)
    assert isinstance(face.style, VectorStyle) and (edit.crop[edit.changed] != face.crop[edit.changed]).any()
