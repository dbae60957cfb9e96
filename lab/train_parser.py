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
import torch.nn.functional as F
from torch import Tensor

from lab import augment
from lab.data import FaceStream, class_weights, find_samples
from lab.run import Run, arguments, learning_rate_factor, picture_grid, save_picture
from maskgan.face_parser import FaceParser
from maskgan.images import to_uint8
from maskgan.labels import IGNORE, colourise, one_hot


def parsing_loss(logits: Tensor, mask: Tensor, dice_weight: float = 0.5) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy + soft Dice of logits (N, 19, H, W) against label maps (N, H, W); 255 counts nowhere."""
    known = (mask != IGNORE)[:, None]
    entropy = F.cross_entropy(logits, mask, ignore_index=IGNORE)
    planes = one_hot(mask, logits.dtype)
    shares = logits.softmax(1) * known
    both = (shares * planes).sum((0, 2, 3))
    sums = shares.sum((0, 2, 3)) + planes.sum((0, 2, 3))
    present = planes.sum((0, 2, 3)) > 0
    dice = 1 - (2 * both[present] + 1) / (sums[present] + 1)
    parts = {"cross_entropy": entropy, "dice": dice.mean()}
    return entropy + dice_weight * dice.mean(), parts


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
    run = Run(args, "train_parser")

    photos = find_samples(args.data[0])
    renders = [sample for folder in args.data[1:] for sample in find_samples(folder)]
    stream = FaceStream(
        photos + renders,
        args.resolution,
        args.seed,
        weights=np.concatenate([class_weights(part) for part in (photos, renders) if part]),
        augment=augment.ForParsing(augment.Accessories(renders) if renders else None),
        correct=partial(augment.tighten_eyes, pixels=args.tighten_eyes),
    )

    model = FaceParser.from_pretrained(args.weights) if args.weights else FaceParser()
    model = model.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(model.parameters(), args.learning_rate, weight_decay=0.01)
    run.average("parser", model)
    model, optimiser = run.accelerator.prepare(model, optimiser)
    run.resume()

    for image, mask in run.batches(stream):
        for group in optimiser.param_groups:
            group["lr"] = args.learning_rate * learning_rate_factor(run.step, args.warmup_steps, args.max_steps)
        image = image.contiguous(memory_format=torch.channels_last)
        with run.accelerator.autocast():
            logits = model(image)
        total, parts = parsing_loss(logits.float(), mask)
        run.accelerator.backward(total)
        run.accelerator.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        run.emas["parser"][1].step(run.accelerator.unwrap_model(model).parameters())

        if run.due(args.log_steps):
            run.log({"loss": total.detach(), **parts})
        if run.due(args.sample_steps) and run.accelerator.is_main_process:
            grid = sample_grid(run.accelerator.unwrap_model(model), image[:8], mask[:8])
            save_picture(args.out / "samples" / f"{run.step + 1:07d}.jpg", grid)
        if run.due(args.checkpointing_steps):
            run.checkpoint()
    run.finish()


if __name__ == "__main__":
    main()
