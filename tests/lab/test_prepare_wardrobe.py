"""Hair is cut out of photos with its strands, and the wardrobe is written from a recipe."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numba
import numpy as np
import pytest
from PIL import Image

from lab.matting import cut_out
from lab.prepare_wardrobe import enlarged, evened, filled, main, mirrored
from maskgan.labels import Label, flip
from maskgan.mask_files import read_mask

EXAMPLES = Path(__file__).parents[2] / "examples"

#: The left half of a picture, as an outline of a recipe.
HALF = [[-1, -1], [128, -1], [128, 257], [-1, 257]]


@pytest.fixture(scope="module", autouse=True)
def _compiled_when_called() -> None:
    """pymatting compiles all that it has when it is first imported: a minute, for a few functions that are called."""
    njit = numba.njit

    def later(*given: Any, **options: Any) -> Callable[..., Any]:
        return njit(**options) if given and isinstance(given[0], str) else njit(*given, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba, "njit", later)
        import pymatting  # noqa: F401


def portrait(size: int = 160) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A brown head of hair with thin strands on a light blue wall: the photo, a mask without the strands, and where
    hair really is."""
    photo = np.full((size, size, 3), (170, 190, 215), np.uint8)
    middle, hair = (size // 2, size // 2), (80, 50, 30)
    truth = np.zeros((size, size), np.uint8)
    cv2.circle(truth, middle, size // 4, 1, -1)
    mask = np.where(truth > 0, Label.HAIR, Label.BACKGROUND).astype(np.uint8)
    for angle in np.deg2rad(np.arange(0, 360, 30)):
        tip = (int(middle[0] + 0.29 * size * np.cos(angle)), int(middle[1] + 0.29 * size * np.sin(angle)))
        cv2.line(truth, middle, tip, 1, 1)
    photo[truth > 0] = hair
    noise = np.random.default_rng(0).normal(0, 3, photo.shape)
    return (photo + noise).clip(0, 255).astype(np.uint8), mask, truth > 0


def test_strands_beyond_the_mask_are_cut_out_and_the_wall_is_not() -> None:
    photo, mask, truth = portrait()
    sure = cv2.GaussianBlur((mask == Label.HAIR).astype(np.float32), (0, 0), 4)
    piece = cut_out(photo, mask, sure)
    solid = cv2.erode(truth.astype(np.uint8), np.ones((9, 9))) > 0
    away = cv2.dilate(truth.astype(np.uint8), np.ones((7, 7))) == 0
    strands = truth & (mask != Label.HAIR)
    assert piece.alpha[solid].min() > 0.95 and piece.alpha[away].max() < 0.1
    assert piece.alpha[strands].mean() > 3 * piece.alpha[~truth & ~away & (mask != Label.HAIR)].mean()
    blue_over_red = piece.colours[..., 2].astype(int) - piece.colours[..., 0]
    assert np.percentile(blue_over_red[piece.alpha > 0.2], 98) < 10, "nothing of the wall's blue is left"


def test_hair_ends_in_tips_where_it_is_told_to() -> None:
    photo, mask, _ = portrait()
    piece = cut_out(photo, mask, (mask == Label.HAIR).astype(np.float32), bottom=0.6)
    assert piece.alpha[: int(0.5 * len(mask))].max() > 0.95
    assert not piece.alpha[int(0.64 * len(mask)) :].any()


def test_an_ear_in_the_hair_is_covered_by_the_hair_beside_it() -> None:
    photo, mask, _ = portrait()
    ears = np.zeros(mask.shape, bool)
    ears[70:90, 70:85] = True
    photo[ears] = (220, 170, 150)
    piece = cut_out(photo, mask, (mask == Label.HAIR).astype(np.float32), ears=ears)
    assert piece.alpha[ears].min() > 0.45 and piece.alpha[74:86, 74:81].min() > 0.99
    assert piece.colours[74:86, 74:81].max() < 110, "nothing of the skin is left"


def test_one_side_of_the_hair_is_mirrored_where_it_is_told_to_and_so_is_the_mask() -> None:
    photo, mask, _ = portrait()
    mask[:, : len(mask) // 3] = Label.BACKGROUND
    mask[60:64, 90:96] = Label.L_EYE
    sure = (mask == Label.HAIR).astype(np.float32)
    whole, piece = cut_out(photo, mask, sure), cut_out(photo, mask, sure, mirrored="right")
    right = slice(len(mask) // 2, None)
    assert (whole.alpha != whole.alpha[:, ::-1]).any()
    for before, after in zip(whole, piece, strict=True):
        assert (after == after[:, ::-1]).all() and (after[:, right] == before[:, right]).all()
    both = mirrored(mask, "right")
    assert (both == flip(both)).all() and (both[:, right] == mask[:, right]).all()
    assert both[61, 68] == Label.R_EYE
    assert (mirrored(mask, None) == mask).all()


def test_what_is_told_to_be_none_of_the_hair_is_left_out() -> None:
    photo, mask, _ = portrait()
    sure, without = (mask == Label.HAIR).astype(np.float32), np.zeros(mask.shape, bool)
    without[:, : len(mask) // 3] = True
    whole, piece = cut_out(photo, mask, sure), cut_out(photo, mask, sure, without=without)
    inner, far = np.s_[:, : len(mask) // 3 - 3], np.s_[:, len(mask) // 3 + 3 :]
    assert whole.alpha[inner].max() > 0.99 and piece.alpha[inner].max() < 0.01
    assert (piece.alpha[far] == whole.alpha[far]).all()


def test_a_picture_without_hair_is_refused() -> None:
    photo, mask, _ = portrait()
    with pytest.raises(ValueError, match="no hair"):
        cut_out(photo, np.zeros_like(mask), np.zeros(mask.shape, np.float32))


def test_a_recipe_becomes_pictures_masks_and_credits(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    face = (EXAMPLES / "index.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    entries = [{"name": "mine", "title": "Mine", "kind": "hair", "id": face, "piece": {"without": [HALF]}}]
    recipe.write_text(json.dumps(entries), encoding="utf-8")
    assert main([str(recipe), str(tmp_path / "out"), "--data", str(EXAMPLES)]) == 0
    (entry,) = json.loads((tmp_path / "out" / "index.json").read_text(encoding="utf-8"))
    assert entry["id"] == face and "piece" not in entry
    with Image.open(tmp_path / "out" / "mine.webp") as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    mask = read_mask(tmp_path / "out" / "mine.png", order="celebamask")
    small = cv2.resize(alpha, mask.shape[::-1], interpolation=cv2.INTER_AREA) > 127
    assert small.mean() > 0.03 and (small != (mask == Label.HAIR)).mean() < 0.01
    assert not small[:, :125].any()


def test_a_drawn_outline_is_round_and_reaches_into_no_corner() -> None:
    corner = [[10, 10], [90, 10], [90, 90], [50, 90], [50, 50], [10, 50]]
    inside, sharp = filled(corner, (200, 200), 2), np.zeros((200, 200), np.uint8)
    cv2.fillPoly(sharp, [2 * np.array(corner, np.int32)], 1)
    assert not (inside & (sharp == 0)).any(), "nothing in the re-entrant corner"
    assert not inside[20:23, 20:23].any() and not inside[178:181, 178:181].any() and inside[60, 60]


def test_a_small_photo_is_enlarged_with_crisp_edges() -> None:
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:, 32:] = 180
    large = enlarged(photo, 128)
    plain = cv2.resize(photo, (128, 128), interpolation=cv2.INTER_CUBIC)
    steps = [np.abs(np.diff(picture[64, :, 0].astype(int))).max() for picture in (large, plain)]
    assert large.shape == (128, 128, 3) and steps[0] > 1.15 * steps[1]
    assert abs(int(large[64, 10, 0])) < 3 and abs(int(large[64, 120, 0]) - 180) < 3


@pytest.mark.parametrize(("face", "told"), [("nobody", "--data"), (None, "pip install pymatting")])
def test_what_is_missing_is_named_in_one_sentence(face, told, tmp_path: Path, capsys, monkeypatch) -> None:
    recipe = tmp_path / "recipe.json"
    face = face or (EXAMPLES / "index.csv").read_text(encoding="utf-8").splitlines()[1].split(",")[0]
    recipe.write_text(
        json.dumps([{"name": "a", "title": "A", "kind": "hair", "id": face, "piece": {}}]), encoding="utf-8"
    )
    monkeypatch.setitem(sys.modules, "pymatting", None)
    assert main([str(recipe), str(tmp_path / "out"), "--data", str(EXAMPLES)]) == 2
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said


def test_a_hat_s_outline_has_no_notches() -> None:
    notched = np.full((512, 512), Label.SKIN, np.uint8)
    notched[:80] = Label.BACKGROUND
    notched[80:200, 100:400] = Label.HAT
    notched[190:200, 100:400:8] = Label.HAIR
    notched[200:206, 104:400:8] = Label.HAT
    edges = []
    for mask in (notched, evened(notched)):
        hat = mask[:, 140:360] == Label.HAT
        edges.append(len(hat) - 1 - hat[::-1].argmax(0))
        assert set(np.unique(mask[:80])) == {Label.BACKGROUND}
    assert np.ptp(edges[0]) >= 6 and np.ptp(edges[1]) <= 1
    assert abs(np.median(edges[1]) - 199) <= 3
