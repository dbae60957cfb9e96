"""The sheet of quick edits that the README shows."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.quick_edit_sheet import EDITS, main
from maskgan.quick_edits import QUICK_EDITS
from maskgan.ui.examples import FOLDER

PHOTO = str(FOLDER / "photo_01.jpg")


def test_each_photo_is_a_row_as_it_is_and_after_each_edit(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    assert main([str(out), PHOTO, "--edits", "bigger_eyes", "hat:beanie", "--side", "96"]) == 0
    sheet = np.asarray(Image.open(out)).astype(int)
    assert sheet.shape == (96, 3 * 96, 3)
    own, eyes, hat = np.split(sheet, 3, axis=1)
    assert np.abs(eyes - own)[:20].max() <= 2 < np.abs(eyes - own).max(), "the hair stays"
    assert np.abs(hat - own)[:30].mean() > 10


def test_the_edits_of_the_readme_are_there() -> None:
    for name, _, shape in (edit.partition(":") for edit in EDITS):
        assert not shape or shape in [variant.name for variant in QUICK_EDITS[name].variants]


@pytest.mark.parametrize("wrong", [[PHOTO, "--edits", "wings"], ["no.jpg"], [PHOTO, "--edits", "hat:crown"]])
def test_what_cannot_be_is_told_in_one_sentence(wrong: list[str], tmp_path: Path, capsys) -> None:
    assert main([str(tmp_path / "sheet.png"), *wrong]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: ") and "\n" not in said
