"""Moving averages of the trained networks: the weights that are published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from accelerate import Accelerator
from diffusers import ModelMixin
from torch import Tensor, nn

from lab.training.stopping import TrainingStoppedError


class MovingAverage:
    """An exponential moving average of parameters, kept beside them on a device.

    Step n = 1, 2, ... takes `average <- d average + (1 - d) parameter`, d = min(decay, 1 - (1 + (n - 1) / 10)^(-3/4)):
    a young average follows closely, so that its random beginning is soon forgotten. Diffusers has the same as EMAModel
    (`use_ema_warmup`, `inv_gamma=10`, `power=3/4`), whose module loads all of its transformers first.
    """

    def __init__(self, parameters: Iterable[Tensor], decay: float, device: torch.device | str) -> None:
        self.decay, self.device, self.steps = decay, device, 0
        self.tensors = [parameter.detach().clone().to(device) for parameter in parameters]

    @torch.no_grad()
    def step(self, parameters: Iterable[Tensor]) -> None:
        """Take in parameters after a step of their optimiser; those that are not trained are copied."""
        self.steps += 1
        follows = 1 - min(self.decay, 1 - (1 + (self.steps - 1) / 10) ** -0.75)
        for average, parameter in zip(self.tensors, parameters, strict=True):
            if parameter.requires_grad:
                average.sub_(follows * (average - parameter))
            else:
                average.copy_(parameter)

    @torch.no_grad()
    def copy_to(self, parameters: Iterable[Tensor]) -> None:
        """Write the averages into parameters, wherever those are."""
        for average, parameter in zip(self.tensors, parameters, strict=True):
            parameter.copy_(average)

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` takes; its names are those of diffusers' EMAModel."""
        return {"decay": self.decay, "optimization_step": self.steps, "shadow_params": self.tensors}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Put back what `state_dict` returned, here or in EMAModel; the decay is that of the state too.

        Raises:
            ValueError: the tensors are not those of these parameters.
        """
        tensors = state["shadow_params"]
        if [tensor.shape for tensor in tensors] != [tensor.shape for tensor in self.tensors]:
            raise ValueError("The moving average belongs to another network.")
        self.decay, self.steps = float(state["decay"]), int(state["optimization_step"])
        self.tensors = [tensor.detach().clone().to(self.device) for tensor in tensors]


class MovingAverages:
    """An exponential moving average of every trained network's weights, checkpointed in the order of `add`."""

    def __init__(self, accelerator: Accelerator, decay: float) -> None:
        self.accelerator, self.decay = accelerator, decay
        self._networks: dict[str, tuple[ModelMixin, MovingAverage]] = {}

    def add(self, name: str, network: ModelMixin) -> None:
        """Average `network` from now on."""
        average = MovingAverage(network.parameters(), self.decay, self.accelerator.device)
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
        for (_, average), state in zip(self._networks.values(), states, strict=True):
            average.load_state_dict(state)

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
