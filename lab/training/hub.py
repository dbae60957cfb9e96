"""Uploads of trained weights to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

from lab.training.stopping import TrainingStoppedError


def check_login() -> None:
    """Raise TrainingStoppedError when nothing could be uploaded at the end of a run."""
    try:
        HfApi().whoami()
    except (LocalTokenNotFoundError, HfHubHTTPError, OSError) as error:
        raise TrainingStoppedError(
            "--push-to-hub cannot log in to the Hugging Face hub; run `hf auth login`, or leave the flag out."
        ) from error


def push(snapshot: Path, repository: str) -> None:
    """Upload a snapshot to a model repository, which is created when it does not exist."""
    api = HfApi()
    api.create_repo(repository, exist_ok=True)
    api.upload_folder(repo_id=repository, folder_path=snapshot, commit_message=f"{snapshot.name}")
