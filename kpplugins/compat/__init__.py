"""Stand-ins for what upstream packages lack on today's Python, PyTorch and NumPy. One module per gap.

====================  ===================================================  ===================================
module                gap                                                  served by
====================  ===================================================  ===================================
``xtcocotools/``      MMPose imports ``xtcocotools``: no wheel past        our code over ``hotcoco``
                      Python 3.11, built against NumPy 1
``mmcv_ops/``         mmcv installed without its compiled ops              ``torchvision`` and plain PyTorch
                      (``mmcv._ext``)
``multimodal.py``     mmpretrain fails to import with                      an empty module
                      transformers 5
``bfloat16.py``       MMPose's heads stop at bfloat16                      a cast to float32
``checkpoints.py``    checkpoints that hold more than tensors              see there
``file_backends.py``  MMEngine's file backends know no archives and    ``kpplugins.storage``
                      few addresses
``pixel_limit.py``    OpenCV decodes images of 3 GB                        its own variable of the environment
``stand_ins.py``      (no gap) the import hook that the stand-ins share
====================  ===================================================  ===================================

``install`` puts a stand-in wherever the real package is missing, and reports what it did. It imports neither torch nor
mmcv: a stand-in is loaded when its name is first imported. ``import kpplugins`` calls it.

Adding a new stand-in: write a package whose docstring names the gap and ends in "Remove when …", give it a
``provide.py`` with ``install() -> Provided`` (cheap, idempotent, deferring to the real package), and add it to
``install``.
"""

from kpplugins.compat.stand_ins import Provided

__all__ = ["Provided", "install"]


def install() -> list[Provided]:
    """Install every stand-in whose real counterpart is missing. Idempotent, light, and safe to call early.

    Call it before the first ``import mmpose`` or ``import mmcv.ops``, which need the missing names.

    Returns:
        One ``Provided`` for each gap, whether the stand-in is active or not.
    """
    from kpplugins.compat import multimodal, pixel_limit
    from kpplugins.compat.mmcv_ops import provide as mmcv_ops
    from kpplugins.compat.xtcocotools import provide as xtcocotools

    pixel_limit.install()
    return [xtcocotools.install(), mmcv_ops.install(), multimodal.install()]
