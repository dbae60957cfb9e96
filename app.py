"""MaskGAN Studio in the browser: `python app.py`, then open the address that it prints."""

from __future__ import annotations

import argparse
import atexit
import errno
import os
import socket
import tempfile
from functools import partial
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from maskgan.files import advice

if TYPE_CHECKING:
    from lab.jobs.processes import Processes
    from maskgan.serving.guard import Guard
    from maskgan.serving.hot_reload import Serving
    from maskgan.serving.storage import Storage
    from maskgan.ui.blocks import Blocks
    from maskgan.ui.examples import Examples

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # before anything imports gradio


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description="Edit faces by painting on their masks, in the browser.")
    on_a_space = "SPACE_ID" in os.environ
    parser.add_argument("--host", default="0.0.0.0" if on_a_space else "127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, help="port (default: the first free one from 7860)")
    parser.add_argument(
        "--allowed-host",
        action="append",
        metavar="NAME",
        help="another name that this app is reached by, or whose pages may use it; may be given again (default: the "
        "variable MASKGAN_ALLOWED_HOSTS, names with commas between them)",
    )
    parser.add_argument(
        "--root-path",
        metavar="PATH",
        default=os.environ.get("GRADIO_ROOT_PATH"),
        help="where a proxy in front serves the page: a path, or a URL (default: the variable GRADIO_ROOT_PATH)",
    )
    parser.add_argument("--share", action="store_true", help="make a public link through Gradio's tunnel")
    parser.add_argument(
        "--weights",
        help="other weights than the bundled ones: a pipeline folder, a run, or OWNER/NAME[@REVISION] on the Hugging "
        "Face hub (default: the variable MASKGAN_WEIGHTS)",
    )
    parser.add_argument("--watch", action="store_true", help="follow --weights also where no run publishes yet")
    parser.add_argument(
        "--backend",
        choices=("torch", "onnx"),
        default="torch",
        help="what runs the networks; onnx: ONNX Runtime, with --weights that export-onnx wrote, or others, which are "
        "exported once (default: torch)",
    )
    parser.add_argument(
        "--onnx-precision",
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="with --backend onnx: in what the networks compute, where they were exported in it (default: fp32)",
    )
    parser.add_argument("--device", help="cpu, cuda or mps (default: the best that is there)")
    parser.add_argument("--max-pixels", type=_positive, default=64_000_000, help="largest photo taken, in pixels")
    parser.add_argument(
        "--auth",
        metavar="USER:PASSWORD",
        type=_account,
        default=os.environ.get("MASKGAN_AUTH"),
        help="ask visitors for this account (default: the variable MASKGAN_AUTH, which other users cannot see)",
    )
    parser.add_argument("--queue-size", type=_positive, metavar="N", help="turn requests away while N wait")
    parser.add_argument(
        "--max-memory", type=_positive, metavar="MB", default=2000, help="of all visitors' photos together, in memory"
    )
    parser.add_argument(
        "--max-disk", type=_positive, metavar="MB", default=4000, help="of all visitors' uploads and results, on disk"
    )
    parser.add_argument("--mcp", action="store_true", help="offer the endpoints as MCP tools; needs gradio[mcp]")
    parser.add_argument("--lab", action="store_true", help="a tab to train networks in; whoever sees it may train")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="with --lab: where runs lie (default: runs)")
    parser.add_argument("--data", type=Path, nargs="+", default=[], help="with --lab: folders with faces to train on")
    return parser


def _account(text: str) -> tuple[str, str]:
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise argparse.ArgumentTypeError("write it as user:password")
    return user, password


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError("write a number from 1 on")
    return int(text)


def _port(text: str) -> int:
    port = _positive(text)
    if port > 65535:
        raise argparse.ArgumentTypeError("ports go up to 65535")
    return port


def why_not_listening(host: str, port: int | None) -> str:
    """A sentence on why the app cannot listen at an address."""
    if port is None:
        return f"No port from 7860 to 7959 of {host} can be had; name a free one with --port, or check --host."
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), port), family=family).close()
    except OSError as problem:
        if problem.errno == errno.EADDRINUSE:
            return f"Port {port} of {host} is in use by another program, perhaps an app that runs already; see --port."
        if problem.errno == errno.EACCES:
            return f"Port {port} may not be used by you; choose one from 1024 on with --port."
        return f"{host} is no address of this computer; check --host, or leave it out."
    return f"The app cannot listen at port {port} of {host}; choose another with --port."


def weights_of(option: str | None, watch: bool) -> Path | None:
    """The folder of the weights that were asked for, None for the bundled ones; those of the hub are fetched.

    What `--weights` names has to be there. What a Space's variable MASKGAN_WEIGHTS names should be, but a Space with
    the bundled weights is better than none.
    """
    from maskgan.serving.hub import download, is_hub_name

    name = option or os.environ.get("MASKGAN_WEIGHTS")
    if not name or watch or Path(name).exists() or not is_hub_name(name):
        return Path(name) if name else None
    try:
        return download(name)
    except FileNotFoundError as problem:
        if option:
            raise SystemExit(str(problem)) from problem
        print(f"{problem} The bundled weights serve.")
        return None


def serving_without_torch(weights: Path | None, watch: bool, device: str | None, precision: str) -> Serving:
    """Exported networks on ONNX Runtime; the bundled weights by themselves."""
    if find_spec("onnxruntime") is None:
        raise SystemExit("--backend onnx needs ONNX Runtime; run: pip install onnxruntime")
    from maskgan.editing.pipeline import WEIGHTS, MaskGANPipeline
    from maskgan.onnx.cache import exported
    from maskgan.onnx.engine import OnnxEngine
    from maskgan.serving.hot_reload import Serving
    from maskgan.snapshots import is_weights_folder

    if watch or (weights is not None and is_weights_folder(weights)):
        raise SystemExit("Runs are followed with torch; leave --backend onnx out, or give one snapshot's folder.")
    try:
        engine = OnnxEngine(exported(weights or WEIGHTS, precision), device, precision)
        return Serving(MaskGANPipeline.over(engine))
    except (OSError, ValueError) as problem:
        raise SystemExit(str(problem)) from problem


def serving_of(weights: Path | None, watch: bool, device: str | None, needed: bool = True) -> Serving:
    """The networks to serve, and what to follow: weights that a run publishes always, others with `watch`.

    A folder that is followed may hold nothing sound yet: the bundled weights serve until it does, and for good where
    sound weights are not `needed`.
    """
    from maskgan.editing.pipeline import MaskGANPipeline
    from maskgan.serving.hot_reload import Serving
    from maskgan.snapshots import is_weights_folder
    from maskgan.ui.zero_gpu import ON_ZERO_GPU, for_zero_gpu

    if ON_ZERO_GPU:
        device = "cpu"  # here; the GPU is another process's
    if weights is None:
        if watch:
            raise SystemExit("--watch needs a folder to follow; give it with --weights.")
        return Serving(for_zero_gpu(MaskGANPipeline.load(None, device)))
    followed = weights if watch or is_weights_folder(weights) else None
    try:
        pipeline = MaskGANPipeline.load(weights, device)
    except (FileNotFoundError, ValueError) as problem:
        if followed is None and needed:
            raise SystemExit(str(problem)) from problem
        print(f"{problem} The bundled weights serve{'' if followed is None else ' until then'}.")
        pipeline = MaskGANPipeline.load(None, device)
    return Serving(for_zero_gpu(pipeline), followed)


def lab_of(wanted: bool, runs: Path, data: list[Path], weights: Path | None) -> Processes | None:
    """What the lab's tab starts, where it is wanted; on a Space, which has no command line, where MASKGAN_LAB=1 is set.

    The examples can be trained on too, to try it out.
    """
    if "SPACE_ID" in os.environ:
        allowed = os.environ.get("MASKGAN_LAB") == "1"
        if wanted and not allowed:
            print("There is no lab on a Space unless MASKGAN_LAB=1 is set in its settings.")
        wanted = allowed
    if not wanted:
        return None
    from lab.jobs.processes import Processes
    from maskgan.editing.pipeline import WEIGHTS
    from maskgan.ui.examples import FOLDER

    for folder in data:
        if not folder.is_dir():
            raise SystemExit(f"There is no folder {folder}; give folders with faces after --data.")
    return Processes(runs, [*data, FOLDER], [WEIGHTS] if weights is None else [WEIGHTS, weights])


def guard_of(host: str, names: list[str] | None, root_path: str | None) -> Guard:
    """What refuses requests of other sites' pages: the app has the names that it is told, and those of its Space."""
    from maskgan.serving.guard import Guard

    allowed = names or os.environ.get("MASKGAN_ALLOWED_HOSTS", "").split(",")
    if root_path and "://" in root_path:
        allowed = [*allowed, urlsplit(root_path).netloc]
    on_a_space = "SPACE_ID" in os.environ
    if on_a_space:
        allowed = [*allowed, *os.environ.get("SPACE_HOST", "").split(","), "huggingface.co"]
    return Guard(host, [name.strip() for name in allowed], embedded=on_a_space)


def storage_of(max_bytes: int) -> Storage:
    """A private folder for uploads and results, which Gradio is told by its variable; swept now and then."""
    from maskgan.serving.storage import Storage

    told = "GRADIO_TEMP_DIR"
    parent = os.environ.get(told) or tempfile.gettempdir()
    try:
        storage = Storage(parent, max_bytes, told)
    except OSError as problem:
        where = "Visitors' photos need a folder; another one can be named by the variable GRADIO_TEMP_DIR."
        raise SystemExit(f"{advice(problem)} {where}") from problem
    atexit.register(storage.close)
    storage.keep_swept()
    return storage


def check_mcp() -> None:
    """Refuse --mcp without the package mcp, or with a version that the installed Gradio cannot use."""
    from packaging.requirements import Requirement

    usable = next(need for need in map(Requirement, metadata.requires("gradio") or []) if need.name == "mcp").specifier
    try:
        installed = metadata.version("mcp")
    except metadata.PackageNotFoundError:
        installed = None
    if installed is None or not usable.contains(installed, prereleases=True):
        found = "which is not installed" if installed is None else f"not the installed {installed}"
        raise SystemExit(f"--mcp needs the package mcp {usable}, {found}; run: pip install 'gradio[mcp]'")


def served(options: argparse.Namespace, guard: Guard, hosted: bool) -> tuple[Blocks, Serving, Examples]:
    """Load the weights, and serve the page from here on."""
    # Imported here, so that --help and a wrong option answer at once.
    from maskgan.serving.account import Account
    from maskgan.ui.api import send_files_unchanged
    from maskgan.ui.app import build_app, launch_options
    from maskgan.ui.examples import Examples
    from maskgan.ui.slim_import import bring_mcp

    weights = weights_of(options.weights, options.watch)
    lab = lab_of(options.lab, options.runs, options.data, weights)
    if options.backend == "onnx":
        serving = serving_without_torch(weights, options.watch, options.device, options.onnx_precision)
    else:
        serving = serving_of(weights, options.watch, options.device, needed=bool(options.weights))
    if options.mcp:
        bring_mcp()
    storage = storage_of(options.max_disk * 1_000_000)
    examples = Examples(serving, people=True)
    app = build_app(serving, examples, max_pixels=options.max_pixels, hosted=hosted, lab=lab)
    app.queue(max_size=options.queue_size)
    app.storage, app.max_photo_bytes, app.guard = storage, options.max_memory * 1_000_000, guard
    launch = partial(
        app.launch,
        server_name=f"[{options.host}]" if ":" in options.host and options.host[0] != "[" else options.host,
        server_port=options.port,
        share=options.share,
        auth=Account(*options.auth).lets_in if options.auth else None,
        root_path=options.root_path,
        mcp_server=options.mcp,
        prevent_thread_lock=True,
        **launch_options(),
    )
    try:
        launch()
    except OSError as problem:
        raise SystemExit(
            why_not_listening(options.host, options.port) if "port" in str(problem) else advice(problem)
        ) from problem
    if options.mcp:
        send_files_unchanged(app)
    if options.share and app.share_url:
        app.guard.trust(app.share_url)
    elif options.share:
        print("No public link could be made (is there an internet connection?); the page serves at its local address.")
    return app, serving, examples


def main(arguments: list[str] | None = None) -> None:
    """Load the weights and serve the page until interrupted."""
    options = build_parser().parse_args(arguments)
    if options.mcp:
        check_mcp()
        if options.auth:
            raise SystemExit("--mcp cannot go with --auth, for MCP tools of Gradio do not log in; leave one out.")
    guard = guard_of(options.host, options.allowed_host, options.root_path)
    hosted = bool(options.share or options.root_path) or not guard.local
    if options.lab and hosted and not options.auth and "SPACE_ID" not in os.environ:
        raise SystemExit(
            "--lab lets every visitor start trainings; give --auth USER:PASSWORD with --share, --host, --root-path or "
            "--allowed-host."
        )
    if options.lab and options.backend == "onnx":
        raise SystemExit("--lab trains with torch and cannot go with --backend onnx; leave one out.")
    if options.onnx_precision != "fp32" and options.backend != "onnx":
        raise SystemExit("--onnx-precision is for ONNX Runtime; add --backend onnx.")
    from maskgan.serving.memory import give_back_freed_memory, keep_few_arenas, uncollected

    keep_few_arenas()
    with uncollected():
        app, serving, examples = served(options, guard, hosted)
    # Not before: Gradio writes environment variables while it starts, and networks that read them in another thread
    # at that moment crash the process.
    examples.prepare_in_background()
    give_back_freed_memory()
    if serving.folder is not None:
        serving.start()
    app.block_thread()


if __name__ == "__main__":
    main()
