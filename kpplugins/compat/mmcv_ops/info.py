"""What ``mmcv._ext`` reports about its compilation; ``mmcv.utils.collect_env`` prints it.

Remove when the package ``kpplugins.compat.mmcv_ops`` goes.
"""


def get_compiler_version() -> str:
    """Report that nothing was compiled.

    Returns:
        A short text.
    """
    return "not compiled (kpplugins.compat.mmcv_ops over torchvision)"


def get_compiling_cuda_version() -> str:
    """Report that nothing was compiled.

    Returns:
        The words that mmcv uses for ops without CUDA.
    """
    return "not available"
