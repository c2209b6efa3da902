"""Pipeline steps, registered in MMPose's ``TRANSFORMS``.

The map: ``LoadCachedImage`` (decodes each picture once), ``RandomBoxTransform`` (MMPose's box augmentation, faster),
``CropAroundKeypoints`` (the CAT recipe's cut), ``RandomCutout`` (holes in the picture). Adding a new step: one class a
file over MMCV's ``BaseTransform``, imported here.
"""

from kpplugins.datasets.transforms.crop_around_keypoints import CropAroundKeypoints
from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage
from kpplugins.datasets.transforms.random_box_transform import RandomBoxTransform
from kpplugins.datasets.transforms.random_cutout import RandomCutout

__all__ = ["CropAroundKeypoints", "LoadCachedImage", "RandomBoxTransform", "RandomCutout"]
