"""One way in, one direction: app -> maskgan.ui -> maskgan <- lab."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = sorted(path for path in (ROOT / "maskgan").rglob("*.py") if "ui" not in path.relative_to(ROOT).parts)
PAGE = sorted((ROOT / "maskgan" / "ui").rglob("*.py"))
LAB = sorted((ROOT / "lab").rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules that a file imports anywhere in it, relative ones resolved; `from a import b` is a and a.b."""
    package = path.relative_to(ROOT).parent.parts
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def reaches(path: Path, *forbidden: str) -> set[str]:
    return {name for name in imported(path) for root in forbidden if name == root or name.startswith(root + ".")}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", LIBRARY, ids=name)
def test_the_library_knows_no_page_no_lab_and_no_trainer(path: Path) -> None:
    assert not reaches(path, "gradio", "accelerate", "lab", "app", "maskgan.ui")


@pytest.mark.parametrize("path", PAGE, ids=name)
def test_the_page_meets_the_lab_in_files_only(path: Path) -> None:
    assert not reaches(path, "lab", "app", "accelerate")


@pytest.mark.parametrize("path", LAB, ids=name)
def test_the_lab_knows_no_page(path: Path) -> None:
    assert not reaches(path, "gradio", "app", "maskgan.ui")


def test_the_walk_sees_relative_and_nested_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "maskgan" / "deep" / "module.py"
    path.parent.mkdir(parents=True)
    path.write_text(
        "from . import near\nfrom ..ui import tab\ndef f():\n    import gradio as g\n    from lab.training import run\n"
    )
    assert imported(path) >= {"maskgan.deep.near", "maskgan.ui.tab", "gradio", "lab.training.run"}
    assert reaches(path, "lab", "maskgan.ui", "gradio") == {
        "lab.training", "lab.training.run", "maskgan.ui", "maskgan.ui.tab", "gradio",
    }  # fmt: skip


def test_the_library_loads_where_gradio_is_missing() -> None:
    code = (
        "import sys\n"
        "sys.modules['gradio'] = sys.modules['lab'] = None\n"  # importing either now raises ImportError
        "import maskgan.editing.pipeline, maskgan.networks.published, maskgan.networks.mask_vae, maskgan.quick_edits\n"
        "assert maskgan.MaskGANPipeline is maskgan.editing.pipeline.MaskGANPipeline\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=600)
