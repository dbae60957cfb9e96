"""Metrics against numbers worked out by hand, and the report of `python -m lab.evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab import evaluate
from lab.data import FaceWithMask
from lab.metrics import Confusion, mean_colours, psnr, ssim
from maskgan.labels import IGNORE
from maskgan.pipeline import MaskGANPipeline


def confusion(truth: list, answer: list) -> Confusion:
    counts = Confusion()
    counts.add(np.array([truth], np.uint8), np.array([answer], np.uint8))
    return counts


def test_accuracy_and_iou_by_hand() -> None:
    counts = confusion([0, 0, 0, 1, 1, 13], [0, 0, 1, 1, 13, 13])
    assert counts.accuracy == pytest.approx(4 / 6)
    assert counts.iou == pytest.approx({"background": 2 / 3, "skin": 1 / 3, "hair": 1 / 2})
    assert counts.miou() == pytest.approx((2 / 3 + 1 / 3 + 1 / 2) / 3)


def test_ignored_pixels_are_not_counted() -> None:
    counts = confusion([0, 0, IGNORE, IGNORE], [0, 1, 1, 18])
    assert counts.counts.sum() == 2 and counts.accuracy == pytest.approx(0.5)
    assert "cloth" not in counts.iou


def test_mean_iou_is_over_the_classes_of_the_truth_alone() -> None:
    counts = confusion([0, 0, 0, 1], [0, 0, 14, 1])  # a hat where there is none
    assert counts.iou == pytest.approx({"background": 2 / 3, "skin": 1.0, "hat": 0.0})
    assert counts.miou() == pytest.approx((2 / 3 + 1) / 2)


def test_mean_iou_may_leave_out_classes_that_are_mere_specks() -> None:
    counts = confusion([0] * 50 + [1] * 49 + [15], [0] * 50 + [1] * 50)
    assert counts.miou() == pytest.approx((1 + 49 / 50 + 0) / 3)
    assert counts.miou(minimum_share=0.01) == pytest.approx((1 + 49 / 50) / 2)


def test_one_iou_for_the_whole_set_not_a_mean_over_faces() -> None:
    counts = confusion([1, 1, 1, 1], [1, 1, 1, 1])
    counts.add(np.array([[1, 0]], np.uint8), np.array([[0, 0]], np.uint8))
    assert counts.iou["skin"] == pytest.approx(4 / 5)


def test_psnr_by_hand() -> None:
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(grey, grey + 10) == pytest.approx(10 * np.log10(255**2 / 100))
    half = grey.copy()
    half[:2] += 20
    assert psnr(half, grey) == pytest.approx(10 * np.log10(255**2 / 200))
    assert psnr(grey, grey) == 100.0
    assert psnr(np.zeros_like(grey), np.full_like(grey, 255)) == pytest.approx(0.0)  # no wrap-around of uint8


def test_ssim_of_flat_pictures_is_the_luminance_term() -> None:
    first, second = (np.full((32, 32, 3), value, np.uint8) for value in (100, 150))
    assert ssim(first, first) == pytest.approx(1.0, abs=1e-3)
    c1 = (0.01 * 255) ** 2  # (2 m1 m2 + c1) / (m1^2 + m2^2 + c1)
    expected = (2 * 100 * 150 + c1) / (100**2 + 150**2 + c1)
    assert ssim(first, second) == pytest.approx(expected, abs=1e-3)


def test_the_floor_paints_each_region_in_its_mean() -> None:
    image = np.array([[[10, 0, 0], [20, 0, 0], [7, 8, 9]]], np.uint8)
    floor = mean_colours(image, np.array([[3, 3, 18]], np.uint8))
    assert floor.tolist() == [[[15, 0, 0], [15, 0, 0], [7, 8, 9]]]


# --- The report ----------------------------------------------------------------------------------------------------


def test_ignored_pixels_are_drawn_by_the_parsers_answer(
    pipeline: MaskGANPipeline, face_photo: np.ndarray, face_mask: np.ndarray
) -> None:
    mask = face_mask.copy()
    mask[:40] = IGNORE
    redrawn = evaluate.redraw(pipeline, FaceWithMask(face_photo, mask))
    answer = pipeline.parse(face_photo)[0]
    assert np.array_equal(redrawn.answer, answer)
    assert np.array_equal(redrawn.mask, np.where(mask == IGNORE, answer, mask))
    assert redrawn.picture.dtype == np.uint8 and not np.array_equal(redrawn.picture, redrawn.plain)
    assert np.array_equal(redrawn.floor, mean_colours(face_photo, redrawn.mask))


class Perfect:
    """Stands in for networks that make no mistake, to see that the report says so."""

    def __init__(self, face: FaceWithMask) -> None:
        self.face = face

    def parse(self, crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.face.mask, np.ones(self.face.mask.shape, np.float32)


def test_networks_without_mistakes_score_full_marks(
    face_photo: np.ndarray, face_mask: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = FaceWithMask(face_photo, face_mask)
    drawn = evaluate.Redrawn(face_mask, face_mask, face_photo, face_photo, mean_colours(face_photo, face_mask))
    monkeypatch.setattr(evaluate, "redraw", lambda pipeline, face: drawn)
    report = evaluate.evaluate(Perfect(face), [face, face])
    assert report["parser"]["accuracy"] == report["parser"]["miou"] == report["mask_consistency"]["miou"] == 1.0
    assert report["parser"]["miou_19"] == pytest.approx(len(np.unique(face_mask)) / 19)
    assert report["reconstruction"]["psnr"] == 100.0 and report["reconstruction"]["ssim"] == pytest.approx(1, abs=1e-3)
    assert 10 < report["reconstruction"]["floor_psnr"] < 40


@pytest.fixture(scope="module")
def saved(pipeline: MaskGANPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    pipeline.save_pretrained(folder)
    return folder


def test_the_command_prints_a_table_and_writes_json_and_sheet(
    data_folder: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    flags = ["--data", data_folder, "--weights", saved, "--device", "cpu"]
    files = ["--json", tmp_path / "e.json", "--sheet", tmp_path / "e.jpg"]
    assert evaluate.main([str(flag) for flag in (*flags, *files)]) == 0
    report = json.loads((tmp_path / "e.json").read_text())
    assert report["faces"] == 2  # the split is val unless told otherwise
    assert {"accuracy", "miou", "iou"} <= report["parser"].keys()
    assert {"psnr", "ssim", "floor_psnr"} <= report["reconstruction"].keys()
    assert 0 <= report["mask_consistency"]["miou"] <= 1
    assert {"background", "skin", "l_eye"} <= report["parser"]["iou"].keys()
    assert cv2.imread(str(tmp_path / "e.jpg")).shape == (2 * 256, 5 * 256, 3)
    printed = capsys.readouterr().out
    assert "mean colours" in printed and f"{report['reconstruction']['psnr']:.2f}" in printed


def test_limit_takes_faces_from_the_whole_split(data_folder: Path, saved: Path, tmp_path: Path) -> None:
    flags = ["--data", data_folder, "--weights", saved, "--device", "cpu", "--limit", 1, "--json", tmp_path / "e.json"]
    assert evaluate.main([str(flag) for flag in flags]) == 0
    assert json.loads((tmp_path / "e.json").read_text())["faces"] == 1
    assert evaluate.spread(range(10), 3) == [0, 3, 6] and evaluate.spread([1, 2], 8) == [1, 2]


@pytest.mark.parametrize("wrong", ["data", "weights"])
def test_missing_folders_are_named(
    wrong: str, data_folder: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    folders: dict[str, Path] = {"data": data_folder, "weights": saved} | {wrong: tmp_path / "nowhere"}
    with pytest.raises(SystemExit):
        evaluate.main([f"--{name}={folder}" for name, folder in folders.items()])
    assert "nowhere" in capsys.readouterr().err


# --- The benchmark -------------------------------------------------------------------------------------------------


def test_the_benchmark_writes_a_row_per_network_stage_and_size(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from maskgan import benchmark
    from maskgan.dense_mapping import DenseMappingNetwork

    def small(name: str) -> DenseMappingNetwork:
        assert name == "published"
        return DenseMappingNetwork("vector", [2], blocks=1, depth=2, encoder_width=2)

    monkeypatch.setattr(benchmark.DenseMappingNetwork, "preset", small)
    flags = ["--weights", str(saved), "--json", str(tmp_path / "b.json"), "--repeats", "1", "--threads", "1"]
    assert benchmark.main(flags) == 0
    rows = json.loads((tmp_path / "b.json").read_text())["rows"]
    assert all(row["backend"] == "torch" and row["ms"] > 0 for row in rows)
    both = {("studio", stage, size) for stage in ("detect", "parse", "style", "edit") for size in (256, 512)}
    both |= {("published", stage, size) for stage in ("style", "edit") for size in (256, 512)}
    measured = [(row["net"], row["stage"], row["size"]) for row in rows]
    assert sorted(measured) == sorted(both | {("studio", "prepare", 256)})
    assert "published / studio" in capsys.readouterr().out


def test_the_benchmark_needs_weights_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from maskgan import benchmark

    with pytest.raises(SystemExit):
        benchmark.main(["--weights", str(tmp_path)])
    assert "no MaskGAN weights" in capsys.readouterr().err


def test_networks_take_turns_and_the_first_call_of_a_visit_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskgan import benchmark

    called: list[str] = []
    clock = [0.0]
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock[0])

    def stage(name: str, *seconds: float) -> Callable[[], None]:
        def call() -> None:
            clock[0] += seconds[called.count(name) % len(seconds)]
            called.append(name)

        return call

    stages = {"studio": {"edit": stage("s", 9.0, 0.1, 0.3)}, "published": {"edit": stage("p", 9.0, 2.0, 2.0)}}
    medians = benchmark.measure(stages, repeats=2)
    assert called == (["s"] * 3 + ["p"] * 3) * 2
    assert medians == pytest.approx({("studio", "edit"): 200.0, ("published", "edit"): 2000.0})


def test_the_benchmarks_edit_is_one_and_its_photo_has_a_face(pipeline: MaskGANPipeline) -> None:
    from maskgan import benchmark

    portrait = benchmark.read_photo(benchmark.EXAMPLES / "portrait_01.jpg")
    mask = benchmark.read_mask(benchmark.EXAMPLES / "masks" / "portrait_01.png")
    changed = mask != benchmark.opened_mouth(mask)
    assert 0.001 < changed.mean() < 0.05
    photo = benchmark.large_photo(portrait)
    assert photo.shape[0] * photo.shape[1] == 12_000_000
    assert len(pipeline.detect(photo)) == 1
