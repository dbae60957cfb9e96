"""Holes and windows: what the generator learns to fill, and from where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask

from lab.data import holes
from lab.data.faces import FaceStream, FaceWithMask, filled_mask, find_samples, load, resize
from lab.data.fill import enlarged, fill_ignored
from lab.data.filling import Filling, FillingTask, draw_odds, lit, masks_in_windows, sharpest, style_known, window_of
from maskgan.labels import IGNORE, Label
from maskgan.networks.face_parser import FaceParser


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("make", [kind for kind, _ in holes.KINDS])
def test_a_hole_is_a_function_of_mask_and_generator_and_differs_by_the_latter(make) -> None:
    mask = draw_mask(128)
    before = mask.copy()
    planes = [make(mask, random(seed)) for seed in range(12)]
    assert all(plane.shape == mask.shape and plane.dtype == bool for plane in planes)
    assert all((plane == make(mask, random(seed))).all() for seed, plane in enumerate(planes))
    assert len({plane.tobytes() for plane in planes}) > 6
    assert (mask == before).all()


def test_no_hole_is_empty_and_one_in_eight_is_everything() -> None:
    mask, generator = draw_mask(64), random()
    shares = [holes.hole(mask, generator).mean() for _ in range(400)]
    assert min(shares) > 0
    assert 0.07 < np.mean(np.array(shares) == 1) < 0.2
    assert np.median(shares) < 0.4
    assert all(holes.hole(np.zeros((64, 64), np.uint8), random(seed)).any() for seed in range(20))
    assert holes.hole(mask, random(), everything=1.0).all()


def test_a_hidden_part_is_hidden_whole_with_a_margin_of_1_to_13_pixels() -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[100:140, 90:150] = Label.HAIR
    margins = set()
    for seed in range(60):
        hole = holes.hidden_parts(mask, random(seed))
        if hole.any() and not hole[0, 0]:  # the background was not drawn
            assert hole[100:140, 90:150].all()
            margins.add(100 - np.flatnonzero(hole[:, 120]).min())
    assert min(margins) >= 1 and max(margins) <= 13 and len(margins) > 3


def test_dilation_is_by_euclidean_distance() -> None:
    point = np.zeros((21, 21), bool)
    point[10, 10] = True
    rows, columns = np.mgrid[:21, :21] - 10
    assert (holes.dilated(point, 5) == (np.hypot(rows, columns) <= 5)).all()
    assert not holes.dilated(np.zeros((5, 5), bool), 3).any()


def test_a_reshape_leaves_bands_along_borders_unknown_and_nothing_far_from_them() -> None:
    mask = draw_mask(256)
    edges = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    near = holes.dilated(edges, 0.06 * 256 * 1.5 + 6)
    planes = [holes.unknown_after_reshape(mask, random(seed)) for seed in range(40)]
    mirrored = [seed for seed in range(40) if random(seed).random() < 0.3]
    assert any(plane.any() for plane in planes)
    assert not any((plane & ~near).any() for seed, plane in enumerate(planes) if seed not in mirrored)
    assert np.mean([plane.mean() for plane in planes]) < 0.25


# --- Windows -------------------------------------------------------------------------------------------------------


def sharp_face(size: int = 192) -> FaceWithMask:
    mask = draw_mask(size)
    return FaceWithMask(draw_face(mask), mask)


def test_a_window_is_a_square_of_the_sharp_picture_and_says_where_it_lies() -> None:
    face, sides = sharp_face(), []
    for seed in range(20):
        view, (top, left, side) = window_of(face, 64, random(seed))
        assert view.mask.shape == (64, 64) and min(top, left) >= 0 and round(192 * (max(top, left) + side)) <= 192
        square = np.s_[round(top * 192) : round((top + side) * 192), round(left * 192) : round((left + side) * 192)]
        wanted = resize(FaceWithMask(face.image[square], face.mask[square]), 64)
        assert (view.image == wanted.image).all() and (view.mask == wanted.mask).all()
        sides.append(side)
    assert min(sides) >= 64 / 192 and max(sides) <= 1 and max(sides) > 1.5 * min(sides)


def test_what_the_style_may_see_is_the_whole_face_but_for_the_windows_hole() -> None:
    hidden = np.zeros((64, 64), bool)
    hidden[16:48, 32:64] = True
    assert (style_known(hidden, 0, 0, 1) == ~hidden).all()
    known = style_known(hidden, 0.25, 0.5, 0.5)  # rows 16 + 8 to 16 + 24, columns 32 + 16 to 32 + 32
    assert not known[26:38, 50:62].any()
    assert (known[:22] == 1).all() and (known[:, :46] == 1).all() and (known[42:] == 1).all()
    assert style_known(np.ones((64, 64), bool), 0.25, 0.5, 0.5).all(), "to redraw everything all of the style is given"


def test_a_task_has_a_whole_face_and_a_view_of_it() -> None:
    face = sharp_face()
    windows, plain = FillingTask(windows=1.0), FillingTask(windows=0.0)
    for seed in range(6):
        seen, whole = windows(face, 64, random(seed)), plain(face, 64, random(seed))
        again = windows(face, 64, random(seed))
        assert all(torch.equal(one, other) for one, other in zip(seen, again, strict=True))
        assert torch.equal(whole.image, whole.view) and torch.equal(whole.mask, whole.view_mask)
        assert whole.window.tolist() == [0, 0, 1] and torch.equal(seen.image, whole.image)
        assert seen.window[2] < 1 and seen.view.shape == (3, 64, 64) and not seen.known.all()
    small = FillingTask(windows=1.0)(FaceWithMask(draw_face(draw_mask(64)), draw_mask(64)), 64, random())
    assert small.window.tolist() == [0, 0, 1], "a picture that is not sharp has no windows"


def test_masks_in_windows_are_cut_and_enlarged() -> None:
    mask = torch.from_numpy(np.stack([draw_mask(64), draw_mask(64, 0.1)])).long()
    cut = masks_in_windows(mask, torch.tensor([[0.0, 0.0, 1.0], [0.25, 0.5, 0.5]]))
    assert torch.equal(cut[0], mask[0])
    assert torch.equal(cut[1], mask[1, 16:48, 32:64].repeat_interleave(2, 0).repeat_interleave(2, 1))


def test_the_papers_task_shows_nothing_and_gives_all_of_the_style() -> None:
    task = Filling.of_whole_faces(torch.rand(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.long))
    assert task.view is task.image and not task.known.any() and task.style_known.all()
    assert task.window.tolist() == [[0, 0, 1]] * 2


# --- Sharp pictures ------------------------------------------------------------------------------------------------


def test_sharp_pictures_stand_beside_and_masks_are_enlarged_smoothly(data_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "faces"
    for name in ("images", "masks", "images_sharp"):
        (folder / name).mkdir(parents=True)
    for number in range(3):
        mask = draw_mask(64)
        picture = draw_face(mask)[..., ::-1]
        cv2.imwrite(str(folder / "images" / f"f{number}.png"), picture)
        mask[:8] = IGNORE
        cv2.imwrite(str(folder / "masks" / f"f{number}.png"), mask)
    cv2.imwrite(str(folder / "images_sharp" / "f1.png"), draw_face(draw_mask(128))[..., ::-1])
    (folder / "index.csv").write_text("id,split,native_crop_px\nf0,train,32\nf1,train,200\nf2,train,\n")
    samples = find_samples(folder)
    assert [sample.sharp is not None for sample in samples] == [False, True, False]
    assert [sample.native for sample in samples] == [32, 200, None]
    odds = draw_odds(samples, 64)
    assert odds[1] == pytest.approx(2 * odds[2]) and odds[0] == pytest.approx(odds[2] / 4)

    torch.manual_seed(0)
    parser = FaceParser(widths=[8, 8, 8, 8, 8], blocks=1).eval()
    filled = fill_ignored(samples, parser, tmp_path / "filled", 64, sharp=True)
    stream = FaceStream(sharpest(samples), 64, 0, filled=filled, finish=FillingTask(windows=1.0))
    assert any(stream[number].window[2] < 1 for number in range(9))
    masks = {path.stem: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in filled.glob("*/*.png")}
    assert {name: mask.shape for name, mask in masks.items()} == {"f0": (64, 64), "f1": (128, 128), "f2": (64, 64)}
    assert all(mask.max() < 19 for mask in masks.values())
    with pytest.raises(ValueError, match="must match"):
        load(replace(samples[1], image=samples[1].sharp))  # its own mask is of the other picture


def test_masks_that_are_finer_than_the_networks_resolution_stay_so(
    make_data: Callable[..., Path], tmp_path: Path
) -> None:
    folder = make_data(train=2, val=0, size=128)
    parser = FaceParser(widths=[8, 8, 8, 8, 8], blocks=1).eval()
    samples = find_samples(folder)
    filled = fill_ignored(samples, parser, tmp_path / "filled", 64, sharp=True)
    for sample in samples:
        given = cv2.imread(str(sample.mask), cv2.IMREAD_GRAYSCALE)
        mask = cv2.imread(str(filled_mask(filled, sample)), cv2.IMREAD_GRAYSCALE)
        assert mask.max() < 19 and (given == IGNORE).any()
        assert (mask[given != IGNORE] == given[given != IGNORE]).all()


def test_an_enlarged_mask_has_the_classes_and_round_borders_of_the_small_one() -> None:
    small, true = draw_mask(64), draw_mask(256)
    smooth = enlarged(small, 256)
    blocky = cv2.resize(small, (256, 256), interpolation=cv2.INTER_NEAREST_EXACT)
    assert set(np.unique(smooth)) == set(np.unique(small))
    assert (smooth == true).mean() > (blocky == true).mean() > 0.9
    assert enlarged(small, 32) is small


def test_light_changes_the_picture_and_never_the_mask() -> None:
    face = sharp_face(64)
    changed = [lit(face, random(seed)) for seed in range(10)]
    assert all((other.mask == face.mask).all() and other.image.dtype == np.uint8 for other in changed)
    assert 3 <= sum((other.image != face.image).any() for other in changed) <= 10
    flat = FaceWithMask(np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.uint8))
    for seed in range(10):
        assert len(np.unique(lit(flat, random(seed)).image.reshape(-1, 3), axis=0)) == 1
