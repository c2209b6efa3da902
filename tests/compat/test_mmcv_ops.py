"""mmcv's own classes over the stand-in for its compiled ops, against independent references."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision

from kpplugins.compat.mmcv_ops.errors import OpNotServedError

ops = pytest.importorskip("mmcv.ops")
HALVES = [torch.float16, torch.bfloat16]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


def random_boxes(n, seed=0, dtype=torch.float32):
    corner = torch.rand(n, 2, generator=generator(seed), dtype=dtype) * 60
    size = torch.rand(n, 2, generator=generator(seed + 1), dtype=dtype) * 40 + 1
    return torch.cat([corner, corner + size], dim=1)


# ---------------------------------------------------------------------------------------------- boxes


@pytest.mark.parametrize(("offset", "kept"), [(0, [0, 1]), (1, [0])])
def test_nms_offset_by_hand(offset, kept):
    # Boxes (0, 0, 2, 2) and (1, 0, 3, 2). Offset 0: 2 x 2 boxes share 1 x 2 = 2 of 4 + 4 - 2 = 6, IoU 1/3.
    # Offset 1: 3 x 3 boxes share 2 x 3 = 6, union 9 + 9 - 6 = 12, IoU 1/2. The threshold 0.4 lies between.
    boxes = torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2]])
    dets, indices = ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.4, offset=offset)
    assert indices.tolist() == kept
    assert dets.shape == (len(kept), 5)


def test_nms_numpy_scores_and_limits():
    boxes = random_boxes(60)
    scores = torch.rand(60, generator=generator(3))
    expected = torchvision.ops.nms(boxes, scores, 0.3)
    dets, indices = ops.nms(boxes.numpy(), scores.numpy(), 0.3)
    assert isinstance(dets, np.ndarray)
    np.testing.assert_array_equal(indices, expected.numpy())
    strong = [i for i in expected.tolist() if scores[i] > 0.5][:4]
    assert ops.nms(boxes, scores, 0.3, score_threshold=0.5, max_num=4)[1].tolist() == strong
    assert ops.nms(boxes[:0], scores[:0], 0.3)[1].tolist() == []


def test_batched_nms_keeps_classes_apart():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]])
    scores, classes = torch.tensor([0.5, 0.9, 0.7]), torch.tensor([0, 1, 0])
    dets, keep = ops.batched_nms(boxes, scores, classes, {"type": "nms", "iou_threshold": 0.5})
    assert keep.tolist() == [1, 2]
    assert dets[:, 4].tolist() == pytest.approx([0.9, 0.7])


@pytest.mark.parametrize("dtype", HALVES)
def test_nms_half(dtype):
    boxes, scores = (
        torch.tensor([[0, 0, 8, 8], [0, 0, 8, 7], [20, 20, 30, 30]], dtype=dtype),
        torch.rand(3).to(dtype),
    )
    assert sorted(ops.nms(boxes, torch.tensor([3, 2, 1], dtype=dtype) / 4, 0.5)[1].tolist()) == [0, 2]
    assert scores.dtype == dtype


def soft_nms_reference(boxes, scores, method, threshold, sigma, min_score, offset):
    """Soft-NMS from the pseudo code of arXiv 1704.04503 (figure 3), one box at a time."""
    boxes, left, chosen = boxes.astype(np.float64), {i: float(s) for i, s in enumerate(scores)}, []
    while left:
        m = max(left, key=lambda i: left[i])
        chosen.append((m, left.pop(m)))
        for i in list(left):
            w = min(boxes[m, 2], boxes[i, 2]) - max(boxes[m, 0], boxes[i, 0]) + offset
            h = min(boxes[m, 3], boxes[i, 3]) - max(boxes[m, 1], boxes[i, 1]) + offset
            areas = [(b[2] - b[0] + offset) * (b[3] - b[1] + offset) for b in (boxes[m], boxes[i])]
            shared = max(w, 0) * max(h, 0)
            iou = shared / (sum(areas) - shared)
            if method == "gaussian":
                left[i] *= np.exp(-(iou**2) / sigma)
            elif iou >= threshold:
                left[i] *= 1 - iou if method == "linear" else 0
            if left[i] < min_score:
                del left[i]
    return [index for index, _ in chosen], [score for _, score in chosen]


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("method", ["naive", "linear", "gaussian"])
def test_soft_nms_equals_the_pseudo_code(method, offset):
    boxes, scores = random_boxes(50, seed=5), torch.rand(50, generator=generator(6))
    arguments = {"iou_threshold": 0.3, "sigma": 0.4, "min_score": 0.05}
    dets, indices = ops.soft_nms(boxes, scores, method=method, offset=offset, **arguments)
    want, want_scores = soft_nms_reference(boxes.numpy(), scores.numpy(), method, 0.3, 0.4, 0.05, offset)
    assert indices.tolist() == want
    np.testing.assert_allclose(dets[:, 4].numpy(), want_scores, rtol=1e-5)
    torch.testing.assert_close(dets[:, :4], boxes[indices])


def test_soft_nms_by_hand():
    # IoU of the two boxes is 1/3 (see above), so the linear method leaves 0.9 * (1 - 1/3) = 0.6.
    boxes = np.array([[0, 0, 2, 2], [1, 0, 3, 2]], dtype=np.float32)
    dets, _ = ops.soft_nms(boxes, np.array([1.0, 0.9], dtype=np.float32), iou_threshold=0.3)
    np.testing.assert_allclose(dets[:, 4], [1.0, 0.6], rtol=1e-6)
    assert len(ops.soft_nms(boxes[:0], np.zeros(0, dtype=np.float32))[1]) == 0


@pytest.mark.parametrize("aligned", [True, False])
def test_bbox_overlaps(aligned):
    first, second = random_boxes(6, 1), random_boxes(6, 2)
    expected = torchvision.ops.box_iou(first, second)
    got = ops.bbox_overlaps(first, second, aligned=aligned)
    torch.testing.assert_close(got, expected.diagonal() if aligned else expected)
    # by hand: (0, 0, 2, 2) and (1, 0, 5, 2) share 1 x 2 = 2 of the first one's 4; with offset 1, 2 x 3 of 9
    a, b = torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 5, 2]])
    assert ops.bbox_overlaps(a, b, mode="iof").item() == pytest.approx(0.5)
    assert ops.bbox_overlaps(a, b, mode="iof", offset=1).item() == pytest.approx(6 / 9)
    assert ops.bbox_overlaps(a * 0, a * 0).item() == 0


# ------------------------------------------------------------------------------------------ RoI align


def rois(dtype=torch.float64):
    return torch.tensor(
        [[0, 1.3, 2.1, 9.7, 8.4], [1, 0.0, 0.0, 12.0, 5.5], [1, 3.2, 3.3, 4.1, 11.9]], dtype=dtype
    )


@pytest.mark.parametrize("sampling_ratio", [0, 2])
@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_equals_torchvision(aligned, sampling_ratio):
    features = random(2, 3, 8, 9).requires_grad_()
    layer = ops.RoIAlign((3, 2), spatial_scale=0.5, sampling_ratio=sampling_ratio, aligned=aligned)
    expected = torchvision.ops.roi_align(features, rois(), (3, 2), 0.5, sampling_ratio or -1, aligned)
    got = layer(features, rois())
    torch.testing.assert_close(got, expected)
    weights = random(*got.shape, seed=1)
    (grad,) = torch.autograd.grad((got * weights).sum(), features)
    (expected_grad,) = torch.autograd.grad((expected * weights).sum(), features)
    torch.testing.assert_close(grad, expected_grad)


def test_roi_align_of_a_ramp_by_hand():
    # On f(x, y) = x the mean over a bin is the x of its centre. Box x from 2 to 6 in 2 bins: centres 3 and 5;
    # aligned means that pixel centres lie at integers, i.e. half a pixel less: 2.5 and 4.5.
    ramp = torch.arange(10.0).expand(1, 1, 10, 10)
    box = torch.tensor([[0, 2.0, 2.0, 6.0, 6.0]])
    assert ops.roi_align(ramp, box, (1, 2), 1.0, 2, "avg", False).flatten().tolist() == pytest.approx([3, 5])
    assert ops.roi_align(ramp, box, (1, 2), 1.0, 2, "avg", True).flatten().tolist() == pytest.approx(
        [2.5, 4.5]
    )


def test_roi_align_gradcheck():
    features = random(2, 2, 6, 6).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: ops.roi_align(x, rois(), (2, 2), 0.5, 2, "avg", True), features, nondet_tol=1e-12
    )


@pytest.mark.parametrize("dtype", HALVES)
def test_roi_align_half(dtype):
    features = random(2, 3, 8, 9).to(dtype).requires_grad_()
    expected = torchvision.ops.roi_align(features.detach().float(), rois(torch.float32), (2, 2), 0.5, 2, True)
    got = ops.roi_align(features, rois(torch.float32), (2, 2), 0.5, 2, "avg", True)
    assert got.dtype == dtype
    torch.testing.assert_close(got.float(), expected, rtol=1e-2, atol=1e-2)
    got.sum().backward()
    assert features.grad.dtype == dtype


def test_roi_align_max_is_not_served():
    with pytest.raises(OpNotServedError, match="roi_align_forward.*pool_mode='max'"):
        ops.roi_align(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 2, 1.0, 0, "max", True)


def test_roi_pool_is_not_served():
    with pytest.raises(OpNotServedError, match="roi_pool_forward"):
        ops.roi_pool(torch.zeros(1, 1, 4, 4), torch.zeros(1, 5), 2, 1.0)


# ----------------------------------------------------------------------------- deformable convolution


def grads_of(output, *inputs):
    return torch.autograd.grad((output * random(*output.shape, seed=9, dtype=output.dtype)).sum(), inputs)


@pytest.mark.parametrize("groups", [1, 2])
def test_deform_conv_with_zero_offsets_is_conv2d(groups):
    x, weight = random(2, 4, 9, 8).requires_grad_(), random(6, 4 // groups, 3, 3, seed=1).requires_grad_()
    settings = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": groups}
    expected = F.conv2d(x, weight, **settings)
    offset = torch.zeros(2, 2 * 2 * 9, *expected.shape[2:], dtype=x.dtype)
    got = ops.deform_conv2d(x, offset, weight, *settings.values(), 2)
    torch.testing.assert_close(got, expected)
    for grad, expected_grad in zip(grads_of(got, x, weight), grads_of(expected, x, weight), strict=True):
        torch.testing.assert_close(grad, expected_grad)


def test_deform_conv_whole_pixel_offset_is_a_shift():
    # dy = 0, dx = 1 at the tap of a 1 x 1 kernel of weight 1: a pixel takes its right neighbour, 0 outside.
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    offset = torch.zeros(1, 2, 2, 3)
    offset[:, 1] = 1
    got = ops.deform_conv2d(x, offset, torch.ones(1, 1, 1, 1))
    assert got.flatten().tolist() == [1, 2, 0, 4, 5, 0]


def test_deform_conv_equals_torchvision():
    x, offset = random(2, 4, 7, 6).requires_grad_(), (random(2, 18 * 2, 7, 6, seed=2) * 0.7).requires_grad_()
    weight = random(3, 4, 3, 3, seed=1).requires_grad_()
    expected = torchvision.ops.deform_conv2d(x, offset, weight, padding=1)
    got = ops.deform_conv2d(x, offset, weight, 1, 1, 1, 1, 2)
    torch.testing.assert_close(got, expected)
    for grad, want in zip(
        grads_of(got, x, offset, weight), grads_of(expected, x, offset, weight), strict=True
    ):
        torch.testing.assert_close(grad, want)


def test_deform_conv_gradcheck():
    x, offset = (
        random(1, 2, 4, 4).requires_grad_(),
        (random(1, 8, 3, 3, seed=2) * 0.3 + 0.11).requires_grad_(),
    )
    weight = random(2, 2, 2, 2, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(ops.deform_conv2d, (x, offset, weight), nondet_tol=1e-12)


@pytest.mark.parametrize("with_bias", [True, False])
def test_modulated_deform_conv_with_mask_one_is_conv2d(with_bias):
    x, weight = random(2, 4, 6, 7).requires_grad_(), random(6, 2, 3, 3, seed=1).requires_grad_()
    bias = random(6, seed=4).requires_grad_() if with_bias else None
    expected = F.conv2d(x, weight, bias, stride=1, padding=1, groups=2)
    offset, mask = torch.zeros(2, 18, 6, 7, dtype=x.dtype), torch.ones(2, 9, 6, 7, dtype=x.dtype)
    got = ops.modulated_deform_conv2d(x, offset, mask, weight, bias, 1, 1, 1, 2, 1)
    torch.testing.assert_close(got, expected)
    leaves = (x, weight, bias) if with_bias else (x, weight)
    for grad, want in zip(grads_of(got, *leaves), grads_of(expected, *leaves), strict=True):
        torch.testing.assert_close(grad, want)
    half = ops.modulated_deform_conv2d(x, offset, mask / 2, weight, None, 1, 1, 1, 2, 1)
    torch.testing.assert_close(half, F.conv2d(x, weight, None, padding=1, groups=2) / 2)


def test_modulated_deform_conv_gradcheck():
    x, offset = (
        random(1, 2, 4, 4).requires_grad_(),
        (random(1, 8, 3, 3, seed=2) * 0.3 + 0.11).requires_grad_(),
    )
    mask, weight = (
        torch.rand(1, 4, 3, 3).double().requires_grad_(),
        random(2, 2, 2, 2, seed=1).requires_grad_(),
    )
    bias = random(2, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(
        ops.modulated_deform_conv2d, (x, offset, mask, weight, bias), nondet_tol=1e-12
    )


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("name", ["DeformConv2dPack", "ModulatedDeformConv2dPack"])
def test_deform_conv_layers_train_in_half(name, dtype):
    layer = getattr(ops, name)(2, 3, 3, padding=1).to(dtype)
    x = random(2, 2, 5, 5).to(dtype).requires_grad_()
    y = layer(x)
    assert (y.shape, y.dtype) == ((2, 3, 5, 5), dtype)
    y.float().pow(2).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in [*layer.parameters(), x])


# --------------------------------------------------------------------------------------------- upstream


def test_environment_report_and_detector_build():
    from mmcv.utils.ext_loader import check_ops_exist

    assert check_ops_exist()
    assert "not compiled" in ops.get_compiler_version()
    assert ops.get_compiling_cuda_version() == "not available"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_the_gpu():
    boxes, scores = random_boxes(60).cuda(), torch.rand(60, generator=generator(3)).cuda()
    assert ops.nms(boxes, scores, 0.3)[1].tolist() == ops.nms(boxes.cpu(), scores.cpu(), 0.3)[1].tolist()
    torch.testing.assert_close(
        ops.soft_nms(boxes, scores)[0].cpu(), ops.soft_nms(boxes.cpu(), scores.cpu())[0], rtol=1e-5, atol=1e-5
    )
    features = random(2, 3, 8, 9, dtype=torch.float32)
    arguments = (rois(torch.float32), (3, 2), 0.5, 2, "avg", True)
    torch.testing.assert_close(
        ops.roi_align(features.cuda(), arguments[0].cuda(), *arguments[1:]).cpu(),
        ops.roi_align(features, *arguments),
    )
    layer = ops.ModulatedDeformConv2dPack(3, 4, 3, padding=1)
    expected = layer(features)
    torch.testing.assert_close(layer.cuda()(features.cuda()).cpu(), expected, rtol=1e-4, atol=1e-4)
