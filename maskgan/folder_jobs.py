"""What `python -m maskgan parse` and `edit` have to do: pictures paired with results and masks, and every file told.

All that makes no sense is refused before any work starts.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Endings of pictures whose results are JPEG where they are to be of the same kind.
_LOSSY_ENDINGS = {
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs",
}  # fmt: skip

#: How many names a sentence lists.
_NAMED = 5


class UsageError(ValueError):
    """The command line makes no sense; the message says what to change."""


@dataclass(frozen=True)
class Job:
    """One picture to process; mask and original_mask are None when the command takes none."""

    photo: Path
    out: Path
    mask: Path | None = None
    original_mask: Path | None = None


@dataclass
class Files:
    """The files of a folder: its pictures, and of all others how many there are and what they are.

    Attributes:
        pictures: by name.
        others: how many are no pictures, by their endings; "hidden" for those that the system hides.
        below: how many lie in folders of it that were not gone through.
        closed: folders of it that cannot be opened.
    """

    pictures: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    below: int = 0
    closed: list[Path] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many files there are."""
        return len(self.pictures) + self.others.total() + self.below


@dataclass
class Work:
    """The jobs of a command and, for a folder, what else lies in it.

    Attributes:
        unused: masks without a picture.
        files: of the folder, None for a single picture.
    """

    jobs: list[Job]
    unused: list[Path] = field(default_factory=list)
    files: Files | None = None

    def passed_over(self) -> list[str]:
        """What is said of files that no job is made of, one phrase a kind."""
        told: list[str] = []
        if self.files is not None and self.files.others:
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.files.others.items()))
            told.append(f"{self.files.others.total()} no pictures ({kinds})")
        if self.files is not None and self.files.below:
            told.append(f"{self.files.below} in folders below (--recursive takes them too)")
        if self.files is not None and self.files.closed:
            told.append(f"{_names(self.files.closed)} cannot be opened")
        if self.unused:
            told.append(f"{_count(len(self.unused), 'mask')} without a picture ({_names(self.unused)})")
        return told


def find_work(
    photo: Path,
    out: Path,
    masks: Mapping[str, Path | None],
    *,
    results: Sequence[str],
    recursive: bool = False,
    ending: str | None = ".png",
) -> Work:
    """Pair pictures with outputs and with masks of the same name but for its ending.

    Args:
        photo, out: a picture and its result, or two folders.
        masks: by the name of `Job`'s attribute, each a file or a folder as `photo` is.
        results: the endings that a result may have.
        recursive: take the pictures in folders of a folder too; results and masks lie in folders of the same names.
        ending: of the results in a folder; None for .jpg where the picture is of a kind that loses detail, else .png.

    Raises:
        UsageError: the arguments contradict each other, or two inputs would write one result.
    """
    given = {name: path for name, path in masks.items() if path is not None}
    for path in (photo, *given.values()):
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}; check the name.")
    if not photo.is_dir():
        return Work([_single(photo, out, given, results)])
    if out.exists() and not out.is_dir():
        raise UsageError(f"{photo} is a folder, so --out must be a folder too, but {out} is a file.")
    if not all(path.is_dir() for path in given.values()):
        raise UsageError(f"{photo} is a folder, so the masks must be a folder with the same file names.")
    if out.resolve() in {path.resolve() for path in (photo, *given.values())}:
        raise UsageError("The results would overwrite the inputs; choose another folder for --out.")
    files = files_of(photo, recursive, apart=[out, *given.values()])
    if not files.pictures:
        found = "; ".join(Work([], files=files).passed_over())
        raise UsageError(f"There are no pictures in {photo}{': ' * bool(found)}{found}.")
    pictures = _by_result(photo, files.pictures, "would both write one result")
    by_result = {
        name: _by_result(folder, files_of(folder, recursive, [out]).pictures, "are both the mask of one picture")
        for name, folder in given.items()
    }
    jobs = [
        # A missing mask fails this picture only; the error names the expected file.
        Job(
            picture,
            out / f"{key}{ending or _like(picture)}",
            **{name: by_result[name].get(key, folder / f"{key}.png") for name, folder in given.items()},
        )
        for key, picture in pictures.items()
    ]
    used = {path for job in jobs for path in (job.mask, job.original_mask)}
    unused = [path for masks in by_result.values() for path in masks.values() if path not in used]
    return Work(jobs, unused, files)


def _single(photo: Path, out: Path, masks: Mapping[str, Path], results: Sequence[str]) -> Job:
    if out.is_dir() or not out.suffix:
        out = out / f"{photo.stem}.png"
    if out.suffix.lower() not in results:
        raise UsageError(f"{out} cannot be written; use a name that ends in {' or '.join(results)}.")
    if any(path.is_dir() for path in masks.values()):
        raise UsageError("The photo is a file but the mask is a folder; name the mask file.")
    if out.resolve() in {path.resolve() for path in (photo, *masks.values())}:
        raise UsageError("The result would overwrite one of the inputs; choose another --out.")
    return Job(photo, out, **masks)


def files_of(folder: Path, recursive: bool, apart: Sequence[Path] = ()) -> Files:
    """The files of a folder, and with `recursive` those of the folders in it; `apart`: folders that do not count.

    Links are followed, each folder once. Folders that cannot be opened are noted.
    """
    found = Files()
    for path in _walk(folder, {path.resolve() for path in apart} - {folder.resolve()}, found.closed):
        if path.parent != folder and not recursive:
            found.below += 1
        elif any(part.startswith(".") for part in path.relative_to(folder).parts):
            found.others["hidden"] += 1
        elif not path.is_file():
            found.others["without content"] += 1  # a link to nothing, a device
        elif is_picture(path):
            found.pictures.append(path)
        else:
            found.others[path.suffix.lower() or "without an ending"] += 1
    found.pictures.sort()
    return found


def is_picture(path: Path) -> bool:
    """Whether a file has the ending of a picture."""
    from maskgan.images import PICTURE_SUFFIXES

    return path.suffix.lower() in PICTURE_SUFFIXES


def _like(picture: Path) -> str:
    """The ending of a result that is of the kind of a picture, as `Original.encode` makes it."""
    return ".jpg" if picture.suffix.lower() in _LOSSY_ENDINGS else ".png"


def _walk(folder: Path, apart: set[Path], closed: list[Path]) -> Iterator[Path]:
    seen: set[Path] = set(apart)

    def note(error: OSError) -> None:
        closed.append(Path(error.filename))

    for place, folders, names in os.walk(folder, onerror=note, followlinks=True):
        real = Path(place).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        yield from (Path(place) / name for name in sorted(names))


def _by_result(folder: Path, pictures: Sequence[Path], clash: str) -> dict[str, Path]:
    """Pictures by their names within a folder without their endings; raises UsageError where two have one name."""
    found: dict[str, list[Path]] = {}
    for path in pictures:
        found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), []).append(path)
    double = [paths for paths in found.values() if len(paths) > 1]
    if double:
        pairs = "; ".join(
            " and ".join(path.relative_to(folder).as_posix() for path in paths) for paths in double[:_NAMED]
        )
        more = f", and {len(double) - _NAMED} more such pairs" if len(double) > _NAMED else ""
        raise UsageError(f"{pairs} {clash}{more}; rename all but one of each, or take them out of {folder}.")
    return {key: paths[0] for key, paths in found.items()}


def _names(paths: Sequence[Path]) -> str:
    more = f", and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(path.name for path in paths[:_NAMED]) + more


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
