"""The error of an op that the stand-in for ``mmcv._ext`` does not support.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""


class OpNotServedError(NotImplementedError):
    """A compiled op of mmcv was called for which there is no stand-in.

    Args:
        op: name of the function of ``mmcv._ext``.
        reason: what is not supported, if not the whole op.
    """

    def __init__(self, op: str, reason: str = "") -> None:
        what = f"{op} ({reason})" if reason else op
        super().__init__(
            f"mmcv's compiled op {what} is not available: this mmcv was installed without compiled ops, and "
            "kpplugins stands in only for nms, soft_nms, bbox_overlaps, roi_align (avg), deform_conv, "
            "modulated_deform_conv, focal losses, ms_deform_attn and masked_conv. Install mmcv with its ops: "
            "a wheel built for your PyTorch and CUDA, if there is one "
            "(https://mmcv.readthedocs.io/en/latest/get_started/installation.html), or build them, with a "
            "C++ compiler (and nvcc for CUDA), after PyTorch is installed: `MMCV_WITH_OPS=1 pip install "
            "--no-build-isolation --no-binary onedl-mmcv --no-cache-dir --force-reinstall --no-deps "
            "onedl-mmcv`"
        )
        self.op = op
