"""Dataset classes, registered in MMPose's ``DATASETS``.

The map: ``CatDataset`` (CAT cat faces), ``CocoPersonDataset`` (COCO's persons as downloaded),
``CustomKeypointDataset`` (any keypoints, in the inner format), ``KaggleFacialDataset`` (Kaggle's facial keypoints as
downloaded), ``RecordDataset`` (the base of those that a converter reads), ``transforms`` (pipeline steps). Each dataset
offers ``schema_of(cfg)``, the ``KeypointSchema`` that a dataset of that config will have; ``apis.config`` sizes the
model by it.

Adding a new dataset: a reader in ``converters``, then a class here that turns its records into data infos through
``RecordDataset`` and names its schema.
"""

from kpplugins.datasets import transforms
from kpplugins.datasets.cat_dataset import CatDataset
from kpplugins.datasets.coco_person_dataset import CocoPersonDataset
from kpplugins.datasets.custom_keypoint_dataset import CustomKeypointDataset
from kpplugins.datasets.kaggle_facial_dataset import KaggleFacialDataset
from kpplugins.datasets.record_dataset import RecordDataset

__all__ = [
    "CatDataset",
    "CocoPersonDataset",
    "CustomKeypointDataset",
    "KaggleFacialDataset",
    "RecordDataset",
    "transforms",
]
