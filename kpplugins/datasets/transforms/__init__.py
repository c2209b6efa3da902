"""Pipeline steps, registered in MMPose's ``TRANSFORMS``.

The map: ``LoadCachedImage`` (decodes each image once), ``RandomBoxTransform`` (MMPose's box augmentation, faster),
``CropAroundKeypoints`` (the CAT recipe's crop), ``RandomCutout`` (holes in the image), ``Albumentation`` (MMPose's,
without the package), ``WeighKeypoints`` (weights of keypoints in the loss); for whole images with all their instances
``ImageAffine``, ``RandomImageAffine``, ``PackImageInputs`` and ``BoxesForDetection`` (for MMDetection's models).

Adding a new step: one file with a subclass of MMCV's ``BaseTransform``, imported here.
"""

from kpplugins.datasets.transforms.albumentation import Albumentation
from kpplugins.datasets.transforms.boxes_for_detection import BoxesForDetection
from kpplugins.datasets.transforms.crop_around_keypoints import CropAroundKeypoints
from kpplugins.datasets.transforms.image_affine import ImageAffine
from kpplugins.datasets.transforms.load_cached_image import LoadCachedImage
from kpplugins.datasets.transforms.pack_image_inputs import PackImageInputs
from kpplugins.datasets.transforms.random_box_transform import RandomBoxTransform
from kpplugins.datasets.transforms.random_cutout import RandomCutout
from kpplugins.datasets.transforms.random_image_affine import RandomImageAffine
from kpplugins.datasets.transforms.weigh_keypoints import WeighKeypoints

__all__ = [
    "Albumentation",
    "BoxesForDetection",
    "CropAroundKeypoints",
    "LoadCachedImage",
    "PackImageInputs",
    "ImageAffine",
    "RandomBoxTransform",
    "RandomCutout",
    "RandomImageAffine",
    "WeighKeypoints",
]
