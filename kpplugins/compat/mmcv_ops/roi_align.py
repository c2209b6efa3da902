"""``roi_align`` of ``mmcv._ext`` over torchvision's, whose arithmetic is the same for average pooling.

RoIs are rows (index in the batch, x1, y1, x2, y2) in pixels of the image; ``spatial_scale`` converts them to the
feature map. With ``aligned`` pixel centres are at integer coordinates (half a pixel is subtracted).

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

import torch
import torchvision  # noqa: F401  registers torch.ops.torchvision
from torch import Tensor

from kpplugins.compat.mmcv_ops.errors import OpNotServedError
from kpplugins.compat.mmcv_ops.precision import widen

_MAX = 0


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill ``output`` [N, C, aligned_height, aligned_width] with means over bins of ``rois`` [N, 5].

    Args:
        input: features [B, C, H, W].
        rois: [N, 5], see the module.
        output: filled.
        argmax_y: for max pooling, unused.
        argmax_x: for max pooling, unused.
        aligned_height: bins downwards.
        aligned_width: bins across.
        spatial_scale: pixels of the feature map per pixel of the image.
        sampling_ratio: samples per bin and direction; 0 means one per pixel.
        pool_mode: 1 average; 0 (max) is not supported.
        aligned: see the module.
    """
    if pool_mode == _MAX:
        raise OpNotServedError("roi_align_forward", "pool_mode='max'; 'avg' is served")
    wide_input, wide_rois = widen(input, rois)
    pooled = torch.ops.torchvision.roi_align(
        wide_input, wide_rois, spatial_scale, aligned_height, aligned_width, sampling_ratio, aligned
    )
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Compute the gradient of the features.

    Args:
        grad_output: [N, C, aligned_height, aligned_width].
        rois: [N, 5], see the module.
        argmax_y: unused.
        argmax_x: unused.
        grad_input: filled, [B, C, H, W].
        aligned_height: bins downwards.
        aligned_width: bins across.
        spatial_scale: pixels of the feature map per pixel of the image.
        sampling_ratio: samples per bin and direction; 0 means one per pixel.
        pool_mode: 1 average; 0 (max) is not supported.
        aligned: see the module.

    Raises:
        OpNotServedError: ``pool_mode`` is max.
    """
    if pool_mode == _MAX:
        raise OpNotServedError("roi_align_backward", "pool_mode='max'; 'avg' is served")
    wide_grad, wide_rois = widen(grad_output, rois)
    grad = torch.ops.torchvision._roi_align_backward(
        wide_grad,
        wide_rois,
        spatial_scale,
        aligned_height,
        aligned_width,
        *grad_input.shape,
        sampling_ratio,
        aligned,
    )
    grad_input.copy_(grad)
