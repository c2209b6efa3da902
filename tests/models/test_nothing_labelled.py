"""A batch without any labelled keypoint, or without any instance, gives a finite loss and finite gradients."""

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS, TRANSFORMS
from mmpose.structures import PoseDataSample

import kpplugins.register  # noqa: F401

SIZE, MAPS, K = (64, 64), (16, 16), 3
HEATMAP = dict(type="MSRAHeatmap", input_size=SIZE, heatmap_size=MAPS, sigma=2)
UDP = dict(type="UDPHeatmap", input_size=SIZE, heatmap_size=MAPS, sigma=2)
SIMCC = dict(type="SimCCLabel", input_size=SIZE, sigma=6.0, simcc_split_ratio=2.0)
NUMBERS = dict(type="RegressionLabel", input_size=SIZE)
KL = dict(type="KLDiscretLoss", use_target_weight=True)
DECONV = dict(in_channels=8, deconv_out_channels=(8,), deconv_kernel_sizes=(4,))
WEIGHTED = dict(use_target_weight=True)
HEADS: dict[str, tuple[dict, dict]] = {
    "heatmap": (dict(type="HeatmapHead", **DECONV), HEATMAP),
    "ohkm": (dict(type="HeatmapHead", **DECONV, loss=dict(type="KeypointOHKMMSELoss", topk=2, **WEIGHTED)), HEATMAP),
    "heatmap_wing": (dict(type="HeatmapHead", **DECONV, loss=dict(type="AdaptiveWingLoss", **WEIGHTED)), HEATMAP),
    "udp": (dict(type="HeatmapHead", **DECONV), UDP),
    "hourglass": (dict(type="GatedHourglassHead", in_channels=8, depth=1), UDP),
    "vipnas": (dict(type="ViPNASHead", **DECONV, deconv_num_groups=(1,)), HEATMAP),
    "simcc": (
        dict(type="SimCCHead", **DECONV, input_size=SIZE, in_featuremap_size=(8, 8), simcc_split_ratio=2.0), SIMCC,
    ),
    "rtmpose": (
        dict(type="RTMCCHead", in_channels=8, input_size=SIZE, in_featuremap_size=(8, 8), simcc_split_ratio=2.0,
             final_layer_kernel_size=3, loss=KL), SIMCC,
    ),
    "regression": (dict(type="RegressionHead", in_channels=8, loss=dict(type="SmoothL1Loss", **WEIGHTED)), NUMBERS),
    "rle": (dict(type="RLEHead", in_channels=8), NUMBERS),
    "integral": (
        dict(type="IntegralRegressionHead", in_channels=8, in_featuremap_size=(8, 8), deconv_out_channels=(8,),
             deconv_kernel_sizes=(4,), loss=dict(type="SmoothL1Loss", **WEIGHTED)), NUMBERS,
    ),
    "fc": (dict(type="DirectFCHead", in_channels=8), NUMBERS),
}  # fmt: skip


def batch_of(codec: dict, visible: list[float]) -> list[PoseDataSample]:
    """One instance an image, as a pipeline packs it."""
    packed = []
    for one in visible:
        sample = {
            "keypoints": np.full((1, K, 2), 30.0, np.float32), "keypoints_visible": np.full((1, K), one, np.float32),
            "transformed_keypoints": np.full((1, K, 2), 30.0, np.float32), "bbox": np.array([[0, 0, 64, 64.0]]),
            "dataset_keypoint_weights": np.ones(K, np.float32), "flip_indices": [1, 0, 2],
            "img": np.zeros((*SIZE, 3), np.uint8), "img_shape": SIZE, "ori_shape": SIZE, "input_size": SIZE,
        }  # fmt: skip
        for step in (dict(type="GenerateTarget", encoder=codec), dict(type="PackPoseInputs", meta_keys=())):
            sample = TRANSFORMS.build(step)(sample)
        packed.append(sample["data_samples"])
    return packed


def backward(losses: dict[str, torch.Tensor], parts: torch.nn.Module) -> float:
    """The sum of the losses; it and its gradients must be finite."""
    parts.zero_grad()
    total = sum(value.sum() for name, value in losses.items() if "loss" in name)
    assert isinstance(total, torch.Tensor)
    total.backward()
    assert torch.isfinite(total) and all(
        torch.isfinite(p.grad).all() for p in parts.parameters() if p.grad is not None
    )
    return total.item()


@pytest.mark.parametrize("name", HEADS)
def test_a_batch_without_a_labelled_keypoint(name: str):
    init_default_scope("mmpose")
    torch.manual_seed(0)
    cfg, codec = HEADS[name]
    number = "num_joints" if codec is NUMBERS and name != "fc" else "out_channels"
    head = MODELS.build({**cfg, number: K, "decoder": codec})
    side = {"hourglass": 16, "regression": 1, "rle": 1}.get(name, 8)
    feats = (torch.randn(2, 8, side, side),)
    nothing = backward(head.loss(feats, batch_of(codec, [0.0, 0.0])), head)
    assert nothing == pytest.approx(0, abs=1e-6)
    assert backward(head.loss(feats, batch_of(codec, [1.0, 0.0])), head) != 0  # the test can fail


def test_boxes_of_images_without_any():
    """RTMDet's head; those of CenterNet and of Keypoint R-CNN have theirs in their own tests."""
    init_default_scope("mmdet")
    torch.manual_seed(0)
    head = MODELS.build(dict(
        type="mmdet.RTMDetSepBNHead", num_classes=2, in_channels=8, feat_channels=8, stacked_convs=1, exp_on_reg=False,
        norm_cfg=dict(type="BN"), anchor_generator=dict(type="MlvlPointGenerator", offset=0, strides=[8, 16, 32]),
        train_cfg=dict(assigner=dict(type="DynamicSoftLabelAssigner", topk=13), allowed_border=-1, pos_weight=-1),
        bbox_coder=dict(type="DistancePointBBoxCoder"), loss_bbox=dict(type="GIoULoss", loss_weight=2.0),
        loss_cls=dict(type="QualityFocalLoss", use_sigmoid=True, beta=2.0, loss_weight=1.0),
    ))  # fmt: skip
    feats = tuple(torch.randn(2, 8, side, side) for side in (8, 4, 2))
    sizes = [dict(img_shape=SIZE, pad_shape=SIZE)] * 2

    def truth(boxes: list) -> InstanceData:
        labels = torch.zeros(len(boxes), dtype=torch.long)
        return InstanceData(bboxes=torch.tensor(boxes).reshape(-1, 4), labels=labels)

    def boxes_of(*images: list) -> torch.Tensor:
        losses = head.loss_by_feat(*head(feats), [truth(boxes) for boxes in images], sizes)
        backward({name: torch.stack(value) for name, value in losses.items()}, head)
        return torch.stack(losses["loss_bbox"]).sum()

    assert boxes_of([], []) == 0
    assert boxes_of([[8.0, 8.0, 40.0, 40.0]], []) > 0
