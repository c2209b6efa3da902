"""CAT cat faces."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpose.registry import DATASETS

from kpplugins.data import PoseRecord
from kpplugins.data.splits import take_split
from kpplugins.datasets.record_dataset import RecordDataset
from kpplugins.formats.cat import CAT_SCHEMA, read_cat
from kpplugins.schema import KeypointSchema
from kpplugins.synthetic.marker import is_drawn

logger = logging.getLogger(__name__)


@DATASETS.register_module()
class CatDataset(RecordDataset):
    """CAT (Zhang, Sun, Tang: Cat head detection, ECCV 2008), about 10,000 cat faces with nine keypoints.

    Reads ``data_root/CAT_00 … CAT_06/NAME.jpg`` + ``NAME.jpg.cat``, the layout of Kaggle's crawford/cat-dataset. CAT
    has no boxes: the box encloses all nine keypoints (whichever are chosen) with a margin, clipped to the image. A
    keypoint outside its image counts as absent.

    Args:
        data_root: the folder with ``CAT_00`` ….
        split: ``train``, ``val``, ``test`` or ``all``.
        ratios: shares of the three splits. Default: 60, 20, 20.
        shuffle_seed: seed of a shuffle before splitting; ``None`` splits in sorted order.
        folders: only these subfolders, e.g. ``['CAT_00']``.
        bbox_margin: growth of the box on each side, as a fraction of its longer side. Default: 0.1.
        **kwargs: see ``RecordDataset``; ``keypoints`` chooses some of the nine keypoints.

    Raises:
        BadInputError: no such folder, a bad file (unless ``skip_bad``), or a split without images.
    """

    METAINFO = CAT_SCHEMA.to_metainfo()

    def __init__(
        self,
        data_root: str,
        split: str = "all",
        ratios: Sequence[float] = (60, 20, 20),
        shuffle_seed: int | None = None,
        folders: Sequence[str] | None = None,
        bbox_margin: float = 0.1,
        **kwargs: Any,
    ) -> None:
        self.split, self.ratios, self.shuffle_seed = split, ratios, shuffle_seed
        self.folders = None if folders is None else tuple(folders)
        self.bbox_margin = bbox_margin
        super().__init__(data_root=data_root, **kwargs)

    @classmethod
    def full_schema_of(cls, cfg: dict) -> KeypointSchema:
        """Return the schema of the nine keypoints."""
        return CAT_SCHEMA

    def load_records(self) -> list[PoseRecord]:
        """Read the cats of the split."""
        root = Path(self.data_root)
        reading = read_cat(root, folders=self.folders, margin=self.bbox_margin, skip_bad=self.skip_bad)
        if is_drawn(root):
            logger.warning("%s holds drawn cats, not photographs: results say nothing about real cats", root)
        return take_split(reading.records, self.split, self.ratios, self.shuffle_seed)
