"""Stage one of MaskGAN: `accelerate launch lab/pretrain_dmn.py --data FACES [RENDERS] --out RUN`.

The Dense Mapping Network learns to draw I^t from its style and M = M^t, with the objective of eq. (6). Of one face in
eight it redraws everything, as in the paper; of the others it fills a hole (`lab/data/holes.py`) and is shown the rest
of the photo, whole or in a window of a sharper picture. `--holes 0 --adversary patch` trains as the paper does.

`--teacher` distils a trained network into a smaller one (Hinton et al., 2015): where the pixels were compared with the
photo, they are compared with what the teacher draws, and the rest of the objective stays.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lab.data.faces import CountingSampler, FaceStream
from lab.data.filling import Filling, FillingTask
from lab.data.sources import open_stream, samples_of, sharded, whole_tasks
from lab.shards import ShardStream
from lab.training.adversary import AdversarialSettings, Drawing, adam, open_adversary
from lab.training.baselines import BASELINES, load_generator
from lab.training.growth import grown
from lab.training.losses import pixel_loss
from lab.training.noise import SampleNoise
from lab.training.pruning import pruned
from lab.training.run import Run
from lab.training.samples import picture_grid
from lab.training.settings import Network, common, flag, preset_flag, read_command_line
from lab.training.stopping import run_script
from maskgan.editing.pipeline import WEIGHTS
from maskgan.images import to_uint8
from maskgan.labels import NUM_CLASSES, colourise, one_hot
from maskgan.networks.checkpoints import load_network
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.run_requests import Number
from maskgan.snapshots import network_folder

#: Share of the faces of which a hole is filled; of the others everything is redrawn.
USUAL_HOLES = 0.875

#: Faces that a teacher draws to show which of its channels matter.
CALIBRATION_FACES = 8


def shifted(image: Tensor, mask: Tensor, known: Tensor, noise: SampleNoise, amount: float = 0.06) -> tuple[Tensor, ...]:
    """The same faces a little turned, scaled and moved, image, mask and known plane alike.

    Taking the style from such a copy is what an edit does to the network: the places of M and of the style
    do not agree exactly. Without it the residue would be trusted to the pixel.
    """
    angle, size, *move = (noise.normal(4) * amount).unbind(1)
    cos, sin = torch.cos(angle) * size.exp(), torch.sin(angle) * size.exp()
    matrix = torch.stack([torch.stack([cos, -sin, move[0]], 1), torch.stack([sin, cos, move[1]], 1)], 1)
    grid = F.affine_grid(matrix, list(image.shape), align_corners=False)
    options = {"padding_mode": "reflection", "align_corners": False}
    moved = F.grid_sample(mask[:, None].to(image.dtype), grid, mode="nearest", **options)[:, 0].round().to(mask.dtype)
    return F.grid_sample(image, grid, mode="bilinear", **options), moved, F.grid_sample(known, grid, **options)


class StyleSource(NamedTuple):
    """What a style is taken from in training, in the order of `DenseMappingNetwork.forward`.

    image, mask: I^t and M^t, (N, 3, S, S) and (N, S, S); dropped: (N, 19) classes whose code is hidden; residue_kept:
    (N,) 0 where the residue is hidden; known: (N, 1, S, S) where it may be taken from.
    """

    image: Tensor
    mask: Tensor
    dropped: Tensor | None = None
    residue_kept: Tensor | None = None
    known: Tensor | None = None


def style_of_an_edit(
    dmn: DenseMappingNetwork, image: Tensor, mask: Tensor, known: Tensor, noise: SampleNoise
) -> StyleSource:
    """What an edit's style comes from, as the editor will meet it.

    One style in four comes from a shifted copy, one in five has no residue, and some lack classes that M has. Of the
    classes without any `known` pixel (N, 1, S, S) every third is lacking: they are new in the face.
    """
    if dmn.config.style_scope == "vector":
        return StyleSource(image, mask)
    chance = noise.uniform(NUM_CLASSES + 2)
    moves = chance[:, -2] < 0.25
    moved = shifted(image, mask, known, noise)
    where = (moves[:, None, None, None], moves[:, None, None], moves[:, None, None, None])
    source, source_mask, source_known = (
        torch.where(*choice) for choice in zip(where, moved, (image, mask, known), strict=True)
    )
    seen = (one_hot(mask, image.dtype) * known).sum((2, 3))  # N, 19: pixels of each class that are known
    dropped = chance[:, :-2] < torch.where(seen < 1, 0.33, 0.06)
    kept = chance[:, -1] > 0.2
    return StyleSource(source, source_mask, dropped.to(image.dtype), kept.to(image.dtype), source_known)


def sees_known(generator: ModelMixin) -> bool:
    """Whether a generator can be shown the pixels that an edit keeps."""
    return bool(getattr(generator.config, "kept", False))


def draw(dmn: nn.Module, task: Filling, style: StyleSource, shown: bool, noise_shift: Tensor | None = None) -> Tensor:
    """All of each view, (N, 3, S, S), by a generator that is `shown` what is known of it, or is not.

    `noise_shift` (N, 2) in 0..1: of the noise that a generator of the first kind may add.
    """
    if not shown:
        return dmn(*style[:2], task.view_mask, *style[2:4])
    kept = kept_pixels(task.view, task.known)
    return dmn(*style[:2], task.view_mask, *style[2:], task.window, kept, noise_shift)


@torch.no_grad()
def sample_grid(dmn: DenseMappingNetwork, task: Filling) -> np.ndarray:
    """Rows: view, what is known, mask, filled; the whole face redrawn, without residue, in the next one's shapes."""
    dmn.eval()
    style = dmn.encode_style(task.image, task.mask)
    plain = style.without_residue()
    filled = draw(dmn, task, StyleSource(task.image, task.mask, known=task.style_known), sees_known(dmn))
    whole = [
        dmn.generate(mask, s) for mask, s in ((task.mask, style), (task.mask, plain), (task.mask.roll(1, 0), plain))
    ]
    dmn.train()
    filled = torch.where(task.known > 0, task.view, filled)
    pictures = [list(to_uint8(row)) for row in (task.view, task.view * task.known, filled, *whole)]
    masks = [colourise(mask) for mask in task.view_mask.to(torch.uint8).cpu().numpy()]
    return picture_grid([*pictures[:2], masks, *pictures[2:]])


@dataclass(frozen=True, kw_only=True)
class DmnSettings(AdversarialSettings):
    """The settings of this stage."""

    stage = "pretrain_dmn"
    title, term = "Paint a face from its mask", "Dense Mapping Network"

    max_steps: int = common("max_steps", 20_000, trial=40)
    learning_rate: float = common("learning_rate", 4e-4, trial=1e-4)
    parser: Path = flag(
        WEIGHTS,
        "trained face parser (a run's or pipeline folder)",
        network=Network("Face parser", ("train_parser",)),
    )
    preset: str = preset_flag("studio", sorted(PRESETS))
    network: str = flag("dmn", "a baseline, for comparisons", choices=("dmn", *BASELINES))
    grow: bool = flag(False, "give the network of --weights the size of --preset; it goes on from what it draws")
    teacher: Path | None = flag(
        None,
        "distil this trained network (a run's or pipeline folder), with its style encoder, into one of --preset",
    )
    shrink: bool = flag(False, "begin with the network of --teacher, pruned to the size of --preset")
    distillation_weight: float = flag(8.0, "L1 between the picture and the teacher's; --pixel-weight is 0 then")
    style_scope: str | None = flag(None, "for comparisons", choices=("global", "region", "region_and_residue"))
    holes: float | None = flag(
        None,
        f"of the faces, of which only a hole is filled; default: {USUAL_HOLES} for the studio network",
        metavar="SHARE",
        bounds=Number(float, 0, 1),
    )
    windows: float = flag(
        0.75,
        "of the faces with a sharper picture (images_sharp/, or larger images), shown in windows of it",
        metavar="SHARE",
        bounds=Number(float, 0, 1),
    )


def build(settings: DmnSettings) -> tuple[ModelMixin, float]:
    """The network to train, and the share of the faces of which a hole is filled.

    The network is that of `--weights`, or one of random weights by `--network` or `--preset`. With holes to fill, a
    studio network that cannot see kept pixels yet becomes one that can.

    Raises:
        ValueError: for `--holes` and a network that cannot learn to fill them, and for `--shrink` with nothing to
            shrink or with weights of its own.
    """
    if settings.shrink and (settings.teacher is None or settings.weights):
        raise ValueError("--shrink begins with the network of --teacher: give one, and leave --weights out.")
    if settings.weights:
        network = load_generator(network_folder(settings.weights, "dmn"))
        if settings.grow and isinstance(network, DenseMappingNetwork):
            network = grown(network, **PRESETS[settings.preset])
    elif settings.network != "dmn":
        network = BASELINES[settings.network]()
    else:
        scope = {"style_scope": settings.style_scope} if settings.style_scope else {}
        network = DenseMappingNetwork(**PRESETS[settings.preset] | scope)
    studio = isinstance(network, DenseMappingNetwork) and network.config.style_scope != "vector"
    holes = settings.holes
    if holes is None:
        holes = USUAL_HOLES if studio else 0.0
    if holes and not studio:
        raise ValueError("Only the studio network can be shown a photo with a hole; leave --holes out.")
    return (network.with_kept() if holes and not network.config.kept else network), holes


def first_tasks(settings: DmnSettings, filling: FillingTask | None) -> Filling:
    """The first tasks of a stream of training data, as the data have them."""
    options = {"seed": settings.seed, "finish": filling}
    if sharded(settings.data):
        stream, sampler = ShardStream(settings.data[0], settings.resolution, **options), None
    else:
        stream = FaceStream(samples_of(settings.data), settings.resolution, **options)
        sampler = CountingSampler(0, 1, CALIBRATION_FACES)
    batch = next(iter(DataLoader(stream, CALIBRATION_FACES, sampler=sampler, generator=torch.Generator())))
    return Filling(*batch) if filling else Filling.of_whole_faces(*batch)


def student_of(
    teacher: ModelMixin, network: ModelMixin, settings: DmnSettings, tasks: Callable[[], Filling]
) -> DenseMappingNetwork:
    """The network that a teacher teaches: `network`, or with `--shrink` the teacher pruned to its size.

    Its style encoder is the teacher's and is not trained: it works once per photo, so that a smaller one would gain
    nothing, and styles that were stored stay right.

    Raises:
        ValueError: when one of the two is no studio network, or their styles have other sizes.
    """
    for each in (teacher, network):
        if not isinstance(each, DenseMappingNetwork) or each.config.style_scope == "vector":
            raise ValueError("Only a studio network can teach, and learn from, another; leave --teacher out.")
    names = ("style_scope", "encoder_width", "code_dim", "residue_dim")
    if any(teacher.config[name] != network.config[name] for name in names):
        raise ValueError(
            "The style encoder of --teacher has another size than that of --preset; choose a preset "
            "whose " + ", ".join(names) + " are the teacher's."
        )
    if settings.shrink:
        task = tasks()
        style = StyleSource(task.image, task.mask, known=task.style_known)
        network = pruned(
            teacher,
            lambda dmn: draw(dmn, task, style, sees_known(dmn)),
            **{name: network.config[name] for name in PRESETS[settings.preset]} | {"kept": network.config.kept},
        )
    network.style_encoder.load_state_dict(teacher.style_encoder.state_dict())
    network.style_encoder.requires_grad_(False)
    return network


@torch.no_grad()
def psnr_of_holes(drawing: Drawing) -> float:
    """Of what was drawn where nothing is known, in dB."""
    hole = 1 - drawing.known
    error = ((drawing.drawn.float() - drawing.real).square() * hole).sum() / (3 * hole.sum())
    return -10 * math.log10(max(error.item(), 1e-10) / 4)


def main() -> None:
    settings = read_command_line(DmnSettings, __doc__)
    if settings.teacher and settings.pixel_weight is None:
        settings = replace(settings, pixel_weight=0.0)
    run = Run(settings)

    face_parser = load_network(settings.parser, "parser")
    face_parser = face_parser.eval().requires_grad_(False).to(run.accelerator.device)
    dmn, holes = build(settings)
    filling = FillingTask(settings.windows, 1 - holes) if holes else None
    teacher = None
    if settings.teacher:
        teacher = load_network(settings.teacher, "dmn").eval().requires_grad_(False).to(run.accelerator.device)
        dmn = student_of(
            teacher, dmn, settings, lambda: whole_tasks(first_tasks(settings, filling), face_parser, run.layout())
        )
    dmn = run.trained("dmn", dmn)
    dmn, optimiser = run.accelerator.prepare(dmn, adam(dmn, settings.learning_rate))
    adversary = open_adversary(settings, run, face_parser)
    bare_dmn = run.accelerator.unwrap_model(dmn)
    run.resume()

    for batch, noise in run.batches(open_stream(run, face_parser, filling=filling)):
        task = whole_tasks(Filling(*batch) if filling else Filling.of_whole_faces(*batch), face_parser, run.layout())
        planes = one_hot(task.view_mask)
        with run.accelerator.accumulate(dmn, adversary.discriminator):
            with run.accelerator.autocast():
                style = style_of_an_edit(bare_dmn, task.image, task.mask, task.style_known, noise)
                shift = noise.uniform(2) if sees_known(bare_dmn) else None
                drawn = draw(dmn, task, style, sees_known(bare_dmn), shift)
            drawing = Drawing(task.view, drawn, planes, task.known)

            # update D
            discriminator_loss, learned = adversary.learn(drawing, adversary.seen(task.view))

            # update G_A
            total, parts = adversary.objective(drawing, learned)
            if teacher is not None:
                with torch.no_grad(), run.accelerator.autocast():
                    taught = draw(teacher, task, style, sees_known(teacher), shift)
                distillation = pixel_loss(drawn, taught, task.known)
                total = total + settings.distillation_weight * distillation
                parts["distillation"] = distillation.detach()
            run.accelerator.backward(total)
            run.update(dmn, optimiser, settings.learning_rate, max_norm=10.0)

        if run.due(settings.log_steps):
            run.log({"discriminator": discriminator_loss, "loss": total, "psnr": psnr_of_holes(drawing), **parts})
        if run.due(settings.sample_steps) and run.accelerator.is_main_process:
            run.show(sample_grid(bare_dmn, Filling(*(part[:8] for part in task))))
        if run.due(settings.checkpointing_steps):
            run.save()
    run.finish()


if __name__ == "__main__":
    run_script(main)
