"""MMPose's heads train in bfloat16: what they log is computed from float32."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads import HeatmapHead, RTMCCHead
from mmpose.models.heads.heatmap_heads import heatmap_head
from mmpose.structures import PoseDataSample

from kpplugins.engine.cpu_amp_optim_wrapper import CpuAmpOptimWrapper


@pytest.fixture
def wrapper() -> CpuAmpOptimWrapper:
    """Build the wrapper, which needs an optimizer of something."""
    return CpuAmpOptimWrapper(optimizer=torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0))


def test_every_form_of_tensors_becomes_float32(wrapper):
    values = torch.tensor([[0.5, 1.25]], dtype=torch.bfloat16)
    array = heatmap_head.to_numpy(values)
    assert array.dtype == np.float32 and array.tolist() == [[0.5, 1.25]]
    assert heatmap_head.to_numpy([values, values.double()])[1].dtype == np.float64
    pairs = heatmap_head.to_numpy([values, values + 1], unzip=True)
    assert [part.tolist() for part in pairs[0]] == [[[0.5, 1.25]], [[1.5, 2.25]]]
    assert heatmap_head.to_numpy(values, return_device=True)[1] == values.device
    assert heatmap_head.to_numpy(np.zeros(2)).dtype == np.float64


def test_a_heatmap_head_trains_in_it(wrapper):
    head = HeatmapHead(8, 3, deconv_out_channels=(4,), deconv_kernel_sizes=(4,))
    sample = PoseDataSample()
    sample.gt_fields = PixelData(heatmaps=torch.rand(3, 8, 8))
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, 3))
    with wrapper.optim_context(head):
        losses = head.loss((torch.rand(1, 8, 4, 4),), [sample])
    losses["loss_kpt"].backward()
    assert torch.isfinite(head.final_layer.weight.grad).all() and 0 <= float(losses["acc_pose"]) <= 1
    assert RTMCCHead.loss.__globals__["to_numpy"] is heatmap_head.to_numpy
