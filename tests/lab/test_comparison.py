"""What `lab.evaluate` is made of: edited masks, the judge, generators counted side by side, and what may be missing."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import numpy as np
import pytest
import torch
from conftest import draw_face, draw_mask

from lab.data.faces import find_samples, load, resize
from lab.evaluation import edited_masks, optional_measures
from lab.evaluation.comparison import Faces, compare, floor, load_faces, resized
from lab.evaluation.comparison_table import table
from lab.evaluation.generators import draw
from lab.evaluation.judge import Judge
from lab.evaluation.metrics import Confusion, mean_colours, psnr
from lab.evaluation.optional_measures import MissingMeasureError
from maskgan.editing.mask_interpolation import inner_outer
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.images import to_tensor
from maskgan.labels import IGNORE, Label
from maskgan.networks.mask_vae import MaskVAE


@pytest.fixture(scope="module")
def faces() -> Faces:
    """Ten drawn faces at 64 px: more than a batch."""
    masks = np.stack([draw_mask(64, shift=(number - 5) * 0.01) for number in range(10)])
    photos = np.stack([draw_face(mask, seed) for seed, mask in enumerate(masks)])
    return Faces([f"face{number}" for number in range(10)], photos, masks, masks, Confusion())


@pytest.fixture(scope="module")
def vae() -> MaskVAE:
    torch.manual_seed(0)
    return MaskVAE.preset("tiny").eval()


@pytest.fixture(scope="module")
def judge(pipeline: MaskGANPipeline) -> Judge:
    return Judge(pipeline.parser)


# --- Edited masks --------------------------------------------------------------------------------------------------


def test_quick_edits_are_the_faces_own_and_visible() -> None:
    mask = draw_mask(256)
    edits = [edited_masks.quick_edit(mask, name) for name in ("anna", "bert", "carl", "dora")]
    again = [edited_masks.quick_edit(mask, name) for name in ("anna", "bert", "carl", "dora")]
    for edited, repeated in zip(edits, again, strict=True):
        assert np.array_equal(edited, repeated)
        assert edited.dtype == np.uint8 and edited.max() < 19
        assert (edited != mask).mean() >= edited_masks.SMALLEST_EDIT
    assert len({edited.tobytes() for edited in edits}) > 1  # faces differ in their edits


def test_a_mask_without_a_face_stays_as_it_is() -> None:
    nothing = np.full((64, 64), Label.CLOTH, np.uint8)
    assert np.array_equal(edited_masks.quick_edit(nothing, "anna"), nothing)


def test_vae_masks_take_the_next_face_as_reference(faces: Faces, vae: MaskVAE) -> None:
    inner, outer = edited_masks.vae_masks(vae, faces.masks)
    own = torch.from_numpy(faces.masks)
    expected = inner_outer(vae, own[[9]], own[[0]])
    assert np.array_equal(inner[9:], expected[0].numpy()) and np.array_equal(outer[9:], expected[1].numpy())
    larger = edited_masks.vae_masks(vae, resized(faces.masks, 128))[0]
    assert larger.shape == (10, 128, 128) and larger.dtype == np.uint8 and larger.max() < 19


def test_blocks_of_edited_masks(faces: Faces, vae: MaskVAE) -> None:
    blocks = edited_masks.edited_masks(faces.masks, faces.names, vae)
    assert {name: len(parts) for name, parts in blocks.items()} == {"mask_vae": 2, "quick_edits": 1, "other_masks": 1}
    assert np.array_equal(blocks["other_masks"][0][3], faces.masks[4])
    few = edited_masks.edited_masks(faces.masks[:2], faces.names[:2], None)
    assert list(few) == ["quick_edits", "other_masks"]
    assert np.array_equal(few["quick_edits"][0][1], blocks["quick_edits"][0][1])  # whoever else is there
    assert list(edited_masks.edited_masks(faces.masks[:1], faces.names[:1], vae)) == ["quick_edits"]


# --- The judge and the faces ---------------------------------------------------------------------------------------


def test_the_judge_parses_as_the_pipeline_does(pipeline: MaskGANPipeline, judge: Judge) -> None:
    photos = np.stack([draw_face(draw_mask(256), seed) for seed in (0, 1)])
    assert np.array_equal(judge.parse(photos), np.stack([pipeline.parse(photo)[0] for photo in photos]))


@pytest.mark.parametrize("size", [64, 512])
def test_the_judges_answer_has_the_pictures_size(judge: Judge, size: int) -> None:
    picture = draw_face(draw_mask(size))[None]
    mask = judge.parse(picture)
    assert mask.shape == (1, size, size) and mask.dtype == np.uint8
    assert judge.look(picture).features.shape == (16, 8)


def test_faces_are_filled_by_the_parser_and_scaled(pipeline: MaskGANPipeline, judge: Judge, data_folder: Path) -> None:
    samples = find_samples(data_folder, "val")
    faces = load_faces(samples, judge, 128)
    first = resize(load(samples[0]), 256)
    answer = pipeline.parse(first.image)[0]
    assert (first.mask == IGNORE).any()
    assert np.array_equal(faces.fine_masks[0], np.where(first.mask == IGNORE, answer, first.mask))
    assert np.array_equal(faces.masks[0], resized(faces.fine_masks[:1], 128)[0])
    assert faces.photos.shape == (2, 128, 128, 3) and faces.names == [sample.id for sample in samples]
    known = sum((resize(load(sample), 256).mask != IGNORE).sum() for sample in samples)
    assert faces.parsing.counts.sum() == known
    large = load_faces(samples, judge, 512)
    assert large.fine_masks.shape == large.masks.shape == (2, 512, 512)


# --- Generators ----------------------------------------------------------------------------------------------------


class Copied(NamedTuple):
    """The style of a `Copier`."""

    image: torch.Tensor
    mask: torch.Tensor

    def without_residue(self) -> Copied:
        return self


class Copier:
    """Stands in for a generator that gives the photo back, whatever the mask; brighter where the mask says hair."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, brighter: float = 0.0) -> None:
        self.brighter = brighter

    def encode_style(self, image: torch.Tensor, mask: torch.Tensor) -> Copied:
        return Copied(image, mask)

    def generate(self, mask: torch.Tensor, style: Copied) -> torch.Tensor:
        image, own = style
        edited = (mask != own).flatten(1).any(1).view(-1, 1, 1, 1)
        return image + edited * self.brighter


def test_drawing_uses_each_faces_own_style(pipeline: MaskGANPipeline, faces: Faces) -> None:
    drawn = draw(pipeline.dmn, faces.photos[:3], faces.masks[:3], [faces.masks[1:4]])
    with torch.inference_mode():
        own = torch.from_numpy(faces.masks[[2]].astype(np.int64))
        style = pipeline.dmn.encode_style(to_tensor(faces.photos[2]), own)
        alone = draw(pipeline.dmn, faces.photos[[2]], faces.masks[[2]], [faces.masks[[3]]])
        plain = draw(pipeline.dmn, faces.photos[[2]], faces.masks[[2]]).plain
    assert style.codes.shape[0] == 1
    for batch, single in ((drawn.unedited, alone.unedited), (drawn.edited[0], alone.edited[0]), (drawn.plain, plain)):
        assert np.abs(batch[2].astype(int) - single[0]).max() <= 1
    assert not np.array_equal(drawn.plain, drawn.unedited)
    assert draw(Copier(), faces.photos[:3], faces.masks[:3]).plain is None


def mean_colour(pictures: np.ndarray) -> np.ndarray:
    return pictures.mean((1, 2))


def test_measures_of_generators_that_are_known(pipeline: MaskGANPipeline, faces: Faces) -> None:
    judge = Judge(
        pipeline.parser,
        lpips=lambda first, second: (first - second).abs().mean(),
        inception=mean_colour,
        embedder=mean_colour,
    )
    edited = faces.masks.copy()
    edited[:4, :4, :4] = Label.HAT  # six faces keep their masks
    edits = {"quick_edits": [edited], "other_masks": [np.roll(faces.masks, -1, 0)]}
    generators = {"copy": Copier(), "brighter": Copier(20 / 127.5)}
    report = compare(judge, generators, faces, edits)
    copied = report["copy"]["unedited"]
    assert copied["pictures"] == 10 and copied["psnr"] == 100 and copied["ssim"] == pytest.approx(1, abs=1e-3)
    assert copied["lpips"] == copied["identity"] == 0
    assert copied["fid"] == pytest.approx(0, abs=1e-6) and copied["frechet_parser"] == pytest.approx(0, abs=1e-6)
    assert report["brighter"]["unedited"] == copied  # it does nothing to unedited masks
    assert report["copy"]["quick_edits"]["drift"] == 0
    brighter = report["brighter"]["quick_edits"]
    assert brighter["pictures"] == 4
    assert brighter["drift"] == pytest.approx(20, abs=0.5)
    assert brighter["identity"] == pytest.approx(20 * np.sqrt(3), abs=1)
    assert report["brighter"]["other_masks"]["frechet_parser"] > report["copy"]["other_masks"]["frechet_parser"]
    assert report["brighter"]["other_masks"]["fid"] == pytest.approx(3 * 20**2, rel=0.1)
    assert "drift" not in report["copy"]["other_masks"]


def test_mask_consistency_is_against_the_mask_that_was_given(
    judge: Judge, faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_masks = np.roll(faces.masks, -1, 0)
    by_picture = {photo.tobytes(): mask for photo, mask in zip(faces.photos, next_masks, strict=True)}
    answers = lambda self, pictures: np.stack([by_picture[picture.tobytes()] for picture in pictures])  # noqa: E731
    monkeypatch.setattr(Judge, "parse", answers)
    report = compare(judge, {"copy": Copier()}, faces, {"other_masks": [next_masks]})["copy"]
    assert report["other_masks"]["mask_consistency"]["accuracy"] == 1
    assert report["other_masks"]["mask_consistency"]["miou"] == 1
    assert report["unedited"]["mask_consistency"]["accuracy"] < 1


def test_edits_that_change_nothing_leave_an_empty_block(judge: Judge, faces: Faces) -> None:
    generators = compare(judge, {"copy": Copier()}, faces, {"quick_edits": [faces.masks]})
    assert generators["copy"]["quick_edits"] == {"pictures": 0}
    report = {
        "split": "val",
        "faces": 10,
        "resolution": 64,
        "parser": {"accuracy": 1.0, "miou": 1.0, "iou": {"skin": 1.0}},
        "floor": floor(faces),
        "photos": {"frechet_parser": None},
        "generators": generators,
        "notes": ["A note."],
    }
    text = table(report)
    assert "quick edits (0 pictures)" in text and text.endswith("\n\nA note.")


def test_the_floor_is_the_mean_over_faces(faces: Faces) -> None:
    painted = [mean_colours(photo, mask) for photo, mask in zip(faces.photos, faces.masks, strict=True)]
    assert floor(faces)["psnr"] == pytest.approx(
        np.mean([psnr(*pair) for pair in zip(painted, faces.photos, strict=True)])
    )


# --- What may be missing -------------------------------------------------------------------------------------------


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch's cache without any weights, and no way to fetch some."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("nobody asked for a download")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    return tmp_path / "hub" / "checkpoints"


def test_missing_lpips_weights_are_a_sentence(empty_cache: Path) -> None:
    with pytest.raises(MissingMeasureError) as error:
        optional_measures.lpips(torch.device("cpu"))
    sentence = str(error.value)
    assert (
        sentence.startswith("LPIPS is left out: alexnet") and str(empty_cache) in sentence and "--download" in sentence
    )


def test_a_dead_network_is_a_sentence_and_not_waited_for(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited = []

    def dead(url: str, target: str, hash_prefix: str) -> None:
        waited.append(socket.getdefaulttimeout())
        assert target == str(empty_cache / url.rsplit("/", 1)[-1]) and set(hash_prefix) <= set("0123456789abcdef")
        raise URLError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", dead)
    before = socket.getdefaulttimeout()
    with pytest.raises(MissingMeasureError, match=r"could not be downloaded .*no route to host"):
        optional_measures.lpips(torch.device("cpu"), download=True)
    assert waited == [optional_measures.TIMEOUT] and socket.getdefaulttimeout() == before


def test_weights_in_the_cache_need_no_network(empty_cache: Path) -> None:
    empty_cache.mkdir(parents=True)
    (empty_cache / "net-0123abcd.pth").touch()
    found = optional_measures.cached_weights("X", "https://host.invalid/net-0123abcd.pth", download=True)
    assert found == empty_cache / "net-0123abcd.pth"


@pytest.mark.parametrize(
    ("load", "start", "package"),
    [
        (lambda: optional_measures.inception(torch.device("cpu")), "FID is left out", "torch-fidelity"),
        (optional_measures.face_embedder, "Identity distance is left out", "dlib-bin face_recognition_models"),
    ],
)
def test_missing_packages_are_a_sentence(
    load: object, start: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optional_measures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingMeasureError, match=f"^{start}.*pip install {package}"):
        load()
