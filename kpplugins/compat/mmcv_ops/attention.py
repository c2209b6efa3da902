"""``ms_deform_attn`` of ``mmcv._ext``: multi-scale deformable attention (Zhu et al., arXiv 2010.04159).

mmcv calls it on CUDA; on the CPU it uses its own PyTorch implementation, which is used on every device here. That needs
more memory than a compiled kernel: [B * heads, C / heads, queries, points] for each level.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

import torch
from torch import Tensor


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Sample the values of all levels and sum them with the attention weights.

    Args:
        value: [B, sum of H * W over levels, heads, C / heads].
        value_spatial_shapes: (H, W) of each level, [levels, 2].
        value_level_start_index: first key of each level; follows from the shapes, unused.
        sampling_locations: (x, y) from 0 to 1, [B, queries, heads, levels, points, 2].
        attention_weights: [B, queries, heads, levels, points].
        im2col_step: scratch setting of mmcv's kernel, unused.

    Returns:
        [B, queries, C].
    """
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(
        value, value_spatial_shapes, sampling_locations, attention_weights
    )


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Fill the three gradients by running the forward pass again.

    Args:
        value: see ``ms_deform_attn_forward``; likewise the next four.
        value_spatial_shapes: see there.
        value_level_start_index: see there.
        sampling_locations: see there.
        attention_weights: see there.
        grad_output: [B, queries, C].
        grad_value: filled, shaped as ``value``.
        grad_sampling_loc: filled, shaped as ``sampling_locations``.
        grad_attn_weight: filled, shaped as ``attention_weights``.
        im2col_step: unused.
    """
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_() for t in (value, sampling_locations, attention_weights)]
        output = ms_deform_attn_forward(
            leaves[0], value_spatial_shapes, value_level_start_index, leaves[1], leaves[2], im2col_step
        )
        grads = torch.autograd.grad(output, leaves, grad_output)
    for target, grad in zip((grad_value, grad_sampling_loc, grad_attn_weight), grads, strict=True):
        target.copy_(grad)
