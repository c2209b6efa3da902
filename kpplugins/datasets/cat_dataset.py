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
    """CAT (Zhang, Sun, Tang: Cat head detection, ECCV 2008), about 10,000 cat faces with nine points.

    Reads ``data_root/CAT_00 … CAT_06/NAME.jpg`` + ``NAME.jpg.cat`` as Kaggle's crawford/cat-dataset unpacks. CAT has
    no boxes: the box is the one around all nine points (whichever are chosen) plus a margin, cut to the image. A
    point outside its image counts as unlabelled.

    Args:
        data_root: the folder with ``CAT_00`` ….
        split: ``train``, ``val``, ``test`` or ``all``.
        ratios: shares of the three splits of all cats in sorted order. Default: 60, 20, 20.
        shuffle_seed: ``None`` splits in sorted order without shuffling; a number shuffles reproducibly first.
        folders: only these subfolders, e.g. ``['CAT_00']``.
        bbox_margin: growth of the box on each side, as a fraction of its longer side. Default: 0.1.
        **kwargs: see ``RecordDataset``; ``keypoints`` chooses some of the nine points.

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
        """The nine points."""
        return CAT_SCHEMA

    def load_records(self) -> list[PoseRecord]:
        """The cats of the split."""
        root = Path(self.data_root)
        reading = read_cat(root, folders=self.folders, margin=self.bbox_margin, skip_bad=self.skip_bad)
        if is_drawn(root):
            logger.warning("%s holds drawn cats, not photographs: results say nothing about real cats", root)
        return take_split(reading.records, self.split, self.ratios, self.shuffle_seed)
