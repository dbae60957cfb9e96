"""How far class probabilities are from a label map: what the parser and MaskVAE learn by.

The sums of a batch that several processes share are taken over all of them (`over_processes`), so that the loss is
that of the whole batch, however its unknown pixels and its classes are spread.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from maskgan.labels import IGNORE, NUM_CLASSES

#: Sums a tensor over the processes; gradients flow back.
Sum = Callable[[Tensor], Tensor]


def itself(value: Tensor) -> Tensor:
    """What one process has is the sum over all."""
    return value


def pixel_rows(logits: Tensor) -> Tensor:
    """Logits (N, 19, H, W) -> (N * H * W, 19): no copy where they are channels-last, and quicker there."""
    return logits.permute(0, 2, 3, 1).flatten(0, 2)


def cross_entropy(logits: Tensor, ids: Tensor, over_processes: Sum = itself) -> Tensor:
    """Nats per known pixel. Pixels as rows: logits (P, 19), class ids (P,); 255 counts nowhere."""
    nats = F.cross_entropy(logits, ids, ignore_index=IGNORE, reduction="sum")
    return over_processes(nats) / over_processes((ids != IGNORE).sum().to(nats))


def soft_dice(logits: Tensor, ids: Tensor, over_processes: Sum = itself) -> Tensor:
    """One minus the soft Dice coefficient (Milletari et al., 3DV 2016), mean over the classes in `ids`.

    Every class counts alike in it, however small. Pixels as rows: logits (P, 19), class ids (P,); 255 counts nowhere.
    """
    known = ids != IGNORE
    shares = logits.softmax(1) * known[:, None]
    planes = F.one_hot(ids * known, NUM_CLASSES).to(shares) * known[:, None]
    area = over_processes(planes.sum(0))
    both, sums, present = over_processes((shares * planes).sum(0)), over_processes(shares.sum(0)) + area, area > 0
    return (1 - (2 * both[present] + 1) / (sums[present] + 1)).mean()
