"""Pipeline steps, registered in MMPose's ``TRANSFORMS``.

The map: ``LoadCachedImage`` (decodes each picture once), ``RandomBoxTransform`` (MMPose's ``RandomBBoxTransform``,
faster). Adding a new step: one class a file over MMCV's ``BaseTransform``, imported here.
"""

from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage
from kpplugins.datasets.transforms.random_box_transform import RandomBoxTransform

__all__ = ["LoadCachedImage", "RandomBoxTransform"]
