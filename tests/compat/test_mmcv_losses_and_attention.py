"""Focal losses, deformable attention and masked convolution of mmcv over the stand-in for its compiled ops."""

import pytest
import torch
import torch.nn.functional as F

from kpplugins.compat.mmcv_ops import attention, masked_conv

ops = pytest.importorskip("mmcv.ops")
HALVES = [torch.float16, torch.bfloat16]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


# ----------------------------------------------------------------------------------------- focal loss


def sigmoid_focal_by_definition(logits, target, gamma, alpha, weight=None):
    """FL(p_t) = -alpha_t (1 - p_t)^gamma log(p_t), of arXiv 1708.02002; background is class C."""
    positive = F.one_hot(target, logits.shape[1] + 1)[:, :-1]
    p = logits.sigmoid()
    p_t = p * positive + (1 - p) * (1 - positive)
    alpha_t = alpha * positive + (1 - alpha) * (1 - positive)
    loss = -alpha_t * (1 - p_t) ** gamma * p_t.log()
    return loss if weight is None else loss * torch.cat([weight, weight.new_ones(1)])[target][:, None]


@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 1.5]).double()])
def test_sigmoid_focal_loss_equals_its_definition(weight):
    logits, target = (random(6, 3) * 3).requires_grad_(), torch.tensor([0, 1, 2, 3, 3, 0])
    expected = sigmoid_focal_by_definition(logits, target, 2.0, 0.25, weight)
    got = ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, weight, "none")
    torch.testing.assert_close(got, expected)
    for reduced, want in (("sum", expected.sum()), ("mean", expected.sum() / 6)):
        value = ops.sigmoid_focal_loss(logits, target, 2.0, 0.25, weight, reduced)
        torch.testing.assert_close(value, want)
        torch.testing.assert_close(
            *(torch.autograd.grad(v, logits, retain_graph=True)[0] for v in (value, want))
        )
    assert torch.autograd.gradcheck(
        lambda x: ops.sigmoid_focal_loss(x, target, 1.7, 0.3, weight, "none"), logits
    )


def test_sigmoid_focal_loss_by_hand():
    # logit 0: p = 1/2. Target class: 0.25 * (1/2)² * ln 2 = 0.0433217; others: 0.75 * (1/2)² * ln 2 = 0.129965
    got = ops.sigmoid_focal_loss(torch.zeros(1, 2), torch.tensor([0]), 2.0, 0.25, None, "none")
    assert got.flatten().tolist() == pytest.approx([0.0433217, 0.129965], rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_sigmoid_focal_loss_stays_finite(dtype):
    logits = torch.tensor([[200.0, -200.0]], dtype=dtype).requires_grad_()
    loss = ops.sigmoid_focal_loss(logits, torch.tensor([1]))
    loss.backward()
    assert loss.dtype == dtype
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 1.5]).double()])
def test_softmax_focal_loss_equals_its_definition(weight):
    logits, target = (random(5, 3) * 2).requires_grad_(), torch.tensor([0, 1, 2, 2, 0])
    p = logits.softmax(dim=1).gather(1, target[:, None])[:, 0]
    expected = -0.25 * (1 - p) ** 2 * p.log() * (1 if weight is None else weight[target])
    value = ops.softmax_focal_loss(logits, target, 2.0, 0.25, weight, "mean")
    torch.testing.assert_close(value, expected.mean())
    torch.testing.assert_close(*(torch.autograd.grad(v, logits)[0] for v in (value, expected.mean())))


def test_softmax_focal_loss_ignores_negative_targets():
    logits = random(2, 3).requires_grad_()
    assert ops.softmax_focal_loss(logits, torch.tensor([-1, 1]), 2.0, 0.25, None, "none")[0] == 0
    loss = ops.softmax_focal_loss(logits, torch.tensor([-1, 1]), 2.0, 0.25, None, "sum")
    assert torch.autograd.grad(loss, logits)[0][0].abs().sum() == 0


# ------------------------------------------------------------------------- attention, masked convolution


def test_multi_scale_deformable_attention_trains_on_the_cpu():
    layer = ops.MultiScaleDeformableAttention(
        embed_dims=16, num_heads=4, num_levels=2, num_points=2, batch_first=True
    )
    shapes = torch.tensor([[4, 5], [2, 3]])
    start = torch.tensor([0, 20])
    query, value = random(2, 7, 16, dtype=torch.float32), random(2, 26, 16, dtype=torch.float32, seed=1)
    points = torch.rand(2, 7, 2, 2, generator=generator(2))
    out = layer(query, value=value, reference_points=points, spatial_shapes=shapes, level_start_index=start)
    assert out.shape == (2, 7, 16)
    out.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters())


def test_ms_deform_attn_by_hand_and_its_gradients():
    # One level of 1 x 2 pixels with values 1 and 3, pixel centres at x = 0.25 and 0.75. A sample half way, at
    # 0.5, is 2; one at 0.25 is 1. With weights 0.25 and 0.75 the sum is 0.25 * 2 + 0.75 * 1 = 1.25.
    value = torch.tensor([1.0, 3.0]).double().reshape(1, 2, 1, 1).requires_grad_()
    places = torch.tensor([[0.5, 0.5], [0.25, 0.5]]).double().reshape(1, 1, 1, 1, 2, 2).requires_grad_()
    weights = torch.tensor([0.25, 0.75]).double().reshape(1, 1, 1, 1, 2).requires_grad_()
    shapes, start = torch.tensor([[1, 2]]), torch.tensor([0])
    function = ops.multi_scale_deform_attn.MultiScaleDeformableAttnFunction
    out = function.apply(value, shapes, start, places, weights, 64)
    assert out.item() == pytest.approx(1.25)
    expected = attention.ms_deform_attn_forward(value, shapes, start, places, weights, 64)
    leaves = (value, places, weights)
    got, want = torch.autograd.grad(out.sum(), leaves), torch.autograd.grad(expected.sum(), leaves)
    torch.testing.assert_close(got, want)
    assert got[2].flatten().tolist() == pytest.approx([2, 1])  # d out / d weight = sampled value


def test_masked_conv_is_conv2d_at_the_mask():
    layer = ops.MaskedConv2d(3, 4, 3, padding=1)
    x, mask = random(1, 3, 6, 5, dtype=torch.float32), torch.rand(1, 6, 5, generator=generator(1)) > 0.5
    with torch.no_grad():
        torch.testing.assert_close(layer(x, mask), layer(x) * mask)


def test_masked_im2col_by_hand():
    col = torch.zeros(4, 1)
    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)
    # kernel 2 x 2, padding 1: the patch of output place (0, 1) covers rows -1, 0 and columns 0, 1
    masked_conv.masked_im2col_forward(image, torch.tensor([0]), torch.tensor([1]), col, 2, 2, 1, 1)
    assert col.flatten().tolist() == [0, 0, 1, 2]
