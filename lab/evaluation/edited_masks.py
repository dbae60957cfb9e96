"""Edited masks to try generators on: MaskVAE's inner and outer masks, quick edits, and other people's masks.

All are pure functions of the faces: the same face gets the same edits in every run.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import torch

from maskgan.editing.mask_interpolation import inner_outer
from maskgan.mask_files import resize_mask
from maskgan.networks.mask_vae import MaskVAE
from maskgan.quick_edits import NOT_IN_PHOTOS, QUICK_EDITS, QuickEditImpossible

#: Masks that MaskVAE sees at once.
BATCH = 8

#: Less than this share of the pixels (65 at 256 px) is no edit to judge a generator by.
SMALLEST_EDIT = 0.001


def next_persons(masks: np.ndarray) -> np.ndarray:
    """The mask of the next face in each one's place, the first for the last: (N, S, S) in, the same out."""
    return np.roll(masks, -1, 0)


def vae_masks(vae: MaskVAE, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """M^inter and M^outer of MaskGAN's Algorithm 1 for masks (N, S, S), the next face's being M^ref."""
    size = (vae.mask_size, vae.mask_size)
    own = torch.from_numpy(np.stack([resize_mask(mask, size) for mask in masks]))
    pairs = [inner_outer(vae, *both) for both in zip(own.split(BATCH), own.roll(-1, 0).split(BATCH), strict=True)]
    inner, outer = (torch.cat(part).cpu().numpy() for part in zip(*pairs, strict=True))
    back = [np.stack([resize_mask(mask, masks.shape[1:]) for mask in part]) for part in (inner, outer)]
    return back[0], back[1]


def quick_edit(mask: np.ndarray, name: str) -> np.ndarray:
    """One quick edit of a mask (S, S), drawn by the face's name among those that change it visibly.

    A mask that none can change comes back as it is.
    """
    order = np.random.default_rng(zlib.crc32(name.encode())).permutation(
        [edit for edit in QUICK_EDITS if edit not in NOT_IN_PHOTOS]
    )
    for edit in order:
        try:
            edited = QUICK_EDITS[edit].apply(mask)
        except QuickEditImpossible:
            continue
        if (edited != mask).mean() >= SMALLEST_EDIT:
            return edited
    return mask


def edited_masks(masks: np.ndarray, names: Sequence[str], vae: MaskVAE | None) -> dict[str, list[np.ndarray]]:
    """The blocks of edited masks by name, each one or two batches like `masks`.

    Args:
        masks: (N, S, S) uint8 0..18, one per face.
        names: of the faces, which choose their quick edits.
        vae: without it there is no block `mask_vae`; nor with a single face, which has nobody's mask to borrow.
    """
    blocks: dict[str, list[np.ndarray]] = {}
    if vae is not None and len(masks) > 1:
        blocks["mask_vae"] = list(vae_masks(vae, masks))
    blocks["quick_edits"] = [np.stack([quick_edit(*face) for face in zip(masks, names, strict=True)])]
    if len(masks) > 1:
        blocks["other_masks"] = [next_persons(masks)]
    return blocks
