"""The command `export-onnx` of `python -m maskgan`."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import ModelMixin

    from maskgan.snapshots import Weights

#: What exporting needs beside the networks themselves.
_NEEDED = ("torch", "diffusers", "onnx", "onnxscript", "onnxruntime")

#: The published code's and data's own terms.
_PUBLISHED = "CelebAMask-HQ's terms: non-commercial research and education only"


def add_command(commands: argparse._SubParsersAction) -> None:
    """The command and its options; `run` gets them."""
    parser = commands.add_parser(
        "export-onnx",
        help="write the networks as ONNX files",
        description="Write the networks as ONNX files for other programs: face parser, style encoder, generator (two, "
        "with and without kept pixels), MaskVAE's halves and the alpha blender. Every file's answers are compared with "
        "torch's on example faces and random inputs, and nothing is written where they differ.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="new folder, or an earlier export")
    parser.add_argument(
        "--weights",
        type=Path,
        metavar="W",
        help="other weights than the bundled ones: a pipeline folder, a run, or a file of the authors' own weights "
        "(generator, MaskVAE or alpha blender; .pth or .safetensors)",
    )
    parser.add_argument("--fp16", action="store_true", help="half the size too, for GPUs: FOLDER/fp16")
    parser.add_argument(
        "--int8", action="store_true", help="parser and generators with 8-bit convolutions too: FOLDER/int8"
    )
    parser.add_argument(
        "--web",
        action="store_true",
        help="the editor as a page too, which needs no server: FOLDER/index.html, for any static host; takes "
        "onnxruntime-web from npm",
    )
    parser.add_argument(
        "--onnxruntime-web",
        type=Path,
        metavar="COPY",
        help="for --web without npm: a copy of the npm package onnxruntime-web, unpacked or as .tgz",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, showing progress and what was measured; returns the exit code."""
    try:
        return _run(args)
    except (ValueError, OSError) as problem:  # arguments that cannot be used
        print(problem, file=sys.stderr)
        return 2


def _run(args: argparse.Namespace) -> int:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(f"Exporting needs {' and '.join(missing)}; run: pip install {' '.join(missing)}")
    from tqdm import tqdm

    from maskgan.onnx.comparison import ExportRefused
    from maskgan.onnx.export import check_place, export
    from maskgan.onnx.page import check_whole, write_page
    from maskgan.onnx.runtime import web_runtime

    if args.onnxruntime_web and not args.web:
        raise ValueError("--onnxruntime-web is for the page; add --web.")
    check_place(args.out)
    networks, weights, licence = read_networks(args.weights)
    precisions = ["fp32", *(name for name in ("fp16", "int8") if getattr(args, name))]
    with contextlib.ExitStack() as stack:
        runtime = None
        if args.web:  # before the export, which takes minutes
            check_whole(networks)
            runtime = stack.enter_context(web_runtime(args.onnxruntime_web))

        def finish(folder: Path) -> None:
            if runtime is not None:
                write_page(folder, runtime)

        bar = stack.enter_context(tqdm(unit="file"))

        def show(name: str, done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.set_description(name)

        try:
            manifest = export(
                networks, weights, args.out, licence=licence, precisions=precisions, progress=show, finish=finish
            )
        except ExportRefused as refusal:
            bar.write(str(refusal))
            return 1
    for name, differences in manifest.differences.items():
        print(f"{name:28}", ", ".join(f"{what} {value:.2g}" for what, value in differences.items()))
    print(f"{len(manifest.files)} files and README.md written to {args.out}")
    if args.web:
        print(f"To open the page: python -m http.server --bind 127.0.0.1 --directory {args.out}")
    return 0


def read_networks(place: Path | None) -> tuple[dict[str, ModelMixin], Weights, str]:
    """Networks by name, their identity and licence, from a pipeline folder, a run, or a published file.

    Raises:
        ValueError: something is wrong with them, or they are not there.
    """
    from maskgan.editing.pipeline import WEIGHTS
    from maskgan.networks.checkpoints import load_networks
    from maskgan.snapshots import newest_snapshot

    if place is not None and place.is_file():
        return _published(place)
    try:
        folder = newest_snapshot(place or WEIGHTS)
    except FileNotFoundError as problem:
        raise ValueError(str(problem)) from problem
    return *load_networks(folder, "cpu"), licence_of(folder)


def _published(path: Path) -> tuple[dict[str, ModelMixin], Weights, str]:
    """One of the authors' networks, from its file."""
    import hashlib

    from maskgan.networks.alpha_blender import AlphaBlender
    from maskgan.networks.dense_mapping import DenseMappingNetwork
    from maskgan.networks.mask_vae import MaskVAE
    from maskgan.networks.published import load_published
    from maskgan.snapshots import Weights

    published = load_published(path)
    if published.kind == "dense_mapping":
        name, network = "dmn", DenseMappingNetwork.from_published(path)
    else:
        kinds = {"mask_vae": MaskVAE, "alpha_blender": AlphaBlender}
        name, network = published.kind, kinds[published.kind](**published.config)
        network.load_state_dict(published.state_dict)
    network.eval().requires_grad_(False)
    return {name: network}, Weights(hashlib.sha256(path.read_bytes()).hexdigest()), _PUBLISHED


def licence_of(folder: Path) -> str:
    """The licence that the model card beside some weights names."""
    card = folder / "README.md"
    front = re.match(r"---\n(.*?)\n---", card.read_text(encoding="utf-8"), re.DOTALL) if card.is_file() else None
    named = re.search(r"^license: *(\S.*?) *$", front[1], re.MULTILINE) if front else None
    return named[1] if named else "unknown; ask whoever trained the weights"
