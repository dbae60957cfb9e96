"""Train MaskVAE: `accelerate launch lab/train_mask_vae.py --data FACES [RENDERS] --parser PARSER --out RUN`.

Eq. (3)-(5) of MaskGAN. Where masks have unlabelled pixels the parser fills them, as for the DMN; without a parser
they stay unknown, which the network reads as no class and the loss ignores.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lab.data import FaceStream, FaceWithMask, Sample, class_weights, find_samples, load, resize
from lab.fill import fill_ignored
from lab.mask_metrics import reconstruction
from lab.run import Run, TrainingStoppedError, arguments, learning_rate_factor, picture_grid, save_picture
from maskgan.face_parser import FaceParser
from maskgan.labels import IGNORE, NUM_CLASSES, colourise, one_hot
from maskgan.mask_interpolation import decode_masks, latents
from maskgan.mask_vae import PRESETS, MaskVAE
from maskgan.quick_edits import QUICK_EDITS, QuickEditImpossible


def divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """L_KL = 1/2 * (mu mu^T + sum_j (exp(sigma_j) - sigma_j - 1)), mean over the batch. MaskGAN eq. (4).

    The KL divergence of N(mu, diag(exp(sigma))) from N(0, I): sigma is the log-variance, both (N, latent_dim).
    """
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1).sum(1).mean()


def soft_dice(logits: Tensor, ids: Tensor) -> Tensor:
    """One minus the soft Dice coefficient (Milletari et al., 3DV 2016), mean over the classes in `ids`.

    Every class counts alike in it, however small. Pixels as rows: logits (P, 19), class ids (P,); 255 counts nowhere.
    """
    known = ids != IGNORE
    shares = logits.softmax(1) * known[:, None]
    planes = F.one_hot(ids * known, NUM_CLASSES) * known[:, None]
    area = planes.sum(0)
    both, sums, present = (shares * planes).sum(0), shares.sum(0) + area, area > 0
    return (1 - (2 * both[present] + 1) / (sums[present] + 1)).mean()


def mask_vae_loss(
    logits: Tensor, mean: Tensor, logvar: Tensor, mask: Tensor, kl_weight: float = 1e-5, dice_weight: float = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_MaskVAE = L_reconstruct + lambda_KL * L_KL. MaskGAN eq. (3)-(5).

    Args:
        logits: of the masks at the drawn z, (N, 19, H, W).
        mean, logvar: of q(z | M), (N, latent_dim).
        mask: label maps (N, H, W); 255 counts nowhere.
        kl_weight: lambda_KL.
        dice_weight: of `soft_dice`, which the paper does not have: it keeps small and rare classes from vanishing.
            Every third pixel takes part, a lattice over the mask that costs a third of the time.

    Returns:
        The total, and its parts by name: `reconstruct` in nats per pixel, `kl` in nats per mask, `dice` if asked for.
    """
    # Pixels as rows: no copy where the logits are channels-last, and quicker there.
    rows, ids = logits.permute(0, 2, 3, 1).flatten(0, 2), mask.flatten()
    parts = {"reconstruct": F.cross_entropy(rows, ids, ignore_index=IGNORE), "kl": divergence(mean, logvar)}
    total = parts["reconstruct"] + kl_weight * parts["kl"]
    if dice_weight:
        parts["dice"] = soft_dice(rows[::3], ids[::3])
        total = total + dice_weight * parts["dice"]
    return total, parts


def edited_or_moved(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Now and then a quick edit; always a little turned, scaled and moved, as aligned crops differ. Mask only."""
    mask, size = face.mask, face.mask.shape[0]
    if random.random() < 0.25 and IGNORE not in mask:
        edit = list(QUICK_EDITS.values())[int(random.integers(len(QUICK_EDITS)))]
        with suppress(QuickEditImpossible):  # a face may lack what the edit needs
            mask = edit.apply(mask, float(random.uniform(0.3, 1.5)))
    centre = (size / 2, size / 2)
    matrix = cv2.getRotationMatrix2D(centre, float(random.normal(0, 2.5)), float(np.exp(random.normal(0, 0.04))))
    matrix[:, 2] += random.normal(0, 0.015, 2) * size
    mask = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return FaceWithMask(face.image, mask)


def validation_samples(folders: list[Path]) -> list[Sample]:
    """The `val` split of every folder that has one."""
    found = []
    for folder in folders:
        with suppress(FileNotFoundError):  # all of it may be training data
            found += find_samples(folder, "val")
    return found


def sample_grid(vae: MaskVAE, mask: Tensor) -> np.ndarray:
    """Rows: a mask, eight steps from its reconstruction to that of the next mask, the next mask."""
    vae.eval()
    with torch.no_grad():
        z = latents(vae, mask)
        steps = torch.linspace(0, 1, 8, device=z.device)[:, None]
        rows = [decode_masks(vae, torch.lerp(start, end, steps)) for start, end in zip(z, z.roll(-1, 0), strict=True)]
    vae.train()
    given = mask.to(torch.uint8)
    rows = [torch.cat([a[None], row, b[None]]) for a, row, b in zip(given, rows, given.roll(-1, 0), strict=True)]
    return picture_grid([[colourise(m) for m in row.cpu().numpy()] for row in rows])


def main() -> None:
    parser = arguments(__doc__, batch_size=8, max_steps=10_000, learning_rate=1e-3, sample_steps=250)
    parser.add_argument("--parser", type=Path, help="folder with a face parser that fills unlabelled pixels")
    parser.add_argument("--weights", type=Path, help="start from this MaskVAE (folder) rather than from nothing")
    parser.add_argument("--preset", choices=sorted(PRESETS), default="studio")
    parser.add_argument("--kl-weight", type=float, default=1e-5, help="lambda_KL of eq. (3)")
    parser.add_argument("--kl-warmup-steps", type=int, default=0, help="lambda_KL grows from 0 over so many steps")
    parser.add_argument("--dice-weight", type=float, default=0.2, help="keeps small parts; 0 is the paper's eq. (3)")
    args = parser.parse_args()

    run = Run(args, "train_mask_vae")
    device = run.accelerator.device

    vae = MaskVAE.from_pretrained(args.weights) if args.weights else MaskVAE.preset(args.preset)
    if vae.mask_size != args.resolution:
        raise TrainingStoppedError(f"This MaskVAE has {vae.mask_size} px masks; add --resolution {vae.mask_size}.")

    samples = [sample for folder in args.data for sample in find_samples(folder)]
    held_out, filled = validation_samples(args.data), None
    if args.parser:
        face_parser = FaceParser.from_pretrained(args.parser).eval().requires_grad_(False).to(device)
        with run.accelerator.main_process_first():
            filled = fill_ignored(samples + held_out, face_parser, args.out / "filled_masks", args.resolution)
    stream = FaceStream(samples, args.resolution, args.seed, class_weights(samples), edited_or_moved, filled)
    known = [resize(load(s, filled / f"{s.id}.png" if filled else None), args.resolution).mask for s in held_out]

    vae = vae.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(vae.parameters(), args.learning_rate)
    ema = run.average("mask_vae", vae)
    vae, optimiser = run.accelerator.prepare(vae, optimiser)
    bare_vae = run.accelerator.unwrap_model(vae)
    run.resume()

    for _, mask in run.batches(stream):
        factor = learning_rate_factor(run.step, args.warmup_steps, args.max_steps)
        optimiser.param_groups[0]["lr"] = args.learning_rate * factor
        kl_weight = args.kl_weight * min(1.0, (run.step + 1) / max(1, args.kl_warmup_steps))
        with run.accelerator.autocast():
            logits, mean, logvar = vae(one_hot(mask))
        total, parts = mask_vae_loss(logits.float(), mean.float(), logvar.float(), mask, kl_weight, args.dice_weight)
        run.accelerator.backward(total)
        run.accelerator.clip_grad_norm_(vae.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        ema.step(bare_vae.parameters())

        values = {"loss": total.detach(), **parts}
        if run.due(args.sample_steps) and run.accelerator.is_main_process:
            save_picture(args.out / "samples" / f"{run.step + 1:07d}.png", sample_grid(bare_vae, mask[:6]))
            if known:
                ema.store(bare_vae.parameters())
                ema.copy_to(bare_vae.parameters())
                confusion = reconstruction(bare_vae.eval(), known)
                ema.restore(bare_vae.parameters())
                bare_vae.train()
                values |= {"val_accuracy": confusion.accuracy, "val_miou": confusion.miou()}
        if run.due(args.log_steps) or run.due(args.sample_steps):
            run.log(values)
        if run.due(args.checkpointing_steps):
            run.checkpoint()
    run.finish()


if __name__ == "__main__":
    main()
