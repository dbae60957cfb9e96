"""Downloads weights from the Hugging Face hub by name: `owner/name` or `owner/name@revision`."""

from __future__ import annotations

import re
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from maskgan.snapshots import ABOUT, INDEX

#: All that a pipeline folder needs. Nothing else is downloaded, least of all pickled weights.
FILES = (INDEX, ABOUT, "*/config.json", "*/*.safetensors")

_NAME = re.compile(r"([\w.-]+/[\w.-]+)(?:@(.+))?")

# Includes connection errors: the hub's own errors derive from those of its HTTP library, which differs by version.
_FAILURES = (OSError, ValueError, *HfHubHTTPError.__bases__)


def is_hub_name(weights: str) -> bool:
    """Whether `weights` has the form of a repository name on the hub."""
    return _NAME.fullmatch(weights) is not None


def download(weights: str) -> Path:
    """Download a model repository's pipeline folder into the hub's cache; offline, return the cached copy.

    Args:
        weights: `owner/name` for the main branch, or `owner/name@revision` with a branch, tag or commit. A private
            repository needs the environment variable HF_TOKEN.

    Raises:
        FileNotFoundError: neither the hub nor the cache has it; the message is one sentence.
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
