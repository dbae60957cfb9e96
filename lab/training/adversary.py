"""What both stages measure a generator with: the discriminators D_1,2, and the perceptual network of eq. (9)."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from lab.training.discriminator import MultiscaleDiscriminator
from lab.training.losses import Answers, Weights, adversarial_discriminator, generator_objective, perceptual_network
from lab.training.run import Run, newest_checkpoint
from maskgan.networks.face_parser import FaceParser


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of the objective, eq. (6), and of D."""
    add = parser.add_argument
    add("--discriminator-learning-rate", type=float, default=4e-4)
    add("--discriminator-width", type=int, default=64)
    add("--discriminator-layers", type=int, default=4)
    add("--discriminator-unshuffle", type=int, default=1, help="2 is cheaper, for training on a CPU")
    add("--discriminator", type=Path, metavar="RUN", help="go on with D of this run's newest checkpoint")
    add("--perceptual", choices=("auto", "vgg19", "parser"), default="auto")
    add("--adversarial-weight", type=float, default=1.0)
    add("--feature-weight", type=float, default=10.0)
    add("--perceptual-weight", type=float, default=10.0)
    add("--pixel-weight", type=float, default=20.0, help="L1 on the pixels; the paper has none")


def adam(network: torch.nn.Module, rate: float) -> torch.optim.Adam:
    """The optimiser of G, B and D: a low beta1, usual for adversarial training."""
    return torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.99))


def trained_discriminator(folder: Path, critic: MultiscaleDiscriminator) -> dict[str, Tensor]:
    """The weights of D in the newest checkpoint of a run of `pretrain_dmn.py` or `train_ebst.py`.

    Raises:
        ValueError: when the run has no D of the size of `critic`.
    """
    wanted = {name: tensor.shape for name, tensor in critic.state_dict().items()}
    for file in sorted(newest_checkpoint(folder).glob("model*.safetensors")):
        tensors = load_file(file)
        if {name: tensor.shape for name, tensor in tensors.items()} == wanted:
            return tensors
    raise ValueError(f"{folder} has no discriminator of this size; give its run the same --discriminator-... flags.")


class Adversary:
    """D with its optimiser and its rate, and the rest of the objective.

    Args:
        args: with the flags of `add_arguments`.
        run: D is prepared and checkpointed with it; call after `run`'s other networks were prepared.
        face_parser: frozen; its features stand in where VGG-19 cannot be had.
    """

    def __init__(self, args: argparse.Namespace, run: Run, face_parser: FaceParser) -> None:
        self.weights = Weights(args.adversarial_weight, args.feature_weight, args.perceptual_weight, args.pixel_weight)
        self.features = perceptual_network(args.perceptual, face_parser).to(run.accelerator.device)
        critic = MultiscaleDiscriminator(
            args.discriminator_width, args.discriminator_layers, unshuffle=args.discriminator_unshuffle
        ).to(memory_format=run.layout())
        if args.discriminator:
            critic.load_state_dict(trained_discriminator(args.discriminator, critic))
        if args.compile:
            critic.compile()
        self.rate = args.discriminator_learning_rate
        self.run, self.accelerator = run, run.accelerator
        self.critic, self.optimiser = run.accelerator.prepare(critic, adam(critic, self.rate))
        # Without the wrapper that averages gradients over processes: for G's step, where D gets none.
        self.bare_critic = run.accelerator.unwrap_model(self.critic)

    def learn(self, real: Tensor, fake: Tensor, planes: Tensor) -> tuple[Tensor, Answers]:
        """Update D with eq. (7). Images (N, 3, H, W), `planes` (N, 19, H, W) of M^t.

        Returns D's loss, and its answers on the real images for feature matching.
        """
        self.optimiser.param_groups[0]["lr"] = self.rate * self.run.rate_factor
        self.critic.requires_grad_(True)
        with self.accelerator.autocast():
            answers = self.critic(torch.cat([real, fake.detach()]), planes.repeat(2, 1, 1, 1))
            real_answers = [[layer.chunk(2)[0] for layer in scale] for scale in answers]
            fake_answers = [[layer.chunk(2)[1] for layer in scale] for scale in answers]
            loss = adversarial_discriminator(real_answers, fake_answers)
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss.detach(), [[layer.detach() for layer in scale] for scale in real_answers]

    @torch.no_grad()
    def features_of(self, real: Tensor) -> list[Tensor]:
        """The perceptual features of real images, for any number of objectives."""
        with self.accelerator.autocast():
            return self.features(real)

    def objective(
        self,
        real: Tensor,
        fake: Tensor,
        planes: Tensor,
        real_answers: Answers,
        real_features: list[Tensor] | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. (6) for a generated image: (total, parts). D is frozen, so that G's gradients do not leak into it."""
        self.critic.requires_grad_(False)
        with self.accelerator.autocast():
            return generator_objective(
                self.weights,
                real_answers,
                self.bare_critic(fake, planes),
                real_features or self.features_of(real),
                self.features(fake),
                real,
                fake,
            )
