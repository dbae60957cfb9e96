"""Shared by all tests: a face drawn in code, tiny networks, and a small data folder."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before libraries read it. Two workers share two cores: a second thread of each would only wait, and OpenMP's waits at
# work. Processes that tests start take it over.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from maskgan.editing import pipeline as pipeline_module
from maskgan.editing.edit import Face
from maskgan.editing.faces import DetectedFace
from maskgan.editing.pipeline import WEIGHTS, MaskGANPipeline
from maskgan.labels import IGNORE, MOUTH, PALETTE, Label
from maskgan.networks.alpha_blender import AlphaBlender
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import MaskVAE
from maskgan.provenance import IPTC_EXTENSION
from maskgan.sizes import CROP_SIZE


def draw_mask(size: int = 64, shift: float = 0.0) -> np.ndarray:
    """A front view (size, size) uint8 with skin, hair, eyes, brows, nose, lips, neck and cloth."""
    mask = np.zeros((size, size), np.uint8)

    def ellipse(label: Label, x: float, y: float, width: float, height: float) -> None:
        centre = (round((x + shift) * size), round(y * size))
        cv2.ellipse(mask, centre, (round(width * size / 2), round(height * size / 2)), 0, 0, 360, int(label), -1)

    mask[round(0.88 * size) :] = Label.CLOTH
    ellipse(Label.HAIR, 0.5, 0.42, 0.72, 0.76)
    ellipse(Label.NECK, 0.5, 0.85, 0.26, 0.3)
    ellipse(Label.SKIN, 0.5, 0.52, 0.52, 0.68)
    ellipse(Label.NOSE, 0.5, 0.55, 0.1, 0.18)
    for left, eye, brow in ((-1, Label.R_EYE, Label.R_BROW), (1, Label.L_EYE, Label.L_BROW)):
        ellipse(eye, 0.5 + left * 0.12, 0.45, 0.11, 0.06)
        ellipse(brow, 0.5 + left * 0.12, 0.37, 0.15, 0.04)
    ellipse(Label.U_LIP, 0.5, 0.7, 0.18, 0.06)
    ellipse(Label.L_LIP, 0.5, 0.74, 0.16, 0.06)
    return mask


def draw_face(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """A picture (H, W, 3) uint8 RGB for a mask: a colour per class, light from one side, a little noise."""
    random = np.random.default_rng(seed)
    colours = PALETTE * 0.5 + random.uniform(20, 110, (len(PALETTE), 3))
    light = np.linspace(0.8, 1.1, mask.shape[1])[None, :, None]
    picture = colours[mask] * light + random.normal(0, 6, (*mask.shape, 3))
    return picture.round().clip(0, 255).astype(np.uint8)


def drawn_face(pipeline: MaskGANPipeline) -> Face:
    """A drawn face with its exact mask, ready to be edited."""
    mask = draw_mask(CROP_SIZE)
    return pipeline.with_mask(pipeline.prepare(draw_face(mask), face=None), mask)


def tiny_pipeline(seed: int = 0) -> MaskGANPipeline:
    """Random tiny networks whose answers differ from place to place; their masks have no mouth.

    A random mask may have its mouth above its eyes, and the pipeline refuses such a face as turned.
    """
    torch.manual_seed(seed)
    parser = FaceParser(widths=(8, 8, 8, 8, 8), blocks=1)
    torch.nn.init.normal_(parser.head.weight, std=0.5)
    by_class = parser.head.bias.detach().view(len(Label), -1)  # several channels a class
    by_class[list(MOUTH)] = -1000
    dmn = DenseMappingNetwork.preset("tiny")
    blender = AlphaBlender(width=2, depth=1, blocks=1)
    return MaskGANPipeline(dmn, parser, MaskVAE.preset("tiny"), alpha_blender=blender)


def tiny_pipeline_of_faces() -> MaskGANPipeline:
    """The same with the bundled MaskVAE: a random one's masks are thousands of specks, slow to warp photos by."""
    random, mask_vae = tiny_pipeline(), MaskVAE.from_pretrained(WEIGHTS / "mask_vae").eval()
    return MaskGANPipeline(random.dmn, random.parser, mask_vae, alpha_blender=random.networks["alpha_blender"])


def told(packet: str | bytes | None) -> dict[str, str]:
    """Properties of the IPTC extension in an XMP packet, by name; none without a packet."""
    if not packet:
        return {}
    text = packet if isinstance(packet, str) else packet.decode()
    root = ElementTree.fromstring(re.sub(r"<\?xpacket.*?\?>", "", text).strip("\ufeff \n"))
    prefix = f"{{{IPTC_EXTENSION}}}"
    attributes = (item for element in root.iter() for item in element.attrib.items())
    return {name.removeprefix(prefix): value for name, value in attributes if name.startswith(prefix)}


def told_by(picture: Image.Image) -> dict[str, str]:
    """The same of a picture's own packet."""
    return told(picture.info.get("XML:com.adobe.xmp") or picture.info.get("xmp"))


#: Files of a minute and more, the longest first: at the end of a run by several workers such a file would keep one of
#: them busy while the others have nothing left. `test_onnx_engine.py` is not among them: it wants what
#: `test_onnx_export.py` makes, and would wait for it.
_LONG = (
    "test_web_page.py", "test_visits_page.py", "test_onnx_export.py", "test_web_hair.py", "test_lab_page.py",
    "test_faces_page.py", "test_web_morph.py", "test_web_copies.py", "test_prepare_wardrobe.py", "test_access_page.py",
    "test_load.py", "test_space.py", "test_interpolate_page.py", "test_pack.py",
    "test_distributed.py", "test_browser.py", "test_processes.py", "test_interrupted_runs.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files come first, all else in its own order."""
    places = {name: place for place, name in enumerate(_LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(_LONG)))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Small networks are quicker on one thread, and results do not depend on how many a test before asked for."""
    if torch.get_num_threads() != 1:
        torch.set_num_threads(1)
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_uploads(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Gradio's folder of uploads, which any other app on this machine would share, and empty when it ends."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))


@pytest.fixture(scope="session", autouse=True)
def _patient_requests() -> None:
    """Requests without a limit of their own, those of gradio_client too, wait for a busy machine.

    By itself httpx gives up after five seconds. All of its functions share one default.
    """
    with contextlib.suppress(ImportError, AttributeError):
        from httpx._config import DEFAULT_TIMEOUT_CONFIG

        for phase in ("connect", "read", "write", "pool"):
            setattr(DEFAULT_TIMEOUT_CONFIG, phase, 120.0)


@pytest.fixture(scope="session", autouse=True)
def _one_ssl_context() -> Iterator[None]:
    """Clients of httpx share the certificates, which each would read anew, 30 ms of a core; gradio_client makes one for
    every request."""
    with pytest.MonkeyPatch.context() as patch:
        with contextlib.suppress(ImportError, AttributeError):
            from httpx._transports import default

            patch.setattr(default, "create_ssl_context", functools.cache(default.create_ssl_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _faces_found_once() -> Iterator[None]:
    """Pipelines find the faces of the same photo, an example mostly, once a session, a third of a second each time.

    `maskgan.editing.faces.detect_faces`, whose tests are in `test_faces.py`, finds them anew.
    """
    found: dict[tuple[tuple[int, ...], bytes], list[DetectedFace]] = {}
    look = pipeline_module.detect_faces

    def remembered(photo: np.ndarray) -> list[DetectedFace]:
        key = photo.shape, hashlib.sha256(np.ascontiguousarray(photo)).digest()
        if key not in found:
            found[key] = look(photo)
        return list(found[key])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline_module, "detect_faces", remembered)
        yield


@pytest.fixture(scope="session")
def pipeline() -> MaskGANPipeline:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def studio() -> MaskGANPipeline:
    """The editor with the bundled weights."""
    return MaskGANPipeline.load(device="cpu")


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline folder with all four networks, tiny; MaskVAE has 64 px masks."""
    folder = tmp_path_factory.mktemp("tiny_weights")
    tiny_pipeline().save(folder)
    return folder


def exportable_pipeline() -> MaskGANPipeline:
    """What the fixture `exported` holds: tiny networks with everything that the studio's have."""
    pipeline = tiny_pipeline()
    parser = FaceParser(widths=(8, 8), blocks=1)
    torch.nn.init.normal_(parser.head.weight, std=0.5)
    parser.head.bias.view(len(Label), -1).data[list(MOUTH)] = -1000
    dmn = DenseMappingNetwork(**PRESETS["tiny"] | {"noise": True, "fine_blocks": 1})
    for noise in (dmn.backbone.noise4, dmn.backbone.noise2):
        torch.nn.init.normal_(noise.strength)
    for last in (dmn.backbone.kept.at_quarter[-1], dmn.backbone.kept.at_half[-1]):
        torch.nn.init.normal_(last.weight, std=0.1)
    return MaskGANPipeline(dmn, parser, pipeline.mask_vae, alpha_blender=pipeline.networks["alpha_blender"])


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """`made_once(name, make)`: the folder of that name, made by `make(folder)` once for all processes of a run.

    Nobody may change what is in it. Whoever comes while it is made waits; when `make` fails nothing stays.
    """
    from filelock import FileLock

    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # which all workers of a run share

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        place, partial = base / "made_once" / name / "share", base / "made_once" / name / "partial"
        place.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(base / f"{name}.lock", timeout=800):
            if not place.is_dir():
                shutil.rmtree(partial, ignore_errors=True)
                make(partial)
                partial.rename(place)
        return place

    return folder


@pytest.fixture(scope="session")
def exported(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """`exportable_pipeline` as ONNX files in all precisions: tracing takes a minute."""
    pytest.importorskip("onnxscript")
    from maskgan.onnx.comparison import Faces
    from maskgan.onnx.export import export
    from maskgan.snapshots import Weights

    def make(folder: Path) -> None:
        networks, precisions, faces = exportable_pipeline().networks, ("fp32", "fp16", "int8"), Faces(Path("nowhere"))
        export(networks, Weights("f" * 64), folder, licence="CC0", precisions=precisions, faces=faces)

    return made_once("exported", make)


@pytest.fixture
def face_mask() -> np.ndarray:
    return draw_mask(256)


@pytest.fixture
def face_photo(face_mask: np.ndarray) -> np.ndarray:
    """A drawn 256 x 256 face, aligned already."""
    return draw_face(face_mask)


@pytest.fixture(scope="session")
def make_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes folders in the plain format of `lab/data/faces.py`."""

    def make(train: int = 5, val: int = 2, size: int = 64, ignored: bool = True) -> Path:
        folder = tmp_path_factory.mktemp("faces")
        for name in ("images", "masks"):
            (folder / name).mkdir()
        rows = ["id,split"]
        for number in range(train + val):
            mask = draw_mask(size, shift=(number - 3) * 0.02)
            image = draw_face(mask, seed=number)
            if ignored:
                mask[: size // 8, : size // 2] = IGNORE
            cv2.imwrite(str(folder / "images" / f"f{number}.png"), image[..., ::-1])
            cv2.imwrite(str(folder / "masks" / f"f{number}.png"), mask)
            rows.append(f"f{number},{'train' if number < train else 'val'}")
        (folder / "index.csv").write_text("\n".join(rows) + "\n")
        return folder

    return make


@pytest.fixture(scope="session")
def data_folder(make_data: Callable[..., Path]) -> Path:
    """Five drawn training faces and two of validation, 64 px, a corner of each mask ignored."""
    return make_data()


#: Without windows first: one that has them loads the pages of its address bar into each, which takes a third as much of
#: the processor as the studio's page.
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium under Playwright; tests that need it are skipped, with the reason, where it is missing."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if chromium is None:
        pytest.skip("no chromium on this machine: the browser tests need Debian's package chromium-headless-shell")
    with sync_api.sync_playwright() as playwright:
        instance = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield instance
        instance.close()


@pytest.fixture(scope="module")
def canvas_server() -> Iterator[tuple[str, list[Any]]]:
    """A page with nothing but the canvas and its result: its address, and the messages that Python has received."""
    pytest.importorskip("gradio")
    from canvas_page import serving

    with serving() as page:
        yield page


@pytest.fixture(scope="module")
def canvas_window(browser: Any) -> Iterator[Any]:
    """A window, whose pages come and go: one for each page would cost the browser as much as the page."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    try:
        context.new_page()  # which keeps the window open
        yield context
    finally:
        context.close()
