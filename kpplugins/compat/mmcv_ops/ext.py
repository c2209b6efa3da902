"""The module that acts as ``mmcv._ext``: the supported functions, and one that raises for every other name.

Every name exists, because mmcv looks for all of its ops at import.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from kpplugins.compat.mmcv_ops.attention import ms_deform_attn_backward, ms_deform_attn_forward
from kpplugins.compat.mmcv_ops.boxes import bbox_overlaps, nms, softnms
from kpplugins.compat.mmcv_ops.deform_conv import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from kpplugins.compat.mmcv_ops.errors import OpNotServedError
from kpplugins.compat.mmcv_ops.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from kpplugins.compat.mmcv_ops.info import get_compiler_version, get_compiling_cuda_version
from kpplugins.compat.mmcv_ops.masked_conv import masked_col2im_forward, masked_im2col_forward
from kpplugins.compat.mmcv_ops.roi_align import roi_align_backward, roi_align_forward

__all__ = [
    "OpNotServedError",
    "bbox_overlaps",
    "deform_conv_backward_input",
    "deform_conv_backward_parameters",
    "deform_conv_forward",
    "get_compiler_version",
    "get_compiling_cuda_version",
    "masked_col2im_forward",
    "masked_im2col_forward",
    "modulated_deform_conv_backward",
    "modulated_deform_conv_forward",
    "ms_deform_attn_backward",
    "ms_deform_attn_forward",
    "nms",
    "roi_align_backward",
    "roi_align_forward",
    "sigmoid_focal_loss_backward",
    "sigmoid_focal_loss_forward",
    "softmax_focal_loss_backward",
    "softmax_focal_loss_forward",
    "softnms",
]


def __getattr__(name: str) -> Callable[..., NoReturn]:
    """Return, for an op that is not supported, a function that raises when it is called."""
    if name.startswith("__"):
        raise AttributeError(name)

    def not_served(*args: object, **kwargs: object) -> NoReturn:
        raise OpNotServedError(name)

    not_served.__name__ = name
    return not_served
