"""Edits with a known answer: the tasks, the scores, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask, tiny_pipeline

from lab import edit_bench
from lab.data.faces import FaceWithMask
from lab.evaluation.edit_scores import fine_detail, score
from lab.evaluation.edit_tasks import KINDS, EditTask, fill, remove, reshape, tasks_of
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import Label

SIZE = 256


@pytest.fixture(scope="module")
def face() -> FaceWithMask:
    mask = draw_mask(SIZE)
    mask[100:130, 184:194] = Label.L_EAR
    mask[100:130, 62:72] = Label.R_EAR
    return FaceWithMask(draw_face(mask), mask)


def enlarged(face: FaceWithMask) -> FaceWithMask:
    """At the editor's size."""
    return FaceWithMask(
        cv2.resize(face.image, (512, 512), interpolation=cv2.INTER_CUBIC),
        cv2.resize(face.mask, (512, 512), interpolation=cv2.INTER_NEAREST),
    )


def feature_maps(image: torch.Tensor) -> list[torch.Tensor]:
    return [torch.nn.functional.avg_pool2d(image, 2), torch.nn.functional.avg_pool2d(image, 4)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_answer_and_a_region_around_what_changes(kind: str, face: FaceWithMask) -> None:
    make, parts = KINDS[kind]
    made = [task for part in parts if (task := make(face, np.random.default_rng(3), part)) is not None]
    assert len(made) >= len(parts) - 1
    for task in made:
        assert task.kind == kind and np.array_equal(task.wanted, face.mask) and np.array_equal(task.truth, face.image)
        assert task.region[task.mask != task.wanted].all() and 0 < task.region.mean() < 0.6
        assert (task.photo != task.truth)[task.region].any()
        # The skin around a bent part gives, the rest of the photo stays.
        assert (task.photo == task.truth)[~task.region].mean() > (0.2 if kind == "reshape" else 0.5)


def test_a_face_is_bent_by_two_to_six_percent_at_one_part(face: FaceWithMask) -> None:
    task = reshape(face, np.random.default_rng(0), "mouth")
    mouth = np.isin(task.mask, (Label.U_LIP, Label.L_LIP))
    assert mouth.any() and not np.array_equal(task.mask, face.mask)
    assert np.array_equal(task.photo[:60], face.image[:60])


def test_a_hidden_part_is_gone_from_photo_and_mask(face: FaceWithMask) -> None:
    task = fill(face, np.random.default_rng(0), "nose")
    assert not (task.mask == Label.NOSE).any() and (task.wanted == Label.NOSE).any()
    hidden = face.mask == Label.NOSE
    assert np.abs(task.photo[hidden].astype(int) - face.image[hidden]).mean() > 5


def test_glasses_are_put_on_only_where_none_are_worn(face: FaceWithMask) -> None:
    task = remove(face, np.random.default_rng(0), "glasses")
    assert (task.mask == Label.EYE_G).any()
    assert remove(FaceWithMask(task.photo, task.mask), np.random.default_rng(0), "glasses") is None


def test_a_faces_tasks_are_always_the_same_and_take_turns_over_parts(face: FaceWithMask) -> None:
    first, again, other = tasks_of(face, 0), tasks_of(face, 0), tasks_of(face, 1)
    assert [task.kind for task in first] == ["reshape", "fill", "remove", "uncover"]
    assert all(np.array_equal(a.photo, b.photo) for a, b in zip(first, again, strict=True))
    assert [task.part for task in first] != [task.part for task in other]


def test_the_right_answer_scores_best(face: FaceWithMask) -> None:
    parser = tiny_pipeline().parser
    task = fill(face, np.random.default_rng(0), "mouth")
    right = score(task, task.truth, task.region, feature_maps, parser)
    wrong = score(task, task.photo, task.region, feature_maps, parser)
    assert right.psnr == 100 and right.ssim == pytest.approx(1, abs=1e-4) and right.features == 0
    assert right.skin is None or right.skin == pytest.approx(1)
    assert wrong.psnr < 40 and wrong.ssim < right.ssim and wrong.features > 0 and wrong.outside == 0


def test_a_difference_outside_is_told(face: FaceWithMask) -> None:
    task = fill(face, np.random.default_rng(0), "mouth")
    answer = task.photo.copy()
    answer[3, 5] ^= 64
    assert score(task, answer, task.region, feature_maps, tiny_pipeline().parser).outside == 64


def test_detail_is_what_a_blur_takes_away() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    waves = (127 + 100 * np.sin(np.arange(96) * 2 * np.pi / 16)).astype(np.uint8)  # 1/16 of the sampling rate
    slow = np.broadcast_to(waves[None, :, None], (96, 96, 3)).copy()
    assert fine_detail(slow)[20:76, 20:76].mean() < 0.01 * slow.astype(float).var()
    assert fine_detail(cv2.GaussianBlur(picture, (0, 0), 3)).sum() < 0.05 * fine_detail(picture).sum()


def test_every_way_answers_and_changes_nothing_outside(face: FaceWithMask) -> None:
    pipeline = tiny_pipeline()
    report, answers = edit_bench.measure(pipeline, [enlarged(face)], feature_maps)
    assert report.keys() == KINDS.keys()
    for ways in report.values():
        assert list(ways) == list(edit_bench.WAYS)
        assert all(row["tasks"] == 1 and row["outside"] == 0 for row in ways.values())
        assert ways["untouched"]["psnr"] < 100
    task, drawn = answers[0]
    assert isinstance(task, EditTask) and np.array_equal(drawn["untouched"], task.photo)
    assert report["reshape"]["warp"]["psnr"] > report["reshape"]["untouched"]["psnr"] + 2
    assert edit_bench.sheet(answers).shape == (len(KINDS) * 512, 5 * 512, 3)
    assert "reshape warp" in edit_bench.table(report)


def test_the_command_writes_table_numbers_and_sheet(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data_folder), "--split", "train", "--weights", str(tiny_weights), "--limit", "1"]
    files = ["--json", str(tmp_path / "bench.json"), "--sheet", str(tmp_path / "bench.jpg")]
    assert edit_bench.main([*arguments, *files, "--device", "cpu"]) == 0
    assert "features of" in capsys.readouterr().out
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["faces"] == 1 and report["kinds"]
    assert cv2.imread(str(tmp_path / "bench.jpg")) is not None


@pytest.mark.parametrize(
    "wrong, told",
    [(["--limit", "0"], "at least one face"), (["--split", "no"], "no faces")],
)
def test_flags_that_make_no_sense_are_told(
    wrong: list[str], told: str, data_folder: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        edit_bench.main(["--data", str(data_folder), "--weights", str(tiny_weights), *wrong])
    assert told in capsys.readouterr().err


def test_only_the_editors_own_way_is_all(face: FaceWithMask) -> None:
    pipeline: MaskGANPipeline = tiny_pipeline()
    task = fill(enlarged(face), np.random.default_rng(0), "mouth")
    answer, touched = edit_bench.all_of_it(pipeline, task)
    expected = pipeline.edit(pipeline.face_with(task.photo, task.mask), task.wanted)
    assert np.array_equal(answer, expected.crop) and np.array_equal(touched, expected.region > 0)
