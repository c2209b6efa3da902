"""Pipeline steps, registered in MMPose's ``TRANSFORMS``.

The map: ``LoadCachedImage`` (decodes each picture once), ``RandomBoxTransform`` (MMPose's box augmentation, faster),
``CropAroundKeypoints`` (the CAT recipe's cut), ``RandomCutout`` (holes in the picture); for whole pictures with all
their instances ``PictureAffine``, ``RandomPictureAffine`` and ``PackPictureInputs``. Adding a new step: one class a
file over MMCV's ``BaseTransform``, imported here.
"""

from kpplugins.datasets.transforms.boxes_for_detection import BoxesForDetection
from kpplugins.datasets.transforms.crop_around_keypoints import CropAroundKeypoints
from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage
from kpplugins.datasets.transforms.pack_picture_inputs import PackPictureInputs
from kpplugins.datasets.transforms.picture_affine import PictureAffine
from kpplugins.datasets.transforms.random_box_transform import RandomBoxTransform
from kpplugins.datasets.transforms.random_cutout import RandomCutout
from kpplugins.datasets.transforms.random_picture_affine import RandomPictureAffine

__all__ = [
    "BoxesForDetection",
    "CropAroundKeypoints",
    "LoadCachedImage",
    "PackPictureInputs",
    "PictureAffine",
    "RandomBoxTransform",
    "RandomCutout",
    "RandomPictureAffine",
]
