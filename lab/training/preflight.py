"""Checks before a run starts: launches that would fail later, or worse, seem to work."""

from __future__ import annotations

import os

from lab.training.hub import check_login
from lab.training.settings import Settings
from lab.training.stopping import TrainingStoppedError

#: What Accelerate's launcher sets for the ways of training that cannot hold several networks.
ONE_NETWORK_ONLY = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}


def check_launch(settings: Settings) -> None:
    """Raise TrainingStoppedError for a launch that cannot train as it was asked to."""
    for variable, name in ONE_NETWORK_ONLY.items():
        if os.environ.get(variable, "").lower() in ("1", "true", "yes"):
            raise TrainingStoppedError(
                f"{name} cannot train this: a step updates several networks with an optimiser each, and under "
                f"Accelerate {name} holds only one; launch with lab/accelerate/multi_gpu.yaml."
            )
    if "MASTER_ADDR" in os.environ and "WORLD_SIZE" not in os.environ:
        raise TrainingStoppedError(
            "Several processes were asked for and only one was started, as `accelerate launch --cpu` does without MPI; "
            "launch with --config_file lab/accelerate/cpu.yaml, multi_gpu.yaml or multi_node.yaml."
        )
    if settings.push_to_hub and not settings.dry_run:
        check_login()
