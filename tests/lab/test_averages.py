"""The moving average of a network's weights, against numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lab.training.averages import MovingAverage


def test_a_young_average_follows_closely_and_an_old_one_by_its_decay() -> None:
    parameter = nn.Parameter(torch.tensor([8.0]))
    average = MovingAverage([parameter], 0.07, "cpu")
    expected = [2.0]  # step 1 forgets the 8 of the beginning
    for number, value in enumerate((2.0, 3.0, 5.0)):
        parameter.data.fill_(value)
        average.step([parameter])
        decay = (0.0, 1 - 1.1**-0.75, 0.07)[number]
        expected.append(decay * expected[-1] + (1 - decay) * value)
        assert average.tensors[0].item() == pytest.approx(expected[-1], rel=1e-6)
    assert parameter.item() == 5.0
    average.copy_to([parameter])
    assert parameter.item() == average.tensors[0].item() != 5.0


def test_what_is_not_trained_is_copied() -> None:
    fixed = nn.Parameter(torch.tensor([1.0]), requires_grad=False)
    average = MovingAverage([fixed], 0.999, "cpu")
    for value in (2.0, 4.0):
        fixed.data.fill_(value)
        average.step([fixed])
        assert average.tensors[0].item() == value


def test_a_state_goes_on_where_it_was_and_is_refused_by_another_network() -> None:
    parameter = nn.Parameter(torch.ones(3))
    one = MovingAverage([parameter], 0.9, "cpu")
    parameter.data.mul_(3)
    one.step([parameter])
    other = MovingAverage([parameter], 0.5, "cpu")
    other.load_state_dict(one.state_dict())
    parameter.data.mul_(2)
    for average in (one, other):
        average.step([parameter])
    assert torch.equal(one.tensors[0], other.tensors[0]) and other.state_dict()["optimization_step"] == 2
    with pytest.raises(ValueError, match="belongs to another network"):
        MovingAverage([nn.Parameter(torch.ones(2))], 0.9, "cpu").load_state_dict(one.state_dict())
