"""Decide whether the stand-in for mmcv's compiled ops is needed, and install it.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""

from kpplugins.compat.stand_ins import Provided, activate, find_real, is_active

_NAME = "mmcv._ext"
_SERVED = (
    "nms, soft_nms, bbox_overlaps, roi_align (avg), deform_conv, modulated_deform_conv, focal losses, "
    "ms_deform_attn and masked_conv, over torchvision; other ops raise when called"
)


def install() -> Provided:
    """Stand in for ``mmcv._ext`` where mmcv lacks it. Idempotent; imports neither mmcv nor torch.

    Returns:
        Whether the stand-in is active, and why.
    """
    if is_active(_NAME):
        return Provided("mmcv_ops", _NAME, True, _SERVED)
    real = find_real(_NAME)
    if real is not None:
        return Provided("mmcv_ops", _NAME, False, f"the real one is used: {real.origin}")
    if find_real("mmcv") is None:
        return Provided(
            "mmcv_ops", _NAME, False, "not served: mmcv is not installed (`pip install onedl-mmcv`)"
        )
    if find_real("mmcv.ops") is None:
        detail = "not served: mmcv-lite has no mmcv.ops (`pip uninstall mmcv-lite; pip install onedl-mmcv`)"
        return Provided("mmcv_ops", _NAME, False, detail)
    if find_real("torchvision") is None:
        return Provided(
            "mmcv_ops", _NAME, False, "not served: `pip install torchvision`, matching your torch"
        )
    activate({_NAME: "kpplugins.compat.mmcv_ops.ext"})
    return Provided("mmcv_ops", _NAME, True, _SERVED)
