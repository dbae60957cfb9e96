"""Where a stage's faces come from: folders in the plain format, or shards."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from lab.data.faces import Augmentation, FaceStream, Sample, find_samples, survey
from lab.data.fill import fill_ignored
from lab.data.filling import Filling, FillingTask, draw_odds, lit, masks_in_windows, sharpest
from lab.shards import ShardStream
from lab.training.run import Run
from maskgan.labels import IGNORE
from maskgan.networks.face_parser import FaceParser


def sharded(sources: Sequence[Path | str]) -> bool:
    """Whether the data are shards.

    Raises:
        ValueError: when they are shards and more.
    """
    shards = [isinstance(source, str) or (source / "index.json").exists() for source in sources]
    if any(shards) and len(sources) > 1:
        raise ValueError("--data takes one folder or URL of shards, or any number of folders in the plain format.")
    return any(shards)


def samples_of(folders: Sequence[Path], split: str = "train") -> list[Sample]:
    """The samples of a split of all folders; only training data must be in each.

    Raises:
        FileNotFoundError: when a folder has no training data.
    """
    if split == "train":
        return [sample for folder in folders for sample in find_samples(folder)]
    found = []
    for folder in folders:
        with suppress(FileNotFoundError):  # all of it may be training data
            found += find_samples(folder, split)
    return found


def tell_data(run: Run, held_out: Sequence[Sample] = ()) -> None:
    """Say how many faces are trained on, how many are not and why, in the log and for the Lab page.

    held_out: samples that the stage itself keeps apart.
    """
    if sharded(run.settings.data):
        return
    found = [survey(folder) for folder in dict.fromkeys(run.settings.data)]
    apart = {sample.image for sample in held_out}
    for each in found:
        used = [sample for sample in each.samples if sample.image not in apart]
        others = dict(each.others)
        if len(used) < len(each.samples):
            others["measuring"] = len(each.samples) - len(used)
        run.journal.tell_data(replace(each, samples=tuple(used), others=others))


def open_stream(
    run: Run,
    face_parser: FaceParser | None = None,
    odds: Sequence[float] | None = None,
    augment: Augmentation | None = None,
    filling: FillingTask | None = None,
) -> FaceStream | ShardStream:
    """The run's training samples from `--data`; call after `run.resume()`.

    Args:
        run: says where the stream starts and who reads it.
        face_parser: fills unlabelled pixels of folders; for shards see `whole_masks`.
        odds, augment: as for `FaceStream`; shards are drawn evenly.
        filling: makes holes and windows, so that batches are fields of `Filling`; folders' faces then come in changing
            light, and with the odds of `draw_odds`.
    """
    settings = run.settings
    if sharded(settings.data):
        return ShardStream(
            settings.data[0],
            settings.resolution,
            settings.seed,
            augment=augment,
            process=run.accelerator.process_index,
            processes=run.accelerator.num_processes,
            start=run.step * settings.gradient_accumulation_steps * settings.batch_size,
            batch_size=settings.batch_size,
            finish=filling,
        )
    samples = samples_of(settings.data)
    tell_data(run)
    filled = None
    if face_parser is not None:
        with run.accelerator.local_main_process_first():
            windows = filling is not None and filling.windows > 0
            filled = fill_ignored(
                samples, face_parser, settings.out / "filled_masks", settings.resolution, sharp=windows
            )
    if filling is not None:
        odds, augment = draw_odds(samples, settings.resolution), augment or lit
        samples = sharpest(samples) if filling.windows > 0 else samples
    return FaceStream(samples, settings.resolution, settings.seed, odds, augment, filled, finish=filling)


@torch.no_grad()
def whole_masks(image: Tensor, mask: Tensor, face_parser: FaceParser) -> Tensor:
    """Masks (N, H, W) of images (N, 3, H, W) with 255 replaced by the parser's answer."""
    unknown = mask == IGNORE
    if not unknown.any():
        return mask
    return torch.where(unknown, face_parser.parse(image)[0].to(mask), mask)


def whole_tasks(task: Filling, face_parser: FaceParser, layout: torch.memory_format) -> Filling:
    """Tasks with whole masks (see `whole_masks`) and images in a memory layout."""
    mask = whole_masks(task.image, task.mask, face_parser)
    unknown = task.view_mask == IGNORE
    view_mask = (
        torch.where(unknown, masks_in_windows(mask, task.window), task.view_mask) if unknown.any() else task.view_mask
    )
    image, view = (pictures.contiguous(memory_format=layout) for pictures in (task.image, task.view))
    return task._replace(image=image, mask=mask, view=view, view_mask=view_mask)
