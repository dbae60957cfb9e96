"""Stage one of MaskGAN: `accelerate launch lab/pretrain_dmn.py --data FACES [RENDERS] --parser PARSER --out RUN`.

The Dense Mapping Network learns to redraw I^t from its style and M = M^t, with the objective of eq. (6).
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab import adversary
from lab.data import FaceStream, find_samples
from lab.fill import fill_ignored
from lab.run import Run, arguments, learning_rate_factor, picture_grid, save_picture
from maskgan.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.face_parser import FaceParser
from maskgan.images import to_uint8
from maskgan.labels import NUM_CLASSES, colourise, one_hot
from maskgan.region_style import RegionStyle


def shifted(image: Tensor, mask: Tensor, amount: float = 0.06) -> tuple[Tensor, Tensor]:
    """The same faces a little turned, scaled and moved, image and mask alike.

    Taking the style from such a copy is what an edit does to the network: the places of M and of the style
    do not agree exactly. Without it the residue would be trusted to the pixel.
    """
    count = len(image)
    angle = torch.randn(count, device=image.device) * amount
    scale = torch.exp(torch.randn(count, device=image.device) * amount)
    move = torch.randn(count, 2, device=image.device) * amount
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    matrix = torch.stack([torch.stack([cos, -sin, move[:, 0]], 1), torch.stack([sin, cos, move[:, 1]], 1)], 1)
    grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
    options = {"padding_mode": "reflection", "align_corners": False}
    moved = F.grid_sample(mask[:, None].to(image.dtype), grid, mode="nearest", **options)
    return F.grid_sample(image, grid, mode="bilinear", **options), moved[:, 0].round().to(mask.dtype)


def style_of_an_edit(dmn: DenseMappingNetwork, image: Tensor, mask: Tensor) -> tuple[Tensor | None, ...]:
    """I^t, M^t and what is hidden of their style, as the editor will meet it.

    Now and then the style comes from a shifted copy, without residue, or lacks classes that M has.
    """
    if dmn.config.style_scope == "vector":
        return image, mask, None, None
    source = shifted(image, mask) if torch.rand(()) < 0.25 else (image, mask)
    dropped = (torch.rand(len(image), NUM_CLASSES, device=image.device) < 0.06).to(image.dtype)
    kept = (torch.rand(len(image), device=image.device) > 0.2).to(image.dtype)
    return *source, dropped, kept


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


def main() -> None:
    parser = arguments(__doc__, batch_size=8, max_steps=20_000, learning_rate=4e-4)
    parser.add_argument("--parser", type=Path, required=True, help="folder with the trained face parser")
    parser.add_argument("--weights", type=Path, help="start from this DMN (folder) rather than from nothing")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="studio")
    parser.add_argument("--style-scope", choices=("global", "region", "region_and_residue"), help="for comparisons")
    adversary.add_arguments(parser)
    args = parser.parse_args()
    run = Run(args, "pretrain_dmn")
    device = run.accelerator.device

    face_parser = FaceParser.from_pretrained(args.parser).eval().requires_grad_(False).to(device)
    samples = [sample for folder in args.data for sample in find_samples(folder)]
    with run.accelerator.main_process_first():
        filled = fill_ignored(samples, face_parser, args.out / "filled_masks", args.resolution)
    stream = FaceStream(samples, args.resolution, args.seed, filled=filled)

    if args.weights:
        dmn = DenseMappingNetwork.from_pretrained(args.weights)
    else:
        config = PRESETS[args.preset] | ({"style_scope": args.style_scope} if args.style_scope else {})
        dmn = DenseMappingNetwork(**config)
    layout = adversary.memory_layout(device)
    dmn = dmn.to(memory_format=layout).train()
    run.average("dmn", dmn)
    dmn, optimiser = run.accelerator.prepare(dmn, adversary.adam(dmn, args.learning_rate))
    critic = adversary.Adversary(args, run, face_parser)
    run.resume()
    bare_dmn = run.accelerator.unwrap_model(dmn)

    for image, mask in run.batches(stream):
        factor = learning_rate_factor(run.step, args.warmup_steps, args.max_steps)
        optimiser.param_groups[0]["lr"] = args.learning_rate * factor
        image, planes = image.contiguous(memory_format=layout), one_hot(mask)

        with run.accelerator.autocast():
            source, source_mask, dropped, kept = style_of_an_edit(bare_dmn, image, mask)
            fake = dmn(source, source_mask, mask, dropped, kept)

        # update D
        critic_loss, real_answers = critic.learn(image, fake, planes, factor)

        # update G_A
        total, parts = critic.objective(image, fake, planes, real_answers)
        run.accelerator.backward(total)
        run.accelerator.clip_grad_norm_(dmn.parameters(), 10.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        run.emas["dmn"][1].step(bare_dmn.parameters())

        if run.due(args.log_steps):
            psnr = -10 * math.log10(F.mse_loss(fake.detach().float(), image).item() / 4)
            run.log({"critic": critic_loss, "loss": total, "psnr": psnr, **parts})
        if run.due(args.sample_steps) and run.accelerator.is_main_process:
            save_picture(args.out / "samples" / f"{run.step + 1:07d}.jpg", sample_grid(bare_dmn, image[:8], mask[:8]))
        if run.due(args.checkpointing_steps):
            run.checkpoint()
    run.finish()


if __name__ == "__main__":
    main()
