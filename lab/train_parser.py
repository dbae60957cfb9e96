"""Train the face parser: `accelerate launch lab/train_parser.py --data FACES [RENDERS] --out RUN`.

Pixel-wise cross-entropy over 19 classes plus the soft Dice loss (Milletari et al., 3DV 2016) of the
classes present, which keeps eyes, brows and earrings from drowning in skin; 255 is ignored by both.
Folders after the first may be rendered heads: their accessories are also put on the other faces.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor

from lab.data import augment
from lab.data.faces import FaceStream, class_weights
from lab.data.sources import samples_of, sharded
from lab.training.flags import arguments
from lab.training.launch import command
from lab.training.mask_losses import Sum, cross_entropy, itself, pixel_rows, soft_dice
from lab.training.run import Run, picture_grid
from maskgan.images import to_uint8
from maskgan.labels import colourise
from maskgan.networks.face_parser import FaceParser
from maskgan.snapshots import hash_of, network_folder


def parsing_loss(
    logits: Tensor, mask: Tensor, dice_weight: float = 0.5, over_processes: Sum = itself
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy + soft Dice of logits (N, 19, H, W) against label maps (N, H, W); 255 counts nowhere."""
    rows, ids = pixel_rows(logits), mask.flatten()
    parts = {
        "cross_entropy": cross_entropy(rows, ids, over_processes),
        "dice": soft_dice(rows, ids, over_processes),
    }
    return parts["cross_entropy"] + dice_weight * parts["dice"], parts


def sample_grid(parser: FaceParser, image: Tensor, mask: Tensor) -> np.ndarray:
    """Photo, given mask, answer; one row of each."""
    parser.eval()
    answer = parser.parse(image)[0].cpu().numpy()
    parser.train()
    given = mask.to(torch.uint8).cpu().numpy()
    return picture_grid([list(to_uint8(image)), [colourise(m) for m in given], [colourise(m) for m in answer]])


def main() -> None:
    parser = arguments(__doc__, batch_size=16, max_steps=4000, learning_rate=1e-3, resolution=128)
    parser.add_argument("--weights", type=Path, help="start from this parser (folder) rather than from nothing")
    parser.add_argument(
        "--tighten-eyes",
        type=int,
        default=0,
        help="shrink eye labels of photos by so many pixels (labels from a mesh)",
    )
    args = parser.parse_args()
    if sharded(args.data):
        parser.error("--data: the parser trains on folders, for it draws faces with rare parts more often.")
    run = Run(args, "train_parser")

    photos, renders = samples_of(args.data[:1]), samples_of(args.data[1:])
    stream = FaceStream(
        photos + renders,
        args.resolution,
        args.seed,
        weights=np.concatenate([class_weights(part) for part in (photos, renders) if part]),
        augment=augment.ForParsing(augment.Accessories(renders) if renders else None),
        correct=partial(augment.tighten_eyes, pixels=args.tighten_eyes),
    )

    run.parent = args.weights and hash_of(args.weights)
    model = FaceParser.from_pretrained(network_folder(args.weights, "parser")) if args.weights else FaceParser()
    model = run.trained("parser", model, faster_on_cpu=True)
    model, optimiser = run.accelerator.prepare(
        model, torch.optim.AdamW(model.parameters(), args.learning_rate, weight_decay=0.01)
    )
    run.resume()

    for image, mask in run.batches(stream):
        image = image.contiguous(memory_format=run.layout(faster_on_cpu=True))
        with run.accelerator.accumulate(model):
            with run.accelerator.autocast():
                logits = model(image)
            total, parts = parsing_loss(logits.float(), mask, over_processes=run.sum)
            run.accelerator.backward(total)
            run.update(model, optimiser, args.learning_rate, max_norm=5.0)

        if run.due(args.log_steps):
            run.log({"loss": total, **parts})
        if run.due(args.sample_steps) and run.accelerator.is_main_process:
            run.show(sample_grid(run.accelerator.unwrap_model(model), image[:8], mask[:8]))
        if run.due(args.checkpointing_steps):
            run.checkpoint()
    run.finish()


if __name__ == "__main__":
    command(main)
