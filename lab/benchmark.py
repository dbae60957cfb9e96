"""How fast the stages train on this machine: `python -m lab.benchmark [--data FOLDER] [--json FILE]`.

For each stage, images per second of its real loop (data loader, losses, optimisers, moving average; no samples, no
checkpoints) and the share of that time in which it waits for data. Then EBST's step, where the style is encoded once
and the three pictures are drawn together, against the same iteration with three passes of the generator, each with a
style of its own; the two take turns on the same batches, so that a busy machine slows both alike.

All networks have random weights. D is the narrow one that the bundled weights were trained with, and the face parser's
features stand in for VGG-19. Without --data, faces drawn in code are written to a temporary folder: 256 px JPEGs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from lab.data.augment import ForParsing
from lab.data.faces import FaceStream, find_samples
from lab.data.fill import fill_ignored
from lab.data.filling import Filling
from lab.pretrain_dmn import DmnSettings, draw, sees_known, style_of_an_edit
from lab.train_ebst import EbstSettings, algorithm_1
from lab.train_mask_vae import MaskVAESettings, edited_or_moved, mask_vae_loss
from lab.train_parser import ParserSettings, parsing_loss
from lab.training.adversary import DISCRIMINATOR_SIZES, Adversary, Drawing, adam, open_adversary
from lab.training.noise import SampleNoise
from lab.training.run import Run
from lab.training.settings import Settings
from maskgan.editing.mask_interpolation import LAMBDA_INTER, inner_outer
from maskgan.labels import PALETTE, Label, one_hot
from maskgan.networks.alpha_blender import AlphaBlender, blend
from maskgan.networks.dense_mapping import DenseMappingNetwork
from maskgan.networks.face_parser import FaceParser
from maskgan.networks.mask_vae import BOTTOM, PATCH, MaskVAE
from maskgan.networks.mask_vae import PRESETS as VAE_PRESETS

#: Steps before the clock starts: the loader fills its queue, libraries choose their kernels.
WARM_UP = 2
#: Faces drawn, or taken from --data.
FACES = 64
#: D of the bundled weights, and the perceptual network that needs no download.
OBJECTIVE = {"adversary": "patch", "perceptual": "parser", **DISCRIMINATOR_SIZES["small"]}
TINY_PARSER = {"widths": [8, 8, 8, 8, 8], "blocks": 1}

#: One training step on images (N, 3, H, W), masks (N, H, W) and the random numbers of these samples.
Step = Callable[[Tensor, Tensor, SampleNoise], None]

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Bench:
    """What the stages have in common: the command's options, the data, and a folder for runs."""

    options: argparse.Namespace
    data: Path
    out: Path

    def run(self, stage: type[S], **more: Any) -> Run[S]:
        """A run of a stage, as its script would make it."""
        options = self.options
        return Run(
            stage(
                data=(self.data,),
                out=self.out / stage.stage,
                resolution=options.resolution,
                batch_size=options.batch_size,
                max_steps=options.steps + WARM_UP,
                num_workers=options.num_workers,
                cpu=options.cpu,
                **more,
            )
        )

    def parser(self) -> FaceParser:
        return FaceParser(**TINY_PARSER) if self.options.preset == "tiny" else FaceParser()

    def mask_vae(self) -> MaskVAE:
        """The preset with as many halvings as the resolution asks for."""
        preset = VAE_PRESETS[self.options.preset]
        halvings = (self.options.resolution // (PATCH * BOTTOM)).bit_length()
        widths = (preset["widths"] + preset["widths"][-1:] * halvings)[:halvings]
        return MaskVAE(**preset | {"widths": widths})

    def stream(self, run: Run, **more: object) -> FaceStream:
        """Faces with whole masks, as `open_stream` gives them."""
        samples = find_samples(self.data)[:FACES]
        parser = self.parser().eval().to(run.accelerator.device)
        filled = fill_ignored(samples, parser, self.out / "filled_masks", self.options.resolution)
        return FaceStream(samples, self.options.resolution, seed=0, filled=filled, **more)


def parser_stage(bench: Bench, run: Run) -> tuple[FaceStream, Step]:
    """The step of `train_parser.py`."""
    model = run.trained("parser", bench.parser(), faster_on_cpu=True)
    model, optimiser = run.accelerator.prepare(model, torch.optim.AdamW(model.parameters()))

    def step(image: Tensor, mask: Tensor, noise: SampleNoise) -> None:
        image = image.contiguous(memory_format=run.layout(faster_on_cpu=True))
        total, _ = parsing_loss(model(image).float(), mask)
        run.accelerator.backward(total)
        run.update(model, optimiser, 1e-3, max_norm=5.0)

    samples = find_samples(bench.data)[:FACES]
    return FaceStream(samples, bench.options.resolution, seed=0, augment=ForParsing(bench.options.resolution)), step


def mask_vae_stage(bench: Bench, run: Run) -> tuple[FaceStream, Step]:
    """The step of `train_mask_vae.py`."""
    vae = run.trained("mask_vae", bench.mask_vae(), faster_on_cpu=True)
    vae, optimiser = run.accelerator.prepare(vae, torch.optim.Adam(vae.parameters()))

    def step(image: Tensor, mask: Tensor, noise: SampleNoise) -> None:
        logits, mean, logvar = vae(one_hot(mask), noise.generators)
        total, _ = mask_vae_loss(logits.float(), mean.float(), logvar.float(), mask, dice_weight=0.2)
        run.accelerator.backward(total)
        run.update(vae, optimiser, 1e-3, max_norm=5.0)

    return bench.stream(run, augment=edited_or_moved), step


def dmn_stage(bench: Bench, run: Run) -> tuple[FaceStream, Step]:
    """The step of `pretrain_dmn.py`."""
    dmn = run.trained("dmn", DenseMappingNetwork.preset(bench.options.preset))
    dmn, optimiser = run.accelerator.prepare(dmn, adam(dmn, 4e-4))
    adversary = open_adversary(run.settings, run, frozen(bench.parser(), run))

    def step(image: Tensor, mask: Tensor, noise: SampleNoise) -> None:
        task = Filling.of_whole_faces(image.contiguous(memory_format=run.layout()), mask)
        style = style_of_an_edit(dmn, image, mask, task.style_known, noise)
        drawing = Drawing.of_everything(image, draw(dmn, task, style, sees_known(dmn)), one_hot(mask))
        _, learned = adversary.learn(drawing, adversary.seen(image))
        total, _ = adversary.objective(drawing, learned)
        run.accelerator.backward(total)
        run.update(dmn, optimiser, 4e-4, max_norm=10.0)

    return bench.stream(run), step


class Ebst:
    """The networks of `train_ebst.py`, and its step in two ways."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.run = run
        self.vae = frozen(bench.mask_vae(), run)
        self.dmn = run.trained("dmn", DenseMappingNetwork.preset(bench.options.preset))
        self.blender = run.trained("alpha_blender", AlphaBlender(width=bench.options.blender_width))
        optimisers = [adam(network, 1e-4) for network in (self.dmn, self.blender)]
        self.dmn, self.blender, *optimisers = run.accelerator.prepare(self.dmn, self.blender, *optimisers)
        self.optimisers = dict(zip((self.dmn, self.blender), optimisers, strict=True))
        self.adversary = open_adversary(run.settings, run, frozen(bench.parser(), run))

    def update(self, network: nn.Module) -> None:
        self.run.update(network, self.optimisers[network], 1e-4, max_norm=10.0)

    def shared(self, image: Tensor, mask: Tensor, noise: SampleNoise | None = None) -> None:
        """The step as it is."""
        algorithm_1(*self.arguments(image, mask))
        self.update(self.dmn)
        self.update(self.blender)

    def separate(self, image: Tensor, mask: Tensor, noise: SampleNoise | None = None) -> None:
        """The step as Algorithm 1 is printed."""
        three_passes(*self.arguments(image, mask), update=self.update)

    def arguments(self, image: Tensor, mask: Tensor) -> tuple:
        image = image.contiguous(memory_format=self.run.layout())
        networks = (self.vae, self.dmn, self.blender, self.adversary, self.run.accelerator)
        return image, mask, mask.roll(1, 0), *networks


def three_passes(
    image: Tensor,
    mask: Tensor,
    reference: Tensor,
    vae: MaskVAE,
    dmn: nn.Module,
    blender: nn.Module,
    adversary: Adversary,
    accelerator: Accelerator,
    update: Callable[[nn.Module], None],
) -> None:
    """Algorithm 1 word for word, to compare `train_ebst.algorithm_1` with: its losses, and its arguments.

    Every picture is drawn by a pass of its own that encodes the style anew, and G_A is updated twice. `update` is
    called with each network whose gradients are complete.
    """
    planes = one_hot(mask, image.dtype)
    inner, outer = inner_outer(vae, mask, reference, LAMBDA_INTER)

    # update G_A(I^t, M^t) with eq. (6)
    with accelerator.autocast():
        redrawn = dmn(image, mask, mask)
    drawing = Drawing.of_everything(image, redrawn, planes)
    _, learned = adversary.learn(drawing, adversary.seen(image))
    total, _ = adversary.objective(drawing, learned)
    accelerator.backward(total)
    update(dmn)

    # update G_B(I^t, M^t, M^inter, M^outer) with eq. (6)
    with accelerator.autocast():
        inner_picture, outer_picture = dmn(image, mask, inner), dmn(image, mask, outer)
        blended = blend(blender(inner_picture, outer_picture), inner_picture, outer_picture)
    drawing = Drawing.of_everything(image, blended, planes)
    _, learned = adversary.learn(drawing, adversary.seen(image))
    total, _ = adversary.objective(drawing, learned)
    accelerator.backward(total)
    update(dmn)
    update(blender)


def frozen(network: nn.Module, run: Run) -> nn.Module:
    """The network as it takes part in other networks' training."""
    return network.eval().requires_grad_(False).to(run.accelerator.device)


def now() -> float:
    """Seconds, after the GPU has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def time_loop(name: str, run: Run, stream: FaceStream, step: Step) -> dict[str, float | str]:
    """A row: images per second, and the share of time in which the loop waits for its next batch."""
    for (image, mask), noise in run.batches(stream):
        step(image, mask, noise)
        if run.step + 1 == WARM_UP:
            started, waited = now(), run.journal.waited
    seconds = now() - started
    if run.asked_to_stop:
        raise KeyboardInterrupt
    images = (run.step - WARM_UP) * run.journal.samples_per_step
    waited = run.journal.waited - waited
    return {"stage": name, "images_per_second": images / seconds, "waiting_for_data": waited / seconds}


def compare(
    ways: dict[str, Callable[[Tensor, Tensor], None]],
    stream: FaceStream,
    batch_size: int,
    rounds: int,
    device: torch.device,
) -> dict:
    """{way: {"median": ms, "min": ms, "cpu": ms}}; every round visits both ways, the first does not count.

    "cpu" is the median of the processor time of all threads, which other programs disturb least.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        faces = [stream[number * batch_size + i] for i in range(batch_size)]
        image, mask = (torch.stack(part).to(device) for part in zip(*faces, strict=True))
        for name in list(ways)[:: 1 if number % 2 else -1]:
            start, busy = now(), time.process_time()
            ways[name](image, mask)
            times[name].append(((now() - start) * 1000, (time.process_time() - busy) * 1000))
    result = {}
    for name, pairs in times.items():
        ms, cpu = zip(*pairs[1:], strict=True)
        result[name] = {"median": statistics.median(ms), "min": min(ms), "cpu": statistics.median(cpu)}
    return result


def draw_faces(folder: Path, count: int = FACES, size: int = 256) -> None:
    """Write faces in the plain format of `lab/data/faces.py`: ovals in a colour per class, grain, moved about."""
    random = np.random.default_rng(0)
    ovals = (  # class, centre and size as shares of the side
        (Label.HAIR, 0.5, 0.42, 0.72, 0.76), (Label.NECK, 0.5, 0.9, 0.26, 0.3), (Label.SKIN, 0.5, 0.52, 0.52, 0.68),
        (Label.R_EYE, 0.38, 0.45, 0.11, 0.06), (Label.L_EYE, 0.62, 0.45, 0.11, 0.06),
        (Label.NOSE, 0.5, 0.55, 0.1, 0.18), (Label.U_LIP, 0.5, 0.7, 0.18, 0.06), (Label.L_LIP, 0.5, 0.74, 0.16, 0.06),
    )  # fmt: skip
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number in range(count):
        mask = np.zeros((size, size), np.uint8)
        shift = random.normal(0, 0.03, 2)
        for label, x, y, width, height in ovals:
            centre, axes = (shift + np.array((x, y))) * size, np.multiply((width, height), size / 2)
            cv2.ellipse(mask, centre.astype(int).tolist(), axes.astype(int).tolist(), 0, 0, 360, int(label), -1)
        picture = PALETTE[mask] * 0.6 + random.normal(60, 12, (size, size, 3))
        cv2.imwrite(str(folder / "images" / f"{number}.jpg"), picture.clip(0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), mask)


def benchmark(bench: Bench) -> dict:
    """All that is measured: {"stages": rows of `time_loop`, "ebst_step_ms": `compare`, "ratio": of the same three}."""
    rows = []
    for name, build, stage, more in (
        ("parser", parser_stage, ParserSettings, {}),
        ("mask_vae", mask_vae_stage, MaskVAESettings, {}),
        ("dmn", dmn_stage, DmnSettings, OBJECTIVE),
    ):
        run = bench.run(stage, **more)
        rows.append(time_loop(name, run, *build(bench, run)))
    run = bench.run(EbstSettings, from_scratch=bench.options.preset, **OBJECTIVE)
    ebst, stream = Ebst(bench, run), bench.stream(run)
    rows.append(time_loop("ebst", run, stream, ebst.shared))
    ways = {"shared": ebst.shared, "three_passes": ebst.separate}
    steps = compare(ways, stream, bench.options.batch_size, bench.options.rounds, run.accelerator.device)
    ratio = {key: steps["three_passes"][key] / steps["shared"][key] for key in ("median", "min", "cpu")}
    return {"device": run.accelerator.device.type, "stages": rows, "ebst_step_ms": steps, "ratio": ratio}


def table(result: dict) -> str:
    """The result as text for people."""
    lines = [f"{'stage':24}{'images/s':>10}{'waiting for data':>20}"]
    lines += [
        f"{row['stage']:24}{row['images_per_second']:10.2f}{row['waiting_for_data']:19.1%} " for row in result["stages"]
    ]
    lines.append(f"\n{'EBST step, ms':24}{'median':>10}{'min':>10}{'CPU time':>10}")
    for way, title in (("shared", "one shared style"), ("three_passes", "three separate passes")):
        lines.append(f"{title:24}" + "".join(f"{ms:10.0f}" for ms in result["ebst_step_ms"][way].values()))
    lines.append(f"{'ratio':24}" + "".join(f"{ratio:9.2f}x" for ratio in result["ratio"].values()))
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m lab.benchmark", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, help=f"folder in the plain format; its first {FACES} training faces are used")
    add("--resolution", type=int, choices=(64, 128, 256), default=128, help="default: 128")
    add("--batch-size", type=int, default=4, metavar="N", help="default: 4")
    add("--steps", type=int, default=12, metavar="N", help="steps of each stage that are timed (default: 12)")
    add("--rounds", type=int, default=7, metavar="N", help="turns of EBST's two ways (default: 7)")
    add("--num-workers", type=int, default=1, metavar="N", help="processes that load data (default: 1)")
    add("--threads", type=int, default=os.cpu_count(), metavar="N", help="CPU threads (default: all)")
    add("--blender-width", type=int, default=32, metavar="N", help="as in train_ebst.py (default: 32)")
    add("--preset", choices=("studio", "tiny"), default="studio", help="sizes of the networks (default: studio)")
    add("--cpu", action="store_true", help="on the CPU though there is a GPU")
    add("--json", type=Path, metavar="FILE", help="write the numbers here too")
    options = parser.parse_args(argv)
    if min(options.steps, options.rounds, options.threads) < 1 or options.batch_size < 2:
        parser.error("--steps, --rounds and --threads need at least 1, --batch-size at least 2.")
    torch.set_num_threads(options.threads)
    with TemporaryDirectory() as temporary:
        data = options.data or Path(temporary) / "faces"
        try:
            if not options.data:
                draw_faces(data)
            result = benchmark(Bench(options, data, Path(temporary) / "runs"))
        except (OSError, ValueError) as error:
            parser.error(str(error))
    print(
        f"{options.preset} networks at {options.resolution} px, batches of {options.batch_size}, {result['device']}, "
        f"{options.threads} threads, torch {torch.__version__}"
    )
    print(table(result))
    if options.json:
        settings = {key: value for key, value in vars(options).items() if key not in ("json", "data")}
        options.json.write_text(json.dumps({**settings, "torch": torch.__version__, **result}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
