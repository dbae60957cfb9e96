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

from lab.data import FaceStream, find_samples
from lab.discriminator import MultiscaleDiscriminator
from lab.fill import fill_ignored
from lab.losses import Weights, adversarial_discriminator, generator_objective, perceptual_network
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
    parser.add_argument("--discriminator-learning-rate", type=float, default=4e-4)
    parser.add_argument("--discriminator-width", type=int, default=64)
    parser.add_argument("--discriminator-layers", type=int, default=4)
    parser.add_argument("--discriminator-unshuffle", type=int, default=1, help="2 is cheaper, for training on a CPU")
    parser.add_argument("--perceptual", choices=("auto", "vgg19", "parser"), default="auto")
    parser.add_argument("--adversarial-weight", type=float, default=1.0)
    parser.add_argument("--feature-weight", type=float, default=10.0)
    parser.add_argument("--perceptual-weight", type=float, default=10.0)
    parser.add_argument("--pixel-weight", type=float, default=20.0, help="L1 on the pixels; the paper has none")
    args = parser.parse_args()
    run = Run(args, "pretrain_dmn")
    device = run.accelerator.device

    face_parser = FaceParser.from_pretrained(args.parser).eval().requires_grad_(False).to(device)
    samples = [sample for folder in args.data for sample in find_samples(folder)]
    with run.accelerator.main_process_first():
        filled = fill_ignored(samples, face_parser, args.out / "filled_masks", args.resolution)
    stream = FaceStream(samples, args.resolution, args.seed, filled=filled)
    features = perceptual_network(args.perceptual, face_parser).to(device)
    weights = Weights(args.adversarial_weight, args.feature_weight, args.perceptual_weight, args.pixel_weight)

    if args.weights:
        dmn = DenseMappingNetwork.from_pretrained(args.weights)
    else:
        config = PRESETS[args.preset] | ({"style_scope": args.style_scope} if args.style_scope else {})
        dmn = DenseMappingNetwork(**config)
    # Channels-last suits tensor cores; on a CPU these networks' reshapes cost more than it gains.
    layout = torch.channels_last if device.type == "cuda" else torch.contiguous_format
    dmn = dmn.to(memory_format=layout).train()
    critic = MultiscaleDiscriminator(
        args.discriminator_width, args.discriminator_layers, unshuffle=args.discriminator_unshuffle
    ).to(memory_format=layout)
    rates = (args.learning_rate, args.discriminator_learning_rate)
    # Two time scales and a low beta1, usual for adversarial training (Heusel et al., NeurIPS 2017).
    optimisers = [
        torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))
        for network, rate in zip((dmn, critic), rates, strict=True)
    ]
    run.average("dmn", dmn)
    dmn, critic, optimisers[0], optimisers[1] = run.accelerator.prepare(dmn, critic, *optimisers)
    run.resume()
    backward = run.accelerator.backward
    # Without the wrappers that average gradients over processes: where no gradients of the network are wanted.
    bare_dmn, bare_critic = run.accelerator.unwrap_model(dmn), run.accelerator.unwrap_model(critic)

    for image, mask in run.batches(stream):
        factor = learning_rate_factor(run.step, args.warmup_steps, args.max_steps)
        for optimiser, rate in zip(optimisers, rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * factor
        image, planes = image.contiguous(memory_format=layout), one_hot(mask)

        with run.accelerator.autocast():
            source, source_mask, dropped, kept = style_of_an_edit(bare_dmn, image, mask)
            fake = dmn(source, source_mask, mask, dropped, kept)
            # update D
            critic.requires_grad_(True)
            answers = critic(torch.cat([image, fake.detach()]), planes.repeat(2, 1, 1, 1))
            real_answers = [[layer.chunk(2)[0] for layer in scale] for scale in answers]
            fake_answers = [[layer.chunk(2)[1] for layer in scale] for scale in answers]
            critic_loss = adversarial_discriminator(real_answers, fake_answers)
        backward(critic_loss)
        optimisers[1].step()
        optimisers[1].zero_grad(set_to_none=True)

        # update G_A; D is frozen so that this step's gradients do not leak into it
        critic.requires_grad_(False)
        with run.accelerator.autocast():
            real_answers = [[layer.detach() for layer in scale] for scale in real_answers]
            with torch.no_grad():
                real_features = features(image)
            total, parts = generator_objective(
                weights, real_answers, bare_critic(fake, planes), real_features, features(fake), image, fake
            )
        backward(total)
        run.accelerator.clip_grad_norm_(dmn.parameters(), 10.0)
        optimisers[0].step()
        optimisers[0].zero_grad(set_to_none=True)
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
