"""Dataset classes, registered in MMPose's ``DATASETS``.

The map: ``CatDataset`` (CAT cat faces), ``CocoPersonDataset`` (COCO's persons as downloaded),
``CustomKeypointDataset`` (any keypoints, in the inner format), ``KaggleFacialDataset`` (Kaggle's facial keypoints as
downloaded), ``RecordDataset`` (their base class), ``sample_index`` and ``whole_samples`` (what is kept of a sample, and
all of it), ``wrapped`` (the datasets inside wrappers), ``transforms`` (pipeline steps). Each dataset class has
``schema_of(cfg)``, which returns the ``KeypointSchema`` of a dataset built from ``cfg``; ``config.fit`` sets the size
of the model from it.

Adding a new dataset: a reader in ``formats``, then a subclass of ``RecordDataset`` here that loads its records and
returns its schema.
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
