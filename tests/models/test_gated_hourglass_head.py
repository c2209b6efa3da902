"""The head inside MMPose: loss, decoding, flip test."""

import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample

import kpplugins.register  # noqa: F401
from kpplugins.models import GatedHourglassHead

CODEC = dict(type="UDPHeatmap", input_size=(64, 64), heatmap_size=(16, 16), sigma=1.5)


def _samples(n: int, k: int) -> list[PoseDataSample]:
    samples = []
    for _ in range(n):
        sample = PoseDataSample(metainfo=dict(flip_indices=[1, 0, 2]))
        sample.gt_fields = PixelData(heatmaps=torch.rand(k, 16, 16))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, k))
        samples.append(sample)
    return samples


@pytest.fixture
def head() -> GatedHourglassHead:
    torch.manual_seed(0)
    return GatedHourglassHead(16, 3, num_stacks=2, depth=2, decoder=CODEC)


def test_the_loss_is_the_sum_over_the_stacks(head: GatedHourglassHead):
    losses = head.loss((torch.randn(2, 16, 16, 16),), _samples(2, 3))
    assert losses["loss_kpt"].item() == pytest.approx((losses["stack0"] + losses["stack1"]).item())
    assert losses["loss_kpt"].requires_grad
    assert not losses["stack0"].requires_grad


def test_predictions_come_in_input_pixels(head: GatedHourglassHead):
    head.eval()
    (prediction,) = head.predict((torch.randn(1, 16, 16, 16),), _samples(1, 3))
    assert prediction.keypoints.shape == (1, 3, 2)
    assert (prediction.keypoints >= -4).all() and (prediction.keypoints <= 68).all()


def test_flip_test_averages_with_the_mirrored_and_exchanged_heatmaps(head: GatedHourglassHead):
    head.eval()
    plain, mirrored = torch.randn(1, 16, 16, 16), torch.randn(1, 16, 16, 16)
    _, (field,) = head.predict(
        [(plain,), (mirrored,)],
        _samples(1, 3),
        dict(flip_test=True, output_heatmaps=True, shift_heatmap=False),
    )
    by_hand = (head((plain,))[-1] + head((mirrored,))[-1].flip(-1)[:, [1, 0, 2]]) / 2
    assert torch.allclose(field.heatmaps, by_hand[0])
