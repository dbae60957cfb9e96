"""Weights from the Hugging Face hub, by name: `owner/name` or `owner/name@revision`."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from maskgan.snapshots import ABOUT, INDEX

#: All that a pipeline folder needs; whatever else a repository holds, pickled weights above all, is never fetched.
FILES = (INDEX, ABOUT, "*/config.json", "*/*.safetensors")

_NAME = re.compile(r"([\w.-]+/[\w.-]+)(?:@(.+))?")

# Of a lost connection: the base of the hub's own errors is that of the HTTP library which it uses, and that changes.
_FAILURES = (OSError, ValueError, *HfHubHTTPError.__bases__)


def is_hub_name(weights: str) -> bool:
    """Whether this can be the name of a repository on the hub."""
    return _NAME.fullmatch(weights) is not None


def download(weights: str) -> Path:
    """The pipeline folder of a model repository, in the hub's cache; without a connection, as it was fetched before.

    Args:
        weights: `owner/name`, its main branch, or `owner/name@revision` with a branch, tag or commit. A private
            repository needs the variable HF_TOKEN.

    Raises:
        FileNotFoundError: when it cannot be had; the message is one sentence.
    """
    repository, revision = _NAME.fullmatch(weights).groups()
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=FILES))
    except (RepositoryNotFoundError, GatedRepoError) as error:
        raise FileNotFoundError(
            f"There is no {repository}, neither here nor on the Hugging Face hub; where it is private, set HF_TOKEN."
        ) from error
    except RevisionNotFoundError as error:
        raise FileNotFoundError(f"{repository} has no revision {revision} on the Hugging Face hub.") from error
    except _FAILURES as error:
        raise FileNotFoundError(
            f"There is no folder {weights} here, and the Hugging Face hub could not give it: {_first_line(error)}."
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
