"""Stage two of MaskGAN, Editing Behaviour Simulated Training (Algorithm 1):

`accelerate launch lab/train_ebst.py --data FACES [RENDERS] --weights DMN --mask-vae VAE --out RUN`.

MaskVAE moves a face's mask a step towards and a step away from another face's mask, as an edit would; the Alpha
Blender joins the pictures of both; and the blend has to be the photo again. Starts from a pretrained DMN.

Kept pixels, which the paper does not have, enter each pass as the editor would hand them over. Of one face in eight
(`--holes`) nothing is kept, and all passes are the paper's. Of the others G_A, given M^t, fills a hole in the photo;
given M^inter or M^outer it sees the photo where that mask agrees with M^t and draws the rest; and the photo's pixels
stay in the pictures that B blends. So B learns, and G_B is judged, where an edit changes something.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):  # run as a script by `accelerate launch`
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from lab.data.filling import Filling, FillingTask
from lab.data.sources import open_stream, whole_tasks
from lab.pretrain_dmn import USUAL_HOLES, StyleSource, style_of_an_edit
from lab.training.adversary import AdversarialSettings, Adversary, Drawing, adam, open_adversary
from lab.training.noise import SampleNoise
from lab.training.run import Run
from lab.training.samples import picture_grid
from lab.training.settings import Network, common, flag, preset_flag, read_command_line
from lab.training.stopping import TrainingStoppedError, run_script
from maskgan.editing.mask_interpolation import LAMBDA_INTER, inner_outer
from maskgan.editing.pipeline import WEIGHTS
from maskgan.images import to_uint8
from maskgan.labels import colourise, one_hot
from maskgan.networks.alpha_blender import AlphaBlender, blend
from maskgan.networks.checkpoints import load_network
from maskgan.networks.dense_mapping import PRESETS, DenseMappingNetwork
from maskgan.networks.kept_pixels import kept_pixels
from maskgan.networks.mask_vae import MaskVAE
from maskgan.run_requests import Number


def simulated_edits(vae: MaskVAE, mask: Tensor, reference: Tensor, lambda_inter: float) -> tuple[Tensor, Tensor]:
    """M^inter and M^outer (N, S, S) for M^t and M^ref of any size S; MaskVAE works at its own."""

    def resized(masks: Tensor, size: int) -> Tensor:
        if masks.shape[-1] == size:
            return masks
        return F.interpolate(masks[:, None].float(), size=(size, size), mode="nearest-exact")[:, 0].to(masks.dtype)

    inside, near = (resized(masks, vae.mask_size) for masks in (mask, reference))
    inner, outer = (resized(masks, mask.shape[-1]) for masks in inner_outer(vae, inside, near, lambda_inter))
    return inner, outer


def kept_by_an_edit(mask: Tensor, edited: Tensor) -> Tensor:
    """What an edit from one to another label map (N, S, S) keeps: (N, 1, S, S) float 0/1.

    All but the pixels whose class changes and those within 3 px of them, at 256 px.
    """
    margin = max(1, round(mask.shape[-1] * 3 / 256))
    changed = (mask != edited)[:, None].float()
    return 1 - F.max_pool2d(changed, 2 * margin + 1, 1, margin)


def algorithm_1(
    image: Tensor,
    mask: Tensor,
    reference: Tensor,
    vae: MaskVAE,
    dmn: nn.Module,
    blender: nn.Module,
    adversary: Adversary,
    accelerator: Accelerator,
    lambda_inter: float = LAMBDA_INTER,
    noise: SampleNoise | None = None,
    known: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """One iteration of Algorithm 1 up to the gradients of G_A and B; D learns on the way.

    D(G_A) -> G_A -> D(G_B) -> G_B, the order its authors give in their issue tracker. The three pictures share
    the style of (I^t, M^t) and are drawn as one batch. Their gradients are gathered at the pictures and go through G
    once, so one optimiser step follows for both updates of G_A, where the paper makes two.

    Args:
        image: I^t, (N, 3, H, W) in [-1, 1]; mask: M^t and reference: M^ref, label maps (N, H, W).
        vae, dmn, blender: Enc_VAE and Dec_VAE, frozen; G_A; B.
        noise: hides parts of the style now and then, as `style_of_an_edit` does in stage one. Without it the studio
            network, which only ever sees its own residue here, forgets how to draw where the residue says nothing.
        known: (N, 1, H, W) 0/1, the photo's pixels that G_A is shown with M^t; a face without any has nothing kept in
            the other passes either. Without it the paper's Algorithm 1, for networks that cannot be shown them.

    Returns:
        The sum of both objectives, and the named parts of each.
    """
    planes = one_hot(mask, image.dtype)
    # z^t = Enc_VAE(M^t), z^ref = Enc_VAE(M^ref); z^inter, z^outer = z^t +- (z^ref - z^t) / lambda_inter; decoded
    inner, outer = simulated_edits(vae, mask, reference, lambda_inter)

    if known is None:
        kept, style_known = torch.zeros_like(image[:, :1]).repeat(3, 1, 1, 1), torch.ones_like(image[:, :1])
    else:
        something = known.amax((1, 2, 3), keepdim=True)  # N, 1, 1, 1
        kept = torch.cat([known, *(kept_by_an_edit(mask, edited) * something for edited in (inner, outer))])
        style_known = torch.where(something > 0, torch.stack(kept.chunk(3)).amin(0), 1.0)  # one style for all three
    style = StyleSource(image, mask, known=style_known)
    if noise is not None:
        style = style_of_an_edit(accelerator.unwrap_model(dmn), image, mask, style_known, noise)
    masks = torch.cat([mask, inner, outer])
    with accelerator.autocast():
        if known is None:
            drawn = dmn(*style[:2], masks, *style[2:4])  # 3N, 3, H, W
        else:
            drawn = dmn(*style[:2], masks, *style[2:], None, kept_pixels(image.repeat(3, 1, 1, 1), kept))
    pictures = drawn.detach().requires_grad_()
    redrawn, inner_picture, outer_picture = pictures.chunk(3)
    known_a, known_inner, known_outer = kept.chunk(3)
    seen = adversary.seen(image)

    # update G_A(I^t, M^t) with eq. (6)
    drawing = Drawing(image, redrawn, planes, known_a)
    discriminator_a, learned = adversary.learn(drawing, seen)
    total_a, parts_a = adversary.objective(drawing, learned)
    accelerator.backward(total_a)

    # update G_B(I^t, M^t, M^inter, M^outer) with eq. (6): the blend is the photo again
    inner_picture, outer_picture = (
        torch.where(kept > 0, image, picture)
        for kept, picture in ((known_inner, inner_picture), (known_outer, outer_picture))
    )
    with accelerator.autocast():
        blended = blend(blender(inner_picture, outer_picture), inner_picture, outer_picture)
    drawing = Drawing(image, blended, planes, known_inner * known_outer)
    discriminator_b, learned = adversary.learn(drawing, seen)
    total_b, parts_b = adversary.objective(drawing, learned)
    accelerator.backward(total_b)

    drawn.backward(pictures.grad)  # from the pictures through G_A, once for all three
    parts = {"discriminator_a": discriminator_a, "discriminator_b": discriminator_b}
    for name, values in (("a", parts_a), ("b", parts_b)):
        parts |= {f"{part}_{name}": value for part, value in values.items()}
    return (total_a + total_b).detach(), parts


@torch.no_grad()
def sample_grid(
    image: Tensor, mask: Tensor, vae: MaskVAE, dmn: DenseMappingNetwork, blender: AlphaBlender, lambda_inter: float
) -> np.ndarray:
    """Rows: photo, redrawn, inner mask and picture, outer mask and picture, blend."""
    inner, outer = simulated_edits(vae, mask, mask.roll(1, 0), lambda_inter)
    dmn.eval()
    redrawn, near, far = dmn(image, mask, torch.cat([mask, inner, outer])).chunk(3)
    dmn.train()
    blended = blend(blender(near, far), near, far)
    masks = [[colourise(m) for m in part.to(torch.uint8).cpu().numpy()] for part in (inner, outer)]
    pictures = [list(to_uint8(part)) for part in (image, redrawn, near, far, blended)]
    return picture_grid([pictures[0], pictures[1], masks[0], pictures[2], masks[1], pictures[3], pictures[4]])


@dataclass(frozen=True, kw_only=True)
class EbstSettings(AdversarialSettings):
    """The settings of this stage."""

    stage = "train_ebst"
    title, term = "Paint masks that were edited", "Editing Behavior Simulated Training (EBST)"
    starts_trained = True

    batch_size: int = common("batch_size", 4, trial=4)
    max_steps: int = common("max_steps", 10_000, trial=20)
    learning_rate: float = common("learning_rate", 1e-4, trial=1e-4)
    weights: Path | None = flag(None, "pretrained DMN (the run of pretrain_dmn.py, or a pipeline)")
    from_scratch: str | None = preset_flag(None, sorted(PRESETS), "a DMN with random weights instead")
    parser: Path = flag(
        WEIGHTS,
        "trained face parser (a run's or pipeline folder)",
        network=Network("Face parser", ("train_parser",)),
    )
    mask_vae: Path = flag(
        WEIGHTS, "trained MaskVAE (a run's or pipeline folder)", network=Network("MaskVAE", ("train_mask_vae",))
    )
    blender: Path | None = flag(
        None,
        "start from this Alpha Blender (a run's or pipeline folder)",
        network=Network("Alpha Blender", ("train_ebst",), random=True),
    )
    blender_width: int = flag(32, "channels of a new Alpha Blender (published: 32)", bounds=Number(int, 2, 64))
    lambda_inter: float = flag(LAMBDA_INTER, bounds=Number(float, 1, 100))
    holes: float = flag(
        USUAL_HOLES,
        "of the faces, of which a photo with a hole is shown; 0 for the paper's Algorithm 1",
        metavar="SHARE",
        bounds=Number(float, 0, 1),
    )

    def __post_init__(self) -> None:
        if (self.weights is None) == (self.from_scratch is None):
            raise ValueError(
                "EBST starts from a pretrained DMN: give --weights FOLDER (or --from-scratch PRESET, knowingly)."
            )


def main() -> None:
    settings = read_command_line(EbstSettings, __doc__)
    run = Run(settings)
    if settings.batch_size * run.accelerator.num_processes < 2:
        raise TrainingStoppedError("EBST needs --batch-size 2 or more: M^ref is the mask of another face of the batch.")
    device = run.accelerator.device

    face_parser = load_network(settings.parser, "parser")
    vae = load_network(settings.mask_vae, "mask_vae")
    face_parser, vae = (network.eval().requires_grad_(False).to(device) for network in (face_parser, vae))

    dmn = (
        load_network(settings.weights, "dmn") if settings.weights else DenseMappingNetwork.preset(settings.from_scratch)
    )
    blender = (
        load_network(settings.blender, "alpha_blender")
        if settings.blender
        else AlphaBlender(width=settings.blender_width)
    )
    # The published network sees nothing of the photo.
    holes = 0.0 if dmn.config.style_scope == "vector" else settings.holes
    if holes and not dmn.config.kept:
        dmn = dmn.with_kept()
    dmn, blender = run.trained("dmn", dmn), run.trained("alpha_blender", blender)
    optimisers = [adam(network, settings.learning_rate) for network in (dmn, blender)]
    dmn, blender, *optimisers = run.accelerator.prepare(dmn, blender, *optimisers)
    adversary = open_adversary(settings, run, face_parser)
    bare = [run.accelerator.unwrap_model(network) for network in (dmn, blender)]
    run.resume()

    filling = FillingTask(everything=1 - holes) if holes else None

    for batch, noise in run.batches(open_stream(run, face_parser, filling=filling)):
        task = whole_tasks(Filling(*batch) if filling else Filling.of_whole_faces(*batch), face_parser, run.layout())
        image, mask, known = task.image, task.mask, task.known if filling else None
        reference = run.of_the_previous_face(mask)  # M^ref: another face of the batch, which is drawn at random
        with run.accelerator.accumulate(dmn, blender, adversary.discriminator):
            total, parts = algorithm_1(
                image, mask, reference, vae, dmn, blender, adversary, run.accelerator, settings.lambda_inter, noise,
                known,
            )  # fmt: skip
            for network, optimiser in zip((dmn, blender), optimisers, strict=True):
                run.update(network, optimiser, settings.learning_rate, max_norm=10.0)

        if run.due(settings.log_steps):
            run.log({"loss": total, **parts})
        if run.due(settings.sample_steps) and run.accelerator.is_main_process:
            run.show(sample_grid(image[:6], mask[:6], vae, *bare, settings.lambda_inter))
        if run.due(settings.checkpointing_steps):
            run.save()
    run.finish()


if __name__ == "__main__":
    run_script(main)
