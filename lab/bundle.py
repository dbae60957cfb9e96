"""Put trained networks together as the pipeline that the app loads: `python -m lab.bundle --parser P --dmn D --out W`.

Writes half-precision safetensors, so that all bundled networks stay small enough for a git repository.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from maskgan.dense_mapping import DenseMappingNetwork
from maskgan.face_parser import FaceParser
from maskgan.pipeline import WEIGHTS, MaskGANPipeline


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--parser", type=Path, required=True, help="weights folder of a train_parser.py run")
    parser.add_argument("--dmn", type=Path, required=True, help="weights folder of a pretrain_dmn.py run")
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="pipeline folder")
    args = parser.parse_args()
    networks = DenseMappingNetwork.from_pretrained(args.dmn), FaceParser.from_pretrained(args.parser)
    for network in networks:
        if not all(torch.isfinite(tensor).all() for tensor in network.state_dict().values()):
            raise SystemExit(
                f"The weights of {type(network).__name__} hold values that are no numbers; train it again."
            )
    pipeline = MaskGANPipeline(*networks).to(torch.float16)
    pipeline.save_pretrained(args.out)
    size = sum(path.stat().st_size for path in args.out.rglob("*.safetensors"))
    print(f"{args.out}: {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
