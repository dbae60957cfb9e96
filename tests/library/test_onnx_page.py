"""The page beside exported networks, as files: what is in it, and what is said where it cannot be made."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx")

from maskgan import canvas
from maskgan.__main__ import main
from maskgan.labels import Label
from maskgan.onnx import runtime
from maskgan.onnx.folder import Manifest
from maskgan.onnx.page import check_whole, write_page
from maskgan.onnx.runtime import FILES, version_of, web_runtime
from maskgan.provenance import xmp_packet
from maskgan.quick_edits.hairpieces import hairpiece, hairpieces
from maskgan.snapshots import Weights


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something in the form of the npm package."""
    folder = tmp_path_factory.mktemp("npm") / "package"
    (folder / "dist").mkdir(parents=True)
    (folder / "package.json").write_text('{"version": "1.2.3"}')
    for name in FILES:
        (folder / "dist" / name).write_text(name)
    return folder


@pytest.fixture
def site(package: Path, tmp_path: Path) -> Path:
    """The page beside a manifest and a card; it does not look into the networks."""
    folder = tmp_path / "site"
    folder.mkdir()
    Manifest(Weights("f" * 64), "CC0", files={"parser.onnx": "e" * 64}).write(folder)
    (folder / "README.md").write_text("---\nlicense: other\n---\n\n# Networks\n\n## Files\n")
    write_page(folder, package)
    return folder


def test_every_file_that_the_page_names_is_there(site: Path) -> None:
    named = re.findall(r'(?:href|src)="(?!data:)([^"]+)"', (site / "index.html").read_text())
    assert len(named) == 2 and all((site / name).is_file() for name in named)
    scripts = list((site / "web").glob("*.js"))
    imports = [name for script in scripts for name in re.findall(r'^import .*?"\./(.+?)"', script.read_text(), re.M)]
    assert imports and all((site / "web" / name).is_file() for name in imports)
    shell = json.loads(re.search(r"const SHELL = (.*);", (site / "sw.js").read_text())[1])
    assert set(imports) <= {name.removeprefix("web/") for name in shell}
    assert all((site / name).exists() for name in shell)
    assert all((site / "web" / "vendor" / name).is_file() for name in FILES)


def test_classes_marks_and_the_canvas_come_from_python(site: Path) -> None:
    constants = (site / "web" / "constants.js").read_text()
    assert json.loads(re.search(r"LABEL = (.*);", constants)[1]) == {label.name: int(label) for label in Label}
    assert (site / "web" / "mark.xmp").read_bytes() == xmp_packet(Manifest.read(site).weights)
    for source in Path(canvas.__file__).parent.glob("*.js"):
        assert source.read_text() in (site / "web" / "canvas.js").read_text()


def test_hair_is_the_wardrobes_bit_for_bit_and_does_not_hold_up_the_first_visit(site: Path) -> None:
    for name in hairpieces():
        piece = hairpiece(name)
        with Image.open(site / "web" / "hair" / f"{name}.webp") as colours:
            assert colours.mode == "RGB" and np.array_equal(np.asarray(colours), piece.colours)
        with Image.open(site / "web" / "hair" / f"{name}_alpha.webp") as alpha:
            assert np.array_equal(np.asarray(alpha)[..., 0], (255 * piece.alpha).round())
    assert sum(file.stat().st_size for file in (site / "web" / "hair").iterdir()) < 750_000
    assert "web/hair/" not in (site / "sw.js").read_text()


def test_nothing_is_taken_from_elsewhere_and_nothing_goes_there(site: Path) -> None:
    text = (site / "index.html").read_text()
    assert "default-src 'self'" in text and "connect-src 'self' blob:;" in text
    for script in (site / "web").glob("*.js"):
        assert not re.search(r"""["'`(]\s*https?://(?!ns\.adobe\.com)""", script.read_text())


def test_browsers_notice_a_new_export(site: Path, package: Path) -> None:
    before = (site / "sw.js").read_text()
    write_page(site, package)
    assert (site / "sw.js").read_text() == before
    manifest = Manifest.read(site)
    Manifest(**{**vars(manifest), "files": {**manifest.files, "parser.onnx": "0" * 64}}).write(site)
    write_page(site, package)
    assert (site / "sw.js").read_text() != before


def test_the_readme_says_once_how_the_page_is_opened(site: Path, package: Path) -> None:
    write_page(site, package)
    text = (site / "README.md").read_text()
    assert text.count("python -m http.server") == 1 and text.count("sdk: static") == 1
    assert text.startswith("---\ntitle: ") and text.index("http.server") < text.index("## Files")
    assert "Microsoft" in (site / "web" / "LICENCES.txt").read_text()


def test_parts_of_an_editor_are_no_page() -> None:
    check_whole({"parser": None, "dmn": None})
    with pytest.raises(ValueError, match="needs a parser and a generator"):
        check_whole({"mask_vae": None})


def test_a_copy_of_the_package_may_be_a_folder_its_dist_or_a_tgz(package: Path, tmp_path: Path) -> None:
    packed = tmp_path / "onnxruntime-web-1.2.3.tgz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(package, "package")
    for copy in (package, package / "dist", packed):
        with web_runtime(copy) as folder:
            assert version_of(folder) == "1.2.3"
            assert (folder / "dist" / FILES[0]).read_text() == FILES[0]


def test_what_is_no_copy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no copy of onnxruntime-web"), web_runtime(tmp_path):
        pass
    (tmp_path / "broken.tgz").write_text("no archive")
    with pytest.raises(ValueError, match=r"broken\.tgz cannot be unpacked"), web_runtime(tmp_path / "broken.tgz"):
        pass


def test_without_npm_one_sentence_says_what_to_do(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(runtime.shutil, "which", lambda name: None)
    out = tmp_path / "share"
    assert main(["export-onnx", "--web", "--weights", str(tiny_weights), "--out", str(out)]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "install Node.js" in said[0] and "--onnxruntime-web" in said[0]
    assert not out.exists()


def test_an_npm_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'no network' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(runtime.shutil, "which", lambda name: str(npm))
    with pytest.raises(ValueError, match=r"npm could not get onnxruntime-web@.* \(no network\)"), web_runtime():
        pass


def test_a_copy_without_a_page_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["export-onnx", "--out", str(tmp_path / "new"), "--onnxruntime-web", str(tmp_path)]) == 2
    assert "add --web" in capsys.readouterr().err
