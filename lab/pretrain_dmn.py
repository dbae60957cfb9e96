"""Stage one of MaskGAN: `accelerate launch lab/pretrain_dmn.py --data FACES [RENDERS] --out RUN`.

The Dense Mapping Network learns to redraw I^t from its style and M = M^t, with the objective of eq. (6).
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from torch import Tensor

from lab.data.sources import open_stream, whole_masks
from lab.training import adversary
from lab.training.baselines import BASELINES, load_generator
from lab.training.flags import arguments
from lab.training.launch import command
from lab.training.noise import SampleNoise
from lab.training.run import Run, picture_grid
from maskgan.editing.pipeline import WEIGHTS
from maskgan.images import to_uint8
from maskgan.labels import NUM_CLASSES, colourise, one_hot
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.region_style import RegionStyle
from maskgan.snapshots import hash_of, network_folder


def shifted(image: Tensor, mask: Tensor, noise: SampleNoise, amount: float = 0.06) -> tuple[Tensor, Tensor]:
    """The same faces a little turned, scaled and moved, image and mask alike.

    Taking the style from such a copy is what an edit does to the network: the places of M and of the style
    do not agree exactly. Without it the residue would be trusted to the pixel.
    """
    angle, size, *move = (noise.normal(4) * amount).unbind(1)
    cos, sin = torch.cos(angle) * size.exp(), torch.sin(angle) * size.exp()
    matrix = torch.stack([torch.stack([cos, -sin, move[0]], 1), torch.stack([sin, cos, move[1]], 1)], 1)
    grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
    options = {"padding_mode": "reflection", "align_corners": False}
    moved = F.grid_sample(mask[:, None].to(image.dtype), grid, mode="nearest", **options)
    return F.grid_sample(image, grid, mode="bilinear", **options), moved[:, 0].round().to(mask.dtype)


def style_of_an_edit(
    dmn: DenseMappingNetwork, image: Tensor, mask: Tensor, noise: SampleNoise
) -> tuple[Tensor | None, ...]:
    """I^t, M^t and what is hidden of their style, as the editor will meet it.

    One style in four comes from a shifted copy, one in five has no residue, and some lack classes that M has.
    """
    if dmn.config.style_scope == "vector":
        return image, mask, None, None
    chance = noise.uniform(NUM_CLASSES + 2)
    moved_image, moved_mask = shifted(image, mask, noise)
    moves = chance[:, -2] < 0.25
    source = torch.where(moves[:, None, None, None], moved_image, image)
    source_mask = torch.where(moves[:, None, None], moved_mask, mask)
    return source, source_mask, (chance[:, :-2] < 0.06).to(image.dtype), (chance[:, -1] > 0.2).to(image.dtype)


def sample_grid(dmn: DenseMappingNetwork, image: Tensor, mask: Tensor) -> np.ndarray:
    """Rows: photo, mask, redrawn, redrawn without residue, the next face's mask in this face's style."""
    dmn.eval()
    with torch.no_grad():
        style = dmn.encode_style(image, mask)
        plain = style.without_residue() if isinstance(style, RegionStyle) else style
        rows = [image, dmn.generate(mask, style), dmn.generate(mask, plain), dmn.generate(mask.roll(1, 0), plain)]
    dmn.train()
    pictures = [list(to_uint8(row)) for row in rows]
    masks = [colourise(m) for m in mask.to(torch.uint8).cpu().numpy()]
    return picture_grid([pictures[0], masks, *pictures[1:]])


def build(args: argparse.Namespace) -> ModelMixin:
    """The network to train: `--weights`, or one of random weights by `--network` or `--preset`."""
    if args.weights:
        return load_generator(network_folder(args.weights, "dmn"))
    if args.network != "dmn":
        return BASELINES[args.network]()
    return DenseMappingNetwork(**PRESETS[args.preset] | ({"style_scope": args.style_scope} if args.style_scope else {}))


def main() -> None:
    parser = arguments(__doc__, batch_size=8, max_steps=20_000, learning_rate=4e-4)
    parser.add_argument("--parser", type=Path, default=WEIGHTS, help="trained face parser (a run's or pipeline folder)")
    parser.add_argument("--weights", type=Path, help="start from this DMN (folder) rather than from nothing")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="studio")
    parser.add_argument("--network", choices=("dmn", *BASELINES), default="dmn", help="a baseline, for comparisons")
    parser.add_argument("--style-scope", choices=("global", "region", "region_and_residue"), help="for comparisons")
    adversary.add_arguments(parser)
    args = parser.parse_args()
    run = Run(args, "pretrain_dmn")

    face_parser = FaceParser.from_pretrained(network_folder(args.parser, "parser"))
    face_parser = face_parser.eval().requires_grad_(False).to(run.accelerator.device)
    run.parent = args.weights and hash_of(args.weights)
    dmn = run.trained("dmn", build(args))
    dmn, optimiser = run.accelerator.prepare(dmn, adversary.adam(dmn, args.learning_rate))
    critic = adversary.Adversary(args, run, face_parser)
    bare_dmn = run.accelerator.unwrap_model(dmn)
    run.resume()

    for image, mask in run.batches(open_stream(run, face_parser)):
        image = image.contiguous(memory_format=run.layout())
        mask = whole_masks(image, mask, face_parser)
        planes = one_hot(mask)
        with run.accelerator.accumulate(dmn, critic.critic):
            with run.accelerator.autocast():
                source, source_mask, dropped, kept = style_of_an_edit(bare_dmn, image, mask, run.noise)
                fake = dmn(source, source_mask, mask, dropped, kept)

            # update D
            critic_loss, real_answers = critic.learn(image, fake, planes)

            # update G_A
            total, parts = critic.objective(image, fake, planes, real_answers)
            run.accelerator.backward(total)
            run.update(dmn, optimiser, args.learning_rate, max_norm=10.0)

        if run.due(args.log_steps):
            psnr = -10 * math.log10(F.mse_loss(fake.detach().float(), image).item() / 4)
            run.log({"critic": critic_loss, "loss": total, "psnr": psnr, **parts})
        if run.due(args.sample_steps) and run.accelerator.is_main_process:
            run.show(sample_grid(bare_dmn, image[:8], mask[:8]))
        if run.due(args.checkpointing_steps):
            run.checkpoint()
    run.finish()


if __name__ == "__main__":
    command(main)
