"""Floating-point formats that torchvision's kernels do not support.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def widen(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Convert tensors to a format that every kernel supports: float32 instead of half precision.

    torchvision's CPU kernels have no float16 or bfloat16, and box coordinates above 2048 pixels (float16) or
    256 pixels (bfloat16) are no longer exact in them. float32 and float64 stay; the first tensor decides.

    Args:
        *tensors: of any shapes.

    Returns:
        The tensors in the same order.
    """
    dtype = torch.float32 if tensors[0].dtype in _HALF else tensors[0].dtype
    return tuple(tensor.to(dtype) for tensor in tensors)
