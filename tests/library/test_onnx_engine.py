"""One editor, two engines: what ONNX Runtime gives is what torch gives, and it needs no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import draw_face, draw_mask, exportable_pipeline

from maskgan.editing.engine import most_probable
from maskgan.editing.morphing import Morph
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.editing.style_copy import copy_style
from maskgan.labels import Label
from maskgan.onnx.engine import OnnxEngine
from maskgan.onnx.folder import PRECISIONS, Manifest, read_part
from maskgan.snapshots import WeightsRefused

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def both(exported: Path) -> tuple[MaskGANPipeline, MaskGANPipeline]:
    return exportable_pipeline(), MaskGANPipeline.load(exported)


def one_grey_level(one: np.ndarray, other: np.ndarray) -> None:
    assert np.abs(one.astype(int) - other).max() <= 1


def with_hat(mask: np.ndarray) -> np.ndarray:
    edited = mask.copy()
    edited[20:120, 150:360] = Label.HAT
    return edited


def test_edits_interpolations_and_copies_are_torch_s_within_a_grey_level(
    both: tuple[MaskGANPipeline, MaskGANPipeline],
) -> None:
    masks = draw_mask(512), draw_mask(512, 0.05)
    results = []
    for pipeline in both:
        faces = [pipeline.face_with(draw_face(mask, seed), mask) for seed, mask in enumerate(masks)]
        morph = Morph.between(pipeline, *masks, *(face.style for face in faces))
        edited = with_hat(masks[0])
        results.append(
            {
                "edit": pipeline.edit(faces[0], edited).photo,
                "redrawn": pipeline.edit(faces[0], edited, keep_untouched=False).photo,
                "copy": copy_style(pipeline, *faces, ["lips", "hair"], 0.7).photo,
                "between": morph.mask_at(0.4),
                "face": morph.face(masks[1], morph.style_at(0.4)),
                "near": morph.near(0.3, seed=1),
                "parsed": pipeline.parse(faces[0].crop)[1] * 255,
            }
        )
    for name, expected in results[0].items():
        found = results[1][name]
        if name in ("between", "near"):  # where two classes are as probable
            assert (found != expected).mean() < 1e-3, name
        else:
            one_grey_level(found, expected)
    assert (results[0]["edit"] != results[0]["redrawn"]).any()


def test_a_photo_is_prepared_alike(both: tuple[MaskGANPipeline, MaskGANPipeline]) -> None:
    photo = draw_face(draw_mask(300))
    one, other = (pipeline.prepare(photo, None) for pipeline in both)
    np.testing.assert_array_equal(one.crop, other.crop)
    assert (one.mask != other.mask).mean() < 1e-3
    for here, there in zip(one.style, other.style, strict=True):
        assert isinstance(there, np.ndarray) and here.shape == there.shape


def test_exported_networks_know_whose_they_are_and_that_they_are_no_networks(
    both: tuple[MaskGANPipeline, MaskGANPipeline], tmp_path: Path
) -> None:
    pipeline = both[1]
    assert pipeline.weights.hash == "f" * 64 and pipeline.device == "cpu"
    for use in (lambda: pipeline.dmn, lambda: pipeline.save(tmp_path), lambda: pipeline.to("cpu")):
        with pytest.raises(ValueError, match="no networks of torch"):
            use()


def test_it_all_runs_where_torch_diffusers_and_gradio_are_missing(exported: Path) -> None:
    code = f"""
import sys
for name in ("torch", "diffusers", "gradio", "lab", "onnx", "safetensors"):
    sys.modules[name] = None  # importing it now raises ImportError
sys.path.insert(0, {str(ROOT)!r})
import cv2, numpy as np
from maskgan import MaskGANPipeline, read_photo
from maskgan.editing.dressing import edit_with_looks
from maskgan.editing.morphing import Morph
from maskgan.editing.style_copy import copy_style
from maskgan.quick_edits import QUICK_EDITS
import maskgan.originals, maskgan.provenance, maskgan.serving.hot_reload, maskgan.onnx.cache
pipeline = MaskGANPipeline.load({str(exported)!r})
photo = read_photo({str(ROOT / "examples/images/portrait_01.jpg")!r})
from maskgan.mask_files import read_mask
mask = cv2.resize(read_mask({str(ROOT / "examples/masks/portrait_01.png")!r}), (512, 512), interpolation=0)
face = pipeline.face_with(cv2.resize(photo, (512, 512)), mask)
edit = edit_with_looks(pipeline, face, QUICK_EDITS["smile"].apply(face.mask))
copy = copy_style(pipeline, face, face, ["lips"])
morph = Morph.between(pipeline, face.mask, pipeline.prepare(photo, None).mask, face.style, face.style)
print(edit.photo.shape, copy.photo.shape, morph.face_at(0.5).shape)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.split("\n")[0] == "(512, 512, 3) (512, 512, 3) (512, 512, 3)", done.stderr


def test_devices_that_are_not_there_are_refused(exported: Path) -> None:
    with pytest.raises(ValueError, match="has no toaster"):
        OnnxEngine(exported, "toaster")


def test_parts_run_in_the_precision_that_was_asked_for_where_they_were_exported_in_it(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str]] = []

    def read(folder: Path, manifest: Manifest, part: str, precision: str) -> bytes:
        opened.append((part, precision))
        return read_part(folder, manifest, part, precision)

    monkeypatch.setattr("maskgan.onnx.engine.read_part", read)
    mask = draw_mask(256)
    pictures = {}
    for precision in PRECISIONS:
        engine = OnnxEngine(exported, precision=precision)
        pictures[precision] = engine.draw(mask, engine.encode_style(draw_face(mask), mask))
    assert opened == [
        ("style_encoder", "fp32"), ("generator", "fp32"), ("style_encoder", "fp16"), ("generator", "fp16"),
        ("style_encoder", "fp32"), ("generator", "int8"),
    ]  # fmt: skip
    assert 0 < np.abs(pictures["fp16"] - pictures["fp32"]).max() <= 2
    assert 0 < np.abs(pictures["int8"] - pictures["fp32"]).mean() < 40


def test_a_part_of_an_editor_is_no_editor(tmp_path: Path, exported: Path) -> None:
    manifest = Manifest.read(exported)
    files = {name: digest for name, digest in manifest.files.items() if name != "generator.onnx"}
    Manifest(manifest.weights, "CC0", manifest.style, 256, 64, files).write(tmp_path)
    with pytest.raises(WeightsRefused, match="no whole editor"):
        MaskGANPipeline.load(tmp_path)


def test_the_first_of_equally_probable_classes_counts_and_others_may_be_left_out() -> None:
    planes = np.zeros((19, 4, 4), np.float32)
    planes[5, 0, 0] = planes[3, 1, 1] = 1
    ids, values = most_probable(planes, 4)
    assert ids[0, 0] == 5 and ids[1, 1] == 3 and ids[2, 2] == 0 and values[0, 0] == 1
    ids, _ = most_probable(planes, 8, np.array([3, 7]))
    assert ids.shape == (8, 8) and set(np.unique(ids)) == {3}


def test_the_page_needs_no_torch() -> None:
    pytest.importorskip("gradio")
    code = (
        f"import sys; sys.modules['torch'] = sys.modules['diffusers'] = None; sys.path.insert(0, {str(ROOT)!r})\n"
        "import maskgan.ui.app, maskgan.ui.examples, maskgan.ui.api, app; print('page')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout == "page\n", done.stderr
