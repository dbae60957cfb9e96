"""The flags that every stage has."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from maskgan.editing.pipeline import WEIGHTS


def arguments(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """A parser with the common flags; `defaults` overrides their defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add(
        "--data", type=data_source, nargs="+", required=True,
        help="folders in the plain format (images/, masks/, index.csv), or one folder or URL of shards",
    )  # fmt: skip
    add("--out", type=Path, required=True, help="run folder; a disk that all machines share")
    add("--base", type=Path, default=WEIGHTS, help="pipeline whose other networks complete the published snapshots")
    add("--resolution", type=int, default=256)
    add("--batch-size", type=int, default=8, help="per process")
    add("--gradient-accumulation-steps", type=int, default=1, help="batches per step")
    add("--max-steps", type=int, default=20_000)
    add("--learning-rate", type=float, default=2e-4)
    add("--lr-scheduler", choices=("cosine", "linear", "constant"), default="cosine", help="down to a tenth, or not")
    add("--warmup-steps", type=int, default=100)
    add("--ema-decay", type=float, default=0.998)
    add("--mixed-precision", choices=("no", "fp16", "bf16"), default="no")
    add("--channels-last", action=argparse.BooleanOptionalAction, help="memory layout (default: where it is faster)")
    add("--compile", action="store_true", help="torch.compile the trained networks")
    add("--cpu", action="store_true", help="train on the CPU though there is a GPU")
    add("--checkpointing-steps", type=int, default=500)
    add("--checkpoints-total-limit", type=int, default=2)
    add("--resume", default="auto", metavar="auto|never|FOLDER", help="newest checkpoint of --out, none, or this one")
    add("--sample-steps", type=int, default=500)
    add("--log-steps", type=int, default=20)
    add("--num-workers", type=int, default=1)
    add("--seed", type=int, default=0)
    add("--report-to", default=None, help="trackers of Accelerate, e.g. tensorboard")
    add("--push-to-hub", metavar="OWNER/NAME", help="upload the last snapshot to this model repository")
    add("--dry-run", action="store_true", help="two steps, then everything that a run writes")
    parser.set_defaults(**defaults)
    return parser


def data_source(text: str) -> Path | str:
    """A folder, or a URL as it is."""
    return text if "://" in text else Path(text)
