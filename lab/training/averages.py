"""Moving averages of the trained networks: the weights that are published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import ModelMixin
from diffusers.training_utils import EMAModel
from torch import nn

from lab.training.stopping import TrainingStoppedError


class MovingAverages:
    """An exponential moving average of every trained network's weights, checkpointed in the order of `add`."""

    def __init__(self, accelerator: Accelerator, decay: float) -> None:
        self.accelerator, self.decay = accelerator, decay
        self._networks: dict[str, tuple[ModelMixin, EMAModel]] = {}

    def add(self, name: str, network: ModelMixin) -> None:
        """Average `network` from now on."""
        average = EMAModel(network.parameters(), decay=self.decay, use_ema_warmup=True, inv_gamma=10, power=0.75)
        average.to(self.accelerator.device)
        self._networks[name] = (network, average)

    def update(self, network: nn.Module) -> None:
        """Take in the weights of a network, bare or as Accelerate prepared it, after a step of its optimiser."""
        bare = self.accelerator.unwrap_model(network)
        for averaged, average in self._networks.values():
            if averaged is bare:
                average.step(bare.parameters())

    def states(self) -> list[dict[str, Any]]:
        """The states of the averages, in the order of `add`, to be checkpointed."""
        return [average.state_dict() for _, average in self._networks.values()]

    def load_states(self, states: Iterable[dict[str, Any]]) -> None:
        """Put back what `states` returned.

        Raises:
            ValueError: a state belongs to another network.
        """
        for (network, average), state in zip(self._networks.values(), states, strict=True):
            shapes = [parameter.shape for parameter in network.parameters()]
            if [tensor.shape for tensor in state["shadow_params"]] != shapes:
                raise ValueError("The moving average belongs to another network.")
            average.load_state_dict(state)
            average.to(self.accelerator.device)

    def check(self, step: int) -> None:
        """Raise TrainingStoppedError when a network's weights contain NaN or infinity."""
        for name, (network, _) in self._networks.items():
            if not all(torch.isfinite(parameter).all() for parameter in network.parameters()):
                raise TrainingStoppedError(
                    f"Step {step}: the weights of the {name} contain NaN or infinity; the last checkpoint "
                    "is intact, resume it with a lower --learning-rate."
                )

    def networks(self) -> dict[str, ModelMixin]:
        """Copies of the networks with their averaged weights, on the CPU, by name."""
        copies = {}
        for name, (network, average) in self._networks.items():
            copy = type(network).from_config(network.config)
            copy.load_state_dict(network.state_dict())
            average.copy_to(copy.parameters())
            copies[name] = copy
        return copies
