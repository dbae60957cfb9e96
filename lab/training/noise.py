"""Random numbers that belong to a training sample, not to the process that happens to see it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor


class SampleNoise:
    """One generator per sample of a batch, seeded by the run's seed and the sample's number.

    So the numbers do not depend on how many processes share a step, nor on where a run was cut and resumed.

    Args:
        seed: of the run.
        numbers: of the samples, one per row.
        device: where the numbers shall lie; they are drawn on the CPU.
    """

    def __init__(self, seed: int, numbers: Iterable[int], device: torch.device) -> None:
        seeds = [int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0]) for number in numbers]
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.device = device

    def normal(self, *shape: int) -> Tensor:
        """(N, *shape) from N(0, 1)."""
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators]).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """(N, *shape) from 0..1."""
        return torch.stack([torch.rand(shape, generator=generator) for generator in self.generators]).to(self.device)
