"""Exported files: what they hold, that they answer as torch does, and that they run as their card says."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from conftest import draw_face, draw_mask, exportable_pipeline
from PIL import Image
from test_published import published_state

from maskgan.__main__ import main
from maskgan.images import to_tensor
from maskgan.labels import PALETTE, PART_NAMES
from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import mean_probabilities
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.onnx import export, parts, trace
from maskgan.onnx.comparison import ExportRefused, Faces, session_of
from maskgan.onnx.folder import FORMAT, PARTS, Manifest, file_name, read_part
from maskgan.snapshots import Weights, WeightsRefused

ROOT = Path(__file__).resolve().parents[2]
NO_EXAMPLES = Faces(Path("nowhere"))


def run(folder: Path, part: str, precision: str = "fp32", **inputs: np.ndarray | torch.Tensor) -> list[np.ndarray]:
    session = session_of(folder / file_name(part, precision))
    return session.run(None, {name: np.asarray(value) for name, value in inputs.items()})


def faces(size: int, count: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    masks = [draw_mask(size, 0.05 * number) for number in range(count)]
    image = to_tensor(np.stack([draw_face(mask, number) for number, mask in enumerate(masks)]))
    return image, torch.from_numpy(np.stack(masks))


def near(found: np.ndarray, expected: torch.Tensor, limit: float = 1e-4) -> None:
    assert np.abs(found - expected.numpy()).max() <= limit * max(1.0, float(expected.abs().max()))


def test_every_part_is_a_valid_single_file_with_named_axes(exported: Path) -> None:
    manifest = Manifest.read(exported)
    assert {name for name in manifest.files if "/" not in name} == {f"{part}.onnx" for part in PARTS}
    for name in manifest.files:
        onnx.checker.check_model(str(exported / name), full_check=True)
        graph = onnx.load(exported / name, load_external_data=False).graph
        assert not any(tensor.external_data for tensor in graph.initializer)
        for value in (*graph.input, *graph.output):
            first, *others = value.type.tensor_type.shape.dim
            assert first.dim_param == "batch"
            assert all(d.dim_value or d.dim_param in ("height", "width", "size") for d in others)


def test_files_tell_what_they_are_and_nothing_of_the_computer(exported: Path) -> None:
    for name in Manifest.read(exported).files:
        about = {item.key: item.value for item in onnx.load(exported / name).metadata_props}
        assert json.loads(about["classes"]) == list(PART_NAMES)
        assert json.loads(about["palette"]) == PALETTE.tolist()
        assert (about["licence"], about["weights_hash"], about["value_range"]) == ("CC0", "f" * 64, "[-1, 1]")
        assert int(about["size"]) in (64, 256) and about["part"] == Path(name).stem
        content = (exported / name).read_bytes()
        for path in (str(ROOT), str(Path.home()) + os.sep, str(exported.parent), "site-packages"):
            assert path.encode() not in content
        assert b"stack_trace" not in content


@torch.inference_mode()
@pytest.mark.parametrize(("size", "count"), [(64, 3), (192, 1)])
def test_answers_are_torch_s_at_other_sizes_and_batches_than_were_traced(exported: Path, size: int, count: int) -> None:
    pipeline = exportable_pipeline()
    image, mask = faces(size, count)
    probabilities, parsed = run(exported, "parser", image=image)
    near(probabilities, mean_probabilities(pipeline.parser, image))
    np.testing.assert_array_equal(parsed, probabilities.argmax(1))
    style = pipeline.dmn.encode_style(image, mask)
    arrays = run(exported, "style_encoder", image=image, mask=mask)
    for found, expected in zip(arrays, style, strict=True):
        near(found, expected)
    given = {"mask": mask.flip(2), "codes": arrays[0], "residue": arrays[2]}
    near(run(exported, "generator", **given)[0], pipeline.dmn.generate(mask.flip(2), style))
    kept = kept_pixels(image, (mask == mask.flip(2))[:, None].float())
    found = run(exported, "generator_kept", **given, kept=kept)[0]
    near(found, pipeline.dmn.generate(mask.flip(2), style, kept))
    # A part of it, which need not be a square.
    given, kept = given | {"mask": given["mask"][:, :32]}, kept[:, :, :32]
    found = run(exported, "generator_kept", **given, kept=kept)[0]
    near(found, pipeline.dmn.generate(given["mask"], style, kept))
    pair = {"inner": image, "outer": image.flip(2)}
    near(run(exported, "alpha_blender", **pair)[0], pipeline.networks["alpha_blender"](**pair))


@torch.inference_mode()
def test_mask_vae_s_halves_are_torch_s(exported: Path) -> None:
    vae = exportable_pipeline().mask_vae
    masks = faces(vae.mask_size, 3)[1]
    expected = vae.encode(planes(masks))
    mean, logvar = run(exported, "mask_encoder", mask=masks)
    near(mean, expected[0])
    near(logvar, expected[1])
    near(run(exported, "mask_decoder", z=mean)[0], vae.decode(expected[0]))


def planes(masks: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.one_hot(masks.long(), 19).movedim(-1, 1).float()


def test_half_precision_is_near_and_8_bits_are_reported(exported: Path) -> None:
    manifest = Manifest.read(exported)
    image = faces(64)[0]
    full, half = (run(exported, "parser", precision, image=image)[0] for precision in ("fp32", "fp16"))
    assert 0 < np.abs(full - half).max() <= 1e-2
    assert 0 <= manifest.differences["int8/parser.onnx"]["miou"] < 1  # random networks cannot spare a bit
    for part in ("generator", "generator_kept"):
        levels = manifest.differences[f"int8/{part}.onnx"]
        assert 0 < levels["grey_levels_mean"] <= levels["grey_levels_max"]
        assert (exported / f"int8/{part}.onnx").exists()


def test_the_card_s_programs_run(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block after another, for later ones go on with what earlier ones made."""
    text = (exported / "README.md").read_text()
    monkeypatch.chdir(exported)
    mask = draw_mask(256)
    picture = tmp_path / "face.png"
    Image.fromarray(draw_face(mask)).save(picture)
    programs = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(programs) == len(PARTS) == len(re.findall(r"^```js\n", text, re.MULTILINE))
    names: dict = {}
    for program in programs:
        assert len(program.splitlines()) <= 5
        exec(program.replace("face.png", str(picture)), names)
    assert names["picture"].shape == (256, 256, 3) and names["blended"].shape == (1, 3, 256, 256)
    assert names["between"].shape == (1, 64, 64)
    for name in Manifest.read(exported).files:
        assert f"`{name}`" in text


@torch.inference_mode()
def test_the_published_generator_exports_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "CROP_SIZE", 128)  # compared with torch at a smaller size than it serves at
    published_generator, out = tmp_path / "latest_net_G.pth", tmp_path / "share"
    torch.save(published_state("G"), published_generator)
    assert main(["export-onnx", "--weights", str(published_generator), "--out", str(out)]) == 0
    manifest = Manifest.read(out)
    assert set(manifest.files) == {"style_encoder.onnx", "generator.onnx"} and manifest.drawing_size is None
    assert "non-commercial" in manifest.licence and manifest.style == ("vector",)
    network = DenseMappingNetwork.from_published(published_generator)
    image, mask = faces(128)
    style = network.encode_style(image, mask).vector
    vector = run(out, "style_encoder", image=image, mask=mask)[0]
    near(vector, style)
    near(run(out, "generator", mask=mask, vector=vector)[0], network.backbone(planes(mask), style))


@pytest.fixture(scope="module")
def blender() -> tuple[dict[str, AlphaBlender], onnx.ModelProto]:
    """The smallest network that can be exported alone, and what tracing, which takes seconds, makes of it."""
    networks = {"alpha_blender": AlphaBlender(width=2, depth=1, blocks=1).eval()}
    (part,) = parts.parts_of(networks)
    return networks, trace.traced(part)


def test_a_file_that_computes_something_else_is_refused_and_leaves_nothing(
    blender: tuple[dict[str, AlphaBlender], onnx.ModelProto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, right = blender
    wrong = copy.deepcopy(right)
    wrong.graph.node[-1].op_type = "HardSigmoid"  # of sigmoid
    monkeypatch.setattr(export, "traced", lambda part: wrong)
    out = tmp_path / "share"
    with pytest.raises(ExportRefused, match=r"alpha_blender \(fp32\) differs from torch by .* more than 0.0001"):
        export.export(networks, Weights(), out, licence="CC0", faces=NO_EXAMPLES)
    assert list(tmp_path.iterdir()) == []


def test_an_export_replaces_an_earlier_one_and_nothing_else(
    blender: tuple[dict[str, AlphaBlender], onnx.ModelProto], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks, model = blender
    monkeypatch.setattr(export, "traced", lambda part: copy.deepcopy(model))
    out = tmp_path / "share"
    told: list[tuple[str, int, int]] = []
    for licence in ("CC0", "MIT"):
        export.export(
            networks, Weights(), out, licence=licence, faces=NO_EXAMPLES, progress=lambda *news: told.append(news)
        )
        assert Manifest.read(out).licence == licence
    assert told == [("alpha_blender.onnx", 0, 1), ("", 1, 1)] * 2
    (out / "onnx.json").unlink()
    with pytest.raises(ValueError, match="something else than exported networks"):
        export.export(networks, Weights(), out, licence="CC0")


def test_a_file_that_was_changed_is_not_opened(exported: Path, tmp_path: Path) -> None:
    manifest = Manifest.read(exported)
    (tmp_path / "parser.onnx").write_bytes((exported / "parser.onnx").read_bytes() + b"\0")
    with pytest.raises(WeightsRefused, match=r"parser.onnx .* is not the file that was exported"):
        read_part(tmp_path, manifest, "parser")
    with pytest.raises(WeightsRefused, match="cannot be read"):
        read_part(tmp_path, manifest, "generator")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "damaged"),
        ("[]", "damaged"),
        (f'{{"format": {FORMAT}}}', "damaged"),
        (f'{{"format": {FORMAT}, "weights": 3, "files": {{}}}}', "damaged"),
        (f'{{"format": {FORMAT + 1}}}', "newer version"),
        (f'{{"format": {FORMAT - 1}}}', "older version"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "onnx.json").write_text(content)
    with pytest.raises(WeightsRefused, match=says):
        Manifest.read(tmp_path)


def test_missing_packages_are_named_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from maskgan.onnx import command

    monkeypatch.setattr(command, "find_spec", lambda name: None if name in ("onnx", "onnxscript") else object())
    assert main(["export-onnx", "--out", str(tmp_path / "share")]) == 2
    assert "Exporting needs onnx and onnxscript; run: pip install onnx onnxscript" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--out", "file"], "is a file"), (["--out", "new", "--weights", "none"], "no MaskGAN weights")],
)
def test_wrong_places_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, arguments: list[str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(["export-onnx", *arguments]) == 2
    assert says in capsys.readouterr().err


def test_help_explains_without_loading_torch() -> None:
    code = (
        "import sys\nfrom maskgan.__main__ import main\n"
        "try:\n    main(['export-onnx', '--help'])\nexcept SystemExit:\n    print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    assert "compared with torch's" in " ".join(done.stdout.split()) and done.stdout.endswith("False\n")
