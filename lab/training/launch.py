"""How a stage is started and stopped: what cannot work is refused in one sentence, signals end a run in good order."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

if TYPE_CHECKING:
    from lab.training.run import Run

#: What Accelerate's launcher sets for the ways of training that cannot hold several networks.
ONE_NETWORK_ONLY = {
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}


class TrainingStoppedError(RuntimeError):
    """A run that cannot go on; the message is one sentence for people."""


def command(main: Callable[[], None]) -> None:
    """Run a stage; what stops it is told in one sentence, with exit code 1."""
    try:
        main()
    except (TrainingStoppedError, OSError, ValueError) as error:
        sys.exit(f"{Path(sys.argv[0]).name}: {error}")


def refuse_what_cannot_work(args: argparse.Namespace) -> None:
    """Raise TrainingStoppedError for launches that would fail later, or worse, seem to work."""
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
    if args.push_to_hub and not args.dry_run:
        try:
            HfApi().whoami()
        except (LocalTokenNotFoundError, HfHubHTTPError, OSError) as error:
            raise TrainingStoppedError(
                "--push-to-hub cannot log in to the Hugging Face hub; run `hf auth login`, or leave the flag out."
            ) from error


def push(snapshot: Path, repository: str) -> None:
    """Upload a snapshot to a model repository of the Hugging Face hub, which is made where it is missing."""
    api = HfApi()
    api.create_repo(repository, exist_ok=True)
    api.upload_folder(repo_id=repository, folder_path=snapshot, commit_message=f"{snapshot.name}")


@contextmanager
def stopping_at_signals(run: Run) -> Iterator[None]:
    """SIGTERM and Ctrl+C ask the run to stop after the step in progress; the second one does as it always did."""
    former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in former.items():
            signal.signal(number, handler)

    def ask(number: int, frame: object) -> None:
        run.asked_to_stop = True
        restore()

    for number in former:
        signal.signal(number, ask)
    try:
        yield
    finally:
        restore()
