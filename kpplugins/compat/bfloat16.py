"""MMPose's ``to_numpy`` stops at bfloat16, which NumPy does not know; its heads call it for the accuracy they log.

Half precision on a CPU is bfloat16 (``CpuAmpOptimWrapper``), so that without this most of MMPose's heads cannot be
trained in it.

Remove when MMPose's ``to_numpy`` takes bfloat16.
"""

import sys
from typing import Any

import torch
from mmpose.utils import tensor_utils

_plain = tensor_utils.to_numpy


def take_bfloat16() -> None:
    """Let every module of MMPose turn bfloat16 tensors into float32 arrays. Idempotent."""
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] == "mmpose" and vars(module).get("to_numpy") is _plain:
            module.to_numpy = to_numpy  # type: ignore[attr-defined]


def to_numpy(x: Any, return_device: bool = False, unzip: bool = False) -> Any:
    """Convert tensors as MMPose does, bfloat16 to float32.

    Args:
        x: a tensor or an array, or a sequence of them.
        return_device: return the device, too.
        unzip: a sequence of batches becomes a list of tuples, one for each sample.

    Returns:
        The array or arrays, and the device if asked for.
    """
    half = isinstance(x, torch.Tensor) and x.dtype == torch.bfloat16
    return _plain(x.float() if half else x, return_device, unzip)
