"""A keypoint that is not labelled gives DSNT's loss no gradient, instead of one that is not a number."""

import torch
from mmpose.models.losses import JSDiscretLoss

from kpplugins.engine.guards.finite_divergence_hook import keep_divergence_finite


def loss_and_gradient(loss: JSDiscretLoss) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(2, 3, 16, generator=generator, requires_grad=True)
    truth = torch.randn(2, 3, 16, generator=generator).softmax(-1).view(2, 3, 4, 4)
    truth[0, 1] = 0
    weights = torch.ones(2, 3)
    weights[0, 1] = 0
    value = loss(raw.softmax(-1).view(2, 3, 4, 4), truth, weights)
    value.backward()
    return value.detach(), raw.grad


def test_its_gradient_is_finite_and_all_else_as_it_was():
    plain, kept = JSDiscretLoss(), JSDiscretLoss()
    keep_divergence_finite(torch.nn.ModuleList([kept]))
    before, after = loss_and_gradient(plain), loss_and_gradient(kept)
    assert torch.isnan(before[1][0, 1]).all()  # else MMPose has mended it, and the guard can go
    assert torch.allclose(before[0], after[0], rtol=1e-6)
    assert torch.count_nonzero(after[1][0, 1]) == 0
    labelled = torch.ones(2, 3, dtype=bool)
    labelled[0, 1] = False
    assert torch.allclose(before[1][labelled], after[1][labelled], rtol=1e-5)
