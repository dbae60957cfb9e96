"""The repository as a Hugging Face Space: its front matter, weights from the hub, ZeroGPU, and the address it takes."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gradio")

from gradio.http_server import INITIAL_PORT_VALUE
from huggingface_hub import ModelCard, SpaceCard
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import app as command
import maskgan.ui.app as page
from maskgan.editing.pipeline import WEIGHTS, MaskGANPipeline
from maskgan.serving.hot_reload import Serving
from maskgan.serving.hub import is_hub_name
from maskgan.snapshots import weights_hash
from maskgan.ui.examples import Examples
from maskgan.ui.zero_gpu import ZeroGPUPipeline, for_zero_gpu

ROOT = Path(__file__).resolve().parents[2]


def run_python(code: str, *arguments: object, **variables: object) -> list[str]:
    """The lines that a program prints, in a Python of its own with these environment variables."""
    ours = ("HF_", "SPACE", "MASKGAN_", "ORT_", "CI")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    told = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        env={**kept, "OMP_NUM_THREADS": "1", **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.splitlines()


# ---------------------------------------------------------------- front matter and model card


def requirement(name: str) -> Requirement:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    return next(wanted for wanted in map(Requirement, filter(None, lines)) if wanted.name == name)


def test_the_front_matter_is_what_a_space_reads_and_true() -> None:
    front = SpaceCard.load(ROOT / "README.md").data.to_dict()
    assert front["sdk"] == "gradio" and (ROOT / front["app_file"]).is_file()
    assert requirement("gradio").specifier.contains(front["sdk_version"])
    assert Version(front["sdk_version"]).major == Version(version("gradio")).major
    assert isinstance(front["python_version"], str)  # 3.10 as a number is 3.1
    assert SpecifierSet(">=3.10,<3.14").contains(front["python_version"])
    assert len(front["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {front["colorFrom"], front["colorTo"]} <= colours and not front["emoji"].isascii()
    assert front["license"] == "mit" and (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert front["tags"] and all(tag == tag.lower() for tag in front["tags"])
    assert all(map(is_hub_name, front["models"]))


def test_the_weights_folder_can_be_pushed_as_it_is() -> None:
    card = ModelCard.load(WEIGHTS / "README.md")
    assert card.data.license == "mit" and card.data.library_name == "maskgan"
    assert card.data.pipeline_tag == "image-to-image" and "maskgan" in card.data.tags
    local = [part.partition(")")[0] for part in card.text.split("](")[1:]]
    assert all((WEIGHTS / link).is_file() for link in local if "://" not in link)


# ---------------------------------------------------------------- weights from the hub


class Hub(ThreadingHTTPServer):
    """Answers as the Hugging Face hub does for one model, somebody/faces, whose revisions are folders."""

    def __init__(self, revisions: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.revisions, self.fetched = revisions, set()
        self.commits = {f"{number:040x}": folder for number, folder in enumerate(revisions.values())}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        commits = self.server.commits
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["api", "models", "somebody", "faces", "revision", name] if name in self.server.revisions:
                folder = self.server.revisions[name]
                commit = next(commit for commit in commits if commits[commit] == folder)
                files = [{"rfilename": file["path"]} for file in _files(folder)]
                self._answer(200, json.dumps({"id": "somebody/faces", "sha": commit, "siblings": files}).encode())
            case ["api", "models", "somebody", "faces", "revision", _]:
                self._answer(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            case ["api", "models", "somebody", "faces", "tree", commit]:
                self._answer(200, json.dumps(_files(commits[commit])).encode())
            case ["somebody", "faces", "resolve", commit, *names]:
                content = commits[commit].joinpath(*names).read_bytes()
                self.server.fetched.add("/".join(names))
                tag = hashlib.sha256(content).hexdigest()
                self._answer(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": commit})
            case _:
                self._answer(404, b"{}", {"X-Error-Code": "RepoNotFound"})

    def do_HEAD(self) -> None:
        self.do_GET()

    def _answer(self, status: int, content: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output stays readable."""


def _files(folder: Path) -> list[dict[str, Any]]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return [
        {"type": "file", "oid": "0", "path": path.relative_to(folder).as_posix(), "size": path.stat().st_size}
        for path in paths
    ]


@pytest.fixture
def hub(tmp_path: Path, tiny_weights: Path) -> Iterator[Hub]:
    main, older = tmp_path / "main", tmp_path / "older"
    shutil.copytree(tiny_weights, main)
    (main / "dmn" / "pytorch_model.bin").write_bytes(b"would run code")
    (main / "README.md").write_text("a card")
    shutil.copytree(tiny_weights, older, ignore=shutil.ignore_patterns("mask_vae", "alpha_blender"))
    with Hub({"main": main, "v1": older}) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


_FETCH = """
import json, sys
from app import weights_of

try:
    print(weights_of(sys.argv[1] or None, False))
except SystemExit as end:
    print("The end:", end)
"""


def fetch(hub: str, cache: Path, option: str = "", **variables: str) -> list[str]:
    """What `weights_of` prints and answers to `--weights OPTION` where the hub has this address."""
    return run_python(_FETCH, option, HF_ENDPOINT=hub, HF_HOME=cache, HF_HUB_DISABLE_PROGRESS_BARS=1, **variables)


def test_weights_come_from_the_hub_by_name_and_nothing_pickled_does(
    hub: Hub, tiny_weights: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    (folder,) = fetch(hub.address, cache, "somebody/faces")
    assert weights_hash(Path(folder)) == weights_hash(tiny_weights)
    networks = ("dmn", "parser", "mask_vae", "alpha_blender")
    parts = {f"{name}/{file}" for name in networks for file in ("config.json", "diffusion_pytorch_model.safetensors")}
    assert hub.fetched == {"model_index.json"} | parts
    (older,) = fetch(hub.address, cache, MASKGAN_WEIGHTS="somebody/faces@v1")
    assert weights_hash(Path(older)) == weights_hash(hub.revisions["v1"])
    assert fetch("http://127.0.0.1:9", cache, "somebody/faces") == [folder]  # without a connection, as fetched before


def test_a_failing_hub_ends_a_command_with_one_sentence_and_leaves_a_space_its_bundled_weights(
    hub: Hub, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    for name, wanted in (
        ("nobody/faces", "The end: There is no nobody/faces, neither here nor on the Hugging Face hub;"),
        ("somebody/faces@v9", "The end: somebody/faces has no revision v9 on the Hugging Face hub."),
    ):
        (line,) = fetch(hub.address, cache, name)
        assert line.startswith(wanted) and line.endswith(".")
    (line,) = fetch("http://127.0.0.1:9", cache, "somebody/faces")
    assert line.startswith(
        "The end: There is no folder somebody/faces here, and the Hugging Face hub could not give it"
    )
    told, answer = fetch("http://127.0.0.1:9", cache, MASKGAN_WEIGHTS="somebody/faces")
    assert told.endswith("The bundled weights serve.") and answer == "None"


def test_a_space_whose_weights_are_unsound_serves_the_bundled_ones(
    tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    broken = shutil.copytree(tiny_weights, tmp_path / "broken")
    (broken / "dmn" / "config.json").write_text("{}")
    served = command.serving_of(broken, False, "cpu", needed=False).current()
    assert served.weights.hash == weights_hash(WEIGHTS) and "The bundled weights serve." in capsys.readouterr().out
    with pytest.raises(SystemExit, match="broken were refused"):
        command.serving_of(broken, False, "cpu")


# ---------------------------------------------------------------- ZeroGPU

# Stands in for the package of that name: a process is forked for each call, and arguments and results are pickled.
# Tensors may not come along: theirs is memory of a device.
_SPACES = """
import functools, io, multiprocessing, os, pickle
import gradio as gr, torch

calls, refusing = [], False

class Pickler(pickle.Pickler):
    def reducer_override(self, value):
        if isinstance(value, torch.Tensor):
            raise pickle.PicklingError("a tensor")
        return NotImplemented

def sent(values):
    file = io.BytesIO()
    Pickler(file).dump(values)
    return file.getvalue()

def GPU(duration):
    def decorate(task):
        @functools.wraps(task)
        def call(*arguments):
            if refusing:
                raise gr.Error("You have exceeded your GPU quota.")
            here, there = multiprocessing.get_context("fork").Pipe()
            packet = sent(arguments)
            process = multiprocessing.get_context("fork").Process(
                target=lambda: there.send_bytes(sent((task(*pickle.loads(packet)), os.getpid()))), daemon=True
            )
            process.start()
            there.close()
            answer, worker = pickle.loads(here.recv_bytes())
            process.join()
            calls.append((arguments[1], worker != os.getpid()))
            return answer
        return call
    return decorate
"""

_VISIT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import gradio as gr, numpy as np, spaces, torch
from gradio_client import Client
from app import serving_of
from maskgan.images import read_photo
from maskgan.labels import Label
from maskgan.editing.pipeline import MaskGANPipeline

plain = MaskGANPipeline.load(sys.argv[2], "cpu")
serving = serving_of(Path(sys.argv[2]), False, "cuda")  # whatever was asked for: here is no GPU
served = serving.current()
photo = read_photo("examples/images/portrait_01.jpg")

def edited(pipeline):
    face = pipeline.prepare(photo, None)
    mask = face.mask.copy()
    mask[200:260, 180:300] = Label.HAT
    return pipeline.edit(face, mask), pipeline.edit(face, mask, keep_untouched=False)

def same(edits):
    return all(np.array_equal(edit.crop, other.crop) for edit, other in zip(edits, expected, strict=True))

expected = edited(plain)
here = []
torch.nn.modules.module.register_module_forward_pre_hook(lambda *_: here.append(None))  # in this process
assert same(edited(served)) and here and not spaces.calls  # nobody visits: nobody's quota

def visit() -> str:
    here.clear()
    served.painted.clear()
    edits = edited(served)
    face = edits[0].face
    assert same(edits) and np.array_equal(face.mask, expected[0].face.mask)
    assert served.refresh(face) is face and all(edit.weights is served.weights for edit in edits)
    return served.weights.hash

with gr.Blocks() as page:
    gr.api(visit, api_name="visit")
_, address, _ = page.launch(prevent_thread_lock=True, quiet=True, server_port=None)
client = Client(address, verbose=False)
assert client.predict(api_name="/visit") == plain.weights.hash
steps = ("_probabilities", "encode_style", "paint", "generate")  # it may paint in several windows
assert list(dict.fromkeys(spaces.calls)) == [(name, True) for name in steps] and not here
once = len(spaces.calls)
spaces.refusing = True
client.predict(api_name="/visit")
assert here
spaces.refusing = False
client.predict(api_name="/visit")  # soon after a refusal nobody asks again
assert len(spaces.calls) == once
served._cpu_until = 0
client.predict(api_name="/visit")
assert len(spaces.calls) == 2 * once and not here
print("done")
"""


@pytest.mark.slow
def test_on_zero_gpu_an_edit_is_the_same_in_another_process_and_a_refusal_leaves_it_to_the_cpu(
    tmp_path: Path, tiny_weights: Path
) -> None:
    (tmp_path / "spaces.py").write_text(_SPACES)
    variables = {"PYTHONPATH": tmp_path, "SPACES_ZERO_GPU": "true", "GRADIO_ANALYTICS_ENABLED": False}
    printed = run_python(_VISIT, tmp_path, tiny_weights, **variables)
    assert printed[-1] == "done"
    assert [line for line in printed if line.startswith("No GPU (You have exceeded your GPU quota.)")] == printed[:1]


@pytest.mark.parametrize("method", ["encode_style", "generate", "paint"])
def test_on_zero_gpu_a_method_takes_what_it_does_elsewhere(method: str) -> None:
    """Morphs gave a part by its name, which it did not take there."""
    one, other = (inspect.signature(getattr(each, method)) for each in (ZeroGPUPipeline, MaskGANPipeline))
    assert list(one.parameters.values()) == list(other.parameters.values())


def test_elsewhere_zero_gpu_is_without_effect(pipeline: MaskGANPipeline) -> None:
    assert for_zero_gpu(pipeline) is pipeline


# ---------------------------------------------------------------- app.py


def test_onnx_runtime_writes_no_id_of_the_computer_and_reports_nothing(tmp_path: Path) -> None:
    run_python("import maskgan, onnxruntime", HOME=tmp_path, XDG_CACHE_HOME=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, pipeline: MaskGANPipeline, tmp_path: Path) -> dict[str, Any]:
    """What `main` builds and launches, without doing it."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    known: dict[str, Any] = {}
    app = SimpleNamespace(queue=lambda **_: None, launch=lambda **options: known.update(options), block_thread=int)
    monkeypatch.setattr(page, "build_app", lambda *_, **options: known.update(options) or app)
    monkeypatch.setattr(command, "serving_of", lambda *_, **__: Serving(pipeline))
    monkeypatch.setattr(Examples, "prepare_in_background", lambda _: None)
    for name in ("SPACE_ID", "MASKGAN_LAB", "MASKGAN_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    return known


def test_a_space_listens_where_its_visitors_come_from_and_has_no_lab(
    started: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    command.main([])
    assert started["server_name"] == "127.0.0.1" and not started["hosted"] and started["lab"] is None
    monkeypatch.setenv("SPACE_ID", "somebody/studio")
    for arguments in ([], ["--lab", "--runs", str(tmp_path)]):
        command.main(arguments)
        assert started["server_name"] == "0.0.0.0" and started["hosted"] and started["lab"] is None
        assert started["server_port"] is None and INITIAL_PORT_VALUE == 7860  # the first that is free, and all are
    monkeypatch.setenv("MASKGAN_LAB", "1")
    command.main(["--runs", str(tmp_path)])
    assert started["lab"] is not None
