"""``deform_conv`` and ``modulated_deform_conv`` of ``mmcv._ext`` over torchvision's ``deform_conv2d``.

Both libraries derive from the same code (Dai et al., arXiv 1703.06211; Zhu et al., arXiv 1811.11168): offsets are
[B, G * kH * kW * 2, H', W'] as (dy, dx) of each kernel tap, masks are [B, G * kH * kW, H', W'], for G offset groups.

The buffers ``columns`` and ``ones``, and ``im2col_step``, belong to mmcv's kernels and are not used.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

from kpplugins.compat.mmcv_ops.precision import widen


@dataclass(frozen=True)
class _Geometry:
    """Strides, zero padding, dilation (y, x), and the numbers of weight groups and offset groups."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    offset_groups: int

    def arguments(self) -> tuple[int, ...]:
        """Return the geometry in the order of torchvision's operators."""
        return (*self.stride, *self.padding, *self.dilation, self.groups, self.offset_groups)


def _forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: _Geometry,
) -> Tensor:
    """Convolve; ``mask`` None means 1 everywhere, ``bias`` None means 0."""
    no_mask = mask is None
    mask = offset.new_zeros(offset.shape[0], 1) if mask is None else mask
    bias = weight.new_zeros(weight.shape[0]) if bias is None else bias
    tensors = widen(input, weight, offset, mask, bias)
    return torch.ops.torchvision.deform_conv2d(*tensors, *geometry.arguments(), not no_mask)


def _backward(
    grad: Tensor, input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor | None, geometry: _Geometry
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Compute the gradients of input, weight, offset, mask and bias."""
    no_mask = mask is None
    mask = offset.new_zeros(offset.shape[0], 1) if mask is None else mask
    tensors = widen(grad, input, weight, offset, mask, weight.new_zeros(weight.shape[0]))
    contiguous = [tensor.contiguous() for tensor in tensors]
    return torch.ops.torchvision._deform_conv2d_backward(*contiguous, *geometry.arguments(), not no_mask)


def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Compute a deformable convolution.

    Args:
        input: [B, C_in, H, W].
        weight: [C_out, C_in / group, kH, kW].
        offset: [B, 2 * deformable_group * kH * kW, H', W'], (y, x) pixels.
        output: filled, [B, C_out, H', W'].
        columns: unused.
        ones: unused.
        kW: kernel width.
        kH: kernel height.
        dW: stride across.
        dH: stride down.
        padW: padding left and right.
        padH: padding top and bottom.
        dilationW: dilation across.
        dilationH: dilation down.
        group: groups of the convolution.
        deformable_group: groups of the offsets.
        im2col_step: unused.
    """
    geometry = _Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)
    output.copy_(_forward(input, weight, offset, None, None, geometry))


def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradInput: Tensor,
    gradOffset: Tensor,
    weight: Tensor,
    columns: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    im2col_step: int,
) -> None:
    """Compute the gradients of input and offset.

    Args:
        input: [B, C_in, H, W].
        offset: [B, 2 * deformable_group * kH * kW, H', W'], (y, x) pixels.
        gradOutput: [B, C_out, H', W'].
        gradInput: filled, shaped as ``input``.
        gradOffset: filled, shaped as ``offset``.
        weight: [C_out, C_in / group, kH, kW].
        columns: unused.
        kW: kernel width.
        kH: kernel height.
        dW: stride across.
        dH: stride down.
        padW: padding left and right.
        padH: padding top and bottom.
        dilationW: dilation across.
        dilationH: dilation down.
        group: groups of the convolution.
        deformable_group: groups of the offsets.
        im2col_step: unused.
    """
    geometry = _Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)
    grad_input, _, grad_offset, _, _ = _backward(gradOutput, input, weight, offset, None, geometry)
    gradInput.copy_(grad_input)
    gradOffset.copy_(grad_offset)


def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,
    gradWeight: Tensor,
    columns: Tensor,
    ones: Tensor,
    kW: int,
    kH: int,
    dW: int,
    dH: int,
    padW: int,
    padH: int,
    dilationW: int,
    dilationH: int,
    group: int,
    deformable_group: int,
    scale: float,
    im2col_step: int,
) -> None:
    """Add ``scale`` times the gradient of the weight to ``gradWeight``.

    Args:
        input: [B, C_in, H, W].
        offset: [B, 2 * deformable_group * kH * kW, H', W'], (y, x) pixels.
        gradOutput: [B, C_out, H', W'].
        gradWeight: added to, [C_out, C_in / group, kH, kW].
        columns: unused.
        ones: unused.
        kW: kernel width.
        kH: kernel height.
        dW: stride across.
        dH: stride down.
        padW: padding left and right.
        padH: padding top and bottom.
        dilationW: dilation across.
        dilationH: dilation down.
        group: groups of the convolution.
        deformable_group: groups of the offsets.
        scale: factor of the gradient.
        im2col_step: unused.
    """
    geometry = _Geometry((dH, dW), (padH, padW), (dilationH, dilationW), group, deformable_group)
    # The gradient of the weight does not depend on the weight: zeros of its shape will do.
    grad_weight = _backward(gradOutput, input, torch.zeros_like(gradWeight), offset, None, geometry)[1]
    gradWeight.add_(grad_weight.to(gradWeight), alpha=scale)


def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Compute a modulated deformable convolution.

    Args:
        input: [B, C_in, H, W].
        weight: [C_out, C_in / group, kH, kW].
        bias: [C_out].
        ones: unused.
        offset: [B, 2 * deformable_group * kH * kW, H', W'], (y, x) pixels.
        mask: [B, deformable_group * kH * kW, H', W'], factor of each tap.
        output: filled, [B, C_out, H', W'].
        columns: unused.
        kernel_h: kernel height.
        kernel_w: kernel width.
        stride_h: stride down.
        stride_w: stride across.
        pad_h: padding top and bottom.
        pad_w: padding left and right.
        dilation_h: dilation down.
        dilation_w: dilation across.
        group: groups of the convolution.
        deformable_group: groups of the offsets.
        with_bias: whether ``bias`` is added.
    """
    geometry = _Geometry(
        (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group, deformable_group
    )
    output.copy_(_forward(input, weight, offset, mask, bias if with_bias else None, geometry))


def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    kernel_h: int,
    kernel_w: int,
    stride_h: int,
    stride_w: int,
    pad_h: int,
    pad_w: int,
    dilation_h: int,
    dilation_w: int,
    group: int,
    deformable_group: int,
    with_bias: bool,
) -> None:
    """Compute the gradients of a modulated deformable convolution.

    Args:
        input: [B, C_in, H, W].
        weight: [C_out, C_in / group, kH, kW].
        bias: [C_out].
        ones: unused.
        offset: [B, 2 * deformable_group * kH * kW, H', W'], (y, x) pixels.
        mask: [B, deformable_group * kH * kW, H', W'], factor of each tap.
        columns: unused.
        grad_input: filled, shaped as ``input``.
        grad_weight: filled, shaped as ``weight``.
        grad_bias: filled if ``with_bias``, [C_out].
        grad_offset: filled, shaped as ``offset``.
        grad_mask: filled, shaped as ``mask``.
        grad_output: [B, C_out, H', W'].
        kernel_h: kernel height.
        kernel_w: kernel width.
        stride_h: stride down.
        stride_w: stride across.
        pad_h: padding top and bottom.
        pad_w: padding left and right.
        dilation_h: dilation down.
        dilation_w: dilation across.
        group: groups of the convolution.
        deformable_group: groups of the offsets.
        with_bias: whether the layer has a bias.
    """
    geometry = _Geometry(
        (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w), group, deformable_group
    )
    grads = _backward(grad_output, input, weight, offset, mask, geometry)
    for target, grad in zip((grad_input, grad_weight, grad_offset, grad_mask), grads[:4], strict=True):
        target.copy_(grad)
    if with_bias:
        grad_bias.copy_(grads[4])
