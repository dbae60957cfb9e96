"""Labels that a parser gives itself, and parsers measured side by side."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask, tiny_pipeline
from torch import Tensor, nn

from lab import evaluate_parser, pseudo_labels
from lab.data.faces import find_samples
from maskgan.labels import IGNORE, NUM_CLASSES, Label


class LeftAndRight(nn.Module):
    """Says eye of that side of the picture where the picture is bright, background where it is dark."""

    device = torch.device("cpu")

    def forward(self, image: Tensor) -> Tensor:
        bright = image.mean(1) > 0
        middle = image.shape[-1] // 2
        logits = torch.zeros(len(image), NUM_CLASSES, *image.shape[2:])
        logits[:, Label.BACKGROUND] = 9.0 * ~bright
        logits[:, Label.R_EYE, :, :middle] = 9.0 * bright[..., :middle]
        logits[:, Label.L_EYE, :, middle:] = 9.0 * bright[..., middle:]
        return logits


def folder_of(path: Path, faces: int, split: str = "train", rendered: bool = False, tem: str | None = None) -> Path:
    """Drawn faces in the plain format."""
    for name in ("images", "masks"):
        (path / name).mkdir(parents=True)
    ids = [f"f{number}" for number in range(faces)]
    for number, name in enumerate(ids):
        mask = draw_mask(64, shift=number / 200)
        cv2.imwrite(str(path / "images" / f"{name}.png"), draw_face(mask, number)[..., ::-1])
        mask[:8] = IGNORE
        cv2.imwrite(str(path / "masks" / f"{name}.png"), mask)
    if rendered:
        (path / "params.jsonl").write_text("{}\n")
    else:
        lines = ["id,split,tem", *(f"{name},{split},{int(name == tem)}" for name in ids)]
        (path / "index.csv").write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def parser_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parser")
    tiny_pipeline().parser.save_pretrained(folder)
    return folder


def test_mirrored_answers_come_back_to_their_own_side() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32] = 255
    chances = pseudo_labels.answers(LeftAndRight(), image, 64)
    assert chances.shape == (2 * len(pseudo_labels.SIDES), NUM_CLASSES, 64, 64)
    mask = pseudo_labels.agreed(chances, 0.9)
    assert (mask[:28, :28] == Label.R_EYE).all() and (mask[:28, 36:] == Label.L_EYE).all()
    assert (mask[36:] == Label.BACKGROUND).all()


def test_pixels_on_which_answers_differ_or_that_are_unlikely_stay_open() -> None:
    chances = torch.zeros(2, NUM_CLASSES, 1, 3)
    chances[:, 1, 0, 0] = 1.0  # sure
    chances[0, 1, 0, 1] = chances[1, 2, 0, 1] = 1.0  # two opinions
    chances[:, 3, 0, 2] = 0.6  # not sure
    assert pseudo_labels.agreed(chances, 0.9).tolist() == [[1, IGNORE, IGNORE]]
    assert pseudo_labels.agreed(chances, 0.5).tolist() == [[1, IGNORE, 3]]


def test_labels_that_are_there_stay_but_jewellery_comes_on_top() -> None:
    given = np.array([[IGNORE, Label.HAIR, Label.HAIR, Label.NECK, IGNORE]], np.uint8)
    found = np.array([[Label.SKIN, Label.SKIN, Label.EAR_R, Label.NECK_L, IGNORE]], np.uint8)
    expected = [[Label.SKIN, Label.HAIR, Label.EAR_R, Label.NECK_L, IGNORE]]
    assert pseudo_labels.completed(given, found).tolist() == expected


def test_labelled_photos_are_a_folder_to_train_on(tmp_path: Path, parser_folder: Path) -> None:
    photos = folder_of(tmp_path / "photos", 2)
    flags = ["--data", photos, "--out", tmp_path / "out", "--parser", parser_folder, "--confidence", "0.001"]
    assert pseudo_labels.main([*map(str, flags), "--sides", "64"]) == 0
    found = find_samples(tmp_path / "out" / "photos")
    assert [sample.id for sample in found] == ["f0", "f1"]
    given = cv2.imread(str(photos / "masks" / "f1.png"), cv2.IMREAD_GRAYSCALE)
    mask = cv2.imread(str(found[1].mask), cv2.IMREAD_GRAYSCALE)
    kept = (given != IGNORE) & ~np.isin(mask, pseudo_labels.ON_TOP)
    assert np.array_equal(mask[kept], given[kept]) and (mask[given == IGNORE] != IGNORE).any()


def test_nonsense_is_refused_in_one_sentence(tmp_path: Path, parser_folder: Path, capsys) -> None:
    photos = folder_of(tmp_path / "photos", 1)
    common = ["--data", str(photos), "--out", str(tmp_path / "out"), "--parser", str(parser_folder)]
    for flags, words in (
        (["--confidence", "1.5"], "probability"),
        (["--sides", "100"], "multiples of 32"),
        (["--data", str(photos), str(photos)], "same name"),
    ):
        with pytest.raises(SystemExit):
            pseudo_labels.main([*common, *flags])
        assert words in capsys.readouterr().err
    with pytest.raises(SystemExit):
        evaluate_parser.main(["--data", str(photos), "--split", "train", "--sizes", "100"])
    assert "multiple of 32" in capsys.readouterr().err


def test_parsers_stand_side_by_side_on_every_kind_of_truth(tmp_path: Path, parser_folder: Path, capsys) -> None:
    photos = folder_of(tmp_path / "photos", 3, split="val", tem="f1")
    heads = folder_of(tmp_path / "heads", 8, rendered=True)  # f7 alone is held out
    report = tmp_path / "report.json"
    flags = ["--data", photos, heads, "--weights", parser_folder, "--compare", f"other={parser_folder}"]
    assert evaluate_parser.main([*map(str, flags), "--sizes", "64", "--json", str(report)]) == 0
    numbers = json.loads(report.read_text())
    assert list(numbers) == ["photos val, machine", "photos val, hand-made", "heads, exact"]
    for block in numbers.values():
        own, other = block.values()
        assert own == other and 0 <= own["miou"] <= own["accuracy"] <= 1
    printed = capsys.readouterr().out
    assert "machine (3 faces)" in printed and "hand-made (1 face)" in printed and "exact (1 face)" in printed


def test_a_perfect_parser_scores_one_at_any_size(tmp_path: Path) -> None:
    class Perfect(nn.Module):
        device = torch.device("cpu")

        def forward(self, image: Tensor) -> Tensor:
            bright = image.mean(1, keepdim=True) > 0
            return torch.cat([9.0 * ~bright, 9.0 * bright, torch.zeros(len(image), 17, *image.shape[2:])], 1)

    folder = folder_of(tmp_path / "photos", 1, split="val")
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48] = 1
    cv2.imwrite(str(folder / "masks" / "f0.png"), mask)
    cv2.imwrite(str(folder / "images" / "f0.png"), np.repeat(mask[..., None] * 255, 3, 2))
    blocks = evaluate_parser.truths(folder, "val")
    for size in (64, 128):
        counts = evaluate_parser.measure({"perfect": Perfect()}, blocks, [size])
        (confusion,) = counts["photos val, machine"].values()
        assert confusion.accuracy == 1 and confusion.miou() == 1
