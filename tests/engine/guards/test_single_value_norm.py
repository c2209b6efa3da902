"""Batch normalisation of one value per channel."""

import logging

import pytest
import torch
from torch import nn

from kpplugins.engine.guards.single_value_norm_hook import allow_single_values


@pytest.mark.parametrize(
    ("norm", "one", "two"),
    [(nn.BatchNorm2d(3), (1, 3, 1, 1), (2, 3, 1, 1)), (nn.BatchNorm1d(3), (1, 3), (2, 3)),
     (nn.BatchNorm2d(3), (1, 3, 1, 1), (1, 3, 2, 1)), (nn.BatchNorm1d(3), (1, 3, 1), (1, 3, 2))],
)  # fmt: skip
def test_one_value_is_normalised_as_in_a_test_and_more_as_before(
    norm: nn.Module, one: tuple, two: tuple, caplog: pytest.LogCaptureFixture
):
    model = nn.Sequential(norm).train()
    norm.running_mean.fill_(0.5), norm.running_var.fill_(4.0)
    image = torch.full(one, 2.5)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(image)
    allow_single_values(model)
    with caplog.at_level(logging.WARNING):
        output, again = model(image), model(image)
    assert torch.allclose(output, torch.ones(one), atol=1e-4) and torch.equal(
        output, again
    )  # (2.5 − 0.5) / √4
    assert norm.training and float(norm.running_mean[0]) == 0.5
    assert sum("one value per channel" in r.message for r in caplog.records) == 1
    pair = torch.arange(torch.Size(two).numel(), dtype=torch.float32).reshape(two)
    expected = type(norm)(3).train()(pair)
    assert torch.allclose(model(pair), expected) and float(norm.running_mean[2]) != 0.5


def test_in_a_test_nothing_changes():
    model = nn.Sequential(nn.BatchNorm1d(2)).eval()
    allow_single_values(model)
    assert torch.allclose(model(torch.ones(1, 2)), torch.ones(1, 2), atol=1e-4) and not model[0].training
