"""`python -m maskgan import-published`: the folder computes what the published networks compute, and is of use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import published_golden
import pytest
import torch
from conftest import draw_face, draw_mask
from published_code import published_state
from safetensors.torch import save_file
from torch import Tensor

from maskgan import __main__ as cli
from maskgan.editing.morphing import Morph
from maskgan.editing.pipeline import MaskGANPipeline
from maskgan.networks.alpha_blender import blend
from maskgan.networks.checkpoints import load_networks


def run(*arguments: object) -> int:
    return cli.main(["import-published", *(str(argument) for argument in arguments)])


def files_of(folder: Path, **states: dict[str, Tensor]) -> list[Path]:
    """Checkpoints as the authors' code saves them on several GPUs."""
    paths = []
    for kind, state in states.items():
        paths.append(folder / f"latest_net_{kind}.pth")
        torch.save({f"module.{name}": tensor for name, tensor in state.items()}, paths[-1])
    return paths


def assert_near(ours: Tensor, stored: np.ndarray, tolerance: float) -> None:
    assert stored.std() > 0.01  # a flat picture would hide mistakes
    torch.testing.assert_close(ours, torch.from_numpy(stored), rtol=0.0, atol=tolerance)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all three networks at reduced width, with random weights."""
    folder = tmp_path_factory.mktemp("imported")
    generator, blender, vae = files_of(folder, **published_golden.states())
    assert run(generator, "--blender", blender, "--mask-vae", vae, "--out", folder / "weights") == 0
    return folder / "weights"


@torch.no_grad()
def test_the_imported_networks_give_the_golden_values(imported: Path) -> None:
    assert published_golden.FILE.stat().st_size < 50_000
    networks, given = load_networks(imported, "cpu")[0], published_golden.inputs()
    vae = networks["mask_vae"]
    results = published_golden.thinned(
        networks["dmn"](given["image"], given["mask"].argmax(1), given["edited"].argmax(1)),
        networks["alpha_blender"](given["inner"], given["outer"]),
        vae.decode(vae.encode(given["vae_mask"])[0]),
    )
    with np.load(published_golden.FILE) as golden:
        assert_near(results["image"], golden["image"], 1e-4)
        assert_near(results["alpha"], golden["alpha"], 1e-4)
        assert_near(results["logits"], golden["logits"], 1e-3)
        np.testing.assert_array_equal(results["classes"].numpy(), golden["classes"])


@torch.no_grad()
def test_the_imported_networks_give_what_the_published_code_gave(tmp_path: Path) -> None:
    if "MASKGAN_FIXTURES" not in os.environ:
        pytest.skip("MASKGAN_FIXTURES is not set")
    fixtures, out = Path(os.environ["MASKGAN_FIXTURES"]), tmp_path / "weights"
    names = {"dmn": "dmn_ngf8", "alpha_blender": "alpha_blender_ngf8", "mask_vae": "mask_vae_n2_z32"}
    generator, blender, vae = (fixtures / f"{name}.safetensors" for name in names.values())
    assert run(generator, "--blender", blender, "--mask-vae", vae, "--out", out) == 0
    networks = load_networks(out, "cpu")[0]
    cases = {name: dict(np.load(fixtures / f"{stem}_case.npz")) for name, stem in names.items()}

    case = {name: torch.from_numpy(array) for name, array in cases["dmn"].items()}
    drawn = networks["dmn"](case["image"], case["mask"][None], case["edited_mask"][None])
    assert_near(drawn, cases["dmn"]["output"], 1e-4)

    case = {name: torch.from_numpy(array) for name, array in cases["alpha_blender"].items()}
    alpha = networks["alpha_blender"](case["inner"], case["outer"])
    assert_near(alpha, cases["alpha_blender"]["alpha"], 1e-4)
    assert_near(blend(alpha, case["inner"], case["outer"]), cases["alpha_blender"]["blend"], 1e-4)

    mask = torch.from_numpy(cases["mask_vae"]["mask"].astype(np.int64))
    planes = torch.nn.functional.one_hot(mask[None], 19).permute(0, 3, 1, 2).float()
    logits = networks["mask_vae"].decode(networks["mask_vae"].encode(planes)[0])
    assert_near(logits[:, :, ::8, ::8], cases["mask_vae"]["logits_8"], 1e-3)
    np.testing.assert_array_equal(logits.argmax(1).numpy(), cases["mask_vae"]["decoded_argmax"])


def test_the_folder_edits_and_interpolates_at_512_px(imported: Path) -> None:
    mask, other = draw_mask(512), draw_mask(512, shift=0.03)
    pipeline = MaskGANPipeline.load(imported, "cpu")
    assert pipeline.mask_vae.mask_size == 512
    face = pipeline.face_with(draw_face(mask), mask)
    edit = pipeline.edit(face, other)
    changed = edit.changed
    assert edit.crop.shape == (512, 512, 3) and changed.any()
    assert (edit.crop != face.crop).any(-1)[changed].mean() > 0.5
    assert (edit.crop == face.crop).all(-1)[edit.region == 0].all()
    assert pipeline.generate(mask, face.style).shape == (512, 512, 3)
    between = Morph.between(pipeline, mask, other, face.style, face.style).mask_at(0.5)
    assert between.shape == (512, 512)


@pytest.mark.slow
def test_the_lab_fine_tunes_the_folder(imported: Path, tmp_path: Path, data_folder: Path) -> None:
    root = Path(__file__).parents[2]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    flags = [
        # With the bundled MaskVAE: one with random weights moves no shapes, so that the blender has nothing to learn.
        "--data", data_folder, "--weights", imported, "--blender", imported, "--base", imported,
        "--out", tmp_path / "run", "--resolution", "64", "--batch-size", "2", "--max-steps", "1",
        "--perceptual", "parser", "--adversary", "patch", "--discriminator-width", "4",
    ]  # fmt: skip
    command = [sys.executable, str(root / "lab" / "train_ebst.py"), *map(str, flags)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    tuned, started = (MaskGANPipeline.load(folder, "cpu").networks for folder in (tmp_path / "run", imported))
    for name in ("dmn", "alpha_blender"):
        assert dict(tuned[name].config) | {"_name_or_path": ""} == dict(started[name].config) | {"_name_or_path": ""}
        before, after = started[name].state_dict(), tuned[name].state_dict()
        assert any(not torch.equal(after[key], tensor) for key, tensor in before.items())


def test_the_report_tells_what_was_read_and_what_was_not(tmp_path: Path, capsys) -> None:
    state = published_state("G", width=1)
    state["netD.step"] = torch.tensor(3)
    (generator,) = files_of(tmp_path, G=state)
    assert run(generator, "--out", tmp_path / "weights") == 0
    printed = capsys.readouterr().out
    assert "latest_net_G.pth: the published generator" in printed and "width 1, depth 4, blocks 4" in printed
    assert '78 tensors taken, their names without "module."' in printed
    assert "norm.running_var, ... (16 in all)" in printed
    assert "belong to none of these networks: netD.step" in printed
    assert "parser: the bundled one\nmask_vae: the bundled one\n" in printed
    *report, last = printed.splitlines()
    assert last.endswith(f"python app.py --weights {tmp_path / 'weights'}")
    assert all(line in (tmp_path / "weights" / "README.md").read_text() for line in report)
    assert set(MaskGANPipeline.load(tmp_path / "weights", "cpu").networks) == {"dmn", "parser", "mask_vae"}


@pytest.mark.parametrize("case", ["other network", "other classes", "not finite", "damaged", "missing", "out in use"])
def test_what_cannot_be_imported_is_told_in_a_sentence_and_leaves_nothing(case: str, tmp_path: Path, capsys) -> None:
    generator, out = tmp_path / "net.safetensors", tmp_path / "weights"
    state = published_state("B" if case == "other network" else "G", width=1)
    if case == "other classes":
        for name in ("model.1.weight", "enc_label.model.0.conv.weight"):
            state[name] = state[name][:, :11].contiguous()
    if case == "not finite":
        state["model.1.bias"][0] = torch.nan
    save_file(state, generator)
    if case == "damaged":
        generator.write_bytes(generator.read_bytes()[:5000])
    if case == "missing":
        generator.unlink()
    if case == "out in use":
        out.mkdir()
        (out / "mine.txt").touch()
    said = {
        "other network": "holds the published alpha blender, not the generator; give it as --blender.",
        "other classes": "for 11 classes; this editor has 19.",
        "not finite": "contains NaN or infinity.",
        "damaged": "is damaged or no weights file; download it again.",
        "missing": "No such file",
        "out in use": "is there already; choose a new or empty folder for --out.",
    }[case]
    before = sorted(tmp_path.rglob("*"))
    assert run(generator, "--out", out) == 1
    error = capsys.readouterr().err.strip()
    assert said in error and "\n" not in error
    assert sorted(tmp_path.rglob("*")) == before
