"""The losses of direct regression through DirectFCHead: all five learn, and none looks at absent points."""

import math

import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

import kpplugins.register  # noqa: F401
from kpplugins.models.heads.direct_fc_head import SMOOTH_L1, DirectFCHead

LOSSES = {
    "smooth_l1": SMOOTH_L1,
    "smooth_l1_of_mmpose": dict(type="SmoothL1Loss"),
    "l1": dict(type="L1Loss"),
    "l2": dict(type="MSELoss"),
    "wing": dict(type="WingLoss", omega=0.04, epsilon=0.008),
    "rle": dict(type="RLELoss"),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES.keys())


def samples(labels: Tensor, weights: Tensor) -> list[PoseDataSample]:
    """Labels (N, K, 2) and weights (N, K) as the pipeline packs them."""
    packed = []
    for label, weight in zip(labels, weights, strict=True):
        sample = PoseDataSample()
        sample.gt_instance_labels = InstanceData(keypoint_labels=label[None], keypoint_weights=weight[None])
        packed.append(sample)
    return packed


def head_of(loss: dict, k: int = 3) -> DirectFCHead:
    torch.manual_seed(0)
    return DirectFCHead(8, k, loss=loss)


@every_loss
def test_it_falls_in_ten_steps_on_four_images(loss: dict):
    torch.manual_seed(0)
    backbone = MODELS.build(dict(type="ResNet", depth=18))
    head = DirectFCHead(512, 5, loss=loss)
    parameters = [*backbone.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    images, truth = torch.randn(4, 3, 64, 64), samples(torch.rand(4, 5, 2), torch.ones(4, 5))
    values = []
    for _ in range(10):
        value = head.loss(backbone(images), truth)["loss_kpt"]
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert all(math.isfinite(v) for v in values)
    assert min(values[-3:]) < values[0] - 0.3 * abs(values[0])


@every_loss
def test_gradients_reach_every_parameter(loss: dict):
    torch.manual_seed(0)
    head = DirectFCHead(8, 3, hidden_channels=(16, 12), loss=loss)
    truth = samples(torch.rand(4, 3, 2), torch.ones(4, 3))
    head.loss((torch.rand(4, 8, 2, 2),), truth)["loss_kpt"].backward()
    assert [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@every_loss
@pytest.mark.parametrize("absent", [0.0, 0.9, -40.0, math.inf, math.nan])
def test_absent_points_count_nothing_whatever_they_are(loss: dict, absent: float):
    head, features = head_of(loss), (torch.rand(2, 8, 2, 2),)
    labels, weights = torch.rand(2, 3, 2), torch.tensor([[1.0, 0, 1], [1, 1, 0]])
    expected = head.loss(features, samples(torch.where(weights[..., None] > 0, labels, 0.3), weights))
    labels[weights == 0] = absent
    actual = head.loss(features, samples(labels, weights))["loss_kpt"]
    assert actual.item() == expected["loss_kpt"].item()
    actual.backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


@every_loss
def test_the_outputs_of_an_absent_point_get_no_gradient(loss: dict):
    head, weights = head_of(loss), torch.tensor([[1.0, 0, 1], [1, 0, 1]])
    head.loss((torch.rand(2, 8, 2, 2),), samples(torch.rand(2, 3, 2), weights))["loss_kpt"].backward()
    reached = head.last.weight.grad.view(3, -1).abs().sum(1) > 0
    assert reached.tolist() == [True, False, True]


@every_loss
def test_a_batch_without_any_label_is_zero_with_a_gradient(loss: dict):
    head = head_of(loss)
    value = head.loss((torch.rand(2, 8, 2, 2),), samples(torch.zeros(2, 3, 2), torch.zeros(2, 3)))["loss_kpt"]
    assert value.item() == 0 and value.requires_grad
    value.backward()
    assert all((p.grad == 0).all() for p in head.last.parameters())


def test_masks_are_used_unless_the_config_says_otherwise():
    assert head_of(dict(type="L1Loss")).loss_module.use_target_weight
    assert not head_of(dict(type="L1Loss", use_target_weight=False)).loss_module.use_target_weight


def test_the_default_bends_at_a_hundredth_of_the_image():
    loss = MODELS.build(dict(use_target_weight=True, **SMOOTH_L1))
    off = torch.tensor([[[0.004, 0.05]]])
    # inside: 0.004² / (2 · 0.01) = 0.0008; outside: 0.05 - 0.01 / 2 = 0.045; one point, so divided by 1
    assert loss(off, torch.zeros(1, 1, 2), torch.ones(1, 1, 1)).item() == pytest.approx(0.0458)


def test_wing_in_fractions_is_wing_in_pixels():
    weight, off = torch.ones(2, 1, 1), torch.tensor([[[1.5, -0.3]], [[7.0, 40.0]]])
    pixels = MODELS.build(dict(type="WingLoss", omega=10.0, epsilon=2.0, use_target_weight=True))
    shares = MODELS.build(dict(type="WingLoss", omega=10 / 256, epsilon=2 / 256, use_target_weight=True))
    expected = pixels(off, torch.zeros_like(off), weight).item() / 256
    assert shares(off / 256, torch.zeros_like(off), weight).item() == pytest.approx(expected)
