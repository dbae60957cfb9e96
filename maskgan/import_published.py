"""`python -m maskgan import-published`: checkpoints of the MaskGAN authors become a pipeline folder.

The generator is needed; the parser, which they did not publish with it, is the bundled one, and so is MaskVAE unless
theirs is given. The folder holds what `app.py --weights`, the lab and `MaskGANPipeline.load` take.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from maskgan.snapshots import HOW_TO_LOAD

if TYPE_CHECKING:
    from diffusers import ModelMixin

    from maskgan.networks.published import Account, PublishedNetwork

# Slow imports are inside the functions that need them, as in __main__.py.

#: By the name of a network in a pipeline: its kind in a file, what people call it, and what it is given with.
PARTS = {
    "dmn": ("dense_mapping", "generator", "G.pth"),
    "mask_vae": ("mask_vae", "MaskVAE", "--mask-vae"),
    "alpha_blender": ("alpha_blender", "alpha blender", "--blender"),
}

#: So many names of a list are told.
_TOLD = 4


def add_command(commands: argparse._SubParsersAction) -> None:
    """The command and its options; `run` gets them."""
    command = commands.add_parser(
        "import-published",
        help="turn checkpoints of the MaskGAN authors into weights for this editor",
        description="Reads the state dicts (.pth or .safetensors; no code in them is run) of the networks that the "
        "MaskGAN authors published, at any width and depth, and writes a pipeline folder for app.py --weights, for "
        "the lab's --weights and for MaskGANPipeline.load. The face parser comes from the bundled weights.",
    )
    command.add_argument("generator", type=Path, metavar="G.pth", help="the generator (latest_net_G.pth)")
    command.add_argument("--blender", type=Path, metavar="B.pth", help="the alpha blender, which EBST trains on")
    command.add_argument("--mask-vae", type=Path, metavar="VAE.pth", help="the MaskVAE (default: the bundled one)")
    command.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="pipeline folder, new or empty")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Import, print the report; returns the exit code, 1 after a sentence on stderr that says what is wrong."""
    files = {"dmn": args.generator, "mask_vae": args.mask_vae, "alpha_blender": args.blender}
    try:
        for line in import_published({name: path for name, path in files.items() if path is not None}, args.out):
            print(line, flush=True)
    except (ValueError, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def import_published(files: Mapping[str, Path], out: Path) -> Iterable[str]:
    """Write a pipeline folder from published files by the names in `PARTS`, "dmn" among them.

    Yields the lines of a report while it works; the folder's README.md has them too. Nothing is left at `out` unless
    all went well, and what is there then was loaded again with all checks.

    Raises:
        ValueError: a file is damaged or holds another network, or `out` is not empty.
        OSError: a file cannot be read, or the folder cannot be written.
    """
    from maskgan.editing.pipeline import WEIGHTS
    from maskgan.networks.checkpoints import load_network, load_networks, save_networks

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"{out} is there already; choose a new or empty folder for --out.")
    networks: dict[str, ModelMixin] = {}
    report: list[str] = []
    for name, path in files.items():
        networks[name], lines = _import_one(name, path)
        report += lines
        yield from lines
    for name in ("parser", "mask_vae"):
        if name not in networks:
            networks[name] = load_network(WEIGHTS, name)
            report.append(f"{name}: the bundled one")
            yield report[-1]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".partial-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch) / out.name
        save_networks(folder, networks)
        (folder / "README.md").write_text(_card(report), encoding="utf-8")
        networks.clear()  # the published MaskVAE alone takes 680 MB
        size = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
        weights = load_networks(folder, "cpu")[1]
        if out.exists():
            out.rmdir()
        folder.rename(out)
    yield f"{out}: {size / 2**20:.1f} MiB, weights {weights.short_hash}; edit with them: python app.py --weights {out}"


def _import_one(name: str, path: Path) -> tuple[ModelMixin, list[str]]:
    """The network read from a file, and what the report says about it."""
    from maskgan.labels import NUM_CLASSES
    from maskgan.networks.published import load_published

    kind, title, _ = PARTS[name]
    network = load_published(path)
    if network.kind != kind:
        found, given = next((title, given) for other, title, given in PARTS.values() if other == network.kind)
        raise ValueError(f"{path.name} holds the published {found}, not the {title}; give it as {given}.")
    if network.config.get("num_classes", NUM_CLASSES) != NUM_CLASSES:
        raise ValueError(
            f"{path.name} is a {title} for {network.config['num_classes']} classes; this editor has {NUM_CLASSES}."
        )
    model = _built(network, path.name)
    million = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    shape = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in network.config.items())
    lines = [f"{path.name}: the published {title}, {million:.1f} million parameters ({shape})"]
    return model, lines + [f"  {line}" for line in _told(network.account, len(network.state_dict))]


def _built(network: PublishedNetwork, name: str) -> ModelMixin:
    from maskgan.networks.alpha_blender import AlphaBlender
    from maskgan.networks.dense_mapping import DenseMappingNetwork
    from maskgan.networks.mask_vae import MaskVAE

    if network.kind == "dense_mapping":
        return DenseMappingNetwork.of_published(network, name)
    model = {"mask_vae": MaskVAE, "alpha_blender": AlphaBlender}[network.kind](**network.config)
    model.load_state_dict(network.state_dict)
    return model.eval()


def _told(account: Account, taken: int) -> list[str]:
    """What a report says about the names in a file, a line for each thing that is to be said."""
    lines = [f"{taken - len(account.added)} tensors taken"]
    if account.prefix:
        lines[0] += f', their names without "{account.prefix}"'
    for names, fate in (
        (account.unread, "left out, for no computation reads them"),
        (account.added, "missing, which only training counts on; set to 0"),
        (account.others, "left out, for they belong to none of these networks"),
    ):
        if names:
            more = f", ... ({len(names)} in all)" if len(names) > _TOLD else ""
            lines.append(f"{fate}: {', '.join(names[:_TOLD])}{more}")
    return lines


def _card(report: list[str]) -> str:
    return "\n".join(
        [
            "---",
            "library_name: maskgan",
            "tags: [maskgan, face-editing, semantic-segmentation]",
            "---",
            "# Published MaskGAN weights, imported into MaskGAN Studio",
            "",
            "The weights are their authors' (Lee, Liu, Wu, Luo: MaskGAN, CVPR 2020; github.com/switchablenorms/"
            "CelebAMask-HQ), who trained them on CelebAMask-HQ, which they offer for non-commercial research and "
            "education only; ask them before any other use. The parser is MaskGAN Studio's.",
            "",
            "```",
            *report,
            "```",
            "",
            *HOW_TO_LOAD,
        ]
    )
