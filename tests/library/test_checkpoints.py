"""Pipeline folders: what is written, what is read back, old layouts, and that nothing in a folder is ever run."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import tiny_pipeline
from torch import nn

from maskgan.editing.pipeline import WEIGHTS, MaskGANPipeline, WeightsRefused
from maskgan.networks.checkpoints import load_network
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.registry import NETWORKS, REQUIRED
from maskgan.snapshots import INDEX, weights_hash

#: As diffusers wrote it for this project when all modules lay side by side; MaskVAE had not been trained yet.
OLDEST_INDEX = """{
  "_class_name": "MaskGANPipeline",
  "_diffusers_version": "0.42.1",
  "alpha_blender": [null, null],
  "dmn": ["maskgan.dense_mapping", "DenseMappingNetwork"],
  "mask_vae": [null, null],
  "parser": ["maskgan.face_parser", "FaceParser"]
}
"""

#: And as it was with all networks, before the modules moved into packages.
FLAT_INDEX = """{
  "_class_name": "MaskGANPipeline",
  "_diffusers_version": "0.42.1",
  "alpha_blender": ["maskgan.alpha_blender", "AlphaBlender"],
  "dmn": ["maskgan.dense_mapping", "DenseMappingNetwork"],
  "mask_vae": ["maskgan.mask_vae", "MaskVAE"],
  "parser": ["maskgan.face_parser", "FaceParser"]
}
"""


@pytest.fixture
def folder(tiny_weights: Path, tmp_path: Path) -> Path:
    """A pipeline folder of one's own."""
    return Path(shutil.copytree(tiny_weights, tmp_path / "weights"))


def equal(first: nn.Module, second: nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


# ---------------------------------------------------------------- round trip


def test_what_is_saved_is_loaded_for_use(tmp_path: Path) -> None:
    saved = tiny_pipeline(3)
    saved.save(tmp_path / "a")
    loaded = MaskGANPipeline.load(tmp_path / "a", "cpu")
    assert loaded.networks.keys() == NETWORKS.keys()
    assert loaded.weights.hash == weights_hash(tmp_path / "a")
    for name, network in loaded.networks.items():
        assert type(network) is NETWORKS[name] and equal(network, saved.networks[name])
        assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())
    loaded.save(tmp_path / "b")  # equal networks give equal files, wherever they were loaded from
    assert weights_hash(tmp_path / "b") == weights_hash(tmp_path / "a")


def test_a_pipeline_may_lack_what_an_edit_does_not_need(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    (folder / INDEX).write_text(json.dumps({key: index[key] for key in ("_class_name", *REQUIRED)}))
    pipeline = MaskGANPipeline.load(folder, "cpu")
    assert tuple(pipeline.networks) == REQUIRED and pipeline.mask_vae is None
    pipeline.save(folder.with_name("again"))
    assert tuple(MaskGANPipeline.load(folder.with_name("again"), "cpu").networks) == REQUIRED


def test_the_pipeline_takes_registered_networks_only() -> None:
    networks = tiny_pipeline().networks
    with pytest.raises(TypeError, match="no network 'critic'; choose from dmn, parser"):
        MaskGANPipeline(**networks, critic=networks["parser"])


def test_the_bundled_weights_name_registered_classes() -> None:
    index = json.loads((WEIGHTS / INDEX).read_text())
    assert {name: entry[1] for name, entry in index.items() if not name.startswith("_")} == {
        name: kind.__name__ for name, kind in NETWORKS.items()
    }


# ---------------------------------------------------------------- folders of earlier versions


@pytest.mark.parametrize(
    ("index", "names"), [(OLDEST_INDEX, REQUIRED), (FLAT_INDEX, tuple(NETWORKS))], ids=["oldest", "flat"]
)
def test_a_folder_from_before_the_modules_moved_still_loads(folder: Path, index: str, names: tuple[str, ...]) -> None:
    expected = MaskGANPipeline.load(folder, "cpu")
    (folder / INDEX).write_text(index)
    loaded = MaskGANPipeline.load(folder, "cpu")
    assert tuple(loaded.networks) == names
    assert all(equal(network, expected.networks[name]) for name, network in loaded.networks.items())
    assert not {"maskgan.dense_mapping", "maskgan.face_parser"} & sys.modules.keys()


# ---------------------------------------------------------------- nothing in a folder is run


PLANTED = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\nclass DenseMappingNetwork: ...\n"


@pytest.mark.parametrize("place", [".", "dmn"])
@pytest.mark.parametrize("key", ["dmn", "_class_name"])
def test_python_files_in_a_folder_are_never_imported(
    folder: Path, place: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layouts by which diffusers lets a folder bring classes of its own, and a module anywhere on the path."""
    (folder / place / "planted.py").write_text(PLANTED)
    monkeypatch.syspath_prepend(folder / place)
    change(folder / INDEX, **{key: ["planted", "DenseMappingNetwork" if key == "dmn" else "MaskGANPipeline"]})
    with pytest.raises(WeightsRefused, match="weights were refused"):
        MaskGANPipeline.load(folder, "cpu")
    assert not list(folder.rglob("*.ran")) and "planted" not in sys.modules


def test_a_module_of_this_package_is_not_imported_because_a_file_names_it(folder: Path) -> None:
    change(folder / INDEX, dmn=["maskgan.ui.no_such_module", "DenseMappingNetwork"])
    assert isinstance(MaskGANPipeline.load(folder, "cpu").dmn, NETWORKS["dmn"])
    assert "maskgan.ui.no_such_module" not in sys.modules


@pytest.mark.parametrize(
    "entry",
    ["dmn", ["maskgan.networks.dense_mapping"], [None, "DenseMappingNetwork"], {}, ["maskgan.ui", "FaceParser"]],
)
def test_an_entry_that_names_no_registered_class_is_refused(folder: Path, entry: Any) -> None:
    change(folder / INDEX, dmn=entry)
    with pytest.raises(WeightsRefused, match="its dmn is no network of MaskGAN Studio"):
        MaskGANPipeline.load(folder, "cpu")


# ---------------------------------------------------------------- single networks


def test_a_network_is_loaded_from_its_folder_and_from_a_pipeline(folder: Path) -> None:
    from_pipeline, alone = load_network(folder, "parser"), load_network(folder / "parser", "parser")
    assert isinstance(alone, FaceParser) and equal(from_pipeline, alone)
    assert not alone.training and all(parameter.requires_grad for parameter in alone.parameters())
    with pytest.raises(FileNotFoundError, match="no parser"):
        load_network(folder.with_name("nowhere"), "parser")


def test_a_damaged_or_foreign_network_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsRefused, match="its mask_vae is a FaceParser, not a MaskVAE"):
        load_network(folder / "parser", "mask_vae")
    (folder / "parser" / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(WeightsRefused, match="may run code"):
        load_network(folder, "parser")
