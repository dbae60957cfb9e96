"""What `lab.smile` measures between photos of people without and with a smile."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_faces import draw_face

from lab import smile
from maskgan.editing.flows import warp_picture
from maskgan.editing.warping import flow_between
from maskgan.labels import Label
from maskgan.quick_edits import QUICK_EDITS
from maskgan.quick_edits.mouth import measure_mouth
from maskgan.quick_edits.scene import Scene
from maskgan.quick_edits.smiles import usual_smile

SIZE = 512


def looked(crop: np.ndarray, mask: np.ndarray) -> smile.Looked:
    scene = Scene(mask)
    return smile.Looked(crop, mask, scene, measure_mouth(scene))


@pytest.fixture(scope="module")
def pair() -> tuple[smile.Looked, smile.Looked]:
    """A drawn face with freckles that smiles; then one cheek's fold is darker on both sides."""
    without = draw_face(SIZE)
    rng = np.random.default_rng(0)
    freckles = sum(
        60 * cv2.GaussianBlur(rng.standard_normal((SIZE, SIZE)), (0, 0), s) * s for s in (1.5, 3, 6)
    )  # of several sizes
    photo = np.clip(150 + freckles[..., None] * (1.0, 0.9, 0.8), 30, 230).astype(np.uint8)
    with_smile, moved, _ = QUICK_EDITS["smile"].move(without)
    smiling = warp_picture(photo, flow_between(without, with_smile, moved))
    scene = Scene(without)
    fold = np.exp(-(((abs(scene.x) - 0.6) / 0.12) ** 2) - ((scene.y - 0.75) / 0.15) ** 2)
    smiling = (smiling * (1 - 0.3 * fold[..., None])).astype(np.uint8)
    return looked(photo, without), looked(smiling, with_smile)


def test_lips_skin_and_light_are_found_as_they_changed(pair: tuple[smile.Looked, smile.Looked]) -> None:
    usual, found = usual_smile(), smile.changes_of(*pair)
    assert found["wider"] == pytest.approx(1.15 * usual.wider, abs=0.04)
    assert np.abs(found["lines"] - 1.15 * usual.lines)[:, :-1].max() < 0.05
    assert found["lines"][1, -1] < -0.04 and found["lines"][2, 0] > 0.06
    cheek = slice(8, 12), slice(8, 11)  # v .48 to .66, u .48 to .6
    wanted = 1.15 * usual.shift[cheek]
    assert wanted[..., 1].min() > 0.03 and np.abs(found["shift"][cheek] - wanted).mean() < 0.02
    assert np.abs(found["shift"][3:8, 15:18]).max() < 0.05
    fold = np.nanmean(found["light"][11:13, 10:12])
    assert fold < -0.1 and abs(np.nanmean(found["light"][6:8, 8:12])) < 0.06


def test_a_smile_is_written_as_it_is_read(
    pair: tuple[smile.Looked, smile.Looked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="2 people have a photo with closed lips and one with teeth; 8 are needed"):
        smile.measured([pair] * 2)
    monkeypatch.setattr(smile, "pairs_of", lambda *_: [pair] * 8)
    out = tmp_path / "smile.json"
    assert smile.main([str(tmp_path), str(out)]) == 0
    monkeypatch.setattr("maskgan.quick_edits.smiles.SMILE", out)
    read = usual_smile.__wrapped__()
    assert read.shift.shape[:2] == read.light.shape == usual_smile().light.shape
    assert read.wider == pytest.approx(1.15 * usual_smile().wider, abs=0.04)
    assert read.light[12, 11] < -0.05 and set(json.loads(out.read_text())) >= {"lines", "step"}


def test_people_without_a_photo_of_each_kind_are_left_out(
    pair: tuple[smile.Looked, smile.Looked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    (tmp_path / "images").mkdir()
    rows = ["id,person,split,source"]
    people = {"one": ("closed", "teeth"), "two": ("closed", "closed"), "three": ("closed", "teeth"), "four": ("teeth",)}
    for person, kinds in people.items():
        for number, kind in enumerate(kinds):
            name = f"{person}{number}_{kind}"
            rows.append(f"{name},{person},{'val' if person == 'three' else 'train'},studio")
            cv2.imwrite(str(tmp_path / "images" / f"{name}.jpg"), np.full((32, 32, 3), 100 + 50 * (kind == "teeth")))
    (tmp_path / "index.csv").write_text("\n".join(rows))

    class Pipeline:
        @classmethod
        def load(cls) -> Pipeline:
            return cls()

        def prepare(self, photo: np.ndarray) -> smile.Looked:
            return pair[int(photo.mean() > 125)]

    monkeypatch.setattr(smile, "MaskGANPipeline", Pipeline)
    found = smile.pairs_of(tmp_path, "images", "studio")
    assert len(found) == 1 and [(face.mask == Label.MOUTH).any() for face in found[0]] == [False, True]
    assert smile.pairs_of(tmp_path, "images", "street") == []
    assert smile.main([str(tmp_path), str(tmp_path / "out.json")]) == 2
    assert "1 people have a photo" in capsys.readouterr().err and not (tmp_path / "out.json").exists()
    assert smile.main([str(tmp_path / "nowhere"), str(tmp_path / "out.json")]) == 2
