"""RTMO's and YOLOX-Pose's heads on batches in which nothing is matched."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.hub import get_config
from mmengine.structures import InstanceData
from mmpose.models.heads import RTMOHead
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor

from kpplugins.engine.guards.no_match_hook import NoMatchHook

CONFIGS = {
    "rtmo": "rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py",
    "yoloxpose": "yoloxpose/coco/yoloxpose_tiny_4xb64-300e_coco-416.py",
}


@pytest.fixture(params=CONFIGS)
def head(request: pytest.FixtureRequest) -> Any:
    cfg = get_config(f"mmpose::body_2d_keypoint/{CONFIGS[request.param]}")
    torch.manual_seed(0)
    made = MODELS.build(cfg.model.head)
    made.use_aux_loss = True  # of YOLOX-Pose in the last epochs
    return made.train()


def features(head: Any) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    channels = head.head_module.in_channels * (2 if isinstance(head, RTMOHead) else 1)
    levels = len(head.featmap_strides)
    return tuple(torch.randn(2, channels, 8 >> i, 8 >> i, generator=generator) for i in range(levels))


def sample(instances: int) -> PoseDataSample:
    """One image of 128×128 with so many instances in its middle."""
    labels = InstanceData(
        bboxes=torch.tensor([[20.0, 20, 100, 100]] * instances).reshape(-1, 4),
        labels=torch.zeros(instances, dtype=torch.long),
        keypoints=torch.full((instances, 17, 2), 60.0), keypoints_visible=torch.ones(instances, 17),
        keypoints_visible_weights=torch.ones(instances, 17), areas=torch.full((instances,), 6400.0),
    )  # fmt: skip
    return PoseDataSample(gt_instance_labels=labels, metainfo=dict(input_size=(128, 128)))


def loss(head: Any, *instances: int) -> dict[str, Any]:
    return {k: v for k, v in head.loss(features(head), [sample(n) for n in instances]).items() if "loss" in k}


def test_a_batch_without_any_match_has_the_loss_of_its_scores(head: Any, caplog: pytest.LogCaptureFixture):
    with pytest.raises(TypeError):
        loss(head, 0, 0)  # MMPose's own; when this no longer fails, the hook is superfluous
    expected = loss(head, 1, 0)
    NoMatchHook().before_train(SimpleNamespace(model=head))
    with caplog.at_level(logging.WARNING):
        found = loss(head, 0, 0)
        loss(head, 0, 0)
    assert caplog.text.count("without any match") == 1
    total = sum(value.sum() for value in found.values())
    total.backward()
    named = [(name, p.grad) for name, p in head.named_parameters() if p.grad is not None]
    scores = [grad for name, grad in named if "cls" in name or "obj" in name]
    assert torch.isfinite(total) and total > 0 and scores and any(grad.abs().max() > 0 for grad in scores)
    assert loss(head, 1, 0).keys() == expected.keys() > found.keys()


def test_another_type_error_is_not_hidden(head: Any):
    NoMatchHook().before_train(SimpleNamespace(model=head))
    with pytest.raises(TypeError):
        head._get_targets(None)
