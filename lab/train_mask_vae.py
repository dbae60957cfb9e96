"""Train MaskVAE: `accelerate launch lab/train_mask_vae.py --data FACES [RENDERS] --parser PARSER --out RUN`.

Eq. (3)-(5) of MaskGAN. Where masks have unlabelled pixels the parser fills them, as for the DMN; without a parser
they stay unknown, which the network reads as no class and the loss ignores.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
import torch
from torch import Tensor

from lab.data.faces import FaceWithMask, class_odds, filled_mask, load, resize
from lab.data.fill import fill_ignored
from lab.data.sources import open_stream, samples_of, sharded, whole_masks
from lab.evaluation.mask_metrics import reconstruction
from lab.training.mask_losses import Sum, cross_entropy, itself, pixel_rows, soft_dice
from lab.training.run import Run
from lab.training.samples import picture_grid
from lab.training.settings import Network, Settings, common, flag, preset_flag, read_command_line
from lab.training.stopping import TrainingStoppedError, run_script
from maskgan.editing.mask_interpolation import decode_masks, latents
from maskgan.labels import IGNORE, colourise, one_hot
from maskgan.networks.checkpoints import load_network
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import PRESETS, MaskVAE
from maskgan.quick_edits import NOT_IN_PHOTOS, QUICK_EDITS, QuickEditImpossible
from maskgan.run_requests import Number


def divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """L_KL = 1/2 * (mu mu^T + sum_j (exp(sigma_j) - sigma_j - 1)), mean over the batch. MaskGAN eq. (4).

    The KL divergence of N(mu, diag(exp(sigma))) from N(0, I): sigma is the log-variance, both (N, latent_dim).
    """
    return 0.5 * (mean.square() + logvar.exp() - logvar - 1).sum(1).mean()


def mask_vae_loss(
    logits: Tensor,
    mean: Tensor,
    logvar: Tensor,
    mask: Tensor,
    kl_weight: float = 1e-5,
    dice_weight: float = 0.0,
    over_processes: Sum = itself,
) -> tuple[Tensor, dict[str, Tensor]]:
    """L_MaskVAE = L_reconstruct + lambda_KL * L_KL. MaskGAN eq. (3)-(5).

    Args:
        logits: of the masks at the drawn z, (N, 19, H, W).
        mean, logvar: of q(z | M), (N, latent_dim).
        mask: label maps (N, H, W); 255 counts nowhere.
        kl_weight: lambda_KL.
        dice_weight: of `soft_dice`, which the paper does not have: it keeps small and rare classes from vanishing.
            Every third pixel takes part, a lattice over the mask that costs a third of the time.
        over_processes: see `lab/training/mask_losses.py`.

    Returns:
        The total, and its parts by name: `reconstruct` in nats per pixel, `kl` in nats per mask, `dice` if asked for.
    """
    rows, ids = pixel_rows(logits), mask.flatten()
    parts = {"reconstruct": cross_entropy(rows, ids, over_processes), "kl": divergence(mean, logvar)}
    total = parts["reconstruct"] + kl_weight * parts["kl"]
    if dice_weight:
        parts["dice"] = soft_dice(rows[::3], ids[::3], over_processes)
        total = total + dice_weight * parts["dice"]
    return total, parts


def edited_or_moved(face: FaceWithMask, random: np.random.Generator) -> FaceWithMask:
    """Now and then a quick edit; always a little turned, scaled and moved, as aligned crops differ. Mask only."""
    mask, size = face.mask, face.mask.shape[0]
    if random.random() < 0.25 and IGNORE not in mask:
        edits = [edit for name, edit in QUICK_EDITS.items() if name not in NOT_IN_PHOTOS]
        edit = edits[int(random.integers(len(edits)))]
        with suppress(QuickEditImpossible):  # a face may lack what the edit needs
            mask = edit.apply(mask, float(random.uniform(0.3, 1.5)))
    centre = (size / 2, size / 2)
    matrix = cv2.getRotationMatrix2D(centre, float(random.normal(0, 2.5)), float(np.exp(random.normal(0, 0.04))))
    matrix[:, 2] += random.normal(0, 0.015, 2) * size
    mask = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    return FaceWithMask(face.image, mask)


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


@dataclass(frozen=True, kw_only=True)
class MaskVAESettings(Settings):
    """The settings of this stage."""

    stage = "train_mask_vae"
    title, term = "Draw masks between masks", "MaskVAE"

    max_steps: int = common("max_steps", 10_000, trial=100)
    learning_rate: float = common("learning_rate", 1e-3, trial=1e-4)
    sample_steps: int = common("sample_steps", 250)
    parser: Path | None = flag(
        None,
        "face parser (a run or pipeline) that fills unlabelled pixels",
        network=Network("Face parser", ("train_parser",)),
    )
    preset: str = preset_flag("studio", sorted(PRESETS))
    kl_weight: float = flag(1e-5, "lambda_KL of eq. (3)", bounds=Number(float, 0, 1))
    kl_warmup_steps: int = flag(0, "lambda_KL grows from 0 over so many steps")
    dice_weight: float = flag(0.2, "keeps small parts; 0 is the paper's eq. (3)")


def validation_masks(run: Run, face_parser: FaceParser | None) -> list[np.ndarray]:
    """The masks (S, S) of the `val` split of every folder that has one, whole where there is a parser."""
    settings, filled = run.settings, None
    samples = samples_of(settings.data, "val")
    if face_parser is not None:
        with run.accelerator.local_main_process_first():
            filled = fill_ignored(samples, face_parser, settings.out / "filled_masks", settings.resolution)
    faces = [load(sample, filled_mask(filled, sample) if filled else None) for sample in samples]
    return [resize(face, settings.resolution).mask for face in faces]


def main() -> None:
    settings = read_command_line(MaskVAESettings, __doc__)
    run = Run(settings)
    weights = settings.weights
    vae = load_network(weights, "mask_vae") if weights else MaskVAE.preset(settings.preset)
    vae = run.trained("mask_vae", vae, faster_on_cpu=True)
    if vae.mask_size != settings.resolution:
        raise TrainingStoppedError(f"This MaskVAE has {vae.mask_size} px masks; add --resolution {vae.mask_size}.")
    face_parser = None
    if settings.parser:
        face_parser = load_network(settings.parser, "parser")
        face_parser = face_parser.eval().requires_grad_(False).to(run.accelerator.device)

    vae, optimiser = run.accelerator.prepare(vae, torch.optim.Adam(vae.parameters(), settings.learning_rate))
    bare_vae = run.accelerator.unwrap_model(vae)
    run.resume()
    in_folders = not sharded(settings.data)
    odds = class_odds(samples_of(settings.data)) if in_folders else None
    stream = open_stream(run, face_parser, odds, edited_or_moved)
    held_out = validation_masks(run, face_parser) if in_folders else []

    for (image, mask), noise in run.batches(stream):
        if face_parser is not None:
            mask = whole_masks(image, mask, face_parser)
        kl_weight = settings.kl_weight * min(1.0, (run.step + 1) / max(1, settings.kl_warmup_steps))
        with run.accelerator.accumulate(vae):
            with run.accelerator.autocast():
                logits, mean, logvar = vae(one_hot(mask), noise.generators)
            total, parts = mask_vae_loss(
                logits.float(), mean.float(), logvar.float(), mask, kl_weight, settings.dice_weight, run.sum
            )
            run.accelerator.backward(total)
            run.update(vae, optimiser, settings.learning_rate, max_norm=5.0)

        values = {"loss": total, **parts}
        if run.due(settings.sample_steps) and run.accelerator.is_main_process:
            run.show(sample_grid(bare_vae, mask[:6]), "png")
            if held_out:
                confusion = reconstruction(run.averaged()["mask_vae"].to(run.accelerator.device).eval(), held_out)
                values |= {"val_accuracy": confusion.accuracy, "val_miou": confusion.miou()}
        if run.due(settings.log_steps) or run.due(settings.sample_steps):
            run.log(values)
        if run.due(settings.checkpointing_steps):
            run.save()
    run.finish()


if __name__ == "__main__":
    run_script(main)
