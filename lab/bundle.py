"""Put trained networks together as the pipeline that the app loads: `python -m lab.bundle --dmn D --out W`.

Writes half-precision safetensors, so that all bundled networks stay small enough for a git repository. Networks that
are not given stay as they are in `--base`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from lab.training.pipelines import assembled
from maskgan.editing.pipeline import WEIGHTS
from maskgan.networks.checkpoints import load_network
from maskgan.networks.registry import NETWORKS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    for name in NETWORKS:
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, type=Path, help=f"folder of the {name}, or of a run or pipeline that has one")
    parser.add_argument("--base", type=Path, default=WEIGHTS, help="pipeline that the other networks come from")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="pipeline folder")
    args = parser.parse_args()
    given = {name: getattr(args, name) for name in NETWORKS if getattr(args, name)}
    trained = {name: load_network(path, name) for name, path in given.items()}
    pipeline = assembled(args.base, trained)
    for name, network in pipeline.networks.items():
        if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()):
            raise SystemExit(f"The weights of the {name} contain NaN or infinity; train it again.")
    pipeline.to(torch.float16).save(args.out)
    size = sum(path.stat().st_size for path in args.out.rglob("*.safetensors"))
    print(f"{args.out}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
