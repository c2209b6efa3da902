"""Gap: mmcv installed without its compiled ops has no ``mmcv._ext``, and then ``import mmcv.ops`` fails.

This package has the functions of ``mmcv._ext`` that mmcv's own Python classes call, with the same arguments, on top of
torchvision and plain PyTorch. So ``mmcv.ops.RoIAlign``, ``DeformConv2d``, ``batched_nms``, … work unchanged, on any
device that torchvision supports.

====================  ====================================================================================
module                what it is
====================  ====================================================================================
``ext.py``            acts as ``mmcv._ext``: all functions below, and an error for all other names
``boxes.py``          nms, softnms, bbox_overlaps
``roi_align.py``      roi_align (average pooling)
``deform_conv.py``    deform_conv, modulated_deform_conv
``focal_loss.py``     sigmoid_focal_loss, softmax_focal_loss
``attention.py``      ms_deform_attn (for CUDA; on the CPU mmcv has its own)
``masked_conv.py``    masked_im2col, masked_col2im
``info.py``           get_compiler_version, get_compiling_cuda_version
``errors.py``         the error of an op that is not supported
``precision.py``      half precision, which torchvision's CPU kernels do not support
``provide.py``        ``install()``
====================  ====================================================================================

``roi_pool`` is not supported on purpose: torchvision's rounds boxes to whole pixels, mmcv's does not.

Adding a new op: write the function with the argument names of mmcv's ``pybind.cpp`` (mmcv passes keywords),
test it against an independent reference, and list it in ``ext.py``, ``provide.py`` and ``errors.py``.

Remove when mmcv comes with its ops compiled for the Python and PyTorch versions we support, or needs none.
"""

__all__: list[str] = []
