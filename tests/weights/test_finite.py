"""Weights that are no numbers are never used."""

from pathlib import Path

import pytest
import torch
from torch import nn

from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import load_strictly
from kpplugins.weights.finite import require_finite
from kpplugins.weights.pretrained import keep_fitting

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [("a.weight", 1.0, True), ("a.weight", NAN, False), ("a.bias", INF, False), ("bn.running_var", INF, False),
     ("attn_mask", -INF, True), ("attn_mask", NAN, False)],
)  # fmt: skip
def test_what_is_refused(name: str, value: float, fine: bool):
    weights = {"first": torch.ones(2), "count": torch.tensor(3), name: torch.tensor([0.0, value])}
    if fine:
        require_finite(weights, "a.pth")
        return
    with pytest.raises(
        BadInputError, match=rf"a\.pth: weights that are not finite.*1 of 3 tensors.*\({name}\)"
    ):
        require_finite(weights, "a.pth")


def test_no_way_of_loading_takes_them(tmp_path: Path):
    model = nn.Linear(2, 1)
    content = {"state_dict": {"weight": torch.tensor([[1.0, NAN]]), "bias": torch.zeros(1)}}
    torch.save(content, tmp_path / "a.pth")
    before = model.weight.detach().clone()
    for load in (
        lambda: load_strictly(model, tmp_path / "a.pth"),
        lambda: keep_fitting(model, content, "a.pth"),
    ):
        with pytest.raises(BadInputError, match="weights that are not finite"):
            load()
    assert torch.equal(model.weight, before)
