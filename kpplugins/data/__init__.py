"""Annotations in memory, and the inner format on disk. Never torch.

- ``annotation_set``, ``pose_record``, ``image_info``   what a reader returns
- ``parsing``, ``images``, ``pixel_rule``               reading files that others wrote, without trusting them
- ``placement``                                         annotations of images that were turned or scaled
- ``record_builder``, ``grouping``, ``one_image``       from keypoints and boxes to records
- ``splits``, ``split_file``, ``origins``, ``repeats``  train, val and test; crops; repeated annotations
- ``aside``                                             making a folder completely or not at all
- ``coco``                                              the inner format: COCO JSON beside images

Adding a new thing that formats share: a module here that imports ``schema`` and ``structures`` alone.
"""

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.pose_record import PoseRecord

__all__ = ["AnnotationSet", "ImageInfo", "PoseRecord"]
