"""A branch at a few cells: equal to its map there, also at borders, with equal gradients."""

import torch
from torch import nn

from kpplugins.models.blocks.cells import branch_at, neighbourhoods


def test_neighbours_of_a_corner_and_of_the_middle():
    features = torch.arange(1.0, 13).view(1, 1, 3, 4)  # rows 1-4, 5-8, 9-12
    around = neighbourhoods(features, torch.tensor([0, 0]), torch.tensor([3, 5]))[..., 0]
    assert around.tolist() == [[0, 0, 0, 3, 4, 0, 7, 8, 0], [1, 2, 3, 5, 6, 7, 9, 10, 11]]


def test_a_branch_at_every_cell_is_its_map_with_the_same_gradients():
    torch.manual_seed(0)
    branch = nn.Sequential(nn.Conv2d(5, 6, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(6, 4, 1))
    features = torch.randn(2, 5, 3, 4, requires_grad=True)
    image, cells = torch.arange(2).repeat_interleave(12), torch.arange(12).repeat(2)
    weights = torch.randn(24, 4)
    found = []
    for there in (
        branch_at(branch, neighbourhoods(features, image, cells)),
        branch(features).permute(0, 2, 3, 1).reshape(24, 4),
    ):
        gradients = torch.autograd.grad((there * weights).sum(), [features, *branch.parameters()])
        found.append((there, *gradients))
    for here, dense in zip(*found, strict=True):
        torch.testing.assert_close(here, dense, rtol=1e-4, atol=1e-5)


def test_no_cell_at_all_still_has_gradients():
    branch = nn.Sequential(nn.Conv2d(5, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 1))
    none = torch.zeros(0, dtype=torch.int64)
    branch_at(branch, neighbourhoods(torch.randn(1, 5, 3, 4), none, none)).sum().backward()
    assert all(p.grad is not None and not p.grad.any() for p in branch.parameters())
