"""Annotations in memory, and the inner format on disk. Never torch.

- ``annotation_set``, ``pose_record``, ``image_info``   what a reader returns
- ``strict``, ``text_file``, ``paths``, ``images``      reading files that others wrote, without trust
- ``instances``, ``grouping``                           from keypoints and boxes to records
- ``splits``, ``split_file``, ``origins``, ``repeats``  train, val and test; crops; repeated annotations
- ``corner_votes``                                      whether boxes are stored as corners
- ``aside``                                             a folder that is complete or not there
- ``coco``                                              the inner format: COCO JSON beside images

Adding a new thing that formats share: a module here that imports ``schema`` and ``structures`` alone.
"""

from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.pose_record import PoseRecord

__all__ = ["AnnotationSet", "ImageInfo", "PoseRecord"]
