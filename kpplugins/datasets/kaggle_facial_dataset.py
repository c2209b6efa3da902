"""Kaggle's facial keypoints, straight from the downloaded file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmpose.registry import DATASETS

from kpplugins.data import PoseRecord
from kpplugins.data.splits import take_split
from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.formats.kaggle_faces.reader import (
    KAGGLE_SCHEMA,
    in_subset,
    read_faces,
    require_subset,
    training_file,
)
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError


@DATASETS.register_module()
class KaggleFacialDataset(RecordDataset):
    """Kaggle's facial-keypoints-detection, up to 15 keypoints on grey 96×96 faces.

    Reads ``training.csv`` or ``training.zip`` in ``data_root`` as downloaded; the images are inside it and stay in
    memory (9 KB each). Kaggle's test file has no labels, so all three splits are parts of the training file. The box is
    the whole image. Of the original 7,049 rows, 2,140 have all 15 keypoints and most others four; a row's absent
    keypoints have no weight in training and do not count in testing, nor do they say anything about visibility: in most
    rows nobody looked for them.

    Added keys, besides those of ``RecordDataset``: ``img`` (96, 96, 3) uint8; ``img_path`` is
    ``…/training.csv/ROW.png`` with the number of the row, a file that does not exist.

    Args:
        data_root: the folder with the training file.
        split: ``train``, ``val``, ``test`` or ``all``.
        subset: ``15`` uses rows with all 15 keypoints, ``4`` those with exactly four, ``all`` every row with a
            keypoint. A row's split does not depend on it, so models of different subsets can be compared.
        ratios: shares of the three splits. Default: 80, 10, 10.
        shuffle_seed: seed of the shuffle before splitting; ``None`` splits in the order of the file. Default: 0.
        **kwargs: see ``RecordDataset``; ``keypoints`` chooses some of the keypoints.

    Raises:
        BadInputError: no such file, a bad row (unless ``skip_bad``), or a split without rows.
    """

    METAINFO = KAGGLE_SCHEMA.to_metainfo()
    UNLABELLED_IS_ABSENT = False
    """Two rows in three are labelled with four keypoints only."""

    def __init__(
        self,
        data_root: str,
        split: str = "all",
        subset: str = "15",
        ratios: Sequence[float] = (80, 10, 10),
        shuffle_seed: int | None = 0,
        **kwargs: Any,
    ) -> None:
        self.split, self.subset, self.ratios, self.shuffle_seed = split, str(subset), ratios, shuffle_seed
        require_subset(self.subset)
        self._grey: dict[str, np.ndarray] = {}
        super().__init__(data_root=data_root, **kwargs)

    @classmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """Return the schema of the 15 keypoints."""
        return KAGGLE_SCHEMA

    @classmethod
    def classes_of(cls, cfg: dict) -> list[str]:
        """Return the only category, ``face``."""
        return ["face"]

    def load_records(self) -> list[PoseRecord]:
        """Read the faces of the split."""
        root = Path(self.data_root)
        images, reading = read_faces(root, skip_bad=self.skip_bad)
        file = training_file(root)
        rows = list(zip(images, reading.records, strict=True))
        part = take_split(rows, self.split, self.ratios, self.shuffle_seed)
        chosen = [(image, record) for image, record in part if in_subset(record, self.subset)]
        if not chosen:
            raise BadInputError(
                f"no row with subset {self.subset!r} in the {self.split} split", where=str(file)
            )
        self._grey = {str(file / record.image): image for image, record in chosen}
        return [replace(record, image=file / record.image) for _, record in chosen]

    def image(self, img_path: str) -> np.ndarray:
        """Return the image of a row, (96, 96, 3) uint8, with three equal channels."""
        return cv2.cvtColor(self._grey[img_path], cv2.COLOR_GRAY2BGR)

    def get_data_info(self, idx: int) -> dict:
        """Return the sample with its image."""
        info = super().get_data_info(idx)
        info["img"] = self.image(info["img_path"])
        return info
