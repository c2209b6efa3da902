"""Pipeline steps, registered in MMPose's ``TRANSFORMS``.

The map: ``LoadCachedImage``. Adding a new step: one class a file over MMCV's ``BaseTransform``, imported here.
"""

from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage

__all__ = ["LoadCachedImage"]
