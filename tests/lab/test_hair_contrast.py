"""What `lab.hair_contrast` measures of hair on photos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab import hair_contrast
from maskgan.editing.oklab import from_oklab
from maskgan.editing.recolouring import HAIR_CONTRAST
from maskgan.labels import Label

SIZE, EACH = 64, 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hair of known contrast, of each lightness on eight photos, and others that do not count."""
    data = tmp_path_factory.mktemp("faces")
    for name in ("images", "masks"):
        (data / name).mkdir()
    rng, rows = np.random.default_rng(0), ["id,split,source"]

    def write(name: str, light: float, spread: float, split: str = "train", source: str = "photos") -> None:
        mask = np.full((SIZE, SIZE), Label.SKIN, np.uint8)
        mask[:56] = Label.HAIR
        lab = np.zeros((SIZE, SIZE, 3))
        lab[..., 0] = light + rng.uniform(-spread, spread, (SIZE, SIZE))
        photo = from_oklab(lab).clip(0, 255).round().astype(np.uint8)
        Image.fromarray(photo).save(data / "images" / f"{name}.jpg", quality=100)
        Image.fromarray(mask).save(data / "masks" / f"{name}.png")
        rows.append(f"{name},{split},{source}")

    for light in hair_contrast.LIGHTS:
        for number in range(EACH):
            write(f"{light}_{number}", light, light / 4)
        for number in range(EACH + 1):
            write(f"{light}_val_{number}", light, 0.0, split="val")
            write(f"{light}_drawn_{number}", light, 0.0, source="drawn")
    (data / "index.csv").write_text("\n".join(rows), encoding="utf-8")
    return data


def test_contrast_is_that_of_the_photos_of_the_training_split(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "contrast.json"
    assert hair_contrast.main([str(folder), str(out), "--without", "drawn"]) == 0
    read = json.loads(out.read_text(encoding="utf-8"))
    lights, spreads = np.array(read["lights"]), np.array(read["spreads"])
    wanted = lights[:, None] / 4 * np.array([-0.9, -0.5, 0, 0.5, 0.9])
    assert np.abs(spreads - wanted).max() < 0.025  # a JPEG's pixels differ a little from what was drawn
    bundled = json.loads(HAIR_CONTRAST.read_text(encoding="utf-8"))
    assert bundled["lights"] == read["lights"] and np.shape(bundled["spreads"]) == spreads.shape
    assert (np.diff(bundled["spreads"]) > 0).all()


def test_too_little_hair_gets_one_sentence(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "contrast.json"
    assert hair_contrast.main([str(folder), str(out), "--without", "drawn", "photos"]) == 2
    assert capsys.readouterr().err == (
        "error: Only 0 photos have hair whose lightness is about 0.2; at least 8 are needed.\n"
    )
    assert not out.exists()
    assert hair_contrast.main([str(tmp_path / "nothing"), str(out)]) == 2
    mask = np.full((SIZE, SIZE), Label.SKIN, np.uint8)
    mask[:2] = Label.HAIR
    assert hair_contrast.percentiles_of(np.zeros((SIZE, SIZE, 3), np.uint8), mask) is None
