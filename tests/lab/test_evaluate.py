"""Metrics against numbers worked out by hand, and the report of `python -m lab.evaluate`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from lab import evaluate
from lab.evaluation.metrics import Confusion, drift, frechet_distance, mean_colours, psnr, ssim
from lab.training.baselines import BASELINES, TINY
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.labels import IGNORE
from maskgan.networks.mask_vae import MaskVAE


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


def samples(mean: list[float], root: np.ndarray, count: int = 40) -> np.ndarray:
    """Samples (count, d) whose mean is exactly `mean` and whose covariance is exactly root.T @ root."""
    white = np.random.default_rng(0).normal(size=(count, len(mean)))
    white -= white.mean(0)
    left, _, right = np.linalg.svd(white, full_matrices=False)
    return left @ right * np.sqrt(count - 1) @ root + mean


def test_frechet_distance_of_gaussians_along_the_axes() -> None:
    first = samples([1.0, 2.0, 0.0], np.diag([1.0, 3.0, 2.0]))
    second = samples([4.0, 2.0, 1.0], np.diag([2.0, 3.0, 0.5]), count=25)
    # |m1 - m2|^2 + sum of (s1 - s2)^2
    assert frechet_distance(first, second) == pytest.approx((9 + 0 + 1) + (1 + 0 + 2.25))
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_of_gaussians_that_do_not_commute() -> None:
    roots = [np.array([[2.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0], [-2.0, 0.5]])]
    covariances = [root.T @ root for root in roots]
    product = covariances[0] @ covariances[1]
    assert not np.allclose(product, product.T)
    # The trace of a 2 x 2 matrix's root is sqrt(tr + 2 sqrt(det)).
    root = np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    expected = np.trace(covariances[0] + covariances[1]) - 2 * root
    assert frechet_distance(*(samples([0.0, 0.0], root) for root in roots)) == pytest.approx(expected)


def test_frechet_distance_is_sound_with_fewer_samples_than_dimensions() -> None:
    first, second = np.zeros((2, 2, 50))
    first[:, 7] = [-1.0, 1.0]  # variance 2 along one axis
    second[:, 9] = [-2.0, 2.0]  # variance 8 along another
    assert frechet_distance(first, second) == pytest.approx(2 + 8)
    assert frechet_distance(first, 3 * first) == pytest.approx((np.sqrt(2) * (3 - 1)) ** 2)
    with pytest.raises(ValueError, match="at least two"):
        frechet_distance(first[:1], second)


def test_drift_is_counted_away_from_the_change_alone() -> None:
    unedited = np.full((64, 64, 3), 100, np.uint8)
    changed = np.zeros((64, 64), bool)
    changed[:, :8] = True
    picture = unedited.copy()
    picture[:, :12] = 0  # the edit itself and what lies within 64 / 16 = 4 pixels of it
    assert drift(picture, unedited, changed) == 0
    picture[:, 12:] += 10  # columns 12.. are 5 pixels and more from column 7
    picture[:, 12:, 0] -= 40  # no wrap-around of uint8
    assert drift(picture, unedited, changed) == pytest.approx((30 + 10 + 10) / 3)
    assert drift(picture, unedited, np.ones_like(changed)) is None


# --- The command ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(pipeline: MaskGANPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline without MaskVAE."""
    folder = tmp_path_factory.mktemp("weights")
    MaskGANPipeline(pipeline.dmn, pipeline.parser).save(folder)
    return folder


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny baselines, one in a network folder and one in a folder that has it as `dmn`, and a tiny MaskVAE."""
    folder = tmp_path_factory.mktemp("networks")
    BASELINES["pix2pixhd"](**TINY["pix2pixhd"]).save_pretrained(folder / "pix2pixhd")
    BASELINES["spade"](**TINY["spade"]).save_pretrained(folder / "run" / "dmn")
    MaskVAE.preset("tiny").save_pretrained(folder / "mask_vae")
    return folder


def run(data: Path, weights: Path, *flags: object) -> int:
    return evaluate.main([str(flag) for flag in ("--data", data, "--weights", weights, "--device", "cpu", *flags)])


def test_one_pipeline_in_a_table_and_json_and_a_sheet(
    data_folder: Path, saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run(data_folder, saved, "--json", tmp_path / "new" / "e.json", "--sheet", tmp_path / "e.jpg") == 0
    report = json.loads((tmp_path / "new" / "e.json").read_text())
    assert report["faces"] == 2 and report["split"] == "val" and report["resolution"] == 256
    assert {"accuracy", "miou", "miou_19", "iou"} <= report["parser"].keys()
    assert {"background", "skin", "l_eye"} <= report["parser"]["iou"].keys()
    (blocks,) = report["generators"].values()
    assert list(blocks) == ["unedited", "quick_edits", "other_masks"]  # no MaskVAE, no masks of it
    assert {"psnr", "ssim", "plain_psnr", "frechet_parser"} <= blocks["unedited"].keys()
    assert 0 <= blocks["unedited"]["mask_consistency"]["miou"] <= 1
    assert "drift" in blocks["quick_edits"] and "drift" not in blocks["other_masks"]
    # Photo, then three masks with a picture each, under a line of captions.
    assert cv2.imread(str(tmp_path / "e.jpg")).shape == (20 + 2 * 256, 7 * 256, 3)
    printed = capsys.readouterr().out
    assert "mean colours" in printed and f"{blocks['unedited']['psnr']:.2f}" in printed
    assert printed.count("--mask-vae FOLDER") == 1


def test_generators_stand_side_by_side(
    data_folder: Path, saved: Path, networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    compared = [f"Pix2PixHD-like={networks / 'pix2pixhd'}", f"SPADE-like={networks / 'run'}", f"DMN + EBST={saved}"]
    flags = ["--compare", *compared, "--mask-vae", networks / "mask_vae", "--resolution", 64]
    assert run(data_folder, saved, *flags, "--json", tmp_path / "e.json") == 0
    report = json.loads((tmp_path / "e.json").read_text())
    names = [saved.name, "Pix2PixHD-like", "SPADE-like", "DMN + EBST"]
    assert list(report["generators"]) == names and report["resolution"] == 64
    assert report["generators"]["DMN + EBST"] == report["generators"][saved.name]  # the same weights
    assert report["generators"]["SPADE-like"] != report["generators"]["Pix2PixHD-like"]
    for blocks in report["generators"].values():
        assert blocks["mask_vae"]["pictures"] == 4 and blocks["quick_edits"]["pictures"] == 2
    assert "plain_psnr" not in report["generators"]["SPADE-like"]["unedited"]
    assert {"accuracy", "miou", "miou_all", "iou", "interpolation"} == report["mask_vae"].keys()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines[: -1 - len(report["notes"])])) <= 120
    (head,) = [line for line in lines if "SPADE-like" in line and "IoU" not in line]
    assert head.split() == [saved.name, "Pix2PixHD-like", "SPADE-like", "DMN", "+", "EBST"]
    psnr_row = next(line for line in lines if "PSNR, dB" in line)
    assert psnr_row.split()[2:] == [f"{report['generators'][name]['unedited']['psnr']:.2f}" for name in names]


def test_the_pipelines_own_mask_vae_is_taken_unless_another_is_given(pipeline: MaskGANPipeline, networks: Path) -> None:
    own, notes = MaskVAE.preset("tiny"), []
    whole = MaskGANPipeline(pipeline.dmn, pipeline.parser, own)
    assert evaluate.find_mask_vae(whole, None, notes) is own and not notes
    assert evaluate.find_mask_vae(whole, networks / "mask_vae", notes) is not own and not notes


def test_the_same_numbers_every_time(data_folder: Path, saved: Path, tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        assert run(data_folder, saved, "--resolution", 64, "--json", tmp_path / name) == 0
    assert (tmp_path / "a.json").read_text() == (tmp_path / "b.json").read_text()


def test_limit_takes_faces_from_the_whole_split(
    data_folder: Path, saved: Path, networks: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    compared = ["--compare", f"P={networks / 'pix2pixhd'}", "--only-compared", "--mask-vae", networks / "mask_vae"]
    flags = ["--resolution", 64, "--limit", 1, "--json", tmp_path / "e.json"]
    assert run(data_folder, saved, *compared, *flags) == 0
    report = json.loads((tmp_path / "e.json").read_text())
    assert report["faces"] == 1 and list(report["generators"]) == ["P"]
    assert list(report["generators"]["P"]) == ["unedited", "quick_edits"]
    assert "one face only" in capsys.readouterr().out
    assert evaluate.spread(range(10), 3) == [0, 3, 6] and evaluate.spread([1, 2], 8) == [1, 2]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--data", "{tmp}/nowhere"], "nowhere"),
        (["--weights", "{tmp}/nowhere"], "nowhere"),
        (["--mask-vae", "{tmp}/nowhere"], "nowhere"),
        (["--compare", "A={tmp}/nowhere"], "nowhere"),
        (["--compare", "{networks}/pix2pixhd"], "NAME=FOLDER"),
        (["--compare", "A={networks}/pix2pixhd", "A={networks}/run"], "Two generators are called A"),
        (["--compare", "A={networks}/mask_vae"], "no generator"),
        (["--resolution", "100"], "multiple of 64"),
        (["--only-compared"], "--compare"),
        (["--limit", "0"], "at least one face"),
        (["--sheet", "{tmp}/sheet.txt"], "sheet.txt"),
    ],
)
def test_bad_input_is_told_in_one_sentence(
    flags: list[str],
    sentence: str,
    data_folder: Path,
    saved: Path,
    networks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    flags = [flag.format(tmp=tmp_path, networks=networks) for flag in flags]
    with pytest.raises(SystemExit):
        run(data_folder, saved, *flags)
    message = capsys.readouterr().err
    assert sentence in message.splitlines()[-1]


# --- The benchmark -------------------------------------------------------------------------------------------------


def test_the_benchmark_writes_a_row_per_network_stage_and_size(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from maskgan import benchmark
    from maskgan.networks.dense_mapping import DenseMappingNetwork

    def small(name: str) -> DenseMappingNetwork:
        assert name == "published"
        return DenseMappingNetwork("vector", [2], blocks=1, depth=2, encoder_width=2)

    monkeypatch.setattr(benchmark.DenseMappingNetwork, "preset", small)
    flags = ["--weights", str(saved), "--json", str(tmp_path / "b.json"), "--repeats", "1", "--threads", "1"]
    flags += ["--backends", "torch"]
    assert benchmark.main(flags) == 0
    report = json.loads((tmp_path / "b.json").read_text())
    drawn = [row for row in report["rows"] if row["stage"] == "draw"]
    assert {(row["net"], row["size"]) for row in drawn} == {(n, s) for n in ("studio", "published") for s in (256, 512)}
    for row in drawn:
        assert row["gflop"] > 0 and row["parameters"] > 0 and row["peak_mb"] > 0
        assert row["gflops"] == pytest.approx(row["gflop"] / row["ms"] * 1000, rel=0.05)
        assert row["of_peak"] == pytest.approx(row["gflops"] / report["matrix_gflops"], abs=0.01)
    rows = [row for row in report["rows"] if row["stage"] != "draw"]
    assert all(row["backend"] == "torch" and row["ms"] > 0 for row in rows)
    both = {("studio", stage, size) for stage in ("parse", "style", "edit") for size in (256, 512)}
    both |= {("published", stage, size) for stage in ("style", "edit") for size in (256, 512)}
    measured = [(row["net"], row["stage"], row["size"]) for row in rows]
    assert sorted(measured) == sorted(
        both | {("studio", stage, 512) for stage in ("detect", "prepare", "warp", "window")}
    )
    assert "published / studio" in capsys.readouterr().out


def test_a_backend_that_cannot_run_says_why(pipeline: MaskGANPipeline, tmp_path: Path) -> None:
    from maskgan import benchmark_backends as backends

    pipeline.dmn.save_pretrained(tmp_path)
    with backends.runner(tmp_path, "onnx fp32", 1) as running:
        assert "onnx fp32.onnx" in running.reason


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

    portrait = benchmark.read_photo(benchmark.EXAMPLES / "images" / "portrait_01.jpg")
    mask = benchmark.read_mask(benchmark.EXAMPLES / "masks" / "portrait_01.png")
    for share in (0.05, 1 / 3):
        changed = (mask != benchmark.small_hat(mask, share)).mean()
        assert 0.7 * share < changed < 1.1 * share
    photo = benchmark.large_photo(portrait)
    assert photo.shape[0] * photo.shape[1] == 12_000_000
    assert len(pipeline.detect(photo)) == 1
