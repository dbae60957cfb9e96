"""CelebAMask-HQ in its official layout: reading, merging, splits, every planted fault, and runs cut in two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import draw_face, draw_mask
from PIL import Image

from lab import prepare_celebamask_hq
from lab.data.celebamask_hq import BadFace, CelebAMaskHQ, layout_faults, merge
from lab.data.faces import find_samples, load
from lab.prepare_celebamask_hq import main, prepare
from maskgan.labels import MIRRORED_PAIRS, PART_NAMES, Label, colourise

ROOT = Path(__file__).resolve().parents[2]
#: CelebA's original index of each id: the last of train, both ends of val, the first of test, and the second folder.
CELEBA = {0: 162_770, 1: 162_771, 2: 182_637, 3: 182_638, **dict.fromkeys(range(4, 40), 5), 2000: 7, 2001: 8}
IMAGE, MASK = 128, 64


def part_file(root: Path, id: int, part: Label) -> Path:
    return root / "CelebAMask-HQ-mask-anno" / str(id // 2000) / f"{id:05d}_{PART_NAMES[part]}.png"


def write_part(root: Path, id: int, part: Label, plane: np.ndarray) -> None:
    """As published: 0 and 255, three equal channels."""
    path = part_file(root, id, part)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(plane.astype(np.uint8) * 255).convert("RGB").save(path)


def read_part(root: Path, id: int, part: Label) -> np.ndarray:
    return np.array(Image.open(part_file(root, id, part)).convert("L")) > 0


def amodal(mask: np.ndarray) -> dict[Label, np.ndarray]:
    """Part masks of a label map; the skin goes on under eyes, brows, nose and lips."""
    parts = {Label(value): mask == value for value in np.unique(mask) if value}
    on_skin = (Label.NOSE, Label.L_EYE, Label.R_EYE, Label.L_BROW, Label.R_BROW, Label.U_LIP, Label.L_LIP)
    parts[Label.SKIN] = np.isin(mask, (Label.SKIN, *on_skin))
    return parts


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Path]:
    def make(ids: tuple[int, ...]) -> Path:
        root = tmp_path / "CelebAMask-HQ"
        (root / "CelebA-HQ-img").mkdir(parents=True)
        lines = ["idx      orig_idx     orig_file"]
        for id in ids:
            mask = draw_mask(MASK, shift=0.01 * (id % 5))
            image = draw_face(draw_mask(IMAGE, shift=0.01 * (id % 5)), seed=id)
            Image.fromarray(image).save(root / "CelebA-HQ-img" / f"{id}.jpg", quality=95)
            for part, plane in amodal(mask).items():
                write_part(root, id, part, plane)
            lines.append(f"{id}      {CELEBA[id]}      {CELEBA[id] + 1:06d}.jpg")
        (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(lines) + "\n")
        return root

    return make


def reader(root: Path) -> CelebAMaskHQ:
    return CelebAMaskHQ(root, IMAGE, MASK)


# --- Reading -------------------------------------------------------------------------------------------------------


def test_the_reader_gives_amodal_parts_the_merged_map_the_image_and_the_split(make_tree) -> None:
    data = reader(make_tree((0, 1, 2, 3, 2001)))
    assert data.ids == [0, 1, 2, 3, 2001]
    assert [data.split(id) for id in data.ids] == ["train", "val", "val", "test", "train"]
    drawn = draw_mask(MASK, shift=0.01)
    parts = data.parts(2001)  # lies in the folder 1
    assert set(parts) == set(np.unique(drawn)) - {0}
    assert all(plane.dtype == bool for plane in parts.values())
    assert (parts[Label.SKIN] & parts[Label.L_EYE]).any()  # amodal: skin goes on under the eye
    assert np.array_equal(data.merged(2001), drawn)
    assert data.image(2001).shape == (IMAGE, IMAGE, 3)


def test_parts_are_painted_in_class_order() -> None:
    everywhere = np.ones((4, 4), bool)
    parts = {Label.HAIR: everywhere.copy(), Label.CLOTH: everywhere.copy(), Label.SKIN: everywhere}
    parts[Label.CLOTH][:2] = False
    parts[Label.HAIR][0] = False
    expected = np.repeat([[Label.SKIN], [Label.HAIR], [Label.CLOTH], [Label.CLOTH]], 4, 1)
    assert np.array_equal(merge(parts, 4), expected)
    with pytest.raises(BadFace, match="skin is not 8 x 8"):
        merge({Label.SKIN: everywhere}, 8)


def test_what_is_no_celebamask_hq_is_refused_in_one_sentence(make_tree, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="give the folder CelebAMask-HQ"):
        CelebAMaskHQ(tmp_path / "elsewhere")
    root = make_tree((0,))
    (root / "CelebA-HQ-to-CelebA-mapping.txt").write_text("idx orig_idx orig_file\n")
    with pytest.raises(ValueError, match="no line with idx"):
        CelebAMaskHQ(root)


@pytest.mark.parametrize("name", ["{id:05d}.jpg", "{id}.png", "{id:05d}.PNG", "{id:06d}.jpeg"])
def test_images_with_zeros_before_the_number_or_as_png_are_understood(make_tree, tmp_path: Path, name: str) -> None:
    root = make_tree((0, 1, 2001))
    whole = prepare(reader(root), tmp_path / "published", MASK)
    for path in (root / "CelebA-HQ-img").iterdir():
        target = path.with_name(name.format(id=int(path.stem)))
        Image.open(path).save(target, format="PNG" if target.suffix.lower() == ".png" else "JPEG")
        path.unlink()
    (root / "CelebA-HQ-img" / "contact_sheet.jpg").write_bytes(b"x")
    report = prepare(reader(root), tmp_path / "out", MASK)
    assert report["written"] == whole["written"] == 3 and report["findings"] == []


def test_of_two_images_with_one_number_the_one_as_published_counts(make_tree) -> None:
    root = make_tree((0,))
    Image.new("RGB", (IMAGE, IMAGE), "red").save(root / "CelebA-HQ-img" / "00000.png")
    data = reader(root)
    assert data.ids == [0] and data.image_path(0).name == "0.jpg"


# --- The plain format ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [32, 64, 256])
def test_a_clean_tree_becomes_the_plain_format_at_any_size(make_tree, tmp_path: Path, size: int) -> None:
    root = make_tree((0, 1, 2, 3))
    report = prepare(reader(root), tmp_path / "out", size)
    assert report["findings"] == [] and report["left_out"] == [] and report["written"] == 4
    assert report["splits"] == {"train": 1, "val": 2, "test": 1}
    assert [sample.id for sample in find_samples(tmp_path / "out", "val")] == ["00001", "00002"]
    (sample,) = find_samples(tmp_path / "out", "test")
    face = load(sample)
    assert face.image.shape == (size, size, 3)
    mask = draw_mask(MASK, shift=0.03)
    if size < MASK:
        assert set(np.unique(face.mask)) <= set(np.unique(mask))  # nearest neighbour makes no class up
    else:
        assert np.array_equal(face.mask, mask.repeat(size // MASK, 0).repeat(size // MASK, 1))
    index = (tmp_path / "out" / "index.csv").read_text().splitlines()
    assert index[:2] == ["id,split,celeba_index,celeba_file", "00000,train,162770,162771.jpg"]
    assert not list((tmp_path / "out").glob("suspects-*"))


# --- Faults --------------------------------------------------------------------------------------------------------


def move(root: Path, id: int, part: Label, rows: int) -> None:
    plane = read_part(root, id, part)
    write_part(root, id, part, np.roll(plane, rows, axis=0))


def swap(root: Path, id: int, *pairs: tuple[Label, Label]) -> None:
    for left, right in pairs:
        planes = [read_part(root, id, part) for part in (left, right)]
        write_part(root, id, left, planes[1])
        write_part(root, id, right, planes[0])


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def plant(root: Path) -> dict[int, tuple[set[tuple[str, str | None]], bool]]:
    """Put one fault into each of many ids; returns {id: ({(kind, part), ...}, left out)}."""
    images = root / "CelebA-HQ-img"
    expected: dict[int, tuple[set[tuple[str, str | None]], bool]] = {}
    ids = iter(range(4, 40))

    def fault(left_out: bool, *findings: tuple[str, str | None]) -> int:
        id = next(ids)
        expected[id] = (set(findings), left_out)
        return id

    (images / f"{fault(True, ('missing_image', None))}.jpg").unlink()
    for part in (Label.SKIN, Label.NOSE, Label.U_LIP, Label.L_LIP, Label.L_EYE, Label.R_EYE):
        name = PART_NAMES[part]
        part_file(root, fault(part == Label.SKIN, ("missing_part", name)), part).unlink()
    id = fault(True, ("missing_masks", None))
    for part in Label:
        part_file(root, id, part).unlink(missing_ok=True)
    for part, left_out in ((Label.SKIN, True), (Label.NOSE, False), (Label.NECK, False)):
        write_part(root, fault(left_out, ("empty_part", PART_NAMES[part])), part, np.zeros((MASK, MASK)))
    id = fault(True, ("wrong_size", None))
    Image.open(images / f"{id}.jpg").resize((IMAGE, IMAGE - 8)).save(images / f"{id}.jpg")
    id = fault(True, ("wrong_size", "hair"))
    write_part(root, id, Label.HAIR, read_part(root, id, Label.HAIR).repeat(2, 0).repeat(2, 1))
    id = fault(False, ("non_binary", "hair"))
    plane = read_part(root, id, Label.HAIR).astype(np.uint8) * 255
    Image.fromarray(cv2.GaussianBlur(plane, (5, 5), 0)).save(part_file(root, id, Label.HAIR))
    id = fault(False, ("non_binary", "nose"))
    Image.fromarray(read_part(root, id, Label.NOSE).astype(np.uint8)).save(part_file(root, id, Label.NOSE))
    cut_short(images / f"{fault(True, ('unreadable_file', None))}.jpg")
    (images / f"{fault(True, ('unreadable_file', None))}.jpg").write_bytes(b"")
    cut_short(part_file(root, fault(True, ("unreadable_file", "cloth")), Label.CLOTH))
    part_file(root, fault(True, ("unreadable_file", "skin")), Label.SKIN).write_text("not a picture")
    id = fault(True, ("impossible_layout", None))
    for part in (Label.L_EYE, Label.R_EYE):
        move(root, id, part, 25)  # below the mouth
    id = fault(True, ("impossible_layout", None))
    for part in (Label.L_BROW, Label.R_BROW):
        move(root, id, part, 10)  # below the eyes
    move(root, fault(True, ("impossible_layout", None)), Label.NOSE, 18)
    move(root, fault(True, ("impossible_layout", None)), Label.L_LIP, -6)
    move(root, fault(True, ("impossible_layout", None)), Label.NECK, -40)
    swap(root, fault(True, ("swapped_sides", "eye")), MIRRORED_PAIRS[0])
    swap(root, fault(True, ("swapped_sides", "eye"), ("swapped_sides", "brow")), *MIRRORED_PAIRS[:2])
    ear = np.zeros((MASK, MASK), bool)
    ear[28:34, 10:14] = True  # the left of the picture is the subject's right
    write_part(root, fault(True, ("swapped_sides", "ear")), Label.L_EAR, ear)
    id = fault(True, ("not_in_mapping", None))
    mapping = root / "CelebA-HQ-to-CelebA-mapping.txt"
    mapping.write_text("".join(line for line in mapping.open() if not line.startswith(f"{id} ")))
    # Two faults at once, in the second folder.
    expected[2000] = ({("missing_part", "nose"), ("unreadable_file", "hair")}, True)
    part_file(root, 2000, Label.NOSE).unlink()
    cut_short(part_file(root, 2000, Label.HAIR))
    return expected


def plant_what_is_no_fault(root: Path) -> None:
    """Glasses over the eyes of 0, the left ear of 1 alone, a hidden brow of 2."""
    for part in (Label.L_EYE, Label.R_EYE):
        part_file(root, 0, part).unlink()
    glasses = np.zeros((MASK, MASK), bool)
    glasses[25:33, 15:50] = True
    write_part(root, 0, Label.EYE_G, glasses)
    ear = np.zeros((MASK, MASK), bool)
    ear[28:34, 50:54] = True
    write_part(root, 1, Label.L_EAR, ear)
    part_file(root, 2, Label.R_BROW).unlink()


def test_every_planted_fault_is_reported_and_nothing_else(make_tree, tmp_path: Path, capsys) -> None:
    root, out = make_tree(tuple(CELEBA)), tmp_path / "out"
    expected = plant(root)
    plant_what_is_no_fault(root)
    command = ["--source", root, "--out", out, "--size", 64, "--image-size", IMAGE, "--mask-size", MASK]
    assert main([str(word) for word in [*command, "--workers", 2]]) == 1
    report = json.loads((out / "report.json").read_text())
    reported: dict[int, set[tuple[str, str | None]]] = {}
    for finding in report["findings"]:
        reported.setdefault(int(finding["id"]), set()).add((finding["kind"], finding["part"]))
    assert reported == {id: findings for id, (findings, _) in expected.items()}
    left_out = {id for id, (_, left_out) in expected.items() if left_out}
    assert {int(id) for id in report["left_out"]} == left_out
    assert len(report["findings"]) == sum(len(findings) for findings, _ in expected.values())
    # everybody else is there, each with a sentence for people where there was something to say
    written = {int(sample.id) for split in ("train", "val", "test") for sample in find_samples(out, split)}
    assert written == set(CELEBA) - left_out and report["written"] == len(written)
    assert all(finding["sentence"].endswith(".") for finding in report["findings"])
    assert report["counts"]["impossible_layout"] == 5 and report["faces"] == len(CELEBA)
    below = next(f["sentence"] for f in report["findings"] if f["kind"] == "impossible_layout")
    assert "the left eye lies below the mouth" in below
    # a smoothed part is cut half way, a part of 0 and 1 is kept whole
    repaired = {f["id"]: f["part"] for f in report["findings"] if f["kind"] == "non_binary"}
    for id, part in repaired.items():
        mask = cv2.imread(str(out / "masks" / f"{id}.png"), cv2.IMREAD_GRAYSCALE)
        wanted = draw_mask(MASK, shift=0.01 * (int(id) % 5))
        assert (mask != wanted).mean() < 0.03, part
    assert "see" in capsys.readouterr().out


def test_the_contact_sheet_shows_photo_and_mask_of_each_suspect(make_tree, tmp_path: Path) -> None:
    root, out = make_tree((0, 1, 2)), tmp_path / "out"
    (root / "CelebA-HQ-img" / "0.jpg").unlink()
    part_file(root, 2, Label.NOSE).unlink()
    data = reader(root)
    prepare(data, out, 64)
    sheet = cv2.imread(str(out / "suspects-00.jpg"))[..., ::-1].astype(int)
    assert sheet.shape == (128 + 46, 4 * (2 * 128 + 8), 3)
    assert abs(sheet[:124, 4:124] - 128).max() < 12  # no photo: grey
    second = sheet[:, 264:528]
    assert abs(second[:128, :128] - data.image(2)).mean() < 6
    coloured = colourise(data.merged(2)).repeat(2, 0).repeat(2, 1)
    assert abs(second[:128, 128:256] - coloured).mean() < 12
    assert (second[128:] < 100).any()  # text
    # a repaired tree has no suspects, and the sheet goes
    root2_image = draw_face(draw_mask(IMAGE), seed=0)
    Image.fromarray(root2_image).save(root / "CelebA-HQ-img" / "0.jpg")
    write_part(root, 2, Label.NOSE, draw_mask(MASK, shift=0.02) == Label.NOSE)
    report = prepare(reader(root), out, 64)
    assert report["findings"] == [] and report["written"] == 3
    assert not list(out.glob("suspects-*")) and len(find_samples(out, "val")) == 2


def test_layout_rules_name_what_is_wrong() -> None:
    centres = {Label.L_BROW: (40.0, 30.0), Label.L_EYE: (40.0, 20.0), Label.MOUTH: (32.0, 10.0)}
    assert layout_faults(centres) == ["the left eye lies below the mouth", "the left brow lies below its eye"]
    assert layout_faults({}) == []


# --- Resuming ------------------------------------------------------------------------------------------------------


def test_what_is_done_and_whole_is_skipped(make_tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = make_tree((0, 1, 2, 3)), tmp_path / "out"
    part_file(root, 3, Label.NOSE).unlink()
    prepare(reader(root), out, 64, limit=3)
    cut_short(out / "masks" / "00001.png")
    seen: list[int] = []
    examine = prepare_celebamask_hq.examine
    monkeypatch.setattr(prepare_celebamask_hq, "examine", lambda data, id: seen.append(id) or examine(data, id))
    prepare(reader(root), out, 64)
    assert seen == [1, 3]  # the damaged one and the new one
    assert load(find_samples(out, "val")[0]).mask.shape == (64, 64)
    seen.clear()
    report = prepare(reader(root), out, 64)
    assert seen == [3]  # a suspect is looked at again
    assert report["counts"] == {"missing_part": 1} and report["written"] == 4
    # a face that has gone bad since leaves the output
    (root / "CelebA-HQ-img" / "3.jpg").unlink()
    assert prepare(reader(root), out, 64)["left_out"] == ["00003"]
    assert not (out / "masks" / "00003.png").exists() and not (out / "images" / "00003.jpg").exists()


def test_other_settings_in_the_same_folder_are_refused(make_tree, tmp_path: Path, capsys) -> None:
    root, out = make_tree((0,)), tmp_path / "out"
    prepare(reader(root), out, 64)
    with pytest.raises(ValueError, match="was made with size 64"):
        prepare(reader(root), out, 32)
    with pytest.raises(SystemExit) as stop:
        main(["--source", str(tmp_path / "nowhere"), "--out", str(out)])
    assert stop.value.code == 2 and "give the folder" in capsys.readouterr().err


def test_a_torn_line_of_progress_is_done_again(make_tree, tmp_path: Path) -> None:
    root, out = make_tree((0, 1)), tmp_path / "out"
    prepare(reader(root), out, 64)
    cut_short(out / "progress.jsonl")
    assert prepare(reader(root), out, 64)["written"] == 2
    assert [json.loads(line)["source"] for line in (out / "progress.jsonl").open()] == ["00000", "00001"]


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_folder(make_tree, tmp_path: Path) -> None:
    root = make_tree(tuple(CELEBA))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    prepare(reader(root), whole, 64)
    command = [sys.executable, "-m", "lab.prepare_celebamask_hq", "--source", root, "--out", cut, "--size", "64"]
    command += ["--image-size", str(IMAGE), "--mask-size", str(MASK), "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    while process.poll() is None and not (cut / "progress.jsonl").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    prepare(reader(root), cut, 64)
    for name in ("images", "masks"):
        files = sorted(path.name for path in (whole / name).iterdir())
        assert files == sorted(path.name for path in (cut / name).iterdir())
        assert all((whole / name / file).read_bytes() == (cut / name / file).read_bytes() for file in files)
    assert (whole / "index.csv").read_text() == (cut / "index.csv").read_text()
    assert json.loads((whole / "report.json").read_text()) == json.loads((cut / "report.json").read_text())
